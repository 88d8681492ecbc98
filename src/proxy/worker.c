// SPDX-License-Identifier: Apache-2.0
#include "proxy/worker.h"
#include "base/mem.h"
#include "proxy/scribe.h"

#define LOG_BATCH 65536u      /* octets of access log that leave before the turn ends */
#define WAIT_US (5 * CLOCK_S) /* for the control plane's answer about a service */

struct waiting { /* those who wait for one service */
    struct list waiters;
    struct list node; /* of those that end now */
    struct timer timer;
    struct worker *w;
    char name[136];
};

/* ---- leases ---- */
struct lease *lease_take(struct worker *w) {
    return lease_again(w->lease);
}

static void lease_free(struct lease *l) {
    if (l->w->last.serve == l->serve)
        l->w->last.serve = NULL;
    ref_put(l->serve);
    free(l);
}

void lease_drop(struct lease **lp) {
    struct lease *l = *lp;
    *lp = NULL;
    if (l && --l->users == 0 && l->w->lease != l)
        lease_free(l);
}

void worker_lease(struct worker *w, struct serve *s) {
    struct lease *l = mem_new(struct lease), *old = w->lease;
    l->w = w;
    l->serve = s;
    w->lease = l;
    atomic_store_explicit(&w->serving, true, memory_order_release);
    if (old && !old->users)
        lease_free(old);
}

/* ---- orders and reports ---- */
struct order *order_new(enum order_kind kind) {
    struct order *o = mem_new(struct order);
    o->kind = kind;
    return o;
}

void worker_order(struct worker *w, struct order *o) {
    mbox_send(&w->mbox, &o->msg);
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

/* ---- waiting ---- */
static void wake_all(struct list *waiters, bool away, struct str text) {
    struct list *n;
    while ((n = list_pop(waiters))) {
        struct worker_waiter *ww = list_entry(n, struct worker_waiter, node);
        ww->wake(ww, away, text);
    }
}

static void waiting_end(struct waiting *wt, bool away) {
    loop_timer_stop(&wt->w->loop, &wt->timer);
    wake_all(&wt->waiters, away, STR_NONE);
    free(wt);
}

static void take(struct worker *w, struct waiting *wt, struct list *ended) {
    map_del(&w->waiting, str_of(wt->name));
    list_push(ended, &wt->node);
}

/* After all have been taken: who is woken may wait for another name. */
static void end_all(struct list *ended, bool away) {
    struct list *n;
    while ((n = list_pop(ended)))
        waiting_end(list_entry(n, struct waiting, node), away);
}

static void on_wait_over(struct timer *t) {
    struct waiting *wt = container_of(t, struct waiting, timer);
    map_del(&wt->w->waiting, str_of(wt->name));
    waiting_end(wt, true);
}

void worker_wait(struct worker *w, struct worker_waiter *ww, struct str name) {
    struct waiting *wt = map_get(&w->waiting, name);
    if (!wt) {
        wt = mem_new(struct waiting);
        wt->w = w;
        list_init(&wt->waiters);
        str_z(name, wt->name, sizeof(wt->name));
        map_put(&w->waiting, str_of(wt->name), wt);
        loop_timer(&w->loop, &wt->timer, WAIT_US, on_wait_over);
        ask(w, name);
    }
    list_push(&wt->waiters, &ww->node);
}

static bool answered(const struct worker *w, struct str name) {
    const struct serve *s = w->lease->serve;
    const uint64_t *until = map_get(&s->absent, name);
    return serve_routes_get(s, name) || (until && *until > w->loop.now);
}

void worker_wake_answered(struct worker *w) {
    struct waiting *wt;
    struct list ended;
    struct str name;
    list_init(&ended);
    MAP_FOR (&w->waiting, &name, wt)
        if (answered(w, name))
            take(w, wt, &ended);
    end_all(&ended, false);
}

void worker_wake_away(struct worker *w, struct str name) {
    struct waiting *wt;
    struct list ended;
    struct str key;
    list_init(&ended);
    MAP_FOR (&w->waiting, &key, wt)
        if (!name.len || str_eq(key, name))
            take(w, wt, &ended);
    end_all(&ended, true);
}

/* ---- metrics ---- */
void worker_send_series(struct worker *w) {
    if (!w->stats.changed)
        return;
    struct report *r = report_new(w, REPORT_SERIES);
    metric_merge(&r->series, &w->stats.series);
    w->stats.changed = false;
    mbox_send(w->env->main, &r->msg);
}

void worker_want_metrics(struct worker *w, struct worker_waiter *ww) {
    list_push(&w->metric_waiters, &ww->node);
    worker_send_series(w);
    mbox_send(w->env->main, &report_new(w, REPORT_METRICS)->msg);
}

void worker_wake_metrics(struct worker *w, struct str text) {
    wake_all(&w->metric_waiters, false, text);
}

/* ---- the access log ---- */
void worker_give_log(struct worker *w) {
    for (unsigned i = 0; i < SINKS_MAX; i++) {
        uint64_t lost = w->logs[i].len ? scribe_write(w->env->sinks.at[i].scribe, &w->logs[i]) : 0;
        if (lost)
            stat_add(&w->stats, STAT_log_dropped, lost);
    }
}

static void on_log_task(struct task *t) {
    worker_give_log(container_of(t, struct worker, log_task));
}

void worker_log(struct worker *w, unsigned sink) {
    if (w->logs[sink].len >= LOG_BATCH)
        worker_give_log(w);
    else
        loop_later(&w->loop, &w->log_task, on_log_task);
}

void worker_limit(struct worker *w, enum stats_side side, enum limit_id id, const struct addr *peer) {
    char text[ADDR_TEXT];
    if (limit_met(&w->stats.met[side], id, w->loop.now))
        log_warn(w->env->log, "%s %s met the limit %s; more within a minute is only counted", stats_side_name(side),
                 addr_text(peer, text), limit_name(id));
}

/* ---- ends ---- */
void worker_check(struct worker *w) {
    if (w->draining && !w->stopping && atomic_load_explicit(&w->stats.connections, memory_order_relaxed) == 0)
        mbox_send(w->env->main, &report_new(w, REPORT_DRAINED)->msg);
    if (w->stopping && list_empty(&w->downs) && list_empty(&w->ups))
        loop_stop(&w->loop);
}
