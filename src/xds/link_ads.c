// SPDX-License-Identifier: Apache-2.0
/* The ADS client of a link, whichever of the two variants is spoken: what is wanted and held, when to ask, what a resource
 * becomes. */
#include "base/mem.h"
#include "xds/link_int.h"
#include "xds/pack.h"
#include "xds/unpack.h"

#define NACK_TEXT_MAX 2048u /* octets of the reasons in a NACK */
#define WILDCARD STR("*")

/* The order in which a new stream asks: what refers to others comes with them (§1.7). */
static const enum xds_type order[] = {XDS_CLUSTER, XDS_ENDPOINT, XDS_LISTENER, XDS_ROUTE, XDS_SECRET};

/* ---- names ---- */

struct link_name *link__name(struct link *l, enum xds_type type, struct str name) {
    struct link_name *n = map_get(&l->of[type].names, name);
    if (n)
        return n;
    n = mem_new(struct link_name);
    n->name = str_of(mem_strdup(name));
    map_put(&l->of[type].names, n->name, n);
    return n;
}

void link__keep(struct str *held, struct str value) {
    free((char *)held->ptr);
    *held = value.len ? str_of(mem_strdup(value)) : STR_NONE;
}

static void free_name(struct link_name *n) {
    list_remove(&n->due);
    free((char *)n->version.ptr);
    free((char *)n->name.ptr);
    free(n);
}

void link__forget(struct link *l, enum xds_type type, struct link_name *n) {
    map_del(&l->of[type].names, n->name);
    free_name(n);
}

bool link__wants(const struct link *l, enum xds_type type, struct str name) {
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

Ec__Node *link__node(struct arena *a, struct link *l) {
    if (l->node_sent)
        return NULL;
    l->node_sent = true;
    return pack_node(a, l);
}

void link__send(struct arena *a, struct link *l, const void *m) {
    call_send(l->ads, pack_msg(a, m));
    arena_fini(a);
}

static void send_due(struct task *task) {
    struct link *l = container_of(task, struct link, requests);
    for (size_t i = 0; l->ads && !l->stopping && i < XDS_TYPES; i++) {
        struct link_ads *t = &l->of[order[i]];
        if (list_empty(&t->due))
            continue;
        if (t->started)
            l->wire->changes(l, order[i]);
        else
            l->wire->first(l, order[i]);
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
        link__keep(&l->of[order[i]].nonce, STR_NONE); /* it dies with the stream */
        MAP_FOR (&l->of[order[i]].names, NULL, n) {
            if (!n->wanted && n->asked) /* nobody is left to be told */
                link__forget(l, order[i], n);
            else
                any |= n->wanted;
        }
        if (any)
            l->wire->first(l, order[i]);
    }
}

void link_subscribe(struct link *l, enum xds_type type, struct str name) {
    struct link_name *n = link__name(l, type, name);
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
    link__keep(&n->version, STR_NONE);
    if (n->asked)
        put_due(l, type, n);
    else
        link__forget(l, type, n);
}

void link_held(struct link *l, enum xds_type type, struct str name, struct str version) {
    link__keep(&link__name(l, type, name)->version, version);
}

void link__ads_fini(struct link *l) {
    loop_later_cancel(&l->requests);
    for (int type = 0; type < XDS_TYPES; type++) {
        struct link_name *n;
        MAP_FOR (&l->of[type].names, NULL, n)
            free_name(n);
        free((char *)l->of[type].version.ptr);
        free((char *)l->of[type].nonce.ptr);
        map_fini(&l->of[type].names);
    }
}

/* ---- responses ---- */

void link__reject(struct link_reasons *r, struct str name, const struct err *e) {
    if (r->n++ == 0 || r->text.len < NACK_TEXT_MAX)
        buf_fmt(&r->text, "%s" STR_FMT ": %s", r->n > 1 ? "; " : "", STR_ARG(name), e->msg);
}

/* Decodes and hands over; what was held stays when it fails. */
static int take_resource(struct link *l, enum xds_type type, struct str name, const Google__Protobuf__Any *w, struct err *e) {
    void *resource;
    if (!str_eq(str_of(w->type_url), xds_type_url(type)))
        return err_set(e, WEFT_E_INVALID, "a resource of type \"%s\"", w->type_url);
    int r = xds_decode(type, str_n(w->value.data, w->value.len), &resource, e);
    if (r < 0)
        return r;
    if (!str_eq(xds_resource_name(type, resource), name))
        r = err_set(e, WEFT_E_INVALID, "the resource in it has another name");
    else if (l->cfg.cb.on_resource)
        r = l->cfg.cb.on_resource(l->cfg.ctx, type, name, resource, e);
    ref_put(resource);
    return r;
}

void link__take(struct link *l, enum xds_type type, const struct link_resource *r, struct map *seen, struct link_reasons *bad) {
    struct err e = {0};
    int rc;
    if (!link__wants(l, type, r->name))
        return; /* it was unsubscribed from in the meantime */
    if (map_put(seen, r->name, l))
        rc = err_set(&e, WEFT_E_INVALID, "is there twice");
    else
        rc = take_resource(l, type, r->name, r->any, &e);
    if (rc < 0)
        link__reject(bad, r->name, &e);
    else if (link__wants(l, type, r->name)) /* still */
        link__keep(&link__name(l, type, r->name)->version, r->version);
}

void link__gone(struct link *l, enum xds_type type, struct str name) {
    struct link_name *n = map_get(&l->of[type].names, name);
    if (n) {
        link__keep(&n->version, STR_NONE);
        n->gone_in = l->told + 1;
    }
    if (n && !n->wanted)
        link__forget(l, type, n); /* known by wildcard only */
    if (l->cfg.cb.on_removed)
        l->cfg.cb.on_removed(l->cfg.ctx, type, name);
}

/* Nothing is known of the resource but that: what is not found is gone, what else is wrong may pass (gRFC A88). */
static void take_error(struct link *l, enum xds_type type, const Ed__ResourceError *w) {
    struct arena a = {0}; /* a name may be forgotten with its end */
    struct err why;
    int status = w->error_detail ? w->error_detail->code : GRPC_UNKNOWN;
    struct str name = arena_dup(&a, str_of(w->resource_name ? w->resource_name->name : ""));
    if (name.len && link__wants(l, type, name)) {
        err_set(&why, status == GRPC_NOT_FOUND ? WEFT_E_NOT_FOUND : WEFT_E_UNAVAILABLE, "%s: %s", grpc_status_name(status),
                w->error_detail ? w->error_detail->message : "");
        const struct link_name *n = map_get(&l->of[type].names, name);
        if (status == GRPC_NOT_FOUND && n && n->gone_in != l->told + 1) /* else the response has said so already */
            link__gone(l, type, name);
        if (l->cfg.cb.on_missing && !l->stopping)
            l->cfg.cb.on_missing(l->cfg.ctx, type, name, &why);
    }
    arena_fini(&a);
}

void link__missing(struct link *l, enum xds_type type, Ed__ResourceError *const *errors, size_t n) {
    for (size_t i = 0; i < n && !l->stopping; i++)
        take_error(l, type, errors[i]);
}

/* What a response brought has been told: now what follows from all of it. */
void link__told(struct link *l, enum xds_type type) {
    l->told++;
    if (l->cfg.cb.on_answer && !l->stopping)
        l->cfg.cb.on_answer(l->cfg.ctx, type);
    if (l->cfg.cb.on_response && !l->stopping)
        l->cfg.cb.on_response(l->cfg.ctx);
}

int link__type(struct str url, struct link_reasons *bad) {
    struct err e;
    int type = xds_type_of_url(url);
    if (type < 0) {
        err_set(&e, WEFT_E_UNSUPPORTED, "no such type");
        link__reject(bad, url, &e);
    }
    return type;
}

Rpc__Status *link__reason(struct arena *a, const struct link_reasons *bad) {
    if (!bad->n)
        return NULL;
    Rpc__Status *s = PACK_NEW(a, rpc__status);
    s->code = GRPC_INVALID_ARGUMENT;
    s->message = pack_str(a, buf_str(&bad->text));
    return s;
}

void link__ads_message(struct call *c, struct str msg) {
    struct link *l = c->user;
    struct err e = {0};
    if (l->stopping)
        return;
    l->backoff = 0; /* it works (gRFC A57) */
    if (l->wire->message(l, msg, &e) < 0)
        link__broken(l, e.code, "ADS response", str_of(e.msg)); /* without a nonce there is nothing to NACK */
}
