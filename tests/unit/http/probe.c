// SPDX-License-Identifier: Apache-2.0
#include "http/probe.h"
#include "fixture.h"

struct seen {
    unsigned n, good;
    unsigned stop_at; /* stops the probe within its result */
    struct probe *p;
};

static void on_result(void *ctx, bool ok, const struct fetch_result *r) {
    struct seen *s = ctx;
    s->n++;
    s->good += ok;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(on_schedule, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(failures, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(stopped_within_its_result, fx_setup_h1, fx_teardown),
        cmocka_unit_test_setup_teardown(set_while_checking, fx_setup_h1, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
