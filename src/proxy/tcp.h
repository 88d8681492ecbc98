// SPDX-License-Identifier: Apache-2.0
#pragma once
/* tcp: a downstream connection whose filter chain passes octets on as they come (envoy.extensions.filters.network.tcp_proxy.v3).
 *
 * Life: TLS, where the chain terminates it -> the chain's rules (network RBAC), for the identity that the certificate proves ->
 * a cluster of the split and one of its hosts, dialled at once: no octet of the client is waited for, so a server that speaks
 * first is heard; nothing is read from the client before it stands -> a tunnel (proxy/tunnel.h) -> one line of access log. A host
 * that refuses gives way to another, max_connect_attempts at most. Rules are judged again with every snapshot: a connection that
 * is allowed no longer ends at once. What is cut short is reset, never ended in order. Threads: its worker's. */
#include "proxy/down.h"

void tcp_open(struct down *d, unsigned chain); /* takes d->tr over; `d` is freed with it */
void tcp_judge_all(struct worker *w);          /* by the newest rules: what they allow no longer ends */
void tcp_abort(struct tcp *t);                 /* resets both sides */
