// SPDX-License-Identifier: Apache-2.0
/* The session, its streams, and what is sent. */
#include "codec/h2.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/h2_int.h"

enum {
    DEFAULT_STREAM_WINDOW = 65536,
    DEFAULT_FRAME = 16384,
    FIELD_OVERHEAD = 32,          /* RFC 9113 §6.5.2: each field of SETTINGS_MAX_HEADER_LIST_SIZE counts so much more */
    MAX_SEND_BLOCK = 1024 * 1024, /* a head that we may send: what a user let in must go out */
    MAX_ACKS = 1000,              /* PING and SETTINGS answers that may wait to be sent */
    RESETS_UNLIMITED = 1 << 30,
    PEER_STREAMS_UNKNOWN = 100 /* a client's guess until SETTINGS come */
};

/* ---- streams ---- */

static unsigned bucket(int32_t id) {
    return (unsigned)id / 2 % H2_BUCKETS; /* one side's ids are all odd, or all even */
}

struct h2_stream *h2__stream(const struct h2 *h, int32_t id) {
    struct h2_stream *s = h->buckets[bucket(id)];
    while (s && s->id != id)
        s = s->next;
    return s;
}

struct h2_stream *h2__stream_new(struct h2 *h, int32_t id, bool told) {
    struct h2_stream *s = mem_new(struct h2_stream);
    s->id = id;
    s->told = told;
    s->next = h->buckets[bucket(id)];
    h->buckets[bucket(id)] = s;
    list_push(&h->streams, &s->node);
    h->n_told += told;
    return s;
}

void h2__stream_free(struct h2 *h, struct h2_stream **sp) {
    struct h2_stream *s = *sp, **at = &h->buckets[bucket(s->id)];
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    list_remove(&s->node);
    h->n_told -= s->told;
    buf_fini(&s->out);
    arena_fini(&s->arena);
    free(s);
    *sp = NULL;
}

/* A stream on which something may still be sent. */
static struct h2_stream *sendable(const struct h2 *h, int32_t id) {
    struct h2_stream *s = h2__stream(h, id);
    return s && !s->closing && !s->out_end && !s->reset_by_us && !s->refused && !s->rejected ? s : NULL;
}

/* ---- nghttp2's side of sending ---- */

static void submit_trailers(struct h2 *h, struct h2_stream *s) {
    struct arena a = {0};
    struct h2_nv nv;
    h2__nv_fields(&nv, &s->trailers, true, &a);
    nghttp2_submit_trailer(h->session, s->id, nv.at, nv.n);
    arena_fini(&a);
}

/* How much there is to send; the octets go straight from s->out into the output (on_send_data). */
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t len, uint32_t *flags,
                       nghttp2_data_source *source, void *ctx) {
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, id);
    (void)session;
    (void)to;
    (void)source;
    if (!s)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    s->parked = s->out.len == 0 && !s->out_end;
    if (s->parked)
        return NGHTTP2_ERR_DEFERRED;
    size_t n = s->out.len < len ? s->out.len : len;
    if (n)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->out_end && n == s->out.len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->trailers.n) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(h, s);
        }
    }
    return (ssize_t)n;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t len,
                        nghttp2_data_source *source, void *ctx) {
    enum { FRAME_HEAD = 9 };
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, frame->hd.stream_id);
    (void)session;
    (void)source;
    if (!s || s->out.len < len)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (h->out->len >= h->out_max)
        return NGHTTP2_ERR_WOULDBLOCK;
    buf_add(h->out, str_n(framehd, FRAME_HEAD));
    buf_add(h->out, str_first(buf_str(&s->out), len));
    buf_take(&s->out, len);
    h2_guard_sent_data(&h->guard);
    if (h->ev.sent && !s->closing)
        h->ev.sent(h->ctx, s->id, len);
    return 0;
}

static void on_sent_reset(struct h2 *h, const struct h2_stream *s) {
    struct err e;
    bool by_peers_doing = h->cfg.server && !(s && s->reset_by_us);
    if (by_peers_doing && h2_guard_reset(&h->guard, &e) < 0) /* CVE-2025-8671: it makes us reset */
        h2__flood(h, &e);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        on_sent_reset(h, s);
    else if (frame->hd.type == NGHTTP2_HEADERS && s && s->refused && !nghttp2_session_get_stream_remote_close(session, s->id))
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id,
                                  H2_NO_ERROR); /* RFC 9113 §8.1: the rest of the request is not wanted */
    return 0;
}

/* A head that nghttp2 would not send. A request is closed by nghttp2 itself, and nothing may be said of a stream that the peer
 * does not know (RFC 9113 §5.1: idle). A response (too large) would wait for ever without this. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int code, void *ctx) {
    struct h2 *h = ctx;
    struct h2_stream *s = h2__stream(h, frame->hd.stream_id);
    bool gone = code == NGHTTP2_ERR_STREAM_CLOSED || code == NGHTTP2_ERR_STREAM_CLOSING || code == NGHTTP2_ERR_SESSION_CLOSING;
    bool head = frame->hd.type == NGHTTP2_HEADERS, request = head && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (request && s)
        s->unsent = code == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED;
    if (head && !request && !gone)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, H2_INTERNAL_ERROR);
    return 0;
}

/* ---- making a session ---- */

/* With these nghttp2 never sees out of memory. */
static void *on_malloc(size_t n, void *ctx) {
    (void)ctx;
    return mem_realloc(NULL, n);
}
static void on_free(void *p, void *ctx) {
    (void)ctx;
    free(p);
}
static void *on_calloc(size_t n, size_t size, void *ctx) {
    (void)ctx;
    return mem_array(n, size);
}
static void *on_realloc(void *p, size_t n, void *ctx) {
    (void)ctx;
    return mem_realloc(p, n);
}

static nghttp2_option *make_options(void) {
    nghttp2_option *o;
    WEFT_ASSERT(nghttp2_option_new(&o) == 0);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_reserved_remote_streams(o, 0);
    nghttp2_option_set_max_send_header_block_length(o, MAX_SEND_BLOCK);
    nghttp2_option_set_max_outbound_ack(o, MAX_ACKS);
    /* Resets are counted by h2_guard, which knows honest work; nghttp2's own limit (33 a second) would end a busy mesh's
     * connections. */
    nghttp2_option_set_stream_reset_rate_limit(o, RESETS_UNLIMITED, RESETS_UNLIMITED);
    return o;
}

static void make_session(struct h2 *h) {
    nghttp2_mem mem = {NULL, on_malloc, on_free, on_calloc, on_realloc};
    nghttp2_session_callbacks *cb;
    nghttp2_option *o = make_options();
    WEFT_ASSERT(nghttp2_session_callbacks_new(&cb) == 0);
    h2__recv_callbacks(cb);
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_send);
    int r = h->cfg.server ? nghttp2_session_server_new3(&h->session, cb, h, o, &mem)
                          : nghttp2_session_client_new3(&h->session, cb, h, o, &mem);
    WEFT_ASSERT(r == 0);
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(o);
}

static void submit_settings(struct h2 *h) {
    const struct h2_cfg *c = &h->cfg;
    nghttp2_settings_entry s[8];
    size_t n = 0;
    s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, c->stream_window};
    s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_FRAME_SIZE, c->frame_size};
    s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, c->head + c->fields * FIELD_OVERHEAD};
    s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    if (c->server)
        s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, c->max_streams};
    else
        s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    if (c->server && c->extended_connect)
        s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    WEFT_ASSERT(nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, s, n) == 0);
    WEFT_ASSERT(nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, (int32_t)c->conn_window) == 0);
}

static void or_default(uint32_t *v, uint32_t value, uint32_t max) {
    *v = *v == 0 ? value : *v < max ? *v : max;
}

struct h2 *h2_new(const struct h2_cfg *cfg, const struct h2_events *ev, void *ctx) {
    struct h2 *h = mem_new(struct h2);
    h->cfg = *cfg;
    h->ev = *ev;
    h->ctx = ctx;
    h->last_id = INT32_MAX;
    list_init(&h->streams);
    or_default(&h->cfg.max_streams, LIMITS_max_streams, INT32_MAX);
    or_default(&h->cfg.stream_window, DEFAULT_STREAM_WINDOW, NGHTTP2_MAX_WINDOW_SIZE);
    or_default(&h->cfg.conn_window, LIMITS_conn_window, NGHTTP2_MAX_WINDOW_SIZE);
    or_default(&h->cfg.head, LIMITS_head, INT32_MAX / 2);
    or_default(&h->cfg.fields, LIMITS_fields, UINT16_MAX);
    or_default(&h->cfg.frame_size, DEFAULT_FRAME, (1u << 24) - 1);
    if (h->cfg.frame_size < DEFAULT_FRAME) /* RFC 9113 §6.5.2: the smallest allowed */
        h->cfg.frame_size = DEFAULT_FRAME;
    or_default(&h->cfg.control_frames, LIMITS_control_frames, UINT32_MAX);
    or_default(&h->cfg.resets, LIMITS_resets, UINT32_MAX);
    h2_guard_init(&h->guard, &(struct h2_guard_cfg){cfg->server, h->cfg.head, h->cfg.control_frames, h->cfg.resets});
    make_session(h);
    submit_settings(h);
    return h;
}

void h2_free(struct h2 **hp) {
    struct h2 *h = *hp;
    *hp = NULL;
    if (!h)
        return;
    nghttp2_session_del(h->session);
    LIST_FOR (n, &h->streams) {
        struct h2_stream *s = list_entry(n, struct h2_stream, node);
        h2__stream_free(h, &s);
    }
    h2__collect_end(&h->head);
    free(h);
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

bool h2_head_open(const struct h2 *h) {
    return h2_guard_head_open(&h->guard);
}

void h2_terminate(struct h2 *h, const struct err *why, uint32_t code) {
    if (h->failed.code)
        return;
    h->failed = *why;
    nghttp2_session_terminate_session(h->session, code);
}

static int failed(const struct h2 *h, struct err *e) {
    return err_set(e, h->failed.code, "%s", h->failed.msg);
}

int h2_recv(struct h2 *h, struct str in, struct err *e) {
    struct err why;
    if (h->failed.code)
        return failed(h, e);
    int rc = h2_guard_feed(&h->guard, in, &why);
    if (rc < 0) {
        if (rc == WEFT_E_LIMIT)
            h2__flood(h, &why);
        else
            h2_terminate(h, &why, H2_PROTOCOL_ERROR);
        return failed(h, e);
    }
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)in.ptr, in.len);
    if (n < 0 && !h->failed.code) {
        err_set(&why, WEFT_E_PROTOCOL, "HTTP/2: %s", nghttp2_strerror((int)n));
        h2_terminate(h, &why, n == NGHTTP2_ERR_FLOODED ? H2_ENHANCE_YOUR_CALM : H2_PROTOCOL_ERROR);
    }
    return h->failed.code ? failed(h, e) : 0;
}

int h2_send(struct h2 *h, struct buf *out, size_t max, struct err *e) {
    const uint8_t *p;
    ssize_t n = 0;
    h->out = out;
    h->out_max = out->len + max;
    while (out->len < h->out_max && (n = nghttp2_session_mem_send(h->session, &p)) > 0)
        buf_add(out, str_n(p, (size_t)n));
    h->out = NULL;
    return n < 0 ? err_set(e, WEFT_E_PROTOCOL, "HTTP/2: %s", nghttp2_strerror((int)n)) : 0;
}

bool h2_want_send(const struct h2 *h) {
    return nghttp2_session_want_write(h->session);
}

bool h2_done(const struct h2 *h) {
    return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

/* ---- heads, bodies, ends ---- */

static int request_allowed(const struct h2 *h, struct err *e) {
    if (h->failed.code || h->peer_goaway || !nghttp2_session_check_request_allowed(h->session))
        return err_set(e, WEFT_E_DRAINING, "the HTTP/2 connection takes no more requests");
    if (h->n_told >= h2_peer_max_streams(h))
        return err_set(e, WEFT_E_LIMIT, "the peer's limit of HTTP/2 streams is reached");
    return 0;
}

int32_t h2_request(struct h2 *h, const struct msg *m, bool end, struct err *e) {
    struct arena a = {0};
    struct h2_nv nv;
    nghttp2_data_provider body = {.read_callback = on_read};
    int r = request_allowed(h, e);
    if (r < 0)
        return r;
    bool valid = h2__nv_request(&nv, m, &a);
    int32_t id = valid ? nghttp2_submit_request(h->session, NULL, nv.at, nv.n, end ? NULL : &body, NULL) : 0;
    arena_fini(&a);
    if (!valid)
        return err_set(e, WEFT_E_INVALID, "not a request that HTTP/2 can carry");
    if (id < 0)
        return err_set(e, WEFT_E_LIMIT, "HTTP/2: %s", nghttp2_strerror(id));
    struct h2_stream *s = h2__stream_new(h, id, true);
    s->head_sent = true;
    s->out_end = end;
    return id;
}

static int submit_response(struct h2 *h, struct h2_stream *s, const struct msg *m, bool end) {
    struct arena a = {0};
    struct h2_nv nv;
    nghttp2_data_provider body = {.read_callback = on_read};
    int r = NGHTTP2_ERR_INVALID_ARGUMENT;
    if (h2__nv_response(&nv, m, &a))
        r = m->status < 200 ? nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv.at, nv.n, NULL)
                            : nghttp2_submit_response(h->session, s->id, nv.at, nv.n, end ? NULL : &body);
    arena_fini(&a);
    return r < 0 ? WEFT_E_INVALID : 0;
}

int h2_respond(struct h2 *h, int32_t id, const struct msg *m, bool end) {
    struct h2_stream *s = sendable(h, id);
    if (!s || s->head_sent)
        return s ? WEFT_E_INVALID : WEFT_E_CLOSED;
    int r = submit_response(h, s, m, end);
    if (r < 0 || m->status < 200)
        return r;
    s->head_sent = true;
    s->out_end = end;
    return 0;
}

int h2__refuse(struct h2 *h, struct h2_stream *s) {
    const struct msg m = {.status = 431};
    s->refused = true;
    return submit_response(h, s, &m, true);
}

static void resume(struct h2 *h, struct h2_stream *s) {
    if (s->parked)
        nghttp2_session_resume_data(h->session, s->id);
    s->parked = false;
}

int h2_data(struct h2 *h, int32_t id, struct str data, bool end) {
    struct h2_stream *s = sendable(h, id);
    if (!s || !s->head_sent)
        return s ? WEFT_E_INVALID : WEFT_E_CLOSED;
    if (data.len)
        buf_add(&s->out, data);
    s->out_end = end;
    if (data.len || end)
        resume(h, s);
    return 0;
}

int h2_trailers(struct h2 *h, int32_t id, const struct msg_fields *f) {
    struct h2_stream *s = sendable(h, id);
    if (!s || !s->head_sent)
        return s ? WEFT_E_INVALID : WEFT_E_CLOSED;
    const struct msg m = {.fields = *f};
    struct msg copy;
    msg_copy(&copy, &m, &s->arena, 0);
    s->trailers = copy.fields;
    s->out_end = true;
    resume(h, s);
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
    if (octets)
        nghttp2_session_consume(h->session, id, octets);
}

void h2_reset(struct h2 *h, int32_t id, uint32_t code) {
    struct h2_stream *s = h2__stream(h, id);
    if (!s || s->closing || s->reset_by_us)
        return;
    s->reset_by_us = true;
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, code);
}

void h2_goaway(struct h2 *h, bool final) {
    if (!final && h->cfg.server) {
        nghttp2_submit_shutdown_notice(h->session);
        return;
    }
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);
    h->last_id = last < h->last_id ? last : h->last_id;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, h->last_id, H2_NO_ERROR, NULL, 0);
}

void h2_ping(struct h2 *h) {
    nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
}

uint32_t h2_peer_max_streams(const struct h2 *h) {
    return h->peer_settings ? nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
                            : PEER_STREAMS_UNKNOWN;
}

bool h2_settled(const struct h2 *h) {
    return h->peer_settings;
}

bool h2_peer_takes_upgrades(const struct h2 *h) {
    return nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
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
