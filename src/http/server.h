// SPDX-License-Identifier: Apache-2.0
#pragma once
/* server: an HTTP server on one loop: listener, connections, drain; for the REST API, ADS, admin, weft echo and the demo. (The
 * proxy's workers own their listeners themselves.) Threads: its loop. Tests: tests/unit/http/server.c */
#include "base/buf.h"
#include "http/conn.h"
#include "io/sock.h"
struct tls_ctx;

struct server { /* zeros, and what the user sets before server_start: max_conns, on_drained */
    struct loop *loop;
    struct sock_listener listener;
    struct conn_cfg conn_cfg;
    void *user;
    void (*on_stream)(struct server *s, struct stream *st);                     /* private: from server_cfg */
    void (*on_bad)(struct server *s, struct stream *st, const struct err *why); /* likewise */
    struct tls_ctx *tls;                                                        /* private: referenced */
    struct list conns;                                                          /* private */
    struct limit_counts met;                                                    /* how often its clients met a limit */
    unsigned n_conns, max_conns; /* 0: 10,000; beyond it new connections are closed at once */
    bool draining;
    void (*on_drained)(struct server *s); /* after server_drain: the last connection is gone; may be NULL */
};
struct server_cfg {
    struct addr addr;
    int fd;              /* a listening socket for `addr` that is there already, taken over; 0: none */
    struct tls_ctx *tls; /* NULL: plain */
    struct conn_limits limits;
    enum conn_proto proto;                                                      /* CONN_AUTO: both */
    uint64_t ping_us, pong_us;                                                  /* as conn_cfg's */
    void (*on_stream)(struct server *s, struct stream *st);                     /* set st->cb and st->user */
    void (*on_bad)(struct server *s, struct stream *st, const struct err *why); /* as conn_cfg's; NULL: conn_reply_bad */
    void *user;
};
unsigned server_max(const struct limits *l); /* for max_conns */
int server_start(struct server *s, struct loop *l, const struct server_cfg *cfg, struct err *e) MUST_CHECK;
void server_drain(
    struct server *s); /* stops accepting (what the kernel had accepted is served), drains connections, then on_drained */
/* Closes all at once. The server's memory may go at once; the streams are told closed(WEFT_E_CLOSED) from the loop, which has to
 * make one more turn. */
void server_stop(struct server *s);

/* For a server that whoever is on this machine may use, and so every web page that a browser on it shows: is this what the page
 * of another origin sends, or one that got here by a name of its own (DNS rebinding)? */
bool server_is_foreign(const struct msg *m);

/* The whole request body, for handlers that want it at once: collects up to `max` octets, then `done` (code 0), or
 * WEFT_E_TOO_LARGE, or the stream's end, why it ended (then there is nobody to answer). Set with server_collect from on_stream.
 * The head is copied to the stream's arena. */
struct collected {
    struct stream *stream;
    struct msg head;
    struct buf body;
    void *user; /* as given */
};
typedef void server_request_f(struct collected *r, int code); /* answer with stream_reply…; may answer later */
void server_collect(struct stream *st, size_t max, server_request_f *done, void *user);
/* `gone` is called when the stream of a collected request goes away before it was answered: r is freed after it. */
void server_on_gone(struct collected *r, void (*gone)(struct collected *r));
/* The stream becomes the caller's, who has set its cb and user anew: r is gone. */
void server_release(struct collected *r);
