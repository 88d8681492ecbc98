// SPDX-License-Identifier: Apache-2.0
#include "codec/regex.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
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

static pcre2_code *compile(struct str pattern, int *code, PCRE2_SIZE *at) {
    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    WEFT_ASSERT(ctx); /* out of memory */
    pcre2_set_parens_nest_limit(ctx, PARENS_MAX);
    /* NEVER_UTF: else a pattern could begin with (*UTF), and match nothing where a header is not UTF-8. */
    uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
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

int regex_new(struct regex **out, struct str pattern, struct err *e) {
    *out = NULL;
    if (pattern.len > PATTERN_MAX)
        return err_set(e, WEFT_E_TOO_LARGE, "regular expression: longer than %u octets", PATTERN_MAX);
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re = compile(pattern, &code, &at);
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
