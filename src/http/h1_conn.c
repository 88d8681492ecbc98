// SPDX-License-Identifier: Apache-2.0
/* What an HTTP/1.1 server and client share: bodies in and out, tunnels, the end of a request. */
#include "base/mem.h"
#include "http/h1_int.h"

#define DIRECT 16384u /* octets from which a body is written from the caller's memory */

void h1__start(struct conn_priv *p) {
    p->other_due = UINT64_MAX;
    p->keep_alive = true;
}

void h1__stop(struct conn_priv *p) {
    struct h1 *h = p->impl;
    if (!h)
        return;
    if (h->out == H1_OUT_CLOSE || h->out == H1_OUT_TUNNEL)
        p->pub.tr->abort = true; /* cut short, and the end of the connection is all that ends such a body, or a tunnel */
    h1__finish(h, p->why ? p->why : WEFT_E_CLOSED);
}

struct h1 *h1__begin(struct conn_priv *p) {
    struct arena a;
    arena_init(&a, &p->pub.loop->arenas);
    struct h1 *h = arena_zalloc(&a, sizeof *h);
    h->p = p;
    conn__begin(p, &h->st);
    h->st.arena = a;
    p->impl = h;
    return h;
}

void h1__met(struct conn_priv *p, int code, bool whole) {
    if (code == WEFT_E_URI_TOO_LONG)
        conn__met(p, LIMIT_line);
    else if (code == WEFT_E_TOO_LARGE)
        conn__met(p, whole ? LIMIT_fields : LIMIT_head);
}

void h1__set_due(struct conn_priv *p, uint64_t us) {
    p->other_due = conn__after(p, us);
    conn__due(p, p->other_due);
}

void h1__drain(struct conn_priv *p) {
    if (!p->impl)
        conn__close(p);
}

/* ---- in ---- */

void h1__deliver(struct h1 *h, struct str data, bool end) {
    h->st.credit += (uint32_t)data.len;
    h->st.in_ended = end;
    h->st.cb->data(&h->st, data, end);
}

static void deliver_trailers(struct h1 *h, const struct msg_fields *trailers) {
    h->st.in_ended = true;
    if (h->st.cb->trailers)
        h->st.cb->trailers(&h->st, trailers);
    else
        h->st.cb->data(&h->st, STR_NONE, true);
}

static void body_octets(struct h1 *h, struct str data) {
    bool last =
        h->body.kind == H1_BODY_LENGTH && h->body.left == 0; /* the end comes with the last octets, not in a call of its own */
    h1__deliver(h, data, last);
}

int h1__body(struct h1 *h, struct str *in, struct err *e) {
    const struct h1_limits limits = h1__limits(h->p);
    while (!conn__dead(h->p) && !h->st.in_ended) {
        struct str data = STR_NONE;
        struct msg_fields trailers = {0};
        int ev = h1_body_next(&h->body, in, &data, &trailers, &limits, &h->st.arena, e);
        if (ev < 0)
            return ev;
        if (ev == H1_MORE)
            return 1;
        if (ev == H1_DATA)
            body_octets(h, data);
        else if (ev == H1_TRAILERS)
            deliver_trailers(h, &trailers);
        else
            h1__deliver(h, STR_NONE, true);
    }
    return 0;
}

void h1__input(struct conn_priv *p, struct str in) {
    if (p->in.len > 0) {
        buf_add(&p->in, in);
        h1__pump(p);
        return;
    }
    struct str rest = p->pub.server ? h1__server_take(p, in) : h1__client_take(p, in);
    if (rest.len > 0 && !conn__dead(p))
        buf_add(&p->in, rest);
}

void h1__pump(struct conn_priv *p) {
    if (p->in.len == 0 || conn__dead(p))
        return;
    struct str in = buf_str(&p->in);
    struct str rest = p->pub.server ? h1__server_take(p, in) : h1__client_take(p, in);
    buf_take(&p->in, in.len - rest.len);
}

void h1__consumed(struct stream *s, size_t octets) {
    if (s->credit < STREAM_WINDOW)
        conn__resume(conn__of(s->conn));
}

/* ---- out ---- */

void h1__no_head(struct stream *s, const struct msg *m, bool end) {
    WEFT_ASSERT(!"a client's head is sent by conn_request");
}

void h1__body_start(struct h1 *h, int64_t length) {
    h->out = length >= 0 ? H1_OUT_LENGTH : length == H1_CHUNKED ? H1_OUT_CHUNKED : H1_OUT_NONE;
    h->out_left = length >= 0 ? (uint64_t)length : 0;
}

void h1__out_octets(struct h1 *h, struct str data) {
    buf_add(&h->p->out, data);
    h->body_queued += data.len;
    conn__later(h->p);
}

/* Puts what the kernel did not take of these pieces into the queue; the second piece is body. */
static void queue_rest(struct h1 *h, const struct iovec *iov, int n, size_t took) {
    struct conn_priv *p = h->p;
    for (int i = 0; i < n; i++) {
        size_t gone = took < iov[i].iov_len ? took : iov[i].iov_len;
        took -= gone;
        struct str rest = {(const char *)iov[i].iov_base + gone, iov[i].iov_len - gone};
        if (i == 1) {
            h->body_sent += gone;
            h->body_queued += rest.len;
        }
        if (i > 0)
            buf_add(&p->out, rest);
        else
            conn__taken(p, gone);
    }
}

/* Large pieces go to the kernel from where they are, behind what was gathered (usually the head): no copy, one send. */
static void write_direct(struct h1 *h, struct str data, struct str after) {
    struct conn_priv *p = h->p;
    struct str first = buf_str(&p->out);
    struct iovec iov[3] = {{(void *)(uintptr_t)first.ptr, first.len},
                           {(void *)(uintptr_t)data.ptr, data.len},
                           {(void *)(uintptr_t)after.ptr, after.len}};
    size_t took = conn__writev(p, iov, 3);
    queue_rest(h, iov, 3, took);
    conn__later(p);
}

static void out_body(struct h1 *h, struct str data) {
    struct conn_priv *p = h->p;
    bool chunked = h->out == H1_OUT_CHUNKED;
    bool direct = data.len >= DIRECT && !p->blocked && h->body_queued == 0;
    if (chunked)
        h1_write_chunk_head(&p->out, data.len);
    if (direct) {
        write_direct(h, data, chunked ? STR("\r\n") : STR_NONE);
        return;
    }
    h1__out_octets(h, data);
    if (chunked)
        buf_add(&p->out, STR("\r\n"));
}

/* False: a body shorter than its head said; it must not look complete. */
static bool out_end(struct h1 *h, const struct msg_fields *trailers) {
    h->st.out_ended = true;
    conn__later(h->p);
    if (h->out == H1_OUT_CHUNKED)
        h1_write_last_chunk(&h->p->out, trailers);
    return h->out != H1_OUT_LENGTH || h->out_left == 0;
}

void h1__data(struct stream *s, struct str data, bool end) {
    struct h1 *h = h1__of(s);
    size_t given = data.len;
    if (h->out == H1_OUT_LENGTH && h->out_left < given)
        data.len = (size_t)h->out_left;
    if (h->out == H1_OUT_LENGTH)
        h->out_left -= data.len;
    if (data.len > 0)
        out_body(h, data);
    h->body_sent += given - data.len; /* whoever waits for `drained` is told of all that he gave */
    if (given > data.len)
        conn__later(h->p);
    if (end && !out_end(h, NULL))
        h1__reset(s, WEFT_E_INVALID);
}

void h1__end(struct stream *s, const struct msg_fields *trailers) {
    if (!out_end(h1__of(s), trailers))
        h1__reset(s, WEFT_E_INVALID);
}

void h1__reset(struct stream *s, int why) {
    s->gone = true;
    conn__fail(conn__of(s->conn), WEFT_E_CANCELLED);
}

size_t h1__queued(const struct stream *s) {
    return h1__of(s)->body_queued + h1__of(s)->pipe.len;
}

/* Counts what a flush has taken. Heads and chunk lines are in the same buffer, so octets are laid to the body first: the sum is
 * exact when the buffer is empty, and never ahead of what the user gave. */
static void count_sent(struct h1 *h, size_t octets) {
    size_t body = h->p->out.len == 0 || octets > h->body_queued ? h->body_queued : octets;
    h->body_queued -= body;
    h->body_sent += body;
}

void h1__flush(struct h1 *h) {
    size_t before = h->p->out.len;
    conn__flush(h->p);
    if (before > h->p->out.len)
        count_sent(h, before - h->p->out.len);
}

void h1__tell_sent(struct conn_priv *p) {
    struct h1 *h = p->impl;
    if (!h)
        return;
    h1__flush(h);
    h1__pass_on(h);
    size_t n = h->body_sent;
    h->body_sent = 0;
    if (n == 0 || conn__dead(p))
        return;
    if (h->st.cb->drained)
        h->st.cb->drained(&h->st, n);
}

/* ---- tunnels ---- */

void h1__tunnel(struct h1 *h) {
    h->tunnel = true;
    h->p->keep_alive = false;
    h->out = H1_OUT_TUNNEL;
    h->st.in_ended = h->st.out_ended = false;
    h->p->other_due = UINT64_MAX;
    conn__resume(h->p);
    conn__later(h->p);
}

bool h1__tunnel_run(struct conn_priv *p) {
    struct h1 *h = p->impl;
    if (!h || !h->tunnel)
        return false;
    if (p->eof && !h->st.in_ended && p->in.len == 0)
        h1__deliver(h, STR_NONE, true);
    if (conn__dead(p) || !h->st.out_ended || p->out.len > 0)
        return true;
    if (!h->shut) {
        h->shut = true;
        transport_shutdown(p->pub.tr);
    }
    if (h->st.in_ended)
        h1__finish(h, 0);
    return true;
}

/* ---- the end of a request ---- */

void h1__finish(struct h1 *h, int why) {
    struct conn_priv *p = h->p;
    h1__unjoin(h);
    h1_body_fini(&h->body);
    bool tunnel = h->tunnel;
    conn__finish(p, &h->st, why); /* still live: no new request comes in between */
    p->impl = NULL;
    if (tunnel)
        conn__close(p);
}
