// SPDX-License-Identifier: Apache-2.0
#pragma once
/* compile: mesh and registry -> model resources, by the names that sidecars ask for:
 *   listener  "inbound|NS/SERVICE", "inbound-tcp|NS/SERVICE" (of a service that is no HTTP), "outbound"
 *   routes    "NS/SERVICE"; "@IP:PORT": whose address that is (model/route.h, ROUTE_ALIAS)
 *   cluster   "inbound|NS/SERVICE", "NS/SERVICE", "NS/SERVICE|LABEL=VALUE"
 *   endpoints "NS/SERVICE", "NS/SERVICE|LABEL=VALUE"
 * Pure: nothing is kept, and who asks makes no difference. Names are hostile. Threads: the control loop.
 * Tests: tests/unit/control/compile.c */
#include "control/mesh.h"
#include "control/reg.h"
#include "model/snap.h"

struct compile_name {
    bool inbound, outbound;
    bool tcp;              /* inbound: octets as they come */
    struct str service;    /* "NS/SERVICE"; empty for "outbound" */
    struct str ns, name;   /* its parts */
    struct str key, value; /* subset; key empty: none */
};
bool compile_name_parse(struct compile_name *n, struct str text);      /* false: nothing has such a name */
bool compile_known(struct mesh *m, struct reg *r, struct str service); /* has an endpoint, healthy or not, or a traffic rule */
/* A new model resource of that type (the caller's reference), or NULL when there is none. */
void *compile_resource(struct mesh *m, struct reg *r, enum xds_type type, struct str name);
