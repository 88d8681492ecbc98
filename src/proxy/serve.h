// SPDX-License-Identifier: Apache-2.0
#pragma once
/* serve: what the workers serve from: the serving form of a snapshot, built on the main thread and immutable from then on (but
 * for the atomics in hosts, balancers and route states). Each part is reference-counted by itself (model/ref.h) and carried over
 * unchanged when its resources are the same, so a new form costs what has changed, and round robin, splits and hosts' states go
 * on. Threads: serve_build on the main thread; reading, ref_get and ref_put any. Tests: tests/unit/proxy/serve.c */
#include "base/err.h"
#include "model/snap.h"
#include "policy/lb.h"
#include "policy/route.h"
#include "proxy/host.h"
#include "proxy/identity.h"
#include "proxy/reply.h"

enum side { SIDE_OUTBOUND, SIDE_INBOUND, SIDE_STATIC };

struct serve_cluster {
    struct ref ref;
    struct cluster *cluster;     /* reference */
    struct endpoints *endpoints; /* reference, or NULL */
    struct identity *identity;   /* reference: whose client context it uses; NULL in a static bootstrap */
    struct tls_ctx *tls;         /* reference; NULL: plain */
    struct tls_ctx *tls_h1;      /* reference: the same, offering HTTP/1.1 only; NULL: plain, or never HTTP/1.1 */
    struct host **all;           /* every endpoint, references */
    struct host **members;       /* the healthy ones, borrowed from `all`, as the balancer knows them */
    size_t n_all, n_members;
    struct lb *lb;
};

struct serve_routes {
    struct ref ref;
    struct route_table *table;   /* reference */
    struct route_state **states; /* per virtual host, one per route */
    _Atomic uint64_t used_at;    /* loop time of the last request, in seconds: what eviction goes by */
};

struct serve_listener {
    enum side side;
    struct listener *listener;   /* reference */
    const struct hcm *hcm;       /* of its first chain; NULL: no configuration yet */
    struct tls_ctx *tls;         /* reference; NULL: plain only */
    bool plain;                  /* plain connections are taken too (or only, without tls) */
    struct serve_routes *routes; /* reference: inline table; NULL: by target */
};

#define SERVE_LISTENERS 2u

struct serve {
    struct ref ref;
    uint64_t version;
    struct map clusters; /* name -> struct serve_cluster, references */
    struct map routes;   /* name -> struct serve_routes, references */
    struct map absent;   /* name -> uint64_t *: until when (microseconds, monotonic) it is known not to exist; in ref.mem */
    struct serve_listener listener[SERVE_LISTENERS];
    unsigned n_listeners;
    struct identity *identity; /* reference, or NULL */
    enum reply_profile profile;
};

struct serve_port { /* a listener to be served */
    enum side side;
    struct str name; /* of the listener resource */
};
struct serve_input {
    const struct serve *prev; /* what it replaces, or NULL */
    const struct snap *snap;
    struct identity *identity; /* borrowed; NULL in a static bootstrap */
    enum reply_profile profile;
    const struct map *tables; /* name -> struct route_table that are complete; NULL: none */
    const struct map *absent; /* name -> uint64_t * until; NULL: none */
    const struct serve_port *ports;
    unsigned n_ports, workers;
    struct str local_cluster; /* the cluster whose only endpoint is `local`: the app; empty: none */
    struct addr local;
    enum conn_proto local_proto; /* what the app speaks; CONN_AUTO means HTTP/1.1 */
};
/* A new form with one reference. Fails only on certificates of a static bootstrap that cannot be used. */
int serve_build(struct serve **out, const struct serve_input *in, struct err *e) MUST_CHECK;

static inline struct serve_cluster *serve_cluster_get(const struct serve *s, struct str name) {
    return map_get(&s->clusters, name);
}
static inline struct serve_routes *serve_routes_get(const struct serve *s, struct str name) {
    return map_get(&s->routes, name);
}
