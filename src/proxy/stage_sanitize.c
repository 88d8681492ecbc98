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
static void distrust(struct msg_fields *f) {
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

/* Is it that name, for who takes '_' for '-'? So do all that have headers as CGI has them (RFC 3875 §4.1.18), WSGI and PHP among
 * them: there it would be one with what the certificate proves. */
static bool reads_as(struct str name, struct str known) {
    if (name.len != known.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((name.ptr[i] == '_' ? '-' : name.ptr[i] | 0x20) != known.ptr[i]) /* a token's '-' and letters */
            return false;
    return true;
}

static bool claims_identity(struct str name) {
    return reads_as(name, STR("x-source-service")) || reads_as(name, STR("x-source-namespace")) ||
           reads_as(name, STR("x-forwarded-client-cert"));
}

/* Names that weft knows are what they are; these look like one. */
static bool is_lookalike(const struct msg_field *f) {
    return f->id == HDR_OTHER && f->name.len >= sizeof("x-source-service") - 1 && (f->name.ptr[0] | 0x20) == 'x' &&
           claims_identity(f->name);
}

static void remove_lookalikes(struct msg_fields *f) {
    unsigned to = 0;
    for (unsigned i = 0; i < f->n; i++) {
        if (is_lookalike(&f->at[i]))
            continue;
        if (to != i)
            f->at[to] = f->at[i];
        to++;
    }
    f->n = to;
}

/* What the head may not say, the trailers may not either: some reader joins them (RFC 9110 §6.5.1). */
void stage_sanitize_trailers(struct exch *x, struct msg_fields *f) {
    msg_strip_named(f, x->body.named);
    if (x->listener->side == SIDE_STATIC)
        return;
    remove_prefix(f, STR("x-target-"));
    remove_lookalikes(f);
    if (x->listener->side == SIDE_INBOUND && x->plain)
        distrust(f);
}

enum verdict stage_sanitize(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    if (!x->body.ended && msg_find(f, HDR_CONNECTION))
        x->body.named = msg_join(f, HDR_CONNECTION, STR(","), &x->down->arena);
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
    remove_lookalikes(f);
    if (x->listener->side == SIDE_INBOUND && x->plain)
        distrust(f);
    forwarded(x);
    x->req.absolute_form = false; /* forwarded in origin form, its authority as Host (RFC 9112 §3.2.2) */
    return STAGE_NEXT;
}
