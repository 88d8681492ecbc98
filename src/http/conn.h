// SPDX-License-Identifier: Apache-2.0
#pragma once
/* conn: one HTTP connection over a transport, server or client side. HTTP/1.1 and HTTP/2 implement the same small ops struct
 * (http/conn_int.h), in h1_conn.c and h2_conn.c. Output is gathered and flushed once at the end of the loop turn; head and body
 * leave in one send.
 *
 * A server connection tells the protocol by itself: ALPN when there is TLS, else the HTTP/2 preface (RFC 9113 §3.4), else
 * HTTP/1.1. Limits (contract §3, Clients; base/limits.def has all): a head must be whole head_timeout after its first octet; an
 * idle connection is closed after idle_timeout; a body that stalls for body_timeout is reset (not while it is we who hold it up,
 * nor for tunnels and streams that are long_lived; a client has no such limit unless it is set: it has the time limits of its own
 * requests); a peer that takes nothing of a body for send_timeout is given up. HTTP/1.1 pipelining is served in order, one at a
 * time; of the next requests one receive waits.
 * Malformed input: on_bad says how to answer. Threads: its loop only. */
#include "base/limits.h"
#include "http/stream.h"
#include "io/loop.h"
#include "io/transport.h"

enum conn_proto { CONN_AUTO, CONN_H1, CONN_H2, CONN_RAW, CONN_PROTOS };

struct conn;
struct conn_cfg { /* borrowed: must outlive the connection */
    /* Server: CONN_AUTO usually; client: CONN_AUTO means what ALPN says, HTTP/1.1 without; CONN_RAW (raw_client.c): no protocol,
     * its one request, a CONNECT, is answered with 200 when the transport is open, and octets pass as they are from then on. */
    enum conn_proto proto;
    bool upgrades; /* HTTP/2 server: extended CONNECT is announced (RFC 8441); it is told as a GET with `upgrade` */
    struct conn_limits limits;
    uint32_t stream_window; /* HTTP/2: octets that a peer may send ahead on a stream; 0: STREAM_WINDOW */
    /* HTTP/2: PING after so much silence [none] (a server: and up to a quarter more, so that not all are asked at once); with no
     * answer within pong_us [20 s] the connection is dead. Not while it is we who do not read. */
    uint64_t ping_us, pong_us;
    bool ping_busy; /* only while there are streams */
    /* Server: the transport is open, octets come or TLS has been agreed on; it may abort. May be NULL. */
    void (*on_open)(struct conn *c);
    /* Server: a new request begins: set s->cb and s->user (called before cb->head). NULL for clients. */
    void (*on_stream)(struct conn *c, struct stream *s);
    /* Server: input that is no valid request: write the whole answer (stream_reply…) on `s`, which has no head; the connection
     * of HTTP/1.1 closes after it. code: WEFT_E_PARSE 400, _URI_TOO_LONG 414, _TOO_LARGE 431, _VERSION 505, _UNSUPPORTED 501,
     * _TIMEOUT 408; _PROTOCOL: HTTP/2 resets it, nothing is to be answered. NULL: conn_reply_bad. It must answer before it
     * returns. */
    void (*on_bad)(struct conn *c, struct stream *s, const struct err *why);
    /* Client: the connection is open (HTTP/2: and the peer's SETTINGS have come) and may carry requests; told again when capacity
     * came back. May be NULL. */
    void (*on_ready)(struct conn *c);
    /* Client: no new requests from now (GOAWAY, Connection: close, or an error); streams under way go on. May be NULL. */
    void (*on_drain)(struct conn *c);
    /* A limit was met; what follows from it comes by the other callbacks. May be NULL. */
    void (*on_limit)(struct conn *c, enum limit_id id);
    /* The connection is gone; all its streams have been closed before. `why` 0: in order. Last callback; memory is freed after
     * it. */
    void (*on_closed)(struct conn *c, int why);
};

struct conn {
    const struct conn_cfg *cfg;
    void *user;
    struct loop *loop;
    struct transport *tr;       /* owned */
    bool server, h2;            /* h2: once known */
    bool open;                  /* the transport is open */
    bool draining;              /* no new requests */
    bool no_upgrades;           /* HTTP/2 client, once ready: the peer has not announced extended CONNECT: none with `upgrade` */
    unsigned streams;           /* live ones */
    uint64_t requests;          /* begun on it */
    uint64_t idle_since;        /* loop time when the last stream ended; for pools */
    const struct conn_ops *ops; /* private; the rest of the memory is the protocol's */
    const struct err *error;    /* why it broke; err_none while it has not. Never NULL */
};

/* Takes the transport over (*tr becomes NULL); it may still be connecting or shaking hands. A client's must not have told TR_OPEN
 * yet. */
struct conn *conn_server(struct loop *l, struct transport **tr, const struct conn_cfg *cfg, void *user);
struct conn *conn_client(struct loop *l, struct transport **tr, const struct conn_cfg *cfg, void *user);
/* Client: how many more requests it could take now (HTTP/1.1: 1 when idle and open; HTTP/2: the peer's limit). 0 before it is
 * open. */
unsigned conn_capacity(const struct conn *c);
/* Client: sends a request; the stream's cb and user are set. NULL and *e: WEFT_E_LIMIT or _DRAINING: use another connection. */
struct stream *conn_request(struct conn *c, const struct msg *m, bool end, const struct stream_cb *cb, void *user, struct err *e);
/* The answer to input that is no request, for on_bad: its status, JSON {"error": …}, and one more field unless `more` is
 * HDR_OTHER (value borrowed for the stream's life). */
void conn_reply_bad(struct stream *s, const struct err *why, enum hdr_id more, struct str value);
/* Graceful: no new requests; HTTP/1.1 answers carry Connection: close, HTTP/2 GOAWAY; closes when the last stream is done. A
 * server still takes requests that are on their way. HTTP/2: until the client has acknowledged the GOAWAY (by a PING, 1 s at
 * most). HTTP/1.1, where nothing can be told to an idle client but the end: until `grace_us` after the connection's last request
 * (or its opening): who asks again and again is told by an answer, who does not is not waited for. */
void conn_drain_within(struct conn *c, uint64_t grace_us);
void conn_drain(struct conn *c);          /* within 1 s */
void conn_abort(struct conn *c, int why); /* closes now; streams get closed(why); on_closed comes from the loop */
