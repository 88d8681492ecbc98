// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "codec/url.h"
#include "control/api_int.h"

void api_register(struct api_request *rq) {
    json_t *body = NULL;
    if (!api_body(rq, &schema_register, &body))
        return;
    rq->written = "registered";
    mesh_put_registration(rq->api->mesh, body, api_written, rq);
}

/* The id in the path; false: it has been answered. */
static bool take_id(struct api_request *rq) {
    struct err e = {0};
    if (check_id(rq->id, &e) >= 0)
        return true;
    api_error(rq, 400, "id: %s", e.msg);
    return false;
}

void api_heartbeat(struct api_request *rq) {
    if (!take_id(rq))
        return;
    if (mesh_renew_registration(rq->api->mesh, rq->key, rq->id) < 0) {
        api_error(rq, 404, "no such registration, or it has lapsed: register it again");
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "status", json_string("renewed"));
    api_json(rq, 200, o);
}

void api_deregister(struct api_request *rq) {
    if (!take_id(rq))
        return;
    rq->written = "deregistered";
    mesh_delete_registration(rq->api->mesh, rq->key, rq->id, api_written, rq);
}

/* ---- all services ---- */

struct names {
    struct str *at;
    size_t n, cap;
};

static void add_name(void *ctx, struct str service) {
    struct names *all = ctx;
    mem_grow((void **)&all->at, &all->cap, all->n + 1, sizeof *all->at);
    all->at[all->n++] = service;
}

/* By namespace, then name: '/' is below every letter, digit and "-" is not, so the parts are compared one by one. */
static int compare_services(const void *a, const void *b) {
    struct str x = *(const struct str *)a, y = *(const struct str *)b;
    int ns = str_cmp(str_cut(&x, '/'), str_cut(&y, '/'));
    return ns ? ns : str_cmp(x, y);
}

void api__count_services(struct api *api, size_t *services, size_t *healthy, size_t *unhealthy) {
    struct names all = {0};
    reg_each(api->reg, add_name, &all);
    *services = all.n;
    *healthy = *unhealthy = 0;
    for (size_t i = 0; i < all.n; i++) {
        const struct reg_view *v = reg_view(api->reg, all.at[i]);
        *healthy += v->n_healthy;
        *unhealthy += v->n - v->n_healthy;
    }
    free(all.at);
}

static json_t *service_json(struct api *api, struct str key) {
    const struct reg_view *v = reg_view(api->reg, key);
    struct str name = key, ns = str_cut(&name, '/');
    json_t *o = json_object();
    json_object_set_new(o, "namespace", json_of_str(ns));
    json_object_set_new(o, "service_name", json_of_str(name));
    json_object_set_new(o, "endpoints", json_integer((json_int_t)v->n));
    json_object_set_new(o, "healthy_endpoints", json_integer((json_int_t)v->n_healthy));
    return o;
}

void api_services(struct api_request *rq) {
    struct names all = {0};
    json_t *out = json_array();
    reg_each(rq->api->reg, add_name, &all);
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, compare_services);
    for (size_t i = 0; i < all.n; i++)
        json_array_append_new(out, service_json(rq->api, all.at[i]));
    free(all.at);
    api_json(rq, 200, out);
}

/* ---- one service ---- */

static json_t *sidecar_json(const struct sidecar *s) {
    if (!s)
        return json_null();
    char text[ADDR_TEXT];
    struct addr a;
    if (addr_ip(&a, s->inbound_ip, s->inbound_port, NULL) < 0)
        return json_null();
    return json_string(addr_text(&a, text));
}

static json_t *endpoint_json(const struct reg_endpoint *ep, const struct api_request *rq) {
    json_t *o = json_object();
    json_object_set_new(o, "id", json_of_str(ep->id));
    json_object_set_new(o, "service_name", json_of_str(rq->service));
    json_object_set_new(o, "namespace", json_of_str(rq->ns));
    json_object_set_new(o, "ip", json_of_str(ep->ip));
    json_object_set_new(o, "port", json_integer(ep->port));
    json_object_set_new(o, "protocol", json_of_str(ep->protocol));
    json_object_set_new(o, "health_check_path", json_of_str(ep->health_path));
    json_object_set_new(o, "weight", json_integer(ep->weight));
    json_object_set(o, "labels", ep->labels);
    json_object_set_new(o, "ttl", ep->ttl ? json_deep_copy(ep->ttl) : json_null());
    json_object_set_new(o, "status", json_string(ep->healthy ? "healthy" : "unhealthy"));
    json_object_set_new(o, "last_seen", json_real(reg_seen(ep)));
    json_object_set_new(o, "source", json_string(ep->registration ? "registration" : "sidecar"));
    json_object_set_new(o, "sidecar", sidecar_json(ep->sidecar));
    return o;
}

struct filter {
    bool by_health, healthy;
    struct str label[16][2];
    size_t n;
};

/* < 0 and which parameter is wrong. */
static int read_filter(const struct api_request *rq, struct filter *f, struct err *e) {
    struct str rest = rq->query, k, v;
    while (url_query_next(&rest, rq->a, &k, &v)) {
        if (str_eq(k, STR("healthy"))) {
            f->healthy = str_eq(v, STR("true"));
            if (f->by_health || (!f->healthy && !str_eq(v, STR("false"))))
                return err_set(e, WEFT_E_INVALID, "healthy: must be one true or false");
            f->by_health = true;
        } else if (str_eq(k, STR("label"))) {
            struct str value = v, name = str_cut(&value, '=');
            if (!value.ptr || !name.len || f->n == sizeof f->label / sizeof *f->label)
                return err_set(e, WEFT_E_INVALID, "label: must be name=value, at most 16 times");
            f->label[f->n][0] = name;
            f->label[f->n++][1] = value;
        } else {
            return err_set(e, WEFT_E_INVALID, STR_FMT ": unknown parameter", STR_ARG(str_first(k, 100)));
        }
    }
    return 0;
}

static bool passes(const struct filter *f, const struct reg_endpoint *ep) {
    for (size_t i = 0; i < f->n; i++)
        if (!reg_has_label(ep, f->label[i][0], f->label[i][1]))
            return false;
    return !f->by_health || f->healthy == ep->healthy;
}

void api_endpoints(struct api_request *rq) {
    const struct reg_view *v = reg_view(rq->api->reg, rq->key);
    struct filter f = {0};
    struct err e = {0};
    if (read_filter(rq, &f, &e) < 0) {
        api_error(rq, 400, "%s", e.msg);
        return;
    }
    json_t *out = json_array();
    for (size_t i = 0; i < v->n; i++)
        if (passes(&f, &v->at[i]))
            json_array_append_new(out, endpoint_json(&v->at[i], rq));
    api_json(rq, 200, out);
}
