// SPDX-License-Identifier: Apache-2.0
#include "policy/route.h"
#include "codec/grpc.h"
#include "codec/url.h"
#include "policy/split.h"

/* How well a domain takes an authority: the greater the better, 0 not at all. exact > longest suffix > longest prefix > "*". */
static size_t domain_rank(struct str domain, struct str authority) {
    const size_t exact = SIZE_MAX, suffix = SIZE_MAX / 2, prefix = 1;
    if (str_ieq(domain, authority))
        return exact;
    if (str_eq(domain, STR("*")))
        return prefix;
    if (domain.len < 2 || authority.len < domain.len)
        return 0; /* a '*' part never matches the empty string */
    if (domain.ptr[0] == '*') {
        struct str tail = str_from(domain, 1);
        return str_ieq(str_from(authority, authority.len - tail.len), tail) ? suffix + domain.len : 0;
    }
    if (domain.ptr[domain.len - 1] == '*')
        return str_istarts(authority, str_first(domain, domain.len - 1)) ? prefix + domain.len : 0;
    return 0;
}

static struct str without_port(struct str authority) {
    ptrdiff_t colon = str_rchr(authority, ':');
    return colon > str_rchr(authority, ']') ? str_first(authority, (size_t)colon) : authority;
}

const struct virtual_host *route_vhost(const struct route_table *t, struct str authority) {
    const struct virtual_host *best = NULL;
    size_t best_rank = 0;
    if (t->ignore_port)
        authority = without_port(authority);
    for (size_t i = 0; i < t->n_vhosts; i++) {
        const struct virtual_host *v = &t->vhosts[i];
        for (size_t d = 0; d < v->n_domains; d++) {
            size_t rank = domain_rank(v->domains[d], authority);
            if (rank > best_rank) {
                best_rank = rank;
                best = v;
            }
        }
    }
    return best;
}

static bool conditions_hold(const struct route_match *m, const struct request_view *r) {
    bool connect = r->msg->method_id == METHOD_CONNECT; /* has no path: only the CONNECT matcher takes it, and nothing else */
    if (connect != (m->path.kind == PATH_CONNECT))
        return false;
    if (!connect && !path_match_test(&m->path, r->msg->path))
        return false;
    for (size_t i = 0; i < m->n_headers; i++)
        if (!header_match_test(&m->headers[i], r))
            return false;
    return (!m->grpc || grpc_content_type(msg_get(&r->msg->fields, HDR_CONTENT_TYPE))) &&
           query_match_test(m->queries, m->n_queries, r->msg->path);
}

static bool fraction_takes(const struct route_match *m, struct route_state *state) {
    if (m->fraction >= ROUTE_PPM || !state)
        return true;
    return split_takes(m->fraction, ROUTE_PPM, atomic_fetch_add_explicit(&state->seen, 1, memory_order_relaxed));
}

const struct route *route_pick(const struct virtual_host *v, const struct request_view *r, struct route_state *states) {
    for (size_t i = 0; i < v->n_routes; i++) {
        const struct route *route = &v->routes[i];
        if (conditions_hold(&route->match, r) && fraction_takes(&route->match, states ? &states[i] : NULL))
            return route;
    }
    return NULL;
}

static uint64_t share_weight(const void *clusters, size_t i) {
    return ((const struct route_cluster *)clusters)[i].weight;
}

const struct route_cluster *route_share(const struct route *route, struct route_state *state) {
    if (route->n_clusters < 2 || !state)
        return route->clusters;
    uint64_t nth = atomic_fetch_add_explicit(&state->split, 1, memory_order_relaxed);
    return &route->clusters[split_pick(share_weight, route->clusters, route->n_clusters, nth)];
}

/* The value of a cookie (RFC 6265 §4.2.1); ptr NULL when absent. */
static struct str cookie_value(const struct msg *m, struct str name) {
    for (unsigned i = 0; i < m->fields.n; i++) {
        if (m->fields.at[i].id != HDR_COOKIE)
            continue;
        struct str rest = m->fields.at[i].value;
        while (rest.ptr) {
            struct str pair = str_trim(str_cut(&rest, ';'));
            struct str key = str_cut(&pair, '=');
            if (str_eq(key, name))
                return pair.ptr ? pair : STR("");
        }
    }
    return STR_NONE;
}

static struct str hash_input(const struct hash_on *h, const struct request_view *r) {
    switch (h->kind) {
    case HASH_HEADER: {
        const struct msg_field *f = msg_find_name(&r->msg->fields, h->name);
        return f ? (f->value.ptr ? f->value : STR("")) : STR_NONE;
    }
    case HASH_COOKIE: return cookie_value(r->msg, h->name);
    case HASH_SOURCE: return r->source_ip;
    case HASH_QUERY: return match_parameter(r->msg->path, h->name);
    }
    return STR_NONE;
}

bool route_hash(const struct route *route, const struct request_view *r, uint64_t *out) {
    uint64_t hash = 0;
    bool any = false;
    for (size_t i = 0; i < route->n_hash; i++) {
        struct str in = hash_input(&route->hash[i], r);
        if (!in.ptr)
            continue;
        hash = ((hash << 1) | (hash >> 63)) ^ str_hash(in, 0); /* Envoy's way to combine */
        any = true;
        if (route->hash[i].terminal)
            break;
    }
    *out = hash;
    return any;
}
