// SPDX-License-Identifier: Apache-2.0
#include "policy/lb.h"
#include <math.h>
#include "base/mem.h"
#include "policy/lb_int.h"
#include "policy/split.h"

static const struct lb_ops *const lb_table[] = {
    [LB_ROUND_ROBIN] = &lb__round_robin, [LB_LEAST_CONN] = &lb__least_conn, [LB_RANDOM] = &lb__random,
    [LB_MAGLEV] = &lb__maglev,           [LB_RING_HASH] = &lb__ring_hash,   [LB_EWMA] = &lb__ewma,
};

struct lb *lb_new(enum lb_policy policy, const struct lb_member *members, size_t n, const struct lb *prev) {
    struct lb *lb = aligned_alloc(_Alignof(struct lb), sizeof *lb);
    WEFT_ASSERT(lb);
    memset(lb, 0, sizeof *lb);
    lb->ops = lb_table[policy];
    lb->n = n;
    lb->members = mem_array(n + 1, sizeof *lb->members);
    for (size_t i = 0; i < n; i++) {
        lb->members[i] = members[i];
        lb->weighted |= members[i].weight != members[0].weight;
    }
    if (prev)
        atomic_store_explicit(&lb->cursor, atomic_load_explicit(&prev->cursor, memory_order_relaxed), memory_order_relaxed);
    if (lb->ops->build && n)
        lb->ops->build(lb);
    return lb;
}

void lb_free(struct lb **lb) {
    if (!*lb)
        return;
    free((*lb)->members);
    free((*lb)->table);
    free(*lb);
    *lb = NULL;
}

ptrdiff_t lb_pick(struct lb *lb, const struct lb_request *r) {
    return lb->n ? lb->ops->pick(lb, r) : -1;
}

ptrdiff_t lb__nth_usable(const struct lb *lb, const struct lb_request *r, uint64_t nth) {
    size_t usable = 0;
    for (size_t i = 0; i < lb->n; i++)
        usable += lb__usable(r, i);
    nth = usable ? nth % usable : 0;
    for (size_t i = 0; i < lb->n; i++)
        if (lb__usable(r, i) && nth-- == 0)
            return (ptrdiff_t)i;
    return -1;
}

struct ties { /* the cheapest of the usable; ties are shared by weight, so that idle hosts get what is theirs */
    const struct lb *lb;
    const struct lb_request *r;
    double (*cost)(const struct lb_member *, uint64_t);
    double best;
};

static uint64_t tie_weight(const void *ctx, size_t i) {
    const struct ties *t = ctx;
    const struct lb_member *m = &t->lb->members[i];
    return lb__usable(t->r, i) && t->cost(m, t->r->now_us) <= t->best ? m->weight : 0;
}

static ptrdiff_t exact_best(struct lb *lb, const struct lb_request *r, double (*cost)(const struct lb_member *, uint64_t)) {
    struct ties t = {lb, r, cost, INFINITY};
    uint64_t few[LB_FEW], *weights = lb->n <= LB_FEW ? few : mem_array(lb->n, sizeof *weights), sum = 0;
    for (size_t i = 0; i < lb->n; i++) {
        double c = lb__usable(r, i) ? cost(&lb->members[i], r->now_us) : INFINITY;
        t.best = c < t.best ? c : t.best;
    }
    for (size_t i = 0; i < lb->n; i++) /* costs may have moved meanwhile: then any usable one will do */
        sum += weights[i] = tie_weight(&t, i);
    uint64_t nth = atomic_fetch_add_explicit(&lb->cursor, 1, memory_order_relaxed);
    ptrdiff_t picked = sum ? (ptrdiff_t)split_pick(lb__frozen, weights, lb->n, nth) : lb__nth_usable(lb, r, nth);
    if (weights != few)
        free(weights);
    return picked;
}

ptrdiff_t lb__two_choices(struct lb *lb, const struct lb_request *r, double (*cost)(const struct lb_member *m, uint64_t now_us)) {
    if (lb->n < 3)
        return exact_best(lb, r, cost);
    size_t a = rand_below(r->rand, lb->n), b = rand_below(r->rand, lb->n - 1);
    b += b >= a; /* two different ones */
    if (!lb__usable(r, a) || !lb__usable(r, b))
        return exact_best(lb, r, cost);
    double ca = cost(&lb->members[a], r->now_us), cb = cost(&lb->members[b], r->now_us);
    uint64_t wa = lb->members[a].weight, wb = lb->members[b].weight;
    bool second = cb < ca || (cb == ca && wa != wb && rand_below(r->rand, wa + wb) < wb);
    return (ptrdiff_t)(second ? b : a);
}

void lb_observe(struct lb_host *h, bool ok, uint64_t duration_us, uint64_t now_us) {
    /* Effective weight: half of what is left goes with a failure, a tenth of a hundred comes back with a success. */
    uint32_t p = atomic_load_explicit(&h->penalty, memory_order_relaxed);
    if (!ok)
        atomic_fetch_add_explicit(&h->failures, 1, memory_order_relaxed);
    if (!ok || p)
        atomic_store_explicit(&h->penalty, ok ? (p > 10 ? p - 10 : 0) : p + (100 - p) / 2, memory_order_relaxed);
    /* Peak EWMA (as Finagle's): a slower answer counts at once, a faster one by decay over 10 s. */
    uint64_t old = atomic_load_explicit(&h->ewma_us, memory_order_relaxed);
    uint64_t at = atomic_load_explicit(&h->ewma_at, memory_order_relaxed);
    uint64_t next = duration_us;
    if (duration_us < old) {
        double w = exp(-(double)(now_us > at ? now_us - at : 0) / 1e7);
        next = (uint64_t)((double)old * w + (double)duration_us * (1 - w));
    }
    atomic_store_explicit(&h->ewma_us, next, memory_order_relaxed);
    atomic_store_explicit(&h->ewma_at, now_us, memory_order_relaxed);
}
