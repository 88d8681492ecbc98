// SPDX-License-Identifier: Apache-2.0
#include "net.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"

#define START (1000 * CLOCK_S) /* of the monotonic clocks: it is not the age of the world */
#define WALL (1750000000ull * CLOCK_S)
#define KEEPALIVE (120 * CLOCK_S)
#define PASS_MIN 100u /* microseconds on the way ... */
#define PASS_SPREAD 2000u
#define SLOW 50u

struct world_event {
    uint64_t at, order;
    world_f *cb;
    void *ctx;
};

/* ---- what will happen ---- */

static bool before(const struct world_event *a, const struct world_event *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void world_at(struct world *w, uint64_t delay, world_f *cb, void *ctx) {
    mem_grow((void **)&w->heap, &w->cap_heap, w->n_heap + 1, sizeof *w->heap);
    struct world_event ev = {w->now + delay, w->asked++, cb, ctx};
    size_t at = w->n_heap++;
    for (; at > 0 && before(&ev, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = ev;
}

static struct world_event take_first(struct world *w) {
    struct world_event first = w->heap[0], last = w->heap[--w->n_heap];
    size_t at = 0, kid;
    while ((kid = 2 * at + 1) < w->n_heap) {
        kid += kid + 1 < w->n_heap && before(&w->heap[kid + 1], &w->heap[kid]);
        if (!before(&w->heap[kid], &last))
            break;
        w->heap[at] = w->heap[kid];
        at = kid;
    }
    w->heap[at] = last;
    return first;
}

uint64_t world_pick(struct world *w, uint64_t below) {
    return rand_below(&w->rand, below);
}

bool world_chance(struct world *w, unsigned percent) {
    return rand_below(&w->rand, 100) < percent;
}

static void mix(struct world *w, const void *octets, size_t n) {
    const unsigned char *at = octets;
    uint64_t h = w->hash, word;
    for (; n >= sizeof word; n -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (; n; n--, at++)
        h = (h ^ *at) * 0x100000001b3u;
    w->hash = h;
}

void world_say(struct world *w, const char *fmt, ...) {
    char *to = w->said[w->n_said++ % EVENTS];
    va_list ap;
    int n = snprintf(to, sizeof *w->said, "%11.6f ", (double)(w->now - START) / 1e6);
    va_start(ap, fmt);
    vsnprintf(to + n, sizeof *w->said - (size_t)n, fmt, ap);
    va_end(ap);
    mix(w, to, strlen(to));
    if (w->loud)
        fprintf(stderr, "%s\n", to);
}

void world_fail(struct world *w, const char *fmt, ...) {
    va_list ap;
    if (w->failed)
        return;
    w->failed = true;
    va_start(ap, fmt);
    vsnprintf(w->failure, sizeof w->failure, fmt, ap);
    va_end(ap);
    world_say(w, "FAILED: %s", w->failure);
}

/* ---- connections ---- */

enum octets { DATA, FIN, RST };
struct seg { /* on its way */
    struct list node;
    uint64_t due;
    enum octets kind;
    size_t len;
    char data[];
};
struct way { /* one direction of a connection */
    struct flow *flow;
    unsigned to; /* side */
    struct list segs;
    size_t in_flight; /* octets in them */
    uint64_t last;    /* when the last of them is due: they come in order */
    struct buf got;   /* by the kernel of that side, not read */
    bool fin, rst, pumping, acking;
};
struct end {
    struct transport t;
    struct flow *flow; /* NULL: the process is dead, and the world does not know it any more */
    unsigned side;
    struct task task;
    struct timer timeout;
    enum { CONNECTING, OPEN, FAILED } state;
    bool opened, told, want_read, eof, shut, blocked, writable;
};
struct flow {
    struct list node;
    struct world *world;
    struct machine *at[2]; /* who dialled, who accepts; the machine may have been started anew since */
    struct addr addr[2];
    struct end *end[2];
    struct way way[2]; /* towards that side */
    unsigned waits;    /* events that know of it */
    size_t cap;        /* octets that one direction holds */
    bool accepted, gone[2];
    struct listening *by; /* waits to be accepted there */
    struct list queued;
};
struct listening {
    struct list node;
    struct machine *at;
    struct sock_listener *sl;
    struct list queue; /* of flows */
    struct task task;
    uint16_t port;
};

struct addr machine_addr(unsigned n, uint16_t port) {
    char text[32];
    struct addr a;
    snprintf(text, sizeof text, "127.0.0.%u", n);
    WEFT_ASSERT(addr_ip(&a, str_of(text), port, NULL) >= 0);
    return a;
}

static void free_if_done(struct flow *f) {
    if (f->end[0] || f->end[1] || f->waits || f->by)
        return;
    for (int i = 0; i < 2; i++) {
        struct list *n;
        while ((n = list_pop(&f->way[i].segs)))
            free(list_entry(n, struct seg, node));
        buf_fini(&f->way[i].got);
    }
    list_remove(&f->node);
    free(f);
}

static bool is_cut(const struct flow *f, unsigned to) {
    const struct world *w = f->world;
    return w->now < w->cut_until[f->at[!to]->n][f->at[to]->n] || f->at[to]->lost;
}

static uint64_t passage(const struct flow *f, unsigned to) {
    struct world *w = f->world;
    uint64_t us = PASS_MIN + world_pick(w, PASS_SPREAD);
    return w->now < w->slow_until[f->at[to]->n] ? us * SLOW : us;
}

static void on_task(struct task *t);

static void wake(struct end *e) {
    if (!e->flow)
        return;
    loop_later(e->t.loop, &e->task, on_task);
    e->flow->at[e->side]->poked = true;
}

static void pump(void *ctx);

static void wait_pump(struct way *y, uint64_t delay) {
    y->pumping = true;
    y->flow->waits++;
    world_at(y->flow->world, delay, pump, y);
}

static void send_seg(struct flow *f, unsigned to, enum octets kind, struct str data) {
    struct way *y = &f->way[to];
    struct seg *s = mem_alloc(sizeof *s + data.len);
    uint64_t due = f->world->now + passage(f, to);
    s->kind = kind;
    s->len = data.len;
    if (data.len)
        memcpy(s->data, data.ptr, data.len);
    y->last = s->due = due > y->last ? due : y->last;
    y->in_flight += data.len;
    list_push(&y->segs, &s->node);
    if (!y->pumping)
        wait_pump(y, s->due - f->world->now);
}

static void arrive(struct way *y, struct seg *s) {
    struct flow *f = y->flow;
    struct world *w = f->world;
    struct end *e = f->end[y->to];
    uint64_t head[3] = {w->now, (uint64_t)f->at[y->to]->n << 32 | s->len, (uint64_t)s->kind};
    mix(w, head, sizeof head);
    mix(w, s->data, s->len);
    w->delivered++;
    y->in_flight -= s->len;
    if (f->gone[y->to]) { /* nobody has this connection any more */
        if (s->kind == DATA && !f->gone[!y->to])
            send_seg(f, !y->to, RST, STR_NONE);
    } else if (s->kind == DATA) {
        buf_add(&y->got, str_n(s->data, s->len));
    } else {
        y->fin |= s->kind == FIN;
        y->rst |= s->kind == RST;
    }
    if (e && e->flow && e->state == OPEN)
        wake(e);
    free(s);
}

static void pump(void *ctx) {
    struct way *y = ctx;
    struct flow *f = y->flow;
    struct list *n;
    f->waits--;
    y->pumping = false;
    if (is_cut(f, y->to) && !list_empty(&y->segs) && (f->end[0] || f->end[1])) {
        wait_pump(y, (200 + world_pick(f->world, 800)) * CLOCK_MS); /* sent again */
        return;
    }
    while (!list_empty(&y->segs) && list_entry(y->segs.next, struct seg, node)->due <= f->world->now) {
        n = list_pop(&y->segs);
        arrive(y, list_entry(n, struct seg, node));
    }
    if (!list_empty(&y->segs) && !y->pumping)
        wait_pump(y, list_entry(y->segs.next, struct seg, node)->due - f->world->now);
    free_if_done(f);
}

/* ---- the transport ---- */

static struct end *end_of(struct transport *t) {
    return container_of(t, struct end, t);
}

static int fail(struct end *e, int code) {
    e->state = FAILED;
    loop_timer_stop(e->t.loop, &e->timeout);
    err_note(&e->t.error, code, "%s", err_text(code));
    wake(e);
    return code;
}

static unsigned events_of(struct end *e) {
    struct way *y = &e->flow->way[e->side];
    if (!e->opened) {
        e->opened = true;
        return TR_OPEN;
    }
    unsigned events = e->want_read && !e->eof && (y->got.len || y->fin || y->rst) ? TR_READ : 0;
    if (e->writable || (y->rst && e->blocked)) {
        events |= TR_WRITE;
        e->writable = e->blocked = false;
    }
    if (y->rst && !events)
        fail(e, WEFT_E_RESET);
    return events;
}

static void on_task(struct task *t) {
    struct end *e = container_of(t, struct end, task);
    if (!e->flow || e->told || e->state == CONNECTING)
        return;
    unsigned events = e->state == FAILED ? TR_FAIL : events_of(e);
    if (e->state == FAILED) {
        e->told = true;
        events = TR_FAIL;
    } else if (events == TR_OPEN) {
        wake(e); /* octets may be there already */
    }
    if (events)
        e->t.on_event(e->t.ctx, events);
}

static void on_ack(void *ctx) {
    struct way *y = ctx;
    struct flow *f = y->flow;
    struct end *sender = f->end[!y->to];
    if (is_cut(f, !y->to) && (f->end[0] || f->end[1])) {
        world_at(f->world, 300 * CLOCK_MS, on_ack, y);
        return;
    }
    f->waits--;
    y->acking = false;
    if (sender && sender->flow && sender->blocked && y->in_flight + y->got.len < f->cap) {
        sender->writable = true;
        wake(sender);
    }
    free_if_done(f);
}

static ssize_t end_read(struct transport *t, void *dst, size_t cap) {
    struct end *e = end_of(t);
    if (!e->flow || e->state == CONNECTING || !cap)
        return WEFT_E_AGAIN;
    struct way *y = &e->flow->way[e->side];
    size_t n = y->got.len < cap ? y->got.len : cap;
    if (n) {
        memcpy(dst, buf_str(&y->got).ptr, n);
        buf_take(&y->got, n);
        t->rx += n;
        if (!y->acking) {
            y->acking = true;
            e->flow->waits++;
            world_at(e->flow->world, passage(e->flow, !e->side), on_ack, y);
        }
        if (e->state == OPEN)
            wake(e);
        return (ssize_t)n;
    }
    if (e->state == FAILED)
        return t->error->code;
    if (y->rst)
        return fail(e, WEFT_E_RESET);
    if (y->fin) {
        e->eof = true;
        return 0;
    }
    return WEFT_E_AGAIN;
}

static void send_cut(struct end *e, struct str all) { /* as one, or in pieces */
    struct world *w = e->flow->world;
    while (all.len) {
        size_t n = all.len > 1 && world_chance(w, 10) ? 1 + world_pick(w, all.len - 1) : all.len;
        send_seg(e->flow, !e->side, DATA, str_first(all, n));
        all = str_from(all, n);
    }
}

static ssize_t end_writev(struct transport *t, const struct iovec *iov, int n) {
    struct end *e = end_of(t);
    size_t all = 0, sent = 0;
    for (int i = 0; i < n; i++)
        all += iov[i].iov_len;
    if (!e->flow)
        return (ssize_t)all;
    if (e->state == FAILED)
        return t->error->code;
    if (e->shut)
        return WEFT_E_CLOSED;
    if (e->state == CONNECTING || e->blocked)
        return WEFT_E_AGAIN;
    if (e->flow->way[e->side].rst)
        return fail(e, WEFT_E_RESET);
    const struct way *y = &e->flow->way[!e->side];
    size_t room = y->in_flight + y->got.len < e->flow->cap ? e->flow->cap - y->in_flight - y->got.len : 0;
    struct buf b = {0};
    for (int i = 0; i < n && sent < room; i++) {
        size_t part = iov[i].iov_len < room - sent ? iov[i].iov_len : room - sent;
        buf_add(&b, str_n(iov[i].iov_base, part));
        sent += part;
    }
    send_cut(e, buf_str(&b));
    buf_fini(&b);
    t->tx += sent;
    e->blocked = sent < all;
    return sent || !all ? (ssize_t)sent : WEFT_E_AGAIN;
}

static void end_want_read(struct transport *t, bool on) {
    struct end *e = end_of(t);
    e->want_read = on;
    if (on && e->flow && e->state == OPEN && e->opened)
        wake(e);
}

static void end_shutdown(struct transport *t) {
    struct end *e = end_of(t);
    if (e->shut)
        return;
    e->shut = true;
    e->blocked = false;
    if (e->flow && e->state == OPEN)
        send_seg(e->flow, !e->side, FIN, STR_NONE);
}

static void end_close(struct transport *t) {
    struct end *e = end_of(t);
    struct flow *f = e->flow;
    loop_timer_stop(t->loop, &e->timeout);
    loop_later_cancel(&e->task);
    if (f) {
        bool rude = t->abort || f->way[e->side].got.len;
        if (e->state == OPEN && (rude || !e->shut))
            send_seg(f, !e->side, rude ? RST : FIN, STR_NONE);
        f->end[e->side] = NULL;
        f->gone[e->side] = true;
        free_if_done(f);
    }
    free(e);
}

static const struct transport_ops ops = {"sim", end_read, end_writev, end_want_read, end_shutdown, end_close};

static struct end *make_end(struct flow *f, unsigned side, struct loop *l, transport_f *on_event, void *ctx) {
    struct end *e = mem_new(struct end);
    e->t = (struct transport){.ops = &ops, .loop = l, .on_event = on_event, .ctx = ctx, .error = &err_none};
    addr_keep(&e->t.local, &f->addr[side]);
    addr_keep(&e->t.remote, &f->addr[!side]);
    e->flow = f;
    e->side = side;
    e->want_read = true;
    f->end[side] = e;
    return e;
}

/* ---- dialling and accepting ---- */

static struct machine *of_net(const struct sock_net *n) {
    return container_of(n, struct machine, net);
}

static struct listening *find_listening(const struct machine *nd, uint16_t port) {
    LIST_FOR (n, &nd->listeners) {
        struct listening *l = list_entry(n, struct listening, node);
        if (l->port == port)
            return l;
    }
    return NULL;
}

static void on_refused(void *ctx) {
    struct flow *f = ctx;
    f->waits--;
    if (f->end[0] && f->end[0]->flow)
        fail(f->end[0], WEFT_E_REFUSED);
    free_if_done(f);
}

static void on_opened(void *ctx) {
    struct flow *f = ctx;
    struct end *e = f->end[0];
    f->waits--;
    if (e && e->flow && e->state == CONNECTING) {
        e->state = OPEN;
        loop_timer_stop(e->t.loop, &e->timeout);
        if (e->shut)
            send_seg(f, 1, FIN, STR_NONE);
        wake(e);
    }
    free_if_done(f);
}

static void on_accept(struct task *t) {
    struct listening *l = container_of(t, struct listening, task);
    struct list *n = list_pop(&l->queue);
    if (!n)
        return;
    struct flow *f = list_entry(n, struct flow, queued);
    if (!list_empty(&l->queue))
        loop_later(&l->at->loop, &l->task, on_accept);
    f->by = NULL;
    f->world->accepting = f;
    l->sl->cb(l->sl, 1, &f->addr[0]);
}

static void on_syn(void *ctx) {
    struct flow *f = ctx;
    struct world *w = f->world;
    if (f->end[0] && f->end[0]->flow && (is_cut(f, 1) || is_cut(f, 0))) {
        world_at(w, CLOCK_S, on_syn, f);
        return;
    }
    f->waits--;
    struct listening *l = f->at[1]->up ? find_listening(f->at[1], addr_port(&f->addr[1])) : NULL;
    if (!f->end[0] || !f->end[0]->flow) {
        free_if_done(f);
        return;
    }
    f->waits++;
    world_at(w, passage(f, 0), l ? on_opened : on_refused, f);
    if (!l) {
        f->gone[1] = true;
        return;
    }
    f->by = l;
    list_push(&l->queue, &f->queued);
    loop_later(&l->at->loop, &l->task, on_accept);
    l->at->poked = true;
}

static void on_dial_timeout(struct timer *t) {
    fail(container_of(t, struct end, timeout), WEFT_E_CONNECT_TIMEOUT);
}

static struct transport *net_dial(const struct sock_net *n, struct loop *l, const struct addr *a, uint64_t timeout,
                                  transport_f *on_event, void *ctx) {
    struct machine *nd = of_net(n);
    struct world *w = nd->world;
    struct flow *f = mem_new(struct flow);
    unsigned to = addr_octets(a).at[3];
    WEFT_ASSERT(to < MACHINES && w->node[to]);
    f->world = w;
    f->at[0] = nd;
    f->at[1] = w->node[to];
    f->addr[0] = machine_addr(nd->n, (uint16_t)(40000 + w->asked % 20000));
    f->addr[1] = *a;
    f->cap = world_chance(w, 20) ? 500 + world_pick(w, 4000) : 65536;
    for (unsigned i = 0; i < 2; i++) {
        f->way[i].flow = f;
        f->way[i].to = i;
        list_init(&f->way[i].segs);
    }
    list_push(&w->flows, &f->node);
    struct end *e = make_end(f, 0, l, on_event, ctx);
    loop_timer(l, &e->timeout, timeout, on_dial_timeout);
    f->waits++;
    world_at(w, passage(f, 1), on_syn, f);
    if (nd->dead) { /* of a process that is gone */
        e->flow = f->end[0]->flow = NULL;
        f->end[0] = NULL;
    }
    return &e->t;
}

static struct transport *net_adopt(const struct sock_net *n, struct loop *l, int number, const struct addr *peer,
                                   transport_f *on_event, void *ctx) {
    struct world *w = of_net(n)->world;
    struct flow *f = w->accepting;
    w->accepting = NULL;
    struct end *e = make_end(f, 1, l, on_event, ctx);
    e->state = OPEN;
    e->opened = true;
    f->accepted = true;
    wake(e);
    return &e->t;
}

static int net_listen(const struct sock_net *n, struct sock_listener *sl, struct loop *l, const struct addr *a, struct err *e) {
    struct machine *nd = of_net(n);
    struct listening *li = mem_new(struct listening);
    *li = (struct listening){.at = nd, .sl = sl, .port = addr_port(a)};
    list_init(&li->queue);
    list_push(&nd->listeners, &li->node);
    return 0;
}

/* Who waits there to be accepted is reset. */
static void drop_listening(struct listening *l) {
    struct list *n;
    while ((n = list_pop(&l->queue))) {
        struct flow *f = list_entry(n, struct flow, queued);
        f->by = NULL;
        f->gone[1] = true;
        if (f->end[0])
            send_seg(f, 0, RST, STR_NONE);
        free_if_done(f);
    }
    loop_later_cancel(&l->task);
    list_remove(&l->node);
    free(l);
}

static void net_unlisten(const struct sock_net *n, struct sock_listener *sl) {
    LIST_FOR (at, &of_net(n)->listeners) {
        struct listening *l = list_entry(at, struct listening, node);
        if (l->sl == sl)
            drop_listening(l);
    }
}

/* ---- nodes ---- */

static const struct machine *of_clock(const struct clock *c) {
    return container_of(c, const struct machine, clock);
}

static uint64_t mono(const struct clock *c) {
    const struct machine *nd = of_clock(c);
    return nd->world->now + nd->ahead;
}

static uint64_t wall(const struct clock *c) {
    return WALL + mono(c) + (uint64_t)of_clock(c)->wall_off;
}

static void log_line(void *ctx, enum log_level level, struct str line) {
    const struct machine *nd = ctx;
    if (!nd->dead)
        world_say(nd->world, "%u: " STR_FMT, nd->n, STR_ARG(line));
}

static void note_next(struct machine *nd) {
    uint64_t in = timer_next(&nd->loop.wheel, nd->world->now);
    nd->next = in == UINT64_MAX ? UINT64_MAX : nd->world->now + (in ? in : CLOCK_MS);
}

void machine_boot(struct world *w, struct machine *nd, unsigned n) {
    WEFT_ASSERT(n < MACHINES && !nd->up);
    nd->world = w;
    nd->n = n;
    nd->net = (struct sock_net){net_listen, net_unlisten, net_dial, net_adopt};
    nd->clock = (struct clock){mono, wall};
    nd->log = (struct log){.sink = log_line, .ctx = nd, .level = LOG_INFO};
    nd->dead = nd->lost = false;
    nd->ahead = 0;
    if (!nd->listeners.next)
        list_init(&nd->listeners);
    w->node[n] = nd;
    struct loop_cfg cfg = {.clock = &nd->clock, .net = &nd->net, .log = &nd->log, .seed = rand_u64(&w->rand) | 1};
    struct err e;
    if (loop_init(&nd->loop, &cfg, &e) < 0)
        world_fail(w, "%s", e.msg);
    nd->up = nd->poked = true;
}

void machine_turn_dead(struct machine *nd) {
    uint64_t in = timer_next(&nd->loop.wheel, nd->loop.now);
    if (in != UINT64_MAX)
        nd->ahead += in ? in : CLOCK_MS;
    loop_turn(&nd->loop, false);
}

void machine_enter(struct machine *nd) {
    nd->loop.now = mono(&nd->clock);
    nd->poked = true;
}

void machine_down(struct machine *nd) {
    for (int i = 0; i < 8; i++)
        loop_turn(&nd->loop, false);
    loop_fini(&nd->loop);
    nd->up = false;
    nd->next = UINT64_MAX;
}

static void on_keepalive(void *ctx) {
    struct flow *f = ctx;
    f->waits--;
    for (unsigned i = 0; i < 2; i++)
        if (f->gone[!i] && f->end[i] && f->end[i]->flow && f->end[i]->state == OPEN)
            fail(f->end[i], WEFT_E_TIMEOUT);
    free_if_done(f);
}

static void part(struct flow *f, unsigned side, bool silent) {
    struct end *e = f->end[side];
    f->gone[side] = true;
    f->waits++;
    if (e) {
        if (e->state == OPEN && !silent)
            send_seg(f, !side, RST, STR_NONE);
        e->flow = NULL;
        f->end[side] = NULL;
    }
    world_at(f->world, KEEPALIVE, on_keepalive, f);
}

void machine_kill(struct machine *nd, bool silent, void (*bury)(struct machine *nd)) {
    struct world *w = nd->world;
    while (!list_empty(&nd->listeners))
        list_entry(nd->listeners.next, struct listening, node)
            ->sl->net->unlisten(&nd->net, list_entry(nd->listeners.next, struct listening, node)->sl);
    LIST_FOR (n, &w->flows) {
        struct flow *f = list_entry(n, struct flow, node);
        for (unsigned i = 0; i < 2; i++)
            if (f->at[i] == nd && !f->gone[i] && f->end[i] && f->end[i]->flow)
                part(f, i, silent);
    }
    machine_enter(nd);
    nd->dead = true;
    nd->lost = silent;
    bury(nd);
    machine_down(nd);
}

/* ---- the world ---- */

void world_init(struct world *w, uint64_t seed) {
    *w = (struct world){.now = START};
    rand_init(&w->rand, seed);
    list_init(&w->flows);
}

void world_fini(struct world *w) {
    memset(w->cut_until, 0, sizeof w->cut_until);
    for (unsigned i = 0; i < MACHINES; i++)
        if (w->node[i])
            w->node[i]->lost = false;
    while (w->n_heap) { /* what would still happen to connections */
        struct world_event ev = take_first(w);
        w->now = ev.at;
        ev.cb(ev.ctx);
    }
    WEFT_ASSERT(list_empty(&w->flows));
    free(w->heap);
}

static uint64_t due(const struct machine *nd) {
    if (!nd || !nd->up)
        return UINT64_MAX;
    uint64_t at = nd->poked ? nd->world->now : nd->next;
    return at < nd->frozen_until && at != UINT64_MAX ? nd->frozen_until : at;
}

bool world_step(struct world *w) {
    uint64_t next = w->n_heap ? w->heap[0].at : UINT64_MAX;
    for (unsigned i = 0; i < MACHINES; i++)
        next = due(w->node[i]) < next ? due(w->node[i]) : next;
    if (next == UINT64_MAX)
        return false;
    w->now = next > w->now ? next : w->now;
    while (w->n_heap && w->heap[0].at <= w->now) {
        struct world_event ev = take_first(w);
        ev.cb(ev.ctx);
    }
    for (unsigned i = 0; i < MACHINES; i++) {
        struct machine *nd = w->node[i];
        if (due(nd) > w->now)
            continue;
        nd->poked = false;
        loop_turn(&nd->loop, false);
        note_next(nd);
    }
    return true;
}
