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

enum reach_verdict reach_find(struct reach *r, struct down *d, const struct serve *s) {
    if (!r->name.len && !name_target(r, d))
        return REACH_NO_TARGET;
    struct serve_routes *routes = serve_routes_get(s, r->name);
    if (!routes)
        return ask(r, d, s);
    serve_routes_used(routes, d->w->loop.now);
    return pick(r, d, routes);
}

void reach_cancel(struct reach *r) {
    list_remove(&r->waiter.node);
}
