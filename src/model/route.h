// SPDX-License-Identifier: Apache-2.0
#pragma once
/* route: a route table (envoy.config.route.v3.RouteConfiguration). First matching route wins, in order. Decided in
 * policy/route.h. */
#include "model/match.h"
#include "model/ref.h"

#define ROUTE_PPM 1000000u /* the unit of fractions */

struct route_match {
    struct path_match path;
    struct header_match *headers; /* all must hold; the method is ":method" */
    size_t n_headers;
    uint32_t fraction; /* of requests that match the rest, in millionths; ROUTE_PPM: all. Smooth, not random, in weft */
};

struct route_cluster { /* one share of a split */
    struct str cluster;
    uint32_t weight;
    bool own_policy; /* timeout and retries of its own (a traffic rule each), instead of the action's */
    uint64_t timeout_us;
    uint32_t retries;
    bool breaker;
};

enum hash_on_kind { HASH_HEADER, HASH_COOKIE, HASH_SOURCE };
struct hash_on {
    enum hash_on_kind kind;
    struct str name; /* header (lower case) or cookie */
};

enum route_action_kind { ROUTE_FORWARD, ROUTE_DIRECT, ROUTE_NONE /* nonForwardingAction */ };

struct route {
    struct str name; /* of a traffic rule: its id; "default" for the one without rule */
    struct route_match match;
    enum route_action_kind action;
    /* ROUTE_FORWARD */
    struct route_cluster *clusters; /* one, or a weighted split (sum of weights > 0) */
    size_t n_clusters;
    uint64_t timeout_us; /* whole request; 0: none */
    uint32_t retries;    /* tries after the first */
    bool breaker;        /* the circuit breaker applies */
    struct hash_on *hash;
    size_t n_hash;
    struct str prefix_rewrite, host_rewrite; /* empty: none */
    struct str *uncompressed;                /* names of compressor filters that are off here */
    size_t n_uncompressed;
    /* ROUTE_DIRECT */
    uint16_t status;
    struct str body;
};

struct virtual_host {
    struct str name;
    struct str *domains; /* "*", "*.suffix", "prefix.*", exact; lower case */
    size_t n_domains;
    struct route *routes;
    size_t n_routes;
};

struct route_table { /* a resource (RDS) */
    struct ref ref;
    struct str name;
    struct virtual_host *vhosts;
    size_t n_vhosts;
};
struct route_table *route_table_new(void); /* its fini frees the regexes of all routes */
