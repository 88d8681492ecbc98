// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2: an HTTP/2 connection (RFC 9113), both sides, sans I/O: bytes in, events out; output is pulled. Heads are checked whole
 * (names, values, pseudo-headers, Connection-type fields, content-length against DATA), and there are limits on their octets and
 * count, on resets, SETTINGS, PINGs and empty frames per second (h2_guard.h: rapid reset, CVE-2023-44487; CONTINUATION flood). A
 * malformed head is never told as one: its stream is reset (PROTOCOL_ERROR). Nor is a request head over the limits: see `bad`,
 * without which it is answered with 431. Heads: `version` 20; `authority` is :authority or else
 * Host, which is not among the fields; cookie crumbs are joined (RFC 9113 §8.2.3); `upgrade` is :protocol of an extended CONNECT
 * (RFC 8441). Model: the calls of nghttp2 (session_mem_recv, mem_send), h2o lib/http2/frame.c. One owner, one thread. Tests:
 * tests/unit/codec/h2.c, h2_raw.c and h2_peer.c (beside nghttp2), tests/fuzz/h2.c */
#include "base/blocks.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/h2_guard.h"
#include "codec/msg.h"

struct h2;

struct h2_cfg { /* zeros mean the defaults of base/limits.def, or those in brackets */
    bool server;
    uint32_t max_streams;            /* that the peer may open at once [a client: 0, no push] */
    uint32_t stream_window;          /* octets [65,536] */
    uint32_t conn_window;            /* octets */
    uint32_t head, fields;           /* octets and number, as in h1_limits */
    uint32_t control_frames, resets; /* a second; see h2_guard.h */
    uint32_t frame_size;             /* SETTINGS_MAX_FRAME_SIZE [16,384] */
    bool extended_connect;           /* announce RFC 8441 */
    struct arena_pool *arenas;       /* of the thread, as `blocks` and `bufs`; each may be NULL */
    struct block_pool *blocks;
    struct buf_pool *bufs;
};

/* Called from h2_recv; `sent` and `closed` from h2_send too. They may call everything but h2_recv, h2_send and h2_free. */
struct h2_events {
    /* Server: a request; client: the response (1xx too: status < 200, end false). Slices valid during the call. */
    void (*head)(void *ctx, int32_t id, const struct msg *m, bool end);
    void (*data)(void *ctx, int32_t id, struct str data);                  /* credit is given back with h2_consume */
    void (*end)(void *ctx, int32_t id, const struct msg_fields *trailers); /* peer's END_STREAM after data; trailers or NULL */
    /* The stream is gone from the session: both ends done (code 0 and !reset), or reset by either side. Last event of it. What
     * was not consumed is given back to the connection's window. h2_stream_data still works in it. */
    void (*closed)(void *ctx, int32_t id, uint32_t code, bool reset_by_peer);
    void (*sent)(void *ctx, int32_t id, size_t octets);        /* body octets of this stream that went into h2_send's output */
    void (*goaway)(void *ctx, int32_t last_id, uint32_t code); /* from the peer: streams above last_id were not processed */
    void (*settings)(void *ctx);                               /* the peer's settings have changed or arrived */
    void (*over)(void *ctx, enum h2_over what); /* a limit was met, and what follows from it is done; may be NULL */
    void (*pong)(void *ctx);                    /* the answer to h2_ping; may be NULL */
    /* Server: a request whose head is over the limits: answer it; or is malformed (H2_OVER_NONE): it is reset behind this, and
     * `closed`. Of `m` only the method counts, as far as it came. May be NULL. */
    void (*bad)(void *ctx, int32_t id, const struct msg *m, enum h2_over what, bool end);
};

struct h2 *h2_new(const struct h2_cfg *cfg, const struct h2_events *ev, void *ctx);
void h2_free(struct h2 **h);
void h2_tick(struct h2 *h, uint64_t now_us); /* tells the time, before h2_recv: limits per second count by it */
/* Feeds input; all is taken. < 0 (WEFT_E_PROTOCOL, or WEFT_E_LIMIT: a flood): the connection must be closed after sending what
 * h2_send still gives (a GOAWAY); streams are not told. */
int h2_recv(struct h2 *h, struct str in, struct err *e) MUST_CHECK;
/* Appends what waits to be sent to `out` (at most about `max` octets). */
int h2_send(struct h2 *h, struct buf *out, size_t max, struct err *e) MUST_CHECK;
/* The session cannot go on, for a reason that its user knows: h2_recv says so from now on; a GOAWAY with `code` waits to be sent.
 */
void h2_terminate(struct h2 *h, const struct err *why, uint32_t code);
bool h2_head_open(const struct h2 *h); /* the preface or a header block has begun and is not whole */
bool h2_want_send(const struct h2 *h);
/* Octets of frames that are written and wait for h2_send. A peer's input adds to them: with many, it should not be read. */
size_t h2_kept(const struct h2 *h);
bool h2_done(const struct h2 *h); /* neither reads nor writes any more: close */

/* Client: opens a stream with a request head; returns its id (> 0), or WEFT_E_LIMIT (the peer's max concurrent streams or ids
 * used up), WEFT_E_DRAINING, WEFT_E_INVALID. */
int32_t h2_request(struct h2 *h, const struct msg *m, bool end, struct err *e);
/* Server; 1xx heads may come before. Here and below: WEFT_E_CLOSED when the stream is gone or has ended; WEFT_E_INVALID: a head
 * that cannot be written (status, target). Fields that are invalid or have no place in HTTP/2 (Connection, Host, …) are left out.
 */
int h2_respond(struct h2 *h, int32_t id, const struct msg *m, bool end);
/* Adds body octets (copied); the stream holds them until the peer's window lets them go; h2_pending tells how many it holds. */
int h2_data(struct h2 *h, int32_t id, struct str data, bool end);
int h2_trailers(struct h2 *h, int32_t id, const struct msg_fields *f); /* ends the stream */
size_t h2_pending(const struct h2 *h, int32_t id);
void h2_consume(struct h2 *h, int32_t id, size_t octets); /* gives window back to the peer; at most what `data` told */
void h2_reset(struct h2 *h, int32_t id, uint32_t code);
void h2_goaway(struct h2 *h, bool final); /* graceful: first a warning (2^31-1), then with final=true the real last id */
void h2_ping(struct h2 *h);
uint32_t h2_peer_max_streams(const struct h2 *h);
bool h2_settled(const struct h2 *h);             /* the peer's SETTINGS have come */
bool h2_peer_takes_upgrades(const struct h2 *h); /* it announced extended CONNECT (RFC 8441 §3) */
unsigned h2_open_streams(const struct h2 *h);
void *h2_stream_data(const struct h2 *h, int32_t id); /* user pointer of the stream; NULL when none or unknown */
void h2_set_stream_data(struct h2 *h, int32_t id, void *data);

enum {
    H2_NO_ERROR = 0,
    H2_PROTOCOL_ERROR = 1,
    H2_INTERNAL_ERROR = 2,
    H2_FLOW_CONTROL_ERROR = 3,
    H2_STREAM_CLOSED = 5,
    H2_FRAME_SIZE_ERROR = 6,
    H2_REFUSED_STREAM = 7,
    H2_CANCEL = 8,
    H2_COMPRESSION_ERROR = 9,
    H2_CONNECT_ERROR = 10,
    H2_ENHANCE_YOUR_CALM = 11,
    H2_INADEQUATE_SECURITY = 12,
    H2_HTTP_1_1_REQUIRED = 13
};                                                         /* RFC 9113 §7 */
#define H2_PREFACE STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") /* RFC 9113 §3.4 */
