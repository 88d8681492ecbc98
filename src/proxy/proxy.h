// SPDX-License-Identifier: Apache-2.0
#pragma once
/* proxy: the data plane as one thing on the main thread's loop: bound listeners, workers, the access log's writer, the admin
 * server, the snapshot that is served, and the drain. Where snapshots come from is its user's business: a sidecar
 * (proxy/sidecar.h) or a static bootstrap (proxy/bootstrap.h). Threads: main. */
#include "http/server.h"
#include "io/fdpass.h"
#include "io/mbox.h"
#include "proxy/rejects.h"
#include "proxy/serve.h"
#include "proxy/thread.h"

struct proxy_port { /* a listener to bind */
    enum side side;
    struct str name; /* of the listener resource */
    struct addr addr;
    unsigned mode; /* of a Unix socket's file; 0: as the umask has it */
};

struct proxy_socks { /* the sockets of a listener; the workers own them, main orders when they close */
    int fds[FDPASS_FDS];
    unsigned n;
};

struct proxy_listener { /* a bound one */
    unsigned id;
    enum side side;
    char *name; /* owned */
    struct addr want, bound;
    unsigned mode; /* as in struct proxy_port */
    struct proxy_socks socks;
    bool last; /* where it is to be now it could not be bound: its last form stays here */
};

struct proxy_cfg { /* slices and arrays as long as the proxy */
    struct log *log;
    unsigned workers; /* 0: one per CPU that we may use */
    struct limits limits;
    uint64_t drain_us;
    const struct proxy_port *ports; /* the first ones, for the time of proxy_open */
    unsigned n_ports;
    struct addr admin; /* len 0: none */
    struct str service, ns, version;
    struct addr app; /* of the local service; len 0: none */
    int log_fd;      /* access log */
    enum reply_profile profile;
    void (*on_want)(void *ctx, struct str name); /* a service that was never used; may be NULL */
    uint64_t (*control_state)(void *ctx);        /* for admin: 1 while connected; may be NULL */
    void (*on_drained)(void *ctx);               /* after proxy_drain: nothing is left, or time is up */
    struct inherited
        *inherited; /* what an older process has for us; NULL: none. As long as the proxy, but empty once it serves */
    void *ctx;
};

struct proxy_boot {           /* the file that it started from, for admin; zeros: there is none */
    struct str message;       /* a packed envoy.config.bootstrap.v3.Bootstrap */
    const struct snap *fixed; /* its resources */
};

struct proxy {
    struct loop *loop;
    struct proxy_cfg cfg;
    struct worker_env env;
    struct mbox mbox;
    struct proxy_listener *listeners;
    unsigned n_listeners, next_id;
    struct serve *serve; /* the newest; a reference; NULL before the first */
    struct snap *snap;   /* what it was made from; a reference */
    struct rejects rejects;
    struct proxy_boot boot;
    struct metric_table *series; /* one per worker: its newest copy */
    struct stats **stats;        /* one per worker, for env.stats */
    struct server admin;         /* proxy/admin.h, when it is on */
    bool admin_on;
    uint64_t started; /* loop time */
    uint64_t drained; /* workers that are: a bit each */
    bool draining;
    bool failing;                   /* an admin has said so */
    uint64_t reset_at[STAT_COUNT_]; /* of /stats: what the counters were when they were reset */
    struct timer drain_timer;
};

/* Binds, starts workers; nothing is accepted before the first proxy_serve. */
int proxy_open(struct proxy **out, struct loop *l, const struct proxy_cfg *cfg, struct err *e) MUST_CHECK;
/* Builds a serving form (in: snap, identity, tables, absent, local_cluster; the rest is filled in) and hands it to all workers.
 */
int proxy_serve(struct proxy *p, struct serve_input *in, struct err *e) MUST_CHECK;
/* The same, with these listeners from now on. One whose address stays keeps its sockets; new ones are bound; those that are gone
 * drain: what the kernel has accepted is served, and connections end in order within the drain time. All of it, or nothing. */
int proxy_relisten(struct proxy *p, struct serve_input *in, const struct proxy_port *ports, unsigned n, struct err *e) MUST_CHECK;
/* For serve_input.spare, with the proxy as its context: what cannot be used stays as it was, and is told once in the log and by
 * /config_dump; but for what a file says and that has never been served. It holds for addresses of listeners, too. */
bool proxy_spare(void *proxy, const struct serve_bad *b);
void proxy_booted(struct proxy *p, const struct proxy_boot *b); /* borrowed until the next call */
void proxy_away(struct proxy *p,
                struct str name); /* whoever waits for that service (empty: for any) is told that the control plane is away */
void proxy_health(struct proxy *p, bool healthy); /* of the app */
void proxy_drain(struct proxy *p);
void proxy_drain_listeners(struct proxy *p); /* the same without an end: on_drained is not called */
/* A newer process has our sockets and serves (proxy/takeover.h): drains; the admin address is its, too. */
void proxy_hand_over(struct proxy *p);
void proxy_reopen_logs(struct proxy *p); /* files of access logs, by their paths */
void proxy_close(struct proxy **p);      /* ends everything at once */
/* All metrics as Prometheus text. */
void proxy_metrics(struct proxy *p, struct buf *out);
uint64_t proxy_stat(const struct proxy *p, enum stat_id id);
