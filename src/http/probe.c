// SPDX-License-Identifier: Apache-2.0
#include "http/probe.h"
#include "base/mem.h"
#include "codec/grpc.h"
#include "codec/grpc_health.h"
#include "io/sock.h"

#define JITTER 10        /* percent, either way */
#define SPREAD 50        /* the same, of the first one where it is to be spread */
#define MAX_ANSWER 4096u /* octets of a gRPC answer */

struct probe {
    struct loop *loop;
    struct probe_cfg cfg;
    char *authority, *path; /* what cfg's slices borrow from */
    struct timer timer;
    struct list waiting;   /* for its turn */
    uint64_t begun;        /* the last check, microseconds; 0: none was */
    struct fetch *fetch;   /* under way */
    struct probe_tcp *tcp; /* the same */
    probe_f *on_result;
    void *ctx;
};

static void on_due(struct timer *t);
static void ask(struct probe *p);

static bool under_way(const struct probe *p) {
    return p->fetch || p->tcp;
}

/* ---- the gate ---- */
static void let_in(struct task *t) {
    struct probe_gate *g = container_of(t, struct probe_gate, task);
    while (g->under_way < g->max && !list_empty(&g->waiting))
        ask(list_entry(list_pop(&g->waiting), struct probe, waiting));
}

static void leave(struct probe *p) {
    struct probe_gate *g = p->cfg.gate;
    if (!g)
        return;
    g->under_way--;
    if (!list_empty(&g->waiting))
        loop_later(g->loop, &g->task, let_in);
}

void probe_gate_init(struct probe_gate *g, struct loop *l, unsigned max) {
    *g = (struct probe_gate){.loop = l, .max = max};
    list_init(&g->waiting);
}

void probe_gate_fini(struct probe_gate *g) {
    WEFT_ASSERT(!g->under_way && list_empty(&g->waiting));
    loop_later_cancel(&g->task);
}

/* ---- the schedule ---- */

static void schedule(struct probe *p) {
    uint64_t us = p->cfg.interval_us;
    if (p->cfg.more_us)
        us += rand_below(&p->loop->rand, p->cfg.more_us);
    else
        us = rand_jitter(&p->loop->rand, us, JITTER);
    loop_timer(p->loop, &p->timer, us, on_due);
}

/* The first of many, or all of them after another pace: over a whole interval. */
static void schedule_first(struct probe *p) {
    if (p->cfg.spread)
        loop_timer(p->loop, &p->timer, rand_jitter(&p->loop->rand, p->cfg.interval_us, SPREAD), on_due);
    else
        schedule(p);
}

static void tell(struct probe *p, enum probe_result r) {
    leave(p);
    schedule(p);
    p->on_result(p->ctx, r); /* may stop us: last */
}

static struct transport *dialled(struct probe *p) {
    return p->cfg.dial ? p->cfg.dial(p->ctx, p->loop, p->cfg.timeout_us) : NULL;
}

/* ---- HTTP ---- */
static bool is_expected(const struct probe_cfg *cfg, unsigned status) {
    if (!cfg->n_expect)
        return status >= 200 && status < 300;
    for (size_t i = 0; i < cfg->n_expect; i++)
        if (status >= cfg->expect[i].from && status < cfg->expect[i].to)
            return true;
    return false;
}

static void on_http(void *ctx, const struct fetch_result *r) {
    struct probe *p = ctx;
    p->fetch = NULL;
    tell(p, r->code < 0 ? PROBE_SILENT : is_expected(&p->cfg, r->head.status) ? PROBE_HEALTHY : PROBE_REFUSED);
}

static void ask_http(struct probe *p) {
    struct fetch_cfg cfg = {
        .addr = p->cfg.addr, .tr = dialled(p), .proto = p->cfg.proto, .timeout_us = p->cfg.timeout_us, .no_body = true};
    cfg.head = (struct msg){.method = STR("GET"), .authority = p->cfg.authority, .path = p->cfg.path};
    cfg.head.scheme = p->cfg.tls ? STR("https") : STR("http");
    p->fetch = fetch_start(p->loop, &cfg, on_http, p);
}

/* ---- gRPC ---- */
static enum probe_result read_grpc(const struct probe *p, const struct fetch_result *r) {
    struct str status = msg_get(&r->trailers, HDR_GRPC_STATUS), in = r->body, message;
    if (!status.len)
        status = msg_get(&r->head.fields, HDR_GRPC_STATUS); /* trailers only */
    if (r->code < 0 || r->head.status != 200 || !status.len)
        return PROBE_SILENT;
    if (p->cfg.grpc_optional && str_eq(status, STR("12"))) /* UNIMPLEMENTED: as gRPC's own clients take it (gRFC A17) */
        return PROBE_HEALTHY;
    struct grpc_reader reader = {.max = MAX_ANSWER};
    bool serving = str_eq(status, STR("0")) && grpc_next(&reader, &in, &message, NULL) == 1 && grpc_health_serving(message);
    grpc_reader_fini(&reader);
    return serving ? PROBE_HEALTHY : PROBE_REFUSED;
}

static void on_grpc(void *ctx, const struct fetch_result *r) {
    struct probe *p = ctx;
    p->fetch = NULL;
    tell(p, read_grpc(p, r));
}

static void ask_grpc(struct probe *p) {
    struct buf message = {0}, framed = {0};
    struct arena mem = {0};
    struct fetch_cfg cfg = {
        .addr = p->cfg.addr, .tr = dialled(p), .proto = CONN_H2, .timeout_us = p->cfg.timeout_us, .max_body = MAX_ANSWER};
    cfg.head = (struct msg){.method = STR("POST"), .authority = p->cfg.authority, .path = GRPC_HEALTH_CHECK};
    cfg.head.scheme = p->cfg.tls ? STR("https") : STR("http");
    msg_add(&cfg.head.fields, &mem, HDR_TE, STR("trailers"));
    msg_add(&cfg.head.fields, &mem, HDR_CONTENT_TYPE, STR("application/grpc"));
    grpc_health_request(&message, p->cfg.path);
    grpc_frame(&framed, buf_str(&message));
    cfg.body = buf_str(&framed);
    p->fetch = fetch_start(p->loop, &cfg, on_grpc, p);
    buf_fini(&message);
    buf_fini(&framed);
    arena_fini(&mem);
}

/* ---- TCP ---- */
static void on_tcp(void *ctx, bool ok) {
    struct probe *p = ctx;
    p->tcp = NULL;
    tell(p, ok ? PROBE_HEALTHY : PROBE_SILENT);
}

static void ask_tcp(struct probe *p) {
    struct transport *tr = dialled(p);
    if (!tr)
        tr = sock_dial(p->loop, &p->cfg.addr, p->cfg.timeout_us, NULL, NULL);
    p->tcp = probe_tcp_start(p->loop, &tr, p->cfg.octets, p->cfg.timeout_us, on_tcp, p);
}

/* ---- its turn ---- */
static void ask(struct probe *p) {
    if (p->cfg.gate)
        p->cfg.gate->under_way++;
    p->begun = p->loop->now;
    switch (p->cfg.kind) {
    case PROBE_HTTP: ask_http(p); break;
    case PROBE_GRPC: ask_grpc(p); break;
    case PROBE_TCP: ask_tcp(p); break;
    }
}

static void on_due(struct timer *t) {
    struct probe *p = container_of(t, struct probe, timer);
    struct probe_gate *g = p->cfg.gate;
    if (g && g->under_way >= g->max)
        list_push(&g->waiting, &p->waiting);
    else
        ask(p);
}

static bool same_check(const struct probe_cfg *a, const struct probe_cfg *b) {
    return a->kind == b->kind && a->proto == b->proto && a->grpc_optional == b->grpc_optional && addr_eq(&a->addr, &b->addr) &&
           str_eq(a->authority, b->authority) && str_eq(a->path, b->path) && a->expect == b->expect && a->octets == b->octets;
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

static void drop(struct probe *p) {
    if (under_way(p))
        leave(p);
    else if (list_linked(&p->waiting))
        list_remove(&p->waiting);
    fetch_cancel(&p->fetch);
    probe_tcp_cancel(&p->tcp);
}

struct probe *probe_start(struct loop *l, const struct probe_cfg *cfg, probe_f *on_result, void *ctx) {
    struct probe *p = mem_new(struct probe);
    p->loop = l;
    p->on_result = on_result;
    p->ctx = ctx;
    copy(p, cfg);
    if (cfg->at_once)
        loop_timer(l, &p->timer, 0, on_due);
    else
        schedule_first(p);
    return p;
}

void probe_set(struct probe *p, const struct probe_cfg *cfg) {
    bool other = !same_check(&p->cfg, cfg), pace = p->cfg.interval_us != cfg->interval_us || p->cfg.more_us != cfg->more_us;
    WEFT_ASSERT(cfg->gate == p->cfg.gate);
    if (other)
        drop(p);
    copy(p, cfg);
    if ((other || pace) && !under_way(p) && !list_linked(&p->waiting))
        schedule_first(p);
}

void probe_hurry(struct probe *p) {
    uint64_t soon = p->cfg.interval_us / 10 < CLOCK_S ? p->cfg.interval_us / 10 : CLOCK_S, now = p->loop->now;
    bool asked_just_now = p->begun && now - p->begun < p->cfg.interval_us / 4;
    if (!under_way(p) && !list_linked(&p->waiting) && !asked_just_now && p->timer.due > now + soon)
        loop_timer(p->loop, &p->timer, rand_below(&p->loop->rand, soon + 1), on_due);
}

void probe_stop(struct probe **pp) {
    struct probe *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    loop_timer_stop(p->loop, &p->timer);
    drop(p);
    free(p->authority);
    free(p->path);
    free(p);
}
