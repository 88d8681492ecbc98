// SPDX-License-Identifier: Apache-2.0
#include "proxy/serve.h"
#include "base/mem.h"
#include "io/tls.h"
#include "policy/chain.h"
#include "policy/priority.h"
#include "proxy/names.h"
#include "proxy/serve_int.h"
#include "proxy/sinks.h"

/* True: the rest is served without; else *e says why not. */
static bool spared(const struct serve_input *in, const struct serve_bad *b, struct err *e) {
    if (in->spare && in->spare(in->spare_ctx, b))
        return true;
    if (e)
        *e = *b->why;
    return false;
}

/* ---- clusters ---- */
static void cluster_fini(struct ref *r) {
    struct serve_cluster *c = container_of(r, struct serve_cluster, ref);
    for (unsigned i = 0; i < c->n_levels; i++)
        lb_free(&c->levels[i].lb);
    for (size_t i = 0; i < c->n_all; i++)
        ref_put(c->all[i]);
    tls_ctx_unref(&c->tls);
    tls_ctx_unref(&c->tls_h1);
    tls_ctx_unref(&c->tls_raw);
    serve__secrets_drop(&c->secrets);
    ref_put(c->identity);
    ref_put(c->endpoints);
    ref_put(c->cluster);
}

/* The one that is reached in the same way. */
static struct host *host_find(const struct serve_cluster *c, const struct host *like) {
    for (size_t i = 0; c && i < c->n_all; i++)
        if (str_eq(c->all[i]->text, like->text) && c->all[i]->mtls == like->mtls && c->all[i]->proto == like->proto &&
            str_eq(c->all[i]->name, like->name))
            return c->all[i];
    return NULL;
}

static bool same_list(const struct str *a, size_t n, const struct str *b, size_t m) {
    if (n != m)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(a[i], b[i]))
            return false;
    return true;
}

/* May connections made for `old` go on serving `now`? Only when they would be made the same way. */
static bool same_transport(const struct cluster *old, const struct cluster *now) {
    const struct tls_context *a = old->tls, *b = now->tls;
    if (old->proxy_protocol != now->proxy_protocol || memcmp(&old->h2, &now->h2, sizeof(old->h2)) != 0)
        return false;
    if (!a || !b)
        return a == b;
    return str_eq(a->sni, b->sni) && old->tls_always == now->tls_always && same_list(a->sans, a->n_sans, b->sans, b->n_sans) &&
           same_list(a->alpn, a->n_alpn, b->alpn, b->n_alpn);
}

struct host_kind { /* how it is reached */
    bool mtls;
    enum conn_proto proto;
    struct str name; /* that it was found by; may be empty */
};

/* True when it was not there before. */
static bool add_host(struct serve_cluster *c, const struct serve_cluster *prev, const struct addr *addr, struct host_kind kind,
                     unsigned workers) {
    struct host *h = host_new(addr, kind.mtls, kind.proto, workers);
    h->name = kind.name.len ? arena_dup(&h->ref.mem, kind.name) : STR_NONE;
    struct host *old = host_find(prev, h);
    if (old) {
        ref_put(h);
        h = ref_get(old);
    }
    c->all[c->n_all++] = h;
    return !old;
}

static int endpoint_addr(struct addr *a, const struct endpoint *ep) {
    char text[ADDR_TEXT];
    if (str_starts(ep->address, STR("unix:")))
        return addr_parse(a, ep->address, NULL);
    return addr_ip(a, str_of(str_z(ep->address, text, sizeof(text))), ep->port, NULL);
}

/* Between sidecars ALPN decides, whatever the applications speak: HTTP/2, but for what is not weft and has only HTTP/1.1. */
static bool alpn_decides(const struct serve_cluster *c) {
    return c->cluster->proto == CLUSTER_AUTO || (c->identity && !c->cluster->tls_always);
}

static struct host_kind kind_of(const struct serve_cluster *c, bool mtls, struct str name) {
    bool tls = (c->tls || c->secrets.wait) && (mtls || c->cluster->tls_always);
    enum conn_proto stated = c->cluster->proto == CLUSTER_HTTP2 ? CONN_H2 : CONN_H1;
    return (struct host_kind){tls, tls && alpn_decides(c) ? CONN_AUTO : stated, name};
}

struct host *serve_host_new(const struct serve_cluster *c, const struct addr *a, unsigned workers) {
    struct host_kind kind = kind_of(c, false, STR_NONE);
    return host_new(a, kind.mtls, kind.proto, workers);
}

static void add_endpoint(struct serve_cluster *c, const struct serve_cluster *prev, const struct endpoint *ep,
                         const struct serve_input *in) {
    struct addr addr;
    if (endpoint_addr(&addr, ep) < 0)
        return;
    bool fresh = add_host(c, prev, &addr, kind_of(c, ep->mtls, ep->name), in->workers);
    struct host *h = c->all[c->n_all - 1];
    bool checked = in->checked && c->cluster->check.enabled;
    if (fresh)
        h->failed_check = checked; /* until its first check */
    bool healthy = ep->health == ENDPOINT_HEALTHY && !(checked && h->failed_check);
    c->healthy[c->n_all - 1] = healthy;
    c->n_healthy += healthy;
}

/* What is offered, where the configuration does not say (as Envoy). */
static struct str default_alpn(const struct serve_cluster *c) {
    if (alpn_decides(c))
        return STR("h2,http/1.1");
    return c->cluster->proto == CLUSTER_HTTP2 ? STR("h2") : STR("http/1.1");
}

static bool carry_tls(struct serve_cluster *c, const struct serve_cluster *prev) {
    if (!prev || prev->cluster != c->cluster || !prev->tls || !serve__same_secrets(&prev->secrets, &c->secrets))
        return false;
    c->tls = tls_ctx_ref(prev->tls); /* sessions go on */
    c->tls_h1 = prev->tls_h1 ? tls_ctx_ref(prev->tls_h1) : NULL;
    c->tls_raw = tls_ctx_ref(prev->tls_raw);
    return true;
}

static int cluster_tls(struct serve_cluster *c, const struct serve_cluster *prev, const struct serve_input *in, struct err *e) {
    const struct tls_context *t = c->cluster->tls;
    struct tls_ctx *base = NULL;
    struct arena a = {0};
    int rc = 0;
    if (!t)
        return 0;
    if (in->identity) {
        c->identity = ref_get(in->identity);
        base = tls_ctx_ref(in->identity->client);
    } else {
        c->secrets = serve__secrets(t, in->snap);
        if (carry_tls(c, prev))
            return 0;
        rc = serve__tls(&base, t, false, &c->secrets, e);
    }
    if (rc < 0)
        return err_in(e, "cluster " STR_FMT, STR_ARG(c->cluster->name));
    if (!base)
        return 0;
    rc = tls_ctx_offer(&c->tls, base, t->n_alpn ? serve__alpn(t, &a) : default_alpn(c), e);
    if (rc >= 0 && (alpn_decides(c) || c->cluster->proto != CLUSTER_HTTP2)) /* an upgrade needs it, whatever the app speaks */
        rc = tls_ctx_offer(&c->tls_h1, base, STR("http/1.1"), e);
    if (rc >= 0)
        rc = tls_ctx_offer(&c->tls_raw, base, serve__alpn(t, &a), e);
    tls_ctx_unref(&base);
    arena_fini(&a);
    return rc;
}

static struct tls_ctx *tls_again(struct tls_ctx *t) {
    return t ? tls_ctx_ref(t) : NULL;
}

/* As it was, also where a secret was waited for: never without TLS. */
static void keep_tls(struct serve_cluster *c, const struct serve_cluster *prev) {
    tls_ctx_unref(&c->tls);
    tls_ctx_unref(&c->tls_h1);
    tls_ctx_unref(&c->tls_raw);
    c->tls = tls_again(prev->tls);
    c->tls_h1 = tls_again(prev->tls_h1);
    c->tls_raw = tls_again(prev->tls_raw);
    c->identity = prev->identity ? ref_get(prev->identity) : NULL;
    c->secrets = serve__secrets_again(&prev->secrets);
}

/* ---- levels ---- */
struct placed { /* one of serve_cluster.all, as its balancer is to know it */
    uint32_t priority, weight;
};

static unsigned count_levels(const struct serve_cluster *c, const struct placed *at, struct priority_level *levels) {
    unsigned n = 1;
    for (size_t i = 0; i < c->n_all; i++) {
        levels[at[i].priority].all++;
        levels[at[i].priority].healthy += c->healthy[i];
        n = at[i].priority + 1 > n ? at[i].priority + 1 : n;
    }
    return n;
}

static void build_level(struct serve_cluster *c, const struct serve_cluster *prev, const struct placed *at, unsigned priority,
                        bool all) {
    struct serve_level *l = &c->levels[priority];
    struct lb_member *m = mem_array(c->n_all + 1, sizeof(*m));
    size_t n = 0;
    l->first = c->n_members;
    for (size_t i = 0; i < c->n_all; i++) {
        if (at[i].priority != priority || !(all || c->healthy[i]))
            continue;
        c->members[c->n_members++] = c->all[i];
        m[n++] = (struct lb_member){.host = &c->all[i]->lb, .weight = at[i].weight ? at[i].weight : 1, .key = c->all[i]->text};
    }
    bool goes_on = prev && prev->cluster->lb == c->cluster->lb && priority < prev->n_levels;
    l->lb = lb_new(c->cluster->lb, m, n, goes_on ? prev->levels[priority].lb : NULL);
    free(m);
}

/* The mesh has one level, and never uses what is not healthy. */
static void build_levels(struct serve_cluster *c, const struct serve_cluster *prev, const struct placed *at,
                         const struct serve_input *in) {
    struct priority_level levels[PRIORITY_MAX + 1] = {0};
    uint32_t factor = c->endpoints ? c->endpoints->overprovisioning : 0, below = 0;
    uint32_t panic = in->profile == PROFILE_MESH ? 0 : c->cluster->panic ? c->cluster->panic - 1 : PRIORITY_PANIC;
    c->n_levels = count_levels(c, at, levels);
    priority_spread(levels, c->n_levels, factor ? factor : PRIORITY_OVERPROVISIONING, panic);
    c->levels = arena_zalloc(&c->ref.mem, c->n_levels * sizeof(*c->levels));
    for (unsigned i = 0; i < c->n_levels; i++) {
        build_level(c, prev, at, i, levels[i].panic);
        c->levels[i].below = below += levels[i].load;
    }
}

struct of_level { /* the request for one level's balancer */
    const struct lb_request *r;
    size_t first;
};

static bool usable(void *ctx, size_t i) {
    const struct of_level *o = ctx;
    return o->r->usable(o->r->ctx, o->first + i);
}

static ptrdiff_t pick_of(const struct serve_level *l, const struct lb_request *r) {
    struct of_level o = {r, l->first};
    struct lb_request one = *r;
    if (r->usable) {
        one.usable = usable;
        one.ctx = &o;
    }
    ptrdiff_t i = lb_pick(l->lb, &one);
    return i < 0 ? i : (ptrdiff_t)l->first + i;
}

ptrdiff_t serve_pick(const struct serve_cluster *c, const struct lb_request *r) {
    if (c->n_levels == 1)
        return lb_pick(c->levels[0].lb, r);
    uint32_t at = (uint32_t)((r->hash ? *r->hash : rand_u64(r->rand)) % 100);
    unsigned level = 0;
    while (level + 1 < c->n_levels && at >= c->levels[level].below)
        level++;
    ptrdiff_t i = pick_of(&c->levels[level], r);
    for (unsigned k = 0; i < 0 && k < c->n_levels; k++)
        i = pick_of(&c->levels[k], r);
    return i;
}

static void fill_cluster(struct serve_cluster *c, const struct serve_cluster *prev, const struct serve_input *in) {
    bool local = in->local_cluster.len && str_eq(c->cluster->name, in->local_cluster);
    size_t n = local ? 1 : c->endpoints ? c->endpoints->n : 0;
    struct placed *at = mem_array(n + 1, sizeof(*at));
    c->all = arena_zalloc(&c->ref.mem, (n + 1) * sizeof(struct host *));
    c->healthy = arena_zalloc(&c->ref.mem, n + 1);
    c->members = arena_zalloc(&c->ref.mem, (n + 1) * sizeof(struct host *));
    const struct serve_cluster *carry = prev && same_transport(prev->cluster, c->cluster) ? prev : NULL;
    if (local) {
        struct host_kind app = {.proto = in->local_proto == CONN_H2 ? CONN_H2 : CONN_H1};
        add_host(c, carry, &in->local, app, in->workers);
        c->healthy[0] = true;
        c->n_healthy = 1;
        at[0] = (struct placed){0, 1};
    }
    for (size_t i = 0; !local && c->endpoints && i < n; i++) {
        at[c->n_all] = (struct placed){c->endpoints->at[i].priority, c->endpoints->at[i].weight};
        add_endpoint(c, carry, &c->endpoints->at[i], in);
    }
    build_levels(c, prev, at, in);
    free(at);
}

static struct endpoints *endpoints_of(const struct cluster *c, const struct snap *snap) {
    char key[NAMES_KEY];
    if (names_of(c))
        return snap_get(snap, XDS_ENDPOINT, names_key(c->name, key));
    if (c->type != CLUSTER_EDS)
        return c->inline_endpoints;
    return snap_get(snap, XDS_ENDPOINT, c->eds_name.len ? c->eds_name : c->name);
}

/* What a secret says may have changed, though its name has not. */
static bool other_secrets(const struct serve_cluster *prev, const struct serve_input *in) {
    const struct tls_context *t = prev->cluster->tls;
    if (!t || in->identity)
        return false;
    struct serve_secrets now = serve__secrets(t, in->snap);
    bool other = !serve__same_secrets(&prev->secrets, &now);
    serve__secrets_drop(&now);
    return other;
}

/* `last`: what is served already, with the endpoints of now. */
static int build_cluster(struct serve_cluster **out, struct cluster *cluster, bool last, const struct serve_input *in,
                         struct err *e) {
    struct serve_cluster *prev = in->prev ? serve_cluster_get(in->prev, cluster->name) : NULL;
    struct endpoints *eps = endpoints_of(cluster, in->snap);
    if (prev && !prev->stale && prev->cluster == cluster && prev->endpoints == eps &&
        (!cluster->tls || prev->identity == in->identity) && !other_secrets(prev, in)) {
        *out = ref_get(prev);
        return 0;
    }
    struct serve_cluster *c = ref_new(sizeof(*c), cluster_fini);
    c->cluster = ref_get(cluster);
    c->endpoints = eps ? ref_get(eps) : NULL;
    int rc = last ? 0 : cluster_tls(c, prev, in, e);
    if (rc < 0) {
        ref_put(c);
        return rc;
    }
    if (last)
        keep_tls(c, prev);
    fill_cluster(c, prev, in);
    *out = c;
    return 0;
}

/* ---- listeners ---- */
struct making { /* of a listener */
    struct serve *s;
    struct serve_listener *l;
    const struct serve_listener *prev; /* or NULL */
    const struct serve_input *in;
};

static int chain_tls(const struct making *m, struct serve_chain *c, const struct serve_chain *prev, struct err *e) {
    const struct tls_context *t = c->conf->tls;
    struct err why = {0};
    bool same = prev && prev->conf->tls == t;
    if (!t)
        return 0;
    if (m->in->identity) {
        c->tls = tls_ctx_ref(m->in->identity->server);
        return 0;
    }
    c->secrets = serve__secrets(t, m->in->snap);
    if (same && prev->tls && serve__same_secrets(&prev->secrets, &c->secrets)) {
        c->tls = tls_ctx_ref(prev->tls); /* sessions go on */
        return 0;
    }
    int rc = serve__tls(&c->tls, t, true, &c->secrets, &why);
    if (rc < 0 && !same && e)
        *e = why;
    if (rc >= 0 || !same || !spared(m->in, &(struct serve_bad){XDS_LISTENER, m->l->listener->name, &why, true}, e))
        return rc;
    serve__secrets_drop(&c->secrets); /* it is the secrets that do not do: the last ones stay */
    c->secrets = serve__secrets_again(&prev->secrets);
    c->tls = prev->tls ? tls_ctx_ref(prev->tls) : NULL;
    return 0;
}

static int chain_routes(const struct making *m, struct serve_chain *c, const struct serve_chain *prev, struct err *e) {
    struct str name = c->hcm->rds_name;
    struct route_table *table = c->hcm->routes;
    if (!table && name.len)
        table = snap_get(m->in->snap, XDS_ROUTE, name);
    if (table)
        c->routes = serve__routes(table, prev ? prev->routes : NULL);
    else if (m->in->profile == PROFILE_ENVOY)
        c->routes = serve__no_routes(name);
    return c->routes ? serve__read_bodies(c->routes, e) : 0;
}

/* The chain that did the same for the same connections before. */
static const struct serve_chain *chain_before(const struct serve_listener *prev, const struct serve_listener *l, unsigned i) {
    const struct filter_chain *now = l->chains[i].conf;
    for (unsigned k = 0; prev && k < prev->n_chains; k++) {
        const struct filter_chain *was = prev->chains[k].conf;
        bool both_default = was == prev->listener->fallback && now == l->listener->fallback;
        bool neither = was != prev->listener->fallback && now != l->listener->fallback;
        if (was->kind == now->kind && (both_default || (neither && chain_match_eq(&was->match, &now->match))))
            return &prev->chains[k];
    }
    return NULL;
}

static int find_sinks(struct serve *s, struct serve_chain *c, const struct serve_input *in, struct err *e) {
    const struct access_logs *logs = c->hcm ? &c->hcm->logs : &c->tcp->logs;
    c->sinks = arena_zalloc(&s->ref.mem, (logs->n + 1) * sizeof(*c->sinks));
    for (size_t i = 0; i < logs->n; i++) {
        int sink = sinks_find(in->sinks, logs->at[i].path, e);
        if (sink < 0)
            return sink;
        c->sinks[i] = (unsigned)sink;
    }
    return 0;
}

static int build_chain(const struct making *m, struct serve_chain *c, struct err *e) {
    const struct serve_chain *prev = chain_before(m->prev, m->l, (unsigned)(c - m->l->chains));
    c->id = prev ? prev->id : m->s->next_chain++;
    if (c->conf->kind == CHAIN_TCP)
        c->tcp = &c->conf->tcp;
    else
        c->hcm = &c->conf->hcm;
    if (prev)
        atomic_store_explicit(&c->split, atomic_load_explicit(&prev->split, memory_order_relaxed), memory_order_relaxed);
    if (c->conf->rbac || c->conf->rbac_shadow)
        c->gate = prev && prev->gate ? ref_get(prev->gate) : ref_new(sizeof(*c->gate), NULL);
    int rc = c->hcm ? chain_routes(m, c, prev, e) : 0;
    if (rc >= 0 && m->in->sinks)
        rc = find_sinks(m->s, c, m->in, e);
    return rc < 0 ? rc : chain_tls(m, c, prev, e);
}

static int make_listener(const struct making *m, struct listener *res, struct err *e) {
    struct serve_listener *l = m->l;
    if (!res || res->n_chains + (res->fallback != NULL) == 0)
        return 0;
    l->listener = ref_get(res);
    l->needs = listener_needs(res);
    l->chains = arena_zalloc(&m->s->ref.mem, (res->n_chains + 1) * sizeof(*l->chains));
    for (unsigned i = 0; i < res->n_chains + (res->fallback != NULL); i++) {
        l->chains[i].conf = i < res->n_chains ? &res->chains[i] : res->fallback;
        l->n_chains++;
        int rc = build_chain(m, &l->chains[i], e);
        if (rc < 0)
            return err_in(e, "listener " STR_FMT, STR_ARG(res->name));
    }
    return 0;
}

static void listener_fini(struct serve_listener *l) {
    for (unsigned i = 0; i < l->n_chains; i++) {
        ref_put(l->chains[i].routes);
        ref_put(l->chains[i].gate);
        tls_ctx_unref(&l->chains[i].tls);
        serve__secrets_drop(&l->chains[i].secrets);
    }
    ref_put(l->listener);
    *l = (struct serve_listener){.side = l->side, .id = l->id};
}

static int build_listener(struct serve *s, const struct serve_port *port, const struct serve_input *in, struct err *e) {
    struct serve_listener *l = &s->listeners[s->n_listeners++];
    struct err why = {0};
    l->side = port->side;
    l->id = port->id;
    struct making m = {s, l, in->prev ? serve_listener_get(in->prev, port->id) : NULL, in};
    struct listener *last = m.prev ? m.prev->listener : NULL;
    int rc = make_listener(&m, port->last ? last : snap_get(in->snap, XDS_LISTENER, port->name), &why);
    if (rc >= 0)
        return rc;
    if (!spared(in, &(struct serve_bad){XDS_LISTENER, port->name, &why, last != NULL}, e))
        return rc;
    listener_fini(l);
    if (make_listener(&m, last, &why) < 0)
        listener_fini(l);
    return 0;
}

/* ---- the whole ---- */
static void serve_fini(struct ref *r) {
    struct serve *s = container_of(r, struct serve, ref);
    struct serve_cluster *c;
    struct serve_routes *t;
    MAP_FOR (&s->clusters, NULL, c)
        ref_put(c);
    MAP_FOR (&s->routes, NULL, t)
        ref_put(t);
    for (unsigned i = 0; i < s->n_listeners; i++)
        listener_fini(&s->listeners[i]);
    map_fini(&s->clusters);
    map_fini(&s->routes);
    map_fini(&s->absent);
    ref_put(s->identity);
}

/* Hosts that the new form does not have: their connections are let go by the workers. */
static void retire_hosts(const struct serve *old, const struct serve *now) {
    struct str name;
    struct serve_cluster *was;
    MAP_FOR (&old->clusters, &name, was) {
        const struct serve_cluster *is = serve_cluster_get(now, name);
        for (size_t i = 0; is != was && i < was->n_all; i++)
            if (host_find(is, was->all[i]) != was->all[i])
                atomic_store_explicit(&was->all[i]->retired, true, memory_order_relaxed);
    }
}

static int add_cluster(struct serve *s, struct cluster *cluster, const struct serve_input *in, struct err *e) {
    const struct serve_cluster *prev = in->prev ? serve_cluster_get(in->prev, cluster->name) : NULL;
    struct serve_cluster *c = NULL;
    struct err why = {0};
    int rc = build_cluster(&c, cluster, false, in, &why);
    if (rc < 0) {
        if (!spared(in, &(struct serve_bad){XDS_CLUSTER, cluster->name, &why, prev != NULL}, e))
            return rc;
        rc = prev ? build_cluster(&c, prev->cluster, true, in, &why) : 0;
    }
    if (c)
        map_put(&s->clusters, cluster->name, c);
    return rc;
}

static int add_clusters(struct serve *s, const struct serve_input *in, struct err *e) {
    struct cluster *cluster;
    int rc = 0;
    MAP_FOR (&in->snap->of[XDS_CLUSTER], NULL, cluster)
        if (rc >= 0)
            rc = add_cluster(s, cluster, in, e);
    return rc;
}

static void add_tables(struct serve *s, const struct serve_input *in) {
    struct str name;
    struct route_table *table;
    uint64_t *until;
    if (in->tables)
        MAP_FOR (in->tables, &name, table)
            map_put(&s->routes, name, serve__routes(table, in->prev ? serve_routes_get(in->prev, name) : NULL));
    if (in->absent)
        MAP_FOR (in->absent, &name, until) {
            uint64_t *copy = arena_alloc(&s->ref.mem, sizeof(*copy));
            *copy = *until;
            map_put(&s->absent, name, copy);
        }
}

int serve_build(struct serve **out, const struct serve_input *in, struct err *e) {
    struct serve *s = ref_new(sizeof(*s), serve_fini);
    s->version = in->snap->version;
    s->profile = in->profile;
    s->identity = in->identity ? ref_get(in->identity) : NULL;
    int rc = add_clusters(s, in, e);
    add_tables(s, in);
    s->next_chain = in->prev ? in->prev->next_chain : 1;
    s->listeners = arena_zalloc(&s->ref.mem, (in->n_ports + 1) * sizeof(*s->listeners));
    for (unsigned i = 0; rc >= 0 && i < in->n_ports; i++)
        rc = build_listener(s, &in->ports[i], in, e);
    if (rc < 0) {
        ref_put(s);
        return rc;
    }
    if (in->prev)
        retire_hosts(in->prev, s);
    *out = s;
    return 0;
}
