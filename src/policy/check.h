// SPDX-License-Identifier: Apache-2.0
#pragma once
/* check: thresholds of active health checks: a run of results -> healthy or not. Pure. Tests: tests/unit/policy/rbac.c */
#include <stdbool.h>
#include <stdint.h>
struct check {
    bool healthy; /* starts true: new endpoints are healthy until checked */
    uint32_t run; /* results in a row that speak against `healthy` */
};
/* Takes one result; returns true when `healthy` has changed. */
bool check_result(struct check *c, bool ok, uint32_t healthy_threshold, uint32_t unhealthy_threshold);
