// SPDX-License-Identifier: Apache-2.0
#include "http/fetch.h"
#include "base/mem.h"
#include "io/sock.h"
#include "io/tls.h"

#define TIMEOUT_US (30 * CLOCK_S)
#define MAX_BODY (1024u * 1024u)

/* A fetch lives until its connection is gone (it holds the connection's configuration); it answers at once. */
struct fetch {
    struct loop *loop;
    struct conn *conn;
    struct stream *stream;
    struct conn_cfg conn_cfg;
    struct tls_ctx *tls;
    struct arena arena;
    struct msg request, head;
    struct msg_fields trailers;
    struct str request_body;
    struct buf body;
    struct timer timer;
    fetch_f *done; /* NULL: told, or cancelled */
    void *ctx;
    struct err err;
    size_t max_body;
    uint64_t begun;
    bool no_body, got_head;
};

static void answer(struct fetch *f, int code) {
    loop_timer_stop(f->loop, &f->timer);
    fetch_f *done = f->done;
    f->done = NULL;
    if (done) {
        if (code < 0 && f->err.code == 0)
            err_set(&f->err, code, "%s", err_text(code));
        struct fetch_result r = {.code = code,
                                 .err = f->err,
                                 .head = f->head,
                                 .trailers = f->trailers,
                                 .body = buf_str(&f->body),
                                 .duration_us = f->loop->now - f->begun};
        done(f->ctx, &r);
    }
    if (f->conn)
        conn_abort(f->conn, 0);
}

static void on_head(struct stream *s, const struct msg *m, bool end) {
    struct fetch *f = s->user;
    msg_copy(&f->head, m, &f->arena, 0);
    f->got_head = true;
    if (end || f->no_body)
        answer(f, 0);
    else if (m->content_length > 0 && (uint64_t)m->content_length > f->max_body)
        answer(f, err_set(&f->err, WEFT_E_TOO_LARGE, "response body of %lld octets is too large", (long long)m->content_length));
}

static void on_data(struct stream *s, struct str data, bool end) {
    struct fetch *f = s->user;
    stream_consumed(s, data.len);
    if (!f->done)
        return;
    if (f->body.len + data.len > f->max_body) {
        answer(f, err_set(&f->err, WEFT_E_TOO_LARGE, "response body is larger than %zu octets", f->max_body));
        return;
    }
    buf_add(&f->body, data);
    if (end)
        answer(f, 0);
}

static void on_trailers(struct stream *s, const struct msg_fields *fields) {
    struct fetch *f = s->user;
    struct msg whole = {.fields = *fields}, kept;
    msg_copy(&kept, &whole, &f->arena, 0);
    f->trailers = kept.fields;
    if (f->done)
        answer(f, 0);
}

static void on_stream_closed(struct stream *s, int why) {
    struct fetch *f = s->user;
    f->stream = NULL;
    if (!f->done)
        return;
    why = why < 0 ? why : WEFT_E_RESET;
    f->err = *s->conn->error; /* the text */
    f->err.code = f->err.code ? why : 0;
    answer(f, why);
}
static const struct stream_cb stream_cb = {.head = on_head, .data = on_data, .trailers = on_trailers, .closed = on_stream_closed};

static void on_ready(struct conn *c) {
    struct fetch *f = c->user;
    if (f->stream || !f->done || f->got_head)
        return;
    bool bare = f->request_body.len == 0;
    f->stream = conn_request(c, &f->request, bare, &stream_cb, f, &f->err);
    if (!f->stream)
        answer(f, f->err.code);
    else if (!bare)
        stream_data(f->stream, f->request_body, true);
}

static void on_conn_closed(struct conn *c, int why) {
    struct fetch *f = c->user;
    f->conn = NULL;
    if (f->done) {
        f->err = *c->error;
        answer(f, why < 0 ? why : WEFT_E_CLOSED);
    }
    if (f->tls)
        tls_ctx_unref(&f->tls);
    buf_fini(&f->body);
    arena_fini(&f->arena);
    free(f);
}

static void on_timeout(struct timer *t) {
    struct fetch *f = container_of(t, struct fetch, timer);
    answer(f, err_set(&f->err, WEFT_E_TIMEOUT, "no answer in time"));
}

static void copy_request(struct fetch *f, const struct fetch_cfg *cfg) {
    msg_copy(&f->request, &cfg->head, &f->arena, 2);
    f->request.request = true;
    if (f->request.method.len == 0)
        f->request.method = STR("GET");
    f->request.method_id = method_intern(f->request.method);
    if (f->request.path.len == 0)
        f->request.path = STR("/");
    if (f->request.scheme.len == 0)
        f->request.scheme = cfg->tls ? STR("https") : STR("http");
    f->request_body = arena_dup(&f->arena, cfg->body);
    f->request.content_length = (int64_t)cfg->body.len;
}

struct fetch *fetch_start(struct loop *l, const struct fetch_cfg *cfg, fetch_f *done, void *ctx) {
    struct fetch *f = mem_new(struct fetch);
    uint64_t timeout = cfg->timeout_us ? cfg->timeout_us : TIMEOUT_US;
    f->loop = l;
    f->done = done;
    f->ctx = ctx;
    f->begun = l->now;
    f->max_body = cfg->max_body ? cfg->max_body : MAX_BODY;
    f->no_body = cfg->no_body;
    arena_init(&f->arena, &l->arenas);
    copy_request(f, cfg);
    f->conn_cfg = (struct conn_cfg){.proto = cfg->proto, .on_ready = on_ready, .on_closed = on_conn_closed};
    struct transport *tr = cfg->tr ? cfg->tr : sock_dial(l, &cfg->addr, timeout, NULL, NULL);
    if (cfg->tls && !cfg->tr) {
        f->tls = tls_ctx_ref(cfg->tls);
        tr = tls_client(&tr, f->tls, STR_NONE, NULL, 0, timeout, NULL, NULL);
    }
    f->conn = conn_client(l, &tr, &f->conn_cfg, f);
    loop_timer(l, &f->timer, timeout, on_timeout);
    return f;
}

void fetch_cancel(struct fetch **fp) {
    struct fetch *f = *fp;
    *fp = NULL;
    if (!f)
        return;
    f->done = NULL;
    answer(f, WEFT_E_CANCELLED);
}

struct fetch *fetch_get(struct loop *l, const struct addr *a, struct str authority, struct str path, uint64_t timeout_us,
                        fetch_f *done, void *ctx) {
    struct fetch_cfg cfg = {.addr = *a, .timeout_us = timeout_us};
    cfg.head = (struct msg){.method = STR("GET"), .authority = authority, .path = path};
    return fetch_start(l, &cfg, done, ctx);
}
