// SPDX-License-Identifier: Apache-2.0
#pragma once
/* health: the control plane's own checks: of registrations without a sidecar, each by its protocol. Each has a probe of its own,
 * so that no slow one holds up another; those that begin together are spread over the interval, and at most HEALTH_UNDER_WAY are
 * under way at once (the rest waits its turn, oldest first).
 * Threads: the control loop. Tests: tests/unit/control/health.c, control.c */
#include "base/map.h"
#include "control/reg.h"
#include "http/probe.h"
#include "io/loop.h"

#define HEALTH_UNDER_WAY 1024u /* checks: a descriptor each */

struct health {
    struct mesh *mesh;
    struct reg *reg;
    struct map services; /* "NS/NAME" -> struct map of struct checked (private), by the registration's id */
    struct map touched;  /* services to look at, at the end of the turn */
    struct task task;
    struct probe_gate gate;
    bool open; /* the gate is there */
};
void health_init(struct health *h, struct mesh *m, struct reg *r);
void health_fini(struct health *h);
void health_touch(struct health *h, struct str service); /* its endpoints or settings may have changed */
void health_touch_all(struct health *h);
void health_suspect(struct health *h, struct str service, struct str id); /* it is said to fail: its next check comes sooner */
