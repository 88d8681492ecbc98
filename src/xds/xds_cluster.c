// SPDX-License-Identifier: Apache-2.0
/* CDS. Refused: custom discovery, load_balancing_policy, transport_socket_matches but on tlsMode. Ignored, as they only tune:
 * parameters of balancers, outlier_detection, what common_lb_config says of zones, DNS settings, limits of the priority HIGH,
 * lrs_server, alt_stat_name, per_connection_buffer_limit_bytes, metadata of others. */
#include "cluster.pb-c.h"
#include "http_options.pb-c.h"
#include "raw_buffer.pb-c.h"
#include "upstream_proxy_protocol.pb-c.h"
#include "weft.pb-c.h"
#include "xds/xds.h"
#include "xds/xds_int.h"

#define ORIGINAL_HEADER "x-envoy-original-dst-host"
#define HTTP_OPTIONS "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
#define KEY_BREAKER "weft.breaker"
#define KEY_LB "weft.lb"
#define KEY_RBAC "weft.rbac"

/* ---- encoding ---- */

static void encode_dns(struct arena *a, const struct cluster *c, Ecl__Cluster *w) {
    static const Ecl__Cluster__DnsLookupFamily family[] = {[CLUSTER_DNS_AUTO] = ECL__CLUSTER__DNS_LOOKUP_FAMILY__AUTO,
                                                           [CLUSTER_DNS_V4] = ECL__CLUSTER__DNS_LOOKUP_FAMILY__V4_ONLY,
                                                           [CLUSTER_DNS_V6] = ECL__CLUSTER__DNS_LOOKUP_FAMILY__V6_ONLY,
                                                           [CLUSTER_DNS_V4_PREFERRED] =
                                                               ECL__CLUSTER__DNS_LOOKUP_FAMILY__V4_PREFERRED,
                                                           [CLUSTER_DNS_ALL] = ECL__CLUSTER__DNS_LOOKUP_FAMILY__ALL};
    w->dns_lookup_family = family[c->dns_family];
    w->respect_dns_ttl = c->dns_ttl;
    if (c->dns_refresh_us)
        w->dns_refresh_rate = pack_duration(a, c->dns_refresh_us);
}

static void encode_discovery(struct arena *a, const struct cluster *c, Ecl__Cluster *w) {
    static const Ecl__Cluster__DiscoveryType type[] = {[CLUSTER_STATIC] = ECL__CLUSTER__DISCOVERY_TYPE__STATIC,
                                                       [CLUSTER_EDS] = ECL__CLUSTER__DISCOVERY_TYPE__EDS,
                                                       [CLUSTER_STRICT_DNS] = ECL__CLUSTER__DISCOVERY_TYPE__STRICT_DNS,
                                                       [CLUSTER_ORIGINAL_DST] = ECL__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST};
    w->cluster_discovery_type_case = ECL__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE;
    w->type = c->dns_logical ? ECL__CLUSTER__DISCOVERY_TYPE__LOGICAL_DNS : type[c->type];
    encode_dns(a, c, w);
    if (c->type == CLUSTER_EDS) {
        w->eds_cluster_config = PACK_NEW(a, ecl__cluster__eds_cluster_config);
        w->eds_cluster_config->eds_config = xds__encode_source(a, c->eds_fetch_us);
        w->eds_cluster_config->service_name = pack_str(a, c->eds_name);
    }
    if (c->inline_endpoints)
        w->load_assignment = xds__encode_assignment(a, c->inline_endpoints);
}

static Ecl__Cluster__LbPolicy encode_lb(const struct cluster *c) {
    static const Ecl__Cluster__LbPolicy lb[] = {[LB_ROUND_ROBIN] = ECL__CLUSTER__LB_POLICY__ROUND_ROBIN,
                                                [LB_LEAST_CONN] = ECL__CLUSTER__LB_POLICY__LEAST_REQUEST,
                                                [LB_RANDOM] = ECL__CLUSTER__LB_POLICY__RANDOM,
                                                [LB_MAGLEV] = ECL__CLUSTER__LB_POLICY__MAGLEV,
                                                [LB_RING_HASH] = ECL__CLUSTER__LB_POLICY__RING_HASH,
                                                [LB_EWMA] = ECL__CLUSTER__LB_POLICY__LEAST_REQUEST /* and KEY_LB */};
    return c->type == CLUSTER_ORIGINAL_DST ? ECL__CLUSTER__LB_POLICY__CLUSTER_PROVIDED : lb[c->lb];
}

static Ec__Http2ProtocolOptions *encode_h2(struct arena *a, const struct cluster *c) {
    Ec__Http2ProtocolOptions *w = xds__encode_h2(a, &c->h2);
    if (!c->keepalive_us)
        return w;
    w->connection_keepalive = PACK_NEW(a, ec__keepalive_settings);
    w->connection_keepalive->interval = pack_duration(a, c->keepalive_us);
    w->connection_keepalive->timeout = pack_duration(a, c->keepalive_timeout_us);
    return w;
}

static Ec__HttpProtocolOptions *encode_common(struct arena *a, const struct cluster *c) {
    Ec__HttpProtocolOptions *o = PACK_NEW(a, ec__http_protocol_options);
    if (c->stream_us)
        o->max_stream_duration = pack_duration(a, c->stream_us);
    if (c->max_requests)
        o->max_requests_per_connection = pack_u32(a, c->max_requests);
    return o;
}

static void encode_original(struct arena *a, const struct cluster *c, Ecl__Cluster *w) {
    if (!c->original.header.len && !c->original.port)
        return;
    w->lb_config_case = ECL__CLUSTER__LB_CONFIG_ORIGINAL_DST_LB_CONFIG;
    w->original_dst_lb_config = PACK_NEW(a, ecl__cluster__original_dst_lb_config);
    w->original_dst_lb_config->use_http_header = c->original.header.len > 0;
    w->original_dst_lb_config->http_header_name = pack_str(a, c->original.header);
    if (c->original.port)
        w->original_dst_lb_config->upstream_port_override = pack_u32(a, c->original.port);
}

static void encode_proto(struct arena *a, const struct cluster *c, Ecl__Cluster *w) {
    if (c->proto == CLUSTER_HTTP1 && !c->stream_us && !c->max_requests)
        return; /* what is meant without options */
    Euh__HttpProtocolOptions *o = PACK_NEW(a, euh__http_protocol_options);
    if (c->stream_us || c->max_requests)
        o->common_http_protocol_options = encode_common(a, c);
    if (c->proto == CLUSTER_AUTO) {
        o->upstream_protocol_options_case = EUH__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_AUTO_CONFIG;
        o->auto_config = PACK_NEW(a, euh__http_protocol_options__auto_http_config);
        if (c->keepalive_us || xds__says_h2(&c->h2))
            o->auto_config->http2_protocol_options = encode_h2(a, c);
    } else {
        Euh__HttpProtocolOptions__ExplicitHttpConfig *h = PACK_NEW(a, euh__http_protocol_options__explicit_http_config);
        if (c->proto == CLUSTER_HTTP2) {
            h->protocol_config_case = EUH__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS;
            h->http2_protocol_options = encode_h2(a, c);
        } else {
            h->protocol_config_case = EUH__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP_PROTOCOL_OPTIONS;
            h->http_protocol_options = PACK_NEW(a, ec__http1_protocol_options);
        }
        o->upstream_protocol_options_case = EUH__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG;
        o->explicit_http_config = h;
    }
    Ecl__Cluster__TypedExtensionProtocolOptionsEntry *entry = PACK_NEW(a, ecl__cluster__typed_extension_protocol_options_entry);
    entry->key = (char *)HTTP_OPTIONS;
    entry->value = pack_any(a, o);
    w->n_typed_extension_protocol_options = 1;
    w->typed_extension_protocol_options = pack_array(a, 1);
    w->typed_extension_protocol_options[0] = entry;
}

static Ec__TransportSocket *encode_plain(struct arena *a) {
    Ec__TransportSocket *w = PACK_NEW(a, ec__transport_socket);
    w->name = (char *)"envoy.transport_sockets.raw_buffer";
    w->config_type_case = EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
    w->typed_config = pack_any(a, PACK_NEW(a, erb_raw__raw_buffer));
    return w;
}

static Ec__TransportSocket *encode_proxy_protocol(struct arena *a, const struct cluster *c) {
    Eupp__ProxyProtocolUpstreamTransport *m = PACK_NEW(a, eupp__proxy_protocol_upstream_transport);
    Ec__TransportSocket *w = PACK_NEW(a, ec__transport_socket);
    m->config = PACK_NEW(a, ec__proxy_protocol_config);
    m->config->version = c->proxy_protocol == 2 ? EC__PROXY_PROTOCOL_CONFIG__VERSION__V2 : EC__PROXY_PROTOCOL_CONFIG__VERSION__V1;
    m->transport_socket = c->tls ? xds__encode_upstream(a, c->tls) : encode_plain(a);
    w->name = (char *)"envoy.transport_sockets.upstream_proxy_protocol";
    w->config_type_case = EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
    w->typed_config = pack_any(a, m);
    return w;
}

static void encode_tls(struct arena *a, const struct cluster *c, Ecl__Cluster *w) {
    if (c->proxy_protocol) {
        w->transport_socket = encode_proxy_protocol(a, c);
        return;
    }
    if (!c->tls)
        return;
    if (c->tls_always) {
        w->transport_socket = xds__encode_upstream(a, c->tls);
        return;
    }
    Ecl__Cluster__TransportSocketMatch *m = PACK_NEW(a, ecl__cluster__transport_socket_match);
    m->name = (char *)"tlsMode-istio";
    m->match = pack_struct(a, "tlsMode", STR("istio"));
    m->transport_socket = xds__encode_upstream(a, c->tls);
    w->n_transport_socket_matches = 1; /* the other endpoints are plain */
    w->transport_socket_matches = pack_array(a, 1);
    w->transport_socket_matches[0] = m;
}

static void encode_limits(struct arena *a, const struct cluster_limits *l, Ecl__Cluster *w) {
    if (!l->max_connections && !l->max_pending && !l->max_requests)
        return;
    Ecl__CircuitBreakers__Thresholds *t = PACK_NEW(a, ecl__circuit_breakers__thresholds);
    if (l->max_connections)
        t->max_connections = pack_u32(a, l->max_connections);
    if (l->max_pending)
        t->max_pending_requests = pack_u32(a, l->max_pending);
    if (l->max_requests)
        t->max_requests = pack_u32(a, l->max_requests);
    w->circuit_breakers = PACK_NEW(a, ecl__circuit_breakers);
    w->circuit_breakers->n_thresholds = 1;
    w->circuit_breakers->thresholds = pack_array(a, 1);
    w->circuit_breakers->thresholds[0] = t;
}

static void add_typed(struct arena *a, Ec__Metadata *w, const char *key, const void *message) {
    Ec__Metadata__TypedFilterMetadataEntry *entry = PACK_NEW(a, ec__metadata__typed_filter_metadata_entry);
    entry->key = (char *)key;
    entry->value = pack_any(a, message);
    w->typed_filter_metadata[w->n_typed_filter_metadata++] = entry;
}

static void encode_metadata(struct arena *a, const struct cluster *c, Ecl__Cluster *w) {
    Ec__Metadata *m = PACK_NEW(a, ec__metadata);
    m->typed_filter_metadata = pack_array(a, 3); /* in order of keys */
    if (c->limits.failure_threshold) {
        Wv__CircuitBreaker *b = PACK_NEW(a, wv__circuit_breaker);
        b->failure_threshold = c->limits.failure_threshold;
        b->success_threshold = c->limits.success_threshold;
        b->recovery = pack_duration(a, c->limits.recovery_us);
        add_typed(a, m, KEY_BREAKER, b);
    }
    if (c->lb == LB_EWMA)
        add_typed(a, m, KEY_LB, PACK_NEW(a, wv__peak_ewma));
    if (c->plain_rbac)
        add_typed(a, m, KEY_RBAC, xds__encode_rbac(a, c->plain_rbac));
    if (m->n_typed_filter_metadata)
        w->metadata = m;
}

struct xds_resource *xds_encode_cluster(const struct cluster *c) {
    struct arena a = {0};
    Ecl__Cluster *w = PACK_NEW(&a, ecl__cluster);
    w->name = pack_str(&a, c->name);
    encode_discovery(&a, c, w);
    if (c->connect_timeout_us)
        w->connect_timeout = pack_duration(&a, c->connect_timeout_us);
    w->lb_policy = encode_lb(c);
    encode_original(&a, c, w);
    encode_proto(&a, c, w);
    encode_tls(&a, c, w);
    encode_limits(&a, &c->limits, w);
    encode_metadata(&a, c, w);
    if (c->panic) {
        w->common_lb_config = PACK_NEW(&a, ecl__cluster__common_lb_config);
        w->common_lb_config->healthy_panic_threshold = PACK_NEW(&a, et__percent);
        w->common_lb_config->healthy_panic_threshold->value = c->panic - 1;
    }
    xds__encode_check(&a, &c->check, w);
    struct xds_resource *r = pack_resource(XDS_CLUSTER, c->name, w);
    arena_fini(&a);
    return r;
}

/* ---- decoding ---- */

static int decode_dns(struct unpack *u, const Ecl__Cluster *w, struct cluster *c) {
    static const enum cluster_dns family[] = {[ECL__CLUSTER__DNS_LOOKUP_FAMILY__AUTO] = CLUSTER_DNS_AUTO,
                                              [ECL__CLUSTER__DNS_LOOKUP_FAMILY__V4_ONLY] = CLUSTER_DNS_V4,
                                              [ECL__CLUSTER__DNS_LOOKUP_FAMILY__V6_ONLY] = CLUSTER_DNS_V6,
                                              [ECL__CLUSTER__DNS_LOOKUP_FAMILY__V4_PREFERRED] = CLUSTER_DNS_V4_PREFERRED,
                                              [ECL__CLUSTER__DNS_LOOKUP_FAMILY__ALL] = CLUSTER_DNS_ALL};
    if ((unsigned)w->dns_lookup_family >= sizeof family / sizeof *family)
        return err_set(u->e, WEFT_E_INVALID, "dns_lookup_family: no such value");
    c->dns_family = family[w->dns_lookup_family];
    c->dns_ttl = w->respect_dns_ttl;
    if (w->dns_refresh_rate && unpack_duration(u, w->dns_refresh_rate, "dns_refresh_rate", &c->dns_refresh_us) < 0)
        return u->e->code;
    return w->dns_refresh_rate && c->dns_refresh_us < 1000 ? err_set(u->e, WEFT_E_INVALID, "dns_refresh_rate: at least 1 ms") : 0;
}

static int decode_type(struct unpack *u, const Ecl__Cluster *w, enum cluster_type *type) {
    if (w->cluster_discovery_type_case == ECL__CLUSTER__CLUSTER_DISCOVERY_TYPE_CLUSTER_TYPE)
        return unpack_unsupported(u, "cluster_type");
    /* not set: STATIC, the zero of the enum */
    switch (w->cluster_discovery_type_case ? w->type : ECL__CLUSTER__DISCOVERY_TYPE__STATIC) {
    case ECL__CLUSTER__DISCOVERY_TYPE__STATIC: *type = CLUSTER_STATIC; return 0;
    case ECL__CLUSTER__DISCOVERY_TYPE__STRICT_DNS:
    case ECL__CLUSTER__DISCOVERY_TYPE__LOGICAL_DNS: *type = CLUSTER_STRICT_DNS; return 0;
    case ECL__CLUSTER__DISCOVERY_TYPE__EDS: *type = CLUSTER_EDS; return 0;
    case ECL__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST: *type = CLUSTER_ORIGINAL_DST; return 0;
    default: return unpack_unsupported(u, "type: a newer one");
    }
}

static int decode_discovery(struct unpack *u, const Ecl__Cluster *w, struct cluster *c) {
    if (decode_type(u, w, &c->type) < 0 || decode_dns(u, w, c) < 0)
        return u->e->code;
    c->dns_logical = c->type == CLUSTER_STRICT_DNS && w->type == ECL__CLUSTER__DISCOVERY_TYPE__LOGICAL_DNS;
    if (c->type == CLUSTER_EDS) {
        const Ecl__Cluster__EdsClusterConfig *eds = w->eds_cluster_config;
        c->eds_name = unpack_str(u, eds ? eds->service_name : NULL);
        return xds__decode_source(u, eds ? eds->eds_config : NULL, "eds_config", &c->eds_fetch_us);
    }
    if (!w->load_assignment)
        return 0;
    c->inline_endpoints = endpoints_new();
    struct arena *to = u->to; /* a resource of its own */
    u->to = &c->inline_endpoints->ref.mem;
    int r = xds__decode_assignment(u, w->load_assignment, c->type == CLUSTER_STRICT_DNS, c->inline_endpoints);
    u->to = to;
    return r < 0 ? err_in(u->e, "load_assignment") : 0;
}

static int decode_lb(struct unpack *u, const Ecl__Cluster *w, struct cluster *c) {
    if (w->load_balancing_policy)
        return unpack_unsupported(u, "load_balancing_policy");
    switch (w->lb_policy) {
    case ECL__CLUSTER__LB_POLICY__ROUND_ROBIN: c->lb = LB_ROUND_ROBIN; return 0;
    case ECL__CLUSTER__LB_POLICY__LEAST_REQUEST: c->lb = LB_LEAST_CONN; return 0;
    case ECL__CLUSTER__LB_POLICY__RANDOM: c->lb = LB_RANDOM; return 0;
    case ECL__CLUSTER__LB_POLICY__MAGLEV: c->lb = LB_MAGLEV; return 0;
    case ECL__CLUSTER__LB_POLICY__RING_HASH: c->lb = LB_RING_HASH; return 0;
    case ECL__CLUSTER__LB_POLICY__CLUSTER_PROVIDED:
        c->lb = LB_ROUND_ROBIN; /* one address at a time: nothing to choose */
        return c->type == CLUSTER_ORIGINAL_DST ? 0 : err_set(u->e, WEFT_E_INVALID, "lb_policy: the cluster provides none");
    default: return unpack_unsupported(u, "lb_policy: this value");
    }
}

static int decode_h2(struct unpack *u, const Ec__Http2ProtocolOptions *w, struct cluster *c) {
    const Ec__KeepaliveSettings *k = w ? w->connection_keepalive : NULL;
    if (xds__decode_h2(u, w, &c->h2) < 0)
        return u->e->code;
    if (!k)
        return 0;
    if (!k->timeout)
        return err_set(u->e, WEFT_E_INVALID, "connection_keepalive: timeout must be given");
    if (k->interval && unpack_duration(u, k->interval, "connection_keepalive: interval", &c->keepalive_us) < 0)
        return u->e->code;
    if (unpack_duration(u, k->timeout, "connection_keepalive: timeout", &c->keepalive_timeout_us) < 0)
        return u->e->code;
    bool tiny = c->keepalive_timeout_us < 1000 || (k->interval && c->keepalive_us < 1000);
    return tiny ? err_set(u->e, WEFT_E_INVALID, "connection_keepalive: at least 1 ms") : 0;
}

static int decode_common(struct unpack *u, const Ec__HttpProtocolOptions *w, struct cluster *c) {
    uint64_t unused; /* but what is none is told */
    if (w && w->idle_timeout && unpack_duration(u, w->idle_timeout, "idle_timeout", &unused) < 0)
        return u->e->code;
    if (w && w->max_requests_per_connection)
        c->max_requests = w->max_requests_per_connection->value;
    if (!w || !w->max_stream_duration)
        return 0;
    return unpack_duration(u, w->max_stream_duration, "max_stream_duration", &c->stream_us);
}

static int decode_original(struct unpack *u, const Ecl__Cluster *w, struct cluster *c) {
    if (w->lb_config_case != ECL__CLUSTER__LB_CONFIG_ORIGINAL_DST_LB_CONFIG)
        return 0;
    const Ecl__Cluster__OriginalDstLbConfig *o = w->original_dst_lb_config;
    struct str name = str_of(*o->http_header_name ? o->http_header_name : ORIGINAL_HEADER);
    uint32_t port = o->upstream_port_override ? o->upstream_port_override->value : 0;
    if (c->type != CLUSTER_ORIGINAL_DST)
        return err_set(u->e, WEFT_E_INVALID, "original_dst_lb_config: of a cluster of another type");
    if (port > UINT16_MAX)
        return err_set(u->e, WEFT_E_INVALID, "original_dst_lb_config: upstream_port_override: must be at most 65535");
    c->original.port = (uint16_t)port;
    if (o->use_http_header)
        c->original.header = arena_lower(u->to, name);
    return 0;
}

static int decode_proto(struct unpack *u, const Ecl__Cluster *w, struct cluster *c) {
    const Google__Protobuf__Any *any =
        unpack_find(w->typed_extension_protocol_options, w->n_typed_extension_protocol_options, HTTP_OPTIONS);
    Euh__HttpProtocolOptions *o;
    if (!any)
        return 0;
    if (unpack_any(u, any, &euh__http_protocol_options__descriptor, "typed_extension_protocol_options", &o) < 0 ||
        decode_common(u, o->common_http_protocol_options, c) < 0)
        return u->e->code;
    switch (o->upstream_protocol_options_case) {
    case EUH__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_AUTO_CONFIG:
        c->proto = CLUSTER_AUTO;
        return decode_h2(u, o->auto_config->http2_protocol_options, c);
    case EUH__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG:
        if (o->explicit_http_config->protocol_config_case ==
            EUH__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS) {
            c->proto = CLUSTER_HTTP2;
            return decode_h2(u, o->explicit_http_config->http2_protocol_options, c);
        }
        return o->explicit_http_config->protocol_config_case
                   ? 0
                   : err_set(u->e, WEFT_E_INVALID, "explicit_http_config: says no protocol");
    default: return unpack_unsupported(u, "HttpProtocolOptions: a choice but explicit_http_config and auto_config");
    }
}

/* The one match that the model has: endpoints with tlsMode "istio". An entry without conditions must mean "plain". */
static int decode_match(struct unpack *u, const Ecl__Cluster__TransportSocketMatch *w, struct cluster *c) {
    struct tls_context *t = NULL;
    if (xds__decode_upstream(u, w->transport_socket, &t) < 0)
        return u->e->code;
    size_t n = w->match ? w->match->n_fields : 0;
    if (n == 0 && !t)
        return 0;
    const Google__Protobuf__Struct__FieldsEntry *f = n == 1 ? w->match->fields[0] : NULL;
    if (!t || c->tls || !f || strcmp(f->key, "tlsMode") != 0 || !f->value ||
        f->value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE || strcmp(f->value->string_value, "istio") != 0)
        return unpack_unsupported(u, "transport_socket_matches: more than TLS for tlsMode \"istio\"");
    c->tls = t;
    return 0;
}

/* What stands within the PROXY protocol's socket, or the socket itself. */
static int decode_proxy_protocol(struct unpack *u, const Ec__TransportSocket *w, struct cluster *c,
                                 const Ec__TransportSocket **inner) {
    Eupp__ProxyProtocolUpstreamTransport *m;
    const Google__Protobuf__Any *any =
        w && w->config_type_case == EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG ? w->typed_config : NULL;
    *inner = w;
    if (!unpack_is(any, &eupp__proxy_protocol_upstream_transport__descriptor))
        return 0;
    if (unpack_any(u, any, &eupp__proxy_protocol_upstream_transport__descriptor, "transport_socket", &m) < 0)
        return u->e->code;
    c->proxy_protocol = m->config && m->config->version == EC__PROXY_PROTOCOL_CONFIG__VERSION__V2 ? 2 : 1;
    *inner = m->transport_socket;
    return *inner ? 0 : err_set(u->e, WEFT_E_INVALID, "transport_socket: the PROXY protocol over nothing");
}

static int decode_tls(struct unpack *u, const Ecl__Cluster *w, struct cluster *c) {
    const Ec__TransportSocket *inner;
    if (decode_proxy_protocol(u, w->transport_socket, c, &inner) < 0 || xds__decode_upstream(u, inner, &c->tls) < 0)
        return u->e->code;
    c->tls_always = c->tls != NULL;
    for (size_t i = 0; i < w->n_transport_socket_matches; i++)
        if (decode_match(u, w->transport_socket_matches[i], c) < 0)
            return u->e->code;
    return 0;
}

static int decode_limit(struct unpack *u, const Google__Protobuf__UInt32Value *w, const char *what, uint32_t *out) {
    if (w && !w->value)
        return err_set(u->e, WEFT_E_INVALID, "circuit_breakers: %s must not be 0", what);
    *out = w ? w->value : 0;
    return 0;
}

static int decode_limits(struct unpack *u, const Ecl__CircuitBreakers *w, struct cluster_limits *l) {
    for (size_t i = 0; w && i < w->n_thresholds; i++) {
        const Ecl__CircuitBreakers__Thresholds *t = w->thresholds[i];
        if (t->priority != EC__ROUTING_PRIORITY__DEFAULT)
            continue;
        if (decode_limit(u, t->max_connections, "max_connections", &l->max_connections) < 0 ||
            decode_limit(u, t->max_pending_requests, "max_pending_requests", &l->max_pending) < 0 ||
            decode_limit(u, t->max_requests, "max_requests", &l->max_requests) < 0)
            return u->e->code;
        return 0; /* the first of a priority counts */
    }
    return 0;
}

static int decode_breaker(struct unpack *u, const Google__Protobuf__Any *any, struct cluster_limits *l) {
    Wv__CircuitBreaker *b;
    if (unpack_any(u, any, &wv__circuit_breaker__descriptor, KEY_BREAKER, &b) < 0)
        return u->e->code;
    if (!b->failure_threshold || !b->success_threshold || !b->recovery)
        return err_set(u->e, WEFT_E_INVALID, KEY_BREAKER ": thresholds and recovery must be given");
    l->failure_threshold = b->failure_threshold;
    l->success_threshold = b->success_threshold;
    return unpack_duration(u, b->recovery, KEY_BREAKER ": recovery", &l->recovery_us);
}

static int decode_plain_rbac(struct unpack *u, const Google__Protobuf__Any *any, struct cluster *c) {
    Erb__RBAC *r;
    if (unpack_any(u, any, &erb__rbac__descriptor, KEY_RBAC, &r) < 0)
        return u->e->code;
    c->plain_rbac = arena_zalloc(u->to, sizeof *c->plain_rbac);
    return xds__decode_rbac(u, r, c->plain_rbac) < 0 ? err_in(u->e, KEY_RBAC) : 0;
}

static int decode_metadata(struct unpack *u, const Ec__Metadata *w, struct cluster *c) {
    for (size_t i = 0; w && i < w->n_typed_filter_metadata; i++) {
        const char *key = w->typed_filter_metadata[i]->key;
        const Google__Protobuf__Any *any = unpack_find(w->typed_filter_metadata, w->n_typed_filter_metadata, key);
        int r = 0;
        if (strcmp(key, KEY_BREAKER) == 0)
            r = decode_breaker(u, any, &c->limits);
        else if (strcmp(key, KEY_RBAC) == 0 && !c->plain_rbac)
            r = decode_plain_rbac(u, any, c);
        else if (strcmp(key, KEY_LB) == 0 && unpack_is(any, &wv__peak_ewma__descriptor))
            c->lb = LB_EWMA;
        if (r < 0)
            return r;
    }
    return 0;
}

int xds__decode_cluster(struct unpack *u, struct str bytes, struct cluster *c) {
    Ecl__Cluster *w;
    if (unpack_msg(u, &ecl__cluster__descriptor, bytes, &w) < 0 || unpack_name(u, w->name, "name", &c->name) < 0)
        return u->e->code;
    if (w->connect_timeout && unpack_duration(u, w->connect_timeout, "connect_timeout", &c->connect_timeout_us) < 0)
        return u->e->code;
    if (w->connect_timeout && !c->connect_timeout_us)
        return err_set(u->e, WEFT_E_INVALID, "connect_timeout: must not be 0");
    if (decode_discovery(u, w, c) < 0 || decode_lb(u, w, c) < 0 || decode_original(u, w, c) < 0 || decode_proto(u, w, c) < 0 ||
        decode_tls(u, w, c) < 0 || decode_limits(u, w->circuit_breakers, &c->limits) < 0 ||
        decode_metadata(u, w->metadata, c) < 0)
        return u->e->code;
    if (w->common_lb_config && w->common_lb_config->healthy_panic_threshold) {
        double percent = w->common_lb_config->healthy_panic_threshold->value;
        if (!(percent >= 0 && percent <= 100))
            return err_set(u->e, WEFT_E_INVALID, "common_lb_config: healthy_panic_threshold: must be 0 to 100");
        c->panic = (uint32_t)percent + 1;
    }
    return xds__decode_check(u, w, &c->check);
}
