// SPDX-License-Identifier: Apache-2.0
#include "codec/json.h"
#include <inttypes.h>
#include <stdio.h>
#include "base/mem.h"
#include "codec/utf8.h"

/* --- reading --- */

/* jansson descends by recursion, so the depth is judged before it sees the text. Brackets inside strings do not count. */
static int check_depth(struct str text, struct err *e) {
    unsigned depth = 0, line = 1;
    bool in_string = false;
    size_t line_start = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
        } else if (in_string) {
            i += c == '\\'; /* skips what is escaped, a quote perhaps */
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH)
                return err_set(e, WEFT_E_TOO_DEEP, "line %u, column %zu: nested more than %d deep", line, i - line_start + 1,
                               JSON_DEPTH);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

/* Prints the names that lead to the value which ends at `end`, outermost first. */
static void print_names(struct buf *out, struct str text, size_t end) {
    struct str name[JSON_DEPTH + 1] = {0}, last = STR_NONE;
    size_t depth = 0;
    for (size_t i = 0; i < end && i < text.len; i++) {
        size_t start = i + 1;
        switch (text.ptr[i]) {
        case '"':
            while (++i < text.len && text.ptr[i] != '"')
                i += text.ptr[i] == '\\';
            last = str_n(text.ptr + start, (i < text.len ? i : text.len) - start);
            break;
        case ':': name[depth] = last; break;
        case '[':
        case '{': name[++depth] = STR_NONE; break; /* check_depth has counted */
        case ']':
        case '}': depth -= depth > 0; break;
        default: break;
        }
    }
    for (size_t i = 0; i <= depth; i++)
        if (name[i].len)
            buf_fmt(out, "%s" STR_FMT, out->len ? "." : "", STR_ARG(str_first(name[i], 60)));
}

int json_parse(json_t **out, struct str text, struct err *e) {
    *out = NULL;
    int rc = check_depth(text, e);
    if (rc < 0)
        return rc;
    json_error_t why;
    *out = json_loadb(text.len ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (*out)
        return 0;
    bool nul = json_error_code(&why) == json_error_null_character; /* its text speaks of an option of the library's */
    struct buf names = {0};
    if (nul || json_error_code(&why) == json_error_numeric_overflow) /* well-formed, so that a person asks which field it is */
        print_names(&names, text, (size_t)why.position);
    rc = err_set(e, WEFT_E_PARSE, "line %d, column %d: " STR_FMT "%s%s", why.line, why.column,
                 STR_ARG(str_first(buf_str(&names), 120)), names.len ? ": " : "", nul ? "NUL in a string" : why.text);
    buf_fini(&names);
    return rc;
}

/* --- writing --- */

static void print_escape(struct buf *out, unsigned char c) {
    static const char shorts[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (c < sizeof(shorts) && shorts[c])
        buf_add(out, str_n((char[2]){'\\', shorts[c]}, 2));
    else
        buf_fmt(out, "\\u%04x", c);
}

void json_print_str(struct buf *out, struct str s) {
    buf_addc(out, '"');
    size_t start = 0; /* of the octets that go out as they are, in one piece */
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = c < 0x80 ? 1 : utf8_len(str_from(s, i));
        if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += n;
            continue;
        }
        buf_add(out, str_n(s.ptr + start, i - start));
        if (n > 0)
            print_escape(out, c);
        else
            buf_add(out, UTF8_REPLACEMENT);
        start = ++i;
    }
    buf_add(out, str_from(s, start));
    buf_addc(out, '"');
}

void json_print_real(struct buf *out, double v) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_add(out, str_of(text));
    if (!strpbrk(text, ".e"))
        buf_add(out, STR(".0"));
}

static void print_break(struct buf *out, int indent) {
    if (indent >= 0)
        buf_fmt(out, "\n%*s", 2 * indent, "");
}

static void print_value(struct buf *out, const json_t *v, int indent);

/* indent < 0: everything in one line. */
static void print_object(struct buf *out, const json_t *v, int indent) {
    int inner = indent < 0 ? indent : indent + 1;
    const char *key, *sep = "{";
    json_t *item;
    json_object_foreach((json_t *)v, key, item) {
        buf_addc(out, *sep);
        sep = ",";
        print_break(out, inner);
        json_print_str(out, str_of(key));
        buf_add(out, indent < 0 ? STR(":") : STR(": "));
        print_value(out, item, inner);
    }
    if (*sep == '{')
        buf_addc(out, '{');
    else
        print_break(out, indent);
    buf_addc(out, '}');
}

static void print_array(struct buf *out, const json_t *v, int indent) {
    int inner = indent < 0 ? indent : indent + 1;
    size_t n = json_array_size(v);
    buf_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(out, ',');
        print_break(out, inner);
        print_value(out, json_array_get(v, i), inner);
    }
    if (n > 0)
        print_break(out, indent);
    buf_addc(out, ']');
}

static void print_value(struct buf *out, const json_t *v, int indent) {
    switch (json_typeof(v)) {
    case JSON_OBJECT: print_object(out, v, indent); break;
    case JSON_ARRAY: print_array(out, v, indent); break;
    case JSON_STRING: json_print_str(out, json_to_str(v)); break;
    case JSON_INTEGER: buf_fmt(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
    case JSON_REAL: json_print_real(out, json_real_value(v)); break;
    case JSON_TRUE: buf_add(out, STR("true")); break;
    case JSON_FALSE: buf_add(out, STR("false")); break;
    case JSON_NULL: buf_add(out, STR("null")); break;
    }
}

void json_print(struct buf *out, const json_t *v, bool pretty) {
    print_value(out, v, pretty ? 0 : -1);
    if (pretty)
        buf_addc(out, '\n');
}

/* --- values --- */

json_t *json_of_str(struct str s) {
    struct buf fixed = {0};
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_len(str_from(s, i));
        buf_add(&fixed, n ? str_n(s.ptr + i, n) : UTF8_REPLACEMENT);
        i += n ? n : 1;
    }
    json_t *v = json_stringn(fixed.len ? buf_str(&fixed).ptr : "", fixed.len);
    buf_fini(&fixed);
    WEFT_ASSERT(v); /* out of memory */
    return v;
}

/* RFC 7386 §2, in place: *target is ours alone. */
static void merge(json_t **target, const json_t *patch) {
    if (!json_is_object(patch)) {
        json_decref(*target);
        *target = json_deep_copy(patch);
        WEFT_ASSERT(*target);
        return;
    }
    if (!json_is_object(*target)) {
        json_decref(*target);
        *target = json_object();
    }
    const char *key;
    json_t *change;
    json_object_foreach((json_t *)patch, key, change) {
        if (json_is_null(change)) {
            json_object_del(*target, key);
            continue;
        }
        json_t *member = json_incref(json_object_get(*target, key));
        merge(&member, change);
        WEFT_ASSERT(json_object_set_new(*target, key, member) == 0);
    }
}

json_t *json_merge_patch(const json_t *target, const json_t *patch) {
    json_t *result = target ? json_deep_copy(target) : json_null();
    WEFT_ASSERT(result);
    merge(&result, patch);
    return result;
}
