// SPDX-License-Identifier: Apache-2.0
/* What comes from the peer: nghttp2's callbacks, checked and told as events. */
#include "base/mem.h"
#include "codec/h2_int.h"

static struct str slice(const uint8_t *p, size_t n) {
    return str_n(p, n);
}

/* What came is not acceptable. nghttp2 may close the stream in order before the reset is sent (both sides had ended): `rejected`
 * keeps the true reason. */
static void reject(struct h2 *h, struct h2_stream *s, uint32_t code) {
    s->rejected = code;
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, code);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
    struct h2 *h = ctx;
    (void)session;
    int32_t id = frame->hd.stream_id;
    h2__collect_begin(&h->head);
    /* After our final GOAWAY has been queued its last id is a promise: what comes above it is not told. */
    if (h->cfg.server && frame->headers.cat == NGHTTP2_HCAT_REQUEST && !h2__stream(h, id) && id <= h->last_id)
        h2__stream_new(h, id, false);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t n_name,
                     const uint8_t *value, size_t n_value, uint8_t flags, void *ctx) {
    struct h2 *h = ctx;
    (void)session;
    (void)frame;
    (void)flags;
    h2__collect_add(&h->head, &h->cfg, slice(name, n_name), slice(value, n_value));
    return 0;
}

/* Without this nghttp2 would drop the field and go on; a message with an invalid field is malformed (RFC 9113 §8.2.1). */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
                             uint8_t flags, void *ctx) {
    struct h2 *h = ctx;
    (void)session;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    h->head.bad = true;
    return 0;
}

static void tell_end(struct h2 *h, struct h2_stream *s, const struct msg_fields *trailers) {
    if (!s->got_end && s->told && !s->closing && !s->rejected)
        h->ev.end(h->ctx, s->id, trailers);
}

static void on_head(struct h2 *h, struct h2_stream *s, bool end) {
    bool server = h->cfg.server;
    if (h->head.over) {
        h2__over(h, h->head.octets > h->cfg.head ? H2_OVER_HEAD : H2_OVER_FIELDS);
        if (!server || h2__refuse(h, s) < 0)
            reject(h, s, H2_ENHANCE_YOUR_CALM);
        return;
    }
    if (!h2__collect_finish(&h->head, server)) {
        reject(h, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->got_head = server || h->head.m.status >= 200;
    if (!s->told) {
        s->told = true;
        h->n_told++;
    }
    s->got_end = end;
    h->ev.head(h->ctx, s->id, &h->head.m, end);
}

static void on_trailers(struct h2 *h, struct h2_stream *s) {
    if (h->head.over || h->head.bad) {
        if (h->head.over)
            h2__over(h, h->head.octets > h->cfg.head ? H2_OVER_HEAD : H2_OVER_FIELDS);
        reject(h, s, h->head.over ? H2_ENHANCE_YOUR_CALM : H2_PROTOCOL_ERROR);
        return;
    }
    h2__collect_trailers(&h->head);
    tell_end(h, s, h->head.m.fields.n ? &h->head.m.fields : NULL);
    s->got_end = true;
}

static void on_headers(struct h2 *h, struct h2_stream *s, const nghttp2_frame *frame) {
    if (s && !s->refused && !s->closing && !s->reset_by_us && !s->rejected) {
        if (s->got_head)
            on_trailers(h, s);
        else
            on_head(h, s, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    }
    h2__collect_end(&h->head);
}

static void on_data_end(struct h2 *h, struct h2_stream *s, const nghttp2_frame *frame) {
    struct err e;
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    /* Nothing but padding: as worthless as an empty one, which the guard has counted (CVE-2019-9518). */
    if (!end && frame->hd.length && frame->data.padlen >= frame->hd.length && h2_guard_control(&h->guard, &e) < 0)
        h2__flood(h, &e);
    if (s && end) {
        tell_end(h, s, NULL);
        s->got_end = true;
    }
}

static void on_goaway(struct h2 *h, const nghttp2_goaway *g) {
    h->peer_goaway = true;
    h->peer_last_id = g->last_stream_id;
    if (h->ev.goaway)
        h->ev.goaway(h->ctx, g->last_stream_id, g->error_code);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, frame->hd.stream_id);
    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS: on_headers(h, s, frame); break;
    case NGHTTP2_DATA: on_data_end(h, s, frame); break;
    case NGHTTP2_RST_STREAM:
        if (s)
            s->reset_by_peer = true;
        break;
    case NGHTTP2_SETTINGS:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
            break;
        h->peer_settings = true;
        if (h->ev.settings)
            h->ev.settings(h->ctx);
        break;
    case NGHTTP2_GOAWAY: on_goaway(h, &frame->goaway); break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK && h->ev.pong)
            h->ev.pong(h->ctx);
        break;
    default: break;
    }
    return h->failed.code ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *ctx) {
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, id);
    (void)flags;
    if (!s || !s->told || s->reset_by_us || s->rejected) { /* nobody will consume it */
        nghttp2_session_consume(session, id, len);
        return 0;
    }
    s->unconsumed += len;
    h->ev.data(h->ctx, id, slice(data, len));
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx) {
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, id);
    if (!s)
        return 0;
    s->closing = true;
    if (s->rejected)
        code = s->rejected;
    if (s->unconsumed)
        nghttp2_session_consume_connection(session, s->unconsumed);
    if (code == H2_NO_ERROR && !s->reset_by_peer && !s->reset_by_us)
        h2_guard_stream_done(&h->guard);
    /* GOAWAY: as good as RST_STREAM(REFUSED_STREAM) */
    bool unprocessed = !h->cfg.server && h->peer_goaway && (id > h->peer_last_id || s->unsent);
    if (s->unsent)
        code = H2_REFUSED_STREAM;
    if (s->told)
        h->ev.closed(h->ctx, id, code, s->reset_by_peer || unprocessed);
    h2__stream_free(h, &s);
    return 0;
}

/* nghttp2 refuses by itself what is more than SETTINGS_MAX_CONCURRENT_STREAMS: the stream, or the connection when the peer had
 * acknowledged them. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code, void *ctx) {
    struct h2 *h = ctx;
    (void)session;
    bool full = h->cfg.server && h->n_told >= h->cfg.max_streams;
    if (frame->hd.type == NGHTTP2_HEADERS && (code == NGHTTP2_ERR_REFUSED_STREAM || (code == NGHTTP2_ERR_PROTO && full)))
        h2__over(h, H2_OVER_STREAMS);
    return 0;
}

void h2__recv_callbacks(nghttp2_session_callbacks *cb) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(cb, on_invalid_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
}
