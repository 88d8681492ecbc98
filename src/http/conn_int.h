// SPDX-License-Identifier: Apache-2.0
#pragma once
/* conn_int: what conn.c and the two protocols share. Private to http/.
 *
 * Life of a connection: WAIT (the transport is not open yet) -> DETECT (server: the first octets tell the protocol) -> RUN ->
 * LINGER (all was sent and our side is shut; the peer's rest is dropped until its end, for at most 2 s, so that no RST kills
 * what is on its way) -> DEAD. conn__fail leads to DEAD from everywhere.
 *
 * Everything that ends something (streams, the connection) happens in `task`, at the end of the turn, on the loop's own stack:
 * so a user may call anything from any callback, and no memory goes away beneath a caller.
 * Reading is paused lazily: only when TR_READ comes while ops->may_read says no; so short back-pressure costs no epoll_ctl. */
#include <sys/uio.h>
#include "base/buf.h"
#include "http/conn.h"

#define CONN__GRACE_US CLOCK_S /* how long a draining server waits for a request that is already on its way */

struct conn_priv;

struct conn_ops {
    const char *name;
    void (*start)(struct conn_priv *p);                 /* the transport is open: RUN begins */
    bool (*may_read)(const struct conn_priv *p);        /* is there room for input? */
    void (*input)(struct conn_priv *p, struct str in);  /* takes all of it; `in` is the loop's scratch or p->in's content */
    size_t (*cap)(const struct conn_priv *p);           /* octets that a receive brings at most; NULL: LOOP_SCRATCH */
    ssize_t (*pass)(struct conn_priv *p);               /* instead of a receive, when not NULL: as transport_read, or
                                                         * WEFT_E_UNSUPPORTED: receive */
    void (*eof)(struct conn_priv *p);                   /* the peer has ended its side */
    void (*run)(struct conn_priv *p);                   /* end of the turn: flush, tell, finish */
    uint64_t (*due)(struct conn_priv *p, uint64_t now); /* acts on the deadlines that are over; the next one, or UINT64_MAX */
    void (*drain)(struct conn_priv *p);
    void (*stop)(struct conn_priv *p); /* DEAD: tells the streams closed(…) and frees impl */
    /* client */
    unsigned (*capacity)(const struct conn_priv *p);
    struct stream *(*request)(struct conn_priv *p, const struct msg *m, bool end, struct err *e);
    /* streams; never called for a stream that is gone */
    void (*head)(struct stream *s, const struct msg *m, bool end);
    void (*data)(struct stream *s, struct str data, bool end);
    void (*end)(struct stream *s, const struct msg_fields *trailers);
    void (*reset)(struct stream *s, int why);
    void (*consumed)(struct stream *s, size_t octets);
    size_t (*queued)(const struct stream *s);
    void (*join)(struct stream *from, struct stream *to, struct pipe_pool *pipes); /* may be NULL */
};
extern const struct conn_ops conn__h1_server, conn__h1_client, conn__h2, conn__raw_client;

enum conn_state { CONN_WAIT, CONN_DETECT, CONN_RUN, CONN_LINGER, CONN_DEAD };

struct conn_priv {
    struct conn pub; /* first: a conn is a conn_priv */
    void *impl;      /* struct h2_conn; or struct h1, NULL between requests */
    struct task task;
    struct timer timer;
    struct buf in;      /* input that waits: part of a head, a pipelined request */
    struct buf out;     /* output that waits for the end of the turn or for the kernel */
    uint64_t stall_due; /* blocked: when no progress of a write becomes a failure */
    uint64_t other_due; /* CONN_DETECT, CONN_LINGER: their deadline; HTTP/1.1: the phase's, see http/h1_int.h */
    uint64_t grace_us;  /* draining: see conn_drain_within */
    size_t scanned;     /* HTTP/1.1: of `in`: where the search for the end of a head goes on */
    uint32_t drop;      /* HTTP/1.1 server: octets of a request's body that are read and dropped before the next request */
    int why;            /* DEAD: for on_closed */
    int write_error;    /* HTTP/1.1 client: why nothing can be sent any more; what came before is still read */
    enum conn_state state;
    bool blocked;    /* the kernel takes no more: wait for TR_WRITE */
    bool paused;     /* reading is off */
    bool closing;    /* LINGER as soon as `out` is empty */
    bool eof;        /* the peer has ended its side */
    bool idle;       /* it is closed for being idle: there is nothing of ours that could still be lost */
    bool keep_alive; /* HTTP/1.1: it may carry another request after this one */
    bool drain_told, ready_due;
};

static inline struct conn_priv *conn__of(const struct conn *c) {
    return (struct conn_priv *)(uintptr_t)c;
}
static inline uint64_t conn__now(const struct conn_priv *p) {
    return p->pub.loop->now;
}
static inline bool conn__dead(const struct conn_priv *p) {
    return p->state == CONN_DEAD;
}
void conn__met(struct conn_priv *p, enum limit_id id); /* tells on_limit */
uint64_t conn__head_us(const struct conn_priv *p);     /* the limits, or their defaults */
uint64_t conn__idle_us(const struct conn_priv *p);
uint64_t conn__body_us(const struct conn_priv *p);
uint64_t conn__send_us(const struct conn_priv *p);
static inline uint64_t conn__after(const struct conn_priv *p, uint64_t us) { /* now + us, saturated */
    return us == UINT64_MAX ? UINT64_MAX : conn__now(p) + us;
}

void conn__later(struct conn_priv *p);              /* run the task at the end of this turn */
void conn__due(struct conn_priv *p, uint64_t when); /* see that ops->due is called not later than `when` */
void conn__fail(struct conn_priv *p, int why);      /* DEAD from the end of the turn on; the first reason stays */
void conn__close(struct conn_priv *p);              /* in order: LINGER when `out` has gone */
/* Timers fire before the watches of their turn: has something come that was not read yet, or the end? It has been told then. */
bool conn__listen(struct conn_priv *p);
/* An idle one, in order; unless a request has come in this very turn, which counts. True when it closes. */
bool conn__close_idle(struct conn_priv *p);
uint64_t conn__grace_due(const struct conn_priv *p);                /* draining: until when it is waited for a next request */
void conn__resume(struct conn_priv *p);                             /* reading on again, when it was paused */
void conn__drain_tell(struct conn_priv *p);                         /* client: draining, and on_drain once */
void conn__flush(struct conn_priv *p);                              /* sends `out` until it is empty or blocked */
size_t conn__writev(struct conn_priv *p, struct iovec *iov, int n); /* octets taken: less than all means blocked or dead */
size_t conn__splice(struct conn_priv *p, int pipe_rd, size_t n);    /* the same, from a pipe; `out` is empty */
void conn__taken(struct conn_priv *p, size_t n);                    /* drops n octets from the front of `out` */
void conn__begin(struct conn_priv *p, struct stream *s);            /* a new stream: counts, arena */
void conn__finish(struct conn_priv *p, struct stream *s, int why);  /* closed(why), arena; from the task or the input path only */
extern const struct stream_cb conn__null_cb;                        /* of streams that nobody has taken: consumes and ignores */
