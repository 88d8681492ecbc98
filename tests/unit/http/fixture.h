// SPDX-License-Identifier: Apache-2.0
#pragma once
/* fixture: a loop, a server and a client (or raw octets at either end) in one process over loopback, for the tests of http/.
 * Every test ends by checking that nothing leaked: watches, arena blocks, timers (loop_fini asserts those). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"
#include "codec/h2.h"
#include "http/server.h"
#include "io/sock.h"
#include "io/tls.h"

#define AWAIT_US (20 * CLOCK_S) /* a condition that is not true by then never will be; sanitizers on a busy machine are slow */

/* What a stream brought, on either side. */
struct rec {
    struct stream *s; /* NULL before and after its life */
    struct fx *fx;
    struct buf body;
    unsigned status, infos, last_info;
    char method[16], path[64], trailer[64];
    int64_t length;
    bool got_head, ended, reused;
    unsigned closed; /* how often it was told */
    int why;
    size_t drained, max_credit, max_queued;
    bool hold; /* does not give credit back by itself */
    bool echo, abort_on_drained, reset_on_data;
};

#define MAX_REC 64
struct fx {
    struct loop loop;
    struct clock clock;
    uint64_t ahead; /* of the real time: a test adds to it to let time pass */
    struct server server;
    struct server_cfg server_cfg;
    struct rec srv[MAX_REC], cli[MAX_REC];
    unsigned n_srv, n_drained;
    unsigned requests; /* at the server */
    bool hold;         /* server streams do not give credit back */
    struct conn_cfg conn_cfg;
    struct tls_ctx *tls; /* of the client; NULL: plain */
    struct conn *conn;
    unsigned ready, drains, conn_closed;
    int conn_why;
    bool timed_out;
    struct timer guard;
};

static inline void fx_guard(struct timer *t) {
    container_of(t, struct fx, guard)->timed_out = true;
}

#define AWAIT(fx, cond)                                                                                                          \
    do {                                                                                                                         \
        loop_timer(&(fx)->loop, &(fx)->guard, AWAIT_US, fx_guard);                                                               \
        while (!(cond)) {                                                                                                        \
            loop_turn(&(fx)->loop, true);                                                                                        \
            if ((fx)->timed_out)                                                                                                 \
                fail_msg("never true: %s", #cond);                                                                               \
        }                                                                                                                        \
        loop_timer_stop(&(fx)->loop, &(fx)->guard);                                                                              \
    } while (0)

/* Lets the loop do all that it can do at once. */
static inline void fx_settle(struct fx *fx) {
    for (int idle = 0; idle < 20; idle++)
        loop_turn(&fx->loop, false);
}

static inline void fx_pass(struct fx *fx, uint64_t us) {
    fx->ahead += us;
    fx_settle(fx);
}

/* ---- recording ---- */

static inline void rec_head(struct stream *s, const struct msg *m, bool end) {
    struct rec *r = s->user;
    r->got_head = true;
    r->ended = end;
    r->status = m->status;
    r->length = m->content_length;
    str_z(m->method, r->method, sizeof r->method);
    str_z(m->path, r->path, sizeof r->path);
    if (!s->conn->server)
        return;
    if (str_eq(m->path, STR("/hello")))
        stream_reply(s, 200, STR("text/plain"), STR("hello"));
    else if (str_eq(m->path, STR("/echo"))) {
        struct msg res = {.status = 200, .content_length = m->content_length};
        r->echo = true;
        stream_continue(s);
        stream_head(s, &res, end);
    }
}
static inline void rec_info(struct stream *s, const struct msg *m) {
    struct rec *r = s->user;
    r->infos++;
    r->last_info = m->status;
}
static inline void rec_data(struct stream *s, struct str data, bool end) {
    struct rec *r = s->user;
    r->ended = end;
    if (s->credit > r->max_credit)
        r->max_credit = s->credit;
    if (r->reset_on_data) {
        stream_reset(s, WEFT_E_CANCELLED);
        return;
    }
    if (r->echo) {
        stream_data(s, data, end);
        if (stream_queued(s) > r->max_queued)
            r->max_queued = stream_queued(s);
        return;
    }
    buf_add(&r->body, data);
    if (!r->hold)
        stream_consumed(s, data.len);
}
static inline void rec_trailers(struct stream *s, const struct msg_fields *f) {
    struct rec *r = s->user;
    r->ended = true;
    struct str v = msg_find_name(f, STR("x-sum")) ? msg_find_name(f, STR("x-sum"))->value : STR_NONE;
    str_z(v, r->trailer, sizeof r->trailer);
    if (r->echo)
        stream_end(s, f);
}
static inline void rec_drained(struct stream *s, size_t octets) {
    struct rec *r = s->user;
    r->drained += octets;
    if (r->abort_on_drained)
        conn_abort(s->conn, WEFT_E_CANCELLED);
    if (r->echo)
        stream_consumed(s, octets < s->credit ? octets : s->credit);
}
static inline void rec_closed(struct stream *s, int why) {
    struct rec *r = s->user;
    r->s = NULL;
    r->reused = s->reused_conn;
    r->closed++;
    r->why = why;
}
static const struct stream_cb rec_cb = {
    .head = rec_head, .info = rec_info, .data = rec_data, .trailers = rec_trailers, .drained = rec_drained, .closed = rec_closed};

static inline void fx_on_stream(struct server *sv, struct stream *s) {
    struct fx *fx = sv->user;
    struct rec *r = &fx->srv[fx->n_srv++ % MAX_REC];
    assert_null(r->s);
    buf_fini(&r->body);
    *r = (struct rec){.s = s, .fx = fx, .hold = fx->hold};
    fx->requests++;
    s->cb = &rec_cb;
    s->user = r;
}

/* ---- client ---- */

static inline void fx_ready(struct conn *c) {
    ((struct fx *)c->user)->ready++;
}
static inline void fx_drain(struct conn *c) {
    ((struct fx *)c->user)->drains++;
}
static inline void fx_closed(struct conn *c, int why) {
    struct fx *fx = c->user;
    fx->conn_closed++;
    fx->conn_why = why;
    fx->conn = NULL;
}
static inline void fx_drained(struct server *s) {
    ((struct fx *)s->user)->n_drained++;
}

static inline void fx_connect(struct fx *fx) {
    struct transport *tr = sock_dial(&fx->loop, &fx->server.listener.addr, 0, NULL, NULL);
    if (fx->tls)
        tr = tls_client(&tr, fx->tls, STR_NONE, NULL, 0, 0, NULL, NULL);
    unsigned before = fx->ready;
    fx->conn = conn_client(&fx->loop, &tr, &fx->conn_cfg, fx);
    assert_int_equal(conn_capacity(fx->conn), 0);
    AWAIT(fx, fx->ready > before || !fx->conn);
}

static inline struct rec *fx_request(struct fx *fx, unsigned i, const char *method, const char *path, bool end) {
    struct rec *r = &fx->cli[i];
    struct err e = {0};
    assert_null(r->s);
    buf_fini(&r->body);
    *r = (struct rec){.fx = fx};
    struct msg m = {
        .request = true, .method = str_of(method), .path = str_of(path), .authority = STR("test"), .scheme = STR("http")};
    m.method_id = method_intern(m.method);
    m.content_length = end ? 0 : -1;
    r->s = conn_request(fx->conn, &m, end, &rec_cb, r, &e);
    if (!r->s)
        fail_msg("no stream: %s", e.msg);
    return r;
}

/* ---- the frame of a test ---- */

static inline uint64_t fx_mono(const struct clock *c) {
    const struct fx *fx = container_of(c, struct fx, clock);
    return clock_real.mono_us(&clock_real) + fx->ahead;
}
static inline uint64_t fx_wall(const struct clock *c) {
    return clock_real.wall_us(&clock_real);
}

static inline struct fx *fx_new(enum conn_proto proto) {
    struct fx *fx = mem_new(struct fx);
    struct err e = {0};
    fx->clock = (struct clock){fx_mono, fx_wall};
    assert_int_equal(loop_init(&fx->loop, &(struct loop_cfg){.seed = 1, .clock = &fx->clock}, &e), 0);
    fx->conn_cfg = (struct conn_cfg){.proto = proto, .on_ready = fx_ready, .on_drain = fx_drain, .on_closed = fx_closed};
    fx->server_cfg = (struct server_cfg){.on_stream = fx_on_stream, .user = fx};
    assert_true(addr_parse(&fx->server_cfg.addr, STR("127.0.0.1:0"), &e) >= 0);
    fx->server.on_drained = fx_drained;
    return fx;
}
static inline void fx_serve(struct fx *fx) {
    struct err e = {0};
    if (server_start(&fx->server, &fx->loop, &fx->server_cfg, &e) < 0)
        fail_msg("%s", e.msg);
}

static inline int fx_teardown(void **state) {
    struct fx *fx = *state;
    if (fx->conn)
        conn_abort(fx->conn, 0);
    if (fx->server.loop)
        server_stop(&fx->server);
    for (int i = 0; i < 5; i++)
        loop_turn(&fx->loop, false);
    assert_int_equal(fx->loop.watches, 0);
    assert_int_equal(fx->loop.arenas.live, 0);
    for (unsigned i = 0; i < MAX_REC; i++) {
        assert_null(fx->srv[i].s);
        assert_null(fx->cli[i].s);
        buf_fini(&fx->srv[i].body);
        buf_fini(&fx->cli[i].body);
    }
    loop_fini(&fx->loop);
    free(fx);
    return 0;
}
static inline int fx_setup_h1(void **state) {
    *state = fx_new(CONN_H1);
    fx_serve(*state);
    return 0;
}
static inline int fx_setup_h2(void **state) {
    *state = fx_new(CONN_H2);
    fx_serve(*state);
    return 0;
}
static inline int fx_setup_bare(void **state) { /* no server: the test starts its own */
    *state = fx_new(CONN_H1);
    return 0;
}

/* ---- raw octets ---- */

struct raw {
    bool mute; /* a server: says nothing by itself; set before raw_serve */
    struct fx *fx;
    struct transport *tr;
    struct buf in;
    bool open, eof, failed;
    struct sock_listener listener;
};

static inline void raw_event(void *ctx, unsigned ev) {
    struct raw *r = ctx;
    r->open |= (ev & TR_OPEN) != 0;
    r->failed |= (ev & TR_FAIL) != 0;
    if (!(ev & TR_READ))
        return;
    char tmp[4096];
    ssize_t n = transport_read(r->tr, tmp, sizeof tmp);
    if (n > 0)
        buf_add(&r->in, str_n(tmp, (size_t)n));
    r->eof |= n == 0;
    r->failed |= n < 0 && n != WEFT_E_AGAIN;
}
static inline void raw_dial(struct raw *r, struct fx *fx) {
    *r = (struct raw){.fx = fx};
    r->tr = sock_dial(&fx->loop, &fx->server.listener.addr, 0, raw_event, r);
    AWAIT(fx, r->open);
}
static inline void raw_accepted(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct raw *r = sl->ctx;
    transport_close(&r->tr);
    r->tr = sock_adopt(&r->fx->loop, fd, peer, raw_event, r);
    r->open = true;
    r->eof = r->failed = false;
    if (r->fx->conn_cfg.proto == CONN_H2 && !r->mute)
        transport_write(r->tr, STR("\0\0\0\4\0\0\0\0\0")); /* SETTINGS, until which no request goes out */
}
/* A server made of raw octets; the fixture's client connects to it. */
static inline void raw_serve(struct raw *r, struct fx *fx) {
    struct err e;
    *r = (struct raw){.fx = fx, .mute = r->mute};
    assert_true(sock_listen(&r->listener, &fx->loop, &fx->server_cfg.addr, &(struct sock_listen_opts){0}, raw_accepted, r, &e) >=
                0);
    fx->server.listener.addr = r->listener.addr;
    fx_connect(fx);
    AWAIT(fx, r->open);
}
static inline void raw_send(struct raw *r, struct str s) {
    assert_int_equal(transport_write(r->tr, s), s.len);
}
#define RAW(r, lit) raw_send((r), STR(lit))
static inline bool raw_has(const struct raw *r, const char *z) {
    return str_find(buf_str(&r->in), str_of(z)) >= 0;
}
static inline unsigned raw_count(const struct raw *r, const char *z) {
    unsigned n = 0;
    struct str rest = buf_str(&r->in), part = str_of(z);
    for (ptrdiff_t at; (at = str_find(rest, part)) >= 0; n++)
        rest = str_from(rest, (size_t)at + part.len);
    return n;
}
static inline void raw_close(struct raw *r) {
    transport_close(&r->tr);
    if (r->listener.fd > 0)
        sock_listener_close(&r->listener);
    buf_fini(&r->in);
}
