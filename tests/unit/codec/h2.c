// SPDX-License-Identifier: Apache-2.0
/* Client and server sessions of ours talking in memory, and raw frames that no honest peer sends. */
#include "codec/h2.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "codec/h2_guard.h"

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

static const struct h2_events events = {on_head, on_data, on_end, on_closed, on_sent, on_goaway, on_settings};

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

/* Moves octets until both are quiet; in pieces of `step` octets. */
static void pump_by(struct side *a, struct side *b, size_t step) {
    struct side *from = a, *to = b;
    for (int quiet = 0; quiet < 2;) {
        struct buf wire = {0};
        assert_int_equal(h2_send(from->h, &wire, 4096, NULL), 0);
        quiet = wire.len ? 0 : quiet + 1;
        while (wire.len && to->recv_code == 0) {
            size_t n = wire.len < step ? wire.len : step;
            to->recv_code = h2_recv(to->h, str_first(buf_str(&wire), n), &to->err);
            buf_take(&wire, n);
        }
        buf_fini(&wire);
        struct side *other = from;
        from = to;
        to = other;
    }
}

static void pump(struct side *a, struct side *b) {
    pump_by(a, b, SIZE_MAX);
}

struct pair {
    struct side c, s;
    struct arena a;
};

static void open_pair(struct pair *p, struct h2_cfg server, struct h2_cfg client) {
    *p = (struct pair){0};
    server.server = true;
    side_init(&p->c, client);
    side_init(&p->s, server);
    pump(&p->c, &p->s);
    assert_int_equal(p->c.recv_code, 0);
    assert_int_equal(p->s.recv_code, 0);
}

static void close_pair(struct pair *p) {
    side_fini(&p->c);
    side_fini(&p->s);
    arena_fini(&p->a);
}

static struct msg request(const char *method, const char *path) {
    struct msg m = {.request = true, .scheme = STR("http"), .authority = STR("shop:80"), .content_length = -1};
    m.method = str_of(method);
    m.method_id = method_intern(m.method);
    m.path = str_of(path);
    return m;
}

/* ---- honest peers ---- */

static void test_get(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/a?b=1");
    msg_add_name(&m.fields, &p.a, STR("X-Thing"), STR("1"));
    msg_add(&m.fields, &p.a, HDR_CONNECTION, STR("close")); /* has no place in HTTP/2 */
    msg_add(&m.fields, &p.a, HDR_HOST, STR("other"));       /* :authority it is */
    msg_add(&m.fields, &p.a, HDR_TE, STR("trailers"));
    msg_add_name(&m.fields, &p.a, STR("bad name"), STR("1")); /* invalid ones are left out */
    msg_add_name(&m.fields, &p.a, STR("x-bad"), STR("a\r\nb: c"));
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), 1);
    assert_int_equal(h2_open_streams(p.c.h), 1);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.s), "[1 GET http://shop:80/a?b=1 x-thing=1 te=trailers end]");
    struct msg early = {.status = 103}, ok = {.status = 204};
    assert_int_equal(h2_respond(p.s.h, 1, &early, false), 0);
    assert_int_equal(h2_respond(p.s.h, 1, &ok, true), 0);
    assert_int_equal(h2_respond(p.s.h, 1, &ok, true), WEFT_E_CLOSED);
    pump(&p.s, &p.c);
    assert_string_equal(text(&p.c), "[1 103][1 204 end][1 closed 0]");
    assert_string_equal(text(&p.s) + strlen("[1 GET http://shop:80/a?b=1 x-thing=1 te=trailers end]"), "[1 closed 0]");
    assert_int_equal(h2_open_streams(p.c.h), 0);
    assert_int_equal(h2_open_streams(p.s.h), 0);
    assert_int_equal(h2_respond(p.s.h, 1, &ok, true), WEFT_E_CLOSED);
    close_pair(&p);
}

static void test_stream_data(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/");
    int32_t id = h2_request(p.c.h, &m, true, NULL);
    assert_null(h2_stream_data(p.c.h, id));
    h2_set_stream_data(p.c.h, id, &p);
    assert_ptr_equal(h2_stream_data(p.c.h, id), &p);
    assert_null(h2_stream_data(p.c.h, id + 2));
    close_pair(&p);
}

static void test_unwritable_heads(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    const char *paths[] = {"", "x", "/a b", "/a\r\n", "/\x80", "/#f", "*"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct msg m = request("GET", paths[i]);
        assert_int_equal(h2_request(p.c.h, &m, true, NULL), WEFT_E_INVALID);
    }
    struct msg m = request("G T", "/");
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), WEFT_E_INVALID);
    m = request("GET", "/");
    m.authority = STR("");
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), WEFT_E_INVALID);
    m.authority = STR("a@b");
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), WEFT_E_INVALID);
    m = request("GET", "/");
    assert_true(h2_request(p.c.h, &m, true, NULL) > 0);
    pump(&p.c, &p.s);
    const unsigned bad[] = {0, 99, 101, 1000};
    for (size_t i = 0; i < 4; i++) {
        struct msg r = {.status = (uint16_t)bad[i]};
        assert_int_equal(h2_respond(p.s.h, 1, &r, true), WEFT_E_INVALID);
    }
    assert_int_equal(h2_data(p.s.h, 1, STR("x"), true), WEFT_E_INVALID); /* before the head */
    close_pair(&p);
}

static void test_connect(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){.extended_connect = true}, (struct h2_cfg){0});
    struct msg m = request("CONNECT", "");
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 1);
    struct msg ws = request("CONNECT", "/chat");
    ws.upgrade = STR("websocket");
    assert_int_equal(h2_request(p.c.h, &ws, false, NULL), 3);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.s), "[1 CONNECT ://shop:80][3 CONNECT http://shop:80/chat upgrade:websocket]");
    close_pair(&p);
}

static void test_cookies_joined(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/");
    msg_add(&m.fields, &p.a, HDR_COOKIE, STR("a=1"));
    msg_add_name(&m.fields, &p.a, STR("x"), STR("y"));
    msg_add(&m.fields, &p.a, HDR_COOKIE, STR("b=2"));
    msg_add(&m.fields, &p.a, HDR_COOKIE, STR("c=3"));
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), 1);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.s), "[1 GET http://shop:80/ cookie=a=1; b=2; c=3 x=y end]");
    close_pair(&p);
}

static void fill(struct buf *b, size_t n) {
    char *to = buf_room(b, n);
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(i * 31 + i / 251);
    buf_added(b, n);
}

/* A megabyte each way through 64 KiB windows, answered from the callbacks, trailers back; in pieces of every awkward size. */
static void test_big_bodies(void **state) {
    (void)state;
    const size_t steps[] = {SIZE_MAX, 1, 7, 9, 1000, 16393};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct pair p;
        struct buf body = {0};
        open_pair(&p, (struct h2_cfg){.conn_window = 100000}, (struct h2_cfg){.stream_window = 70000, .frame_size = 20000});
        p.s.echo = true;
        fill(&body, 1 << 20);
        struct msg m = request("POST", "/echo");
        assert_int_equal(h2_request(p.c.h, &m, false, NULL), 1);
        assert_int_equal(h2_data(p.c.h, 1, buf_str(&body), false), 0);
        struct msg_fields t = {0};
        msg_add(&t, &p.a, HDR_GRPC_STATUS, STR("0"));
        msg_add(&t, &p.a, HDR_CONTENT_LENGTH, STR("3")); /* no trailer */
        msg_add_name(&t, &p.a, STR("X-Sum"), STR("abc"));
        assert_int_equal(h2_trailers(p.c.h, 1, &t), 0);
        assert_int_equal(h2_data(p.c.h, 1, STR("x"), false), WEFT_E_CLOSED);
        assert_int_equal(h2_pending(p.c.h, 1), body.len);
        pump_by(&p.c, &p.s, steps[i]);
        assert_string_equal(text(&p.c), "[1 200][1 end trailers grpc-status=0 x-sum=abc][1 closed 0]");
        assert_true(str_eq(buf_str(&p.c.body), buf_str(&body)));
        assert_int_equal(p.c.sent, body.len);
        assert_int_equal(p.s.sent, body.len);
        buf_fini(&body);
        close_pair(&p);
    }
}

static void test_empty_trailers_and_bodies(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    p.s.echo = true;
    struct msg m = request("POST", "/");
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 1);
    pump(&p.c, &p.s); /* parked */
    assert_int_equal(h2_data(p.c.h, 1, STR(""), false), 0);
    pump(&p.c, &p.s);
    assert_int_equal(h2_data(p.c.h, 1, STR(""), true), 0);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.c), "[1 200][1 end][1 closed 0]");
    close_pair(&p);
}

/* Without consume the sender stops at the window, and goes on as credit comes. */
static void test_window_exhaustion(void **state) {
    (void)state;
    struct pair p;
    struct buf body = {0};
    open_pair(&p, (struct h2_cfg){.stream_window = 30000}, (struct h2_cfg){0});
    p.s.hold = true;
    fill(&body, 100000);
    struct msg m = request("POST", "/");
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 1);
    assert_int_equal(h2_data(p.c.h, 1, buf_str(&body), true), 0);
    pump(&p.c, &p.s);
    assert_int_equal(p.s.body.len, 30000);
    assert_int_equal(h2_pending(p.c.h, 1), 70000);
    assert_false(h2_want_send(p.c.h));
    h2_consume(p.s.h, 1, 20000);
    pump(&p.s, &p.c);
    assert_int_equal(p.s.body.len, 50000);
    h2_consume(p.s.h, 1, SIZE_MAX); /* never more than was told */
    pump(&p.s, &p.c);
    assert_int_equal(p.s.body.len, 80000);
    h2_consume(p.s.h, 1, 30000);
    pump(&p.s, &p.c);
    assert_int_equal(p.s.body.len, 100000);
    assert_true(str_eq(buf_str(&p.s.body), buf_str(&body)));
    buf_fini(&body);
    close_pair(&p);
}

/* Octets of streams that are gone come back to the connection's window, or it would starve. */
static void test_closed_streams_give_credit_back(void **state) {
    (void)state;
    struct pair p;
    struct buf body = {0};
    open_pair(&p, (struct h2_cfg){.stream_window = 60000, .conn_window = 65535}, (struct h2_cfg){0});
    p.s.hold = true;
    fill(&body, 50000);
    for (int i = 0; i < 20; i++) {
        struct msg m = request("POST", "/");
        int32_t id = h2_request(p.c.h, &m, false, NULL);
        assert_true(id > 0);
        size_t before = p.s.body.len;
        assert_int_equal(h2_data(p.c.h, id, buf_str(&body), false), 0);
        pump(&p.c, &p.s);
        assert_int_equal(p.s.body.len - before, 50000);
        h2_reset(i % 2 ? p.c.h : p.s.h, id, H2_CANCEL);
        pump(i % 2 ? &p.c : &p.s, i % 2 ? &p.s : &p.c);
        assert_int_equal(h2_open_streams(p.s.h), 0);
    }
    buf_fini(&body);
    close_pair(&p);
}

static void test_output_is_bounded(void **state) {
    (void)state;
    struct pair p;
    struct buf body = {0}, wire = {0};
    open_pair(&p, (struct h2_cfg){.stream_window = 1 << 20, .conn_window = 1 << 21}, (struct h2_cfg){0});
    fill(&body, 500000);
    struct msg m = request("POST", "/");
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 1);
    assert_int_equal(h2_data(p.c.h, 1, buf_str(&body), true), 0);
    for (size_t before = 0; h2_want_send(p.c.h); before = wire.len) {
        assert_int_equal(h2_send(p.c.h, &wire, 10000, NULL), 0);
        assert_true(wire.len - before <= 10000 + 16384 + 9);
    }
    assert_int_equal(p.c.sent, 500000);
    assert_int_equal(h2_recv(p.s.h, buf_str(&wire), NULL), 0);
    assert_true(str_eq(buf_str(&p.s.body), buf_str(&body)));
    buf_fini(&wire);
    buf_fini(&body);
    close_pair(&p);
}

static void test_resets(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("POST", "/");
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 1);
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 3);
    assert_int_equal(h2_request(p.c.h, &m, false, NULL), 5);
    h2_reset(p.c.h, 5, H2_CANCEL); /* before anything of it was sent */
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.s), "[1 POST http://shop:80/][3 POST http://shop:80/]");
    h2_reset(p.c.h, 1, H2_CANCEL);
    h2_reset(p.c.h, 1, H2_CANCEL); /* once */
    h2_reset(p.s.h, 3, H2_REFUSED_STREAM);
    assert_int_equal(h2_data(p.c.h, 1, STR("x"), false), WEFT_E_CLOSED);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.c), "[5 closed 8][1 closed 8][3 closed 7 by peer]");
    assert_string_equal(text(&p.s), "[1 POST http://shop:80/][3 POST http://shop:80/][1 closed 8 by peer][3 closed 7]");
    h2_reset(p.c.h, 99, H2_CANCEL);
    close_pair(&p);
}

static void test_max_streams(void **state) {
    (void)state;
    struct pair p;
    struct err e;
    open_pair(&p, (struct h2_cfg){.max_streams = 2}, (struct h2_cfg){0});
    assert_int_equal(h2_peer_max_streams(p.c.h), 2);
    struct msg m = request("GET", "/");
    assert_int_equal(h2_request(p.c.h, &m, true, &e), 1);
    assert_int_equal(h2_request(p.c.h, &m, true, &e), 3);
    assert_int_equal(h2_request(p.c.h, &m, true, &e), WEFT_E_LIMIT);
    pump(&p.c, &p.s);
    struct msg ok = {.status = 200};
    assert_int_equal(h2_respond(p.s.h, 1, &ok, true), 0);
    pump(&p.s, &p.c);
    assert_int_equal(h2_request(p.c.h, &m, true, &e), 5);
    close_pair(&p);
}

static void test_goaway(void **state) {
    (void)state;
    struct pair p;
    struct err e;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/"), ok = {.status = 200};
    assert_int_equal(h2_request(p.c.h, &m, true, &e), 1);
    pump(&p.c, &p.s);
    h2_goaway(p.s.h, false);
    pump(&p.s, &p.c);
    assert_string_equal(text(&p.c), "[goaway 2147483647 0]");
    assert_int_equal(h2_request(p.c.h, &m, true, &e), WEFT_E_DRAINING);
    h2_goaway(p.s.h, true);
    pump(&p.s, &p.c);
    assert_string_equal(text(&p.c), "[goaway 2147483647 0][goaway 1 0]");
    assert_false(h2_done(p.s.h)); /* a stream is under way */
    assert_int_equal(h2_respond(p.s.h, 1, &ok, true), 0);
    pump(&p.s, &p.c);
    assert_string_equal(text(&p.c) + strlen("[goaway 2147483647 0][goaway 1 0]"), "[1 200 end][1 closed 0]");
    assert_true(h2_done(p.s.h));
    assert_true(h2_done(p.c.h));
    close_pair(&p);
}

/* Requests that cross a final GOAWAY were not processed: the client learns that it may repeat them. */
static void test_goaway_refuses(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/");
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), 1);
    pump(&p.c, &p.s);
    h2_goaway(p.s.h, true);
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), 3);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.c), "[goaway 1 0][3 closed 7 by peer]");
    assert_string_equal(text(&p.s), "[1 GET http://shop:80/ end]");
    close_pair(&p);
}

static void test_client_goaway_and_ping(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    h2_ping(p.c.h);
    assert_true(h2_want_send(p.c.h));
    pump(&p.c, &p.s);
    assert_int_equal(p.s.recv_code, 0);
    h2_goaway(p.c.h, false);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.s), "[goaway 0 0]");
    assert_true(h2_done(p.c.h));
    close_pair(&p);
}

static void test_head_too_large(void **state) {
    (void)state;
    char value[2000];
    memset(value, 'v', sizeof(value));
    for (int body = 0; body < 2; body++) {
        struct pair p;
        open_pair(&p, (struct h2_cfg){.head = 1000}, (struct h2_cfg){.head = 1000});
        struct msg m = request("POST", "/");
        msg_add_name(&m.fields, &p.a, STR("x"), str_n(value, sizeof(value)));
        assert_int_equal(h2_request(p.c.h, &m, body == 0, NULL), 1);
        if (body)
            assert_int_equal(h2_data(p.c.h, 1, str_n(value, sizeof(value)), false), 0);
        pump(&p.c, &p.s);
        assert_string_equal(text(&p.c), body ? "[1 431 end][1 closed 0 by peer]" : "[1 431 end][1 closed 0]");
        assert_string_equal(text(&p.s), "");
        struct msg small = request("GET", "/"); /* and the connection goes on */
        assert_int_equal(h2_request(p.c.h, &small, true, NULL), 3);
        pump(&p.c, &p.s);
        assert_string_equal(text(&p.s), "[3 GET http://shop:80/ end]");
        struct msg large = {.status = 200, .fields = m.fields};
        assert_int_equal(h2_respond(p.s.h, 3, &large, true), 0);
        pump(&p.s, &p.c);
        assert_non_null(strstr(text(&p.c), "[3 closed 11]")); /* ENHANCE_YOUR_CALM, by the client */
        close_pair(&p);
    }
}

static void test_too_many_fields(void **state) {
    (void)state;
    for (unsigned n = 9; n <= 11; n++) {
        struct pair p;
        open_pair(&p, (struct h2_cfg){.fields = 10}, (struct h2_cfg){0});
        struct msg m = request("GET", "/");
        for (unsigned i = 0; i < n; i++)
            msg_add_name(&m.fields, &p.a, STR("x"), STR("y"));
        assert_int_equal(h2_request(p.c.h, &m, true, NULL), 1);
        pump(&p.c, &p.s);
        assert_string_equal(text(&p.c), n > 10 ? "[1 431 end][1 closed 0]" : "");
        close_pair(&p);
    }
}

static void test_head_we_cannot_send(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct buf big = {0};
    fill(&big, 2 << 20);
    memset(buf_room(&big, 0) - big.len, 'x', big.len);
    struct msg m = request("GET", "/");
    msg_add_name(&m.fields, &p.a, STR("x"), buf_str(&big));
    int32_t id = h2_request(p.c.h, &m, true, NULL);
    assert_true(id > 0 || id == WEFT_E_LIMIT);
    pump(&p.c, &p.s);
    if (id > 0)
        assert_non_null(strstr(text(&p.c), "[1 closed "));
    assert_int_equal(h2_open_streams(p.c.h), 0);
    buf_fini(&big);
    close_pair(&p);
}

/* ---- raw frames ---- */

static void frame(struct buf *b, unsigned type, unsigned flags, uint32_t id, struct str payload) {
    const char head[9] = {(char)(payload.len >> 16), (char)(payload.len >> 8), (char)payload.len, (char)type, (char)flags,
                          (char)(id >> 24),          (char)(id >> 16),         (char)(id >> 8),   (char)id};
    buf_add(b, str_n(head, sizeof(head)));
    buf_add(b, payload);
}

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };

/* "name: value" lines as literals without indexing; a line's name ends at the first ": " after its first octet. */
static void block(struct buf *b, const char *lines) {
    struct str rest = str_of(lines);
    while (rest.ptr) {
        struct str line = str_cut(&rest, '\n');
        if (line.len == 0)
            continue;
        ptrdiff_t colon = str_find(str_from(line, 1), STR(": ")) + 1;
        assert_true(colon > 0 && line.len < 127);
        buf_addc(b, 0);
        buf_addc(b, (char)colon);
        buf_add(b, str_first(line, (size_t)colon));
        buf_addc(b, (char)(line.len - (size_t)colon - 2));
        buf_add(b, str_from(line, (size_t)colon + 2));
    }
}

static void headers(struct buf *b, unsigned flags, uint32_t id, const char *lines) {
    struct buf h = {0};
    block(&h, lines);
    frame(b, HEADERS, flags | END_HEADERS, id, buf_str(&h));
    buf_fini(&h);
}

static void hello(struct buf *b) {
    buf_add(b, H2_PREFACE);
    frame(b, SETTINGS, 0, 0, STR(""));
}

/* Looks for a frame of that type on that stream in what was sent; its first payload octets (32 bits) go to *word. */
static bool sent_frame(struct side *s, unsigned type, uint32_t id, uint32_t *word) {
    struct buf wire = {0};
    bool found = false;
    assert_int_equal(h2_send(s->h, &wire, 1 << 20, NULL), 0);
    struct str in = buf_str(&wire);
    while (in.len >= 9 && !found) {
        const uint8_t *p = (const uint8_t *)in.ptr;
        size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        uint32_t sid = (uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
        const uint8_t *w = p + 9 + (type == GOAWAY ? 4 : 0);
        found = p[3] == type && sid == id;
        if (found && len >= 4)
            *word = (uint32_t)w[0] << 24 | (uint32_t)w[1] << 16 | (uint32_t)w[2] << 8 | w[3];
        in = str_from(in, 9 + len);
    }
    buf_fini(&wire);
    return found;
}

#define GOOD ":method: GET\n:scheme: http\n:path: /\n:authority: a\n"

static const struct {
    const char *what, *lines;
    const char *told; /* NULL: the stream is reset with PROTOCOL_ERROR and nothing is told */
} heads[] = {
    {"plain", GOOD, "[1 GET http://a/ end]"},
    {"https", ":method: GET\n:scheme: https\n:path: /\n:authority: a:8443\n", "[1 GET https://a:8443/ end]"},
    {"host instead of authority", ":method: GET\n:scheme: http\n:path: /\nhost: b:1\n", "[1 GET http://b:1/ end]"},
    {"host equals authority", GOOD "host: A\n", "[1 GET http://a/ end]"},
    {"options star", ":method: OPTIONS\n:scheme: http\n:path: *\n:authority: a\n", "[1 OPTIONS http://a* end]"},
    {"te trailers", GOOD "te: trailers\n", "[1 GET http://a/ te=trailers end]"},
    {"content-length 0", GOOD "content-length: 0\n", "[1 GET http://a/ length:0 content-length=0 end]"},
    {"empty value", GOOD "x: \n", "[1 GET http://a/ x= end]"},
    {"host differs", GOOD "host: b\n", NULL},
    {"two hosts", ":method: GET\n:scheme: http\n:path: /\nhost: b\nhost: b\n", NULL},
    {"no authority at all", ":method: GET\n:scheme: http\n:path: /\n", NULL},
    {"empty authority", ":method: GET\n:scheme: http\n:path: /\n:authority: \n", NULL},
    {"userinfo", ":method: GET\n:scheme: http\n:path: /\n:authority: u@a\n", NULL},
    {"authority with a path", ":method: GET\n:scheme: http\n:path: /\n:authority: a/b\n", NULL},
    {"bad host", ":method: GET\n:scheme: http\n:path: /\nhost: a b\n", NULL},
    {"no method", ":scheme: http\n:path: /\n:authority: a\n", NULL},
    {"no scheme", ":method: GET\n:path: /\n:authority: a\n", NULL},
    {"no path", ":method: GET\n:scheme: http\n:authority: a\n", NULL},
    {"empty path", ":method: GET\n:scheme: http\n:path: \n:authority: a\n", NULL},
    {"relative path", ":method: GET\n:scheme: http\n:path: x\n:authority: a\n", NULL},
    {"star without OPTIONS", ":method: GET\n:scheme: http\n:path: *\n:authority: a\n", NULL},
    {"space in path", ":method: GET\n:scheme: http\n:path: /a b\n:authority: a\n", NULL},
    {"fragment", ":method: GET\n:scheme: http\n:path: /a#b\n:authority: a\n", NULL},
    {"high octet in path", ":method: GET\n:scheme: http\n:path: /\x80\n:authority: a\n", NULL},
    {"absolute form in path", ":method: GET\n:scheme: http\n:path: http://b/\n:authority: a\n", NULL},
    {"other scheme", ":method: GET\n:scheme: ftp\n:path: /\n:authority: a\n", NULL},
    {"method with a space", ":method: G T\n:scheme: http\n:path: /\n:authority: a\n", NULL},
    {"request line in method", ":method: GET / HTTP/1.1\n:scheme: http\n:path: /\n:authority: a\n", NULL},
    {"twice :path", GOOD ":path: /b\n", NULL},
    {"unknown pseudo", GOOD ":x: y\n", NULL},
    {"status in a request", GOOD ":status: 200\n", NULL},
    {"pseudo after field", ":method: GET\n:scheme: http\n:path: /\nx: y\n:authority: a\n", NULL},
    {"upper case name", GOOD "X-A: b\n", NULL},
    {"connection", GOOD "connection: close\n", NULL},
    {"keep-alive", GOOD "keep-alive: 1\n", NULL},
    {"proxy-connection", GOOD "proxy-connection: close\n", NULL},
    {"transfer-encoding", GOOD "transfer-encoding: chunked\n", NULL},
    {"upgrade", GOOD "upgrade: h2c\n", NULL},
    {"te other", GOOD "te: gzip\n", NULL},
    {"name with a space", GOOD "a b: c\n", NULL},
    {"name with a colon", GOOD "a:b: c\n", NULL},
    {"CR in a value", GOOD "x: a\rb\n", NULL},
    {"leading space", GOOD "x:  a\n", NULL},
    {"trailing space", GOOD "x: a \n", NULL},
    {"DEL in a value", GOOD "x: a\x7f\n", NULL},
    {"content-length and no body", GOOD "content-length: 3\n", NULL},
    {"content-length list", GOOD "content-length: 0, 0\n", NULL},
    {"content-length twice", GOOD "content-length: 0\ncontent-length: 0\n", NULL},
    {"content-length sign", GOOD "content-length: +0\n", NULL},
    {"content-length empty", GOOD "content-length: \n", NULL},
    {"connect with a path", ":method: CONNECT\n:path: /\n:authority: a:1\n", NULL},
    {"connect with a scheme", ":method: CONNECT\n:scheme: http\n:authority: a:1\n", NULL},
    {"connect without a port", ":method: CONNECT\n:authority: a\n", NULL},
    {"protocol when not announced", ":method: CONNECT\n:protocol: websocket\n:scheme: http\n:path: /\n:authority: a\n", NULL},
};

static void test_heads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        headers(&in, END_STREAM, 1, heads[i].lines);
        int r = h2_recv(s.h, buf_str(&in), NULL);
        bool reset = sent_frame(&s, RST_STREAM, 1, &code);
        const char *want = heads[i].told ? heads[i].told : "";
        if (r != 0 || reset != !heads[i].told || strcmp(text(&s), want) != 0 || (reset && code != H2_PROTOCOL_ERROR))
            fail_msg("%s: recv %d, reset %d (%u), told '%s'", heads[i].what, r, reset, code, text(&s));
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_invalid_control_octets(void **state) {
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        struct side s;
        struct buf in = {0}, h = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        block(&h, GOOD);
        const char field[] = {0, 1, 'x', 3, 'a', (char)c, 'b'};
        buf_add(&h, str_n(field, sizeof(field)));
        frame(&in, HEADERS, END_STREAM | END_HEADERS, 1, buf_str(&h));
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), 0);
        assert_int_equal(sent_frame(&s, RST_STREAM, 1, &code), c != '\t');
        assert_int_equal(s.log.len == 0, c != '\t');
        buf_fini(&h);
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_body_must_fit_length(void **state) {
    (void)state;
    static const struct {
        const char *length, *data;
        bool ok;
    } cases[] = {{"3", "abc", true}, {"3", "ab", false}, {"3", "abcd", false}, {"0", "a", false}, {"4", "", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        char lines[200];
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        snprintf(lines, sizeof(lines), GOOD "content-length: %s\n", cases[i].length);
        headers(&in, 0, 1, lines);
        frame(&in, DATA, END_STREAM, 1, str_of(cases[i].data));
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), 0);
        assert_int_equal(sent_frame(&s, RST_STREAM, 1, &code), !cases[i].ok);
        assert_int_equal(strstr(text(&s), "[1 end]") != NULL, cases[i].ok);
        if (!cases[i].ok)
            assert_non_null(strstr(text(&s), "[1 closed 1]"));
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_trailers(void **state) {
    (void)state;
    static const struct {
        const char *lines, *told;
        unsigned flags;
    } cases[] = {
        {"x: y\ngrpc-status: 0\nauthorization: a\ncookie: b\n", "[1 end trailers x=y grpc-status=0]", END_STREAM},
        {"authorization: a\n", "[1 end]", END_STREAM},
        {":path: /\n", "[1 closed 1]", END_STREAM},
        {"x: y\n", "[1 closed 1]", 0},
        {"x: y\x01\n", "[1 closed 1]", END_STREAM},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        headers(&in, 0, 1, GOOD);
        frame(&in, DATA, 0, 1, STR("x"));
        headers(&in, cases[i].flags, 1, cases[i].lines);
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), 0);
        sent_frame(&s, RST_STREAM, 1, &code);
        assert_string_equal(text(&s) + strlen("[1 GET http://a/]"), cases[i].told);
        buf_fini(&in);
        side_fini(&s);
    }
}

/* Frames that end the connection: a GOAWAY with that code, and then h2_done or an error. */
static void test_broken_connections(void **state) {
    (void)state;
    static const struct {
        const char *what;
        unsigned type, flags;
        uint32_t id, code;
        struct str payload;
    } cases[] = {
        {"DATA on stream 0", DATA, 0, 0, H2_PROTOCOL_ERROR, {"x", 1}},
        {"DATA on an idle stream", DATA, 0, 9, H2_PROTOCOL_ERROR, {"x", 1}},
        {"HEADERS on stream 0", HEADERS, END_HEADERS, 0, H2_PROTOCOL_ERROR, {"\x82", 1}},
        {"HEADERS on an even stream", HEADERS, END_HEADERS, 2, H2_PROTOCOL_ERROR, {"\x82", 1}},
        {"bad HPACK index", HEADERS, END_HEADERS, 1, H2_COMPRESSION_ERROR, {"\xff\xff\xff\x7f", 4}},
        {"HPACK cut short", HEADERS, END_HEADERS, 1, H2_COMPRESSION_ERROR, {"\x00\x05x", 3}},
        {"RST_STREAM on an idle stream", RST_STREAM, 0, 7, H2_PROTOCOL_ERROR, {"\0\0\0\1", 4}},
        {"RST_STREAM of 3 octets", RST_STREAM, 0, 1, H2_FRAME_SIZE_ERROR, {"\0\0\0", 3}},
        {"SETTINGS on a stream", SETTINGS, 0, 1, H2_PROTOCOL_ERROR, {"", 0}},
        {"SETTINGS of 5 octets", SETTINGS, 0, 0, H2_FRAME_SIZE_ERROR, {"\0\0\0\0\0", 5}},
        {"SETTINGS ACK with payload", SETTINGS, 1, 0, H2_FRAME_SIZE_ERROR, {"\0\1\0\0\0\0", 6}},
        {"SETTINGS window too large", SETTINGS, 0, 0, H2_FLOW_CONTROL_ERROR, {"\0\4\xff\xff\xff\xff", 6}},
        {"PUSH_PROMISE from a client", PUSH_PROMISE, END_HEADERS, 1, H2_PROTOCOL_ERROR, {"\0\0\0\2", 4}},
        {"PING of 7 octets", PING, 0, 0, H2_FRAME_SIZE_ERROR, {"1234567", 7}},
        {"PING on a stream", PING, 0, 1, H2_PROTOCOL_ERROR, {"12345678", 8}},
        {"WINDOW_UPDATE of 0", WINDOW_UPDATE, 0, 0, H2_PROTOCOL_ERROR, {"\0\0\0\0", 4}},
        {"WINDOW_UPDATE overflow", WINDOW_UPDATE, 0, 0, H2_FLOW_CONTROL_ERROR, {"\x7f\xff\xff\xff", 4}},
        {"CONTINUATION out of nowhere", CONTINUATION, END_HEADERS, 1, H2_PROTOCOL_ERROR, {"", 0}},
        {"padding longer than the frame", HEADERS, END_HEADERS | PADDED, 1, H2_PROTOCOL_ERROR, {"\x09\x82", 2}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        frame(&in, cases[i].type, cases[i].flags, cases[i].id, cases[i].payload);
        int r = h2_recv(s.h, buf_str(&in), NULL);
        if (!sent_frame(&s, GOAWAY, 0, &code) || code != cases[i].code || !(r < 0 || h2_done(s.h)) || s.log.len)
            fail_msg("%s: recv %d, GOAWAY %u, done %d, told '%s'", cases[i].what, r, code, h2_done(s.h), text(&s));
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_frame_too_long(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    uint32_t code = 0;
    side_init(&s, (struct h2_cfg){.server = true});
    hello(&in);
    buf_add(&in, str_n("\x00\x40\x01\x00\x00\x00\x00\x00\x01", 9)); /* 16,385 octets */
    int r = h2_recv(s.h, buf_str(&in), NULL);
    assert_true(sent_frame(&s, GOAWAY, 0, &code));
    assert_int_equal(code, H2_FRAME_SIZE_ERROR);
    assert_true(r < 0 || h2_done(s.h));
    buf_fini(&in);
    side_fini(&s);
}

static void test_bad_preface(void **state) {
    (void)state;
    struct side s;
    struct err e;
    side_init(&s, (struct h2_cfg){.server = true});
    assert_int_equal(h2_recv(s.h, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &e), WEFT_E_PROTOCOL);
    assert_int_equal(h2_recv(s.h, STR(""), &e), WEFT_E_PROTOCOL); /* and stays so */
    assert_non_null(strstr(e.msg, "HTTP/2"));
    side_fini(&s);
}

/* More octets than the window allows. */
static void test_peer_breaks_window(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0}, big = {0};
    side_init(&s, (struct h2_cfg){.server = true, .stream_window = 65535});
    s.hold = true;
    hello(&in);
    headers(&in, 0, 1, GOOD);
    fill(&big, 16384);
    for (int i = 0; i < 5; i++)
        frame(&in, DATA, 0, 1, buf_str(&big));
    int r = h2_recv(s.h, buf_str(&in), NULL);
    assert_in_range(s.body.len, 1, 65536); /* nghttp2 tells the frame that breaks it, and no further one */
    struct buf wire = {0};
    assert_int_equal(h2_send(s.h, &wire, 1 << 20, NULL), 0);
    assert_true(r < 0 || h2_done(s.h) || strstr(text(&s), "closed 3") != NULL);
    buf_fini(&wire);
    buf_fini(&big);
    buf_fini(&in);
    side_fini(&s);
}

/* ---- floods ---- */

static void flood(const char *what, const struct buf *unit, unsigned fits, unsigned breaks) {
    struct side s;
    struct buf in = {0};
    struct err e;
    side_init(&s, (struct h2_cfg){.server = true});
    h2_tick(s.h, 1);
    hello(&in);
    headers(&in, 0, 1, GOOD);
    assert_int_equal(h2_recv(s.h, buf_str(&in), &e), 0);
    unsigned n = 0;
    int r = 0;
    for (; n < breaks && r == 0; n++) {
        struct buf out = {0};
        r = h2_recv(s.h, buf_str(unit), &e);
        assert_int_equal(h2_send(s.h, &out, 1 << 20, NULL), 0);
        buf_fini(&out);
    }
    if (r != WEFT_E_LIMIT || n <= fits)
        fail_msg("%s: %d after %u", what, r, n);
    assert_true(h2_done(s.h));
    buf_fini(&in);
    side_fini(&s);
}

static void test_floods(void **state) {
    (void)state;
    static const struct {
        const char *what;
        unsigned type, flags;
        uint32_t id;
        struct str payload;
    } cases[] = {
        {"SETTINGS", SETTINGS, 0, 0, {"", 0}},
        {"PING", PING, 0, 0, {"12345678", 8}},
        {"PING ACK", PING, 1, 0, {"12345678", 8}},
        {"PRIORITY", PRIORITY, 0, 3, {"\0\0\0\0\1", 5}},
        {"WINDOW_UPDATE", WINDOW_UPDATE, 0, 0, {"\0\0\0\1", 4}},
        {"empty DATA", DATA, 0, 1, {"", 0}},
        {"padded empty DATA", DATA, PADDED, 1, {"\1\0", 2}},
        {"unknown type", 0xfa, 0, 1, {"abc", 3}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf unit = {0};
        frame(&unit, cases[i].type, cases[i].flags, cases[i].id, cases[i].payload);
        flood(cases[i].what, &unit, 900, 1100);
        buf_fini(&unit);
    }
}

/* Rapid reset, and its mirror, where the peer makes us reset: both end the connection, but 200 a second are let through for ever.
 */
static void reset_flood(bool provoke, uint64_t step_us, unsigned n, bool breaks) {
    struct side s;
    struct buf in = {0};
    struct err e;
    int r = 0;
    uint64_t now = 1000;
    side_init(&s, (struct h2_cfg){.server = true});
    hello(&in);
    assert_int_equal(h2_recv(s.h, buf_str(&in), &e), 0);
    for (uint32_t i = 0; i < n && r == 0; i++, now += step_us) {
        struct buf unit = {0}, out = {0};
        h2_tick(s.h, now);
        headers(&unit, END_STREAM, 2 * i + 1, provoke ? GOOD "te: gzip\n" : GOOD);
        if (!provoke)
            frame(&unit, RST_STREAM, 0, 2 * i + 1, STR("\0\0\0\x08"));
        r = h2_recv(s.h, buf_str(&unit), &e);
        assert_int_equal(h2_send(s.h, &out, 1 << 20, NULL), 0);
        buf_fini(&unit);
        buf_fini(&out);
    }
    assert_int_equal(r, breaks ? WEFT_E_LIMIT : 0);
    buf_fini(&in);
    side_fini(&s);
}

static void test_reset_floods(void **state) {
    (void)state;
    for (int provoke = 0; provoke < 2; provoke++) {
        reset_flood(provoke, 0, 290, false);
        reset_flood(provoke, 0, 310, true);
        reset_flood(provoke, 5000, 3000, false);
        reset_flood(provoke, 2500, 3000, true);
    }
}

/* A peer that finishes what it asks for may cancel now and then, at any rate. */
static void test_honest_peer_may_reset(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/"), ok = {.status = 200};
    for (unsigned i = 0; i < 2000; i++) {
        int32_t id = h2_request(p.c.h, &m, true, NULL);
        assert_true(id > 0);
        pump(&p.c, &p.s);
        if (i % 2)
            h2_reset(p.c.h, id, H2_CANCEL);
        else
            assert_int_equal(h2_respond(p.s.h, id, &ok, true), 0);
        pump(&p.s, &p.c);
        assert_int_equal(p.s.recv_code, 0);
    }
    close_pair(&p);
}

static void test_continuation_flood(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0}, part = {0};
    struct err e;
    side_init(&s, (struct h2_cfg){.server = true});
    hello(&in);
    struct buf b = {0};
    block(&b, GOOD);
    frame(&in, HEADERS, 0, 1, buf_str(&b));
    int r = h2_recv(s.h, buf_str(&in), &e);
    for (int i = 0; i < 1000; i++)
        block(&part, "x-filler: 0123456789\n");
    struct buf unit = {0};
    frame(&unit, CONTINUATION, 0, 1, str_first(buf_str(&part), 16384));
    unsigned n = 0;
    for (; n < 100 && r == 0 && !h2_done(s.h); n++) {
        struct buf out = {0};
        r = h2_recv(s.h, buf_str(&unit), &e);
        assert_int_equal(h2_send(s.h, &out, 1 << 20, NULL), 0);
        buf_fini(&out);
    }
    assert_true(n < 30);
    assert_int_equal(s.log.len, 0);
    buf_fini(&unit);
    buf_fini(&b);
    buf_fini(&part);
    buf_fini(&in);
    side_fini(&s);
}

static void test_guard_is_split_proof(void **state) {
    (void)state;
    struct buf in = {0};
    hello(&in);
    for (int i = 0; i < 3; i++) {
        frame(&in, PING, 0, 0, STR("12345678"));
        frame(&in, DATA, 0, 1, STR("xyz"));
        frame(&in, RST_STREAM, 0, 1, STR("\0\0\0\0"));
    }
    for (size_t cut = 1; cut < in.len; cut++) {
        struct h2_guard g;
        h2_guard_init(&g, true, 1000);
        uint32_t control = g.control, resets = g.resets;
        assert_int_equal(h2_guard_feed(&g, str_first(buf_str(&in), cut), NULL), 0);
        assert_int_equal(h2_guard_feed(&g, str_from(buf_str(&in), cut), NULL), 0);
        assert_int_equal(control - g.control, 4);
        assert_int_equal(resets - g.resets, 3);
    }
    buf_fini(&in);
}

static void test_guard_refills(void **state) {
    (void)state;
    struct h2_guard g;
    h2_guard_init(&g, true, 1000);
    uint32_t control = g.control, resets = g.resets;
    h2_guard_tick(&g, 1000000);
    for (uint32_t i = 0; i < control; i++)
        assert_int_equal(h2_guard_control(&g, NULL), 0);
    for (uint32_t i = 0; i < resets; i++)
        assert_int_equal(h2_guard_reset(&g, NULL), 0);
    assert_int_equal(h2_guard_control(&g, NULL), WEFT_E_LIMIT);
    assert_int_equal(h2_guard_reset(&g, NULL), WEFT_E_LIMIT);
    for (uint64_t t = 1000001; t <= 1100000; t++) /* many small steps lose nothing */
        h2_guard_tick(&g, t);
    assert_int_equal(g.control, 100);
    assert_int_equal(g.resets, 20);
    h2_guard_tick(&g, 1); /* a clock that goes back is no disaster */
    h2_guard_tick(&g, UINT64_MAX);
    assert_int_equal(g.control, control);
    assert_int_equal(g.resets, resets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_stream_data),
        cmocka_unit_test(test_unwritable_heads),
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_cookies_joined),
        cmocka_unit_test(test_big_bodies),
        cmocka_unit_test(test_empty_trailers_and_bodies),
        cmocka_unit_test(test_window_exhaustion),
        cmocka_unit_test(test_closed_streams_give_credit_back),
        cmocka_unit_test(test_output_is_bounded),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_max_streams),
        cmocka_unit_test(test_goaway),
        cmocka_unit_test(test_goaway_refuses),
        cmocka_unit_test(test_client_goaway_and_ping),
        cmocka_unit_test(test_head_too_large),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_head_we_cannot_send),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_invalid_control_octets),
        cmocka_unit_test(test_body_must_fit_length),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_broken_connections),
        cmocka_unit_test(test_frame_too_long),
        cmocka_unit_test(test_bad_preface),
        cmocka_unit_test(test_peer_breaks_window),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_reset_floods),
        cmocka_unit_test(test_honest_peer_may_reset),
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_guard_is_split_proof),
        cmocka_unit_test(test_guard_refills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
