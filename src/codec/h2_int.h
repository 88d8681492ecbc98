// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_int: what the files of the h2 module share: h2.c (session, streams, what is sent), h2_recv.c (what comes), h2_head.c (heads
 * to and from nghttp2's form). Tests: tests/unit/codec/h2.c */
#include <nghttp2/nghttp2.h>
#include "base/list.h"
#include "codec/h2.h"
#include "codec/h2_guard.h"

/* A stream of the session, from its first HEADERS (or h2_request) until nghttp2 closes it. */
struct h2_stream {
    struct h2_stream *next; /* in the bucket */
    struct list node;       /* in h2.streams */
    int32_t id;
    void *user;
    struct buf out;     /* body octets that wait for window */
    struct arena arena; /* of the trailers */
    struct msg_fields trailers;
    size_t unconsumed;       /* octets told by events.data and not given back */
    bool told;               /* the user knows it */
    bool got_head, got_end;  /* the final head, the peer's END_STREAM */
    bool head_sent, out_end; /* our final head, our end: asked for */
    bool parked;             /* nghttp2 waits for h2_data */
    bool refused;            /* 431 is being sent */
    bool unsent;             /* client: the peer's GOAWAY was faster than the request's head */
    bool reset_by_us, reset_by_peer, closing;
    uint32_t rejected; /* we reset it for what came, with this code */
};

/* The head or trailer section that comes: header blocks are never interleaved, so one for the session is enough. */
struct h2_collect {
    struct arena arena;
    struct msg m;
    struct str protocol;
    size_t octets;
    unsigned cookies;
    bool over, bad;
};

enum { H2_BUCKETS = 64 };

struct h2 {
    nghttp2_session *session;
    struct h2_cfg cfg; /* defaults filled in */
    struct h2_events ev;
    void *ctx;
    struct h2_stream *buckets[H2_BUCKETS];
    struct list streams;
    unsigned n_told; /* streams that the user knows */
    struct h2_guard guard;
    struct h2_collect head;
    struct buf *out; /* during h2_send: where it goes, and how far */
    size_t out_max;
    bool peer_settings, peer_goaway;
    int32_t last_id;      /* of our final GOAWAY; until then INT32_MAX */
    int32_t peer_last_id; /* of its GOAWAY */
    struct err failed;    /* why the connection must go */
};

/* h2.c */
struct h2_stream *h2__stream(const struct h2 *h, int32_t id); /* NULL when there is none */
struct h2_stream *h2__stream_new(struct h2 *h, int32_t id, bool told);
void h2__stream_free(struct h2 *h, struct h2_stream **s);
void h2__over(struct h2 *h, enum h2_over what);
void h2__flood(struct h2 *h, const struct err *why); /* the guard says so: GOAWAY */
int h2__refuse(struct h2 *h, struct h2_stream *s);   /* answers 431 */

/* h2_recv.c */
void h2__recv_callbacks(nghttp2_session_callbacks *cb);

/* h2_head.c */
void h2__collect_begin(struct h2_collect *c);
void h2__collect_end(struct h2_collect *c); /* frees */
void h2__collect_add(struct h2_collect *c, const struct h2_cfg *cfg, struct str name, struct str value);
/* Completes c->m, a request or a response head: false when malformed. */
bool h2__collect_finish(struct h2_collect *c, bool request);
void h2__collect_trailers(struct h2_collect *c); /* drops what has no place in a trailer section */
struct h2_nv {
    nghttp2_nv *at;
    size_t n;
};
/* Fields point into the message; the array is in the arena. False: WEFT_E_INVALID. */
bool h2__nv_request(struct h2_nv *nv, const struct msg *m, struct arena *a);
bool h2__nv_response(struct h2_nv *nv, const struct msg *m, struct arena *a);
void h2__nv_fields(struct h2_nv *nv, const struct msg_fields *f, bool trailers, struct arena *a);
