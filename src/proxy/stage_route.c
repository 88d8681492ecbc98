// SPDX-License-Identifier: Apache-2.0
/* route: the target's route table (asked for when it is used for the first time: WAIT), the route in it, its share, its cluster;
 * and the deadline. */
#include "proxy/exch.h"
#include "proxy/stage.h"
#include "proxy/worker.h"

static void on_deadline(struct timer *t) {
    struct exch *x = container_of(t, struct exch, timer);
    if (x->up && x->listener->side != SIDE_INBOUND)
        stat_add(&x->w->stats, STAT_backend_failures, 1);
    exch_fail(x, REPLY_TIMED_OUT, STR_NONE);
}

static enum verdict resolve(struct exch *x) {
    struct target *t = &x->to.target;
    switch (target_resolve(t, &x->req, x->w->env->ns, &x->down->arena)) {
    case TARGET_NONE: return stage_reply(x, REPLY_NO_TARGET, STR_NONE);
    case TARGET_BAD: return stage_reply(x, REPLY_BAD_TARGET, str_of(t->why));
    case TARGET_UNKNOWN: return stage_reply(x, REPLY_NO_SERVICE, STR_NONE);
    case TARGET_FOUND: break;
    }
    t->service = arena_dup(&x->down->arena, t->service);
    x->to.name = arena_fmt(&x->down->arena, STR_FMT "/" STR_FMT, STR_ARG(t->ns), STR_ARG(t->service));
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

static enum verdict find_table(struct exch *x) {
    struct serve *s = x->lease->serve;
    x->to.routes = serve_routes_get(s, x->to.name);
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

static void answer_directly(struct exch *x, const struct route *route) {
    struct msg_fields f = {0};
    struct str name = x->chain->hcm->server_name;
    if (route->body.len)
        msg_add(&f, &x->down->arena, HDR_CONTENT_TYPE, STR("text/plain"));
    if (x->lease->serve->profile == PROFILE_ENVOY)
        msg_add(&f, &x->down->arena, HDR_SERVER, name.len ? name : STR("envoy"));
    stream_reply_with(x->down, route->status, &f, route->body);
}

static enum verdict pick(struct exch *x) {
    const struct serve_routes *r = x->to.routes;
    const struct virtual_host *vh = r ? route_vhost(r->table, x->req.authority) : NULL;
    struct request_view view = {.msg = &x->req, .peer_spiffe = x->from->peer.spiffe, .source_ip = x->from->remote_ip};
    struct route_state *states = vh ? r->states[vh - r->table->vhosts] : NULL;
    const struct route *route = vh ? route_pick(vh, &view, states) : NULL;
    if (!route || route->action == ROUTE_NONE)
        return stage_reply(x, REPLY_NO_SERVICE, STR_NONE);
    x->to.route = route;
    if (route->action == ROUTE_DIRECT) {
        x->resp.begun = x->resp.ended = true;
        x->resp.status = route->status;
        x->resp.details = STR("direct_response");
        answer_directly(x, route);
        return STAGE_WAIT; /* answered: nothing resumes it */
    }
    x->to.share = route_share(route, &states[route - vh->routes]);
    return STAGE_NEXT;
}

static void rewrite(struct exch *x) {
    const struct route *r = x->to.route;
    if (r->host_rewrite.len)
        x->req.authority = r->host_rewrite;
    if (r->prefix_rewrite.len && r->match.path.kind == PATH_PREFIX)
        x->req.path = arena_fmt(&x->down->arena, STR_FMT STR_FMT, STR_ARG(r->prefix_rewrite),
                                STR_ARG(str_from(x->req.path, r->match.path.text.len)));
}

static void start_deadline(struct exch *x) {
    uint64_t timeout = x->to.share->own_policy ? x->to.share->timeout_us : x->to.route->timeout_us;
    if (!timeout)
        return;
    uint64_t spent = exch_now(x) - x->at.start;
    loop_timer(&x->w->loop, &x->timer, timeout > spent ? timeout - spent : 0, on_deadline);
}

static void note_use(struct exch *x) {
    uint64_t now = exch_now(x) / CLOCK_S;
    if (atomic_load_explicit(&x->to.routes->used_at, memory_order_relaxed) != now)
        atomic_store_explicit(&x->to.routes->used_at, now, memory_order_relaxed);
}

enum verdict stage_route(struct exch *x) {
    if (x->listener->side == SIDE_OUTBOUND) {
        enum verdict v = outbound(x);
        if (v != STAGE_NEXT)
            return v;
        note_use(x);
    } else {
        x->to.routes = x->chain->routes;
        if (x->listener->side == SIDE_INBOUND)
            remove_targets(&x->req.fields); /* and they forward nowhere: no open relay */
    }
    enum verdict v = pick(x);
    if (v != STAGE_NEXT)
        return v;
    x->to.cluster = serve_cluster_get(x->lease->serve, x->to.share->cluster);
    if (!x->to.cluster)
        return stage_reply(x, REPLY_NO_CLUSTER, STR_NONE);
    rewrite(x);
    start_deadline(x);
    return STAGE_NEXT;
}
