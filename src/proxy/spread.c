// SPDX-License-Identifier: Apache-2.0
#include "proxy/spread.h"

struct spread *spread_new(unsigned workers) {
    struct spread *s = ref_new(sizeof(*s) + workers * sizeof(s->at[0]), NULL);
    s->n = workers;
    return s;
}

static uint32_t load(const struct spread *s, unsigned i) {
    return atomic_load_explicit(&s->at[i], memory_order_relaxed);
}

unsigned spread_take(struct spread *s, unsigned self, uint64_t (*busy)(void *ctx, unsigned worker), void *ctx) {
    for (;;) {
        unsigned best = self;
        uint32_t least = load(s, self);
        for (unsigned i = 0; i < s->n; i++) {
            uint32_t n = load(s, i);
            if (i == self || n > least)
                continue;
            uint64_t rank = busy(ctx, i);
            if (rank == UINT64_MAX || (n == least && rank >= busy(ctx, best)))
                continue;
            best = i;
            least = n;
        }
        if (atomic_compare_exchange_strong_explicit(&s->at[best], &least, least + 1, memory_order_relaxed, memory_order_relaxed))
            return best;
    }
}

void spread_add(struct spread *s, unsigned worker) {
    atomic_fetch_add_explicit(&s->at[worker], 1, memory_order_relaxed);
}

void spread_give(struct spread *s, unsigned worker) {
    atomic_fetch_sub_explicit(&s->at[worker], 1, memory_order_relaxed);
}
