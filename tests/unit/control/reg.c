// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

static int one, two; /* their addresses stand for sessions */
#define WEB STR("ns/web")

static const struct reg_view *view(struct fx *fx) {
    return reg_view(&fx->reg, WEB);
}

static struct str label(const struct reg_endpoint *ep, const char *name) {
    return json_to_str(json_object_get(ep->labels, name));
}

/* The sidecar ns/web/w1 says hello. */
static struct sidecar *w1(struct fx *fx, void *session) {
    return fx_hello(fx, "ns/web/w1", "127.0.0.1", 8001, "10.0.0.9", session);
}

/* The store tells of ns/web/w1 and w2 after a restart. */
static void load_two(struct fx *fx) {
    json_t *hello = fx_json("{\"id\":\"w1\",\"app_ip\":\"127.0.0.1\",\"app_port\":8001,\"protocol\":\"http\","
                            "\"health_check_path\":\"/\",\"inbound_ip\":\"10.0.0.9\",\"inbound_port\":15006,\"labels\":{}}");
    struct mesh_change ch = {.kind = STORE_SIDECAR, .key = STR("ns/web/w1"), .value = hello, .loading = true};
    reg_applied(&fx->reg, &ch);
    ch.key = STR("ns/web/w2");
    reg_applied(&fx->reg, &ch);
    json_decref(hello);
}

static void registrations(void **state) {
    struct fx *fx = *state;
    assert_int_equal(view(fx)->n, 0);
    fx_register(fx, "ns/web", "b", "10.0.0.1", 80, "");
    fx_register(fx, "ns/web", "a", "10.0.0.2", 80, ",\"weight\":7");
    fx_register(fx, "ns/web", "b", "10.0.0.3", 81, ""); /* in place */
    const struct reg_view *v = view(fx);
    assert_int_equal(v->n, 2);
    assert_int_equal(v->n_healthy, 2);
    assert_true(str_eq(v->at[0].id, STR("b")));
    assert_int_equal(v->at[0].port, 81);
    assert_int_equal(v->at[1].weight, 7);
    assert_null(v->at[0].sidecar);
    assert_true(reg_seen(&v->at[0]) == 1700001000.0);
    mesh_delete_registration(&fx->mesh, WEB, STR("b"), NULL, NULL);
    fx_settle(fx);
    assert_int_equal(view(fx)->n, 1);
    assert_string_equal(fx->last, "ns/web");
    mesh_delete_registration(&fx->mesh, WEB, STR("a"), NULL, NULL);
    fx_settle(fx);
    assert_false(reg_has(&fx->reg, WEB));
    assert_int_equal(fx->reg.services.len, 0); /* nothing is kept of it */
    assert_int_equal(fx->mesh.services.len, 0);
}

static void sidecar_is_an_endpoint(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    const struct reg_view *v = view(fx);
    assert_int_equal(v->n, 1);
    assert_true(str_eq(v->at[0].id, STR("w1")));
    assert_true(str_eq(v->at[0].ip, STR("127.0.0.1")));
    assert_int_equal(v->at[0].port, 8001);
    assert_non_null(v->at[0].sidecar);
    assert_null(v->at[0].registration);
}

static void without_app_there_is_none(void **state) {
    struct fx *fx = *state;
    json_t *hello = fx_json("{\"id\":\"c\",\"app_ip\":\"\",\"app_port\":0,\"protocol\":\"http\",\"health_check_path\":\"/\","
                            "\"inbound_ip\":\"\",\"inbound_port\":0,\"labels\":{}}");
    reg_hello(&fx->reg, STR("ns/web/c"), hello, &one);
    fx_settle(fx);
    assert_int_equal(view(fx)->n, 0);
}

static void merged_by_app_address(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    fx_register(fx, "ns/web", "r1", "127.0.0.1", 8001, ",\"labels\":{\"version\":\"v2\"}");
    const struct reg_view *v = view(fx);
    assert_int_equal(v->n, 1);
    assert_true(str_eq(v->at[0].id, STR("r1"))); /* its id and labels win, labels are both */
    assert_true(str_eq(label(&v->at[0], "version"), STR("v2")));
    assert_true(str_eq(label(&v->at[0], "zone"), STR("a")));
    assert_non_null(v->at[0].sidecar);
    assert_non_null(v->at[0].registration);
    mesh_delete_registration(&fx->mesh, WEB, STR("r1"), NULL, NULL);
    fx_settle(fx);
    v = view(fx);
    assert_int_equal(v->n, 1); /* the sidecar stays an endpoint of its own */
    assert_true(str_eq(v->at[0].id, STR("w1")));
    assert_true(str_eq(label(&v->at[0], "version"), STR("v1")));
}

static void merged_by_advertised_address(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    fx_hello(fx, "ns/web/w2", "127.0.0.1", 8001, "10.0.0.8", &two);
    fx_register(fx, "ns/web", "r2", "10.0.0.8", 8001, "");
    const struct reg_view *v = view(fx);
    assert_int_equal(v->n, 2);
    assert_true(str_eq(v->at[0].id, STR("w1")));
    assert_true(str_eq(v->at[1].id, STR("r2")));
    assert_true(str_eq(v->at[1].sidecar->id, STR("w2")));
}

static double seen(struct fx *fx) {
    return reg_seen(&view(fx)->at[0]) - 1700000000.0;
}

/* A sidecar's checks of its app go on as long as it is here and says nothing else. */
static void last_seen(void **state) {
    struct fx *fx = *state;
    struct sidecar *s = w1(fx, &one);
    assert_true(seen(fx) == 1000);
    fx_wait(fx, 5 * CLOCK_S);
    assert_true(seen(fx) == 1005);
    reg_sidecar_health(s, false);
    fx_wait(fx, 5 * CLOCK_S);
    assert_true(seen(fx) == 1005);
    reg_sidecar_health(s, true);
    assert_true(seen(fx) == 1010);
    fx_wait(fx, 5 * CLOCK_S);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_wait(fx, 5 * CLOCK_S);
    assert_true(seen(fx) == 1015);
}

static void merged_in_any_spelling(void **state) {
    struct fx *fx = *state;
    fx_hello(fx, "ns/web/w1", "::1", 8001, "2001:db8::9", &one);
    static const char *const same[] = {"0:0:0:0:0:0:0:1", "::0001", "2001:DB8::9", "2001:db8:0:0::0:9"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        fx_register(fx, "ns/web", "r", same[i], 8001, "");
        assert_int_equal(view(fx)->n, 1);
        assert_non_null(view(fx)->at[0].sidecar);
        assert_true(str_eq(view(fx)->at[0].ip, str_of(same[i]))); /* told as it was registered */
    }
    fx_register(fx, "ns/web", "r", "::2", 8001, "");
    assert_int_equal(view(fx)->n, 2);
}

static void not_merged(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    fx_register(fx, "ns/web", "port", "127.0.0.1", 8002, "");
    fx_register(fx, "ns/web", "ip", "127.0.0.2", 8001, "");
    fx_register(fx, "ns/other", "service", "127.0.0.1", 8001, "");
    assert_int_equal(view(fx)->n, 3);
    assert_null(reg_view(&fx->reg, STR("ns/other"))->at[0].sidecar);
}

static void leaves_at_once(void **state) {
    struct fx *fx = *state;
    struct sidecar *s = w1(fx, &one);
    reg_leaving(s);
    assert_int_equal(view(fx)->n, 0); /* before the store knows */
    fx_settle(fx);
    assert_non_null(reg_sidecar(&fx->reg, STR("ns/web/w1"))); /* it still drains */
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    assert_null(reg_sidecar(&fx->reg, STR("ns/web/w1")));
    assert_int_equal(fx->reg.services.len, 0);
}

static void leaves_and_is_lost_before_the_store_knows(void **state) {
    struct fx *fx = *state;
    struct sidecar *s = w1(fx, &one);
    reg_leaving(s);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_settle(fx);
    assert_null(reg_sidecar(&fx->reg, STR("ns/web/w1")));
}

/* The same endpoint leaves as one: no call of a mesh service goes plain to an app whose sidecar drains. */
static void registration_leaves_with_its_sidecar(void **state) {
    struct fx *fx = *state;
    struct sidecar *s = w1(fx, &one);
    fx_register(fx, "ns/web", "r1", "127.0.0.1", 8001, "");
    fx_register(fx, "ns/web", "r2", "127.0.0.1", 8002, ""); /* has nothing to do with it */
    reg_leaving(s);
    fx_settle(fx);
    assert_int_equal(view(fx)->n, 1);
    assert_true(str_eq(view(fx)->at[0].id, STR("r2")));
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_hello(fx, "ns/web/w9", "127.0.0.1", 8001, "10.0.0.9", &two); /* a new sidecar of the app */
    assert_int_equal(view(fx)->n, 2);
    assert_true(str_eq(view(fx)->at[0].id, STR("r1")));
    reg_lost(&fx->reg, STR("ns/web/w9"), &two);
    fx_wait(fx, 16 * CLOCK_S);
    assert_int_equal(view(fx)->n, 1);
    fx_register(fx, "ns/web", "r1", "127.0.0.1", 8001, ""); /* somebody says that it is there by itself */
    assert_int_equal(view(fx)->n, 2);
    assert_null(view(fx)->at[0].sidecar);
}

static void grace(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_wait(fx, 14900 * CLOCK_MS);
    assert_int_equal(view(fx)->n, 1);
    fx_wait(fx, 200 * CLOCK_MS);
    assert_int_equal(view(fx)->n, 0);
    assert_null(reg_sidecar(&fx->reg, STR("ns/web/w1")));
}

static void back_within_grace(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_wait(fx, 10 * CLOCK_S);
    uint64_t revision = fx->mesh.revision;
    w1(fx, &two);
    assert_int_equal(fx->mesh.revision, revision); /* no news: nothing is written */
    fx_wait(fx, 60 * CLOCK_S);
    assert_int_equal(view(fx)->n, 1);
}

/* A new connection of the same proxy is there before the old one is known to be dead. */
static void later_session_wins(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    w1(fx, &two);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_wait(fx, 60 * CLOCK_S);
    assert_int_equal(view(fx)->n, 1);
}

/* It leaves and a new process with its id comes while the deletion is still being written. */
static void back_while_it_is_forgotten(void **state) {
    struct fx *fx = *state;
    struct sidecar *s = w1(fx, &one);
    reg_leaving(s);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    w1(fx, &two);
    assert_int_equal(view(fx)->n, 1);
    fx_wait(fx, 60 * CLOCK_S);
    assert_int_equal(view(fx)->n, 1);
}

/* What the store knows after a restart: the sidecars are endpoints for their grace, or until they are back. */
static void after_a_restart(void **state) {
    struct fx *fx = *state;
    load_two(fx);
    assert_int_equal(view(fx)->n, 2);
    fx_hello(fx, "ns/web/w2", "127.0.0.1", 8001, "10.0.0.9", &one);
    fx_wait(fx, 16 * CLOCK_S);
    assert_int_equal(view(fx)->n, 1);
    assert_ptr_equal(view(fx)->at[0].sidecar->session, &one);
}

/* No proxy at all is heard, and there were several: we are cut off. Nothing leaves until one is back; then the rest has its
 * grace. */
static void nobody_is_heard(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    fx_hello(fx, "ns/web/w2", "127.0.0.1", 8001, "10.0.0.8", &two);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_wait(fx, 10 * CLOCK_S);
    reg_lost(&fx->reg, STR("ns/web/w2"), &two);
    for (int i = 0; i < 20; i++)
        fx_wait(fx, 10 * CLOCK_S);
    assert_int_equal(view(fx)->n, 2);
    fx_hello(fx, "ns/web/w2", "127.0.0.1", 8001, "10.0.0.8", &two);
    fx_wait(fx, 14900 * CLOCK_MS);
    assert_int_equal(view(fx)->n, 2);
    fx_wait(fx, 200 * CLOCK_MS);
    assert_int_equal(view(fx)->n, 1);
    assert_ptr_equal(view(fx)->at[0].sidecar->session, &two);
}

/* Nobody has come back since our restart. */
static void nobody_is_back(void **state) {
    struct fx *fx = *state;
    load_two(fx);
    fx_wait(fx, 100 * CLOCK_S);
    assert_int_equal(view(fx)->n, 2);
    fx_hello(fx, "ns/api/a1", "127.0.0.1", 8001, "10.0.0.7", &one); /* a newcomer hears and is heard: the rest is gone */
    fx_wait(fx, 16 * CLOCK_S);
    assert_int_equal(view(fx)->n, 0);
}

static void health(void **state) {
    struct fx *fx = *state;
    struct sidecar *s = w1(fx, &one);
    fx_register(fx, "ns/web", "r1", "127.0.0.1", 8001, "");
    fx_register(fx, "ns/web", "r2", "127.0.0.1", 8002, "");
    unsigned touched = fx->touched;
    reg_sidecar_health(s, true);
    assert_int_equal(fx->touched, touched); /* no change */
    reg_sidecar_health(s, false);
    assert_int_equal(view(fx)->n_healthy, 1);
    mesh_registration(&fx->mesh, WEB, STR("r2"))->healthy = false;
    reg_touch(&fx->reg, WEB);
    assert_int_equal(view(fx)->n_healthy, 0);
    fx_register(fx, "ns/web", "r2", "127.0.0.1", 8002, ",\"weight\":1"); /* the same address: its health stays */
    assert_int_equal(view(fx)->n_healthy, 0);
    fx_register(fx, "ns/web", "r2", "127.0.0.1", 8003, ""); /* another one: healthy until checked */
    assert_int_equal(view(fx)->n_healthy, 1);
}

static void suspect(void *ctx, const struct registration *g) {
    ((struct fx *)ctx)->touched += 1000;
}

/* What proxies tell of attempts that failed: counted at whom it befell, an occasion for a check, and no more. */
static void failures(void **state) {
    struct fx *fx = *state;
    fx->reg.cfg.suspect = suspect;
    fx_register(fx, "ns/web", "plain", "::1", 80, "");
    struct sidecar *s = w1(fx, &one);
    struct registration *g = mesh_registration(&fx->mesh, WEB, STR("plain"));
    view(fx);
    unsigned touched = fx->touched;
    reg_failures(&fx->reg, STR("ns/web|version=v1"), STR("10.0.0.9"), 15006, 3);
    assert_int_equal(s->failures, 3);
    assert_int_equal(fx->touched, touched); /* it checks its app itself */
    reg_failures(&fx->reg, WEB, STR("0:0:0:0:0:0:0:1"), 80, 2);
    assert_int_equal(g->failures, 2);
    assert_int_equal(fx->touched, touched + 1000);
    reg_failures(&fx->reg, WEB, STR("::1"), 81, 2); /* nobody, nobody, nobody */
    reg_failures(&fx->reg, STR("ns/other"), STR("::1"), 80, 2);
    reg_failures(&fx->reg, STR(""), STR("::1"), 80, 2);
    reg_failures(&fx->reg, WEB, STR("::1"), 80, UINT64_MAX); /* runs away */
    reg_failures(&fx->reg, WEB, STR("::1"), 80, UINT64_MAX);
    assert_int_equal(g->failures, INT64_MAX);
    assert_int_equal(s->failures, 3);
    assert_int_equal(view(fx)->n_healthy, 2);
    fx_register(fx, "ns/web", "plain", "::1", 80, ",\"weight\":1");
    assert_int_equal(mesh_registration(&fx->mesh, WEB, STR("plain"))->failures, INT64_MAX);
}

/* ---- whose an address is ---- */

static void assert_owner(struct fx *fx, const char *address, const char *service) {
    struct str is = reg_owner(&fx->reg, str_of(address));
    if (!str_eq(is, str_of(service)))
        fail_msg("%s is of \"" STR_FMT "\", not \"%s\"", address, STR_ARG(is), service);
}

static void owner_of_a_registration(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    assert_int_equal(fx->reg.owners.at.len, 0); /* nobody has asked */
    assert_owner(fx, "10.0.0.1:80", "ns/web");
    assert_owner(fx, "10.0.0.1:81", "");
    fx_register(fx, "ns/db", "b", "0:0::9", 80, "");
    fx_register(fx, "ns/late", "c", "10.0.0.1", 80, "");
    assert_owner(fx, "[::9]:80", "ns/db");
    assert_owner(fx, "10.0.0.1:80", "ns/web");          /* it was there first */
    fx_register(fx, "ns/web", "a", "10.0.0.1", 81, ""); /* moves */
    assert_owner(fx, "10.0.0.1:80", "ns/late");
    assert_owner(fx, "10.0.0.1:81", "ns/web");
    mesh_delete_registration(&fx->mesh, WEB, STR("a"), NULL, NULL);
    fx_settle(fx);
    assert_owner(fx, "10.0.0.1:81", "");
}

static void owner_by_sidecar(void **state) {
    struct fx *fx = *state;
    fx_hello(fx, "ns/web/w1", "10.0.0.7", 8001, "10.0.0.9", &one);
    assert_owner(fx, "10.0.0.7:8001", "ns/web");
    assert_owner(fx, "10.0.0.9:8001", "ns/web");
    assert_owner(fx, "10.0.0.9:15006", ""); /* its own port is no address of the service */
    reg_leaving(reg_sidecar(&fx->reg, STR("ns/web/w1")));
    assert_owner(fx, "10.0.0.9:8001", "");
    fx_settle(fx);
}

/* What is behind it depends on the machine. */
static void loopback_is_nobodys(void **state) {
    struct fx *fx = *state;
    w1(fx, &one);
    fx_register(fx, "ns/web", "r1", "127.0.0.1", 8001, "");
    assert_owner(fx, "127.0.0.1:8001", "");
    assert_owner(fx, "10.0.0.9:8001", "ns/web");
    fx_hello(fx, "ns/six/s1", "::1", 8001, "10.0.0.10", &two);
    assert_owner(fx, "[::1]:8001", "");
    fx_hello(fx, "ns/any/a1", "0.0.0.0", 8001, "10.0.0.11", &two);
    assert_owner(fx, "0.0.0.0:8001", "");
}

static void loopback_of_a_mesh_on_one_machine(void **state) {
    struct fx *fx = *state;
    fx_hello(fx, "ns/web/w1", "127.0.0.1", 8001, "127.0.0.1", &one);
    fx_register(fx, "ns/plain", "r1", "127.0.0.1", 8002, "");
    assert_owner(fx, "127.0.0.1:8001", "ns/web");
    assert_owner(fx, "127.0.0.1:8002", "ns/plain");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(registrations),
        TEST(sidecar_is_an_endpoint),
        TEST(without_app_there_is_none),
        TEST(merged_by_app_address),
        TEST(merged_by_advertised_address),
        TEST(merged_in_any_spelling),
        TEST(last_seen),
        TEST(not_merged),
        TEST(leaves_at_once),
        TEST(leaves_and_is_lost_before_the_store_knows),
        TEST(registration_leaves_with_its_sidecar),
        TEST(grace),
        TEST(back_within_grace),
        TEST(later_session_wins),
        TEST(back_while_it_is_forgotten),
        TEST(after_a_restart),
        TEST(nobody_is_heard),
        TEST(nobody_is_back),
        TEST(health),
        TEST(failures),
        TEST(owner_of_a_registration),
        TEST(owner_by_sidecar),
        TEST(loopback_is_nobodys),
        TEST(loopback_of_a_mesh_on_one_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
