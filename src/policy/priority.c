// SPDX-License-Identifier: Apache-2.0
#include "policy/priority.h"

static uint32_t min(uint64_t a, uint32_t b) {
    return a < b ? (uint32_t)a : b;
}

static uint32_t health_of(const struct priority_level *l, uint32_t overprovisioning) {
    return l->all ? min((uint64_t)overprovisioning * l->healthy / l->all, 100) : 0;
}

/* Nothing is healthy: all levels whole, by their endpoints. */
static void spread_over_all(struct priority_level *levels, size_t n) {
    size_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += levels[i].all;
    uint32_t left = 100;
    for (size_t i = 0; i < n; i++) {
        levels[i].panic = true;
        levels[i].load = all ? (uint32_t)(100 * levels[i].all / all) : 0;
        left -= levels[i].load;
    }
    for (size_t i = 0; all && i < n; i++)
        if (levels[i].all) { /* what rounding has left */
            levels[i].load += left;
            return;
        }
}

void priority_spread(struct priority_level *levels, size_t n, uint32_t overprovisioning, uint32_t panic_threshold) {
    uint32_t sum = 0, left = 100;
    for (size_t i = 0; i < n; i++)
        sum = min((uint64_t)sum + health_of(&levels[i], overprovisioning), 100);
    if (!sum && panic_threshold) {
        spread_over_all(levels, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct priority_level *l = &levels[i];
        l->load = sum ? min((uint64_t)health_of(l, overprovisioning) * 100 / sum, left) : 0;
        left -= l->load;
        l->panic = sum < 100 && (l->all ? 100 * l->healthy / l->all : 0) < panic_threshold;
    }
    for (size_t i = 0; sum && i < n; i++)
        if (levels[i].load) { /* what rounding has left */
            levels[i].load += left;
            return;
        }
}
