// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "control/mesh_open.c"
#include "fixture.h"

struct told {
    unsigned n;
    int code;
    uint64_t revision; /* of the mesh when it was told */
    struct mesh *mesh;
};

static void on_done(void *ctx, int code, const struct err *why) {
    struct told *t = ctx;
    t->n++;
    t->code = code;
    t->revision = t->mesh->revision;
}

/* Applied before it is answered, answered never before the call has returned. */
static void order_of_things(void **state) {
    struct fx *fx = *state;
    struct told t = {.mesh = &fx->mesh};
    mesh_put_registration(
        &fx->mesh,
        fx_body(&schema_register, "{\"id\":\"a\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"::1\",\"port\":1}"),
        on_done, &t);
    assert_int_equal(t.n, 0);
    assert_null(mesh_registration(&fx->mesh, STR("ns/web"), STR("a")));
    fx_settle(fx);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.revision, 1);
    assert_non_null(mesh_registration(&fx->mesh, STR("ns/web"), STR("a")));
    mesh_delete_registration(&fx->mesh, STR("ns/web"), STR("nope"), on_done, &t);
    fx_settle(fx);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.code, 0);
    assert_int_equal(t.revision, 1); /* nothing has changed */
}

/* ---- a store that is full ---- */

static void write_fails(struct store *st, struct store_write **w) {
    (*w)->code = err_set(&(*w)->err, WEFT_E_STORE, "disk full");
    (*w)->done(*w);
    store_write_free(w);
}

static void count_errors(void *ctx, enum log_level level, struct str line) {
    unsigned *n = ctx;
    *n += level == LOG_ERROR && str_find(line, STR("disk full")) >= 0;
}

static void failed_writes(void **state) {
    struct fx *fx = *state;
    struct told t = {.mesh = &fx->mesh};
    struct store_ops full = *fx->mesh.store->ops;
    const struct store_ops *good = fx->mesh.store->ops;
    unsigned errors = 0;
    fx->silent = (struct log){.level = LOG_ERROR, .sink = count_errors, .ctx = &errors};
    full.write = write_fails;
    fx->mesh.store->ops = &full;
    json_t *patch = fx_json("{\"global_timeout\":9}");
    assert_int_equal(mesh_merge_config(&fx->mesh, patch, on_done, &t, NULL), 0);
    json_decref(patch);
    assert_int_equal(t.code, WEFT_E_STORE);
    assert_int_equal(errors, 0); /* whoever waits says it */
    mesh_delete_sidecar(&fx->mesh, STR("ns/web/w1"));
    assert_int_equal(errors, 1);
    fx->mesh.store->ops = good;
    fx_config(fx, "{\"mtls_mode\":\"disabled\"}"); /* does not bring back what failed */
    assert_true(json_number_value(json_object_get(fx->mesh.config, "global_timeout")) == 30);
    assert_int_equal(fx->mesh.revision, 1);
    fx->silent = (struct log){0};
}

static void ids_are_never_reused(void **state) {
    struct fx *fx = *state;
    assert_string_equal(fx_rule(fx, "ns/web", "{}"), "tr-1");
    assert_string_equal(fx_rule(fx, "ns/web", "{}"), "tr-2");
    assert_int_equal(mesh_delete_traffic_rule(&fx->mesh, STR("ns/web"), STR("tr-2"), NULL, NULL), 0);
    fx_settle(fx);
    assert_int_equal(mesh_delete_traffic_rule(&fx->mesh, STR("ns/web"), STR("tr-2"), NULL, NULL), WEFT_E_NOT_FOUND);
    assert_int_equal(mesh_delete_traffic_rule(&fx->mesh, STR("ns/api"), STR("tr-1"), NULL, NULL), WEFT_E_NOT_FOUND);
    assert_string_equal(fx_rule(fx, "ns/web", "{}"), "tr-3");
    assert_int_equal(fx->mesh.n_rules, 2);
    assert_int_equal(mesh_delete_security_rule(&fx->mesh, STR("tr-1"), NULL, NULL), WEFT_E_NOT_FOUND);
}

static json_t *config_of(struct fx *fx, const char *a, const char *b) {
    json_t *v = json_object_get(fx->mesh.config, a);
    return b ? json_object_get(v, b) : v;
}

static void config_merges(void **state) {
    struct fx *fx = *state;
    fx_config(fx, "{\"load_balancing\":{\"policy\":\"random\"}}");
    fx_config(fx, "{\"load_balancing\":{\"hash_on\":\"source\"},\"global_timeout\":1}");
    assert_string_equal(json_string_value(config_of(fx, "load_balancing", "policy")), "random");
    assert_string_equal(json_string_value(config_of(fx, "load_balancing", "hash_on")), "source");
    fx_config(fx, "{\"load_balancing\":{\"policy\":null}}");
    assert_string_equal(json_string_value(config_of(fx, "load_balancing", "policy")), "round_robin");
    fx_config(fx, "{\"global_timeout\":null}");
    assert_true(json_real_value(config_of(fx, "global_timeout", NULL)) == 30.0);
}

static void bad_config_changes_nothing(void **state) {
    struct fx *fx = *state;
    struct told t = {.mesh = &fx->mesh};
    static const char *const bad[] = {"{\"global_timeout\":1,\"mtls_mode\":\"x\"}", "{\"x\":1}", "{\"rate_limit\":{\"burst\":1}}",
                                      "[]"};
    uint64_t revision = fx->mesh.revision;
    json_t *before = json_deep_copy(fx->mesh.config);
    for (size_t i = 0; i < 4; i++) {
        struct err e = {0};
        json_t *p = fx_json(bad[i]);
        assert_int_equal(mesh_merge_config(&fx->mesh, p, on_done, &t, &e), WEFT_E_INVALID);
        json_decref(p);
    }
    fx_settle(fx);
    assert_int_equal(t.n, 0);
    assert_int_equal(fx->mesh.revision, revision);
    assert_true(json_equal(before, fx->mesh.config));
    json_decref(before);
}

/* Two merges before the store has answered the first: none is lost. */
static void merges_at_once(void **state) {
    struct fx *fx = *state;
    struct err e = {0};
    json_t *a = fx_json("{\"global_timeout\":1}"), *b = fx_json("{\"default_retry_attempts\":9}");
    assert_int_equal(mesh_merge_config(&fx->mesh, a, NULL, NULL, &e), 0);
    assert_int_equal(mesh_merge_config(&fx->mesh, b, NULL, NULL, &e), 0);
    json_decref(a);
    json_decref(b);
    fx_settle(fx);
    assert_int_equal(json_number_value(config_of(fx, "global_timeout", NULL)), 1);
    assert_int_equal(json_integer_value(config_of(fx, "default_retry_attempts", NULL)), 9);
}

static void settings_of_a_service(void **state) {
    struct fx *fx = *state;
    struct service_settings s;
    fx_config(
        fx,
        "{\"load_balancing\":{\"policy\":\"consistent_hash\",\"hash_on\":\"header:a\"},\"circuit_breaker\":{\"max_pending\":7},"
        "\"services\":{\"ns/web\":{\"load_balancing\":{\"hash_on\":\"header:b\"},\"circuit_breaker\":{\"max_requests\":8}}}}");
    mesh_settings(&fx->mesh, STR("ns/web"), &s);
    assert_true(str_eq(s.policy, STR("consistent_hash")));
    assert_true(str_eq(s.hash_on, STR("header:b")));
    assert_int_equal(s.limits.max_pending, 7);
    assert_int_equal(s.limits.max_requests, 8);
    mesh_settings(&fx->mesh, STR("ns/api"), &s);
    assert_true(str_eq(s.hash_on, STR("header:a")));
    assert_int_equal(s.limits.max_requests, 1024);
}

/* ---- what outlives a process ---- */

static void ignore(void *ctx, const struct mesh_change *ch) {
}

static void open_at(struct fx *fx, struct mesh *m, const char *dir, const json_t *config) {
    struct err e = {0};
    struct mesh_cfg cfg = {
        .store = STR("sqlite:"), .data_dir = str_of(dir), .trust_domain = STR("td"), .config = config, .changed = ignore};
    if (mesh_open(m, &fx->loop, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
}

static void survives(void **state) {
    struct fx *fx = *state;
    struct mesh m;
    struct err e = {0};
    char dir[] = "/tmp/weft-mesh-XXXXXX", cmd[64], id[32];
    assert_non_null(mkdtemp(dir));
    json_t *config = fx_json("{\"global_timeout\":2}");
    open_at(fx, &m, dir, config);
    char *ca = mem_strdup(ca_cert_pem(m.ca));
    assert_int_equal(json_number_value(json_object_get(m.config, "global_timeout")), 2);
    mesh_add_traffic_rule(&m, STR("ns/web"), fx_body(&schema_traffic_rule, "{\"destination_service\":\"api\"}"), id, NULL, NULL);
    mesh_add_security_rule(&m,
                           fx_body(&schema_security_rule, "{\"source_namespace\":\"*\",\"source_service\":\"*\","
                                                          "\"destination_namespace\":\"ns\",\"destination_service\":\"web\"}"),
                           id, NULL, NULL);
    mesh_put_registration(
        &m, fx_body(&schema_register, "{\"id\":\"a\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"::1\",\"port\":1}"),
        NULL, NULL);
    mesh_put_sidecar(&m, STR("ns/web/s"), fx_json("{\"id\":\"s\"}"));
    mesh_close(&m);
    open_at(fx, &m, dir, NULL);
    assert_true(str_eq(ca_cert_pem(m.ca), str_of(ca))); /* the same CA */
    assert_int_equal(m.revision, 5);
    assert_int_equal(m.n_rules, 1);
    assert_int_equal(m.security.len, 1);
    assert_int_equal(m.n_registrations, 1);
    assert_int_equal(json_number_value(json_object_get(m.config, "global_timeout")), 2);
    mesh_add_traffic_rule(&m, STR("ns/web"), fx_body(&schema_traffic_rule, "{}"), id, NULL, NULL);
    assert_string_equal(id, "tr-3");
    mesh_close(&m);
    struct mesh_cfg other = {.store = STR("sqlite:"), .data_dir = str_of(dir), .trust_domain = STR("other"), .changed = ignore};
    assert_int_equal(mesh_open(&m, &fx->loop, &other, &e), WEFT_E_INVALID);
    assert_non_null(strstr(e.msg, "trust domain"));
    free(ca);
    json_decref(config);
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    assert_int_equal(system(cmd), 0);
}

/* What somebody has written into the database is refused with its name, not run into. */
static void foreign_values(void **state) {
    struct fx *fx = *state;
    static const struct {
        enum store_kind kind;
        const char *key, *value, *error;
    } rows[] = {
        {STORE_TRAFFIC_RULE, "ns/web/tr-1", "{\"id\":\"tr-1\",\"match_path\":\"~[\"}",
         "the store's traffic_rule ns/web/tr-1: match_path"},
        {STORE_TRAFFIC_RULE, "ns/web/tr-1", "{\"match_path\":\"\"}", "the store's traffic_rule ns/web/tr-1: match_path"},
        {STORE_ENDPOINT, "ns/web/a", "{}", "the store's endpoint ns/web/a: id: is needed"},
        {STORE_SECURITY_RULE, "sr-1", "[", "the store's security_rule sr-1: line 1"},
        {STORE_CONFIG, "mesh", "{\"x\":1}", "x: unknown field"},
        {STORE_CA, "root", "{}", "the CA in the store"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        struct mesh m = {.loop = &fx->loop, .changed = ignore, .trust_domain = fx->mesh.trust_domain};
        int rc = load_one(&m, rows[i].kind, str_of(rows[i].key), str_of(rows[i].value), &e);
        if (rc >= 0 || strncmp(e.msg, rows[i].error, strlen(rows[i].error)))
            fail_msg("%s: \"%s\"", rows[i].error, e.msg);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(order_of_things),
        TEST(failed_writes),
        TEST(ids_are_never_reused),
        TEST(config_merges),
        TEST(bad_config_changes_nothing),
        TEST(merges_at_once),
        TEST(settings_of_a_service),
        TEST(survives),
        TEST(foreign_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
