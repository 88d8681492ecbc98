// SPDX-License-Identifier: Apache-2.0
/* forward: the request's head goes up, and what came of its body while it waited. From here on the streams are joined (exch.c).
 */
#include "crypto/websocket.h"
#include "proxy/compress.h"
#include "proxy/edge.h"
#include "proxy/exch.h"
#include "proxy/stage.h"

static void add_fields(struct exch *x) {
    struct arena *a = &x->down->arena;
    if (x->listener->side == SIDE_INBOUND)
        return;
    if (x->listener->side == SIDE_STATIC) {
        edge_forward(x);
        return;
    }
    msg_set_checked(&x->req.fields, a, HDR_X_ENVOY_ATTEMPT_COUNT, arena_u64(a, x->attempts));
    if (x->listener->side == SIDE_OUTBOUND && !x->to.host->mtls) { /* nobody there proves who calls: say it */
        msg_set(&x->req.fields, a, HDR_X_SOURCE_SERVICE, x->w->env->service);
        msg_set(&x->req.fields, a, HDR_X_SOURCE_NAMESPACE, x->w->env->ns);
    }
}

/* RFC 8441 §5: who comes by HTTP/2 has no key, which HTTP/1.1 does not do without. */
static void add_websocket_key(struct exch *x) {
    char key[WEBSOCKET_KEY];
    if (!x->req.upgrade.len || x->conn->h2 || msg_find(&x->req.fields, HDR_SEC_WEBSOCKET_KEY))
        return;
    websocket_key(key, &x->w->loop.rand);
    msg_add(&x->req.fields, &x->down->arena, HDR_SEC_WEBSOCKET_KEY, arena_dup(&x->down->arena, str_of(key)));
}

static void send_body(struct exch *x) {
    struct str held = buf_str(&x->body.held);
    if (held.len)
        stream_data(x->up, held, x->body.ended && !x->body.trailers);
    if (x->body.trailers)
        stream_end(x->up, x->body.trailers);
    else if (x->body.ended && !held.len)
        stream_data(x->up, STR_NONE, true);
    if (!x->body.keep)
        buf_fini(&x->body.held);
}

static void note_local(struct exch *x, const struct conn *c) {
    char text[ADDR_TEXT];
    if (x->chain->hcm->access_log || x->chain->hcm->logs.n)
        x->to.local = arena_dup(&x->down->arena, str_of(addr_kept_text(&c->tr->local, text)));
}

enum verdict stage_forward(struct exch *x) {
    struct conn *c = x->conn;
    struct err e = {0};
    x->attempts++;
    note_local(x, c);
    add_fields(x);
    if (x->chain->hcm->n_compressors)
        compress_request(x);
    add_websocket_key(x);
    x->conn = NULL;
    /* gRPC over HTTP/2 ("Requests") ends a stream of no messages with an empty DATA frame, and servers of grpc-go wait for it: an
     * end that has come meanwhile stays where it was. */
    x->up = conn_request(c, &x->req, x->body.none, &exch_up_cb, x, &e);
    if (!x->up) {
        if (!c->h2)
            conn_drain(c); /* of no use, and in no pool */
        return stage_reply(x, reply_of_failure(e.code, x->listener->side == SIDE_INBOUND, true), str_of(e.msg));
    }
    x->at.sent = exch_now(x);
    if (x->to.cluster->cluster->stream_us) {
        x->due.at[DUE_UPSTREAM] = x->at.sent + x->to.cluster->cluster->stream_us;
        exch_watch(x);
    }
    x->counted = true;
    atomic_fetch_add_explicit(&x->to.host->lb.active, 1, memory_order_relaxed);
    if (x->listener->side != SIDE_INBOUND)
        stat_add(&x->w->stats, STAT_requests_routed, 1);
    if (x->up->reused_conn)
        stat_add(&x->w->stats, STAT_up_cx_reused, 1);
    x->body.keep = (x->up->reused_conn || c->h2) && x->body.held.len == x->body.received; /* it may have to be sent again */
    stream_join(x->up, x->down, &x->w->pipes);
    if (!x->body.none)
        send_body(x);
    return STAGE_NEXT;
}
