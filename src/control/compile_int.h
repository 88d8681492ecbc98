// SPDX-License-Identifier: Apache-2.0
#pragma once
/* compile_int: what compile*.c share. Memory of what they make lies in the arena of the resource. */
#include "control/compile.h"

struct listener *compile__listener(const struct mesh *m, const struct compile_name *n, struct str name);
/* `tcp`: the service speaks TCP: its routes take CONNECT, and nothing else. */
struct route_table *compile__routes(const struct mesh *m, const struct compile_name *n, struct str name, bool tcp);
bool compile__speaks_h2(struct reg *r, struct str service);  /* all of its endpoints do */
bool compile__speaks_tcp(struct reg *r, struct str service); /* likewise */
/* Fills in the routes of a service's virtual host. */
void compile__vhost(const struct mesh *m, struct str service, bool tcp, struct arena *a, struct virtual_host *vh);
/* The security rules of one destination. `plain`: as the caller's sidecar enforces them on endpoints without one, so
 * without those that demand mTLS. */
struct rbac *compile__rbac(const struct mesh *m, struct str ns, struct str service, bool plain, struct arena *a);
