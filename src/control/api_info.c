// SPDX-License-Identifier: Apache-2.0
/* Certificates, configuration, and what there is to see. */
#include "control/api_doc.h"
#include "control/api_int.h"
#include "crypto/ca.h"
#include "io/loop.h"

/* ---- certificates ---- */

void api_ca(struct api_request *rq) {
    api_text(rq, STR("application/x-pem-file"), ca_cert_pem(rq->api->mesh->ca));
}

static bool wants_rsa(const json_t *body) {
    return str_eq(json_to_str(json_object_get(body, "key_type")), STR("rsa2048"));
}

static int issue(struct api_request *rq, const json_t *body, struct ca_issued *out, struct err *e) {
    const struct mesh *m = rq->api->mesh;
    struct str service = json_to_str(json_object_get(body, "service_name")), ns = json_to_str(json_object_get(body, "namespace")),
               csr = json_to_str(json_object_get(body, "csr"));
    const json_t *asked = json_object_get(body, "ttl");
    int64_t ttl = json_is_integer(asked) ? json_integer_value(asked) : m->cfg.cert_ttl;
    int64_t now = (int64_t)(loop_wall(m->loop) / CLOCK_S);
    if (!csr.ptr)
        return ca_issue(m->ca, ns, service, wants_rsa(body) ? KEY_RSA2048 : KEY_EC256, ttl, now, rq->a, out, e);
    int rc = ca_sign_csr(m->ca, csr, ns, service, ttl, now, rq->a, out, e);
    return rc < 0 ? err_in(e, "csr") : 0;
}

/* Takes the reference to the body. */
static void answer_issue(struct api_request *rq, json_t *body) {
    struct ca_issued issued = {0};
    struct err e = {0};
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
    api_json(rq, 200, o);
}

/* An RSA key takes a fifth of a second: many at once must not hold up what proxies have to hear, so each has a turn of its own.
 */
static void make_next_key(struct timer *t) {
    struct api *api = container_of(t, struct api, key_timer);
    struct api_request *rq = list_entry(list_pop(&api->keys), struct api_request, waiting);
    json_t *body = rq->body;
    if (!list_empty(&api->keys))
        loop_timer(api->mesh->loop, t, CLOCK_MS, make_next_key);
    if (rq->in) {
        answer_issue(rq, body);
        return;
    }
    json_decref(body);
    api_end(rq);
}

void api_issue(struct api_request *rq) {
    struct api *api = rq->api;
    json_t *body = NULL;
    if (!api_body(rq, &schema_issue, &body))
        return;
    if (json_is_string(json_object_get(body, "csr")) || !wants_rsa(body)) {
        answer_issue(rq, body);
        return;
    }
    rq->body = body;
    list_push(&api->keys, &rq->waiting);
    if (!timer_running(&api->key_timer))
        loop_timer(api->mesh->loop, &api->key_timer, CLOCK_MS, make_next_key);
}

void api_init(struct api *api) {
    list_init(&api->keys);
}

void api_fini(struct api *api) {
    struct list *n;
    loop_timer_stop(api->mesh->loop, &api->key_timer);
    while ((n = list_pop(&api->keys))) {
        struct api_request *rq = list_entry(n, struct api_request, waiting);
        json_decref(rq->body);
        api_end(rq);
    }
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
    api_judged(rq, rc >= 0);
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
    const struct session_stats *sum = &api->sessions->sums.sum;
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
    set_count(proxies, "total_proxies", api->sessions->proxies);
    set_count(proxies, "total_inbound_requests", sum->inbound_requests);
    set_count(proxies, "total_outbound_requests", sum->outbound_requests);
    set_count(proxies, "total_request_errors", sum->request_errors);
    json_t *o = json_object();
    json_object_set_new(o, "registry", registry);
    json_object_set_new(o, "load_balancer", lb);
    json_object_set_new(o, "proxies", proxies);
    api_json(rq, 200, o);
}

double api__uptime(const struct api *api) {
    return (double)(api->mesh->loop->now - api->started) / 1e6;
}

void api_status(struct api_request *rq) {
    struct api *api = rq->api;
    size_t services, healthy, unhealthy;
    json_t *o = json_object();
    api__count_services(api, &services, &healthy, &unhealthy);
    json_object_set_new(o, "status", json_string("healthy"));
    set_count(o, "services", services);
    set_count(o, "proxies", api->sessions->proxies);
    json_object_set_new(o, "uptime", json_real(api__uptime(api)));
    json_object_set_new(o, "version", json_string(WEFT_VERSION));
    json_object_set_new(o, "store", json_string(api->mesh->store->ops->name));
    api_json(rq, 200, o);
}

void api_openapi(struct api_request *rq) {
    api_json(rq, 200, api_openapi_document());
}

void api_not_yet(struct api_request *rq) {
    api_error(rq, 404, "not there yet: " STR_FMT, STR_ARG(str_first(rq->path, 200)));
}

/* Answering is the proof: the loop turns, and the listener is bound only after the store has been loaded. */
void api_healthz(struct api_request *rq) {
    api_text(rq, STR("text/plain; charset=utf-8"), STR("ok\n"));
}
