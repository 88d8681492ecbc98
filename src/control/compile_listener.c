// SPDX-License-Identifier: Apache-2.0
/* The listeners of a sidecar. Addresses are informative: a sidecar binds what its flags say. */
#include "base/clock.h"
#include "control/compile_int.h"

#define IDLE_US (300 * CLOCK_S)
#define DETECT_US (5 * CLOCK_S) /* of a plain client that waits for the server's word: see docs/decisions/0012 */

static struct route_table *to_app(struct str cluster) {
    struct route_table *t = route_table_new();
    struct arena *a = &t->ref.mem;
    struct route *rt = arena_zalloc(a, sizeof *rt);
    rt->name = STR("default");
    /* The empty prefix: "OPTIONS *" has no path that begins with "/". */
    rt->match = (struct route_match){.path = {.kind = PATH_PREFIX, .text = STR("")}, .fraction = ROUTE_PPM};
    rt->action = ROUTE_FORWARD;
    rt->clusters = arena_zalloc(a, sizeof *rt->clusters);
    rt->clusters[0] = (struct route_cluster){.cluster = arena_dup(a, cluster), .weight = 1};
    rt->n_clusters = 1;
    t->name = STR("inbound");
    t->vhosts = arena_zalloc(a, sizeof *t->vhosts);
    t->n_vhosts = 1;
    t->vhosts->name = STR("inbound");
    t->vhosts->domains = arena_alloc(a, sizeof *t->vhosts->domains);
    t->vhosts->domains[0] = STR("*");
    t->vhosts->n_domains = 1;
    t->vhosts->routes = rt;
    t->vhosts->n_routes = 1;
    return t;
}

static struct hcm common_hcm(const struct mesh *m) {
    return (struct hcm){
        .codec = HCM_AUTO,
        .generate_request_id = true,
        .access_log = m->cfg.access_log,
        .tracing = m->cfg.tracing,
        .trace_sampling = m->cfg.trace_sampling,
        .metrics = m->cfg.metrics,
        .server_name = STR("weft"),
    };
}

static struct tls_context *server_tls(struct arena *a) {
    struct tls_context *t = arena_zalloc(a, sizeof *t);
    t->cert_secret.name = STR("default");
    t->ca_secret.name = STR("ROOTCA");
    t->require_client_cert = true;
    return t;
}

static void make_inbound(struct listener *l, const struct mesh *m, const struct compile_name *n) {
    struct arena *a = &l->ref.mem;
    struct hcm hcm = common_hcm(m);
    hcm.stat_prefix = STR("inbound");
    hcm.rbac = compile__rbac(m, n->ns, n->name, false, a);
    hcm.xfcc = XFCC_SANITIZE_SET;
    hcm.trust_source_headers = m->cfg.trust_source_headers;
    hcm.routes = to_app(l->name);
    l->address = STR("0.0.0.0");
    l->port = 15006;
    l->direction = LISTENER_INBOUND;
    l->chains = arena_zalloc(a, 2 * sizeof *l->chains);
    l->n_chains = 2;
    l->detect_timeout_us = IDLE_US; /* peers may connect long before they call */
    l->chains[0] = (struct filter_chain){
        .name = STR("tls"), .match = {.transport = CHAIN_TLS}, .tls = server_tls(a), .kind = CHAIN_HTTP, .hcm = hcm};
    hcm.routes = ref_get(hcm.routes);
    l->chains[1] = (struct filter_chain){.name = STR("raw"), .match = {.transport = CHAIN_RAW}, .kind = CHAIN_HTTP, .hcm = hcm};
}

/* Answers /health and /metrics, and nothing else: so it has no rule that admits. */
static struct hcm own_pages(const struct mesh *m, const struct compile_name *n, struct arena *a) {
    struct hcm hcm = common_hcm(m);
    hcm.stat_prefix = STR("inbound");
    hcm.rbac = arena_zalloc(a, sizeof *hcm.rbac);
    hcm.routes = to_app(arena_fmt(a, "inbound|" STR_FMT, STR_ARG(n->service)));
    return hcm;
}

/* The tunnels of callers' CONNECTs, which come by HTTP/2 like all else between sidecars. */
static struct hcm tunnels(const struct mesh *m, const struct compile_name *n, struct arena *a) {
    struct hcm hcm = common_hcm(m);
    hcm.stat_prefix = STR("inbound");
    hcm.codec = HCM_HTTP2;
    hcm.rbac = compile__rbac(m, n->ns, n->name, false, a);
    hcm.xfcc = XFCC_SANITIZE_SET;
    hcm.routes = to_app(arena_fmt(a, "inbound|" STR_FMT, STR_ARG(n->service)));
    struct route *rt = hcm.routes->vhosts->routes;
    rt->match.path.kind = PATH_CONNECT;
    rt->connect = true;
    hcm.upgrades = arena_alloc(a, sizeof *hcm.upgrades);
    rt->upgrades = arena_alloc(&hcm.routes->ref.mem, sizeof *rt->upgrades); /* the table may outlive the listener */
    hcm.upgrades[0] = rt->upgrades[0] = STR("CONNECT");
    rt->n_upgrades = hcm.n_upgrades = 1;
    return hcm;
}

static void make_inbound_tcp(struct listener *l, const struct mesh *m, const struct compile_name *n) {
    struct arena *a = &l->ref.mem;
    struct tcp_proxy tcp = {
        .stat_prefix = STR("inbound"), .n_clusters = 1, .access_log = m->cfg.access_log, .metrics = m->cfg.metrics};
    tcp.clusters = arena_zalloc(a, sizeof *tcp.clusters);
    tcp.clusters[0] = (struct tcp_cluster){arena_fmt(a, "inbound|" STR_FMT, STR_ARG(n->service)), 1};
    l->address = STR("0.0.0.0");
    l->port = 15006;
    l->direction = LISTENER_INBOUND;
    l->detect_timeout_us = DETECT_US;
    l->continue_on_timeout = true;
    l->chains = arena_zalloc(a, 4 * sizeof *l->chains);
    l->n_chains = 4;
    l->chains[0] = (struct filter_chain){
        .name = STR("tls"), .match = {.transport = CHAIN_TLS}, .tls = server_tls(a), .kind = CHAIN_TCP, .tcp = tcp};
    l->chains[0].rbac = compile__rbac(m, n->ns, n->name, false, a);
    l->chains[1] = (struct filter_chain){.name = STR("raw"), .match = {.transport = CHAIN_RAW}, .kind = CHAIN_TCP, .tcp = tcp};
    l->chains[1].rbac = compile__rbac(m, n->ns, n->name, false, a);
    l->chains[2] =
        (struct filter_chain){.name = STR("own"), .match = {.transport = CHAIN_RAW, .n_protocols = 1}, .kind = CHAIN_HTTP};
    l->chains[2].match.protocols = arena_zalloc(a, sizeof(struct str));
    l->chains[2].match.protocols[0] = STR(LISTENER_OWN_PAGES);
    l->chains[2].hcm = own_pages(m, n, a);
    l->chains[3] = (struct filter_chain){
        .name = STR("connect"), .match = {.transport = CHAIN_TLS, .n_protocols = 1}, .tls = server_tls(a), .kind = CHAIN_HTTP};
    l->chains[3].match.protocols = arena_zalloc(a, sizeof(struct str));
    l->chains[3].match.protocols[0] = STR("h2");
    l->chains[3].hcm = tunnels(m, n, a);
}

static struct tcp_proxy by_target(const struct mesh *m, struct arena *a) {
    struct tcp_proxy tcp = {
        .stat_prefix = STR("outbound"), .n_clusters = 1, .access_log = m->cfg.access_log, .metrics = m->cfg.metrics};
    tcp.clusters = arena_zalloc(a, sizeof *tcp.clusters);
    tcp.clusters[0] = (struct tcp_cluster){STR(TCP_BY_TARGET), 1};
    return tcp;
}

static void make_outbound(struct listener *l, const struct mesh *m) {
    struct arena *a = &l->ref.mem;
    struct hcm hcm = common_hcm(m);
    hcm.stat_prefix = STR("outbound");
    hcm.rds_name = STR("*");
    l->address = STR("127.0.0.1");
    l->port = 15001;
    l->direction = LISTENER_OUTBOUND;
    l->detect_timeout_us = IDLE_US; /* apps may connect long before they call */
    l->original_dst = true;
    l->chains = arena_zalloc(a, 3 * sizeof *l->chains);
    l->n_chains = 3;
    l->chains[0] = (struct filter_chain){.name = STR("outbound"), .kind = CHAIN_HTTP, .hcm = hcm};
    l->chains[1] =
        (struct filter_chain){.name = STR("tls"), .match = {.transport = CHAIN_TLS}, .kind = CHAIN_TCP, .tcp = by_target(m, a)};
    l->chains[2] =
        (struct filter_chain){.name = STR("octets"), .match = {.n_protocols = 1}, .kind = CHAIN_TCP, .tcp = by_target(m, a)};
    l->chains[2].match.protocols = arena_zalloc(a, sizeof(struct str));
    l->chains[2].match.protocols[0] = STR(LISTENER_OCTETS);
}

struct listener *compile__listener(const struct mesh *m, const struct compile_name *n, struct str name) {
    struct listener *l = listener_new();
    l->name = arena_dup(&l->ref.mem, name);
    if (n->tcp)
        make_inbound_tcp(l, m, n);
    else if (n->inbound)
        make_inbound(l, m, n);
    else
        make_outbound(l, m);
    return l;
}
