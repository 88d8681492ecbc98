// SPDX-License-Identifier: Apache-2.0
#pragma once
/* lb_int: what the balancers share with lb.c and nobody else. */
#include "policy/lb.h"

struct lb_ops {
    const char *name;
    void (*build)(struct lb *lb);                                 /* makes lb->table; may be NULL */
    ptrdiff_t (*pick)(struct lb *lb, const struct lb_request *r); /* n > 0 */
};

struct lb {
    const struct lb_ops *ops;
    struct lb_member *members;
    size_t n;
    void *table; /* of the policy; freed with free() */
    size_t n_table;
    bool weighted;                        /* the weights differ */
    _Alignas(64) _Atomic uint64_t cursor; /* on a line of its own: every worker writes it */
};

extern const struct lb_ops lb__round_robin, lb__least_conn, lb__random, lb__maglev, lb__ring_hash, lb__ewma;

#define LB_FEW 64 /* members whose weights fit on the stack */

/* For split_pick, over weights of this moment: usable() and penalties may change while it walks. */
static inline uint64_t lb__frozen(const void *weights, size_t i) {
    return ((const uint64_t *)weights)[i];
}
static inline bool lb__usable(const struct lb_request *r, size_t i) {
    return !r->usable || r->usable(r->ctx, i);
}
static inline uint32_t lb__active(const struct lb_member *m) {
    return atomic_load_explicit(&m->host->active, memory_order_relaxed);
}
ptrdiff_t lb__no_hash(struct lb *lb, const struct lb_request *r); /* what the hash policies do without one */
ptrdiff_t lb__nth_usable(const struct lb *lb, const struct lb_request *r, uint64_t nth); /* modulo their number; -1: none is */
/* Power of two choices by `cost` (lower is better), exact among the usable when there are fewer than 3 or a choice is unusable.
 */
ptrdiff_t lb__two_choices(struct lb *lb, const struct lb_request *r, double (*cost)(const struct lb_member *m, uint64_t now_us));
