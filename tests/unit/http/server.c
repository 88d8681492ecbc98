// SPDX-License-Identifier: Apache-2.0
/* Servers and whole requests. */
#include "fixture.h"

struct ask { /* what a handler was told */
    struct collected *r;
    unsigned calls, gone;
    int code;
    char body[64];
};

static void on_gone(struct collected *r) {
    struct ask *a = r->user;
    a->gone++;
    a->r = NULL;
}
static void handle(struct collected *r, int code) {
    struct ask *a = r->user;
    a->calls++;
    a->code = code;
    a->r = code == 0 ? r : NULL;
    str_z(buf_str(&r->body), a->body, sizeof a->body);
    server_on_gone(r, on_gone);
    if (code == WEFT_E_TOO_LARGE)
        stream_reply(r->stream, 413, STR_NONE, STR("big"));
    else if (code == 0 && str_eq(r->head.path, STR("/now"))) {
        struct msg_fields f = {0};
        msg_add_name(&f, &r->stream->arena, STR("x-a"), STR("b"));
        stream_reply_with(r->stream, 201, &f, buf_str(&r->body));
    }
}
static void on_stream(struct server *s, struct stream *st) {
    server_collect(st, 10, handle, s->user);
}

static void serve(struct fx *fx, struct ask *a) {
    fx->server_cfg.on_stream = on_stream;
    fx->server_cfg.user = a;
    fx_serve(fx);
}

static void collects(void **state) {
    struct fx *fx = *state;
    struct ask ask = {0};
    struct raw r = {0};
    serve(fx, &ask);
    raw_dial(&r, fx);
    RAW(&r, "POST /now HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n01234");
    fx_settle(fx);
    assert_int_equal(ask.calls, 0);
    RAW(&r, "56789");
    AWAIT(fx, raw_has(&r, "\r\n\r\n0123456789"));
    assert_true(raw_has(&r, "HTTP/1.1 201 Created\r\nx-a: b\r\n"));
    assert_string_equal(ask.body, "0123456789");
    RAW(&r, "POST /now HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n");
    AWAIT(fx, raw_has(&r, "HTTP/1.1 100 Continue\r\n\r\n"));
    RAW(&r, "3\r\nabc\r\n0\r\n\r\n");
    AWAIT(fx, raw_has(&r, "\r\n\r\nabc"));
    RAW(&r, "GET /now HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, ask.calls == 3);
    assert_int_equal(ask.code, 0);
    assert_int_equal(ask.gone, 0); /* all were answered */
    fx_settle(fx);
    raw_close(&r);
}

static void too_large(void **state) {
    struct fx *fx = *state;
    struct ask ask = {0};
    struct raw r = {0};
    serve(fx, &ask);
    raw_dial(&r, fx); /* told by its head */
    RAW(&r, "POST /now HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n");
    AWAIT(fx, raw_has(&r, "HTTP/1.1 413 "));
    assert_int_equal(ask.code, WEFT_E_TOO_LARGE);
    assert_int_equal(ask.calls, 1);
    raw_close(&r);
    raw_dial(&r, fx); /* found out later */
    RAW(&r, "POST /now HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n8\r\n01234567\r\n");
    fx_settle(fx);
    assert_int_equal(ask.calls, 1);
    RAW(&r, "8\r\n01234567\r\n8\r\n01234567\r\n");
    AWAIT(fx, r.eof);
    assert_true(raw_has(&r, "HTTP/1.1 413 "));
    assert_int_equal(ask.calls, 2);
    raw_close(&r);
}

static void answered_later_and_gone(void **state) {
    struct fx *fx = *state;
    struct ask ask = {0};
    fx->conn_cfg.proto = CONN_H2;
    serve(fx, &ask);
    fx_connect(fx);
    struct rec *c = fx_request(fx, 0, "GET", "/later", true);
    AWAIT(fx, ask.r);
    fx_settle(fx);
    stream_reply(ask.r->stream, 200, STR_NONE, STR("late"));
    AWAIT(fx, c->closed);
    assert_int_equal(c->body.len, 4);
    assert_int_equal(ask.gone, 0);
    c = fx_request(fx, 1, "GET", "/later", true);
    AWAIT(fx, ask.calls == 2);
    stream_reset(c->s, WEFT_E_CANCELLED);
    AWAIT(fx, ask.gone == 1);
    assert_null(ask.r);
    c = fx_request(fx, 2, "POST", "/later", false); /* goes before it is whole */
    AWAIT(fx, fx->server.n_conns == 1);
    stream_data(c->s, STR("x"), false);
    fx_settle(fx);
    stream_reset(c->s, WEFT_E_CANCELLED);
    AWAIT(fx, ask.calls == 3);
    assert_int_equal(ask.code, WEFT_E_RESET);
    AWAIT(fx, c->closed);
}

static void most_connections(void **state) {
    struct fx *fx = *state;
    struct raw a, b, c;
    fx->server.max_conns = 2;
    fx_serve(fx);
    raw_dial(&a, fx);
    raw_dial(&b, fx);
    raw_dial(&c, fx);
    AWAIT(fx, c.eof || c.failed);
    assert_int_equal(fx->server.n_conns, 2);
    raw_close(&a);
    raw_close(&c);
    AWAIT(fx, fx->server.n_conns == 1);
    raw_dial(&a, fx);
    RAW(&a, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, raw_has(&a, "hello"));
    raw_close(&a);
    raw_close(&b);
}

static void drained_when_empty(void **state) {
    struct fx *fx = *state;
    fx_serve(fx);
    server_drain(&fx->server);
    assert_int_equal(fx->n_drained, 1);
    server_drain(&fx->server); /* once is enough */
    assert_int_equal(fx->n_drained, 1);
    assert_int_equal(fx->loop.watches, 0);
}

static void port_taken(void **state) {
    struct fx *fx = *state;
    struct server other = {0};
    struct err e = {0};
    fx_serve(fx);
    fx->server_cfg.addr = fx->server.listener.addr;
    assert_true(server_start(&other, &fx->loop, &fx->server_cfg, &e) < 0);
    assert_true(e.msg[0] != 0);
}

#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        BARE(collects),         BARE(too_large),          BARE(answered_later_and_gone),
        BARE(most_connections), BARE(drained_when_empty), BARE(port_taken),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
