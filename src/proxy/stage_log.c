// SPDX-License-Identifier: Apache-2.0
/* log: at the end of an exchange: its access log line (Istio's keys) and Istio's metrics. Nothing is written here: the line goes
 * to the scribe at the end of the turn. */
#include "policy/log_filter.h"
#include "proxy/exch.h"
#include "proxy/fill.h"
#include "proxy/parties.h"
#include "proxy/stage.h"
#include "telemetry/alog.h"

static const char *protocol(const struct exch *x) {
    return x->req.version == 20 ? "HTTP/2" : x->req.version == 10 ? "HTTP/1.0" : "HTTP/1.1";
}

static struct str flag(const struct exch *x) {
    return x->resp.flag ? str_of(x->resp.flag) : STR("-");
}

static void access_log(struct exch *x) {
    const struct msg_fields *f = &x->req.fields;
    struct alog_record r = {.start_wall_us = x->at.wall,
                            .method = x->req.method,
                            .path = x->req.path,
                            .protocol = str_of(protocol(x)),
                            .response_code = x->resp.status,
                            .response_flags = flag(x),
                            .grpc_status = x->resp.grpc,
                            .response_code_details = x->resp.details,
                            .bytes_received = x->body.received,
                            .bytes_sent = x->resp.octets,
                            .duration_us = exch_now(x) - x->at.start,
                            .upstream_service_time = x->at.first ? (int64_t)((x->at.first - x->at.sent) / CLOCK_MS) : -1,
                            .x_forwarded_for = msg_get(f, HDR_X_FORWARDED_FOR),
                            .user_agent = msg_get(f, HDR_USER_AGENT),
                            .request_id = msg_get(f, HDR_X_REQUEST_ID),
                            .authority = x->req.authority,
                            .upstream_host = x->to.host ? x->to.host->text : STR_NONE,
                            .upstream_cluster = x->to.cluster ? x->to.cluster->cluster->name : STR_NONE,
                            .upstream_local_address = x->to.local,
                            .downstream_local_address = down_text(x->from, DOWN_LOCAL),
                            .downstream_remote_address = down_text(x->from, DOWN_REMOTE),
                            .requested_server_name = x->from->server_name,
                            .route_name = x->to.route ? x->to.route->name : STR_NONE,
                            .upstream_transport_failure_reason = x->resp.own ? x->reason : STR_NONE};
    alog_json(&x->w->logs[0], &r);
    worker_log(x->w, 0);
}

static void write_logs(struct exch *x, const struct hcm *h) {
    struct log_subject s = {.status = x->resp.status,
                            .duration_ms = (exch_now(x) - x->at.start) / CLOCK_MS,
                            .flag = x->resp.flag && strcmp(x->resp.flag, "-") != 0 ? str_of(x->resp.flag) : STR_NONE};
    for (size_t i = 0; i < h->logs.n; i++) {
        unsigned sink = x->chain->sinks[i];
        if (!log_filter_test(h->logs.at[i].filter, &s))
            continue;
        fill_log(x, &h->logs.at[i], &x->w->logs[sink]);
        worker_log(x->w, sink);
    }
}

static struct stats_request figures(const struct exch *x) {
    bool in = x->listener->side == SIDE_INBOUND;
    struct stats_request r = {.inbound = in,
                              .mtls = in ? x->from->peer->mtls : x->to.host && x->to.host->mtls,
                              .status = x->resp.status,
                              .flags = flag(x),
                              .protocol = x->grpc ? STR("grpc") : STR("http"),
                              .grpc_status = x->resp.grpc,
                              .duration_us = exch_now(x) - x->at.start,
                              .request_bytes = x->body.received,
                              .response_bytes = x->resp.octets};
    parties_name(&r, x->w, x->from->peer, x->to.cluster ? x->to.cluster->cluster : NULL);
    return r;
}

/* What CONNECT opened is a connection, not a request. */
static bool opened_tunnel(const struct exch *x) {
    return x->req.method_id == METHOD_CONNECT && list_linked(&x->tunnel);
}

static struct metric_series *tunnel_series(struct exch *x) {
    struct stats_request r = figures(x);
    r.tcp = true;
    r.protocol = STR("tcp");
    x->w->stats.changed = true;
    return stats_series(&x->w->stats, &r);
}

void stage_log_tunnel(struct exch *x) {
    if (opened_tunnel(x) && x->chain->hcm->metrics)
        tunnel_series(x)->tcp_opened++;
}

static void istio_metrics(struct exch *x) {
    struct stats_request r = figures(x);
    if (!opened_tunnel(x)) {
        stats_request(&x->w->stats, &r);
        return;
    }
    struct metric_series *s = tunnel_series(x);
    s->tcp_closed++;
    s->tcp_sent += x->resp.octets;
    s->tcp_received += x->body.received;
}

void stage_log(struct exch *x) {
    const struct hcm *hcm = x->chain->hcm;
    if (!x->at.start || x->own)
        return;
    if (x->listener->side == SIDE_INBOUND)
        stat_add(&x->w->stats, STAT_duration_us, exch_now(x) - x->at.start);
    if (hcm->access_log)
        access_log(x);
    if (hcm->logs.n)
        write_logs(x, hcm);
    if (hcm->metrics)
        istio_metrics(x);
}
