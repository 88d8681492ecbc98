// SPDX-License-Identifier: Apache-2.0
#include "http/probe.h"
#include "codec/grpc_health.h"
#include "fixture.h"
#include "http/call.h"

struct seen {
    unsigned n, good;
    enum probe_result last;
    unsigned stop_at; /* stops the probe within its result */
    struct probe *p;
};

static void on_result(void *ctx, enum probe_result r) {
    struct seen *s = ctx;
    s->n++;
    s->last = r;
    s->good += r == PROBE_HEALTHY;
    if (s->n == s->stop_at)
        probe_stop(&s->p);
}

static struct probe_cfg cfg_of(struct fx *fx, const char *path) {
    return (struct probe_cfg){.addr = fx->server.listener.addr,
                              .authority = STR("app"),
                              .path = str_of(path),
                              .interval_us = 10 * CLOCK_S,
                              .timeout_us = 2 * CLOCK_S};
}

static void on_schedule(void **state) {
    struct fx *fx = *state;
    struct seen s = {0};
    struct probe_cfg cfg = cfg_of(fx, "/hello");
    s.p = probe_start(&fx->loop, &cfg, on_result, &s);
    fx_pass(fx, 8900 * CLOCK_MS); /* an interval - 10 % at least */
    assert_int_equal(fx->requests, 0);
    for (unsigned i = 1; i < 5; i++) {
        fx_pass(fx, 12 * CLOCK_S); /* + 10 % at most */
        AWAIT(fx, s.n == i);
    }
    assert_int_equal(s.good, 4);
    probe_stop(&s.p);
    assert_null(s.p);
    fx_pass(fx, 60 * CLOCK_S);
    assert_int_equal(s.n, 4);
}

static void failures(void **state) {
    struct fx *fx = *state;
    struct seen s = {0};
    struct probe_cfg cfg = cfg_of(fx, "/silent"); /* the server never answers it */
    s.p = probe_start(&fx->loop, &cfg, on_result, &s);
    fx_pass(fx, 12 * CLOCK_S);
    AWAIT(fx, fx->requests == 1);
    assert_int_equal(s.n, 0);
    fx_pass(fx, 3 * CLOCK_S);
    AWAIT(fx, s.n == 1);
    addr_set_port(&cfg.addr, 1); /* nobody listens there */
    probe_set(s.p, &cfg);
    fx_pass(fx, 12 * CLOCK_S);
    AWAIT(fx, s.n == 2);
    assert_int_equal(s.good, 0);
    probe_stop(&s.p);
}

static void stopped_within_its_result(void **state) {
    struct fx *fx = *state;
    struct seen s = {.stop_at = 1};
    struct probe_cfg cfg = cfg_of(fx, "/hello");
    s.p = probe_start(&fx->loop, &cfg, on_result, &s);
    fx_pass(fx, 12 * CLOCK_S);
    AWAIT(fx, s.n == 1);
    fx_pass(fx, 60 * CLOCK_S);
    assert_int_equal(s.n, 1);
}

/* A new target drops the check of the old one, a new pace alone does not. */
static void set_while_checking(void **state) {
    struct fx *fx = *state;
    struct seen s = {0};
    struct probe_cfg cfg = cfg_of(fx, "/silent");
    s.p = probe_start(&fx->loop, &cfg, on_result, &s);
    fx_pass(fx, 12 * CLOCK_S);
    AWAIT(fx, fx->requests == 1);
    cfg.interval_us = CLOCK_S;
    probe_set(s.p, &cfg);
    fx_pass(fx, 1500 * CLOCK_MS);
    assert_int_equal(s.n, 0); /* under way still */
    char path[] = "/hello";
    cfg.path = str_of(path);
    probe_set(s.p, &cfg);
    memset(path, 'x', sizeof path - 1); /* was copied */
    fx_pass(fx, 1500 * CLOCK_MS);
    AWAIT(fx, s.n == 1);
    assert_int_equal(s.good, 1);
    probe_stop(&s.p);
}

/* One check at once. */
static enum probe_result check(struct fx *fx, struct probe_cfg cfg) {
    struct seen s = {.stop_at = 1};
    cfg.at_once = true;
    s.p = probe_start(&fx->loop, &cfg, on_result, &s);
    AWAIT(fx, s.n == 1);
    return s.last;
}

static void over_http2(void **state) {
    struct fx *fx = *state;
    struct probe_cfg cfg = cfg_of(fx, "/hello");
    cfg.proto = CONN_H2;
    assert_int_equal(check(fx, cfg), PROBE_HEALTHY);
    cfg.expect = &(struct probe_statuses){201, 300};
    cfg.n_expect = 1;
    assert_int_equal(check(fx, cfg), PROBE_REFUSED);
    cfg.expect = &(struct probe_statuses){200, 201};
    assert_int_equal(check(fx, cfg), PROBE_HEALTHY);
}

static struct {
    const char *asked, *answer;
    size_t n;
    int status;
} health;

static void on_check(struct call *c, struct str msg) {
    health.asked = str_eq(msg, STR("\x0a\x03"
                                   "a.B"))
                       ? "a.B"
                   : msg.len ? "?"
                             : "";
}
static void on_check_whole(struct call *c) {
    if (health.answer)
        call_send(c, str_n(health.answer, health.n));
    call_finish(c, health.status, STR_NONE);
}
static void on_check_done(struct call *c, int status, struct str message) {
}
static void on_check_open(struct call *c) {
}
static void serve_health(struct server *sv, struct stream *s) {
    static const struct call_cb cb = {.message = on_check, .half_closed = on_check_whole, .done = on_check_done};
    struct call_method *method = arena_zalloc(&s->arena, sizeof *method);
    *method = (struct call_method){.path = GRPC_HEALTH_CHECK, .cb = &cb, .open = on_check_open};
    call_accept(s, method, 1, NULL);
}

static void grpc(void **state) {
    static const struct {
        const char *answer;
        size_t n;
        int status;
        enum probe_result want;
    } rows[] = {{"\x08\x01", 2, GRPC_OK, PROBE_HEALTHY},
                {"\x08\x02", 2, GRPC_OK, PROBE_REFUSED},
                {"", 0, GRPC_OK, PROBE_REFUSED},
                {NULL, 0, GRPC_NOT_FOUND, PROBE_REFUSED},
                {"\x08\x01", 2, GRPC_INTERNAL, PROBE_REFUSED},
                {NULL, 0, GRPC_UNIMPLEMENTED, PROBE_REFUSED},
                {NULL, 0, GRPC_OK, PROBE_REFUSED}};
    struct fx *fx = *state;
    fx->server_cfg.on_stream = serve_health;
    fx_serve(fx);
    struct probe_cfg cfg = cfg_of(fx, "a.B");
    cfg.kind = PROBE_GRPC;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        health.answer = rows[i].answer;
        health.n = rows[i].n;
        health.status = rows[i].status;
        assert_int_equal(check(fx, cfg), rows[i].want);
        assert_string_equal(health.asked, "a.B");
    }
    cfg.path = STR("");
    cfg.grpc_optional = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        health.answer = rows[i].answer;
        health.n = rows[i].n;
        health.status = rows[i].status;
        assert_int_equal(check(fx, cfg), rows[i].status == GRPC_UNIMPLEMENTED ? PROBE_HEALTHY : rows[i].want);
    }
    assert_string_equal(health.asked, "");
}

/* What is no gRPC at all says nothing. */
static void grpc_of_another(void **state) {
    struct fx *fx = *state;
    struct probe_cfg cfg = cfg_of(fx, "");
    cfg.kind = PROBE_GRPC;
    cfg.timeout_us = 2 * CLOCK_S;
    struct seen s = {.stop_at = 1};
    cfg.at_once = true;
    s.p = probe_start(&fx->loop, &cfg, on_result, &s);
    AWAIT(fx, fx->requests == 1);
    stream_reply(fx->srv[0].s, 200, STR("text/plain"), STR("hello"));
    AWAIT(fx, s.n == 1);
    assert_int_equal(s.last, PROBE_SILENT);
}

static void tcp(void **state) {
    struct fx *fx = *state;
    struct raw r = {.mute = true};
    const struct str two[] = {STR("PO"), STR("NG")};
    const struct probe_octets octets = {STR("PING"), two, 2};
    raw_serve(&r, fx);
    struct probe_cfg cfg = cfg_of(fx, "");
    cfg.kind = PROBE_TCP;
    assert_int_equal(check(fx, cfg), PROBE_HEALTHY); /* a connection is enough */
    cfg.octets = &octets;
    cfg.at_once = true;
    struct seen s = {0};
    for (unsigned i = 1; i <= 2; i++) { /* in order; then the other way round: only time tells */
        s.p = probe_start(&fx->loop, &cfg, on_result, &s);
        buf_cut(&r.in, 0);
        AWAIT(fx, raw_has(&r, "PING"));
        raw_send(&r, i == 1 ? STR("xPO+NGx") : STR("NGPO"));
        fx_settle(fx);
        if (i == 2) {
            assert_int_equal(s.n, 1);
            fx_pass(fx, 3 * CLOCK_S);
        }
        AWAIT(fx, s.n == i);
        assert_int_equal(s.last, i == 1 ? PROBE_HEALTHY : PROBE_SILENT);
        probe_stop(&s.p);
    }
    sock_listener_close(&r.listener);
    r.listener.fd = 0;
    assert_int_equal(check(fx, cfg), PROBE_SILENT); /* refused */
    raw_close(&r);
}

/* ---- many ---- */
#define HERD 5000u
#define AT_ONCE 100u

struct herd {
    struct loop loop;
    struct clock clock;
    uint64_t now;
    struct log silent;
    struct probe_gate gate;
    struct probe *probes[HERD];
    unsigned started, most, done[HERD]; /* dials, under way at once at most, results of each */
    unsigned in_tenth[20];              /* dials of the first interval and a half, by its tenths */
};
struct one {
    struct herd *herd;
    unsigned i;
};

static uint64_t herd_now(const struct clock *c) {
    return container_of(c, struct herd, clock)->now;
}

static void close_silent(struct transport *t) {
    free(t);
}
static void want_nothing(struct transport *t, bool on) {
}
static const struct transport_ops silent_ops = {.name = "silent", .want_read = want_nothing, .close = close_silent};

/* Nobody ever answers. */
static struct transport *dial_silent(void *ctx, struct loop *l, uint64_t timeout_us) {
    struct herd *h = ((struct one *)ctx)->herd;
    struct transport *t = mem_new(struct transport);
    uint64_t tenth = (h->now - 1000 * CLOCK_S) / (3 * CLOCK_S);
    *t = (struct transport){.ops = &silent_ops, .loop = l, .error = &err_none};
    h->started++;
    h->in_tenth[tenth < 19 ? tenth : 19]++;
    h->most = h->gate.under_way > h->most ? h->gate.under_way : h->most;
    return t;
}

static void on_herd_result(void *ctx, enum probe_result r) {
    struct one *o = ctx;
    assert_int_equal(r, PROBE_SILENT);
    o->herd->done[o->i]++;
}

/* Thousands that begin together: spread over the interval, never more than the gate lets in, and none is forgotten. */
static void no_thundering_herd(void **state) {
    struct herd *h = mem_new(struct herd);
    struct one *ones = mem_array(HERD, sizeof *ones);
    struct err e = {0};
    h->clock = (struct clock){herd_now, herd_now};
    h->now = 1000 * CLOCK_S;
    assert_int_equal(loop_init(&h->loop, &(struct loop_cfg){.clock = &h->clock, .log = &h->silent, .seed = 1}, &e), 0);
    probe_gate_init(&h->gate, &h->loop, AT_ONCE);
    struct probe_cfg cfg = {.kind = PROBE_TCP,
                            .dial = dial_silent,
                            .authority = STR("x"),
                            .path = STR(""),
                            .interval_us = 30 * CLOCK_S,
                            .timeout_us = 500 * CLOCK_MS,
                            .spread = true,
                            .gate = &h->gate};
    for (unsigned i = 0; i < HERD; i++) {
        ones[i] = (struct one){h, i};
        h->probes[i] = probe_start(&h->loop, &cfg, on_herd_result, &ones[i]);
    }
    for (int ms = 0; ms < 100000; ms += 50) { /* three intervals and a bit */
        h->now += 50 * CLOCK_MS;
        loop_turn(&h->loop, false);
        assert_in_range(h->gate.under_way, 0, AT_ONCE);
    }
    for (unsigned i = 0; i < HERD; i++)
        assert_in_range(h->done[i], 2, 4);
    for (unsigned k = 0; k < 5; k++)
        assert_int_equal(h->in_tenth[k], 0);
    for (unsigned k = 5; k < 15; k++) /* 500 each: 3 s of a mean of 167 a second */
        assert_in_range(h->in_tenth[k], 400, 620);
    assert_true(h->most > AT_ONCE / 2);
    cfg.interval_us = 60 * CLOCK_S; /* another pace for all: spread again */
    for (unsigned i = 0; i < HERD; i++)
        probe_set(h->probes[i], &cfg);
    for (unsigned i = 0; i < HERD; i++)
        probe_stop(&h->probes[i]);
    probe_gate_fini(&h->gate);
    loop_fini(&h->loop);
    free(ones);
    free(h);
}

/* Doubts bring the next check forward, but however many they are, not without end. */
static void hurried(void **state) {
    struct herd *h = mem_new(struct herd);
    struct one o = {h, 0};
    struct err e = {0};
    h->clock = (struct clock){herd_now, herd_now};
    h->now = 1000 * CLOCK_S;
    assert_int_equal(loop_init(&h->loop, &(struct loop_cfg){.clock = &h->clock, .log = &h->silent, .seed = 1}, &e), 0);
    probe_gate_init(&h->gate, &h->loop, 1);
    struct probe_cfg cfg = {.kind = PROBE_TCP,
                            .dial = dial_silent,
                            .path = STR(""),
                            .interval_us = 1000 * CLOCK_S,
                            .timeout_us = CLOCK_S,
                            .gate = &h->gate};
    struct probe *p = probe_start(&h->loop, &cfg, on_herd_result, &o);
    probe_hurry(p);
    for (int s = 0; s < 3; s++, h->now += CLOCK_S)
        loop_turn(&h->loop, false);
    assert_int_equal(h->started, 1);
    for (int s = 0; s < 740; s++) { /* of 1,000 */
        h->now += CLOCK_S;
        loop_turn(&h->loop, false);
        probe_hurry(p);
    }
    assert_in_range(h->started, 3, 4); /* one more for each quarter of the interval */
    probe_stop(&p);
    probe_gate_fini(&h->gate);
    loop_fini(&h->loop);
    free(h);
}

/* More are due than may be under way: the rest waits, oldest first, and who is stopped while it waits is gone. */
static void the_gate_is_full(void **state) {
    struct herd *h = mem_new(struct herd);
    struct one ones[6];
    struct err e = {0};
    h->clock = (struct clock){herd_now, herd_now};
    h->now = 1000 * CLOCK_S;
    assert_int_equal(loop_init(&h->loop, &(struct loop_cfg){.clock = &h->clock, .log = &h->silent, .seed = 1}, &e), 0);
    probe_gate_init(&h->gate, &h->loop, 2);
    struct probe_cfg cfg = {.kind = PROBE_TCP,
                            .dial = dial_silent,
                            .path = STR(""),
                            .interval_us = 100 * CLOCK_S,
                            .timeout_us = CLOCK_S,
                            .at_once = true,
                            .gate = &h->gate};
    for (unsigned i = 0; i < 6; i++) {
        ones[i] = (struct one){h, i};
        h->probes[i] = probe_start(&h->loop, &cfg, on_herd_result, &ones[i]);
    }
    for (int i = 0; i < 3; i++)
        loop_turn(&h->loop, false);
    assert_int_equal(h->started, 2);
    probe_stop(&h->probes[3]); /* it waits */
    probe_stop(&h->probes[0]); /* it is under way: its place is given away */
    for (int i = 0; i < 3; i++)
        loop_turn(&h->loop, false);
    assert_int_equal(h->started, 3);
    cfg.interval_us = 50 * CLOCK_S;
    probe_set(h->probes[5], &cfg); /* keeps its place in the queue */
    for (int ms = 0; ms < 5000; ms += 100) {
        h->now += 100 * CLOCK_MS;
        loop_turn(&h->loop, false);
        loop_turn(&h->loop, false);
        assert_in_range(h->gate.under_way, 0, 2);
    }
    assert_int_equal(h->started, 5);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(h->done[i], i != 0 && i != 3);
    for (unsigned i = 0; i < 6; i++)
        probe_stop(&h->probes[i]);
    probe_gate_fini(&h->gate);
    loop_fini(&h->loop);
    free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(on_schedule, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(failures, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(stopped_within_its_result, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(set_while_checking, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(over_http2, fx_setup_h2, fx_teardown),
        cmocka_unit_test_setup_teardown(grpc, fx_setup_bare, fx_teardown),
        cmocka_unit_test_setup_teardown(grpc_of_another, fx_setup_h2, fx_teardown),
        cmocka_unit_test_setup_teardown(tcp, fx_setup_bare, fx_teardown),
        cmocka_unit_test(no_thundering_herd),
        cmocka_unit_test(the_gate_is_full),
        cmocka_unit_test(hurried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
