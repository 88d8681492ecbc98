// SPDX-License-Identifier: Apache-2.0
#pragma once
/* gate: network RBAC: may this connection pass, by the rules of its filter chain (envoy.extensions.filters.network.rbac.v3),
 * which stand before the TCP proxy or the HTTP connection manager; and what its shadow rules would have said, which is counted
 * only. Threads: its worker's; the counts any. Tests: tests/scenario/b069_network_rbac.py,
 * tests/interop/x107_envoy_network_rbac.py */
#include <stdatomic.h>
#include "model/ref.h"
struct down;
struct rbac;
struct serve_chain;

struct gate_counts { /* of a chain, by all workers; carried over while the chain is there */
    struct ref ref;
    _Atomic uint64_t allowed, denied, shadow_allowed, shadow_denied;
};

/* By a chain's rules, counted. The connection is known (down_learn). *why: in its arena, when it may not. */
bool gate_passes(struct down *d, const struct serve_chain *c, struct str *why);
/* By any rules, for whoever `spiffe` is; not counted. NULL passes. */
bool gate_judge(struct down *d, const struct rbac *rules, struct str spiffe, struct str *why);
