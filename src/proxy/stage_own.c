// SPDX-License-Identifier: Apache-2.0
/* own: /health and /metrics of the sidecar itself, in plaintext on the inbound port, outside the security rules (contract §3,
 * Inbound). */
#include "codec/url.h"
#include "proxy/exch.h"
#include "proxy/stage.h"
#include "telemetry/prom.h"

static void answer(struct exch *x, unsigned status, struct str type, struct buf *body) {
    struct msg_fields f = {0};
    msg_add(&f, &x->down->arena, HDR_CONTENT_TYPE, type);
    msg_add(&f, &x->down->arena, HDR_SERVER, STR("weft"));
    x->resp.begun = x->resp.ended = true;
    x->resp.status = status;
    x->own = true;
    struct str bytes = arena_dup(&x->down->arena, buf_str(body));
    buf_fini(body);
    stream_reply_with(x->down, status, &f, bytes);
}

static void port_or_null(struct buf *b, const char *name, uint16_t port) {
    if (port)
        buf_fmt(b, ", \"%s\": %u", name, port);
    else
        buf_fmt(b, ", \"%s\": null", name);
}

static void health(struct exch *x) {
    const struct worker_env *env = x->w->env;
    bool ok = atomic_load_explicit(&env->app_healthy, memory_order_relaxed);
    struct buf b = {0};
    buf_fmt(&b, "{\"status\": \"%s\", \"service\": \"" STR_FMT "/" STR_FMT "\"", ok ? "healthy" : "unhealthy", STR_ARG(env->ns),
            STR_ARG(env->service));
    port_or_null(&b, "proxy_port", env->inbound_port);
    port_or_null(&b, "service_port", env->app_port);
    buf_addc(&b, '}');
    answer(x, ok ? 200 : 503, STR("application/json"), &b);
}

static void metrics_json(const struct stats_all *all, struct buf *b) {
    uint64_t inbound = stats_sum(all, STAT_inbound_requests);
    double total = (double)stats_sum(all, STAT_duration_us) / 1e6;
    buf_fmt(b, "{\"inbound_requests\": %llu, \"outbound_requests\": %llu, ", (unsigned long long)inbound,
            (unsigned long long)stats_sum(all, STAT_outbound_requests));
    buf_fmt(b, "\"request_duration_total\": %.6f, \"request_errors\": %llu, ", total,
            (unsigned long long)stats_sum(all, STAT_request_errors));
    buf_fmt(b, "\"circuit_breaker_opens\": %llu, \"average_request_duration\": %.6f}",
            (unsigned long long)stats_sum(all, STAT_breaker_opens), inbound ? total / (double)inbound : 0.0);
}

/* Text where Accept asks for it (text/plain or OpenMetrics) at least as much as for JSON, and before it. */
static bool wants_text(struct exch *x) {
    struct str rest = msg_join(&x->req.fields, HDR_ACCEPT, STR(","), &x->down->arena), type;
    unsigned q, best = 0;
    bool text = false;
    while (msg_weighted_next(&rest, &type, &q)) {
        bool is_text = str_ieq(type, STR("text/plain")) || str_ieq(type, STR("text/*")) ||
                       str_ieq(type, STR("application/openmetrics-text"));
        if (q <= best || (!is_text && !str_ieq(type, STR("application/json"))))
            continue;
        best = q;
        text = is_text;
    }
    return text;
}

static void on_metrics(struct worker_waiter *ww, bool away, struct str text) {
    struct buf b = {0};
    buf_add(&b, text);
    answer(container_of(ww, struct exch, waiter), 200, STR(PROM_CONTENT_TYPE), &b);
}

static void metrics(struct exch *x) {
    struct buf b = {0};
    if (wants_text(x)) {
        x->waiter.wake = on_metrics;
        worker_want_metrics(x->w, &x->waiter);
        return;
    }
    metrics_json(&x->w->env->stats, &b);
    answer(x, 200, STR("application/json"), &b);
}

enum verdict stage_own(struct exch *x) {
    if (x->listener->side != SIDE_INBOUND)
        return STAGE_NEXT;
    struct str path = url_path_only(x->req.path);
    bool get = x->req.method_id == METHOD_GET || x->req.method_id == METHOD_HEAD;
    if (x->plain && get && str_eq(path, STR("/health"))) {
        health(x);
        return STAGE_WAIT; /* answered: nothing resumes it */
    }
    if (x->plain && get && str_eq(path, STR("/metrics"))) {
        metrics(x);
        return STAGE_WAIT;
    }
    stat_add(&x->w->stats, STAT_inbound_requests, 1);
    return STAGE_NEXT;
}
