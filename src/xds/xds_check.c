// SPDX-License-Identifier: Apache-2.0
/* Health checks of clusters (envoy.config.core.v3.HealthCheck): one of each cluster, over HTTP, gRPC or TCP. */
#include "codec/msg.h"
#include "xds/xds_int.h"

#define STATUS_MIN 100
#define STATUS_END 600   /* excluded */
#define OCTETS_MAX 4096u /* of what a TCP check sends or awaits */

/* ---- encoding ---- */
static void encode_http(struct arena *a, const struct health_check *c, Ec__HealthCheck *h) {
    Ec__HealthCheck__HttpHealthCheck *w = h->http_health_check = PACK_NEW(a, ec__health_check__http_health_check);
    h->health_checker_case = EC__HEALTH_CHECK__HEALTH_CHECKER_HTTP_HEALTH_CHECK;
    w->path = pack_str(a, c->path);
    w->host = pack_str(a, c->host);
    w->codec_client_type = c->h2 ? ET__CODEC_CLIENT_TYPE__HTTP2 : ET__CODEC_CLIENT_TYPE__HTTP1;
    w->n_expected_statuses = c->n_expect;
    w->expected_statuses = pack_array(a, c->n_expect);
    for (size_t i = 0; i < c->n_expect; i++) {
        w->expected_statuses[i] = PACK_NEW(a, et__int64_range);
        w->expected_statuses[i]->start = c->expect[i].from;
        w->expected_statuses[i]->end = c->expect[i].to;
    }
}

static Ec__HealthCheck__Payload *encode_octets(struct arena *a, struct str octets) {
    Ec__HealthCheck__Payload *w = PACK_NEW(a, ec__health_check__payload);
    w->payload_case = EC__HEALTH_CHECK__PAYLOAD__PAYLOAD_BINARY;
    w->binary.data = (uint8_t *)pack_str(a, octets);
    w->binary.len = octets.len;
    return w;
}

static void encode_tcp(struct arena *a, const struct health_check *c, Ec__HealthCheck *h) {
    Ec__HealthCheck__TcpHealthCheck *w = h->tcp_health_check = PACK_NEW(a, ec__health_check__tcp_health_check);
    h->health_checker_case = EC__HEALTH_CHECK__HEALTH_CHECKER_TCP_HEALTH_CHECK;
    if (c->send.len)
        w->send = encode_octets(a, c->send);
    w->n_receive = c->n_receive;
    w->receive = pack_array(a, c->n_receive);
    for (size_t i = 0; i < c->n_receive; i++)
        w->receive[i] = encode_octets(a, c->receive[i]);
}

static void encode_grpc(struct arena *a, const struct health_check *c, Ec__HealthCheck *h) {
    h->health_checker_case = EC__HEALTH_CHECK__HEALTH_CHECKER_GRPC_HEALTH_CHECK;
    h->grpc_health_check = PACK_NEW(a, ec__health_check__grpc_health_check);
    h->grpc_health_check->service_name = pack_str(a, c->path);
    h->grpc_health_check->authority = pack_str(a, c->host);
}

void xds__encode_check(struct arena *a, const struct health_check *c, Ecl__Cluster *w) {
    if (!c->enabled)
        return;
    Ec__HealthCheck *h = PACK_NEW(a, ec__health_check);
    h->timeout = pack_duration(a, c->timeout_us);
    h->interval = pack_duration(a, c->interval_us);
    if (c->jitter_us)
        h->interval_jitter = pack_duration(a, c->jitter_us);
    h->unhealthy_threshold = pack_u32(a, c->unhealthy_threshold);
    h->healthy_threshold = pack_u32(a, c->healthy_threshold);
    switch (c->kind) {
    case CHECK_HTTP: encode_http(a, c, h); break;
    case CHECK_GRPC: encode_grpc(a, c, h); break;
    case CHECK_TCP: encode_tcp(a, c, h); break;
    }
    w->n_health_checks = 1;
    w->health_checks = pack_array(a, 1);
    w->health_checks[0] = h;
}

/* ---- decoding ---- */
static int decode_http(struct unpack *u, const Ec__HealthCheck__HttpHealthCheck *w, struct health_check *c) {
    c->kind = CHECK_HTTP;
    if (unpack_name(u, w->path, "http_health_check: path", &c->path) < 0)
        return u->e->code;
    if (!msg_is_field_value(c->path))
        return err_set(u->e, WEFT_E_INVALID, "http_health_check: path: has control characters");
    c->host = unpack_str(u, w->host);
    if (w->codec_client_type != ET__CODEC_CLIENT_TYPE__HTTP1 && w->codec_client_type != ET__CODEC_CLIENT_TYPE__HTTP2)
        return unpack_unsupported(u, "http_health_check: codec_client_type but HTTP1 and HTTP2");
    c->h2 = w->codec_client_type == ET__CODEC_CLIENT_TYPE__HTTP2;
    c->expect = arena_zalloc(u->to, (w->n_expected_statuses + 1) * sizeof(*c->expect));
    for (; c->n_expect < w->n_expected_statuses; c->n_expect++) {
        const Et__Int64Range *r = w->expected_statuses[c->n_expect];
        if (r->start < STATUS_MIN || r->end > STATUS_END || r->start >= r->end)
            return err_set(u->e, WEFT_E_INVALID, "http_health_check: expected_statuses: must be within 100 to 600, not empty");
        c->expect[c->n_expect] = (struct check_range){(uint16_t)r->start, (uint16_t)r->end};
    }
    return 0;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int decode_hex(struct unpack *u, struct str text, struct str *out) {
    char *to = arena_alloc(u->to, text.len / 2 + 1);
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return err_set(u->e, WEFT_E_INVALID, "tcp_health_check: text: must be hexadecimal");
        to[i / 2] = (char)(high << 4 | low);
    }
    *out = str_n(to, text.len / 2);
    return text.len % 2 ? err_set(u->e, WEFT_E_INVALID, "tcp_health_check: text: half an octet") : 0;
}

static int decode_octets(struct unpack *u, const Ec__HealthCheck__Payload *w, struct str *out) {
    int rc = 0;
    switch (w->payload_case) {
    case EC__HEALTH_CHECK__PAYLOAD__PAYLOAD_TEXT: rc = decode_hex(u, str_of(w->text), out); break;
    case EC__HEALTH_CHECK__PAYLOAD__PAYLOAD_BINARY: *out = arena_dup(u->to, str_n((char *)w->binary.data, w->binary.len)); break;
    default: break;
    }
    if (rc < 0)
        return rc;
    return out->len && out->len <= OCTETS_MAX ? 0 : err_set(u->e, WEFT_E_INVALID, "tcp_health_check: 1 to 4096 octets");
}

static int decode_tcp(struct unpack *u, const Ec__HealthCheck__TcpHealthCheck *w, struct health_check *c) {
    c->kind = CHECK_TCP;
    if (w->send && decode_octets(u, w->send, &c->send) < 0)
        return u->e->code;
    c->receive = arena_zalloc(u->to, (w->n_receive + 1) * sizeof(*c->receive));
    for (; c->n_receive < w->n_receive; c->n_receive++)
        if (decode_octets(u, w->receive[c->n_receive], &c->receive[c->n_receive]) < 0)
            return u->e->code;
    return 0;
}

static int decode_kind(struct unpack *u, const Ec__HealthCheck *h, struct health_check *c) {
    switch (h->health_checker_case) {
    case EC__HEALTH_CHECK__HEALTH_CHECKER_HTTP_HEALTH_CHECK: return decode_http(u, h->http_health_check, c);
    case EC__HEALTH_CHECK__HEALTH_CHECKER_TCP_HEALTH_CHECK: return decode_tcp(u, h->tcp_health_check, c);
    case EC__HEALTH_CHECK__HEALTH_CHECKER_GRPC_HEALTH_CHECK:
        c->kind = CHECK_GRPC;
        c->path = unpack_str(u, h->grpc_health_check->service_name);
        c->host = unpack_str(u, h->grpc_health_check->authority);
        return 0;
    default: return unpack_unsupported(u, "health_checks: but over HTTP, gRPC or TCP");
    }
}

static int decode_pace(struct unpack *u, const Ec__HealthCheck *h, struct health_check *c) {
    uint64_t percent = h->interval_jitter_percent;
    if (unpack_duration(u, h->timeout, "health_checks: timeout", &c->timeout_us) < 0 ||
        unpack_duration(u, h->interval, "health_checks: interval", &c->interval_us) < 0)
        return u->e->code;
    if (h->interval_jitter && unpack_duration(u, h->interval_jitter, "health_checks: interval_jitter", &c->jitter_us) < 0)
        return u->e->code;
    c->jitter_us += (uint64_t)((unsigned __int128)c->interval_us * (percent < 100 ? percent : 100) / 100);
    return 0;
}

int xds__decode_check(struct unpack *u, const Ecl__Cluster *w, struct health_check *c) {
    if (!w->n_health_checks)
        return 0;
    const Ec__HealthCheck *h = w->health_checks[0];
    if (w->n_health_checks > 1)
        return unpack_unsupported(u, "health_checks: more than one");
    if (!h->timeout || !h->interval || !h->healthy_threshold || !h->unhealthy_threshold)
        return err_set(u->e, WEFT_E_INVALID, "health_checks: timeout, interval and thresholds must be given");
    c->enabled = true;
    c->healthy_threshold = h->healthy_threshold->value;
    c->unhealthy_threshold = h->unhealthy_threshold->value;
    if (decode_kind(u, h, c) < 0 || decode_pace(u, h, c) < 0)
        return u->e->code;
    if (!c->timeout_us || !c->interval_us || !c->healthy_threshold || !c->unhealthy_threshold)
        return err_set(u->e, WEFT_E_INVALID, "health_checks: timeout, interval and thresholds must not be 0");
    return 0;
}
