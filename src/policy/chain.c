// SPDX-License-Identifier: Apache-2.0
#include "policy/chain.h"

/* How well a condition fits: the greater, the more specific. */
#define NO_MATCH (-1)
#define ANY 0
#define EXACT 1000 /* more than a name is long */

enum level {
    DESTINATION_PORT,
    DESTINATION_IP,
    SERVER_NAME,
    TRANSPORT,
    PROTOCOL,
    DIRECT_SOURCE,
    SOURCE_TYPE,
    SOURCE_IP,
    SOURCE_PORT,
    LEVELS
};

static int rank_ip(const struct ip_range *ranges, size_t n, const struct ip *ip) {
    int best = n ? NO_MATCH : ANY;
    for (size_t i = 0; i < n; i++)
        if (ip_in(ip, &ranges[i]) && ranges[i].bits + 1 > best)
            best = ranges[i].bits + 1;
    return best;
}

static int rank_name(const struct chain_match *m, struct str name) {
    int best = m->n_server_names ? NO_MATCH : ANY;
    for (size_t i = 0; i < m->n_server_names; i++) {
        struct str want = m->server_names[i];
        bool suffix = str_starts(want, STR("*."));
        struct str rest = suffix ? str_from(want, 1) : want;
        int rank = suffix ? (int)rest.len : EXACT;
        bool hit = suffix ? name.len > rest.len && str_ends(name, rest) : str_eq(name, rest);
        if (hit && rank > best)
            best = rank;
    }
    return best;
}

/* What the client would rather speak decides. */
static int rank_protocol(const struct chain_match *m, const struct chain_input *in) {
    if (!m->n_protocols)
        return ANY;
    for (size_t k = 0; k < in->n_protocols; k++)
        for (size_t i = 0; i < m->n_protocols; i++)
            if (str_eq(m->protocols[i], in->protocols[k]))
                return (int)(in->n_protocols - k);
    return NO_MATCH;
}

static int rank_source_type(enum chain_source want, const struct chain_input *in) {
    bool local = !in->source.len || ip_is_loopback(&in->source) || ip_eq(&in->source, &in->local);
    return want == CHAIN_SOURCE_ANY ? ANY : (want == CHAIN_SOURCE_LOCAL) == local ? EXACT : NO_MATCH;
}

static int rank_port(const struct chain_match *m, uint16_t port) {
    for (size_t i = 0; i < m->n_source_ports; i++)
        if (m->source_ports[i] == port)
            return EXACT;
    return m->n_source_ports ? NO_MATCH : ANY;
}

static int rank(const struct chain_match *m, enum level level, const struct chain_input *in) {
    switch (level) {
    case DESTINATION_PORT: return !m->destination_port ? ANY : m->destination_port == in->local_port ? EXACT : NO_MATCH;
    case DESTINATION_IP: return rank_ip(m->destinations, m->n_destinations, &in->local);
    case SERVER_NAME: return rank_name(m, in->server_name);
    case TRANSPORT: return m->transport == CHAIN_ANY ? ANY : (m->transport == CHAIN_TLS) == in->tls ? EXACT : NO_MATCH;
    case PROTOCOL: return rank_protocol(m, in);
    case DIRECT_SOURCE: return rank_ip(m->direct_sources, m->n_direct_sources, &in->direct);
    case SOURCE_TYPE: return rank_source_type(m->source_type, in);
    case SOURCE_IP: return rank_ip(m->sources, m->n_sources, &in->source);
    case SOURCE_PORT: return rank_port(m, in->source_port);
    case LEVELS: break;
    }
    return NO_MATCH;
}

/* Keeping the best at each level, level by level, is taking the greatest sequence of ranks; it is a match if no rank is none. */
static bool beats(const struct chain_match *a, const struct chain_match *b, const struct chain_input *in) {
    for (enum level i = 0; i < LEVELS; i++) {
        int x = rank(a, i, in), y = rank(b, i, in);
        if (x != y || x == NO_MATCH)
            return x > y;
    }
    return false;
}

static bool takes(const struct chain_match *m, const struct chain_input *in) {
    for (enum level i = 0; i < LEVELS; i++)
        if (rank(m, i, in) == NO_MATCH)
            return false;
    return true;
}

ptrdiff_t chain_pick(const struct listener *l, const struct chain_input *in) {
    size_t best = 0;
    for (size_t i = 1; i < l->n_chains; i++)
        if (beats(&l->chains[i].match, &l->chains[best].match, in))
            best = i;
    if (l->n_chains && takes(&l->chains[best].match, in))
        return (ptrdiff_t)best;
    return l->fallback ? (ptrdiff_t)l->n_chains : -1;
}
