// SPDX-License-Identifier: Apache-2.0
#include "proxy/edge.h"
#include "proxy/exch.h"

/* ---- the request ---- */
static struct str forwarded_for(struct exch *x) { /* several fields are one list (RFC 9110 §5.3) */
    struct str so_far = STR_NONE;
    for (unsigned i = 0; i < x->req.fields.n; i++) {
        const struct msg_field *f = &x->req.fields.at[i];
        if (f->id == HDR_X_FORWARDED_FOR)
            so_far = so_far.len ? arena_fmt(&x->down->arena, STR_FMT "," STR_FMT, STR_ARG(so_far), STR_ARG(f->value)) : f->value;
    }
    return so_far;
}

static void append_forwarded_for(struct exch *x) {
    struct str so_far = forwarded_for(x), ip = x->from->remote_ip;
    if (so_far.len && ip.len)
        ip = arena_fmt(&x->down->arena, STR_FMT "," STR_FMT, STR_ARG(so_far), STR_ARG(ip));
    if (ip.len)
        msg_set(&x->req.fields, &x->down->arena, HDR_X_FORWARDED_FOR, ip);
}

void edge_request(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    struct str scheme = x->plain ? STR("http") : STR("https");
    if (x->chain->hcm->use_remote_address) {
        append_forwarded_for(x);
        msg_set(f, &x->down->arena, HDR_X_FORWARDED_PROTO, scheme);
    } else if (!msg_find(f, HDR_X_FORWARDED_PROTO)) {
        msg_add(f, &x->down->arena, HDR_X_FORWARDED_PROTO, scheme);
    }
}

void edge_forward(struct exch *x) {
    struct arena *a = &x->down->arena;
    uint64_t timeout = x->to.share->own_policy ? x->to.share->timeout_us : x->to.route->timeout_us;
    if (timeout)
        msg_set_name(&x->req.fields, a, STR("x-envoy-expected-rq-timeout-ms"),
                     arena_fmt(a, "%llu", (unsigned long long)(timeout / CLOCK_MS)));
}

/* ---- the response ---- */
void edge_respond(struct exch *x, struct msg *m) {
    struct arena *a = &x->down->arena;
    struct str name = x->chain->hcm->server_name;
    msg_set(&m->fields, a, HDR_SERVER, name.len ? name : STR("envoy"));
    msg_set(&m->fields, a, HDR_X_ENVOY_UPSTREAM_SERVICE_TIME,
            arena_fmt(a, "%llu", (unsigned long long)((x->at.first - x->at.sent) / CLOCK_MS)));
}
