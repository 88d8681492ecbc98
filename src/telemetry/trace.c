// SPDX-License-Identifier: Apache-2.0
#include "telemetry/trace.h"
#include "base/rand.h"
#include "codec/msg.h"

#define PARENT_LEN 55u /* "00-" 32 "-" 16 "-" 2 */
#define STATE_MEMBERS_MAX 32u
#define FLAG_SAMPLED 1u

/* --- hexadecimal, lower case only, as both formats ask --- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(uint8_t *out, size_t n, struct str s) {
    if (s.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(s.ptr[2 * i]), low = hex_digit(s.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static char *format_hex(char *out, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        *out++ = "0123456789abcdef"[bytes[i] >> 4];
        *out++ = "0123456789abcdef"[bytes[i] & 15];
    }
    return out;
}

static bool is_zero(const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

static struct str sub(struct str s, size_t from, size_t len) {
    return str_first(str_from(s, from), len);
}

/* --- W3C --- */

/* §3.2.4: version 00 is exactly 55 octets; later ones may go on behind a dash; ff is none. */
static bool version_ok(struct str s) {
    uint8_t version;
    if (s.len < PARENT_LEN || !parse_hex(&version, 1, str_first(s, 2)) || version == 0xff)
        return false;
    return s.len == PARENT_LEN || (version > 0 && s.ptr[PARENT_LEN] == '-');
}

bool trace_parse_parent(struct trace *t, struct str s) {
    struct trace got = *t;
    uint8_t flags;
    if (!version_ok(s) || s.ptr[2] != '-' || s.ptr[35] != '-' || s.ptr[52] != '-')
        return false;
    if (!parse_hex(got.id, 16, sub(s, 3, 32)) || !parse_hex(got.span, 8, sub(s, 36, 16)) || !parse_hex(&flags, 1, sub(s, 53, 2)))
        return false;
    if (is_zero(got.id, 16) || is_zero(got.span, 8))
        return false;
    got.known = true;
    got.sampling = flags & FLAG_SAMPLED ? TRACE_ON : TRACE_OFF;
    *t = got;
    return true;
}

void trace_format_parent(const struct trace *t, char out[56]) {
    char *at = out;
    memcpy(at, "00-", 3);
    at = format_hex(at + 3, t->id, 16);
    *at++ = '-';
    at = format_hex(at, t->span, 8);
    /* §3.2.2.5: flags that we do not know are sent as zeros. */
    memcpy(at, t->sampling == TRACE_ON ? "-01" : "-00", 4);
}

static bool is_key_start(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool key_rest_ok(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_key_start(s.ptr[i]) && !is_digit(s.ptr[i]) && !memchr("_-*/", s.ptr[i], 4))
            return false;
    return true;
}

/* §3.3.1.3.1: "key", at most 256, or "tenant@system", at most 241 and 14. */
static bool key_ok(struct str key) {
    ptrdiff_t at = str_chr(key, '@');
    if (at < 0)
        return key.len >= 1 && key.len <= 256 && is_key_start(key.ptr[0]) && key_rest_ok(key);
    struct str tenant = str_first(key, (size_t)at), system = str_from(key, (size_t)at + 1);
    return tenant.len >= 1 && tenant.len <= 241 && (is_key_start(tenant.ptr[0]) || is_digit(tenant.ptr[0])) &&
           key_rest_ok(tenant) && system.len >= 1 && system.len <= 14 && is_key_start(system.ptr[0]) && key_rest_ok(system);
}

/* §3.3.1.3.2: printable ASCII but comma and equals sign, not ending in a space. */
static bool value_ok(struct str value) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '=')
            return false;
    }
    return value.len >= 1 && value.len <= 256 && value.ptr[value.len - 1] != ' ';
}

static bool seen_before(const struct str *keys, unsigned n, struct str key) {
    for (unsigned i = 0; i < n; i++)
        if (str_eq(keys[i], key))
            return true;
    return false;
}

bool trace_state_ok(struct str rest) {
    struct str keys[STATE_MEMBERS_MAX];
    unsigned n = 0;
    while (rest.ptr) {
        struct str member = str_trim(str_cut(&rest, ','));
        if (member.len == 0)
            continue; /* allowed, so that lists can be joined without thought */
        ptrdiff_t equals = str_chr(member, '=');
        struct str key = str_first(member, equals < 0 ? 0 : (size_t)equals);
        if (n == STATE_MEMBERS_MAX || !key_ok(key) || !value_ok(str_from(member, key.len + 1)) || seen_before(keys, n, key))
            return false;
        keys[n++] = key;
    }
    return true;
}

/* --- B3 --- */

static bool parse_b3_id(uint8_t id[16], struct str s) {
    memset(id, 0, 16);
    /* 64 bits stand for 128 with zeros in front. */
    return (s.len == 16 ? parse_hex(id + 8, 8, s) : parse_hex(id, 16, s)) && !is_zero(id, 16);
}

static bool parse_b3_sampling(enum trace_sampling *out, struct str s) {
    if (str_eq(s, STR("0")) || str_eq(s, STR("false")))
        *out = TRACE_OFF;
    else if (str_eq(s, STR("1")) || str_eq(s, STR("d")) || str_eq(s, STR("true")))
        *out = TRACE_ON; /* d is debug: sampled whatever the ratio */
    else
        return false;
    return true;
}

bool trace_parse_b3(struct trace *t, struct str s) {
    struct trace got = *t;
    uint8_t parent[8];
    got.b3 = TRACE_B3_SINGLE;
    bool only_sampling = s.len == 1;
    if (only_sampling && !parse_b3_sampling(&got.sampling, s))
        return false;
    if (!only_sampling) {
        struct str rest = s, id = str_cut(&rest, '-'), span = str_cut(&rest, '-'), sampling = STR_NONE;
        if (!parse_b3_id(got.id, id) || !parse_hex(got.span, 8, span) || is_zero(got.span, 8))
            return false;
        if (rest.ptr)
            sampling = str_cut(&rest, '-');
        if (sampling.ptr && (sampling.len != 1 || !parse_b3_sampling(&got.sampling, sampling)))
            return false;
        if (rest.ptr && !parse_hex(parent, 8, rest))
            return false;
        got.known = true;
    }
    *t = got;
    return true;
}

/* The value of a header that is there once; ptr NULL otherwise. */
static struct str only(const struct msg_fields *f, const char *name) {
    struct str value = STR_NONE, wanted = str_of(name);
    unsigned n = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (str_ieq(f->at[i].name, wanted) && ++n)
            value = f->at[i].value;
    return n == 1 ? value : STR_NONE;
}

static void read_b3_multi(struct trace *t, const struct msg_fields *f) {
    struct trace got = *t;
    struct str id = only(f, "x-b3-traceid"), span = only(f, "x-b3-spanid"), sampled = only(f, "x-b3-sampled");
    bool known = id.ptr && span.ptr && parse_b3_id(got.id, id) && parse_hex(got.span, 8, span) && !is_zero(got.span, 8);
    bool decided = sampled.ptr && parse_b3_sampling(&got.sampling, sampled);
    if (str_eq(only(f, "x-b3-flags"), STR("1"))) { /* debug implies sampled */
        got.sampling = TRACE_ON;
        decided = true;
    }
    if (!known && !decided)
        return;
    got.b3 = TRACE_B3_MULTI;
    got.known = known;
    if (!known) {
        memset(got.id, 0, sizeof(got.id));
        memset(got.span, 0, sizeof(got.span));
    }
    *t = got;
}

/* --- headers of a message --- */

void trace_read(struct trace *t, const struct msg_fields *f, struct arena *a) {
    struct trace b3 = {0};
    *t = (struct trace){0};
    struct str single = only(f, "b3");
    if (!single.ptr || !trace_parse_b3(&b3, single))
        read_b3_multi(&b3, f);
    struct str parent = only(f, "traceparent");
    if (!parent.ptr || !trace_parse_parent(t, parent)) {
        *t = b3;
        return;
    }
    t->b3 = b3.b3; /* passed on in that form too, with the ids of the W3C header */
    struct str state = msg_join(f, HDR_TRACESTATE, STR(","), a);
    if (trace_state_ok(state))
        t->state = state;
}

static void random_bytes(uint8_t *out, size_t n, struct rand *r) {
    do
        for (size_t i = 0; i < n; i += 8) {
            uint64_t v = rand_u64(r);
            memcpy(out + i, &v, 8);
        }
    while (is_zero(out, n));
}

static bool sampled(const uint8_t id[16], double ratio) {
    uint64_t low = 0; /* the part that is random in 64-bit ids as well */
    for (int i = 8; i < 16; i++)
        low = low << 8 | id[i];
    return (double)(low >> 11) < ratio * 9007199254740992.0; /* 2^53: exact in a double */
}

void trace_child(struct trace *t, const struct trace *from, struct rand *r, double ratio) {
    struct trace child = *from;
    if (from->known)
        memcpy(child.parent, from->span, sizeof(child.parent));
    else
        random_bytes(child.id, sizeof(child.id), r);
    random_bytes(child.span, sizeof(child.span), r);
    child.known = true;
    if (child.sampling == TRACE_UNDECIDED)
        child.sampling = sampled(child.id, ratio) ? TRACE_ON : TRACE_OFF;
    *t = child;
}

static struct str hex(struct arena *a, const uint8_t *bytes, size_t n) {
    char *text = arena_alloc(a, 2 * n);
    format_hex(text, bytes, n);
    return str_n(text, 2 * n);
}

static void write_b3(const struct trace *t, struct msg_fields *f, struct arena *a) {
    struct str id = hex(a, t->id, 16), span = hex(a, t->span, 8), on = t->sampling == TRACE_ON ? STR("1") : STR("0");
    bool root = is_zero(t->parent, 8);
    struct str parent = root ? STR_NONE : hex(a, t->parent, 8);
    if (t->b3 == TRACE_B3_SINGLE) {
        const char *dash = root ? "" : "-";
        msg_add(f, a, HDR_B3,
                arena_fmt(a, STR_FMT "-" STR_FMT "-" STR_FMT "%s" STR_FMT, STR_ARG(id), STR_ARG(span), STR_ARG(on), dash,
                          STR_ARG(parent)));
    } else if (t->b3 == TRACE_B3_MULTI) {
        msg_add(f, a, HDR_X_B3_TRACEID, id);
        msg_add(f, a, HDR_X_B3_SPANID, span);
        msg_add(f, a, HDR_X_B3_SAMPLED, on);
        if (!root)
            msg_add_name(f, a, STR("x-b3-parentspanid"), parent);
    }
}

void trace_write(const struct trace *t, struct msg_fields *f, struct arena *a) {
    static const char *const names[] = {"traceparent",  "tracestate",        "b3",        "x-b3-traceid", "x-b3-spanid",
                                        "x-b3-sampled", "x-b3-parentspanid", "x-b3-flags"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        msg_remove_name(f, str_of(names[i]));
    char parent[56];
    trace_format_parent(t, parent);
    msg_add(f, a, HDR_TRACEPARENT, arena_dup(a, str_n(parent, PARENT_LEN)));
    if (t->state.len)
        msg_add(f, a, HDR_TRACESTATE, t->state);
    write_b3(t, f, a);
}
