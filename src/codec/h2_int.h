// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_int: what the files of the h2 module share: h2.c (the session and its door), h2_stream.c (streams), h2_recv.c (octets to
 * frames, DATA), h2_control.c (frames that steer), h2_block.c (HEADERS and CONTINUATION to events), h2_head.c (heads from and to
 * HPACK's fields), h2_send.c (what goes out).
 *
 * What goes out is put into `kept` as it is asked for, and moved from there by h2_send, which then writes what can wait for its
 * turn: bodies and trailers. So header blocks are on the wire in the order in which
 * they were encoded. A stream ends in h2_send, once its last frame has gone: until then it counts, so that a peer that does not
 * read cannot begin others. Tests: tests/unit/codec/h2.c */
#include "base/list.h"
#include "codec/h2.h"
#include "codec/hpack.h"

/* A stream of the session, from its first HEADERS (or h2_request) on. */
struct h2_stream {
    struct h2_stream *next; /* in the bucket */
    struct list all;        /* in h2.streams */
    struct list queue;      /* in one of h2.ready, starved and ended, or in none */
    void *user;
    struct buf out;     /* body octets that wait for window */
    struct arena arena; /* of the trailers */
    struct msg_fields trailers;
    size_t unconsumed; /* octets told by events.data and not given back */
    int64_t out_window, in_window;
    int64_t body_left; /* octets that content-length still promises; -1: it says nothing */
    uint32_t credit;   /* given back and not yet told the peer */
    uint32_t code;     /* why it was cut */
    int32_t id;
    enum http_method method; /* client: of the request */
    bool told;               /* the user knows it */
    bool opened;             /* the peer does, or will by what is in h2.kept */
    bool got_head, in_ended; /* the final head, the peer's END_STREAM */
    bool head_sent, out_end; /* our final head, our end: asked for */
    bool head_ends;          /* client: so the user said; else the end is a DATA frame of its own, as gRPC demands it */
    bool out_ended;          /* our END_STREAM has been written */
    bool cut;                /* reset or refused by us: nothing of it is told or sent any more */
    bool closing;
};

/* The head or trailer section that comes: header blocks are never interleaved, so one for the session is enough. */
struct h2_collect {
    const struct h2_cfg *cfg;
    struct arena arena;
    struct msg m;
    struct str protocol;
    size_t octets;
    unsigned cookies, pseudo, allowed; /* sets of pseudo-headers: seen, and what may come */
    bool over, bad;
};

/* The frame that is being read. */
struct h2_in {
    char head[H2_FRAME_HEAD];
    uint8_t n_head;  /* octets of it that are here */
    uint8_t preface; /* server: octets of the preface that are to come */
    bool open;       /* the head is whole, the payload not */
    bool pad_due;    /* DATA: the octet that tells the padding is the next */
    bool block;      /* a header block has begun: only CONTINUATIONs may come */
    bool block_end;  /* its HEADERS had END_STREAM */
    int32_t block_id;
    uint32_t left, pad; /* octets of the payload to come; of which padding are the last ones */
    struct h2_frame f;
    struct buf part;      /* a payload that came in parts */
    struct buf fragments; /* a block that came in several frames; at most h2_guard.block_max */
};

struct h2_peer { /* its SETTINGS */
    bool known, connect_protocol;
    uint32_t max_streams, window, frame_size;
    uint32_t no_priorities; /* UINT32_MAX: not said */
};

struct h2 {
    struct h2_cfg cfg; /* defaults filled in */
    struct h2_events ev;
    void *ctx;
    struct h2_stream **buckets;
    unsigned n_buckets, n_streams;
    unsigned n_told;                   /* of the streams: those that the user knows */
    struct list streams;               /* all */
    struct list ready, starved, ended; /* with something to send; with no window of the connection's for it; over but for being
                                          told so */
    struct h2_guard guard;
    struct h2_collect head;
    struct h2_in in;
    struct h2_peer peer;
    struct hpack_decoder *decoder;
    struct hpack_encoder *encoder;
    struct buf kept; /* frames that wait for h2_send */
    struct buf *to;  /* where frames are put: kept, or h2_send's output */
    unsigned acks;   /* answers to PING and SETTINGS in kept */
    int64_t out_window, in_window;
    uint32_t credit; /* as of a stream */
    bool acked, peer_goaway, goaway_sent;
    int32_t next_id, sent_id; /* client: of the next request; of the last that was sent */
    int32_t recv_id;          /* server: the highest that the peer has used */
    int32_t taken_id;         /* and that was taken: for GOAWAY */
    int32_t last_id;          /* of our final GOAWAY; until then INT32_MAX */
    struct err failed;        /* why the connection must go */
};

/* h2.c */
void h2__fail(struct h2 *h, uint32_t code, const char *why); /* an error of the connection's: GOAWAY */
void h2__over(struct h2 *h, enum h2_over what);
void h2__flood(struct h2 *h, const struct err *why); /* the guard says so: GOAWAY */
struct buf *h2__to(struct h2 *h);                    /* where to put frames */
void h2__borrow(struct h2 *h, struct buf *b);        /* memory of the thread's, where the user lends it */
void h2__give(struct h2 *h, struct buf *b);

/* h2_stream.c */
struct h2_stream *h2__stream(const struct h2 *h, int32_t id); /* NULL when there is none */
struct h2_stream *h2__stream_new(struct h2 *h, int32_t id);
void h2__streams_free(struct h2 *h);
void h2__queue(struct h2 *h, struct h2_stream *s);                              /* into ready, when it has what can be sent */
void h2__maybe_ended(struct h2 *h, struct h2_stream *s);                        /* both sides have: it is over */
void h2__cut(struct h2 *h, struct h2_stream *s, uint32_t code);                 /* RST_STREAM, and over */
void h2__close(struct h2 *h, struct h2_stream *s, uint32_t code, bool by_peer); /* tells `closed`, frees */
void h2__credit(struct h2 *h, struct h2_stream *s,
                size_t n); /* gives window back: the connection's, and the stream's unless NULL */

/* h2_recv.c */
void h2__read(struct h2 *h, struct str in);
struct h2_stream *h2__live(const struct h2 *h, int32_t id);        /* NULL also when both sides have ended */
void h2__reject(struct h2 *h, struct h2_stream *s, uint32_t code); /* what came on it is not acceptable */
bool h2__idle(const struct h2 *h, int32_t id);                     /* neither side has used it yet */
void h2__in_ended(struct h2 *h, struct h2_stream *s);

/* h2_control.c: frames other than DATA, HEADERS and CONTINUATION, whose length and stream fit their type */
void h2__control(struct h2 *h, const struct h2_frame *f, struct str payload);

/* h2_block.c */
void h2__headers(struct h2 *h, const struct h2_frame *f, struct str payload);
void h2__continuation(struct h2 *h, const struct h2_frame *f, struct str payload);

/* h2_head.c */
void h2__collect_request(struct h2_collect *c, const struct h2_cfg *cfg);
void h2__collect_response(struct h2_collect *c, const struct h2_cfg *cfg);
void h2__collect_trailers(struct h2_collect *c, const struct h2_cfg *cfg);
void h2__collect_end(struct h2_collect *c);                              /* frees */
bool h2__collect_add(void *c, const struct hpack_field *f);              /* for hpack_decode */
bool h2__finish_request(struct h2_collect *c);                           /* completes c->m: false when malformed */
bool h2__finish_response(struct h2_collect *c, enum http_method method); /* of the request */
void h2__finish_trailers(struct h2_collect *c);                          /* drops what has no place in a trailer section */
/* False: it cannot be written. */
bool h2__request_valid(const struct msg *m);
void h2__put_request(struct h2 *h, struct h2_stream *s, const struct msg *m);
bool h2__put_response(struct h2 *h, struct h2_stream *s, const struct msg *m, bool end);
void h2__put_trailers(struct h2 *h, struct h2_stream *s, const struct msg_fields *f);

/* h2_send.c */
void h2__open(struct h2 *h, struct h2_stream *s, const struct msg *m); /* client: with its request */
void h2__hello(struct h2 *h);                                          /* preface, SETTINGS */
void h2__send(struct h2 *h, struct buf *out, size_t max);
bool h2__want_send(const struct h2 *h);
