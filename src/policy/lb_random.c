// SPDX-License-Identifier: Apache-2.0
/* Uniform random. */
#include "policy/lb_int.h"

static ptrdiff_t pick(struct lb *lb, const struct lb_request *r) {
    size_t i = rand_below(r->rand, lb->n);
    return lb__usable(r, i) ? (ptrdiff_t)i : lb__nth_usable(lb, r, rand_u64(r->rand)); /* its neighbour gets no double share */
}

const struct lb_ops lb__random = {.name = "random", .pick = pick};
