// SPDX-License-Identifier: Apache-2.0
/* The server's side of HTTP/1.1. */
#include "base/mem.h"
#include "codec/json.h"
#include "http/h1_int.h"

#define DROP_OCTETS 65536u /* of a request body that nobody wants: up to so much is read so that the connection can go on */
#define DROP_US CLOCK_S

/* ---- answers to what is no request ---- */

static unsigned bad_status(const struct err *why) {
    switch (why->code) {
    case WEFT_E_URI_TOO_LONG: return 414;
    case WEFT_E_TOO_LARGE: return 431;
    case WEFT_E_TIMEOUT: return 408;
    case WEFT_E_VERSION: return 505;
    case WEFT_E_UNSUPPORTED: return 501;
    default: return 400;
    }
}

void conn_reply_bad(struct stream *s, const struct err *why, enum hdr_id more, struct str value) {
    struct msg_fields f = {0};
    struct buf b = {0};
    buf_add(&b, STR("{\"error\": "));
    json_print_str(&b, str_of(why->msg[0] ? why->msg : err_text(why->code)));
    buf_add(&b, STR("}\n"));
    msg_add(&f, &s->arena, HDR_CONTENT_TYPE, STR("application/json"));
    if (more != HDR_OTHER)
        msg_add(&f, &s->arena, more, value);
    stream_reply_with(s, bad_status(why), &f, buf_str(&b));
    buf_fini(&b);
}

/* It has begun and has no request; the connection ends with the answer. */
static void bad(struct h1 *h, const struct err *why) {
    struct conn_priv *p = h->p;
    p->keep_alive = false;
    p->other_due = UINT64_MAX;
    h->st.in_ended = true;
    err_keep(&p->pub.error, why);
    if (p->pub.cfg->on_bad)
        p->pub.cfg->on_bad(&p->pub, &h->st, why);
    else
        conn_reply_bad(&h->st, why, HDR_OTHER, STR_NONE);
    if (!h->st.out_ended && !h->st.gone)
        h1__reset(&h->st, WEFT_E_CANCELLED);
}

/* The body of the request under way is malformed or does not come: its user is told, the client gets an answer if it has none
 * yet. */
static void bad_body(struct h1 *h, const struct err *why) {
    struct conn_priv *p = h->p;
    int code = why->code == WEFT_E_TIMEOUT ? WEFT_E_TIMEOUT : WEFT_E_PROTOCOL;
    if (h->st.out_ended && !h->st.gone) { /* it has its whole answer, which may still have to leave */
        p->keep_alive = false;
        p->other_due = UINT64_MAX;
        return;
    }
    if (h->st.head_sent) {
        conn__fail(p, code);
        return;
    }
    h1__finish(h, code);
    if (conn__dead(p))
        return;
    h = h1__begin(p);
    p->pub.requests--;
    bad(h, why);
}

/* ---- requests ---- */

static bool expects_continue(const struct msg *m, bool end) {
    return !end && m->version >= 11 && msg_list_has(&m->fields, HDR_EXPECT, STR("100-continue"));
}

static void begin(struct h1 *h, const struct msg *m) {
    struct conn_priv *p = h->p;
    p->keep_alive = m->keep_alive && !p->pub.draining;
    h->http10 = m->version < 11;
    h->upgrade = m->upgrade.len > 0 ? arena_dup(&h->st.arena, m->upgrade) : STR_NONE;
    h1_body_of_request(&h->body, m);
    bool end = h->body.kind == H1_BODY_NONE || (h->body.kind == H1_BODY_LENGTH && h->body.left == 0);
    h->st.method = m->method_id;
    h->st.in_ended = end;
    h->st.expects_continue = expects_continue(m, end);
    if (end)
        p->other_due = UINT64_MAX;
    else
        h1__set_due(p, conn__body_us(p));
    p->pub.cfg->on_stream(&p->pub, &h->st);
    if (!conn__dead(p))
        h->st.cb->head(&h->st, m, end);
}

/* A head at the start of *in: false when it is not whole yet. */
static bool take_head(struct conn_priv *p, struct str *in) {
    struct err e;
    const struct h1_limits limits = h1__limits(p);
    bool first = p->scanned == 0;
    int n = h1_head_len(*in, &p->scanned, &limits, &e);
    if (n == 0) {
        if (first)
            h1__set_due(p, conn__head_us(p));
        return false;
    }
    p->scanned = 0;
    struct msg m;
    struct str head = str_first(*in, n > 0 ? (size_t)n : 0);
    *in = str_from(*in, head.len);
    struct h1 *h = h1__begin(p);
    int rc = n < 0 ? n : h1_parse_request(&m, head, &limits, &h->st.arena, &e);
    if (rc < 0) {
        *in = STR_NONE;
        h1__met(p, rc, n > 0);
        bad(h, &e);
    } else
        begin(h, &m);
    return true;
}

static void idle(struct conn_priv *p) {
    if (p->eof || !p->keep_alive) {
        conn__close(p);
        return;
    }
    h1__set_due(p, p->pub.draining ? p->grace_us : conn__idle_us(p));
}

static void drop_body(struct conn_priv *p, struct str *in) {
    uint32_t n = in->len < p->drop ? (uint32_t)in->len : p->drop;
    *in = str_from(*in, n);
    p->drop -= n;
    if (!p->drop)
        idle(p);
}

/* The request's body; false when there is nothing left to take. */
static bool take_body(struct h1 *h, struct str *in) {
    struct err e;
    struct conn_priv *p = h->p;
    int rc = h1__body(h, in, &e);
    p->other_due = UINT64_MAX;
    if (rc < 0) {
        h1__met(p, rc, false);
        bad_body(h, &e);
    }
    if (rc > 0)
        h1__set_due(p, conn__body_us(p));
    return rc == 0;
}

/* One step on; false when the rest of *in has to wait (then it stays) or there is none. */
static bool take_step(struct conn_priv *p, struct str *in) {
    struct h1 *h = p->impl;
    if (p->drop) {
        drop_body(p, in);
        return true;
    }
    if (!h)
        return take_head(p, in);
    if (h->tunnel) {
        h1__deliver(h, *in, false);
        *in = STR_NONE;
        return false;
    }
    if (h->st.in_ended)
        return false; /* the next request waits */
    if (take_body(h, in))
        return true;
    *in = STR_NONE;
    return false;
}

struct str h1__server_take(struct conn_priv *p, struct str in) {
    while (in.len > 0 && !conn__dead(p) && !p->closing) {
        if (!take_step(p, &in))
            return in;
    }
    return STR_NONE;
}

static bool may_read(const struct conn_priv *p) {
    const struct h1 *h = p->impl;
    if (p->eof)
        return false;
    if (!h)
        return true;
    if (h->st.in_ended) /* a next request, or the end; one receive of it may wait */
        return p->in.len == 0;
    return h->st.credit < STREAM_WINDOW && !h1__passing(h);
}

static void on_eof(struct conn_priv *p) {
    struct h1 *h = p->impl;
    if (!h) {
        conn__fail(p, 0);
        return;
    }
    if (h->tunnel)
        h1__tunnel_run(p);
    else if (!h->st.in_ended)
        conn__fail(p, WEFT_E_RESET); /* the request was cut short */
}

/* The response has gone. */
static void answered(struct h1 *h) {
    struct conn_priv *p = h->p;
    uint32_t rest = h->st.in_ended ? 0 : (uint32_t)h->body.left; /* rest_is_short, or it does not keep alive */
    h1__finish(h, 0);
    if (conn__dead(p))
        return;
    if (rest && p->keep_alive && !p->eof) {
        p->drop = rest;
        h1__set_due(p, DROP_US);
    } else if (!p->eof || !p->keep_alive || p->in.len == 0) { /* else it shut its side behind several requests */
        idle(p);
    }
    conn__resume(p);
    if (p->in.len > 0 || p->eof)
        conn__later(p);
}

static void run(struct conn_priv *p) {
    struct h1 *h = p->impl;
    h1__tell_sent(p);
    if (conn__dead(p))
        return;
    if (h && h->tunnel && p->in.len > 0)
        h1__pump(p);
    if (conn__dead(p) || h1__tunnel_run(p))
        return;
    if (h) {
        if (h->st.out_ended && p->out.len == 0 && h->pipe.len == 0)
            answered(h);
        return;
    }
    h1__pump(p);
    if (p->eof && !p->impl && !p->drop)
        conn__close(p);
}

static void late(struct conn_priv *p) {
    struct h1 *h = p->impl;
    struct err e;
    p->other_due = UINT64_MAX;
    if (h && (h->st.credit >= STREAM_WINDOW || h->st.long_lived || h1__passing(h))) {
        h1__set_due(p, conn__body_us(p)); /* it is we who hold it up */
    } else if (h) {
        conn__met(p, LIMIT_body_timeout);
        err_set(&e, WEFT_E_TIMEOUT, "request body timed out");
        bad_body(h, &e);
    } else if (p->drop) {
        p->drop = 0;
        conn__close(p);
    } else if (p->in.len > 0) {
        conn__met(p, LIMIT_head_timeout);
        err_set(&e, WEFT_E_TIMEOUT, "request head timed out");
        bad(h1__begin(p), &e);
    } else if (conn__close_idle(p) && !p->pub.draining) {
        conn__met(p, LIMIT_idle_timeout);
    }
}

static uint64_t due(struct conn_priv *p, uint64_t now) {
    if (now >= p->other_due)
        late(p);
    return p->other_due;
}

static void drain(struct conn_priv *p) {
    if (!p->impl && !p->drop && p->in.len == 0)
        h1__set_due(p, conn__grace_due(p) - conn__now(p)); /* a request may be on its way */
}

/* ---- responses ---- */

static void send_info(struct h1 *h, const struct msg *m) {
    if (h->http10)
        return; /* RFC 9110 §15.2 */
    buf_borrow(&h->p->out, &h->p->pub.loop->bufs);
    if (h1_write_response(&h->p->out, m, &(struct h1_framing){.length = H1_UNFRAMED}) == 0)
        conn__later(h->p);
}

/* May the connection go on although the request has not ended? Only when little of it is left and the client is sure to send it.
 */
static bool rest_is_short(const struct h1 *h) {
    return h->body.kind == H1_BODY_LENGTH && h->body.left <= DROP_OCTETS && !h->st.expects_continue;
}

static int64_t body_length(struct h1 *h, const struct msg *m, bool end) {
    if (h1_bodyless(h->st.method, m->status))
        return m->content_length >= 0 && m->status != 204 ? m->content_length : H1_UNFRAMED;
    if (m->content_length >= 0)
        return m->content_length;
    if (end)
        return 0;
    return h->http10 ? H1_UNFRAMED : H1_CHUNKED;
}

static void send_head(struct stream *s, const struct msg *m, bool end) {
    struct h1 *h = h1__of(s);
    struct conn_priv *p = h->p;
    if (m->status < 200 && m->status != 101) {
        send_info(h, m);
        return;
    }
    s->head_sent = true;
    bool tunnel = (m->status == 101 && h->upgrade.len > 0) || (s->method == METHOD_CONNECT && m->status / 100 == 2);
    bool none = h1_bodyless(s->method, m->status);
    int64_t length = tunnel ? H1_UNFRAMED : body_length(h, m, end);
    if (s->method == METHOD_CONNECT && !tunnel) /* what follows was meant for the tunnel: no request */
        p->keep_alive = false;
    if (p->pub.draining || (length == H1_UNFRAMED && !none && !tunnel) || (!s->in_ended && !rest_is_short(h)))
        p->keep_alive = false;
    struct h1_framing fr = {.length = length, .close = !p->keep_alive && !tunnel, .keep_alive = h->http10 && p->keep_alive};
    if (tunnel && m->status == 101)
        fr.upgrade = m->upgrade.len > 0 ? m->upgrade : h->upgrade;
    buf_borrow(&p->out, &p->pub.loop->bufs);
    if (h1_write_response(&p->out, m, &fr) < 0) {
        h1__reset(s, WEFT_E_INVALID);
        return;
    }
    h1__body_start(h, none ? H1_UNFRAMED : length);
    if (length == H1_UNFRAMED && !none)
        h->out = H1_OUT_CLOSE;
    if (tunnel)
        h1__tunnel(h);
    else if (end || none) /* what a user still gives to the answer of a HEAD goes nowhere */
        h1__data(s, STR_NONE, true);
    conn__later(p);
}

static void start(struct conn_priv *p) {
    h1__start(p);
    h1__set_due(p, conn__idle_us(p));
}

const struct conn_ops conn__h1_server = {
    .name = "h1",
    .start = start,
    .may_read = may_read,
    .input = h1__input,
    .eof = on_eof,
    .run = run,
    .due = due,
    .drain = drain,
    .head = send_head,
    .pass = h1__pass,
    .join = h1__join,
    H1__STREAM_OPS, /* the rest */
};
