// SPDX-License-Identifier: Apache-2.0
#pragma once
/* serve: what the workers serve from: the serving form of a snapshot, built on the main thread and immutable from then on (but
 * for the atomics in hosts, balancers and route states). Each part is reference-counted by itself (model/ref.h) and carried over
 * unchanged when its resources are the same, so a new form costs what has changed, and round robin, splits and hosts' states go
 * on. Threads: serve_build on the main thread; reading, ref_get and ref_put any. Tests: tests/unit/proxy/serve.c */
#include "base/clock.h"
#include "base/err.h"
#include "model/snap.h"
#include "policy/lb.h"
#include "policy/route.h"
#include "proxy/host.h"
#include "proxy/identity.h"
#include "proxy/reply.h"

enum side { SIDE_OUTBOUND, SIDE_INBOUND, SIDE_STATIC };

struct serve_level { /* endpoints of one priority that may be used */
    struct lb *lb;
    size_t first;   /* of serve_cluster.members */
    uint32_t below; /* of 100 requests those from the level's before up to this */
};

struct serve_secrets {        /* what the secrets of a TLS context were when it was made */
    struct secret *cert, *ca; /* references; NULL: it names none */
    bool wait;                /* one is not there yet: nothing may be sent or taken by it */
};

struct serve_cluster {
    struct ref ref;
    struct cluster *cluster;      /* reference */
    struct endpoints *endpoints;  /* reference, or NULL */
    struct identity *identity;    /* reference: whose client context it uses; NULL in a static bootstrap */
    struct tls_ctx *tls;          /* reference; NULL: plain */
    struct tls_ctx *tls_raw;      /* reference: the same for TCP tunnels, offering what is configured only; NULL: plain */
    struct tls_ctx *tls_h1;       /* reference: the same, offering HTTP/1.1 only; NULL: plain, or never HTTP/1.1 */
    struct serve_secrets secrets; /* of its TLS; where one is not there yet nobody is reached */
    struct host **all;            /* every endpoint, references */
    bool *healthy;                /* of each of them */
    struct host **members;        /* those that may be used, borrowed from `all`: level by level, as the balancers know them */
    size_t n_all, n_healthy, n_members;
    struct serve_level *levels; /* by priority: at least one */
    unsigned n_levels;
    bool stale; /* the main thread's: a health check has changed a host since it was built */
};
/* Index of the member, or -1 when none is usable: the level by its share, then its balancer; where nobody of it is usable, the
 * others. What r->usable is asked about is an index of members. Threads: any worker at the same time. */
ptrdiff_t serve_pick(const struct serve_cluster *c, const struct lb_request *r);

struct serve_routes {
    struct ref ref;
    struct route_table *table;   /* reference */
    struct route_state **states; /* per virtual host, one per route */
    struct map bodies;           /* file -> struct str *: of direct responses; in ref.mem */
    _Atomic uint64_t used_at;    /* loop time of the last request, in seconds: what eviction goes by */
};

struct gate_counts { /* of a chain's network RBAC (proxy/gate.h), by all workers; carried over while the chain is there */
    struct ref ref;
    _Atomic uint64_t allowed, denied, shadow_allowed, shadow_denied;
};

struct serve_chain {
    unsigned id; /* > 0; the same as long as a chain of that match and kind is there: what open connections go by */
    const struct filter_chain *conf;
    const struct hcm *hcm;        /* CHAIN_HTTP, else NULL */
    const struct tcp_proxy *tcp;  /* CHAIN_TCP, else NULL */
    struct tls_ctx *tls;          /* reference; NULL: TLS is not terminated */
    struct serve_secrets secrets; /* of its TLS; where one is not there yet its connections are closed */
    struct serve_routes *routes;  /* reference: inline table; NULL: by target */
    struct gate_counts *gate;     /* reference: of its network RBAC; NULL: it has none */
    unsigned *sinks;              /* of each of its access logs: its number (proxy/sinks.h) */
    _Atomic uint64_t split;       /* connections that were split among tcp->clusters; carried over */
};

struct serve_listener {
    enum side side;
    unsigned id;               /* of the port it is served on */
    struct listener *listener; /* reference; NULL: no configuration yet */
    struct serve_chain *chains;
    unsigned n_chains; /* listener->n_chains, and the default chain behind them if there is one */
    unsigned needs; /* what must be known of a connection before its chain can be chosen: LISTENER_NEEDS_* (model/listener.h) */
};

struct serve {
    struct ref ref;
    uint64_t version;
    struct map clusters; /* name -> struct serve_cluster, references */
    struct map routes;   /* name -> struct serve_routes, references */
    struct map absent;   /* name -> uint64_t *: until when (microseconds, monotonic) it is known not to exist; in ref.mem */
    struct serve_listener *listeners;
    unsigned n_listeners;
    unsigned next_chain;       /* the id of the next new chain */
    struct identity *identity; /* reference, or NULL */
    enum reply_profile profile;
};

struct serve_port { /* a listener to be served */
    unsigned id;    /* never used again for another */
    enum side side;
    struct str name; /* of the listener resource */
    bool last;       /* what it says now cannot be had there: its last form stays */
};
struct serve_bad { /* a resource that cannot be used, though it could be decoded: a file of it is not there, say */
    enum xds_type type;
    struct str name;
    const struct err *why;
    bool had; /* a form of it is served, and would stay */
};
/* Is the rest to be served all the same? Then that resource stays as it was, or is not served; else all is refused. */
typedef bool serve_spare_f(void *ctx, const struct serve_bad *b);
struct serve_input {
    const struct serve *prev; /* what it replaces, or NULL */
    const struct snap *snap;
    struct identity *identity; /* borrowed; NULL in a static bootstrap */
    enum reply_profile profile;
    const struct map *tables; /* name -> struct route_table that are complete; NULL: none */
    const struct map *absent; /* name -> uint64_t * until; NULL: none */
    const struct serve_port *ports;
    unsigned n_ports, workers;
    struct sinks *sinks;      /* where access logs are found; NULL: there are none */
    bool checked;             /* hosts of clusters with health checks serve only when proxy/checks.h says so */
    struct str local_cluster; /* the cluster whose only endpoint is `local`: the app; empty: none */
    struct addr local;
    enum conn_proto local_proto; /* what the app speaks; CONN_AUTO means HTTP/1.1 */
    serve_spare_f *spare;        /* NULL: never */
    void *spare_ctx;
};
/* A host at an address that is none of the cluster's endpoints, but reached as they are. */
struct host *serve_host_new(const struct serve_cluster *c, const struct addr *a, unsigned workers);
/* A new form with one reference. Fails only on what a bootstrap, or a foreign control plane, names and that cannot be used, and
 * that is not spared. */
int serve_build(struct serve **out, const struct serve_input *in, struct err *e) MUST_CHECK;
/* Would it take this TLS context, of a listener (`server`) or a cluster, as far as its secrets do not matter? Reads its files. */
int serve_try_tls(const struct tls_context *t, bool server, struct err *e) MUST_CHECK;

/* The same of a table's bodies that are in files. */
int serve_try_routes(struct route_table *t, struct err *e) MUST_CHECK;

/* The body of a direct response that is in a file; ptr NULL: it is in none. */
static inline struct str serve_body(const struct serve_routes *r, const struct route *route) {
    const struct str *body = route->body_file.len ? map_get(&r->bodies, route->body_file) : NULL;
    return body ? *body : STR_NONE;
}

static inline struct serve_cluster *serve_cluster_get(const struct serve *s, struct str name) {
    return map_get(&s->clusters, name);
}
static inline struct serve_routes *serve_routes_get(const struct serve *s, struct str name) {
    return map_get(&s->routes, name);
}
static inline void serve_routes_used(struct serve_routes *r, uint64_t now) { /* what eviction goes by */
    uint64_t s = now / CLOCK_S;
    if (atomic_load_explicit(&r->used_at, memory_order_relaxed) != s)
        atomic_store_explicit(&r->used_at, s, memory_order_relaxed);
}
static inline struct serve_listener *serve_listener_get(const struct serve *s, unsigned id) { /* NULL when absent */
    for (unsigned i = 0; i < s->n_listeners; i++)
        if (s->listeners[i].id == id)
            return &s->listeners[i];
    return NULL;
}
static inline struct serve_chain *serve_chain_get(const struct serve_listener *l, unsigned id) { /* NULL when absent */
    for (unsigned i = 0; i < l->n_chains; i++)
        if (l->chains[i].id == id)
            return &l->chains[i];
    return NULL;
}
