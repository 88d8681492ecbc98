// SPDX-License-Identifier: Apache-2.0
#pragma once
/* probe: an HTTP health check on a schedule: GET path, 2xx is healthy, over fetch. First check one jittered interval after the
 * start, then every interval
 * +- 10 %. The control plane checks endpoints without a sidecar with it, a sidecar its own app. Results go to the owner;
 * thresholds are policy/check.h's. Threads: its loop. Tests: tests/unit/http/probe.c */
#include "http/fetch.h"

struct probe;
typedef void probe_f(void *ctx, bool ok, const struct fetch_result *r); /* may stop the probe */
struct probe_cfg {
    struct addr addr;
    struct str authority, path; /* copied */
    uint64_t interval_us, timeout_us;
};
struct probe *probe_start(struct loop *l, const struct probe_cfg *cfg, probe_f *on_result, void *ctx);
void probe_set(
    struct probe *p,
    const struct probe_cfg *cfg); /* new address, path or schedule; a check under way is dropped when address or path changed */
void probe_stop(struct probe **p);
