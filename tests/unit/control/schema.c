// SPDX-License-Identifier: Apache-2.0
#include "control/schema.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct row {
    const struct schema *s;
    const char *in, *out; /* out: the whole result, or the error when it does not begin with '{' */
};

#define REG "\"id\":\"a\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"10.0.0.1\",\"port\":80"
#define REG_REST "\"protocol\":\"http\",\"health_check_path\":\"/health\",\"weight\":100,\"labels\":{},\"ttl\":null"
#define SEC "\"source_namespace\":\"*\",\"source_service\":\"a\",\"destination_namespace\":\"ns\",\"destination_service\":\"*\""
#define JWK(key) "{\"jwt\":{\"issuers\":[{\"issuer\":\"i\",\"jwks\":{\"keys\":[" key "]}}]}}"
#define R &schema_register
#define T &schema_traffic_rule
#define S &schema_security_rule
#define I &schema_issue
#define C &schema_config

static const struct row rows[] = {
    /* registration */
    {R, "{" REG "}", "{" REG "," REG_REST "}"},
    {R, "{" REG ",\"protocol\":\"tcp\",\"weight\":0,\"labels\":{\"a\":\"b\"},\"ttl\":1.5,\"health_check_path\":\"/x\"}",
     "{" REG ",\"protocol\":\"tcp\",\"health_check_path\":\"/x\",\"weight\":0,\"labels\":{\"a\":\"b\"},\"ttl\":1.5}"},
    {R, "{" REG ",\"protocol\":null,\"weight\":null,\"labels\":null,\"health_check_path\":null}", "{" REG "," REG_REST "}"},
    {R, "[]", "body: must be an object"},
    {R, "{}", "id: is needed"},
    {R, "{\"id\":null}", "id: is needed"},
    {R, "{" REG ",\"x\":1}", "x: unknown field"},
    {R, "{\"id\":\"a/b\"}", "id: must be 1 to 253 of"},
    {R, "{\"id\":\"\"}", "id: must be 1 to 253 of"},
    {R, "{\"id\":7}", "id: must be a string"},
    {R, "{\"id\":\"a\",\"service_name\":\"Web\"}", "service_name: must be a DNS label"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"-n\"}", "namespace: must be a DNS label"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"n\",\"ip\":\"localhost\"}", "ip: must be an IP address"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"n\",\"ip\":\"::1\",\"port\":\"80\"}",
     "port: must be a whole number"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"n\",\"ip\":\"::1\",\"port\":true}", "port: must be a whole number"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"n\",\"ip\":\"::1\",\"port\":80.5}", "port: must be a whole number"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"n\",\"ip\":\"::1\",\"port\":0}", "port: must be from 1 to 65535"},
    {R, "{\"id\":\"a\",\"service_name\":\"w\",\"namespace\":\"n\",\"ip\":\"::1\",\"port\":65536}",
     "port: must be from 1 to 65535"},
    {R, "{" REG ",\"protocol\":\"udp\"}", "protocol: must be one of http,http2,grpc,tcp"},
    {R, "{" REG ",\"ttl\":1e300}", "ttl: must be more than 0 and at most 31536000"},
    {R, "{" REG ",\"weight\":-1}", "weight: must be from 0 to 1000000"},
    {R, "{" REG ",\"weight\":1000001}", "weight: must be from 0 to 1000000"},
    {R, "{" REG ",\"labels\":[]}", "labels: must be an object"},
    {R, "{" REG ",\"labels\":{\"a\":1}}", "labels.a: must be a string"},
    {R, "{" REG ",\"labels\":{\"a\":null}}", "labels.a: must be a string"},
    {R, "{" REG ",\"labels\":{\"a=b\":\"c\"}}", "labels.a=b: must have a name"},
    {R, "{" REG ",\"ttl\":0}", "ttl: must be more than 0"},
    {R, "{" REG ",\"health_check_path\":\"x\"}", "health_check_path: must begin with /"},
    {R, "{" REG ",\"health_check_path\":\"/\\n\"}", "health_check_path: must have no control characters"},
    /* traffic rules */
    {T, "{}",
     "{\"match_headers\":{},\"match_path\":null,\"match_method\":null,\"destination_service\":\"\",\"destination_subset\":null,"
     "\"weight\":100,\"timeout\":null,\"retry_attempts\":null,\"circuit_breaker\":true}"},
    {T, "{\"match_path\":\"~/a[\"}", "match_path: "},
    {T, "{\"match_path\":\"~\"}", "match_path: must have a regular expression"},
    {T, "{\"match_path\":\"a\"}", "match_path: must begin with /"},
    {T, "{\"match_method\":\"G T\"}", "match_method: must be a method"},
    {T, "{\"match_headers\":{\"a b\":\"c\"}}", "match_headers.a b: must be the name of a header"},
    {T, "{\"match_headers\":{\"a\":\" c\"}}", "match_headers.a: must be the value of a header"},
    {T, "{\"match_headers\":{\"X-A\":\"1\",\"b\":\"1\",\"x-a\":\"1\"}}", "match_headers: X-A and x-a are one header"},
    {T, "{\"destination_service\":\"a/b/c\"}", "destination_service: must be a service"},
    {T, "{\"destination_subset\":\"=v\"}", "destination_subset: must be a version or label=value"},
    {T, "{\"destination_subset\":\"\"}", "destination_subset: must be a version or label=value"},
    {T, "{\"weight\":\"1\"}", "weight: must be a whole number"},
    {T, "{\"timeout\":-1}", "timeout: must be from 0"},
    {T, "{\"timeout\":\"30\"}", "timeout: must be a number"},
    {T, "{\"retry_attempts\":1.0}", "retry_attempts: must be a whole number"},
    {T, "{\"circuit_breaker\":1}", "circuit_breaker: must be true or false"},
    {T, "{\"id\":\"x\"}", "id: unknown field"},
    /* security rules */
    {S, "{" SEC "}",
     "{" SEC ",\"allowed_methods\":[\"GET\",\"POST\",\"PUT\",\"DELETE\"],\"required_jwt\":false,\"mtls_mode\":null}"},
    {S, "{" SEC ",\"allowed_methods\":[\"*\"],\"required_jwt\":true,\"mtls_mode\":\"permissive\"}",
     "{" SEC ",\"allowed_methods\":[\"*\"],\"required_jwt\":true,\"mtls_mode\":\"permissive\"}"},
    {S, "{\"source_namespace\":\"**\"}", "source_namespace: must be a DNS label or *"},
    {S, "{\"source_namespace\":\"a\"}", "source_service: is needed"},
    {S, "{" SEC ",\"allowed_methods\":\"GET\"}", "allowed_methods: must be a list"},
    {S, "{" SEC ",\"allowed_methods\":[\"GET\",1]}", "allowed_methods[1]: must be a string"},
    {S, "{" SEC ",\"allowed_methods\":[\"G/T\"]}", "allowed_methods[0]: must be a method"},
    {S, "{" SEC ",\"required_jwt\":\"true\"}", "required_jwt: must be true or false"},
    {S, "{" SEC ",\"mtls_mode\":\"off\"}", "mtls_mode: must be one of strict,permissive,disabled"},
    /* certificates */
    {I, "{\"service_name\":\"a\",\"namespace\":\"b\"}",
     "{\"service_name\":\"a\",\"namespace\":\"b\",\"ttl\":null,\"key_type\":\"ec256\",\"csr\":null}"},
    {I, "{\"service_name\":\"a\",\"namespace\":\"b\",\"ttl\":7776001}", "ttl: must be from 1 to 7776000"},
    {I, "{\"service_name\":\"a\",\"namespace\":\"b\",\"ttl\":0}", "ttl: must be from 1 to 7776000"},
    {I, "{\"service_name\":\"a\",\"namespace\":\"b\",\"key_type\":\"dsa\"}", "key_type: must be one of ec256,rsa2048"},
    {I, "{\"service_name\":\"a\",\"namespace\":\"b\",\"csr\":\"x\"}", "csr: must be PEM"},
    /* the configuration */
    {C, "{\"global_timeout\":\"1\"}", "global_timeout: must be a number"},
    {C, "{\"default_retry_attempts\":101}", "default_retry_attempts: must be from 0 to 100"},
    {C, "{\"circuit_breaker_enabled\":0}", "circuit_breaker_enabled: must be true or false"},
    {C, "{\"mtls_mode\":\"x\"}", "mtls_mode: must be one of"},
    {C, "{\"default_action\":\"permit\"}", "default_action: must be one of deny,allow"},
    {C, "{\"trust_source_headers\":\"no\"}", "trust_source_headers: must be true or false"},
    {C, "{\"observability\":{\"trace_sampling\":1.5}}", "observability.trace_sampling: must be from 0 to 1"},
    {C, "{\"observability\":{\"log\":true}}", "observability.log: unknown field"},
    {C, "{\"observability\":[]}", "observability: must be an object"},
    {C, "{\"load_balancing\":{\"policy\":\"best\"}}", "load_balancing.policy: must be one of round_robin,weighted"},
    {C, "{\"load_balancing\":{\"hash_on\":\"header:\"}}", "load_balancing.hash_on: must be header:NAME"},
    {C, "{\"circuit_breaker\":{\"failure_threshold\":0}}", "circuit_breaker.failure_threshold: must be from 1"},
    {C, "{\"circuit_breaker\":{\"recovery_timeout\":0}}", "circuit_breaker.recovery_timeout: must be more than 0"},
    {C, "{\"health_check\":{\"interval\":0}}", "health_check.interval: must be more than 0"},
    {C, "{\"health_check\":{\"timeout\":null,\"healthy_threshold\":0}}", "health_check.healthy_threshold: must be from 1"},
    {C, "{\"retry\":{\"budget_percent\":101}}", "retry.budget_percent: must be from 0 to 100"},
    {C, "{\"certificates\":{\"ttl\":0}}", "certificates.ttl: must be from 1"},
    {C, JWK("{}"), "jwt.issuers[0].jwks.keys[0].kty: is needed"},
    {C, JWK("7"), "jwt.issuers[0].jwks.keys[0]: must be an object"},
    {C, JWK("{\"kty\":\"oct\",\"k\":\"AA\"}"), "jwt.issuers[0].jwks.keys[0].kty: must be one of RSA,EC,OKP"},
    {C, JWK("{\"kty\":\"RSA\",\"alg\":\"HS256\"}"), "jwt.issuers[0].jwks.keys[0].alg: must be one of RS256"},
    {C, JWK("{\"kty\":\"RSA\",\"alg\":\"none\"}"), "jwt.issuers[0].jwks.keys[0].alg: must be one of RS256"},
    {C, JWK("{\"kty\":\"RSA\",\"n\":\"AQ\"}"), "jwt.issuers[0].jwks.keys[0]: e: is needed, as kty is RSA"},
    {C, JWK("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":7}"),
     "jwt.issuers[0].jwks.keys[0]: y: is needed, as kty is EC"},
    {C, JWK("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}"), "jwt.issuers[0].jwks.keys[0]: x: is needed"},
    {C, JWK("{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQ\",\"d\":\"AQ\"}"), "jwt.issuers[0].jwks.keys[0]: d: must not be there"},
    {C, "{\"jwt\":{\"issuers\":[{}]}}", "jwt.issuers[0].issuer: is needed"},
    {C, "{\"jwt\":{\"issuers\":[{\"issuer\":\"i\"}]}}", "jwt.issuers[0]: jwks: one of jwks and jwks_uri is needed"},
    {C, "{\"jwt\":{\"issuers\":[{\"issuer\":\"i\",\"jwks_uri\":\"ftp://x\"}]}}", "jwt.issuers[0].jwks_uri: must be an http"},
    {C, "{\"rate_limit\":{}}", "rate_limit.requests_per_second: is needed"},
    {C, "{\"rate_limit\":{\"requests_per_second\":0,\"burst\":1}}", "rate_limit.requests_per_second: must be more than 0"},
    {C, "{\"services\":{\"web\":{}}}", "services.web: must be named namespace/service"},
    {C, "{\"services\":{\"a/b\":{\"policy\":1}}}", "services.a/b.policy: unknown field"},
    {C, "{\"services\":{\"a/b\":{\"timeout\":-1}}}", "services.a/b.timeout: must be from 0"},
    {C, "{\"services\":{\"a/b\":{\"load_balancing\":{\"policy\":1}}}}", "services.a/b.load_balancing.policy: must be a string"},
    {C, "{\"nope\":null}", "nope: unknown field"},
};

static json_t *parse(const char *text) {
    json_t *v = NULL;
    struct err e = {0};
    assert_int_equal(json_parse(&v, str_of(text), &e), 0);
    return v;
}

static void check_row(const struct row *r) {
    struct err e = {0};
    struct buf b = {0};
    json_t *in = parse(r->in), *out = NULL;
    int rc = schema_apply(r->s, in, &out, &e);
    if (r->out[0] == '{') {
        assert_int_equal(rc, 0);
        json_print(&b, out, false);
        assert_string_equal(buf_z(&b).ptr, r->out);
    } else {
        if (rc >= 0 || strncmp(e.msg, r->out, strlen(r->out)))
            fail_msg("%s: \"%s\", not \"%s\"", r->in, rc < 0 ? e.msg : "accepted", r->out);
        assert_int_equal(rc, WEFT_E_INVALID);
        assert_null(out);
    }
    buf_fini(&b);
    json_decref(in);
    json_decref(out);
}

static void bodies(void **state) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}

static json_t *effective(const char *text) {
    struct err e = {0};
    json_t *in = parse(text), *out = NULL;
    assert_int_equal(schema_apply(C, in, &out, &e), 0);
    json_decref(in);
    return out;
}

static void config_defaults(void **state) {
    json_t *have = effective("{}");
    json_t *want = parse(
        "{\"global_timeout\":30.0,\"default_retry_attempts\":3,\"circuit_breaker_enabled\":true,\"mtls_mode\":\"strict\","
        "\"default_action\":\"deny\",\"trust_source_headers\":false,\"observability\":{\"tracing_enabled\":true,"
        "\"metrics_enabled\":true,\"access_logging\":true,\"trace_sampling\":0.01},\"load_balancing\":{\"policy\":\"round_"
        "robin\","
        "\"hash_on\":null},\"circuit_breaker\":{\"failure_threshold\":5,\"success_threshold\":2,\"recovery_timeout\":30,"
        "\"max_connections\":1024,\"max_pending\":1024,\"max_requests\":1024},\"health_check\":{\"interval\":30,\"timeout\":5,"
        "\"healthy_threshold\":1,\"unhealthy_threshold\":1},\"retry\":{\"budget_percent\":20,\"budget_min\":10},"
        "\"certificates\":{\"ttl\":86400},\"jwt\":{\"issuers\":[]},\"rate_limit\":null,\"services\":{}}");
    assert_true(json_equal(have, want));
    json_decref(have);
    json_decref(want);
}

static void config_services_are_sparse(void **state) {
    const char *set = "{\"ns/a\":{\"load_balancing\":{\"policy\":\"random\"},\"timeout\":1,\"retry_attempts\":0}}";
    char text[256];
    snprintf(text, sizeof text, "{\"services\":%s}", set);
    json_t *have = effective(text), *want = parse(set);
    assert_true(json_equal(json_object_get(have, "services"), want));
    json_decref(have);
    json_decref(want);
}

static void config_full(void **state) {
    const char *text =
        "{\"jwt\":{\"issuers\":[{\"issuer\":\"https://"
        "i\",\"audiences\":[\"a\"],\"jwks\":{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\",\"use\":"
        "\"sig\"}]}},"
        "{\"issuer\":\"https://j\",\"jwks_uri\":\"https://j/keys\"}]},\"rate_limit\":{\"requests_per_second\":0.5,\"burst\":2},"
        "\"load_balancing\":{\"policy\":\"consistent_hash\",\"hash_on\":\"cookie:sid\"}}";
    json_t *c = effective(text);
    json_t *issuers = json_object_get(json_object_get(c, "jwt"), "issuers");
    assert_int_equal(json_array_size(issuers), 2);
    assert_true(json_is_null(json_object_get(json_array_get(issuers, 0), "jwks_uri")));
    json_t *keys = json_object_get(json_object_get(json_array_get(issuers, 0), "jwks"), "keys");
    assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 0), "use")), "sig"); /* kept as it was */
    assert_int_equal(json_integer_value(json_object_get(json_object_get(c, "rate_limit"), "burst")), 2);
    json_decref(c);
}

static void patches(void **state) {
    static const struct {
        const char *patch, *error; /* NULL: fine */
    } all[] = {
        {"{\"rate_limit\":{\"burst\":5}}", NULL}, /* the rest may be there already */
        {"{\"services\":{\"a/b\":null},\"observability\":null,\"load_balancing\":{\"policy\":null}}", NULL},
        {"{\"nope\":null}", "nope: unknown field"},
        {"{\"load_balancing\":{\"polic\":null}}", "load_balancing.polic: unknown field"},
        {"{\"jwt\":{\"issuers\":[{\"issuer\":\"x\"}]}}", "jwt.issuers[0]: jwks"},
        {"7", "body: must be an object"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct err e = {0};
        json_t *p = all[i].patch[0] == '7' ? json_integer(7) : parse(all[i].patch);
        int rc = schema_check_patch(C, p, &e);
        assert_int_equal(rc, all[i].error ? WEFT_E_INVALID : 0);
        if (all[i].error)
            assert_memory_equal(e.msg, all[i].error, strlen(all[i].error));
        json_decref(p);
    }
}

/* A name that somebody else made up must not run the message over, nor forge lines. */
static void hostile_names(void **state) {
    struct err e = {0};
    char name[3000];
    memset(name, 'x', sizeof name);
    name[10] = '\n';
    json_t *in = json_object(), *out = NULL;
    json_object_setn_new(in, name, sizeof name, json_null());
    assert_int_equal(schema_apply(R, in, &out, &e), WEFT_E_INVALID);
    assert_null(strchr(e.msg, '\n'));
    assert_non_null(strstr(e.msg, ": unknown field"));
    json_decref(in);
}

static void long_lists(void **state) {
    struct err e = {0};
    json_t *in = parse("{" SEC "}"), *methods = json_array(), *out = NULL;
    for (int i = 0; i < 65; i++)
        json_array_append_new(methods, json_string("GET"));
    json_object_set_new(in, "allowed_methods", methods);
    assert_int_equal(schema_apply(S, in, &out, &e), WEFT_E_INVALID);
    assert_string_equal(e.msg, "allowed_methods: is too long a list");
    json_array_remove(methods, 0);
    assert_int_equal(schema_apply(S, in, &out, &e), 0);
    json_decref(in);
    json_decref(out);
}

/* Every default in the tables is itself valid, and every field has its line. */
static void check_table(const struct schema *s) {
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_field *f = &s->at[i];
        assert_non_null(f->doc);
        assert_false(f->needed && f->dflt);
        if (f->of)
            check_table(f->of);
        if (!f->dflt)
            continue;
        struct schema one = {.at = f, .n = 1};
        json_t *in = json_object(), *out = NULL;
        json_object_set_new(in, f->name, json_loads(f->dflt, JSON_DECODE_ANY, NULL));
        struct err e = {0};
        if (schema_apply(&one, in, &out, &e) < 0)
            fail_msg("%s", e.msg);
        json_decref(in);
        json_decref(out);
    }
}

static void tables(void **state) {
    const struct schema *all[] = {R, T, S, I, C};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_table(all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),      cmocka_unit_test(config_defaults), cmocka_unit_test(config_services_are_sparse),
        cmocka_unit_test(config_full), cmocka_unit_test(patches),         cmocka_unit_test(hostile_names),
        cmocka_unit_test(long_lists),  cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
