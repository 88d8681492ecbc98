// SPDX-License-Identifier: Apache-2.0
#include "http/h2_conn_int.h"

#define PONG_US (20 * CLOCK_S)

/* Who has no answer yet gets one. */
static void answer_late(struct conn_stream *hs) {
    struct err e;
    if (hs->s.cb->late) {
        hs->s.cb->late(&hs->s);
        return;
    }
    err_set(&e, WEFT_E_TIMEOUT, "Request not whole in time");
    conn_reply_bad(&hs->s, &e, HDR_OTHER, STR_NONE);
    h2c__decide(hs, WEFT_E_TIMEOUT);
    hs->s.gone = true;
}

/* A request's body does not come. */
static void body_late(struct h2_conn *hc, struct conn_stream *hs) {
    hs->body_due = UINT64_MAX;
    if (hs->s.credit >= h2c__stream_window(hc->p) || hs->s.long_lived) {
        h2c__touch(hc, hs); /* it is we who hold it up */
        return;
    }
    conn__met(hc->p, LIMIT_body_timeout);
    conn__later(hc->p);
    if (hc->p->pub.server && !hs->s.head_sent) {
        answer_late(hs);
        return;
    }
    h2c__decide(hs, WEFT_E_TIMEOUT);
    h2_reset(hc->h, hs->id, H2_CANCEL);
    hs->s.gone = true;
}

/* The peer opens no window for what it asked for. */
static void send_late(struct h2_conn *hc, struct conn_stream *hs) {
    hs->send_due = UINT64_MAX;
    conn__met(hc->p, LIMIT_send_timeout);
    h2c__decide(hs, WEFT_E_TIMEOUT);
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

static uint64_t pong_us(const struct conn_cfg *cfg) {
    return cfg->pong_us ? cfg->pong_us : PONG_US;
}

/* Does it still read what is sent to it? Not seen of the last that is in the kernel. */
static bool takes(struct h2_conn *hc) {
    uint64_t before = hc->taken;
    hc->taken = hc->p->pub.tr->tx;
    return hc->p->blocked && hc->taken > before;
}

/* Is the peer still there? Silence is asked, and silence upon that is the end. */
static void check_peer(struct h2_conn *hc, uint64_t now) {
    const struct conn_cfg *cfg = hc->p->pub.cfg;
    if (hc->pinged && hc->p->paused) { /* its answer may be there: if it takes nothing, send_timeout is for that */
        hc->ping_due = now + hc->silence;
        return;
    }
    bool heard = hc->pinged && conn__listen(hc->p); /* it may also have come while we stood still */
    if (hc->pinged && !heard && takes(hc)) {        /* a slow one: the PING is behind what waits */
        hc->ping_due = now + pong_us(cfg);
        return;
    }
    if (hc->pinged && !heard) {
        conn__fail(hc->p, WEFT_E_TIMEOUT);
        return;
    }
    uint64_t silent = hc->heard + hc->silence;
    hc->ping_due = silent;
    if (now < silent)
        return;
    if (cfg->ping_busy && !hc->p->pub.streams) { /* nobody waits for it */
        hc->ping_due = now + hc->silence;
        return;
    }
    hc->pinged = true;
    hc->taken = hc->p->pub.tr->tx;
    hc->ping_due = now + pong_us(cfg);
    h2_ping(hc->h);
    conn__later(hc->p);
}

uint64_t h2c__due(struct conn_priv *p, uint64_t now) {
    struct h2_conn *hc = h2c__of(p);
    if (now >= hc->idle_due && !p->pub.draining)
        conn__met(p, LIMIT_idle_timeout);
    if (now >= hc->idle_due || now >= hc->final_due)
        h2c__goaway_final(hc);
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
