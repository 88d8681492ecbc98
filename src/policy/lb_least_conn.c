// SPDX-License-Identifier: Apache-2.0
/* Least requests under way for its weight: power of two choices, exact below three endpoints. */
#include "policy/lb_int.h"

static double cost(const struct lb_member *m, uint64_t now_us) {
    (void)now_us;
    return (double)lb__active(m) / m->weight; /* ties, idle hosts among them, go by weight: see lb__two_choices */
}

static ptrdiff_t pick(struct lb *lb, const struct lb_request *r) {
    return lb__two_choices(lb, r, cost);
}

const struct lb_ops lb__least_conn = {.name = "least_conn", .pick = pick};
