// SPDX-License-Identifier: Apache-2.0
#include "proxy/bootstrap.h"
#include "base/clock.h"
#include "codec/yaml.h"
#include "proxy/node.h"
#include "proxy/serve.h"

#define TYPES "type.googleapis.com/envoy."
#define HCM_TYPE TYPES "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
#define ROUTER_TYPE TYPES "extensions.filters.http.router.v3.Router"
#define DOWNSTREAM_TLS TYPES "extensions.transport_sockets.tls.v3.DownstreamTlsContext"
#define UPSTREAM_TLS TYPES "extensions.transport_sockets.tls.v3.UpstreamTlsContext"
#define ROUTE_TIMEOUT_US (15 * CLOCK_S) /* Envoy's default */
#define LISTENERS_MAX 128u
#define CONNECT_TIMEOUT_US (5 * CLOCK_S)

static struct str dup(struct ref *r, struct str s) {
    return arena_dup(&r->mem, s);
}

static void want_type(struct node n, const char *type) {
    struct node t = node_need(n, "@type");
    if (!str_eq(node_str(t), str_of(type)))
        node_fail(t, "is not supported here");
}

/* ---- addresses ---- */
static void read_ip(struct node n, struct str *address, uint16_t *port) {
    node_only(n, "protocol address port_value");
    node_word(node_get(n, "protocol"), "TCP", 0);
    *address = node_str(node_need(n, "address"));
    *port = (uint16_t)node_uint(node_need(n, "port_value"), 65535, 0);
    if (n.v && !addr_is_ip(*address))
        node_fail(node_get(n, "address"), "must be an IP address: names are not resolved yet");
}

static void read_address(struct node n, struct ref *r, struct str *address, uint16_t *port) {
    node_only(n, "socket_address pipe");
    struct node pipe = node_get(n, "pipe");
    if (pipe.v) {
        node_only(pipe, "path");
        *address = arena_fmt(&r->mem, "unix:" STR_FMT, STR_ARG(node_str(node_need(pipe, "path"))));
        *port = 0;
        return;
    }
    read_ip(node_need(n, "socket_address"), address, port);
    *address = dup(r, *address);
}

static void to_addr(struct node n, struct str address, uint16_t port, struct addr *out) {
    struct err e = {0};
    if (n.r->rc)
        return;
    int rc = str_starts(address, STR("unix:")) ? addr_parse(out, address, &e) : addr_ip(out, address, port, &e);
    if (rc < 0)
        node_fail(n, e.msg);
}

/* ---- TLS ---- */
static struct data_source read_source(struct node n, struct ref *r) {
    node_only(n, "filename inline_string");
    return (struct data_source){.file = dup(r, node_str(node_get(n, "filename"))),
                                .inline_bytes = dup(r, node_str(node_get(n, "inline_string")))};
}

static void read_validation(struct node n, struct ref *r, struct tls_context *t) {
    node_only(n, "trusted_ca match_typed_subject_alt_names");
    t->ca = read_source(node_get(n, "trusted_ca"), r);
    struct node sans = node_get(n, "match_typed_subject_alt_names");
    t->n_sans = node_len(sans);
    t->sans = arena_zalloc(&r->mem, (t->n_sans + 1) * sizeof(*t->sans));
    for (size_t i = 0; i < t->n_sans; i++) {
        struct node san = node_at(sans, i), matcher = node_need(san, "matcher");
        node_only(san, "san_type matcher");
        node_word(node_need(san, "san_type"), "URI", 0);
        node_only(matcher, "exact");
        t->sans[i] = dup(r, node_str(node_need(matcher, "exact")));
    }
}

static void read_common_tls(struct node n, struct ref *r, struct tls_context *t) {
    node_only(n, "tls_params tls_certificates validation_context alpn_protocols");
    struct node params = node_get(n, "tls_params"), certs = node_get(n, "tls_certificates"), alpn = node_get(n, "alpn_protocols");
    node_only(params, "tls_minimum_protocol_version tls_maximum_protocol_version");
    node_word(node_get(params, "tls_minimum_protocol_version"), "TLSv1_3", 0);
    node_word(node_get(params, "tls_maximum_protocol_version"), "TLSv1_3", 0);
    if (certs.v) {
        struct node cert = node_one(certs);
        node_only(cert, "certificate_chain private_key");
        t->cert = read_source(node_need(cert, "certificate_chain"), r);
        t->key = read_source(node_need(cert, "private_key"), r);
    }
    read_validation(node_get(n, "validation_context"), r, t);
    t->n_alpn = node_len(alpn);
    t->alpn = arena_zalloc(&r->mem, (t->n_alpn + 1) * sizeof(*t->alpn));
    for (size_t i = 0; i < t->n_alpn; i++)
        t->alpn[i] = dup(r, node_str(node_at(alpn, i)));
}

static struct tls_context *read_tls(struct node n, struct ref *r, const char *type) {
    if (!n.v)
        return NULL;
    struct tls_context *t = arena_zalloc(&r->mem, sizeof(*t));
    bool server = strcmp(type, DOWNSTREAM_TLS) == 0;
    node_only(n, "name typed_config");
    struct node c = node_need(n, "typed_config"), require = node_get(c, "require_client_certificate");
    want_type(c, type);
    node_only(c, server ? "common_tls_context require_client_certificate" : "common_tls_context sni");
    read_common_tls(node_need(c, "common_tls_context"), r, t);
    t->require_client_cert = node_bool(require, false);
    t->sni = dup(r, node_str(node_get(c, "sni")));
    if (t->require_client_cert && !t->ca.file.len && !t->ca.inline_bytes.len)
        node_fail(require, "needs a validation_context with a trusted_ca");
    return t;
}

/* ---- routes ---- */
static void read_match(struct node n, struct ref *r, struct route_match *m) {
    node_only(n, "prefix path");
    struct node prefix = node_get(n, "prefix"), path = node_get(n, "path");
    if (!prefix.v == !path.v)
        node_fail(n, "needs one of prefix and path");
    m->path.kind = path.v ? PATH_EXACT : PATH_PREFIX;
    m->path.text = dup(r, node_str(path.v ? path : prefix));
    m->fraction = ROUTE_PPM;
}

static void read_weighted(struct node n, struct ref *r, struct route *route) {
    node_only(n, "clusters");
    struct node list = node_need(n, "clusters");
    uint64_t sum = 0;
    route->n_clusters = node_len(list);
    route->clusters = arena_zalloc(&r->mem, (route->n_clusters + 1) * sizeof(*route->clusters));
    for (size_t i = 0; i < route->n_clusters; i++) {
        struct node c = node_at(list, i);
        node_only(c, "name weight");
        route->clusters[i].cluster = dup(r, node_str(node_need(c, "name")));
        route->clusters[i].weight = (uint32_t)node_uint(node_need(c, "weight"), 1000000, 0);
        sum += route->clusters[i].weight;
    }
    if (!sum)
        node_fail(n, "needs a weight above 0");
}

static void read_forward(struct node n, struct ref *r, struct route *route) {
    node_only(n, "cluster weighted_clusters timeout prefix_rewrite host_rewrite_literal");
    struct node weighted = node_get(n, "weighted_clusters");
    route->action = ROUTE_FORWARD;
    route->timeout_us = node_us(node_get(n, "timeout"), ROUTE_TIMEOUT_US);
    route->prefix_rewrite = dup(r, node_str(node_get(n, "prefix_rewrite")));
    route->host_rewrite = dup(r, node_str(node_get(n, "host_rewrite_literal")));
    if (weighted.v) {
        read_weighted(weighted, r, route);
        return;
    }
    route->n_clusters = 1;
    route->clusters = arena_zalloc(&r->mem, sizeof(*route->clusters));
    route->clusters[0] = (struct route_cluster){.cluster = dup(r, node_str(node_need(n, "cluster"))), .weight = 1};
}

static void read_direct(struct node n, struct ref *r, struct route *route) {
    node_only(n, "status body");
    struct node body = node_get(n, "body");
    node_only(body, "inline_string");
    route->action = ROUTE_DIRECT;
    route->status = (uint16_t)node_uint(node_need(n, "status"), 599, 0);
    if (route->status < 200)
        node_fail(node_get(n, "status"), "must be 200 to 599");
    route->body = dup(r, node_str(node_get(body, "inline_string")));
}

static void read_route(struct node n, struct ref *r, struct route *route) {
    node_only(n, "name match route direct_response");
    struct node direct = node_get(n, "direct_response");
    route->name = dup(r, node_str(node_get(n, "name")));
    read_match(node_need(n, "match"), r, &route->match);
    if (direct.v)
        read_direct(direct, r, route);
    else
        read_forward(node_need(n, "route"), r, route);
}

static void read_vhost(struct node n, struct ref *r, struct virtual_host *v) {
    node_only(n, "name domains routes");
    struct node domains = node_need(n, "domains"), routes = node_get(n, "routes");
    v->name = dup(r, node_str(node_need(n, "name")));
    v->n_domains = node_len(domains);
    v->domains = arena_zalloc(&r->mem, (v->n_domains + 1) * sizeof(*v->domains));
    for (size_t i = 0; i < v->n_domains; i++)
        v->domains[i] = arena_lower(&r->mem, node_str(node_at(domains, i)));
    v->n_routes = node_len(routes);
    v->routes = arena_zalloc(&r->mem, (v->n_routes + 1) * sizeof(*v->routes));
    for (size_t i = 0; i < v->n_routes; i++)
        read_route(node_at(routes, i), r, &v->routes[i]);
}

static struct route_table *read_table(struct node n) {
    struct route_table *t = route_table_new();
    node_only(n, "name virtual_hosts");
    struct node vhosts = node_need(n, "virtual_hosts");
    t->name = dup(&t->ref, node_str(node_get(n, "name")));
    t->n_vhosts = node_len(vhosts);
    t->vhosts = arena_zalloc(&t->ref.mem, (t->n_vhosts + 1) * sizeof(*t->vhosts));
    for (size_t i = 0; i < t->n_vhosts; i++)
        read_vhost(node_at(vhosts, i), &t->ref, &t->vhosts[i]);
    return t;
}

/* ---- listeners ---- */
static void read_filters(struct node n) {
    struct node router = node_one(n), config = node_get(router, "typed_config");
    node_only(router, "name typed_config");
    if (config.v)
        want_type(config, ROUTER_TYPE);
    node_only(config, "");
}

static void read_access_log(struct node n, struct hcm *h) {
    if (!n.v)
        return;
    struct node log = node_one(n), config = node_need(log, "typed_config");
    node_only(log, "name typed_config");
    want_type(config, TYPES "extensions.access_loggers.stream.v3.StdoutAccessLog");
    node_only(config, "");
    h->access_log = true;
}

static void read_hcm(struct node n, struct ref *r, struct hcm *h) {
    want_type(n, HCM_TYPE);
    node_only(n, "stat_prefix codec_type route_config http_filters use_remote_address generate_request_id "
                 "forward_client_cert_details server_name access_log common_http_protocol_options");
    struct node common = node_get(n, "common_http_protocol_options");
    node_only(common, "idle_timeout");
    h->stat_prefix = dup(r, node_str(node_get(n, "stat_prefix")));
    h->codec = node_word(node_get(n, "codec_type"), "AUTO HTTP1 HTTP2", HCM_AUTO);
    h->use_remote_address = node_bool(node_get(n, "use_remote_address"), false);
    h->generate_request_id = node_bool(node_get(n, "generate_request_id"), true);
    h->xfcc =
        node_word(node_get(n, "forward_client_cert_details"), "SANITIZE SANITIZE_SET", 0) ? XFCC_SANITIZE_SET : XFCC_SANITIZE;
    h->server_name = dup(r, node_str(node_get(n, "server_name")));
    h->idle_timeout_us = node_us(node_get(common, "idle_timeout"), 0);
    h->metrics = true;
    read_filters(node_need(n, "http_filters"));
    read_access_log(node_get(n, "access_log"), h);
    h->routes = read_table(node_need(n, "route_config"));
}

static void read_listener(struct bootstrap *b, struct node n) {
    struct listener *l = listener_new();
    node_only(n, "name address filter_chains");
    struct node chain = node_one(node_need(n, "filter_chains")), filter = node_one(node_need(chain, "filters"));
    node_only(chain, "name filters transport_socket");
    node_only(filter, "name typed_config");
    l->name = dup(&l->ref, node_str(node_need(n, "name")));
    read_address(node_need(n, "address"), &l->ref, &l->address, &l->port);
    l->n_chains = 1;
    l->chains = arena_zalloc(&l->ref.mem, sizeof(*l->chains));
    l->chains[0].name = dup(&l->ref, node_str(node_get(chain, "name")));
    l->chains[0].tls = read_tls(node_get(chain, "transport_socket"), &l->ref, DOWNSTREAM_TLS);
    read_hcm(node_need(filter, "typed_config"), &l->ref, &l->chains[0].hcm);
    to_addr(node_get(n, "address"), l->address, l->port, &b->addrs[b->n_listeners]);
    if (snap_get(b->snap, XDS_LISTENER, l->name))
        node_fail(node_get(n, "name"), "is there twice");
    snap_put(b->snap, XDS_LISTENER, l->name, l);
    b->listeners[b->n_listeners++] = l->name;
    ref_put(l);
}

/* ---- clusters ---- */
static void read_endpoint(struct node n, struct endpoints *eps) {
    struct endpoint *ep = &eps->at[eps->n++];
    node_only(n, "endpoint load_balancing_weight health_status");
    struct node inner = node_need(n, "endpoint");
    node_only(inner, "address");
    read_address(node_need(inner, "address"), &eps->ref, &ep->address, &ep->port);
    ep->weight = (uint32_t)node_uint(node_get(n, "load_balancing_weight"), 1000000, 1);
    ep->health =
        node_word(node_get(n, "health_status"), "UNKNOWN HEALTHY UNHEALTHY", 0) == 2 ? ENDPOINT_UNHEALTHY : ENDPOINT_HEALTHY;
    if (!ep->weight)
        node_fail(node_get(n, "load_balancing_weight"), "must be 1 or more");
}

static struct endpoints *read_assignment(struct node n) {
    struct endpoints *eps = endpoints_new();
    node_only(n, "cluster_name endpoints");
    struct node groups = node_get(n, "endpoints");
    eps->cluster = dup(&eps->ref, node_str(node_get(n, "cluster_name")));
    size_t total = 0;
    for (size_t i = 0; i < node_len(groups); i++)
        total += node_len(node_get(node_at(groups, i), "lb_endpoints"));
    eps->at = arena_zalloc(&eps->ref.mem, (total + 1) * sizeof(*eps->at));
    for (size_t i = 0; i < node_len(groups); i++) {
        struct node group = node_at(groups, i), list = node_get(group, "lb_endpoints");
        node_only(group, "lb_endpoints");
        for (size_t k = 0; k < node_len(list); k++)
            read_endpoint(node_at(list, k), eps);
    }
    return eps;
}

static void read_cluster(struct bootstrap *b, struct node n) {
    static const enum lb_policy policies[] = {LB_ROUND_ROBIN, LB_LEAST_CONN, LB_RANDOM};
    struct cluster *c = cluster_new();
    node_only(n, "name type connect_timeout lb_policy load_assignment transport_socket");
    c->name = dup(&c->ref, node_str(node_need(n, "name")));
    c->type = node_word(node_get(n, "type"), "STATIC STRICT_DNS", 0) ? CLUSTER_STRICT_DNS : CLUSTER_STATIC;
    c->connect_timeout_us = node_us(node_get(n, "connect_timeout"), CONNECT_TIMEOUT_US);
    c->lb = policies[node_word(node_get(n, "lb_policy"), "ROUND_ROBIN LEAST_REQUEST RANDOM", 0)];
    c->tls = read_tls(node_get(n, "transport_socket"), &c->ref, UPSTREAM_TLS);
    c->tls_always = c->tls != NULL;
    c->inline_endpoints = read_assignment(node_need(n, "load_assignment"));
    if (snap_get(b->snap, XDS_CLUSTER, c->name))
        node_fail(node_get(n, "name"), "is there twice");
    snap_put(b->snap, XDS_CLUSTER, c->name, c);
    ref_put(c);
}

/* ---- the whole ---- */
static void read_admin(struct bootstrap *b, struct node n) {
    struct str address;
    uint16_t port;
    struct ref tmp = {0};
    if (!n.v)
        return;
    node_only(n, "address");
    read_address(node_need(n, "address"), &tmp, &address, &port);
    to_addr(node_get(n, "address"), address, port, &b->admin);
    if (n.r->rc == 0 && !addr_is_loopback(&b->admin))
        node_fail(node_get(n, "address"), "must be loopback or a pipe");
    arena_fini(&tmp.mem);
}

static void read_all(struct bootstrap *b, struct node root) {
    node_only(root, "static_resources admin node");
    node_only(node_get(root, "node"), "id cluster");
    struct node st = node_need(root, "static_resources"), listeners = node_need(st, "listeners"),
                clusters = node_get(st, "clusters");
    node_only(st, "listeners clusters");
    size_t n = node_len(listeners);
    if (n == 0 || n > LISTENERS_MAX)
        node_fail(listeners, "must have 1 to 128 listeners");
    b->listeners = arena_zalloc(&b->mem, (n + 1) * sizeof(*b->listeners));
    b->addrs = arena_zalloc(&b->mem, (n + 1) * sizeof(*b->addrs));
    for (size_t i = 0; i < n && !root.r->rc; i++)
        read_listener(b, node_at(listeners, i));
    for (size_t i = 0; i < node_len(clusters) && !root.r->rc; i++)
        read_cluster(b, node_at(clusters, i));
    read_admin(b, node_get(root, "admin"));
}

int bootstrap_parse(struct bootstrap *b, struct str text, struct err *e) {
    struct yaml_docs docs = {0};
    struct node_reader r = {.e = e};
    *b = (struct bootstrap){.snap = snap_new(NULL)};
    int rc = yaml_parse(&docs, text, e);
    if (rc >= 0 && docs.n != 1)
        rc = err_set(e, WEFT_E_INVALID, "a bootstrap is one document");
    if (rc >= 0) {
        read_all(b, (struct node){&r, docs.at[0], STR_NONE});
        rc = r.rc;
    }
    yaml_docs_fini(&docs);
    arena_fini(&r.mem);
    if (rc < 0)
        bootstrap_fini(b);
    return rc;
}

void bootstrap_fini(struct bootstrap *b) {
    ref_put(b->snap);
    arena_fini(&b->mem);
    *b = (struct bootstrap){0};
}
