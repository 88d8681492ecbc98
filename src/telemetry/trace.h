// SPDX-License-Identifier: Apache-2.0
#pragma once
/* trace: trace context in headers: W3C Trace Context (Recommendation, level 1), and B3 in both its forms.
 * W3C wins when both came. Time and randomness are arguments. Threads: any. Tests: tests/unit/telemetry/trace.c,
 * tests/fuzz/trace.c */
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"
struct msg_fields;
struct rand;

enum trace_sampling { TRACE_UNDECIDED, TRACE_OFF, TRACE_ON };
enum trace_b3 { TRACE_B3_NONE, TRACE_B3_SINGLE, TRACE_B3_MULTI }; /* the form in which B3 came */

struct trace {
    bool known;              /* id and span are somebody's; else there is only `sampling`, perhaps decided by B3 */
    uint8_t id[16], span[8]; /* of the trace, of the present span; never all zeros when known */
    uint8_t parent[8];       /* span that called the present one; zeros at a root */
    enum trace_sampling sampling;
    enum trace_b3 b3;
    struct str state; /* tracestate, valid; borrowed or in the arena; empty when there is none */
};

/* traceparent (§3.2): false and *t untouched when it must be ignored. Sets known, id, span, sampling. */
bool trace_parse_parent(struct trace *t, struct str traceparent);
bool trace_state_ok(struct str tracestate);                    /* §3.3.1: the members' form, at most 32, none twice */
bool trace_parse_b3(struct trace *t, struct str b3);           /* the single header; false and *t untouched when malformed */
void trace_format_parent(const struct trace *t, char out[56]); /* version 00, NUL-terminated */

/* What the caller told: of malformed or repeated headers nothing is taken. *t is unknown and undecided when there is none. */
void trace_read(struct trace *t, const struct msg_fields *fields, struct arena *a);
/* A span of our own below `from`, or the root of a new trace when that is unknown. An undecided trace is sampled with the
 * probability `ratio` (0 to 1), by its id: whoever asks again with the same ratio gets the same answer. */
void trace_child(struct trace *t, const struct trace *from, struct rand *r, double ratio);
/* Replaces the trace headers by those of `t`: traceparent and tracestate, and B3 in the form in which it came. Slices are in the
 * arena. */
void trace_write(const struct trace *t, struct msg_fields *fields, struct arena *a);
