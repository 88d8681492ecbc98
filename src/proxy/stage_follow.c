// SPDX-License-Identifier: Apache-2.0
/* follow: what the route says of a request that the rules allow: an answer of its own, or where it leads; the deadline;
 * and the route's edits, of which the rules must see nothing. */
#include "codec/grpc.h"
#include "policy/rewrite.h"
#include "proxy/edge.h"
#include "proxy/exch.h"
#include "proxy/stage.h"

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
    x->resp.status = status;
    x->resp.details = STR("direct_response");
    edge_edit_reply(x, f);
    if (status == 400 && !x->down->conn->h2)
        conn_drain(x->down->conn);
    if (!x->grpc) {
        reply_describe(f, body, a);
        return answer(x, status, f, body, "direct_response");
    }
    int grpc = grpc_of_http(status);
    reply_grpc(f, grpc, body, a);
    x->resp.grpc = arena_fmt(a, "%d", grpc);
    return answer(x, 200, f, STR_NONE, "direct_response");
}

static enum verdict answer_plainly(struct exch *x, unsigned status, struct msg_fields *f, struct str body) {
    if (x->lease->serve->profile == PROFILE_ENVOY)
        return answer_as_envoy(x, status, f, body);
    if (body.len)
        msg_add(f, &x->down->arena, HDR_CONTENT_TYPE, STR("text/plain"));
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

/* Of the mesh's own routes: as whoever is trusted says. */
static struct str scheme(const struct exch *x) {
    if (x->listener->side == SIDE_STATIC)
        return x->req.scheme;
    return str_eq(msg_get(&x->req.fields, HDR_X_FORWARDED_PROTO), STR("https")) ? STR("https") : STR("http");
}

/* What a 201 made and where a 3xx leads (RFC 9110 §10.2.2) is, with no other word, here. */
static enum verdict answer_directly(struct exch *x, const struct route *route, struct str body) {
    struct msg_fields f = {0};
    struct arena *a = &x->down->arena;
    if (route->status == 201 || route->status / 100 == 3)
        msg_add(&f, a, HDR_LOCATION, own_url(x, scheme(x)));
    return answer_plainly(x, route->status, &f, body);
}

static enum verdict redirect_to_tls(struct exch *x) {
    return redirect(x, 301, own_url(x, STR("https")));
}

static enum verdict act(struct exch *x, const struct route *route) {
    const struct redirect_from from = {scheme(x), x->req.authority, x->req.path};
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

enum verdict stage_follow(struct exch *x) {
    const struct route *route = x->to.route;
    if (!route)
        return x->to.vhost && edge_needs_tls(x) ? redirect_to_tls(x) : stage_reply(x, no_route(x, x->to.vhost), STR_NONE);
    if (route->action != ROUTE_FORWARD)
        return act(x, route);
    if (!x->to.cluster)
        return stage_reply(x, REPLY_NO_CLUSTER, STR_NONE);
    if (x->lease->serve->profile == PROFILE_ENVOY)
        start_limits(x);
    else
        start_deadline(x);
    exch_watch(x);
    return edge_route(x);
}
