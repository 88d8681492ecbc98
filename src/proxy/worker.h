// SPDX-License-Identifier: Apache-2.0
#pragma once
/* worker: one thread with its own loop, connections, pools and counters. The main thread sends it orders; it sends reports. A new
 * snapshot comes as an order; the old one is let go when its last exchange ends (struct lease: a count of this worker's own, so
 * that requests touch no shared counter). Threads: worker_new, worker_start, worker_join, worker_free and worker_order the main
 * thread (worker_order other workers too); the rest its own. */
#include <pthread.h>
#include "base/buf.h"
#include "codec/compress.h"
#include "http/conn.h"
#include "io/mbox.h"
#include "io/pipe.h"
#include "io/sock.h"
#include "proxy/overload.h"
#include "proxy/serve.h"
#include "proxy/sinks.h"
#include "proxy/stats.h"
struct spread;
struct worker;

/* ---- what all workers share: immutable but for the atomics ---- */
struct worker_env {
    struct worker **at;
    unsigned n;
    struct mbox *main;  /* where reports go */
    struct sinks sinks; /* of access logs */
    struct log *log;
    const struct limits *limits;
    struct overload overload;
    struct str service, ns;          /* of this sidecar; empty in a static bootstrap */
    struct str version;              /* its label of that name */
    uint16_t inbound_port, app_port; /* what /health tells; 0: none */
    struct stats_all stats;
    uint64_t drain_us;       /* how long what is under way may take when it is to end */
    atomic_bool app_healthy; /* what the app's own health check says */
};

enum order_kind {
    ORDER_PORT,  /* a new listener that the next snapshots have: fd (-1: not accepted by this worker), port, spread */
    ORDER_CONN,  /* an accepted connection: fd, peer, port, spread: where it has its place */
    ORDER_SERVE, /* a new snapshot: serve, a reference */
    ORDER_TEXT,  /* the answer to REPORT_METRICS: text */
    ORDER_AWAY,  /* the control plane is away: whoever waits for `name` (empty: for any) gets to know */
    ORDER_DRAIN,
    ORDER_STOP,
};
struct order {
    struct mbox_msg msg;
    enum order_kind kind;
    int fd;
    unsigned port; /* its id */
    struct addr peer;
    struct spread *spread; /* a reference */
    struct serve *serve;
    uint64_t grace_us; /* ORDER_DRAIN: see conn_drain_within */
    struct buf text;
    char name[136];
};
enum report_kind {
    REPORT_WANT,    /* a service that was never used: name */
    REPORT_SERIES,  /* a copy of this worker's series, whole */
    REPORT_METRICS, /* somebody wants all metrics as text: ORDER_TEXT is awaited */
    REPORT_DRAINED, /* draining, and no downstream connection is left; again when another worker still sent one */
};
struct report {
    struct mbox_msg msg;
    enum report_kind kind;
    unsigned worker;
    struct metric_table series;
    char name[136];
};

struct port { /* one listener, as this worker serves it */
    struct list node;
    struct sock_listener sl;
    struct worker *w;
    unsigned id;
    struct spread *spread; /* reference: the listener's connections over all workers */
    int fd;                /* bound by the main thread; taken over with the first snapshot that has it. -1: none */
    struct lease *last;    /* the listener is no more: what its connections go on with until they have ended */
    struct timer drain;    /* then: how long they may take */
    unsigned downs;        /* its connections */
};

struct lease { /* a snapshot in this worker's hands */
    struct worker *w;
    struct serve *serve; /* reference */
    unsigned users;      /* exchanges, and connections without a present, on it */
};

#define WORKER_GRACE_US (1 * CLOCK_S)

struct worker {
    unsigned id;
    struct worker_env *env;
    pthread_t thread;
    struct loop loop;
    struct mbox mbox;
    struct list ports;      /* struct port */
    struct list conn_cfgs;  /* private to accept.c */
    struct pipe_pool pipes; /* of tunnels */
    struct lease *lease;    /* the newest; NULL before the first */
    struct {                /* the cluster found last (stage_route.c); `serve` is on lease, or NULL */
        const struct serve *serve;
        struct str name;
        struct serve_cluster *cluster;
    } last;
    struct list downs;                   /* struct down */
    struct list tcps;                    /* struct tcp */
    struct list tunnels;                 /* struct exch: those that have become tunnels */
    struct map originals;                /* private to original.c */
    struct list pools;                   /* struct pool */
    struct list ups;                     /* every upstream connection: struct up (pool.c) */
    struct conn_cfg up_cfg[CONN_PROTOS]; /* of upstream connections */
    struct list up_cfgs;                 /* private to pool.c: those of clusters' own */
    struct map waiting;                  /* "NS/NAME" -> struct waiting: exchanges that wait for a service's first use */
    struct list metric_waiters;          /* exchanges that wait for ORDER_TEXT */
    struct timer report;                 /* every 250 ms: the series, when they have changed */
    struct timer sweep;                  /* every few seconds while there are pools: idle upstream connections */
    struct timer linger;                 /* draining: the end of patience for connections that never sent a request */
    struct buf logs[SINKS_MAX];          /* access log lines of this turn, by the number of their sink */
    struct task log_task;
    struct compress_pool compressors;
    struct buf coded; /* what a compressor has just given: empty between callbacks */
    struct stats stats;
    struct overload_share share;
    atomic_bool serving; /* has a snapshot: other workers may hand it connections */
    uint64_t grace_us;   /* for what drains: see conn_drain_within */
    bool started, draining, stopping;
};

struct worker_waiter { /* embed: somebody who waits for the main thread; zeros wait for nothing */
    struct list node;
    /* Once, from the loop. away: the control plane cannot be asked. text: of metrics. */
    void (*wake)(struct worker_waiter *ww, bool away, struct str text);
};

struct order *order_new(enum order_kind kind);
void worker_order(struct worker *w, struct order *o); /* gives `o` away. Threads: any */

/* ---- snapshots ---- */
struct lease *lease_take(struct worker *w); /* the newest */
static inline struct lease *lease_again(struct lease *l) {
    l->users++;
    return l;
}
void lease_drop(struct lease **l);
void worker_lease(struct worker *w, struct serve *s); /* the newest from now on; takes the reference over */

/* ---- waiting ---- */
void worker_wait(struct worker *w, struct worker_waiter *ww,
                 struct str name);           /* for a service's first use: asks when nobody did */
void worker_wake_answered(struct worker *w); /* those whose service the newest snapshot knows, or knows to be absent */
void worker_wake_away(struct worker *w, struct str name); /* those that wait for `name`; empty: all */
void worker_want_metrics(struct worker *w, struct worker_waiter *ww);
void worker_wake_metrics(struct worker *w, struct str text);

/* ---- counters and the access log ---- */
void worker_send_series(struct worker *w);        /* a copy to the main thread, when they have changed */
void worker_log(struct worker *w, unsigned sink); /* w->logs[sink] has a new line */
void worker_give_log(struct worker *w);           /* at once */
void worker_check(struct worker *w);              /* something ended: drained, or stopped? */
/* A peer met a limit: counted, and logged once a minute at most. */
void worker_limit(struct worker *w, enum stats_side side, enum limit_id id, const struct addr *peer);
