// SPDX-License-Identifier: Apache-2.0
#pragma once
/* grpc: the message framing of gRPC over HTTP/2 (5-octet prefix) and its status words. Sans I/O; the calls are in http/call.h.
 * Source: grpc/doc/PROTOCOL-HTTP2.md. One owner. Tests: tests/unit/codec/grpc.c, tests/fuzz/grpc.c */
#include "base/buf.h"
#include "base/err.h"
#include "codec/msg.h"

enum grpc_status {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_ABORTED = 10,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_DATA_LOSS = 15,
    GRPC_UNAUTHENTICATED = 16
};

struct grpc_reader { /* zeros, then max, are a fresh reader */
    size_t max;      /* octets of a message at most; longer ones are refused before anything is allocated */
    struct buf held; /* private: the part of a message that came so far */
    bool told;       /* private: `held` is a whole message that was given out */
};
void grpc_reader_fini(struct grpc_reader *r);
/* Takes the next whole message: 1 and *msg (valid until the next call), 0 when more input is needed, or WEFT_E_TOO_LARGE,
 * WEFT_E_UNSUPPORTED (compressed flag set), WEFT_E_PARSE. *in is advanced. */
int grpc_next(struct grpc_reader *r, struct str *in, struct str *msg, struct err *e) MUST_CHECK;
void grpc_frame(struct buf *out, struct str msg);           /* prefix and message, not compressed */
void grpc_message_encode(struct buf *out, struct str text); /* percent-encoding of grpc-message */
void grpc_message_decode(struct buf *out, struct str enc);  /* invalid escapes stay as they are */
bool grpc_content_type(struct str type);                    /* application/grpc, alone or with "+ENCODING" */
int grpc_of_http(unsigned status);                          /* enum grpc_status for a bare HTTP status */
int grpc_of_h2(uint32_t h2_code);                           /* for a RST_STREAM code */
const char *grpc_status_name(int s);                        /* "UNAVAILABLE" */
/* grpc-timeout: "100m" -> microseconds; 0 when malformed. */
uint64_t grpc_timeout_us(struct str s);
