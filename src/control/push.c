// SPDX-License-Identifier: Apache-2.0
#include "control/push.h"
#include "base/mem.h"
#include "control/schema.h"
#include "io/addr.h"
#include "xds/link.h"

#define NACK_MAX 1024u /* octets of a client's reason that are kept */
#define PATH_MAX_LEN 1024u

struct group { /* the entries of one service; "" for those of none */
    char *key;
    struct list entries, node;
    unsigned types; /* that may have changed, as bits */
    uint64_t since; /* when the first of these changes came */
    bool known;     /* as of the last compilation */
};
struct entry {
    struct group *group;
    enum compile_for who;
    enum xds_type type;
    bool own; /* an Envoy's own: not for others, though they take all */
    char *name;
    struct list node;
    struct xds_resource *resource; /* NULL: there is none */
    bool compiled;                 /* once; from then on it changes at flushes only */
    struct bits subs;              /* numbers of clients that named it */
    struct list owners;            /* of struct sub */
    unsigned n_subs;               /* both */
};
struct client { /* one stream */
    struct ads_stream *stream;
    struct list node, subs; /* subs: to what is its own */
    unsigned number;        /* in push.numbered: small, as entries have a bit for each */
    unsigned wild;          /* types with a wildcard, as bits */
    bool flush;
    uint64_t since; /* the oldest change that it has been told and not been sent; 0: none */
    enum compile_for who;
    char *service, *ns, *agent;
    struct peer *peer; /* it is an endpoint; or NULL */
    /* An Envoy's */
    char *inbound, *outbound, *app;  /* names of its listeners and of its app's cluster, or NULL */
    struct xds_resource *secrets[2]; /* its files: certificate, CA; or NULL */
    /* What it said, by type. */
    struct {
        uint64_t acks, nacks;
        char *why; /* of the last answer, a NACK; else NULL */
    } told[XDS_TYPES];
};
struct sub { /* a client has an entry of its own */
    struct entry *entry;
    struct client *client;
    struct list of_entry, of_client;
};

/* ---- entries ---- */

static struct group *need_group(struct push *p, struct str key) {
    struct group *g = map_get(&p->groups, key);
    if (g)
        return g;
    g = mem_new(struct group);
    g->key = mem_strdup(key);
    g->known = key.len && compile_known(p->mesh, p->reg, key);
    list_init(&g->entries);
    map_put(&p->groups, key, g);
    return g;
}

static bool is_own(enum compile_for who, enum xds_type type, struct str name) {
    return who == FOR_ENVOY &&
           (type == XDS_LISTENER || str_starts(name, STR("inbound|")) || str_starts(name, STR("inbound-tcp|")));
}

static struct entry *need_entry(struct push *p, enum compile_for who, enum xds_type type, struct str name) {
    struct entry *en = map_get(&p->entries[who][type], name);
    struct arena a = {0};
    if (en)
        return en;
    en = mem_new(struct entry);
    en->group = need_group(p, compile_foreign_service(who, type, name, &a));
    en->who = who;
    en->type = type;
    en->own = is_own(who, type, name);
    en->name = mem_strdup(name);
    list_init(&en->owners);
    list_push(&en->group->entries, &en->node);
    map_put(&p->entries[who][type], name, en);
    arena_fini(&a);
    return en;
}

static void drop_entry(struct push *p, struct entry *en) {
    map_del(&p->entries[en->who][en->type], str_of(en->name));
    list_remove(&en->node);
    ref_put(en->resource);
    bits_fini(&en->subs);
    free(en->name);
    free(en);
}

static void settle_group(struct push *p, struct group *g) {
    if (!list_empty(&g->entries))
        return;
    list_remove(&g->node);
    map_del(&p->groups, str_of(g->key));
    free(g->key);
    free(g);
}

static bool wanted(const struct push *p, const struct entry *en) {
    return en->n_subs || (p->wild[en->who][en->type] && !en->own);
}

static struct xds_resource *encode(enum xds_type type, void *model) {
    switch (type) {
    case XDS_LISTENER: return xds_encode_listener(model);
    case XDS_ROUTE: return xds_encode_routes(model);
    case XDS_CLUSTER: return xds_encode_cluster(model);
    case XDS_ENDPOINT: return xds_encode_endpoints(model);
    default: return xds_encode_secret(model);
    }
}

static bool same(const struct xds_resource *a, const struct xds_resource *b) {
    return a && b ? str_eq(a->bytes, b->bytes) : a == b;
}

/* Compiles it again; true when it has changed. */
static bool refresh(struct push *p, struct entry *en) {
    void *model = compile_foreign(p->mesh, p->reg, en->who, en->type, str_of(en->name));
    struct xds_resource *now = model ? encode(en->type, model) : NULL;
    bool changed = !same(en->resource, now);
    ref_put(model);
    p->stats.compiled++;
    en->compiled = true;
    if (changed) {
        ref_put(en->resource);
        en->resource = now;
    } else {
        ref_put(now);
    }
    return changed;
}

/* ---- pushing ---- */

static void owe(struct client *c, const struct entry *en) {
    c->flush = true;
    if (!c->since || en->group->since < c->since)
        c->since = en->group->since;
}

static void tell_client(struct client *c, const struct entry *en) {
    ads_stream_dirty(c->stream, en->type, str_of(en->name));
    owe(c, en);
}

static void tell(struct push *p, struct entry *en) {
    p->stats.pushes[en->type] += en->n_subs;
    for (unsigned i = 0; bits_next(&en->subs, &i); i++)
        tell_client(p->numbered[i], en);
    LIST_FOR (n, &en->owners)
        tell_client(list_entry(n, struct sub, of_entry)->client, en);
    if (!p->wild[en->who][en->type] || en->own)
        return;
    LIST_FOR (n, &p->streams) {
        struct client *c = list_entry(n, struct client, node);
        if (c->who == en->who && c->wild & 1u << en->type)
            tell_client(c, en);
    }
}

/* The clusters of a service's subsets that rules name. */
static void each_subset(struct push *p, struct str service, void (*each)(void *ctx, struct str name), void *ctx) {
    struct mesh_service *s;
    struct traffic_rule *rule;
    struct arena a = {0};
    MAP_FOR (&p->mesh->services, NULL, s)
        MAP_FOR (&s->rules, NULL, rule)
            if (rule->subset_key.len && str_eq(str_of(rule->destination->key), service))
                each(ctx, arena_fmt(&a, STR_FMT "|" STR_FMT "=" STR_FMT, STR_ARG(service), STR_ARG(rule->subset_key),
                                    STR_ARG(rule->subset_value)));
    arena_fini(&a);
}

static void add_subset_entry(void *ctx, struct str name) {
    need_entry(ctx, FOR_ENVOY, XDS_CLUSTER, name);
}

/* Wildcard subscribers learn of services that nobody has named yet. */
static void add_wild_entries(struct push *p, struct group *g) {
    for (int who = 0; who < COMPILE_FORS; who++)
        for (int t = 0; t < XDS_TYPES; t++)
            if (p->wild[who][t] && t != XDS_LISTENER)
                need_entry(p, (enum compile_for)who, (enum xds_type)t, str_of(g->key));
    if (p->wild[FOR_ENVOY][XDS_CLUSTER])
        each_subset(p, str_of(g->key), add_subset_entry, p);
}

static void flush_group(struct push *p, struct group *g) {
    unsigned types = g->types;
    bool known = g->key[0] && compile_known(p->mesh, p->reg, str_of(g->key));
    g->types = 0;
    list_remove(&g->node);
    if (known != g->known)
        types = PUSH_ALL;
    g->known = known;
    if (g->key[0] && !route_is_alias(str_of(g->key)))
        add_wild_entries(p, g);
    LIST_FOR (n, &g->entries) {
        struct entry *en = list_entry(n, struct entry, node);
        if (!wanted(p, en))
            drop_entry(p, en);
        else if (types & 1u << en->type && refresh(p, en))
            tell(p, en);
    }
    settle_group(p, g);
}

/* A turn's `now` stands still while it compiles for and sends to thousands. */
static uint64_t us_since(const struct push *p, uint64_t then) {
    const struct clock *clock = p->mesh->loop->clock;
    return clock->mono_us(clock) - then;
}

static void flush_client(struct push *p, struct client *c) {
    if (!c->flush)
        return;
    c->flush = false;
    hist_add(&p->stats.queued, us_since(p, p->mesh->loop->now));
    ads_stream_flush(c->stream);
}

static void on_timer(struct timer *t) {
    struct push *p = container_of(t, struct push, timer);
    reg_settle_owners(p->reg);
    hist_add(&p->stats.debounced, us_since(p, p->first));
    p->first = 0;
    while (!list_empty(&p->dirty))
        flush_group(p, list_entry(p->dirty.next, struct group, node));
    LIST_FOR (n, &p->streams)
        flush_client(p, list_entry(n, struct client, node));
}

static void schedule(struct push *p) {
    struct loop *l = p->mesh->loop;
    if (!p->first)
        p->first = l->now ? l->now : 1;
    uint64_t latest = p->first + PUSH_MOST, quiet = l->now + PUSH_QUIET;
    uint64_t at = quiet < latest ? quiet : latest;
    loop_timer(l, &p->timer, at > l->now ? at - l->now : 0, on_timer);
}

static void mark(struct push *p, struct group *g, unsigned types) {
    if (!g->types)
        g->since = p->mesh->loop->now;
    g->types |= types;
    if (!list_linked(&g->node))
        list_push(&p->dirty, &g->node);
    schedule(p);
}

static bool any_wild(const struct push *p) {
    for (int who = 0; who < COMPILE_FORS; who++)
        for (int t = 0; t < XDS_TYPES; t++)
            if (p->wild[who][t])
                return true;
    return false;
}

void push_touch(struct push *p, struct str service, unsigned types) {
    struct group *g = map_get(&p->groups, service), *none = map_get(&p->groups, STR_NONE);
    if (!g && any_wild(p)) {
        g = need_group(p, service);
        g->known = false;
    }
    if (g)
        mark(p, g, types);
    if (none)
        mark(p, none, 1u << XDS_ROUTE); /* tables of all services */
    if (p->reg->asked)
        schedule(p); /* an address may have moved, of a service that nobody else asked for */
}

void push_moved(struct push *p, struct str address) {
    struct arena a = {0};
    struct group *g = map_get(&p->groups, arena_fmt(&a, "%c" STR_FMT, ROUTE_ALIAS, STR_ARG(address)));
    if (g)
        mark(p, g, 1u << XDS_ROUTE);
    arena_fini(&a);
}

void push_touch_all(struct push *p, unsigned types) {
    struct group *g;
    MAP_FOR (&p->groups, NULL, g) {
        mark(p, g, types);
    }
}

/* ---- the ADS server's questions ---- */

static struct xds_resource *get_entry(struct push *p, enum compile_for who, enum xds_type type, struct str name) {
    struct entry *en = need_entry(p, who, type, name);
    /* A marked one stays as it is until the flush, which compares it with what subscribers have. */
    if (!en->compiled)
        refresh(p, en);
    if (!wanted(p, en))
        mark(p, en->group, 0); /* asked for by a stream that takes its leave: goes at the flush */
    return en->resource;
}

static struct xds_resource *get(void *ctx, struct ads_stream *s, enum xds_type type, struct str name) {
    const struct client *c = ads_stream_user(s);
    if (c && c->who == FOR_ENVOY && type == XDS_SECRET) {
        for (size_t i = 0; i < 2; i++)
            if (c->secrets[i] && str_eq(c->secrets[i]->name, name))
                return c->secrets[i];
        return NULL;
    }
    return get_entry(ctx, c ? c->who : FOR_WEFT, type, name);
}

struct each {
    struct push *push;
    enum compile_for who;
    enum xds_type type;
    void (*each)(void *arg, struct xds_resource *r);
    void *arg;
};

static void give(void *ctx, struct str name) {
    struct each *e = ctx;
    struct xds_resource *r = get_entry(e->push, e->who, e->type, name);
    if (r)
        e->each(e->arg, r);
}

static void give_service(void *ctx, struct str service) {
    struct each *e = ctx;
    give(e, service);
    if (e->who == FOR_ENVOY)
        each_subset(e->push, service, give, e);
}

/* A weft sidecar asks for its listeners by name; an Envoy has all there are for it. */
static void give_own(struct each *e, const struct client *c) {
    const char *const names[] = {c->inbound, c->outbound, c->app};
    for (size_t i = 0; i < 3; i++)
        if (names[i] && (i < 2) == (e->type == XDS_LISTENER))
            give(e, str_of(names[i]));
}

static void all(void *ctx, struct ads_stream *s, enum xds_type type, void (*each)(void *arg, struct xds_resource *r), void *arg) {
    struct push *p = ctx;
    const struct client *c = ads_stream_user(s);
    struct each e = {p, c ? c->who : FOR_WEFT, type, each, arg};
    struct str key;
    struct mesh_service *svc;
    if (e.who == FOR_ENVOY)
        give_own(&e, c);
    if (type == XDS_LISTENER || type == XDS_SECRET)
        return;
    reg_each(p->reg, give_service, &e);
    MAP_FOR (&p->mesh->services, &key, svc) {
        if (svc->rules.len && !reg_has(p->reg, key))
            give_service(&e, key);
    }
}

static void add_own_sub(struct entry *en, struct client *c) {
    struct sub *sub = mem_new(struct sub);
    sub->entry = en;
    sub->client = c;
    list_push(&en->owners, &sub->of_entry);
    list_push(&c->subs, &sub->of_client);
    en->n_subs++;
}

static void one_less(struct push *p, struct entry *en) {
    if (--en->n_subs || wanted(p, en))
        return;
    struct group *g = en->group;
    drop_entry(p, en);
    settle_group(p, g);
}

static void drop_own_sub(struct push *p, struct sub *sub) {
    struct entry *en = sub->entry;
    list_remove(&sub->of_entry);
    list_remove(&sub->of_client);
    free(sub);
    one_less(p, en);
}

static void take_number(struct push *p, struct client *c) {
    if (bits_next(&p->free, &c->number)) {
        bits_remove(&p->free, c->number);
    } else {
        c->number = (unsigned)p->n_numbers++;
        if ((c->number & (c->number - 1)) == 0) /* a power of two, or the first: full */
            p->numbered = mem_realloc(p->numbered, (c->number ? c->number * 2u : 1) * sizeof(struct client *));
    }
    p->numbered[c->number] = c;
}

static void give_number(struct push *p, const struct client *c) {
    p->numbered[c->number] = NULL;
    bits_add(&p->free, c->number);
}

static struct client *client_of(struct push *p, struct ads_stream *s) {
    struct client *c = ads_stream_user(s);
    if (c)
        return c;
    c = mem_new(struct client);
    c->stream = s;
    list_init(&c->subs);
    list_push(&p->streams, &c->node);
    take_number(p, c);
    p->n_streams++;
    ads_stream_set_user(s, c);
    return c;
}

static void set_wild(struct push *p, struct client *c, enum xds_type type, bool on) {
    unsigned bit = 1u << type;
    struct entry *en;
    if (on == ((c->wild & bit) != 0))
        return;
    c->wild ^= bit;
    if (on)
        p->wild[c->who][type]++;
    else if (!--p->wild[c->who][type])
        MAP_FOR (&p->entries[c->who][type], NULL, en) {
            struct group *g = en->group;
            if (en->n_subs)
                continue;
            drop_entry(p, en);
            settle_group(p, g);
        }
}

static void subscribed(void *ctx, struct ads_stream *s, enum xds_type type, struct str name, bool all, bool on) {
    struct push *p = ctx;
    struct client *c = client_of(p, s);
    if (all) {
        set_wild(p, c, type, on);
    } else if (on) {
        struct entry *en = need_entry(p, c->who, type, name);
        bits_add(&en->subs, c->number);
        en->n_subs++;
    } else {
        struct entry *en = map_get(&p->entries[c->who][type], name);
        bits_remove(&en->subs, c->number);
        one_less(p, en);
    }
}

/* ---- who they are ---- */

static bool parse_address(struct str text, struct addr *at) {
    return addr_parse(at, text, NULL) >= 0 && addr_port(at);
}

/* A foreign proxy with an app is an endpoint, as a sidecar with a Session is. */
static int join(struct push *p, struct client *c, const struct ads_node *n, struct err *e) {
    struct addr app, inbound;
    char app_ip[ADDR_TEXT], inbound_ip[ADDR_TEXT];
    if (!p->peers.join || !n->app.len)
        return 0;
    if (!parse_address(n->app, &app) || !parse_address(n->inbound, &inbound))
        return err_set(e, WEFT_E_INVALID, "node: WEFT_APP and WEFT_INBOUND must be IP:PORT");
    const struct hello h = {.id = n->instance.len ? n->instance : n->id,
                            .service = n->service,
                            .ns = n->ns,
                            .app_ip = str_of(addr_ip_text(&app, app_ip)),
                            .app_port = addr_port(&app),
                            .inbound_ip = str_of(addr_ip_text(&inbound, inbound_ip)),
                            .inbound_port = addr_port(&inbound),
                            .protocol = n->protocol,
                            .boot_id = ~p->joined++, /* a proxy's own are random */
                            .version = n->agent};
    return p->peers.join(p->peers.ctx, &h, &c->peer, e);
}

static char *own_entry(struct push *p, struct client *c, enum xds_type type, struct str name) {
    add_own_sub(need_entry(p, c->who, type, name), c);
    return mem_strdup(name);
}

static void add_own(struct push *p, struct client *c, const struct ads_node *n) {
    struct arena a = {0};
    if (n->app.len) {
        c->inbound = own_entry(p, c, XDS_LISTENER,
                               arena_fmt(&a, "inbound%s|" STR_FMT "/" STR_FMT "|" STR_FMT "|" STR_FMT,
                                         str_eq(n->protocol, STR("tcp")) ? "-tcp" : "", STR_ARG(n->ns), STR_ARG(n->service),
                                         STR_ARG(n->inbound), STR_ARG(n->app)));
        c->app = own_entry(
            p, c, XDS_CLUSTER,
            arena_fmt(&a, "inbound|" STR_FMT "/" STR_FMT "|" STR_FMT, STR_ARG(n->ns), STR_ARG(n->service), STR_ARG(n->app)));
    }
    if (n->outbound.len)
        c->outbound =
            own_entry(p, c, XDS_LISTENER, arena_fmt(&a, "outbound|" STR_FMT "|" STR_FMT, STR_ARG(n->ns), STR_ARG(n->outbound)));
    arena_fini(&a);
}

static void add_secrets(struct client *c, struct str dir) {
    struct secret *own = secret_new(), *ca = secret_new();
    own->name = STR("default");
    own->cert_file = arena_fmt(&own->ref.mem, STR_FMT "/cert.pem", STR_ARG(dir));
    own->key_file = arena_fmt(&own->ref.mem, STR_FMT "/key.pem", STR_ARG(dir));
    ca->name = STR("ROOTCA");
    ca->ca_file = arena_fmt(&ca->ref.mem, STR_FMT "/ca.pem", STR_ARG(dir));
    own->watched = ca->watched = dir;
    c->secrets[0] = xds_encode_secret(own);
    c->secrets[1] = xds_encode_secret(ca);
    ref_put(own);
    ref_put(ca);
}

static int take_foreign(struct push *p, struct client *c, const struct ads_node *n, struct err *e) {
    if (n->app.len || n->outbound.len) {
        if (check_name(n->service, e) < 0 || check_name(n->ns, e) < 0)
            return err_in(e, "node: cluster and NAMESPACE");
    }
    int rc = join(p, c, n, e);
    if (rc < 0 || c->who != FOR_ENVOY)
        return rc;
    add_own(p, c, n);
    if (n->certificates.len && n->certificates.len <= PATH_MAX_LEN)
        add_secrets(c, n->certificates);
    return 0;
}

static void forget_client(struct push *p, struct client *c) {
    char *const texts[] = {c->service, c->ns, c->agent, c->inbound, c->outbound, c->app};
    for (int t = 0; t < XDS_TYPES; t++)
        set_wild(p, c, (enum xds_type)t, false);
    while (!list_empty(&c->subs))
        drop_own_sub(p, list_entry(c->subs.next, struct sub, of_client));
    if (c->peer)
        p->peers.part(&c->peer);
    list_remove(&c->node);
    give_number(p, c);
    p->n_streams--;
    ads_stream_set_user(c->stream, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (int t = 0; t < XDS_TYPES; t++)
        free(c->told[t].why);
    ref_put(c->secrets[0]);
    ref_put(c->secrets[1]);
    free(c);
}

static int node(void *ctx, struct ads_stream *s, const struct ads_node *n, struct err *e) {
    struct push *p = ctx;
    struct client *c = client_of(p, s);
    c->who = compile_for_agent(n->agent);
    c->service = mem_strdup(str_first(n->service, 63));
    c->ns = mem_strdup(str_first(n->ns, 63));
    c->agent = mem_strdup(str_first(n->agent, 63));
    if (c->who == FOR_WEFT || take_foreign(p, c, n, e) >= 0)
        return 0;
    forget_client(p, c); /* it is refused, and will not be told closed */
    return WEFT_E_DENIED;
}

/* ---- what they say ---- */

static void nack(void *ctx, struct ads_stream *s, enum xds_type type, struct str message) {
    struct push *p = ctx;
    struct client *c = client_of(p, s);
    p->stats.nacks[type]++;
    c->told[type].nacks++;
    free(c->told[type].why);
    c->told[type].why = mem_strdup(str_first(message, NACK_MAX));
    log_warn(p->mesh->loop->log, STR_FMT " refused a configuration: " STR_FMT, STR_ARG(ads_stream_node(s)), STR_ARG(message));
}

static void acked(void *ctx, struct ads_stream *s, enum xds_type type) {
    struct client *c = client_of(ctx, s);
    c->told[type].acks++;
    free(c->told[type].why);
    c->told[type].why = NULL;
}

static void sent(void *ctx, struct ads_stream *s) {
    struct push *p = ctx;
    struct client *c = ads_stream_user(s);
    if (!c || !c->since)
        return;
    hist_add(&p->stats.converged, us_since(p, c->since));
    c->since = 0;
}

static void on_response(void *ctx, struct ads_stream *s, enum xds_type type, size_t octets) {
    hist_add(&((struct push *)ctx)->stats.size[type], octets);
}

static void on_expired(void *ctx, struct ads_stream *s, enum xds_type type) {
    ((struct push *)ctx)->stats.expired[type]++;
}

static void closed(void *ctx, struct ads_stream *s) {
    struct client *c = ads_stream_user(s);
    if (c)
        forget_client(ctx, c);
}

static json_t *told_json(const struct client *c) {
    static const char *const names[] = {[XDS_LISTENER] = "listeners",
                                        [XDS_ROUTE] = "routes",
                                        [XDS_CLUSTER] = "clusters",
                                        [XDS_ENDPOINT] = "endpoints",
                                        [XDS_SECRET] = "secrets"};
    json_t *o = json_object();
    for (int t = 0; t < XDS_TYPES; t++) {
        if (!c->told[t].acks && !c->told[t].nacks)
            continue;
        json_t *one = json_object();
        json_object_set_new(one, "acks", json_integer((json_int_t)c->told[t].acks));
        json_object_set_new(one, "nacks", json_integer((json_int_t)c->told[t].nacks));
        json_object_set_new(one, "error", c->told[t].why ? json_of_str(str_of(c->told[t].why)) : json_null());
        json_object_set_new(o, names[t], one);
    }
    return o;
}

json_t *push_clients(const struct push *p) {
    static const char *const kinds[] = {[FOR_WEFT] = "weft", [FOR_ENVOY] = "envoy", [FOR_GRPC] = "grpc"};
    json_t *rows = json_array();
    LIST_FOR (n, &p->streams) {
        const struct client *c = list_entry(n, struct client, node);
        json_t *o = json_object();
        bool refuses = false;
        for (int t = 0; t < XDS_TYPES; t++)
            refuses |= c->told[t].why != NULL;
        json_object_set_new(o, "node", json_of_str(ads_stream_node(c->stream)));
        json_object_set_new(o, "namespace", json_string(c->ns ? c->ns : ""));
        json_object_set_new(o, "service_name", json_string(c->service ? c->service : ""));
        json_object_set_new(o, "kind", json_string(kinds[c->who]));
        json_object_set_new(o, "agent", json_string(c->agent ? c->agent : ""));
        json_object_set_new(o, "status", json_string(refuses ? "refused" : "accepted"));
        json_object_set_new(o, "types", told_json(c));
        json_array_append_new(rows, o);
    }
    return rows;
}

struct ads_source push_source(struct push *p) {
    return (struct ads_source){.get = get,
                               .all = all,
                               .subscribed = subscribed,
                               .node = node,
                               .nack = nack,
                               .acked = acked,
                               .sent = sent,
                               .closed = closed,
                               .ctx = p,
                               .texts = &p->texts,
                               .response = on_response,
                               .expired = on_expired};
}

void push_init(struct push *p, struct mesh *m, struct reg *r) {
    *p = (struct push){.mesh = m, .reg = r};
    hist_init(&p->stats.converged, &hist_s);
    hist_init(&p->stats.queued, &hist_s);
    hist_init(&p->stats.debounced, &hist_s);
    for (int t = 0; t < XDS_TYPES; t++)
        hist_init(&p->stats.size[t], &hist_config);
    list_init(&p->dirty);
    list_init(&p->streams);
}

void push_fini(struct push *p) {
    struct entry *en;
    struct group *left;
    WEFT_ASSERT(list_empty(&p->streams));
    loop_timer_stop(p->mesh->loop, &p->timer);
    for (int i = 0; i < COMPILE_FORS * XDS_TYPES; i++) {
        struct map *of = &p->entries[i / XDS_TYPES][i % XDS_TYPES];
        MAP_FOR (of, NULL, en) {
            struct group *g = en->group;
            drop_entry(p, en);
            settle_group(p, g);
        }
        map_fini(of);
    }
    MAP_FOR (&p->groups, NULL, left) { /* touched for wildcards that are gone */
        settle_group(p, left);
    }
    map_fini(&p->groups);
    free(p->numbered);
    bits_fini(&p->free);
}
