// SPDX-License-Identifier: Apache-2.0
#include "http/stream.h"
#include "base/mem.h"
#include "http/conn_int.h"

/* A stream that is over, or whose connection is, takes calls and does nothing: `closed` is on its way. */
static bool over(const struct stream *s) {
    return s->gone || conn__dead(conn__of(s->conn));
}

void stream_head(struct stream *s, const struct msg *m, bool end) {
    if (over(s))
        return;
    WEFT_ASSERT(!s->head_sent);
    s->conn->ops->head(s, m, end);
    if (m->status == 100 || m->status >= 200)
        s->expects_continue = false;
}

void stream_continue(struct stream *s) {
    if (!s->expects_continue || s->head_sent)
        return;
    struct msg m = {.status = 100, .content_length = -1};
    stream_head(s, &m, false);
}

void stream_data(struct stream *s, struct str data, bool end) {
    if (over(s) || s->out_ended || (data.len == 0 && !end))
        return;
    WEFT_ASSERT(s->head_sent);
    s->conn->ops->data(s, data, end);
}

void stream_end(struct stream *s, const struct msg_fields *trailers) {
    if (over(s) || s->out_ended)
        return;
    WEFT_ASSERT(s->head_sent);
    if (trailers && trailers->n > 0)
        s->conn->ops->end(s, trailers);
    else
        s->conn->ops->data(s, STR_NONE, true);
}

void stream_reset(struct stream *s, int why) {
    if (!over(s))
        s->conn->ops->reset(s, why);
}

void stream_consumed(struct stream *s, size_t octets) {
    WEFT_ASSERT(octets <= s->credit);
    s->credit -= (uint32_t)octets;
    if (octets > 0 && !over(s))
        s->conn->ops->consumed(s, octets);
}

size_t stream_queued(const struct stream *s) {
    return over(s) ? 0 : s->conn->ops->queued(s);
}

static void reply(struct stream *s, struct msg *m, struct str body) {
    m->content_length = m->status == 304 && !body.len ? -1 : (int64_t)body.len; /* RFC 9110 §8.6: of what is not sent */
    msg_add(&m->fields, &s->arena, HDR_DATE, arena_dup(&s->arena, loop_date(s->conn->loop)));
    bool bare = body.len == 0 || s->method == METHOD_HEAD;
    stream_head(s, m, bare);
    if (!bare)
        stream_data(s, body, true);
}

void stream_reply(struct stream *s, unsigned status, struct str content_type, struct str body) {
    if (over(s))
        return;
    struct msg m = {.status = (uint16_t)status};
    if (content_type.len > 0)
        msg_add(&m.fields, &s->arena, HDR_CONTENT_TYPE, content_type);
    reply(s, &m, body);
}

void stream_reply_with(struct stream *s, unsigned status, const struct msg_fields *fields, struct str body) {
    if (over(s))
        return;
    struct msg m = {.status = (uint16_t)status};
    if (fields)
        m.fields = *fields;
    reply(s, &m, body);
}

void stream_join(struct stream *from, struct stream *to, struct pipe_pool *pipes) {
    if (!over(from) && from->conn->ops->join)
        from->conn->ops->join(from, to && !over(to) ? to : NULL, pipes);
}
