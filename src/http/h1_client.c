// SPDX-License-Identifier: Apache-2.0
/* The client's side of HTTP/1.1: one request at a time. */
#include "base/mem.h"
#include "http/h1_int.h"

/* ---- responses ---- */

/* The response is whole. What is left of the request is not wanted any more, but then the connection cannot go on. */
static void answered(struct h1 *h) {
    struct conn_priv *p = h->p;
    bool reusable = p->keep_alive && h->st.out_ended && p->out.len == 0 && h->pipe.len == 0 && !p->eof;
    p->other_due = UINT64_MAX;
    if (!reusable)
        conn__drain_tell(p);
    h1__finish(h, 0);
    if (!reusable || p->pub.draining) {
        conn__fail(p, 0);
        return;
    }
    conn__resume(p);
    p->ready_due = true;
    conn__later(p);
}

static void take_final(struct h1 *h, const struct msg *m) {
    struct conn_priv *p = h->p;
    h->in_head = true;
    p->keep_alive = p->keep_alive && m->keep_alive;
    bool tunnel = (m->status == 101 && h->upgrade.len > 0) || (h->st.method == METHOD_CONNECT && m->status / 100 == 2);
    h1_body_of_response(&h->body, m, h->st.method);
    bool end = !tunnel && (h->body.kind == H1_BODY_NONE || (h->body.kind == H1_BODY_LENGTH && h->body.left == 0));
    if (h->body.kind == H1_BODY_CLOSE || tunnel)
        p->keep_alive = false;
    if (!p->keep_alive)
        conn__drain_tell(p);
    if (tunnel)
        h1__tunnel(h);
    else
        h->st.in_ended = end;
    if (!conn__dead(p))
        h->st.cb->head(&h->st, m, end);
}

static int refuse(struct h1 *h, const struct err *why) {
    err_keep(&h->p->pub.error, why);
    conn__fail(h->p, WEFT_E_PROTOCOL);
    return WEFT_E_PROTOCOL;
}

/* 1: a head was taken; 0: it is not whole; < 0: malformed. */
static int take_head(struct h1 *h, struct str *in) {
    struct err e;
    const struct h1_limits limits = h1__limits(h->p);
    int n = h1_head_len(*in, &h->p->scanned, &limits, &e);
    if (n == 0)
        return 0;
    if (n < 0) {
        h1__met(h->p, n, false);
        return refuse(h, &e);
    }
    h->p->scanned = 0;
    struct msg m;
    int rc = h1_parse_response(&m, str_first(*in, (size_t)n), h->st.method, &limits, &h->st.arena, &e);
    if (rc < 0) {
        h1__met(h->p, rc, true);
        return refuse(h, &e);
    }
    *in = str_from(*in, (size_t)n);
    if (m.status == 101 && !(h->upgrade.len && str_ieq(m.upgrade, h->upgrade))) { /* RFC 9110 §7.8 */
        err_set(&e, WEFT_E_PROTOCOL, h->upgrade.len ? "101 to a protocol that was not asked for" : "101 without being asked");
        return refuse(h, &e);
    }
    if (m.status >= 200 || m.status == 101) {
        take_final(h, &m);
        return 1;
    }
    uint32_t infos = h->p->pub.cfg->limits.infos;
    if (++h->infos > (infos ? infos : LIMITS_infos)) {
        conn__met(h->p, LIMIT_infos);
        err_set(&e, WEFT_E_PROTOCOL, "too many 1xx responses");
        return refuse(h, &e);
    }
    if (h->st.cb->info)
        h->st.cb->info(&h->st, &m);
    return 1;
}

static bool take_body(struct h1 *h, struct str *in) {
    struct err e;
    int rc = h1__body(h, in, &e);
    if (rc < 0) {
        h1__met(h->p, rc, false);
        refuse(h, &e);
    }
    if (rc > 0 && conn__body_us(h->p) != UINT64_MAX)
        h1__set_due(h->p, conn__body_us(h->p));
    return rc == 0;
}

struct str h1__client_take(struct conn_priv *p, struct str in) {
    struct h1 *h;
    while (!conn__dead(p) && (h = p->impl)) {
        if (h->tunnel) {
            if (in.len > 0)
                h1__deliver(h, in, false);
            return STR_NONE;
        }
        if (h->in_head && h->st.in_ended)
            answered(h);
        else if (in.len == 0)
            return STR_NONE;
        else if (!h->in_head) {
            if (take_head(h, &in) == 0)
                return in;
        } else if (!take_body(h, &in))
            return STR_NONE;
    }
    if (in.len > 0)
        conn__fail(p, WEFT_E_PROTOCOL); /* octets that nobody asked for */
    return STR_NONE;
}

static bool may_read(const struct conn_priv *p) {
    const struct h1 *h = p->impl;
    return !p->eof && (!h || (h->st.credit < STREAM_WINDOW && !h1__passing(h)));
}

static void on_eof(struct conn_priv *p) {
    struct h1 *h = p->impl;
    if (!h)
        conn__fail(p, 0);
    else if (h->tunnel)
        h1__tunnel_run(p);
    else if (!h->in_head)
        conn__fail(p, p->in.len > 0 || h->infos > 0 ? WEFT_E_RESET : WEFT_E_EOF);
    else if (h1_body_eof(&h->body) < 0)
        conn__fail(p, WEFT_E_RESET);
    else {
        h1__deliver(h, STR_NONE, true);
        if (!conn__dead(p))
            answered(h);
    }
}

static void run(struct conn_priv *p) {
    h1__tell_sent(p);
    if (!conn__dead(p))
        h1__tunnel_run(p);
}

static uint64_t due(struct conn_priv *p, uint64_t now) {
    const struct h1 *h = p->impl;
    if (now < p->other_due)
        return p->other_due;
    p->other_due = UINT64_MAX;
    if (!h || h->tunnel)
        return p->other_due;
    if (h->st.credit >= STREAM_WINDOW || h->st.long_lived || h1__passing(h))
        h1__set_due(p, conn__body_us(p));
    else {
        conn__met(p, LIMIT_body_timeout);
        conn__fail(p, WEFT_E_TIMEOUT);
    }
    return p->other_due;
}

/* ---- requests ---- */

static unsigned capacity(const struct conn_priv *p) {
    return !p->impl && !p->eof ? 1 : 0;
}

static int64_t body_length(const struct msg *m, bool end) {
    if (m->method_id == METHOD_CONNECT)
        return H1_UNFRAMED;
    if (end && m->content_length <= 0) /* RFC 9110 §8.6: methods that define a body say that there is none */
        return m->method_id == METHOD_POST || m->method_id == METHOD_PUT || m->method_id == METHOD_PATCH ? 0 : H1_UNFRAMED;
    return m->content_length >= 0 ? m->content_length : H1_CHUNKED;
}

/* Nothing of it has been written: as if it had not been asked for. */
static struct stream *undo(struct h1 *h) {
    struct conn_priv *p = h->p;
    struct arena a = h->st.arena;
    p->impl = NULL;
    p->pub.streams--;
    p->pub.requests--;
    arena_fini(&a);
    return NULL;
}

static struct stream *request(struct conn_priv *p, const struct msg *m, bool end, struct err *e) {
    struct h1 *h = h1__begin(p);
    struct stream *s = &h->st;
    s->method = m->method_id;
    s->head_sent = true;
    h->upgrade = m->upgrade.len > 0 ? arena_dup(&s->arena, m->upgrade) : STR_NONE;
    int64_t length = body_length(m, end);
    buf_borrow(&p->out, &p->pub.loop->bufs);
    if (h1_write_request(&p->out, m, &(struct h1_framing){.length = length, .upgrade = m->upgrade}) < 0) {
        err_set(e, WEFT_E_INVALID, "request cannot be written in HTTP/1.1");
        return undo(h);
    }
    h1__body_start(h, length);
    if (end)
        h1__data(s, STR_NONE, true);
    conn__later(p);
    return s;
}

const struct conn_ops conn__h1_client = {
    .name = "h1",
    .may_read = may_read,
    .input = h1__input,
    .eof = on_eof,
    .run = run,
    .due = due,
    .capacity = capacity,
    .request = request,
    .cap = h1__cap,
    .pass = h1__pass,
    .join = h1__join,
    H1__CLIENT_OPS, /* the rest */
};
