// SPDX-License-Identifier: Apache-2.0
#include "xds/xds_chain.h"
#include "network_rbac.pb-c.h"
#include "stdout.pb-c.h"
#include "tcp_proxy.pb-c.h"
#include "weft.pb-c.h"
#include "xds/xds_int.h"

#define WEIGHT_MAX UINT32_MAX /* of all clusters of a split together */

/* ---- which connections ---- */

static void encode_ranges(struct arena *a, const struct ip_range *r, size_t n, Ec__CidrRange ***out, size_t *n_out) {
    char text[IP_TEXT];
    *n_out = n;
    *out = pack_array(a, n);
    for (size_t i = 0; i < n; i++) {
        Ec__CidrRange *w = (*out)[i] = PACK_NEW(a, ec__cidr_range);
        w->address_prefix = pack_str(a, str_of(ip_text(&r[i].ip, text)));
        w->prefix_len = pack_u32(a, r[i].bits);
    }
}

static void encode_names(struct arena *a, const struct str *names, size_t n, char ***out, size_t *n_out) {
    *n_out = n;
    *out = pack_array(a, n);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = pack_str(a, names[i]);
}

El__FilterChainMatch *xds__encode_match(struct arena *a, const struct chain_match *m) {
    static const El__FilterChainMatch__ConnectionSourceType types[] = {
        [CHAIN_SOURCE_ANY] = EL__FILTER_CHAIN_MATCH__CONNECTION_SOURCE_TYPE__ANY,
        [CHAIN_SOURCE_LOCAL] = EL__FILTER_CHAIN_MATCH__CONNECTION_SOURCE_TYPE__SAME_IP_OR_LOOPBACK,
        [CHAIN_SOURCE_EXTERNAL] = EL__FILTER_CHAIN_MATCH__CONNECTION_SOURCE_TYPE__EXTERNAL};
    if (chain_match_is_any(m))
        return NULL;
    El__FilterChainMatch *w = PACK_NEW(a, el__filter_chain_match);
    if (m->transport != CHAIN_ANY)
        w->transport_protocol = (char *)(m->transport == CHAIN_TLS ? "tls" : "raw_buffer");
    if (m->destination_port)
        w->destination_port = pack_u32(a, m->destination_port);
    w->source_type = types[m->source_type];
    encode_ranges(a, m->destinations, m->n_destinations, &w->prefix_ranges, &w->n_prefix_ranges);
    encode_ranges(a, m->direct_sources, m->n_direct_sources, &w->direct_source_prefix_ranges, &w->n_direct_source_prefix_ranges);
    encode_ranges(a, m->sources, m->n_sources, &w->source_prefix_ranges, &w->n_source_prefix_ranges);
    encode_names(a, m->server_names, m->n_server_names, &w->server_names, &w->n_server_names);
    encode_names(a, m->protocols, m->n_protocols, &w->application_protocols, &w->n_application_protocols);
    w->n_source_ports = m->n_source_ports;
    w->source_ports = arena_alloc(a, (m->n_source_ports + 1) * sizeof *w->source_ports);
    for (size_t i = 0; i < m->n_source_ports; i++)
        w->source_ports[i] = m->source_ports[i];
    return w;
}

static int decode_ranges(struct unpack *u, Ec__CidrRange *const *w, size_t n, struct ip_range **out, size_t *n_out) {
    struct ip_range *r = *out = arena_zalloc(u->to, (n + 1) * sizeof *r);
    for (size_t i = 0; i < n; i++, ++*n_out) {
        uint32_t bits = w[i]->prefix_len ? w[i]->prefix_len->value : 0;
        if (!ip_parse(&r[i].ip, str_of(w[i]->address_prefix)) || bits > r[i].ip.len * 8u)
            return err_set(u->e, WEFT_E_INVALID, "filter_chain_match: \"%s\"/%u is no range of addresses", w[i]->address_prefix,
                           bits);
        r[i].bits = (uint8_t)bits;
    }
    return 0;
}

/* Envoy's rule: a wildcard stands for whole labels at the beginning, and for one at least. */
static bool name_ok(struct str name) {
    struct str rest = str_starts(name, STR("*.")) ? str_from(name, 2) : name;
    return rest.len && str_chr(rest, '*') < 0;
}

static int decode_names(struct unpack *u, const El__FilterChainMatch *w, struct chain_match *m) {
    m->server_names = arena_zalloc(u->to, (w->n_server_names + 1) * sizeof *m->server_names);
    for (; m->n_server_names < w->n_server_names; m->n_server_names++) {
        struct str name = str_of(w->server_names[m->n_server_names]);
        if (!name_ok(name))
            return err_set(u->e, WEFT_E_INVALID, "filter_chain_match: server_names: \"" STR_FMT "\"", STR_ARG(name));
        m->server_names[m->n_server_names] = arena_lower(u->to, name);
    }
    m->protocols = arena_zalloc(u->to, (w->n_application_protocols + 1) * sizeof *m->protocols);
    for (; m->n_protocols < w->n_application_protocols; m->n_protocols++)
        if (unpack_name(u, w->application_protocols[m->n_protocols], "filter_chain_match: application_protocols",
                        &m->protocols[m->n_protocols]) < 0)
            return u->e->code;
    return 0;
}

static int decode_ports(struct unpack *u, const El__FilterChainMatch *w, struct chain_match *m) {
    uint32_t port = w->destination_port ? w->destination_port->value : 0;
    if (w->destination_port && (port == 0 || port > UINT16_MAX))
        return err_set(u->e, WEFT_E_INVALID, "filter_chain_match: destination_port: must be 1 to 65535");
    m->destination_port = (uint16_t)port;
    m->source_ports = arena_zalloc(u->to, (w->n_source_ports + 1) * sizeof *m->source_ports);
    for (; m->n_source_ports < w->n_source_ports; m->n_source_ports++) {
        port = w->source_ports[m->n_source_ports];
        if (port == 0 || port > UINT16_MAX)
            return err_set(u->e, WEFT_E_INVALID, "filter_chain_match: source_ports: must be 1 to 65535");
        m->source_ports[m->n_source_ports] = (uint16_t)port;
    }
    return 0;
}

static int decode_kinds(struct unpack *u, const El__FilterChainMatch *w, struct chain_match *m) {
    struct str transport = str_of(w->transport_protocol);
    switch (w->source_type) {
    case EL__FILTER_CHAIN_MATCH__CONNECTION_SOURCE_TYPE__ANY: m->source_type = CHAIN_SOURCE_ANY; break;
    case EL__FILTER_CHAIN_MATCH__CONNECTION_SOURCE_TYPE__SAME_IP_OR_LOOPBACK: m->source_type = CHAIN_SOURCE_LOCAL; break;
    case EL__FILTER_CHAIN_MATCH__CONNECTION_SOURCE_TYPE__EXTERNAL: m->source_type = CHAIN_SOURCE_EXTERNAL; break;
    default: return err_set(u->e, WEFT_E_INVALID, "filter_chain_match: source_type: no such value");
    }
    if (str_eq(transport, STR("tls")))
        m->transport = CHAIN_TLS;
    else if (str_eq(transport, STR("raw_buffer")))
        m->transport = CHAIN_RAW;
    else if (transport.len)
        return unpack_unsupported(u, "filter_chain_match: transport_protocol but tls and raw_buffer");
    return 0;
}

int xds__decode_match(struct unpack *u, const El__FilterChainMatch *w, struct chain_match *m) {
    if (!w)
        return 0;
    if (decode_kinds(u, w, m) < 0 || decode_ports(u, w, m) < 0 || decode_names(u, w, m) < 0 ||
        decode_ranges(u, w->prefix_ranges, w->n_prefix_ranges, &m->destinations, &m->n_destinations) < 0 ||
        decode_ranges(u, w->direct_source_prefix_ranges, w->n_direct_source_prefix_ranges, &m->direct_sources,
                      &m->n_direct_sources) < 0)
        return u->e->code;
    return decode_ranges(u, w->source_prefix_ranges, w->n_source_prefix_ranges, &m->sources, &m->n_sources);
}

/* ---- the TCP proxy: encoding ---- */

El__Filter *xds__encode_filter(struct arena *a, const char *name, const void *config) {
    El__Filter *f = PACK_NEW(a, el__filter);
    f->name = (char *)name;
    f->config_type_case = EL__FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = pack_any(a, config);
    return f;
}

static void encode_clusters(struct arena *a, const struct tcp_proxy *t, Etp__TcpProxy *w) {
    if (t->n_clusters == 1) {
        w->cluster_specifier_case = ETP__TCP_PROXY__CLUSTER_SPECIFIER_CLUSTER;
        w->cluster = pack_str(a, t->clusters[0].cluster);
        return;
    }
    Etp__TcpProxy__WeightedCluster *split = PACK_NEW(a, etp__tcp_proxy__weighted_cluster);
    split->n_clusters = t->n_clusters;
    split->clusters = pack_array(a, t->n_clusters);
    for (size_t i = 0; i < t->n_clusters; i++) {
        Etp__TcpProxy__WeightedCluster__ClusterWeight *c = split->clusters[i] =
            PACK_NEW(a, etp__tcp_proxy__weighted_cluster__cluster_weight);
        c->name = pack_str(a, t->clusters[i].cluster);
        c->weight = t->clusters[i].weight;
    }
    w->cluster_specifier_case = ETP__TCP_PROXY__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS;
    w->weighted_clusters = split;
}

static Etp__TcpProxy *encode_proxy(struct arena *a, const struct tcp_proxy *t) {
    Etp__TcpProxy *w = PACK_NEW(a, etp__tcp_proxy);
    w->stat_prefix = pack_str(a, t->stat_prefix);
    encode_clusters(a, t, w);
    if (t->idle_timeout_us) /* none at all is 0 there */
        w->idle_timeout = pack_duration(a, t->idle_timeout_us == UINT64_MAX ? 0 : t->idle_timeout_us);
    if (t->max_connect_attempts)
        w->max_connect_attempts = pack_u32(a, t->max_connect_attempts);
    if (t->hash_source_ip) {
        w->n_hash_policy = 1;
        w->hash_policy = pack_array(a, 1);
        w->hash_policy[0] = PACK_NEW(a, ety_hash__hash_policy);
        w->hash_policy[0]->policy_specifier_case = ETY_HASH__HASH_POLICY__POLICY_SPECIFIER_SOURCE_IP;
        w->hash_policy[0]->source_ip = PACK_NEW(a, ety_hash__hash_policy__source_ip);
    }
    w->access_log = xds__encode_logs(a, t->access_log, &t->logs, &w->n_access_log);
    return w;
}

void xds__encode_gate(struct arena *a, const struct filter_chain *c, El__FilterChain *w) {
    if (!c->rbac && !c->rbac_shadow)
        return;
    Enr__RBAC *r = PACK_NEW(a, enr__rbac);
    r->stat_prefix = pack_str(a, c->rbac_stats);
    r->shadow_rules_stat_prefix = pack_str(a, c->shadow_stats);
    if (c->rbac)
        r->rules = xds__encode_rbac(a, c->rbac);
    if (c->rbac_shadow)
        r->shadow_rules = xds__encode_rbac(a, c->rbac_shadow);
    w->filters[w->n_filters++] = xds__encode_filter(a, "envoy.filters.network.rbac", r);
}

void xds__encode_tcp(struct arena *a, const struct filter_chain *c, El__FilterChain *w) {
    w->filters = pack_array(a, 3);
    if (!c->tcp.metrics)
        w->filters[w->n_filters++] = xds__encode_filter(a, "weft.options", PACK_NEW(a, wv__listener_options));
    xds__encode_gate(a, c, w);
    w->filters[w->n_filters++] = xds__encode_filter(a, "envoy.filters.network.tcp_proxy", encode_proxy(a, &c->tcp));
}

/* ---- the TCP proxy: decoding ---- */

static int decode_split(struct unpack *u, const Etp__TcpProxy__WeightedCluster *w, struct tcp_proxy *t) {
    uint64_t sum = 0;
    t->clusters = arena_zalloc(u->to, (w->n_clusters + 1) * sizeof *t->clusters);
    for (; t->n_clusters < w->n_clusters; t->n_clusters++) {
        struct tcp_cluster *c = &t->clusters[t->n_clusters];
        if (unpack_name(u, w->clusters[t->n_clusters]->name, "weighted_clusters: name", &c->cluster) < 0)
            return u->e->code;
        c->weight = w->clusters[t->n_clusters]->weight;
        if (!c->weight)
            return err_set(u->e, WEFT_E_INVALID, "weighted_clusters: weight: must be at least 1");
        sum += c->weight;
    }
    return sum && sum <= WEIGHT_MAX ? 0 : err_set(u->e, WEFT_E_INVALID, "weighted_clusters: the sum must be 1 to 2^32 - 1");
}

static int decode_clusters(struct unpack *u, const Etp__TcpProxy *w, struct tcp_proxy *t) {
    switch (w->cluster_specifier_case) {
    case ETP__TCP_PROXY__CLUSTER_SPECIFIER_CLUSTER:
        t->n_clusters = 1;
        t->clusters = arena_zalloc(u->to, sizeof *t->clusters);
        t->clusters[0].weight = 1;
        return unpack_name(u, w->cluster, "cluster", &t->clusters[0].cluster);
    case ETP__TCP_PROXY__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS: return decode_split(u, w->weighted_clusters, t);
    default: return unpack_unsupported(u, "tcp_proxy: no cluster");
    }
}

static int decode_proxy(struct unpack *u, const Etp__TcpProxy *w, struct tcp_proxy *t) {
    t->stat_prefix = unpack_str(u, w->stat_prefix);
    if (w->idle_timeout) {
        if (unpack_duration(u, w->idle_timeout, "idle_timeout", &t->idle_timeout_us) < 0)
            return u->e->code;
        t->idle_timeout_us = t->idle_timeout_us ? t->idle_timeout_us : UINT64_MAX;
    }
    if (w->max_connect_attempts && !w->max_connect_attempts->value)
        return err_set(u->e, WEFT_E_INVALID, "max_connect_attempts: must be at least 1");
    t->max_connect_attempts = w->max_connect_attempts ? w->max_connect_attempts->value : 0;
    for (size_t i = 0; i < w->n_hash_policy; i++) {
        if (w->hash_policy[i]->policy_specifier_case != ETY_HASH__HASH_POLICY__POLICY_SPECIFIER_SOURCE_IP)
            return unpack_unsupported(u, "hash_policy: but source_ip");
        t->hash_source_ip = true;
    }
    if (xds__decode_logs(u, w->access_log, w->n_access_log, &t->access_log, &t->logs) < 0)
        return u->e->code;
    return decode_clusters(u, w, t);
}

static int decode_rbac(struct unpack *u, const Erb__RBAC *w, struct rbac **out) {
    if (!w)
        return 0; /* nothing is enforced, or counted, says the API */
    *out = arena_zalloc(u->to, sizeof **out);
    return xds__decode_rbac(u, w, *out);
}

static int decode_gate(struct unpack *u, const Google__Protobuf__Any *any, struct filter_chain *c) {
    Enr__RBAC *w;
    if (unpack_any(u, any, &enr__rbac__descriptor, "filters", &w) < 0)
        return u->e->code;
    if (c->rbac || c->rbac_shadow)
        return unpack_unsupported(u, "filters: a second RBAC filter");
    c->rbac_stats = unpack_str(u, w->stat_prefix);
    c->shadow_stats = unpack_str(u, w->shadow_rules_stat_prefix);
    return decode_rbac(u, w->rules, &c->rbac) < 0 || decode_rbac(u, w->shadow_rules, &c->rbac_shadow) < 0 ? u->e->code : 0;
}

static int decode_options(struct unpack *u, const Google__Protobuf__Any *any, struct filter_chain *c) {
    Wv__ListenerOptions *w;
    if (unpack_any(u, any, &wv__listener_options__descriptor, "filters", &w) < 0)
        return u->e->code;
    c->tcp.metrics = w->metrics;
    return 0;
}

static const Google__Protobuf__Any *config_of(const El__Filter *f) {
    return f->config_type_case == EL__FILTER__CONFIG_TYPE_TYPED_CONFIG ? f->typed_config : NULL;
}

bool xds__is_tcp(const El__FilterChain *w) {
    return w->n_filters && unpack_is(config_of(w->filters[w->n_filters - 1]), &etp__tcp_proxy__descriptor);
}

int xds__decode_filters(struct unpack *u, const El__FilterChain *w, struct filter_chain *c) {
    for (size_t i = 0; i + 1 < w->n_filters; i++) {
        const Google__Protobuf__Any *any = config_of(w->filters[i]);
        if (unpack_is(any, &enr__rbac__descriptor)) {
            if (decode_gate(u, any, c) < 0)
                return u->e->code;
        } else if (unpack_is(any, &wv__listener_options__descriptor) && xds__is_tcp(w)) {
            if (decode_options(u, any, c) < 0)
                return u->e->code;
        } else {
            return err_set(u->e, WEFT_E_UNSUPPORTED, "filters: \"%s\" is not supported here", w->filters[i]->name);
        }
    }
    return 0;
}

int xds__decode_tcp(struct unpack *u, const El__FilterChain *w, struct filter_chain *c) {
    Etp__TcpProxy *proxy;
    c->kind = CHAIN_TCP;
    c->tcp.metrics = true;
    if (xds__decode_filters(u, w, c) < 0)
        return u->e->code;
    if (unpack_any(u, config_of(w->filters[w->n_filters - 1]), &etp__tcp_proxy__descriptor, "filters", &proxy) < 0)
        return u->e->code;
    return decode_proxy(u, proxy, &c->tcp) < 0 ? err_in(u->e, "tcp_proxy") : 0;
}
