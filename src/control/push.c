// SPDX-License-Identifier: Apache-2.0
#include "control/push.h"
#include "base/mem.h"

struct group { /* the entries of one service; "" for those of none */
    char *key;
    struct list entries, node;
    unsigned types; /* that may have changed, as bits */
    bool known;     /* as of the last compilation */
};
struct entry {
    struct group *group;
    enum xds_type type;
    char *name;
    struct list node;
    struct xds_resource *resource; /* NULL: there is none */
    bool compiled;                 /* once; from then on it changes at flushes only */
    struct list subs;
    unsigned n_subs;
};
struct client { /* one stream */
    struct ads_stream *stream;
    struct list node, subs;
    unsigned wild; /* types with a wildcard, as bits */
    bool flush;
};
struct sub { /* one client wants one entry */
    struct entry *entry;
    struct client *client;
    struct list of_entry, of_client;
};

/* ---- entries ---- */

static struct str group_of(struct str name) {
    struct compile_name n;
    return compile_name_parse(&n, name) ? n.service : STR_NONE;
}

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

static struct entry *need_entry(struct push *p, enum xds_type type, struct str name) {
    struct entry *en = map_get(&p->entries[type], name);
    if (en)
        return en;
    en = mem_new(struct entry);
    en->group = need_group(p, group_of(name));
    en->type = type;
    en->name = mem_strdup(name);
    list_init(&en->subs);
    list_push(&en->group->entries, &en->node);
    map_put(&p->entries[type], name, en);
    return en;
}

static void drop_entry(struct push *p, struct entry *en) {
    map_del(&p->entries[en->type], str_of(en->name));
    list_remove(&en->node);
    ref_put(en->resource);
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
    return en->n_subs || p->wild[en->type];
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
    void *model = compile_resource(p->mesh, p->reg, en->type, str_of(en->name));
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

static void tell(struct push *p, struct entry *en) {
    p->stats.pushes[en->type] += en->n_subs;
    LIST_FOR (n, &en->subs) {
        struct client *c = list_entry(n, struct sub, of_entry)->client;
        ads_stream_dirty(c->stream, en->type, str_of(en->name));
        c->flush = true;
    }
    if (!p->wild[en->type])
        return;
    LIST_FOR (n, &p->streams) {
        struct client *c = list_entry(n, struct client, node);
        if (!(c->wild & 1u << en->type))
            continue;
        ads_stream_dirty(c->stream, en->type, str_of(en->name));
        c->flush = true;
    }
}

/* Wildcard subscribers learn of services that nobody has named yet. */
static void add_wild_entries(struct push *p, struct group *g) {
    for (int t = 0; t < XDS_TYPES; t++)
        if (p->wild[t] && t != XDS_LISTENER)
            need_entry(p, (enum xds_type)t, str_of(g->key));
}

static void flush_group(struct push *p, struct group *g) {
    unsigned types = g->types;
    bool known = g->key[0] && compile_known(p->mesh, p->reg, str_of(g->key));
    g->types = 0;
    list_remove(&g->node);
    if (known != g->known)
        types = PUSH_ALL;
    g->known = known;
    if (g->key[0])
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

static void on_timer(struct timer *t) {
    struct push *p = container_of(t, struct push, timer);
    p->first = 0;
    while (!list_empty(&p->dirty))
        flush_group(p, list_entry(p->dirty.next, struct group, node));
    LIST_FOR (n, &p->streams) {
        struct client *c = list_entry(n, struct client, node);
        if (c->flush)
            ads_stream_flush(c->stream);
        c->flush = false;
    }
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
    g->types |= types;
    if (!list_linked(&g->node))
        list_push(&p->dirty, &g->node);
    schedule(p);
}

void push_touch(struct push *p, struct str service, unsigned types) {
    struct group *g = map_get(&p->groups, service);
    bool wild = false;
    for (int t = 0; t < XDS_TYPES; t++)
        wild |= p->wild[t] > 0;
    if (!g && wild) {
        g = need_group(p, service);
        g->known = false;
    }
    if (g)
        mark(p, g, types);
}

void push_touch_all(struct push *p, unsigned types) {
    struct group *g;
    MAP_FOR (&p->groups, NULL, g) {
        mark(p, g, types);
    }
}

/* ---- the ADS server's questions ---- */

static struct xds_resource *get(void *ctx, enum xds_type type, struct str name) {
    struct push *p = ctx;
    struct entry *en = need_entry(p, type, name);
    /* A marked one stays as it is until the flush, which compares it with what subscribers have. */
    if (!en->compiled)
        refresh(p, en);
    if (!wanted(p, en))
        mark(p, en->group, 0); /* asked for by a stream that takes its leave: goes at the flush */
    return en->resource;
}

struct each {
    struct push *push;
    enum xds_type type;
    void (*each)(void *arg, struct xds_resource *r);
    void *arg;
};

static void give_service(void *ctx, struct str service) {
    struct each *e = ctx;
    struct xds_resource *r = get(e->push, e->type, service);
    if (r)
        e->each(e->arg, r);
}

static void all(void *ctx, enum xds_type type, void (*each)(void *arg, struct xds_resource *r), void *arg) {
    struct push *p = ctx;
    struct each e = {p, type, each, arg};
    struct str key;
    struct mesh_service *s;
    if (type == XDS_LISTENER || type == XDS_SECRET)
        return; /* listeners belong to one sidecar each, which asks by name */
    reg_each(p->reg, give_service, &e);
    MAP_FOR (&p->mesh->services, &key, s) {
        if (s->rules.len && !reg_has(p->reg, key))
            give_service(&e, key);
    }
}

static void add_sub(struct entry *en, struct client *c) {
    struct sub *sub = mem_new(struct sub);
    sub->entry = en;
    sub->client = c;
    list_push(&en->subs, &sub->of_entry);
    list_push(&c->subs, &sub->of_client);
    en->n_subs++;
}

static void drop_sub(struct push *p, struct sub *sub) {
    struct entry *en = sub->entry;
    list_remove(&sub->of_entry);
    list_remove(&sub->of_client);
    free(sub);
    if (--en->n_subs || wanted(p, en))
        return;
    struct group *g = en->group;
    drop_entry(p, en);
    settle_group(p, g);
}

static void unsubscribe(struct push *p, struct entry *en, struct client *c) {
    LIST_FOR (n, &en->subs) {
        struct sub *sub = list_entry(n, struct sub, of_entry);
        if (sub->client == c) {
            drop_sub(p, sub);
            return;
        }
    }
}

static struct client *client_of(struct push *p, struct ads_stream *s) {
    struct client *c = ads_stream_user(s);
    if (c)
        return c;
    c = mem_new(struct client);
    c->stream = s;
    list_init(&c->subs);
    list_push(&p->streams, &c->node);
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
        p->wild[type]++;
    else if (!--p->wild[type])
        MAP_FOR (&p->entries[type], NULL, en) {
            struct group *g = en->group;
            if (en->n_subs)
                continue;
            drop_entry(p, en);
            settle_group(p, g);
        }
}

static void subscribed(void *ctx, struct ads_stream *s, enum xds_type type, struct str name, bool on) {
    struct push *p = ctx;
    struct client *c = client_of(p, s);
    if (str_eq(name, STR("*"))) {
        set_wild(p, c, type, on);
    } else if (on) {
        add_sub(need_entry(p, type, name), c);
    } else {
        struct entry *en = map_get(&p->entries[type], name);
        if (en)
            unsubscribe(p, en, c);
    }
}

static int node(void *ctx, struct ads_stream *s, struct str node_id, struct str service, struct str ns, struct err *e) {
    client_of(ctx, s);
    return 0;
}

static void nack(void *ctx, struct ads_stream *s, enum xds_type type, struct str message) {
    struct push *p = ctx;
    p->stats.nacks[type]++;
    log_warn(p->mesh->loop->log, STR_FMT " refused a configuration: " STR_FMT, STR_ARG(ads_stream_node(s)), STR_ARG(message));
}

static void acked(void *ctx, struct ads_stream *s, enum xds_type type) {
}

static void closed(void *ctx, struct ads_stream *s) {
    struct push *p = ctx;
    struct client *c = ads_stream_user(s);
    if (!c)
        return;
    for (int t = 0; t < XDS_TYPES; t++)
        set_wild(p, c, (enum xds_type)t, false);
    while (!list_empty(&c->subs))
        drop_sub(p, list_entry(c->subs.next, struct sub, of_client));
    list_remove(&c->node);
    p->n_streams--;
    ads_stream_set_user(s, NULL);
    free(c);
}

struct ads_source push_source(struct push *p) {
    return (struct ads_source){
        .get = get, .all = all, .subscribed = subscribed, .node = node, .nack = nack, .acked = acked, .closed = closed, .ctx = p};
}

void push_init(struct push *p, struct mesh *m, struct reg *r) {
    *p = (struct push){.mesh = m, .reg = r};
    list_init(&p->dirty);
    list_init(&p->streams);
}

void push_fini(struct push *p) {
    struct entry *en;
    struct group *left;
    WEFT_ASSERT(list_empty(&p->streams));
    loop_timer_stop(p->mesh->loop, &p->timer);
    for (int t = 0; t < XDS_TYPES; t++) {
        MAP_FOR (&p->entries[t], NULL, en) {
            struct group *g = en->group;
            drop_entry(p, en);
            settle_group(p, g);
        }
        map_fini(&p->entries[t]);
    }
    MAP_FOR (&p->groups, NULL, left) { /* touched for wildcards that are gone */
        settle_group(p, left);
    }
    map_fini(&p->groups);
}
