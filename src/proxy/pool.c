// SPDX-License-Identifier: Apache-2.0
#include "proxy/pool.h"
#include "base/mem.h"
#include "http/conn.h"
#include "io/sock.h"
#include "io/tls.h"
#include "proxy/worker.h"

struct up {           /* an upstream connection, dialling or open; conn->user */
    struct list node; /* in pool.idle */
    struct list all;  /* in worker.ups */
    struct pool *pool;
    struct conn *c;
    bool opened;
};

static struct pool *pool_of(struct worker *w, struct host *h) {
    struct pool *p = h->pool[w->id];
    if (p)
        return p;
    p = mem_new(struct pool);
    p->w = w;
    p->host = ref_get(h);
    list_init(&p->idle);
    list_init(&p->waiters);
    list_push(&w->pools, &p->node);
    h->pool[w->id] = p;
    return p;
}

static void release(struct pool *p) {
    if (p->conns || !list_empty(&p->waiters))
        return;
    list_remove(&p->node);
    p->host->pool[p->w->id] = NULL;
    ref_put(p->host);
    free(p);
}

static bool retired(const struct pool *p) {
    return atomic_load_explicit(&p->host->retired, memory_order_relaxed);
}

/* ---- connections ---- */
static void on_ready(struct conn *c) {
    struct up *u = c->user;
    struct pool *p = u->pool;
    u->opened = true;
    list_remove(&u->node);
    struct list *first = list_pop(&p->waiters);
    if (first) {
        struct pool_wait *pw = list_entry(first, struct pool_wait, node);
        pw->ready(pw, c);
    } else if (retired(p) || p->w->stopping) {
        conn_drain(c);
    } else {
        list_push_front(&p->idle, &u->node);
    }
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
    p->conns--;
    list_remove(&u->all);
    if (!u->opened) {
        stat_add(&w->stats, STAT_up_cx_fail, 1);
        struct list *first = list_pop(&p->waiters);
        if (first) {
            struct pool_wait *pw = list_entry(first, struct pool_wait, node);
            pw->failed(pw, why ? why : WEFT_E_CONNECT, &c->error);
        }
    }
    free(u);
    release(p);
    worker_check(w);
}

void pool_cfg(struct conn_cfg *cfg) {
    *cfg = (struct conn_cfg){.proto = CONN_H1, .on_ready = on_ready, .on_drain = on_drain, .on_closed = on_closed};
    cfg->limits.body_timeout_us = UINT64_MAX; /* how long an upstream may take is the route's business */
}

static struct str authority_sni(const struct serve_cluster *c) {
    return c->cluster->tls ? c->cluster->tls->sni : STR_NONE;
}

static void dial(struct pool *p, struct serve_cluster *c) {
    struct worker *w = p->w;
    uint64_t timeout = c->cluster->connect_timeout_us;
    struct transport *tr = sock_dial(&w->loop, &p->host->addr, timeout, NULL, NULL);
    if (p->host->mtls && c->tls) {
        const struct tls_context *t = c->cluster->tls;
        tr = tls_client(&tr, c->tls, authority_sni(c), t ? t->sans : NULL, t ? t->n_sans : 0, timeout, NULL, NULL);
    }
    struct up *u = mem_new(struct up);
    u->pool = p;
    p->conns++;
    list_push(&w->ups, &u->all);
    stat_add(&w->stats, STAT_up_cx, 1);
    u->c = conn_client(&w->loop, &tr, &w->up_cfg, u);
}

/* ---- the door ---- */
struct conn *pool_take(struct worker *w, struct host *h, uint64_t max_idle_us) {
    struct pool *p = h->pool[w->id];
    if (!p)
        return NULL;
    LIST_FOR (n, &p->idle) {
        struct up *u = list_entry(n, struct up, node);
        if (w->loop.now - u->c->idle_since > max_idle_us && u->c->requests)
            return NULL; /* LIFO: all behind it are older */
        list_remove(&u->node);
        if (conn_capacity(u->c))
            return u->c;
    }
    return NULL;
}

void pool_wait(struct worker *w, struct serve_cluster *c, struct host *h, struct pool_wait *pw) {
    struct pool *p = pool_of(w, h);
    list_push(&p->waiters, &pw->node);
    dial(p, c);
}

void pool_wait_cancel(struct pool_wait *pw) {
    list_remove(&pw->node); /* its dial goes on and serves the next; the pool is released when that ends */
}

void pool_sweep(struct worker *w, uint64_t max_idle_us) {
    LIST_FOR (n, &w->pools) {
        struct pool *p = list_entry(n, struct pool, node);
        LIST_FOR (m, &p->idle) {
            struct up *u = list_entry(m, struct up, node);
            if (retired(p) || w->loop.now - u->c->idle_since >= max_idle_us) {
                list_remove(&u->node);
                conn_drain(u->c); /* on_closed comes from the loop, never from here */
            }
        }
    }
}

void pool_abort_all(struct worker *w) {
    LIST_FOR (n, &w->ups)
        conn_abort(list_entry(n, struct up, all)->c, WEFT_E_CLOSED);
}
