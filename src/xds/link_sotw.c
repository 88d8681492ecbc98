// SPDX-License-Identifier: Apache-2.0
/* State-of-the-world ADS: each request names all that is wanted, and a response about listeners or clusters is all that there is
 * of them (xds.md §1.4). */
#include "discovery.pb-c.h"
#include "xds/link_int.h"
#include "xds/pack.h"
#include "xds/unpack.h"

/* ---- requests ---- */

/* All that is wanted. Nothing but "*" is said by an empty list, which older servers know alone (§1.6). */
static void add_names(struct arena *a, Ed__DiscoveryRequest *m, struct link_ads *t) {
    struct link_name *n;
    m->resource_names = pack_array(a, t->names.len);
    MAP_FOR (&t->names, NULL, n)
        if (n->wanted)
            m->resource_names[m->n_resource_names++] = pack_str(a, n->name);
    if (m->n_resource_names == 1 && str_eq(str_of(m->resource_names[0]), STR("*")))
        m->n_resource_names = 0;
}

/* It says everything there is to say: nothing is due any more. */
static void send_all(struct link *l, enum xds_type type, const struct link_reasons *bad) {
    struct link_ads *t = &l->of[type];
    struct arena a = {0};
    struct link_name *n;
    Ed__DiscoveryRequest *m = PACK_NEW(&a, ed__discovery_request);
    m->node = link__node(&a, l);
    m->type_url = pack_str(&a, xds_type_url(type));
    m->version_info = pack_str(&a, t->version); /* the last that was accepted, whatever is answered */
    m->response_nonce = pack_str(&a, t->nonce);
    if (bad)
        m->error_detail = link__reason(&a, bad);
    add_names(&a, m, t);
    MAP_FOR (&t->names, NULL, n) {
        bool dropped = !n->wanted && n->asked;
        list_remove(&n->due);
        n->asked = n->wanted;
        if (dropped)
            link__forget(l, type, n);
    }
    t->started = true;
    link__send(&a, l, m);
}

static void send_request(struct link *l, enum xds_type type) {
    send_all(l, type, NULL);
}

/* ---- responses ---- */

/* The name: field 1 of each of them, also of one that cannot be decoded: that one is not gone, its last good form stays. */
static int name_of(struct unpack *u, const Google__Protobuf__Any *any, struct str *name) {
    Ed__ResourceName *w;
    int r = unpack_msg(u, &ed__resource_name__descriptor, str_n(any->value.data, any->value.len), &w);
    if (r >= 0)
        *name = str_of(w->name);
    return r >= 0 && !name->len ? err_set(u->e, WEFT_E_INVALID, "has no name") : r;
}

/* 1: each had a name. */
static int take_resources(struct link *l, enum xds_type type, const Ed__DiscoveryResponse *m, struct map *seen,
                          struct link_reasons *bad) {
    int all = 1;
    for (size_t i = 0; i < m->n_resources && !l->stopping; i++) {
        struct unpack u;
        struct err e = {0};
        struct link_resource r = {.any = m->resources[i], .version = str_of(m->version_info)};
        unpack_init(&u, NULL, &e);
        if (!r.version.len)
            r.version = STR("0"); /* it is held */
        if (name_of(&u, r.any, &r.name) >= 0) {
            link__take(l, type, &r, seen, bad);
        } else {
            link__reject(bad, STR("a resource"), &e);
            all = 0;
        }
        unpack_fini(&u);
    }
    return all;
}

/* What a complete answer does not hold is gone. */
static void take_absent(struct link *l, enum xds_type type, const struct map *seen) {
    struct arena a = {0}; /* a name may be forgotten with its end */
    struct link_name *n;
    MAP_FOR (&l->of[type].names, NULL, n)
        if (!l->stopping && (n->version.len || n->wanted) && !str_eq(n->name, STR("*")) && !map_has(seen, n->name))
            link__gone(l, type, arena_dup(&a, n->name));
    arena_fini(&a);
}

static void take_type(struct link *l, enum xds_type type, const Ed__DiscoveryResponse *m, struct link_reasons *bad) {
    struct map seen = {0};
    bool complete = type == XDS_LISTENER || type == XDS_CLUSTER;
    if (take_resources(l, type, m, &seen, bad) && complete)
        take_absent(l, type, &seen);
    map_fini(&seen);
    link__missing(l, type, m->resource_errors, m->n_resource_errors);
    link__keep(&l->of[type].nonce, str_of(m->nonce));
    if (!bad->n)
        link__keep(&l->of[type].version, str_of(m->version_info));
    link__told(l, type);
}

/* Of a type that was never asked for. */
static void refuse(struct link *l, const Ed__DiscoveryResponse *of, const struct link_reasons *bad) {
    struct arena a = {0};
    Ed__DiscoveryRequest *m = PACK_NEW(&a, ed__discovery_request);
    m->type_url = of->type_url;
    m->response_nonce = of->nonce;
    m->error_detail = link__reason(&a, bad);
    link__send(&a, l, m);
}

static void take_response(struct link *l, const Ed__DiscoveryResponse *m) {
    struct link_reasons bad = {0};
    int type = link__type(str_of(m->type_url), &bad);
    if (type >= 0)
        take_type(l, (enum xds_type)type, m, &bad);
    if (l->ads && !l->stopping && type >= 0)
        send_all(l, (enum xds_type)type, &bad);
    else if (l->ads && !l->stopping)
        refuse(l, m, &bad);
    buf_fini(&bad.text);
}

static int take_message(struct link *l, struct str msg, struct err *e) {
    struct unpack u;
    Ed__DiscoveryResponse *m;
    unpack_init(&u, NULL, e);
    int r = unpack_msg(&u, &ed__discovery_response__descriptor, msg, &m);
    if (r >= 0)
        take_response(l, m);
    unpack_fini(&u);
    return r;
}

const struct link_wire link__sotw = {LINK_SOTW_PATH, send_request, send_request, take_message};
