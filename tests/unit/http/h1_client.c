// SPDX-License-Identifier: Apache-2.0
/* The HTTP/1.1 client against a server of raw octets. */
#include "fixture.h"

static struct rec *get(struct fx *fx, unsigned i, struct raw *r) {
    struct rec *c = fx_request(fx, i, "GET", "/x", true);
    buf_cut(&r->in, 0);
    AWAIT(fx, raw_has(r, "\r\n\r\n"));
    return c;
}

static void request_as_written(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    assert_true(str_eq(buf_str(&r.in), STR("GET /x HTTP/1.1\r\nhost: test\r\n\r\n")));
    RAW(&r, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    AWAIT(fx, c->closed);
    assert_int_equal(c->why, 0);
    c = fx_request(fx, 1, "POST", "/y", false);
    buf_cut(&r.in, 0);
    stream_data(c->s, STR("abc"), false);
    AWAIT(fx, raw_has(&r, "abc\r\n"));
    assert_true(str_eq(buf_str(&r.in), STR("POST /y HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")));
    stream_end(c->s, NULL);
    AWAIT(fx, raw_has(&r, "0\r\n\r\n"));
    RAW(&r, "HTTP/1.1 204 No Content\r\n\r\n");
    AWAIT(fx, c->closed);
    assert_int_equal(c->why, 0);
    assert_true(c->reused);
    c = fx_request(fx, 2, "POST", "/z", true);
    buf_cut(&r.in, 0);
    AWAIT(fx, raw_has(&r, "content-length: 0\r\n"));
    stream_reset(c->s, WEFT_E_CANCELLED);
    AWAIT(fx, fx->conn_closed);
    raw_close(&r);
}

static void info_then_response(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    RAW(&r, "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: "
            "chunked\r\n\r\n");
    AWAIT(fx, c->got_head);
    assert_int_equal(c->infos, 2);
    assert_int_equal(c->last_info, 100);
    assert_int_equal(c->status, 200);
    RAW(&r, "2\r\nab\r\n0\r\nx-sum: 9\r\n\r\n");
    AWAIT(fx, c->closed);
    assert_string_equal(c->trailer, "9");
    assert_int_equal(conn_capacity(fx->conn), 1);
    raw_close(&r);
}

static void response_in_pieces(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    struct str s = STR("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    for (size_t i = 0; i < s.len; i++) {
        raw_send(&r, (struct str){s.ptr + i, 1});
        fx_settle(fx);
    }
    AWAIT(fx, c->closed);
    assert_int_equal(c->why, 0);
    assert_int_equal(c->body.len, 5);
    raw_close(&r);
}

static void body_until_the_end(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    RAW(&r, "HTTP/1.0 200 OK\r\n\r\nall of it");
    AWAIT(fx, c->body.len == 9);
    assert_int_equal(fx->drains, 1); /* not to be used again */
    transport_shutdown(r.tr);
    AWAIT(fx, c->closed && fx->conn_closed);
    assert_int_equal(c->why, 0);
    assert_true(c->ended);
    raw_close(&r);
}

static void expect_failure(struct fx *fx, struct str in, bool close, int why) {
    struct raw r = {0};
    unsigned closed = fx->conn_closed;
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    raw_send(&r, in);
    if (close)
        transport_shutdown(r.tr);
    AWAIT(fx, c->closed && fx->conn_closed == closed + 1);
    if (c->why != why || c->closed != 1)
        fail_msg("%.*s -> %s", STR_ARG(in), err_name(c->why));
    raw_close(&r);
}

static void bad_responses(void **state) {
    struct fx *fx = *state;
    expect_failure(fx, STR("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"), false, WEFT_E_PROTOCOL);
    expect_failure(fx, STR("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"), false, WEFT_E_PROTOCOL);
    expect_failure(fx, STR("garbage\r\n\r\n"), false, WEFT_E_PROTOCOL);
    expect_failure(fx, STR("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), false,
                   WEFT_E_PROTOCOL);
    expect_failure(fx, STR("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), false, WEFT_E_PROTOCOL);
    expect_failure(fx, STR(""), true, WEFT_E_EOF);
    expect_failure(fx, STR("HTTP/1.1 2"), true, WEFT_E_RESET);
    expect_failure(fx, STR("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"), true, WEFT_E_RESET);
    expect_failure(fx, STR("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"), true, WEFT_E_RESET);
    struct buf b = {0};
    for (int i = 0; i < 40; i++)
        buf_add(&b, STR("HTTP/1.1 102 Processing\r\n\r\n"));
    expect_failure(fx, buf_str(&b), false, WEFT_E_PROTOCOL);
    buf_fini(&b);
}

static void unasked_octets(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx); /* on an idle connection */
    RAW(&r, "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    AWAIT(fx, fx->conn_closed == 1);
    assert_int_equal(fx->drains, 1);
    raw_close(&r);
    raw_serve(&r, fx); /* behind a response */
    struct rec *c = get(fx, 0, &r);
    RAW(&r, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
    AWAIT(fx, fx->conn_closed == 2);
    assert_int_equal(c->why, 0);
    assert_int_equal(c->body.len, 2);
    raw_close(&r);
}

static void connection_close(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    RAW(&r, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    AWAIT(fx, c->closed && fx->conn_closed);
    assert_int_equal(c->why, 0);
    assert_int_equal(fx->conn_why, 0);
    assert_int_equal(fx->drains, 1);
    raw_close(&r);
}

static void response_before_the_request_is_sent(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = fx_request(fx, 0, "POST", "/x", false);
    stream_data(c->s, STR("abc"), false);
    AWAIT(fx, raw_has(&r, "abc"));
    RAW(&r, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno");
    AWAIT(fx, c->closed && fx->conn_closed);
    assert_int_equal(c->status, 413);
    assert_int_equal(c->body.len, 2);
    assert_int_equal(c->why, 0);
    raw_close(&r);
}

/* The server answers and goes while the request is still being sent: the write fails first, the answer is there all the same. */
static void response_before_a_broken_write(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    static char big[20000];
    raw_serve(&r, fx);
    struct rec *c = fx_request(fx, 0, "POST", "/x", false);
    AWAIT(fx, raw_has(&r, "\r\n\r\n"));
    transport_want_read(r.tr, false);
    stream_data(c->s, str_n(big, sizeof big), false);
    RAW(&r, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno");
    raw_close(&r); /* with octets unread: a reset */
    stream_data(c->s, str_n(big, sizeof big), false);
    AWAIT(fx, c->closed && fx->conn_closed);
    assert_int_equal(c->status, 413);
    assert_int_equal(c->body.len, 2);
    assert_int_equal(c->why, 0);
}

static void tunnel(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_serve(&r, fx);
    struct rec *c = &fx->cli[0];
    struct err e = {0};
    struct msg m = {.request = true, .method = STR("GET"), .method_id = METHOD_GET, .path = STR("/"), .authority = STR("a")};
    m.upgrade = STR("websocket");
    c->s = conn_request(fx->conn, &m, true, &rec_cb, c, &e);
    assert_non_null(c->s);
    AWAIT(fx, raw_has(&r, "\r\n\r\n"));
    assert_true(raw_has(&r, "connection: upgrade\r\n"));
    assert_true(raw_has(&r, "upgrade: websocket\r\n"));
    RAW(&r, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x01\x02");
    AWAIT(fx, c->body.len == 2);
    assert_int_equal(c->status, 101);
    assert_false(c->ended);
    assert_int_equal(fx->drains, 1);
    stream_data(c->s, STR("octets"), false);
    AWAIT(fx, raw_has(&r, "\r\n\r\noctets"));
    transport_shutdown(r.tr);
    AWAIT(fx, c->ended);
    assert_int_equal(c->closed, 0);
    stream_data(c->s, STR("more"), true);
    AWAIT(fx, r.eof && c->closed && fx->conn_closed);
    assert_true(raw_has(&r, "octetsmore"));
    assert_int_equal(c->why, 0);
    raw_close(&r);
}

static void body_timeout(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    fx->conn_cfg.limits.body_timeout_us = 20 * CLOCK_MS;
    raw_serve(&r, fx);
    struct rec *c = get(fx, 0, &r);
    RAW(&r, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    AWAIT(fx, c->closed && fx->conn_closed);
    assert_int_equal(c->why, WEFT_E_TIMEOUT);
    raw_close(&r);
}

#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        BARE(request_as_written),
        BARE(info_then_response),
        BARE(response_in_pieces),
        BARE(body_until_the_end),
        BARE(bad_responses),
        BARE(unasked_octets),
        BARE(connection_close),
        BARE(response_before_the_request_is_sent),
        BARE(response_before_a_broken_write),
        BARE(tunnel),
        BARE(body_timeout),
    };
    return cmocka_run_group_tests_name("h1_client", tests, NULL, NULL);
}
