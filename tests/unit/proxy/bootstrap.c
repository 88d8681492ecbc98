// SPDX-License-Identifier: Apache-2.0
#include "proxy/bootstrap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem.h"
#include "proxy/serve.h"

static const char whole[] =
    "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}\n"
    "static_resources:\n"
    "  listeners:\n"
    "  - name: front\n"
    "    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}\n"
    "    filter_chains:\n"
    "    - filters:\n"
    "      - name: envoy.filters.network.http_connection_manager\n"
    "        typed_config:\n"
    "          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n"
    "          stat_prefix: x\n"
    "          use_remote_address: true\n"
    "          route_config:\n"
    "            name: r\n"
    "            virtual_hosts:\n"
    "            - name: v\n"
    "              domains: [\"*\"]\n"
    "              routes:\n"
    "              - match: {path: /d}\n"
    "                direct_response: {status: 204}\n"
    "              - match: {prefix: /}\n"
    "                route: {cluster: b, timeout: 1.5s}\n"
    "          http_filters:\n"
    "          - name: envoy.filters.http.router\n"
    "            typed_config:\n"
    "              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n"
    "  clusters:\n"
    "  - name: b\n"
    "    type: STATIC\n"
    "    connect_timeout: 0.25s\n"
    "    lb_policy: LEAST_REQUEST\n"
    "    load_assignment:\n"
    "      cluster_name: b\n"
    "      endpoints:\n"
    "      - lb_endpoints:\n"
    "        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}\n"
    "        - endpoint: {address: {pipe: {path: /run/x}}}\n"
    "          load_balancing_weight: 3\n";

static void reads_the_minimum(void **state) {
    struct bootstrap b;
    struct err e = {0};
    if (bootstrap_parse(&b, str_of(whole), &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(b.xds.n_listeners, 1);
    assert_int_equal(addr_port(&b.addrs[0]), 10000);
    assert_int_equal(addr_port(&b.admin), 9901);
    const struct listener *l = snap_get(b.xds.snap, XDS_LISTENER, STR("front"));
    const struct hcm *h = &l->chains[0].hcm;
    assert_true(h->use_remote_address && h->generate_request_id);
    assert_int_equal(h->routes->vhosts[0].n_routes, 2);
    assert_int_equal(h->routes->vhosts[0].routes[0].status, 204);
    assert_int_equal(h->routes->vhosts[0].routes[1].timeout_us, 1500000);
    const struct cluster *c = snap_get(b.xds.snap, XDS_CLUSTER, STR("b"));
    assert_int_equal(c->connect_timeout_us, 250000);
    assert_int_equal(c->lb, LB_LEAST_CONN);
    assert_int_equal(c->inline_endpoints->n, 2);
    assert_true(str_eq(c->inline_endpoints->at[1].address, STR("unix:/run/x")));
    assert_int_equal(c->inline_endpoints->at[1].weight, 3);
    bootstrap_fini(&b);
}

/* The text with the first `from` replaced by `to`. */
static char *changed(const char *from, const char *to) {
    const char *at = strstr(whole, from);
    assert_non_null(at);
    char *out = mem_alloc(sizeof whole + strlen(to));
    memcpy(out, whole, (size_t)(at - whole));
    strcpy(out + (at - whole), to);
    strcat(out, at + strlen(from));
    return out;
}

#define SDS(source)                                                                                                              \
    "    - transport_socket:\n        name: tls\n        typed_config:\n"                                                        \
    "          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n"                  \
    "          common_tls_context: {tls_certificate_sds_secret_configs: [{name: s" source "}]}\n      filters:"

static const struct {
    const char *from, *to, *place; /* of the message */
} refused[] = {
    {"    - filters:", SDS(""), "no such static secret: \"s\""},
    {"    - filters:", SDS(", sds_config: {ads: {}}"), "sds without dynamic_resources.ads_config: \"s\""},
    {"    - filters:", SDS(", sds_config: {path: /x}"), "sds_config.path: not supported: write path_config_source"},
    {"    - filters:", SDS(", sds_config: {path_config_source: {}}"), "path_config_source: path"},
    {"    - filters:", SDS(", sds_config: {path_config_source: {path: /x, watched_directory: {}}}"), "watched_directory: path"},
    {"    - filters:", SDS(", sds_config: {ads: {}, initial_fetch_timeout: -1s}"), "initial_fetch_timeout"},
    {"    - filters:", SDS(", sds_config: {}"), "must come over ADS"},
    {"type: STATIC", "type: EDS\n    eds_cluster_config: {eds_config: {path_config_source: {path: /x}}}",
     "eds_config: must come over ADS"},
    {"stat_prefix: x", "stat_prefix: x\n          local_reply_config: {}", "typed_config.local_reply_config"},
    {"stat_prefix: x", "stat_prefix: x\n          scopedRoutes: {name: y}", "typed_config.scopedRoutes"},
    {"stat_prefix: x", "stat_prefix: x\n          http2_protocol_options: {initial_stream_window_size: 65534}",
     "initial_stream_window_size: must be 65535"},
    {"stat_prefix: x", "stat_prefix: x\n          http2_protocol_options: {initial_connection_window_size: 2147483648}",
     "initial_connection_window_size: must be 65535"},
    {"stat_prefix: x", "stat_prefix: x\n          http2_protocol_options: {max_concurrent_streams: 0}",
     "max_concurrent_streams: must be 1"},
    {"connect_timeout: 0.25s", "nonsense: 1", "line 30: static_resources.clusters[0].nonsense: no such field"},
    {"connect_timeout: 0.25s", "connect_timeout: soon",
     "line 30: static_resources.clusters[0].connect_timeout: must be a duration"},
    {"connect_timeout: 0.25s", "connect_timeout: 1s\n    connectTimeout: 2s", "is there twice"},
    {"lb_policy: LEAST_REQUEST", "lb_policy: BEST", "clusters[0].lb_policy: has no such value"},
    {"type: STATIC", "type: EDS", "clusters[0]"},
    {"type: STATIC", "type: STATIC\n    cluster_type: {name: x}", "stands beside another choice"},
    {"address: 127.0.0.1, port_value: 1}", "address: db.local, port_value: 1}", "static_resources.clusters[0]: load_assignment"},
    {"port_value: 10000", "port_value: 100000", "port_value"},
    {"port_value: 10000", "port_value: -1", "address.socket_address.port_value: must be 0 to 4294967295"},
    {"match: {prefix: /}", "match: {prefix: /, cookies: [{name: a}]}", "match.cookies: not supported"},
    {"route: {cluster: b, timeout: 1.5s}", "route: {cluster: b, rate_limits: [{}]}", "route.rate_limits: not supported"},
    {"route: {cluster: b, timeout: 1.5s}", "route: {cluster: c}", "no such cluster"},
    {"name: envoy.filters.http.router", "name: envoy.filters.http.router\n            config_discovery: {}",
     "http_filters[0].config_discovery"},
    {"http.router.v3.Router", "http.lua.v3.Lua", "http_filters"},
    {"    - filters:", "    - transport_socket: {name: x}\n      filters:", "transport_socket"},
    {"admin: {address: {socket_address: {address: 127.0.0.1", "admin: {address: {socket_address: {address: 0.0.0.0",
     "admin.address"},
    {"static_resources:", "hds_config: {api_type: GRPC}\nstatic_resources:", "hds_config"},
    {"static_resources:", "layered_runtime: {}\nstatic_resources:", "layered_runtime"},
    {"name: front", "name: [front]", "listeners[0].name: must be a string"},
    {"name: front", "name: front\n    rds: 1", "line 5: static_resources.listeners[0].rds: no such field"},
};

static void everything_else_is_refused_by_name(void **state) {
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct bootstrap b;
        struct err e = {0};
        char *text = changed(refused[i].from, refused[i].to);
        assert_true(bootstrap_parse(&b, str_of(text), &e) < 0);
        if (!strstr(e.msg, refused[i].place))
            fail_msg("\"%s\" does not name %s", e.msg, refused[i].place);
        free(text);
    }
}

static void tls_settings_are_kept(void **state) {
    struct bootstrap b;
    struct err e = {0};
    char *text =
        changed("    - filters:",
                "    - transport_socket:\n"
                "        name: envoy.transport_sockets.tls\n"
                "        typed_config:\n"
                "          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n"
                "          require_client_certificate: true\n"
                "          common_tls_context:\n"
                "            tls_certificates: [{certificate_chain: {filename: /c}, private_key: {filename: /k}}]\n"
                "            validation_context:\n"
                "              trusted_ca: {filename: /ca}\n"
                "              match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: 'spiffe://a/b'}}]\n"
                "      filters:");
    if (bootstrap_parse(&b, str_of(text), &e) < 0)
        fail_msg("%s", e.msg);
    const struct listener *l = snap_get(b.xds.snap, XDS_LISTENER, STR("front"));
    const struct tls_context *t = l->chains[0].tls;
    assert_true(t->require_client_cert);
    assert_true(str_eq(t->ca.file, STR("/ca")));
    assert_int_equal(t->n_sans, 1);
    assert_true(str_eq(t->sans[0], STR("spiffe://a/b")));
    bootstrap_fini(&b);
    char *without = strstr(text, "            validation_context:");
    char *after = strstr(text, "      filters:");
    memmove(without, after, strlen(after) + 1);
    assert_true(bootstrap_parse(&b, str_of(text), &e) < 0); /* a required certificate that nobody could judge */
    assert_non_null(strstr(e.msg, "require_client_certificate"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_minimum),
        cmocka_unit_test(everything_else_is_refused_by_name),
        cmocka_unit_test(tls_settings_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
