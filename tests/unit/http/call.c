// SPDX-License-Identifier: Apache-2.0
/* gRPC calls, both ends against each other. */
#include "http/call.h"
#include "codec/grpc.h"
#include "fixture.h"

struct end { /* what one end of a call was told */
    struct call *c;
    struct buf got; /* messages, each with '|' behind it */
    size_t messages, octets;
    unsigned half_closed, drained, done;
    int status;
    char text[128];
};
struct cx {
    struct fx *fx;
    struct end cli, srv;
    unsigned opened;
};

static void end_message(struct call *c, struct str msg) {
    struct end *e = c->user;
    assert_int_equal(e->done, 0);
    e->messages++;
    e->octets += msg.len;
    if (msg.len < 1000) {
        buf_add(&e->got, msg);
        buf_addc(&e->got, '|');
    }
}
static void end_half_closed(struct call *c) {
    ((struct end *)c->user)->half_closed++;
}
static void end_drained(struct call *c) {
    ((struct end *)c->user)->drained++;
}
static void end_done(struct call *c, int status, struct str text) {
    struct end *e = c->user;
    e->done++;
    e->status = status;
    e->c = NULL;
    str_z(text, e->text, sizeof e->text);
}
static const struct call_cb end_cb = {end_message, end_half_closed, end_drained, end_done};

static void open_manual(struct call *c) {
    struct cx *x = c->user;
    x->opened++;
    x->srv.c = c;
    c->user = &x->srv;
    assert_true(str_eq(msg_get(&c->request->fields, HDR_X_REQUEST_ID), STR("id-1")));
}

static void unary_message(struct call *c, struct str msg) {
    end_message(c, msg);
    call_send(c, msg);
    call_finish(c, GRPC_OK, STR_NONE);
    call_send(c, STR("too late"));
}
static const struct call_cb unary_cb = {unary_message, NULL, NULL, end_done};
static const struct call_method methods[] = {
    {{"/t.T/Manual", sizeof("/t.T/Manual") - 1}, 100000, &end_cb, open_manual},
    {{"/t.T/Unary", sizeof("/t.T/Unary") - 1}, 0, &unary_cb, open_manual},
};

static void on_stream(struct server *s, struct stream *st) {
    call_accept(st, methods, 2, s->user);
}

static void start(struct cx *x, struct fx *fx) {
    *x = (struct cx){.fx = fx};
    fx->server_cfg.on_stream = on_stream;
    fx->server_cfg.user = x;
    fx->conn_cfg.proto = CONN_H2;
    fx_serve(fx);
    fx_connect(fx);
}
static void finish(struct cx *x) {
    if (x->fx->conn)
        conn_abort(x->fx->conn, 0);
    AWAIT(x->fx, !x->fx->conn && (!x->opened || x->srv.done)); /* calls refer to *x */
    buf_fini(&x->cli.got);
    buf_fini(&x->srv.got);
}
static struct call *call(struct cx *x, const char *path, size_t max) {
    struct err e = {0};
    struct arena a = {0};
    struct msg_fields f = {0};
    msg_add(&f, &a, HDR_X_REQUEST_ID, STR("id-1"));
    x->cli.c = call_start(x->fx->conn, str_of(path), STR("test"), &f, max, &end_cb, &x->cli, &e);
    arena_fini(&a);
    assert_non_null(x->cli.c);
    return x->cli.c;
}

static void unary(void **state) {
    struct cx x;
    start(&x, *state);
    call_send(call(&x, "/t.T/Unary", 0), STR("ping"));
    call_end(x.cli.c);
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_int_equal(x.cli.status, GRPC_OK);
    assert_int_equal(x.srv.status, GRPC_OK);
    assert_true(str_eq(buf_str(&x.cli.got), STR("ping|")));
    assert_int_equal(x.cli.done, 1);
    assert_int_equal(x.srv.done, 1);
    finish(&x);
}

static void stream_both_ways(void **state) {
    struct cx x;
    start(&x, *state);
    call(&x, "/t.T/Manual", 0);
    call_send(x.cli.c, STR("a"));
    call_send(x.cli.c, STR(""));
    AWAIT(x.fx, x.srv.messages == 2);
    call_send(x.srv.c, STR("one"));
    AWAIT(x.fx, x.cli.messages == 1);
    call_send(x.cli.c, STR("c"));
    AWAIT(x.fx, x.srv.messages == 3);
    assert_true(str_eq(buf_str(&x.srv.got), STR("a||c|")));
    assert_int_equal(x.srv.half_closed, 0);
    call_end(x.cli.c);
    AWAIT(x.fx, x.srv.half_closed == 1);
    assert_int_equal(x.cli.done, 0);
    call_send(x.srv.c, STR("two"));
    call_finish(x.srv.c, GRPC_NOT_FOUND, STR("a b%\xc3\xa4\n"));
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_true(str_eq(buf_str(&x.cli.got), STR("one|two|")));
    assert_int_equal(x.cli.status, GRPC_NOT_FOUND);
    assert_string_equal(x.cli.text, "a b%\xc3\xa4\n");
    assert_int_equal(x.cli.done, 1);
    finish(&x);
}

static void server_finishes_first(void **state) { /* the client never ends its side */
    struct cx x;
    start(&x, *state);
    call(&x, "/t.T/Manual", 0);
    call_send(x.cli.c, STR("a"));
    AWAIT(x.fx, x.srv.messages == 1);
    call_finish(x.srv.c, GRPC_PERMISSION_DENIED, STR("no")); /* trailers only */
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_int_equal(x.cli.status, GRPC_PERMISSION_DENIED);
    assert_string_equal(x.cli.text, "no");
    assert_int_equal(x.srv.status, GRPC_PERMISSION_DENIED);
    finish(&x);
}

static void unknown_method(void **state) {
    struct cx x;
    start(&x, *state);
    call_send(call(&x, "/t.T/Nope", 0), STR("x"));
    AWAIT(x.fx, x.cli.done);
    assert_int_equal(x.cli.status, GRPC_UNIMPLEMENTED);
    assert_int_equal(x.opened, 0);
    finish(&x);
}

static void messages_larger_than_windows(void **state) {
    struct cx x;
    start(&x, *state);
    char *big = mem_alloc(3000000);
    call(&x, "/t.T/Unary", 0);
    call_send(x.cli.c, str_n(big, 3000000));
    assert_true(call_queued(x.cli.c) >= 3000000);
    AWAIT(x.fx, x.cli.done);
    assert_int_equal(x.cli.status, GRPC_OK);
    assert_int_equal(x.srv.octets, 3000000);
    assert_int_equal(x.cli.octets, 3000000);
    assert_int_equal(x.cli.drained, 1);
    free(big);
    finish(&x);
}

static void too_large_for_the_server(void **state) {
    struct cx x;
    start(&x, *state);
    char *big = mem_alloc(100001);
    call(&x, "/t.T/Manual", 0);
    call_send(x.cli.c, str_n(big, 100000));
    AWAIT(x.fx, x.srv.messages == 1);
    call_send(x.cli.c, str_n(big, 100001));
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_int_equal(x.cli.status, GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(x.srv.status, GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(x.srv.messages, 1);
    free(big);
    finish(&x);
}

static void too_large_for_the_client(void **state) {
    struct cx x;
    start(&x, *state);
    call_send(call(&x, "/t.T/Unary", 10), STR("0123456789a"));
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_int_equal(x.cli.status, GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(x.cli.messages, 0);
    finish(&x);
}

static void client_cancels(void **state) {
    struct cx x;
    start(&x, *state);
    call_send(call(&x, "/t.T/Manual", 0), STR("a"));
    AWAIT(x.fx, x.srv.messages == 1);
    call_cancel(x.cli.c);
    assert_int_equal(x.cli.done, 0);
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_int_equal(x.cli.status, GRPC_CANCELLED);
    assert_int_equal(x.srv.status, GRPC_CANCELLED);
    finish(&x);
}

static void connection_lost(void **state) {
    struct cx x;
    start(&x, *state);
    call_send(call(&x, "/t.T/Manual", 0), STR("a"));
    AWAIT(x.fx, x.srv.messages == 1);
    server_stop(&x.fx->server);
    x.fx->server.loop = NULL;
    AWAIT(x.fx, x.cli.done && x.srv.done);
    assert_int_equal(x.cli.status, GRPC_UNAVAILABLE);
    assert_int_equal(x.srv.status, GRPC_UNAVAILABLE);
    finish(&x);
}

/* A server that pushes to a client that does not come along sees the queue grow, and is told when it has gone. */
static void push_and_drained(void **state) {
    struct cx x;
    start(&x, *state);
    call_send(call(&x, "/t.T/Manual", 0), STR("a"));
    AWAIT(x.fx, x.srv.messages == 1);
    static char piece[50000];
    unsigned sent = 0;
    while (call_queued(x.srv.c) < CALL_MARK) {
        call_send(x.srv.c, str_n(piece, sizeof piece));
        sent++;
    }
    assert_int_equal(x.srv.drained, 0);
    AWAIT(x.fx, x.srv.drained == 1);
    assert_true(call_queued(x.srv.c) < CALL_MARK / 2);
    AWAIT(x.fx, x.cli.messages == sent);
    assert_int_equal(x.srv.drained, 1);
    finish(&x);
}

static void outlives_the_body_timeout(void **state) {
    struct fx *fx = *state;
    struct cx x;
    fx->server_cfg.limits.body_timeout_us = 20 * CLOCK_MS;
    start(&x, fx);
    call_send(call(&x, "/t.T/Manual", 0), STR("a"));
    AWAIT(fx, x.srv.messages == 1);
    fx_pass(fx, 60 * CLOCK_MS);
    call_send(x.cli.c, STR("b"));
    AWAIT(fx, x.srv.messages == 2);
    assert_int_equal(x.srv.done, 0);
    finish(&x);
}

/* ---- peers that are not like us ---- */

static struct rec *plain_request(struct fx *fx, unsigned i, const char *type, const char *te, const char *body) {
    struct rec *r = &fx->cli[i];
    struct err e = {0};
    struct arena a = {0};
    struct msg m = {
        .request = true, .method = STR("POST"), .method_id = METHOD_POST, .path = STR("/t.T/Unary"), .authority = STR("a")};
    m.content_length = -1;
    msg_add(&m.fields, &a, HDR_CONTENT_TYPE, str_of(type));
    msg_add(&m.fields, &a, HDR_X_REQUEST_ID, STR("id-1"));
    if (te)
        msg_add(&m.fields, &a, HDR_TE, str_of(te));
    r->s = conn_request(fx->conn, &m, false, &rec_cb, r, &e);
    arena_fini(&a);
    assert_non_null(r->s);
    stream_data(r->s, (struct str){body, 8}, true);
    AWAIT(fx, r->closed);
    return r;
}

static void not_grpc(void **state) {
    struct cx x;
    start(&x, *state);
    assert_int_equal(plain_request(x.fx, 0, "application/json", "trailers", "\0\0\0\0\3abc")->status, 415);
    assert_int_equal(plain_request(x.fx, 1, "application/grpcx", "trailers", "\0\0\0\0\3abc")->status, 415);
    assert_int_equal(x.opened, 0);
    assert_int_equal(plain_request(x.fx, 2, "application/grpc", NULL, "\0\0\0\0\3abc")->status, 200); /* grpc-status 13 */
    assert_int_equal(x.opened, 0);
    assert_int_equal(plain_request(x.fx, 3, "application/grpc+proto", "trailers", "\0\0\0\0\3abc")->body.len, 8);
    assert_int_equal(x.opened, 1);
    finish(&x);
}

static void bad_frames(void **state) {
    struct cx x;
    start(&x, *state);
    plain_request(x.fx, 0, "application/grpc", "trailers", "\1\0\0\0\3abc");
    AWAIT(x.fx, x.srv.done == 1);
    assert_int_equal(x.srv.status, GRPC_UNIMPLEMENTED); /* compressed */
    plain_request(x.fx, 1, "application/grpc", "trailers", "\7\0\0\0\3abc");
    AWAIT(x.fx, x.srv.done == 2);
    assert_int_equal(x.srv.status, GRPC_INTERNAL);
    plain_request(x.fx, 2, "application/grpc", "trailers", "\0\0\0\0\5abc");
    AWAIT(x.fx, x.srv.done == 3);
    assert_int_equal(x.srv.status, GRPC_INTERNAL); /* cut short */
    assert_int_equal(x.srv.messages, 0);
    finish(&x);
}

static void bare_http_status(void **state) {
    struct fx *fx = *state;
    struct cx x = {.fx = fx};
    fx->server_cfg.on_stream = fx_on_stream;
    fx->conn_cfg.proto = CONN_H2;
    fx_serve(fx);
    fx_connect(fx);
    call_send(call(&x, "/x", 0), STR("a"));
    AWAIT(fx, fx->n_srv == 1 && fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 503, STR("text/html"), STR("<p>"));
    AWAIT(fx, x.cli.done == 1);
    assert_int_equal(x.cli.status, GRPC_UNAVAILABLE);
    call_send(call(&x, "/hello", 0), STR("a")); /* 200, but no gRPC */
    AWAIT(fx, x.cli.done == 2);
    assert_int_equal(x.cli.status, GRPC_UNKNOWN);
    call_send(call(&x, "/x", 0), STR("a")); /* an end without a status */
    AWAIT(fx, fx->n_srv == 3 && fx->srv[2].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    msg_add(&m.fields, &fx->srv[2].s->arena, HDR_CONTENT_TYPE, STR("application/grpc"));
    stream_head(fx->srv[2].s, &m, false);
    stream_end(fx->srv[2].s, NULL);
    AWAIT(fx, x.cli.done == 3);
    assert_int_equal(x.cli.status, GRPC_UNKNOWN);
    call_send(call(&x, "/x", 0), STR("a")); /* refused */
    AWAIT(fx, fx->n_srv == 4 && fx->srv[3].got_head);
    stream_reset(fx->srv[3].s, WEFT_E_REFUSED_STREAM);
    AWAIT(fx, x.cli.done == 4);
    assert_int_equal(x.cli.status, GRPC_UNAVAILABLE);
    finish(&x);
}

static void needs_http2(void **state) {
    struct fx *fx = *state;
    struct cx x = {.fx = fx};
    struct err e = {0};
    fx_serve(fx);
    fx_connect(fx);
    assert_null(call_start(fx->conn, STR("/a"), STR("a"), NULL, 0, &end_cb, &x.cli, &e));
    assert_int_equal(e.code, WEFT_E_UNSUPPORTED);
}

#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        BARE(unary),
        BARE(stream_both_ways),
        BARE(server_finishes_first),
        BARE(unknown_method),
        BARE(messages_larger_than_windows),
        BARE(too_large_for_the_server),
        BARE(too_large_for_the_client),
        BARE(client_cancels),
        BARE(connection_lost),
        BARE(push_and_drained),
        BARE(outlives_the_body_timeout),
        BARE(not_grpc),
        BARE(bad_frames),
        BARE(bare_http_status),
        BARE(needs_http2),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
