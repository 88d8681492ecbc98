// SPDX-License-Identifier: Apache-2.0
/* RDS: what a route does: forward (to whom, how long, how often, rewritten how), redirect, answer. Field by field: fields.def. */
#include "codec/url.h"
#include "xds/xds_int.h"

#define RETRY_ON "gateway-error,connect-failure,refused-stream,reset"
#define DEFAULT_TIMEOUT_US 15000000u /* absent is 15 s, 0 is none (xds.md §2.3) */

/* ---- encoding ---- */
static Er__WeightedCluster__ClusterWeight *encode_share(struct arena *a, const struct route_cluster *c) {
    Er__WeightedCluster__ClusterWeight *w = PACK_NEW(a, er__weighted_cluster__cluster_weight);
    w->name = pack_str(a, c->cluster);
    w->weight = pack_u32(a, c->weight);
    xds__encode_edits(a, c->edits, XDS__EDITS(w));
    w->host_rewrite_literal = pack_str(a, c->host_rewrite);
    if (!c->own_policy)
        return w;
    Wv__RouteOptions *o = PACK_NEW(a, wv__route_options);
    o->timeout = pack_duration(a, c->timeout_us);
    o->retries = c->retries;
    o->breaker = c->breaker;
    w->n_typed_per_filter_config = 1;
    w->typed_per_filter_config =
        (void *)xds__encode_options(a, &er__weighted_cluster__cluster_weight__typed_per_filter_config_entry__descriptor, o);
    return w;
}

static void encode_clusters(struct arena *a, const struct route *r, Er__RouteAction *w) {
    const struct route_cluster *one = r->clusters;
    if (r->cluster_header.len) {
        w->cluster_specifier_case = ER__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER_HEADER;
        w->cluster_header = pack_str(a, r->cluster_header);
        return;
    }
    if (r->n_clusters == 1 && one->weight == 1 && !one->own_policy && !one->edits && !one->host_rewrite.len) {
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
    case HASH_QUERY:
        w->policy_specifier_case = ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_QUERY_PARAMETER;
        w->query_parameter = PACK_NEW(a, er__route_action__hash_policy__query_parameter);
        w->query_parameter->name = pack_str(a, h->name);
        break;
    }
    w->terminal = h->terminal;
    return w;
}

static Er__RetryPolicy *encode_retry(struct arena *a, const struct route *r) {
    Er__RetryPolicy *w = PACK_NEW(a, er__retry_policy);
    w->retry_on = r->retry ? pack_str(a, r->retry->on) : (char *)RETRY_ON;
    w->num_retries = pack_u32(a, r->retry ? r->retry->retries : r->retries);
    if (!r->retry)
        return w;
    if (r->retry->per_try_us)
        w->per_try_timeout = pack_duration(a, r->retry->per_try_us);
    if (r->retry->per_try_idle_us)
        w->per_try_idle_timeout = pack_duration(a, r->retry->per_try_idle_us);
    w->n_retriable_status_codes = r->retry->n_codes;
    w->retriable_status_codes = r->retry->codes;
    return w;
}

static void encode_host(struct arena *a, const struct route *r, Er__RouteAction *w) {
    switch (r->host) {
    case HOST_KEEP: return;
    case HOST_LITERAL:
        w->host_rewrite_specifier_case = ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL;
        w->host_rewrite_literal = pack_str(a, r->host_rewrite);
        return;
    case HOST_AUTO:
        w->host_rewrite_specifier_case = ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_AUTO_HOST_REWRITE;
        w->auto_host_rewrite = pack_bool(a, true);
        return;
    case HOST_HEADER:
        w->host_rewrite_specifier_case = ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_HEADER;
        w->host_rewrite_header = pack_str(a, r->host_rewrite);
        return;
    case HOST_PATH_REGEX:
        w->host_rewrite_specifier_case = ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_PATH_REGEX;
        w->host_rewrite_path_regex = xds__encode_rewrite(a, &r->host_regex);
        return;
    }
}

static Er__RouteAction__UpgradeConfig__ConnectConfig *encode_connect(struct arena *a, const struct route *r) {
    Er__RouteAction__UpgradeConfig__ConnectConfig *w = PACK_NEW(a, er__route_action__upgrade_config__connect_config);
    if (!r->connect_proxy)
        return w;
    w->proxy_protocol_config = PACK_NEW(a, ec__proxy_protocol_config);
    w->proxy_protocol_config->version =
        r->connect_proxy == 2 ? EC__PROXY_PROTOCOL_CONFIG__VERSION__V2 : EC__PROXY_PROTOCOL_CONFIG__VERSION__V1;
    return w;
}

static void encode_upgrades(struct arena *a, const struct route *r, Er__RouteAction *w) {
    w->upgrade_configs = pack_array(a, r->n_upgrades + r->n_no_upgrades);
    for (size_t i = 0; i < r->n_upgrades + r->n_no_upgrades; i++) {
        bool on = i < r->n_upgrades;
        Er__RouteAction__UpgradeConfig *u = w->upgrade_configs[w->n_upgrade_configs++] =
            PACK_NEW(a, er__route_action__upgrade_config);
        u->upgrade_type = pack_str(a, on ? r->upgrades[i] : r->no_upgrades[i - r->n_upgrades]);
        u->enabled = pack_bool(a, on);
        if (r->connect && str_ieq(str_of(u->upgrade_type), STR("CONNECT")))
            u->connect_config = encode_connect(a, r);
    }
}

Er__RouteAction *xds__encode_forward(struct arena *a, const struct route *r) {
    Er__RouteAction *w = PACK_NEW(a, er__route_action);
    encode_clusters(a, r, w);
    w->timeout = pack_duration(a, r->timeout_us);
    if (r->max_stream_us) {
        w->max_stream_duration = PACK_NEW(a, er__route_action__max_stream_duration);
        w->max_stream_duration->max_stream_duration = pack_duration(a, r->max_stream_us == UINT64_MAX ? 0 : r->max_stream_us);
    }
    if (r->idle_timeout_us)
        w->idle_timeout = pack_duration(a, r->idle_timeout_us == UINT64_MAX ? 0 : r->idle_timeout_us);
    if (r->retries || r->retry)
        w->retry_policy = encode_retry(a, r);
    w->prefix_rewrite = pack_str(a, r->prefix_rewrite);
    w->regex_rewrite = xds__encode_rewrite(a, &r->path_regex);
    encode_host(a, r, w);
    w->append_x_forwarded_host = r->forwarded_host;
    if (r->no_cluster_status)
        w->cluster_not_found_response_code = r->no_cluster_status == 404
                                                 ? ER__ROUTE_ACTION__CLUSTER_NOT_FOUND_RESPONSE_CODE__NOT_FOUND
                                                 : ER__ROUTE_ACTION__CLUSTER_NOT_FOUND_RESPONSE_CODE__INTERNAL_SERVER_ERROR;
    w->n_hash_policy = r->n_hash;
    w->hash_policy = pack_array(a, r->n_hash);
    for (size_t i = 0; i < r->n_hash; i++)
        w->hash_policy[i] = encode_hash(a, &r->hash[i]);
    encode_upgrades(a, r, w);
    return w;
}

Er__RedirectAction *xds__encode_redirect(struct arena *a, const struct redirect *d) {
    static const uint16_t codes[] = {301, 302, 303, 307, 308};
    Er__RedirectAction *w = PACK_NEW(a, er__redirect_action);
    for (int i = 0; i < 5; i++)
        if (codes[i] == d->status)
            w->response_code = (Er__RedirectAction__RedirectResponseCode)i;
    w->host_redirect = pack_str(a, d->host);
    w->port_redirect = d->port;
    w->strip_query = d->strip_query;
    if (d->scheme.len) {
        w->scheme_rewrite_specifier_case = ER__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_SCHEME_REDIRECT;
        w->scheme_redirect = pack_str(a, d->scheme);
    }
    if (d->path.len) {
        w->path_rewrite_specifier_case = ER__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PATH_REDIRECT;
        w->path_redirect = pack_str(a, d->path);
    } else if (d->prefix.len) {
        w->path_rewrite_specifier_case = ER__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE;
        w->prefix_rewrite = pack_str(a, d->prefix);
    } else if (d->regex.regex) {
        w->path_rewrite_specifier_case = ER__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_REGEX_REWRITE;
        w->regex_rewrite = xds__encode_rewrite(a, &d->regex);
    }
    return w;
}

Er__DirectResponseAction *xds__encode_direct(struct arena *a, const struct route *r) {
    Er__DirectResponseAction *w = PACK_NEW(a, er__direct_response_action);
    const struct data_source body = {.inline_bytes = r->body, .file = r->body_file};
    w->status = r->status;
    if (r->body.len || r->body_file.len)
        w->body = xds__encode_data(a, &body);
    return w;
}

/* ---- decoding ---- */
/* What will stand in a Host header or a URL. */
static int decode_visible(struct unpack *u, const char *z, const char *what, struct str *out) {
    *out = unpack_str(u, z);
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->ptr[i] <= ' ' || (unsigned char)out->ptr[i] >= 0x7f)
            return err_set(u->e, WEFT_E_INVALID, "%s: must be visible ASCII", what);
    return 0;
}

static int decode_host(struct unpack *u, const char *z, struct str *out) {
    *out = unpack_str(u, z);
    return !out->len || url_authority(*out, NULL, NULL)
               ? 0
               : err_set(u->e, WEFT_E_INVALID, "host_rewrite_literal: must be HOST or HOST:PORT");
}

static int decode_share(struct unpack *u, const Er__WeightedCluster__ClusterWeight *w, struct route_cluster *c) {
    Wv__RouteOptions *o;
    if (unpack_name(u, w->name, "weighted_clusters: name", &c->cluster) < 0 ||
        decode_host(u, w->host_rewrite_literal, &c->host_rewrite) < 0 || xds__decode_edits(u, XDS__EDITS(w), &c->edits) < 0)
        return u->e->code;
    if (!w->weight)
        return err_set(u->e, WEFT_E_INVALID, "weighted_clusters: weight must be given");
    c->weight = w->weight->value;
    if (xds__decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, NULL) < 0)
        return u->e->code;
    if (!o)
        return 0;
    if (!o->timeout)
        return err_set(u->e, WEFT_E_INVALID, XDS_ROUTE_OPTIONS ": timeout must be given");
    c->own_policy = true;
    c->retries = o->retries;
    c->breaker = o->breaker;
    return unpack_duration(u, o->timeout, XDS_ROUTE_OPTIONS ": timeout", &c->timeout_us);
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
    case ER__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER_HEADER:
        r->clusters = arena_zalloc(u->to, sizeof *r->clusters);
        r->n_clusters = 1;
        r->cluster_header = arena_lower(u->to, str_of(w->cluster_header));
        return r->cluster_header.len ? 0 : err_set(u->e, WEFT_E_INVALID, "cluster_header: must not be empty");
    default: return err_set(u->e, WEFT_E_INVALID, "route: names no cluster");
    }
}

static int decode_hash(struct unpack *u, const Er__RouteAction__HashPolicy *w, struct hash_on *h) {
    h->terminal = w->terminal;
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
    case ER__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_QUERY_PARAMETER:
        h->kind = HASH_QUERY;
        return unpack_name(u, w->query_parameter->name, "hash_policy: query_parameter", &h->name);
    default: return unpack_unsupported(u, "hash_policy: filter_state, or none");
    }
}

static int decode_rewrites(struct unpack *u, const Er__RouteAction *w, struct route *r) {
    if (decode_visible(u, w->prefix_rewrite, "prefix_rewrite", &r->prefix_rewrite) < 0 ||
        xds__decode_rewrite(u, w->regex_rewrite, "regex_rewrite", &r->path_regex) < 0)
        return u->e->code;
    if (r->prefix_rewrite.len && r->path_regex.regex)
        return err_set(u->e, WEFT_E_INVALID, "route: prefix_rewrite and regex_rewrite");
    r->forwarded_host = w->append_x_forwarded_host;
    switch (w->host_rewrite_specifier_case) {
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER__NOT_SET: return 0;
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL:
        r->host = HOST_LITERAL;
        return decode_host(u, w->host_rewrite_literal, &r->host_rewrite);
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_AUTO_HOST_REWRITE:
        r->host = w->auto_host_rewrite->value ? HOST_AUTO : HOST_KEEP;
        return 0;
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_HEADER:
        r->host = HOST_HEADER;
        r->host_rewrite = arena_lower(u->to, str_of(w->host_rewrite_header));
        return r->host_rewrite.len ? 0 : err_set(u->e, WEFT_E_INVALID, "host_rewrite_header: must not be empty");
    case ER__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_PATH_REGEX:
        r->host = HOST_PATH_REGEX;
        return xds__decode_rewrite(u, w->host_rewrite_path_regex, "host_rewrite_path_regex", &r->host_regex);
    default: return unpack_unsupported(u, "route: this rewrite of the host");
    }
}

/* Does this retry_on mean connections that fail, too? (Envoy: RetryStateImpl::wouldRetryFromReset.) */
static bool is_of_connecting(struct str on) {
    static const struct str those[] = {STR("5xx"), STR("gateway-error"), STR("connect-failure"), STR("reset"),
                                       STR("reset-before-request")};
    while (on.len) {
        struct str one = str_trim(str_cut(&on, ','));
        for (size_t i = 0; i < sizeof those / sizeof *those; i++)
            if (str_eq(one, those[i]))
                return true;
    }
    return false;
}

/* Absent: no retries; a policy without a number: 1. */
static int decode_retry(struct unpack *u, const Er__RetryPolicy *w, struct route *r) {
    if (!w || !*w->retry_on)
        return 0;
    struct retry_policy *p = arena_zalloc(u->to, sizeof *p);
    p->on = unpack_str(u, w->retry_on);
    p->retries = w->num_retries ? w->num_retries->value : 1;
    r->retries = is_of_connecting(p->on) ? p->retries : 0;
    p->n_codes = w->n_retriable_status_codes;
    p->codes = arena_alloc(u->to, (p->n_codes + 1) * sizeof *p->codes);
    if (p->n_codes)
        memcpy(p->codes, w->retriable_status_codes, p->n_codes * sizeof *p->codes);
    if ((w->per_try_timeout && unpack_duration(u, w->per_try_timeout, "per_try_timeout", &p->per_try_us) < 0) ||
        (w->per_try_idle_timeout && unpack_duration(u, w->per_try_idle_timeout, "per_try_idle_timeout", &p->per_try_idle_us) < 0))
        return u->e->code;
    if (!str_eq(p->on, STR(RETRY_ON)) || p->per_try_us || p->per_try_idle_us || p->n_codes)
        r->retry = p; /* else it is weft's own, said by its number alone */
    return 0;
}

static int decode_connect(struct unpack *u, const Er__RouteAction__UpgradeConfig *w, struct route *r) {
    const Ec__ProxyProtocolConfig *proxy = w->connect_config ? w->connect_config->proxy_protocol_config : NULL;
    if (!w->connect_config)
        return 0;
    if (!str_ieq(str_of(w->upgrade_type), STR("CONNECT")))
        return err_set(u->e, WEFT_E_INVALID, "upgrade_configs: connect_config: only CONNECT has one");
    r->connect = true;
    if (proxy)
        r->connect_proxy = proxy->version == EC__PROXY_PROTOCOL_CONFIG__VERSION__V2 ? 2 : 1;
    return 0;
}

static bool is_among(const struct str *types, size_t n, struct str type) {
    for (size_t i = 0; i < n; i++)
        if (str_ieq(types[i], type))
            return true;
    return false;
}

static int decode_upgrades(struct unpack *u, const Er__RouteAction *w, struct route *r) {
    r->upgrades = arena_zalloc(u->to, w->n_upgrade_configs * sizeof *r->upgrades);
    r->no_upgrades = arena_zalloc(u->to, w->n_upgrade_configs * sizeof *r->no_upgrades);
    for (size_t i = 0; i < w->n_upgrade_configs; i++) {
        struct str type;
        if (unpack_name(u, w->upgrade_configs[i]->upgrade_type, "upgrade_configs: upgrade_type", &type) < 0 ||
            decode_connect(u, w->upgrade_configs[i], r) < 0)
            return u->e->code;
        if (is_among(r->upgrades, r->n_upgrades, type) || is_among(r->no_upgrades, r->n_no_upgrades, type))
            return err_set(u->e, WEFT_E_INVALID, "upgrade_configs: \"" STR_FMT "\" is there twice", STR_ARG(type));
        if (!w->upgrade_configs[i]->enabled || w->upgrade_configs[i]->enabled->value)
            r->upgrades[r->n_upgrades++] = type;
        else
            r->no_upgrades[r->n_no_upgrades++] = type;
    }
    return 0;
}

static int decode_times(struct unpack *u, const Er__RouteAction *w, struct route *r) {
    const Er__RouteAction__MaxStreamDuration *m = w->max_stream_duration;
    r->timeout_us = DEFAULT_TIMEOUT_US;
    if (w->timeout && unpack_duration(u, w->timeout, "timeout", &r->timeout_us) < 0)
        return u->e->code;
    if (w->idle_timeout && unpack_duration(u, w->idle_timeout, "idle_timeout", &r->idle_timeout_us) < 0)
        return u->e->code;
    if (w->idle_timeout && !r->idle_timeout_us)
        r->idle_timeout_us = UINT64_MAX;
    if (m && (m->grpc_timeout_header_max || m->grpc_timeout_header_offset))
        return unpack_unsupported(u, "max_stream_duration: grpc_timeout_header_max and _offset");
    if (m && m->max_stream_duration && unpack_duration(u, m->max_stream_duration, "max_stream_duration", &r->max_stream_us) < 0)
        return u->e->code;
    if (m && m->max_stream_duration && !r->max_stream_us)
        r->max_stream_us = UINT64_MAX;
    return 0;
}

int xds__decode_forward(struct unpack *u, const Er__RouteAction *w, const Er__RetryPolicy *of_vhost, struct route *r) {
    static const uint16_t missing[] = {[ER__ROUTE_ACTION__CLUSTER_NOT_FOUND_RESPONSE_CODE__SERVICE_UNAVAILABLE] = 0,
                                       [ER__ROUTE_ACTION__CLUSTER_NOT_FOUND_RESPONSE_CODE__NOT_FOUND] = 404,
                                       [ER__ROUTE_ACTION__CLUSTER_NOT_FOUND_RESPONSE_CODE__INTERNAL_SERVER_ERROR] = 500};
    if ((unsigned)w->cluster_not_found_response_code >= sizeof missing / sizeof *missing)
        return err_set(u->e, WEFT_E_INVALID, "cluster_not_found_response_code: no such value");
    r->no_cluster_status = missing[w->cluster_not_found_response_code];
    r->hash = arena_zalloc(u->to, w->n_hash_policy * sizeof *r->hash);
    for (; r->n_hash < w->n_hash_policy; r->n_hash++)
        if (decode_hash(u, w->hash_policy[r->n_hash], &r->hash[r->n_hash]) < 0)
            return u->e->code;
    if (decode_times(u, w, r) < 0 || decode_retry(u, w->retry_policy ? w->retry_policy : of_vhost, r) < 0 ||
        decode_upgrades(u, w, r) < 0 || decode_rewrites(u, w, r) < 0)
        return u->e->code;
    return decode_clusters(u, w, r);
}

static int decode_scheme(struct unpack *u, const Er__RedirectAction *w, struct redirect *d) {
    if (w->scheme_rewrite_specifier_case == ER__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_HTTPS_REDIRECT)
        d->scheme = w->https_redirect ? STR("https") : STR_NONE;
    else if (w->scheme_rewrite_specifier_case == ER__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_SCHEME_REDIRECT)
        return decode_visible(u, w->scheme_redirect, "scheme_redirect", &d->scheme);
    return 0;
}

static int decode_redirect_path(struct unpack *u, const Er__RedirectAction *w, struct redirect *d) {
    switch (w->path_rewrite_specifier_case) {
    case ER__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PATH_REDIRECT:
        return decode_visible(u, w->path_redirect, "path_redirect", &d->path);
    case ER__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE:
        return decode_visible(u, w->prefix_rewrite, "prefix_rewrite", &d->prefix);
    case ER__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_REGEX_REWRITE:
        return xds__decode_rewrite(u, w->regex_rewrite, "regex_rewrite", &d->regex);
    default: return 0;
    }
}

int xds__decode_redirect(struct unpack *u, const Er__RedirectAction *w, struct route *r) {
    static const uint16_t codes[] = {[ER__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__MOVED_PERMANENTLY] = 301,
                                     [ER__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__FOUND] = 302,
                                     [ER__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__SEE_OTHER] = 303,
                                     [ER__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__TEMPORARY_REDIRECT] = 307,
                                     [ER__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__PERMANENT_REDIRECT] = 308};
    struct redirect *d = r->redirect = arena_zalloc(u->to, sizeof *d);
    if ((unsigned)w->response_code >= sizeof codes / sizeof *codes || w->port_redirect > UINT16_MAX)
        return err_set(u->e, WEFT_E_INVALID, "redirect: response_code or port_redirect");
    d->status = codes[w->response_code];
    d->port = w->port_redirect;
    d->strip_query = w->strip_query;
    if (decode_visible(u, w->host_redirect, "host_redirect", &d->host) < 0 || decode_scheme(u, w, d) < 0)
        return u->e->code;
    return decode_redirect_path(u, w, d);
}

int xds__decode_direct(struct unpack *u, const Er__DirectResponseAction *w, struct route *r) {
    struct data_source body = {0};
    if (w->status < 200 || w->status > 599)
        return err_set(u->e, WEFT_E_INVALID, "direct_response: status must be 200 to 599");
    r->status = (uint16_t)w->status;
    /* An empty text is a body as well: none. */
    bool empty = w->body && w->body->specifier_case == EC__DATA_SOURCE__SPECIFIER_INLINE_STRING && !w->body->inline_string[0];
    if (w->body && !empty && xds__decode_data(u, w->body, "direct_response: body", &body) < 0)
        return u->e->code;
    r->body = body.inline_bytes;
    r->body_file = body.file;
    return 0;
}
