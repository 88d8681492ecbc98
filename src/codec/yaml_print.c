// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include "base/mem.h"
#include "codec/utf8.h"
#include "codec/yaml.h"

#define SIMPLE_KEY_MAX 1000 /* octets; YAML 1.1 §7.3: a key in one line has at most 1,024 characters */

/* Words that some YAML 1.1 reader takes for a boolean or null. */
static bool is_reserved(struct str s) {
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_ieq(s, str_of(words[i])))
            return true;
    return false;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* True when the text can stand without quotes, for us and for every other reader: rather too few than too many. */
static bool is_plain(struct str s) {
    if (s.len == 0 || !(is_letter(s.ptr[0]) || s.ptr[0] == '/' || s.ptr[0] == '_') || is_reserved(s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool inside = i + 1 < s.len && s.ptr[i + 1] != ' ';
        if (!is_letter(c) && !(c >= '0' && c <= '9') && !strchr("_./-", c) && !((c == ':' || c == ' ') && inside))
            return false;
    }
    return !memchr(s.ptr, '\0', s.len);
}

/* Characters that YAML does not let stand as they are, or folds as line breaks (YAML 1.1 §5.1, §5.4). */
static bool must_escape(uint32_t code) {
    return code < 0x20 || code == '"' || code == '\\' || (code >= 0x7f && code <= 0xa0) || code == 0x2028 || code == 0x2029 ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

static void print_str(struct buf *out, struct str s) {
    if (is_plain(s)) {
        buf_add(out, s);
        return;
    }
    buf_addc(out, '"');
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_len(str_from(s, i)); /* never 0: jansson holds nothing but UTF-8 */
        WEFT_ASSERT(n > 0);
        uint32_t code = utf8_code(str_from(s, i));
        if (must_escape(code))
            buf_fmt(out, "\\u%04" PRIx32, code);
        else
            buf_add(out, str_n(s.ptr + i, n));
    }
    buf_addc(out, '"');
}

static void print_indent(struct buf *out, int indent) {
    buf_fmt(out, "%*s", indent, "");
}

static bool is_block(const json_t *v) {
    return json_object_size(v) > 0 || json_array_size(v) > 0;
}

static void print_inline(struct buf *out, const json_t *v) {
    if (json_is_string(v))
        print_str(out, json_to_str(v));
    else
        json_print(out, v, false);
    buf_addc(out, '\n');
}

static void print_block(struct buf *out, const json_t *v, int indent);

/* The key, and what stands between it and its value. */
static void print_key(struct buf *out, struct str key, int indent) {
    size_t before = out->len;
    print_str(out, key);
    if (out->len - before <= SIMPLE_KEY_MAX) {
        buf_addc(out, ':');
        return;
    }
    buf_cut(out, before);
    buf_add(out, STR("? "));
    print_str(out, key);
    buf_addc(out, '\n');
    print_indent(out, indent);
    buf_addc(out, ':');
}

static void print_members(struct buf *out, const json_t *v, int indent) {
    const char *key;
    json_t *item;
    bool first = true; /* stands where the caller left off, perhaps behind a dash */
    json_object_foreach((json_t *)v, key, item) {
        if (!first)
            print_indent(out, indent);
        first = false;
        print_key(out, str_of(key), indent);
        buf_addc(out, is_block(item) ? '\n' : ' ');
        if (is_block(item)) {
            print_indent(out, indent + 2);
            print_block(out, item, indent + 2);
        } else {
            print_inline(out, item);
        }
    }
}

static void print_items(struct buf *out, const json_t *v, int indent) {
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (i > 0)
            print_indent(out, indent);
        buf_add(out, STR("- "));
        print_block(out, json_array_get(v, i), indent + 2);
    }
}

/* The cursor already stands at `indent`. */
static void print_block(struct buf *out, const json_t *v, int indent) {
    if (!is_block(v))
        print_inline(out, v);
    else if (json_is_object(v))
        print_members(out, v, indent);
    else
        print_items(out, v, indent);
}

void yaml_print(struct buf *out, const json_t *v) {
    print_block(out, v, 0);
}
