// SPDX-License-Identifier: Apache-2.0
/* Frames that steer: SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM. */
#include "codec/h2_int.h"

enum { MAX_ACKS = 1000 }; /* PING and SETTINGS answers that may wait to be sent */

/* One more answer that a peer makes us keep: who does not read them gets no others. */
static bool may_answer(struct h2 *h) {
    struct err e;
    if (++h->acks <= MAX_ACKS)
        return true;
    err_set(&e, WEFT_E_LIMIT, "HTTP/2: PING and SETTINGS are not answered, since the peer does not read");
    h2_terminate(h, &e, H2_ENHANCE_YOUR_CALM);
    h2__over(h, H2_OVER_CONTROL);
    return false;
}

/* ---- SETTINGS ---- */

/* §6.9.2: of all streams, and it may become negative. */
static void set_window(struct h2 *h, uint32_t value) {
    int64_t change = (int64_t)value - h->peer.window;
    h->peer.window = value;
    LIST_FOR (n, &h->streams) {
        struct h2_stream *s = list_entry(n, struct h2_stream, all);
        s->out_window += change;
        if (s->out_window > H2_WINDOW_MAX) {
            h2__fail(h, H2_FLOW_CONTROL_ERROR, "SETTINGS make a window too large");
            return;
        }
        h2__queue(h, s);
    }
}

/* RFC 9218 §2.1.1 */
static bool same_priorities(struct h2_peer *p, uint32_t value) {
    bool same = value <= 1 && (p->no_priorities == UINT32_MAX || p->no_priorities == value);
    p->no_priorities = value;
    return same;
}

static void set(struct h2 *h, unsigned which, uint32_t value, uint32_t *window) {
    struct h2_peer *p = &h->peer;
    bool good = true;
    switch (which) {
    case H2_SET_HEADER_TABLE_SIZE: hpack_encoder_limit(h->encoder, value); break;
    case H2_SET_ENABLE_PUSH: good = value == 0 || (value == 1 && h->cfg.server); break;
    case H2_SET_MAX_CONCURRENT_STREAMS: p->max_streams = value; break;
    case H2_SET_INITIAL_WINDOW_SIZE:
        if (value > H2_WINDOW_MAX)
            h2__fail(h, H2_FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is too large");
        *window = value;
        break;
    case H2_SET_MAX_FRAME_SIZE:
        good = value >= H2_FRAME_SIZE_MIN && value <= H2_FRAME_SIZE_MAX;
        p->frame_size = value;
        break;
    case H2_SET_ENABLE_CONNECT_PROTOCOL: /* RFC 8441 §3: not taken back */
        good = value == 1 || (value == 0 && !p->connect_protocol);
        p->connect_protocol = value;
        break;
    case H2_SET_NO_RFC7540_PRIORITIES: good = same_priorities(p, value); break;
    default: break;
    }
    if (!good)
        h2__fail(h, H2_PROTOCOL_ERROR, "SETTINGS with a value that is not allowed");
}

/* Ours are in force: windows of streams that began before are those that the peer takes them for. */
static void on_ack(struct h2 *h, const struct h2_frame *f) {
    if (f->len)
        h2__fail(h, H2_FRAME_SIZE_ERROR, "a SETTINGS ACK with a payload");
    else if (h->acked)
        h2__fail(h, H2_PROTOCOL_ERROR, "a SETTINGS ACK without SETTINGS");
    h->acked = true;
    if (h->cfg.stream_window >= H2_WINDOW)
        return;
    LIST_FOR (n, &h->streams)
        list_entry(n, struct h2_stream, all)->in_window -= H2_WINDOW - h->cfg.stream_window;
}

static void on_settings(struct h2 *h, const struct h2_frame *f, struct str payload) {
    enum { ENTRY = 6 };
    if (f->flags & H2_ACK) {
        on_ack(h, f);
        return;
    }
    if (f->len % ENTRY)
        h2__fail(h, H2_FRAME_SIZE_ERROR, "SETTINGS of a wrong length");
    if (!h->peer.known)
        h->peer.max_streams = UINT32_MAX; /* unless they say other */
    h->peer.known = true;
    uint32_t window = h->peer.window; /* the last one that is said: each would be a walk over all streams, thousands a frame */
    for (; payload.len && !h->failed.code; payload = str_from(payload, ENTRY))
        set(h, h2_u32(payload.ptr) >> 16, h2_u32(payload.ptr + 2), &window);
    if (!h->failed.code && window != h->peer.window)
        set_window(h, window);
    if (h->failed.code || !may_answer(h))
        return;
    h2_frame_begin(h2__to(h), &(struct h2_frame){.type = H2_SETTINGS, .flags = H2_ACK});
    if (h->ev.settings)
        h->ev.settings(h->ctx);
}

/* ---- the others ---- */

static void on_ping(struct h2 *h, const struct h2_frame *f, struct str payload) {
    if (f->flags & H2_ACK) {
        if (h->ev.pong)
            h->ev.pong(h->ctx);
    } else if (may_answer(h))
        h2_frame_ping(h2__to(h), H2_ACK, payload.ptr);
}

/* Requests that it has not processed, or that wait to be sent, are as good as refused. */
static void on_goaway(struct h2 *h, struct str payload) {
    int32_t last = (int32_t)(h2_u32(payload.ptr) & H2_WINDOW_MAX);
    h->peer_goaway = true;
    if (h->ev.goaway)
        h->ev.goaway(h->ctx, last, h2_u32(payload.ptr + 4));
    if (h->cfg.server)
        return;
    LIST_FOR (n, &h->streams) {
        struct h2_stream *s = list_entry(n, struct h2_stream, all);
        bool over = s->cut || (s->in_ended && s->out_ended);
        if (!over && (s->id > last || !s->opened))
            h2__close(h, s, H2_REFUSED_STREAM, true);
    }
}

static void on_window_update(struct h2 *h, const struct h2_frame *f, uint32_t n) {
    struct h2_stream *s = f->id ? h2__live(h, f->id) : NULL;
    struct list *at;
    n &= H2_WINDOW_MAX;
    if (f->id && h2__idle(h, f->id))
        h2__fail(h, H2_PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream");
    else if (f->id == 0 && n == 0)
        h2__fail(h, H2_PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    else if (f->id == 0) {
        h->out_window += n;
        if (h->out_window > H2_WINDOW_MAX)
            h2__fail(h, H2_FLOW_CONTROL_ERROR, "WINDOW_UPDATE makes the window too large");
        while (h->out_window > 0 && (at = list_pop(&h->starved)))
            list_push(&h->ready, at);
    } else if (s && !s->cut) {
        s->out_window += n;
        if (n == 0 || s->out_window > H2_WINDOW_MAX)
            h2__reject(h, s, n ? H2_FLOW_CONTROL_ERROR : H2_PROTOCOL_ERROR);
        else
            h2__queue(h, s);
    }
}

static void on_reset(struct h2 *h, const struct h2_frame *f, uint32_t code) {
    struct h2_stream *s = h2__live(h, f->id);
    if (h2__idle(h, f->id))
        h2__fail(h, H2_PROTOCOL_ERROR, "RST_STREAM on an idle stream");
    else if (s && !s->cut)
        h2__close(h, s, code, true);
}

void h2__control(struct h2 *h, const struct h2_frame *f, struct str payload) {
    switch (f->type) {
    case H2_SETTINGS: on_settings(h, f, payload); break;
    case H2_PING: on_ping(h, f, payload); break;
    case H2_GOAWAY: on_goaway(h, payload); break;
    case H2_WINDOW_UPDATE: on_window_update(h, f, h2_u32(payload.ptr)); break;
    case H2_RST_STREAM: on_reset(h, f, h2_u32(payload.ptr)); break;
    default: break; /* PRIORITY, and frames that nobody knows */
    }
}
