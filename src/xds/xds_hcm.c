// SPDX-License-Identifier: Apache-2.0
/* What a connection manager does to requests and responses beside routing. */
#include "codec/msg.h"
#include "router.pb-c.h"
#include "xds/xds_int.h"

#define HEADERS_MAX 10000u

static const Eh__HttpConnectionManager__ServerHeaderTransformation server_header[] = {
    [SERVER_OVERWRITE] = EH__HTTP_CONNECTION_MANAGER__SERVER_HEADER_TRANSFORMATION__OVERWRITE,
    [SERVER_IF_ABSENT] = EH__HTTP_CONNECTION_MANAGER__SERVER_HEADER_TRANSFORMATION__APPEND_IF_ABSENT,
    [SERVER_PASS] = EH__HTTP_CONNECTION_MANAGER__SERVER_HEADER_TRANSFORMATION__PASS_THROUGH};
static const Eh__HttpConnectionManager__PathWithEscapedSlashesAction slashes[] = {
    [SLASHES_KEEP] = EH__HTTP_CONNECTION_MANAGER__PATH_WITH_ESCAPED_SLASHES_ACTION__KEEP_UNCHANGED,
    [SLASHES_REJECT] = EH__HTTP_CONNECTION_MANAGER__PATH_WITH_ESCAPED_SLASHES_ACTION__REJECT_REQUEST,
    [SLASHES_REDIRECT] = EH__HTTP_CONNECTION_MANAGER__PATH_WITH_ESCAPED_SLASHES_ACTION__UNESCAPE_AND_REDIRECT,
    [SLASHES_FORWARD] = EH__HTTP_CONNECTION_MANAGER__PATH_WITH_ESCAPED_SLASHES_ACTION__UNESCAPE_AND_FORWARD};
static const Ec__HttpProtocolOptions__HeadersWithUnderscoresAction underscores[] = {
    [UNDERSCORES_ALLOW] = EC__HTTP_PROTOCOL_OPTIONS__HEADERS_WITH_UNDERSCORES_ACTION__ALLOW,
    [UNDERSCORES_REJECT] = EC__HTTP_PROTOCOL_OPTIONS__HEADERS_WITH_UNDERSCORES_ACTION__REJECT_REQUEST,
    [UNDERSCORES_DROP] = EC__HTTP_PROTOCOL_OPTIONS__HEADERS_WITH_UNDERSCORES_ACTION__DROP_HEADER};

/* ---- encoding ---- */
static void encode_upgrades(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    w->upgrade_configs = pack_array(a, h->n_upgrades);
    for (; w->n_upgrade_configs < h->n_upgrades; w->n_upgrade_configs++) {
        Eh__HttpConnectionManager__UpgradeConfig *u = PACK_NEW(a, eh__http_connection_manager__upgrade_config);
        u->upgrade_type = pack_str(a, h->upgrades[w->n_upgrade_configs]);
        w->upgrade_configs[w->n_upgrade_configs] = u;
    }
}

static void encode_common(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    if (!h->max_headers && !h->stream_us && !h->underscores && !h->connection_us && !h->max_requests)
        return;
    Ec__HttpProtocolOptions *o = w->common_http_protocol_options;
    if (!o)
        o = w->common_http_protocol_options = PACK_NEW(a, ec__http_protocol_options);
    if (h->max_headers)
        o->max_headers_count = pack_u32(a, h->max_headers);
    if (h->stream_us)
        o->max_stream_duration = pack_duration(a, h->stream_us);
    if (h->connection_us)
        o->max_connection_duration = pack_duration(a, h->connection_us);
    if (h->max_requests)
        o->max_requests_per_connection = pack_u32(a, h->max_requests);
    o->headers_with_underscores_action = underscores[h->underscores];
}

static Google__Protobuf__Duration *encode_time(struct arena *a, uint64_t us) {
    return us ? pack_duration(a, us == UINT64_MAX ? 0 : us) : NULL;
}

void xds__encode_hcm_options(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    w->server_header_transformation = server_header[h->server_header];
    w->via = pack_str(a, h->via);
    w->xff_num_trusted_hops = h->trusted_hops;
    w->skip_xff_append = h->skip_xff_append;
    w->append_x_forwarded_port = h->forwarded_port;
    w->preserve_external_request_id = h->preserve_request_id;
    w->always_set_request_id_in_response = h->request_id_in_answer;
    if (h->normalize_path)
        w->normalize_path = pack_bool(a, true);
    w->merge_slashes = h->merge_slashes;
    if (h->escaped_slashes)
        w->path_with_escaped_slashes_action = slashes[h->escaped_slashes];
    w->strip_matching_host_port = h->strip_port == PORT_STRIP_MATCHING;
    w->strip_any_host_port = h->strip_port == PORT_STRIP_ANY;
    w->strip_trailing_host_dot = h->strip_dot;
    w->stream_idle_timeout = encode_time(a, h->stream_idle_us);
    w->request_timeout = encode_time(a, h->request_us);
    w->request_headers_timeout = encode_time(a, h->head_us);
    if (xds__says_h2(&h->h2))
        w->http2_protocol_options = xds__encode_h2(a, &h->h2);
    encode_common(a, h, w);
    encode_upgrades(a, h, w);
}

/* ---- decoding ---- */
static int no_such(struct unpack *u, const char *what) {
    return err_set(u->e, WEFT_E_INVALID, "%s: no such value", what);
}

static int decode_enums(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    unsigned s = (unsigned)w->server_header_transformation, p = (unsigned)w->path_with_escaped_slashes_action;
    if (s >= sizeof server_header / sizeof *server_header)
        return no_such(u, "server_header_transformation");
    h->server_header = (enum server_header)s; /* in Envoy's order */
    if (p > sizeof slashes / sizeof *slashes)
        return no_such(u, "path_with_escaped_slashes_action");
    h->escaped_slashes = p ? (enum escaped_slashes)(p - 1) : SLASHES_KEEP; /* 0: the default, which is to keep */
    if (w->strip_matching_host_port && w->strip_any_host_port)
        return err_set(u->e, WEFT_E_INVALID, "strip_matching_host_port and strip_any_host_port");
    h->strip_port = w->strip_any_host_port ? PORT_STRIP_ANY : w->strip_matching_host_port ? PORT_STRIP_MATCHING : PORT_KEEP;
    return 0;
}

static int decode_common(struct unpack *u, const Ec__HttpProtocolOptions *w, struct hcm *h) {
    if (!w)
        return 0;
    if ((unsigned)w->headers_with_underscores_action >= sizeof underscores / sizeof *underscores)
        return no_such(u, "headers_with_underscores_action");
    h->underscores = (enum underscores)w->headers_with_underscores_action;
    if (w->max_headers_count) {
        if (!w->max_headers_count->value || w->max_headers_count->value > HEADERS_MAX)
            return err_set(u->e, WEFT_E_INVALID, "max_headers_count: must be 1 to %u", HEADERS_MAX);
        h->max_headers = w->max_headers_count->value;
    }
    h->max_requests = w->max_requests_per_connection ? w->max_requests_per_connection->value : 0;
    if (w->max_connection_duration &&
        unpack_duration(u, w->max_connection_duration, "max_connection_duration", &h->connection_us) < 0)
        return u->e->code;
    return w->max_stream_duration ? unpack_duration(u, w->max_stream_duration, "max_stream_duration", &h->stream_us) : 0;
}

/* `none`: what 0 means. */
static int decode_time(struct unpack *u, const Google__Protobuf__Duration *w, const char *what, uint64_t none, uint64_t *us) {
    if (!w)
        return 0;
    if (unpack_duration(u, w, what, us) < 0)
        return u->e->code;
    if (!*us)
        *us = none;
    return 0;
}

static int decode_upgrades(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    h->upgrades = arena_zalloc(u->to, w->n_upgrade_configs * sizeof *h->upgrades);
    for (size_t i = 0; i < w->n_upgrade_configs; i++) {
        const Eh__HttpConnectionManager__UpgradeConfig *c = w->upgrade_configs[i];
        for (size_t k = 0; k < i; k++)
            if (str_ieq(str_of(w->upgrade_configs[k]->upgrade_type), str_of(c->upgrade_type)))
                return err_set(u->e, WEFT_E_INVALID, "upgrade_configs: \"%s\" is there twice", c->upgrade_type);
        if (c->enabled && !c->enabled->value)
            continue;
        if (unpack_name(u, c->upgrade_type, "upgrade_configs: upgrade_type", &h->upgrades[h->n_upgrades++]) < 0)
            return u->e->code;
    }
    return 0;
}

static int decode_router(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    Ertr__Router *r;
    const Eh__HttpFilter *last = w->n_http_filters ? w->http_filters[w->n_http_filters - 1] : NULL;
    if (!last || last->config_type_case != EH__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG ||
        !unpack_is(last->typed_config, &ertr__router__descriptor))
        return err_set(u->e, WEFT_E_INVALID, "http_filters: the last must be the router");
    if (unpack_any(u, last->typed_config, &ertr__router__descriptor, "http_filters", &r) < 0)
        return u->e->code;
    h->suppress_envoy = r->suppress_envoy_headers;
    return 0;
}

int xds__decode_hcm_options(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    h->via = unpack_str(u, w->via);
    if (h->via.len && !msg_is_field_value(h->via))
        return err_set(u->e, WEFT_E_INVALID, "via: not the value of a header");
    if (h->server_name.len && !msg_is_field_value(h->server_name))
        return err_set(u->e, WEFT_E_INVALID, "server_name: not the value of a header");
    h->trusted_hops = w->xff_num_trusted_hops;
    h->skip_xff_append = w->skip_xff_append;
    h->forwarded_port = w->append_x_forwarded_port;
    h->preserve_request_id = w->preserve_external_request_id;
    h->request_id_in_answer = w->always_set_request_id_in_response;
    h->normalize_path = w->normalize_path && w->normalize_path->value;
    h->merge_slashes = w->merge_slashes;
    h->strip_dot = w->strip_trailing_host_dot;
    if (decode_enums(u, w, h) < 0 || decode_common(u, w->common_http_protocol_options, h) < 0 ||
        xds__decode_h2(u, w->http2_protocol_options, &h->h2) < 0 || decode_upgrades(u, w, h) < 0 || decode_router(u, w, h) < 0 ||
        decode_time(u, w->stream_idle_timeout, "stream_idle_timeout", UINT64_MAX, &h->stream_idle_us) < 0 ||
        decode_time(u, w->request_timeout, "request_timeout", 0, &h->request_us) < 0)
        return u->e->code;
    return decode_time(u, w->request_headers_timeout, "request_headers_timeout", 0, &h->head_us);
}
