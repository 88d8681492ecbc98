// SPDX-License-Identifier: Apache-2.0
#pragma once
/* checks: active health checks of a static proxy's hosts: each host of a cluster with health_checks is asked by its own probe
 * (http/probe.h), over the cluster's transport socket. What the first check says holds at once; then thresholds decide
 * (policy/check.h), but an answer that says no is believed at once, as Envoy has it. A host that has not been checked is out
 * of rotation. The result stands in the host (failed_check) and marks its cluster stale, so that the next serving form leaves it
 * out: nothing is asked on a request's way. Threads: main. Tests: tests/scenario/c033_health_static.py,
 * tests/interop/x105_envoy_clusters.py */
#include "proxy/serve.h"

struct checks;
struct checks_cfg {
    struct log *log;
    void (*on_change)(void *ctx); /* some host is healthy or unhealthy now, or all have been checked once: from the loop */
    void *ctx;
};
struct checks *checks_new(struct loop *l, const struct checks_cfg *cfg);
void checks_watch(struct checks *c, struct serve *s); /* its hosts from now on; those that stay keep what is known of them */
bool checks_pending(const struct checks *c);          /* some host has had no result yet */
void checks_free(struct checks **c);
