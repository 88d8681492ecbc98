// SPDX-License-Identifier: Apache-2.0
#include "proxy/reach.h"
#include "policy/route.h"
#include "proxy/target.h"

static bool name_target(struct reach *r, struct down *d) {
    struct target t;
    if (!d->server_name.len || target_of_name(&t, d->server_name, d->w->env->ns) != TARGET_FOUND)
        return false;
    r->name = arena_fmt(&d->mem, STR_FMT "/" STR_FMT, STR_ARG(t.ns), STR_ARG(t.service));
    return true;
}

static bool name_original(struct reach *r, struct down *d, struct arena *mem) {
    char text[ADDR_TEXT];
    if (!d->restored)
        return false;
    struct str address = d->known ? down_text(d, DOWN_LOCAL) : str_of(addr_kept_text(&d->tr->local, text));
    r->name = arena_fmt(mem, "%c" STR_FMT, ROUTE_ALIAS, STR_ARG(address));
    return true;
}

static void on_answer(struct worker_waiter *ww, bool away, struct str text) {
    struct reach *r = container_of(ww, struct reach, waiter);
    r->away = away;
    r->resume(r);
}

static enum reach_verdict ask(struct reach *r, struct down *d, const struct serve *s) {
    const uint64_t *until = map_get(&s->absent, r->name);
    if (until && *until > d->w->loop.now)
        return REACH_NO_SERVICE;
    if (r->asked || r->away)
        return REACH_AWAY;
    r->asked = true;
    r->waiter.wake = on_answer;
    worker_wait(d->w, &r->waiter, r->name);
    return REACH_WAIT;
}

/* As a CONNECT would go that asks for nothing else. */
static enum reach_verdict pick(struct reach *r, const struct down *d, const struct serve_routes *routes) {
    const struct msg connect = {.request = true,
                                .method = STR("CONNECT"),
                                .method_id = METHOD_CONNECT,
                                .authority = d->server_name,
                                .content_length = -1};
    struct request_view view = {.msg = &connect, .source_ip = down_text(d, DOWN_REMOTE_IP)};
    const struct virtual_host *vh = route_vhost(routes->table, connect.authority);
    struct route_state *states = vh ? routes->states[vh - routes->table->vhosts] : NULL;
    const struct route *route = vh ? route_pick(vh, &view, states) : NULL;
    if (!route || route->action != ROUTE_FORWARD)
        return REACH_NO_SERVICE;
    const struct route_cluster *share = route_share(route, &states[route - vh->routes]);
    r->cluster = share->cluster;
    r->attempts = 1 + (share->own_policy ? share->retries : route->retries);
    r->hashed = route->n_hash && route_hash(route, &view, &r->hash);
    return REACH_FOUND;
}

/* The table by r->name, or where that says whose an address is, the owner's. */
static enum reach_verdict find_table(struct reach *r, struct down *d, const struct serve *s, struct arena *mem,
                                     struct serve_routes **out) {
    struct serve_routes *routes = serve_routes_get(s, r->name);
    if (routes && route_is_alias(r->name)) {
        serve_routes_used(routes, d->w->loop.now);
        r->name = arena_dup(mem, route_owner(routes->table));
        r->asked = false;
        routes = serve_routes_get(s, r->name);
    }
    *out = routes;
    if (!routes)
        return ask(r, d, s);
    serve_routes_used(routes, d->w->loop.now);
    return REACH_FOUND;
}

enum reach_verdict reach_find(struct reach *r, struct down *d, const struct serve *s) {
    struct serve_routes *routes;
    if (!r->name.len && !name_target(r, d) && !name_original(r, d, &d->mem))
        return REACH_NO_TARGET;
    enum reach_verdict v = find_table(r, d, s, &d->mem, &routes);
    return v == REACH_FOUND ? pick(r, d, routes) : v;
}

/* Its routes are of CONNECT, and of nothing else (control/compile_routes.c). */
static bool takes_octets(const struct route_table *t) {
    for (size_t v = 0; v < t->n_vhosts; v++)
        for (size_t i = 0; i < t->vhosts[v].n_routes; i++)
            if (t->vhosts[v].routes[i].match.path.kind != PATH_CONNECT)
                return false;
    return t->n_vhosts > 0;
}

enum reach_verdict reach_original(struct reach *r, struct down *d, const struct serve *s, struct arena *mem) {
    struct serve_routes *routes;
    if (!r->name.len && !name_original(r, d, mem))
        return REACH_NO_TARGET;
    enum reach_verdict v = find_table(r, d, s, mem, &routes);
    return v == REACH_FOUND && !takes_octets(routes->table) ? REACH_REQUESTS : v;
}

void reach_cancel(struct reach *r) {
    list_remove(&r->waiter.node);
}
