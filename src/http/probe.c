// SPDX-License-Identifier: Apache-2.0
#include "http/probe.h"
#include "base/mem.h"

#define JITTER 10 /* percent, either way */

struct probe {
    struct loop *loop;
    struct probe_cfg cfg;
    char *authority, *path; /* what cfg's slices borrow from */
    struct timer timer;
    struct fetch *fetch; /* under way */
    probe_f *on_result;
    void *ctx;
};

static void on_due(struct timer *t);

static void schedule(struct probe *p) {
    loop_timer(p->loop, &p->timer, rand_jitter(&p->loop->rand, p->cfg.interval_us, JITTER), on_due);
}

static void on_answer(void *ctx, const struct fetch_result *r) {
    struct probe *p = ctx;
    p->fetch = NULL;
    schedule(p);
    p->on_result(p->ctx, r->code >= 0 && r->head.status >= 200 && r->head.status < 300, r); /* may stop us: last */
}

static void on_due(struct timer *t) {
    struct probe *p = container_of(t, struct probe, timer);
    struct fetch_cfg cfg = {.addr = p->cfg.addr, .timeout_us = p->cfg.timeout_us, .no_body = true};
    cfg.head = (struct msg){.method = STR("GET"), .authority = p->cfg.authority, .path = p->cfg.path};
    p->fetch = fetch_start(p->loop, &cfg, on_answer, p);
}

static bool same_target(const struct probe_cfg *a, const struct probe_cfg *b) {
    return addr_eq(&a->addr, &b->addr) && str_eq(a->authority, b->authority) && str_eq(a->path, b->path);
}

static void copy(struct probe *p, const struct probe_cfg *cfg) {
    char *authority = mem_strdup(cfg->authority), *path = mem_strdup(cfg->path); /* cfg may borrow from the old ones */
    p->cfg = *cfg;
    free(p->authority);
    free(p->path);
    p->authority = authority;
    p->path = path;
    p->cfg.authority = str_of(authority);
    p->cfg.path = str_of(path);
}

struct probe *probe_start(struct loop *l, const struct probe_cfg *cfg, probe_f *on_result, void *ctx) {
    struct probe *p = mem_new(struct probe);
    p->loop = l;
    p->on_result = on_result;
    p->ctx = ctx;
    copy(p, cfg);
    schedule(p);
    return p;
}

void probe_set(struct probe *p, const struct probe_cfg *cfg) {
    bool target = !same_target(&p->cfg, cfg), pace = p->cfg.interval_us != cfg->interval_us;
    if (target && p->fetch)
        fetch_cancel(&p->fetch);
    copy(p, cfg);
    if ((target || pace) && !p->fetch)
        schedule(p);
}

void probe_stop(struct probe **pp) {
    struct probe *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    loop_timer_stop(p->loop, &p->timer);
    fetch_cancel(&p->fetch);
    free(p->authority);
    free(p->path);
    free(p);
}
