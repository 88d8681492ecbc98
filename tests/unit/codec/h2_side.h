// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_side: one end of an HTTP/2 connection in memory, for h2.c and h2_raw.c (one of them includes it). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "codec/h2.h"

/* One end. What happens is written to `log`, one word group an event, so that a test compares a line. */
struct side {
    struct h2 *h;
    struct buf log, body; /* body: all data octets that came */
    size_t sent;
    bool hold; /* does not consume */
    bool echo; /* server: answers in the callback itself: 200, the data back, trailers back */
    int recv_code;
    struct err err;
};

static const char *text(struct side *s) {
    return buf_z(&s->log).ptr ? buf_z(&s->log).ptr : "";
}

static void log_fields(struct side *s, const struct msg_fields *f) {
    for (unsigned i = 0; i < f->n; i++)
        buf_fmt(&s->log, " %.*s=%.*s", STR_ARG(f->at[i].name), STR_ARG(f->at[i].value));
}

static void on_head(void *ctx, int32_t id, const struct msg *m, bool end) {
    struct side *s = ctx;
    assert_int_equal(m->version, 20);
    if (m->request)
        buf_fmt(&s->log, "[%d %.*s %.*s://%.*s%.*s", id, STR_ARG(m->method), STR_ARG(m->scheme), STR_ARG(m->authority),
                STR_ARG(m->path));
    else
        buf_fmt(&s->log, "[%d %u", id, m->status);
    if (m->upgrade.len)
        buf_fmt(&s->log, " upgrade:%.*s", STR_ARG(m->upgrade));
    if (m->content_length >= 0)
        buf_fmt(&s->log, " length:%d", (int)m->content_length);
    log_fields(s, &m->fields);
    buf_fmt(&s->log, "%s]", end ? " end" : "");
    struct msg ok = {.status = 200};
    if (s->echo)
        assert_int_equal(h2_respond(s->h, id, &ok, end), 0);
}

static void on_data(void *ctx, int32_t id, struct str data) {
    struct side *s = ctx;
    buf_add(&s->body, data);
    if (s->echo)
        assert_int_equal(h2_data(s->h, id, data, false), 0);
    if (!s->hold)
        h2_consume(s->h, id, data.len);
}

static void on_end(void *ctx, int32_t id, const struct msg_fields *trailers) {
    struct side *s = ctx;
    static const struct msg_fields none = {0};
    buf_fmt(&s->log, "[%d end%s", id, trailers ? " trailers" : "");
    log_fields(s, trailers ? trailers : &none);
    buf_fmt(&s->log, "]");
    if (s->echo)
        assert_int_equal(h2_trailers(s->h, id, trailers ? trailers : &none), 0);
}

static void on_closed(void *ctx, int32_t id, uint32_t code, bool by_peer) {
    struct side *s = ctx;
    buf_fmt(&s->log, "[%d closed %u%s]", id, code, by_peer ? " by peer" : "");
    h2_consume(s->h, id, 1); /* both must be harmless here */
    h2_reset(s->h, id, H2_CANCEL);
    assert_int_equal(h2_data(s->h, id, STR("late"), true), WEFT_E_CLOSED);
}

static void on_sent(void *ctx, int32_t id, size_t octets) {
    (void)id;
    ((struct side *)ctx)->sent += octets;
}

static void on_goaway(void *ctx, int32_t last_id, uint32_t code) {
    buf_fmt(&((struct side *)ctx)->log, "[goaway %d %u]", last_id, code);
}

static void on_settings(void *ctx) {
    (void)ctx;
}

static void on_pong(void *ctx) {
    buf_fmt(&((struct side *)ctx)->log, "[pong]");
}

static const struct h2_events events = {on_head, on_data, on_end, on_closed, on_sent, on_goaway, on_settings, .pong = on_pong};

static void side_init(struct side *s, struct h2_cfg cfg) {
    *s = (struct side){0};
    s->h = h2_new(&cfg, &events, s);
}

static void side_fini(struct side *s) {
    h2_free(&s->h);
    assert_null(s->h);
    buf_fini(&s->log);
    buf_fini(&s->body);
}

static void fill(struct buf *b, size_t n) {
    char *to = buf_room(b, n);
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(i * 31 + i / 251);
    buf_added(b, n);
}
