// SPDX-License-Identifier: Apache-2.0
#pragma once
/* compress: the response's body is coded on its way down, where the listener has compressors and client, request and
 * response allow it (policy/coding.h). Part of "respond"; in stage_compress.c.
 *
 * Octets go through a compressor of the worker's pool into w->coded and on to the stream, in the same call. What the compressor
 * holds back is flushed when no input has come for 2 ms, and at once in streams of events, so that nobody waits for an event that
 * is there. Back-pressure: the upstream gets its credit back while little of what was made waits downstream; so a slow reader
 * holds up one receive of input, coded, and a window in the compressor. Threads: the worker's. Tests: tests/scenario/b06*.py */
#include "base/str.h"
#include "codec/msg.h"
#include "io/timer.h"
struct compressor;
struct exch;

struct compressing { /* in the exchange's arena */
    struct exch *x;
    struct str accept;     /* Accept-Encoding as it came; ptr NULL: none */
    struct compressor *by; /* while there is more to code */
    struct timer pause;    /* runs while the compressor holds something back */
    size_t owed;           /* octets of the upstream whose credit is not given back yet */
    bool active;           /* this response is coded */
};

void compress_request(struct exch *x); /* before the request goes up; again for each attempt */
void compress_head(struct exch *x, struct msg *response, bool end);
void compress_data(struct exch *x, struct str data, bool end);
void compress_trailers(struct exch *x, const struct msg_fields *f);
void compress_drained(struct exch *x);
void compress_close(struct exch *x);
static inline bool compress_active(const struct compressing *c) {
    return c && c->active;
}
