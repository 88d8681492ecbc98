// SPDX-License-Identifier: Apache-2.0
/* The HTTP/1.1 server against raw octets. */
#include "fixture.h"

static void answers_and_keeps_alive(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, raw_has(&r, "\r\n\r\nhello"));
    assert_true(raw_has(&r, "HTTP/1.1 200 OK\r\n"));
    assert_true(raw_has(&r, "content-length: 5\r\n"));
    assert_false(raw_has(&r, "connection:"));
    RAW(&r, "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    AWAIT(fx, r.eof);
    assert_int_equal(raw_count(&r, "hello"), 2);
    assert_true(raw_has(&r, "connection: close\r\n"));
    assert_int_equal(fx->requests, 2);
    raw_close(&r);
}

static void head_octet_by_octet(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    struct str s = STR("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n");
    for (size_t i = 0; i < s.len; i++) {
        raw_send(&r, (struct str){s.ptr + i, 1});
        fx_settle(fx);
    }
    AWAIT(fx, raw_has(&r, "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nx-sum: 7\r\n\r\n"));
    raw_close(&r);
}

static void pipelined_in_order(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[0].got_head);
    fx_settle(fx);
    assert_int_equal(fx->requests, 1); /* one at a time */
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("first"));
    AWAIT(fx, fx->srv[1].got_head);
    assert_string_equal(fx->srv[1].path, "/b");
    stream_reply(fx->srv[1].s, 200, STR_NONE, STR("second"));
    AWAIT(fx, raw_has(&r, "hello"));
    assert_true(str_find(buf_str(&r.in), STR("first")) < str_find(buf_str(&r.in), STR("second")));
    assert_int_equal(fx->requests, 3);
    raw_close(&r);
}

static void pipelining_does_not_fill_memory(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /a HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[0].got_head);
    static char junk[65536];
    memset(junk, 'x', sizeof junk);
    ssize_t n = 1;
    for (int i = 0; i < 2000 && n > 0; i++) { /* until the kernel's buffers are full: the server reads no more */
        n = transport_write(r.tr, str_n(junk, sizeof junk));
        fx_settle(fx);
    }
    assert_true(n == WEFT_E_AGAIN);
    assert_true(fx->srv[0].s->conn->tr->rx <= 4 * 65536);
    conn_abort(fx->srv[0].s->conn, 0);
    fx_settle(fx);
    raw_close(&r);
}

static void half_close_still_answers(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    transport_shutdown(r.tr);
    AWAIT(fx, fx->srv[0].got_head);
    fx_settle(fx);
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("late"));
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "late"));
    assert_true(raw_has(&r, "hello"));
    assert_int_equal(fx->server.n_conns, 0);
    raw_close(&r);
}

static void request_cut_short(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
    AWAIT(fx, fx->srv[0].body.len == 3);
    transport_shutdown(r.tr);
    AWAIT(fx, fx->srv[0].closed);
    assert_int_equal(fx->srv[0].why, WEFT_E_RESET);
    assert_false(fx->srv[0].ended);
    raw_close(&r);
}

static void head_has_no_body(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "HEAD /hello HTTP/1.1\r\nhost: a\r\n\r\nHEAD /x HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[1].got_head);
    struct msg m = {.status = 200, .content_length = 7};
    stream_head(fx->srv[1].s, &m, false);
    stream_data(fx->srv[1].s, STR("ignored"), true); /* a user that does not care about the method */
    AWAIT(fx, raw_has(&r, "content-length: 7\r\n\r\n"));
    fx_settle(fx);
    assert_false(raw_has(&r, "hello"));
    assert_false(raw_has(&r, "ignored"));
    assert_int_equal(fx->srv[1].closed, 1);
    raw_close(&r);
}

static void no_body_for_204_and_304(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /x HTTP/1.1\r\nhost: a\r\n\r\nGET /y HTTP/1.1\r\nhost: a\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 204, .content_length = -1};
    stream_head(fx->srv[0].s, &m, true);
    AWAIT(fx, fx->srv[1].got_head);
    m.status = 304;
    stream_head(fx->srv[1].s, &m, true);
    AWAIT(fx, raw_has(&r, "hello"));
    assert_true(raw_has(&r, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200"));
    raw_close(&r);
}

static void chunked_response(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    struct stream *s = fx->srv[0].s;
    stream_head(s, &m, false);
    stream_data(s, STR("one"), false);
    stream_data(s, STR(""), false); /* must not look like the end */
    stream_data(s, STR("three"), false);
    struct msg_fields f = {0};
    msg_add_name(&f, &s->arena, STR("x-sum"), STR("8"));
    stream_end(s, &f);
    AWAIT(fx, raw_has(&r, "\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\nx-sum: 8\r\n\r\n"));
    assert_int_equal(fx->srv[0].drained, 8);
    raw_close(&r);
}

static void http10(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /hello HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    AWAIT(fx, raw_has(&r, "hello"));
    assert_true(raw_has(&r, "connection: keep-alive\r\n"));
    RAW(&r, "GET /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    AWAIT(fx, fx->srv[1].got_head);
    struct msg m = {.status = 100, .content_length = -1};
    stream_head(fx->srv[1].s, &m, false); /* 1.0 knows no 1xx */
    m.status = 200;
    stream_head(fx->srv[1].s, &m, false);
    stream_data(fx->srv[1].s, STR("until the end"), true);
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "connection: close\r\n\r\nuntil the end"));
    assert_false(raw_has(&r, "chunked"));
    assert_false(raw_has(&r, " 100 "));
    raw_close(&r);
    raw_dial(&r, fx);
    RAW(&r, "GET /hello HTTP/1.0\r\n\r\n");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "\r\n\r\nhello"));
    raw_close(&r);
}

static void expect_continue(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
    AWAIT(fx, raw_has(&r, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"));
    RAW(&r, "body");
    AWAIT(fx, raw_has(&r, "\r\n\r\nbody"));
    /* refused without it: the body may never come, so the connection cannot go on */
    RAW(&r, "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
    AWAIT(fx, fx->srv[1].got_head);
    assert_true(fx->srv[1].s->expects_continue);
    stream_reply(fx->srv[1].s, 403, STR_NONE, STR("no"));
    AWAIT(fx, r.eof);
    assert_int_equal(raw_count(&r, "100 Continue"), 1);
    assert_true(raw_has(&r, "connection: close\r\n\r\nno"));
    raw_close(&r);
}

static void early_response_short_rest(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc");
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 404, STR_NONE, STR("gone"));
    AWAIT(fx, raw_has(&r, "gone") && fx->srv[0].closed);
    assert_int_equal(fx->srv[0].why, 0);
    RAW(&r, "defGET /hello HTTP/1.1\r\nhost: a\r\n\r\n"); /* the rest is dropped and the connection goes on */
    AWAIT(fx, raw_has(&r, "hello"));
    raw_close(&r);
}

static void early_response_long_rest(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nabc");
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 413, STR_NONE, STR("too much"));
    AWAIT(fx, raw_has(&r, "connection: close\r\n\r\ntoo much"));
    static char junk[16384];
    for (size_t sent = 0; sent < 1000000 - sizeof junk;) { /* is dropped; no RST kills the answer */
        ssize_t n = transport_write(r.tr, str_n(junk, sizeof junk));
        assert_true(n > 0 || n == WEFT_E_AGAIN);
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(&fx->loop, false);
    }
    AWAIT(fx, r.eof);
    assert_false(r.failed);
    AWAIT(fx, fx->server.n_conns == 0); /* within two seconds */
    raw_close(&r);
}

static void expect_answer(struct fx *fx, struct str in, const char *status) {
    struct raw r = {0};
    raw_dial(&r, fx);
    raw_send(&r, in);
    AWAIT(fx, r.eof);
    if (!raw_has(&r, status) || !raw_has(&r, "connection: close\r\n") || !raw_has(&r, "{\"error\": \""))
        fail_msg("%.*s -> %.*s", STR_ARG(in), STR_ARG(buf_str(&r.in)));
    assert_int_equal(fx->requests, 0);
    raw_close(&r);
}

static void malformed(void **state) {
    struct fx *fx = *state;
    expect_answer(fx, STR("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 ");
    expect_answer(fx, STR("\x16\x03\x01\x02\r\n\r\n"), "HTTP/1.1 400 ");
    expect_answer(fx, STR("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\nx"), "HTTP/1.1 400 ");
    expect_answer(fx, STR("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
                  "HTTP/1.1 400 ");
    expect_answer(fx, STR("GET / HTTP/2.7\r\nhost: a\r\n\r\n"), "HTTP/1.1 505 ");
    expect_answer(fx, STR("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n"), "HTTP/1.1 501 ");
    expect_answer(fx, STR("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), "HTTP/1.1 505 ");
}

static void limits(void **state) {
    struct fx *fx = *state;
    struct buf b = {0};
    buf_add(&b, STR("GET /"));
    for (int i = 0; i < 9000; i++)
        buf_addc(&b, 'a');
    expect_answer(fx, buf_str(&b), "HTTP/1.1 414 "); /* without waiting for the end of the line */
    buf_cut(&b, 0);
    buf_add(&b, STR("GET / HTTP/1.1\r\nhost: a\r\nx: "));
    for (int i = 0; i < 70000; i++)
        buf_addc(&b, 'a');
    expect_answer(fx, buf_str(&b), "HTTP/1.1 431 ");
    buf_cut(&b, 0);
    buf_add(&b, STR("GET / HTTP/1.1\r\nhost: a\r\n"));
    for (int i = 0; i < 101; i++)
        buf_fmt(&b, "x%d: y\r\n", i);
    buf_add(&b, STR("\r\n"));
    expect_answer(fx, buf_str(&b), "HTTP/1.1 431 ");
    buf_fini(&b);
}

static void malformed_body(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "HTTP/1.1 400 "));
    assert_int_equal(fx->srv[0].closed, 1);
    assert_int_equal(fx->srv[0].why, WEFT_E_PROTOCOL);
    raw_close(&r);
    raw_dial(&r, fx); /* when an answer has begun it is cut */
    RAW(&r, "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
    AWAIT(fx, raw_has(&r, "1\r\na\r\n"));
    RAW(&r, "zz\r\n");
    AWAIT(fx, r.eof || r.failed);
    assert_false(raw_has(&r, "0\r\n\r\n"));
    raw_close(&r);
}

/* The request was answered whole before its body turned out malformed: the answer is not lost with the connection. */
static void answered_before_a_bad_body(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "POST /hello HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n");
    AWAIT(fx, r.eof || r.failed);
    assert_true(raw_has(&r, "connection: close\r\n\r\nhello"));
    assert_int_equal(fx->srv[0].why, 0);
    raw_close(&r);
}

static void timeouts(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.limits = (struct conn_limits){
        .head_timeout_us = 30 * CLOCK_MS, .idle_timeout_us = 60 * CLOCK_MS, .body_timeout_us = 30 * CLOCK_MS};
    fx_serve(fx);
    struct raw r = {0};
    raw_dial(&r, fx); /* a head that does not come to its end */
    RAW(&r, "GET / HTTP/1.1\r\nho");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "HTTP/1.1 408 "));
    raw_close(&r);
    raw_dial(&r, fx); /* nothing at all: closed without a word */
    AWAIT(fx, r.eof);
    assert_int_equal(r.in.len, 0);
    raw_close(&r);
    raw_dial(&r, fx); /* a first part that could still be the HTTP/2 preface */
    RAW(&r, "PRI");
    AWAIT(fx, r.eof);
    raw_close(&r);
    raw_dial(&r, fx); /* idle after a request */
    RAW(&r, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "hello"));
    assert_false(raw_has(&r, "408"));
    raw_close(&r);
    raw_dial(&r, fx); /* a body that stalls */
    RAW(&r, "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "HTTP/1.1 408 "));
    assert_int_equal(fx->srv[1].closed, 1);
    assert_int_equal(fx->srv[1].why, WEFT_E_TIMEOUT);
    raw_close(&r);
    raw_dial(&r, fx); /* and one that stalls after the response has begun */
    RAW(&r, "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab");
    AWAIT(fx, r.eof || r.failed);
    assert_false(raw_has(&r, "HTTP/1.1 408 "));
    assert_int_equal(fx->srv[2].why, WEFT_E_TIMEOUT);
    raw_close(&r);
}

static void stall_that_is_ours_is_no_timeout(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.limits = (struct conn_limits){.body_timeout_us = 20 * CLOCK_MS};
    fx->hold = true;
    fx_serve(fx);
    struct raw r = {0};
    raw_dial(&r, fx);
    static char body[STREAM_WINDOW];
    RAW(&r, "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 65540\r\n\r\n");
    raw_send(&r, str_n(body, sizeof body));
    AWAIT(fx, fx->srv[0].body.len == sizeof body);
    fx_pass(fx, 100 * CLOCK_MS);
    assert_int_equal(fx->srv[0].closed, 0);
    stream_consumed(fx->srv[0].s, sizeof body);
    AWAIT(fx, fx->srv[0].closed); /* now it is the client's */
    assert_int_equal(fx->srv[0].why, WEFT_E_TIMEOUT);
    raw_close(&r);
}

static void reset_is_no_clean_end(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    stream_data(fx->srv[0].s, STR("part"), false);
    AWAIT(fx, raw_has(&r, "part"));
    stream_reset(fx->srv[0].s, WEFT_E_TIMEOUT);
    assert_int_equal(fx->srv[0].closed, 0); /* later, from the loop */
    stream_data(fx->srv[0].s, STR("more"), true);
    AWAIT(fx, r.eof || r.failed);
    assert_int_equal(fx->srv[0].closed, 1);
    assert_int_equal(fx->srv[0].why, WEFT_E_CANCELLED);
    assert_false(raw_has(&r, "0\r\n"));
    raw_close(&r);
    raw_dial(&r, fx); /* a body shorter than its head said */
    RAW(&r, "GET /x HTTP/1.1\r\nhost: a\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, fx->srv[1].got_head);
    m.content_length = 10;
    stream_head(fx->srv[1].s, &m, false);
    stream_data(fx->srv[1].s, STR("part"), true);
    AWAIT(fx, r.eof || r.failed);
    assert_false(raw_has(&r, "hello"));
    raw_close(&r);
}

static void tunnel(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nearly");
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 101, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    stream_data(fx->srv[0].s, STR("\x01\x02"), false);
    AWAIT(fx, raw_has(&r, "\x01\x02") && fx->srv[0].body.len == 5);
    assert_true(raw_has(&r, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_true(raw_has(&r, "upgrade: websocket\r\n"));
    assert_false(raw_has(&r, "chunked"));
    RAW(&r, "GET / HTTP/1.1\r\n\r\n"); /* only octets now */
    AWAIT(fx, fx->srv[0].body.len == 5 + 18);
    stream_end(fx->srv[0].s, NULL);
    AWAIT(fx, r.eof);
    assert_int_equal(fx->srv[0].closed, 0); /* half closed */
    RAW(&r, "bye");
    transport_shutdown(r.tr);
    AWAIT(fx, fx->srv[0].closed);
    assert_int_equal(fx->srv[0].why, 0);
    assert_true(fx->srv[0].ended);
    assert_int_equal(fx->srv[0].body.len, 5 + 18 + 3);
    raw_close(&r);
}

static void connect_is_a_tunnel(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n");
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    AWAIT(fx, raw_has(&r, "HTTP/1.1 200 OK\r\n\r\n"));
    RAW(&r, "hi");
    transport_shutdown(r.tr);
    AWAIT(fx, fx->srv[0].ended);
    stream_data(fx->srv[0].s, STR("ho"), true);
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "\r\n\r\nho"));
    assert_int_equal(fx->srv[0].why, 0);
    raw_close(&r);
}

static void upgrade_declined(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r,
        "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, raw_count(&r, "hello") == 2);
    raw_close(&r);
}

static void drain(void **state) {
    struct fx *fx = *state;
    struct raw busy, idle, fresh;
    raw_dial(&busy, fx);
    raw_dial(&idle, fx);
    raw_dial(&fresh, fx);
    RAW(&busy, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
    RAW(&idle, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, raw_has(&idle, "hello") && fx->srv[0].got_head && fx->server.n_conns == 3);
    server_drain(&fx->server);
    RAW(&fresh, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n"); /* on its way when the drain begins */
    AWAIT(fx, fresh.eof);
    assert_true(raw_has(&fresh, "connection: close\r\n\r\nhello"));
    AWAIT(fx, idle.eof);
    assert_int_equal(fx->n_drained, 0);
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("done"));
    AWAIT(fx, busy.eof);
    assert_true(raw_has(&busy, "connection: close\r\n\r\ndone"));
    raw_close(&busy);
    AWAIT(fx, fx->n_drained == 1);
    raw_close(&idle);
    raw_close(&fresh);
}

static void on_bad(struct server *server, struct stream *s, const struct err *why) {
    if (why->code == WEFT_E_PARSE)
        stream_reply(s, 499, STR("text/plain"), STR("mine"));
    /* else no answer: the connection just closes */
}
static void own_answer_to_bad_input(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.on_bad = on_bad;
    fx_serve(fx);
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "GET\r\n\r\n");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "HTTP/1.1 499 "));
    raw_close(&r);
    raw_dial(&r, fx);
    RAW(&r, "GET / HTTP/3.0\r\nhost: a\r\n\r\n");
    AWAIT(fx, r.eof || r.failed);
    assert_int_equal(r.in.len, 0);
    raw_close(&r);
}

#define H1(f) cmocka_unit_test_setup_teardown(f, fx_setup_h1, fx_teardown)
#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        H1(answers_and_keeps_alive),
        H1(head_octet_by_octet),
        H1(pipelined_in_order),
        H1(pipelining_does_not_fill_memory),
        H1(half_close_still_answers),
        H1(request_cut_short),
        H1(head_has_no_body),
        H1(no_body_for_204_and_304),
        H1(chunked_response),
        H1(http10),
        H1(expect_continue),
        H1(early_response_short_rest),
        H1(early_response_long_rest),
        H1(malformed),
        H1(limits),
        H1(malformed_body),
        H1(answered_before_a_bad_body),
        BARE(timeouts),
        BARE(stall_that_is_ours_is_no_timeout),
        H1(reset_is_no_clean_end),
        H1(tunnel),
        H1(connect_is_a_tunnel),
        H1(upgrade_declined),
        H1(drain),
        BARE(own_answer_to_bad_input),
    };
    return cmocka_run_group_tests_name("h1_server", tests, NULL, NULL);
}
