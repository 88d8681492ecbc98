// SPDX-License-Identifier: Apache-2.0
/* RDS. Refused, since requests would go elsewhere or carry other headers without: redirects, header mutations, metadata_match,
 * query parameters, rewrites but of prefix and host, filters of others per route. Ignored, as they only tune: validate_clusters,
 * ignore_port_in_host_matching, priority, idle_timeout, hedging, mirroring, upgrades, what a retry is made on (weft's own
 * conditions are safe). */
#include "base/mem.h"
#include "weft.pb-c.h"
#include "xds/xds.h"
#include "xds/xds_int.h"

#define KEY_ROUTE "weft.route"
#define RETRY_ON "gateway-error,connect-failure,refused-stream,reset"
#define DEFAULT_TIMEOUT_US 15000000u /* absent is 15 s, 0 is none (xds.md §2.3) */

/* ---- encoding ---- */

/* The only entry of a per-filter map: the three map types share a layout. */
static void **encode_options(struct arena *a, const ProtobufCMessageDescriptor *entry_type, const Wv__RouteOptions *o) {
    struct unpack_entry *entry = pack_new(a, entry_type);
    entry->key = (char *)KEY_ROUTE;
    entry->value = pack_any(a, o);
    void **list = pack_array(a, 1);
    list[0] = entry;
    return list;
}

static Er__WeightedCluster__ClusterWeight *encode_share(struct arena *a, const struct route_cluster *c) {
    Er__WeightedCluster__ClusterWeight *w = PACK_NEW(a, er__weighted_cluster__cluster_weight);
    w->name = pack_str(a, c->cluster);
    w->weight = pack_u32(a, c->weight);
    if (!c->own_policy)
        return w;
    Wv__RouteOptions *o = PACK_NEW(a, wv__route_options);
    o->timeout = pack_duration(a, c->timeout_us);
    o->retries = c->retries;
    o->breaker = c->breaker;
    w->n_typed_per_filter_config = 1;
    w->typed_per_filter_config =
        (void *)encode_options(a, &er__weighted_cluster__cluster_weight__typed_per_filter_config_entry__descriptor, o);
    return w;
}

static void encode_clusters(struct arena *a, const struct route *r, Er__RouteAction *w) {
    if (r->n_clusters == 1 && r->clusters[0].weight == 1 && !r->clusters[0].own_policy) {
        w->cluster_specifier_case = ER__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
        w->cluster = pack_str(a, r->clusters[0].cluster);
        return;
    }
    Er__WeightedCluster *split = PACK_NEW(a, er__weighted_cluster);
    uint32_t sum = 0;
    split->n_clusters = r->n_clusters;
    split->clusters = pack_array(a, r->n_clusters);
    for (size_t i = 0; i < r->n_clusters; i++) {
        split->clusters[i] = encode_share(a, &r->clusters[i]);
        sum += r->clusters[i].weight;
    }
    split->total_weight = pack_u32(a, sum); /* older gRPC takes 100 when it is not there */
    w->cluster_specifier_case = ER__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS;
    w->weighted_clusters = split;
}

static Er__RouteAction__HashPolicy *encode_hash(struct arena *a, const struct hash_on *h) {
    Er__RouteAction__HashPolicy *w = PACK_NEW(a, er__route_action__hash_policy);
    switch (h->kind) {
    case HASH_HEADER:
        w->policy_specifier_case = ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_HEADER;
        w->header = PACK_NEW(a, er__route_action__hash_policy__header);
        w->header->header_name = pack_str(a, h->name);
        break;
    case HASH_COOKIE:
        w->policy_specifier_case = ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_COOKIE;
        w->cookie = PACK_NEW(a, er__route_action__hash_policy__cookie);
        w->cookie->name = pack_str(a, h->name);
        break;
    case HASH_SOURCE:
        w->policy_specifier_case = ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_CONNECTION_PROPERTIES;
        w->connection_properties = PACK_NEW(a, er__route_action__hash_policy__connection_properties);
        w->connection_properties->source_ip = true;
        break;
    }
    return w;
}

static Er__RouteAction *encode_forward(struct arena *a, const struct route *r) {
    Er__RouteAction *w = PACK_NEW(a, er__route_action);
    encode_clusters(a, r, w);
    w->timeout = pack_duration(a, r->timeout_us);
    w->max_stream_duration = PACK_NEW(a, er__route_action__max_stream_duration); /* what gRPC reads */
    w->max_stream_duration->max_stream_duration = pack_duration(a, r->timeout_us);
    if (r->retries) {
        w->retry_policy = PACK_NEW(a, er__retry_policy);
        w->retry_policy->retry_on = (char *)RETRY_ON;
        w->retry_policy->num_retries = pack_u32(a, r->retries);
    }
    w->prefix_rewrite = pack_str(a, r->prefix_rewrite);
    if (r->host_rewrite.len) {
        w->host_rewrite_specifier_case = ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL;
        w->host_rewrite_literal = pack_str(a, r->host_rewrite);
    }
    w->n_hash_policy = r->n_hash;
    w->hash_policy = pack_array(a, r->n_hash);
    for (size_t i = 0; i < r->n_hash; i++)
        w->hash_policy[i] = encode_hash(a, &r->hash[i]);
    return w;
}

static Er__DirectResponseAction *encode_direct(struct arena *a, const struct route *r) {
    Er__DirectResponseAction *w = PACK_NEW(a, er__direct_response_action);
    const struct data_source body = {.inline_bytes = r->body};
    w->status = r->status;
    if (r->body.len)
        w->body = xds__encode_data(a, &body);
    return w;
}

static Er__RouteMatch *encode_match(struct arena *a, const struct route_match *m) {
    Er__RouteMatch *w = PACK_NEW(a, er__route_match);
    xds__encode_path(a, &m->path, w);
    w->n_headers = m->n_headers;
    w->headers = pack_array(a, m->n_headers);
    for (size_t i = 0; i < m->n_headers; i++)
        w->headers[i] = xds__encode_header(a, &m->headers[i]);
    if (m->fraction != ROUTE_PPM) {
        w->runtime_fraction = PACK_NEW(a, ec__runtime_fractional_percent);
        w->runtime_fraction->default_value = PACK_NEW(a, et__fractional_percent);
        w->runtime_fraction->default_value->numerator = m->fraction;
        w->runtime_fraction->default_value->denominator = ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION;
    }
    return w;
}

static Er__Route *encode_route(struct arena *a, const struct route *r) {
    Er__Route *w = PACK_NEW(a, er__route);
    w->name = pack_str(a, r->name);
    w->match = encode_match(a, &r->match);
    switch (r->action) {
    case ROUTE_FORWARD:
        w->action_case = ER__ROUTE__ACTION_ROUTE;
        w->route = encode_forward(a, r);
        break;
    case ROUTE_DIRECT:
        w->action_case = ER__ROUTE__ACTION_DIRECT_RESPONSE;
        w->direct_response = encode_direct(a, r);
        break;
    case ROUTE_NONE:
        w->action_case = ER__ROUTE__ACTION_NON_FORWARDING_ACTION;
        w->non_forwarding_action = PACK_NEW(a, er__non_forwarding_action);
        break;
    }
    if (r->breaker) {
        Wv__RouteOptions *o = PACK_NEW(a, wv__route_options);
        o->breaker = true;
        w->n_typed_per_filter_config = 1;
        w->typed_per_filter_config = (void *)encode_options(a, &er__route__typed_per_filter_config_entry__descriptor, o);
    }
    return w;
}

static Er__VirtualHost *encode_vhost(struct arena *a, const struct virtual_host *v) {
    Er__VirtualHost *w = PACK_NEW(a, er__virtual_host);
    w->name = pack_str(a, v->name);
    w->n_domains = v->n_domains;
    w->domains = pack_array(a, v->n_domains);
    for (size_t i = 0; i < v->n_domains; i++)
        w->domains[i] = pack_str(a, v->domains[i]);
    w->n_routes = v->n_routes;
    w->routes = pack_array(a, v->n_routes);
    for (size_t i = 0; i < v->n_routes; i++)
        w->routes[i] = encode_route(a, &v->routes[i]);
    return w;
}

Er__RouteConfiguration *xds__encode_table(struct arena *a, const struct route_table *t) {
    Er__RouteConfiguration *w = PACK_NEW(a, er__route_configuration);
    w->name = pack_str(a, t->name);
    w->n_virtual_hosts = t->n_vhosts;
    w->virtual_hosts = pack_array(a, t->n_vhosts);
    for (size_t i = 0; i < t->n_vhosts; i++)
        w->virtual_hosts[i] = encode_vhost(a, &t->vhosts[i]);
    return w;
}

struct xds_resource *xds_encode_routes(const struct route_table *t) {
    struct arena a = {0};
    struct xds_resource *r = pack_resource(XDS_ROUTE, t->name, xds__encode_table(&a, t));
    arena_fini(&a);
    return r;
}

/* ---- decoding ---- */

/* A message's header mutations, by the numbers of their four lists. */
#define MUTATES(w)                                                                                                               \
    ((w)->n_request_headers_to_add || (w)->n_request_headers_to_remove || (w)->n_response_headers_to_add ||                      \
     (w)->n_response_headers_to_remove)

/* *out stays NULL when there are none of ours. Others' filters are refused: what they would do (authorize, limit) we cannot.
 * `r`: a route may switch compressors off; NULL: refused too. */
static int decode_options(struct unpack *u, void *entries, size_t n, Wv__RouteOptions **out, struct route *r) {
    struct unpack_entry **at = entries;
    *out = NULL;
    if (r)
        r->uncompressed = arena_zalloc(u->to, n * sizeof *r->uncompressed);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(at[i]->key, KEY_ROUTE) == 0)
            continue;
        if (!r || !xds__is_compressor_override(at[i]->value))
            return err_set(u->e, WEFT_E_UNSUPPORTED, "typed_per_filter_config: \"%s\" is not supported", at[i]->key);
        if (xds__decode_compressor_override(u, at[i]->value) < 0)
            return u->e->code;
        r->uncompressed[r->n_uncompressed++] = unpack_str(u, at[i]->key);
    }
    const Google__Protobuf__Any *ours = unpack_find(entries, n, KEY_ROUTE);
    return ours ? unpack_any(u, ours, &wv__route_options__descriptor, KEY_ROUTE, out) : 0;
}

static int decode_share(struct unpack *u, const Er__WeightedCluster__ClusterWeight *w, struct route_cluster *c) {
    Wv__RouteOptions *o;
    if (unpack_name(u, w->name, "weighted_clusters: name", &c->cluster) < 0)
        return u->e->code;
    if (w->metadata_match || MUTATES(w))
        return unpack_unsupported(u, "weighted_clusters: metadata_match and header mutations");
    c->weight = w->weight ? w->weight->value : 0;
    if (decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, NULL) < 0)
        return u->e->code;
    if (!o)
        return 0;
    if (!o->timeout)
        return err_set(u->e, WEFT_E_INVALID, KEY_ROUTE ": timeout must be given");
    c->own_policy = true;
    c->retries = o->retries;
    c->breaker = o->breaker;
    return unpack_duration(u, o->timeout, KEY_ROUTE ": timeout", &c->timeout_us);
}

static int decode_split(struct unpack *u, const Er__WeightedCluster *w, struct route *r) {
    uint64_t sum = 0;
    r->clusters = arena_zalloc(u->to, w->n_clusters * sizeof *r->clusters);
    for (; r->n_clusters < w->n_clusters; r->n_clusters++) {
        if (decode_share(u, w->clusters[r->n_clusters], &r->clusters[r->n_clusters]) < 0)
            return u->e->code;
        sum += r->clusters[r->n_clusters].weight;
    }
    if (!sum || sum > UINT32_MAX)
        return err_set(u->e, WEFT_E_INVALID, "weighted_clusters: the sum of weights must be 1 to 2^32 - 1");
    return 0;
}

static int decode_clusters(struct unpack *u, const Er__RouteAction *w, struct route *r) {
    switch (w->cluster_specifier_case) {
    case ER__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER:
        r->clusters = arena_zalloc(u->to, sizeof *r->clusters);
        r->n_clusters = 1;
        r->clusters[0].weight = 1;
        return unpack_name(u, w->cluster, "cluster", &r->clusters[0].cluster);
    case ER__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS: return decode_split(u, w->weighted_clusters, r);
    default: return unpack_unsupported(u, "route: a choice but cluster and weighted_clusters");
    }
}

static int decode_hash(struct unpack *u, const Er__RouteAction__HashPolicy *w, struct hash_on *h) {
    switch (w->policy_specifier_case) {
    case ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_HEADER:
        h->kind = HASH_HEADER;
        if (w->header->regex_rewrite || !*w->header->header_name)
            return unpack_unsupported(u, "hash_policy: regex_rewrite, or no header_name");
        h->name = arena_lower(u->to, str_of(w->header->header_name));
        return 0;
    case ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_COOKIE:
        h->kind = HASH_COOKIE;
        return unpack_name(u, w->cookie->name, "hash_policy: cookie", &h->name);
    case ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_CONNECTION_PROPERTIES:
        h->kind = HASH_SOURCE;
        return w->connection_properties->source_ip ? 0 : unpack_unsupported(u, "hash_policy: nothing of the connection");
    default: return unpack_unsupported(u, "hash_policy: a choice but header, cookie and connection_properties");
    }
}

static int decode_rewrites(struct unpack *u, const Er__RouteAction *w, struct route *r) {
    r->prefix_rewrite = unpack_str(u, w->prefix_rewrite);
    switch (w->host_rewrite_specifier_case) {
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER__NOT_SET: return 0;
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL:
        r->host_rewrite = unpack_str(u, w->host_rewrite_literal);
        return 0;
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_AUTO_HOST_REWRITE:
        return w->auto_host_rewrite->value ? unpack_unsupported(u, "auto_host_rewrite") : 0;
    default: return unpack_unsupported(u, "host_rewrite_header");
    }
}

/* Absent: no retries; a policy without a number: 1. */
static uint32_t decode_retries(const Er__RetryPolicy *w) {
    if (!w || !*w->retry_on)
        return 0;
    return w->num_retries ? w->num_retries->value : 1;
}

static int decode_forward(struct unpack *u, const Er__RouteAction *w, const Er__RetryPolicy *of_vhost, struct route *r) {
    if (w->metadata_match || w->regex_rewrite)
        return unpack_unsupported(u, "route: metadata_match and regex_rewrite");
    r->timeout_us = DEFAULT_TIMEOUT_US;
    if (w->timeout && unpack_duration(u, w->timeout, "timeout", &r->timeout_us) < 0)
        return u->e->code;
    r->retries = decode_retries(w->retry_policy ? w->retry_policy : of_vhost);
    r->hash = arena_zalloc(u->to, w->n_hash_policy * sizeof *r->hash);
    for (; r->n_hash < w->n_hash_policy; r->n_hash++)
        if (decode_hash(u, w->hash_policy[r->n_hash], &r->hash[r->n_hash]) < 0)
            return u->e->code;
    return decode_rewrites(u, w, r) < 0 ? u->e->code : decode_clusters(u, w, r);
}

static int decode_direct(struct unpack *u, const Er__DirectResponseAction *w, struct route *r) {
    struct data_source body = {0};
    if (w->status < 200 || w->status > 599)
        return err_set(u->e, WEFT_E_INVALID, "direct_response: status must be 200 to 599");
    r->status = (uint16_t)w->status;
    if (w->body && xds__decode_data(u, w->body, "direct_response: body", &body) < 0)
        return u->e->code;
    r->body = body.inline_bytes;
    return body.file.len ? unpack_unsupported(u, "direct_response: a body from a file") : 0;
}

static int decode_fraction(struct unpack *u, const Ec__RuntimeFractionalPercent *w, uint32_t *ppm) {
    const Et__FractionalPercent *f = w ? w->default_value : NULL;
    *ppm = ROUTE_PPM;
    if (!w)
        return 0;
    if (!f)
        return err_set(u->e, WEFT_E_INVALID, "runtime_fraction: no default_value");
    uint64_t unit = 0;
    if (f->denominator == ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED)
        unit = ROUTE_PPM / 100;
    else if (f->denominator == ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__TEN_THOUSAND)
        unit = ROUTE_PPM / 10000;
    else if (f->denominator == ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION)
        unit = 1;
    if (!unit || f->numerator * unit > ROUTE_PPM)
        return err_set(u->e, WEFT_E_INVALID, "runtime_fraction: not a fraction");
    *ppm = (uint32_t)(f->numerator * unit);
    return 0;
}

static int decode_match(struct unpack *u, const Er__RouteMatch *w, struct route_match *m) {
    if (!w)
        return err_set(u->e, WEFT_E_INVALID, "no match");
    if (w->n_query_parameters || w->grpc)
        return unpack_unsupported(u, "match: query_parameters and grpc");
    if (xds__decode_path(u, w, &m->path) < 0 || decode_fraction(u, w->runtime_fraction, &m->fraction) < 0)
        return u->e->code;
    m->headers = arena_zalloc(u->to, w->n_headers * sizeof *m->headers);
    for (m->n_headers = 0; m->n_headers < w->n_headers;) {
        size_t i = m->n_headers++; /* counted before: its regex is freed then */
        if (xds__decode_header(u, w->headers[i], &m->headers[i]) < 0)
            return u->e->code;
    }
    return 0;
}

static int decode_route(struct unpack *u, const Er__Route *w, const Er__RetryPolicy *of_vhost, struct route *r) {
    Wv__RouteOptions *o;
    r->name = unpack_str(u, w->name);
    if (MUTATES(w))
        return unpack_unsupported(u, "header mutations");
    if (decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, r) < 0 ||
        decode_match(u, w->match, &r->match) < 0)
        return u->e->code;
    r->breaker = o && o->breaker;
    switch (w->action_case) {
    case ER__ROUTE__ACTION_ROUTE: r->action = ROUTE_FORWARD; return decode_forward(u, w->route, of_vhost, r);
    case ER__ROUTE__ACTION_DIRECT_RESPONSE: r->action = ROUTE_DIRECT; return decode_direct(u, w->direct_response, r);
    case ER__ROUTE__ACTION_NON_FORWARDING_ACTION: r->action = ROUTE_NONE; return 0;
    case ER__ROUTE__ACTION_REDIRECT: return unpack_unsupported(u, "redirect");
    default: return err_set(u->e, WEFT_E_INVALID, "no action");
    }
}

/* "*", "*.suffix", "prefix.*" or a whole name. Each may stand once in a table. */
static int decode_domain(struct unpack *u, const char *z, struct map *seen, struct str *domain) {
    *domain = arena_lower(u->to, str_of(z));
    struct str inner = *domain;
    if (inner.len > 1 && inner.ptr[0] == '*')
        inner = str_from(inner, 1);
    else if (inner.len && str_ends(inner, STR("*")))
        inner.len--;
    if (!domain->len || str_chr(inner, '*') >= 0)
        return err_set(u->e, WEFT_E_INVALID, "domains: \"%s\" is not valid", z);
    if (map_has(seen, *domain))
        return err_set(u->e, WEFT_E_INVALID, "domains: \"%s\" is there twice", z);
    map_put(seen, *domain, seen);
    return 0;
}

static int decode_vhost(struct unpack *u, const Er__VirtualHost *w, struct map *seen, struct virtual_host *v) {
    Wv__RouteOptions *o;
    v->name = unpack_str(u, w->name);
    if (MUTATES(w))
        return unpack_unsupported(u, "header mutations");
    if (decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, NULL) < 0)
        return u->e->code;
    if (!w->n_domains)
        return err_set(u->e, WEFT_E_INVALID, "no domains");
    v->domains = arena_zalloc(u->to, w->n_domains * sizeof *v->domains);
    for (; v->n_domains < w->n_domains; v->n_domains++)
        if (decode_domain(u, w->domains[v->n_domains], seen, &v->domains[v->n_domains]) < 0)
            return u->e->code;
    v->routes = arena_zalloc(u->to, w->n_routes * sizeof *v->routes);
    while (v->n_routes < w->n_routes) {
        struct route *r = &v->routes[v->n_routes++]; /* counted before: its regexes are freed then */
        if (decode_route(u, w->routes[v->n_routes - 1], w->retry_policy, r) < 0)
            return err_in(u->e, "route %zu \"" STR_FMT "\"", v->n_routes, STR_ARG(r->name));
    }
    return 0;
}

int xds__decode_table(struct unpack *u, const Er__RouteConfiguration *w, struct route_table *t) {
    Wv__RouteOptions *o;
    t->name = unpack_str(u, w->name);
    if (MUTATES(w))
        return unpack_unsupported(u, "header mutations");
    if (decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, NULL) < 0)
        return u->e->code;
    struct map seen = {0};
    int r = 0;
    t->vhosts = arena_zalloc(u->to, w->n_virtual_hosts * sizeof *t->vhosts);
    while (r >= 0 && t->n_vhosts < w->n_virtual_hosts) {
        struct virtual_host *v = &t->vhosts[t->n_vhosts++];
        if (decode_vhost(u, w->virtual_hosts[t->n_vhosts - 1], &seen, v) < 0)
            r = err_in(u->e, "virtual host \"" STR_FMT "\"", STR_ARG(v->name));
    }
    map_fini(&seen);
    return r;
}
