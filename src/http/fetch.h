// SPDX-License-Identifier: Apache-2.0
#pragma once
/* fetch: one plain HTTP/1.1 or HTTP/2 request and its whole answer: health checks, JWKS, the command line, the demo's client.
 * Threads: its loop. Tests: tests/unit/http/fetch.c */
#include "base/buf.h"
#include "http/conn.h"
struct tls_ctx;

struct fetch;
struct fetch_result {
    int code; /* 0, or why there is no response: WEFT_E_REFUSED, _TIMEOUT, _RESET, _TOO_LARGE, … */
    struct err err;
    struct msg head;            /* valid in the callback, when code is 0 */
    struct msg_fields trailers; /* the same */
    struct str body;
    uint64_t duration_us;
};
typedef void fetch_f(void *ctx, const struct fetch_result *r); /* once, from the loop; not after fetch_cancel */

struct fetch_cfg {
    struct addr addr;
    struct tls_ctx *tls;   /* NULL: plain */
    struct transport *tr;  /* instead of both: dialled already, not told TR_OPEN yet; taken over. `tls` still says the scheme */
    enum conn_proto proto; /* CONN_AUTO: HTTP/1.1 unless ALPN says h2 */
    struct msg head;       /* method, path, authority, fields; copied */
    struct str body;       /* copied */
    uint64_t timeout_us;   /* for all of it; 0: 30 s */
    size_t max_body;       /* 0: 1 MiB */
    bool no_body;          /* the answer's body is not wanted: done at its head, the rest is dropped */
};
struct fetch *fetch_start(struct loop *l, const struct fetch_cfg *cfg, fetch_f *done, void *ctx);
void fetch_cancel(struct fetch **f);
/* A GET without further ado. */
struct fetch *fetch_get(struct loop *l, const struct addr *a, struct str authority, struct str path, uint64_t timeout_us,
                        fetch_f *done, void *ctx);
