// SPDX-License-Identifier: Apache-2.0
#include "proxy/accept.h"
#include <unistd.h>
#include "base/mem.h"
#include "http/stream.h"
#include "io/tls.h"
#include "proxy/detect.h"
#include "proxy/exch.h"
#include "proxy/gate.h"
#include "proxy/spread.h"
#include "proxy/tcp.h"

#define MESH_RESETS 32u /* as many clients as a pool puts on a connection (POOL_STREAMS) */

struct shared_cfg { /* of HTTP connections: few differ, and one serves all that are alike as long as the worker lives */
    struct list node;
    struct conn_cfg cfg;
};

/* ---- the HTTP connection ---- */

/* Whom the rules of its chain do not let in is closed before a request is looked at. */
static void on_open(struct conn *c) {
    struct down *d = c->user;
    const struct serve_listener *l = down_listener(d, down_lease(d));
    const struct serve_chain *chain = l ? serve_chain_get(l, d->chain) : NULL;
    struct str why;
    if (!chain || !chain->gate)
        return;
    down_learn(d, c->tr);
    if (gate_passes(d, chain, &why))
        return;
    log_debug(d->w->env->log, STR_FMT ": " STR_FMT, STR_ARG(down_text(d, DOWN_REMOTE)), STR_ARG(why));
    conn_abort(c, WEFT_E_CLOSED);
}

static void on_stream(struct conn *c, struct stream *s) {
    struct down *d = c->user;
    if (!d->known)
        down_learn(d, c->tr);
    if (d->w->draining || d->last || d->port->last || (d->max_requests && c->requests >= d->max_requests))
        conn_drain(c); /* this one is still served, and told that it is the last */
    exch_open(d, s);
}

static void on_bad(struct conn *c, struct stream *s, const struct err *why) {
    struct down *d = c->user;
    if (!d->known)
        down_learn(d, c->tr);
    exch_bad(d, s, why);
}

static void on_limit(struct conn *c, enum limit_id id) {
    struct down *d = c->user;
    const struct addr peer = addr_kept(&d->remote);
    worker_limit(d->w, STATS_DOWNSTREAM, id, &peer);
}

static void on_closed(struct conn *c, int why) {
    struct down *d = c->user;
    if (why == WEFT_E_TLS || why == WEFT_E_CERT) {
        char text[ADDR_TEXT];
        stat_add(&d->w->stats, STAT_down_cx_tls_error, 1);
        log_debug(d->w->env->log, "%s: %s", addr_kept_text(&d->remote, text), c->error->msg);
    }
    d->conn = NULL;
    down_free(d);
}

/* Compared octet by octet: it is zeroed before it is filled. */
static void fill_cfg(struct conn_cfg *cfg, const struct limits *l, const struct hcm *hcm) {
    memset(cfg, 0, sizeof(*cfg));
    cfg->proto = hcm->codec == HCM_HTTP1 ? CONN_H1 : hcm->codec == HCM_HTTP2 ? CONN_H2 : CONN_AUTO;
    cfg->upgrades = true;
    memcpy(&cfg->limits, &l->down, sizeof(cfg->limits));
    if (hcm->max_head) {
        cfg->limits.head = hcm->max_head;
        if (cfg->limits.line < hcm->max_head) /* it was said of the whole, the line in it */
            cfg->limits.line = UINT32_MAX;
    }
    if (hcm->max_headers)
        cfg->limits.fields = hcm->max_headers;
    if (hcm->h2.max_streams)
        cfg->limits.max_streams = hcm->h2.max_streams;
    if (hcm->h2.conn_window)
        cfg->limits.conn_window = hcm->h2.conn_window;
    cfg->stream_window = hcm->h2.stream_window;
    if (hcm->head_us)
        cfg->limits.head_timeout_us = hcm->head_us;
    if (hcm->idle_timeout_us)
        cfg->limits.idle_timeout_us = hcm->idle_timeout_us;
    if (hcm->stream_idle_us)
        cfg->limits.body_timeout_us = UINT64_MAX; /* that is about bodies too */
    cfg->on_limit = on_limit;
    cfg->on_open = on_open;
    cfg->on_stream = on_stream;
    cfg->on_bad = on_bad;
    cfg->on_closed = on_closed;
}

/* A peer of the mesh carries the requests of many on one connection, and is known by name: one client of its that cancels a lot
 * must not use up what all of them have. */
static void widen(struct conn_limits *l) {
    uint64_t resets = (uint64_t)l->resets * MESH_RESETS;
    l->resets = resets < UINT32_MAX ? (uint32_t)resets : UINT32_MAX;
}

static const struct conn_cfg *cfg_for(struct worker *w, const struct hcm *hcm, bool mesh) {
    struct conn_cfg want;
    fill_cfg(&want, w->env->limits, hcm);
    if (mesh)
        widen(&want.limits);
    LIST_FOR (n, &w->conn_cfgs) {
        struct shared_cfg *c = list_entry(n, struct shared_cfg, node);
        if (memcmp(&c->cfg, &want, sizeof(want)) == 0)
            return &c->cfg;
    }
    struct shared_cfg *c = mem_new(struct shared_cfg);
    memcpy(&c->cfg, &want, sizeof(want));
    list_push(&w->conn_cfgs, &c->node);
    return &c->cfg;
}

void accept_fini(struct worker *w) {
    struct list *n;
    while ((n = list_pop(&w->conn_cfgs)))
        free(list_entry(n, struct shared_cfg, node));
}

/* ---- before it: which chain ---- */
static void close_early(struct down *d) {
    detect_stop(d);
    transport_close(&d->tr);
    down_free(d);
}

static void on_old(struct down *d) {
    conn_drain(d->conn);
}

static void begin_http(struct down *d, const struct serve_chain *c) {
    const struct hcm *h = c->hcm;
    d->max_requests = h->max_requests;
    if (h->connection_us)
        down_after(d, h->connection_us, on_old);
    d->conn = conn_server(&d->w->loop, &d->tr, cfg_for(d->w, h, c->tls && down_lease(d)->serve->identity), d);
}

static void begin(struct down *d, const struct serve_chain *c) {
    d->chain = c->id;
    if (c->secrets.wait) { /* never in the clear instead */
        close_early(d);
        return;
    }
    if (c->tls)
        d->tr = tls_server(&d->tr, c->tls, d->w->env->limits->down.handshake_timeout_us, NULL, NULL);
    if (c->hcm)
        begin_http(d, c);
    else
        tcp_open(d, c->id);
}

static void choose(struct down *d, const struct chain_input *in) {
    const struct serve_listener *l = down_listener(d, down_lease(d));
    ptrdiff_t i = in && l && l->n_chains ? chain_pick(l->listener, in) : -1;
    if (in && i < 0)
        stat_add(&d->w->stats, STAT_down_cx_no_chain, 1);
    if (i >= 0)
        begin(d, &l->chains[i]);
    else
        close_early(d);
}

/* ---- accepting ---- */
static struct port *port_find(struct worker *w, unsigned id) {
    LIST_FOR (n, &w->ports)
        if (list_entry(n, struct port, node)->id == id)
            return list_entry(n, struct port, node);
    return NULL;
}

static void adopt(struct port *p, int fd, const struct addr *peer) {
    struct worker *w = p->w;
    struct down *d = mem_new(struct down);
    d->w = w;
    d->port = p;
    p->downs++;
    addr_keep(&d->remote, peer);
    list_push(&w->downs, &d->node);
    stat_add(&w->stats, STAT_down_cx, 1);
    d->direct = addr_octets(peer);
    d->peer = &peer_none;
    d->tr = sock_adopt(&w->loop, fd, peer, NULL, NULL);
    const struct serve_listener *l = down_listener(d, down_lease(d));
    if (w->stopping || !l || !l->listener)
        close_early(d);
    else
        detect_start(d, l, choose);
}

void accept_adopt(struct worker *w, const struct order *o) {
    struct port *p = port_find(w, o->port);
    if (p) {
        adopt(p, o->fd, &o->peer);
    } else { /* its listener went while the connection was on its way here */
        close(o->fd);
        atomic_fetch_sub_explicit(&w->stats.connections, 1, memory_order_relaxed);
        spread_give(o->spread, w->id);
        worker_check(w);
    }
    ref_put(o->spread);
}

/* One that has not seen its first snapshot yet would not know what to do with a connection. */
static uint64_t busy(void *ctx, unsigned worker) {
    const struct worker_env *env = ctx;
    const struct worker *w = env->at[worker];
    return atomic_load_explicit(&w->serving, memory_order_acquire)
               ? atomic_load_explicit(&w->stats.connections, memory_order_relaxed)
               : UINT64_MAX;
}

/* ---- when there are too many ---- */

enum { LOOK_AT = 64 };         /* connections, for one that can go */
#define IDLE_ENOUGH_US CLOCK_S /* who has just come will have a request */

static bool can_go(const struct down *d) {
    return d->conn && d->conn->streams == 0 && d->w->loop.now - d->conn->idle_since >= IDLE_ENOUGH_US;
}

/* Closes a connection that has no request under way, of the oldest ones first. Those that were looked at go to the end. */
static bool make_room(struct worker *w) {
    for (unsigned i = 0; i < LOOK_AT && !list_empty(&w->downs); i++) {
        struct down *d = list_entry(list_pop(&w->downs), struct down, node);
        list_push(&w->downs, &d->node);
        if (!can_go(d))
            continue;
        d->conn->idle_since = w->loop.now; /* it goes at the end of the turn: not to be found twice */
        conn_abort(d->conn, WEFT_E_LIMIT);
        return true;
    }
    return false;
}

static bool is_full(const struct worker *w) {
    uint64_t n = 0;
    for (unsigned i = 0; i < w->env->n; i++)
        n += atomic_load_explicit(&w->env->at[i]->stats.connections, memory_order_relaxed);
    return n >= w->env->overload.connections;
}

/* There are no descriptors: as bad as too many connections. */
static void on_no_files(struct sock_listener *sl) {
    struct port *p = sl->ctx;
    worker_limit(p->w, STATS_DOWNSTREAM, LIMIT_connections, &sl->addr);
    for (unsigned i = 0; i < LOOK_AT && make_room(p->w); i++)
        ;
}

/* Whose it is: of this listener's the worker with the fewest; what drains keeps what it still accepts. */
static struct worker *place(struct port *p) {
    struct worker *w = p->w;
    if (!w->draining && !p->last)
        return w->env->at[spread_take(p->spread, w->id, busy, w->env)];
    spread_add(p->spread, w->id);
    return w;
}

static void on_accept(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct port *p = sl->ctx;
    if (is_full(p->w)) {
        worker_limit(p->w, STATS_DOWNSTREAM, LIMIT_connections, peer);
        if (!make_room(p->w)) {
            close(fd);
            return;
        }
    }
    struct worker *to = place(p);
    atomic_fetch_add_explicit(&to->stats.connections, 1, memory_order_relaxed); /* counted where it will live, at once */
    if (to == p->w) {
        adopt(p, fd, peer);
        return;
    }
    struct order *o = order_new(ORDER_CONN);
    o->fd = fd;
    o->port = p->id;
    o->peer = *peer;
    o->spread = ref_get(p->spread);
    worker_order(to, o);
}

void accept_listen(struct port *p) {
    int fd = p->fd;
    p->fd = -1;
    sock_listen_fd(&p->sl, &p->w->loop, fd, on_accept, p);
    p->sl.on_full = on_no_files;
}

/* ---- ends ---- */
void accept_drain(struct down *d, bool patient) {
    if (d->tcp)
        return; /* nothing can be said to its peers: it goes on until it ends, or time is up */
    if (!d->conn) {
        if (!patient)
            close_early(d);
    } else {
        conn_drain_within(d->conn, d->w->grace_us);
    }
}

void accept_abort(struct down *d) {
    if (d->conn)
        conn_abort(d->conn, WEFT_E_CLOSED);
    else if (d->tcp)
        tcp_abort(d->tcp);
    else
        close_early(d);
}

void accept_expire(struct down *d, uint64_t after_us) {
    down_after(d, after_us, accept_abort);
}
