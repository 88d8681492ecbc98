// SPDX-License-Identifier: Apache-2.0
/* The ADS client of a link. */
#include "base/mem.h"
#include "discovery.pb-c.h"
#include "xds/link_int.h"
#include "xds/pack.h"
#include "xds/unpack.h"

#define NACK_TEXT_MAX 2048u /* octets of the reasons in a NACK */
#define WILDCARD STR("*")

/* The order in which a new stream asks: what refers to others comes with them (§1.7). */
static const enum xds_type order[] = {XDS_CLUSTER, XDS_ENDPOINT, XDS_LISTENER, XDS_ROUTE, XDS_SECRET};

/* ---- names ---- */

static struct link_name *find_or_add(struct link *l, enum xds_type type, struct str name) {
    struct link_name *n = map_get(&l->of[type].names, name);
    if (n)
        return n;
    n = mem_new(struct link_name);
    n->name = str_of(mem_strdup(name));
    map_put(&l->of[type].names, n->name, n);
    return n;
}

static void set_version(struct link_name *n, struct str version) {
    free((char *)n->version.ptr);
    n->version = version.len ? str_of(mem_strdup(version)) : STR_NONE;
}

static void free_name(struct link_name *n) {
    list_remove(&n->due);
    free((char *)n->version.ptr);
    free((char *)n->name.ptr);
    free(n);
}

static void forget(struct link *l, enum xds_type type, struct link_name *n) {
    map_del(&l->of[type].names, n->name);
    free_name(n);
}

static bool wants(const struct link *l, enum xds_type type, struct str name) {
    const struct link_name *n = map_get(&l->of[type].names, name);
    if (n && n->wanted)
        return true;
    const struct link_name *all = map_get(&l->of[type].names, WILDCARD);
    return all && all->wanted;
}

/* ---- requests ---- */

/* The bootstrap's own node, and beside it what speaks for it. */
static Ec__Node *foreign_node(struct arena *a, const struct link *l) {
    struct unpack u;
    Ec__Node *w = PACK_NEW(a, ec__node), *given;
    unpack_init(&u, a, NULL);
    if (unpack_msg(&u, &ec__node__descriptor, l->cfg.foreign, &given) >= 0) {
        w->id = pack_str(a, str_of(given->id));
        w->cluster = pack_str(a, str_of(given->cluster));
    }
    unpack_fini(&u);
    w->user_agent_name = (char *)"weft";
    w->user_agent_version_type_case = EC__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
    w->user_agent_version = (char *)WEFT_VERSION;
    return w;
}

static Ec__Node *pack_node(struct arena *a, const struct link *l) {
    if (l->cfg.foreign.ptr)
        return foreign_node(a, l);
    Ec__Node *w = PACK_NEW(a, ec__node);
    w->id = pack_str(a, l->cfg.node.id);
    w->cluster = pack_str(a, l->cfg.node.service);
    w->metadata = PACK_NEW(a, google__protobuf__struct);
    pack_text(a, w->metadata, "NAMESPACE", l->cfg.node.ns);
    pack_text(a, w->metadata, "SERVICE", l->cfg.node.service);
    pack_text(a, w->metadata, "WEFT_VERSION", l->cfg.hello.version);
    w->user_agent_name = (char *)"weft";
    w->user_agent_version_type_case = EC__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
    w->user_agent_version = pack_str(a, l->cfg.hello.version);
    return w;
}

static Ed__DeltaDiscoveryRequest *new_request(struct arena *a, struct link *l, enum xds_type type) {
    Ed__DeltaDiscoveryRequest *m = PACK_NEW(a, ed__delta_discovery_request);
    m->type_url = pack_str(a, xds_type_url(type));
    if (!l->node_sent)
        m->node = pack_node(a, l); /* once a stream */
    l->node_sent = true;
    return m;
}

static void send_request(struct arena *a, struct link *l, const Ed__DeltaDiscoveryRequest *m) {
    call_send(l->ads, pack_msg(a, m));
    arena_fini(a);
}

static void add_held(struct arena *a, Ed__DeltaDiscoveryRequest *m, const struct link_name *n) {
    Ed__DeltaDiscoveryRequest__InitialResourceVersionsEntry *entry =
        PACK_NEW(a, ed__delta_discovery_request__initial_resource_versions_entry);
    entry->key = pack_str(a, n->name);
    entry->value = pack_str(a, n->version);
    m->initial_resource_versions[m->n_initial_resource_versions++] = entry;
}

/* The first request of a type on a stream: all that is wanted, and what is held of it. */
static void send_first(struct link *l, enum xds_type type) {
    struct link_ads *t = &l->of[type];
    struct arena a = {0};
    struct link_name *n;
    Ed__DeltaDiscoveryRequest *m = new_request(&a, l, type);
    m->resource_names_subscribe = pack_array(&a, t->names.len);
    m->initial_resource_versions = pack_array(&a, t->names.len);
    MAP_FOR (&t->names, NULL, n) {
        list_remove(&n->due);
        n->asked = n->wanted;
        if (n->wanted)
            m->resource_names_subscribe[m->n_resource_names_subscribe++] = pack_str(&a, n->name);
        if (n->version.len && wants(l, type, n->name))
            add_held(&a, m, n);
    }
    t->started = true;
    send_request(&a, l, m);
}

static void send_changes(struct link *l, enum xds_type type) {
    struct link_ads *t = &l->of[type];
    struct arena a = {0};
    struct list *at;
    Ed__DeltaDiscoveryRequest *m = new_request(&a, l, type);
    m->resource_names_subscribe = pack_array(&a, t->names.len);
    m->resource_names_unsubscribe = pack_array(&a, t->names.len);
    while ((at = list_pop(&t->due))) {
        struct link_name *n = list_entry(at, struct link_name, due);
        n->asked = n->wanted;
        if (n->wanted) {
            m->resource_names_subscribe[m->n_resource_names_subscribe++] = pack_str(&a, n->name);
        } else {
            m->resource_names_unsubscribe[m->n_resource_names_unsubscribe++] = pack_str(&a, n->name);
            forget(l, type, n);
        }
    }
    send_request(&a, l, m);
}

static void send_due(struct task *task) {
    struct link *l = container_of(task, struct link, requests);
    for (size_t i = 0; l->ads && !l->stopping && i < XDS_TYPES; i++) {
        struct link_ads *t = &l->of[order[i]];
        if (list_empty(&t->due))
            continue;
        if (t->started)
            send_changes(l, order[i]);
        else
            send_first(l, order[i]);
    }
}

static void put_due(struct link *l, enum xds_type type, struct link_name *n) {
    struct list *due = &l->of[type].due;
    if (!due->next)
        list_init(due);
    if (!list_linked(&n->due))
        list_push(due, &n->due);
    if (l->ads)
        loop_later(l->loop, &l->requests, send_due);
}

void link__ads_start(struct link *l) {
    l->node_sent = false;
    for (size_t i = 0; i < XDS_TYPES; i++) {
        struct link_name *n;
        bool any = false;
        l->of[order[i]].started = false;
        MAP_FOR (&l->of[order[i]].names, NULL, n) {
            if (!n->wanted && n->asked) /* nobody is left to be told */
                forget(l, order[i], n);
            else
                any |= n->wanted;
        }
        if (any)
            send_first(l, order[i]);
    }
}

void link_subscribe(struct link *l, enum xds_type type, struct str name) {
    struct link_name *n = find_or_add(l, type, name);
    if (n->wanted)
        return;
    n->wanted = true;
    put_due(l, type, n);
}

void link_unsubscribe(struct link *l, enum xds_type type, struct str name) {
    struct link_name *n = map_get(&l->of[type].names, name);
    if (!n || !n->wanted)
        return;
    n->wanted = false;
    set_version(n, STR_NONE);
    if (n->asked)
        put_due(l, type, n);
    else
        forget(l, type, n);
}

void link_held(struct link *l, enum xds_type type, struct str name, struct str version) {
    set_version(find_or_add(l, type, name), version);
}

void link__ads_fini(struct link *l) {
    loop_later_cancel(&l->requests);
    for (int type = 0; type < XDS_TYPES; type++) {
        struct link_name *n;
        MAP_FOR (&l->of[type].names, NULL, n)
            free_name(n);
        map_fini(&l->of[type].names);
    }
}

/* ---- responses ---- */

struct reasons { /* of a NACK */
    struct buf text;
    unsigned n;
};

static void reject(struct reasons *r, const char *name, const struct err *e) {
    if (r->n++ == 0 || r->text.len < NACK_TEXT_MAX)
        buf_fmt(&r->text, "%s%s: %s", r->n > 1 ? "; " : "", name, e->msg);
}

/* Decodes and hands over; what was held stays when it fails. */
static int take_resource(struct link *l, enum xds_type type, const Ed__Resource *w, struct err *e) {
    void *resource;
    struct str name = str_of(w->name);
    if (!str_eq(str_of(w->resource->type_url), xds_type_url(type)))
        return err_set(e, WEFT_E_INVALID, "a resource of type \"%s\"", w->resource->type_url);
    int r = xds_decode(type, str_n(w->resource->value.data, w->resource->value.len), &resource, e);
    if (r < 0)
        return r;
    if (!str_eq(xds_resource_name(type, resource), name))
        r = err_set(e, WEFT_E_INVALID, "the resource in it has another name");
    else if (l->cfg.cb.on_resource)
        r = l->cfg.cb.on_resource(l->cfg.ctx, type, name, resource, e);
    ref_put(resource);
    return r;
}

static void take_resources(struct link *l, enum xds_type type, const Ed__DeltaDiscoveryResponse *m, struct reasons *bad) {
    struct map seen = {0};
    for (size_t i = 0; i < m->n_resources && !l->stopping; i++) {
        const Ed__Resource *w = m->resources[i];
        struct err e = {0};
        int r = 0;
        if (!w->resource || !wants(l, type, str_of(w->name)))
            continue; /* a heartbeat, or one that was unsubscribed from in the meantime */
        if (map_put(&seen, str_of(w->name), l))
            r = err_set(&e, WEFT_E_INVALID, "is there twice");
        else
            r = take_resource(l, type, w, &e);
        if (r < 0)
            reject(bad, w->name, &e);
        else if (wants(l, type, str_of(w->name)))
            set_version(find_or_add(l, type, str_of(w->name)), str_of(w->version));
    }
    map_fini(&seen);
}

static void take_removed(struct link *l, enum xds_type type, const Ed__DeltaDiscoveryResponse *m) {
    for (size_t i = 0; i < m->n_removed_resources && !l->stopping; i++) {
        struct str name = str_of(m->removed_resources[i]);
        struct link_name *n = map_get(&l->of[type].names, name);
        if (!wants(l, type, name))
            continue;
        if (n)
            set_version(n, STR_NONE);
        if (n && !n->wanted)
            forget(l, type, n); /* known by wildcard only */
        if (l->cfg.cb.on_removed)
            l->cfg.cb.on_removed(l->cfg.ctx, type, name);
    }
}

static void answer(struct link *l, const Ed__DeltaDiscoveryResponse *of, const struct reasons *bad) {
    struct arena a = {0};
    Ed__DeltaDiscoveryRequest *m = PACK_NEW(&a, ed__delta_discovery_request);
    m->type_url = of->type_url;
    m->response_nonce = of->nonce;
    if (bad->n) {
        m->error_detail = PACK_NEW(&a, rpc__status);
        m->error_detail->code = GRPC_INVALID_ARGUMENT;
        m->error_detail->message = pack_str(&a, buf_str(&bad->text));
    }
    send_request(&a, l, m);
}

static void take_response(struct link *l, const Ed__DeltaDiscoveryResponse *m) {
    struct reasons bad = {0};
    int type = xds_type_of_url(str_of(m->type_url));
    if (type < 0) {
        struct err e;
        err_set(&e, WEFT_E_UNSUPPORTED, "no such type");
        reject(&bad, m->type_url, &e);
    } else {
        take_resources(l, (enum xds_type)type, m, &bad);
        take_removed(l, (enum xds_type)type, m);
        if (l->cfg.cb.on_answer && !l->stopping)
            l->cfg.cb.on_answer(l->cfg.ctx, (enum xds_type)type);
        if (l->cfg.cb.on_response && !l->stopping)
            l->cfg.cb.on_response(l->cfg.ctx);
    }
    if (l->ads && !l->stopping)
        answer(l, m, &bad);
    buf_fini(&bad.text);
}

void link__ads_message(struct call *c, struct str msg) {
    struct link *l = c->user;
    struct unpack u;
    struct err e = {0};
    Ed__DeltaDiscoveryResponse *m;
    if (l->stopping)
        return;
    l->backoff = 0; /* it works (gRFC A57) */
    unpack_init(&u, NULL, &e);
    if (unpack_msg(&u, &ed__delta_discovery_response__descriptor, msg, &m) < 0)
        link__broken(l, e.code, "ADS response", str_of(e.msg)); /* without a nonce there is nothing to NACK */
    else
        take_response(l, m);
    unpack_fini(&u);
}
