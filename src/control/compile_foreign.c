// SPDX-License-Identifier: Apache-2.0
#include "control/compile_foreign.h"
#include "base/mem.h"
#include "control/compile_int.h"
#include "control/schema.h"
#include "io/addr.h"

#define PROVIDER STR("default") /* of certificates, in a gRPC bootstrap */

enum compile_for compile_for_agent(struct str name) {
    if (str_eq(name, STR("weft")))
        return FOR_WEFT;
    return str_starts(name, STR("gRPC")) ? FOR_GRPC : FOR_ENVOY;
}

/* ---- names ---- */

struct foreign_name {
    struct compile_name n;
    bool inbound, outbound; /* n.tcp: inbound of an app that takes octets */
    struct str at, app;     /* "IP:PORT" */
};

static bool parse(struct foreign_name *f, struct str text) {
    struct str rest = text, kind = str_cut(&rest, '|'), who = str_cut(&rest, '|');
    *f = (struct foreign_name){.n.tcp = str_eq(kind, STR("inbound-tcp")), .outbound = str_eq(kind, STR("outbound"))};
    f->inbound = f->n.tcp || str_eq(kind, STR("inbound"));
    f->at = str_cut(&rest, '|');
    f->app = rest;
    if (f->outbound) {
        f->n.ns = who;
        return check_name(who, NULL) >= 0;
    }
    if (!f->inbound || check_service_key(who, NULL) < 0)
        return false;
    f->n.inbound = true;
    f->n.service = f->n.name = who;
    f->n.ns = str_cut(&f->n.name, '/');
    return true;
}

/* "SERVICE[.NS[.svc.cluster.local|.mesh]][:PORT]", as gRPC's targets are written. */
static bool parse_target(struct compile_name *n, struct str text, struct arena *a) {
    struct str rest = text, host = str_cut(&rest, ':'), name = str_cut(&host, '.'), ns = str_cut(&host, '.');
    if (!ns.len)
        ns = STR("default");
    bool known = !host.len || str_eq(host, STR("svc.cluster.local")) || str_eq(host, STR("mesh"));
    if (!known || check_name(name, NULL) < 0 || check_name(ns, NULL) < 0)
        return false;
    *n = (struct compile_name){.service = arena_fmt(a, STR_FMT "/" STR_FMT, STR_ARG(ns), STR_ARG(name)), .ns = ns, .name = name};
    return true;
}

struct str compile_foreign_service(enum compile_for who, enum xds_type type, struct str name, struct arena *a) {
    struct compile_name n;
    struct foreign_name f;
    if (who != FOR_WEFT && parse(&f, name))
        return f.n.service;
    if (who == FOR_GRPC && type == XDS_LISTENER)
        return parse_target(&n, name, a) ? n.service : STR_NONE;
    if (route_is_alias(name))
        return name;
    return compile_name_parse(&n, name) ? n.service : STR_NONE;
}

static bool put_address(struct str text, struct arena *a, struct str *ip, uint16_t *port) {
    struct addr at;
    char out[ADDR_TEXT];
    if (addr_parse(&at, text, NULL) < 0 || !addr_port(&at))
        return false;
    *ip = arena_dup(a, str_of(addr_ip_text(&at, out)));
    *port = addr_port(&at);
    return true;
}

/* ---- listeners ---- */

static void plain_hcm(struct hcm *h) { /* nothing that only weft has */
    h->metrics = h->trust_source_headers = h->tracing = false;
}

/* Where a connection was going to is for a sidecar of weft's to ask. */
static void plain_outbound(struct listener *l) {
    l->original_dst = false;
    l->n_chains = 2; /* but the one for such connections */
    plain_hcm(&l->chains[0].hcm);
}

/* What a peer says about itself does not reach the app. */
static struct edits *no_claims(struct arena *a) {
    struct edits *e = arena_zalloc(a, sizeof *e);
    e->request.removed = arena_alloc(a, 2 * sizeof *e->request.removed);
    e->request.removed[0] = STR("x-source-service");
    e->request.removed[1] = STR("x-source-namespace");
    e->request.n_removed = 2;
    return e;
}

static void *none(void *resource) {
    ref_put(resource);
    return NULL;
}

/* Its rules are in the table that it names: Envoy judges requests on open connections by a listener's old filters for as long as
 * it drains them, but by the newest table. */
static void plain_inbound(struct hcm *h, const struct foreign_name *f, struct arena *a) {
    plain_hcm(h);
    ref_put(h->routes);
    h->routes = NULL;
    h->rds_name = arena_fmt(a, "inbound%s|" STR_FMT "|" STR_FMT, f->n.tcp ? "-tcp" : "", STR_ARG(f->n.service), STR_ARG(f->app));
    h->rbac = arena_zalloc(a, sizeof *h->rbac); /* nobody: the table says whom */
}

/* A sidecar of weft's offers HTTP/2 by itself. */
static void offer_h2(struct tls_context *t, bool alone, struct arena *a) {
    t->alpn = arena_alloc(a, 2 * sizeof *t->alpn);
    t->alpn[0] = STR("h2");
    t->alpn[1] = STR("http/1.1");
    t->n_alpn = alone ? 1 : 2;
}

/* Octets in TLS, octets, and CONNECT; weft's own pages are weft's. */
static void plain_inbound_tcp(struct listener *l, const struct foreign_name *f) {
    struct arena *a = &l->ref.mem;
    ref_put(l->chains[2].hcm.routes);
    l->chains[2] = l->chains[3];
    l->n_chains = 3;
    plain_inbound(&l->chains[2].hcm, f, a);
    offer_h2(l->chains[2].tls, true, a);
    for (size_t i = 0; i < 2; i++) {
        struct tcp_proxy *tcp = &l->chains[i].tcp;
        l->chains[i].rbac_stats = tcp->stat_prefix; /* it must have one */
        tcp->metrics = true;                        /* the default: anything else would be said by an option of weft's */
        tcp->clusters = arena_zalloc(a, sizeof *tcp->clusters);
        tcp->clusters[0] =
            (struct tcp_cluster){arena_fmt(a, "inbound|" STR_FMT "|" STR_FMT, STR_ARG(f->n.service), STR_ARG(f->app)), 1};
    }
}

static struct listener *envoy_inbound(struct mesh *m, const struct foreign_name *f, struct str name) {
    struct listener *l = compile__listener(m, &f->n, name);
    if (!put_address(f->at, &l->ref.mem, &l->address, &l->port))
        return none(l);
    if (f->n.tcp) {
        plain_inbound_tcp(l, f);
        return l;
    }
    offer_h2(l->chains[0].tls, false, &l->ref.mem);
    for (size_t i = 0; i < l->n_chains; i++)
        plain_inbound(&l->chains[i].hcm, f, &l->ref.mem);
    return l;
}

static struct listener *envoy_outbound(struct mesh *m, const struct foreign_name *f, struct str name) {
    struct compile_name n = {.outbound = true};
    struct listener *l = compile__listener(m, &n, name);
    if (!put_address(f->at, &l->ref.mem, &l->address, &l->port))
        return none(l);
    plain_outbound(l);
    l->chains[0].hcm.rds_name = arena_fmt(&l->ref.mem, "outbound|" STR_FMT, STR_ARG(f->n.ns));
    return l;
}

/* A server takes what its filters let pass; there are no routes to anywhere. And no plain text beside TLS: gRPC has no such
 * chain. */
static struct listener *grpc_server(struct mesh *m, const struct foreign_name *f, struct str name) {
    struct listener *l = compile__listener(m, &f->n, name);
    struct filter_chain *c = &l->chains[0];
    if (!put_address(f->at, &l->ref.mem, &l->address, &l->port))
        return none(l);
    ref_put(l->chains[1].hcm.routes);
    l->n_chains = 1;
    l->detect_timeout_us = 0;
    c->match = (struct chain_match){0};
    c->tls->provider = PROVIDER;
    plain_hcm(&c->hcm);
    c->hcm.access_log = false;
    c->hcm.routes->vhosts->routes[0].action = ROUTE_NONE;
    return l;
}

static struct listener *grpc_client(struct mesh *m, struct reg *r, struct str name) {
    struct compile_name n, out = {.outbound = true};
    struct arena a = {0};
    struct listener *l = NULL;
    if (parse_target(&n, name, &a) && compile_known(m, r, n.service)) {
        l = compile__listener(m, &out, name);
        l->api = true;
        plain_outbound(l);
        l->chains[0].hcm.access_log = false;
        l->chains[0].hcm.rds_name = arena_dup(&l->ref.mem, n.service);
    }
    arena_fini(&a);
    return l;
}

/* ---- routes ---- */

static void plain_routes(struct virtual_host *vh) {
    for (size_t i = 0; i < vh->n_routes; i++) {
        vh->routes[i].breaker = false;
        for (size_t k = 0; k < vh->routes[i].n_clusters; k++)
            vh->routes[i].clusters[k].own_policy = false;
    }
}

/* A CONNECT is passed on to the endpoint's sidecar, which judges it and answers. */
static void pass_connect_on(struct virtual_host *vh) {
    for (size_t i = 0; i < vh->n_routes; i++)
        vh->routes[i].connect = false;
}

struct outbound { /* a table under way */
    struct mesh *mesh;
    struct reg *reg;
    struct str ns;     /* the caller's: its services may be called by their name alone */
    struct str *names; /* known services */
    size_t n, cap;
};

static void add_name(void *ctx, struct str service) {
    struct outbound *o = ctx;
    mem_grow((void **)&o->names, &o->cap, o->n + 1, sizeof *o->names);
    o->names[o->n++] = service;
}

static void find_services(struct outbound *o) {
    struct mesh_service *s;
    struct str key;
    reg_each(o->reg, add_name, o);
    MAP_FOR (&o->mesh->services, &key, s)
        if (s->rules.len && !reg_has(o->reg, key))
            add_name(o, key);
}

static int by_name(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void add_domains(const struct outbound *o, struct str ns, struct str name, struct arena *a, struct virtual_host *vh) {
    vh->domains = arena_alloc(a, 4 * sizeof *vh->domains);
    vh->domains[vh->n_domains++] = arena_fmt(a, STR_FMT "." STR_FMT, STR_ARG(name), STR_ARG(ns));
    vh->domains[vh->n_domains++] = arena_fmt(a, STR_FMT "." STR_FMT ".svc.cluster.local", STR_ARG(name), STR_ARG(ns));
    vh->domains[vh->n_domains++] = arena_fmt(a, STR_FMT "." STR_FMT ".mesh", STR_ARG(name), STR_ARG(ns));
    if (str_eq(ns, o->ns))
        vh->domains[vh->n_domains++] = arena_dup(a, name);
}

static struct header_match is(const char *name, struct str value, struct arena *a) {
    return (struct header_match){
        .name = str_of(name), .kind = HEADER_STRING, .string = {.kind = STRING_EXACT, .text = arena_dup(a, value)}};
}

/* X-Target-Service and X-Target-Namespace, without which it is the caller's. */
static struct header_match is_namespace(const struct outbound *o, struct str ns, struct arena *a) {
    struct header_match h = is("x-target-namespace", ns, a);
    if (!str_eq(ns, o->ns))
        return h;
    h.missing_as_empty = true;
    h.string = (struct string_match){.kind = STRING_REGEX, .text = arena_fmt(a, "(" STR_FMT ")?", STR_ARG(ns))};
    return h;
}

/* The routes of one service again, for a call that names it by header. */
static void add_targeted(const struct outbound *o, const struct virtual_host *of, struct str ns, struct str name, struct arena *a,
                         struct virtual_host *vh) {
    for (size_t i = 0; i < of->n_routes; i++) {
        struct route *rt = &vh->routes[vh->n_routes++];
        *rt = of->routes[i];
        rt->match.path.regex = NULL; /* one frees it; its text says it here */
        rt->match.headers = arena_alloc(a, (rt->match.n_headers + 2) * sizeof *rt->match.headers);
        for (size_t k = 0; k < rt->match.n_headers; k++)
            rt->match.headers[k] = of->routes[i].match.headers[k];
        rt->match.headers[rt->match.n_headers++] = is("x-target-service", name, a);
        rt->match.headers[rt->match.n_headers++] = is_namespace(o, ns, a);
    }
}

static void add_services(const struct outbound *o, struct route_table *t) {
    struct arena *a = &t->ref.mem;
    size_t routes = 0;
    for (size_t i = 0; i < o->n; i++) {
        struct str name = o->names[i], ns = str_cut(&name, '/');
        struct virtual_host *vh = &t->vhosts[t->n_vhosts++];
        vh->name = arena_dup(a, o->names[i]);
        compile__vhost(o->mesh, o->names[i], compile__speaks_tcp(o->reg, o->names[i]), a, vh);
        plain_routes(vh);
        pass_connect_on(vh);
        add_domains(o, ns, name, a, vh);
        routes += vh->n_routes;
    }
    struct virtual_host *by_header = &t->vhosts[t->n_vhosts];
    by_header->name = STR("x-target-service");
    by_header->domains = arena_alloc(a, sizeof *by_header->domains);
    by_header->domains[by_header->n_domains++] = STR("*");
    by_header->routes = arena_zalloc(a, (routes + 1) * sizeof *by_header->routes);
    for (size_t i = 0; i < o->n; i++) {
        struct str name = o->names[i], ns = str_cut(&name, '/');
        add_targeted(o, &t->vhosts[i], ns, name, a, by_header);
    }
    t->n_vhosts++;
}

static struct route_table *envoy_routes(struct mesh *m, struct reg *r, const struct foreign_name *f, struct str name) {
    struct outbound o = {.mesh = m, .reg = r, .ns = f->n.ns};
    struct route_table *t = route_table_new();
    struct arena *a = &t->ref.mem;
    find_services(&o);
    if (o.n)
        qsort(o.names, o.n, sizeof *o.names, by_name);
    t->name = arena_dup(a, name);
    t->ignore_port = true;
    t->edits = arena_zalloc(a, sizeof *t->edits); /* these never leave the sidecar */
    t->edits->request.removed = arena_alloc(a, 2 * sizeof(struct str));
    t->edits->request.removed[0] = STR("x-target-service");
    t->edits->request.removed[1] = STR("x-target-namespace");
    t->edits->request.n_removed = 2;
    t->vhosts = arena_zalloc(a, (o.n + 1) * sizeof *t->vhosts);
    add_services(&o, t);
    free(o.names);
    return t;
}

static struct route_table *envoy_app_routes(struct mesh *m, const struct foreign_name *f, struct str name) {
    struct listener *l = compile__listener(m, &f->n, name);
    struct route_table *t = ref_get(l->chains[f->n.tcp ? 3 : 0].hcm.routes);
    struct arena *a = &t->ref.mem;
    ref_put(l);
    t->name = arena_dup(a, name);
    t->vhosts->edits = no_claims(a);
    t->vhosts->rbac = compile__rbac(m, f->n.ns, f->n.name, false, a);
    t->vhosts->routes[0].clusters[0].cluster =
        arena_fmt(a, "inbound|" STR_FMT "|" STR_FMT, STR_ARG(f->n.service), STR_ARG(f->at));
    return t;
}

static struct route_table *grpc_routes(struct mesh *m, struct reg *r, struct str name) {
    struct route_table *t = compile_resource(m, r, XDS_ROUTE, name);
    if (!t)
        return NULL;
    plain_routes(&t->vhosts[0]);
    for (size_t i = 0; i < t->vhosts->n_routes; i++) {
        struct route *rt = &t->vhosts->routes[i];
        rt->max_stream_us = rt->timeout_us ? rt->timeout_us : UINT64_MAX; /* of the two it reads this one */
    }
    return t;
}

/* ---- clusters and endpoints ---- */

static bool admits_anybody(const struct rbac *rbac) {
    for (size_t i = 0; rbac && i < rbac->n_policies; i++)
        if (rbac->policies[i].permission.kind == RBAC_ANY && rbac->policies[i].principal.kind == RBAC_ANY)
            return true;
    return false;
}

static struct endpoints *some_endpoints(struct mesh *m, struct reg *r, enum compile_for who, struct str name) {
    struct endpoints *eps = compile_resource(m, r, XDS_ENDPOINT, name);
    struct compile_name n;
    size_t kept = 0, mtls = 0;
    if (!eps || !compile_name_parse(&n, name))
        return eps;
    bool plain = admits_anybody(compile__rbac(m, n.ns, n.name, true, &eps->ref.mem)) && !compile__speaks_tcp(r, n.service);
    for (size_t i = 0; i < eps->n; i++)
        mtls += eps->at[i].mtls;
    if (who == FOR_GRPC && mtls)
        plain = false; /* one cluster of it is all TLS or none */
    for (size_t i = 0; i < eps->n; i++)
        if (eps->at[i].mtls || plain)
            eps->at[kept++] = eps->at[i];
    eps->n = kept;
    return eps;
}

static bool all_plain(struct mesh *m, struct reg *r, struct str name) {
    struct endpoints *eps = some_endpoints(m, r, FOR_GRPC, name);
    bool plain = eps && eps->n && !eps->at[0].mtls;
    ref_put(eps);
    return plain;
}

static void grpc_balancer(struct cluster *c) {
    c->lb = c->lb == LB_MAGLEV || c->lb == LB_RING_HASH ? LB_RING_HASH : LB_ROUND_ROBIN; /* it refuses the others */
}

static struct cluster *some_cluster(struct mesh *m, struct reg *r, enum compile_for who, struct str name) {
    struct cluster *c = compile_resource(m, r, XDS_CLUSTER, name);
    struct compile_name n;
    if (!c)
        return NULL;
    c->limits.failure_threshold = 0;
    c->plain_rbac = NULL;
    c->lb = c->lb == LB_EWMA ? LB_LEAST_CONN : c->lb;
    if (who == FOR_ENVOY && compile_name_parse(&n, name) && compile__speaks_tcp(r, n.service))
        c->proto = CLUSTER_HTTP2; /* that of the CONNECT which carries the octets (docs/decisions/0028) */
    if (who == FOR_ENVOY)
        return c;
    grpc_balancer(c);
    c->tls_always = true;
    c->tls->provider = PROVIDER;
    if (all_plain(m, r, name))
        c->tls = NULL;
    return c;
}

static struct cluster *app_cluster(struct mesh *m, struct reg *r, const struct foreign_name *f, struct str name) {
    struct cluster *c = cluster_new();
    struct arena *a = &c->ref.mem;
    struct endpoints *eps = c->inline_endpoints = endpoints_new();
    c->name = arena_dup(a, name);
    c->type = CLUSTER_STATIC;
    c->proto = compile__speaks_h2(r, f->n.service) ? CLUSTER_HTTP2 : CLUSTER_HTTP1;
    eps->cluster = arena_dup(&eps->ref.mem, name);
    eps->at = arena_zalloc(&eps->ref.mem, sizeof *eps->at);
    eps->at[0].weight = 1;
    eps->n = 1;
    return put_address(f->at, &eps->ref.mem, &eps->at[0].address, &eps->at[0].port) ? c : none(c);
}

/* ---- all ---- */

static void *for_envoy(struct mesh *m, struct reg *r, enum xds_type type, struct str name) {
    struct foreign_name f;
    bool own = parse(&f, name);
    switch (type) {
    case XDS_LISTENER: return !own ? NULL : f.inbound ? envoy_inbound(m, &f, name) : envoy_outbound(m, &f, name);
    case XDS_ROUTE:
        if (!own || f.app.ptr || f.inbound != (f.at.ptr != NULL))
            return NULL;
        return f.inbound ? envoy_app_routes(m, &f, name) : envoy_routes(m, r, &f, name);
    case XDS_CLUSTER: return own && f.inbound ? app_cluster(m, r, &f, name) : own ? NULL : some_cluster(m, r, FOR_ENVOY, name);
    case XDS_ENDPOINT: return own ? NULL : some_endpoints(m, r, FOR_ENVOY, name);
    default: return NULL;
    }
}

static void *for_grpc(struct mesh *m, struct reg *r, enum xds_type type, struct str name) {
    struct foreign_name f;
    bool own = parse(&f, name);
    switch (type) {
    case XDS_LISTENER: return own ? (f.inbound && !f.n.tcp ? grpc_server(m, &f, name) : NULL) : grpc_client(m, r, name);
    case XDS_ROUTE: return own ? NULL : grpc_routes(m, r, name);
    case XDS_CLUSTER: return own ? NULL : some_cluster(m, r, FOR_GRPC, name);
    case XDS_ENDPOINT: return own ? NULL : some_endpoints(m, r, FOR_GRPC, name);
    default: return NULL;
    }
}

void *compile_foreign(struct mesh *m, struct reg *r, enum compile_for who, enum xds_type type, struct str name) {
    switch (who) {
    case FOR_ENVOY: return for_envoy(m, r, type, name);
    case FOR_GRPC: return for_grpc(m, r, type, name);
    default: return compile_resource(m, r, type, name);
    }
}
