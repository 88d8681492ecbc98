// SPDX-License-Identifier: Apache-2.0
#include "control/compile.h"
#include "base/mem.h"
#include "control/compile_int.h"
#include "control/schema.h"
#include "crypto/spiffe.h"

bool compile_name_parse(struct compile_name *n, struct str text) {
    *n = (struct compile_name){0};
    if (str_eq(text, STR("outbound"))) {
        n->outbound = true;
        return true;
    }
    n->tcp = str_starts(text, STR("inbound-tcp|"));
    n->inbound = n->tcp || str_starts(text, STR("inbound|"));
    struct str rest = n->tcp       ? str_from(text, sizeof "inbound-tcp|" - 1)
                      : n->inbound ? str_from(text, sizeof "inbound|" - 1)
                                   : text;
    n->service = str_cut(&rest, '|');
    if (check_service_key(n->service, NULL) < 0)
        return false;
    n->name = n->service;
    n->ns = str_cut(&n->name, '/');
    if (!rest.ptr)
        return true;
    n->value = rest;
    n->key = str_cut(&n->value, '=');
    return !n->inbound && n->key.len && n->value.ptr;
}

bool compile_known(struct mesh *m, struct reg *r, struct str service) {
    struct mesh_service *s = mesh_service(m, service);
    return (s && s->rules.len) || reg_has(r, service);
}

/* A cluster is there for whatever a route may name. */
static bool has_cluster(struct mesh *m, struct reg *r, struct str service) {
    struct mesh_service *s = mesh_service(m, service);
    return (s && s->named) || compile_known(m, r, service);
}

/* ---- clusters ---- */

static enum lb_policy lb_of(struct str policy) {
    static const struct {
        const char *name;
        enum lb_policy lb;
    } all[] = {{"least_conn", LB_LEAST_CONN},
               {"least_connections", LB_LEAST_CONN},
               {"random", LB_RANDOM},
               {"consistent_hash", LB_MAGLEV},
               {"ewma", LB_EWMA}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eq(policy, str_of(all[i].name)))
            return all[i].lb;
    return LB_ROUND_ROBIN;
}

static bool heeds_weights(struct str policy) {
    static const char *const all[] = {"weighted", "weighted_round_robin", "least_conn", "least_connections", "consistent_hash"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eq(policy, str_of(all[i])))
            return true;
    return false;
}

static struct cluster *inbound_cluster(const struct mesh *m, const struct compile_name *n, struct str name) {
    struct cluster *c = cluster_new();
    struct service_settings s;
    mesh_settings(m, n->service, &s);
    c->name = arena_dup(&c->ref.mem, name);
    c->type = CLUSTER_STATIC; /* the sidecar knows where its app is */
    c->check = s.check;
    c->check.path = STR("/health");
    return c;
}

static struct tls_context *peer_tls(const struct mesh *m, const struct compile_name *n, struct arena *a) {
    struct tls_context *t = arena_zalloc(a, sizeof *t);
    t->cert_secret.name = STR("default");
    t->ca_secret.name = STR("ROOTCA");
    t->sans = arena_alloc(a, sizeof *t->sans);
    t->sans[0] = spiffe_of(a, str_of(m->trust_domain), n->ns, n->name);
    t->n_sans = 1;
    t->sni = arena_fmt(a, STR_FMT "." STR_FMT, STR_ARG(n->name), STR_ARG(n->ns));
    return t;
}

/* What endpoints without a sidecar are spoken to in; sidecars agree on HTTP/2 among themselves (ALPN). One cluster has one
 * protocol: HTTP/2 is for all of its endpoints or none. */
bool compile__speaks_h2(struct reg *r, struct str service) {
    const struct reg_view *v = reg_view(r, service);
    bool all = v->n > 0;
    for (size_t i = 0; i < v->n; i++)
        all &= str_eq(v->at[i].protocol, STR("http2")) || str_eq(v->at[i].protocol, STR("grpc"));
    return all;
}

/* Octets may go to its endpoints as they are: only where none takes requests, of which a sidecar has more to say. A sidecar
 * knows best what its app speaks. */
bool compile__speaks_tcp(struct reg *r, struct str service) {
    const struct reg_view *v = reg_view(r, service);
    bool all = v->n > 0;
    for (size_t i = 0; i < v->n; i++)
        all &= str_eq(v->at[i].sidecar ? v->at[i].sidecar->protocol : v->at[i].protocol, STR("tcp"));
    return all;
}

static struct cluster *service_cluster(const struct mesh *m, struct reg *r, const struct compile_name *n, struct str name) {
    struct cluster *c = cluster_new();
    struct service_settings s;
    mesh_settings(m, n->service, &s);
    c->name = arena_dup(&c->ref.mem, name);
    c->type = CLUSTER_EDS;
    c->lb = lb_of(s.policy);
    c->proto = compile__speaks_h2(r, n->service) ? CLUSTER_HTTP2 : CLUSTER_HTTP1;
    c->tls = peer_tls(m, n, &c->ref.mem);
    c->plain_rbac = compile__rbac(m, n->ns, n->name, true, &c->ref.mem);
    c->limits = s.limits;
    return c;
}

/* ---- endpoints ---- */

static bool in_subset(const struct reg_endpoint *ep, const struct compile_name *n) {
    return !n->key.len || reg_has_label(ep, n->key, n->value);
}

static struct endpoint endpoint_of(const struct reg_endpoint *ep, bool weighted, struct arena *a) {
    return (struct endpoint){
        .id = arena_dup(a, ep->id),
        .address = arena_dup(a, ep->sidecar ? ep->sidecar->inbound_ip : ep->ip),
        .port = ep->sidecar ? ep->sidecar->inbound_port : ep->port,
        .health = ep->healthy ? ENDPOINT_HEALTHY : ENDPOINT_UNHEALTHY,
        .weight = weighted ? ep->weight : 1,
        .mtls = ep->sidecar != NULL,
    };
}

static struct endpoints *service_endpoints(struct mesh *m, struct reg *r, const struct compile_name *n, struct str name) {
    const struct reg_view *v = reg_view(r, n->service);
    struct endpoints *eps = endpoints_new();
    struct service_settings s;
    bool some_weight = false;
    mesh_settings(m, n->service, &s);
    for (size_t i = 0; i < v->n; i++)
        some_weight |= in_subset(&v->at[i], n) && v->at[i].weight > 0;
    eps->cluster = arena_dup(&eps->ref.mem, name);
    eps->at = arena_alloc(&eps->ref.mem, (v->n + 1) * sizeof *eps->at);
    for (size_t i = 0; i < v->n; i++) {
        const struct reg_endpoint *ep = &v->at[i];
        if (in_subset(ep, n) && (ep->weight > 0 || !some_weight))
            eps->at[eps->n++] = endpoint_of(ep, some_weight && heeds_weights(s.policy), &eps->ref.mem);
    }
    return eps;
}

/* ---- whose an address is ---- */

static struct route_table *alias(struct reg *r, struct str name) {
    struct str owner = reg_owner(r, str_from(name, 1));
    if (!owner.len)
        return NULL;
    struct route_table *t = route_table_new();
    struct arena *a = &t->ref.mem;
    t->name = arena_dup(a, name);
    t->vhosts = arena_zalloc(a, sizeof *t->vhosts);
    t->n_vhosts = 1;
    t->vhosts->name = arena_dup(a, owner);
    t->vhosts->domains = arena_alloc(a, sizeof *t->vhosts->domains);
    t->vhosts->domains[0] = STR("*");
    t->vhosts->n_domains = 1;
    return t;
}

void *compile_resource(struct mesh *m, struct reg *r, enum xds_type type, struct str name) {
    struct compile_name n;
    if (route_is_alias(name))
        return type == XDS_ROUTE ? alias(r, name) : NULL;
    if (!compile_name_parse(&n, name))
        return NULL;
    bool plain_name = !n.inbound && !n.outbound;
    switch (type) {
    case XDS_LISTENER: return plain_name ? NULL : compile__listener(m, &n, name);
    case XDS_ROUTE:
        return plain_name && !n.key.len && compile_known(m, r, n.service)
                   ? compile__routes(m, &n, name, compile__speaks_tcp(r, n.service))
                   : NULL;
    case XDS_CLUSTER:
        if (n.inbound)
            return n.tcp ? NULL : inbound_cluster(m, &n, name);
        return plain_name && has_cluster(m, r, n.service) ? service_cluster(m, r, &n, name) : NULL;
    case XDS_ENDPOINT: return plain_name && has_cluster(m, r, n.service) ? service_endpoints(m, r, &n, name) : NULL;
    default: return NULL;
    }
}
