// SPDX-License-Identifier: Apache-2.0
#pragma once
/* snap: a snapshot: every resource a proxy serves from, tied together; immutable once built and shared by all workers.
 * A new one starts as a copy of the references of the old one. Threads: a finished snapshot, any. Tests: tests/unit/model/snap.c
 */
#include "base/map.h"
#include "model/cluster.h"
#include "model/endpoint.h"
#include "model/listener.h"
#include "model/ref.h"
#include "model/route.h"
#include "model/secret.h"

enum xds_type { XDS_LISTENER, XDS_ROUTE, XDS_CLUSTER, XDS_ENDPOINT, XDS_SECRET, XDS_TYPES };

struct snap {
    struct ref ref;
    uint64_t version;         /* counts up */
    struct map of[XDS_TYPES]; /* name -> resource (struct listener, route_table, cluster, endpoints, secret), references */
};
struct snap *snap_new(const struct snap *from);                                     /* from: NULL for an empty one */
void snap_put(struct snap *s, enum xds_type type, struct str name, void *resource); /* takes its own reference; replaces */
void snap_del(struct snap *s, enum xds_type type, struct str name);
static inline void *snap_get(const struct snap *s, enum xds_type type, struct str name) { /* borrowed; NULL when absent */
    return map_get(&s->of[type], name);
}
