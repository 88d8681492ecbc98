// SPDX-License-Identifier: Apache-2.0
/* sanitize: what must not be forwarded goes, and what callers outside the mesh claim about the way of the request is made true.
 */
#include "proxy/edge.h"
#include "proxy/exch.h"
#include "proxy/stage.h"

/* Removes the fields whose names begin with `prefix`. */
static void remove_prefix(struct msg_fields *f, struct str prefix) {
    unsigned to = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (!str_istarts(f->at[i].name, prefix))
            f->at[to++] = f->at[i];
    f->n = to;
}

/* A caller outside of the mesh: what it says about itself and its way is not believed. */
static void distrust(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    msg_remove(f, HDR_X_REQUEST_ID);
    remove_prefix(f, STR("x-forwarded-"));
    remove_prefix(f, STR("x-envoy-"));
}

static void append_forwarded_for(struct exch *x) {
    struct arena *a = &x->down->arena;
    struct str ip = down_text(x->from, DOWN_REMOTE_IP), so_far = msg_join(&x->req.fields, HDR_X_FORWARDED_FOR, STR(", "), a);
    if (so_far.len && ip.len)
        msg_set(&x->req.fields, a, HDR_X_FORWARDED_FOR, arena_join(a, so_far, STR(", "), ip));
    else if (ip.len)
        msg_set(&x->req.fields, a, HDR_X_FORWARDED_FOR, ip);
}

static void forwarded(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    if (x->listener->side != SIDE_OUTBOUND)
        append_forwarded_for(x);
    if (!msg_find(f, HDR_X_FORWARDED_PROTO))
        msg_set_checked(f, &x->down->arena, HDR_X_FORWARDED_PROTO, x->plain ? STR("http") : STR("https"));
}

/* RFC 6455 §4.1: a GET; a body there would have no place in HTTP/2. */
static bool upgrade_allowed(const struct exch *x) {
    return str_ieq(x->req.upgrade, STR("websocket")) && x->req.method_id == METHOD_GET && x->body.ended;
}

enum verdict stage_sanitize(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    if (x->listener->side == SIDE_STATIC)
        return edge_request(x);
    if (x->listener->side == SIDE_OUTBOUND)
        stat_add(&x->w->stats, STAT_outbound_requests, 1);
    if (x->req.method_id == METHOD_CONNECT)
        x->req.upgrade = STR_NONE;
    if (x->req.upgrade.len && !upgrade_allowed(x)) {
        if (x->req.version == 20) /* RFC 8441 §4: there is no request without it */
            return stage_reply(x, REPLY_UPGRADE_REFUSED, STR_NONE);
        x->req.upgrade = STR_NONE; /* dropped: the request goes on without */
    }
    msg_strip_hop_by_hop(f);
    msg_remove(f, HDR_X_FORWARDED_CLIENT_CERT); /* never passed through */
    if (x->listener->side == SIDE_INBOUND && x->plain)
        distrust(x);
    forwarded(x);
    x->req.absolute_form = false; /* forwarded in origin form, its authority as Host (RFC 9112 §3.2.2) */
    return STAGE_NEXT;
}
