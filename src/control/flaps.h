// SPDX-License-Identifier: Apache-2.0
#pragma once
/* flaps: which endpoints flap (policy/damp.h), by kind and key ("NS/NAME/ID"), so that it is known beyond the life of a session
 * or a registration that is written anew. Only what has gone down lately costs memory. One owner: the registry. Threads: the
 * control loop. Tests: tests/unit/control/flaps.c */
#include "base/map.h"
#include "base/str.h"
#include "control/store.h"
struct mesh;

/* The hold of an endpoint that is healthy is over: it may be used. From the loop. */
typedef void flaps_over_f(void *ctx, enum store_kind kind, struct str key);
struct flaps {
    const struct mesh *mesh; /* whose loop it is */
    struct map all;          /* kind and key -> struct flap (private) */
    unsigned held;           /* now */
    flaps_over_f *over;
    void *ctx;
};
void flaps_init(struct flaps *f, const struct mesh *m, flaps_over_f *over, void *ctx);
void flaps_fini(struct flaps *f);
/* What its checks say, every interval. Returns whether it may be used: it is healthy and not held out. */
bool flaps_tell(struct flaps *f, enum store_kind kind, struct str key, bool healthy, uint64_t interval_us);
bool flaps_known(const struct flaps *f, enum store_kind kind, struct str key); /* it has gone down lately */
bool flaps_waits(const struct flaps *f, enum store_kind kind, struct str key); /* healthy, and held out */
void flaps_release(struct flaps *f, enum store_kind kind, struct str key);     /* nothing else is left: its hold ends now */
void flaps_forget(struct flaps *f, enum store_kind kind, struct str key);
