// SPDX-License-Identifier: Apache-2.0
#include "proxy/thread.h"
#include <stdio.h>
#include "base/mem.h"
#include "proxy/accept.h"
#include "proxy/original.h"
#include "proxy/pool.h"
#include "proxy/port.h"
#include "proxy/stage.h"
#include "proxy/tcp.h"

#define SWEEP_US (5 * CLOCK_S)    /* how often idle upstream connections are looked at */
#define UP_IDLE_US (60 * CLOCK_S) /* how long they are kept */
#define REPORT_US (250 * CLOCK_MS)

/* ---- orders ---- */
static void take_serve(struct worker *w, struct serve *s) {
    port_retire(w, s);
    worker_lease(w, s);
    port_serve(w);
    tcp_judge_all(w);
    stage_authorize_again(w);
    pool_sweep(w, UP_IDLE_US);
    worker_wake_answered(w);
}

static void on_linger_over(struct timer *t) {
    struct worker *w = container_of(t, struct worker, linger);
    LIST_FOR (n, &w->downs)
        accept_drain(list_entry(n, struct down, node), false);
}

static void take_drain(struct worker *w, uint64_t grace_us) {
    if (w->draining) { /* whoever drains it for good wants to know when */
        worker_check(w);
        return;
    }
    w->draining = true; /* before the ports close: what they still accept stays here */
    w->grace_us = grace_us;
    if (w->lease)
        port_close_all(w, true);
    LIST_FOR (n, &w->downs)
        accept_drain(list_entry(n, struct down, node), true);
    loop_timer(&w->loop, &w->linger, grace_us, on_linger_over);
    worker_check(w);
}

static void take_stop(struct worker *w) {
    port_close_all(w, false);
    w->stopping = true;
    LIST_FOR (n, &w->downs)
        accept_abort(list_entry(n, struct down, node));
    pool_abort_all(w);
    worker_check(w);
}

static void on_order(struct mbox *m, struct mbox_msg *msg) {
    struct worker *w = m->ctx;
    struct order *o = container_of(msg, struct order, msg);
    switch (o->kind) {
    case ORDER_PORT: port_add(w, o->port, o->fd, o->spread); break;
    case ORDER_CONN: accept_adopt(w, o); break;
    case ORDER_SERVE: take_serve(w, o->serve); break;
    case ORDER_TEXT: worker_wake_metrics(w, buf_str(&o->text)); break;
    case ORDER_AWAY: worker_wake_away(w, str_of(o->name)); break;
    case ORDER_DRAIN: take_drain(w, o->grace_us); break;
    case ORDER_STOP: take_stop(w); break;
    }
    buf_fini(&o->text);
    free(o);
}

static void on_sweep(struct timer *t) {
    struct worker *w = container_of(t, struct worker, sweep);
    pool_sweep(w, UP_IDLE_US);
    original_sweep(w);
    loop_timer(&w->loop, &w->sweep, SWEEP_US, on_sweep);
}

static void on_report(struct timer *t) {
    struct worker *w = container_of(t, struct worker, report);
    worker_send_series(w);
    loop_timer(&w->loop, &w->report, REPORT_US, on_report);
}

/* ---- life ---- */
int thread_new(struct worker **out, unsigned id, struct worker_env *env, struct err *e) {
    struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
    WEFT_ASSERT(w != NULL);
    memset(w, 0, sizeof(*w));
    w->id = id;
    w->env = env;
    w->grace_us = WORKER_GRACE_US;
    list_init(&w->ports);
    list_init(&w->conn_cfgs);
    list_init(&w->tcps);
    list_init(&w->tunnels);
    list_init(&w->downs);
    list_init(&w->pools);
    list_init(&w->up_cfgs);
    list_init(&w->ups);
    list_init(&w->metric_waiters);
    for (int i = CONN_AUTO; i < CONN_PROTOS; i++)
        pool_cfg(&w->up_cfg[i], (enum conn_proto)i, &env->limits->up);
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

static void *run(void *arg) {
    struct worker *w = arg;
    loop_timer(&w->loop, &w->sweep, SWEEP_US, on_sweep);
    loop_timer(&w->loop, &w->report, REPORT_US, on_report);
    loop_run(&w->loop);
    loop_timer_stop(&w->loop, &w->sweep);
    loop_timer_stop(&w->loop, &w->report);
    loop_timer_stop(&w->loop, &w->linger);
    worker_wake_away(w, STR_NONE); /* nobody is left in them */
    loop_later_cancel(&w->log_task);
    worker_give_log(w);
    return NULL;
}

int thread_start(struct worker *w, struct err *e) {
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        return err_set(e, WEFT_E_LIMIT, "no thread for worker %u", w->id);
    w->started = true;
    char name[16];
    snprintf(name, sizeof(name), "worker %u", w->id % 1000);
    pthread_setname_np(w->thread, name);
    return 0;
}

void thread_join(struct worker *w) {
    pthread_join(w->thread, NULL);
}

void thread_free(struct worker **wp) {
    struct worker *w = *wp;
    *wp = NULL;
    mbox_fini(&w->mbox);
    port_fini(w);
    accept_fini(w);
    pool_fini(w);
    pipe_pool_fini(&w->pipes);
    if (w->lease) {
        struct lease *last = lease_take(w);
        w->lease = NULL;
        lease_drop(&last);
    }
    map_fini(&w->waiting);
    original_fini(w);
    for (unsigned i = 0; i < SINKS_MAX; i++)
        buf_fini(&w->logs[i]);
    compress_pool_fini(&w->compressors);
    buf_fini(&w->coded);
    stats_fini(&w->stats);
    loop_fini(&w->loop);
    free(w);
}
