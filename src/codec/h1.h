// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h1: HTTP/1.1 (and 1.0) heads, bodies and chunks: sans I/O, strict by RFC 9112.
 *
 * Strict means: one way to read it or none. Refused: bare CR or LF as a line end, white space before the colon or around the
 * start line's parts, obs-fold, NUL and control characters, invalid names and values, Content-Length that is not one decimal
 * number (a list or a repeat, even of equal values, is refused), Content-Length beside Transfer-Encoding, any transfer coding but
 * a single final "chunked", Transfer-Encoding in HTTP/1.0, no or several Host in 1.1, a Host that is no authority, versions other
 * than 1.0 and 1.1, chunk sizes with signs, spaces or more than 16 digits, bare LF in chunks, chunk extensions over 256 octets or
 * without a name. Absolute form: authority replaces Host (§3.2.2). Responses: 1xx, 204, 304, answers to HEAD, and 2xx to CONNECT
 * have no body (§6.3); a 101 ends HTTP. Threads: any. Allocates only through the arena it is given. Tests: tests/unit/codec/h1.c,
 * tests/fuzz/h1_*.c */
#include "base/buf.h"
#include "base/err.h"
#include "codec/msg.h"

struct h1_limits {   /* zeros mean the defaults of base/limits.def */
    uint32_t line;   /* octets of the start line */
    uint32_t head;   /* octets of the whole head */
    uint32_t fields; /* number of fields */
};

/* Looks for a whole head at the start of `in`. *scanned (start with 0) remembers how far an earlier, shorter `in` was
 * searched, so that a head that comes octet by octet costs O(n). Leading CRLFs before a request line (at most 2, §2.2) belong to
 * the head. Returns its length in octets, 0 when more is needed, WEFT_E_URI_TOO_LONG (start line; also from a part of it),
 * WEFT_E_TOO_LARGE, or WEFT_E_PARSE as soon as a line ends in a bare LF. */
int h1_head_len(struct str in, size_t *scanned, const struct h1_limits *lim, struct err *e) MUST_CHECK;

/* Parses the whole head (the octets that h1_head_len counted). Slices of *m borrow from `head`; the fields' array is in the
 * arena. 0, or WEFT_E_PARSE (malformed; e says what), WEFT_E_URI_TOO_LONG, WEFT_E_TOO_LARGE, WEFT_E_VERSION (of
 * HTTP: answer 505), WEFT_E_UNSUPPORTED (transfer coding: 501). */
int h1_parse_request(struct msg *m, struct str head, const struct h1_limits *lim, struct arena *a, struct err *e) MUST_CHECK;
/* `request_method`: of the request that this answers: decides whether a body follows. */
int h1_parse_response(struct msg *m, struct str head, enum http_method request_method, const struct h1_limits *lim,
                      struct arena *a, struct err *e) MUST_CHECK;

/* ---- bodies ---- */
enum h1_body_kind {
    H1_BODY_NONE,
    H1_BODY_LENGTH,
    H1_BODY_CHUNKED,
    H1_BODY_CLOSE /* until the connection ends: responses only */
};
enum h1_event { H1_MORE = 0 /* needs more input */, H1_DATA, H1_TRAILERS /* the end, with trailers */, H1_END };

struct h1_body { /* a reader of one body */
    enum h1_body_kind kind;
    uint64_t left;   /* octets of the body (length) or of this chunk */
    uint8_t state;   /* private */
    uint32_t ext;    /* private */
    struct buf held; /* private: trailer section that is not yet whole */
};
void h1_body_init(struct h1_body *b, enum h1_body_kind kind, uint64_t length);
void h1_body_of_request(struct h1_body *b, const struct msg *m);
void h1_body_of_response(struct h1_body *b, const struct msg *m, enum http_method request_method);
void h1_body_fini(struct h1_body *b);
/* Reads on from *in, which is advanced past what was used. H1_DATA: *data is a slice of the input (never empty). H1_TRAILERS:
 * *trailers (fields in the arena, slices valid until fini). After H1_END and H1_TRAILERS do not call again. < 0: malformed or
 * over a limit. Trailer fields that frame or route (Content-Length, Transfer-Encoding, Host, …, RFC 9110 §6.5.1) are dropped. */
int h1_body_next(struct h1_body *b, struct str *in, struct str *data, struct msg_fields *trailers, const struct h1_limits *lim,
                 struct arena *a, struct err *e) MUST_CHECK;
/* The connection has ended: 0 when that ends the body too (H1_BODY_CLOSE), else WEFT_E_RESET: the message was cut short. */
int h1_body_eof(const struct h1_body *b) MUST_CHECK;

/* ---- writing ---- */
/* What frames the body, and what is said of the connection: it takes the place of Content-Length, Transfer-Encoding, Connection
 * and Keep-Alive among the fields, and of Upgrade where there is one. A TE field is named by Connection too. */
enum { H1_CHUNKED = -1, H1_UNFRAMED = -2 };
struct h1_framing {
    int64_t length;         /* Content-Length; or H1_CHUNKED, or H1_UNFRAMED: no framing field at all */
    bool close, keep_alive; /* Connection: close; keep-alive */
    struct str upgrade;     /* Connection: upgrade, and this Upgrade; empty: none */
};

/* Writes start line and fields, and the framing; where that is NULL, the fields as they stand. Always "HTTP/1.1". Nothing invalid
 * is ever written: a field whose name or value is not valid is left out, an invalid reason is replaced by the standard one. 0, or
 * WEFT_E_INVALID and nothing is written: a start line that would be malformed (method, target, or status out of 100..999).
 * Requests: origin form unless m->absolute_form or CONNECT; Host first, from m->authority, a Host field among the fields is left
 * out. */
int h1_write_request(struct buf *out, const struct msg *m, const struct h1_framing *fr);
int h1_write_response(struct buf *out, const struct msg *m,
                      const struct h1_framing *fr);                           /* an empty reason becomes the standard */
void h1_write_chunk_head(struct buf *out, size_t len);                        /* len > 0; then len octets, then "\r\n" */
void h1_write_last_chunk(struct buf *out, const struct msg_fields *trailers); /* trailers may be NULL */
/* True when the body of a response to that request has no octets whatever its fields say. */
bool h1_bodyless(enum http_method request_method, unsigned status);
