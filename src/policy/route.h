// SPDX-License-Identifier: Apache-2.0
#pragma once
/* route: which route and which share of its split serve a request; pure. The same functions serve the live path and `weft
 * explain`. Threads: any; counters are the caller's. Tests: tests/unit/policy/route.c */
#include "codec/msg.h"
#include "model/route.h"

struct request_view {                     /* what decisions look at; slices borrowed */
    const struct msg *msg;                /* method, path, authority, fields */
    struct str peer_spiffe;               /* of the caller; empty: not authenticated */
    struct str source_ip, destination_ip; /* text; empty: unknown */
    struct str direct_ip, remote_ip;      /* see model/rbac.h */
    uint16_t destination_port;
    bool jwt_valid; /* a valid token is there */
};

bool string_match_test(const struct string_match *m, struct str value);
bool header_match_test(const struct header_match *m,
                       const struct request_view *r); /* several fields of one name: one of them, each judged by itself */
struct str match_parameter(struct str path,
                           struct str name); /* the first of that name in the query, as it is written; ptr NULL: none */
bool query_match_test(const struct query_match *m, size_t n, struct str path); /* all of them, on the query of the path */
bool path_match_test(const struct path_match *m, struct str path);             /* path may have a query: it is not looked at */

/* Shares are walked, not drawn (policy/split.h). State: one counter each, shared by the proxy's workers. */
struct route_state {        /* one per route with a fraction < ROUTE_PPM or more than one cluster; zeros are fresh */
    _Atomic uint64_t seen;  /* requests that matched */
    _Atomic uint64_t split; /* requests that were split */
};
const struct route_cluster *route_share(const struct route *route,
                                        struct route_state *state); /* whose turn it is; `state` NULL: the first */

/* The first virtual host that takes the authority (exact > longest suffix > longest prefix > "*"), or NULL. A table may say that
 * the port is not looked at. */
const struct virtual_host *route_vhost(const struct route_table *t, struct str authority);
/* The first route that matches; `states` has one element per route of the vhost (NULL: fractions count as all). NULL: none. */
const struct route *route_pick(const struct virtual_host *v, const struct request_view *r, struct route_state *states);
/* The hash of the request by the route's hash policy, or false when nothing of it is there. */
bool route_hash(const struct route *route, const struct request_view *r, uint64_t *out);
