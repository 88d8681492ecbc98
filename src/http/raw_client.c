// SPDX-License-Identifier: Apache-2.0
/* The client's side of no protocol at all: a connection that carries one tunnel, of which the transport's opening is the answer.
 * What terminates a CONNECT sees the same streams as who passes it on. Built of the tunnels of HTTP/1.1. */
#include "http/h1_int.h"

/* A stream's callbacks are not there yet when it is asked for: the answer comes at the end of the turn. */
static void answer(struct h1 *h) {
    const struct msg m = {.status = 200, .version = 11, .content_length = -1};
    h->in_head = true;
    h1__tunnel(h);
    h->st.cb->head(&h->st, &m, false);
}

static bool may_read(const struct conn_priv *p) {
    const struct h1 *h = p->impl;
    return !p->eof && h && h->in_head && h->st.credit < STREAM_WINDOW;
}

static void input(struct conn_priv *p, struct str in) {
    h1__deliver(p->impl, in, false);
}

static void on_eof(struct conn_priv *p) {
    if (!h1__tunnel_run(p))
        conn__fail(p, WEFT_E_EOF);
}

static void run(struct conn_priv *p) {
    struct h1 *h = p->impl;
    if (h && !h->in_head)
        answer(h);
    h1__tell_sent(p);
    if (!conn__dead(p))
        h1__tunnel_run(p);
}

static uint64_t due(struct conn_priv *p, uint64_t now) {
    return UINT64_MAX;
}

static unsigned capacity(const struct conn_priv *p) {
    return p->pub.requests == 0;
}

static struct stream *request(struct conn_priv *p, const struct msg *m, bool end, struct err *e) {
    struct h1 *h = h1__begin(p);
    h->st.method = m->method_id;
    h->st.head_sent = h->st.out_ended = true; /* until the tunnel begins */
    conn__drain_tell(p);                      /* it carries no other */
    conn__later(p);
    return &h->st;
}

const struct conn_ops conn__raw_client = {
    .name = "raw",
    .may_read = may_read,
    .input = input,
    .eof = on_eof,
    .run = run,
    .due = due,
    .capacity = capacity,
    .request = request,
    H1__CLIENT_OPS, /* the rest */
};
