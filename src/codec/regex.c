// SPDX-License-Identifier: Apache-2.0
#include "codec/regex.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "base/buf.h"
#include "base/mem.h"

#define PATTERN_MAX 4096u  /* octets */
#define PARENS_MAX 100u    /* nested groups */
#define STEPS_MAX 100000u  /* of one match: some milliseconds at worst */
#define DEPTH_MAX 20000u   /* nested backtracking points; a repeated group takes one a turn */
#define HEAP_MAX_KIB 4096u /* of one match */

struct regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static pcre2_code *compile(struct str pattern, uint32_t anchors, int *code, PCRE2_SIZE *at) {
    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    WEFT_ASSERT(ctx); /* out of memory */
    pcre2_set_parens_nest_limit(ctx, PARENS_MAX);
    /* NEVER_UTF: else a pattern could begin with (*UTF), and match nothing where a header is not UTF-8. */
    uint32_t options = anchors | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)(pattern.len ? pattern.ptr : ""), pattern.len, options, code, at, ctx);
    pcre2_compile_context_free(ctx);
    return re;
}

static pcre2_match_context *new_limits(void) {
    pcre2_match_context *ctx = pcre2_match_context_create(NULL);
    WEFT_ASSERT(ctx); /* out of memory */
    pcre2_set_match_limit(ctx, STEPS_MAX);
    pcre2_set_depth_limit(ctx, DEPTH_MAX);
    pcre2_set_heap_limit(ctx, HEAP_MAX_KIB);
    return ctx;
}

static int new_regex(struct regex **out, struct str pattern, uint32_t anchors, struct err *e) {
    *out = NULL;
    if (pattern.len > PATTERN_MAX)
        return err_set(e, WEFT_E_TOO_LARGE, "regular expression: longer than %u octets", PATTERN_MAX);
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re = compile(pattern, anchors, &code, &at);
    if (!re) {
        unsigned char text[128];
        pcre2_get_error_message(code, text, sizeof(text));
        return err_set(e, WEFT_E_INVALID, "regular expression, at octet %zu: %s", (size_t)at, (char *)text);
    }
    *out = mem_new(struct regex);
    (*out)->code = re;
    (*out)->limits = new_limits();
    return 0;
}

int regex_new(struct regex **out, struct str pattern, struct err *e) {
    return new_regex(out, pattern, PCRE2_ANCHORED | PCRE2_ENDANCHORED, e);
}

int regex_new_anywhere(struct regex **out, struct str pattern, struct err *e) {
    return new_regex(out, pattern, 0, e);
}

void regex_free(struct regex **r) {
    if (!*r)
        return;
    pcre2_code_free((*r)->code);
    pcre2_match_context_free((*r)->limits);
    free(*r);
    *r = NULL;
}

bool regex_match(const struct regex *r, struct str subject) {
    pcre2_match_data *md = pcre2_match_data_create(1, NULL);
    WEFT_ASSERT(md); /* out of memory */
    int rc = pcre2_match(r->code, (PCRE2_SPTR)(subject.len ? subject.ptr : ""), subject.len, 0, 0, md, r->limits);
    pcre2_match_data_free(md);
    return rc >= 0; /* 0: matched, with more groups than we asked for */
}

/* ---- replacing ---- */
bool regex_substitution_ok(const struct regex *r, struct str substitution) {
    uint32_t groups = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    for (size_t i = 0; i < substitution.len; i++) {
        if (substitution.ptr[i] != '\\')
            continue;
        char c = ++i < substitution.len ? substitution.ptr[i] : 0;
        if (c != '\\' && (c < '0' || c > '9' || (uint32_t)(c - '0') > groups))
            return false;
    }
    return true;
}

static void add_substitution(struct buf *out, struct str subject, struct str substitution, const PCRE2_SIZE *at, uint32_t pairs) {
    for (size_t i = 0; i < substitution.len; i++) {
        char c = substitution.ptr[i];
        if (c != '\\' || i + 1 == substitution.len) {
            buf_addc(out, c);
            continue;
        }
        c = substitution.ptr[++i];
        uint32_t group = (uint32_t)(c - '0');
        if (c == '\\')
            buf_addc(out, c);
        else if (group < pairs && at[2 * group] != PCRE2_UNSET)
            buf_add(out, str_n(subject.ptr + at[2 * group], at[2 * group + 1] - at[2 * group]));
    }
}

/* How many matches were replaced; negative when one could not be judged. */
static int replace_all(const struct regex *r, struct str subject, struct str substitution, pcre2_match_data *md,
                       struct buf *out) {
    size_t from = 0, copied = 0;
    int n = 0, rc;
    while (from <= subject.len && out->len <= REGEX_RESULT &&
           (rc = pcre2_match(r->code, (PCRE2_SPTR)subject.ptr, subject.len, from, 0, md, r->limits)) != PCRE2_ERROR_NOMATCH) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(md);
        if (rc < 0)
            return rc;
        if (n && at[1] == copied) { /* empty, where the last match ended: RE2 has no match there */
            from = copied + 1;
            continue;
        }
        buf_add(out, str_n(subject.ptr + copied, at[0] - copied));
        add_substitution(out, subject, substitution, at, pcre2_get_ovector_count(md));
        copied = at[1];
        from = at[1] > at[0] ? at[1] : at[1] + 1; /* past an empty match, what it skips is copied later */
        n++;
    }
    buf_add(out, str_from(subject, copied));
    return n;
}

bool regex_replace(const struct regex *r, struct str subject, struct str substitution, struct arena *a, struct str *out) {
    pcre2_match_data *md = pcre2_match_data_create_from_pattern(r->code, NULL);
    WEFT_ASSERT(md); /* out of memory */
    struct buf b = {0};
    if (!subject.len)
        subject = STR("");
    int n = replace_all(r, subject, substitution, md, &b);
    pcre2_match_data_free(md);
    bool done = n > 0 && b.len <= REGEX_RESULT;
    *out = done ? arena_dup(a, buf_str(&b)) : subject;
    buf_fini(&b);
    return done;
}
