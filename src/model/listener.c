// SPDX-License-Identifier: Apache-2.0
#include "model/listener.h"
#include "base/mem.h"
#include "model/route.h"

static void fini_chain(struct filter_chain *c) {
    ref_put(c->hcm.routes);
    rbac_fini(c->hcm.rbac);
    rbac_fini(c->rbac);
    rbac_fini(c->rbac_shadow);
}

static void free_listener(struct ref *ref) {
    struct listener *l = container_of(ref, struct listener, ref);
    for (size_t i = 0; i < l->n_chains; i++)
        fini_chain(&l->chains[i]);
    if (l->fallback)
        fini_chain(l->fallback);
}

struct listener *listener_new(void) {
    return ref_new(sizeof(struct listener), free_listener);
}

bool tcp_by_target(const struct tcp_proxy *t) {
    return t->n_clusters == 1 && str_eq(t->clusters[0].cluster, STR(TCP_BY_TARGET));
}

bool chain_match_is_any(const struct chain_match *m) {
    return !m->destination_port && m->transport == CHAIN_ANY && m->source_type == CHAIN_SOURCE_ANY && !m->n_destinations &&
           !m->n_direct_sources && !m->n_sources && !m->n_server_names && !m->n_protocols && !m->n_source_ports;
}

unsigned listener_needs(const struct listener *l) {
    unsigned needs = l->proxy_protocol.on ? LISTENER_NEEDS_PROXY : 0;
    for (size_t i = 0; i < l->n_chains; i++) {
        const struct chain_match *m = &l->chains[i].match;
        if (m->n_server_names || m->n_protocols || tcp_by_target(&l->chains[i].tcp))
            needs |= LISTENER_NEEDS_TLS | LISTENER_NEEDS_HELLO;
        else if (m->transport != CHAIN_ANY)
            needs |= LISTENER_NEEDS_TLS;
    }
    return needs;
}

/* ---- comparing matches ---- */
static bool ranges_eq(const struct ip_range *a, size_t n, const struct ip_range *b, size_t m) {
    bool same = n == m;
    for (size_t i = 0; same && i < n; i++)
        same = ip_range_eq(&a[i], &b[i]);
    return same;
}

static bool names_eq(const struct str *a, size_t n, const struct str *b, size_t m) {
    bool same = n == m;
    for (size_t i = 0; same && i < n; i++)
        same = str_eq(a[i], b[i]);
    return same;
}

bool chain_match_eq(const struct chain_match *a, const struct chain_match *b) {
    return a->destination_port == b->destination_port && a->transport == b->transport && a->source_type == b->source_type &&
           ranges_eq(a->destinations, a->n_destinations, b->destinations, b->n_destinations) &&
           ranges_eq(a->direct_sources, a->n_direct_sources, b->direct_sources, b->n_direct_sources) &&
           ranges_eq(a->sources, a->n_sources, b->sources, b->n_sources) &&
           names_eq(a->server_names, a->n_server_names, b->server_names, b->n_server_names) &&
           names_eq(a->protocols, a->n_protocols, b->protocols, b->n_protocols) && a->n_source_ports == b->n_source_ports &&
           (!a->n_source_ports || !memcmp(a->source_ports, b->source_ports, a->n_source_ports * sizeof *a->source_ports));
}

static bool ranges_share(const struct ip_range *a, size_t n, const struct ip_range *b, size_t m) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (ip_range_eq(&a[i], &b[k]))
                return true;
    return !n && !m;
}

static bool names_share(const struct str *a, size_t n, const struct str *b, size_t m) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (str_eq(a[i], b[k]))
                return true;
    return !n && !m;
}

static bool ports_share(const struct chain_match *a, const struct chain_match *b) {
    for (size_t i = 0; i < a->n_source_ports; i++)
        for (size_t k = 0; k < b->n_source_ports; k++)
            if (a->source_ports[i] == b->source_ports[k])
                return true;
    return !a->n_source_ports && !b->n_source_ports;
}

bool chain_match_clash(const struct chain_match *a, const struct chain_match *b) {
    return a->destination_port == b->destination_port && a->transport == b->transport && a->source_type == b->source_type &&
           ranges_share(a->destinations, a->n_destinations, b->destinations, b->n_destinations) &&
           ranges_share(a->direct_sources, a->n_direct_sources, b->direct_sources, b->n_direct_sources) &&
           ranges_share(a->sources, a->n_sources, b->sources, b->n_sources) &&
           names_share(a->server_names, a->n_server_names, b->server_names, b->n_server_names) &&
           names_share(a->protocols, a->n_protocols, b->protocols, b->n_protocols) && ports_share(a, b);
}
