// SPDX-License-Identifier: Apache-2.0
/* HEADERS and CONTINUATION: header blocks to events. A block is decoded whatever becomes of its stream: the table is the
 * connection's (RFC 9113 §4.3). */
#include "base/mem.h"
#include "codec/h2_int.h"

static bool ignore(void *ctx, const struct hpack_field *f) {
    (void)ctx;
    (void)f;
    return false;
}

static bool decode(struct h2 *h, struct str block, bool (*tell)(void *ctx, const struct hpack_field *f)) {
    struct err e;
    if (hpack_decode(h->decoder, block, &h->head.arena, tell, &h->head, &e) == 0)
        return true;
    h2_terminate(h, &e, H2_COMPRESSION_ERROR);
    return false;
}

static enum h2_over which(const struct h2 *h) {
    return h->head.octets > h->cfg.head ? H2_OVER_HEAD : H2_OVER_FIELDS;
}

/* ---- requests ---- */

static bool tell_bad(struct h2 *h, struct h2_stream *s, enum h2_over what, bool end) {
    if (!h->cfg.server || !h->ev.bad)
        return false;
    s->told = s->got_head = true;
    h->n_told++;
    s->body_left = -1;
    s->in_ended = end;
    h->ev.bad(h->ctx, s->id, &h->head.m, what, end);
    return true;
}

/* RFC 9113 §8.1: the rest of the request is not wanted. */
static void refuse(struct h2 *h, struct h2_stream *s, bool end) {
    const struct msg m = {.status = 431};
    h2__over(h, which(h));
    if (tell_bad(h, s, which(h), end)) {
        h2__maybe_ended(h, s);
        return;
    }
    h2__put_response(h, s, &m, true);
    if (!end) {
        h2__reject(h, s, H2_NO_ERROR);
        return;
    }
    s->cut = s->in_ended = s->out_ended = true;
    h2__maybe_ended(h, s);
}

static void malformed(struct h2 *h, struct h2_stream *s, bool end) {
    tell_bad(h, s, H2_OVER_NONE, end);
    h2__reject(h, s, H2_PROTOCOL_ERROR);
}

static bool plain_connect(const struct msg *m) {
    return m->method_id == METHOD_CONNECT && m->upgrade.len == 0;
}

static void tell_head(struct h2 *h, struct h2_stream *s, bool end) {
    if (end && s->body_left > 0) { /* §8.1.1 */
        malformed(h, s, end);
        return;
    }
    if (!s->told) {
        s->told = true;
        h->n_told++;
    }
    s->in_ended = end;
    h->ev.head(h->ctx, s->id, &h->head.m, end);
    h2__maybe_ended(h, s);
}

static void on_request(struct h2 *h, struct h2_stream *s, struct str block, bool end) {
    h2__collect_request(&h->head, &h->cfg);
    if (!decode(h, block, h2__collect_add))
        return;
    if (h->head.over)
        refuse(h, s, end);
    else if (!h2__finish_request(&h->head))
        malformed(h, s, end);
    else {
        s->got_head = true;
        s->body_left = plain_connect(&h->head.m) ? -1 : h->head.m.content_length;
        tell_head(h, s, end);
    }
}

/* More than SETTINGS_MAX_CONCURRENT_STREAMS (§5.1.2): an error of a peer that knew them. */
static void too_many(struct h2 *h, int32_t id, struct str block) {
    struct err e;
    h2__over(h, H2_OVER_STREAMS);
    if (h->acked) {
        h2__fail(h, H2_PROTOCOL_ERROR, "more streams than SETTINGS_MAX_CONCURRENT_STREAMS");
        return;
    }
    if (!decode(h, block, ignore))
        return;
    h2_frame_u32(h2__to(h), H2_RST_STREAM, id, H2_REFUSED_STREAM);
    if (h2_guard_reset(&h->guard, &e) < 0)
        h2__flood(h, &e);
}

static void new_stream(struct h2 *h, int32_t id, struct str block, bool end) {
    h->recv_id = id;
    if (id > h->last_id) { /* after our final GOAWAY its last id is a promise */
        decode(h, block, ignore);
        return;
    }
    if (h->n_streams >= h->cfg.max_streams) {
        too_many(h, id, block);
        return;
    }
    struct h2_stream *s = h2__stream_new(h, id);
    s->opened = true;
    h->taken_id = id;
    on_request(h, s, block, end);
}

/* ---- responses and trailers ---- */

static int64_t body_of(const struct h2_stream *s, const struct msg *m) {
    if (s->method == METHOD_CONNECT && m->status / 100 == 2)
        return -1;
    return s->method == METHOD_HEAD || m->status == 204 || m->status == 304 ? 0 : m->content_length;
}

static void on_response(struct h2 *h, struct h2_stream *s, struct str block, bool end) {
    h2__collect_response(&h->head, &h->cfg);
    if (!decode(h, block, h2__collect_add))
        return;
    if (h->head.over) {
        h2__over(h, which(h));
        h2__reject(h, s, H2_ENHANCE_YOUR_CALM);
        return;
    }
    bool fine = h2__finish_response(&h->head, s->method);
    s->got_head = h->head.m.status >= 200;
    if (!fine || (end && !s->got_head)) { /* §8.1: a 1xx does not end it */
        h2__reject(h, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->body_left = s->got_head ? body_of(s, &h->head.m) : -1;
    tell_head(h, s, end);
}

static void on_trailers(struct h2 *h, struct h2_stream *s, struct str block, bool end) {
    h2__collect_trailers(&h->head, &h->cfg);
    if (!decode(h, block, h2__collect_add))
        return;
    if (h->head.over)
        h2__over(h, which(h));
    if (h->head.over || h->head.bad || !end || s->body_left > 0) {
        h2__reject(h, s, h->head.over ? H2_ENHANCE_YOUR_CALM : H2_PROTOCOL_ERROR);
        return;
    }
    h2__finish_trailers(&h->head);
    s->in_ended = true;
    h->ev.end(h->ctx, s->id, h->head.m.fields.n ? &h->head.m.fields : NULL);
    h2__maybe_ended(h, s);
}

/* ---- frames ---- */

static void on_block(struct h2 *h, struct str block, bool end) {
    int32_t id = h->in.block_id;
    struct h2_stream *s = h2__live(h, id);
    arena_init(&h->head.arena, h->cfg.arenas);
    if (h2__idle(h, id) && (!h->cfg.server || id % 2 == 0))
        h2__fail(h, H2_PROTOCOL_ERROR, "HEADERS that open a stream which is not the peer's to open"); /* §5.1.1 */
    else if (h2__idle(h, id))
        new_stream(h, id, block, end);
    else if (!s || s->cut)
        decode(h, block, ignore); /* it may have been closed before they were sent */
    else if (s->in_ended) {
        if (decode(h, block, ignore))
            h2__reject(h, s, H2_STREAM_CLOSED); /* §5.1 */
    } else if (s->got_head)
        on_trailers(h, s, block, end);
    else
        on_response(h, s, block, end);
    h2__collect_end(&h->head);
}

static bool strip(struct h2 *h, const struct h2_frame *f, struct str *block) {
    enum { PRIORITY = 5 };
    if (f->flags & H2_PADDED && !h2_frame_unpad(block)) {
        h2__fail(h, f->len ? H2_PROTOCOL_ERROR : H2_FRAME_SIZE_ERROR, "more padding than payload");
        return false;
    }
    if (!(f->flags & H2_WITH_PRIORITY))
        return true;
    if (block->len < PRIORITY)
        h2__fail(h, H2_FRAME_SIZE_ERROR, "HEADERS too short for their priority");
    else if ((int32_t)(h2_u32(block->ptr) & H2_WINDOW_MAX) == f->id) /* RFC 7540 §5.3.1 */
        h2__fail(h, H2_PROTOCOL_ERROR, "a stream that depends on itself");
    else {
        *block = str_from(*block, PRIORITY);
        return true;
    }
    return false;
}

void h2__headers(struct h2 *h, const struct h2_frame *f, struct str payload) {
    if (!strip(h, f, &payload))
        return;
    h->in.block_id = f->id;
    h->in.block_end = f->flags & H2_END_STREAM;
    if (f->flags & H2_END_HEADERS) {
        on_block(h, payload, h->in.block_end);
        return;
    }
    h->in.block = true;
    buf_add(&h->in.fragments, payload);
}

void h2__continuation(struct h2 *h, const struct h2_frame *f, struct str payload) {
    buf_add(&h->in.fragments, payload);
    if (!(f->flags & H2_END_HEADERS))
        return;
    h->in.block = false;
    on_block(h, buf_str(&h->in.fragments), h->in.block_end);
    buf_fini(&h->in.fragments);
}
