// SPDX-License-Identifier: Apache-2.0
/* Ring hash (Karger et al. 1997): every host has points on a ring by weight, a request goes to the next point at or after its
 * hash. */
#include "base/mem.h"
#include "policy/lb_int.h"

#define RING_MIN 1024u   /* points at least, as Envoy's minimum_ring_size */
#define POINTS_MAX 4096u /* of one host */

struct point {
    uint64_t hash;
    size_t host;
};

static int by_hash(const void *a, const void *b) {
    uint64_t x = ((const struct point *)a)->hash, y = ((const struct point *)b)->hash;
    return x < y ? -1 : x > y;
}

static size_t points_of(const struct lb *lb, size_t i, uint64_t weights) {
    uint64_t ring = lb->n > RING_MIN ? lb->n : RING_MIN;
    uint64_t points = (ring * lb->members[i].weight + weights - 1) / weights; /* at least one each */
    return points < POINTS_MAX ? (size_t)points : POINTS_MAX;
}

static void build(struct lb *lb) {
    uint64_t weights = 0;
    for (size_t i = 0; i < lb->n; i++)
        weights += lb->members[i].weight;
    size_t total = 0;
    for (size_t i = 0; i < lb->n; i++)
        total += points_of(lb, i, weights);
    struct point *ring = mem_array(total, sizeof *ring);
    size_t at = 0;
    for (size_t i = 0; i < lb->n; i++) {
        uint64_t hash = str_hash(lb->members[i].key, 0);
        for (size_t p = points_of(lb, i, weights); p > 0; p--)
            ring[at++] = (struct point){.hash = str_hash(str_n(&p, sizeof p), hash), .host = i};
    }
    qsort(ring, total, sizeof *ring, by_hash);
    lb->table = ring;
    lb->n_table = total;
}

static size_t first_at_or_after(const struct point *ring, size_t n, uint64_t hash) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (ring[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo == n ? 0 : lo;
}

static ptrdiff_t pick(struct lb *lb, const struct lb_request *r) {
    if (!r->hash)
        return lb__no_hash(lb, r);
    const struct point *ring = lb->table;
    size_t from = first_at_or_after(ring, lb->n_table, *r->hash);
    for (size_t k = 0; k < lb->n_table; k++) {
        size_t host = ring[(from + k) % lb->n_table].host;
        if (lb__usable(r, host))
            return (ptrdiff_t)host;
    }
    return -1;
}

const struct lb_ops lb__ring_hash = {.name = "ring_hash", .build = build, .pick = pick};
