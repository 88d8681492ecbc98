// SPDX-License-Identifier: Apache-2.0
#include "xds/pbjson.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "codec/yaml.h"

#define CLUSTER STR("envoy.config.cluster.v3.Cluster")
#define LISTENER STR("envoy.config.listener.v3.Listener")
#define SECRET STR("envoy.extensions.transport_sockets.tls.v3.Secret")

static int pack(struct str type, const char *yaml, struct arena *a, struct str *bytes, struct err *e) {
    struct yaml_docs docs;
    int rc = yaml_parse(&docs, str_of(yaml), e);
    assert_true(rc >= 0);
    rc = pbjson_pack(bytes, a, type, docs.at[0], &docs, e);
    yaml_docs_fini(&docs);
    return rc;
}

/* There and back: the JSON form, on one line. */
static void is_printed_as(struct str type, const char *yaml, const char *want) {
    struct arena a = {0};
    struct err e = {0};
    struct str bytes;
    struct buf got = {0};
    json_t *v = NULL;
    if (pack(type, yaml, &a, &bytes, &e) < 0 || pbjson_print(&v, type, bytes, false, &e) < 0)
        fail_msg("%s: %s", yaml, e.msg);
    json_print(&got, v, false);
    if (!str_eq(buf_str(&got), str_of(want)))
        fail_msg("%.*s", (int)got.len, buf_str(&got).ptr);
    json_decref(v);
    buf_fini(&got);
    arena_fini(&a);
}

static void is_refused(struct str type, const char *yaml, const char *says) {
    struct arena a = {0};
    struct err e = {0};
    struct str bytes;
    if (pack(type, yaml, &a, &bytes, &e) >= 0)
        fail_msg("took %s", yaml);
    if (!strstr(e.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", e.msg, says);
    arena_fini(&a);
}

static void every_kind_of_value(void **state) {
    is_printed_as(CLUSTER, "{name: a, connectTimeout: 1.250s, lb_policy: RANDOM}",
                  "{\"name\":\"a\",\"connect_timeout\":\"1.25s\",\"lb_policy\":\"RANDOM\"}");
    is_printed_as(CLUSTER, "{type: 3, lb_policy: 2, connect_timeout: 0s}",
                  "{\"type\":\"EDS\",\"connect_timeout\":\"0s\",\"lb_policy\":\"RING_HASH\"}");
    is_printed_as(CLUSTER, "{type: STATIC, name: null}", "{\"type\":\"STATIC\"}"); /* a choice shows its zero */
    is_printed_as(CLUSTER, "{circuit_breakers: {thresholds: [{max_connections: 0}, {max_requests: '7'}]}}",
                  "{\"circuit_breakers\":{\"thresholds\":[{\"max_connections\":0},{\"max_requests\":7}]}}");
    is_printed_as(CLUSTER, "{metadata: {filter_metadata: {a: {b: [1, x, true, null, {c: {}}]}}}}",
                  "{\"metadata\":{\"filter_metadata\":{\"a\":{\"b\":[1.0,\"x\",true,null,{\"c\":{}}]}}}}");
    is_printed_as(SECRET, "{tls_certificate: {certificate_chain: {inline_bytes: aGk=}, private_key: {inline_string: k}}}",
                  "{\"tls_certificate\":{\"certificate_chain\":{\"inline_bytes\":\"aGk=\"},\"private_key\":{\"inline_string\":"
                  "\"[redacted]\"}}}");
}

static void what_an_any_holds(void **state) {
    is_printed_as(CLUSTER,
                  "{transport_socket: {name: t, typed_config: {\"@type\": "
                  "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: a.b}}}",
                  "{\"transport_socket\":{\"name\":\"t\",\"typed_config\":{\"@type\":\"type.googleapis.com/"
                  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\",\"sni\":\"a.b\"}}}");
    is_printed_as(CLUSTER, "{transport_socket: {typed_config: {\"@type\": x/y.Z, a: 1}}}",
                  "{\"transport_socket\":{\"typed_config\":{\"@type\":\"x/y.Z\",\"value\":\"\"}}}");
    is_refused(CLUSTER, "{transport_socket: {typed_config: {a: 1}}}", "typed_config: needs an @type");
    is_refused(CLUSTER,
               "transport_socket:\n  typed_config:\n    \"@type\": "
               "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n    sin: a\n",
               "line 4: transport_socket.typed_config.sin: no such field");
}

static void values_of_a_wrong_kind(void **state) {
    is_refused(CLUSTER, "{name: 1}", "name: must be a string");
    is_refused(CLUSTER, "{respect_dns_ttl: 1}", "respect_dns_ttl: must be true or false");
    is_refused(CLUSTER, "{connect_timeout: 1}", "must be a duration");
    is_refused(CLUSTER, "{connect_timeout: '1.0000000001s'}", "must be a duration");
    is_refused(CLUSTER, "{connect_timeout: '999999999999s'}", "must be a duration");
    is_refused(CLUSTER, "{health_checks: {}}", "health_checks: must be a list");
    is_refused(CLUSTER, "{health_checks: [1]}", "health_checks[0]: must be an object");
    is_refused(CLUSTER, "{circuit_breakers: {thresholds: [{max_requests: 4294967296}]}}", "must be 0 to 4294967295");
    is_refused(CLUSTER, "{circuit_breakers: {thresholds: [{max_requests: 1.5}]}}", "must be a whole number");
    is_refused(CLUSTER, "{circuit_breakers: {thresholds: [{max_requests: '1x'}]}}", "must be 0 to");
    is_refused(CLUSTER, "{lb_policy: 99}", "has no such value");
    is_refused(SECRET, "{tls_certificate: {private_key: {inline_bytes: '*'}}}", "must be base64");
    is_refused(SECRET, "{tls_certificate: {private_key: {filename: a, inline_string: b}}}", "stands beside another choice");
    is_refused(CLUSTER, "[]", "must be an object");
}

static void fields_by_the_table(void **state) {
    is_printed_as(LISTENER, "{name: l, reuse_port: true, tcp_backlog_size: nonsense, freebind: false}", "{\"name\":\"l\"}");
    is_refused(LISTENER, "{freebind: true}", "freebind: not supported: the address must be there");
    is_refused(LISTENER, "{frebind: true}", "frebind: no such field");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value),
        cmocka_unit_test(what_an_any_holds),
        cmocka_unit_test(values_of_a_wrong_kind),
        cmocka_unit_test(fields_by_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
