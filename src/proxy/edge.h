// SPDX-License-Identifier: Apache-2.0
#pragma once
/* edge: what a connection manager and a router of Envoy's do to headers on their way: the path's normal form, forwarding headers
 * and x-envoy-* of the request; server, via and timing of the response; the edits that a route table asks for. For listeners that
 * a bootstrap or a foreign control plane configured; weft's own sidecars have rules of their own (stage_sanitize.c).
 * Threads: the worker's. Tests: tests/interop/x10*.py */
#include "proxy/stage.h"
struct exch;
struct msg;
struct msg_fields;

enum verdict edge_request(struct exch *x);        /* sanitize */
bool edge_upgrade_allowed(const struct exch *x);  /* by the connection manager and the route; true where none is asked for */
bool edge_needs_tls(const struct exch *x);        /* plain, where x->to.vhost lets only TLS in */
enum verdict edge_route(struct exch *x);          /* what the route that was found makes of the request */
void edge_forward(struct exch *x);                /* what the router says to the upstream, each try */
void edge_respond(struct exch *x, struct msg *m); /* a response of the upstream's */
/* A reply of our own, also one of a route: what the route adds, before the fields that tell of the body; and the rest. */
void edge_edit_reply(struct exch *x, struct msg_fields *f);
void edge_reply(struct exch *x, struct msg_fields *f);
