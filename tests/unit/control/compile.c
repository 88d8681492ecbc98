// SPDX-License-Identifier: Apache-2.0
#include "control/compile.h"
#include "fixture.h"
#include "policy/rbac.h"
#include "policy/route.h"
#include "xds/xds.h"

static int session;

static void *compile(struct fx *fx, enum xds_type type, const char *name) {
    return compile_resource(&fx->mesh, &fx->reg, type, str_of(name));
}

static void assert_str(struct str have, const char *want) {
    if (!str_eq(have, str_of(want)))
        fail_msg("\"" STR_FMT "\", not \"%s\"", STR_ARG(have), want);
}

/* ---- names ---- */

static void names(void **state) {
    struct compile_name n;
    static const char *const bad[] = {
        "",         "web",       "ns/",      "/web",        "ns/web/x",           "NS/web",          "ns/web|",
        "ns/web|v", "ns/web|=v", "inbound|", "inbound|web", "inbound|ns/web|k=v", "outbound|ns/web", "*"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (compile_name_parse(&n, str_of(bad[i])))
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_true(compile_name_parse(&n, STR("ns/web|k=v|w=x")));
    assert_str(n.service, "ns/web");
    assert_str(n.key, "k");
    assert_str(n.value, "v|w=x");
    assert_true(compile_name_parse(&n, STR("inbound|ns/web")));
    assert_true(n.inbound);
    assert_str(n.ns, "ns");
    assert_str(n.name, "web");
    assert_true(compile_name_parse(&n, STR("outbound")) && n.outbound);
}

/* ---- existence ---- */

static bool exists(struct fx *fx, enum xds_type type, const char *name) {
    void *r = compile(fx, type, name);
    bool there = r != NULL;
    ref_put(r);
    return there;
}

static void unknown_services(void **state) {
    struct fx *fx = *state;
    for (int t = 0; t < XDS_TYPES; t++)
        assert_false(exists(fx, (enum xds_type)t, "ns/web"));
    assert_true(exists(fx, XDS_LISTENER, "outbound"));
    assert_true(exists(fx, XDS_LISTENER, "inbound|ns/web")); /* a sidecar asks before it has said hello */
    assert_true(exists(fx, XDS_CLUSTER, "inbound|ns/web"));
    assert_false(exists(fx, XDS_CLUSTER, "outbound"));
    assert_false(exists(fx, XDS_ROUTE, "outbound"));
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    assert_true(exists(fx, XDS_ROUTE, "ns/web"));
    assert_true(exists(fx, XDS_CLUSTER, "ns/web"));
    assert_true(exists(fx, XDS_CLUSTER, "ns/web|version=v9"));
    assert_true(exists(fx, XDS_ENDPOINT, "ns/web|version=v9"));
    assert_false(exists(fx, XDS_ROUTE, "ns/web|version=v9"));
}

static void known_by_rules(void **state) {
    struct fx *fx = *state;
    const char *id = fx_rule(fx, "ns/web", "{\"destination_service\":\"other\"}");
    assert_true(compile_known(&fx->mesh, &fx->reg, STR("ns/web")));
    assert_false(compile_known(&fx->mesh, &fx->reg, STR("ns/other")));
    assert_true(exists(fx, XDS_CLUSTER, "ns/other")); /* a route names it */
    assert_true(exists(fx, XDS_ENDPOINT, "ns/other"));
    assert_false(exists(fx, XDS_ROUTE, "ns/other"));
    assert_int_equal(mesh_delete_traffic_rule(&fx->mesh, STR("ns/web"), str_of(id), NULL, NULL), 0);
    fx_settle(fx);
    assert_false(exists(fx, XDS_CLUSTER, "ns/other"));
    assert_false(exists(fx, XDS_ROUTE, "ns/web"));
    assert_int_equal(fx->mesh.services.len, 0);
}

/* ---- endpoints ---- */

static void endpoints(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"labels\":{\"version\":\"v2\"},\"weight\":5");
    fx_hello(fx, "ns/web/w1", "127.0.0.1", 8001, "10.0.0.9", &session);
    fx_register(fx, "ns/web", "z", "10.0.0.3", 80, ",\"weight\":0");
    mesh_registration(&fx->mesh, STR("ns/web"), STR("a"))->healthy = false;
    reg_touch(&fx->reg, STR("ns/web"));
    struct endpoints *e = compile(fx, XDS_ENDPOINT, "ns/web");
    assert_int_equal(e->n, 2); /* not the one without weight */
    assert_str(e->cluster, "ns/web");
    assert_str(e->at[0].address, "10.0.0.1");
    assert_int_equal(e->at[0].health, ENDPOINT_UNHEALTHY);
    assert_int_equal(e->at[0].weight, 1); /* round robin does not heed weights */
    assert_false(e->at[0].mtls);
    assert_str(e->at[1].address, "10.0.0.9"); /* reached through the sidecar */
    assert_int_equal(e->at[1].port, 15006);
    assert_true(e->at[1].mtls);
    ref_put(e);
    e = compile(fx, XDS_ENDPOINT, "ns/web|version=v2");
    assert_int_equal(e->n, 1);
    assert_str(e->at[0].id, "a");
    ref_put(e);
}

static void weights(void **state) {
    struct fx *fx = *state;
    static const struct {
        const char *policy;
        enum lb_policy lb;
        bool heeds;
    } rows[] = {
        {"round_robin", LB_ROUND_ROBIN, false},         {"weighted", LB_ROUND_ROBIN, true},
        {"weighted_round_robin", LB_ROUND_ROBIN, true}, {"least_conn", LB_LEAST_CONN, true},
        {"least_connections", LB_LEAST_CONN, true},     {"random", LB_RANDOM, false},
        {"consistent_hash", LB_MAGLEV, true},           {"ewma", LB_EWMA, false},
    };
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"weight\":5");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, ",\"weight\":0");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char patch[100];
        snprintf(patch, sizeof patch, "{\"load_balancing\":{\"policy\":\"%s\"}}", rows[i].policy);
        fx_config(fx, patch);
        struct endpoints *e = compile(fx, XDS_ENDPOINT, "ns/web");
        struct cluster *c = compile(fx, XDS_CLUSTER, "ns/web");
        assert_int_equal(e->n, 1);
        assert_int_equal(e->at[0].weight, rows[i].heeds ? 5 : 1);
        assert_int_equal(c->lb, rows[i].lb);
        ref_put(e);
        ref_put(c);
    }
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"weight\":0"); /* all are 0: all count 1 */
    struct endpoints *e = compile(fx, XDS_ENDPOINT, "ns/web");
    assert_int_equal(e->n, 2);
    assert_int_equal(e->at[0].weight, 1);
    ref_put(e);
}

/* ---- clusters ---- */

static void clusters(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    struct cluster *c = compile(fx, XDS_CLUSTER, "ns/web|version=v2");
    assert_int_equal(c->type, CLUSTER_EDS);
    assert_str(c->name, "ns/web|version=v2");
    assert_str(c->tls->cert_secret.name, "default");
    assert_str(c->tls->ca_secret.name, "ROOTCA");
    assert_int_equal(c->tls->n_sans, 1);
    assert_str(c->tls->sans[0], "spiffe://td/ns/ns/sa/web");
    assert_false(c->tls_always);
    assert_int_equal(c->limits.failure_threshold, 5);
    ref_put(c);
    fx_config(fx, "{\"circuit_breaker_enabled\":false}");
    c = compile(fx, XDS_CLUSTER, "ns/web");
    assert_int_equal(c->limits.failure_threshold, 0);
    ref_put(c);
    fx_config(fx, "{\"health_check\":{\"interval\":2.5},\"services\":{\"ns/web\":{\"health_check\":{\"timeout\":0.5}}}}");
    c = compile(fx, XDS_CLUSTER, "inbound|ns/web");
    assert_int_equal(c->type, CLUSTER_STATIC);
    assert_true(c->check.enabled);
    assert_int_equal(c->check.interval_us, 2500000);
    assert_int_equal(c->check.timeout_us, 500000);
    assert_str(c->check.path, "/health");
    ref_put(c);
}

/* ---- routes ---- */

static struct route_table *routes(struct fx *fx, const char *service, size_t want) {
    struct route_table *t = compile(fx, XDS_ROUTE, service);
    assert_non_null(t);
    assert_int_equal(t->n_vhosts, 1);
    assert_str(t->vhosts[0].domains[0], "*");
    assert_int_equal(t->vhosts[0].n_routes, want);
    return t;
}

static void default_route(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_config(fx, "{\"global_timeout\":7.5,\"default_retry_attempts\":1}");
    struct route_table *t = routes(fx, "ns/web", 1);
    const struct route *r = t->vhosts[0].routes;
    assert_str(r->name, "default");
    assert_str(r->clusters[0].cluster, "ns/web");
    assert_int_equal(r->timeout_us, 7500000);
    assert_int_equal(r->retries, 1);
    assert_true(r->breaker);
    ref_put(t);
    fx_config(fx, "{\"services\":{\"ns/web\":{\"timeout\":0,\"retry_attempts\":0}}}");
    t = routes(fx, "ns/web", 1);
    assert_int_equal(t->vhosts[0].routes->timeout_us, 0);
    assert_int_equal(t->vhosts[0].routes->retries, 0);
    ref_put(t);
}

/* "OPTIONS *" has no path that begins with "/": what has no condition on the path takes it all the same. */
static void no_path(void **state) {
    struct fx *fx = *state;
    const struct msg m = {
        .request = true, .method_id = METHOD_OPTIONS, .method = STR("OPTIONS"), .path = STR("*"), .authority = STR("web")};
    const struct request_view options = {.msg = &m};
    fx_rule(fx, "ns/web", "{\"match_path\":\"/*\",\"destination_subset\":\"v1\"}");
    struct route_table *t = routes(fx, "ns/web", 2);
    assert_str(route_pick(t->vhosts, &options, NULL)->name, "default");
    ref_put(t);
    const char *id = fx_rule(fx, "ns/web", "{\"match_method\":\"OPTIONS\"}");
    t = routes(fx, "ns/web", 3);
    assert_str(route_pick(t->vhosts, &options, NULL)->name, id);
    ref_put(t);
    struct listener *l = compile(fx, XDS_LISTENER, "inbound|ns/web");
    assert_non_null(route_pick(l->chains[0].hcm.routes->vhosts, &options, NULL));
    ref_put(l);
}

static void conditions(void **state) {
    struct fx *fx = *state;
    fx_rule(fx, "ns/web",
            "{\"match_path\":\"/a*\",\"match_method\":\"GET\",\"match_headers\":{\"X-Z\":\"1\",\"x-a\":\"2\"},"
            "\"destination_service\":\"o/other\",\"destination_subset\":\"v2\",\"timeout\":2,\"retry_attempts\":0,"
            "\"circuit_breaker\":false}");
    fx_rule(fx, "ns/web", "{\"match_path\":\"/exact\",\"destination_subset\":\"zone=a\"}");
    fx_rule(fx, "ns/web", "{\"match_path\":\"~/[0-9]+\"}");
    struct route_table *t = routes(fx, "ns/web", 4);
    const struct route *r = t->vhosts[0].routes;
    assert_str(r[0].name, "tr-1");
    assert_int_equal(r[0].match.path.kind, PATH_PREFIX);
    assert_str(r[0].match.path.text, "/a");
    assert_int_equal(r[0].match.n_headers, 3);
    assert_str(r[0].match.headers[0].name, "x-a");
    assert_str(r[0].match.headers[1].name, "x-z");
    assert_str(r[0].match.headers[2].name, ":method");
    assert_str(r[0].clusters[0].cluster, "o/other|version=v2");
    assert_int_equal(r[0].timeout_us, 2000000);
    assert_int_equal(r[0].retries, 0);
    assert_false(r[0].breaker);
    assert_int_equal(r[0].match.fraction, ROUTE_PPM);
    assert_int_equal(r[1].match.path.kind, PATH_EXACT);
    assert_str(r[1].clusters[0].cluster, "ns/web|zone=a");
    assert_int_equal(r[2].match.path.kind, PATH_REGEX);
    assert_str(r[2].match.path.text, "/[0-9]+");
    assert_non_null(r[2].match.path.regex);
    assert_str(r[3].name, "default");
    ref_put(t);
}

static void splits(void **state) {
    struct fx *fx = *state;
    fx_rule(fx, "ns/web",
            "{\"match_headers\":{\"X-A\":\"1\",\"b\":\"2\"},\"destination_subset\":\"v1\",\"weight\":90,\"timeout\":1}");
    fx_rule(fx, "ns/web",
            "{\"match_headers\":{\"B\":\"2\",\"x-a\":\"1\"},\"destination_subset\":\"v2\",\"weight\":10}"); /* equal */
    fx_rule(fx, "ns/web", "{\"match_headers\":{\"B\":\"2\",\"x-a\":\"1\"},\"destination_subset\":\"v3\",\"weight\":0}");
    fx_rule(fx, "ns/web", "{\"match_path\":\"/p\",\"weight\":25}");  /* alone: a share in percent */
    fx_rule(fx, "ns/web", "{\"match_path\":\"/q\",\"weight\":0}");   /* alone without a share: nothing */
    fx_rule(fx, "ns/web", "{\"match_path\":\"/p\",\"weight\":250}"); /* not a neighbour of the first /p */
    struct route_table *t = routes(fx, "ns/web", 4);
    const struct route *r = t->vhosts[0].routes;
    assert_str(r[0].name, "tr-1");
    assert_int_equal(r[0].n_clusters, 2);
    assert_str(r[0].clusters[0].cluster, "ns/web|version=v1");
    assert_int_equal(r[0].clusters[0].weight, 90);
    assert_true(r[0].clusters[0].own_policy);
    assert_int_equal(r[0].clusters[0].timeout_us, 1000000);
    assert_int_equal(r[0].clusters[1].weight, 10);
    assert_int_equal(r[0].clusters[1].timeout_us, 30000000);
    assert_int_equal(r[1].match.fraction, 250000);
    assert_int_equal(r[2].match.fraction, ROUTE_PPM);
    assert_int_equal(r[2].n_clusters, 1);
    ref_put(t);
}

/* Condition by condition: a path that is null is not one that is empty, a method not a header. */
static void not_equal_conditions(void **state) {
    struct fx *fx = *state;
    static const char *const rules[] = {
        "{\"weight\":50}", "{\"match_path\":\"/*\",\"weight\":50}", "{\"match_method\":\"GET\",\"weight\":50}",
        "{\"match_headers\":{\"a\":\"1\"},\"weight\":50}", "{\"match_headers\":{\"a\":\"2\"},\"weight\":50}"};
    for (size_t i = 0; i < 5; i++)
        fx_rule(fx, "ns/web", rules[i]);
    struct route_table *t = routes(fx, "ns/web", 6);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(t->vhosts[0].routes[i].match.fraction, ROUTE_PPM / 2);
    ref_put(t);
}

static void hashing(void **state) {
    struct fx *fx = *state;
    static const struct {
        const char *on;
        enum hash_on_kind kind;
        const char *name;
    } rows[] = {{"header:X-User", HASH_HEADER, "x-user"}, {"cookie:Sid", HASH_COOKIE, "Sid"}, {"source", HASH_SOURCE, ""}};
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    for (size_t i = 0; i < 3; i++) {
        char patch[160];
        snprintf(patch, sizeof patch, "{\"load_balancing\":{\"policy\":\"consistent_hash\",\"hash_on\":\"%s\"}}", rows[i].on);
        fx_config(fx, patch);
        struct route_table *t = routes(fx, "ns/web", 1);
        const struct route *r = t->vhosts[0].routes;
        assert_int_equal(r->n_hash, 1);
        assert_int_equal(r->hash->kind, rows[i].kind);
        assert_str(r->hash->name, rows[i].name);
        ref_put(t);
    }
    fx_config(fx, "{\"load_balancing\":{\"policy\":\"random\"}}");
    struct route_table *t = routes(fx, "ns/web", 1);
    assert_int_equal(t->vhosts[0].routes->n_hash, 0);
    ref_put(t);
    /* of a split, of which only the second destination is balanced by a hash */
    fx_config(fx, "{\"services\":{\"ns/api\":{\"load_balancing\":{\"policy\":\"consistent_hash\",\"hash_on\":\"header:k\"}}}}");
    fx_rule(fx, "ns/web", "{\"weight\":50}");
    fx_rule(fx, "ns/web", "{\"weight\":50,\"destination_service\":\"api\"}");
    t = routes(fx, "ns/web", 2);
    assert_int_equal(t->vhosts[0].routes->n_hash, 1);
    assert_str(t->vhosts[0].routes->hash->name, "k");
    assert_int_equal(t->vhosts[0].routes[1].n_hash, 0);
    ref_put(t);
}

/* ---- security rules, judged as a sidecar judges them ---- */

struct ask {
    const char *spiffe, *method, *source_service, *source_ns;
};

static const char *judge(const struct rbac *rbac, const struct ask *q) {
    static char name[64];
    struct arena a = {0};
    struct msg_fields f = {0};
    if (q->source_service)
        msg_add(&f, &a, HDR_X_SOURCE_SERVICE, str_of(q->source_service));
    if (q->source_ns)
        msg_add(&f, &a, HDR_X_SOURCE_NAMESPACE, str_of(q->source_ns));
    const struct msg m = {.request = true, .method = str_of(q->method), .path = STR("/x"), .authority = STR("web"), .fields = f};
    const struct request_view view = {.msg = &m, .peer_spiffe = str_of(q->spiffe)};
    struct rbac_result r = rbac_check(rbac, &view);
    str_z(r.verdict == RBAC_PASS ? r.policy : STR("denied"), name, sizeof name);
    arena_fini(&a);
    return name;
}

#define WEB(src_ns, src, rest)                                                                                                   \
    "{\"source_namespace\":\"" src_ns "\",\"source_service\":\"" src                                                             \
    "\",\"destination_namespace\":\"ns\",\"destination_service\":\"web\"" rest "}"
#define A_ID "spiffe://td/ns/ns/sa/a"
#define B_ID "spiffe://td/ns/other/sa/b"

static const struct {
    const char *rule, *config;
    struct ask q;
    bool inbound, plain; /* allowed by the callee's, by the caller's sidecar */
} judged[] = {
    {NULL, NULL, {A_ID, "GET"}, false, false},
    {NULL, "{\"default_action\":\"allow\"}", {A_ID, "GET"}, true, true},
    {NULL, "{\"default_action\":\"allow\"}", {"", "GET"}, false, false}, /* plaintext needs a rule that allows it at all */
    {WEB("ns", "a", ""), NULL, {A_ID, "GET"}, true, false},              /* strict: not to be had without a sidecar */
    {WEB("ns", "a", ""), NULL, {A_ID, "HEAD"}, true, false},
    {WEB("ns", "a", ""), NULL, {A_ID, "PATCH"}, false, false},
    {WEB("ns", "a", ""), NULL, {B_ID, "GET"}, false, false},
    {WEB("ns", "a", ""), NULL, {"", "GET"}, false, false},
    {WEB("ns", "a", ""), NULL, {"spiffe://td/ns/ns/sa/ab", "GET"}, false, false},
    {WEB("ns", "*", ""), NULL, {"spiffe://td/ns/ns/sa/ab", "GET"}, true, false},
    {WEB("ns", "*", ""), NULL, {"spiffe://td/ns/ns2/sa/a", "GET"}, false, false},
    {WEB("*", "b", ""), NULL, {B_ID, "GET"}, true, false},
    {WEB("*", "b", ""), NULL, {"spiffe://td/ns/b/sa/cb", "GET"}, false, false},
    {WEB("*", "*", ""), NULL, {B_ID, "DELETE"}, true, false},
    {WEB("*", "*", ""), NULL, {"", "GET"}, false, false},
    {WEB("*", "*", ",\"allowed_methods\":[\"*\"]"), NULL, {B_ID, "BREW"}, true, false},
    {WEB("*", "*", ",\"allowed_methods\":[\"POST\"]"), NULL, {B_ID, "HEAD"}, false, false},
    {WEB("*", "*", ",\"allowed_methods\":[]"), NULL, {B_ID, "GET"}, false, false},
    {WEB("*", "*", ",\"mtls_mode\":\"permissive\""), NULL, {"", "GET"}, true, true},
    {WEB("*", "*", ",\"mtls_mode\":\"disabled\""), NULL, {B_ID, "GET"}, true, true},
    {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), NULL, {A_ID, "GET"}, true, true},
    {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), NULL, {"", "GET"}, false, false},
    {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), NULL, {"", "GET", "a", "ns"}, false, false}, /* nobody believes it */
    {WEB("ns", "a", ""), "{\"mtls_mode\":\"permissive\"}", {A_ID, "GET"}, true, true},
    {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), "{\"trust_source_headers\":true}", {"", "GET", "a", "ns"}, true, true},
    {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), "{\"trust_source_headers\":true}", {"", "GET", "a", "x"}, false, false},
    {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), "{\"trust_source_headers\":true}", {B_ID, "GET", "a", "ns"}, false, false},
    {WEB("ns", "a", ""), "{\"trust_source_headers\":true}", {"", "GET", "a", "ns"}, false, false}, /* strict means mTLS */
    {WEB("ns", "*", ",\"mtls_mode\":\"permissive\""), "{\"trust_source_headers\":true}", {"", "GET", "q", "ns"}, true, true},
    {WEB("*", "*", ",\"required_jwt\":true"), NULL, {A_ID, "GET"}, false, false},
    {WEB("*", "*", ",\"required_jwt\":true,\"mtls_mode\":\"permissive\""), NULL, {"", "GET"}, false, false},
    {"{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"ns\",\"destination_service\":\"api\"}",
     NULL,
     {A_ID, "GET"},
     false,
     false},
    {"{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"x\",\"destination_service\":\"*\"}",
     NULL,
     {A_ID, "GET"},
     false,
     false},
    {"{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"*\",\"destination_service\":\"*\"}",
     NULL,
     {A_ID, "GET"},
     true,
     false},
};

static void security_rules(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        const char *id = judged[i].rule ? fx_security(fx, judged[i].rule) : NULL;
        fx_config(fx, judged[i].config ? judged[i].config : "{\"mtls_mode\":null}");
        struct listener *l = compile(fx, XDS_LISTENER, "inbound|ns/web");
        struct cluster *c = compile(fx, XDS_CLUSTER, "ns/web");
        const char *want = id ? id : "default-action";
        for (size_t k = 0; k < 2; k++)
            if (strcmp(judge(l->chains[k].hcm.rbac, &judged[i].q), judged[i].inbound ? want : "denied"))
                fail_msg("row %zu: the callee's sidecar", i);
        if (strcmp(judge(c->plain_rbac, &judged[i].q), judged[i].plain ? want : "denied"))
            fail_msg("row %zu: the caller's sidecar", i);
        ref_put(l);
        ref_put(c);
        if (id)
            assert_int_equal(mesh_delete_security_rule(&fx->mesh, str_of(id), NULL, NULL), 0);
        fx_config(fx, "{\"mtls_mode\":null,\"default_action\":null,\"trust_source_headers\":null}");
    }
}

/* Without a certificate the default action is for those destinations alone that have a rule for plaintext, whoever it names. */
static void default_action(void **state) {
    struct fx *fx = *state;
    static const struct {
        const char *rule;
        bool plaintext;
    } rows[] = {{WEB("ns", "a", ""), false},
                {WEB("ns", "a", ",\"mtls_mode\":\"permissive\""), true},
                {WEB("ns", "a", ",\"mtls_mode\":\"disabled\",\"required_jwt\":true"), true},
                {"{\"source_namespace\":\"ns\",\"source_service\":\"a\",\"destination_namespace\":\"*\",\"destination_service\":"
                 "\"api\",\"mtls_mode\":\"permissive\"}",
                 false}};
    const struct ask stranger = {"", "GET"}, peer = {B_ID, "GET"};
    fx_config(fx, "{\"default_action\":\"allow\"}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *id = fx_security(fx, rows[i].rule);
        struct listener *l = compile(fx, XDS_LISTENER, "inbound|ns/web");
        assert_string_equal(judge(l->chains[1].hcm.rbac, &stranger), rows[i].plaintext ? "default-action" : "denied");
        assert_string_equal(judge(l->chains[0].hcm.rbac, &peer), "default-action");
        ref_put(l);
        assert_int_equal(mesh_delete_security_rule(&fx->mesh, str_of(id), NULL, NULL), 0);
        fx_settle(fx);
    }
}

/* All rules count, not the first alone. */
static void any_rule_suffices(void **state) {
    struct fx *fx = *state;
    struct ask q = {A_ID, "GET"};
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_security(fx, WEB("ns", "a", ",\"allowed_methods\":[\"POST\"]"));
    fx_security(fx, WEB("ns", "a", ",\"required_jwt\":true"));
    fx_security(fx, WEB("ns", "a", ""));
    struct listener *l = compile(fx, XDS_LISTENER, "inbound|ns/web");
    assert_int_equal(l->chains[0].hcm.rbac->n_policies, 3);
    assert_string_equal(judge(l->chains[0].hcm.rbac, &q), "sr-3");
    ref_put(l);
}

/* ---- listeners ---- */

static void listeners(void **state) {
    struct fx *fx = *state;
    struct listener *l = compile(fx, XDS_LISTENER, "inbound|ns/web");
    assert_int_equal(l->direction, LISTENER_INBOUND);
    assert_int_equal(l->n_chains, 2);
    assert_str(l->chains[0].name, "tls");
    assert_int_equal(l->chains[0].match.transport, CHAIN_TLS);
    assert_true(l->chains[0].tls->require_client_cert);
    assert_str(l->chains[1].name, "raw");
    assert_null(l->chains[1].tls);
    assert_true(l->chains[1].hcm.access_log);
    const struct route *r = l->chains[1].hcm.routes->vhosts[0].routes;
    assert_str(r->clusters[0].cluster, "inbound|ns/web");
    assert_int_equal(r->timeout_us, 0); /* the caller's rules */
    ref_put(l);
    fx_config(fx, "{\"observability\":{\"access_logging\":false,\"metrics_enabled\":false,\"trace_sampling\":0.5},"
                  "\"trust_source_headers\":true}");
    l = compile(fx, XDS_LISTENER, "outbound");
    assert_int_equal(l->direction, LISTENER_OUTBOUND);
    assert_true(l->original_dst);
    assert_int_equal(l->n_chains, 3);
    assert_int_equal(l->chains[1].match.transport, CHAIN_TLS);
    assert_true(tcp_by_target(&l->chains[1].tcp));
    assert_str(l->chains[2].match.protocols[0], LISTENER_OCTETS);
    assert_true(tcp_by_target(&l->chains[2].tcp));
    assert_str(l->chains[0].hcm.rds_name, "*");
    assert_true(l->chains[0].hcm.generate_request_id);
    assert_false(l->chains[0].hcm.access_log);
    assert_false(l->chains[0].hcm.metrics);
    assert_int_equal(l->chains[0].hcm.trace_sampling, 500000);
    assert_false(l->chains[0].hcm.trust_source_headers);
    ref_put(l);
    l = compile(fx, XDS_LISTENER, "inbound|ns/web");
    assert_true(l->chains[1].hcm.trust_source_headers);
    ref_put(l);
}

/* ---- services of TCP ---- */

static void connects_only_where_all_speak_tcp(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"protocol\":\"tcp\"");
    fx_rule(fx, "ns/web", "{\"match_path\":\"/a\"}"); /* of what has a path */
    fx_rule(fx, "ns/web", "{\"destination_service\":\"other\",\"weight\":20}");
    struct route_table *t = compile(fx, XDS_ROUTE, "ns/web");
    assert_int_equal(t->vhosts[0].n_routes, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(t->vhosts[0].routes[i].match.path.kind, PATH_CONNECT);
        assert_true(t->vhosts[0].routes[i].connect);
    }
    assert_str(t->vhosts[0].routes[0].clusters[0].cluster, "ns/other");
    assert_str(t->vhosts[0].routes[1].clusters[0].cluster, "ns/web");
    ref_put(t);
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    t = compile(fx, XDS_ROUTE, "ns/web");
    assert_int_equal(t->vhosts[0].n_routes, 3);
    assert_false(t->vhosts[0].routes[2].connect);
    ref_put(t);
}

static void tcp_listener(void **state) {
    struct fx *fx = *state;
    struct listener *l = compile(fx, XDS_LISTENER, "inbound-tcp|ns/web");
    assert_int_equal(l->n_chains, 4);
    assert_str(l->chains[3].name, "connect"); /* callers' CONNECTs, which come by HTTP/2 */
    assert_str(l->chains[3].match.protocols[0], "h2");
    assert_true(l->chains[3].tls->require_client_cert);
    const struct route *r = l->chains[3].hcm.routes->vhosts[0].routes;
    assert_int_equal(r->match.path.kind, PATH_CONNECT);
    assert_true(r->connect);
    assert_str(r->clusters[0].cluster, "inbound|ns/web");
    ref_put(l);
}

/* Everything that is compiled survives the wire. */
static void on_the_wire(void **state) {
    struct fx *fx = *state;
    static const struct {
        enum xds_type type;
        const char *name;
    } all[] = {{XDS_LISTENER, "inbound-tcp|ns/web"},
               {XDS_ROUTE, "ns/db"},
               {XDS_LISTENER, "inbound|ns/web"},
               {XDS_LISTENER, "outbound"},
               {XDS_ROUTE, "ns/web"},
               {XDS_CLUSTER, "ns/web"},
               {XDS_CLUSTER, "inbound|ns/web"},
               {XDS_CLUSTER, "ns/web|version=v2"},
               {XDS_ENDPOINT, "ns/web"},
               {XDS_ENDPOINT, "ns/web|version=v2"}};
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"labels\":{\"version\":\"v2\"}");
    fx_register(fx, "ns/db", "a", "10.0.0.1", 81, ",\"protocol\":\"tcp\"");
    fx_rule(fx, "ns/web", "{\"match_path\":\"~/a.*\",\"weight\":20,\"destination_subset\":\"v2\"}");
    fx_security(fx, WEB("ns", "a", ",\"mtls_mode\":\"permissive\",\"required_jwt\":true"));
    fx_config(fx, "{\"trust_source_headers\":true,\"load_balancing\":{\"policy\":\"consistent_hash\",\"hash_on\":\"header:x\"}}");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        void *m = compile(fx, all[i].type, all[i].name), *back = NULL;
        struct xds_resource *r = all[i].type == XDS_LISTENER  ? xds_encode_listener(m)
                                 : all[i].type == XDS_ROUTE   ? xds_encode_routes(m)
                                 : all[i].type == XDS_CLUSTER ? xds_encode_cluster(m)
                                                              : xds_encode_endpoints(m);
        struct err e = {0};
        if (xds_decode(all[i].type, r->bytes, &back, &e) < 0)
            fail_msg("%s: %s", all[i].name, e.msg);
        assert_true(str_eq(xds_resource_name(all[i].type, back), str_of(all[i].name)));
        ref_put(back);
        ref_put(r);
        ref_put(m);
    }
}

static void whose_an_address_is(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    struct route_table *t = compile(fx, XDS_ROUTE, "@10.0.0.1:80");
    assert_str(t->name, "@10.0.0.1:80");
    assert_true(str_eq(route_owner(t), STR("ns/web")));
    assert_int_equal(t->vhosts[0].n_routes, 0);
    ref_put(t);
    static const char *const none[] = {"@", "@10.0.0.1", "@10.0.0.1:81", "@ns/web", "10.0.0.1:80"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(exists(fx, XDS_ROUTE, none[i]));
    assert_false(exists(fx, XDS_CLUSTER, "@10.0.0.1:80"));
    assert_false(exists(fx, XDS_ENDPOINT, "@10.0.0.1:80"));
    assert_false(exists(fx, XDS_LISTENER, "@10.0.0.1:80"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(names),
        TEST(unknown_services),
        TEST(known_by_rules),
        TEST(endpoints),
        TEST(weights),
        TEST(clusters),
        TEST(default_route),
        TEST(no_path),
        TEST(conditions),
        TEST(splits),
        TEST(not_equal_conditions),
        TEST(hashing),
        TEST(security_rules),
        TEST(default_action),
        TEST(any_rule_suffices),
        TEST(listeners),
        TEST(connects_only_where_all_speak_tcp),
        TEST(tcp_listener),
        TEST(on_the_wire),
        TEST(whose_an_address_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
