// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 connections, both sides: codec/h2.h's session between the transport and the streams. */
#include "base/mem.h"
#include "http/h2_conn_int.h"

#define SEND_MAX 65536u /* octets that one h2_send may gather; with as many unsent the session keeps the rest */

static struct h2_conn *conn_of(const struct stream *s) {
    return h2c__of(conn__of(s->conn));
}

/* ---- the connection ---- */

/* What was told to all clients at once was answered by all at once: a server would ask them all at once. */
static uint64_t silence_of(const struct conn_priv *p) {
    uint64_t us = p->pub.cfg->ping_us;
    return p->pub.server ? us + rand_below(&p->pub.loop->rand, us / 4 + 1) : us;
}

static void start(struct conn_priv *p) {
    struct h2_conn *hc = mem_new(struct h2_conn);
    const struct conn_limits *lim = &p->pub.cfg->limits;
    hc->p = p;
    list_init(&hc->streams);
    list_init(&hc->work);
    hc->idle_due = hc->final_due = hc->ping_due = hc->head_due = hc->settled_due = UINT64_MAX;
    hc->heard = conn__now(p);
    p->impl = hc;
    struct h2_cfg cfg = {.server = p->pub.server,
                         .max_streams = p->pub.server ? lim->max_streams : 0,
                         .stream_window = h2c__stream_window(p),
                         .conn_window = lim->conn_window,
                         .head = lim->head,
                         .fields = lim->fields,
                         .control_frames = lim->control_frames,
                         .resets = lim->resets,
                         .extended_connect = p->pub.cfg->upgrades,
                         .arenas = &p->pub.loop->arenas,
                         .blocks = &p->pub.loop->blocks,
                         .bufs = &p->pub.loop->bufs};
    hc->h = h2_new(&cfg, &h2c__events, hc);
    if (p->pub.server) {
        hc->idle_due = conn__after(p, conn__idle_us(p));
        conn__due(p, hc->idle_due);
    } else {
        hc->settled_due = conn__after(p, conn__head_us(p));
        conn__due(p, hc->settled_due);
    }
    if (p->pub.cfg->ping_us) {
        hc->silence = silence_of(p);
        hc->ping_due = conn__after(p, hc->silence);
        conn__due(p, hc->ping_due);
    }
    conn__later(p);
}

/* Octets that wait for the kernel to take some. */
static size_t waiting(const struct conn_priv *p) {
    return p->out.len + h2_kept(h2c__of(p)->h);
}

static bool may_read(const struct conn_priv *p) {
    return waiting(p) < 4 * SEND_MAX; /* who does not read our answers (to pings too) is not read either */
}

static void input(struct conn_priv *p, struct str in) {
    struct h2_conn *hc = h2c__of(p);
    hc->heard = conn__now(p);
    hc->pinged = false;
    if (hc->broken)
        return;
    h2_tick(hc->h, conn__now(p));
    struct err e;
    int rc = h2_recv(hc->h, in, &e);
    if (rc < 0) {
        hc->broken = rc;
        err_keep(&p->pub.error, &e);
    }
    if (!h2_head_open(hc->h))
        hc->head_due = UINT64_MAX;
    else if (hc->head_due == UINT64_MAX) {
        hc->head_due = conn__after(p, conn__head_us(p));
        conn__due(p, hc->head_due);
    }
    conn__later(p);
}

static void on_eof(struct conn_priv *p) {
    conn__fail(p, p->pub.streams > 0 ? WEFT_E_EOF : 0);
}

/* What the session has to say, as far as the kernel takes it. */
static void send_all(struct h2_conn *hc) {
    struct conn_priv *p = hc->p;
    bool more = true;
    while (more && !conn__dead(p) && !p->blocked) {
        size_t before = p->out.len;
        struct err e;
        buf_borrow(&p->out, &p->pub.loop->bufs);
        if (before < SEND_MAX && h2_send(hc->h, &p->out, SEND_MAX - before, &e) < 0) {
            err_keep(&p->pub.error, &e);
            conn__fail(p, WEFT_E_PROTOCOL);
            return;
        }
        more = p->out.len >= SEND_MAX;
        conn__flush(p);
    }
}

void h2c__goaway_final(struct h2_conn *hc) {
    if (hc->goaway == GOAWAY_FINAL)
        return;
    hc->goaway = GOAWAY_FINAL;
    hc->final_due = hc->idle_due = UINT64_MAX;
    hc->p->pub.draining = true;
    h2_goaway(hc->h, true);
    conn__later(hc->p);
}

static void went_idle(struct h2_conn *hc) {
    struct conn_priv *p = hc->p;
    if (!p->pub.server || hc->idle_due != UINT64_MAX)
        return;
    hc->idle_due = conn__after(p, conn__idle_us(p));
    conn__due(p, hc->idle_due);
}

/* Is all said and done? */
static void check_end(struct h2_conn *hc) {
    struct conn_priv *p = hc->p;
    if (hc->broken && !p->closing) { /* LINGER, so that the GOAWAY arrives */
        p->why = WEFT_E_PROTOCOL;
        conn__close(p);
        h2c__close_streams(hc, WEFT_E_PROTOCOL);
    }
    if (p->pub.streams > 0 || p->closing)
        return;
    went_idle(hc);
    if (p->pub.draining && !p->pub.server && hc->goaway == GOAWAY_NONE) {
        hc->goaway = GOAWAY_FINAL;
        h2_goaway(hc->h, true);
        conn__later(p);
    } else if ((hc->goaway == GOAWAY_FINAL && !h2_want_send(hc->h)) || h2_done(hc->h))
        conn__close(p);
}

static unsigned capacity(const struct conn_priv *p) {
    const struct h2_conn *hc = p->impl;
    unsigned max = h2_peer_max_streams(hc->h), own = p->pub.cfg->limits.max_streams, open = h2_open_streams(hc->h);
    if (!h2_settled(hc->h))
        return 0;
    if (own && own < max)
        max = own;
    return open < max ? max - open : 0;
}

static void run(struct conn_priv *p) {
    struct h2_conn *hc = h2c__of(p);
    send_all(hc);
    if (!conn__dead(p))
        h2c__tell_streams(hc);
    if (conn__dead(p))
        return;
    h2c__end_early(hc);
    check_end(hc);
    if (waiting(p) < SEND_MAX)
        conn__resume(p);
    if (hc->was_full && capacity(p) > 0) {
        hc->was_full = false;
        p->ready_due = true;
        conn__later(p);
    }
}

static void stop(struct conn_priv *p) {
    struct h2_conn *hc = h2c__of(p);
    h2c__close_streams(hc, p->why ? p->why : WEFT_E_CLOSED);
    h2_free(&hc->h);
    p->impl = NULL;
    free(hc);
}

/* RFC 9113 §6.8: first a warning, so that requests on their way still count, then, a round trip later, the real end. */
static void drain(struct conn_priv *p) {
    struct h2_conn *hc = h2c__of(p);
    conn__later(p);
    if (!p->pub.server)
        return;
    hc->goaway = GOAWAY_WARNED;
    h2_goaway(hc->h, false);
    h2_ping(hc->h);
    hc->final_due = conn__after(p, CONN__GRACE_US);
    conn__due(p, hc->final_due);
}

/* ---- calls on streams ---- */

/* The length is a field like others here; m->content_length is what counts. */
static void frame(struct msg *copy, const struct msg *m, struct arena *a) {
    *copy = *m;
    copy->fields.at = arena_alloc(a, (m->fields.n + 1) * sizeof(struct msg_field));
    copy->fields.cap = m->fields.n + 1;
    if (m->fields.n > 0)
        memcpy(copy->fields.at, m->fields.at, m->fields.n * sizeof(struct msg_field));
    msg_remove(&copy->fields, HDR_CONTENT_LENGTH);
    bool none = m->status ? m->status < 200 || m->status == 204
                          : m->content_length == 0 && m->method_id != METHOD_POST && m->method_id != METHOD_PUT &&
                                m->method_id != METHOD_PATCH;
    if (m->content_length >= 0 && !none)
        msg_add(&copy->fields, a, HDR_CONTENT_LENGTH, arena_u64(a, (uint64_t)m->content_length));
}

static struct stream *request(struct conn_priv *p, const struct msg *m, bool end, struct err *e) {
    struct h2_conn *hc = h2c__of(p);
    struct arena a;
    struct msg copy;
    bool tunnel = m->upgrade.len || m->method_id == METHOD_CONNECT;
    if (m->upgrade.len && !h2_peer_takes_upgrades(hc->h)) {
        err_set(e, WEFT_E_UNSUPPORTED, "the peer takes no upgrades over HTTP/2");
        return NULL;
    }
    arena_init(&a, &p->pub.loop->arenas);
    frame(&copy, m, &a);
    if (m->upgrade.len) {
        copy.method = STR("CONNECT");
        copy.method_id = METHOD_CONNECT;
    }
    int32_t id = h2_request(hc->h, &copy, end && !tunnel, e);
    arena_fini(&a);
    if (id < 0)
        return NULL;
    struct conn_stream *hs = h2c__stream_new(hc, id);
    hs->tunnel = tunnel ? TUNNEL_ASKED : TUNNEL_NONE;
    hs->upgrade = m->upgrade.len ? arena_dup(&hs->s.arena, m->upgrade) : STR_NONE;
    hs->s.method = m->method_id;
    hs->s.head_sent = true;
    hs->s.out_ended = end || tunnel;
    hc->was_full = capacity(p) == 0;
    conn__later(p);
    return &hs->s;
}

static void check(struct stream *s, int rc) {
    conn__later(conn__of(s->conn));
    if (rc < 0)
        stream_reset(s, rc);
}

/* The answer to a CONNECT: true when it opens the tunnel. RFC 8441 §4: any 2xx does. HTTP/1.1 may ignore an Upgrade, and answer
 * as if there was none: that becomes a 501, and DECLINED tells the next weft on the way what it was. */
static bool as_connect(struct msg *m, enum http_method method, struct arena *a) {
    bool yes = method == METHOD_CONNECT ? m->status / 100 == 2 : m->status == 101;
    if (yes)
        msg_remove(&m->fields, HDR_CONTENT_LENGTH); /* RFC 9110 §8.6 */
    if (m->status == 101)
        m->status = 200;
    else if (m->status / 100 == 2 && method != METHOD_CONNECT) {
        msg_set_name(&m->fields, a, DECLINED, arena_fmt(a, "%u", m->status));
        m->status = 501;
    }
    return yes;
}

static void send_head(struct stream *s, const struct msg *m, bool end) {
    struct h2_conn *hc = conn_of(s);
    struct msg copy;
    frame(&copy, m, &s->arena);
    bool yes = h2c__stream_of(s)->tunnel == TUNNEL_ASKED && as_connect(&copy, s->method, &s->arena);
    bool final = copy.status >= 200;
    bool none = s->method == METHOD_HEAD || copy.status == 204 || copy.status == 304; /* then the head is the end as well */
    bool whole = final && !yes && (end || none);
    int rc = h2_respond(hc->h, h2c__stream_of(s)->id, &copy, whole);
    s->head_sent = s->head_sent || final;
    if (rc == 0 && yes)
        h2c__tunnel_open(hc, h2c__stream_of(s));
    if (rc == 0 && whole)
        h2c__out_ended(hc, h2c__stream_of(s));
    check(s, rc);
}

static void send_data(struct stream *s, struct str data, bool end) {
    struct h2_conn *hc = conn_of(s);
    int rc = h2_data(hc->h, h2c__stream_of(s)->id, data, end);
    if (rc == 0 && data.len > 0 && h2c__stream_of(s)->send_due == UINT64_MAX) {
        h2c__stream_of(s)->send_due = conn__after(hc->p, conn__send_us(hc->p));
        conn__due(hc->p, h2c__stream_of(s)->send_due);
    }
    if (rc == 0 && end)
        h2c__out_ended(hc, h2c__stream_of(s));
    check(s, rc);
}

static void send_end(struct stream *s, const struct msg_fields *trailers) {
    struct h2_conn *hc = conn_of(s);
    int rc = h2_trailers(hc->h, h2c__stream_of(s)->id, trailers);
    if (rc == 0)
        h2c__out_ended(hc, h2c__stream_of(s));
    check(s, rc);
}

static uint32_t reset_code(const struct h2_conn *hc, const struct stream *s, int why) {
    if (s->reset_as)
        return s->reset_as;
    if (why == WEFT_E_REFUSED_STREAM && hc->p->pub.server)
        return H2_REFUSED_STREAM;
    return why == WEFT_E_CANCELLED || !hc->p->pub.server ? H2_CANCEL : H2_INTERNAL_ERROR;
}

static void reset(struct stream *s, int why) {
    struct h2_conn *hc = conn_of(s);
    h2c__decide(h2c__stream_of(s), WEFT_E_CANCELLED);
    s->gone = true;
    hc->early -= h2c__stream_of(s)->early;
    h2c__stream_of(s)->early = false;
    h2_reset(hc->h, h2c__stream_of(s)->id, reset_code(hc, s, why));
    conn__later(hc->p);
}

static void consumed(struct stream *s, size_t octets) {
    h2_consume(conn_of(s)->h, h2c__stream_of(s)->id, octets);
    conn__later(conn__of(s->conn));
}

static size_t queued(const struct stream *s) {
    return h2_pending(conn_of(s)->h, h2c__stream_of(s)->id);
}

const struct conn_ops conn__h2 = {
    .name = "h2",
    .start = start,
    .may_read = may_read,
    .input = input,
    .eof = on_eof,
    .run = run,
    .due = h2c__due,
    .drain = drain,
    .stop = stop,
    .capacity = capacity,
    .request = request,
    .head = send_head,
    .data = send_data,
    .end = send_end,
    .reset = reset,
    .consumed = consumed,
    .queued = queued,
};
