// SPDX-License-Identifier: Apache-2.0
#pragma once
/* priority: how requests are spread over the priorities of a cluster's endpoints, as Envoy does: a level counts as whole while
 * its healthy endpoints times the overprovisioning factor cover it; what it lacks goes to the next. Where too few are healthy in
 * all, a level below the panic threshold is used whole, healthy or not. Pure. Threads: any. Tests: tests/unit/policy/priority.c,
 * tests/interop/x107_envoy_priorities.py */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRIORITY_OVERPROVISIONING 140u /* percent */
#define PRIORITY_PANIC 50u             /* percent */

struct priority_level {
    size_t healthy, all; /* endpoints */
    uint32_t load;       /* percent of the requests; the sum is 100, or 0 when nothing can be used */
    bool panic;          /* all of its endpoints are used */
};
void priority_spread(struct priority_level *levels, size_t n, uint32_t overprovisioning, uint32_t panic_threshold);
