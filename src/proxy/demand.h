// SPDX-License-Identifier: Apache-2.0
#pragma once
/* demand: only what is used. Which services the app calls, subscribed by name on first use: the route table NS/NAME, the clusters
 * it refers to, their endpoints. A table is published when all of it is there (make before break: until then the old one serves),
 * known to be absent for 5 s after the control plane said so, and let go when unused for 10 minutes. Pure but for the
 * subscriptions, which leave through `sub`. "@IP:PORT" (model/route.h, ROUTE_ALIAS) is a name like others, but of a table alone.
 * Threads: main. Tests: tests/unit/proxy/demand.c */
#include "model/snap.h"

#define DEMAND_ABSENT_US (5 * CLOCK_S)
#define DEMAND_UNUSED_US (600 * CLOCK_S)
#define DEMAND_MAX 20000u /* services an app may name at once; beyond it they are not asked for */

struct demand_sub { /* the control plane's link, or a test's */
    void (*subscribe)(void *ctx, enum xds_type type, struct str name);
    void (*unsubscribe)(void *ctx, enum xds_type type, struct str name);
    void *ctx;
};

struct demand {
    struct demand_sub sub;
    struct snap *snap;   /* borrowed: everything that came; on_removed and eviction delete from it */
    struct map needs;    /* private: "NS/NAME" -> struct need */
    struct map clusters; /* private: name -> struct used */
    struct map tables;   /* name -> struct route_table that is complete: references; for serve_build */
    struct map absent;   /* name -> uint64_t * until; for serve_build */
    uint64_t sweep;      /* private */
};

void demand_init(struct demand *d, const struct demand_sub *sub, struct snap *snap);
void demand_fini(struct demand *d);
/* The app names a service. True when its answer is known already (published, or absent). */
bool demand_want(struct demand *d, struct str name, uint64_t now);
/* What the control plane told is in the snapshot, or (removed) is known not to be there. */
void demand_came(struct demand *d, enum xds_type type, struct str name);
void demand_removed(struct demand *d, enum xds_type type, struct str name, uint64_t now);
/* After a whole response: publishes what has become complete, subscribes to what new tables name. True when tables or absent
 * have changed. */
bool demand_settle(struct demand *d, uint64_t now);
/* Forgets absences that are over, and services unused for long. used_at(ctx, name): seconds, as now. True when anything changed.
 */
bool demand_evict(struct demand *d, uint64_t now, uint64_t (*used_at)(void *ctx, struct str name), void *ctx);
bool demand_pending(const struct demand *d); /* somebody waits for an answer */
