// SPDX-License-Identifier: Apache-2.0
/* Client and server against each other: what holds for HTTP/1.1 and HTTP/2 alike, and HTTP/2's own. */
#include "fixture.h"

#define BIG (10u * 1024 * 1024)

static void simple(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    assert_int_equal(fx->ready >= 1, 1);
    assert_true(conn_capacity(fx->conn) > 0);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true);
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->status, 200);
    assert_int_equal(r->length, 5);
    assert_true(r->ended);
    assert_false(r->reused);
    assert_true(str_eq(buf_str(&r->body), STR("hello")));
    AWAIT(fx, fx->srv[0].closed);
    assert_string_equal(fx->srv[0].method, "GET");
    assert_int_equal(fx->srv[0].drained, 5);
    assert_int_equal(fx->srv[0].why, 0);
}

static void head_request(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "HEAD", "/hello", true);
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->length, 5);
    assert_int_equal(r->body.len, 0);
    r = fx_request(fx, 1, "GET", "/hello", true); /* the connection is in step */
    AWAIT(fx, r->closed);
    assert_int_equal(r->body.len, 5);
}

static void body_for_a_head_request(void **state) { /* a user that does not care about the method */
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "HEAD", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    stream_data(fx->srv[0].s, STR("ignored"), false);
    stream_data(fx->srv[0].s, STR("too"), true);
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(fx->srv[0].why, 0);
    assert_int_equal(r->body.len, 0);
    AWAIT(fx, conn_capacity(fx->conn) > 0);
    r = fx_request(fx, 1, "GET", "/hello", true);
    AWAIT(fx, r->closed);
    assert_int_equal(r->body.len, 5);
}

static void trailers_both_ways(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "POST", "/echo", false);
    struct msg_fields f = {0};
    msg_add_name(&f, &r->s->arena, STR("x-sum"), STR("42"));
    stream_data(r->s, STR("abc"), false);
    stream_end(r->s, &f);
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
    assert_true(str_eq(buf_str(&r->body), STR("abc")));
    assert_string_equal(r->trailer, "42");
    assert_string_equal(fx->srv[0].trailer, "42");
}

static void fill(char *to, size_t n, unsigned seed) {
    for (size_t i = 0; i < n; i++)
        to[i] = (char)((i * 31 + i / 251 + seed) & 0xff);
}

/* 10 MiB there and back; the sender keeps at most 256 KiB queued, and nobody holds more than its window. */
static void echo_big(void **state) {
    struct fx *fx = *state;
    char *body = mem_alloc(BIG);
    fill(body, BIG, 7);
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "POST", "/echo", false);
    size_t at = 0, piece = 20000;
    while (!r->closed) {
        while (at < BIG && r->s && stream_queued(r->s) < 200000) {
            size_t n = BIG - at < piece ? BIG - at : piece;
            at += n;
            stream_data(r->s, str_n(body + at - n, n), at == BIG);
            piece = piece % 61007 + 977; /* all sizes, around the threshold of direct writes too */
        }
        uint64_t turn = fx->loop.turns;
        AWAIT(fx, fx->loop.turns > turn);
    }
    assert_int_equal(r->why, 0);
    assert_int_equal(r->body.len, BIG);
    assert_memory_equal(buf_str(&r->body).ptr, body, BIG);
    assert_int_equal(r->drained, BIG);
    assert_true(fx->srv[0].max_credit <= 2 * STREAM_WINDOW);
    assert_true(fx->srv[0].max_queued <= 2 * STREAM_WINDOW);
    assert_int_equal(fx->srv[0].drained, BIG);
    free(body);
}

/* A server that sends all at once to a client that reads nothing, then all. */
static void slow_reader(void **state) {
    struct fx *fx = *state;
    char *body = mem_alloc(BIG);
    fill(body, BIG, 3);
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    r->hold = true;
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 200, STR_NONE, str_n(body, BIG));
    AWAIT(fx, r->body.len >= STREAM_WINDOW);
    fx_settle(fx);
    assert_true(r->s->credit <= 2 * STREAM_WINDOW); /* held up */
    size_t held = r->body.len;
    assert_true(held <= 2 * STREAM_WINDOW);
    assert_true(stream_queued(fx->srv[0].s) > 0);
    assert_int_equal(fx->srv[0].closed, 0);
    fx_settle(fx);
    assert_int_equal(r->body.len, held);
    r->hold = false;
    stream_consumed(r->s, r->s->credit);
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(r->body.len, BIG);
    assert_memory_equal(buf_str(&r->body).ptr, body, BIG);
    assert_int_equal(fx->srv[0].drained, BIG);
    free(body);
}

static void server_that_does_not_read(void **state) {
    struct fx *fx = *state;
    char *body = mem_alloc(BIG);
    fx->hold = true;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "POST", "/x", false);
    stream_data(r->s, str_n(body, BIG), true);
    free(body);
    AWAIT(fx, fx->srv[0].body.len >= STREAM_WINDOW);
    fx_settle(fx);
    fx_settle(fx);
    assert_true(fx->srv[0].s->credit <= 2 * STREAM_WINDOW);
    assert_true(stream_queued(r->s) > 0);
    fx->srv[0].hold = false;
    stream_consumed(fx->srv[0].s, fx->srv[0].s->credit);
    AWAIT(fx, fx->srv[0].ended);
    assert_int_equal(fx->srv[0].body.len, BIG);
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("x"));
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->drained, BIG);
}

static void credit_is_one_streams(void **state) { /* HTTP/2: who does not read holds up only itself */
    struct fx *fx = *state;
    char *body = mem_alloc(BIG);
    fx_connect(fx);
    struct rec *slow = fx_request(fx, 0, "GET", "/x", true);
    slow->hold = true;
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 200, STR_NONE, str_n(body, BIG));
    AWAIT(fx, slow->body.len == STREAM_WINDOW);
    struct rec *r = fx_request(fx, 1, "GET", "/hello", true);
    AWAIT(fx, r->closed);
    assert_int_equal(r->body.len, 5);
    assert_int_equal(slow->body.len, STREAM_WINDOW);
    stream_reset(slow->s, WEFT_E_CANCELLED);
    AWAIT(fx, slow->closed && fx->srv[0].closed);
    assert_int_equal(slow->why, WEFT_E_CANCELLED);
    assert_int_equal(fx->srv[0].why, WEFT_E_RESET);
    free(body);
}

static void many_in_a_row(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    for (unsigned i = 0; i < 1000; i++) {
        AWAIT(fx, conn_capacity(fx->conn) > 0);
        struct rec *r = fx_request(fx, i % 2, "GET", "/hello", true);
        AWAIT(fx, r->closed);
        assert_int_equal(r->why, 0);
        assert_int_equal(r->body.len, 5);
        assert_int_equal(r->reused, i > 0);
    }
    AWAIT(fx, fx->srv[999 % MAX_REC].closed);
    assert_int_equal(fx->requests, 1000);
    assert_int_equal(fx->loop.arenas.live, 0);
    assert_int_equal(fx->loop.watches, 3); /* listener, client, server */
    assert_int_equal(fx->conn->requests, 1000);
    assert_int_equal(fx->conn->streams, 0);
}

static void early_response(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "POST", "/x", false);
    stream_data(r->s, STR("begin"), false);
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 403, STR_NONE, STR("no"));
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(r->status, 403);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->body.len, 2);
    assert_int_equal(fx->srv[0].why, 0);
}

static void reset_by_client(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    stream_reset(r->s, WEFT_E_CANCELLED);
    assert_int_equal(r->closed, 0);
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, WEFT_E_CANCELLED);
    if (!fx->srv[0].s->conn->h2) { /* to an HTTP/1.1 server it looks like a client that half closed and waits */
        fx_settle(fx);
        stream_reply(fx->srv[0].s, 200, STR_NONE, STR("x"));
    }
    AWAIT(fx, fx->srv[0].closed);
    assert_true(fx->srv[0].why == WEFT_E_RESET || fx->srv[0].why == 0);
    assert_int_equal(r->closed, 1);
    assert_int_equal(fx->srv[0].closed, 1);
}

static void reset_by_server(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    stream_data(fx->srv[0].s, STR("part"), false);
    AWAIT(fx, r->body.len == 4);
    stream_reset(fx->srv[0].s, WEFT_E_RESET);
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(r->why, WEFT_E_RESET);
    assert_false(r->ended);
    assert_int_equal(fx->srv[0].why, WEFT_E_CANCELLED);
}

static void reset_inside_data(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true);
    r->reset_on_data = true;
    AWAIT(fx, r->closed);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->why, WEFT_E_CANCELLED);
}

static void abort_inside_drained(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    fx->srv[0].abort_on_drained = true;
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("hello"));
    AWAIT(fx, fx->srv[0].closed && fx->conn_closed);
    assert_int_equal(fx->srv[0].closed, 1);
    assert_int_equal(r->closed, 1);
}

static void abort_with_a_stream(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    conn_abort(fx->conn, WEFT_E_TIMEOUT);
    assert_int_equal(r->closed, 0);
    assert_int_equal(conn_capacity(fx->conn), 0);
    AWAIT(fx, fx->conn_closed);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->why, WEFT_E_TIMEOUT);
    assert_int_equal(fx->conn_why, WEFT_E_TIMEOUT);
    assert_int_equal(fx->drains, 1);
}

/* The peer goes while a lot waits to be written. */
static void peer_gone_while_sending(void **state) {
    struct fx *fx = *state;
    char *body = mem_alloc(BIG);
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    r->hold = true;
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 200, STR_NONE, str_n(body, BIG));
    free(body);
    AWAIT(fx, r->body.len > 0);
    conn_abort(fx->conn, 0);
    AWAIT(fx, fx->srv[0].closed && fx->server.n_conns == 0);
    assert_true(fx->srv[0].why < 0);
    assert_int_equal(r->why, WEFT_E_CLOSED);
}

static void server_stops_in_flight(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    server_stop(&fx->server);
    fx->server.loop = NULL;
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(fx->srv[0].why, WEFT_E_CLOSED);
    assert_true(r->why == WEFT_E_EOF || r->why == WEFT_E_RESET);
}

static void drain_with_a_request_in_flight(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    server_drain(&fx->server);
    AWAIT(fx, fx->server.listener.fd < 0 || fx->server.draining);
    fx_settle(fx);
    assert_int_equal(r->closed, 0);
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("done"));
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->body.len, 4);
    AWAIT(fx, fx->n_drained == 1 && fx->conn_closed);
    assert_int_equal(fx->drains, 1);
    assert_int_equal(fx->conn_why, 0);
}

static void client_drains(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true);
    conn_drain(fx->conn);
    struct err e = {0};
    struct msg m = {.request = true, .method = STR("GET"), .path = STR("/"), .authority = STR("a"), .content_length = 0};
    assert_null(conn_request(fx->conn, &m, true, &rec_cb, NULL, &e));
    assert_int_equal(e.code, WEFT_E_DRAINING);
    AWAIT(fx, fx->conn_closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->body.len, 5);
    assert_int_equal(fx->conn_why, 0);
    assert_int_equal(fx->drains, 0); /* who asked for it is not told */
}

static void refused_dial(void **state) {
    struct fx *fx = *state;
    sock_listener_close(&fx->server.listener);
    fx_connect(fx);
    assert_int_equal(fx->conn_closed, 1);
    assert_int_equal(fx->conn_why, WEFT_E_REFUSED);
    assert_int_equal(fx->ready, 0);
}

static void invalid_request_is_refused(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct err e = {0};
    struct msg m = {.request = true, .method = STR("GET"), .path = STR("no slash"), .authority = STR("a"), .content_length = 0};
    assert_null(conn_request(fx->conn, &m, true, &rec_cb, NULL, &e));
    assert_int_equal(e.code, WEFT_E_INVALID);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true); /* nothing of it went out */
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
}

/* ---- HTTP/1.1 ---- */

static void h1_one_at_a_time(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true);
    assert_int_equal(conn_capacity(fx->conn), 0);
    struct err e = {0};
    struct msg m = {.request = true, .method = STR("GET"), .path = STR("/"), .authority = STR("a"), .content_length = 0};
    assert_null(conn_request(fx->conn, &m, true, &rec_cb, NULL, &e));
    assert_int_equal(e.code, WEFT_E_LIMIT);
    unsigned before = fx->ready;
    AWAIT(fx, r->closed && fx->ready == before + 1); /* told again */
}

static void h1_server_closes_idle(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.limits.idle_timeout_us = 30 * CLOCK_MS;
    fx_serve(fx);
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true);
    AWAIT(fx, r->closed && fx->conn_closed);
    assert_int_equal(fx->drains, 1);
    assert_int_equal(fx->conn_why, 0);
    /* the race: the request crosses the end; the user sees that it may try again */
    fx_connect(fx);
    fx_request(fx, 0, "GET", "/hello", true);
    AWAIT(fx, fx->cli[0].closed);
    r = fx_request(fx, 1, "GET", "/hello", true);
    server_stop(&fx->server); /* before the loop has carried it over */
    fx->server.loop = NULL;
    AWAIT(fx, r->closed);
    assert_true(r->why == WEFT_E_EOF || r->why == WEFT_E_RESET);
    assert_true(r->reused);
    assert_false(r->got_head);
}

/* ---- HTTP/2 ---- */

static void h2_at_once(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    for (unsigned i = 0; i < 50; i++)
        fx_request(fx, i, "GET", "/hello", true);
    for (unsigned i = 0; i < 50; i++)
        AWAIT(fx, fx->cli[i].closed);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(fx->cli[i].why, 0);
        assert_int_equal(fx->cli[i].body.len, 5);
    }
}

static void h2_peers_limit(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.limits.max_streams = 3;
    fx->conn_cfg.proto = CONN_H2;
    fx_serve(fx);
    fx_connect(fx);
    AWAIT(fx, conn_capacity(fx->conn) == 3); /* when SETTINGS have come */
    for (unsigned i = 0; i < 3; i++)
        fx_request(fx, i, "GET", "/x", true);
    assert_int_equal(conn_capacity(fx->conn), 0);
    struct err e = {0};
    struct msg m = {.request = true, .method = STR("GET"), .path = STR("/"), .authority = STR("a"), .content_length = 0};
    assert_null(conn_request(fx->conn, &m, true, &rec_cb, NULL, &e));
    assert_int_equal(e.code, WEFT_E_LIMIT);
    AWAIT(fx, fx->n_srv == 3);
    unsigned before = fx->ready;
    stream_reply(fx->srv[1].s, 200, STR_NONE, STR("x"));
    AWAIT(fx, fx->ready > before);
    assert_int_equal(conn_capacity(fx->conn), 1);
}

static void h2_refused_stream(void **state) {
    struct fx *fx = *state;
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    stream_reset(fx->srv[0].s, WEFT_E_REFUSED_STREAM);
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, WEFT_E_REFUSED_STREAM);
    struct rec *again = fx_request(fx, 1, "GET", "/hello", true); /* the connection lives */
    AWAIT(fx, again->closed);
    assert_int_equal(again->why, 0);
}

static void h2_no_settings(void **state) { /* what never says SETTINGS speaks something else */
    struct fx *fx = *state;
    struct raw r = {.mute = true};
    fx->conn_cfg.proto = CONN_H2;
    fx->conn_cfg.limits.head_timeout_us = 30 * CLOCK_MS;
    raw_serve(&r, fx);
    AWAIT(fx, fx->conn_closed);
    assert_true(raw_has(&r, "PRI * HTTP/2.0"));
    assert_int_equal(fx->ready, 0);
    assert_int_equal(fx->conn_why, WEFT_E_TIMEOUT);
    raw_close(&r);
}

static void h2_goaway_refuses(void **state) { /* what the peer says it has not processed may be tried again */
    struct fx *fx = *state;
    struct raw r = {0};
    fx->conn_cfg.proto = CONN_H2;
    raw_serve(&r, fx);
    struct rec *a = fx_request(fx, 0, "GET", "/a", true), *b = fx_request(fx, 1, "GET", "/b", true);
    fx_settle(fx);
    RAW(&r, "\0\0\10\7\0\0\0\0\0\0\0\0\1\0\0\0\0" /* GOAWAY, last stream 1 */
            "\0\0\1\1\4\0\0\0\1\x88"
            "\0\0\2\0\1\0\0\0\1ok"); /* :status 200 and a body on stream 1 */
    AWAIT(fx, a->closed && b->closed);
    assert_int_equal(a->why, 0);
    assert_int_equal(a->body.len, 2);
    assert_int_equal(b->why, WEFT_E_REFUSED_STREAM);
    assert_int_equal(fx->drains, 1);
    AWAIT(fx, fx->conn_closed); /* the last stream is done */
    assert_int_equal(fx->conn_why, 0);
    raw_close(&r);
}

static void h2_reset_codes(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    fx->conn_cfg.proto = CONN_H2;
    raw_serve(&r, fx);
    struct rec *a = fx_request(fx, 0, "GET", "/a", true), *b = fx_request(fx, 1, "GET", "/b", true),
               *c = fx_request(fx, 2, "GET", "/c", true);
    fx_settle(fx);
    RAW(&r, "\0\0\4\3\0\0\0\0\1\0\0\0\7" /* RST_STREAM(REFUSED_STREAM) */
            "\0\0\4\3\0\0\0\0\3\0\0\0\2" /* INTERNAL_ERROR */
            "\0\0\1\1\4\0\0\0\5\x82");   /* a response with :method */
    AWAIT(fx, a->closed && b->closed && c->closed);
    assert_int_equal(a->why, WEFT_E_REFUSED_STREAM);
    assert_int_equal(b->why, WEFT_E_RESET);
    assert_int_equal(c->why, WEFT_E_PROTOCOL);
    assert_int_equal(fx->conn_closed, 0);
    raw_close(&r);
    AWAIT(fx, fx->conn_closed);
}

static void h2_body_timeout(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.limits.body_timeout_us = 30 * CLOCK_MS;
    fx->conn_cfg.proto = CONN_H2;
    fx_serve(fx);
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "POST", "/x", false);
    struct rec *lively = fx_request(fx, 1, "POST", "/x", false);
    AWAIT(fx, fx->n_srv == 2);
    fx->srv[1].s->long_lived = true;
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(r->status, 408);
    assert_int_equal(fx->srv[0].why, WEFT_E_TIMEOUT);
    struct rec *cut = fx_request(fx, 2, "POST", "/echo", false);
    AWAIT(fx, cut->closed);
    assert_int_equal(cut->status, 200);
    assert_int_equal(cut->why, WEFT_E_RESET);
    assert_int_equal(lively->closed, 0);
    stream_data(lively->s, STR("x"), true);
    AWAIT(fx, fx->srv[1].ended);
    stream_reply(fx->srv[1].s, 200, STR_NONE, STR("x"));
    AWAIT(fx, lively->closed);
    assert_int_equal(lively->why, 0);
}

static void h2_silent_peer(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    fx->conn_cfg.proto = CONN_H2;
    fx->conn_cfg.ping_us = 30 * CLOCK_S;
    raw_serve(&r, fx);
    AWAIT(fx, raw_has(&r, "PRI * HTTP/2.0"));
    RAW(&r, "\0\0\0\4\0\0\0\0\0");
    fx_settle(fx);
    buf_cut(&r.in, 0);
    fx_pass(fx, 31 * CLOCK_S);
    const struct str ping = STR("\0\0\10\6\0\0\0\0\0\0\0\0\0\0\0\0\0");
    AWAIT(fx, str_find(buf_str(&r.in), ping) >= 0);
    RAW(&r, "\0\0\10\6\1\0\0\0\0\0\0\0\0\0\0\0\0"); /* its ACK */
    fx_settle(fx);
    buf_cut(&r.in, 0);
    fx_pass(fx, 51 * CLOCK_S); /* quiet again: asked again */
    AWAIT(fx, str_find(buf_str(&r.in), ping) >= 0);
    assert_int_equal(fx->conn_closed, 0);
    fx_pass(fx, 21 * CLOCK_S);
    AWAIT(fx, fx->conn_closed);
    assert_int_equal(fx->conn_why, WEFT_E_TIMEOUT);
    raw_close(&r);
}

/* A server asks as well: who answers stays, also when the answer was read late; who does not is gone. */
static void h2_silent_client(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    const struct str ping = STR("\0\0\10\6\0\0\0\0\0\0\0\0\0\0\0\0\0");
    fx->server_cfg.ping_us = 8 * CLOCK_S;
    fx->server_cfg.pong_us = 5 * CLOCK_S;
    fx_serve(fx);
    raw_dial(&r, fx);
    raw_send(&r, H2_PREFACE);
    RAW(&r, "\0\0\0\4\0\0\0\0\0");
    AWAIT(fx, fx->server.n_conns == 1 && r.in.len > 0);
    fx_settle(fx);
    buf_cut(&r.in, 0);
    fx_pass(fx, 11 * CLOCK_S);
    AWAIT(fx, str_find(buf_str(&r.in), ping) >= 0);
    RAW(&r, "\0\0\10\6\1\0\0\0\0\0\0\0\0\0\0\0\0");
    fx->ahead += 6 * CLOCK_S; /* the timer is due before the answer is read */
    fx_settle(fx);
    assert_false(r.eof);
    buf_cut(&r.in, 0);
    fx_pass(fx, 11 * CLOCK_S);
    AWAIT(fx, str_find(buf_str(&r.in), ping) >= 0);
    fx_pass(fx, 6 * CLOCK_S);
    AWAIT(fx, r.eof && fx->server.n_conns == 0);
    raw_close(&r);
}

/* Who takes what we send, slowly, is there, though the answer to a PING is far behind; who takes nothing more is not. */
static void h2_slow_client(void **state) {
    enum { BODY = 64 << 20, BITE = 5 << 20 };
    struct fx *fx = *state;
    struct raw r = {0};
    char *body = mem_alloc(BODY);
    fill(body, BODY, 1);
    fx->server_cfg.ping_us = 8 * CLOCK_S;
    fx->server_cfg.pong_us = 5 * CLOCK_S;
    fx_serve(fx);
    raw_dial(&r, fx);
    raw_send(&r, H2_PREFACE);
    RAW(&r, "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
            "\0\0\4\10\0\0\0\0\0\x7f\0\0\0"); /* windows */
    RAW(&r, "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\1a");
    AWAIT(fx, fx->srv[0].got_head);
    stream_head(fx->srv[0].s, &(struct msg){.status = 200, .content_length = BODY}, false);
    stream_data(fx->srv[0].s, str_n(body, BODY), true);
    for (unsigned i = 0; i < 8; i++) {
        transport_want_read(r.tr, true);
        AWAIT(fx, r.in.len >= BITE || r.eof || r.failed);
        assert_false(r.eof || r.failed);
        buf_take(&r.in, r.in.len);
        transport_want_read(r.tr, false);
        fx_pass(fx, 5 * CLOCK_S);
        assert_int_equal(fx->server.n_conns, 1);
    }
    for (unsigned i = 0; i < 8 && fx->server.n_conns; i++)
        fx_pass(fx, 5 * CLOCK_S);
    assert_int_equal(fx->server.n_conns, 0);
    assert_int_equal(fx->srv[0].closed, 1);
    raw_close(&r);
    free(body);
}

/* With ping_busy a connection without requests is left in peace; one that waits for an answer is asked, and the request fails. */
static void h2_silent_peer_while_busy(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    const struct str ping = STR("\0\0\10\6\0\0\0\0\0\0\0\0\0\0\0\0\0");
    fx->conn_cfg.proto = CONN_H2;
    fx->conn_cfg.ping_us = 30 * CLOCK_S;
    fx->conn_cfg.pong_us = 5 * CLOCK_S;
    fx->conn_cfg.ping_busy = true;
    raw_serve(&r, fx);
    AWAIT(fx, raw_has(&r, "PRI * HTTP/2.0"));
    fx_settle(fx);
    buf_cut(&r.in, 0);
    for (unsigned i = 0; i < 5; i++)
        fx_pass(fx, 31 * CLOCK_S);
    assert_true(str_find(buf_str(&r.in), ping) < 0);
    struct rec *rec = fx_request(fx, 0, "GET", "/", true);
    fx_pass(fx, 31 * CLOCK_S);
    AWAIT(fx, str_find(buf_str(&r.in), ping) >= 0);
    assert_int_equal(rec->closed, 0);
    fx_pass(fx, 6 * CLOCK_S);
    AWAIT(fx, fx->conn_closed && rec->closed);
    assert_int_equal(fx->conn_why, WEFT_E_TIMEOUT);
    assert_true(rec->why < 0);
    raw_close(&r);
}

static void h2_idle_timeout(void **state) {
    struct fx *fx = *state;
    fx->server_cfg.limits.idle_timeout_us = 30 * CLOCK_MS;
    fx->conn_cfg.proto = CONN_H2;
    fx_serve(fx);
    fx_connect(fx);
    AWAIT(fx, fx->conn_closed);
    assert_int_equal(fx->drains, 1);
    assert_int_equal(fx->conn_why, 0);
}

static void h2_garbage(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    raw_send(&r, H2_PREFACE);
    RAW(&r, "\0\0\4\10\0\0\0\0\0\0\0\0\0"); /* WINDOW_UPDATE where SETTINGS must be */
    AWAIT(fx, r.eof);
    assert_true(r.in.len > 9);
    AWAIT(fx, fx->server.n_conns == 0);
    raw_close(&r);
}

/* The peer breaks the connection; a request that is under way does not hold it. */
static void h2_session_ended_with_a_stream(void **state) {
    struct fx *fx = *state;
    struct raw r;
    raw_dial(&r, fx);
    raw_send(&r, H2_PREFACE);
    RAW(&r, "\0\0\0\4\0\0\0\0\0"
            "\0\0\6\1\4\0\0\0\1\x83\x86\x84\x41\1a" /* HEADERS: POST, its body is to come */
            "\0\0\4\3\0\0\0\0\5\0\0\0\10");         /* RST_STREAM of an idle stream */
    AWAIT(fx, r.eof);
    raw_close(&r);
    AWAIT(fx, fx->server.n_conns == 0);
}

static void h2_preface_in_pieces(void **state) {
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "PRI * HT");
    fx_settle(fx);
    assert_int_equal(r.in.len, 0);
    RAW(&r, "TP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
    AWAIT(fx, r.in.len >= 9 && buf_str(&r.in).ptr[3] == 4); /* SETTINGS */
    raw_close(&r);
    AWAIT(fx, fx->server.n_conns == 0);
}

static void h1_part_of_the_preface(void **state) { /* "P" may become a POST */
    struct fx *fx = *state;
    struct raw r = {0};
    raw_dial(&r, fx);
    RAW(&r, "P");
    fx_settle(fx);
    RAW(&r, "OST /hello HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    AWAIT(fx, raw_has(&r, "hello"));
    raw_close(&r);
}

#define BOTH(f)                                                                                                                  \
    {"h1_" #f, f, fx_setup_h1, fx_teardown, NULL}, {                                                                             \
        "h2_" #f, f, fx_setup_h2, fx_teardown, NULL                                                                              \
    }
#define H1(f) cmocka_unit_test_setup_teardown(f, fx_setup_h1, fx_teardown)
#define H2(f) cmocka_unit_test_setup_teardown(f, fx_setup_h2, fx_teardown)
#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(simple),
        BOTH(head_request),
        BOTH(body_for_a_head_request),
        BOTH(trailers_both_ways),
        BOTH(echo_big),
        BOTH(slow_reader),
        BOTH(server_that_does_not_read),
        BOTH(many_in_a_row),
        BOTH(early_response),
        BOTH(reset_by_client),
        BOTH(reset_by_server),
        BOTH(reset_inside_data),
        BOTH(abort_inside_drained),
        BOTH(abort_with_a_stream),
        BOTH(peer_gone_while_sending),
        BOTH(server_stops_in_flight),
        BOTH(drain_with_a_request_in_flight),
        BOTH(client_drains),
        BOTH(refused_dial),
        BOTH(invalid_request_is_refused),
        H1(h1_one_at_a_time),
        BARE(h1_server_closes_idle),
        H2(credit_is_one_streams),
        H2(h2_at_once),
        BARE(h2_peers_limit),
        H2(h2_refused_stream),
        BARE(h2_no_settings),
        BARE(h2_goaway_refuses),
        BARE(h2_reset_codes),
        BARE(h2_body_timeout),
        BARE(h2_idle_timeout),
        BARE(h2_silent_peer),
        BARE(h2_silent_client),
        BARE(h2_slow_client),
        BARE(h2_silent_peer_while_busy),
        H2(h2_garbage),
        H2(h2_session_ended_with_a_stream),
        H2(h2_preface_in_pieces),
        H1(h1_part_of_the_preface),
    };
    return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
