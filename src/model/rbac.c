// SPDX-License-Identifier: Apache-2.0
#include "model/rbac.h"

static void free_node(struct rbac_node *n) {
    header_match_fini(&n->header);
    string_match_fini(&n->string);
    for (size_t i = 0; i < n->n_kids; i++)
        free_node(&n->kids[i]); /* as deep as the message was: 64 at most (xds.h) */
}

void rbac_fini(struct rbac *r) {
    for (size_t i = 0; r && i < r->n_policies; i++) {
        free_node(&r->policies[i].permission);
        free_node(&r->policies[i].principal);
    }
}
