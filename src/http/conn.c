// SPDX-License-Identifier: Apache-2.0
#include "http/conn.h"
#include "base/mem.h"
#include "codec/h2.h"
#include "http/conn_int.h"
#include "io/sock.h"

#define LINGER_US (2 * CLOCK_S)
#define LINGER_IDLE_US (250 * CLOCK_MS)

void conn__met(struct conn_priv *p, enum limit_id id) {
    if (p->pub.cfg->on_limit)
        p->pub.cfg->on_limit(&p->pub, id);
}

static uint64_t or_default(uint64_t us, uint64_t seconds) {
    return us ? us : seconds * CLOCK_S;
}

uint64_t conn__head_us(const struct conn_priv *p) {
    return or_default(p->pub.cfg->limits.head_timeout_us, LIMITS_head_timeout);
}

uint64_t conn__idle_us(const struct conn_priv *p) {
    return or_default(p->pub.cfg->limits.idle_timeout_us, LIMITS_idle_timeout);
}

uint64_t conn__body_us(const struct conn_priv *p) {
    uint64_t us = p->pub.cfg->limits.body_timeout_us;
    return p->pub.server || us ? or_default(us, LIMITS_body_timeout) : UINT64_MAX;
}

uint64_t conn__send_us(const struct conn_priv *p) {
    return or_default(p->pub.cfg->limits.send_timeout_us, LIMITS_send_timeout);
}

/* ---- streams that nobody has taken ---- */

static void null_head(struct stream *s, const struct msg *m, bool end) {
}
static void null_data(struct stream *s, struct str data, bool end) {
    stream_consumed(s, data.len);
}
static void null_closed(struct stream *s, int why) {
}
const struct stream_cb conn__null_cb = {.head = null_head, .data = null_data, .closed = null_closed};

void conn__begin(struct conn_priv *p, struct stream *s) {
    *s = (struct stream){.cb = &conn__null_cb, .conn = &p->pub, .reused_conn = p->pub.requests > 0};
    arena_init(&s->arena, &p->pub.loop->arenas);
    p->pub.streams++;
    p->pub.requests++;
    s->begun = conn__now(p);
    loop_request(p->pub.loop, p->pub.h2);
}

void conn__finish(struct conn_priv *p, struct stream *s, int why) {
    s->gone = true;
    loop_request_ended(p->pub.loop, p->pub.h2, p->pub.server ? conn__now(p) - s->begun : 0);
    p->pub.streams--;
    if (p->pub.streams == 0)
        p->pub.idle_since = conn__now(p);
    s->cb->closed(s, why);
    struct arena a = s->arena; /* the stream may lie in it */
    arena_fini(&a);
}

/* ---- the end ---- */

static void tear_down(struct conn_priv *p) {
    struct conn *c = &p->pub;
    conn__drain_tell(p);
    if (c->ops)
        c->ops->stop(p);
    transport_close(&c->tr);
    loop_timer_stop(c->loop, &p->timer);
    loop_later_cancel(&p->task);
    if (c->cfg->on_closed)
        c->cfg->on_closed(c, p->why);
    loop_later_cancel(&p->task); /* on_closed may have touched the connection */
    err_drop(&p->pub.error);
    buf_fini(&p->in);
    buf_fini(&p->out);
    free(p);
}

static void linger(struct conn_priv *p) {
    p->state = CONN_LINGER;
    buf_fini(&p->in);
    transport_shutdown(p->pub.tr);
    if (p->eof && !p->pub.tr->tls) { /* the kernel has it all, and nothing more will come; TLS may still have records to send */
        conn__fail(p, 0);
        return;
    }
    conn__resume(p);
    p->other_due = conn__after(p, p->idle ? LINGER_IDLE_US : LINGER_US);
    conn__due(p, p->other_due);
}

static void salvage(struct conn_priv *p);

static void run_task(struct task *t) {
    struct conn_priv *p = container_of(t, struct conn_priv, task);
    if (p->write_error && p->state == CONN_RUN)
        salvage(p);
    if (p->ready_due && p->state == CONN_RUN) {
        p->ready_due = false;
        if (p->pub.cfg->on_ready && conn_capacity(&p->pub) > 0)
            p->pub.cfg->on_ready(&p->pub);
    }
    if (p->state == CONN_RUN)
        p->pub.ops->run(p);
    if (p->state == CONN_RUN && p->closing && p->out.len == 0 && p->pub.streams == 0)
        linger(p);
    if (conn__dead(p))
        tear_down(p);
}

void conn__later(struct conn_priv *p) {
    loop_later(p->pub.loop, &p->task, run_task);
}

void conn__fail(struct conn_priv *p, int why) {
    if (conn__dead(p))
        return;
    p->state = CONN_DEAD;
    p->why = why ? why : p->why;
    p->pub.draining = true;
    conn__later(p);
}

void conn__close(struct conn_priv *p) {
    p->closing = true;
    conn__later(p);
}

void conn__drain_tell(struct conn_priv *p) {
    p->pub.draining = true;
    if (p->drain_told || p->pub.server)
        return;
    p->drain_told = true;
    if (p->pub.cfg->on_drain)
        p->pub.cfg->on_drain(&p->pub);
}

static void broken(struct conn_priv *p, int code) {
    if (p->state == CONN_WAIT && code == WEFT_E_TIMEOUT && p->pub.server)
        conn__met(p, LIMIT_handshake_timeout);
    if (p->pub.tr->error->code)
        err_keep(&p->pub.error, p->pub.tr->error);
    else
        err_note(&p->pub.error, code, "%s", err_text(code));
    conn__fail(p, code);
}

/* What the server sent before it went is still there to be read: often its answer to a request that it did not want whole. */
static void salvage(struct conn_priv *p) {
    while (p->state == CONN_RUN && p->pub.ops->may_read(p)) {
        ssize_t n = transport_read(p->pub.tr, p->pub.loop->scratch, LOOP_SCRATCH);
        if (n <= 0)
            break;
        p->pub.ops->input(p, (struct str){p->pub.loop->scratch, (size_t)n});
    }
    conn__fail(p, p->write_error);
}

/* ---- output ---- */

/* What a write of `all` octets came to: those that nobody needs to write any more. */
static size_t judge_write(struct conn_priv *p, ssize_t took, size_t all) {
    if (took < 0 && took != WEFT_E_AGAIN) {
        if (p->pub.server || p->pub.h2) {
            broken(p, (int)took);
            return 0;
        }
        err_keep(&p->pub.error, p->pub.tr->error);
        p->write_error = (int)took;
        conn__later(p); /* its answer may wait: salvage */
        return all;
    }
    if (took < 0)
        took = 0;
    if ((size_t)took < all) {
        p->blocked = true;
        p->stall_due = conn__after(p, conn__send_us(p));
        conn__due(p, p->stall_due);
    }
    return (size_t)took;
}

size_t conn__writev(struct conn_priv *p, struct iovec *iov, int n) {
    size_t all = 0;
    for (int i = 0; i < n; i++)
        all += iov[i].iov_len;
    if (p->write_error)
        return all; /* nobody takes it any more, and nobody needs to wait for it */
    if (p->blocked || conn__dead(p) || all == 0)
        return 0;
    return judge_write(p, transport_writev(p->pub.tr, iov, n), all);
}

size_t conn__splice(struct conn_priv *p, int pipe_rd, size_t n) {
    if (p->blocked || conn__dead(p) || p->write_error || n == 0)
        return 0;
    return judge_write(p, sock_splice_out(p->pub.tr, pipe_rd, n), n);
}

void conn__taken(struct conn_priv *p, size_t n) {
    if (n < p->out.len) {
        buf_take(&p->out, n);
        return;
    }
    buf_give(&p->out, &p->pub.loop->bufs); /* an idle connection holds none */
}

void conn__flush(struct conn_priv *p) {
    if (p->out.len == 0) {
        buf_give(&p->out, &p->pub.loop->bufs); /* what was borrowed for nothing */
        return;
    }
    struct str s = buf_str(&p->out);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)s.ptr, .iov_len = s.len};
    conn__taken(p, conn__writev(p, &iov, 1));
}

/* ---- input ---- */

void conn__resume(struct conn_priv *p) {
    if (!p->paused || conn__dead(p))
        return;
    p->paused = false;
    transport_want_read(p->pub.tr, true);
}

static void start(struct conn_priv *p, const struct conn_ops *ops) {
    p->pub.ops = ops;
    p->pub.h2 = ops == &conn__h2;
    p->state = CONN_RUN;
    ops->start(p);
    if (p->pub.draining)
        ops->drain(p);
    if (p->pub.server)
        return;
    p->ready_due = true;
    conn__later(p);
}

/* The transport is open: ALPN tells the protocol, or a server waits for the first octets. */
static void opened(struct conn_priv *p) {
    struct conn *c = &p->pub;
    if (p->state != CONN_WAIT)
        return;
    c->open = true;
    if (c->server && c->cfg->on_open)
        c->cfg->on_open(c);
    if (conn__dead(p))
        return;
    enum conn_proto proto = c->cfg->proto;
    if (proto == CONN_AUTO && c->tr->alpn.len > 0)
        proto = str_eq(c->tr->alpn, STR("h2")) ? CONN_H2 : CONN_H1;
    if (proto == CONN_AUTO && !c->server)
        proto = CONN_H1;
    if (proto == CONN_H2)
        start(p, &conn__h2);
    else if (proto == CONN_RAW)
        start(p, &conn__raw_client);
    else if (proto == CONN_H1)
        start(p, c->server ? &conn__h1_server : &conn__h1_client);
    else {
        p->state = CONN_DETECT;
        p->other_due = c->draining ? conn__grace_due(p) : conn__after(p, conn__idle_us(p));
        conn__due(p, p->other_due);
    }
}

/* RFC 9113 §3.4: the preface cannot be mistaken for an HTTP/1.1 request. */
static void detect(struct conn_priv *p, struct str in) {
    if (p->in.len == 0) {
        p->other_due = conn__after(p, conn__head_us(p));
        conn__due(p, p->other_due);
    }
    struct str all = in;
    if (p->in.len > 0) {
        buf_add(&p->in, in);
        all = buf_str(&p->in);
    }
    size_t n = all.len < H2_PREFACE.len ? all.len : H2_PREFACE.len;
    bool h2 = str_eq(str_first(all, n), str_first(H2_PREFACE, n));
    if (h2 && n < H2_PREFACE.len) {
        if (p->in.len == 0)
            buf_add(&p->in, in);
        return;
    }
    struct buf held = p->in; /* the protocol starts with no input of its own */
    p->in = (struct buf){0};
    start(p, h2 ? &conn__h2 : &conn__h1_server);
    p->pub.ops->input(p, all);
    buf_fini(&held);
}

static void ended(struct conn_priv *p) {
    p->eof = true;
    if (p->state != CONN_RUN) {
        conn__fail(p, 0);
        return;
    }
    p->pub.ops->eof(p);
}

/* The octets that came, 0 when none did. */
static size_t receive(struct conn_priv *p, size_t cap) {
    char *scratch = p->pub.loop->scratch;
    ssize_t n = p->state == CONN_RUN && p->pub.ops->pass ? p->pub.ops->pass(p) : WEFT_E_UNSUPPORTED;
    bool passed = n != WEFT_E_UNSUPPORTED;
    if (!passed)
        n = transport_read(p->pub.tr, scratch, cap);
    if (n < 0 && n != WEFT_E_AGAIN)
        broken(p, (int)n);
    if (n == 0)
        ended(p);
    if (n <= 0 || passed)
        return 0;
    struct str in = {scratch, (size_t)n}; /* CONN_LINGER: dropped */
    if (p->state == CONN_RUN)
        p->pub.ops->input(p, in);
    else if (p->state == CONN_DETECT)
        detect(p, in);
    return (size_t)n;
}

static void readable(struct conn_priv *p) {
    if (p->state == CONN_RUN && !p->pub.ops->may_read(p)) {
        p->paused = true;
        transport_want_read(p->pub.tr, false);
        return;
    }
    /* One receive per wake-up: a level-triggered loop comes back when there is more. A second where the first was made short, so
     * that what follows the head need not come through here. */
    size_t cap = p->state == CONN_RUN && p->pub.ops->cap ? p->pub.ops->cap(p) : LOOP_SCRATCH;
    if (receive(p, cap) == cap && cap < LOOP_SCRATCH && p->state == CONN_RUN && p->pub.ops->may_read(p))
        receive(p, LOOP_SCRATCH);
}

bool conn__listen(struct conn_priv *p) {
    return receive(p, LOOP_SCRATCH) || conn__dead(p) || p->eof;
}

bool conn__close_idle(struct conn_priv *p) {
    if (conn__listen(p))
        return false;
    p->idle = true;
    if (p->state == CONN_RUN)
        conn__close(p);
    else
        linger(p);
    return true;
}

uint64_t conn__grace_due(const struct conn_priv *p) {
    uint64_t due = p->pub.idle_since + p->grace_us;
    return due > conn__now(p) ? due : conn__now(p);
}

static void on_event(void *ctx, unsigned ev) {
    struct conn_priv *p = ctx;
    if (conn__dead(p))
        return;
    if (ev & (TR_OPEN | TR_READ))
        opened(p);
    if ((ev & TR_READ) && !conn__dead(p))
        readable(p);
    if ((ev & TR_WRITE) && !conn__dead(p)) {
        p->blocked = false;
        conn__later(p);
    }
    if ((ev & TR_FAIL) && !conn__dead(p) && !p->write_error)
        broken(p, p->pub.tr->error->code ? p->pub.tr->error->code : WEFT_E_RESET);
}

/* ---- time ---- */

static void on_timer(struct timer *t);

void conn__due(struct conn_priv *p, uint64_t when) {
    if (when == UINT64_MAX || (timer_running(&p->timer) && p->timer.due <= when))
        return;
    uint64_t now = conn__now(p);
    loop_timer(p->pub.loop, &p->timer, when > now ? when - now : 0, on_timer);
}

static uint64_t check_due(struct conn_priv *p, uint64_t now) {
    if (p->state == CONN_DETECT && now >= p->other_due)
        conn__met(p, p->in.len > 0 ? LIMIT_head_timeout : LIMIT_idle_timeout);
    if (p->state == CONN_DETECT && now >= p->other_due && p->in.len == 0)
        conn__close_idle(p);
    else if (p->state != CONN_RUN && p->state != CONN_WAIT && now >= p->other_due)
        conn__fail(p, 0);
    if (p->state != CONN_RUN)
        return p->state == CONN_WAIT ? UINT64_MAX : p->other_due;
    if (p->blocked && now >= p->stall_due) {
        conn__met(p, LIMIT_send_timeout);
        conn__fail(p, WEFT_E_TIMEOUT);
        return UINT64_MAX;
    }
    uint64_t next = p->pub.ops->due(p, now);
    return p->blocked && p->stall_due < next ? p->stall_due : next;
}

static void on_timer(struct timer *t) {
    struct conn_priv *p = container_of(t, struct conn_priv, timer);
    if (conn__dead(p))
        return;
    uint64_t next = check_due(p, conn__now(p));
    if (!conn__dead(p))
        conn__due(p, next);
}

/* ---- the door ---- */

static struct conn_priv *make(struct loop *l, struct transport **tr, const struct conn_cfg *cfg, void *user) {
    struct conn_priv *p = mem_new(struct conn_priv);
    p->pub = (struct conn){.cfg = cfg, .user = user, .loop = l, .tr = *tr, .idle_since = l->now, .error = &err_none};
    *tr = NULL;
    transport_bind(p->pub.tr, on_event, p);
    return p;
}

struct conn *conn_server(struct loop *l, struct transport **tr, const struct conn_cfg *cfg, void *user) {
    struct conn_priv *p = make(l, tr, cfg, user);
    p->pub.server = true;
    if (!p->pub.tr->tls || p->pub.tr->alpn.len > 0)
        opened(p); /* a socket that was accepted is open, TLS that has agreed on a protocol too */
    return &p->pub;
}

struct conn *conn_client(struct loop *l, struct transport **tr, const struct conn_cfg *cfg, void *user) {
    struct conn_priv *p = make(l, tr, cfg, user);
    if (p->pub.tr->alpn.len > 0)
        opened(p);
    return &p->pub;
}

unsigned conn_capacity(const struct conn *c) {
    const struct conn_priv *p = conn__of(c);
    if (p->state != CONN_RUN || p->closing || c->draining)
        return 0;
    return c->ops->capacity(p);
}

struct stream *conn_request(struct conn *c, const struct msg *m, bool end, const struct stream_cb *cb, void *user,
                            struct err *e) {
    struct conn_priv *p = conn__of(c);
    if (conn_capacity(c) == 0) {
        bool over = c->draining || p->closing || p->state >= CONN_LINGER;
        err_set(e, over ? WEFT_E_DRAINING : WEFT_E_LIMIT, "%s",
                over ? "connection is draining" : "connection takes no more requests now");
        return NULL;
    }
    struct stream *s = c->ops->request(p, m, end, e);
    if (s) {
        s->cb = cb;
        s->user = user;
    }
    return s;
}

void conn_drain(struct conn *c) {
    conn_drain_within(c, CONN__GRACE_US);
}

void conn_drain_within(struct conn *c, uint64_t grace_us) {
    struct conn_priv *p = conn__of(c);
    if (c->draining)
        return;
    c->draining = true;
    p->grace_us = grace_us;
    p->drain_told = true; /* who asks for it need not be told */
    if (p->state == CONN_RUN)
        c->ops->drain(p);
    else if (!c->server)
        conn__fail(p, 0);
    else if (p->state == CONN_DETECT) { /* a client that has just come gets its answer, if it asks at once */
        p->other_due = conn__grace_due(p);
        conn__due(p, p->other_due);
    }
}

void conn_abort(struct conn *c, int why) {
    conn__fail(conn__of(c), why);
}
