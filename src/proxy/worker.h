// SPDX-License-Identifier: Apache-2.0
#pragma once
/* worker: one thread with its own loop, connections, pools and counters. The main thread sends it orders; it sends reports. A new
 * snapshot comes as an order; the old one is let go when its last exchange ends (struct lease: a count of this worker's own, so
 * that requests touch no shared counter). Threads: worker_new, worker_start, worker_join, worker_free and worker_order the main
 * thread (worker_order other workers too); the rest its own. */
#include <pthread.h>
#include "base/buf.h"
#include "http/conn.h"
#include "io/mbox.h"
#include "io/sock.h"
#include "proxy/serve.h"
#include "proxy/stats.h"
struct scribe;
struct worker;

/* ---- what all workers share: immutable but for the atomics ---- */
struct worker_env {
    struct worker **at;
    unsigned n;
    struct mbox *main;     /* where reports go */
    struct scribe *scribe; /* the access log's writer */
    struct log *log;
    struct str service, ns;          /* of this sidecar; empty in a static bootstrap */
    uint16_t inbound_port, app_port; /* what /health tells; 0: none */
    struct stats_all stats;
    atomic_bool app_healthy; /* what the app's own health check says */
};

enum order_kind {
    ORDER_CONN,  /* an accepted connection: fd, peer, port */
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
    unsigned port;
    struct addr peer;
    struct serve *serve;
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
    struct sock_listener sl;
    struct worker *w;
    unsigned index;
    int fd; /* bound by the main thread; taken over with the first snapshot. -1: none */
    struct addr addr;
    struct conn_cfg cfg;
};

struct lease { /* a snapshot in this worker's hands */
    struct worker *w;
    struct serve *serve; /* reference */
    unsigned users;      /* exchanges on it */
};

struct worker {
    unsigned id;
    struct worker_env *env;
    pthread_t thread;
    struct loop loop;
    struct mbox mbox;
    struct port port[SERVE_LISTENERS];
    unsigned n_ports;
    struct lease *lease;        /* the newest; NULL before the first */
    struct list downs;          /* struct down */
    struct list pools;          /* struct pool */
    struct list ups;            /* every upstream connection: struct up (pool.c) */
    struct conn_cfg up_cfg;     /* of upstream connections */
    struct map waiting;         /* "NS/NAME" -> struct waiting: exchanges that wait for a service's first use */
    struct list metric_waiters; /* exchanges that wait for ORDER_TEXT */
    struct timer report;        /* every 250 ms: the series, when they have changed */
    struct timer sweep;         /* every few seconds while there are pools: idle upstream connections */
    struct timer linger;        /* draining: the end of patience for connections that never sent a request */
    struct buf log;             /* access log lines of this turn */
    struct task log_task;
    struct stats stats;
    atomic_bool serving; /* has a snapshot: other workers may hand it connections */
    bool started, draining, stopping;
};

struct worker_port { /* a bound listener for worker_new */
    int fd;          /* taken over; -1: this worker does not accept here */
    struct addr addr;
};
int worker_new(struct worker **out, unsigned id, struct worker_env *env, struct err *e) MUST_CHECK;
void worker_port_add(struct worker *w, const struct worker_port *port);
int worker_start(struct worker *w, struct err *e) MUST_CHECK;
void worker_order(struct worker *w, struct order *o); /* gives `o` away */
void worker_join(struct worker *w);                   /* after ORDER_STOP */
void worker_free(struct worker **w);

struct order *order_new(enum order_kind kind);

/* ---- for exchanges ---- */
struct lease *lease_take(struct worker *w);
void lease_drop(struct lease **l);
struct exch;
void worker_wait(struct worker *w, struct exch *x,
                 struct str name);                          /* exch_resume follows; asks the main thread when nobody did */
void worker_want_metrics(struct worker *w, struct exch *x); /* stage_own_text follows */
void worker_log(struct worker *w);                          /* w->log has a new line */
void worker_check(struct worker *w);                        /* something ended: drained, or stopped? */
