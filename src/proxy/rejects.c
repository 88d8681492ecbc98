// SPDX-License-Identifier: Apache-2.0
#include "proxy/rejects.h"
#include <string.h>
#include "base/mem.h"

static void drop(struct reject *one) {
    free(one->why);
    free(one);
}

void rejects_begin(struct rejects *r) {
    r->round++;
}

bool rejects_add(struct rejects *r, enum xds_type type, struct str name, const char *why, uint64_t at) {
    struct reject *one = map_get(&r->of[type], name);
    bool known = one && strcmp(one->why, why) == 0;
    if (!known) {
        if (one)
            drop(one);
        one = mem_new(struct reject);
        *one = (struct reject){.why = mem_strdup(str_of(why)), .at = at};
        map_put(&r->of[type], name, one);
    }
    one->round = r->round;
    return !known;
}

void rejects_end(struct rejects *r) {
    for (int type = 0; type < XDS_TYPES; type++) {
        struct str name;
        struct reject *one;
        MAP_FOR (&r->of[type], &name, one)
            if (one->round != r->round) {
                map_del(&r->of[type], name);
                drop(one);
            }
    }
}

const struct reject *rejects_get(const struct rejects *r, enum xds_type type, struct str name) {
    return map_get(&r->of[type], name);
}

void rejects_fini(struct rejects *r) {
    for (int type = 0; type < XDS_TYPES; type++) {
        struct reject *one;
        MAP_FOR (&r->of[type], NULL, one)
            drop(one);
        map_fini(&r->of[type]);
    }
}
