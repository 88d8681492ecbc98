// SPDX-License-Identifier: Apache-2.0
#pragma once
/* str: byte slices by value.
 * A slice borrows: it is valid as long as the bytes it points at. It is not NUL-terminated and may hold any byte.
 * The empty slice may have ptr NULL. Threads: any. Tests: tests/unit/base/str.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len; /* octets */
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1}) /* of a string literal */
#define STR_NONE ((struct str){NULL, 0})
#define STR_FMT "%.*s" /* with STR_ARG, for printf */
#define STR_ARG(s) (int)(s).len, (s).ptr

/* The slice of a NUL-terminated string; NULL gives STR_NONE. */
static inline struct str str_of(const char *z) {
    return z ? (struct str){z, strlen(z)} : STR_NONE;
}

static inline struct str str_n(const void *ptr, size_t len) {
    return (struct str){(const char *)ptr, len};
}

static inline bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The part from `from` on; empty when `from` is past the end. */
static inline struct str str_from(struct str s, size_t from) {
    return from >= s.len ? STR_NONE : (struct str){s.ptr + from, s.len - from};
}

static inline struct str str_first(struct str s, size_t n) {
    return (struct str){s.ptr, n < s.len ? n : s.len};
}

bool str_ieq(struct str a, struct str b); /* ASCII letters in any case */
int str_cmp(struct str a, struct str b);  /* byte order, like memcmp; a shorter prefix comes first */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix); /* ASCII letters in any case */
bool str_ends(struct str s, struct str suffix);
ptrdiff_t str_chr(struct str s, char c);           /* index of the first c, or -1 */
ptrdiff_t str_rchr(struct str s, char c);          /* index of the last c, or -1 */
ptrdiff_t str_find(struct str s, struct str part); /* index of the first `part`, or -1 */
static inline struct str str_trim(struct str s) {  /* without SP and HTAB at both ends (OWS, RFC 9110 §5.6.3) */
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Takes the part before the first `sep` off *rest and returns it; *rest becomes what follows the separator. Without a
 * separator all is returned and *rest becomes STR_NONE (ptr NULL: so a loop can tell "nothing left"). */
struct str str_cut(struct str *rest, char sep);

/* Decimal digits only, no sign, no space, at most `max`. False (and *out untouched) for anything else, empty included. */
bool str_u64(struct str s, uint64_t max, uint64_t *out);

/* Keyed 64-bit hash (SipHash-1-3): with a secret seed nobody can choose collisions; the same on every machine. */
uint64_t str_hash(struct str s, uint64_t seed);

/* A NUL-terminated copy into dst[cap], cut when too long. Returns dst. */
char *str_z(struct str s, char *dst, size_t cap);

/* Replaces control characters (C0, DEL, C1 in UTF-8) by '?', in place: for what people will read. */
void str_printable(char *text, size_t len);

static inline char str_lower_c(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}
