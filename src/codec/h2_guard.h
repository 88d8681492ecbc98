// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_guard: counts the frames that a peer sends and says when they are a flood: many frames that cost us work and bring nothing
 * (SETTINGS, PING, PRIORITY, WINDOW_UPDATE, unknown and empty ones: CVE-2019-9511 to 9518), streams opened and reset
 * (CVE-2023-44487, and resets that the peer provokes, CVE-2025-8671), header blocks without end (CVE-2024-28182). Budgets refill
 * with time, and a peer that does honest work earns more: who reads many DATA frames sends many WINDOW_UPDATEs, and who finishes
 * many streams may cancel some. It also knows which streams were skipped (RFC 9113 §5.1.1): a request on such a one is an error,
 * one on a stream that has been closed is not. One owner. Allocates nothing. Tests: tests/unit/codec/h2_raw.c */
#include "base/err.h"
#include "codec/h2_frame.h"

/* What a peer went over. */
enum h2_over { H2_OVER_NONE, H2_OVER_HEAD, H2_OVER_FIELDS, H2_OVER_STREAMS, H2_OVER_CONTROL, H2_OVER_RESETS };

struct h2_guard_cfg {
    bool server;
    uint32_t head;                   /* octets of a decoded head at most; a block on the wire may have a multiple of it */
    uint32_t control_frames, resets; /* a second, and as many at once */
};
enum { H2_GUARD_GAPS = 8 };
struct h2_guard {
    struct h2_guard_cfg cfg;
    enum h2_over over;
    uint32_t control, resets;  /* budgets: frames and resets left */
    uint64_t block, block_max; /* octets of the header block under way; at most */
    uint32_t last_id, n_gaps;  /* private: the highest stream with HEADERS; runs of ids below it that were skipped: */
    struct {
        uint32_t from, to; /* the first and last of them; who skips more often is not followed */
    } gaps[H2_GUARD_GAPS];
    uint64_t control_at_us, reset_at_us; /* the times of the last refills; 0: none yet */
};

void h2_guard_init(struct h2_guard *g, const struct h2_guard_cfg *cfg);
void h2_guard_tick(struct h2_guard *g, uint64_t now_us);
/* A frame's head has come. 0, WEFT_E_LIMIT: a flood; h2_guard_over says of what; or WEFT_E_PROTOCOL. */
int h2_guard_frame(struct h2_guard *g, const struct h2_frame *f, struct err *e) MUST_CHECK;
enum h2_over h2_guard_over(const struct h2_guard *g);
int h2_guard_control(struct h2_guard *g, struct err *e) MUST_CHECK; /* one more worthless frame, found by other means */
int h2_guard_reset(struct h2_guard *g, struct err *e) MUST_CHECK; /* one more stream that ended in a reset by the peer's doing */
void h2_guard_sent_data(struct h2_guard *g);                      /* we sent a DATA frame */
void h2_guard_stream_done(struct h2_guard *g);                    /* a stream ended well */
