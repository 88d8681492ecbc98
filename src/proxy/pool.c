// SPDX-License-Identifier: Apache-2.0
#include "proxy/pool.h"
#include "base/mem.h"
#include "base/rand.h"
#include "proxy/dial.h"
#include "proxy/worker.h"

#define KEEPALIVE_US (30 * CLOCK_S) /* between sidecars */
#define PONG_US (20 * CLOCK_S)

struct up {           /* an upstream connection, dialling or open; conn->user */
    struct list node; /* in pool.free */
    struct list all;  /* in worker.ups */
    struct pool *pool;
    struct pool_lane *lane; /* that dialled it; NULL: its waiter did, for itself */
    struct pool_wait *waiter;
    struct conn *c;
    struct up_cfg *cfg;    /* NULL: one of the worker's */
    uint64_t until;        /* the end of its life */
    uint64_t max_requests; /* that it carries; 0: any number */
    bool opened;
};

static struct pool *pool_of(struct worker *w, struct host *h) {
    struct pool *p = h->pool[w->id];
    if (p)
        return p;
    p = mem_new(struct pool);
    p->w = w;
    p->host = ref_get(h);
    list_init(&p->free);
    for (unsigned i = 0; i < LANES; i++)
        list_init(&p->lane[i].waiters);
    list_push(&w->pools, &p->node);
    h->pool[w->id] = p;
    return p;
}

static void release(struct pool *p) {
    if (p->conns || p->lane[LANE_ANY].n_waiters || p->lane[LANE_UPGRADE].n_waiters)
        return;
    list_remove(&p->node);
    p->host->pool[p->w->id] = NULL;
    ref_put(p->host);
    free(p);
}

static bool retired(const struct pool *p) {
    return atomic_load_explicit(&p->host->retired, memory_order_relaxed);
}

static bool spent(const struct up *u) {
    return u->pool->w->loop.now >= u->until || (u->max_requests && u->c->requests >= u->max_requests);
}

/* No more requests on it. */
static void let_go(struct up *u) {
    list_remove(&u->node);
    conn_drain(u->c); /* on_closed comes from the loop, never from here */
}

/* ---- dialling ---- */

/* What a dial for the lane is to speak. */
static enum conn_proto proto_for(const struct pool *p, const struct pool_lane *lane) {
    bool avoid_h2 = lane == &p->lane[LANE_UPGRADE] && p->no_upgrades;
    return p->host->proto == CONN_AUTO && avoid_h2 ? CONN_H1 : p->host->proto;
}

/* How many of the lane's waiters one dial serves. */
static unsigned worth(const struct pool *p, const struct pool_lane *lane) {
    enum conn_proto proto = proto_for(p, lane);
    return proto == CONN_H1 || (proto == CONN_AUTO && p->h1) ? 1 : p->streams;
}

struct up_cfg { /* of clusters that want something of their own; few differ */
    struct list node;
    struct conn_cfg cfg;
    size_t conns; /* that have it */
};

/* A peer that is gone without a word is noticed by a PING: as its cluster says, else between sidecars, whose connections carry
 * the requests of many. */
static struct conn_cfg want_cfg(const struct worker *w, enum conn_proto proto, const struct serve_cluster *c,
                                const struct host *h) {
    struct conn_cfg cfg = w->up_cfg[proto];
    const struct cluster *k = c->cluster;
    bool own = k->keepalive_us, mesh = c->identity && h->mtls;
    if (own || mesh) {
        cfg.ping_us = own ? k->keepalive_us : KEEPALIVE_US;
        cfg.pong_us = own ? k->keepalive_timeout_us : PONG_US;
        cfg.ping_busy = !own;
    }
    cfg.stream_window = k->h2.stream_window;
    if (k->h2.conn_window)
        cfg.limits.conn_window = k->h2.conn_window;
    if (k->h2.max_streams)
        cfg.limits.max_streams = k->h2.max_streams;
    return cfg;
}

static bool same_cfg(const struct conn_cfg *a, const struct conn_cfg *b) { /* of one protocol of one worker */
    return a->ping_us == b->ping_us && a->pong_us == b->pong_us && a->ping_busy == b->ping_busy &&
           a->stream_window == b->stream_window && a->limits.conn_window == b->limits.conn_window &&
           a->limits.max_streams == b->limits.max_streams;
}

/* NULL: the worker's own will do. A control plane may change its mind for ever, so what no connection has is dropped. */
static struct up_cfg *cfg_for(struct worker *w, enum conn_proto proto, const struct serve_cluster *c, const struct host *h) {
    struct conn_cfg want = want_cfg(w, proto, c, h);
    if (same_cfg(&want, &w->up_cfg[proto]))
        return NULL;
    LIST_FOR (n, &w->up_cfgs) {
        struct up_cfg *u = list_entry(n, struct up_cfg, node);
        if (u->cfg.proto == proto && same_cfg(&u->cfg, &want))
            return u;
        if (!u->conns) {
            list_remove(n);
            free(u);
        }
    }
    struct up_cfg *u = mem_new(struct up_cfg);
    u->cfg = want;
    list_push(&w->up_cfgs, &u->node);
    return u;
}

void pool_fini(struct worker *w) {
    struct list *n;
    while ((n = list_pop(&w->up_cfgs)))
        free(list_entry(n, struct up_cfg, node));
}

static struct up *add(struct pool *p, struct transport *tr, enum conn_proto proto, struct up_cfg *own) {
    struct worker *w = p->w;
    struct up *u = mem_new(struct up);
    u->cfg = own;
    if (own)
        own->conns++;
    u->pool = p;
    u->until = w->loop.now + rand_jitter(&w->loop.rand, POOL_LIFE_US, 25);
    p->conns++;
    list_push(&w->ups, &u->all);
    stat_add(&w->stats, STAT_up_cx, 1);
    u->c = conn_client(&w->loop, &tr, own ? &own->cfg : &w->up_cfg[proto], u);
    return u;
}

static void dial(struct pool *p, struct pool_lane *lane, const struct serve_cluster *c) {
    enum conn_proto proto = proto_for(p, lane);
    bool h1 = proto == CONN_H1 && c->tls_h1;
    lane->dialling++;
    struct transport *tr = dial_host(&p->w->loop, c, p->host, h1 ? c->tls_h1 : c->tls, NULL, NULL, NULL);
    struct up *u = add(p, tr, proto, cfg_for(p->w, proto, c, p->host));
    u->lane = lane;
    u->max_requests = c->cluster->max_requests;
}

static void dial_enough(struct pool *p, struct pool_lane *lane) {
    while (lane->n_waiters && lane->n_waiters > lane->dialling * worth(p, lane))
        dial(p, lane, list_entry(lane->waiters.next, struct pool_wait, node)->cluster);
}

static struct pool_wait *next_waiter(struct pool_lane *lane) {
    struct list *n = list_pop(&lane->waiters);
    if (!n)
        return NULL;
    struct pool_wait *pw = list_entry(n, struct pool_wait, node);
    lane->n_waiters--;
    pw->lane = NULL;
    return pw;
}

/* ---- connections ---- */

static void opened(struct up *u) {
    u->opened = true;
    if (!u->lane)
        return;
    u->lane->dialling--;
    if (proto_for(u->pool, u->lane) != u->pool->host->proto)
        return; /* it had no choice */
    u->pool->h1 = !u->c->h2;
    u->pool->no_upgrades = u->c->no_upgrades;
}

/* Whoever waits and can use this connection gets it. */
static void serve_waiters(struct up *u) {
    struct pool *p = u->pool;
    struct pool_wait *pw;
    while (!u->c->no_upgrades && !spent(u) && conn_capacity(u->c) && (pw = next_waiter(&p->lane[LANE_UPGRADE])))
        pw->ready(pw, u->c);
    while (!spent(u) && conn_capacity(u->c) && (pw = next_waiter(&p->lane[LANE_ANY])))
        pw->ready(pw, u->c);
}

/* Those for whom no dial is left. They are taken out first: they may wait here again. */
static void fail_waiters(struct pool *p, struct pool_lane *lane, int why, const struct err *e) {
    unsigned left = lane->dialling * worth(p, lane);
    struct list victims;
    struct list *n;
    list_init(&victims);
    while (lane->n_waiters > left)
        list_push(&victims, &next_waiter(lane)->node);
    while ((n = list_pop(&victims))) {
        struct pool_wait *pw = list_entry(n, struct pool_wait, node);
        pw->failed(pw, why ? why : WEFT_E_CONNECT, e);
    }
}

static const struct err no_upgrades = {WEFT_E_UNSUPPORTED, "the upstream takes no upgrades over HTTP/2"};

/* Whoever dialled for himself; NULL: has left. */
static struct pool_wait *take_waiter(struct up *u) {
    struct pool_wait *pw = u->waiter;
    u->waiter = NULL;
    if (pw)
        pw->own = NULL;
    return pw;
}

static void on_ready(struct conn *c) {
    struct up *u = c->user;
    struct pool *p = u->pool;
    struct pool_wait *pw = take_waiter(u);
    list_remove(&u->node);
    if (!u->opened)
        opened(u);
    if (!u->lane) {
        if (pw)
            pw->ready(pw, c);
        return;
    }
    serve_waiters(u);
    dial_enough(p, &p->lane[LANE_ANY]);
    if (p->host->proto == CONN_H2 && p->no_upgrades)
        fail_waiters(p, &p->lane[LANE_UPGRADE], WEFT_E_UNSUPPORTED, &no_upgrades);
    else
        dial_enough(p, &p->lane[LANE_UPGRADE]);
    if (retired(p) || p->w->stopping || spent(u))
        let_go(u);
    else if (conn_capacity(c))
        list_push_front(&p->free, &u->node);
}

static void on_drain(struct conn *c) {
    struct up *u = c->user;
    list_remove(&u->node);
}

static void on_closed(struct conn *c, int why) {
    struct up *u = c->user;
    struct pool *p = u->pool;
    struct worker *w = p->w;
    list_remove(&u->node);
    list_remove(&u->all);
    struct pool_wait *pw = take_waiter(u);
    if (!u->opened)
        stat_add(&w->stats, STAT_up_cx_fail, 1);
    if (pw) {
        pw->failed(pw, why ? why : WEFT_E_CONNECT, c->error);
    } else if (!u->opened && u->lane) {
        u->lane->dialling--;
        fail_waiters(p, u->lane, why, c->error);
    }
    p->conns--;
    if (u->cfg)
        u->cfg->conns--; /* the connection still looks at it: who dials next frees it */
    free(u);
    release(p);
    worker_check(w);
}

static void on_limit(struct conn *c, enum limit_id id) {
    struct up *u = c->user;
    worker_limit(u->pool->w, STATS_UPSTREAM, id, &u->pool->host->addr);
}

void pool_cfg(struct conn_cfg *cfg, enum conn_proto proto, const struct conn_limits *limits) {
    *cfg = (struct conn_cfg){.proto = proto,
                             .limits = *limits,
                             .on_ready = on_ready,
                             .on_drain = on_drain,
                             .on_limit = on_limit,
                             .on_closed = on_closed};
    cfg->limits.body_timeout_us = UINT64_MAX; /* how long an upstream may take is the route's business */
    if (!limits->max_streams)
        cfg->limits.max_streams = POOL_STREAMS;
}

/* ---- the door ---- */

struct conn *pool_take(struct worker *w, struct host *h, unsigned lane, uint64_t max_idle_us) {
    struct pool *p = h->pool[w->id];
    if (!p)
        return NULL;
    LIST_FOR (n, &p->free) {
        struct up *u = list_entry(n, struct up, node);
        struct conn *c = u->c;
        if (spent(u)) {
            let_go(u);
            continue;
        }
        if (c->no_upgrades && lane == LANE_UPGRADE)
            continue;
        if (!c->h2 && w->loop.now - c->idle_since > max_idle_us && c->requests)
            return NULL;                 /* the freshest comes first: all behind it are older */
        if (!c->h2 || !conn_capacity(c)) /* on_ready brings it back when it takes a request again */
            list_remove(&u->node);
        if (conn_capacity(c))
            return c;
    }
    return NULL;
}

void pool_wait(struct worker *w, struct serve_cluster *c, struct host *h, unsigned lane, struct pool_wait *pw) {
    struct pool *p = pool_of(w, h);
    pw->lane = &p->lane[lane];
    pw->cluster = c;
    p->streams = c->cluster->h2.max_streams ? c->cluster->h2.max_streams : POOL_STREAMS;
    list_push(&pw->lane->waiters, &pw->node);
    pw->lane->n_waiters++;
    dial_enough(p, pw->lane);
}

void pool_wait_raw(struct worker *w, struct serve_cluster *c, struct host *h, const struct transport *from,
                   struct pool_wait *pw) {
    struct pool *p = pool_of(w, h);
    struct up *u = add(p, dial_host(&w->loop, c, h, c->tls_raw, from, NULL, NULL), CONN_RAW, NULL);
    u->waiter = pw;
    pw->own = u;
}

void pool_wait_cancel(struct pool_wait *pw) {
    if (pw->own) {
        struct up *u = pw->own;
        take_waiter(u);
        conn_abort(u->c, WEFT_E_CANCELLED);
        return;
    }
    list_remove(&pw->node); /* its dial goes on and serves the next; the pool is released when that ends */
    if (pw->lane)
        pw->lane->n_waiters--;
    pw->lane = NULL;
}

void pool_sweep(struct worker *w, uint64_t max_idle_us) {
    LIST_FOR (n, &w->ups) {
        struct up *u = list_entry(n, struct up, all);
        bool idle = !u->waiter && !u->c->streams && w->loop.now - u->c->idle_since >= max_idle_us;
        if (u->opened && !u->c->draining && (idle || retired(u->pool) || spent(u)))
            let_go(u);
    }
}

void pool_abort_all(struct worker *w) {
    LIST_FOR (n, &w->ups)
        conn_abort(list_entry(n, struct up, all)->c, WEFT_E_CLOSED);
}
