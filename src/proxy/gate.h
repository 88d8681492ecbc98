// SPDX-License-Identifier: Apache-2.0
#pragma once
/* gate: network RBAC: may this connection pass, by the rules of its filter chain (envoy.extensions.filters.network.rbac.v3),
 * which stand before the TCP proxy or the HTTP connection manager; and what its shadow rules would have said, which is counted
 * only. Threads: its worker's. Tests: tests/scenario/b069_network_rbac.py,
 * tests/interop/x108_envoy_network_rbac.py */
#include "base/str.h"
struct down;
struct rbac;
struct serve_chain;

/* By a chain's rules, counted. The connection is known (down_learn). *why: in its arena, when it may not. */
bool gate_passes(struct down *d, const struct serve_chain *c, struct str *why);
/* By any rules, for whoever `spiffe` is; not counted. NULL passes. */
bool gate_judge(struct down *d, const struct rbac *rules, struct str spiffe, struct str *why);
