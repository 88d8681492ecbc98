// SPDX-License-Identifier: Apache-2.0
/* What proxies claim, judged without a network. */
#include "control/sessions.c"
#include "fixture.h"

struct session {
    void *user;
};

void *session_user(const struct session *s) {
    return s->user;
}

void session_set_user(struct session *s, void *user) {
    s->user = user;
}

static struct hello good(void) {
    return (struct hello){.id = STR("w1"),
                          .service = STR("web"),
                          .ns = STR("ns"),
                          .app_ip = STR("127.0.0.1"),
                          .app_port = 8001,
                          .inbound_ip = STR("10.0.0.9"),
                          .inbound_port = 15006,
                          .boot_id = 7};
}

static const struct str long_id = {"0123456789012345678901234567890123456789012345678901234567890123456789", 64};
static const struct str labels[] = {{"a", 1}, {"=b", 2}, {"a=\n", 3}, {"k=v=w", 5}};

#define BAD(field, value, want)                                                                                                  \
    {                                                                                                                            \
        struct hello h = good();                                                                                                 \
        h.field = value;                                                                                                         \
        refused(&s, &h, want);                                                                                                   \
    }

static void refused(struct sessions *s, const struct hello *h, const char *want) {
    struct session ses = {0};
    struct err e = {0};
    assert_true(on_hello(s, &ses, h, &e) < 0);
    if (strncmp(e.msg, want, strlen(want)))
        fail_msg("\"%s\", not \"%s\"", e.msg, want);
    assert_null(ses.user);
    assert_int_equal(s->proxies, 0);
}

static void refusals(void **state) {
    struct fx *fx = *state;
    struct sessions s;
    char long_path[HEALTH_PATH_MAX + 1];
    memset(long_path, '/', sizeof long_path);
    sessions_init(&s, &fx->mesh, &fx->reg);
    BAD(id, STR(""), "id: ")
    BAD(id, STR("a/b"), "id: ")
    BAD(service, STR("Web"), "service: ")
    BAD(service, long_id, "service: ")
    BAD(ns, STR("n.s"), "namespace: ")
    BAD(protocol, STR("udp"), "protocol: ")
    BAD(app_ip, STR("localhost"), "app_ip: ")
    BAD(inbound_ip, STR("10.0.0"), "inbound_ip: ")
    BAD(health_check_path, STR("health"), "health_check_path: ")
    BAD(health_check_path, str_n(long_path, sizeof long_path), "health_check_path: ") {
        struct hello h = good();
        h.inbound_port = 0; /* no endpoint, but kept all the same */
        h.health_check_path = STR("/\n");
        refused(&s, &h, "health_check_path: ");
    }
    for (size_t i = 0; i < 3; i++) {
        struct hello h = good();
        h.labels = &labels[i];
        h.n_labels = 1;
        refused(&s, &h, "labels: ");
    }
    sessions_fini(&s);
}

static void taken(void **state) {
    struct fx *fx = *state;
    struct sessions s;
    struct session ses = {0};
    struct err e = {0};
    struct hello h = good();
    sessions_init(&s, &fx->mesh, &fx->reg);
    h.labels = &labels[3];
    h.n_labels = 1;
    assert_int_equal(on_hello(&s, &ses, &h, &e), 0);
    fx_settle(fx);
    const struct reg_endpoint *ep = reg_view(&fx->reg, STR("ns/web"))->at;
    assert_true(str_eq(ep->protocol, STR("http"))); /* the defaults */
    assert_true(str_eq(ep->health_path, STR("/health")));
    assert_true(str_eq(json_to_str(json_object_get(ep->labels, "k")), STR("v=w")));
    on_health(&s, &ses, false);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n_healthy, 0);
    on_closed(&s, &ses);
    on_health(&s, &ses, true); /* nothing: it is over */
    sessions_fini(&s);
}

/* A session whose place another has taken says nothing about the sidecar any more. */
static void superseded(void **state) {
    struct fx *fx = *state;
    struct sessions s;
    struct session old = {0}, new = {0};
    struct hello h = good();
    sessions_init(&s, &fx->mesh, &fx->reg);
    assert_int_equal(on_hello(&s, &old, &h, NULL), 0);
    assert_int_equal(on_hello(&s, &new, &h, NULL), 0);
    fx_settle(fx);
    on_leaving(&s, &old);
    on_health(&s, &old, false);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n_healthy, 1);
    on_closed(&s, &old);
    on_leaving(&s, &new);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n, 0);
    on_closed(&s, &new);
    sessions_fini(&s);
}

static void note_twins(void *ctx, enum log_level level, struct str line) {
    *(unsigned *)ctx += level == LOG_WARN && str_find(line, STR("is here twice")) >= 0;
}

/* Two processes of one id are warned of, one that takes over from the other is not. */
static void warnings(void **state) {
    struct fx *fx = *state;
    for (int takes_over = 0; takes_over < 2; takes_over++) {
        struct sessions s;
        struct session older = {0}, newer = {0};
        struct hello a = good(), b = good();
        unsigned warned = 0;
        b.boot_id = 8;
        b.takes_over = takes_over;
        fx->silent = (struct log){.sink = note_twins, .ctx = &warned, .level = LOG_WARN};
        sessions_init(&s, &fx->mesh, &fx->reg);
        assert_int_equal(on_hello(&s, &older, &a, NULL), 0);
        assert_int_equal(on_hello(&s, &newer, &b, NULL), 0);
        assert_int_equal(warned, !takes_over);
        on_leaving(&s, &newer);
        on_closed(&s, &newer);
        on_leaving(&s, &older);
        on_closed(&s, &older);
        sessions_fini(&s);
        fx->silent = (struct log){0};
    }
}

static int inbound_port(struct fx *fx) {
    return (int)json_integer_value(json_object_get(reg_view(&fx->reg, STR("ns/web"))->at->sidecar->hello, "inbound_port"));
}

/* Two proxies of one name: when the newer goes, drained or not, the older has its place again. */
static void twins(void **state, void (*end)(void *ctx, struct session *ses)) {
    struct fx *fx = *state;
    struct sessions s;
    struct session older = {0}, newer = {0};
    struct hello a = good(), b = good();
    b.boot_id = 8;
    b.inbound_port = 15007;
    sessions_init(&s, &fx->mesh, &fx->reg);
    assert_int_equal(on_hello(&s, &older, &a, NULL), 0);
    assert_int_equal(on_hello(&s, &newer, &b, NULL), 0);
    fx_settle(fx);
    assert_int_equal(s.proxies, 2);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n, 1);
    assert_int_equal(inbound_port(fx), 15007);
    on_health(&s, &older, false); /* is remembered */
    end(&s, &newer);
    fx_settle(fx);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n, 1);
    assert_int_equal(inbound_port(fx), 15006);
    assert_int_equal(reg_view(&fx->reg, STR("ns/web"))->n_healthy, 0);
    on_closed(&s, &newer);
    on_closed(&s, &older);
    assert_int_equal(s.proxies, 0);
    sessions_fini(&s);
}

static void twin_leaves(void **state) {
    twins(state, on_leaving);
}

static void twin_is_lost(void **state) {
    twins(state, on_closed);
}

/* Of several the newest that stays is the heir: not one that leaves. */
static void heirs(void **state) {
    struct fx *fx = *state;
    struct sessions s;
    struct session ses[4] = {{0}};
    struct hello h = good(), other = good();
    other.id = STR("w2");
    sessions_init(&s, &fx->mesh, &fx->reg);
    for (uint16_t i = 0; i < 4; i++) {
        h.inbound_port = 100 + i;
        assert_int_equal(on_hello(&s, &ses[i], i == 1 ? &other : &h, NULL), 0);
    }
    assert_null(heir_of(ses[1].user));
    assert_ptr_equal(heir_of(ses[0].user), ses[3].user);
    assert_ptr_equal(heir_of(ses[3].user), ses[2].user);
    on_leaving(&s, &ses[2]);
    on_leaving(&s, &ses[2]); /* again: nothing more */
    assert_ptr_equal(heir_of(ses[3].user), ses[0].user);
    on_closed(&s, &ses[3]);
    assert_null(heir_of(ses[0].user));
    assert_ptr_equal(reg_sidecar(&fx->reg, STR("ns/web/w1"))->session, ses[0].user);
    on_closed(&s, &ses[0]);
    on_closed(&s, &ses[2]);
    assert_int_equal(s.names.len, 1);
    on_closed(&s, &ses[1]);
    sessions_fini(&s);
}

static void counters(void **state) {
    struct fx *fx = *state;
    struct sessions s;
    struct session ses = {0};
    struct hello h = good();
    sessions_init(&s, &fx->mesh, &fx->reg);
    assert_int_equal(on_hello(&s, &ses, &h, NULL), 0);
    on_stats(&s, &ses, &(struct session_stats){.inbound_requests = 5});
    on_stats(&s, &ses, &(struct session_stats){.inbound_requests = 3, .request_errors = 2}); /* went back: counts nothing */
    assert_int_equal(s.sums.sum.inbound_requests, 5);
    assert_int_equal(s.sums.sum.request_errors, 2);
    on_stats(&s, &ses, &(struct session_stats){.inbound_requests = UINT64_MAX});
    assert_int_equal(s.sums.sum.inbound_requests, INT64_MAX); /* the sum never goes back */
    on_stats(&s, &ses, &(struct session_stats){.inbound_requests = UINT64_MAX, .requests_routed = 1});
    assert_int_equal(s.sums.sum.inbound_requests, INT64_MAX);
    assert_int_equal(s.sums.sum.requests_routed, 1);
    on_closed(&s, &ses);
    for (uint64_t i = 0; i < SUMS_BOOTS + 10; i++) { /* starts of proxies are remembered, but not for ever */
        struct session other = {0};
        h.boot_id = 100 + i;
        assert_int_equal(on_hello(&s, &other, &h, NULL), 0);
        on_closed(&s, &other);
    }
    assert_int_equal(s.sums.boots.len, SUMS_BOOTS);
    sessions_fini(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(refusals),    TEST(taken),        TEST(warnings), TEST(superseded),
                                       TEST(twin_leaves), TEST(twin_is_lost), TEST(heirs),    TEST(counters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
