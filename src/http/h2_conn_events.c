// SPDX-License-Identifier: Apache-2.0
#include "http/h2_conn_int.h"

static struct conn_stream *lookup(struct h2_conn *hc, int32_t id) {
    struct conn_stream *hs = h2_stream_data(hc->h, id);
    return hs && !hs->s.gone && !conn__dead(hc->p) ? hs : NULL;
}

static void on_request(struct h2_conn *hc, int32_t id, const struct msg *m, bool end) {
    struct conn_priv *p = hc->p;
    struct conn_stream *hs = h2c__stream_new(hc, id);
    struct stream *s = &hs->s;
    struct msg head = *m;
    hs->peer_ended = end;
    hs->tunnel = m->method_id == METHOD_CONNECT ? TUNNEL_ASKED : TUNNEL_NONE;
    if (m->upgrade.len) {
        head.method = STR("GET");
        head.method_id = METHOD_GET;
    }
    s->method = head.method_id;
    s->in_ended = end || hs->tunnel;
    s->expects_continue = !s->in_ended && msg_list_has(&m->fields, HDR_EXPECT, STR("100-continue"));
    h2c__touch(hc, hs);
    p->pub.cfg->on_stream(&p->pub, s);
    if (!s->gone && !conn__dead(p))
        s->cb->head(s, &head, s->in_ended);
}

/* The response is whole: what is left of the request is not wanted. */
static void response_ended(struct h2_conn *hc, struct conn_stream *hs) {
    if (hc->p->pub.server || hs->s.gone || (hs->tunnel == TUNNEL_OPEN && !hs->s.out_ended))
        return;
    h2c__decide(hs, 0);
    if (!hs->s.out_ended || hs->tunnel == TUNNEL_REFUSED)
        h2_reset(hc->h, hs->id, H2_NO_ERROR);
    conn__later(hc->p);
}

/* An upgrade that was ignored at the other end: see as_connect. */
static void undo_declined(struct msg *m) {
    const struct msg_field *f = msg_find_name(&m->fields, DECLINED);
    uint64_t status;
    if (m->status != 501 || !f || !str_u64(f->value, 299, &status) || status < 200)
        return;
    m->status = (uint16_t)status;
    msg_remove_name(&m->fields, DECLINED);
}

static void on_final(struct h2_conn *hc, struct conn_stream *hs, const struct msg *m, bool end) {
    struct msg head = *m;
    bool yes = hs->tunnel == TUNNEL_ASKED && m->status / 100 == 2;
    hs->peer_ended = end;
    if (yes) {
        h2c__tunnel_open(hc, hs);
        if (hs->upgrade.len) {
            head.status = 101;
            head.upgrade = hs->upgrade;
        }
    } else {
        hs->s.in_ended = end;
        if (hs->tunnel) {
            hs->tunnel = TUNNEL_REFUSED;
            undo_declined(&head);
        }
    }
    h2c__touch(hc, hs);
    hs->s.cb->head(&hs->s, &head, hs->s.in_ended);
    if (hs->s.in_ended)
        response_ended(hc, hs);
}

/* They are not under flow control: without a limit they would pile up before a slow reader. */
static void on_info(struct h2_conn *hc, struct conn_stream *hs, const struct msg *m) {
    uint32_t most = hc->p->pub.cfg->limits.infos;
    if (++hs->infos > (most ? most : LIMITS_infos)) {
        conn__met(hc->p, LIMIT_infos);
        h2c__decide(hs, WEFT_E_PROTOCOL);
        hs->s.gone = true;
        h2_reset(hc->h, hs->id, H2_ENHANCE_YOUR_CALM);
        conn__later(hc->p);
    } else if (hs->s.cb->info)
        hs->s.cb->info(&hs->s, m);
}

static void on_head(void *ctx, int32_t id, const struct msg *m, bool end) {
    struct h2_conn *hc = ctx;
    struct conn_stream *hs = lookup(hc, id);
    if (hc->p->pub.server) {
        if (!conn__dead(hc->p) && !h2_stream_data(hc->h, id))
            on_request(hc, id, m, end);
        return;
    }
    if (!hs)
        return;
    if (m->status < 200) {
        on_info(hc, hs, m);
        return;
    }
    on_final(hc, hs, m, end);
}

static void say_over(struct err *e, const struct conn_limits *l, enum h2_over what) {
    if (what == H2_OVER_FIELDS)
        err_set(e, WEFT_E_TOO_LARGE, "more than %u fields", l->fields ? l->fields : LIMITS_fields);
    else
        err_set(e, WEFT_E_TOO_LARGE, "head is longer than %u octets", l->head ? l->head : LIMITS_head);
}

static void on_bad(void *ctx, int32_t id, const struct msg *m, enum h2_over what, bool end) {
    struct h2_conn *hc = ctx;
    struct conn *c = &hc->p->pub;
    if (conn__dead(hc->p))
        return;
    struct conn_stream *hs = h2c__stream_new(hc, id);
    struct err e;
    hs->peer_ended = hs->s.in_ended = end;
    hs->s.method = method_intern(m->method);
    hs->s.gone = what == H2_OVER_NONE; /* nothing is said: it is reset */
    if (hs->s.gone)
        err_set(&e, WEFT_E_PROTOCOL, "malformed request");
    else
        say_over(&e, &c->cfg->limits, what);
    if (c->cfg->on_bad)
        c->cfg->on_bad(c, &hs->s, &e);
    else
        conn_reply_bad(&hs->s, &e, HDR_OTHER, STR_NONE);
}

static void on_data(void *ctx, int32_t id, struct str data) {
    struct h2_conn *hc = ctx;
    struct conn_stream *hs = lookup(hc, id);
    if (!hs) {
        h2_consume(hc->h, id, data.len); /* of the connection's window, at least */
        conn__later(hc->p);
        return;
    }
    if (hs->tunnel == TUNNEL_ASKED || hs->held.len) {
        buf_add(&hs->held, data); /* at most the stream's window: no credit is given */
        return;
    }
    hs->s.credit += (uint32_t)data.len;
    h2c__touch(hc, hs);
    hs->s.cb->data(&hs->s, data, false);
}

static void on_end(void *ctx, int32_t id, const struct msg_fields *trailers) {
    struct h2_conn *hc = ctx;
    struct conn_stream *hs = lookup(hc, id);
    if (!hs)
        return;
    hs->peer_ended = true;
    if (hs->tunnel == TUNNEL_ASKED || hs->held.len)
        return;
    hs->s.in_ended = true;
    hs->body_due = UINT64_MAX;
    hc->early -= hs->early;
    hs->early = false;
    if (trailers && trailers->n > 0 && hs->s.cb->trailers)
        hs->s.cb->trailers(&hs->s, trailers);
    else
        hs->s.cb->data(&hs->s, STR_NONE, true);
    response_ended(hc, hs);
}

static int why_closed(const struct conn_stream *hs, uint32_t code, bool by_peer) {
    if (hs->s.in_ended && hs->s.out_ended && code == H2_NO_ERROR)
        return 0;
    if (code == H2_REFUSED_STREAM)
        return WEFT_E_REFUSED_STREAM;
    return by_peer || code == H2_NO_ERROR ? WEFT_E_RESET
                                          : WEFT_E_PROTOCOL; /* ours without a wish of the user's: its input was bad */
}

static void on_stream_closed(void *ctx, int32_t id, uint32_t code, bool by_peer) {
    struct h2_conn *hc = ctx;
    struct conn_stream *hs = h2_stream_data(hc->h, id);
    if (!hs)
        return;
    hs->s.reset_code = by_peer ? code : 0;
    h2c__decide(hs, why_closed(hs, code, by_peer));
    hs->s.gone = hs->away = true;
    h2c__has_work(hc, hs);
    conn__later(hc->p);
}

static void on_sent(void *ctx, int32_t id, size_t octets) {
    struct h2_conn *hc = ctx;
    struct conn_stream *hs = lookup(hc, id);
    if (!hs)
        return;
    hs->sent += octets;
    hs->send_due = h2_pending(hc->h, id) > 0 ? conn__after(hc->p, conn__send_us(hc->p)) : UINT64_MAX;
    h2c__has_work(hc, hs);
}

static void on_goaway(void *ctx, int32_t last_id, uint32_t code) {
    struct h2_conn *hc = ctx;
    if (hc->p->pub.server)
        return;
    LIST_FOR (n, &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        if (hs->id > last_id) {
            h2c__decide(hs, WEFT_E_REFUSED_STREAM);
            hs->s.gone = hs->away = true;
            h2c__has_work(hc, hs);
            h2_set_stream_data(hc->h, hs->id, NULL);
        }
    }
    conn__drain_tell(hc->p);
    conn__later(hc->p);
}

static void on_settings(void *ctx) {
    struct h2_conn *hc = ctx;
    if (hc->p->pub.server)
        return;
    hc->p->pub.no_upgrades = !h2_peer_takes_upgrades(hc->h);
    hc->settled_due = UINT64_MAX;
    hc->p->ready_due = true;
    conn__later(hc->p);
}

static void on_over(void *ctx, enum h2_over what) {
    static const enum limit_id ids[] = {[H2_OVER_HEAD] = LIMIT_head,
                                        [H2_OVER_FIELDS] = LIMIT_fields,
                                        [H2_OVER_STREAMS] = LIMIT_max_streams,
                                        [H2_OVER_CONTROL] = LIMIT_control_frames,
                                        [H2_OVER_RESETS] = LIMIT_resets};
    struct h2_conn *hc = ctx;
    if (what != H2_OVER_NONE)
        conn__met(hc->p, ids[what]);
}

/* It has seen the warning: what it opened before that has come. */
static void on_pong(void *ctx) {
    struct h2_conn *hc = ctx;
    if (hc->goaway == GOAWAY_WARNED)
        h2c__goaway_final(hc);
}

const struct h2_events h2c__events = {
    .head = on_head,
    .bad = on_bad,
    .data = on_data,
    .end = on_end,
    .closed = on_stream_closed,
    .sent = on_sent,
    .goaway = on_goaway,
    .settings = on_settings,
    .over = on_over,
    .pong = on_pong,
};
