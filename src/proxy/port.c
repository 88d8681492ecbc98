// SPDX-License-Identifier: Apache-2.0
#include "proxy/port.h"
#include <unistd.h>
#include "base/mem.h"
#include "proxy/accept.h"

void port_add(struct worker *w, unsigned id, int fd, struct spread *spread) {
    struct port *p = mem_new(struct port);
    p->w = w;
    p->id = id;
    p->fd = fd;
    p->spread = spread;
    p->sl.fd = -1;
    list_push(&w->ports, &p->node);
}

static void port_free(struct port *p) {
    loop_timer_stop(&p->w->loop, &p->drain);
    lease_drop(&p->last);
    if (p->fd >= 0)
        close(p->fd);
    list_remove(&p->node);
    ref_put(p->spread);
    free(p);
}

static void close_port(struct port *p, bool served) {
    if (p->fd >= 0)
        accept_listen(p); /* never had a snapshot: as good as served */
    if (served)
        sock_listener_drain(&p->sl);
    sock_listener_close(&p->sl);
}

/* ---- a listener that is no more ---- */
static void on_drain_over(struct timer *t) {
    struct port *p = container_of(t, struct port, drain);
    LIST_FOR (n, &p->w->downs) {
        struct down *d = list_entry(n, struct down, node);
        if (d->port == p)
            accept_abort(d);
    }
    if (p->downs) /* an aborted HTTP connection ends from the loop */
        loop_timer(&p->w->loop, &p->drain, CLOCK_MS, on_drain_over);
    else
        port_free(p);
}

static void retire(struct port *p) {
    struct worker *w = p->w;
    p->last = lease_take(w);
    close_port(p, true);
    LIST_FOR (n, &w->downs) {
        struct down *d = list_entry(n, struct down, node);
        if (d->port == p)
            accept_drain(d, true);
    }
    loop_timer(&w->loop, &p->drain, w->env->drain_us, on_drain_over);
}

/* ---- chains that are no more ---- */
static bool lost_chain(const struct serve_listener *was, const struct serve_listener *now) {
    for (unsigned i = 0; i < was->n_chains; i++)
        if (!serve_chain_get(now, was->chains[i].id))
            return true;
    return false;
}

static void retire_chains(struct port *p, const struct serve_listener *now) {
    struct worker *w = p->w;
    LIST_FOR (n, &w->downs) {
        struct down *d = list_entry(n, struct down, node);
        if (d->port != p || d->last || !d->chain || serve_chain_get(now, d->chain))
            continue;
        d->last = lease_take(w);
        accept_expire(d, w->env->drain_us);
        accept_drain(d, true);
    }
}

void port_retire(struct worker *w, const struct serve *next) {
    if (!w->lease)
        return;
    LIST_FOR (n, &w->ports) {
        struct port *p = list_entry(n, struct port, node);
        const struct serve_listener *was = serve_listener_get(w->lease->serve, p->id), *now = serve_listener_get(next, p->id);
        if (p->last || !was)
            continue;
        if (!now)
            retire(p);
        else if (was->listener != now->listener && lost_chain(was, now))
            retire_chains(p, now);
    }
}

void port_serve(struct worker *w) {
    LIST_FOR (n, &w->ports) {
        struct port *p = list_entry(n, struct port, node);
        const struct serve_listener *l = serve_listener_get(w->lease->serve, p->id);
        if (l && l->n_chains && p->fd >= 0)
            accept_listen(p);
    }
}

/* ---- ends ---- */
void port_close_all(struct worker *w, bool served) {
    LIST_FOR (n, &w->ports)
        close_port(list_entry(n, struct port, node), served);
}

void port_fini(struct worker *w) {
    LIST_FOR (n, &w->ports)
        port_free(list_entry(n, struct port, node));
}
