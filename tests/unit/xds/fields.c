// SPDX-License-Identifier: Apache-2.0
/* Single fields: what is used, what an absent one means, and what is refused because leaving it out would weaken security or send
 * traffic elsewhere. Messages are built with the generated code: as a foreign control plane would send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "cluster.pb-c.h"
#include "hcm.pb-c.h"
#include "http_rbac.pb-c.h"
#include "listener.pb-c.h"
#include "router.pb-c.h"
#include "xds/xds.h"
#include "xds/xds_int.h"

static struct arena a; /* of the running test's messages */

static int cleanup(void **state) {
    arena_fini(&a);
    return 0;
}

/* The resource, or NULL when `says` is given: then it must be refused with that in the message. */
static void *decode(enum xds_type type, const void *message, const char *says) {
    struct err e = {0};
    void *resource;
    int r = xds_decode(type, pack_msg(&a, message), &resource, &e);
    if (r >= 0 && says)
        fail_msg("taken, where \"%s\" was to be refused", says);
    if (r < 0 && (!says || !strstr(e.msg, says)))
        fail_msg("\"%s\" where \"%s\" was expected", e.msg, says ? says : "");
    return resource;
}

#define ONE(list, n, item)                                                                                                       \
    do {                                                                                                                         \
        (n) = 1;                                                                                                                 \
        (list) = pack_array(&a, 1);                                                                                              \
        (list)[0] = (item);                                                                                                      \
    } while (0)

/* ---- messages ---- */

static Em__StringMatcher *exact(const char *text) {
    Em__StringMatcher *w = PACK_NEW(&a, em__string_matcher);
    w->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_EXACT;
    w->exact = (char *)text;
    return w;
}

static Er__Route *new_route(void) {
    Er__Route *w = PACK_NEW(&a, er__route);
    w->match = PACK_NEW(&a, er__route_match);
    w->match->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    w->match->prefix = (char *)"/";
    w->action_case = ER__ROUTE__ACTION_ROUTE;
    w->route = PACK_NEW(&a, er__route_action);
    w->route->cluster_specifier_case = ER__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
    w->route->cluster = (char *)"c";
    return w;
}

static Er__RouteConfiguration *new_table(Er__Route *route) {
    Er__RouteConfiguration *w = PACK_NEW(&a, er__route_configuration);
    Er__VirtualHost *v = PACK_NEW(&a, er__virtual_host);
    v->name = (char *)"v";
    w->name = (char *)"t";
    ONE(w->virtual_hosts, w->n_virtual_hosts, v);
    ONE(v->domains, v->n_domains, (char *)"*");
    ONE(v->routes, v->n_routes, route);
    return w;
}

static Eh__HttpConnectionManager *new_hcm(void) {
    Eh__HttpConnectionManager *w = PACK_NEW(&a, eh__http_connection_manager);
    Eh__HttpFilter *router = PACK_NEW(&a, eh__http_filter);
    router->name = (char *)"router";
    router->config_type_case = EH__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    router->typed_config = pack_any(&a, PACK_NEW(&a, ertr__router));
    ONE(w->http_filters, w->n_http_filters, router);
    w->route_specifier_case = EH__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG;
    w->route_config = new_table(new_route());
    return w;
}

static El__FilterChain *new_chain(const Eh__HttpConnectionManager *hcm) {
    El__FilterChain *c = PACK_NEW(&a, el__filter_chain);
    El__Filter *f = PACK_NEW(&a, el__filter);
    f->name = (char *)"http";
    f->config_type_case = EL__FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = pack_any(&a, hcm);
    ONE(c->filters, c->n_filters, f);
    return c;
}

static El__Listener *new_listener(const Eh__HttpConnectionManager *hcm) {
    El__Listener *w = PACK_NEW(&a, el__listener);
    w->name = (char *)"l";
    w->address = xds__encode_address(&a, STR("0.0.0.0"), 80);
    ONE(w->filter_chains, w->n_filter_chains, new_chain(hcm));
    return w;
}

static Ecl__Cluster *new_cluster(void) {
    Ecl__Cluster *w = PACK_NEW(&a, ecl__cluster);
    w->name = (char *)"c";
    return w;
}

static Ee__ClusterLoadAssignment *new_assignment(Ee__LbEndpoint **endpoint) {
    Ee__ClusterLoadAssignment *w = PACK_NEW(&a, ee__cluster_load_assignment);
    Ee__LocalityLbEndpoints *g = PACK_NEW(&a, ee__locality_lb_endpoints);
    Ee__LbEndpoint *e = *endpoint = PACK_NEW(&a, ee__lb_endpoint);
    w->cluster_name = (char *)"c";
    e->host_identifier_case = EE__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT;
    e->endpoint = PACK_NEW(&a, ee__endpoint);
    e->endpoint->address = xds__encode_address(&a, STR("10.0.0.1"), 80);
    ONE(g->lb_endpoints, g->n_lb_endpoints, e);
    ONE(w->endpoints, w->n_endpoints, g);
    return w;
}

/* ---- routes ---- */

static struct route *decode_route(Er__Route *w, struct route_table **t) {
    *t = decode(XDS_ROUTE, new_table(w), NULL);
    return (*t)->vhosts[0].routes;
}

/* Absent is 15 s and none; zero is none; a policy without a number is 1 (xds.md §7.6). */
static void timeouts_and_retries(void **state) {
    static const struct {
        int64_t timeout; /* -1: absent */
        int policy; /* 0: none, 1: without a number, 2: of 3, 3: of 0, 4: of 3 and without conditions, 5: of 3, of responses */
        uint64_t us;
        uint32_t retries;
    } cases[] = {{-1, 0, 15000000, 0}, {0, 1, 0, 1},       {7, 2, 7000000, 3},
                 {7, 3, 7000000, 0},   {7, 4, 7000000, 0}, {7, 5, 7000000, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Er__Route *w = new_route();
        struct route_table *t;
        if (cases[i].timeout >= 0)
            w->route->timeout = pack_duration(&a, (uint64_t)cases[i].timeout * 1000000);
        if (cases[i].policy) {
            w->route->retry_policy = PACK_NEW(&a, er__retry_policy);
            w->route->retry_policy->retry_on = (char *)(cases[i].policy == 4   ? ""
                                                        : cases[i].policy == 5 ? "retriable-4xx, refused-stream"
                                                                               : "x, reset");
            if (cases[i].policy > 1)
                w->route->retry_policy->num_retries = pack_u32(&a, cases[i].policy == 3 ? 0 : 3);
        }
        struct route *r = decode_route(w, &t);
        assert_int_equal(r->timeout_us, cases[i].us);
        assert_int_equal(r->retries, cases[i].retries);
        assert_int_equal(r->retry ? r->retry->retries : 0, cases[i].policy == 5 ? 3 : cases[i].retries);
        ref_put(t);
    }
}

static void retries_of_the_virtual_host(void **state) {
    Er__RouteConfiguration *w = new_table(new_route());
    w->virtual_hosts[0]->retry_policy = PACK_NEW(&a, er__retry_policy);
    w->virtual_hosts[0]->retry_policy->retry_on = (char *)"5xx";
    struct route_table *t = decode(XDS_ROUTE, w, NULL);
    assert_int_equal(t->vhosts[0].routes[0].retries, 1);
    ref_put(t);
}

static void durations(void **state) {
    static const struct {
        int64_t seconds;
        int32_t nanos;
    } bad[] = {{-1, 0}, {0, -1}, {0, 1000000000}, {INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Er__Route *w = new_route();
        w->route->timeout = pack_duration(&a, 0);
        w->route->timeout->seconds = bad[i].seconds;
        w->route->timeout->nanos = bad[i].nanos;
        decode(XDS_ROUTE, new_table(w), "timeout: not a valid duration");
    }
}

static void fractions(void **state) {
    static const struct {
        uint32_t numerator;
        Et__FractionalPercent__DenominatorType denominator;
        uint32_t ppm; /* UINT32_MAX: refused */
    } cases[] = {{0, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED, 0},
                 {25, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED, 250000},
                 {100, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED, ROUTE_PPM},
                 {101, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED, UINT32_MAX},
                 {5, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__TEN_THOUSAND, 500},
                 {7, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION, 7},
                 {UINT32_MAX, ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION, UINT32_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Er__Route *w = new_route();
        w->match->runtime_fraction = PACK_NEW(&a, ec__runtime_fractional_percent);
        Et__FractionalPercent *f = w->match->runtime_fraction->default_value = PACK_NEW(&a, et__fractional_percent);
        f->numerator = cases[i].numerator;
        f->denominator = cases[i].denominator;
        struct route_table *t = decode(XDS_ROUTE, new_table(w), cases[i].ppm == UINT32_MAX ? "not a fraction" : NULL);
        if (t)
            assert_int_equal(t->vhosts[0].routes[0].match.fraction, cases[i].ppm);
        ref_put(t);
    }
}

static void weights(void **state) {
    static const struct {
        uint32_t one, two;
        const char *says;
    } cases[] = {{0, 0, "sum of weights"}, {0, 1, NULL}, {UINT32_MAX, 1, "sum of weights"}, {UINT32_MAX, 0, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Er__Route *w = new_route();
        Er__WeightedCluster *s = PACK_NEW(&a, er__weighted_cluster);
        w->route->cluster_specifier_case = ER__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS;
        w->route->weighted_clusters = s;
        s->n_clusters = 2;
        s->clusters = pack_array(&a, 2);
        for (size_t k = 0; k < 2; k++) {
            s->clusters[k] = PACK_NEW(&a, er__weighted_cluster__cluster_weight);
            s->clusters[k]->name = (char *)"c";
            s->clusters[k]->weight = pack_u32(&a, k ? cases[i].two : cases[i].one);
        }
        ref_put(decode(XDS_ROUTE, new_table(w), cases[i].says));
    }
}

static void domains(void **state) {
    static const struct {
        const char *one, *two, *says;
    } cases[] = {
        {"a", "b", NULL},       {"A.b", "a.B", "is there twice"}, {"*", "*", "is there twice"}, {"*.a", "a.*", NULL},
        {"", "a", "not valid"}, {"a*b", "a", "not valid"},        {"*.a.*", "a", "not valid"},  {"**", "a", "not valid"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Er__RouteConfiguration *w = new_table(new_route()), *other = new_table(new_route());
        Er__VirtualHost *both[] = {w->virtual_hosts[0], other->virtual_hosts[0]};
        both[0]->domains[0] = (char *)cases[i].one;
        both[1]->domains[0] = (char *)cases[i].two;
        w->n_virtual_hosts = 2;
        w->virtual_hosts = both;
        struct route_table *t = decode(XDS_ROUTE, w, cases[i].says);
        if (t)
            assert_int_equal(t->vhosts[0].domains[0].len, strlen(cases[i].one));
        ref_put(t);
    }
}

static void refused_of_routes(void **state) {
    Er__Route *w = new_route();
    w->match->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER__NOT_SET;
    decode(XDS_ROUTE, new_table(w), "says no path");

    w = new_route();
    w->match->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX;
    w->match->safe_regex = PACK_NEW(&a, em__regex_matcher);
    w->match->safe_regex->regex = (char *)"(";
    decode(XDS_ROUTE, new_table(w), "safe_regex: ");

    w = new_route();
    ONE(w->match->query_parameters, w->match->n_query_parameters, PACK_NEW(&a, er__query_parameter_matcher));
    decode(XDS_ROUTE, new_table(w), "query_parameters");

    w = new_route();
    ONE(w->request_headers_to_remove, w->n_request_headers_to_remove, (char *)"Host");
    decode(XDS_ROUTE, new_table(w), "\"host\" is not edited");

    w = new_route();
    w->route->metadata_match = PACK_NEW(&a, ec__metadata);
    decode(XDS_ROUTE, new_table(w), "metadata_match");

    w = new_route();
    w->action_case = ER__ROUTE__ACTION_REDIRECT;
    w->redirect = PACK_NEW(&a, er__redirect_action);
    w->redirect->host_redirect = (char *)"a b";
    decode(XDS_ROUTE, new_table(w), "host_redirect: must be visible ASCII");

    w = new_route();
    w->action_case = ER__ROUTE__ACTION__NOT_SET;
    decode(XDS_ROUTE, new_table(w), "no action");

    w = new_route();
    Er__Route__TypedPerFilterConfigEntry *entry = PACK_NEW(&a, er__route__typed_per_filter_config_entry);
    entry->key = (char *)"envoy.filters.http.rbac";
    entry->value = pack_any(&a, PACK_NEW(&a, ehr__rbacper_route));
    ONE(w->typed_per_filter_config, w->n_typed_per_filter_config, entry);
    decode(XDS_ROUTE, new_table(w), "envoy.filters.http.rbac");
}

static void header_forms(void **state) {
    Er__HeaderMatcher *h = PACK_NEW(&a, er__header_matcher);
    Er__Route *w = new_route();
    struct route_table *t;
    h->name = (char *)"X-User";
    ONE(w->match->headers, w->match->n_headers, h);
    struct header_match *m = decode_route(w, &t)->match.headers; /* nothing set: presence */
    assert_int_equal(m->kind, HEADER_PRESENT);
    assert_true(str_eq(m->name, STR("x-user")));
    assert_false(m->invert);
    ref_put(t);

    h->header_match_specifier_case = ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH; /* false: absence */
    assert_true(decode_route(w, &t)->match.headers[0].invert);
    ref_put(t);

    h->header_match_specifier_case = ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_EXACT_MATCH; /* the old form */
    h->exact_match = (char *)"me";
    m = decode_route(w, &t)->match.headers;
    assert_int_equal(m->string.kind, STRING_EXACT);
    assert_true(str_eq(m->string.text, STR("me")));
    ref_put(t);

    h->header_match_specifier_case = ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH;
    h->string_match = PACK_NEW(&a, em__string_matcher);
    decode(XDS_ROUTE, new_table(w), "says nothing to match");
    h->string_match->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_PREFIX;
    h->string_match->prefix = (char *)"";
    decode(XDS_ROUTE, new_table(w), "must not be empty");
    h->name = (char *)"";
    decode(XDS_ROUTE, new_table(w), "name must not be empty");
}

/* ---- clusters ---- */

static Ec__TransportSocket *socket_of(const void *context) {
    Ec__TransportSocket *w = PACK_NEW(&a, ec__transport_socket);
    w->config_type_case = EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
    w->typed_config = pack_any(&a, context);
    return w;
}

static void refused_of_clusters(void **state) {
    Ecl__Cluster *w = new_cluster();
    w->cluster_discovery_type_case = ECL__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE;
    w->type = ECL__CLUSTER__DISCOVERY_TYPE__EDS;
    decode(XDS_CLUSTER, w, "eds_config: must come over ADS");
    w->type = ECL__CLUSTER__DISCOVERY_TYPE__LOGICAL_DNS;
    w->dns_refresh_rate = pack_duration(&a, 0);
    decode(XDS_CLUSTER, w, "dns_refresh_rate: at least 1 ms");
    w->dns_refresh_rate = NULL;
    w->dns_lookup_family = 9;
    decode(XDS_CLUSTER, w, "dns_lookup_family");
    w->dns_lookup_family = ECL__CLUSTER__DNS_LOOKUP_FAMILY__V6_ONLY;
    struct cluster *logical = decode(XDS_CLUSTER, w, NULL);
    assert_true(logical->type == CLUSTER_STRICT_DNS && logical->dns_logical && logical->dns_family == CLUSTER_DNS_V6);
    ref_put(logical);
    w->dns_lookup_family = ECL__CLUSTER__DNS_LOOKUP_FAMILY__AUTO;

    w = new_cluster();
    w->connect_timeout = pack_duration(&a, 0);
    decode(XDS_CLUSTER, w, "connect_timeout");

    w = new_cluster();
    w->lb_policy = ECL__CLUSTER__LB_POLICY__LOAD_BALANCING_POLICY_CONFIG;
    decode(XDS_CLUSTER, w, "lb_policy");

    w = new_cluster();
    ONE(w->health_checks, w->n_health_checks, PACK_NEW(&a, ec__health_check));
    decode(XDS_CLUSTER, w, "health_checks");

    w = new_cluster();
    Ecl__Cluster__TransportSocketMatch *m = PACK_NEW(&a, ecl__cluster__transport_socket_match);
    m->match = pack_struct(&a, "team", STR("red"));
    m->transport_socket = socket_of(PACK_NEW(&a, etls__upstream_tls_context));
    ONE(w->transport_socket_matches, w->n_transport_socket_matches, m);
    decode(XDS_CLUSTER, w, "transport_socket_matches");
    decode(XDS_CLUSTER, PACK_NEW(&a, ecl__cluster), "name: must not be empty");
}

static Ecl__Cluster *tls_cluster(Etls__CertificateValidationContext **v) {
    Ecl__Cluster *w = new_cluster();
    Etls__UpstreamTlsContext *t = PACK_NEW(&a, etls__upstream_tls_context);
    Etls__CommonTlsContext *c = t->common_tls_context = PACK_NEW(&a, etls__common_tls_context);
    c->validation_context_type_case = ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT;
    if (!*v) {
        const struct data_source ca = {.file = STR("/ca.pem")};
        *v = PACK_NEW(&a, etls__certificate_validation_context);
        (*v)->trusted_ca = xds__encode_data(&a, &ca);
    }
    c->validation_context = *v;
    w->transport_socket = socket_of(t);
    return w;
}

static void names_of_peers(void **state) {
    Etls__CertificateValidationContext *v = NULL;
    tls_cluster(&v);
    ONE(v->match_subject_alt_names, v->n_match_subject_alt_names, exact("spiffe://old"));
    struct cluster *c = decode(XDS_CLUSTER, tls_cluster(&v), NULL);
    assert_int_equal(c->tls->n_sans, 1);
    assert_true(str_eq(c->tls->sans[0], STR("spiffe://old")));
    assert_true(c->tls_always);
    ref_put(c);

    Etls__SubjectAltNameMatcher *typed = PACK_NEW(&a, etls__subject_alt_name_matcher);
    typed->san_type = ETLS__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__URI;
    typed->matcher = exact("spiffe://new");
    ONE(v->match_typed_subject_alt_names, v->n_match_typed_subject_alt_names, typed);
    c = decode(XDS_CLUSTER, tls_cluster(&v), NULL);
    assert_true(c->tls->n_sans == 1 && str_eq(c->tls->sans[0], STR("spiffe://new")));
    ref_put(c);

    typed->san_type = ETLS__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__DNS;
    decode(XDS_CLUSTER, tls_cluster(&v), "a type but URI");
    typed->san_type = ETLS__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__URI;
    typed->matcher = PACK_NEW(&a, em__string_matcher);
    decode(XDS_CLUSTER, tls_cluster(&v), "a matcher but exact");
    v->n_match_typed_subject_alt_names = 0;
    v->trusted_ca = NULL;
    decode(XDS_CLUSTER, tls_cluster(&v), "no trusted_ca");
    v = PACK_NEW(&a, etls__certificate_validation_context);
    v->crl = PACK_NEW(&a, ec__data_source);
    decode(XDS_CLUSTER, tls_cluster(&v), "crl");
}

/* ---- endpoints ---- */

static void endpoint_values(void **state) {
    Ee__LbEndpoint *e;
    Ee__ClusterLoadAssignment *w = new_assignment(&e);
    static const enum endpoint_health health[] = {ENDPOINT_HEALTHY,  ENDPOINT_HEALTHY,   ENDPOINT_UNHEALTHY,
                                                  ENDPOINT_DRAINING, ENDPOINT_UNHEALTHY, ENDPOINT_HEALTHY};
    for (int status = 0; status < 6; status++) {
        e->health_status = (Ec__HealthStatus)status;
        struct endpoints *eps = decode(XDS_ENDPOINT, w, NULL);
        assert_int_equal(eps->at[0].health, health[status]);
        assert_int_equal(eps->at[0].weight, 1);
        assert_false(eps->at[0].mtls);
        ref_put(eps);
    }
    e->health_status = (Ec__HealthStatus)6;
    decode(XDS_ENDPOINT, w, "health_status");

    w = new_assignment(&e);
    e->load_balancing_weight = pack_u32(&a, 0);
    decode(XDS_ENDPOINT, w, "load_balancing_weight");
    w = new_assignment(&e);
    e->endpoint->address = xds__encode_address(&a, STR("app.example"), 80);
    decode(XDS_ENDPOINT, w, "not an IP address");
    e->endpoint->address = xds__encode_address(&a, STR("10.0.0.1"), 0);
    decode(XDS_ENDPOINT, w, "port 0");
    e->endpoint->address->socket_address->port_value = 65536;
    decode(XDS_ENDPOINT, w, "port_value");
    e->endpoint->address = NULL;
    decode(XDS_ENDPOINT, w, "no address");
    w = new_assignment(&e);
    w->endpoints[0]->priority = PRIORITY_MAX + 1;
    decode(XDS_ENDPOINT, w, "priority");
    w = new_assignment(&e);
    w->policy = PACK_NEW(&a, ee__cluster_load_assignment__policy);
    ONE(w->policy->drop_overloads, w->policy->n_drop_overloads, PACK_NEW(&a, ee__cluster_load_assignment__policy__drop_overload));
    decode(XDS_ENDPOINT, w, "drop_overloads");
}

/* ---- listeners ---- */

static void absent_of_listeners(void **state) {
    struct listener *l = decode(XDS_LISTENER, new_listener(new_hcm()), NULL);
    const struct hcm *h = &l->chains[0].hcm;
    assert_true(h->generate_request_id); /* the API's default */
    assert_false(h->use_remote_address);
    assert_null(h->rbac);
    assert_false(h->tracing);
    assert_int_equal(l->chains[0].match.transport, CHAIN_ANY);
    ref_put(l);

    Eh__HttpConnectionManager *w = new_hcm();
    w->tracing = PACK_NEW(&a, eh__http_connection_manager__tracing);
    l = decode(XDS_LISTENER, new_listener(w), NULL);
    assert_int_equal(l->chains[0].hcm.trace_sampling, 1000000);
    ref_put(l);

    El__Listener *m = new_listener(new_hcm());
    m->default_filter_chain = m->filter_chains[0];
    m->n_filter_chains = 0;
    l = decode(XDS_LISTENER, m, NULL);
    assert_int_equal(l->n_chains, 0);
    assert_non_null(l->fallback);
    assert_int_equal(l->detect_timeout_us, 0);
    ref_put(l);
}

static void refused_of_listeners(void **state) {
    El__Listener *w = new_listener(new_hcm());
    w->transparent = pack_bool(&a, true);
    decode(XDS_LISTENER, w, "transparent");

    w = new_listener(new_hcm());
    w->api_listener = PACK_NEW(&a, el__api_listener);
    decode(XDS_LISTENER, w, "api_listener");

    w = new_listener(new_hcm());
    ONE(w->listener_filters, w->n_listener_filters, PACK_NEW(&a, el__listener_filter));
    decode(XDS_LISTENER, w, "listener_filters");

    w = new_listener(new_hcm());
    El__FilterChainMatch *m = w->filter_chains[0]->filter_chain_match = PACK_NEW(&a, el__filter_chain_match);
    ONE(m->server_names, m->n_server_names, (char *)"a");
    ref_put(decode(XDS_LISTENER, w, NULL));
    m->server_names[0] = (char *)"a*.test"; /* no label of its own */
    decode(XDS_LISTENER, w, "filter_chain_match: server_names");
    m->server_names[0] = (char *)"*";
    decode(XDS_LISTENER, w, "filter_chain_match: server_names");
    m->n_server_names = 0;
    m->transport_protocol = (char *)"quic";
    decode(XDS_LISTENER, w, "filter_chain_match: transport_protocol");
    m->transport_protocol = (char *)"";
    m->destination_port = pack_u32(&a, 65536);
    decode(XDS_LISTENER, w, "filter_chain_match: destination_port");
    m->destination_port = NULL;
    ONE(m->prefix_ranges, m->n_prefix_ranges, PACK_NEW(&a, ec__cidr_range));
    m->prefix_ranges[0]->address_prefix = (char *)"10.0.0.0";
    m->prefix_ranges[0]->prefix_len = pack_u32(&a, 33);
    decode(XDS_LISTENER, w, "is no range");

    w = new_listener(new_hcm());
    El__FilterChain *twice[] = {w->filter_chains[0], w->filter_chains[0]};
    w->filter_chains = twice;
    w->n_filter_chains = 2;
    decode(XDS_LISTENER, w, "match the same");

    w = new_listener(new_hcm());
    w->n_filter_chains = 0;
    decode(XDS_LISTENER, w, "no filter chains");
    w = new_listener(new_hcm());
    w->filter_chains[0]->n_filters = 0;
    decode(XDS_LISTENER, w, "an HTTP connection manager or a TCP proxy");
}

static void refused_of_hcms(void **state) {
    Eh__HttpConnectionManager *w = new_hcm();
    w->via = (char *)"a\r\nb: c";
    decode(XDS_LISTENER, new_listener(w), "via: not the value of a header");

    w = new_hcm();
    w->n_http_filters = 0;
    decode(XDS_LISTENER, new_listener(w), "the last must be the router");

    Eh__HttpFilter *other = PACK_NEW(&a, eh__http_filter), *filters[] = {other, new_hcm()->http_filters[0]};
    other->name = (char *)"envoy.filters.http.ext_authz";
    w = new_hcm();
    w->http_filters = filters;
    w->n_http_filters = 2;
    decode(XDS_LISTENER, new_listener(w), "envoy.filters.http.ext_authz");
    other->is_optional = true;
    ref_put(decode(XDS_LISTENER, new_listener(w), NULL));

    Ehr__RBAC *rbac = PACK_NEW(&a, ehr__rbac);
    rbac->rules = PACK_NEW(&a, erb__rbac);
    other->config_type_case = EH__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    other->typed_config = pack_any(&a, rbac);
    struct listener *l = decode(XDS_LISTENER, new_listener(w), NULL);
    assert_non_null(l->chains[0].hcm.rbac);
    ref_put(l);
    other->disabled = true;
    decode(XDS_LISTENER, new_listener(w), "disabled RBAC");
    other->disabled = false;
    rbac->rules->action = ERB__RBAC__ACTION__LOG;
    other->typed_config = pack_any(&a, rbac);
    decode(XDS_LISTENER, new_listener(w), "an action but ALLOW and DENY");
}

static void downstream_tls(void **state) {
    El__Listener *w = new_listener(new_hcm());
    Etls__DownstreamTlsContext *t = PACK_NEW(&a, etls__downstream_tls_context);
    w->filter_chains[0]->transport_socket = socket_of(t);
    decode(XDS_LISTENER, w, "no certificate");
    t->common_tls_context = PACK_NEW(&a, etls__common_tls_context);
    Etls__SdsSecretConfig *sds = PACK_NEW(&a, etls__sds_secret_config);
    sds->name = (char *)"default";
    ONE(t->common_tls_context->tls_certificate_sds_secret_configs, t->common_tls_context->n_tls_certificate_sds_secret_configs,
        sds);
    w->filter_chains[0]->transport_socket = socket_of(t);
    struct listener *fixed = decode(XDS_LISTENER, w, NULL); /* without a source: a static secret of that name */
    assert_true(str_eq(fixed->chains[0].tls->cert_secret.name, STR("default")));
    ref_put(fixed);
    sds->sds_config = PACK_NEW(&a, ec__config_source);
    w->filter_chains[0]->transport_socket = socket_of(t);
    decode(XDS_LISTENER, w, "must come over ADS");
    sds->sds_config = pack_ads(&a);
    w->filter_chains[0]->transport_socket = socket_of(t);
    ref_put(decode(XDS_LISTENER, w, NULL));
    t->require_client_certificate = pack_bool(&a, true); /* by whom? */
    w->filter_chains[0]->transport_socket = socket_of(t);
    decode(XDS_LISTENER, w, "without a validation context");
    t->require_client_certificate = NULL;
    t->require_sni = pack_bool(&a, true);
    w->filter_chains[0]->transport_socket = socket_of(t);
    decode(XDS_LISTENER, w, "require_sni");
}

/* ---- policies ---- */

static void policy(Erb__Permission *permission, Erb__Principal *principal, const char *says) {
    Ecl__Cluster *w = new_cluster();
    Erb__RBAC *r = PACK_NEW(&a, erb__rbac);
    Erb__RBAC__PoliciesEntry *entry = PACK_NEW(&a, erb__rbac__policies_entry);
    Ec__Metadata__TypedFilterMetadataEntry *m = PACK_NEW(&a, ec__metadata__typed_filter_metadata_entry);
    entry->key = (char *)"p";
    entry->value = PACK_NEW(&a, erb__policy);
    if (permission)
        ONE(entry->value->permissions, entry->value->n_permissions, permission);
    if (principal)
        ONE(entry->value->principals, entry->value->n_principals, principal);
    ONE(r->policies, r->n_policies, entry);
    m->key = (char *)"weft.rbac";
    m->value = pack_any(&a, r);
    w->metadata = PACK_NEW(&a, ec__metadata);
    ONE(w->metadata->typed_filter_metadata, w->metadata->n_typed_filter_metadata, m);
    ref_put(decode(XDS_CLUSTER, w, says));
}

static void refused_of_policies(void **state) {
    Erb__Permission *any = PACK_NEW(&a, erb__permission), *p = PACK_NEW(&a, erb__permission);
    Erb__Principal *all = PACK_NEW(&a, erb__principal), *q = PACK_NEW(&a, erb__principal);
    any->rule_case = ERB__PERMISSION__RULE_ANY;
    any->any = true;
    all->identifier_case = ERB__PRINCIPAL__IDENTIFIER_ANY;
    all->any = true;
    policy(any, all, NULL);
    policy(NULL, all, "permission: an empty list");
    policy(any, NULL, "principal: an empty list");
    policy(p, all, "permission: says nothing");
    policy(any, q, "principal: says nothing");
    p->rule_case = ERB__PERMISSION__RULE_ANY; /* any: false */
    policy(p, all, "any must be true");
    p->rule_case = ERB__PERMISSION__RULE_OR_RULES;
    p->or_rules = PACK_NEW(&a, erb__permission__set);
    policy(p, all, "an empty list");
    p->rule_case = ERB__PERMISSION__RULE_DESTINATION_PORT;
    p->destination_port = 65536;
    policy(p, all, "no such port");
    p->rule_case = ERB__PERMISSION__RULE_REQUESTED_SERVER_NAME;
    p->requested_server_name = exact("a");
    policy(p, all, "requested_server_name");
    q->identifier_case = ERB__PRINCIPAL__IDENTIFIER_METADATA;
    q->metadata = PACK_NEW(&a, em__metadata_matcher);
    policy(any, q, "metadata");
    q->identifier_case = ERB__PRINCIPAL__IDENTIFIER_DIRECT_REMOTE_IP;
    q->direct_remote_ip = PACK_NEW(&a, ec__cidr_range);
    q->direct_remote_ip->address_prefix = (char *)"10.0.0.0";
    q->direct_remote_ip->prefix_len = pack_u32(&a, 33);
    policy(any, q, "not an address range");
    q->direct_remote_ip->address_prefix = (char *)"ten";
    policy(any, q, "not an address range");
}

int main(void) {
#define T(test) cmocka_unit_test_teardown(test, cleanup)
    const struct CMUnitTest tests[] = {
        T(timeouts_and_retries),
        T(retries_of_the_virtual_host),
        T(durations),
        T(fractions),
        T(weights),
        T(domains),
        T(refused_of_routes),
        T(header_forms),
        T(refused_of_clusters),
        T(names_of_peers),
        T(endpoint_values),
        T(absent_of_listeners),
        T(refused_of_listeners),
        T(refused_of_hcms),
        T(downstream_tls),
        T(refused_of_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
