// SPDX-License-Identifier: Apache-2.0
#pragma once
/* route: a route table (envoy.config.route.v3.RouteConfiguration). First matching route wins, in order. Decided in
 * policy/route.h. */
#include "model/format.h"
#include "model/match.h"
#include "model/ref.h"
struct rbac;

#define ROUTE_PPM 1000000u /* the unit of fractions */

struct route_match {
    struct path_match path;
    struct header_match *headers; /* all must hold; the method is ":method" */
    size_t n_headers;
    struct query_match *queries; /* all must hold */
    size_t n_queries;
    bool grpc;         /* only calls of gRPC */
    uint32_t fraction; /* of requests that match the rest, in millionths; ROUTE_PPM: all. Smooth, not random, in weft */
};

enum edit_action { EDIT_APPEND, EDIT_ADD_IF_ABSENT, EDIT_OVERWRITE, EDIT_OVERWRITE_IF_EXISTS };
struct header_edit {
    struct str name; /* lower case */
    struct format value;
    enum edit_action action;
    bool keep_empty; /* else an empty value is no header */
};
struct header_edits { /* removed first, then the others in order */
    struct str *removed;
    size_t n_removed;
    struct header_edit *set;
    size_t n_set;
};
struct edits { /* what a table, virtual host, route or share does to headers; NULL: nothing */
    struct header_edits request, response;
};

struct route_cluster { /* one share of a split */
    struct str cluster;
    uint32_t weight;
    bool own_policy; /* timeout and retries of its own (a traffic rule each), instead of the action's */
    uint64_t timeout_us;
    uint32_t retries;
    bool breaker;
    struct edits *edits;
    struct str host_rewrite; /* over the action's; empty: none */
};

enum hash_on_kind { HASH_HEADER, HASH_COOKIE, HASH_SOURCE, HASH_QUERY };
struct hash_on {
    enum hash_on_kind kind;
    struct str name; /* header (lower case), cookie or query parameter */
    bool terminal;   /* when it gave a hash, the rest is not looked at */
};

enum host_rewrite { HOST_KEEP, HOST_LITERAL, HOST_AUTO /* the endpoint's name */, HOST_HEADER, HOST_PATH_REGEX };

struct redirect { /* empty or 0: as the request has it */
    struct str scheme, host, path, prefix;
    struct regex_rewrite regex;
    bool strip_query;
    uint32_t port;
    uint16_t status;
};

struct retry_policy { /* kept as it came; what is acted on is route.retries */
    struct str on;
    uint32_t retries;
    uint64_t per_try_us, per_try_idle_us; /* 0: none */
    uint32_t *codes;
    size_t n_codes;
};

enum route_action_kind { ROUTE_FORWARD, ROUTE_DIRECT, ROUTE_NONE /* nonForwardingAction */, ROUTE_REDIRECT };

struct route {
    struct str name; /* of a traffic rule: its id; "default" for the one without rule */
    struct route_match match;
    enum route_action_kind action;
    struct edits *edits;
    /* ROUTE_FORWARD */
    struct route_cluster *clusters; /* one, or a weighted split (sum of weights > 0); with cluster_header one without a name */
    size_t n_clusters;
    struct str cluster_header;  /* lower case: whose value names the cluster; empty: none */
    uint16_t no_cluster_status; /* of the reply where the cluster is not there; 0: 503 */
    uint64_t timeout_us;        /* whole request; 0: none */
    uint64_t idle_timeout_us;   /* of the stream; 0: the connection manager's; UINT64_MAX: none */
    uint64_t max_stream_us; /* whole stream, and no timeout beside it; 0: the connection manager's, and the timeout; UINT64_MAX:
                               none */
    uint32_t retries;       /* tries after the first, where a connection fails */
    bool breaker;           /* the circuit breaker applies */
    struct retry_policy *retry; /* or NULL */
    struct hash_on *hash;
    size_t n_hash;
    struct str *uncompressed; /* names of compressor filters that are off here */
    size_t n_uncompressed;
    struct str prefix_rewrite;
    struct regex_rewrite path_regex;
    enum host_rewrite host;
    struct str host_rewrite;         /* HOST_LITERAL, or HOST_HEADER's name (lower case) */
    struct regex_rewrite host_regex; /* HOST_PATH_REGEX: of the path */
    bool forwarded_host;             /* a rewritten host goes on as x-forwarded-host */
    struct str *upgrades;            /* types that this route allows, and those it forbids, over the connection manager's */
    struct str *no_upgrades;
    size_t n_upgrades, n_no_upgrades;
    bool connect;          /* a CONNECT ends here: its tunnel goes on as TCP. Else it goes on as a CONNECT */
    uint8_t connect_proxy; /* version of the PROXY protocol before the tunnel's octets; 0: none */
    /* ROUTE_DIRECT */
    uint16_t status;
    struct str body, body_file; /* one of both */
    /* ROUTE_REDIRECT */
    struct redirect *redirect;
};

enum require_tls { TLS_NOT_REQUIRED, TLS_REQUIRED_EXTERNAL, TLS_REQUIRED };

struct virtual_host {
    struct str name;
    struct str *domains; /* "*", "*.suffix", "prefix.*", exact; lower case */
    size_t n_domains;
    struct route *routes;
    size_t n_routes;
    struct edits *edits;
    struct rbac *rbac;            /* foreign proxies: in place of the connection manager's; encoded only; NULL: none */
    enum require_tls require_tls; /* plain requests are redirected to https */
    bool attempt_count_up, attempt_count_down; /* x-envoy-attempt-count in the request; in the response */
};

struct route_table { /* a resource (RDS) */
    struct ref ref;
    struct str name;
    struct virtual_host *vhosts;
    size_t n_vhosts;
    struct edits *edits;
    bool specific_last; /* most_specific_header_mutations_wins: the table edits first, the route last; else the other way */
    bool ignore_port;   /* of the authority, where a virtual host is looked for */
};
/* Whose an address is: a table "@IP:PORT" that has one virtual host, by the name of the service's own table, and no route. */
#define ROUTE_ALIAS '@'
static inline bool route_is_alias(struct str table) {
    return table.len && table.ptr[0] == ROUTE_ALIAS;
}
static inline struct str route_owner(const struct route_table *alias) { /* "NS/SERVICE"; empty: it says nobody's */
    return alias->n_vhosts ? alias->vhosts[0].name : STR_NONE;
}
struct route_table *route_table_new(void); /* its fini frees the regexes of all routes */
