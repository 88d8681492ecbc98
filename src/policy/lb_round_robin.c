// SPDX-License-Identifier: Apache-2.0
/* Round robin on one shared cursor: plain, or smooth weighted when weights differ. Weights are walked (policy/split.h), so
 * workers share nothing but the cursor. */
#include "base/mem.h"
#include "policy/lb_int.h"
#include "policy/split.h"

struct walk {
    const struct lb *lb;
    const struct lb_request *r;
};

/* Effective weight in hundredths; a host that fails keeps a little, so that it can recover. */
static uint64_t effective(const void *ctx, size_t i) {
    const struct walk *w = ctx;
    const struct lb_member *m = &w->lb->members[i];
    if (!lb__usable(w->r, i))
        return 0;
    uint32_t penalty = atomic_load_explicit(&m->host->penalty, memory_order_relaxed);
    uint64_t weight = (uint64_t)m->weight * (100 - (penalty < 100 ? penalty : 99));
    return weight ? weight : 1;
}

static ptrdiff_t pick_weighted(struct lb *lb, const struct lb_request *r, uint64_t nth) {
    uint64_t few[LB_FEW], *weights = lb->n <= LB_FEW ? few : mem_array(lb->n, sizeof *weights), sum = 0;
    struct walk walk = {lb, r};
    for (size_t i = 0; i < lb->n; i++)
        sum += weights[i] = effective(&walk, i);
    ptrdiff_t picked = sum ? (ptrdiff_t)split_pick(lb__frozen, weights, lb->n, nth) : -1;
    if (weights != few)
        free(weights);
    return picked;
}

/* Turns of unusable hosts go round among the usable: their neighbours get no double share. */
static ptrdiff_t pick_plain(struct lb *lb, const struct lb_request *r, uint64_t nth) {
    size_t turn = nth % lb->n;
    return lb__usable(r, turn) ? (ptrdiff_t)turn : lb__nth_usable(lb, r, nth / lb->n + turn);
}

static ptrdiff_t pick(struct lb *lb, const struct lb_request *r) {
    uint64_t nth = atomic_fetch_add_explicit(&lb->cursor, 1, memory_order_relaxed);
    return lb->weighted ? pick_weighted(lb, r, nth) : pick_plain(lb, r, nth);
}

ptrdiff_t lb__no_hash(struct lb *lb, const struct lb_request *r) {
    return r->even ? pick_plain(lb, r, atomic_fetch_add_explicit(&lb->cursor, 1, memory_order_relaxed)) : pick(lb, r);
}

const struct lb_ops lb__round_robin = {.name = "round_robin", .pick = pick};
