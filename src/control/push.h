// SPDX-License-Identifier: Apache-2.0
#pragma once
/* push: who needs which resource, and when it has changed.
 *
 * An entry is one (type, name) that somebody has asked for, with the resource as last compiled, encoded once for all who get it.
 * A change marks the entries of a service (push_touch) or all (push_touch_all); after 5 ms of quiet, at most 20 ms, the marked
 * ones are compiled again, and those whose bytes are new are told to their subscribers. Entries without subscriber go.
 * Each kind of client (compile_for) has entries of its own. An Envoy's own listeners and app are entries too, whose names hold
 * what is its own; it is an endpoint as long as its stream is.
 * Threads: the control loop. Tests: tests/unit/control/push.c, control.c */
#include "base/bits.h"
#include "codec/json.h"
#include "control/compile_foreign.h"
#include "io/loop.h"
#include "telemetry/metric.h"
#include "xds/ads_server.h"

#define PUSH_QUIET (5 * 1000ull) /* microseconds */
#define PUSH_MOST (20 * 1000ull)

struct hello;
struct peer;
struct push_peers { /* who keeps the proxies: sessions_join and _part; zeros: nobody */
    int (*join)(void *ctx, const struct hello *h, struct peer **out, struct err *e);
    void (*part)(struct peer **p);
    void *ctx;
};
enum push_trigger { PUSH_BY_ENDPOINT, PUSH_BY_CONFIG, PUSH_BY_GLOBAL, PUSH_TRIGGERS }; /* Istio's reasons */
struct push_stats {
    uint64_t triggers[PUSH_TRIGGERS]; /* changes that asked for a push; counted by who asks */
    uint64_t expired[XDS_TYPES];      /* requests with a nonce that none waited for */
    struct hist size[XDS_TYPES];      /* octets of responses */
    struct hist debounced;            /* microseconds from the first change until its push began */
    uint64_t pushes[XDS_TYPES];       /* changed resources that were told */
    uint64_t nacks[XDS_TYPES];
    uint64_t compiled;
    /* Of each push to a client: from the oldest change in it until all of it was sent (a client that leaves before: none). */
    struct hist converged;
    struct hist queued; /* of the same, from the end of the quiet time until its stream took it: others come before it */
};
struct push {
    struct mesh *mesh;
    struct reg *reg;
    struct push_peers peers;
    struct map entries[COMPILE_FORS][XDS_TYPES]; /* name -> struct entry (private) */
    struct map groups;                           /* "NS/SERVICE" -> struct group (private) */
    struct list dirty;                           /* of groups */
    struct list streams;
    struct client **numbered; /* the same (private) by their numbers ... */
    size_t n_numbers;
    struct bits free; /* ... and what is given back of these */
    struct ads_texts texts;
    unsigned n_streams, wild[COMPILE_FORS][XDS_TYPES];
    uint64_t joined; /* how many foreign proxies, ever */
    struct timer timer;
    uint64_t first; /* when the oldest unsent change came; 0: none */
    struct push_stats stats;
};
enum { PUSH_ENDPOINTS = 1 << XDS_ENDPOINT, PUSH_ALL = (1 << XDS_TYPES) - 1 };

void push_init(struct push *p, struct mesh *m, struct reg *r);
void push_fini(struct push *p); /* after the server of its streams has been stopped */
/* Resources of that service and those types may have changed. Endpoints alone: the rest only if the service came or went. */
void push_touch(struct push *p, struct str service, unsigned types);
void push_moved(struct push *p, struct str address); /* reg_cfg.moved */
void push_touch_all(struct push *p, unsigned types);
struct ads_source push_source(struct push *p); /* for the ADS server */
/* Every client, as GET /api/v1/proxies shows it: a new array. */
json_t *push_clients(const struct push *p);
