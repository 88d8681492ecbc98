// SPDX-License-Identifier: Apache-2.0
#include "http/call.h"
#include "base/mem.h"

#define CLIENT_MAX (16u * 1024u * 1024u)
#define SERVER_MAX (4u * 1024u * 1024u)

struct call_priv {
    struct call pub; /* first */
    struct buf message;
    int status;
    bool decided; /* status and message are known */
    size_t mark;
    bool above; /* the queue has been above the mark: `drained` is owed */
};

static struct call_priv *of(struct call *c) {
    return container_of(c, struct call_priv, pub);
}

static void decide(struct call *c, int status, struct str message) {
    struct call_priv *p = of(c);
    if (p->decided)
        return;
    p->decided = true;
    p->status = status;
    buf_add(&p->message, message);
}

static bool is_grpc(const struct msg_fields *f) {
    struct str type = msg_get(f, HDR_CONTENT_TYPE), name = STR("application/grpc");
    if (!str_istarts(type, name))
        return false;
    return type.len == name.len || type.ptr[name.len] == '+' || type.ptr[name.len] == ';';
}

static struct call *call_new(struct stream *st, const struct call_cb *cb, size_t max, void *user) {
    struct call_priv *p = mem_new(struct call_priv);
    p->pub = (struct call){.cb = cb, .user = user, .stream = st, .reader = {.max = max}};
    p->mark = CALL_MARK;
    st->long_lived = true;
    return &p->pub;
}

/* ---- what both ends share ---- */

static int status_of_failure(const struct stream *s, int why) {
    switch (why) {
    case 0: return GRPC_UNKNOWN;
    case WEFT_E_CANCELLED: return GRPC_CANCELLED;
    case WEFT_E_PROTOCOL: return GRPC_INTERNAL;
    case WEFT_E_RESET: return s->reset_code || s->conn->error->code == 0 ? grpc_of_h2(s->reset_code) : GRPC_UNAVAILABLE;
    default: return GRPC_UNAVAILABLE;
    }
}

static void on_closed(struct stream *s, int why) {
    struct call *c = s->user;
    struct call_priv *p = of(c);
    decide(c, status_of_failure(s, why), str_of(why ? err_text(why) : "no status came"));
    c->over = true;
    c->cb->done(c, p->status, buf_str(&p->message));
    grpc_reader_fini(&c->reader);
    buf_fini(&p->message);
    free(p);
}

static void on_drained(struct stream *s, size_t octets) {
    struct call *c = s->user;
    struct call_priv *p = of(c);
    if (c->over || !p->above || stream_queued(s) >= p->mark / 2)
        return;
    p->above = false;
    if (c->cb->drained)
        c->cb->drained(c);
}

/* The peer sent what is no message: the call ends with that. */
static void bad_input(struct call *c, int code, const struct err *e) {
    int status = code == WEFT_E_TOO_LARGE     ? GRPC_RESOURCE_EXHAUSTED
                 : code == WEFT_E_UNSUPPORTED ? GRPC_UNIMPLEMENTED
                                              : GRPC_INTERNAL;
    if (c->server) {
        call_finish(c, status, str_of(e->msg));
        return;
    }
    decide(c, status, str_of(e->msg));
    c->over = true;
    stream_reset(c->stream, WEFT_E_CANCELLED);
}

/* What was read is in the reader, which is bounded, or was told: so the credit goes back at once. */
static void feed(struct call *c, struct str in) {
    size_t octets = in.len;
    struct str msg;
    struct err e = {0};
    int rc = 0;
    while (!c->over && (rc = grpc_next(&c->reader, &in, &msg, &e)) > 0)
        c->cb->message(c, msg);
    if (rc < 0 && !c->over)
        bad_input(c, rc, &e);
    stream_consumed(c->stream, octets);
}

/* Both: nothing may be left over when a side ends. */
static bool ends_whole(struct call *c) {
    if (c->reader.held.len == 0)
        return true;
    struct err e;
    bad_input(c, WEFT_E_PARSE, (err_set(&e, WEFT_E_PARSE, "message was cut short"), &e));
    return false;
}

void call_send(struct call *c, struct str msg) {
    if (c->over)
        return;
    if (c->server && !c->headers_sent) {
        struct msg m = {.status = 200, .content_length = -1};
        msg_add(&m.fields, &c->stream->arena, HDR_CONTENT_TYPE, STR("application/grpc"));
        c->headers_sent = true;
        stream_head(c->stream, &m, false);
    }
    struct buf b = {0};
    grpc_frame(&b, msg);
    stream_data(c->stream, buf_str(&b), false);
    buf_fini(&b);
    if (call_queued(c) >= of(c)->mark / 2)
        of(c)->above = true;
}

size_t call_queued(const struct call *c) {
    return c->over ? 0 : stream_queued(c->stream);
}

void call_mark(struct call *c, size_t octets) {
    of(c)->mark = octets;
}

void call_cancel(struct call *c) {
    decide(c, GRPC_CANCELLED, STR("cancelled"));
    c->over = true;
    stream_reset(c->stream, WEFT_E_CANCELLED);
}

/* ---- client ---- */

static void take_status(struct call *c, const struct msg_fields *f) {
    uint64_t status;
    struct buf text = {0};
    if (!str_u64(msg_get(f, HDR_GRPC_STATUS), INT32_MAX, &status)) {
        decide(c, GRPC_UNKNOWN, STR("no valid grpc-status came"));
        return;
    }
    if (status == GRPC_OK && !ends_whole(c))
        return;
    grpc_message_decode(&text, msg_get(f, HDR_GRPC_MESSAGE));
    decide(c, (int)status, buf_str(&text));
    buf_fini(&text);
}

static void client_head(struct stream *s, const struct msg *m, bool end) {
    struct call *c = s->user;
    if (m->status == 200 && is_grpc(&m->fields)) {
        if (end) /* trailers only */
            take_status(c, &m->fields);
        return;
    }
    struct err e;
    err_set(&e, WEFT_E_PROTOCOL, "HTTP status %u and no gRPC", m->status);
    decide(c, m->status == 200 ? GRPC_UNKNOWN : grpc_of_http(m->status), str_of(e.msg));
    c->over = true;
    stream_reset(s, WEFT_E_CANCELLED);
}

static void client_data(struct stream *s, struct str data, bool end) {
    feed(s->user, data);
}

static void client_trailers(struct stream *s, const struct msg_fields *f) {
    take_status(s->user, f);
}

static const struct stream_cb client_cb = {
    .head = client_head, .data = client_data, .trailers = client_trailers, .drained = on_drained, .closed = on_closed};

struct call *call_start(struct conn *conn, struct str path, struct str authority, const struct msg_fields *metadata,
                        size_t max_message, const struct call_cb *cb, void *user, struct err *e) {
    if (conn->open && !conn->h2) {
        err_set(e, WEFT_E_UNSUPPORTED, "gRPC needs HTTP/2");
        return NULL;
    }
    struct arena a;
    arena_init(&a, &conn->loop->arenas);
    struct msg m = {.request = true, .method_id = METHOD_POST, .method = STR("POST"), .authority = authority, .path = path};
    m.scheme = conn->tr && conn->tr->tls ? STR("https") : STR("http");
    m.content_length = -1;
    msg_add(&m.fields, &a, HDR_TE, STR("trailers"));
    msg_add(&m.fields, &a, HDR_CONTENT_TYPE, STR("application/grpc"));
    for (unsigned i = 0; metadata && i < metadata->n; i++)
        msg_add_name(&m.fields, &a, metadata->at[i].name, metadata->at[i].value);
    struct stream *s = conn_request(conn, &m, false, &client_cb, NULL, e);
    arena_fini(&a);
    if (!s)
        return NULL;
    struct call *c = call_new(s, cb, max_message ? max_message : CLIENT_MAX, user);
    s->user = c;
    return c;
}

void call_end(struct call *c) {
    if (!c->over)
        stream_data(c->stream, STR_NONE, true);
}

/* ---- server ---- */

static void status_fields(struct msg_fields *f, struct arena *a, int status, struct str message) {
    msg_add(f, a, HDR_GRPC_STATUS, arena_fmt(a, "%d", status));
    if (message.len == 0)
        return;
    struct buf b = {0};
    grpc_message_encode(&b, message);
    msg_add(f, a, HDR_GRPC_MESSAGE, arena_dup(a, buf_str(&b)));
    buf_fini(&b);
}

/* "Trailers only": one head that is the end as well. */
static void reply_status(struct stream *s, int status, struct str message) {
    struct msg m = {.status = 200, .content_length = -1};
    msg_add(&m.fields, &s->arena, HDR_CONTENT_TYPE, STR("application/grpc"));
    status_fields(&m.fields, &s->arena, status, message);
    stream_head(s, &m, true);
}

void call_finish(struct call *c, int status, struct str message) {
    if (c->over)
        return;
    decide(c, status, message);
    c->over = true;
    if (!c->headers_sent) {
        reply_status(c->stream, status, message);
        return;
    }
    struct msg_fields f = {0};
    status_fields(&f, &c->stream->arena, status, message);
    stream_end(c->stream, &f);
}

static void server_data(struct stream *s, struct str data, bool end) {
    struct call *c = s->user;
    feed(c, data);
    if (end && !c->over && ends_whole(c) && c->cb->half_closed)
        c->cb->half_closed(c);
}

static const struct stream_cb server_cb = {
    .data = server_data, .drained = on_drained, .closed = on_closed}; /* `head` has been told */

struct accept { /* in the stream's arena */
    const struct call_method *methods;
    size_t n;
    void *user;
};

static void ignore_data(struct stream *s, struct str data, bool end) {
    stream_consumed(s, data.len);
}
static void ignore_closed(struct stream *s, int why) {
}

static void accept_head(struct stream *s, const struct msg *m, bool end) {
    struct accept *a = s->user;
    if (!s->conn->h2 || m->method_id != METHOD_POST || !is_grpc(&m->fields)) {
        stream_reply(s, 415, STR("text/plain"), STR("gRPC only\n"));
        return;
    }
    if (!str_ieq(msg_get(&m->fields, HDR_TE), STR("trailers"))) {
        reply_status(s, GRPC_INTERNAL, STR("te: trailers is missing"));
        return;
    }
    const struct call_method *method = NULL;
    for (size_t i = 0; i < a->n && !method; i++)
        method = str_eq(a->methods[i].path, m->path) ? &a->methods[i] : NULL;
    if (!method) {
        reply_status(s, GRPC_UNIMPLEMENTED, STR("unknown method"));
        return;
    }
    struct call *c = call_new(s, method->cb, method->max_message ? method->max_message : SERVER_MAX, a->user);
    c->server = true;
    c->request = arena_zalloc(&s->arena, sizeof *c->request);
    msg_copy(c->request, m, &s->arena, 0);
    s->cb = &server_cb;
    s->user = c;
    method->open(c);
    if (end)
        server_data(s, STR_NONE, true);
}

static const struct stream_cb accept_cb = {.head = accept_head, .data = ignore_data, .closed = ignore_closed};

void call_accept(struct stream *st, const struct call_method *methods, size_t n, void *user) {
    struct accept *a = arena_alloc(&st->arena, sizeof *a);
    *a = (struct accept){.methods = methods, .n = n, .user = user};
    st->cb = &accept_cb;
    st->user = a;
}
