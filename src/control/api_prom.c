// SPDX-License-Identifier: Apache-2.0
/* GET /metrics: Istio's names where they mean the same (contract §4). */
#include "control/api_int.h"
#include "crypto/ca.h"
#include "io/loop.h"
#include "telemetry/prom.h"

static void one(struct prom *p, const char *name, enum prom_type type, const char *help, uint64_t value) {
    prom_family(p, name, type, help);
    prom_sample(p, STR_NONE, value);
}

static void one_hist(struct prom *p, const char *name, const char *help, const struct hist *h) {
    prom_family(p, name, PROM_HISTOGRAM, help);
    prom_hist(p, STR_NONE, h);
}

static void by_type(struct prom *p, const char *name, const char *help, const uint64_t *values) {
    static const char *const types[XDS_TYPES] = {"lds", "rds", "cds", "eds", "sds"};
    prom_family(p, name, PROM_COUNTER, help);
    for (int t = 0; t < XDS_TYPES; t++) {
        struct buf labels = {0};
        prom_label(&labels, "type", str_of(types[t]));
        prom_sample(p, buf_str(&labels), values[t]);
        buf_fini(&labels);
    }
}

/* As Istio labels it: by the whole type URL. */
static void sizes(struct prom *p, const struct push_stats *st) {
    prom_family(p, "pilot_xds_config_size_bytes", PROM_HISTOGRAM, "Octets of the responses to proxies.");
    for (int t = 0; t < XDS_TYPES; t++) {
        struct buf labels = {0};
        prom_label(&labels, "type", xds_type_url((enum xds_type)t));
        prom_hist(p, buf_str(&labels), &st->size[t]);
        buf_fini(&labels);
    }
}

static void triggers(struct prom *p, const struct push_stats *st) {
    static const char *const why[PUSH_TRIGGERS] = {"endpoint", "config", "global"};
    prom_family(p, "pilot_push_triggers", PROM_COUNTER,
                "Changes that asked for a push: of endpoints, of rules, of the configuration.");
    for (int i = 0; i < PUSH_TRIGGERS; i++) {
        struct buf labels = {0};
        prom_label(&labels, "type", str_of(why[i]));
        prom_sample(p, buf_str(&labels), st->triggers[i]);
        buf_fini(&labels);
    }
}

static void info(struct prom *p) {
    struct buf labels = {0};
    prom_label(&labels, "version", STR(WEFT_VERSION));
    prom_family(p, "pilot_info", PROM_GAUGE, "Version of the control plane.");
    prom_sample(p, buf_str(&labels), 1);
    buf_fini(&labels);
}

/* Services with traffic rules, which Istio calls virtual services, and those of them without an endpoint. */
static void services_with_rules(struct prom *p, struct api *api) {
    const struct mesh_service *s;
    uint64_t n = 0, empty = 0;
    struct str key;
    MAP_FOR (&api->mesh->services, &key, s) {
        n += s->rules.len > 0;
        empty += (s->rules.len || s->named) && !reg_has(api->reg, key);
    }
    one(p, "pilot_virt_services", PROM_GAUGE, "Services with traffic rules.", n);
    one(p, "pilot_eds_no_instances", PROM_GAUGE, "Services of traffic rules that have no endpoint.", empty);
}

/* The chain is the root alone: it signs the leaves. */
static void ca_figures(struct prom *p, struct api *api) {
    const struct sessions *s = api->sessions;
    uint64_t end = (uint64_t)ca_not_after(api->mesh->ca), now = loop_wall(api->mesh->loop) / CLOCK_S;
    uint64_t left = end > now ? end - now : 0;
    one(p, "citadel_server_csr_count", PROM_COUNTER, "Certificates asked for by proxies.", s->issued + s->refused);
    one(p, "citadel_server_success_cert_issuance_count", PROM_COUNTER, "Certificates issued to proxies.", s->issued);
    one(p, "citadel_server_csr_sign_err_count", PROM_COUNTER, "Certificates refused to proxies.", s->refused);
    one(p, "citadel_server_root_cert_expiry_timestamp", PROM_GAUGE, "Unix seconds when the root expires.", end);
    one(p, "citadel_server_root_cert_expiry_seconds", PROM_GAUGE, "Seconds until the root expires.", left);
    one(p, "citadel_server_cert_chain_expiry_timestamp", PROM_GAUGE, "Unix seconds when the issuing certificate expires.", end);
    one(p, "citadel_server_cert_chain_expiry_seconds", PROM_GAUGE, "Seconds until the issuing certificate expires.", left);
}

static void one_failing(struct prom *p, struct str key, uint64_t failures) {
    struct buf labels = {0};
    struct str rest = key, ns = str_cut(&rest, '/'), name = str_cut(&rest, '/');
    if (!failures)
        return;
    prom_label(&labels, "namespace", ns);
    prom_label(&labels, "service_name", name);
    prom_label(&labels, "id", rest);
    prom_sample(p, buf_str(&labels), failures);
    buf_fini(&labels);
}

static void failing(struct prom *p, struct api *api) {
    const struct mesh_service *s;
    const struct registration *g;
    const struct sidecar *sc;
    prom_family(p, "weft_control_endpoint_failures_total", PROM_COUNTER, "Attempts at an endpoint that failed, as proxies tell.");
    MAP_FOR (&api->mesh->services, NULL, s)
        MAP_FOR (&s->registrations, NULL, g) {
            struct buf key = {0};
            buf_fmt(&key, "%s/" STR_FMT, s->key, STR_ARG(g->id));
            one_failing(p, buf_str(&key), g->failures);
            buf_fini(&key);
        }
    MAP_FOR (&api->reg->sidecars, NULL, sc)
        one_failing(p, str_of(sc->key), sc->failures);
}

static void figures(struct prom *p, struct api *api) {
    size_t services, healthy, unhealthy;
    api__count_services(api, &services, &healthy, &unhealthy);
    info(p);
    one(p, "pilot_services", PROM_GAUGE, "Services known.", services);
    services_with_rules(p, api);
    one(p, "pilot_xds", PROM_GAUGE, "Proxies connected over xDS.", api->push->n_streams);
    by_type(p, "pilot_xds_pushes", "Resources pushed.", api->push->stats.pushes);
    by_type(p, "pilot_total_xds_rejects", "Responses that proxies refused.", api->push->stats.nacks);
    one_hist(p, "pilot_proxy_convergence_time", "Seconds from a change until a proxy has been sent all of it.",
             &api->push->stats.converged);
    one_hist(p, "pilot_proxy_queue_time", "Seconds that a push waited for those to other proxies.", &api->push->stats.queued);
    one_hist(p, "pilot_debounce_time", "Seconds in which changes are gathered, until their push begins.",
             &api->push->stats.debounced);
    sizes(p, &api->push->stats);
    triggers(p, &api->push->stats);
    by_type(p, "pilot_xds_expired_nonce", "Requests with a nonce that is not waited for.", api->push->stats.expired);
    one(p, "pilot_xds_write_timeout", PROM_COUNTER, "Responses that a proxy did not take in time.",
        api->met_xds->n[LIMIT_send_timeout]);
    ca_figures(p, api);
    one(p, "galley_validation_passed", PROM_COUNTER, "Bodies of requests that were valid.", api->passed);
    one(p, "galley_validation_failed", PROM_COUNTER, "Bodies of requests that were not.", api->failed);
    one(p, "weft_control_endpoints_healthy", PROM_GAUGE, "Healthy endpoints.", healthy);
    one(p, "weft_control_endpoints_unhealthy", PROM_GAUGE, "Unhealthy endpoints.", unhealthy);
    one(p, "weft_control_endpoints_damped", PROM_GAUGE, "Endpoints that flap and are held out of rotation.",
        api->reg->flaps.held);
    failing(p, api);
    one(p, "weft_control_revision", PROM_GAUGE, "Revision of the mesh.", api->mesh->revision);
    one(p, "weft_control_resources_compiled_total", PROM_COUNTER, "Resources compiled.", api->push->stats.compiled);
    one(p, "weft_control_watchers", PROM_GAUGE, "Streams of watch that are open.", api->feed->n);
    one(p, "weft_control_watch_lines_total", PROM_COUNTER, "Lines told to watchers.", api->feed->told);
    one(p, "weft_control_watchers_behind_total", PROM_COUNTER, "Watchers cut off as the log no longer reached back to them.",
        api->feed->cut);
    prom_limits(p);
    prom_limits_of(p, "api", api->met_rest);
    prom_limits_of(p, "xds", api->met_xds);
    prom_family(p, "weft_control_uptime_seconds", PROM_GAUGE, "Seconds since the start.");
    prom_sample_real(p, STR_NONE, api__uptime(api));
}

void api_prometheus(struct api_request *rq) {
    struct buf b = {0};
    struct str accept = msg_get(&rq->in->head.fields, HDR_ACCEPT);
    struct prom p = {.out = &b, .openmetrics = str_find(accept, STR("application/openmetrics-text")) >= 0};
    figures(&p, rq->api);
    prom_end(&p);
    api_text(rq, p.openmetrics ? STR(PROM_CONTENT_TYPE_OPENMETRICS) : STR(PROM_CONTENT_TYPE), buf_str(&b));
    buf_fini(&b);
}
