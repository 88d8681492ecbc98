// SPDX-License-Identifier: Apache-2.0
/* The pool against a server of our own in the same loop. */
#define dial_host test_dial /* no cluster, no TLS: straight to the address */
#include "proxy/pool.c"
#undef dial_host
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "io/sock.h"

#define MANY 40

struct waiter {
    struct pool_wait pw;
    struct fx *fx;
    struct conn *got;
    int why;
};
struct fx {
    struct worker w;
    struct sock_listener sl;
    struct conn_cfg server_cfg;
    struct serve_cluster cluster;
    struct cluster conf;
    struct host *host;
    struct waiter waiter[MANY];
    struct conn *down[MANY]; /* accepted */
    unsigned accepted, done, closed;
};
static struct fx *fx;

struct transport *test_dial(struct loop *l, const struct serve_cluster *c, const struct host *h, struct tls_ctx *tls,
                            const struct transport *from, transport_f *on_event, void *ctx) {
    return sock_dial(l, &h->addr, 0, on_event, ctx);
}

static void on_down_closed(struct conn *c, int why) {
    for (unsigned i = 0; i < fx->accepted; i++)
        fx->down[i] = fx->down[i] == c ? NULL : fx->down[i];
    fx->closed++;
}
static void on_stream(struct conn *c, struct stream *s) { /* held: no answer */
}
static void on_accept(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct transport *tr = sock_adopt(&fx->w.loop, fd, peer, NULL, NULL);
    fx->down[fx->accepted++] = conn_server(&fx->w.loop, &tr, &fx->server_cfg, NULL);
}

static void on_up_head(struct stream *s, const struct msg *m, bool end) {
}
static void on_up_data(struct stream *s, struct str data, bool end) {
    stream_consumed(s, data.len);
}
static void on_up_closed(struct stream *s, int why) {
}
static const struct stream_cb up_cb = {.head = on_up_head, .data = on_up_data, .closed = on_up_closed};

static void use(struct conn *c) {
    struct msg m = {.request = true, .method = STR("GET"), .method_id = METHOD_GET, .path = STR("/"), .authority = STR("a")};
    assert_non_null(conn_request(c, &m, true, &up_cb, NULL, NULL));
}

static void waiter_ready(struct pool_wait *pw, struct conn *c) {
    struct waiter *wt = container_of(pw, struct waiter, pw);
    wt->got = c;
    use(c);
    fx->done++;
}
static void waiter_failed(struct pool_wait *pw, int why, const struct err *e) {
    container_of(pw, struct waiter, pw)->why = why;
    fx->done++;
}

static void begin_waiting(unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        fx->waiter[i].pw.ready = waiter_ready;
        fx->waiter[i].pw.failed = waiter_failed;
        pool_wait(&fx->w, &fx->cluster, fx->host, LANE_ANY, &fx->waiter[i].pw);
    }
}

static void turn_until(const unsigned *count, unsigned n) {
    while (*count < n)
        loop_turn(&fx->w.loop, true);
}

static void host_speaks(enum conn_proto proto) {
    fx->host = host_new(&fx->sl.addr, false, proto, 1);
}

static unsigned dials(void) {
    return (unsigned)atomic_load(&fx->w.stats.c[STAT_up_cx]);
}

static int setup(void **state) {
    struct addr a;
    struct err e;
    fx = aligned_alloc(64, (sizeof(*fx) + 63) / 64 * 64);
    memset(fx, 0, sizeof(*fx));
    assert_int_equal(loop_init(&fx->w.loop, &(struct loop_cfg){0}, &e), 0);
    list_init(&fx->w.pools);
    list_init(&fx->w.ups);
    list_init(&fx->w.up_cfgs);
    fx->cluster.cluster = &fx->conf;
    for (int i = CONN_AUTO; i < CONN_PROTOS; i++)
        pool_cfg(&fx->w.up_cfg[i], (enum conn_proto)i, &(struct conn_limits){0});
    fx->cluster.cluster = &fx->conf;
    fx->server_cfg = (struct conn_cfg){.on_stream = on_stream, .on_closed = on_down_closed};
    assert_true(addr_parse(&a, STR("127.0.0.1:0"), &e) >= 0);
    assert_true(sock_listen(&fx->sl, &fx->w.loop, &a, &(struct sock_listen_opts){0}, on_accept, NULL, &e) >= 0);
    return 0;
}

static int teardown(void **state) {
    pool_abort_all(&fx->w);
    while (!list_empty(&fx->w.ups))
        loop_turn(&fx->w.loop, true);
    for (unsigned i = 0; i < fx->accepted; i++)
        if (fx->down[i])
            conn_abort(fx->down[i], WEFT_E_CLOSED);
    turn_until(&fx->closed, fx->accepted);
    assert_true(list_empty(&fx->w.pools)); /* let go with its last connection */
    pool_fini(&fx->w);
    ref_put(fx->host);
    sock_listener_close(&fx->sl);
    loop_fini(&fx->w.loop);
    free(fx);
    return 0;
}

static void many_share_a_dial(void **state) {
    host_speaks(CONN_H2);
    begin_waiting(MANY);
    assert_int_equal(dials(), 2); /* for 32, and 8 */
    turn_until(&fx->done, MANY);
    assert_int_equal(dials(), 2);
    struct conn *spare = fx->waiter[MANY - 1].got;
    assert_ptr_not_equal(spare, fx->waiter[0].got);
    for (unsigned i = spare->streams; i < POOL_STREAMS; i++) {
        assert_ptr_equal(pool_take(&fx->w, fx->host, LANE_ANY, 0), spare); /* idle or not: it is HTTP/2 */
        use(spare);
    }
    assert_null(pool_take(&fx->w, fx->host, LANE_ANY, 0));
}

static void each_has_its_own_in_http1(void **state) {
    host_speaks(CONN_H1);
    begin_waiting(3);
    assert_int_equal(dials(), 3);
    turn_until(&fx->done, 3);
    assert_int_equal(dials(), 3);
    assert_ptr_not_equal(fx->waiter[0].got, fx->waiter[1].got);
    assert_null(pool_take(&fx->w, fx->host, LANE_ANY, UINT64_MAX));
}

static void what_turns_out_as_http1_dials_for_the_others(void **state) {
    host_speaks(CONN_AUTO); /* taken for HTTP/2 until ALPN, of which plain has none, says otherwise */
    begin_waiting(4);
    assert_int_equal(dials(), 1);
    turn_until(&fx->done, 4);
    assert_int_equal(dials(), 4);
    for (unsigned i = 0; i < 4; i++)
        assert_false(fx->waiter[i].got->h2);
}

static void all_hear_of_a_dial_that_failed(void **state) {
    host_speaks(CONN_H2);
    sock_listener_close(&fx->sl);
    begin_waiting(5);
    assert_int_equal(dials(), 1);
    turn_until(&fx->done, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(fx->waiter[i].why, WEFT_E_REFUSED);
}

static void a_cancelled_wait_is_not_served(void **state) {
    host_speaks(CONN_H2);
    begin_waiting(2);
    pool_wait_cancel(&fx->waiter[0].pw);
    turn_until(&fx->done, 1);
    assert_null(fx->waiter[0].got);
    assert_non_null(fx->waiter[1].got);
}

static void wait_raw(unsigned i) {
    fx->waiter[i].pw.ready = waiter_ready;
    fx->waiter[i].pw.failed = waiter_failed;
    pool_wait_raw(&fx->w, &fx->cluster, fx->host, NULL, &fx->waiter[i].pw);
}

static void a_raw_connection_is_its_waiters_own(void **state) {
    host_speaks(CONN_H2);
    wait_raw(0);
    wait_raw(1);
    pool_wait_cancel(&fx->waiter[1].pw); /* its dial ends with it */
    turn_until(&fx->done, 1);
    assert_non_null(fx->waiter[0].got);
    assert_null(fx->waiter[1].got);
    assert_int_equal(fx->waiter[1].why, 0);
    assert_null(pool_take(&fx->w, fx->host, LANE_ANY, UINT64_MAX)); /* no request goes there */
    begin_waiting(1);
    assert_int_equal(dials(), 3);
    turn_until(&fx->done, 2);
}

static void a_raw_dial_that_failed_is_told(void **state) {
    host_speaks(CONN_H1);
    sock_listener_close(&fx->sl);
    wait_raw(0);
    turn_until(&fx->done, 1);
    assert_int_equal(fx->waiter[0].why, WEFT_E_REFUSED);
}

static void an_old_connection_gets_no_more(void **state) {
    host_speaks(CONN_H2);
    begin_waiting(1);
    turn_until(&fx->done, 1);
    fx->w.loop.now += POOL_LIFE_US / 4 * 5 + 1; /* a quarter more, by chance, is the most */
    assert_null(pool_take(&fx->w, fx->host, LANE_ANY, UINT64_MAX));
    assert_true(fx->waiter[0].got->draining);
    assert_int_equal(fx->waiter[0].got->streams, 1); /* what is under way goes on */
}

/* A cluster may say how many share a connection. */
static void fewer_share_where_the_cluster_says_so(void **state) {
    host_speaks(CONN_H2);
    fx->conf.h2 = (struct h2_options){.max_streams = 4, .stream_window = 70000, .conn_window = 140000};
    begin_waiting(10);
    assert_int_equal(dials(), 3);
    turn_until(&fx->done, 10);
    assert_int_equal(dials(), 3);
    const struct conn_cfg *cfg = fx->waiter[0].got->cfg;
    assert_true(cfg->limits.max_streams == 4 && cfg->stream_window == 70000 && cfg->limits.conn_window == 140000);
    assert_int_equal(fx->waiter[0].got->streams, 4);
}

/* Which connections are asked whether their peer is still there. */
static void keep_alives(void **state) {
    struct addr a;
    assert_true(addr_parse(&a, STR("127.0.0.1:1"), NULL) >= 0);
    struct host *plain = host_new(&a, false, CONN_H2, 1), *sidecar = host_new(&a, true, CONN_AUTO, 1);
    struct serve_cluster *c = &fx->cluster;
    assert_null(cfg_for(&fx->w, CONN_H2, c, plain)); /* nobody asked for it */
    assert_int_equal(fx->w.up_cfg[CONN_H2].ping_us, 0);
    c->identity = (struct identity *)fx; /* in a mesh */
    assert_null(cfg_for(&fx->w, CONN_H2, c, plain));
    struct up_cfg *mesh = cfg_for(&fx->w, CONN_AUTO, c, sidecar);
    assert_true(mesh->cfg.ping_us == 30 * CLOCK_S && mesh->cfg.pong_us == 20 * CLOCK_S && mesh->cfg.ping_busy);
    assert_int_equal(mesh->cfg.proto, CONN_AUTO);
    assert_ptr_equal(cfg_for(&fx->w, CONN_AUTO, c, sidecar), mesh); /* one for all that are alike */
    mesh->conns = 1;
    fx->conf.keepalive_timeout_us = CLOCK_S;
    for (int i = 1; i < 20; i++) { /* what no connection has does not stay */
        fx->conf.keepalive_us = (unsigned)i * CLOCK_S;
        const struct conn_cfg *own = &cfg_for(&fx->w, CONN_H2, c, plain)->cfg;
        assert_true(own->ping_us == fx->conf.keepalive_us && own->pong_us == CLOCK_S && !own->ping_busy);
        size_t kept = 0;
        LIST_FOR (n, &fx->w.up_cfgs)
            kept++;
        assert_int_equal(kept, 2);
    }
    c->identity = NULL;
    ref_put(plain);
    ref_put(sidecar);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keep_alives, setup, teardown),
        TEST(fewer_share_where_the_cluster_says_so),
        TEST(many_share_a_dial),
        TEST(each_has_its_own_in_http1),
        TEST(what_turns_out_as_http1_dials_for_the_others),
        TEST(all_hear_of_a_dial_that_failed),
        TEST(a_cancelled_wait_is_not_served),
        TEST(a_raw_connection_is_its_waiters_own),
        TEST(a_raw_dial_that_failed_is_told),
        TEST(an_old_connection_gets_no_more),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
