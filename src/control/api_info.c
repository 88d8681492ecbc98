// SPDX-License-Identifier: Apache-2.0
/* Certificates, configuration, and what there is to see. */
#include "control/api_int.h"
#include "crypto/ca.h"

/* ---- certificates ---- */

void api_ca(struct api_request *rq) {
    api_text(rq, STR("application/x-pem-file"), ca_cert_pem(rq->api->mesh->ca));
}

static int issue(struct api_request *rq, const json_t *body, struct ca_issued *out, struct err *e) {
    const struct mesh *m = rq->api->mesh;
    struct str service = json_to_str(json_object_get(body, "service_name")), ns = json_to_str(json_object_get(body, "namespace")),
               csr = json_to_str(json_object_get(body, "csr"));
    const json_t *asked = json_object_get(body, "ttl");
    int64_t ttl = json_is_integer(asked) ? json_integer_value(asked) : m->cfg.cert_ttl;
    int64_t now = (int64_t)(loop_wall(m->loop) / CLOCK_S);
    bool rsa = str_eq(json_to_str(json_object_get(body, "key_type")), STR("rsa2048"));
    if (!csr.ptr)
        return ca_issue(m->ca, ns, service, rsa ? KEY_RSA2048 : KEY_EC256, ttl, now, rq->a, out, e);
    int rc = ca_sign_csr(m->ca, csr, ns, service, ttl, now, rq->a, out, e);
    return rc < 0 ? err_in(e, "csr") : 0;
}

void api_issue(struct api_request *rq) {
    json_t *body = NULL;
    struct ca_issued issued = {0};
    struct err e = {0};
    if (!api_body(rq, &schema_issue, &body))
        return;
    int rc = issue(rq, body, &issued, &e);
    json_decref(body);
    if (rc < 0) {
        api_error(rq, 400, "%s", e.msg);
        return;
    }
    json_t *o = json_object();
    if (issued.key_pem.len)
        json_object_set_new(o, "private_key", json_of_str(issued.key_pem));
    json_object_set_new(o, "certificate", json_of_str(issued.cert_pem));
    json_object_set_new(o, "ca_certificate", json_of_str(ca_cert_pem(rq->api->mesh->ca)));
    rq->api->sessions->issued++;
    api_json(rq, 200, o);
}

/* ---- configuration ---- */

void api_config(struct api_request *rq) {
    api_json(rq, 200, json_incref(rq->api->mesh->config));
}

void api_merge_config(struct api_request *rq) {
    json_t *patch = NULL;
    struct err e = {0};
    if (!api_json_body(rq, &patch))
        return;
    rq->written = "config updated";
    int rc = mesh_merge_config(rq->api->mesh, patch, api_written, rq, &e);
    json_decref(patch);
    if (rc >= 0)
        return;
    api_error(rq, 400, "%s", e.msg);
}

/* ---- figures ---- */

static void set_count(json_t *o, const char *name, uint64_t n) {
    json_object_set_new(o, name, json_integer((json_int_t)n));
}

void api_metrics(struct api_request *rq) {
    struct api *api = rq->api;
    const struct session_stats *sum = &api->sessions->sum;
    size_t services, healthy, unhealthy;
    json_t *registry = json_object(), *lb = json_object(), *proxies = json_object();
    api__count_services(api, &services, &healthy, &unhealthy);
    set_count(registry, "total_services", services);
    set_count(registry, "healthy_endpoints", healthy);
    set_count(registry, "unhealthy_endpoints", unhealthy);
    set_count(registry, "traffic_rules", api->mesh->n_rules);
    set_count(registry, "security_rules", api->mesh->security.len);
    set_count(lb, "requests_routed", sum->requests_routed);
    set_count(lb, "routing_failures", sum->routing_failures);
    set_count(lb, "backend_failures", sum->backend_failures);
    set_count(proxies, "total_proxies", api->reg->connected);
    set_count(proxies, "total_inbound_requests", sum->inbound_requests);
    set_count(proxies, "total_outbound_requests", sum->outbound_requests);
    set_count(proxies, "total_request_errors", sum->request_errors);
    json_t *o = json_object();
    json_object_set_new(o, "registry", registry);
    json_object_set_new(o, "load_balancer", lb);
    json_object_set_new(o, "proxies", proxies);
    api_json(rq, 200, o);
}

static double uptime(const struct api *api) {
    return (double)(api->mesh->loop->now - api->started) / 1e6;
}

void api_status(struct api_request *rq) {
    struct api *api = rq->api;
    size_t services, healthy, unhealthy;
    json_t *o = json_object();
    api__count_services(api, &services, &healthy, &unhealthy);
    json_object_set_new(o, "status", json_string("healthy"));
    set_count(o, "services", services);
    set_count(o, "proxies", api->reg->connected);
    json_object_set_new(o, "uptime", json_real(uptime(api)));
    json_object_set_new(o, "version", json_string(WEFT_VERSION));
    json_object_set_new(o, "store", json_string(api->mesh->store->ops->name));
    api_json(rq, 200, o);
}

/* Answering is the proof: the loop turns, and the listener is bound only after the store has been loaded. */
void api_healthz(struct api_request *rq) {
    api_text(rq, STR("text/plain; charset=utf-8"), STR("ok\n"));
}

static void print_family(struct buf *b, const char *name, const char *type, const char *help) {
    buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_one(struct buf *b, const char *name, const char *type, const char *help, double value) {
    print_family(b, name, type, help);
    buf_fmt(b, "%s %.17g\n", name, value);
}

static void print_by_type(struct buf *b, const char *name, const char *help, const uint64_t *values) {
    static const char *const types[XDS_TYPES] = {"lds", "rds", "cds", "eds", "sds"};
    print_family(b, name, "counter", help);
    for (int t = 0; t < XDS_TYPES; t++)
        buf_fmt(b, "%s{type=\"%s\"} %llu\n", name, types[t], (unsigned long long)values[t]);
}

void api_prometheus(struct api_request *rq) {
    struct api *api = rq->api;
    size_t services, healthy, unhealthy;
    struct buf b = {0};
    api__count_services(api, &services, &healthy, &unhealthy);
    print_family(&b, "pilot_info", "gauge", "Version of the control plane.");
    buf_fmt(&b, "pilot_info{version=\"%s\"} 1\n", WEFT_VERSION);
    print_one(&b, "pilot_services", "gauge", "Services known.", (double)services);
    print_one(&b, "pilot_xds", "gauge", "Proxies connected over xDS.", api->push->n_streams);
    print_by_type(&b, "pilot_xds_pushes", "Resources pushed.", api->push->stats.pushes);
    print_by_type(&b, "pilot_total_xds_rejects", "Responses that proxies refused.", api->push->stats.nacks);
    print_one(&b, "citadel_server_csr_count", "counter", "Certificate requests by proxies.",
              (double)(api->sessions->issued + api->sessions->refused));
    print_one(&b, "citadel_server_success_cert_issuance_count", "counter", "Certificates issued.", (double)api->sessions->issued);
    print_one(&b, "citadel_server_root_cert_expiry_timestamp", "gauge", "Unix seconds when the root expires.",
              (double)ca_not_after(api->mesh->ca));
    print_one(&b, "weft_control_endpoints_healthy", "gauge", "Healthy endpoints.", (double)healthy);
    print_one(&b, "weft_control_endpoints_unhealthy", "gauge", "Unhealthy endpoints.", (double)unhealthy);
    print_one(&b, "weft_control_revision", "counter", "Revision of the mesh.", (double)api->mesh->revision);
    print_one(&b, "weft_control_resources_compiled", "counter", "Resources compiled.", (double)api->push->stats.compiled);
    print_one(&b, "weft_control_uptime_seconds", "gauge", "Seconds since the start.", uptime(api));
    api_text(rq, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(&b));
    buf_fini(&b);
}
