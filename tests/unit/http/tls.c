// SPDX-License-Identifier: Apache-2.0
/* HTTP over TLS: the protocol by ALPN, and the ends that TLS has. */
#include <time.h>
#include "crypto/ca.h"
#include "fixture.h"
#include "http/fetch.h"

#define BIG (4u * 1024 * 1024)

struct tx {
    struct arena a;
    struct ca *ca;
    struct tls_ctx *server, *client;
};

static struct tls_ctx *ctx_of(struct tx *t, bool server, bool cert, const char *alpn) {
    struct ca_issued c;
    struct err e = {0};
    struct tls_ctx *ctx;
    assert_int_equal(
        ca_issue(t->ca, STR("default"), server ? STR("api") : STR("web"), KEY_EC256, 3600, time(NULL), &t->a, &c, &e), 0);
    struct tls_cfg cfg = {.server = server, .ca_pem = ca_cert_pem(t->ca), .spiffe = true, .trust_domain = STR("cluster.local")};
    cfg.require_peer = server;
    cfg.alpn = str_of(alpn);
    if (cert) {
        cfg.cert_pem = c.cert_pem;
        cfg.key_pem = c.key_pem;
    }
    if (tls_ctx_new(&ctx, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
    return ctx;
}

static void start(struct tx *t, struct fx *fx, const char *alpn_server, const char *alpn_client) {
    struct err e = {0};
    *t = (struct tx){0};
    assert_int_equal(ca_create(&t->ca, STR("cluster.local"), time(NULL), &e), 0);
    t->server = ctx_of(t, true, true, alpn_server);
    t->client = ctx_of(t, false, true, alpn_client);
    fx->server_cfg.tls = t->server;
    fx->tls = t->client;
    fx->conn_cfg.proto = CONN_AUTO;
    fx_serve(fx);
}
static void finish(struct tx *t) {
    tls_ctx_unref(&t->server);
    tls_ctx_unref(&t->client);
    ca_free(&t->ca);
    arena_fini(&t->a);
}

static void hello(struct fx *fx, bool h2) {
    fx_connect(fx);
    assert_non_null(fx->conn);
    assert_int_equal(fx->conn->h2, h2);
    struct rec *r = fx_request(fx, 0, "GET", "/hello", true);
    AWAIT(fx, fx->srv[0].got_head);
    AWAIT(fx, r->closed);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->body.len, 5);
}

static void alpn_h2(void **state) {
    struct tx t;
    start(&t, *state, "h2,http/1.1", "h2,http/1.1");
    hello(*state, true);
    finish(&t);
}
static void alpn_h1(void **state) {
    struct tx t;
    start(&t, *state, "h2,http/1.1", "http/1.1");
    hello(*state, false);
    finish(&t);
}
static void no_alpn(void **state) {
    struct fx *fx = *state;
    struct tx t;
    start(&t, fx, "h2,http/1.1", "");
    hello(fx, false);
    conn_abort(fx->conn, 0);
    AWAIT(fx, !fx->conn);
    fx->conn_cfg.proto = CONN_H2; /* by its preface */
    hello(fx, true);
    finish(&t);
}

static void big(void **state, const char *alpn) {
    struct fx *fx = *state;
    struct tx t;
    start(&t, fx, alpn, alpn);
    char *body = mem_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        body[i] = (char)(i * 7 + i / 255);
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    r->hold = true;
    AWAIT(fx, fx->srv[0].got_head);
    stream_reply(fx->srv[0].s, 200, STR_NONE, str_n(body, BIG));
    AWAIT(fx, r->body.len >= STREAM_WINDOW);
    fx_settle(fx);
    assert_true(r->body.len <= 2 * STREAM_WINDOW); /* held up */
    r->hold = false;
    stream_consumed(r->s, r->s->credit);
    AWAIT(fx, r->closed && fx->srv[0].closed);
    assert_int_equal(r->body.len, BIG);
    assert_memory_equal(buf_str(&r->body).ptr, body, BIG);
    assert_int_equal(fx->srv[0].drained, BIG);
    free(body);
    finish(&t);
}
static void big_h1(void **state) {
    big(state, "http/1.1");
}
static void big_h2(void **state) {
    big(state, "h2");
}

static void close_delimited(void **state) { /* close_notify makes the difference between an end and a cut */
    struct fx *fx = *state;
    struct tx t;
    start(&t, fx, "http/1.1", "http/1.1");
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    struct msg m = {.status = 200, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    stream_data(fx->srv[0].s, STR("part"), false);
    AWAIT(fx, r->body.len == 4);
    stream_reset(fx->srv[0].s, WEFT_E_RESET);
    AWAIT(fx, r->closed && fx->conn_closed);
    assert_int_equal(r->why, WEFT_E_RESET);
    finish(&t);
}

static void no_certificate(void **state) {
    struct fx *fx = *state;
    struct tx t;
    start(&t, fx, "h2", "h2");
    struct tls_ctx *bare = ctx_of(&t, false, false, "h2");
    fx->tls = bare;
    fx_connect(fx);
    if (fx->conn) /* TLS 1.3: the client is through before it hears of it */
        fx_request(fx, 0, "GET", "/hello", true);
    AWAIT(fx, fx->conn_closed);
    assert_int_equal(fx->conn_why, WEFT_E_CERT);
    assert_false(fx->cli[0].got_head);
    AWAIT(fx, fx->server.n_conns == 0);
    tls_ctx_unref(&bare);
    finish(&t);
}

static void plain_client(void **state) {
    struct fx *fx = *state;
    struct tx t;
    struct raw r = {0};
    start(&t, fx, "h2", "h2");
    raw_dial(&r, fx);
    RAW(&r, "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
    AWAIT(fx, r.eof || r.failed);
    assert_false(raw_has(&r, "hello"));
    AWAIT(fx, fx->server.n_conns == 0);
    raw_close(&r);
    finish(&t);
}

struct got {
    unsigned calls, status;
    int code;
};
static void done(void *ctx, const struct fetch_result *r) {
    struct got *g = ctx;
    g->calls++;
    g->code = r->code;
    g->status = r->head.status;
}
static void fetches(void **state) {
    struct fx *fx = *state;
    struct tx t;
    struct got g = {0};
    start(&t, fx, "h2,http/1.1", "h2,http/1.1");
    struct fetch_cfg cfg = {.addr = fx->server.listener.addr, .tls = t.client};
    cfg.head = (struct msg){.path = STR("/hello"), .authority = STR("a")};
    fetch_start(&fx->loop, &cfg, done, &g);
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, 0);
    assert_int_equal(g.status, 200);
    finish(&t);
}

static void drains(void **state) {
    struct fx *fx = *state;
    struct tx t;
    start(&t, fx, "http/1.1", "http/1.1");
    fx_connect(fx);
    struct rec *r = fx_request(fx, 0, "GET", "/x", true);
    AWAIT(fx, fx->srv[0].got_head);
    server_drain(&fx->server);
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("done"));
    AWAIT(fx, r->closed && fx->n_drained);
    assert_int_equal(r->why, 0);
    assert_int_equal(r->body.len, 4);
    finish(&t);
}

#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        BARE(alpn_h2), BARE(alpn_h1),         BARE(no_alpn),        BARE(big_h1),       BARE(big_h2),
        BARE(drains),  BARE(close_delimited), BARE(no_certificate), BARE(plain_client), BARE(fetches),
    };
    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
