// SPDX-License-Identifier: Apache-2.0
/* The table of known field names (hdr.def): interning, names and flags. */
#include "codec/msg.h"

enum { H = 1, S = 2 }; /* the flags of hdr.def */

const struct str hdr_names[] = {
    {NULL, 0},
#define X(id, name, flags) [HDR_##id] = {name, sizeof(name) - 1},
#include "codec/hdr.def"
#undef X
};

const uint64_t hdr_hop_by_hop_set =
#define X(id, name, flags) (((flags)&H) ? HDR_BIT(HDR_##id) : 0) |
#include "codec/hdr.def"
#undef X
    0;

#define FOLD 0x20 /* makes a capital letter small, and leaves small ones, digits and the hyphen */

/* Do these octets, at most eight, say the same in any case? Names have letters, digits and hyphens. What FOLD makes like one of
 * those without being it is a control character: it has neither of the bits 0x60. */
static inline bool same_octets(const char *p, const char *lower, size_t len) {
    const uint64_t ones = 0x0101010101010101u >> (64 - 8 * len);
    uint64_t w = 0, v = 0;
    memcpy(&w, p, len);
    memcpy(&v, lower, len);
    return (w | ones * FOLD) == v && ((w | w << 1) & ones * 0x40) == ones * 0x40;
}

static inline __attribute__((always_inline)) bool same_name(const char *p, const char *lower, size_t len) {
    if (len <= 8)
        return same_octets(p, lower, len);
    for (size_t i = 0; i + 8 < len; i += 8)
        if (!same_octets(p + i, lower + i, 8))
            return false;
    return same_octets(p + len - 8, lower + len - 8, 8); /* some are seen twice */
}

/* Inlined with a constant `len`, so that only the names of that length remain: the compiler makes the table from hdr.def. */
static inline __attribute__((always_inline)) enum hdr_id pick(const char *p, size_t len) {
#define X(id, name, flags)                                                                                                       \
    if (len == sizeof(name) - 1 && (p[len - 1] | FOLD) == name[sizeof(name) - 2] &&                                              \
        (p[len / 2] | FOLD) == name[(sizeof(name) - 1) / 2] && same_name(p, name, sizeof(name) - 1))                             \
        return HDR_##id;
#include "codec/hdr.def"
#undef X
    return HDR_OTHER;
}

enum hdr_id hdr_intern(struct str n) {
#define L(len)                                                                                                                   \
    case len: return pick(n.ptr, len);
    switch (n.len) {
        L(2)
        L(3)
        L(4)
        L(5)
        L(6)
        L(7)
        L(8)
        L(9)
        L(10)
        L(11)
        L(12)
        L(13)
        L(14)
        L(15)
        L(16)
        L(17)
        L(18)
        L(19)
        L(20)
        L(21)
        L(22)
        L(23)
        L(24)
        L(25)
        L(26)
        L(27)
        L(28)
        L(29)
        L(30)
        L(31)
        L(32)
    default: return HDR_OTHER;
    }
#undef L
}
#define X(id, name, flags) _Static_assert(sizeof(name) - 1 >= 2 && sizeof(name) - 1 <= 32, "hdr_intern: add its length: " name);
#include "codec/hdr.def"
#undef X
