// SPDX-License-Identifier: Apache-2.0
#pragma once
/* transport: a byte stream with readiness events; the seam below every protocol. Implementations stack: a socket (io/sock.h),
 * TLS over a socket (io/tls.h), in simulations a pipe in memory. Model: curl's connection filters.
 *
 * Life: made by sock_dial, sock_adopt or tls_client/tls_server -> TR_OPEN once it can carry bytes (connected, handshake done) ->
 * TR_READ / TR_WRITE as it becomes ready -> transport_close, after which no event comes. A failure is told once as TR_FAIL
 * (with t->error); the owner then closes. A read or writev that fails returns the error, and TR_FAIL follows from the loop if the
 * owner has not closed by then. The owner may close within an event.
 * Threads: its loop only. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/err.h"
#include "io/addr.h"

struct loop;
struct tls_peer;
struct transport;

enum {
    TR_OPEN = 1,  /* connected; told once, before any TR_READ */
    TR_READ = 2,  /* bytes, or the end, may be read; level-triggered while reading is wanted; the owner reads at least once */
    TR_WRITE = 4, /* after a short write: there is room again */
    TR_FAIL = 8,  /* dead: see t->error; told once; the only event after it is none */
};
typedef void transport_f(void *ctx, unsigned events);

struct transport_ops {
    const char *name; /* "tcp", "tls" */
    /* Octets read (> 0), 0 at the end of the stream (a TLS stream only after close_notify, else WEFT_E_RESET),
     * WEFT_E_AGAIN when there is nothing now, or another WEFT_E. */
    ssize_t (*read)(struct transport *t, void *dst, size_t cap);
    /* Octets taken (the rest waits for TR_WRITE, which is then switched on by itself), WEFT_E_AGAIN for none, or another WEFT_E.
     */
    ssize_t (*writev)(struct transport *t, const struct iovec *iov, int n);
    void (*want_read)(struct transport *t, bool on); /* back-pressure: off stops TR_READ; on when made */
    void (*shutdown)(struct transport *t); /* end of what we write (FIN; close_notify before it); what was taken goes first */
    void (*close)(struct transport *t);    /* frees; unsent octets may be lost */
};

struct transport {
    const struct transport_ops *ops;
    struct loop *loop;
    transport_f *on_event;
    void *ctx;                      /* of on_event */
    struct addr_kept local, remote; /* of the socket below */
    const struct tls_peer *peer;    /* TLS with a verified certificate: who is there; owned by the transport; else NULL */
    struct str alpn;                /* TLS: the protocol agreed on; valid while the transport is */
    const struct err *error;        /* after TR_FAIL or a failed call: what happened; else err_none. Never NULL */
    bool abort;                     /* the owner's, before it closes: TCP resets the peer instead of ending the stream in order */
    bool tls;                       /* encrypted */
    uint64_t rx, tx;                /* octets carried, as the owner sees them */
};

static inline void transport_bind(struct transport *t, transport_f *on_event, void *ctx) {
    t->on_event = on_event;
    t->ctx = ctx;
}
static inline ssize_t transport_read(struct transport *t, void *dst, size_t cap) {
    return t->ops->read(t, dst, cap);
}
static inline ssize_t transport_writev(struct transport *t, const struct iovec *iov, int n) {
    return t->ops->writev(t, iov, n);
}
ssize_t transport_write(struct transport *t, struct str s);
static inline void transport_want_read(struct transport *t, bool on) {
    t->ops->want_read(t, on);
}
static inline void transport_shutdown(struct transport *t) {
    t->ops->shutdown(t);
}
/* One that never opens: TR_FAIL with this code and text (which is copied) follows from the loop. */
struct transport *transport_broken(struct loop *l, int code, const char *why, transport_f *on_event, void *ctx);
void transport_take_addresses(struct transport *t, const struct transport *below); /* those of the one that it stands on */
void transport_close(struct transport **t);                                        /* NULLs it; NULL is fine */
