// SPDX-License-Identifier: Apache-2.0
/* What comes: octets to frames, in one pass. A payload that is whole in the input is handled there; DATA is told in the slices in
 * which it comes; of the others the parts are gathered. */
#include "codec/h2_int.h"

bool h2__idle(const struct h2 *h, int32_t id) {
    bool own = (id & 1) == !h->cfg.server;
    return id > (own ? h->sent_id : h->cfg.server ? h->recv_id : 0);
}

struct h2_stream *h2__live(const struct h2 *h, int32_t id) {
    struct h2_stream *s = h2__stream(h, id);
    return s && !(s->in_ended && s->out_ended) ? s : NULL;
}

void h2__reject(struct h2 *h, struct h2_stream *s, uint32_t code) {
    struct err e;
    if (s->cut)
        return;
    h2__cut(h, s, code);
    if (h->cfg.server && h2_guard_reset(&h->guard, &e) < 0) /* CVE-2025-8671: it makes us reset */
        h2__flood(h, &e);
}

void h2__in_ended(struct h2 *h, struct h2_stream *s) {
    s->in_ended = true;
    h2__maybe_ended(h, s);
}

/* ---- DATA ---- */

static void begin_data(struct h2 *h, const struct h2_frame *f) {
    struct h2_stream *s = h2__live(h, f->id);
    h->in.pad = 0;
    h->in.pad_due = f->flags & H2_PADDED;
    h->in_window -= f->len;
    if (h2__idle(h, f->id))
        h2__fail(h, H2_PROTOCOL_ERROR, "DATA on an idle stream");
    else if (f->flags & H2_PADDED && f->len == 0)
        h2__fail(h, H2_FRAME_SIZE_ERROR, "DATA without its padding's length");
    else if (h->in_window < 0)
        h2__fail(h, H2_FLOW_CONTROL_ERROR, "more DATA than the connection's window");
    if (!s || s->cut || h->failed.code)
        return;
    s->in_window -= f->len;
    if (s->in_ended)
        h2__reject(h, s, H2_STREAM_CLOSED); /* §5.1 */
    else if (!s->got_head)
        h2__reject(h, s, H2_PROTOCOL_ERROR);
    else if (s->in_window < 0)
        h2__reject(h, s, H2_FLOW_CONTROL_ERROR);
}

static void end_data(struct h2 *h, const struct h2_frame *f) {
    struct h2_stream *s = h2__live(h, f->id);
    if (!(f->flags & H2_END_STREAM) || !s || s->cut)
        return;
    if (s->body_left > 0) { /* RFC 9113 §8.1.1 */
        h2__reject(h, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->in_ended = true;
    h->ev.end(h->ctx, s->id, NULL);
    h2__maybe_ended(h, s);
}

static void tell_data(struct h2 *h, struct str data) {
    struct h2_stream *s = h2__live(h, h->in.f.id);
    if (!s || s->cut || s->in_ended) { /* nobody will consume it */
        h2__credit(h, NULL, data.len);
        return;
    }
    if (s->body_left >= 0 && (s->body_left -= (int64_t)data.len) < 0) {
        h2__credit(h, NULL, data.len);
        h2__reject(h, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->unconsumed += data.len;
    h->ev.data(h->ctx, s->id, data);
}

/* §6.1: padding counts in the windows, and is given back at once. */
static void take_pad_length(struct h2 *h, uint8_t pad) {
    struct h2_in *in = &h->in;
    struct err e;
    in->pad_due = false;
    in->left--;
    if (pad > in->left) {
        h2__fail(h, H2_PROTOCOL_ERROR, "more padding than payload");
        return;
    }
    in->pad = pad;
    /* Nothing but padding: as worthless as an empty one, which the guard has counted (CVE-2019-9518). */
    if (pad == in->left && !(in->f.flags & H2_END_STREAM) && h2_guard_control(&h->guard, &e) < 0)
        h2__flood(h, &e);
    h2__credit(h, h2__live(h, in->f.id), pad + 1u);
}

static size_t read_data(struct h2 *h, struct str input) {
    struct h2_in *in = &h->in;
    if (in->pad_due) {
        take_pad_length(h, (uint8_t)input.ptr[0]);
        return 1;
    }
    uint32_t data = in->left - in->pad;
    size_t n = input.len < in->left ? input.len : in->left;
    in->left -= (uint32_t)n;
    if (data)
        tell_data(h, str_first(input, n < data ? n : data));
    in->pad = in->left < in->pad ? in->left : in->pad;
    return n;
}

/* ---- frames ---- */

enum where { ANY, STREAM, CONN };

/* RFC 9113 §6: where a frame of a type may come, and how long it is. */
static const struct {
    enum where where;
    uint32_t min, max;
} kinds[] = {
    [H2_DATA] = {STREAM, 0, UINT32_MAX},
    [H2_HEADERS] = {STREAM, 0, UINT32_MAX},
    [H2_PRIORITY] = {STREAM, 5, 5},
    [H2_RST_STREAM] = {STREAM, 4, 4},
    [H2_SETTINGS] = {CONN, 0, UINT32_MAX},
    [H2_PUSH_PROMISE] = {STREAM, 0, UINT32_MAX},
    [H2_PING] = {CONN, 8, 8},
    [H2_GOAWAY] = {CONN, 8, UINT32_MAX},
    [H2_WINDOW_UPDATE] = {ANY, 4, 4},
    [H2_CONTINUATION] = {STREAM, 0, UINT32_MAX},
};

static bool known(const struct h2_frame *f) {
    return f->type < sizeof(kinds) / sizeof(*kinds);
}

static void check_kind(struct h2 *h, const struct h2_frame *f) {
    if (f->len > h->cfg.frame_size)
        h2__fail(h, H2_FRAME_SIZE_ERROR, "a frame that is too long");
    else if (!h->peer.known && (f->type != H2_SETTINGS || f->flags & H2_ACK)) /* §3.4 */
        h2__fail(h, H2_PROTOCOL_ERROR, "SETTINGS do not come first");
    else if (h->in.block ? f->type != H2_CONTINUATION || f->id != h->in.block_id : f->type == H2_CONTINUATION) /* §6.10 */
        h2__fail(h, H2_PROTOCOL_ERROR, "CONTINUATION out of place");
    else if (f->type == H2_PUSH_PROMISE) /* §8.4: a client has not allowed it */
        h2__fail(h, H2_PROTOCOL_ERROR, "PUSH_PROMISE");
    else if (!known(f))
        return;
    else if (kinds[f->type].where != ANY && (f->id != 0) != (kinds[f->type].where == STREAM))
        h2__fail(h, H2_PROTOCOL_ERROR, "a frame on a stream where none may be, or on none");
    else if (f->len < kinds[f->type].min || f->len > kinds[f->type].max)
        h2__fail(h, H2_FRAME_SIZE_ERROR, "a frame of a wrong length");
}

static void begin_frame(struct h2 *h, const struct h2_frame *f) {
    struct err e;
    check_kind(h, f);
    if (h->failed.code)
        return;
    int r = h2_guard_frame(&h->guard, f, &e);
    if (r == WEFT_E_LIMIT)
        h2__flood(h, &e);
    else if (r < 0)
        h2_terminate(h, &e, H2_PROTOCOL_ERROR);
    else if (f->type == H2_DATA)
        begin_data(h, f);
}

static void end_frame(struct h2 *h, struct str payload) {
    const struct h2_frame *f = &h->in.f;
    h->in.open = false;
    switch (f->type) {
    case H2_DATA: end_data(h, f); break;
    case H2_HEADERS: h2__headers(h, f, payload); break;
    case H2_CONTINUATION: h2__continuation(h, f, payload); break;
    default: h2__control(h, f, payload);
    }
}

/* A frame's head, from the input when it is whole there. Octets taken. */
static size_t read_head(struct h2 *h, struct str input) {
    struct h2_in *in = &h->in;
    size_t n = H2_FRAME_HEAD;
    if (in->n_head || input.len < n) {
        n = n - in->n_head < input.len ? n - in->n_head : input.len;
        memcpy(in->head + in->n_head, input.ptr, n);
        in->n_head = (uint8_t)(in->n_head + n);
        if (in->n_head < H2_FRAME_HEAD)
            return n;
        in->n_head = 0;
        h2_frame_parse(&in->f, in->head);
    } else
        h2_frame_parse(&in->f, input.ptr);
    in->left = in->f.len;
    in->open = true;
    begin_frame(h, &in->f);
    if (in->left == 0 && !h->failed.code)
        end_frame(h, STR_NONE);
    return n;
}

/* PRIORITY means nothing any more (§5.3.2), nor do frames that nobody knows (§5.5). */
static bool skipped(const struct h2_frame *f) {
    return f->type == H2_PRIORITY || !known(f);
}

static size_t read_payload(struct h2 *h, struct str input) {
    struct h2_in *in = &h->in;
    size_t n = input.len < in->left ? input.len : in->left;
    if (n == in->f.len) {
        in->left = 0;
        end_frame(h, str_first(input, n));
        return n;
    }
    in->left -= (uint32_t)n;
    if (!skipped(&in->f))
        buf_add(&in->part, str_first(input, n));
    if (in->left == 0) {
        end_frame(h, buf_str(&in->part));
        buf_fini(&in->part);
    }
    return n;
}

static size_t read_preface(struct h2 *h, struct str input) {
    struct str rest = str_from(H2_PREFACE, H2_PREFACE.len - h->in.preface);
    size_t n = input.len < rest.len ? input.len : rest.len;
    if (!str_eq(str_first(input, n), str_first(rest, n)))
        h2__fail(h, H2_PROTOCOL_ERROR, "not the connection preface");
    h->in.preface = (uint8_t)(h->in.preface - n);
    return n;
}

void h2__read(struct h2 *h, struct str in) {
    while (in.len > 0 && !h->failed.code) {
        size_t n;
        if (h->in.preface)
            n = read_preface(h, in);
        else if (!h->in.open)
            n = read_head(h, in);
        else if (h->in.f.type == H2_DATA) {
            n = read_data(h, in);
            if (h->in.left == 0 && !h->failed.code)
                end_frame(h, STR_NONE);
        } else
            n = read_payload(h, in);
        in = str_from(in, n);
    }
}
