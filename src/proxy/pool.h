// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pool: the upstream connections of one worker to one host: those that take a request now, dials under way, and who waits for
 * one. A pool lives as long as it has a connection or somebody waits, and holds its host.
 *
 * HTTP/1.1: one request at a time, the freshest idle connection first. HTTP/2: shared by at most POOL_STREAMS requests (or as
 * many as the cluster says; fewer where the peer says so) before another is opened. What a host speaks by ALPN shows with the
 * first connection; until then it is taken for HTTP/2, so that many who wait share one dial; when it turns out to be HTTP/1.1 the
 * others get dials of their own. A connection that drains (GOAWAY, Connection: close, its lifetime is over) leaves at once and
 * ends when its last request does. A tunnel of octets has a connection of its own, which no other waits for. Threads: its
 * worker's. Tests: tests/unit/proxy/pool.c
 */
#include "base/list.h"
#include "http/conn.h"
#include "proxy/serve.h"
struct transport;
struct up;
struct worker;

#define POOL_STREAMS 32u              /* requests at once on one HTTP/2 connection (architecture.md) */
#define POOL_LIFE_US (3600 * CLOCK_S) /* of a connection; a quarter more or less, by chance */

struct pool_lane {       /* dials for one kind of need, and who waits for them */
    struct list waiters; /* struct pool_wait */
    unsigned n_waiters, dialling;
};
enum { LANE_ANY, LANE_UPGRADE /* takes an upgrade: HTTP/1.1, or HTTP/2 with extended CONNECT */, LANES };

struct pool {
    struct list node; /* in worker.pools */
    struct worker *w;
    struct host *host; /* reference */
    struct list free;  /* struct up: those that take a request, the freshest first */
    struct pool_lane lane[LANES];
    unsigned conns;   /* open and dialling */
    unsigned streams; /* that an HTTP/2 connection carries at a time */
    bool h1;          /* the host has shown that it speaks HTTP/1.1 only, */
    bool no_upgrades; /* or HTTP/2 without extended CONNECT */
};

struct pool_wait { /* embed; zeros wait for nothing */
    struct list node;
    struct pool_lane *lane;
    struct up *own;                /* the dial of pool_wait_raw; private to pool.c */
    struct serve_cluster *cluster; /* how to dial; borrowed */
    /* One of both, once, from the loop. The connection takes a request now. */
    void (*ready)(struct pool_wait *pw, struct conn *c);
    void (*failed)(struct pool_wait *pw, int why, const struct err *e);
};

/* A connection that takes a request now, or NULL. max_idle_us: of HTTP/1.1 only one that was used within that time. */
struct conn *pool_take(struct worker *w, struct host *h, unsigned lane, uint64_t max_idle_us);
/* Waits for a connection, and dials when those under way are not enough; whichever is free first serves. */
void pool_wait(struct worker *w, struct serve_cluster *c, struct host *h, unsigned lane, struct pool_wait *pw);
/* Dials for `pw` alone: a connection of CONN_RAW, for the octets of `from` (proxy/dial.h). */
void pool_wait_raw(struct worker *w, struct serve_cluster *c, struct host *h, const struct transport *from, struct pool_wait *pw);
void pool_wait_cancel(struct pool_wait *pw);
void pool_cfg(struct conn_cfg *cfg, enum conn_proto proto, const struct conn_limits *limits); /* of upstream connections */
/* Lets go of those without a request for so long, of retired hosts, and past their lifetime. */
void pool_sweep(struct worker *w, uint64_t max_idle_us);
void pool_fini(struct worker *w);      /* after the last connection */
void pool_abort_all(struct worker *w); /* at once, also those in use and under way */
