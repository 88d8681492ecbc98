// SPDX-License-Identifier: Apache-2.0
/* GET /api/v1/watch: a stream of lines from the feed (contract §2). */
#include "base/mem.h"
#include "codec/url.h"
#include "control/api_int.h"

struct api_watcher {
    struct stream *stream;
    struct feed_watcher *feed;
};

/* ---- the feed's sink ---- */

static void send_line(void *ctx, struct str line) {
    struct api_watcher *w = ctx;
    stream_data(w->stream, line, false);
}

static size_t queued(void *ctx) {
    struct api_watcher *w = ctx;
    return stream_queued(w->stream);
}

static void end_stream(void *ctx, int why) {
    struct api_watcher *w = ctx;
    if (why)
        stream_reset(w->stream, why);
    else
        stream_end(w->stream, NULL);
}

static const struct feed_sink sink = {send_line, queued, end_stream};

/* ---- the stream's callbacks: its request has been received whole ---- */

static void on_drained(struct stream *st, size_t octets) {
    struct api_watcher *w = st->user;
    feed_more(w->feed);
}

static void on_closed(struct stream *st, int why) {
    struct api_watcher *w = st->user;
    feed_leave(&w->feed);
    free(w);
}

static const struct stream_cb watch_cb = {.drained = on_drained, .closed = on_closed};

static int read_from(const struct api_request *rq, uint64_t *from, struct err *e) {
    struct str rest = rq->query, k, v;
    *from = FEED_PRESENT;
    while (url_query_next(&rest, rq->a, &k, &v)) {
        if (!str_eq(k, STR("from")))
            return err_set(e, WEFT_E_INVALID, STR_FMT ": unknown parameter", STR_ARG(str_first(k, 100)));
        if (*from != FEED_PRESENT || !str_u64(v, INT64_MAX, from))
            return err_set(e, WEFT_E_INVALID, "from: must be one revision, a whole number");
    }
    return 0;
}

static void open_stream(struct api_request *rq, struct api_watcher *w) {
    struct stream *st = rq->in->stream;
    struct msg head = {.status = 200, .content_length = -1, .fields = api_fields(rq, STR("application/x-ndjson"))};
    msg_add(&head.fields, rq->a, HDR_DATE, arena_dup(rq->a, loop_date(st->conn->loop)));
    w->stream = st;
    st->cb = &watch_cb;
    st->user = w;
    st->long_lived = true;
    server_release(rq->in);
    rq->in = NULL; /* the stream does not know of the request any more */
    stream_head(st, &head, false);
}

void api_watch(struct api_request *rq) {
    struct err e = {0};
    uint64_t from;
    if (read_from(rq, &from, &e) < 0) {
        api_error(rq, 400, "%s", e.msg);
        return;
    }
    if (rq->in->stream->method == METHOD_HEAD) {
        api_text(rq, STR("application/x-ndjson"), STR_NONE);
        return;
    }
    struct api_watcher *w = mem_new(struct api_watcher);
    int rc = feed_join(rq->api->feed, &w->feed, from, &sink, w, &e);
    if (rc < 0) {
        free(w);
        api_error(rq, rc == WEFT_E_NOT_FOUND ? 410 : rc == WEFT_E_LIMIT ? 429 : 503, "%s", e.msg);
        return;
    }
    open_stream(rq, w);
    api_end(rq);
}
