// SPDX-License-Identifier: Apache-2.0
#pragma once
/* rejects: resources that were taken but could not be used when they were to take effect (serve_input.spare), and why: until a
 * later form, or the same at a later time, can be. One owner. Threads: any. Tests: tests/unit/proxy/rejects.c */
#include "base/map.h"
#include "model/snap.h"

struct reject {
    char *why;      /* owned */
    uint64_t at;    /* when it began, as given */
    unsigned round; /* when it was last seen */
};
struct rejects {
    struct map of[XDS_TYPES]; /* name -> struct reject, owned */
    unsigned round;
};
void rejects_begin(struct rejects *r); /* a round, in which all that is bad is said */
/* True: nobody knew. */
bool rejects_add(struct rejects *r, enum xds_type type, struct str name, const char *why, uint64_t at);
void rejects_end(struct rejects *r); /* what was not said again is good now */
const struct reject *rejects_get(const struct rejects *r, enum xds_type type, struct str name); /* NULL: it is not there */
void rejects_fini(struct rejects *r);
