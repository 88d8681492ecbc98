// SPDX-License-Identifier: Apache-2.0
/* Bodies from socket to socket through a pipe of the kernel: both heads tell the length, nothing of the body is looked at. What
 * is written is counted on both sides as if it had come through here, so a body that ends early is cut short as ever.
 *
 * The pipe belongs to the side that writes, behind what is gathered there. While it holds something the reading side is paused,
 * so at most one pipe full is on its way; a second reader of the same loop has its turn after one. */
#include "http/h1_int.h"
#include "io/sock.h"

#define PASS_FROM                                                                                                                \
    32768u             /* octets still to come from which two more system calls are cheaper than copying twice (decision 0022) */
#define HEAD_CAP 8192u /* of a receive that brings a head and may bring a body behind it */

static bool can_splice(const struct h1 *h) {
    return !h->p->pub.tr->tls && sock_can_splice(h->p->pub.tr);
}

void h1__join(struct stream *from, struct stream *to, struct pipe_pool *pipes) {
    struct h1 *h = h1__of(from), *o;
    if (h->to)
        h->to->from = NULL;
    h->to = NULL;
    if (!to || to->conn->ops->join != h1__join || !can_splice(h) || !can_splice(o = h1__of(to)))
        return;
    if (o->from)
        o->from->to = NULL;
    h->to = o;
    o->from = h;
    h->pipes = o->pipes = pipes;
}

static void drop_pipe(struct h1 *h) {
    bool had = h->pipe.rd > 0;
    if (had)
        pipe_give(h->pipes, &h->pipe);
    h->pipe = (struct pipe){0};
    if (had && h->from)
        conn__resume(h->from->p);
}

void h1__unjoin(struct h1 *h) {
    drop_pipe(h);
    if (h->to)
        h->to->from = NULL;
    if (h->from)
        h->from->to = NULL;
    h->to = h->from = NULL;
}

void h1__pass_on(struct h1 *h) {
    struct conn_priv *p = h->p;
    while (h->pipe.len && p->out.len == 0 && !p->blocked && !p->write_error && !conn__dead(p)) {
        size_t n = conn__splice(p, h->pipe.rd, h->pipe.len);
        if (!p->write_error) /* else it is still in the pipe, which is of no use any more */
            h->pipe.len -= n;
    }
    if (h->pipe.rd > 0 && (!h->pipe.len || p->write_error || conn__dead(p)))
        drop_pipe(h);
}

size_t h1__cap(const struct conn_priv *p) {
    const struct h1 *h = p->impl;
    return h && h->to && !p->pub.server && !h->in_head ? HEAD_CAP : LOOP_SCRATCH;
}

static bool may_pass(const struct h1 *h) {
    const struct h1 *o = h->to;
    if (!o || h->p->in.len || h->tunnel || h->st.in_ended || h->st.gone)
        return false;
    if (!(h->p->pub.server || h->in_head) || h->body.kind != H1_BODY_LENGTH || h->body.left < PASS_FROM)
        return false;
    return !o->st.gone && !o->st.out_ended && o->out == H1_OUT_LENGTH && o->out_left == h->body.left && !o->p->blocked &&
           !o->p->write_error && !conn__dead(o->p) && can_splice(h) && can_splice(o);
}

/* What is gathered goes first, and waits in the kernel for the octets behind it: one segment. */
static void send_gathered(struct h1 *h) {
    sock_more(h->p->pub.tr, true);
    h1__flush(h);
    sock_more(h->p->pub.tr, false);
}

static void passed(struct h1 *h, size_t n) {
    struct h1 *o = h->to;
    bool end = h->body.left == 0;
    h->st.in_ended = end;
    if (end)
        h->p->other_due = UINT64_MAX;
    else if (conn__body_us(h->p) != UINT64_MAX)
        h1__set_due(h->p, conn__body_us(h->p));
    conn__later(o->p);
    h->st.cb->passed(&h->st, n, end);
    if (!end)
        return;
    if (!o->st.gone && !conn__dead(o->p))
        h1__data(&o->st, STR_NONE, true);
    if (!h->p->pub.server)
        (void)h1__client_take(h->p, STR_NONE); /* the response is whole */
}

ssize_t h1__pass(struct conn_priv *p) {
    struct h1 *h = p->impl, *o;
    struct pipe pipe;
    if (!h || !may_pass(h) || !pipe_take(h->pipes, &pipe))
        return WEFT_E_UNSUPPORTED;
    o = h->to;
    ssize_t n = sock_splice_in(p->pub.tr, pipe.wr, h->body.left < PIPE_SIZE ? (size_t)h->body.left : PIPE_SIZE);
    if (n <= 0) {
        pipe_give(h->pipes, &pipe);
        return n;
    }
    pipe.len = (size_t)n;
    h->body.left -= pipe.len;
    o->out_left -= pipe.len;
    o->pipe = pipe;
    send_gathered(o);
    h1__pass_on(o);
    passed(h, (size_t)n);
    return n;
}
