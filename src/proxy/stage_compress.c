// SPDX-License-Identifier: Apache-2.0
#include "policy/coding.h"
#include "proxy/compress.h"
#include "proxy/exch.h"

#define PAUSE_US 2000u /* without input for so long, what the compressor holds back is flushed */
#define LOW 16384u     /* octets waiting downstream up to which the upstream may send on */

/* ---- the request ---- */

static struct coding_in situation(const struct exch *x) {
    const struct route *r = x->to.route;
    return (struct coding_in){.filters = x->chain->hcm->compressors,
                              .n_filters = x->chain->hcm->n_compressors,
                              .off = r ? r->uncompressed : NULL,
                              .n_off = r ? r->n_uncompressed : 0,
                              .accept = x->compressing->accept,
                              .method = x->req.method_id};
}

void compress_request(struct exch *x) {
    if (!x->compressing) { /* the first attempt */
        x->compressing = arena_zalloc(&x->down->arena, sizeof(*x->compressing));
        x->compressing->x = x;
        x->compressing->accept = msg_join(&x->req.fields, HDR_ACCEPT_ENCODING, STR(","), &x->down->arena);
    }
    struct coding_in in = situation(x);
    for (size_t i = 0; i < in.n_filters; i++)
        if (in.filters[i].remove_accept && !coding_is_off(&in, &in.filters[i]))
            msg_remove(&x->req.fields, HDR_ACCEPT_ENCODING);
}

/* ---- the head ---- */

static void add_vary(struct msg *m, struct arena *a) {
    struct str so_far = msg_join(&m->fields, HDR_VARY, STR(","), a);
    if (!so_far.ptr)
        msg_add(&m->fields, a, HDR_VARY, STR("Accept-Encoding"));
    else if (!msg_list_has(&m->fields, HDR_VARY, STR("accept-encoding")))
        msg_set(&m->fields, a, HDR_VARY, arena_fmt(a, STR_FMT ", Accept-Encoding", STR_ARG(so_far)));
}

/* What is said of octets that will be others: a strong tag (RFC 9110 §8.8.3.3), and that parts of them may be asked for. */
static void edit_head(struct msg *m, const struct compressor_filter *by, struct arena *a) {
    struct str tag = msg_get(&m->fields, HDR_ETAG);
    bool strong = tag.ptr && !str_istarts(tag, STR("w/"));
    if (strong && by->weaken_etag)
        msg_set(&m->fields, a, HDR_ETAG, arena_fmt(a, "W/" STR_FMT, STR_ARG(tag)));
    else if (strong)
        msg_remove(&m->fields, HDR_ETAG);
    msg_remove(&m->fields, HDR_CONTENT_LENGTH);
    msg_remove(&m->fields, HDR_ACCEPT_RANGES);
    m->content_length = -1;
    msg_set(&m->fields, a, HDR_CONTENT_ENCODING, compress_coding(by->cfg.kind));
}

void compress_head(struct exch *x, struct msg *response, bool end) {
    struct coding_in in = situation(x);
    in.response = response;
    in.end = end;
    struct coding_pick pick = coding_pick(&in);
    if (pick.vary)
        add_vary(response, &x->down->arena);
    if (!pick.by)
        return;
    x->compressing->by = compress_take(&x->w->compressors, &pick.by->cfg);
    if (!x->compressing->by)
        return; /* too many at once: it goes out as it is */
    x->compressing->active = true;
    edit_head(response, pick.by, &x->down->arena);
}

/* ---- the body ---- */

static void settle(struct compressing *c) {
    struct exch *x = c->x;
    size_t n = c->owed;
    if (!n || !x->up || stream_queued(x->down) > LOW)
        return;
    c->owed = 0;
    stream_consumed(x->up, n);
}

/* False: it failed, and so has the exchange. */
static bool code(struct compressing *c, struct str data, enum compress_op op, bool end) {
    struct exch *x = c->x;
    struct worker *w = x->w;
    loop_timer_stop(&w->loop, &c->pause);
    int r = compress_run(c->by, data, op, &w->coded);
    struct str out = buf_str(&w->coded);
    if (r >= 0 && (out.len || end)) {
        x->resp.octets += out.len;
        stream_data(x->down, out, end);
    }
    buf_keep(&w->coded);
    if (r < 0)
        exch_fail(x, REPLY_UP_BROKE, STR_NONE); /* in the middle of a response: cut short, and seen to be */
    return r >= 0;
}

static void on_pause(struct timer *t) {
    code(container_of(t, struct compressing, pause), STR_NONE, COMPRESS_FLUSH, false);
}

void compress_data(struct exch *x, struct str data, bool end) {
    struct compressing *c = x->compressing;
    bool events = x->down->long_lived;
    if (!c->by)
        return;
    c->owed += data.len;
    if (!code(c, data, end ? COMPRESS_END : events ? COMPRESS_FLUSH : COMPRESS_RUN, end))
        return;
    if (end)
        compress_give(&x->w->compressors, &c->by);
    else if (!events)
        loop_timer(&x->w->loop, &c->pause, PAUSE_US, on_pause);
    settle(c);
}

void compress_trailers(struct exch *x, const struct msg_fields *f) {
    struct compressing *c = x->compressing;
    if (!c->by || !code(c, STR_NONE, COMPRESS_END, false))
        return;
    compress_give(&x->w->compressors, &c->by);
    struct msg_fields kept = *f;
    kept.at = arena_alloc(&x->down->arena, f->n * sizeof(*f->at));
    memcpy(kept.at, f->at, f->n * sizeof(*f->at));
    msg_remove(&kept, HDR_ETAG); /* of other octets */
    stream_end(x->down, &kept);
}

void compress_drained(struct exch *x) {
    settle(x->compressing);
}

void compress_close(struct exch *x) {
    struct compressing *c = x->compressing;
    if (!c)
        return;
    loop_timer_stop(&x->w->loop, &c->pause);
    compress_give(&x->w->compressors, &c->by);
    if (!x->w->compressors.live)
        buf_fini(&x->w->coded);
}
