// SPDX-License-Identifier: Apache-2.0
/* The session and its door. */
#include "codec/h2.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/h2_int.h"

enum {
    DEFAULT_STREAM_WINDOW = 65536,
    MAX_SEND_HEAD = 1024 * 1024, /* octets of a head that we may send: what a user let in must go out */
    PEER_STREAMS_UNKNOWN = 100   /* a client's guess until SETTINGS come */
};

/* ---- making a session ---- */

static void or_default(uint32_t *v, uint32_t value, uint32_t min, uint32_t max) {
    *v = *v == 0 ? value : *v < min ? min : *v < max ? *v : max;
}

static void fill_in(struct h2_cfg *c) {
    or_default(&c->max_streams, LIMITS_max_streams, 1, INT32_MAX);
    or_default(&c->stream_window, DEFAULT_STREAM_WINDOW, 1, H2_WINDOW_MAX);
    or_default(&c->conn_window, LIMITS_conn_window, H2_WINDOW, H2_WINDOW_MAX);
    or_default(&c->head, LIMITS_head, 1, INT32_MAX / 2);
    or_default(&c->fields, LIMITS_fields, 1, UINT16_MAX);
    or_default(&c->frame_size, H2_FRAME_SIZE_MIN, H2_FRAME_SIZE_MIN, H2_FRAME_SIZE_MAX);
    or_default(&c->control_frames, LIMITS_control_frames, 1, UINT32_MAX);
    or_default(&c->resets, LIMITS_resets, 1, UINT32_MAX);
}

struct h2 *h2_new(const struct h2_cfg *cfg, const struct h2_events *ev, void *ctx) {
    struct h2 *h = mem_new(struct h2);
    h->cfg = *cfg;
    h->ev = *ev;
    h->ctx = ctx;
    fill_in(&h->cfg);
    list_init(&h->streams);
    list_init(&h->ready);
    list_init(&h->starved);
    list_init(&h->ended);
    h->to = &h->kept;
    h->last_id = INT32_MAX;
    h->next_id = 1;
    h->out_window = H2_WINDOW;
    h->in_window = h->cfg.conn_window;
    h->in.preface = cfg->server ? (uint8_t)H2_PREFACE.len : 0;
    h->peer = (struct h2_peer){
        .max_streams = PEER_STREAMS_UNKNOWN, .window = H2_WINDOW, .frame_size = H2_FRAME_SIZE_MIN, .no_priorities = UINT32_MAX};
    h->decoder = hpack_decoder_new(HPACK_TABLE);
    h->encoder = hpack_encoder_new();
    h2_guard_init(&h->guard, &(struct h2_guard_cfg){cfg->server, h->cfg.head, h->cfg.control_frames, h->cfg.resets});
    h2__hello(h);
    return h;
}

void h2_free(struct h2 **hp) {
    struct h2 *h = *hp;
    *hp = NULL;
    if (!h)
        return;
    h2__streams_free(h);
    hpack_decoder_free(&h->decoder);
    hpack_encoder_free(&h->encoder);
    buf_fini(&h->in.part);
    buf_fini(&h->in.fragments);
    buf_fini(&h->kept);
    free(h);
}

struct buf *h2__to(struct h2 *h) {
    h2__borrow(h, h->to);
    return h->to;
}

void h2__borrow(struct h2 *h, struct buf *b) {
    if (h->cfg.bufs)
        buf_borrow(b, h->cfg.bufs);
}

void h2__give(struct h2 *h, struct buf *b) {
    if (h->cfg.bufs)
        buf_give(b, h->cfg.bufs);
    else
        buf_fini(b);
}

/* ---- octets in and out ---- */

void h2_tick(struct h2 *h, uint64_t now_us) {
    h2_guard_tick(&h->guard, now_us);
}

void h2__over(struct h2 *h, enum h2_over what) {
    if (h->ev.over)
        h->ev.over(h->ctx, what);
}

void h2__flood(struct h2 *h, const struct err *why) {
    h2_terminate(h, why, H2_ENHANCE_YOUR_CALM);
    h2__over(h, h2_guard_over(&h->guard));
}

void h2__fail(struct h2 *h, uint32_t code, const char *why) {
    struct err e;
    err_set(&e, WEFT_E_PROTOCOL, "HTTP/2: %s", why);
    h2_terminate(h, &e, code);
}

bool h2_head_open(const struct h2 *h) {
    const struct h2_in *in = &h->in;
    return (in->preface > 0 && in->preface < H2_PREFACE.len) || in->block || (in->open && in->f.type == H2_HEADERS);
}

void h2_terminate(struct h2 *h, const struct err *why, uint32_t code) {
    if (h->failed.code)
        return;
    h2_frame_goaway(h2__to(h), h->taken_id, code);
    h->failed = *why;
}

int h2_recv(struct h2 *h, struct str in, struct err *e) {
    h2__read(h, in);
    return h->failed.code ? err_set(e, h->failed.code, "%s", h->failed.msg) : 0;
}

int h2_send(struct h2 *h, struct buf *out, size_t max, struct err *e) {
    (void)e;
    h2__send(h, out, max);
    return 0;
}

bool h2_want_send(const struct h2 *h) {
    return h2__want_send(h);
}

size_t h2_kept(const struct h2 *h) {
    return h->kept.len;
}

bool h2_done(const struct h2 *h) {
    return !h2__want_send(h) && (h->failed.code || (h->n_streams == 0 && (h->goaway_sent || h->peer_goaway)));
}

/* ---- heads, bodies, ends ---- */

/* A stream on which something may still be sent. */
static struct h2_stream *sendable(const struct h2 *h, int32_t id) {
    struct h2_stream *s = h2__stream(h, id);
    return s && !s->closing && !s->cut && !s->out_end && !h->failed.code ? s : NULL;
}

static bool too_large(const struct msg *m) {
    size_t n = m->method.len + m->authority.len + m->path.len + m->upgrade.len;
    for (unsigned i = 0; i < m->fields.n; i++)
        n += m->fields.at[i].name.len + m->fields.at[i].value.len;
    return n > MAX_SEND_HEAD;
}

static int request_allowed(const struct h2 *h, struct err *e) {
    if (h->failed.code || h->peer_goaway || h->goaway_sent || h->cfg.server || h->next_id < 0)
        return err_set(e, WEFT_E_DRAINING, "the HTTP/2 connection takes no more requests");
    if (h->n_told >= h2_peer_max_streams(h))
        return err_set(e, WEFT_E_LIMIT, "the peer's limit of HTTP/2 streams is reached");
    return 0;
}

int32_t h2_request(struct h2 *h, const struct msg *m, bool end, struct err *e) {
    int r = request_allowed(h, e);
    if (r < 0)
        return r;
    if (!h2__request_valid(m))
        return err_set(e, WEFT_E_INVALID, "not a request that HTTP/2 can carry");
    struct h2_stream *s = h2__stream_new(h, h->next_id);
    h->next_id = h->next_id > INT32_MAX - 2 ? -1 : h->next_id + 2;
    s->told = s->head_sent = true;
    h->n_told++;
    s->out_end = s->head_ends = end;
    s->method = m->method_id;
    if (too_large(m))
        h2__cut(h, s, H2_INTERNAL_ERROR);
    else
        h2__open(h, s, m);
    return s->id;
}

int h2_respond(struct h2 *h, int32_t id, const struct msg *m, bool end) {
    struct h2_stream *s = sendable(h, id);
    if (!s || s->head_sent)
        return s ? WEFT_E_INVALID : WEFT_E_CLOSED;
    if (too_large(m)) {
        h2__cut(h, s, H2_INTERNAL_ERROR);
        return 0;
    }
    bool final = m->status >= 200;
    if (!h2__put_response(h, s, m, end && final))
        return WEFT_E_INVALID;
    s->head_sent = final;
    s->out_end = s->out_ended = end && final;
    h2__maybe_ended(h, s);
    return 0;
}

int h2_data(struct h2 *h, int32_t id, struct str data, bool end) {
    struct h2_stream *s = sendable(h, id);
    if (!s || !s->head_sent)
        return s ? WEFT_E_INVALID : WEFT_E_CLOSED;
    if (data.len) {
        h2__borrow(h, &s->out);
        buf_add(&s->out, data);
    }
    s->out_end = end;
    h2__queue(h, s);
    return 0;
}

int h2_trailers(struct h2 *h, int32_t id, const struct msg_fields *f) {
    struct h2_stream *s = sendable(h, id);
    if (!s || !s->head_sent)
        return s ? WEFT_E_INVALID : WEFT_E_CLOSED;
    s->out_end = true;
    if (s->opened && s->out.len == 0 && f->n) { /* nothing is before them */
        h2__put_trailers(h, s, f);
        s->out_ended = true;
        h2__maybe_ended(h, s);
        return 0;
    }
    const struct msg m = {.fields = *f};
    struct msg copy;
    msg_copy(&copy, &m, &s->arena, 0);
    s->trailers = copy.fields;
    h2__queue(h, s);
    return 0;
}

size_t h2_pending(const struct h2 *h, int32_t id) {
    const struct h2_stream *s = h2__stream(h, id);
    return s ? s->out.len : 0;
}

void h2_consume(struct h2 *h, int32_t id, size_t octets) {
    struct h2_stream *s = h2__stream(h, id);
    if (!s || s->closing)
        return;
    if (octets > s->unconsumed)
        octets = s->unconsumed;
    s->unconsumed -= octets;
    h2__credit(h, s, octets);
}

void h2_reset(struct h2 *h, int32_t id, uint32_t code) {
    struct h2_stream *s = h2__live(h, id);
    if (s && !s->closing && !s->cut)
        h2__cut(h, s, code);
}

void h2_goaway(struct h2 *h, bool final) {
    if (h->failed.code)
        return;
    if (!final && h->cfg.server) {
        h2_frame_goaway(h2__to(h), INT32_MAX, H2_NO_ERROR);
        return;
    }
    h->last_id = h->taken_id < h->last_id ? h->taken_id : h->last_id;
    h->goaway_sent = true;
    h2_frame_goaway(h2__to(h), h->last_id, H2_NO_ERROR);
}

void h2_ping(struct h2 *h) {
    static const char none[8] = {0};
    if (!h->failed.code)
        h2_frame_ping(h2__to(h), 0, none);
}

uint32_t h2_peer_max_streams(const struct h2 *h) {
    return h->peer.max_streams;
}

bool h2_settled(const struct h2 *h) {
    return h->peer.known;
}

bool h2_peer_takes_upgrades(const struct h2 *h) {
    return h->peer.connect_protocol;
}

unsigned h2_open_streams(const struct h2 *h) {
    return h->n_told;
}

void *h2_stream_data(const struct h2 *h, int32_t id) {
    const struct h2_stream *s = h2__stream(h, id);
    return s ? s->user : NULL;
}

void h2_set_stream_data(struct h2 *h, int32_t id, void *data) {
    struct h2_stream *s = h2__stream(h, id);
    if (s)
        s->user = data;
}
