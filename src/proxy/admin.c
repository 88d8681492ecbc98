// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin.h"
#include <stdio.h>
#include "codec/json.h"
#include "codec/url.h"
#include "crypto/x509.h"
#include "proxy/inherited.h"
#include "proxy/proxy.h"
#include "telemetry/prom.h"
#include "xds/xds.h"

#define DAY 86400
#define TEXT STR("text/plain; charset=UTF-8")
#define JSON STR("application/json")

typedef struct str page_f(struct proxy *p, bool json, struct buf *out,
                          unsigned *status); /* writes the page; returns its content type */

/* ---- /ready ---- */
static struct str page_ready(struct proxy *p, bool json, struct buf *out, unsigned *status) {
    bool ready = p->serve && !p->draining;
    if (!ready)
        *status = 503;
    buf_fmt(out, "%s\n", ready ? "LIVE" : p->draining ? "DRAINING" : "INITIALIZING");
    return TEXT;
}

/* ---- /stats ---- */
static uint64_t connections(const struct proxy *p) {
    uint64_t n = 0;
    for (unsigned i = 0; i < p->env.n; i++)
        n += atomic_load_explicit(&p->stats[i]->connections, memory_order_relaxed);
    return n;
}

static void stat_line(struct buf *out, const char *name, uint64_t value) {
    buf_fmt(out, "%s: %llu\n", name, (unsigned long long)value);
}

static uint64_t active(const struct host *h) {
    return atomic_load_explicit(&h->lb.active, memory_order_relaxed);
}

static void cluster_stats(struct buf *out, const struct serve_cluster *c) {
    uint64_t sum = 0;
    for (size_t i = 0; i < c->n_all; i++)
        sum += active(c->all[i]);
    struct str n = c->cluster->name;
    buf_fmt(out, "cluster." STR_FMT ".membership_healthy: %zu\n", STR_ARG(n), c->n_members);
    buf_fmt(out, "cluster." STR_FMT ".membership_total: %zu\n", STR_ARG(n), c->n_all);
    buf_fmt(out, "cluster." STR_FMT ".upstream_rq_active: %llu\n", STR_ARG(n), (unsigned long long)sum);
}

static struct str page_stats(struct proxy *p, bool json, struct buf *out, unsigned *status) {
    struct serve_cluster *c;
    if (p->serve)
        MAP_FOR (&p->serve->clusters, NULL, c)
            cluster_stats(out, c);
    if (p->cfg.control_state)
        stat_line(out, "control_plane.connected_state", p->cfg.control_state(p->cfg.ctx));
    stat_line(out, "http.downstream_cx_active", connections(p));
    stat_line(out, "server.live", p->serve && !p->draining);
    stat_line(out, "server.uptime", (p->loop->now - p->started) / CLOCK_S);
    stat_line(out, "server.concurrency", p->env.n);
    for (unsigned i = 0; i < STAT_COUNT_; i++) {
        char name[64];
        snprintf(name, sizeof(name), "weft.%s", stats_name(i));
        stat_line(out, name, proxy_stat(p, i));
    }
    return TEXT;
}

static struct str page_prometheus(struct proxy *p, bool json, struct buf *out, unsigned *status) {
    proxy_metrics(p, out);
    return STR(PROM_CONTENT_TYPE);
}

/* ---- /clusters ---- */
static bool host_healthy(const struct serve_cluster *c, const struct host *h) {
    for (size_t i = 0; i < c->n_members; i++)
        if (c->members[i] == h)
            return true;
    return false;
}

static void cluster_text(struct buf *out, const struct serve_cluster *c) {
    struct str n = c->cluster->name;
    buf_fmt(out, STR_FMT "::observability_name::" STR_FMT "\n", STR_ARG(n), STR_ARG(n));
    for (size_t i = 0; i < c->n_all; i++) {
        const struct host *h = c->all[i];
        buf_fmt(out, STR_FMT "::" STR_FMT "::health_flags::%s\n", STR_ARG(n), STR_ARG(h->text),
                host_healthy(c, h) ? "healthy" : "/failed_eds_health");
        buf_fmt(out, STR_FMT "::" STR_FMT "::rq_active::%llu\n", STR_ARG(n), STR_ARG(h->text), (unsigned long long)active(h));
    }
}

static json_t *address_json(const struct addr *a) {
    char text[ADDR_TEXT];
    json_t *o = json_object(), *sa = json_object();
    if (a->sa.ss_family == AF_UNIX) {
        json_object_set_new(sa, "path", json_string(addr_text(a, text) + sizeof("unix:") - 1));
        json_object_set_new(o, "pipe", sa);
        return o;
    }
    json_object_set_new(sa, "address", json_string(addr_ip_text(a, text)));
    json_object_set_new(sa, "port_value", json_integer(addr_port(a)));
    json_object_set_new(o, "socket_address", sa);
    return o;
}

static json_t *host_json(const struct serve_cluster *c, const struct host *h) {
    json_t *o = json_object(), *health = json_object(), *stats = json_array(), *rq = json_object();
    json_object_set_new(o, "address", address_json(&h->addr));
    json_object_set_new(rq, "name", json_string("rq_active"));
    json_object_set_new(rq, "value", json_integer((json_int_t)active(h)));
    json_object_set_new(rq, "type", json_string("GAUGE"));
    json_array_append_new(stats, rq);
    json_object_set_new(o, "stats", stats);
    json_object_set_new(health, "eds_health_status", json_string(host_healthy(c, h) ? "HEALTHY" : "UNHEALTHY"));
    json_object_set_new(o, "health_status", health);
    json_object_set_new(o, "mtls", json_boolean(h->mtls));
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

static void print_json(struct buf *out, json_t *o) {
    json_print(out, o, true);
    json_decref(o);
}

static struct str page_clusters(struct proxy *p, bool json, struct buf *out, unsigned *status) {
    struct serve_cluster *c;
    json_t *o = json_object(), *list = json_array();
    if (p->serve)
        MAP_FOR (&p->serve->clusters, NULL, c) {
            if (json)
                json_array_append_new(list, cluster_json(c));
            else
                cluster_text(out, c);
        }
    json_object_set_new(o, "cluster_statuses", list);
    if (json) {
        print_json(out, o);
        return JSON;
    }
    json_decref(o);
    return TEXT;
}

/* ---- /listeners ---- */
static struct str page_listeners(struct proxy *p, bool json, struct buf *out, unsigned *status) {
    char text[ADDR_TEXT];
    json_t *o = json_object(), *list = json_array();
    for (unsigned i = 0; i < p->n_listeners; i++) {
        const struct proxy_listener *pl = &p->listeners[i];
        json_t *l = json_object();
        json_object_set_new(l, "name", json_string(pl->name));
        json_object_set_new(l, "local_address", address_json(&pl->bound));
        json_array_append_new(list, l);
        if (!json)
            buf_fmt(out, "%s::%s\n", pl->name, addr_text(&pl->bound, text));
    }
    json_object_set_new(o, "listener_statuses", list);
    if (json) {
        print_json(out, o);
        return JSON;
    }
    json_decref(o);
    return TEXT;
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

static struct str page_certs(struct proxy *p, bool json, struct buf *out, unsigned *status) {
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
    print_json(out, o);
    return JSON;
}

/* ---- /config_dump ---- */
static json_t *dump_of(const char *type, const char *list, json_t *items) {
    json_t *o = json_object();
    char url[96];
    snprintf(url, sizeof(url), "type.googleapis.com/envoy.admin.v3.%sConfigDump", type);
    json_object_set_new(o, "@type", json_string(url));
    json_object_set_new(o, list, items);
    return o;
}

static json_t *versioned(const char *what, struct xds_resource *r, json_t *resource) {
    json_t *o = json_object();
    json_object_set_new(o, "version_info", json_string(r->version));
    json_object_set_new(resource, "@type", json_of_str(xds_type_url(r->type)));
    json_object_set_new(resource, "name", json_of_str(r->name));
    json_object_set_new(o, what, resource);
    ref_put(r);
    return o;
}

static json_t *cluster_dump(const struct serve_cluster *sc) {
    static const char *const policies[] = {"ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "MAGLEV", "RING_HASH", "PEAK_EWMA"};
    const struct cluster *c = sc->cluster;
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string(c->type == CLUSTER_EDS ? "EDS" : "STATIC"));
    json_object_set_new(o, "lb_policy", json_string(policies[c->lb]));
    json_object_set_new(o, "connect_timeout", json_sprintf("%.3fs", (double)c->connect_timeout_us / 1e6));
    if (c->tls)
        json_object_set_new(o, "sni", json_of_str(c->tls->sni));
    return versioned("cluster", xds_encode_cluster(c), o);
}

static json_t *route_dump(const struct route *r) {
    json_t *o = json_object(), *clusters = json_array();
    json_object_set_new(o, "name", json_of_str(r->name));
    for (size_t i = 0; i < r->n_clusters; i++) {
        json_t *c = json_object();
        json_object_set_new(c, "name", json_of_str(r->clusters[i].cluster));
        json_object_set_new(c, "weight", json_integer(r->clusters[i].weight));
        json_array_append_new(clusters, c);
    }
    json_object_set_new(o, "weighted_clusters", clusters);
    json_object_set_new(o, "timeout", json_sprintf("%.3fs", (double)r->timeout_us / 1e6));
    return o;
}

static json_t *table_dump(const struct serve_routes *sr) {
    json_t *o = json_object(), *vhosts = json_array();
    for (size_t v = 0; v < sr->table->n_vhosts; v++) {
        const struct virtual_host *vh = &sr->table->vhosts[v];
        json_t *jv = json_object(), *routes = json_array();
        json_object_set_new(jv, "name", json_of_str(vh->name));
        for (size_t i = 0; i < vh->n_routes; i++)
            json_array_append_new(routes, route_dump(&vh->routes[i]));
        json_object_set_new(jv, "routes", routes);
        json_array_append_new(vhosts, jv);
    }
    json_object_set_new(o, "virtual_hosts", vhosts);
    return versioned("route_config", xds_encode_routes(sr->table), o);
}

static json_t *listener_dump(const struct serve_listener *l) {
    json_t *o = json_object(), *active_state = json_object(), *chains = json_array();
    for (size_t i = 0; i < l->n_chains; i++) {
        const struct filter_chain *fc = l->chains[i].conf;
        const struct rbac *rules = fc->kind == CHAIN_HTTP ? fc->hcm.rbac : fc->rbac;
        json_t *c = json_object();
        json_object_set_new(c, "name", json_of_str(fc->name));
        json_object_set_new(c, "tls", json_boolean(fc->tls != NULL));
        json_object_set_new(c, "policies", json_integer(rules ? (json_int_t)rules->n_policies : 0));
        json_array_append_new(chains, c);
    }
    json_object_set_new(o, "filter_chains", chains);
    json_object_set_new(active_state, "name", json_of_str(l->listener->name));
    json_object_set_new(active_state, "active_state", versioned("listener", xds_encode_listener(l->listener), o));
    return active_state;
}

static struct str page_config(struct proxy *p, bool json, struct buf *out, unsigned *status) {
    json_t *o = json_object(), *configs = json_array();
    json_t *clusters = json_array(), *routes = json_array(), *listeners = json_array();
    struct serve_cluster *c;
    struct serve_routes *r;
    for (unsigned i = 0; p->serve && i < p->serve->n_listeners; i++)
        if (p->serve->listeners[i].listener)
            json_array_append_new(listeners, listener_dump(&p->serve->listeners[i]));
    if (p->serve) {
        MAP_FOR (&p->serve->clusters, NULL, c)
            json_array_append_new(clusters, cluster_dump(c));
        MAP_FOR (&p->serve->routes, NULL, r)
            json_array_append_new(routes, table_dump(r));
    }
    json_array_append_new(configs, dump_of("Clusters", "dynamic_active_clusters", clusters));
    json_array_append_new(configs, dump_of("Listeners", "dynamic_listeners", listeners));
    json_array_append_new(configs, dump_of("Routes", "dynamic_route_configs", routes));
    json_object_set_new(o, "configs", configs);
    print_json(out, o);
    return JSON;
}

/* ---- the server ---- */
static const struct {
    const char *path;
    page_f *page;
} pages[] = {
    {"/ready", page_ready},        {"/stats", page_stats},       {"/stats/prometheus", page_prometheus},
    {"/config_dump", page_config}, {"/clusters", page_clusters}, {"/listeners", page_listeners},
    {"/certs", page_certs},
};

static void on_request(struct collected *r, int code) {
    struct proxy *p = r->user;
    if (code == WEFT_E_TOO_LARGE)
        stream_reply(r->stream, 413, TEXT, STR("no body is wanted here\n"));
    if (code < 0)
        return;
    struct str path = url_path_only(r->head.path);
    bool json = str_find(url_query(r->head.path), STR("format=json")) >= 0;
    if (r->head.method_id != METHOD_GET && r->head.method_id != METHOD_HEAD) {
        stream_reply(r->stream, 405, TEXT, STR("only GET\n"));
        return;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!str_eq(path, str_of(pages[i].path)))
            continue;
        struct buf out = {0};
        unsigned status = 200;
        struct str type = pages[i].page(p, json, &out, &status);
        stream_reply(r->stream, status, type, buf_str(&out));
        buf_fini(&out);
        return;
    }
    stream_reply(r->stream, 404, TEXT, STR("/ready /stats /stats/prometheus /config_dump /clusters /listeners /certs\n"));
}

static void on_stream(struct server *s, struct stream *st) {
    server_collect(st, 1024, on_request, s->user);
}

int admin_start(struct proxy *p, struct err *e) {
    struct server_cfg cfg = {.addr = p->cfg.admin, .on_stream = on_stream, .user = p};
    if (!p->cfg.admin.len)
        return 0;
    int fds[FDPASS_FDS];
    if (inherited_take(p->cfg.inherited, TAKEOVER_ADMIN, STR("admin"), &p->cfg.admin, fds))
        cfg.fd = fds[0];
    int rc = server_start(&p->admin, p->loop, &cfg, e);
    p->admin_on = rc >= 0;
    return rc;
}

void admin_stop(struct proxy *p) {
    if (!p || !p->admin_on)
        return;
    server_stop(&p->admin);
    p->admin_on = false;
}
