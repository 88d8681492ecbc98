// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pool: the upstream connections of one worker to one host: idle ones in LIFO order, dials under way, and who waits for one. A
 * pool lives as long as it has a connection or somebody waits, and holds its host. Threads: its worker's. */
#include "base/list.h"
#include "proxy/serve.h"
struct conn;
struct conn_cfg;
struct worker;

struct pool {
    struct list node; /* in worker.pools */
    struct worker *w;
    struct host *host;   /* reference */
    struct list idle;    /* struct up, the freshest first */
    struct list waiters; /* struct pool_wait */
    unsigned conns;      /* open and dialling */
};

struct pool_wait { /* embed; zeros wait for nothing */
    struct list node;
    /* One of both, once, from the loop. The connection takes a request now. */
    void (*ready)(struct pool_wait *pw, struct conn *c);
    void (*failed)(struct pool_wait *pw, int why, const struct err *e);
};

/* An idle connection that takes a request now, or NULL. max_idle_us: only one that was used within that time. */
struct conn *pool_take(struct worker *w, struct host *h, uint64_t max_idle_us);
/* Dials and waits; whichever connection is free first serves. */
void pool_wait(struct worker *w, struct serve_cluster *c, struct host *h, struct pool_wait *pw);
void pool_wait_cancel(struct pool_wait *pw);
void pool_cfg(struct conn_cfg *cfg);                     /* of upstream connections */
void pool_sweep(struct worker *w, uint64_t max_idle_us); /* closes those idle for longer, and idle ones of retired hosts */
void pool_abort_all(struct worker *w);                   /* at once, also those in use and under way */
