// SPDX-License-Identifier: Apache-2.0
#pragma once
/* reply: the replies that weft makes itself, from one table (reply.def) in two profiles: mesh (contract §3) and envoy. Pure but
 * for reply_send. Threads: any. Tests: tests/unit/proxy/reply.c */
#include "base/err.h"
#include "codec/msg.h"
struct stream;

enum reply_id {
    REPLY_NONE,
#define X(name, ...) REPLY_##name,
#include "proxy/reply.def"
#undef X
    REPLY_COUNT_
};
enum reply_profile { PROFILE_MESH, PROFILE_ENVOY };

struct reply_row {
    const char *name;
    uint16_t status;
    int grpc;
    const char *flag, *error, *details, *text, *remedy;
    uint16_t envoy_status;
    const char *envoy_body;
};
const struct reply_row *reply_row(enum reply_id id); /* not for REPLY_NONE */

struct reply_in {
    enum reply_id id;
    enum reply_profile profile;
    bool grpc;          /* the caller speaks gRPC: grpc-status in a 200 */
    struct str reason;  /* this case's own words: the text where the row has none, else added to the details; may be empty */
    struct str details; /* instead of the row's; may be empty */
    bool retried;       /* envoy: no endpoint could be connected to, this one being the last of several */
    uint16_t status;    /* envoy: instead of the row's; 0: the row's */
    void (*edit)(void *ctx, struct msg_fields *f);  /* envoy: adds headers before those of the body; may be NULL */
    void (*dress)(void *ctx, struct msg_fields *f); /* adds and changes headers before it is sent; may be NULL */
    void *ctx;
};
struct reply_out {
    uint16_t status;
    struct msg_fields fields; /* in the arena */
    struct str body;
};
uint16_t reply_status(const struct reply_in *in); /* of HTTP; also where a gRPC caller gets a 200 */
/* What a gRPC caller gets: the row's; in the envoy profile what the HTTP status is in
 * https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md, as Envoy's Grpc::Utility::httpToGrpcStatus has it,
 * but for the one whose status Envoy says itself (DownstreamFilterManager, onStreamMaxDurationReached). */
int reply_grpc_status(const struct reply_in *in);
/* The fields of an answer to a gRPC call without a message of its own; the HTTP status is 200. */
void reply_grpc(struct msg_fields *f, int status, struct str text, struct arena *a);
/* Envoy's fields about a body of text, which may be empty. */
void reply_describe(struct msg_fields *f, struct str body, struct arena *a);
void reply_make(struct reply_out *out, const struct reply_in *in, struct arena *a);
size_t reply_send(struct stream *s, const struct reply_in *in); /* octets of its body */
/* The reply for input that is no request: code as told by conn_cfg.on_bad. */
enum reply_id reply_of_bad(const struct err *why);
/* The reply for an upstream that failed before its response: `inbound`: it was the local service; `opened`: the connection had
 * been open. */
enum reply_id reply_of_failure(int why, bool inbound, bool opened);
