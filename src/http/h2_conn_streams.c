// SPDX-License-Identifier: Apache-2.0
#include "http/h2_conn_int.h"

struct conn_stream *h2c__stream_new(struct h2_conn *hc, int32_t id) {
    struct conn_stream *hs = block_take(&hc->p->pub.loop->blocks, sizeof(*hs));
    *hs = (struct conn_stream){.id = id, .body_due = UINT64_MAX, .send_due = UINT64_MAX};
    conn__begin(hc->p, &hs->s);
    list_push(&hc->streams, &hs->node);
    h2_set_stream_data(hc->h, id, hs);
    hc->idle_due = UINT64_MAX;
    return hs;
}

/* From run and stop only. */
static void stream_close(struct h2_conn *hc, struct conn_stream *hs, int why) {
    list_remove(&hs->node);
    list_remove(&hs->work);
    hc->early -= hs->early;
    conn__finish(hc->p, &hs->s, why);
    buf_fini(&hs->held);
    block_give(&hc->p->pub.loop->blocks, hs, sizeof(*hs));
}

void h2c__close_streams(struct h2_conn *hc, int why) {
    struct list *n;
    while ((n = hc->streams.next) != &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        h2_set_stream_data(hc->h, hs->id, NULL); /* its events find nobody */
        stream_close(hc, hs, hs->decided ? hs->why : why);
    }
}

void h2c__decide(struct conn_stream *hs, int why) {
    if (hs->decided)
        return;
    hs->decided = true;
    hs->why = why;
}

void h2c__touch(struct h2_conn *hc, struct conn_stream *hs) {
    uint64_t us = conn__body_us(hc->p);
    if (hs->tunnel)
        return;
    hs->body_due = hs->s.in_ended ? UINT64_MAX : conn__after(hc->p, us);
    conn__due(hc->p, hs->body_due);
}

/* Our side has ended. RFC 9113 §8.1: what is left of a request that has its response is refused without an error. */
void h2c__out_ended(struct h2_conn *hc, struct conn_stream *hs) {
    hs->s.out_ended = true;
    conn__later(hc->p);
    if (!hc->p->pub.server || hs->peer_ended || hs->early || hs->tunnel == TUNNEL_OPEN)
        return;
    hs->early = true;
    hc->early++;
}

/* The answer is yes: both sides begin anew. */
void h2c__tunnel_open(struct h2_conn *hc, struct conn_stream *hs) {
    hs->tunnel = TUNNEL_OPEN;
    hs->s.in_ended = hs->s.out_ended = false;
    hs->body_due = UINT64_MAX;
    if (hs->held.len || hs->peer_ended)
        h2c__has_work(hc, hs);
    conn__later(hc->p);
}

/* What came before it was open. */
static void tunnel_catch_up(struct conn_stream *hs) {
    struct buf held = hs->held;
    if (hs->tunnel != TUNNEL_OPEN || hs->s.in_ended || hs->s.gone || (!held.len && !hs->peer_ended))
        return;
    hs->held = (struct buf){0};
    hs->s.credit += (uint32_t)held.len;
    hs->s.in_ended = hs->peer_ended;
    hs->s.cb->data(&hs->s, buf_str(&held), hs->peer_ended);
    buf_fini(&held);
}

void h2c__has_work(struct h2_conn *hc, struct conn_stream *hs) {
    if (!list_linked(&hs->work))
        list_push(&hc->work, &hs->work);
}

/* drained and closed: the users' callbacks, with no session beneath them. */
static void tell_stream(struct h2_conn *hc, struct conn_stream *hs) {
    size_t sent = hs->sent;
    hs->sent = 0;
    if (sent > 0 && hs->s.cb->drained)
        hs->s.cb->drained(&hs->s, sent);
    tunnel_catch_up(hs);
    if (hs->away && !conn__dead(hc->p))
        stream_close(hc, hs, hs->why);
}

void h2c__tell_streams(struct h2_conn *hc) {
    struct list now; /* what they ask for meanwhile is for the next run */
    list_init(&now);
    for (struct list *n; (n = list_pop(&hc->work));)
        list_push(&now, n);
    for (struct list *n; (n = list_pop(&now));) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, work);
        tell_stream(hc, hs);
        if (conn__dead(hc->p))
            break;
    }
    while (!list_empty(&now)) /* for stop */
        list_push(&hc->work, list_pop(&now));
}

/* Early responses that have gone: the rest of their requests is refused. */
void h2c__end_early(struct h2_conn *hc) {
    if (hc->early == 0 || hc->p->blocked)
        return;
    LIST_FOR (n, &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        if (!hs->early || hs->away || h2_pending(hc->h, hs->id) > 0)
            continue;
        hs->early = false;
        hc->early--;
        h2c__decide(hs, 0);
        h2_reset(hc->h, hs->id, H2_NO_ERROR);
        conn__later(hc->p);
    }
}
