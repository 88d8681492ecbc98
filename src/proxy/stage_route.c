// SPDX-License-Identifier: Apache-2.0
/* route: the target's route table (asked for when it is used for the first time: WAIT), the route in it, its share, its
 * cluster. */
#include "proxy/edge.h"
#include "proxy/exch.h"
#include "proxy/stage.h"
#include "proxy/worker.h"

/* Redirected here: who has the address that it was going to? A request that says nothing else is for that one. */
static bool name_original(struct exch *x) {
    if (!x->from->restored || msg_find(&x->req.fields, HDR_X_TARGET_SERVICE))
        return false;
    struct str address = down_text(x->from, DOWN_LOCAL);
    x->to.name = arena_fmt(&x->down->arena, "%c" STR_FMT, ROUTE_ALIAS, STR_ARG(address));
    if (!x->req.authority.len)
        x->req.authority = address;
    return true;
}

static enum verdict resolve(struct exch *x) {
    struct target *t = &x->to.target;
    switch (target_resolve(t, &x->req, x->w->env->ns, &x->down->arena)) {
    case TARGET_NONE: return name_original(x) ? STAGE_NEXT : stage_reply(x, REPLY_NO_TARGET, STR_NONE);
    case TARGET_BAD: return stage_reply(x, REPLY_BAD_TARGET, str_of(t->why));
    case TARGET_UNKNOWN: return stage_reply(x, REPLY_NO_SERVICE, STR_NONE);
    case TARGET_FOUND: break;
    }
    t->service = arena_dup(&x->down->arena, t->service);
    x->to.name = arena_join(&x->down->arena, t->ns, STR("/"), t->service);
    t->ns = str_first(x->to.name, t->ns.len);
    return STAGE_NEXT;
}

/* X-Target-* never leave the sidecar. */
static void remove_targets(struct msg_fields *f) {
    unsigned to = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (!str_istarts(f->at[i].name, STR("x-target-")))
            f->at[to++] = f->at[i];
    f->n = to;
}

static void on_answer(struct worker_waiter *ww, bool away, struct str text) {
    struct exch *x = container_of(ww, struct exch, waiter);
    x->to.away = away;
    exch_resume(x);
}

/* The table by that name; if it says whose an address is, the owner's: from there on the request is as if it had named that one.
 */
static struct serve_routes *look_up(struct exch *x) {
    struct serve_routes *r = serve_routes_get(x->lease->serve, x->to.name);
    if (!r || !route_is_alias(x->to.name))
        return r;
    serve_routes_used(r, exch_now(x));
    x->to.name = arena_dup(&x->down->arena, route_owner(r->table));
    x->to.asked = false; /* for that one */
    return serve_routes_get(x->lease->serve, x->to.name);
}

static enum verdict find_table(struct exch *x) {
    struct serve *s = x->lease->serve;
    x->to.routes = look_up(x);
    if (x->to.routes)
        return STAGE_NEXT;
    const uint64_t *until = map_get(&s->absent, x->to.name);
    if (until && *until > exch_now(x))
        return stage_reply(x, REPLY_NO_SERVICE, STR_NONE);
    if (x->to.away || x->to.asked)
        return stage_reply(x, REPLY_CONTROL_AWAY, STR_NONE);
    x->to.asked = true;
    x->waiter.wake = on_answer;
    worker_wait(x->w, &x->waiter, x->to.name);
    return STAGE_WAIT;
}

/* Waiting is over: the newest snapshot is the one to go on with. */
static void renew_lease(struct exch *x) {
    if (!x->to.asked)
        return;
    exch_lease(x);
}

static enum verdict outbound(struct exch *x) {
    if (!x->to.name.len) {
        enum verdict v = resolve(x);
        if (v != STAGE_NEXT)
            return v;
        remove_targets(&x->req.fields);
        if (!x->req.authority.len) /* HTTP/1.0 may leave Host out, HTTP/1.1 must not */
            x->req.authority =
                arena_fmt(&x->down->arena, STR_FMT "." STR_FMT, STR_ARG(x->to.target.service), STR_ARG(x->to.target.ns));
    }
    renew_lease(x);
    return find_table(x);
}

/* Which cluster: the share's, or the one that a header names. */
static struct str cluster_name(const struct exch *x) {
    struct str header = x->to.route->cluster_header;
    const struct msg_field *f = header.len ? msg_find_name(&x->req.fields, header) : NULL;
    return header.len ? (f ? f->value : STR_NONE) : x->to.share->cluster;
}

/* By the name's place, not its text, where that is the table's: many requests go where the last one went. */
static struct serve_cluster *find_cluster(struct exch *x) {
    struct serve *s = x->lease->serve;
    struct str name = cluster_name(x);
    struct worker *w = x->w;
    if (x->to.route->cluster_header.len)
        return serve_cluster_get(s, name);
    if (w->last.serve != s || w->last.name.ptr != name.ptr || w->last.name.len != name.len) {
        w->last.cluster = serve_cluster_get(s, name);
        w->last.name = name;
        w->last.serve = s;
    }
    return w->last.cluster;
}

/* The virtual host and the route; what they say is done once the request is allowed (stage_follow.c). */
static void pick(struct exch *x) {
    const struct serve_routes *r = x->to.routes;
    const struct virtual_host *vh = x->to.vhost = r ? route_vhost(r->table, x->req.authority) : NULL;
    struct request_view view = {
        .msg = &x->req, .peer_spiffe = x->from->peer->spiffe, .source_ip = down_text(x->from, DOWN_REMOTE_IP)};
    struct route_state *states = vh ? r->states[vh - r->table->vhosts] : NULL;
    const struct route *route = vh && !edge_needs_tls(x) ? route_pick(vh, &view, states) : NULL;
    if (!route || route->action == ROUTE_NONE)
        return;
    x->to.route = route;
    if (route->action != ROUTE_FORWARD)
        return;
    x->to.share = route_share(route, &states[route - vh->routes]);
    x->to.cluster = find_cluster(x);
}

enum verdict stage_route(struct exch *x) {
    if (x->listener->side == SIDE_OUTBOUND) {
        enum verdict v = outbound(x);
        if (v != STAGE_NEXT)
            return v;
        serve_routes_used(x->to.routes, exch_now(x));
    } else {
        x->to.routes = x->chain->routes;
        if (x->listener->side == SIDE_INBOUND)
            remove_targets(&x->req.fields); /* and they forward nowhere: no open relay */
    }
    pick(x);
    /* As Envoy, which makes no filters, rules among them, for an upgrade that is not served. */
    if (x->listener->side == SIDE_STATIC && x->to.route && !edge_upgrade_allowed(x))
        return stage_reply(x, REPLY_NO_UPGRADE, STR_NONE);
    return STAGE_NEXT;
}
