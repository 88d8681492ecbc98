// SPDX-License-Identifier: Apache-2.0
/* respond: the response's head on its way down. */
#include "crypto/websocket.h"
#include "proxy/edge.h"
#include "proxy/exch.h"
#include "proxy/stage.h"

/* RFC 8441 §5: an answer that came by HTTP/2 says no more than yes. */
static void accept_websocket(struct exch *x, struct msg_fields *f) {
    struct arena *a = &x->down->arena;
    struct str key = msg_get(&x->req.fields, HDR_SEC_WEBSOCKET_KEY);
    char accept[WEBSOCKET_ACCEPT];
    if (x->down->conn->h2 || !x->up->conn->h2 || msg_find(f, HDR_SEC_WEBSOCKET_ACCEPT) || !key.len)
        return;
    websocket_accept(accept, key);
    msg_add(f, a, HDR_SEC_WEBSOCKET_ACCEPT, arena_dup(a, str_of(accept)));
}

void stage_respond(struct exch *x, struct msg *response) {
    if (response->content_length < 0 && msg_find(&response->fields, HDR_CONNECTION))
        x->resp.named = arena_dup(&x->down->arena, msg_join(&response->fields, HDR_CONNECTION, STR(","), &x->down->arena));
    msg_strip_hop_by_hop(&response->fields);
    if (response->status == 101)
        accept_websocket(x, &response->fields);
    else
        response->upgrade = STR_NONE;
    /* RFC 9110 §6.6.1: who passes on a response without a Date says when it came. It is written at once, so it may be borrowed.
     */
    if (response->status >= 200 && !msg_get(&response->fields, HDR_DATE).ptr)
        msg_set_checked(&response->fields, &x->down->arena, HDR_DATE, loop_date(&x->w->loop));
    x->resp.details = STR("via_upstream");
    if (x->listener->side == SIDE_STATIC)
        edge_respond(x, response);
}

void stage_edit_own(void *exch, struct msg_fields *f) {
    edge_edit_reply(exch, f);
}

void stage_respond_own(void *exch, struct msg_fields *f) {
    edge_reply(exch, f);
}
