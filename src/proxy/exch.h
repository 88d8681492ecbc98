// SPDX-License-Identifier: Apache-2.0
#pragma once
/* exch: the exchange: one request and its response, from the downstream stream's first octet to its last. It lives in that
 * stream's arena.
 *
 * Life: on_head copies the head and runs the stages (stage.h) in order; a stage answers NEXT, REPLY (a reply of our own; the
 * request's rest is dropped) or WAIT (exch_resume runs the same stage again). After the last stage both streams are joined: what
 * comes on one goes out on the other, and credit flows back as it drains. The upstream stream may be replaced before the response
 * began (a reused connection that broke). The end is the downstream stream's `closed`: log, metrics, and everything is let go.
 * Threads: its worker's. */
#include "http/stream.h"
#include "proxy/down.h"
#include "proxy/due.h"
#include "proxy/pool.h"
#include "proxy/reply.h"
#include "proxy/target.h"

#define SILENCE_US (300 * CLOCK_S) /* a stream or tunnel without an octet for so long has ended */
#define EXCH_TRIES 8u              /* endpoints tried at most */
#define EXCH_KEEP 65536u           /* octets of a request body kept for sending again */

struct exch {
    struct worker *w;
    struct down *from;
    struct stream *down, *up;
    struct lease *lease;
    const struct serve_listener *listener;
    const struct serve_chain *chain; /* of the listener: never NULL, and HTTP */
    struct msg req;                  /* the request as it will be forwarded */
    unsigned stage;
    struct list tunnel;          /* in worker.tunnels, once it is one */
    struct worker_waiter waiter; /* for the main thread's answer */
    struct {                     /* where it goes */
        struct target target;
        struct str name; /* "NS/NAME"; "@IP:PORT" until it is known whose that is */
        struct serve_routes *routes;
        const struct virtual_host *vhost;
        const struct route *route;
        const struct route_cluster *share;
        struct serve_cluster *cluster;
        struct host *host;
        struct host *original; /* the same, a reference, where it is none of the cluster's endpoints; else NULL */
        struct str local;      /* our address on the connection to it; kept only where a log may want it */
        bool asked, away;      /* the service had to be asked for; the control plane is away */
    } to;
    struct { /* endpoints that could not be connected to */
        struct host *at[EXCH_TRIES];
        unsigned n;
        enum reply_id id;  /* how the last one failed, */
        struct str reason; /* and why */
    } tried;
    struct pool_wait wait;
    struct conn *conn;     /* acquired: used at once */
    struct {               /* the request's body */
        struct buf held;   /* what came before it could be sent, or is kept for sending again */
        uint64_t received; /* octets, in all */
        uint64_t drained;  /* of this attempt */
        uint64_t credited; /* octets whose credit was given back */
        struct str named;  /* by the head's Connection: no trailer of such a name goes on */
        struct msg_fields *trailers;
        bool ended, keep; /* keep: `held` is all that came so far */
        bool none;        /* the head has ended the request: no body, not even an empty one */
    } body;
    struct { /* the response */
        unsigned status;
        uint64_t octets;
        struct str details; /* response_code_details */
        struct str named;   /* as body.named */
        struct str *kept;   /* what of its head the access log will want (proxy/fill.h); NULL: nothing */
        enum reply_id own;  /* a reply of ours */
        const char *flag;
        struct str grpc; /* grpc-status of a gRPC call: "0" to "16"; empty: none */
        bool begun, ended;
    } resp;
    struct { /* microseconds, the loop's time but for wall */
        uint64_t start, wall, sent, first, last;
    } at;
    struct compressing *compressing; /* compress.h: not NULL where the listener has compressors */
    struct due due;                  /* its limits in time, */
    struct timer timer;              /* and when the next is to be looked at */
    struct str client;               /* the address of whom it is for, as trusted proxies say; empty: the peer itself */
    struct str reason;               /* of a reply of ours, or why the upstream failed */
    unsigned attempts;
    bool fresh;    /* do not take an idle connection: one just broke */
    bool counted;  /* the host's active count has this one */
    bool admitted; /* counts against the budget of requests */
    bool own;      /* for the sidecar itself: neither logged nor counted */
    bool plain;    /* over plaintext on an inbound port */
    bool stream;   /* a tunnel now: both sides end by themselves */
    bool grpc;     /* a gRPC call, by its content type */
};

void exch_open(struct down *d, struct stream *s); /* from the connection's on_stream */
void exch_bad(struct down *d, struct stream *s,
              const struct err *why); /* from its on_bad: what is no request is answered and logged */
void exch_lease(struct exch *x);      /* takes a lease on what its connection is served from now */
void exch_resume(struct exch *x);
void exch_rebalance(struct exch *x); /* to another endpoint than those tried: runs on from the balance stage */
/* Ends it with a reply of ours, or, when the response has begun, with a reset. From outside of stages. */
void exch_fail(struct exch *x, enum reply_id id, struct str reason);
void exch_watch(struct exch *x);          /* x->due has changed */
extern const struct stream_cb exch_up_cb; /* of the upstream stream, whose user is the exchange */
/* A CONNECT that ends here: what it opens goes on as TCP. Of an app's, the sidecar of the endpoint is told: it may say no. */
static inline bool exch_ends_connect(const struct exch *x) {
    return x->req.method_id == METHOD_CONNECT && x->to.route->connect &&
           !(x->listener->side == SIDE_OUTBOUND && x->to.host->mtls);
}
static inline uint64_t exch_now(const struct exch *x) {
    return x->w->loop.now;
}
