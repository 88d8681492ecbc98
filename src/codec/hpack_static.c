// SPDX-License-Identifier: Apache-2.0
/* The static table (RFC 7541 appendix A, hpack_static.def), with what weft knows of its names. */
#include "codec/hpack_int.h"

#define FIELD(name, value, id, pseudo) {{name, sizeof(name) - 1}, {value, sizeof(value) - 1}, id, pseudo, HPACK_INDEX, true},

const struct hpack_field hpack__static[HPACK__STATIC + 1] = {
#define P(at, pseudo, name, value) [at] = FIELD(name, value, HDR_OTHER, PSEUDO_##pseudo)
#define K(at, id, name, value) [at] = FIELD(name, value, HDR_##id, PSEUDO_NONE)
#define U(at, name) [at] = FIELD(name, "", HDR_OTHER, PSEUDO_NONE)
#include "codec/hpack_static.def"
#undef P
#undef K
#undef U
};

static const uint8_t of_id[HDR_COUNT_] = {
#define P(at, pseudo, name, value)
#define K(at, id, name, value) [HDR_##id] = at,
#define U(at, name)
#include "codec/hpack_static.def"
#undef P
#undef K
#undef U
};
_Static_assert(HDR_COUNT_ <= 256, "struct hpack_entry has an id in eight bits");

static const struct {
    struct str name;
    unsigned first; /* in the static table; 0: not there */
} of_pseudo[] = {
    [PSEUDO_METHOD] = {{":method", 7}, 2}, [PSEUDO_SCHEME] = {{":scheme", 7}, 6}, [PSEUDO_AUTHORITY] = {{":authority", 10}, 1},
    [PSEUDO_PATH] = {{":path", 5}, 4},     [PSEUDO_STATUS] = {{":status", 7}, 8}, [PSEUDO_PROTOCOL] = {{":protocol", 9}, 0},
    [PSEUDO_UNKNOWN] = {{"", 0}, 0},
};

struct str hpack__pseudo_name(enum hpack_pseudo p) {
    return of_pseudo[p].name;
}

enum hpack_pseudo hpack__pseudo(struct str name) {
    for (enum hpack_pseudo p = PSEUDO_METHOD; p < PSEUDO_UNKNOWN; p++)
        if (str_eq(name, of_pseudo[p].name))
            return p;
    return PSEUDO_UNKNOWN;
}

unsigned hpack__static_name(const struct hpack_field *f) {
    return f->pseudo ? of_pseudo[f->pseudo].first : of_id[f->id];
}

static const uint8_t others[] = {
#define P(at, pseudo, name, value)
#define K(at, id, name, value)
#define U(at, name) at,
#include "codec/hpack_static.def"
#undef P
#undef K
#undef U
};

unsigned hpack__static_other(const struct hpack_field *f) {
    if (f->id || f->pseudo)
        return 0;
    for (size_t i = 0; i < sizeof(others); i++)
        if (hpack__static[others[i]].name.len == f->name.len && str_ieq(hpack__static[others[i]].name, f->name))
            return others[i];
    return 0;
}
