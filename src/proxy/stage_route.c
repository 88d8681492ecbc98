// SPDX-License-Identifier: Apache-2.0
/* route: the target's route table (asked for when it is used for the first time: WAIT), the route in it, its share, its cluster;
 * and the deadline. */
#include "codec/grpc.h"
#include "policy/rewrite.h"
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

/* An answer that the route itself gives: nothing resumes it. */
static enum verdict answer(struct exch *x, unsigned status, struct msg_fields *f, struct str body, const char *details) {
    x->resp.begun = x->resp.ended = true;
    x->resp.status = status;
    x->resp.details = str_of(details);
    x->resp.octets = x->req.method_id == METHOD_HEAD ? 0 : body.len;
    if (x->lease->serve->profile == PROFILE_ENVOY)
        edge_reply(x, f);
    stream_reply_with(x->down, status, f, body);
    return STAGE_WAIT;
}

/* To a gRPC caller Envoy says by a grpc-status what would have been said by HTTP, and what it says with 400 it says last. */
static enum verdict answer_as_envoy(struct exch *x, unsigned status, struct msg_fields *f, struct str body) {
    struct arena *a = &x->down->arena;
    if (status == 400 && !x->down->conn->h2)
        conn_drain(x->down->conn);
    if (!x->grpc)
        return answer(x, status, f, body, "direct_response");
    int grpc = grpc_of_http(status);
    msg_remove(f, HDR_CONTENT_TYPE);
    reply_grpc(f, grpc, body, a);
    x->resp.grpc = arena_fmt(a, "%d", grpc);
    return answer(x, 200, f, STR_NONE, "direct_response");
}

static enum verdict answer_plainly(struct exch *x, unsigned status, struct msg_fields *f, struct str body) {
    if (body.len)
        msg_add(f, &x->down->arena, HDR_CONTENT_TYPE, STR("text/plain"));
    if (x->lease->serve->profile == PROFILE_ENVOY)
        return answer_as_envoy(x, status, f, body);
    return answer(x, status, f, body, "direct_response");
}

static enum verdict redirect(struct exch *x, unsigned status, struct str location) {
    struct msg_fields f = {0};
    msg_add(&f, &x->down->arena, HDR_LOCATION, location);
    return answer_plainly(x, status, &f, STR_NONE);
}

static struct str own_url(const struct exch *x, struct str scheme) {
    return arena_fmt(&x->down->arena, STR_FMT "://" STR_FMT STR_FMT, STR_ARG(scheme), STR_ARG(x->req.authority),
                     STR_ARG(x->req.path));
}

/* What a 201 made and where a 3xx leads (RFC 9110 §10.2.2) is, with no other word, here. */
static enum verdict answer_directly(struct exch *x, const struct route *route, struct str body) {
    struct msg_fields f = {0};
    struct arena *a = &x->down->arena;
    if (route->status == 201 || route->status / 100 == 3)
        msg_add(&f, a, HDR_LOCATION, own_url(x, edge_scheme(x)));
    return answer_plainly(x, route->status, &f, body);
}

/* Plain where only TLS may come: the same over https. */
static bool needs_tls(const struct exch *x, const struct virtual_host *vh) {
    return vh->require_tls != TLS_NOT_REQUIRED && x->listener->side == SIDE_STATIC && !str_eq(edge_scheme(x), STR("https"));
}

static enum verdict redirect_to_tls(struct exch *x) {
    return redirect(x, 301, own_url(x, STR("https")));
}

static enum verdict act(struct exch *x, const struct route *route) {
    const struct redirect_from from = {edge_scheme(x), x->req.authority, x->req.path};
    if (route->action == ROUTE_REDIRECT)
        return redirect(x, route->redirect->status, rewrite_redirect(route, &from, &x->down->arena));
    struct str file = serve_body(x->to.routes, route);
    return answer_directly(x, route, file.ptr ? file : route->body);
}

static enum reply_id no_route(const struct exch *x, const struct virtual_host *vh) {
    if (x->req.method_id == METHOD_CONNECT)
        return REPLY_NOT_TCP;
    return vh && vh->n_routes && vh->routes[0].connect ? REPLY_NOT_HTTP : REPLY_NO_SERVICE;
}

static enum verdict pick(struct exch *x) {
    const struct serve_routes *r = x->to.routes;
    const struct virtual_host *vh = r ? route_vhost(r->table, x->req.authority) : NULL;
    struct request_view view = {
        .msg = &x->req, .peer_spiffe = x->from->peer->spiffe, .source_ip = down_text(x->from, DOWN_REMOTE_IP)};
    struct route_state *states = vh ? r->states[vh - r->table->vhosts] : NULL;
    if (vh && needs_tls(x, vh))
        return redirect_to_tls(x);
    const struct route *route = vh ? route_pick(vh, &view, states) : NULL;
    if (!route || route->action == ROUTE_NONE)
        return stage_reply(x, no_route(x, vh), STR_NONE);
    x->to.vhost = vh;
    x->to.route = route;
    if (route->action != ROUTE_FORWARD)
        return act(x, route);
    x->to.share = route_share(route, &states[route - vh->routes]);
    return STAGE_NEXT;
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

static void start_deadline(struct exch *x) {
    uint64_t timeout = x->to.share->own_policy ? x->to.share->timeout_us : x->to.route->timeout_us;
    bool heeded = x->grpc && x->lease->serve->profile == PROFILE_MESH; /* Envoy does so only where told */
    uint64_t asked = heeded ? grpc_timeout_us(msg_get(&x->req.fields, HDR_GRPC_TIMEOUT)) : 0;
    if (asked && (!timeout || asked < timeout))
        timeout = asked; /* nobody waits for the answer any longer */
    if (timeout)
        x->due.at[DUE_DEADLINE] = x->at.start + timeout;
}

static uint64_t none_as_0(uint64_t us) {
    return us == UINT64_MAX ? 0 : us;
}

/* As Envoy counts: a timeout from the whole request on, and none where the route says how long a stream may be. */
static void start_limits(struct exch *x) {
    const struct route *route = x->to.route;
    const struct hcm *h = x->chain->hcm;
    uint64_t start = x->at.start, timeout = route->max_stream_us ? 0 : route->timeout_us;
    uint64_t duration = none_as_0(route->max_stream_us ? route->max_stream_us : h->stream_us);
    uint64_t silence = route->idle_timeout_us ? route->idle_timeout_us : h->stream_idle_us;
    x->due.silence_us = silence ? none_as_0(silence) : SILENCE_US;
    if (duration)
        x->due.at[DUE_DURATION] = start + duration;
    if (h->request_us && !x->body.ended)
        x->due.at[DUE_REQUEST] = start + h->request_us;
    if (timeout && x->body.ended)
        x->due.at[DUE_DEADLINE] = start + timeout;
    else
        x->due.after_request = timeout;
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
    enum verdict v = pick(x);
    if (v != STAGE_NEXT)
        return v;
    x->to.cluster = find_cluster(x);
    if (!x->to.cluster)
        return stage_reply(x, REPLY_NO_CLUSTER, STR_NONE);
    if (x->listener->side == SIDE_STATIC && !edge_upgrade_allowed(x))
        return stage_reply(x, REPLY_NO_UPGRADE, STR_NONE);
    if (x->lease->serve->profile == PROFILE_ENVOY)
        start_limits(x);
    else
        start_deadline(x);
    exch_watch(x);
    return edge_route(x);
}
