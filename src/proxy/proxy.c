// SPDX-License-Identifier: Apache-2.0
#include "proxy/proxy.h"
#include <sched.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/file.h"
#include "proxy/identity.h"
#include "proxy/inherited.h"
#include "proxy/spread.h"
#include "xds/xds.h"

static unsigned usable_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

/* What the cgroup allows: "QUOTA PERIOD", or "max PERIOD" without a limit; rounded up. */
static unsigned quota_cpus(void) {
    struct buf text = {0};
    uint64_t quota = 0, period = 0;
    if (file_read(STR("/sys/fs/cgroup/cpu.max"), 256, &text, NULL) >= 0) {
        struct str rest = str_trim(buf_str(&text)), first = str_cut(&rest, ' ');
        struct str second = str_cut(&rest, '\n');
        if (!str_u64(first, UINT64_MAX / 2, &quota) || !str_u64(second, UINT64_MAX / 2, &period))
            quota = period = 0;
    }
    buf_fini(&text);
    return period ? (unsigned)((quota + period - 1) / period) : UINT32_MAX;
}

static unsigned default_workers(void) {
    unsigned cpus = usable_cpus(), quota = quota_cpus();
    return quota && quota < cpus ? quota : cpus;
}

/* ---- reports of workers ---- */
static void all_drained(struct proxy *p) {
    loop_timer_stop(p->loop, &p->drain_timer);
    p->cfg.on_drained(p->cfg.ctx);
}

/* A connection may have been on its way from one worker to another: it is in the counts. */
static void take_drained(struct proxy *p, unsigned worker) {
    uint64_t left = 0;
    p->drained |= 1ull << worker;
    for (unsigned i = 0; i < p->env.n; i++)
        left += atomic_load_explicit(&p->stats[i]->connections, memory_order_relaxed);
    if (left == 0 && p->drained == UINT64_MAX >> (64 - p->env.n) && timer_running(&p->drain_timer))
        all_drained(p);
}

static void answer_metrics(struct proxy *p, unsigned worker) {
    struct order *o = order_new(ORDER_TEXT);
    proxy_metrics(p, &o->text);
    worker_order(p->env.at[worker], o);
}

static void on_report(struct mbox *m, struct mbox_msg *msg) {
    struct proxy *p = m->ctx;
    struct report *r = container_of(msg, struct report, msg);
    switch (r->kind) {
    case REPORT_WANT:
        if (p->cfg.on_want)
            p->cfg.on_want(p->cfg.ctx, str_of(r->name));
        break;
    case REPORT_SERIES:
        metric_table_fini(&p->series[r->worker]);
        p->series[r->worker] = r->series;
        break;
    case REPORT_METRICS: answer_metrics(p, r->worker); break;
    case REPORT_DRAINED: take_drained(p, r->worker); break;
    }
    free(r);
}

void proxy_metrics(struct proxy *p, struct buf *out) {
    struct metric_table merged = {0};
    for (unsigned i = 0; i < p->env.n; i++)
        metric_merge(&merged, &p->series[i]);
    overload_print(&p->env.overload, out);
    if (p->serve && p->serve->identity)
        identity_print(p->serve->identity, loop_wall(p->loop), out);
    stats_prometheus(&p->env.stats, &merged, out);
    metric_table_fini(&merged);
}

uint64_t proxy_stat(const struct proxy *p, enum stat_id id) {
    return stats_sum(&p->env.stats, id);
}

void proxy_away(struct proxy *p, struct str name) {
    for (unsigned i = 0; i < p->env.n; i++) {
        struct order *o = order_new(ORDER_AWAY);
        str_z(name, o->name, sizeof(o->name));
        worker_order(p->env.at[i], o);
    }
}

void proxy_health(struct proxy *p, bool healthy) {
    atomic_store_explicit(&p->env.app_healthy, healthy, memory_order_relaxed);
}

/* ---- listeners ---- */

/* SO_REUSEPORT lets a second proxy of the same user take a share of our port without an error; binding once without it first
 * finds out whether somebody is there. */
static int probe_free(const struct addr *a, struct err *e) {
    struct addr bound;
    if (addr_port(a) == 0)
        return 0;
    int fd = sock_bind(a, &(struct sock_listen_opts){0}, &bound, e);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static void unbind(struct proxy_socks *s) {
    while (s->n)
        close(s->fds[--s->n]);
}

/* TCP: one socket per worker on the same port. Unix: one. What an older process had comes first, and all of it, were it more than
 * there are workers: connections wait in each. */
static int bind_all(struct proxy *p, struct proxy_listener *l, struct err *e) {
    struct proxy_socks *s = &l->socks;
    bool tcp = l->want.sa.ss_family != AF_UNIX;
    int rc = 0;
    l->bound = l->want;
    s->n = inherited_take(p->cfg.inherited, TAKEOVER_LISTENER, str_of(l->name), &l->want, s->fds);
    if (s->n && !fdpass_is_listener(s->fds[0], &l->bound))
        rc = err_set(e, WEFT_E_IO, "listener %s: its socket is none any more", l->name);
    else if (!s->n && tcp)
        rc = probe_free(&l->want, e);
    while (rc >= 0 && s->n < (tcp ? p->env.n : 1)) {
        struct addr want = l->bound;
        rc = sock_bind(&want, &(struct sock_listen_opts){.reuse_port = tcp, .mode = l->mode}, &l->bound, e);
        if (rc >= 0)
            s->fds[s->n++] = rc;
    }
    if (rc < 0)
        unbind(s);
    return rc;
}

struct plan { /* the listeners as they will be */
    struct proxy_listener *at;
    bool *fresh, *kept; /* kept: by index in proxy.listeners */
    unsigned n;
};

/* A listener goes on where its address does; on port 0 (anything will do) where its name does. */
static int find_same(const struct proxy *p, const struct proxy_port *port, const bool *taken) {
    for (unsigned i = 0; i < p->n_listeners; i++) {
        const struct proxy_listener *l = &p->listeners[i];
        bool fixed = port->addr.sa.ss_family == AF_UNIX || addr_port(&port->addr);
        if (!taken[i] && l->side == port->side && addr_eq(&l->want, &port->addr) &&
            (fixed || str_eq(str_of(l->name), port->name)))
            return (int)i;
    }
    return -1;
}

static int plan_one(struct proxy *p, struct plan *plan, const struct proxy_port *port, struct err *e) {
    unsigned i = plan->n;
    int same = find_same(p, port, plan->kept);
    struct proxy_listener *l = &plan->at[i];
    if (same >= 0) {
        *l = p->listeners[same];
        l->last = false;
        l->name = mem_strdup(port->name);
        plan->kept[same] = true;
    } else {
        *l = (struct proxy_listener){
            .id = p->next_id++, .side = port->side, .name = mem_strdup(port->name), .want = port->addr, .mode = port->mode};
        int rc = bind_all(p, l, e);
        if (rc < 0) {
            free(l->name);
            return rc;
        }
        plan->fresh[i] = true;
    }
    plan->n++;
    return 0;
}

/* The address cannot be had. Is the listener to stay where it was, if it was anywhere? */
static bool plan_last(struct proxy *p, struct plan *plan, const struct proxy_port *port, const struct serve_input *in,
                      const struct err *why) {
    unsigned i = 0;
    while (i < p->n_listeners && (plan->kept[i] || !str_eq(str_of(p->listeners[i].name), port->name)))
        i++;
    bool had = i < p->n_listeners;
    if (!in->spare || !in->spare(in->spare_ctx, &(struct serve_bad){XDS_LISTENER, port->name, why, had}))
        return false;
    if (!had)
        return true;
    struct proxy_listener *l = &plan->at[plan->n++];
    *l = p->listeners[i];
    l->name = mem_strdup(port->name);
    l->last = true;
    plan->kept[i] = true;
    return true;
}

static void plan_fini(struct plan *plan) {
    free(plan->fresh);
    free(plan->kept);
}

static void plan_undo(struct proxy *p, struct plan *plan) {
    for (unsigned i = 0; i < plan->n; i++) {
        if (plan->fresh[i])
            unbind(&plan->at[i].socks);
        free(plan->at[i].name);
    }
    free(plan->at);
    plan_fini(plan);
}

static int plan_ports(struct proxy *p, struct plan *plan, const struct serve_input *in, const struct proxy_port *ports,
                      unsigned n, struct err *e) {
    int rc = 0;
    *plan = (struct plan){.at = mem_array(n + 1, sizeof(*plan->at)),
                          .fresh = mem_array(n + 1, sizeof(bool)),
                          .kept = mem_array(p->n_listeners + 1, sizeof(bool))};
    for (unsigned i = 0; rc >= 0 && i < n; i++) {
        struct err why = {0};
        rc = plan_one(p, plan, &ports[i], &why);
        if (rc < 0 && plan_last(p, plan, &ports[i], in, &why))
            rc = 0;
        else if (rc < 0 && e)
            *e = why;
    }
    if (rc < 0)
        plan_undo(p, plan);
    return rc;
}

static void free_listeners(struct proxy *p) {
    for (unsigned i = 0; i < p->n_listeners; i++)
        free(p->listeners[i].name);
    free(p->listeners);
}

static void give_port(struct worker *w, unsigned id, int fd, struct spread *spread) {
    struct order *o = order_new(ORDER_PORT);
    o->port = id;
    o->fd = fd;
    o->spread = ref_get(spread);
    worker_order(w, o);
}

/* Every worker has the port, be it without a socket: others hand it connections. */
static void give_ports(struct proxy *p, const struct proxy_listener *l) {
    struct spread *spread = spread_new(p->env.n);
    for (unsigned i = 0; i < l->socks.n || i < p->env.n; i++)
        give_port(p->env.at[i % p->env.n], l->id, i < l->socks.n ? l->socks.fds[i] : -1, spread);
    ref_put(spread);
}

static void plan_do(struct proxy *p, struct plan *plan) {
    free_listeners(p);
    p->listeners = plan->at;
    p->n_listeners = plan->n;
    for (unsigned i = 0; i < plan->n; i++) {
        if (plan->at[i].side == SIDE_INBOUND)
            p->env.inbound_port = addr_port(&plan->at[i].bound);
        if (plan->fresh[i])
            give_ports(p, &plan->at[i]);
    }
    plan_fini(plan);
}

/* ---- snapshots ---- */
static int serve_on(struct proxy *p, struct serve_input *in, const struct proxy_listener *ls, unsigned n, struct serve **out,
                    struct err *e) {
    struct serve_port *ports = mem_array(n + 1, sizeof(*ports));
    for (unsigned i = 0; i < n; i++)
        ports[i] = (struct serve_port){ls[i].id, ls[i].side, str_of(ls[i].name), ls[i].last};
    in->prev = p->serve;
    in->profile = p->cfg.profile;
    in->ports = ports;
    in->n_ports = n;
    in->workers = p->env.n;
    in->sinks = &p->env.sinks;
    int rc = serve_build(out, in, e);
    in->ports = NULL;
    free(ports);
    return rc;
}

static void hand_out(struct proxy *p, struct serve *s, const struct snap *snap) {
    for (unsigned i = 0; i < p->env.n; i++) {
        struct order *o = order_new(ORDER_SERVE);
        o->serve = ref_get(s);
        worker_order(p->env.at[i], o);
    }
    ref_put(p->serve);
    p->serve = s;
    ref_put(p->snap);
    p->snap = ref_get((struct snap *)snap);
}

bool proxy_spare(void *proxy, const struct serve_bad *b) {
    struct proxy *p = proxy;
    if (!b->had && p->boot.fixed && snap_get(p->boot.fixed, b->type, b->name))
        return false;
    if (rejects_add(&p->rejects, b->type, b->name, b->why->msg, loop_wall(p->loop)))
        log_warn(p->cfg.log, STR_FMT " \"" STR_FMT "\" cannot be used, %s: %s", STR_ARG(xds_type_url(b->type)), STR_ARG(b->name),
                 b->had ? "its last form stays" : "all others are served", b->why->msg);
    return true;
}

void proxy_booted(struct proxy *p, const struct proxy_boot *b) {
    p->boot = *b;
}

int proxy_serve(struct proxy *p, struct serve_input *in, struct err *e) {
    struct serve *s;
    int rc = serve_on(p, in, p->listeners, p->n_listeners, &s, e);
    if (rc >= 0)
        hand_out(p, s, in->snap);
    return rc;
}

int proxy_relisten(struct proxy *p, struct serve_input *in, const struct proxy_port *ports, unsigned n, struct err *e) {
    struct plan plan;
    struct serve *s;
    rejects_begin(&p->rejects);
    int rc = plan_ports(p, &plan, in, ports, n, e);
    if (rc < 0)
        return rc;
    rc = serve_on(p, in, plan.at, plan.n, &s, e);
    if (rc < 0) {
        plan_undo(p, &plan);
        return rc;
    }
    plan_do(p, &plan);
    rejects_end(&p->rejects);
    hand_out(p, s, in->snap);
    return 0;
}

/* ---- drain ---- */
static void on_drain_over(struct timer *t) {
    struct proxy *p = container_of(t, struct proxy, drain_timer);
    log_warn(p->cfg.log, "drain time is over: closing what is left");
    all_drained(p);
}

static void drain_workers(struct proxy *p, uint64_t grace_us) {
    for (unsigned i = 0; i < p->env.n; i++) {
        struct order *o = order_new(ORDER_DRAIN);
        o->grace_us = grace_us;
        worker_order(p->env.at[i], o);
    }
}

static void drain(struct proxy *p, uint64_t grace_us) {
    if (p->draining)
        return;
    p->draining = true;
    loop_timer(p->loop, &p->drain_timer, p->cfg.drain_us, on_drain_over);
    drain_workers(p, grace_us);
}

void proxy_drain(struct proxy *p) {
    drain(p, WORKER_GRACE_US);
}

void proxy_drain_listeners(struct proxy *p) {
    drain_workers(p, WORKER_GRACE_US);
}

/* There is no hurry: idle connections may stay until just before the drain time is over, so that nearly every client is told by
 * an answer and none meets a connection that is being closed. */
void proxy_hand_over(struct proxy *p) {
    uint64_t patience = p->cfg.drain_us > CLOCK_S ? p->cfg.drain_us - CLOCK_S : 0;
    if (p->admin_on)
        server_drain(&p->admin);
    drain(p, patience < p->cfg.drain_us / 2 ? p->cfg.drain_us / 2 : patience);
}

/* ---- life ---- */
static int start_workers(struct proxy *p, struct err *e) {
    int rc = 0;
    unsigned n = p->cfg.workers ? p->cfg.workers : default_workers();
    if (n > LB_MAX_WORKERS)
        n = LB_MAX_WORKERS;
    overload_init(&p->env.overload, &p->cfg.limits.proc, n);
    p->env.at = mem_array(n, sizeof(*p->env.at));
    p->series = mem_array(n, sizeof(*p->series));
    p->stats = mem_array(n, sizeof(*p->stats));
    for (unsigned i = 0; rc >= 0 && i < n; i++) {
        rc = thread_new(&p->env.at[i], i, &p->env, e);
        if (rc < 0)
            break;
        p->stats[i] = &p->env.at[i]->stats;
        p->env.n++;
    }
    p->env.stats = (struct stats_all){.at = p->stats, .n = p->env.n};
    struct plan plan;
    if (rc >= 0)
        rc = plan_ports(p, &plan, &(struct serve_input){0}, p->cfg.ports, p->cfg.n_ports, e);
    if (rc >= 0)
        plan_do(p, &plan);
    p->cfg.ports = NULL;
    for (unsigned i = 0; rc >= 0 && i < p->env.n; i++)
        rc = thread_start(p->env.at[i], e);
    if (rc >= 0)
        overload_start(&p->env.overload, p->loop);
    return rc;
}

static void stop_workers(struct proxy *p) {
    for (unsigned i = 0; i < p->env.n; i++)
        if (p->env.at[i]->started)
            worker_order(p->env.at[i], order_new(ORDER_STOP));
    for (unsigned i = 0; i < p->env.n; i++)
        if (p->env.at[i]->started)
            thread_join(p->env.at[i]);
}

int proxy_open(struct proxy **out, struct loop *l, const struct proxy_cfg *cfg, struct err *e) {
    struct proxy *p = mem_new(struct proxy);
    p->loop = l;
    p->cfg = *cfg;
    p->started = l->now;
    p->env.log = cfg->log;
    p->env.drain_us = cfg->drain_us;
    p->env.limits = &p->cfg.limits;
    p->env.service = cfg->service;
    p->env.ns = cfg->ns;
    p->env.version = cfg->version;
    p->env.app_port = cfg->app.len ? addr_port(&cfg->app) : 0;
    atomic_init(&p->env.app_healthy, true);
    int rc = mbox_init(&p->mbox, l, on_report, p, e);
    if (rc < 0) {
        free(p);
        return rc;
    }
    p->env.main = &p->mbox;
    rc = sinks_init(&p->env.sinks, cfg->log_fd, e);
    if (rc >= 0)
        rc = start_workers(p, e);
    if (rc < 0) {
        proxy_close(&p);
        return rc;
    }
    *out = p;
    return 0;
}

void proxy_reopen_logs(struct proxy *p) {
    sinks_reopen(&p->env.sinks);
}

void proxy_close(struct proxy **pp) {
    struct proxy *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    unsigned n = p->env.n;
    loop_timer_stop(p->loop, &p->drain_timer);
    overload_stop(&p->env.overload);
    stop_workers(p);
    mbox_fini(&p->mbox); /* their last reports look at them, and may answer: only then they go */
    for (unsigned i = 0; i < n; i++) {
        thread_free(&p->env.at[i]);
        metric_table_fini(&p->series[i]);
    }
    sinks_fini(&p->env.sinks);
    rejects_fini(&p->rejects);
    ref_put(p->serve);
    ref_put(p->snap);
    free_listeners(p);
    free(p->series);
    free(p->stats);
    free(p->env.at);
    free(p);
}
