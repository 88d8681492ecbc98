// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

bool str_ieq(struct str a, struct str b) {
    return a.len == b.len && str_istarts(a, b);
}

int str_cmp(struct str a, struct str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq(str_first(s, prefix.len), prefix);
}

/* Eight octets, capital letters made small: an octet's high bit tells whether it is above '@' and not above 'Z'. */
static inline uint64_t lower_word(const char *p) {
    const uint64_t each = 0x0101010101010101u, high = each << 7;
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    uint64_t low = w & ~high, capital = (low + each * (0x80 - 'A')) & ~(low + each * (0x7f - 'Z')) & ~w & high;
    return w | capital >> 2;
}

bool str_istarts(struct str s, struct str prefix) {
    size_t i = 0;
    if (s.len < prefix.len)
        return false;
    for (; i + 8 <= prefix.len; i += 8)
        if (lower_word(s.ptr + i) != lower_word(prefix.ptr + i))
            return false;
    for (; i < prefix.len; i++)
        if (str_lower_c(s.ptr[i]) != str_lower_c(prefix.ptr[i]))
            return false;
    return true;
}

bool str_ends(struct str s, struct str suffix) {
    return s.len >= suffix.len && (suffix.len == 0 || str_eq(str_from(s, s.len - suffix.len), suffix));
}

ptrdiff_t str_chr(struct str s, char c) {
    const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return p ? p - s.ptr : -1;
}

ptrdiff_t str_rchr(struct str s, char c) {
    const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return p ? p - s.ptr : -1;
}

ptrdiff_t str_find(struct str s, struct str part) {
    if (part.len == 0)
        return 0;
    const char *p = s.len ? memmem(s.ptr, s.len, part.ptr, part.len) : NULL;
    return p ? p - s.ptr : -1;
}

struct str str_cut(struct str *rest, char sep) {
    struct str all = *rest;
    ptrdiff_t at = str_chr(all, sep);
    if (at < 0) {
        *rest = STR_NONE;
        return all;
    }
    /* Not str_from(): what follows a separator at the end is empty, but there. */
    *rest = (struct str){all.ptr + at + 1, all.len - (size_t)at - 1};
    return str_first(all, (size_t)at);
}

bool str_u64(struct str s, uint64_t max, uint64_t *out) {
    if (s.len == 0)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}

/* ---- SipHash-1-3 (Aumasson and Bernstein): a keyed hash, so that who does not know the seed cannot aim at a bucket ---- */

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotl(uint64_t x, int n) {
    return x << n | x >> (64 - n);
}

static void sip_round(struct sip *s) {
    s->a += s->b;
    s->c += s->d;
    s->b = rotl(s->b, 13) ^ s->a;
    s->d = rotl(s->d, 16) ^ s->c;
    s->a = rotl(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotl(s->b, 17) ^ s->c;
    s->d = rotl(s->d, 21) ^ s->a;
    s->c = rotl(s->c, 32);
}

static void sip_word(struct sip *s, uint64_t word) {
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

uint64_t str_hash(struct str s, uint64_t seed) {
    /* The second half of the key is made from the first: 64 secret bits are plenty for a table. */
    uint64_t k0 = seed, k1 = (seed ^ seed >> 31) * 0x9e3779b97f4a7c15u + 0x243f6a8885a308d3u;
    struct sip st = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
    size_t n = s.len & ~(size_t)7;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, 8);
        sip_word(&st, word);
    }
    uint64_t last = (uint64_t)s.len << 56;
    for (size_t i = n; i < s.len; i++)
        last |= (uint64_t)(unsigned char)s.ptr[i] << (i - n) * 8;
    sip_word(&st, last);
    st.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&st);
    return st.a ^ st.b ^ st.c ^ st.d;
}

char *str_z(struct str s, char *dst, size_t cap) {
    if (cap == 0)
        return dst;
    size_t n = s.len < cap ? s.len : cap - 1;
    if (n)
        memcpy(dst, s.ptr, n);
    dst[n] = 0;
    return dst;
}

void str_printable(char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            text[i] = '?';
        /* U+0080 to U+009F: the C1 controls, among them CSI, which terminals obey too */
        if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80 && (unsigned char)text[i + 1] <= 0x9f)
            text[i] = text[i + 1] = '?';
    }
}
