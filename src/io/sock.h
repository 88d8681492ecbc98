// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sock: TCP and Unix stream sockets: listening, accepting, dialling; the transport at the bottom.
 * TCP sockets are non-blocking, close-on-exec, TCP_NODELAY, with keep-alive. Threads: the loop's. Tests: tests/unit/io/sock.c */
#include "io/loop.h"
#include "io/transport.h"

/* ---- listening ---- */
struct sock_listener;
/* A new connection: `fd` is the callee's now (sock_adopt it, hand it to another loop, or close it). */
typedef void sock_accept_f(struct sock_listener *sl, int fd, const struct addr *peer);

struct sock_listener { /* embed; zeros are a closed one */
    struct watch watch;
    struct timer pause; /* private: accepting rests for 100 ms when descriptors run out */
    sock_accept_f *cb;
    void *ctx;
    struct addr addr; /* as bound: the port is the real one after port 0 */
    /* Descriptors or memory have run out, and accepting rests: told each time. May be NULL; set after sock_listen…. */
    void (*on_full)(struct sock_listener *sl);
    uint64_t told;    /* private: when that was last logged */
    int fd, spare_fd; /* private */
    bool *gone;       /* private: set when it is closed from its own callback */
    /* private: whose it is, where it is not the kernel's */
    const struct sock_net *net;
};
struct sock_listen_opts {
    bool reuse_port; /* SO_REUSEPORT: one socket per worker */
    int backlog;     /* 0: 4096 (the kernel caps it) */
    unsigned mode;   /* of a Unix socket's file, before anybody can connect; 0: as the umask has it */
};
/* Binds and listens. For unix: paths a stale socket file is replaced. */
int sock_listen(struct sock_listener *sl, struct loop *l, const struct addr *a, const struct sock_listen_opts *opts,
                sock_accept_f *cb, void *ctx, struct err *e) MUST_CHECK;
/* Binds without a loop, to be shared by workers: the fd, or a WEFT_E; *bound tells the real port. */
int sock_bind(const struct addr *a, const struct sock_listen_opts *opts, struct addr *bound, struct err *e) MUST_CHECK;
/* Accepts from an fd that sock_bind made (taken over). */
void sock_listen_fd(struct sock_listener *sl, struct loop *l, int fd, sock_accept_f *cb, void *ctx);
void sock_listener_drain(struct sock_listener *sl); /* accepts all that the kernel already holds, then closes */
void sock_listener_close(struct sock_listener *sl);

/* ---- connections ---- */
/* Dials; returns at once. TR_OPEN or TR_FAIL (WEFT_E_REFUSED, _CONNECT, _CONNECT_TIMEOUT) follows from the loop, never before
 * this returns. timeout_us 0: 5 s. */
struct transport *sock_dial(struct loop *l, const struct addr *a, uint64_t timeout_us, transport_f *on_event, void *ctx);
/* A connection that breaks while reading is not wanted is told as TR_FAIL; one that both sides ended in order is not: what was
 * received can still be read. After a failed write, what the peer sent before can still be read. */
/* Takes a connected fd (from accept). TR_OPEN is not told: it is open. */
struct transport *sock_adopt(struct loop *l, int fd, const struct addr *peer, transport_f *on_event, void *ctx);
/* The first octets without taking them (MSG_PEEK), to tell TLS from plain: count, 0 at the end, WEFT_E_AGAIN. Only for transports
 * of sock_*. */
ssize_t sock_peek(struct transport *t, void *dst, size_t cap);
/* Where a connection that netfilter redirected here was going to: true, and it is t->local from now on. False where it was not
 * redirected: t->local is where it was going to. Only for transports of sock_*. */
bool sock_original_dst(struct transport *t);
/* Puts octets that were read back before what comes next. Only for transports of sock_*, and not while some are still there. */
void sock_unread(struct transport *t, struct str octets);
/* Octets from socket to socket through a pipe, without bringing them here. Only where sock_can_splice: a transport of sock_* with
 * nothing put back. They answer as the transport's read and writev do. */
bool sock_can_splice(const struct transport *t);
ssize_t sock_splice_in(struct transport *t, int pipe_wr, size_t max); /* into an empty pipe */
ssize_t sock_splice_out(struct transport *t, int pipe_rd, size_t n);  /* n: what the pipe holds */
/* While on, what is written waits in the kernel for the next octets (MSG_MORE): a splice follows at once. Only for sock_*. */
void sock_more(struct transport *t, bool on);

/* ---- the seam: who makes connections in place of the kernel, for loops that say so (loop_cfg.net) ---- */
/* Listening, dialling and adopting go there; what sock_peek and the like do is not to be had. Simulations: tests/sim/net.h. */
struct sock_net {
    /* The listener is filled but for what the net keeps of it: sl->cb is called from the loop with a number that `adopt` knows in
     * place of a descriptor. */
    int (*listen)(const struct sock_net *n, struct sock_listener *sl, struct loop *l, const struct addr *a, struct err *e);
    void (*unlisten)(const struct sock_net *n, struct sock_listener *sl);
    struct transport *(*dial)(const struct sock_net *n, struct loop *l, const struct addr *a, uint64_t timeout_us,
                              transport_f *on_event, void *ctx); /* as sock_dial */
    struct transport *(*adopt)(const struct sock_net *n, struct loop *l, int number, const struct addr *peer,
                               transport_f *on_event, void *ctx); /* as sock_adopt */
};

/* The source address the kernel would use towards `a` (a UDP connect, nothing is sent): what to advertise. Port 0. */
int sock_source_for(const struct addr *a, struct addr *source, struct err *e) MUST_CHECK;
