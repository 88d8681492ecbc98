// SPDX-License-Identifier: Apache-2.0
#include "model/listener.h"
#include "base/mem.h"
#include "model/route.h"

static void fini_chain(struct filter_chain *c) {
    ref_put(c->hcm.routes);
    rbac_fini(c->hcm.rbac);
    rbac_fini(c->rbac);
}

static void free_listener(struct ref *ref) {
    struct listener *l = container_of(ref, struct listener, ref);
    for (size_t i = 0; i < l->n_chains; i++)
        fini_chain(&l->chains[i]);
    if (l->fallback)
        fini_chain(l->fallback);
}

struct listener *listener_new(void) {
    return ref_new(sizeof(struct listener), free_listener);
}
