// SPDX-License-Identifier: Apache-2.0
#pragma once
/* compile_foreign: the mesh for clients that are not weft's (docs/decisions/0036): Envoy, which takes all there is, and gRPC,
 * which asks by name. What compile makes, without what only weft understands, and under names that hold what differs by client,
 * so that resources depend on their name alone:
 *
 * - Envoy: listeners "inbound|NS/SERVICE|IP:PORT|APP" and "outbound|NS|IP:PORT"; routes "inbound|NS/SERVICE|APP" and
 *   "outbound|NS"; cluster "inbound|NS/SERVICE|APP"; listener and routes of an app that takes octets are "inbound-tcp|…"
 * - gRPC: listeners "inbound|NS/SERVICE|IP:PORT" (a server's) and "SERVICE[.NS…][:PORT]" (a client's); routes "NS/SERVICE"
 * - both: clusters and endpoints as in compile.h
 *
 * Security rules of endpoints without a sidecar are enforced by the caller's, which these cannot: such an endpoint is left out
 * but where the rules admit anybody. Names are hostile. Threads: the control loop. Tests: tests/unit/control/compile_foreign.c,
 * tests/interop/x130_envoy_sidecar.py, x140_grpc_without_proxy.py */
#include "control/compile.h"

enum compile_for { FOR_WEFT, FOR_ENVOY, FOR_GRPC, COMPILE_FORS };
enum compile_for compile_for_agent(struct str user_agent_name); /* of a node; who is unknown is taken for an Envoy */

/* As compile_resource. FOR_WEFT is that. */
void *compile_foreign(struct mesh *m, struct reg *r, enum compile_for who, enum xds_type type, struct str name);
/* "NS/SERVICE" that the resource is about, in `a` ("@IP:PORT" of one that says whose that is); empty when of none: then anything
 * may change it. */
struct str compile_foreign_service(enum compile_for who, enum xds_type type, struct str name, struct arena *a);
