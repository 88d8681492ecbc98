// SPDX-License-Identifier: Apache-2.0
/* What foreign clients are told: under which names, and what not. */
#include "control/compile_foreign.h"
#include "fixture.h"
#include "xds/xds.h"

static int session;

static bool exists(struct fx *fx, enum compile_for who, enum xds_type type, const char *name) {
    void *r = compile_foreign(&fx->mesh, &fx->reg, who, type, str_of(name));
    bool there = r != NULL;
    ref_put(r);
    return there;
}

static void agents(void **state) {
    assert_int_equal(compile_for_agent(STR("weft")), FOR_WEFT);
    assert_int_equal(compile_for_agent(STR("gRPC C-core linux Python")), FOR_GRPC);
    assert_int_equal(compile_for_agent(STR("gRPC Go")), FOR_GRPC);
    assert_int_equal(compile_for_agent(STR("envoy")), FOR_ENVOY);
    assert_int_equal(compile_for_agent(STR_NONE), FOR_ENVOY);
}

static void names(void **state) {
    struct fx *fx = *state;
    static const char *const bad[] = {"",
                                      "|",
                                      "inbound",
                                      "inbound|",
                                      "inbound|ns/web",
                                      "inbound|ns/web|",
                                      "inbound|ns/web|10.0.0.1",
                                      "inbound|ns/web|10.0.0.1:0",
                                      "inbound|ns/web|unix:/x|10.0.0.1:1",
                                      "inbound|NS/web|10.0.0.1:1",
                                      "outbound",
                                      "outbound|",
                                      "outbound|ns|x",
                                      "outbound|n/s|10.0.0.1:1"};
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int who = FOR_ENVOY; who < COMPILE_FORS; who++)
            if (exists(fx, (enum compile_for)who, XDS_LISTENER, bad[i]))
                fail_msg("\"%s\" is a listener", bad[i]);
    assert_true(exists(fx, FOR_ENVOY, XDS_LISTENER, "inbound|ns/web|10.0.0.1:1|10.0.0.1:2"));
    assert_true(exists(fx, FOR_ENVOY, XDS_LISTENER, "outbound|ns|[::1]:1"));
    assert_true(exists(fx, FOR_ENVOY, XDS_ROUTE, "outbound|ns"));
    assert_true(exists(fx, FOR_ENVOY, XDS_CLUSTER, "inbound|ns/web|10.0.0.1:2"));
    assert_true(exists(fx, FOR_ENVOY, XDS_ROUTE, "inbound|ns/web|10.0.0.1:2"));
    assert_false(exists(fx, FOR_ENVOY, XDS_ROUTE, "inbound|ns/web"));
    assert_false(exists(fx, FOR_ENVOY, XDS_ROUTE, "outbound|ns|10.0.0.1:2"));
    assert_false(exists(fx, FOR_ENVOY, XDS_CLUSTER, "inbound|ns/web|x"));
    assert_true(exists(fx, FOR_GRPC, XDS_LISTENER, "inbound|ns/web|10.0.0.1:1"));
    static const char *const targets[] = {"web.ns", "web.ns:80", "web.ns.svc.cluster.local", "web.ns.mesh:80"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_true(exists(fx, FOR_GRPC, XDS_LISTENER, targets[i]));
    assert_false(exists(fx, FOR_GRPC, XDS_LISTENER, "web")); /* of the namespace "default" */
    assert_false(exists(fx, FOR_GRPC, XDS_LISTENER, "web.ns.example.com"));
    assert_false(exists(fx, FOR_ENVOY, XDS_LISTENER, "web.ns"));
    assert_true(exists(fx, FOR_GRPC, XDS_ROUTE, "ns/web"));
    assert_false(exists(fx, FOR_GRPC, XDS_ROUTE, "outbound|ns"));
}

static size_t endpoints(struct fx *fx, enum compile_for who) {
    struct endpoints *eps = compile_foreign(&fx->mesh, &fx->reg, who, XDS_ENDPOINT, STR("ns/web"));
    size_t n = eps->n;
    ref_put(eps);
    return n;
}

/* Who cannot judge the callers of an endpoint without a sidecar is not told it, unless there is nothing to judge. */
static void endpoints_without_sidecar(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    assert_int_equal(endpoints(fx, FOR_WEFT), 1);
    assert_int_equal(endpoints(fx, FOR_ENVOY), 0);
    fx_security(
        fx,
        "{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"ns\",\"destination_service\":\"web\","
        "\"allowed_methods\":[\"GET\"],\"mtls_mode\":\"permissive\"}");
    assert_int_equal(endpoints(fx, FOR_ENVOY), 0);
    fx_security(
        fx,
        "{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"ns\",\"destination_service\":\"web\","
        "\"allowed_methods\":[\"*\"],\"mtls_mode\":\"permissive\"}");
    assert_int_equal(endpoints(fx, FOR_ENVOY), 1);
    assert_int_equal(endpoints(fx, FOR_GRPC), 1);
    fx_hello(fx, "ns/web/b", "10.0.0.2", 80, "10.0.0.2", &session);
    assert_int_equal(endpoints(fx, FOR_ENVOY), 2);
    assert_int_equal(endpoints(fx, FOR_GRPC), 1); /* one cluster is all TLS or none */
}

/* What only weft understands is left out; for gRPC what it refuses too. */
static void clusters(void **state) {
    struct fx *fx = *state;
    fx_hello(fx, "ns/web/b", "10.0.0.2", 80, "10.0.0.2", &session);
    fx_config(fx, "{\"load_balancing\":{\"policy\":\"ewma\"}}");
    for (int who = FOR_ENVOY; who < COMPILE_FORS; who++) {
        struct cluster *c = compile_foreign(&fx->mesh, &fx->reg, (enum compile_for)who, XDS_CLUSTER, STR("ns/web"));
        assert_null(c->plain_rbac);
        assert_int_equal(c->limits.failure_threshold, 0);
        assert_int_equal(c->lb, who == FOR_GRPC ? LB_ROUND_ROBIN : LB_LEAST_CONN);
        assert_int_equal(c->tls_always, who == FOR_GRPC);
        assert_int_equal(c->tls->provider.len > 0, who == FOR_GRPC);
        assert_int_equal(c->tls->n_sans, 1);
        ref_put(c);
    }
}

/* Its listener admits nobody and stays as it is, whatever the rules say: that is in the table. */
static void envoy_rules_are_in_the_table(void **state) {
    struct fx *fx = *state;
    for (size_t n = 0; n < 2; n++) {
        struct listener *l =
            compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_LISTENER, STR("inbound|ns/web|10.0.0.1:1|10.0.0.1:2"));
        for (size_t i = 0; i < l->n_chains; i++) {
            assert_int_equal(l->chains[i].hcm.rbac->n_policies, 0);
            assert_null(l->chains[i].hcm.routes);
        }
        struct route_table *t = compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_ROUTE, l->chains[0].hcm.rds_name);
        assert_int_equal(t->vhosts->rbac->n_policies, n);
        assert_true(str_eq(t->vhosts->routes->clusters->cluster, l->chains[0].hcm.rds_name));
        struct xds_resource *packed = xds_encode_routes(t);
        assert_true(packed->bytes.len > 0 && memmem(packed->bytes.ptr, packed->bytes.len, "RBACPerRoute", 12));
        ref_put(packed);
        ref_put(t);
        ref_put(l);
        fx_security(fx, "{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"ns\","
                        "\"destination_service\":\"web\",\"allowed_methods\":[\"GET\"]}");
    }
}

static void envoy_table(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_register(fx, "other/web", "a", "10.0.0.1", 81, "");
    fx_rule(fx, "ns/web", "{\"match_path\":\"~/a.*\",\"destination_subset\":\"v2\"}");
    struct route_table *t = compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_ROUTE, STR("outbound|ns"));
    assert_int_equal(t->n_vhosts, 3); /* each service, and all by header */
    assert_int_equal(t->vhosts[0].n_domains, 4);
    assert_true(str_eq(t->vhosts[0].domains[3], STR("web")));
    assert_int_equal(t->vhosts[1].n_domains, 3); /* of another namespace: never by its name alone */
    assert_int_equal(t->vhosts[2].n_routes, t->vhosts[0].n_routes + t->vhosts[1].n_routes);
    for (size_t i = 0; i < t->n_vhosts; i++)
        for (size_t k = 0; k < t->vhosts[i].n_routes; k++)
            assert_false(t->vhosts[i].routes[k].breaker);
    ref_put(t);
}

static void octets(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/db", "d1", "10.0.0.1", 5432, ",\"protocol\":\"tcp\"");
    struct listener *l =
        compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_LISTENER, STR("inbound-tcp|ns/db|10.0.0.1:1|10.0.0.1:2"));
    struct route_table *t = compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_ROUTE, STR("inbound-tcp|ns/db|10.0.0.1:2"));
    assert_int_equal(l->n_chains, 3);
    for (size_t i = 0; i < 2; i++)
        assert_true(str_eq(l->chains[i].tcp.clusters[0].cluster, STR("inbound|ns/db|10.0.0.1:2")));
    assert_int_equal(l->chains[2].tls->n_alpn, 1);
    assert_true(str_eq(l->chains[2].hcm.rds_name, t->name));
    assert_true(str_eq(t->vhosts->routes->clusters->cluster, l->chains[0].tcp.clusters[0].cluster));
    assert_true(t->vhosts->routes->connect);
    ref_put(l);
    assert_true(str_eq(t->vhosts->routes->upgrades[0], STR("CONNECT"))); /* also without the listener */
    ref_put(t);
    t = compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_ROUTE, STR("outbound|ns"));
    assert_int_equal(t->vhosts[0].routes->match.path.kind, PATH_CONNECT);
    assert_false(t->vhosts[0].routes->connect); /* its endpoint's sidecar ends it */
    assert_int_equal(t->vhosts[0].routes->n_upgrades, 1);
    ref_put(t);
    struct cluster *c = compile_foreign(&fx->mesh, &fx->reg, FOR_ENVOY, XDS_CLUSTER, STR("ns/db"));
    assert_int_equal(c->proto, CLUSTER_HTTP2);
    ref_put(c);
    assert_false(exists(fx, FOR_GRPC, XDS_LISTENER, "inbound-tcp|ns/db|10.0.0.1:1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents),
        cmocka_unit_test_setup_teardown(names, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(endpoints_without_sidecar, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(clusters, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(envoy_rules_are_in_the_table, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(envoy_table, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(octets, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
