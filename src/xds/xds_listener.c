// SPDX-License-Identifier: Apache-2.0
/* LDS. A chain is one HTTP connection manager (xds_hcm.c) or a TCP proxy (xds_chain.c). Refused: everything that decides who is
 * connected that we do not have, filters unless they are optional. What is ignored: fields.def. */
#include <math.h>
#include "hcm.pb-c.h"
#include "http_rbac.pb-c.h"
#include "listener.pb-c.h"
#include "original_dst.pb-c.h"
#include "proxy_protocol.pb-c.h"
#include "router.pb-c.h"
#include "tls_inspector.pb-c.h"
#include "weft.pb-c.h"
#include "xds/xds.h"
#include "xds/xds_chain.h"
#include "xds/xds_int.h"

#define MODE_MAX 0777u /* of a socket's file: nothing but who may read and write */

#define HCM_NAME "envoy.filters.network.http_connection_manager"
#define HEAD_KB_MAX 8192u
#define PPM_PER_PERCENT 10000.0

/* ---- encoding: HTTP ---- */

static Eh__HttpFilter *encode_filter(struct arena *a, const char *name, const void *config) {
    Eh__HttpFilter *w = PACK_NEW(a, eh__http_filter);
    w->name = (char *)name;
    w->config_type_case = EH__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    w->typed_config = pack_any(a, config);
    return w;
}

static void encode_filters(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    Ertr__Router *router = PACK_NEW(a, ertr__router);
    router->suppress_envoy_headers = h->suppress_envoy;
    w->http_filters = pack_array(a, 3);
    if (h->metrics || h->trust_source_headers) {
        Wv__ListenerOptions *o = PACK_NEW(a, wv__listener_options);
        o->metrics = h->metrics;
        o->trust_source_headers = h->trust_source_headers;
        Eh__HttpFilter *f = encode_filter(a, "weft.options", o);
        f->is_optional = true;
        w->http_filters[w->n_http_filters++] = f;
    }
    if (h->rbac) {
        Ehr__RBAC *r = PACK_NEW(a, ehr__rbac);
        r->rules = xds__encode_rbac(a, h->rbac);
        w->http_filters[w->n_http_filters++] = encode_filter(a, XDS_RBAC_FILTER, r);
    }
    w->http_filters[w->n_http_filters++] = encode_filter(a, "envoy.filters.http.router", router);
}

static void encode_logging(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    w->access_log = xds__encode_logs(a, h->access_log, &h->logs, &w->n_access_log);
    if (h->tracing) {
        w->tracing = PACK_NEW(a, eh__http_connection_manager__tracing);
        w->tracing->random_sampling = PACK_NEW(a, et__percent);
        w->tracing->random_sampling->value = h->trace_sampling / PPM_PER_PERCENT;
    }
}

static void encode_client_cert(struct arena *a, enum xfcc_mode mode, Eh__HttpConnectionManager *w) {
    static const Eh__HttpConnectionManager__ForwardClientCertDetails details[] = {
        [XFCC_SANITIZE] = EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__SANITIZE,
        [XFCC_FORWARD_ONLY] = EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__FORWARD_ONLY,
        [XFCC_APPEND_FORWARD] = EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__APPEND_FORWARD,
        [XFCC_SANITIZE_SET] = EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__SANITIZE_SET,
        [XFCC_ALWAYS_FORWARD_ONLY] = EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__ALWAYS_FORWARD_ONLY};
    w->forward_client_cert_details = details[mode];
    if (mode != XFCC_APPEND_FORWARD && mode != XFCC_SANITIZE_SET)
        return;
    w->set_current_client_cert_details = PACK_NEW(a, eh__http_connection_manager__set_current_client_cert_details);
    w->set_current_client_cert_details->subject = pack_bool(a, true);
    w->set_current_client_cert_details->uri = true;
}

static void encode_routes(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    if (h->routes) {
        w->route_specifier_case = EH__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG;
        w->route_config = xds__encode_table(a, h->routes);
    } else {
        w->route_specifier_case = EH__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_RDS;
        w->rds = PACK_NEW(a, eh__rds);
        w->rds->config_source = xds__encode_source(a, h->rds_fetch_us);
        w->rds->route_config_name = pack_str(a, h->rds_name);
    }
}

static Eh__HttpConnectionManager *encode_hcm(struct arena *a, const struct hcm *h) {
    static const Eh__HttpConnectionManager__CodecType codec[] = {[HCM_AUTO] = EH__HTTP_CONNECTION_MANAGER__CODEC_TYPE__AUTO,
                                                                 [HCM_HTTP1] = EH__HTTP_CONNECTION_MANAGER__CODEC_TYPE__HTTP1,
                                                                 [HCM_HTTP2] = EH__HTTP_CONNECTION_MANAGER__CODEC_TYPE__HTTP2};
    Eh__HttpConnectionManager *w = PACK_NEW(a, eh__http_connection_manager);
    w->codec_type = codec[h->codec];
    w->stat_prefix = pack_str(a, h->stat_prefix);
    w->server_name = pack_str(a, h->server_name);
    encode_routes(a, h, w);
    encode_filters(a, h, w);
    encode_logging(a, h, w);
    encode_client_cert(a, h->xfcc, w);
    if (h->use_remote_address)
        w->use_remote_address = pack_bool(a, true);
    w->generate_request_id = pack_bool(a, h->generate_request_id); /* absent would be true */
    if (h->idle_timeout_us) {
        w->common_http_protocol_options = PACK_NEW(a, ec__http_protocol_options);
        w->common_http_protocol_options->idle_timeout = pack_duration(a, h->idle_timeout_us);
    }
    if (h->max_head)
        w->max_request_headers_kb = pack_u32(a, (h->max_head + 1023) / 1024);
    xds__encode_hcm_options(a, h, w);
    return w;
}

/* ---- encoding: listeners ---- */

static El__FilterChain *encode_chain(struct arena *a, const struct filter_chain *c) {
    El__FilterChain *w = PACK_NEW(a, el__filter_chain);
    w->name = pack_str(a, c->name);
    w->filter_chain_match = xds__encode_match(a, &c->match);
    if (c->tls)
        w->transport_socket = xds__encode_downstream(a, c->tls);
    if (c->kind == CHAIN_TCP) {
        xds__encode_tcp(a, c, w);
        return w;
    }
    w->filters = pack_array(a, 2);
    xds__encode_gate(a, c, w);
    w->filters[w->n_filters++] = xds__encode_filter(a, HCM_NAME, encode_hcm(a, &c->hcm));
    return w;
}

static void add_listener_filter(struct arena *a, El__Listener *w, const char *name, const void *config) {
    El__ListenerFilter *f = PACK_NEW(a, el__listener_filter);
    f->name = (char *)name;
    f->config_type_case = EL__LISTENER_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = pack_any(a, config);
    w->listener_filters[w->n_listener_filters++] = f;
}

static Epp__ProxyProtocol *encode_proxy_protocol(struct arena *a, const struct listener *l) {
    Epp__ProxyProtocol *w = PACK_NEW(a, epp__proxy_protocol);
    w->allow_requests_without_proxy_protocol = l->proxy_protocol.optional;
    w->disallowed_versions = arena_alloc(a, 2 * sizeof *w->disallowed_versions);
    if (l->proxy_protocol.no_v1)
        w->disallowed_versions[w->n_disallowed_versions++] = EC__PROXY_PROTOCOL_CONFIG__VERSION__V1;
    if (l->proxy_protocol.no_v2)
        w->disallowed_versions[w->n_disallowed_versions++] = EC__PROXY_PROTOCOL_CONFIG__VERSION__V2;
    return w;
}

static void encode_listener_filters(struct arena *a, const struct listener *l, El__Listener *w) {
    w->listener_filters = pack_array(a, 3);
    if (l->original_dst)
        add_listener_filter(a, w, "envoy.filters.listener.original_dst", PACK_NEW(a, eod__original_dst));
    if (l->proxy_protocol.on)
        add_listener_filter(a, w, "envoy.filters.listener.proxy_protocol", encode_proxy_protocol(a, l));
    if (listener_needs(l) & LISTENER_NEEDS_TLS)
        add_listener_filter(a, w, "envoy.filters.listener.tls_inspector", PACK_NEW(a, eti__tls_inspector));
}

struct xds_resource *xds_encode_listener(const struct listener *l) {
    static const Ec__TrafficDirection direction[] = {[LISTENER_UNSPECIFIED] = EC__TRAFFIC_DIRECTION__UNSPECIFIED,
                                                     [LISTENER_INBOUND] = EC__TRAFFIC_DIRECTION__INBOUND,
                                                     [LISTENER_OUTBOUND] = EC__TRAFFIC_DIRECTION__OUTBOUND};
    struct arena a = {0};
    El__Listener *w = PACK_NEW(&a, el__listener);
    w->name = pack_str(&a, l->name);
    if (l->api) {
        w->api_listener = PACK_NEW(&a, el__api_listener);
        w->api_listener->api_listener = pack_any(&a, encode_hcm(&a, &l->chains[0].hcm));
        struct xds_resource *api = pack_resource(XDS_LISTENER, l->name, w);
        arena_fini(&a);
        return api;
    }
    w->address = xds__encode_address(&a, l->address, l->port);
    if (w->address->address_case == EC__ADDRESS__ADDRESS_PIPE)
        w->address->pipe->mode = l->mode;
    w->traffic_direction = direction[l->direction];
    w->n_filter_chains = l->n_chains;
    w->filter_chains = pack_array(&a, l->n_chains);
    for (size_t i = 0; i < l->n_chains; i++)
        w->filter_chains[i] = encode_chain(&a, &l->chains[i]);
    if (l->fallback)
        w->default_filter_chain = encode_chain(&a, l->fallback);
    if (l->detect_timeout_us) /* none at all is 0 there */
        w->listener_filters_timeout = pack_duration(&a, l->detect_timeout_us == UINT64_MAX ? 0 : l->detect_timeout_us);
    w->continue_on_listener_filters_timeout = l->continue_on_timeout;
    encode_listener_filters(&a, l, w);
    struct xds_resource *r = pack_resource(XDS_LISTENER, l->name, w);
    arena_fini(&a);
    return r;
}

/* ---- decoding: HTTP ---- */

static int decode_rbac_filter(struct unpack *u, const Google__Protobuf__Any *any, struct hcm *h) {
    Ehr__RBAC *w;
    if (unpack_any(u, any, &ehr__rbac__descriptor, "http_filters", &w) < 0)
        return u->e->code;
    if (h->rbac)
        return unpack_unsupported(u, "http_filters: a second RBAC filter");
    if (!w->rules)
        return 0; /* nothing is enforced, says the API; shadow rules only log */
    h->rbac = arena_zalloc(u->to, sizeof *h->rbac);
    return xds__decode_rbac(u, w->rules, h->rbac);
}

static int decode_listener_options(struct unpack *u, const Google__Protobuf__Any *any, struct hcm *h) {
    Wv__ListenerOptions *w;
    if (unpack_any(u, any, &wv__listener_options__descriptor, "http_filters", &w) < 0)
        return u->e->code;
    h->metrics = w->metrics;
    h->trust_source_headers = w->trust_source_headers;
    return 0;
}

static int decode_filter(struct unpack *u, const Eh__HttpFilter *w, struct hcm *h) {
    const Google__Protobuf__Any *any = w->config_type_case == EH__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG ? w->typed_config : NULL;
    if (unpack_is(any, &ehr__rbac__descriptor))
        return w->disabled ? unpack_unsupported(u, "http_filters: a disabled RBAC filter") : decode_rbac_filter(u, any, h);
    if (unpack_is(any, &wv__listener_options__descriptor))
        return decode_listener_options(u, any, h);
    if (xds__is_compressor(any))
        return w->disabled ? 0 : xds__decode_compressor(u, w->name, any, &h->compressors[h->n_compressors++]);
    if (w->is_optional)
        return 0;
    return err_set(u->e, WEFT_E_UNSUPPORTED, "http_filters: \"%s\" is not supported", w->name);
}

static int decode_filters(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    h->compressors = arena_zalloc(u->to, w->n_http_filters * sizeof *h->compressors);
    for (size_t i = 0; i < w->n_http_filters; i++) {
        if (!*w->http_filters[i]->name)
            return err_set(u->e, WEFT_E_INVALID, "http_filters: name must not be empty");
        if (i + 1 < w->n_http_filters && decode_filter(u, w->http_filters[i], h) < 0)
            return u->e->code;
    }
    return 0;
}

static int decode_tracing(struct unpack *u, const Eh__HttpConnectionManager__Tracing *w, struct hcm *h) {
    double percent = w->random_sampling ? w->random_sampling->value : 100;
    if (!(percent >= 0 && percent <= 100))
        return err_set(u->e, WEFT_E_INVALID, "tracing: random_sampling must be 0 to 100");
    h->tracing = true;
    h->trace_sampling = (uint32_t)lround(percent * PPM_PER_PERCENT);
    return 0;
}

static int decode_codec(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    switch (w->codec_type) {
    case EH__HTTP_CONNECTION_MANAGER__CODEC_TYPE__AUTO: h->codec = HCM_AUTO; return 0;
    case EH__HTTP_CONNECTION_MANAGER__CODEC_TYPE__HTTP1: h->codec = HCM_HTTP1; return 0;
    case EH__HTTP_CONNECTION_MANAGER__CODEC_TYPE__HTTP2: h->codec = HCM_HTTP2; return 0;
    default: return unpack_unsupported(u, "codec_type: HTTP3");
    }
}

static int decode_client_cert(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    switch (w->forward_client_cert_details) {
    case EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__SANITIZE: h->xfcc = XFCC_SANITIZE; return 0;
    case EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__FORWARD_ONLY: h->xfcc = XFCC_FORWARD_ONLY; return 0;
    case EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__APPEND_FORWARD: h->xfcc = XFCC_APPEND_FORWARD; return 0;
    case EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__SANITIZE_SET: h->xfcc = XFCC_SANITIZE_SET; return 0;
    case EH__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__ALWAYS_FORWARD_ONLY:
        h->xfcc = XFCC_ALWAYS_FORWARD_ONLY;
        return 0;
    default: return unpack_unsupported(u, "forward_client_cert_details: this value");
    }
}

static int decode_routes(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    switch (w->route_specifier_case) {
    case EH__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_RDS:
        if (unpack_name(u, w->rds->route_config_name, "rds: route_config_name", &h->rds_name) < 0)
            return u->e->code;
        return xds__decode_source(u, w->rds->config_source, "rds: config_source", &h->rds_fetch_us);
    case EH__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG: {
        h->routes = route_table_new();
        struct arena *to = u->to; /* a resource of its own */
        u->to = &h->routes->ref.mem;
        int r = xds__decode_table(u, w->route_config, h->routes);
        u->to = to;
        return r < 0 ? err_in(u->e, "route_config") : 0;
    }
    default: return unpack_unsupported(u, "routes but by rds and route_config");
    }
}

/* 0 means "none" on the wire and "the default" in the model. */
static int decode_idle(struct unpack *u, const Ec__HttpProtocolOptions *w, struct hcm *h) {
    if (!w || !w->idle_timeout)
        return 0;
    if (unpack_duration(u, w->idle_timeout, "idle_timeout", &h->idle_timeout_us) < 0)
        return u->e->code;
    return h->idle_timeout_us ? 0 : unpack_unsupported(u, "idle_timeout: none at all");
}

static int decode_hcm(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    h->stat_prefix = unpack_str(u, w->stat_prefix);
    h->server_name = unpack_str(u, w->server_name);
    h->use_remote_address = w->use_remote_address && w->use_remote_address->value;
    h->generate_request_id = !w->generate_request_id || w->generate_request_id->value;
    if (w->max_request_headers_kb) {
        if (!w->max_request_headers_kb->value || w->max_request_headers_kb->value > HEAD_KB_MAX)
            return err_set(u->e, WEFT_E_INVALID, "max_request_headers_kb: must be 1 to %u", HEAD_KB_MAX);
        h->max_head = w->max_request_headers_kb->value * 1024;
    }
    if ((w->tracing && decode_tracing(u, w->tracing, h) < 0) || decode_codec(u, w, h) < 0 || decode_client_cert(u, w, h) < 0 ||
        decode_idle(u, w->common_http_protocol_options, h) < 0 || xds__decode_hcm_options(u, w, h) < 0 ||
        xds__decode_logs(u, w->access_log, w->n_access_log, &h->access_log, &h->logs) < 0 || decode_filters(u, w, h) < 0)
        return u->e->code;
    return decode_routes(u, w, h);
}

/* ---- decoding: listeners ---- */

static int decode_chain(struct unpack *u, const El__FilterChain *w, struct filter_chain *c) {
    for (size_t i = 0; i < w->n_filters; i++)
        if (!*w->filters[i]->name)
            return err_set(u->e, WEFT_E_INVALID, "filters: name must not be empty");
    Eh__HttpConnectionManager *h;
    c->name = unpack_str(u, w->name);
    if (xds__decode_match(u, w->filter_chain_match, &c->match) < 0 || xds__decode_downstream(u, w->transport_socket, &c->tls) < 0)
        return u->e->code;
    if (xds__is_tcp(w))
        return xds__decode_tcp(u, w, c);
    const El__Filter *last = w->n_filters ? w->filters[w->n_filters - 1] : NULL;
    if (!last || last->config_type_case != EL__FILTER__CONFIG_TYPE_TYPED_CONFIG)
        return unpack_unsupported(u, "filters: the last but an HTTP connection manager or a TCP proxy");
    if (xds__decode_filters(u, w, c) < 0)
        return u->e->code;
    if (unpack_any(u, last->typed_config, &eh__http_connection_manager__descriptor, "filters", &h) < 0)
        return u->e->code;
    return decode_hcm(u, h, &c->hcm);
}

static int decode_named_chain(struct unpack *u, const El__FilterChain *w, struct filter_chain *c) {
    return decode_chain(u, w, c) < 0 ? err_in(u->e, "filter chain \"" STR_FMT "\"", STR_ARG(c->name)) : 0;
}

static int decode_next_chain(struct unpack *u, const El__FilterChain *w, struct listener *l) {
    struct filter_chain *c = &l->chains[l->n_chains++]; /* counted before: what it holds is freed then */
    if (decode_named_chain(u, w, c) < 0)
        return u->e->code;
    for (size_t i = 0; i + 1 < l->n_chains; i++)
        if (chain_match_clash(&l->chains[i].match, &c->match))
            return err_set(u->e, WEFT_E_INVALID, "filter chains %zu and %zu match the same", i + 1, l->n_chains);
    return 0;
}

static int decode_chains(struct unpack *u, const El__Listener *w, struct listener *l) {
    l->chains = arena_zalloc(u->to, (w->n_filter_chains + 1) * sizeof *l->chains);
    for (size_t i = 0; i < w->n_filter_chains; i++)
        if (decode_next_chain(u, w->filter_chains[i], l) < 0)
            return u->e->code;
    if (w->default_filter_chain && w->default_filter_chain->filter_chain_match)
        return err_set(u->e, WEFT_E_INVALID, "default_filter_chain: has a match");
    if (w->default_filter_chain) {
        l->fallback = arena_zalloc(u->to, sizeof *l->fallback);
        if (decode_named_chain(u, w->default_filter_chain, l->fallback) < 0)
            return u->e->code;
    }
    return l->n_chains || l->fallback ? 0 : err_set(u->e, WEFT_E_INVALID, "no filter chains");
}

static int decode_proxy_protocol(struct unpack *u, const Google__Protobuf__Any *any, struct listener *l) {
    Epp__ProxyProtocol *w;
    if (unpack_any(u, any, &epp__proxy_protocol__descriptor, "listener_filters", &w) < 0)
        return u->e->code;
    l->proxy_protocol.on = true;
    l->proxy_protocol.optional = w->allow_requests_without_proxy_protocol;
    for (size_t i = 0; i < w->n_disallowed_versions; i++)
        *(w->disallowed_versions[i] == EC__PROXY_PROTOCOL_CONFIG__VERSION__V1 ? &l->proxy_protocol.no_v1
                                                                              : &l->proxy_protocol.no_v2) = true;
    return l->proxy_protocol.no_v1 && l->proxy_protocol.no_v2
               ? err_set(u->e, WEFT_E_INVALID, "proxy_protocol: disallowed_versions: none is left")
               : 0;
}

/* They have one order: whose the connection is comes before what it says. */
static int decode_listener_filter(struct unpack *u, const El__ListenerFilter *w, struct listener *l) {
    const Google__Protobuf__Any *any =
        w->config_type_case == EL__LISTENER_FILTER__CONFIG_TYPE_TYPED_CONFIG ? w->typed_config : NULL;
    if (unpack_is(any, &eti__tls_inspector__descriptor))
        return 0;
    if (unpack_is(any, &eod__original_dst__descriptor)) {
        l->original_dst = true;
        return 0;
    }
    if (unpack_is(any, &epp__proxy_protocol__descriptor))
        return decode_proxy_protocol(u, any, l);
    return err_set(u->e, WEFT_E_UNSUPPORTED, "listener_filters: \"%s\" is not supported", w->name);
}

static int decode_listener_filters(struct unpack *u, const El__Listener *w, struct listener *l) {
    bool inspected = false;
    for (size_t i = 0; i < w->n_listener_filters; i++) {
        bool before = l->proxy_protocol.on;
        if (decode_listener_filter(u, w->listener_filters[i], l) < 0)
            return u->e->code;
        if (inspected && l->proxy_protocol.on != before)
            return err_set(u->e, WEFT_E_UNSUPPORTED, "listener_filters: proxy_protocol must come before tls_inspector");
        inspected |= unpack_is(w->listener_filters[i]->typed_config, &eti__tls_inspector__descriptor);
    }
    l->original_dst |= w->use_original_dst && w->use_original_dst->value;
    return l->original_dst && l->proxy_protocol.on ? unpack_unsupported(u, "listener_filters: original_dst beside proxy_protocol")
                                                   : 0;
}

static int decode_mode(struct unpack *u, const Ec__Address *w, struct listener *l) {
    l->mode = w->address_case == EC__ADDRESS__ADDRESS_PIPE ? w->pipe->mode : 0;
    return l->mode <= MODE_MAX ? 0 : err_set(u->e, WEFT_E_INVALID, "pipe: mode: at most 0777, which is 511");
}

static int check_listener(struct unpack *u, const El__Listener *w, struct listener *l) {
    if (w->api_listener)
        return unpack_unsupported(u, "api_listener");
    if (w->n_additional_addresses)
        return unpack_unsupported(u, "additional_addresses");
    if ((w->transparent && w->transparent->value) || (w->bind_to_port && !w->bind_to_port->value))
        return unpack_unsupported(u, "transparent and bind_to_port");
    return decode_listener_filters(u, w, l);
}

int xds__decode_listener(struct unpack *u, struct str bytes, struct listener *l) {
    El__Listener *w;
    if (unpack_msg(u, &el__listener__descriptor, bytes, &w) < 0 || unpack_name(u, w->name, "name", &l->name) < 0 ||
        check_listener(u, w, l) < 0 || xds__decode_address(u, w->address, false, &l->address, &l->port) < 0 ||
        decode_mode(u, w->address, l) < 0)
        return u->e->code;
    switch (w->traffic_direction) {
    case EC__TRAFFIC_DIRECTION__UNSPECIFIED: l->direction = LISTENER_UNSPECIFIED; break;
    case EC__TRAFFIC_DIRECTION__INBOUND: l->direction = LISTENER_INBOUND; break;
    case EC__TRAFFIC_DIRECTION__OUTBOUND: l->direction = LISTENER_OUTBOUND; break;
    default: return err_set(u->e, WEFT_E_INVALID, "traffic_direction: no such value");
    }
    if (w->listener_filters_timeout) {
        if (unpack_duration(u, w->listener_filters_timeout, "listener_filters_timeout", &l->detect_timeout_us) < 0)
            return u->e->code;
        if (!l->detect_timeout_us)
            l->detect_timeout_us = UINT64_MAX;
    }
    l->continue_on_timeout = w->continue_on_listener_filters_timeout;
    return decode_chains(u, w, l);
}
