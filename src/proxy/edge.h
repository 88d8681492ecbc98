// SPDX-License-Identifier: Apache-2.0
#pragma once
/* edge: what a connection manager of Envoy's does to headers on their way: forwarding headers and x-envoy-* of the request,
 * server, via and timing of the response. For listeners that a bootstrap or a foreign control plane configured; weft's own
 * sidecars have rules of their own (stage_sanitize.c). Threads: the worker's. Tests: tests/interop/ */
struct exch;
struct msg;

void edge_request(struct exch *x);                /* in place of sanitize's rules */
void edge_forward(struct exch *x);                /* what the router says to the upstream */
void edge_respond(struct exch *x, struct msg *m); /* a response of the upstream's */
