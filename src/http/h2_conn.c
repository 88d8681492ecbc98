// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 connections, both sides: codec/h2.h's session between the transport and the streams.
 *
 * The session's events come while it reads or writes, when a user may be on the stack; so what ends a stream only marks it, and
 * `run` tells it: drained, then closed. */
#include "base/mem.h"
#include "codec/h2.h"
#include "http/conn_int.h"

#define SEND_MAX 65536u                 /* octets that one h2_send may gather; with as many unsent the session keeps the rest */
#define DECLINED STR("x-weft-declined") /* see as_connect */
#define PONG_US (20 * CLOCK_S)

/* Extended CONNECT and CONNECT: told as a request that ends with its head; what comes before the answer is held. */
enum tunnel { TUNNEL_NONE, TUNNEL_ASKED, TUNNEL_OPEN, TUNNEL_REFUSED /* client: the answer is a response like others */ };

struct conn_stream {
    struct stream s;
    struct list node;
    int32_t id;
    size_t sent;                 /* body octets that went out and were not yet told */
    uint64_t body_due, send_due; /* when a stall of what comes, or of what goes, is the end */
    int why;                     /* when `decided`: for closed */
    unsigned infos;              /* client: 1xx heads so far */
    bool decided;
    bool away;  /* the session knows it no more: `closed` is due */
    bool early; /* server: the response ends before the request: to be reset when it has gone */
    enum tunnel tunnel;
    bool peer_ended;    /* its END_STREAM has come, though a tunnel may not have been told */
    struct buf held;    /* a tunnel's octets that came before it opened */
    struct str upgrade; /* client: what was asked for; in s.arena */
};

enum goaway { GOAWAY_NONE, GOAWAY_WARNED, GOAWAY_FINAL };

struct h2_conn {
    struct conn_priv *p;
    struct h2 *h;
    struct list streams;
    uint64_t idle_due, final_due, ping_due, head_due;
    uint64_t settled_due; /* client: for the peer's SETTINGS; until they are here no request goes out */
    uint64_t heard;       /* when input came last */
    bool pinged;          /* since then */
    enum goaway goaway;
    int broken;     /* the session has failed: close when its last words are sent */
    unsigned early; /* streams that are */
    bool work;      /* some stream is away or has something to tell */
    bool was_full;  /* client: capacity was 0 */
};

static struct h2_conn *impl(const struct conn_priv *p) {
    return p->impl;
}
static struct conn_stream *of(const struct stream *s) {
    return container_of(s, struct conn_stream, s);
}
static struct h2_conn *conn_of(const struct stream *s) {
    return impl(conn__of(s->conn));
}

/* ---- streams ---- */

static struct conn_stream *stream_new(struct h2_conn *hc, int32_t id) {
    struct conn_stream *hs = block_take(&hc->p->pub.loop->blocks, sizeof(*hs));
    *hs = (struct conn_stream){.id = id, .body_due = UINT64_MAX, .send_due = UINT64_MAX};
    conn__begin(hc->p, &hs->s);
    list_push(&hc->streams, &hs->node);
    h2_set_stream_data(hc->h, id, hs);
    hc->idle_due = UINT64_MAX;
    return hs;
}

/* From run and stop only. */
static void stream_close(struct h2_conn *hc, struct conn_stream *hs, int why) {
    list_remove(&hs->node);
    hc->early -= hs->early;
    conn__finish(hc->p, &hs->s, why);
    buf_fini(&hs->held);
    block_give(&hc->p->pub.loop->blocks, hs, sizeof(*hs));
}

static void close_streams(struct h2_conn *hc, int why) {
    struct list *n;
    while ((n = hc->streams.next) != &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        h2_set_stream_data(hc->h, hs->id, NULL); /* its events find nobody */
        stream_close(hc, hs, hs->decided ? hs->why : why);
    }
}

static void decide(struct conn_stream *hs, int why) {
    if (hs->decided)
        return;
    hs->decided = true;
    hs->why = why;
}

static void touch(struct h2_conn *hc, struct conn_stream *hs) {
    uint64_t us = conn__body_us(hc->p);
    if (hs->tunnel)
        return;
    hs->body_due = hs->s.in_ended ? UINT64_MAX : conn__after(hc->p, us);
    conn__due(hc->p, hs->body_due);
}

/* Our side has ended. RFC 9113 §8.1: what is left of a request that has its response is refused without an error. */
static void out_ended(struct h2_conn *hc, struct conn_stream *hs) {
    hs->s.out_ended = true;
    conn__later(hc->p);
    if (!hc->p->pub.server || hs->peer_ended || hs->early || hs->tunnel == TUNNEL_OPEN)
        return;
    hs->early = true;
    hc->early++;
}

/* The answer is yes: both sides begin anew. */
static void tunnel_open(struct h2_conn *hc, struct conn_stream *hs) {
    hs->tunnel = TUNNEL_OPEN;
    hs->s.in_ended = hs->s.out_ended = false;
    hs->body_due = UINT64_MAX;
    if (hs->held.len || hs->peer_ended)
        hc->work = true;
    conn__later(hc->p);
}

/* What came before it was open. */
static void tunnel_catch_up(struct conn_stream *hs) {
    struct buf held = hs->held;
    if (hs->tunnel != TUNNEL_OPEN || hs->s.in_ended || hs->s.gone || (!held.len && !hs->peer_ended))
        return;
    hs->held = (struct buf){0};
    hs->s.credit += (uint32_t)held.len;
    hs->s.in_ended = hs->peer_ended;
    hs->s.cb->data(&hs->s, buf_str(&held), hs->peer_ended);
    buf_fini(&held);
}

/* ---- events of the session ---- */

static struct conn_stream *lookup(struct h2_conn *hc, int32_t id) {
    struct conn_stream *hs = h2_stream_data(hc->h, id);
    return hs && !hs->s.gone && !conn__dead(hc->p) ? hs : NULL;
}

static void on_request(struct h2_conn *hc, int32_t id, const struct msg *m, bool end) {
    struct conn_priv *p = hc->p;
    struct conn_stream *hs = stream_new(hc, id);
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
    touch(hc, hs);
    p->pub.cfg->on_stream(&p->pub, s);
    if (!s->gone && !conn__dead(p))
        s->cb->head(s, &head, s->in_ended);
}

/* The response is whole: what is left of the request is not wanted. */
static void response_ended(struct h2_conn *hc, struct conn_stream *hs) {
    if (hc->p->pub.server || hs->s.gone || (hs->tunnel == TUNNEL_OPEN && !hs->s.out_ended))
        return;
    decide(hs, 0);
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
        tunnel_open(hc, hs);
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
    touch(hc, hs);
    hs->s.cb->head(&hs->s, &head, hs->s.in_ended);
    if (hs->s.in_ended)
        response_ended(hc, hs);
}

/* They are not under flow control: without a limit they would pile up before a slow reader. */
static void on_info(struct h2_conn *hc, struct conn_stream *hs, const struct msg *m) {
    uint32_t most = hc->p->pub.cfg->limits.infos;
    if (++hs->infos > (most ? most : LIMITS_infos)) {
        conn__met(hc->p, LIMIT_infos);
        decide(hs, WEFT_E_PROTOCOL);
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
    touch(hc, hs);
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
    decide(hs, why_closed(hs, code, by_peer));
    hs->s.gone = hs->away = hc->work = true;
    conn__later(hc->p);
}

static void on_sent(void *ctx, int32_t id, size_t octets) {
    struct h2_conn *hc = ctx;
    struct conn_stream *hs = lookup(hc, id);
    if (!hs)
        return;
    hs->sent += octets;
    hs->send_due = h2_pending(hc->h, id) > 0 ? conn__after(hc->p, conn__send_us(hc->p)) : UINT64_MAX;
    hc->work = true;
}

static void on_goaway(void *ctx, int32_t last_id, uint32_t code) {
    struct h2_conn *hc = ctx;
    if (hc->p->pub.server)
        return;
    LIST_FOR (n, &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        if (hs->id > last_id) {
            decide(hs, WEFT_E_REFUSED_STREAM);
            hs->s.gone = hs->away = hc->work = true;
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

static void goaway_final(struct h2_conn *hc) {
    if (hc->goaway == GOAWAY_FINAL)
        return;
    hc->goaway = GOAWAY_FINAL;
    hc->final_due = hc->idle_due = UINT64_MAX;
    hc->p->pub.draining = true;
    h2_goaway(hc->h, true);
    conn__later(hc->p);
}

/* It has seen the warning: what it opened before that has come. */
static void on_pong(void *ctx) {
    struct h2_conn *hc = ctx;
    if (hc->goaway == GOAWAY_WARNED)
        goaway_final(hc);
}

static const struct h2_events events = {
    .head = on_head,
    .data = on_data,
    .end = on_end,
    .closed = on_stream_closed,
    .sent = on_sent,
    .goaway = on_goaway,
    .settings = on_settings,
    .over = on_over,
    .pong = on_pong,
};

/* ---- the connection ---- */

static void start(struct conn_priv *p) {
    struct h2_conn *hc = mem_new(struct h2_conn);
    const struct conn_limits *lim = &p->pub.cfg->limits;
    hc->p = p;
    list_init(&hc->streams);
    hc->idle_due = hc->final_due = hc->ping_due = hc->head_due = hc->settled_due = UINT64_MAX;
    hc->heard = conn__now(p);
    p->impl = hc;
    struct h2_cfg cfg = {.server = p->pub.server,
                         .max_streams = p->pub.server ? lim->max_streams : 0,
                         .stream_window = STREAM_WINDOW,
                         .conn_window = lim->conn_window,
                         .head = lim->head,
                         .fields = lim->fields,
                         .control_frames = lim->control_frames,
                         .resets = lim->resets,
                         .extended_connect = p->pub.cfg->upgrades,
                         .arenas = &p->pub.loop->arenas,
                         .blocks = &p->pub.loop->blocks,
                         .bufs = &p->pub.loop->bufs};
    hc->h = h2_new(&cfg, &events, hc);
    if (p->pub.server) {
        hc->idle_due = conn__after(p, conn__idle_us(p));
        conn__due(p, hc->idle_due);
    } else {
        hc->settled_due = conn__after(p, conn__head_us(p));
        conn__due(p, hc->settled_due);
    }
    if (!p->pub.server && p->pub.cfg->ping_us) {
        hc->ping_due = conn__after(p, p->pub.cfg->ping_us);
        conn__due(p, hc->ping_due);
    }
    conn__later(p);
}

/* Octets that wait for the kernel to take some. */
static size_t waiting(const struct conn_priv *p) {
    return p->out.len + h2_kept(impl(p)->h);
}

static bool may_read(const struct conn_priv *p) {
    return waiting(p) < 4 * SEND_MAX; /* who does not read our answers (to pings too) is not read either */
}

static void input(struct conn_priv *p, struct str in) {
    struct h2_conn *hc = impl(p);
    hc->heard = conn__now(p);
    hc->pinged = false;
    if (hc->broken)
        return;
    h2_tick(hc->h, conn__now(p));
    struct err e;
    int rc = h2_recv(hc->h, in, &e);
    if (rc < 0) {
        hc->broken = rc;
        err_keep(&p->pub.error, &e);
    }
    if (!h2_head_open(hc->h))
        hc->head_due = UINT64_MAX;
    else if (hc->head_due == UINT64_MAX) {
        hc->head_due = conn__after(p, conn__head_us(p));
        conn__due(p, hc->head_due);
    }
    conn__later(p);
}

static void on_eof(struct conn_priv *p) {
    conn__fail(p, p->pub.streams > 0 ? WEFT_E_EOF : 0);
}

/* What the session has to say, as far as the kernel takes it. */
static void send_all(struct h2_conn *hc) {
    struct conn_priv *p = hc->p;
    bool more = true;
    while (more && !conn__dead(p) && !p->blocked) {
        size_t before = p->out.len;
        struct err e;
        buf_borrow(&p->out, &p->pub.loop->bufs);
        if (before < SEND_MAX && h2_send(hc->h, &p->out, SEND_MAX - before, &e) < 0) {
            err_keep(&p->pub.error, &e);
            conn__fail(p, WEFT_E_PROTOCOL);
            return;
        }
        more = p->out.len >= SEND_MAX;
        conn__flush(p);
    }
}

/* drained and closed: the users' callbacks, with no session beneath them. */
static void tell_streams(struct h2_conn *hc) {
    if (!hc->work)
        return;
    hc->work = false;
    LIST_FOR (n, &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        size_t sent = hs->sent;
        hs->sent = 0;
        if (sent > 0 && hs->s.cb->drained)
            hs->s.cb->drained(&hs->s, sent);
        tunnel_catch_up(hs);
        if (hs->away && !conn__dead(hc->p))
            stream_close(hc, hs, hs->why);
        if (conn__dead(hc->p))
            return;
    }
}

/* Early responses that have gone: the rest of their requests is refused. */
static void end_early(struct h2_conn *hc) {
    if (hc->early == 0 || hc->p->blocked)
        return;
    LIST_FOR (n, &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        if (!hs->early || hs->away || h2_pending(hc->h, hs->id) > 0)
            continue;
        hs->early = false;
        hc->early--;
        decide(hs, 0);
        h2_reset(hc->h, hs->id, H2_NO_ERROR);
        conn__later(hc->p);
    }
}

static void went_idle(struct h2_conn *hc) {
    struct conn_priv *p = hc->p;
    if (!p->pub.server || hc->idle_due != UINT64_MAX)
        return;
    hc->idle_due = conn__after(p, conn__idle_us(p));
    conn__due(p, hc->idle_due);
}

/* Is all said and done? */
static void check_end(struct h2_conn *hc) {
    struct conn_priv *p = hc->p;
    if (hc->broken && !p->closing) { /* LINGER, so that the GOAWAY arrives */
        p->why = WEFT_E_PROTOCOL;
        conn__close(p);
        close_streams(hc, WEFT_E_PROTOCOL);
    }
    if (p->pub.streams > 0 || p->closing)
        return;
    went_idle(hc);
    if (p->pub.draining && !p->pub.server && hc->goaway == GOAWAY_NONE) {
        hc->goaway = GOAWAY_FINAL;
        h2_goaway(hc->h, true);
        conn__later(p);
    } else if ((hc->goaway == GOAWAY_FINAL && !h2_want_send(hc->h)) || h2_done(hc->h))
        conn__close(p);
}

static unsigned capacity(const struct conn_priv *p) {
    const struct h2_conn *hc = p->impl;
    unsigned max = h2_peer_max_streams(hc->h), own = p->pub.cfg->limits.max_streams, open = h2_open_streams(hc->h);
    if (!h2_settled(hc->h))
        return 0;
    if (own && own < max)
        max = own;
    return open < max ? max - open : 0;
}

static void run(struct conn_priv *p) {
    struct h2_conn *hc = impl(p);
    send_all(hc);
    if (!conn__dead(p))
        tell_streams(hc);
    if (conn__dead(p))
        return;
    end_early(hc);
    check_end(hc);
    if (waiting(p) < SEND_MAX)
        conn__resume(p);
    if (hc->was_full && capacity(p) > 0) {
        hc->was_full = false;
        p->ready_due = true;
        conn__later(p);
    }
}

static void stop(struct conn_priv *p) {
    struct h2_conn *hc = impl(p);
    close_streams(hc, p->why ? p->why : WEFT_E_CLOSED);
    h2_free(&hc->h);
    p->impl = NULL;
    free(hc);
}

/* ---- time ---- */

/* A request's body does not come. Who has no answer yet gets one. */
static void body_late(struct h2_conn *hc, struct conn_stream *hs) {
    hs->body_due = UINT64_MAX;
    if (hs->s.credit >= STREAM_WINDOW || hs->s.long_lived) {
        touch(hc, hs); /* it is we who hold it up */
        return;
    }
    conn__met(hc->p, LIMIT_body_timeout);
    decide(hs, WEFT_E_TIMEOUT);
    if (hc->p->pub.server && !hs->s.head_sent) {
        struct msg m = {.status = 408, .content_length = 0};
        hs->s.head_sent = true;
        if (h2_respond(hc->h, hs->id, &m, true) == 0)
            out_ended(hc, hs);
    } else
        h2_reset(hc->h, hs->id, H2_CANCEL);
    hs->s.gone = true;
    conn__later(hc->p);
}

/* The peer opens no window for what it asked for. */
static void send_late(struct h2_conn *hc, struct conn_stream *hs) {
    hs->send_due = UINT64_MAX;
    conn__met(hc->p, LIMIT_send_timeout);
    decide(hs, WEFT_E_TIMEOUT);
    h2_reset(hc->h, hs->id, H2_CANCEL);
    hs->s.gone = true;
    conn__later(hc->p);
}

/* A header block that does not end: no other frame can come before it has. */
static void head_late(struct h2_conn *hc) {
    hc->head_due = UINT64_MAX;
    conn__met(hc->p, LIMIT_head_timeout);
    hc->broken = err_note(&hc->p->pub.error, WEFT_E_TIMEOUT, "HTTP/2 header block timed out");
    h2_terminate(hc->h, hc->p->pub.error, H2_ENHANCE_YOUR_CALM);
    conn__later(hc->p);
}

/* Is the peer still there? Silence is asked, and silence upon that is the end. */
static void check_peer(struct h2_conn *hc, uint64_t now) {
    const struct conn_cfg *cfg = hc->p->pub.cfg;
    uint64_t silent = hc->heard + cfg->ping_us;
    if (hc->pinged) {
        conn__fail(hc->p, WEFT_E_TIMEOUT);
        return;
    }
    hc->ping_due = silent;
    if (now < silent)
        return;
    if (cfg->ping_busy && !hc->p->pub.streams) { /* nobody waits for it */
        hc->ping_due = now + cfg->ping_us;
        return;
    }
    hc->pinged = true;
    hc->ping_due = now + (cfg->pong_us ? cfg->pong_us : PONG_US);
    h2_ping(hc->h);
    conn__later(hc->p);
}

static uint64_t due(struct conn_priv *p, uint64_t now) {
    struct h2_conn *hc = impl(p);
    if (now >= hc->idle_due && !p->pub.draining)
        conn__met(p, LIMIT_idle_timeout);
    if (now >= hc->idle_due || now >= hc->final_due)
        goaway_final(hc);
    if (now >= hc->head_due)
        head_late(hc);
    if (now >= hc->ping_due)
        check_peer(hc, now);
    if (now >= hc->settled_due)
        conn__fail(p, WEFT_E_TIMEOUT);
    uint64_t next = hc->idle_due < hc->final_due ? hc->idle_due : hc->final_due;
    next = hc->ping_due < next ? hc->ping_due : next;
    next = hc->head_due < next ? hc->head_due : next;
    next = hc->settled_due < next ? hc->settled_due : next;
    LIST_FOR (n, &hc->streams) {
        struct conn_stream *hs = list_entry(n, struct conn_stream, node);
        if (now >= hs->body_due && !hs->s.gone)
            body_late(hc, hs);
        if (now >= hs->send_due && !hs->s.gone)
            send_late(hc, hs);
        next = hs->body_due < next ? hs->body_due : next;
        next = hs->send_due < next ? hs->send_due : next;
    }
    return next;
}

/* RFC 9113 §6.8: first a warning, so that requests on their way still count, then, a round trip later, the real end. */
static void drain(struct conn_priv *p) {
    struct h2_conn *hc = impl(p);
    conn__later(p);
    if (!p->pub.server)
        return;
    hc->goaway = GOAWAY_WARNED;
    h2_goaway(hc->h, false);
    h2_ping(hc->h);
    hc->final_due = conn__after(p, CONN__GRACE_US);
    conn__due(p, hc->final_due);
}

/* ---- calls on streams ---- */

/* The length is a field like others here; m->content_length is what counts. */
static void frame(struct msg *copy, const struct msg *m, struct arena *a) {
    *copy = *m;
    copy->fields.at = arena_alloc(a, (m->fields.n + 1) * sizeof(struct msg_field));
    copy->fields.cap = m->fields.n + 1;
    if (m->fields.n > 0)
        memcpy(copy->fields.at, m->fields.at, m->fields.n * sizeof(struct msg_field));
    msg_remove(&copy->fields, HDR_CONTENT_LENGTH);
    bool none = m->status ? m->status < 200 || m->status == 204
                          : m->content_length == 0 && m->method_id != METHOD_POST && m->method_id != METHOD_PUT &&
                                m->method_id != METHOD_PATCH;
    if (m->content_length >= 0 && !none)
        msg_add(&copy->fields, a, HDR_CONTENT_LENGTH, arena_u64(a, (uint64_t)m->content_length));
}

static struct stream *request(struct conn_priv *p, const struct msg *m, bool end, struct err *e) {
    struct h2_conn *hc = impl(p);
    struct arena a;
    struct msg copy;
    bool tunnel = m->upgrade.len || m->method_id == METHOD_CONNECT;
    if (m->upgrade.len && !h2_peer_takes_upgrades(hc->h)) {
        err_set(e, WEFT_E_UNSUPPORTED, "the peer takes no upgrades over HTTP/2");
        return NULL;
    }
    arena_init(&a, &p->pub.loop->arenas);
    frame(&copy, m, &a);
    if (m->upgrade.len) {
        copy.method = STR("CONNECT");
        copy.method_id = METHOD_CONNECT;
    }
    int32_t id = h2_request(hc->h, &copy, end && !tunnel, e);
    arena_fini(&a);
    if (id < 0)
        return NULL;
    struct conn_stream *hs = stream_new(hc, id);
    hs->tunnel = tunnel ? TUNNEL_ASKED : TUNNEL_NONE;
    hs->upgrade = m->upgrade.len ? arena_dup(&hs->s.arena, m->upgrade) : STR_NONE;
    hs->s.method = m->method_id;
    hs->s.head_sent = true;
    hs->s.out_ended = end || tunnel;
    hc->was_full = capacity(p) == 0;
    conn__later(p);
    return &hs->s;
}

static void check(struct stream *s, int rc) {
    conn__later(conn__of(s->conn));
    if (rc < 0)
        stream_reset(s, rc);
}

/* The answer to a CONNECT: true when it opens the tunnel. RFC 8441 §4: any 2xx does. HTTP/1.1 may ignore an Upgrade, and answer
 * as if there was none: that becomes a 501, and DECLINED tells the next weft on the way what it was. */
static bool as_connect(struct msg *m, enum http_method method, struct arena *a) {
    bool yes = method == METHOD_CONNECT ? m->status / 100 == 2 : m->status == 101;
    if (yes)
        msg_remove(&m->fields, HDR_CONTENT_LENGTH); /* RFC 9110 §8.6 */
    if (m->status == 101)
        m->status = 200;
    else if (m->status / 100 == 2 && method != METHOD_CONNECT) {
        msg_set_name(&m->fields, a, DECLINED, arena_fmt(a, "%u", m->status));
        m->status = 501;
    }
    return yes;
}

static void send_head(struct stream *s, const struct msg *m, bool end) {
    struct h2_conn *hc = conn_of(s);
    struct msg copy;
    frame(&copy, m, &s->arena);
    bool yes = of(s)->tunnel == TUNNEL_ASKED && as_connect(&copy, s->method, &s->arena);
    bool final = copy.status >= 200;
    bool none = s->method == METHOD_HEAD || copy.status == 204 || copy.status == 304; /* then the head is the end as well */
    bool whole = final && !yes && (end || none);
    int rc = h2_respond(hc->h, of(s)->id, &copy, whole);
    s->head_sent = s->head_sent || final;
    if (rc == 0 && yes)
        tunnel_open(hc, of(s));
    if (rc == 0 && whole)
        out_ended(hc, of(s));
    check(s, rc);
}

static void send_data(struct stream *s, struct str data, bool end) {
    struct h2_conn *hc = conn_of(s);
    int rc = h2_data(hc->h, of(s)->id, data, end);
    if (rc == 0 && data.len > 0 && of(s)->send_due == UINT64_MAX) {
        of(s)->send_due = conn__after(hc->p, conn__send_us(hc->p));
        conn__due(hc->p, of(s)->send_due);
    }
    if (rc == 0 && end)
        out_ended(hc, of(s));
    check(s, rc);
}

static void send_end(struct stream *s, const struct msg_fields *trailers) {
    struct h2_conn *hc = conn_of(s);
    int rc = h2_trailers(hc->h, of(s)->id, trailers);
    if (rc == 0)
        out_ended(hc, of(s));
    check(s, rc);
}

static uint32_t reset_code(const struct h2_conn *hc, const struct stream *s, int why) {
    if (s->reset_as)
        return s->reset_as;
    if (why == WEFT_E_REFUSED_STREAM && hc->p->pub.server)
        return H2_REFUSED_STREAM;
    return why == WEFT_E_CANCELLED || !hc->p->pub.server ? H2_CANCEL : H2_INTERNAL_ERROR;
}

static void reset(struct stream *s, int why) {
    struct h2_conn *hc = conn_of(s);
    decide(of(s), WEFT_E_CANCELLED);
    s->gone = true;
    hc->early -= of(s)->early;
    of(s)->early = false;
    h2_reset(hc->h, of(s)->id, reset_code(hc, s, why));
    conn__later(hc->p);
}

static void consumed(struct stream *s, size_t octets) {
    h2_consume(conn_of(s)->h, of(s)->id, octets);
    conn__later(conn__of(s->conn));
}

static size_t queued(const struct stream *s) {
    return h2_pending(conn_of(s)->h, of(s)->id);
}

const struct conn_ops conn__h2 = {
    .name = "h2",
    .start = start,
    .may_read = may_read,
    .input = input,
    .eof = on_eof,
    .run = run,
    .due = due,
    .drain = drain,
    .stop = stop,
    .capacity = capacity,
    .request = request,
    .head = send_head,
    .data = send_data,
    .end = send_end,
    .reset = reset,
    .consumed = consumed,
    .queued = queued,
};
