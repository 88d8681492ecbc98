// SPDX-License-Identifier: Apache-2.0
/* Client and server sessions of ours talking in memory. What no honest peer sends is in h2_raw.c. */
#include "codec/hpack.h"
#include "h2_side.h"

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
    assert_string_equal(text(&p.s),
                        "[1 POST http://shop:80/][3 POST http://shop:80/][5 POST http://shop:80/][5 closed 8 by peer]");
    h2_reset(p.c.h, 1, H2_CANCEL);
    h2_reset(p.c.h, 1, H2_CANCEL); /* once */
    h2_reset(p.s.h, 3, H2_REFUSED_STREAM);
    assert_int_equal(h2_data(p.c.h, 1, STR("x"), false), WEFT_E_CLOSED);
    pump(&p.c, &p.s);
    assert_string_equal(text(&p.c), "[5 closed 8][1 closed 8][3 closed 7 by peer]");
    assert_string_equal(text(&p.s), "[1 POST http://shop:80/][3 POST http://shop:80/][5 POST http://shop:80/][5 closed 8 by peer]"
                                    "[1 closed 8 by peer][3 closed 7]");
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

/* The warning comes while requests are on their way: they still count. */
static void test_goaway_meets_a_request(void **state) {
    (void)state;
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("POST", "/"), ok = {.status = 200};
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), 1);
    pump(&p.c, &p.s);
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), 3);
    h2_goaway(p.s.h, false);
    h2_ping(p.s.h);
    pump(&p.s, &p.c);
    assert_string_equal(text(&p.c), "[goaway 2147483647 0]");
    assert_string_equal(text(&p.s), "[1 POST http://shop:80/ end][3 POST http://shop:80/ end][pong]");
    assert_int_equal(h2_request(p.c.h, &m, true, NULL), WEFT_E_DRAINING);
    h2_goaway(p.s.h, true);
    assert_int_equal(h2_respond(p.s.h, 1, &ok, true), 0);
    assert_int_equal(h2_respond(p.s.h, 3, &ok, true), 0);
    pump(&p.s, &p.c);
    assert_string_equal(text(&p.c) + strlen("[goaway 2147483647 0]"),
                        "[goaway 3 0][1 200 end][3 200 end][1 closed 0][3 closed 0]");
    assert_true(p.c.recv_code == 0 && p.s.recv_code == 0);
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

/* Many streams at once, answered in another order: the table of streams keeps them apart. */
static void test_many_streams(void **state) {
    (void)state;
    enum { STREAMS = 300 };
    struct pair p;
    open_pair(&p, (struct h2_cfg){.max_streams = STREAMS}, (struct h2_cfg){0});
    struct msg m = request("GET", "/"), ok = {.status = 200};
    for (int i = 0; i < STREAMS; i++)
        assert_int_equal(h2_request(p.c.h, &m, true, NULL), 2 * i + 1);
    pump(&p.c, &p.s);
    assert_int_equal(h2_open_streams(p.s.h), STREAMS);
    for (int i = 0; i < STREAMS; i++) {
        int32_t id = 2 * (i * 7 % STREAMS) + 1;
        h2_set_stream_data(p.s.h, id, &p);
        assert_int_equal(h2_respond(p.s.h, id, &ok, i % 2), 0);
        if (i % 2 == 0)
            assert_int_equal(h2_data(p.s.h, id, STR("x"), true), 0);
    }
    pump(&p.s, &p.c);
    assert_int_equal(h2_open_streams(p.s.h), 0);
    assert_int_equal(h2_open_streams(p.c.h), 0);
    assert_int_equal(p.c.body.len, STREAMS / 2);
    close_pair(&p);
}

static size_t octets_of_request(struct pair *p, enum hdr_id id, struct str name, struct str value) {
    struct msg m = request("GET", "/");
    struct buf wire = {0};
    if (id != HDR_OTHER)
        msg_add(&m.fields, &p->a, id, value);
    else
        msg_add_name(&m.fields, &p->a, name, value);
    assert_true(h2_request(p->c.h, &m, true, NULL) > 0);
    assert_int_equal(h2_send(p->c.h, &wire, 1 << 20, NULL), 0);
    size_t n = wire.len;
    buf_fini(&wire);
    return n;
}

/* A value that differs each time, or is a secret, does not go into the peer's table: sent again it costs the same. */
static void test_no_index(void **state) {
    (void)state;
    static const enum hdr_id ids[] = {HDR_X_REQUEST_ID, HDR_TRACEPARENT, HDR_AUTHORIZATION}; /* the last is in the static table */
    const struct str value = STR("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    struct pair p;
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    octets_of_request(&p, HDR_OTHER, STR("x-other"), value);
    assert_true(octets_of_request(&p, HDR_OTHER, STR("x-other"), value) < value.len / 2); /* that one does */
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        size_t first = octets_of_request(&p, ids[i], STR_NONE, value), second = octets_of_request(&p, ids[i], STR_NONE, value);
        assert_true(second <= first && second > value.len / 2); /* the name may have an entry */
        assert_in_range(octets_of_request(&p, ids[i], STR_NONE, value), second - 1, second);
    }
    close_pair(&p);
}

static bool on_secret(void *ctx, const struct hpack_field *f) {
    if (f->id == HDR_AUTHORIZATION)
        *(enum hpack_index *)ctx = f->index;
    return true;
}

/* And whoever passes a secret on is told to keep it out of tables, too (RFC 7541 §7.1.3). */
static void test_secrets_are_never_indexed(void **state) {
    enum { FRAME_HEAD = 9 };
    (void)state;
    enum hpack_index index = HPACK_INDEX;
    struct pair p;
    struct buf wire = {0};
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    open_pair(&p, (struct h2_cfg){0}, (struct h2_cfg){0});
    struct msg m = request("GET", "/");
    msg_add(&m.fields, &p.a, HDR_AUTHORIZATION, STR("Bearer x"));
    assert_true(h2_request(p.c.h, &m, true, NULL) > 0);
    assert_int_equal(h2_send(p.c.h, &wire, 1 << 20, NULL), 0);
    assert_int_equal(hpack_decode(d, str_from(buf_str(&wire), FRAME_HEAD), &p.a, on_secret, &index, NULL), 0);
    assert_int_equal(index, HPACK_NEVER_INDEX);
    hpack_decoder_free(&d);
    buf_fini(&wire);
    close_pair(&p);
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
        cmocka_unit_test(test_goaway_meets_a_request),
        cmocka_unit_test(test_client_goaway_and_ping),
        cmocka_unit_test(test_head_too_large),
        cmocka_unit_test(test_many_streams),
        cmocka_unit_test(test_no_index),
        cmocka_unit_test(test_secrets_are_never_indexed),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_head_we_cannot_send),
        cmocka_unit_test(test_honest_peer_may_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
