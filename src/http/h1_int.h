// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h1_int: one HTTP/1.1 connection: what server and client share. Private to http/.
 *
 * Phases: idle (no request; what waits in p->in is part of a head) -> live (p->impl is the one request) -> idle, or dropping
 * (server: the response has gone, the rest of a short request body, p->drop, is read and dropped so that the connection can go
 * on), or the connection's LINGER. So an idle connection holds nothing of what a request needs; the deadline of each phase is
 * p->other_due. */
#include "codec/h1.h"
#include "http/conn_int.h"
#include "io/pipe.h"

enum h1_out { H1_OUT_NONE, H1_OUT_LENGTH, H1_OUT_CHUNKED, H1_OUT_CLOSE, H1_OUT_TUNNEL };

struct h1 { /* a request under way, and its answer; in st.arena */
    struct conn_priv *p;
    struct stream st;
    struct h1_body body; /* reader of what comes in */
    struct str upgrade;  /* of the request; in st.arena */
    uint64_t out_left;   /* H1_OUT_LENGTH: octets still to come from the user */
    size_t body_queued;  /* body octets in p->out */
    size_t body_sent;    /* body octets that went out and were not yet told */
    struct h1 *to,
        *from; /* joined (stream_join): where the body that comes in goes, and where the one that goes out comes from */
    struct pipe_pool *pipes;
    struct pipe pipe; /* body octets that go out behind p->out; pipe.len 0: none is held */
    unsigned infos;   /* client: 1xx heads so far */
    enum h1_out out;
    bool http10;  /* server: the client speaks HTTP/1.0 */
    bool tunnel;  /* octets both ways */
    bool in_head; /* client: the final head has come */
    bool shut;    /* tunnel: our side is shut */
};

static inline struct h1 *h1__of(const struct stream *s) {
    return conn__of(s->conn)->impl;
}
static inline struct h1_limits h1__limits(const struct conn_priv *p) {
    const struct conn_limits *l = &p->pub.cfg->limits;
    return (struct h1_limits){.line = l->line, .head = l->head, .fields = l->fields};
}
void h1__start(struct conn_priv *p);
void h1__stop(struct conn_priv *p);
struct h1 *h1__begin(struct conn_priv *p); /* live from now on: the stream has begun */
/* The head of a message was refused with this code: tells the limit that it met, if it is one. `whole`: it was. */
void h1__met(struct conn_priv *p, int code, bool whole);
void h1__set_due(struct conn_priv *p, uint64_t us); /* the phase's deadline is now + us */
void h1__body_start(struct h1 *h, int64_t length);  /* out: of a body that is framed so (H1_UNFRAMED: none) */
void h1__out_octets(struct h1 *h, struct str data);
void h1__tunnel(struct h1 *h);
/* Body octets for the stream: delivers all of *in that belongs to it. 1: more is to come; 0: it has ended, or all is over; < 0:
 * malformed. */
int h1__body(struct h1 *h, struct str *in, struct err *e);
void h1__deliver(struct h1 *h, struct str data, bool end);
void h1__finish(struct h1 *h, int why); /* closed(why); *h is no more, the connection idle */
void h1__flush(struct h1 *h);           /* sends what is gathered, and counts it */
void h1__tell_sent(struct conn_priv *p);
void h1__pump(struct conn_priv *p); /* goes on with p->in */
void h1__input(struct conn_priv *p, struct str in);
bool h1__tunnel_run(struct conn_priv *p); /* true when this is a tunnel: shuts and ends it when it is time */
/* Takes what it can of `in` and returns the rest, which waits: the server's and the client's. */
struct str h1__server_take(struct conn_priv *p, struct str in);
struct str h1__client_take(struct conn_priv *p, struct str in);
/* The ops of streams, the same on both sides. */
void h1__data(struct stream *s, struct str data, bool end);
void h1__end(struct stream *s, const struct msg_fields *trailers);
void h1__reset(struct stream *s, int why);
void h1__consumed(struct stream *s, size_t octets);
size_t h1__queued(const struct stream *s);
#define H1__STREAM_OPS                                                                                                           \
    .stop = h1__stop, .data = h1__data, .end = h1__end, .reset = h1__reset, .consumed = h1__consumed, .queued = h1__queued
/* Those of clients, whatever they speak. */
void h1__drain(struct conn_priv *p);
void h1__no_head(struct stream *s, const struct msg *m, bool end); /* a client's is sent by conn_request */
#define H1__CLIENT_OPS H1__STREAM_OPS, .start = h1__start, .drain = h1__drain, .head = h1__no_head

/* ---- bodies that do not come through here (h1_pass.c) ---- */
void h1__join(struct stream *from, struct stream *to, struct pipe_pool *pipes);
void h1__unjoin(struct h1 *h); /* at the end of its stream; what its pipe still holds is lost */
ssize_t h1__pass(struct conn_priv *p);
size_t h1__cap(const struct conn_priv *p);
void h1__pass_on(struct h1 *h);                      /* what the pipe holds, as far as it goes */
static inline bool h1__passing(const struct h1 *h) { /* what came last has not left: nothing more is taken */
    return h->to && h->to->pipe.len > 0;
}
