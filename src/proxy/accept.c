// SPDX-License-Identifier: Apache-2.0
#include "proxy/accept.h"
#include "base/mem.h"
#include "http/stream.h"
#include "io/tls.h"
#include "proxy/exch.h"

#define FIRST_OCTET_US (300 * CLOCK_S) /* like an idle connection */
#define TLS_HANDSHAKE 0x16             /* ContentType handshake (RFC 8446 §5.1) */

static void down_free(struct down *d) {
    struct worker *w = d->w;
    loop_timer_stop(&w->loop, &d->timer);
    list_remove(&d->node);
    atomic_fetch_sub_explicit(&w->stats.connections, 1, memory_order_relaxed);
    arena_fini(&d->mem);
    free(d);
    worker_check(w);
}

/* ---- the HTTP connection ---- */
static struct str xfcc_of(struct down *d, const struct tls_peer *tp) {
    const struct identity *own = d->w->lease->serve->identity;
    struct buf b = {0};
    if (own)
        buf_fmt(&b, "By=" STR_FMT ";", STR_ARG(own->spiffe));
    buf_fmt(&b, "Hash=%s;Subject=\"", tp->hash);
    for (size_t i = 0; i < tp->subject.len; i++) {
        char c = tp->subject.ptr[i];
        if (c == '"' || c == '\\')
            buf_addc(&b, '\\');
        buf_addc(&b, c >= 0x20 && c < 0x7f ? c : '?');
    }
    buf_fmt(&b, "\";URI=" STR_FMT, STR_ARG(tp->spiffe));
    struct str s = arena_dup(&d->mem, buf_str(&b));
    buf_fini(&b);
    return s;
}

static void learn_peer(struct down *d) {
    const struct tls_peer *tp = d->conn->tr->peer;
    char text[ADDR_TEXT];
    d->known = true;
    d->remote_text = arena_dup(&d->mem, str_of(addr_text(&d->remote, text)));
    d->remote_ip = arena_dup(&d->mem, str_of(addr_ip_text(&d->remote, text)));
    d->local_text = arena_dup(&d->mem, str_of(addr_text(&d->conn->tr->local, text)));
    if (!tp)
        return;
    d->peer.mtls = true;
    d->peer.spiffe = arena_dup(&d->mem, tp->spiffe);
    d->peer.ns = arena_dup(&d->mem, tp->ns);
    d->peer.service = arena_dup(&d->mem, tp->service);
    d->peer.xfcc = xfcc_of(d, tp);
}

static void on_stream(struct conn *c, struct stream *s) {
    struct down *d = c->user;
    if (!d->known)
        learn_peer(d);
    if (d->w->draining)
        conn_drain(c); /* this one is still served, and told that it is the last */
    exch_open(d, s);
}

static void on_bad(struct conn *c, struct stream *s, const struct err *why) {
    struct down *d = c->user;
    if (!d->known)
        learn_peer(d);
    exch_bad(d, s, why);
}

static void on_closed(struct conn *c, int why) {
    struct down *d = c->user;
    if (why == WEFT_E_TLS || why == WEFT_E_CERT) {
        char text[ADDR_TEXT];
        stat_add(&d->w->stats, STAT_down_cx_tls_error, 1);
        log_debug(d->w->env->log, "%s: %s", addr_text(&d->remote, text), c->error.msg);
    }
    d->conn = NULL;
    down_free(d);
}

static void begin_http(struct down *d) {
    loop_timer_stop(&d->w->loop, &d->timer);
    d->conn = conn_server(&d->w->loop, &d->tr, &d->port->cfg, d);
}

/* ---- before it: TLS or plain ---- */
static void close_early(struct down *d) {
    transport_close(&d->tr);
    down_free(d);
}

static void begin_tls(struct down *d, struct tls_ctx *ctx) {
    d->tr = tls_server(&d->tr, ctx, 0, NULL, NULL);
    begin_http(d);
}

static void on_first(void *arg, unsigned events) {
    struct down *d = arg;
    const struct serve_listener *l = &d->w->lease->serve->listener[d->port->index];
    unsigned char first;
    ssize_t n = events & TR_FAIL ? 0 : sock_peek(d->tr, &first, 1);
    if (n == WEFT_E_AGAIN)
        return;
    if (n <= 0)
        close_early(d);
    else if (first == TLS_HANDSHAKE && l->tls)
        begin_tls(d, l->tls);
    else
        begin_http(d);
}

static void on_no_octet(struct timer *t) {
    close_early(container_of(t, struct down, timer));
}

/* ---- accepting ---- */
void accept_adopt(struct worker *w, unsigned port, int fd, const struct addr *peer) {
    const struct serve_listener *l = &w->lease->serve->listener[port];
    struct down *d = mem_new(struct down);
    d->w = w;
    d->port = &w->port[port];
    d->remote = *peer;
    list_push(&w->downs, &d->node);
    stat_add(&w->stats, STAT_down_cx, 1);
    d->tr = sock_adopt(&w->loop, fd, peer, on_first, d);
    if (w->stopping) {
        close_early(d);
    } else if (l->tls && !l->plain) {
        begin_tls(d, l->tls);
    } else if (l->tls) {
        loop_timer(&w->loop, &d->timer, FIRST_OCTET_US, on_no_octet);
    } else {
        begin_http(d);
    }
}

/* The worker with the fewest connections; the accepting one wins a tie, since that costs no wake-up. One that has not seen its
 * first snapshot yet would not know what to do with a connection. */
static struct worker *fewest(struct worker *self) {
    struct worker *best = self;
    uint64_t least = atomic_load_explicit(&self->stats.connections, memory_order_relaxed);
    for (unsigned i = 0; i < self->env->n; i++) {
        struct worker *w = self->env->at[i];
        uint64_t n = atomic_load_explicit(&w->stats.connections, memory_order_relaxed);
        if (n < least && atomic_load_explicit(&w->serving, memory_order_acquire)) {
            least = n;
            best = w;
        }
    }
    return best;
}

static void on_accept(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct port *p = sl->ctx;
    struct worker *to = p->w->draining ? p->w : fewest(p->w);
    atomic_fetch_add_explicit(&to->stats.connections, 1, memory_order_relaxed); /* counted where it will live, at once */
    if (to == p->w) {
        accept_adopt(to, p->index, fd, peer);
        return;
    }
    struct order *o = order_new(ORDER_CONN);
    o->fd = fd;
    o->port = p->index;
    o->peer = *peer;
    worker_order(to, o);
}

void accept_listen(struct port *p) {
    int fd = p->fd;
    p->fd = -1;
    sock_listen_fd(&p->sl, &p->w->loop, fd, on_accept, p);
}

void accept_cfg(struct port *p, const struct hcm *hcm) {
    p->cfg.proto = hcm->codec == HCM_HTTP1 ? CONN_H1 : hcm->codec == HCM_HTTP2 ? CONN_H2 : CONN_AUTO;
    p->cfg.limits.head = hcm->max_head;
    p->cfg.limits.idle_timeout_us = hcm->idle_timeout_us;
    p->cfg.on_stream = on_stream;
    p->cfg.on_bad = on_bad;
    p->cfg.on_closed = on_closed;
}

/* ---- ends ---- */
void accept_drain(struct down *d, bool patient) {
    if (!d->conn) {
        if (!patient)
            close_early(d);
    } else if (!patient || d->conn->requests) {
        conn_drain(d->conn);
    }
}

void accept_abort(struct down *d) {
    if (d->conn)
        conn_abort(d->conn, WEFT_E_CLOSED);
    else
        close_early(d);
}
