// SPDX-License-Identifier: Apache-2.0
#include "codec/h2_guard.h"

enum {
    EARNED_CONTROL_MAX = 100000,
    EARNED_RESET_MAX = 2000,
    EARNED_BY_DATA = 3,   /* a peer may answer each DATA frame with two WINDOW_UPDATEs and a PING */
    EARNED_BY_STREAM = 3, /* PRIORITY and WINDOW_UPDATEs of a stream */
    BLOCK_FACTOR = 4,     /* a block on the wire over the limit of a head: so that a head that is a bit too large gets its 431 */
    BLOCK_SLACK = 65536
};

void h2_guard_init(struct h2_guard *g, const struct h2_guard_cfg *cfg) {
    *g = (struct h2_guard){.cfg = *cfg,
                           .control = cfg->control_frames,
                           .resets = cfg->resets,
                           .block_max = (uint64_t)cfg->head * BLOCK_FACTOR + BLOCK_SLACK};
}

static void earn(uint32_t *budget, uint64_t n, uint32_t max) {
    if (*budget < max)
        *budget = n < max - *budget ? *budget + (uint32_t)n : max;
}

/* What comes back with time, up to the budget of a second; what was earned beyond it stays. */
static void refill(uint32_t *budget, uint64_t *at_us, uint32_t rate, uint64_t now_us) {
    enum { SECOND_US = 1000000 };
    if (*at_us == 0 || now_us < *at_us)
        *at_us = now_us;
    uint64_t passed = now_us - *at_us;
    if (passed >= SECOND_US) {
        *at_us = now_us;
        earn(budget, rate, rate);
        return;
    }
    uint64_t n = passed * rate / SECOND_US;
    *at_us += n * SECOND_US / rate; /* not to now_us: a part of one is not lost */
    earn(budget, n, rate);
}

void h2_guard_tick(struct h2_guard *g, uint64_t now_us) {
    refill(&g->control, &g->control_at_us, g->cfg.control_frames, now_us);
    refill(&g->resets, &g->reset_at_us, g->cfg.resets, now_us);
}

void h2_guard_sent_data(struct h2_guard *g) {
    earn(&g->control, EARNED_BY_DATA, EARNED_CONTROL_MAX);
}

void h2_guard_stream_done(struct h2_guard *g) {
    earn(&g->control, EARNED_BY_STREAM, EARNED_CONTROL_MAX);
    earn(&g->resets, 1, EARNED_RESET_MAX);
}

int h2_guard_control(struct h2_guard *g, struct err *e) {
    if (g->control == 0) {
        g->over = H2_OVER_CONTROL;
        return err_set(e, WEFT_E_LIMIT, "too many HTTP/2 control or empty frames");
    }
    g->control--;
    return 0;
}

int h2_guard_reset(struct h2_guard *g, struct err *e) {
    if (g->resets == 0) {
        g->over = H2_OVER_RESETS;
        return err_set(e, WEFT_E_LIMIT, "too many HTTP/2 streams were reset");
    }
    g->resets--;
    return 0;
}

static int on_block(struct h2_guard *g, uint32_t len, struct err *e) {
    g->block += len;
    if (g->block <= g->block_max)
        return 0;
    g->over = H2_OVER_HEAD;
    return err_set(e, WEFT_E_LIMIT, "HTTP/2 header block is too large");
}

/* RFC 9113 §5.1.1: a new stream closes all idle ones below it, which must not be used any more. */
static int on_stream_id(struct h2_guard *g, uint32_t id, struct err *e) {
    for (unsigned i = 0; i < g->n_gaps; i++)
        if (id >= g->gaps[i].from && id <= g->gaps[i].to)
            return err_set(e, WEFT_E_PROTOCOL, "HTTP/2: HEADERS on a stream that was skipped");
    if (id <= g->last_id)
        return 0;
    uint32_t expected = g->last_id ? g->last_id + 2 : 1;
    if (id > expected && g->n_gaps < H2_GUARD_GAPS) {
        g->gaps[g->n_gaps].from = expected;
        g->gaps[g->n_gaps++].to = id - 1;
    }
    g->last_id = id;
    return 0;
}

int h2_guard_frame(struct h2_guard *g, const struct h2_frame *f, struct err *e) {
    int r = f->type == H2_HEADERS && g->cfg.server ? on_stream_id(g, (uint32_t)f->id, e) : 0;
    if (r < 0)
        return r;
    switch (f->type) {
    case H2_DATA: return f->len == 0 && !(f->flags & H2_END_STREAM) ? h2_guard_control(g, e) : 0;
    case H2_HEADERS:
    case H2_PUSH_PROMISE: g->block = 0; return on_block(g, f->len, e);
    case H2_CONTINUATION: r = h2_guard_control(g, e); return r < 0 ? r : on_block(g, f->len, e);
    case H2_RST_STREAM: return g->cfg.server ? h2_guard_reset(g, e) : h2_guard_control(g, e);
    default: return h2_guard_control(g, e); /* PRIORITY, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, and unknown ones */
    }
}

enum h2_over h2_guard_over(const struct h2_guard *g) {
    return g->over;
}
