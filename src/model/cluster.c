// SPDX-License-Identifier: Apache-2.0
#include "model/cluster.h"
#include "base/mem.h"
#include "model/endpoint.h"

static void free_cluster(struct ref *ref) {
    struct cluster *c = container_of(ref, struct cluster, ref);
    ref_put(c->inline_endpoints);
    rbac_fini(c->plain_rbac);
}

struct cluster *cluster_new(void) {
    return ref_new(sizeof(struct cluster), free_cluster);
}
