// SPDX-License-Identifier: Apache-2.0
/* The control plane's checks without a network: what is asked, and what an answer does. */
#include "control/health.c"
#include "fixture.h"

static void targets(void **state) {
    static const char *const rows[][2] = {{"/health", "/health"},
                                          {"/a b", "/a%20b"},
                                          {"/\xc3\xa4", "/%C3%A4"},
                                          {"/x#y", "/x%23y"},
                                          {"/q?a=%20&b=~!$'()*,;:@", "/q?a=%20&b=~!$'()*,;:@"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reg_endpoint ep = {.ip = STR("::1"), .port = 80, .health_path = str_of(rows[i][0])};
        struct checked c = {0};
        assert_true(set_target(&c, &ep));
        assert_string_equal(c.target, rows[i][1]);
        assert_true(str_eq(c.cfg.path, str_of(rows[i][1])));
        assert_string_equal(c.authority, "[::1]:80");
        assert_false(set_target(&c, &ep)); /* the same again */
        free(c.path);
        free(c.target);
    }
}

/* What speaks what is checked by what; a registration that changes its protocol is checked anew. */
static void protocols(void **state) {
    static const struct {
        const char *protocol, *path;
        enum probe_kind kind;
        enum conn_proto proto;
    } rows[] = {{"http", "/up", PROBE_HTTP, CONN_H1},
                {"http2", "/up", PROBE_HTTP, CONN_H2},
                {"grpc", "", PROBE_GRPC, CONN_H1},
                {"tcp", "", PROBE_TCP, CONN_H1}};
    struct reg_endpoint ep = {.ip = STR("127.0.0.1"), .port = 80, .health_path = STR("/up")};
    struct checked c = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ep.protocol = str_of(rows[i].protocol);
        assert_true(set_target(&c, &ep));
        assert_false(set_target(&c, &ep));
        assert_int_equal(c.cfg.kind, rows[i].kind);
        assert_int_equal(c.cfg.proto, rows[i].proto);
        assert_true(str_eq(c.cfg.path, str_of(rows[i].path)));
    }
    free(c.path);
    free(c.target);
}

/* An endpoint that was deleted and registered anew before the check looked is healthy, though the check thinks otherwise: the
 * next failure must be told. */
static void registered_anew(void **state) {
    struct fx *fx = *state;
    struct health h;
    health_init(&h, &fx->mesh, &fx->reg);
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    struct checked c = {.health = &h, .service = "ns/web", .id = "a", .healthy_threshold = 1, .unhealthy_threshold = 1};
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n_healthy, 1);
    on_result(&c, PROBE_SILENT);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n_healthy, 0);
    on_result(&c, PROBE_HEALTHY);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n_healthy, 1);
    unsigned told = fx->touched;
    on_result(&c, PROBE_HEALTHY);
    assert_int_equal(fx->touched, told); /* nothing new */
    health_fini(&h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(targets), TEST(protocols), TEST(registered_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
