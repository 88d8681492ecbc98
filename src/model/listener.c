// SPDX-License-Identifier: Apache-2.0
#include "model/listener.h"
#include "base/mem.h"
#include "model/route.h"

static void free_listener(struct ref *ref) {
    struct listener *l = container_of(ref, struct listener, ref);
    for (size_t i = 0; i < l->n_chains; i++) {
        ref_put(l->chains[i].hcm.routes);
        rbac_fini(l->chains[i].hcm.rbac);
    }
}

struct listener *listener_new(void) {
    return ref_new(sizeof(struct listener), free_listener);
}
