// SPDX-License-Identifier: Apache-2.0
/* Peak EWMA: expected time until an answer = decaying peak of response times x (requests under way + 1); power of two choices. */
#include <math.h>
#include "policy/lb_int.h"

static double cost(const struct lb_member *m, uint64_t now_us) {
    double ewma = (double)atomic_load_explicit(&m->host->ewma_us, memory_order_relaxed);
    uint64_t at = atomic_load_explicit(&m->host->ewma_at, memory_order_relaxed);
    if (now_us > at)
        ewma *= exp(-(double)(now_us - at) / 1e7); /* a slow host gets another chance as its measurement ages */
    return (ewma + 1) * ((double)lb__active(m) + 1);
}

static ptrdiff_t pick(struct lb *lb, const struct lb_request *r) {
    return lb__two_choices(lb, r, cost);
}

const struct lb_ops lb__ewma = {.name = "ewma", .pick = pick};
