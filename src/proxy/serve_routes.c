// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "io/file.h"
#include "proxy/serve_int.h"

#define BODY_MAX (1u << 20) /* octets of the body of a direct response */

static void routes_fini(struct ref *r) {
    struct serve_routes *routes = container_of(r, struct serve_routes, ref);
    map_fini(&routes->bodies);
    ref_put(routes->table);
}

static const struct route_state *state_find(const struct serve_routes *prev, struct str vhost, struct str route) {
    for (size_t v = 0; prev && route.len && v < prev->table->n_vhosts; v++) {
        const struct virtual_host *vh = &prev->table->vhosts[v];
        for (size_t i = 0; str_eq(vh->name, vhost) && i < vh->n_routes; i++)
            if (str_eq(vh->routes[i].name, route))
                return &prev->states[v][i];
    }
    return NULL;
}

/* Bodies of direct responses that are in files: read once for a table. */
static int read_body(struct serve_routes *r, struct str file, struct err *e) {
    struct buf text = {0};
    if (!file.len || map_has(&r->bodies, file))
        return 0;
    int rc = file_read(file, BODY_MAX, &text, e);
    if (rc >= 0) {
        struct str *body = arena_alloc(&r->ref.mem, sizeof(*body));
        *body = text.len ? arena_dup(&r->ref.mem, buf_str(&text)) : STR("");
        map_put(&r->bodies, file, body);
    }
    buf_fini(&text);
    return rc;
}

int serve__read_bodies(struct serve_routes *r, struct err *e) {
    for (size_t v = 0; v < r->table->n_vhosts; v++)
        for (size_t i = 0; i < r->table->vhosts[v].n_routes; i++) {
            int rc = read_body(r, r->table->vhosts[v].routes[i].body_file, e);
            if (rc < 0)
                return rc;
        }
    return 0;
}

struct serve_routes *serve__routes(struct route_table *table, struct serve_routes *prev) {
    if (prev && prev->table == table)
        return ref_get(prev);
    struct serve_routes *r = ref_new(sizeof(*r), routes_fini);
    r->table = ref_get(table);
    r->states = arena_zalloc(&r->ref.mem, (table->n_vhosts + 1) * sizeof(*r->states));
    if (prev)
        atomic_store_explicit(&r->used_at, atomic_load_explicit(&prev->used_at, memory_order_relaxed), memory_order_relaxed);
    for (size_t v = 0; v < table->n_vhosts; v++) {
        const struct virtual_host *vh = &table->vhosts[v];
        r->states[v] = arena_zalloc(&r->ref.mem, (vh->n_routes + 1) * sizeof(**r->states));
        for (size_t i = 0; i < vh->n_routes; i++) {
            const struct route_state *old = state_find(prev, vh->name, vh->routes[i].name);
            if (!old)
                continue;
            atomic_store_explicit(&r->states[v][i].seen, atomic_load_explicit(&old->seen, memory_order_relaxed),
                                  memory_order_relaxed);
            atomic_store_explicit(&r->states[v][i].split, atomic_load_explicit(&old->split, memory_order_relaxed),
                                  memory_order_relaxed);
        }
    }
    return r;
}

struct serve_routes *serve__no_routes(struct str name) {
    struct route_table *empty = route_table_new();
    empty->name = arena_dup(&empty->ref.mem, name);
    struct serve_routes *r = serve__routes(empty, NULL);
    ref_put(empty);
    return r;
}

int serve_try_routes(struct route_table *t, struct err *e) {
    struct serve_routes *r = serve__routes(t, NULL);
    int rc = serve__read_bodies(r, e);
    ref_put(r);
    return rc;
}
