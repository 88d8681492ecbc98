// SPDX-License-Identifier: Apache-2.0
#pragma once
/* stream: one request and its response on a connection: server or client side, HTTP/1.1 or HTTP/2, the same interface. This is
 * the seam between protocol and use: the proxy's exchange, the REST API, ADS, weft echo, fetches and health checks all sit on it.
 *
 * Life. Server: conn calls cfg->on_stream with a new stream; the user sets `cb` and `user` there; then cb->head, cb->data…, the
 * end. The user answers with stream_head, stream_data, stream_end at any time from cb->head on (early responses too). Client:
 * conn_request gives a stream whose head is sent; cb->head is the response's. `end` on head or data: nothing follows from that
 * side. When the response has ended (sent whole, or received whole; what is left of the request is not wanted any more), or
 * either side has reset, cb->closed comes, exactly once and last; after it the stream and its arena are gone. A tunnel (see
 * stream_head) begins anew with neither side ended, and is over when both have. The user may call any stream_ function from any
 * callback; `closed` caused by a call comes later, from the loop, never from inside that call.
 *
 * Back-pressure is credit. Inward: what cb->data brought counts against the stream until stream_consumed gives it back; with
 * STREAM_WINDOW octets outstanding the sender is held up (HTTP/1.1: the socket is not read; HTTP/2: no window update). Outward:
 * stream_data never refuses, it queues; stream_queued tells how much waits; cb->drained tells when octets have gone to the kernel
 * or the peer's window. A proxy passes credit through: consume on one side what drained on the other. Threads: the connection's
 * loop only. Tests: tests/unit/http/ */
#include "base/arena.h"
#include "base/err.h"
#include "codec/msg.h"
struct conn;
struct pipe_pool;
struct stream;

#define STREAM_WINDOW 65536u /* octets a peer may send ahead of stream_consumed */

struct stream_cb {
    void (*head)(struct stream *s, const struct msg *m, bool end);  /* request or final response; slices valid during the call */
    void (*info)(struct stream *s, const struct msg *m);            /* client: a 1xx but 101; may be NULL */
    void (*data)(struct stream *s, struct str data, bool end);      /* data may be empty when end */
    void (*trailers)(struct stream *s, const struct msg_fields *f); /* the end, with trailers; NULL: like data("", end) */
    void (*drained)(struct stream *s, size_t octets);               /* body octets that left the queue; may be NULL */
    void (*passed)(struct stream *s, size_t octets, bool end);      /* of streams given to stream_join */
    void (*late)(struct stream *s); /* HTTP/2 server, before the response: the request's body does not come in time: answer,
                                     * whole; NULL: it is answered as input that is no request, and closed with _TIMEOUT */
    void (*closed)(struct stream *s,
                   int why); /* 0: complete; else a WEFT_E: _RESET (peer), _EOF/_CLOSED (connection), _PROTOCOL, _TIMEOUT,
                              * _REFUSED_STREAM (nothing was processed), _CANCELLED (stream_reset by us) */
};

struct stream { /* made by the connection; the user reads it and sets cb and user */
    const struct stream_cb *cb;
    void *user;
    struct conn *conn;
    struct arena arena;       /* lives as long as the stream; the user may allocate here */
    enum http_method method;  /* of the request */
    uint64_t begun;           /* loop time */
    bool in_ended, out_ended; /* END from the peer has been told; by us, has been asked for */
    bool head_sent;           /* our (final) head has gone to the queue */
    bool gone;                /* over: calls do nothing any more, `closed` comes or has come */
    bool expects_continue;    /* server: the client waits for a 100 before it sends the body; see stream_continue */
    bool long_lived;          /* the user's to set: no body timeout on this stream (gRPC, event streams) */
    bool reused_conn;    /* client: the connection had carried a request before (a break before the response may be the keep-alive
                            race) */
    uint32_t reset_code; /* HTTP/2: of the RST_STREAM by which the peer ended it (enum in codec/h2.h) */
    uint32_t reset_as;   /* the user's to set: HTTP/2: with this code, not 0, stream_reset resets it, not by `why` */
    uint32_t credit;     /* octets told by cb->data and not consumed (HTTP/1.1 may overshoot the window by one receive) */
};

/* Sends the head (response, or 1xx with status < 200). Fields must be end-to-end ones; framing and Connection are the
 * connection's business. Body length: from m->content_length (>= 0), else by protocol (chunked or h2). A response that has no
 * body (to HEAD, 204, 304) ends with its head, whatever `end` says. Tunnels: a request with `upgrade` set, and CONNECT, have no
 * body: they end with their head. A `101` to the former, a 2xx to the latter turn the stream into a tunnel of octets. In HTTP/2
 * an upgrade is an extended CONNECT, and its 101 a 200 (RFC 8441); other 2xx, which there would say yes, go out as 501,
 * of which the next weft makes the 2xx again. */
void stream_head(struct stream *s, const struct msg *m, bool end);
/* Sends `100 Continue` when the client waits for it and nothing has been sent; else nothing. */
void stream_continue(struct stream *s);
void stream_data(struct stream *s, struct str data, bool end); /* copied or sent; end with empty data is fine */
void stream_end(struct stream *s,
                const struct msg_fields *trailers); /* NULL: none; trailers need chunked or h2, else they are dropped */
/* Gives up: HTTP/2 RST_STREAM, HTTP/1.1 closes the connection, so that a message cut short is never ended cleanly. `why` is a
 * WEFT_E. */
void stream_reset(struct stream *s, int why);
void stream_consumed(struct stream *s, size_t octets);
size_t stream_queued(const struct stream *s);
/* A whole response of our own at once, with its Date: status, content type (empty: none), body. */
void stream_reply(struct stream *s, unsigned status, struct str content_type, struct str body);
void stream_reply_with(struct stream *s, unsigned status, const struct msg_fields *fields,
                       struct str body); /* fields in s->arena or longer-lived */
/* From now on body octets that come on `from` may go out on `to` without being brought here: while both are HTTP/1.1 over plain
 * sockets, and much is left of a body whose length both heads tell, they pass through a pipe in the kernel. from->cb->passed
 * tells how many (they are no credit and are not drained), `end` that those were the last: then `to` has been ended too. What
 * does not pass so still comes by cb->data and is to be sent on as ever, so nothing of the body may be kept or changed. NULL
 * takes it back; the end of either stream does. The loop's pipes are borrowed. */
void stream_join(struct stream *from, struct stream *to, struct pipe_pool *pipes);
