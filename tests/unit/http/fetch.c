// SPDX-License-Identifier: Apache-2.0
#include "http/fetch.h"
#include "fixture.h"

struct got {
    unsigned calls;
    int code;
    unsigned status;
    size_t body_len;
    char body[64], type[64];
    struct fetch *f;
};

static void done(void *ctx, const struct fetch_result *r) {
    struct got *g = ctx;
    g->calls++;
    g->code = r->code;
    g->status = r->head.status;
    g->body_len = r->body.len;
    str_z(r->body, g->body, sizeof g->body);
    str_z(msg_get(&r->head.fields, HDR_CONTENT_TYPE), g->type, sizeof g->type);
    g->f = NULL;
    assert_true(r->code == 0 || r->err.code == r->code);
    assert_true(r->code == 0 || r->err.msg[0]);
}

static struct fetch_cfg cfg_of(struct fx *fx, const char *method, const char *path) {
    struct fetch_cfg cfg = {.addr = fx->server.listener.addr, .timeout_us = 10 * CLOCK_S, .proto = fx->conn_cfg.proto};
    cfg.head = (struct msg){.method = str_of(method), .path = str_of(path), .authority = STR("test")};
    return cfg;
}

static void get(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/hello");
    g.f = fetch_start(&fx->loop, &cfg, done, &g);
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, 0);
    assert_int_equal(g.status, 200);
    assert_string_equal(g.body, "hello");
    assert_string_equal(g.type, "text/plain");
    fx_settle(fx);
    assert_int_equal(g.calls, 1);
}

static void post(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "POST", "/echo");
    char body[] = "to be copied";
    cfg.body = str_of(body);
    g.f = fetch_start(&fx->loop, &cfg, done, &g);
    memset(body, 'x', sizeof body - 1);
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, 0);
    assert_string_equal(g.body, "to be copied");
}

static void two_in_one_line(void **state) {
    struct fx *fx = *state;
    struct got g = {0}, h = {0};
    g.f = fetch_get(&fx->loop, &fx->server.listener.addr, STR("a"), STR("/hello"), 0, done, &g);
    h.f = fetch_get(&fx->loop, &fx->server.listener.addr, STR("a"), STR("/hello"), 0, done, &h);
    AWAIT(fx, g.calls && h.calls);
    assert_int_equal(g.status, 200);
    assert_int_equal(h.status, 200);
}

static void refused(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    sock_listener_close(&fx->server.listener);
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/");
    g.f = fetch_start(&fx->loop, &cfg, done, &g);
    assert_int_equal(g.calls, 0); /* not from inside */
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, WEFT_E_REFUSED);
}

static void times_out(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/never");
    cfg.timeout_us = 30 * CLOCK_MS;
    uint64_t begin = fx->loop.now;
    g.f = fetch_start(&fx->loop, &cfg, done, &g);
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, WEFT_E_TIMEOUT);
    assert_true(fx->loop.now - begin >= 30 * CLOCK_MS);
    fx_settle(fx);
}

static void too_large(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/x");
    cfg.max_body = 4;
    g.f = fetch_start(&fx->loop, &cfg, done, &g); /* told by its head */
    AWAIT(fx, fx->n_srv == 1);
    stream_reply(fx->srv[0].s, 200, STR_NONE, STR("12345"));
    AWAIT(fx, g.calls == 1);
    assert_int_equal(g.code, WEFT_E_TOO_LARGE);
    g.f = fetch_start(&fx->loop, &cfg, done, &g); /* found out */
    AWAIT(fx, fx->n_srv == 2);
    struct msg m = {.status = 200, .content_length = -1};
    stream_head(fx->srv[1].s, &m, false);
    stream_data(fx->srv[1].s, STR("12345"), false);
    AWAIT(fx, g.calls == 2);
    assert_int_equal(g.code, WEFT_E_TOO_LARGE);
    AWAIT(fx, fx->server.n_conns == 0 || fx->srv[1].s);
}

static void no_body(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/x");
    cfg.no_body = true;
    g.f = fetch_start(&fx->loop, &cfg, done, &g);
    AWAIT(fx, fx->n_srv == 1);
    struct msg m = {.status = 503, .content_length = -1};
    stream_head(fx->srv[0].s, &m, false);
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, 0);
    assert_int_equal(g.status, 503);
}

static void cut_short(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/x");
    g.f = fetch_start(&fx->loop, &cfg, done, &g);
    AWAIT(fx, fx->n_srv == 1);
    struct msg m = {.status = 200, .content_length = 100};
    stream_head(fx->srv[0].s, &m, false);
    stream_data(fx->srv[0].s, STR("12345"), false);
    fx_settle(fx);
    stream_reset(fx->srv[0].s, WEFT_E_RESET);
    AWAIT(fx, g.calls);
    assert_int_equal(g.code, WEFT_E_RESET);
}

static void cancelled(void **state) {
    struct fx *fx = *state;
    struct got g = {0};
    struct fetch_cfg cfg = cfg_of(fx, "GET", "/x");
    struct fetch *at_once = fetch_start(&fx->loop, &cfg, done, &g), *later = fetch_start(&fx->loop, &cfg, done, &g);
    fetch_cancel(&at_once);
    assert_null(at_once);
    AWAIT(fx, fx->n_srv == 1);
    fetch_cancel(&later);
    fetch_cancel(&later);
    fx_settle(fx);
    assert_int_equal(g.calls, 0);
}

#define BOTH(f)                                                                                                                  \
    {"h1_" #f, f, fx_setup_h1, fx_teardown, NULL}, {                                                                             \
        "h2_" #f, f, fx_setup_h2, fx_teardown, NULL                                                                              \
    }
int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(get),       BOTH(post),    BOTH(two_in_one_line), BOTH(refused),   BOTH(times_out),
        BOTH(too_large), BOTH(no_body), BOTH(cut_short),       BOTH(cancelled),
    };
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
