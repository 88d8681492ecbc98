// SPDX-License-Identifier: Apache-2.0
#include "proxy/worker.h"
#include <stdio.h>
#include "base/mem.h"
#include "proxy/down.h"
#include "proxy/exch.h"
#include "proxy/scribe.h"
#include "proxy/stage.h"

#define SWEEP_US (5 * CLOCK_S)    /* how often idle upstream connections are looked at */
#define UP_IDLE_US (60 * CLOCK_S) /* how long they are kept */
#define REPORT_US (250 * CLOCK_MS)
#define LINGER_US (1 * CLOCK_S) /* draining: for the first request of a connection that has sent none */
#define LOG_BATCH 65536u        /* octets of access log that leave before the turn ends */
#define WAIT_US (5 * CLOCK_S)   /* for the control plane's answer about a service */

struct waiting { /* exchanges that wait for one service */
    struct list exchs;
    struct timer timer;
    struct worker *w;
    char name[136];
};

/* ---- leases ---- */
struct lease *lease_take(struct worker *w) {
    w->lease->users++;
    return w->lease;
}

static void lease_free(struct lease *l) {
    ref_put(l->serve);
    free(l);
}

void lease_drop(struct lease **lp) {
    struct lease *l = *lp;
    *lp = NULL;
    if (l && --l->users == 0 && l->w->lease != l)
        lease_free(l);
}

/* ---- waiting for a service's first use ---- */
static void resume_all(struct waiting *wt, bool away) {
    struct list *n;
    while ((n = list_pop(&wt->exchs))) {
        struct exch *x = list_entry(n, struct exch, node);
        x->to.away = away;
        exch_resume(x);
    }
}

static void waiting_end(struct worker *w, struct waiting *wt, bool away) {
    map_del(&w->waiting, str_of(wt->name));
    loop_timer_stop(&w->loop, &wt->timer);
    resume_all(wt, away);
    free(wt);
}

static void on_wait_over(struct timer *t) {
    struct waiting *wt = container_of(t, struct waiting, timer);
    waiting_end(wt->w, wt, true);
}

static struct report *report_new(struct worker *w, enum report_kind kind) {
    struct report *r = mem_new(struct report);
    r->kind = kind;
    r->worker = w->id;
    return r;
}

static void ask(struct worker *w, struct str name) {
    struct report *r = report_new(w, REPORT_WANT);
    str_z(name, r->name, sizeof(r->name));
    mbox_send(w->env->main, &r->msg);
}

void worker_wait(struct worker *w, struct exch *x, struct str name) {
    struct waiting *wt = map_get(&w->waiting, name);
    if (!wt) {
        wt = mem_new(struct waiting);
        wt->w = w;
        list_init(&wt->exchs);
        str_z(name, wt->name, sizeof(wt->name));
        map_put(&w->waiting, str_of(wt->name), wt);
        loop_timer(&w->loop, &wt->timer, WAIT_US, on_wait_over);
        ask(w, name);
    }
    list_push(&wt->exchs, &x->node);
}

static bool answered(const struct worker *w, struct str name) {
    const struct serve *s = w->lease->serve;
    const uint64_t *until = map_get(&s->absent, name);
    return serve_routes_get(s, name) || (until && *until > w->loop.now);
}

/* ---- orders ---- */
static void take_serve(struct worker *w, struct serve *s) {
    struct lease *l = mem_new(struct lease), *old = w->lease;
    l->w = w;
    l->serve = s;
    w->lease = l;
    atomic_store_explicit(&w->serving, true, memory_order_release);
    if (old && !old->users)
        lease_free(old);
    for (unsigned i = 0; i < w->n_ports; i++) {
        if (s->listener[i].hcm)
            down_port_cfg(&w->port[i], s->listener[i].hcm);
        if (w->port[i].fd >= 0 && s->listener[i].hcm)
            down_listen(&w->port[i]);
    }
    pool_sweep(w, UP_IDLE_US);
    struct waiting *wt;
    struct str name;
    MAP_FOR (&w->waiting, &name, wt)
        if (answered(w, name))
            waiting_end(w, wt, false);
}

static void take_away(struct worker *w, struct str name) {
    struct waiting *wt;
    struct str key;
    MAP_FOR (&w->waiting, &key, wt)
        if (!name.len || str_eq(key, name))
            waiting_end(w, wt, true);
}

static void on_linger_over(struct timer *t) {
    struct worker *w = container_of(t, struct worker, linger);
    LIST_FOR (n, &w->downs)
        down_drain(list_entry(n, struct down, node), false);
}

static void close_ports(struct worker *w, bool served) {
    for (unsigned i = 0; i < w->n_ports; i++) {
        struct port *p = &w->port[i];
        if (p->fd >= 0)
            down_listen(p); /* never had a snapshot: as good as served */
        if (served)
            sock_listener_drain(&p->sl);
        sock_listener_close(&p->sl);
    }
}

static void take_drain(struct worker *w) {
    if (w->draining)
        return;
    w->draining = true; /* before the ports close: what they still accept stays here */
    if (w->lease)
        close_ports(w, true);
    LIST_FOR (n, &w->downs)
        down_drain(list_entry(n, struct down, node), true);
    loop_timer(&w->loop, &w->linger, LINGER_US, on_linger_over);
    worker_check(w);
}

static void take_stop(struct worker *w) {
    close_ports(w, false);
    w->stopping = true;
    LIST_FOR (n, &w->downs)
        down_abort(list_entry(n, struct down, node));
    pool_abort_all(w);
    worker_check(w);
}

static void take_text(struct worker *w, struct order *o);

static void on_order(struct mbox *m, struct mbox_msg *msg) {
    struct worker *w = m->ctx;
    struct order *o = container_of(msg, struct order, msg);
    switch (o->kind) {
    case ORDER_CONN: down_adopt(w, o->port, o->fd, &o->peer); break;
    case ORDER_SERVE: take_serve(w, o->serve); break;
    case ORDER_TEXT: take_text(w, o); break;
    case ORDER_AWAY: take_away(w, str_of(o->name)); break;
    case ORDER_DRAIN: take_drain(w); break;
    case ORDER_STOP: take_stop(w); break;
    }
    free(o);
}

void worker_check(struct worker *w) {
    if (w->draining && !w->stopping && atomic_load_explicit(&w->stats.connections, memory_order_relaxed) == 0)
        mbox_send(w->env->main, &report_new(w, REPORT_DRAINED)->msg);
    if (w->stopping && list_empty(&w->downs) && list_empty(&w->ups))
        loop_stop(&w->loop);
}

static void on_sweep(struct timer *t) {
    struct worker *w = container_of(t, struct worker, sweep);
    pool_sweep(w, UP_IDLE_US);
    loop_timer(&w->loop, &w->sweep, SWEEP_US, on_sweep);
}

/* ---- metrics ---- */
static void send_series(struct worker *w) {
    if (!w->stats.changed)
        return;
    struct report *r = report_new(w, REPORT_SERIES);
    metric_merge(&r->series, &w->stats.series);
    w->stats.changed = false;
    mbox_send(w->env->main, &r->msg);
}

static void on_report(struct timer *t) {
    struct worker *w = container_of(t, struct worker, report);
    send_series(w);
    loop_timer(&w->loop, &w->report, REPORT_US, on_report);
}

void worker_want_metrics(struct worker *w, struct exch *x) {
    list_push(&w->metric_waiters, &x->node);
    send_series(w);
    mbox_send(w->env->main, &report_new(w, REPORT_METRICS)->msg);
}

static void take_text(struct worker *w, struct order *o) {
    struct list *n;
    while ((n = list_pop(&w->metric_waiters)))
        stage_own_text(list_entry(n, struct exch, node), buf_str(&o->text));
    buf_fini(&o->text);
}

/* ---- the access log ---- */
static void give_log(struct worker *w) {
    if (w->log.len && !scribe_write(w->env->scribe, &w->log))
        stat_add(&w->stats, STAT_log_dropped, 1);
}

static void on_log_task(struct task *t) {
    give_log(container_of(t, struct worker, log_task));
}

void worker_log(struct worker *w) {
    if (w->log.len >= LOG_BATCH)
        give_log(w);
    else
        loop_later(&w->loop, &w->log_task, on_log_task);
}

/* ---- life ---- */
int worker_new(struct worker **out, unsigned id, struct worker_env *env, struct err *e) {
    struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
    WEFT_ASSERT(w != NULL);
    memset(w, 0, sizeof(*w));
    w->id = id;
    w->env = env;
    list_init(&w->downs);
    list_init(&w->pools);
    list_init(&w->ups);
    list_init(&w->metric_waiters);
    pool_cfg(&w->up_cfg);
    int rc = loop_init(&w->loop, &(struct loop_cfg){.log = env->log}, e);
    if (rc < 0) {
        free(w);
        return rc;
    }
    if ((rc = mbox_init(&w->mbox, &w->loop, on_order, w, e)) < 0) {
        loop_fini(&w->loop);
        free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void worker_port_add(struct worker *w, const struct worker_port *port) {
    WEFT_ASSERT(w->n_ports < SERVE_LISTENERS);
    struct port *p = &w->port[w->n_ports];
    p->w = w;
    p->index = w->n_ports++;
    p->fd = port->fd;
    p->addr = port->addr;
    p->sl.fd = -1;
}

static void *run(void *arg) {
    struct worker *w = arg;
    loop_timer(&w->loop, &w->sweep, SWEEP_US, on_sweep);
    loop_timer(&w->loop, &w->report, REPORT_US, on_report);
    loop_run(&w->loop);
    loop_timer_stop(&w->loop, &w->sweep);
    loop_timer_stop(&w->loop, &w->report);
    loop_timer_stop(&w->loop, &w->linger);
    take_away(w, STR_NONE); /* nobody is left in them */
    loop_later_cancel(&w->log_task);
    give_log(w);
    return NULL;
}

int worker_start(struct worker *w, struct err *e) {
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        return err_set(e, WEFT_E_LIMIT, "no thread for worker %u", w->id);
    w->started = true;
    char name[16];
    snprintf(name, sizeof(name), "worker %u", w->id % 1000);
    pthread_setname_np(w->thread, name);
    return 0;
}

struct order *order_new(enum order_kind kind) {
    struct order *o = mem_new(struct order);
    o->kind = kind;
    return o;
}

void worker_order(struct worker *w, struct order *o) {
    mbox_send(&w->mbox, &o->msg);
}

void worker_join(struct worker *w) {
    pthread_join(w->thread, NULL);
}

void worker_free(struct worker **wp) {
    struct worker *w = *wp;
    *wp = NULL;
    mbox_fini(&w->mbox);
    if (w->lease)
        lease_free(w->lease);
    map_fini(&w->waiting);
    buf_fini(&w->log);
    stats_fini(&w->stats);
    loop_fini(&w->loop);
    free(w);
}
