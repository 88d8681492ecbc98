// SPDX-License-Identifier: Apache-2.0
/* What goes out: what was kept, then bodies by turns (h2_int.h). */
#include "codec/h2_int.h"

enum {
    CHUNK = 16384,      /* octets of a DATA frame at most, whatever the peer allows: other streams wait meanwhile */
    FIELD_OVERHEAD = 32 /* RFC 9113 §6.5.2: each field of SETTINGS_MAX_HEADER_LIST_SIZE counts so much more */
};

void h2__hello(struct h2 *h) {
    const struct h2_cfg *c = &h->cfg;
    struct buf s = {0};
    h2_frame_setting(&s, H2_SET_INITIAL_WINDOW_SIZE, c->stream_window);
    h2_frame_setting(&s, H2_SET_MAX_FRAME_SIZE, c->frame_size);
    h2_frame_setting(&s, H2_SET_MAX_HEADER_LIST_SIZE, c->head + c->fields * FIELD_OVERHEAD);
    h2_frame_setting(&s, H2_SET_NO_RFC7540_PRIORITIES, 1);
    if (c->server)
        h2_frame_setting(&s, H2_SET_MAX_CONCURRENT_STREAMS, c->max_streams);
    else
        h2_frame_setting(&s, H2_SET_ENABLE_PUSH, 0);
    if (c->server && c->extended_connect)
        h2_frame_setting(&s, H2_SET_ENABLE_CONNECT_PROTOCOL, 1);
    if (!c->server)
        buf_add(h2__to(h), H2_PREFACE);
    h2_frame_begin(h2__to(h), &(struct h2_frame){.len = (uint32_t)s.len, .type = H2_SETTINGS});
    buf_add(h->to, buf_str(&s));
    buf_fini(&s);
    if (c->conn_window > H2_WINDOW)
        h2_frame_u32(h2__to(h), H2_WINDOW_UPDATE, 0, c->conn_window - H2_WINDOW);
}

static void out_ended(struct h2 *h, struct h2_stream *s) {
    s->out_ended = true;
    h2__maybe_ended(h, s);
}

/* ---- requests ---- */

void h2__open(struct h2 *h, struct h2_stream *s, const struct msg *m) {
    h2__put_request(h, s, m);
    s->opened = true;
    h->sent_id = s->id;
    if (s->head_ends)
        out_ended(h, s);
    else
        h2__queue(h, s);
}

/* ---- bodies ---- */

static uint32_t least(size_t a, int64_t b, int64_t c, uint32_t d) {
    size_t n = a < d ? a : d;
    n = b < (int64_t)n ? (size_t)b : n;
    return (uint32_t)(c < (int64_t)n ? (size_t)c : n);
}

static void take(struct h2 *h, struct buf *b, size_t n) {
    if (n == b->len)
        h2__give(h, b);
    else
        buf_take(b, n);
}

static void send_data(struct h2 *h, struct h2_stream *s) {
    uint32_t most = h->peer.frame_size < CHUNK ? h->peer.frame_size : CHUNK;
    uint32_t n = s->out.len ? least(s->out.len, s->out_window, h->out_window, most) : 0;
    bool end = s->out_end && n == s->out.len && s->trailers.n == 0;
    h2_frame_begin(h2__to(h), &(struct h2_frame){.len = n, .type = H2_DATA, .flags = end ? H2_END_STREAM : 0, .id = s->id});
    if (n) {
        buf_add(h->to, str_first(buf_str(&s->out), n));
        take(h, &s->out, n);
    }
    s->out_window -= n;
    h->out_window -= n;
    h2_guard_sent_data(&h->guard);
    if (end)
        out_ended(h, s);
    if (n && h->ev.sent)
        h->ev.sent(h->ctx, s->id, n);
}

/* One frame of its body, or its end. */
static void send_turn(struct h2 *h, struct h2_stream *s) {
    if (s->out.len && s->out_window <= 0) /* SETTINGS have taken it away */
        return;
    if (s->out.len && h->out_window <= 0) {
        list_push(&h->starved, &s->queue);
        return;
    }
    if (s->out.len || s->trailers.n == 0)
        send_data(h, s);
    if (s->out.len == 0 && s->trailers.n && !s->cut && !h->failed.code) {
        h2__put_trailers(h, s, &s->trailers);
        out_ended(h, s);
    }
    h2__queue(h, s);
}

/* ---- all ---- */

static bool flush(struct h2 *h, struct buf *out, size_t max) {
    if (h->kept.len > max) {
        buf_add(out, str_first(buf_str(&h->kept), max));
        buf_take(&h->kept, max);
        return false;
    }
    if (out->len)
        buf_add(out, buf_str(&h->kept));
    else { /* all of it, by exchange */
        struct buf none = *out;
        *out = h->kept;
        h->kept = none;
    }
    h2__give(h, &h->kept);
    h->acks = 0;
    return true;
}

void h2__send(struct h2 *h, struct buf *out, size_t max) {
    size_t limit = out->len + max;
    struct list *n;
    if (!flush(h, out, max))
        return;
    h->to = out; /* what the events ask for goes where it belongs: behind what is there */
    while (out->len < limit && !h->failed.code && (n = list_pop(&h->ready)))
        send_turn(h, list_entry(n, struct h2_stream, queue));
    while ((n = list_pop(&h->ended))) {
        struct h2_stream *s = list_entry(n, struct h2_stream, queue);
        h2__close(h, s, s->code, false);
    }
    h->to = &h->kept;
}

bool h2__want_send(const struct h2 *h) {
    return h->kept.len || !list_empty(&h->ended) || (!h->failed.code && !list_empty(&h->ready));
}
