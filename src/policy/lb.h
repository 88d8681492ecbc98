// SPDX-License-Identifier: Apache-2.0
#pragma once
/* lb: balancers: pick one of a cluster's endpoints. Pure: (set, state, hash, random) -> index. Each balancer is one file and one
 * row of lb_table. Host state lives with the proxy, as arrays parallel to the set; see struct lb_host. Policies: round_robin (one
 * shared relaxed cursor, even over workers), smooth weighted (when weights differ; effective weight falls on failure and
 * recovers), least_conn (power of two choices by active/weight, exact below 3), random, maglev (table 65,537), ring_hash, ewma
 * (peak EWMA, power of two choices). Model: h2o balancer/least_conn.c, its test: no pick is worse than the best. Threads: see
 * fields. Tests: tests/unit/policy/lb.c */
#include <stdatomic.h>
#include "base/rand.h"
#include "model/cluster.h"

#define LB_MAX_WORKERS 64

struct lb_host {               /* one endpoint's state, outliving snapshots; shared by workers through relaxed atomics */
    _Atomic uint32_t active;   /* requests under way, over all workers */
    _Atomic uint32_t penalty;  /* smooth weighted: taken off the weight after failures, in percent; recovers with successes */
    _Atomic uint64_t ewma_us;  /* peak EWMA of response time */
    _Atomic uint64_t ewma_at;  /* when it was last updated, microseconds */
    _Atomic uint64_t failures; /* observed */
};

struct lb_member { /* one healthy endpoint of a set */
    struct lb_host *host;
    uint32_t weight; /* >= 1 */
    struct str key;  /* stable name for hashing: "ip:port" */
};

struct lb; /* a balancer built for one set of members: immutable tables, atomic cursors */
/* `members` is copied, hosts and keys are borrowed for the balancer's life. n may be 0. `prev` (may be NULL): the balancer it
 * replaces, whose cursor it continues. */
struct lb *lb_new(enum lb_policy policy, const struct lb_member *members, size_t n, const struct lb *prev);
void lb_free(struct lb **lb);

struct lb_request {
    const uint64_t *hash; /* NULL: none (hash policies then balance by round robin) */
    bool even;            /* then whatever the weights, as the policy round_robin of contract §3; else by them, as Envoy */
    uint64_t now_us;
    struct rand *rand;                   /* of the calling worker */
    bool (*usable)(void *ctx, size_t i); /* NULL: all; a retry leaves out those tried, a breaker those that are open */
    void *ctx;
};
/* Index of the member, or -1 when none is usable. Threads: any worker at the same time. */
ptrdiff_t lb_pick(struct lb *lb, const struct lb_request *r);
/* The outcome of an attempt: feeds effective weights and EWMA. */
void lb_observe(struct lb_host *h, bool ok, uint64_t duration_us, uint64_t now_us);
