// SPDX-License-Identifier: Apache-2.0
/* The table of known field names (hdr.def): interning, names and flags. */
#include "codec/msg.h"

enum { H = 1, S = 2 }; /* the flags of hdr.def */

static const struct {
    struct str name;
    uint8_t flags;
} known[HDR_COUNT_] = {
#define X(id, name, flags) [HDR_##id] = {{name, sizeof(name) - 1}, flags},
#include "codec/hdr.def"
#undef X
};

static inline bool same_name(const char *p, const char *lower, size_t len) {
    if (memcmp(p, lower, len) == 0) /* HTTP/2 and many HTTP/1.1 peers write lower case */
        return true;
    for (size_t i = 0; i < len; i++)
        if (str_lower_c(p[i]) != lower[i])
            return false;
    return true;
}

/* Inlined with a constant `len`, so that only the names of that length remain: the compiler makes the table from hdr.def. */
static inline __attribute__((always_inline)) enum hdr_id pick(const char *p, size_t len) {
#define X(id, name, flags)                                                                                                       \
    if (len == sizeof(name) - 1 && str_lower_c(p[len - 1]) == name[sizeof(name) - 2] &&                                          \
        str_lower_c(p[len / 2]) == name[(sizeof(name) - 1) / 2] && same_name(p, name, sizeof(name) - 1))                         \
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

struct str hdr_name(enum hdr_id id) {
    return known[id].name;
}

bool hdr_hop_by_hop(enum hdr_id id) {
    return known[id].flags & H;
}

bool hdr_in_trailers(enum hdr_id id) {
    /* Names that weft knows frame, route, authenticate or describe the message (RFC 9110 §6.5.1), but for these. */
    return id == HDR_OTHER || id == HDR_ETAG || id == HDR_GRPC_STATUS || id == HDR_GRPC_MESSAGE;
}
