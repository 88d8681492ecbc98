// SPDX-License-Identifier: Apache-2.0
/* Incremental ADS: each response says what changed and what is gone (xds.md §1.5). */
#include "discovery.pb-c.h"
#include "xds/link_int.h"
#include "xds/pack.h"
#include "xds/unpack.h"

static Ed__DeltaDiscoveryRequest *new_request(struct arena *a, struct link *l, enum xds_type type) {
    Ed__DeltaDiscoveryRequest *m = PACK_NEW(a, ed__delta_discovery_request);
    m->type_url = pack_str(a, xds_type_url(type));
    m->node = link__node(a, l);
    return m;
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
        if (n->version.len && link__wants(l, type, n->name))
            add_held(&a, m, n);
    }
    t->started = true;
    link__send(&a, l, m);
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
            link__forget(l, type, n);
        }
    }
    link__send(&a, l, m);
}

static void take_resources(struct link *l, enum xds_type type, const Ed__DeltaDiscoveryResponse *m, struct link_reasons *bad) {
    struct map seen = {0};
    for (size_t i = 0; i < m->n_resources && !l->stopping; i++) {
        const Ed__Resource *w = m->resources[i];
        if (w->resource) /* else a heartbeat */
            link__take(l, type, &(struct link_resource){str_of(w->name), str_of(w->version), w->resource}, &seen, bad);
    }
    map_fini(&seen);
}

static void answer(struct link *l, const Ed__DeltaDiscoveryResponse *of, const struct link_reasons *bad) {
    struct arena a = {0};
    Ed__DeltaDiscoveryRequest *m = PACK_NEW(&a, ed__delta_discovery_request);
    m->type_url = of->type_url;
    m->response_nonce = of->nonce;
    m->error_detail = link__reason(&a, bad);
    link__send(&a, l, m);
}

static void take_response(struct link *l, const Ed__DeltaDiscoveryResponse *m) {
    struct link_reasons bad = {0};
    int type = link__type(str_of(m->type_url), &bad);
    if (type >= 0) {
        take_resources(l, (enum xds_type)type, m, &bad);
        for (size_t i = 0; i < m->n_removed_resources && !l->stopping; i++)
            if (link__wants(l, (enum xds_type)type, str_of(m->removed_resources[i])))
                link__gone(l, (enum xds_type)type, str_of(m->removed_resources[i]));
        link__missing(l, (enum xds_type)type, m->resource_errors, m->n_resource_errors);
        link__told(l, (enum xds_type)type);
    }
    if (l->ads && !l->stopping)
        answer(l, m, &bad);
    buf_fini(&bad.text);
}

static int take_message(struct link *l, struct str msg, struct err *e) {
    struct unpack u;
    Ed__DeltaDiscoveryResponse *m;
    unpack_init(&u, NULL, e);
    int r = unpack_msg(&u, &ed__delta_discovery_response__descriptor, msg, &m);
    if (r >= 0)
        take_response(l, m);
    unpack_fini(&u);
    return r;
}

const struct link_wire link__delta = {LINK_ADS_PATH, send_first, send_changes, take_message};
