// SPDX-License-Identifier: Apache-2.0
#include "model/route.h"
#include "base/mem.h"

static void free_route(struct route *r) {
    path_match_fini(&r->match.path);
    for (size_t i = 0; i < r->match.n_headers; i++)
        header_match_fini(&r->match.headers[i]);
    for (size_t i = 0; i < r->match.n_queries; i++)
        query_match_fini(&r->match.queries[i]);
    regex_rewrite_fini(&r->path_regex);
    regex_rewrite_fini(&r->host_regex);
    if (r->redirect)
        regex_rewrite_fini(&r->redirect->regex);
}

static void free_table(struct ref *ref) {
    struct route_table *t = container_of(ref, struct route_table, ref);
    for (size_t v = 0; v < t->n_vhosts; v++)
        for (size_t i = 0; i < t->vhosts[v].n_routes; i++)
            free_route(&t->vhosts[v].routes[i]);
}

struct route_table *route_table_new(void) {
    return ref_new(sizeof(struct route_table), free_table);
}
