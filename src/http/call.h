// SPDX-License-Identifier: Apache-2.0
#pragma once
/* call: a gRPC call (unary or streaming) over a stream: both ends. Messages are whole octet strings; protobuf is the user's.
 * Flow: call_send queues; call_queued tells how much waits (a server that pushes stops generating above its mark); on_drained
 * when it has gone. Threads: the connection's loop. Tests: tests/unit/http/call.c */
#include "codec/grpc.h"
#include "http/conn.h"

struct call;
struct call_cb {
    void (*message)(struct call *c, struct str msg); /* valid during the call */
    void (*half_closed)(struct call *c);             /* server: the client has ended its side; may be NULL */
    void (*drained)(struct call *c);                 /* the queue fell below half of the mark; may be NULL */
    /* Over: status and message (client: from trailers or mapped from the failure; server: why the client went). Last; memory is
     * freed after it. */
    void (*done)(struct call *c, int grpc_status, struct str message);
};
#define CALL_MARK (256u * 1024u) /* octets queued above which a sender should hold back: the mark, unless call_mark sets it */

struct call {
    const struct call_cb *cb;
    void *user;
    struct stream *stream;
    struct msg *request; /* server: the request head (path, fields) */
    struct grpc_reader reader;
    bool server, over, headers_sent; /* private: over: nothing is sent or told any more but `done` */
};

/* Client: path "/package.Service/Method"; metadata may be NULL. max_message 0: 16 MiB. NULL and *e when the connection takes no
 * stream. */
struct call *call_start(struct conn *c, struct str path, struct str authority, const struct msg_fields *metadata,
                        size_t max_message, const struct call_cb *cb, void *user, struct err *e);
void call_send(struct call *c, struct str msg);
void call_end(struct call *c);                                         /* client: half close */
void call_finish(struct call *c, int grpc_status, struct str message); /* server: trailers; no callback but done follows */
void call_cancel(struct call *c);                                      /* done(GRPC_CANCELLED) follows from the loop */
size_t call_queued(const struct call *c);
void call_mark(struct call *c, size_t octets);

/* Server: one table of methods. From a server's on_stream: call_accept(st, methods, n, user). Unknown path: grpc-status 12. Not
 * gRPC: 415. */
struct call_method {
    struct str path;
    size_t max_message; /* 0: 4 MiB */
    const struct call_cb *cb;
    void (*open)(struct call *c); /* a call begins: set c->user (preset to `user`) */
};
void call_accept(struct stream *st, const struct call_method *methods, size_t n, void *user);
