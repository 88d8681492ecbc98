// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_conn_int: what the files of an HTTP/2 connection share: h2_conn.c (between transport and session, calls on streams),
 * h2_conn_streams.c (what ends them, what they are told), h2_conn_events.c (what the session tells), h2_conn_time.c (deadlines).
 * Private to them.
 *
 * The session's events come while it reads or writes, when a user may be on the stack; so what ends a stream only marks it, and
 * `run` tells it: drained, then closed. */
#include "codec/h2.h"
#include "http/conn_int.h"

#define DECLINED STR("x-weft-declined") /* see as_connect in h2_conn.c */

/* Extended CONNECT and CONNECT: told as a request that ends with its head; what comes before the answer is held. */
enum tunnel { TUNNEL_NONE, TUNNEL_ASKED, TUNNEL_OPEN, TUNNEL_REFUSED /* client: the answer is a response like others */ };

struct conn_stream {
    struct stream s;
    struct list node; /* in h2_conn.streams */
    struct list work; /* in h2_conn.work: away, or with something to tell */
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
    struct list streams, work;
    uint64_t idle_due, final_due, ping_due, head_due;
    uint64_t settled_due; /* client: for the peer's SETTINGS; until they are here no request goes out */
    uint64_t heard;       /* when input came last */
    bool pinged;          /* since then */
    uint64_t silence;     /* after which it is */
    uint64_t taken;       /* octets that the kernel had taken when the PING went, or at the last look */
    enum goaway goaway;
    int broken;     /* the session has failed: close when its last words are sent */
    unsigned early; /* streams that are */
    bool was_full;  /* client: capacity was 0 */
};

static inline struct h2_conn *h2c__of(const struct conn_priv *p) {
    return p->impl;
}
static inline struct conn_stream *h2c__stream_of(const struct stream *s) {
    return container_of(s, struct conn_stream, s);
}
static inline uint32_t h2c__stream_window(const struct conn_priv *p) {
    return p->pub.cfg->stream_window ? p->pub.cfg->stream_window : STREAM_WINDOW;
}

/* h2_conn.c */
void h2c__goaway_final(struct h2_conn *hc);

/* h2_conn_streams.c */
struct conn_stream *h2c__stream_new(struct h2_conn *hc, int32_t id);
void h2c__close_streams(struct h2_conn *hc, int why);        /* all of them; from run and stop only */
void h2c__decide(struct conn_stream *hs, int why);           /* for `closed`; the first one counts */
void h2c__touch(struct h2_conn *hc, struct conn_stream *hs); /* something of its body came */
void h2c__out_ended(struct h2_conn *hc, struct conn_stream *hs);
void h2c__tunnel_open(struct h2_conn *hc, struct conn_stream *hs);
void h2c__has_work(struct h2_conn *hc, struct conn_stream *hs); /* for h2c__tell_streams */
void h2c__tell_streams(struct h2_conn *hc);
void h2c__end_early(struct h2_conn *hc);

/* h2_conn_events.c */
extern const struct h2_events h2c__events;

/* h2_conn_time.c */
uint64_t h2c__due(struct conn_priv *p, uint64_t now); /* as conn_ops.due */
