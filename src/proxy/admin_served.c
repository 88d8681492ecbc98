// SPDX-License-Identifier: Apache-2.0
/* What is served, as it is now: /clusters, /listeners, /certs. */
#include <stdio.h>
#include "codec/regex.h"
#include "crypto/x509.h"
#include "proxy/admin_int.h"
#include "proxy/proxy.h"

#define DAY 86400

static uint64_t active(const struct host *h) {
    return atomic_load_explicit(&h->lb.active, memory_order_relaxed);
}

/* ---- /clusters ---- */
static const char *health_flags(const struct serve_cluster *c, const struct host *h) {
    for (size_t i = 0; i < c->n_all; i++)
        if (c->all[i] == h && c->healthy[i])
            return "healthy";
    return h->failed_check ? "/failed_active_hc" : "/failed_eds_health";
}

static void cluster_text(struct buf *out, const struct serve_cluster *c) {
    struct str n = c->cluster->name;
    buf_fmt(out, STR_FMT "::observability_name::" STR_FMT "\n", STR_ARG(n), STR_ARG(n));
    for (size_t i = 0; i < c->n_all; i++) {
        const struct host *h = c->all[i];
        buf_fmt(out, STR_FMT "::" STR_FMT "::health_flags::%s\n", STR_ARG(n), STR_ARG(h->text), health_flags(c, h));
        buf_fmt(out, STR_FMT "::" STR_FMT "::rq_active::%llu\n", STR_ARG(n), STR_ARG(h->text), (unsigned long long)active(h));
    }
}

static json_t *host_json(const struct serve_cluster *c, const struct host *h) {
    json_t *o = json_object(), *health = json_object(), *stats = json_array(), *rq = json_object();
    json_object_set_new(o, "address", admin_address(&h->addr));
    json_object_set_new(rq, "name", json_string("rq_active"));
    json_object_set_new(rq, "value", json_integer((json_int_t)active(h)));
    json_object_set_new(rq, "type", json_string("GAUGE"));
    json_array_append_new(stats, rq);
    json_object_set_new(o, "stats", stats);
    bool eds_failed = strcmp(health_flags(c, h), "/failed_eds_health") == 0;
    json_object_set_new(health, "eds_health_status", json_string(eds_failed ? "UNHEALTHY" : "HEALTHY"));
    if (h->failed_check)
        json_object_set_new(health, "failed_active_health_check", json_true());
    json_object_set_new(o, "health_status", health);
    return o;
}

static json_t *cluster_json(const struct serve_cluster *c) {
    json_t *o = json_object(), *hosts = json_array();
    json_object_set_new(o, "name", json_of_str(c->cluster->name));
    for (size_t i = 0; i < c->n_all; i++)
        json_array_append_new(hosts, host_json(c, c->all[i]));
    json_object_set_new(o, "host_statuses", hosts);
    return o;
}

void admin_clusters(struct admin_request *r) {
    struct proxy *p = r->p;
    struct buf *out = &r->out;
    bool json = admin_wants_json(r);
    struct serve_cluster *c;
    struct regex *filter = NULL;
    struct str value;
    struct err e = {0};
    if (admin_param(r, "filter", &value) && regex_new_anywhere(&filter, value, &e) < 0) {
        admin_bad(r, e.msg);
        return;
    }
    json_t *o = json_object(), *list = json_array();
    if (p->serve)
        MAP_FOR (&p->serve->clusters, NULL, c) {
            if (filter && !regex_match(filter, c->cluster->name))
                continue;
            if (json)
                json_array_append_new(list, cluster_json(c));
            else
                cluster_text(out, c);
        }
    regex_free(&filter);
    json_object_set_new(o, "cluster_statuses", list);
    if (json)
        admin_json(r, o);
    else
        json_decref(o);
}

/* ---- /listeners ---- */
void admin_listeners(struct admin_request *r) {
    struct proxy *p = r->p;
    struct buf *out = &r->out;
    bool json = admin_wants_json(r);
    char text[ADDR_TEXT];
    json_t *o = json_object(), *list = json_array();
    for (unsigned i = 0; i < p->n_listeners; i++) {
        const struct proxy_listener *pl = &p->listeners[i];
        json_t *l = json_object();
        json_object_set_new(l, "name", json_string(pl->name));
        json_object_set_new(l, "local_address", admin_address(&pl->bound));
        json_array_append_new(list, l);
        if (!json)
            buf_fmt(out, "%s::%s\n", pl->name, addr_text(&pl->bound, text));
    }
    json_object_set_new(o, "listener_statuses", list);
    if (json)
        admin_json(r, o);
    else
        json_decref(o);
}

/* ---- /certs ---- */
static json_t *cert_json(const struct proxy *p, struct str pem) {
    struct arena a = {0};
    struct x509_info info;
    char from[25], to[25];
    json_t *o = json_object(), *sans = json_array();
    if (x509_describe_pem(&info, pem, &a, NULL) >= 0) {
        int64_t left = info.not_after - (int64_t)(loop_wall(p->loop) / CLOCK_S);
        clock_rfc3339((uint64_t)info.not_before * CLOCK_S, from);
        clock_rfc3339((uint64_t)info.not_after * CLOCK_S, to);
        json_object_set_new(o, "path", json_string("<inline>"));
        json_object_set_new(o, "serial_number", json_of_str(info.serial));
        json_t *uri = json_object();
        json_object_set_new(uri, "uri", json_of_str(info.spiffe));
        json_array_append_new(sans, uri);
        for (size_t i = 0; i < info.n_dns; i++) {
            json_t *dns = json_object();
            json_object_set_new(dns, "dns", json_of_str(info.dns[i]));
            json_array_append_new(sans, dns);
        }
        json_object_set_new(o, "days_until_expiration", json_sprintf("%lld", (long long)(left > 0 ? left / DAY : 0)));
        json_object_set_new(o, "valid_from", json_string(from));
        json_object_set_new(o, "expiration_time", json_string(to));
    }
    json_object_set_new(o, "subject_alt_names", sans);
    arena_fini(&a);
    return o;
}

void admin_certs(struct admin_request *r) {
    struct proxy *p = r->p;
    json_t *o = json_object(), *list = json_array();
    const struct identity *id = p->serve ? p->serve->identity : NULL;
    if (id) {
        json_t *pair = json_object(), *ca = json_array(), *chain = json_array();
        json_array_append_new(ca, cert_json(p, id->ca_pem));
        json_array_append_new(chain, cert_json(p, id->cert_pem));
        json_object_set_new(pair, "ca_cert", ca);
        json_object_set_new(pair, "cert_chain", chain);
        json_array_append_new(list, pair);
    }
    json_object_set_new(o, "certificates", list);
    admin_json(r, o);
}
