// SPDX-License-Identifier: Apache-2.0
/* Streams: found by id, queued, ended; their windows. */
#include "base/mem.h"
#include "codec/h2_int.h"

enum { FIRST_BUCKETS = 16 };

static struct h2_stream **bucket(const struct h2 *h, int32_t id) {
    return &h->buckets[(uint32_t)id / 2 & (h->n_buckets - 1)]; /* one side's ids are all odd, or all even */
}

struct h2_stream *h2__stream(const struct h2 *h, int32_t id) {
    struct h2_stream *s = h->n_streams ? *bucket(h, id) : NULL;
    while (s && s->id != id)
        s = s->next;
    return s;
}

static void insert(struct h2 *h, struct h2_stream *s) {
    struct h2_stream **at = bucket(h, s->id);
    s->next = *at;
    *at = s;
}

/* About as many buckets as streams. */
static void more_buckets(struct h2 *h) {
    h->n_buckets = h->n_buckets ? h->n_buckets * 2 : FIRST_BUCKETS;
    free(h->buckets);
    h->buckets = mem_array(h->n_buckets, sizeof(struct h2_stream *));
    LIST_FOR (n, &h->streams)
        insert(h, list_entry(n, struct h2_stream, all));
}

struct h2_stream *h2__stream_new(struct h2 *h, int32_t id) {
    struct h2_stream *s = block_take(h->cfg.blocks, sizeof(*s));
    if (h->n_streams == h->n_buckets)
        more_buckets(h);
    *s = (struct h2_stream){.id = id, .body_left = -1, .out_window = h->peer.window};
    arena_init(&s->arena, h->cfg.arenas);
    s->in_window = h->acked || h->cfg.stream_window > H2_WINDOW ? h->cfg.stream_window : H2_WINDOW;
    insert(h, s);
    list_push(&h->streams, &s->all);
    h->n_streams++;
    return s;
}

static void stream_free(struct h2 *h, struct h2_stream *s) {
    struct h2_stream **at = bucket(h, s->id);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    list_remove(&s->all);
    list_remove(&s->queue);
    h->n_streams--;
    h->n_told -= s->told;
    h2__give(h, &s->out);
    arena_fini(&s->arena);
    block_give(h->cfg.blocks, s, sizeof(*s));
    if (h->n_streams > 0 || h->n_buckets <= FIRST_BUCKETS)
        return;
    h->n_buckets = 0; /* no stream is open: what was made for many is given back */
    more_buckets(h);
}

void h2__streams_free(struct h2 *h) {
    LIST_FOR (n, &h->streams)
        stream_free(h, list_entry(n, struct h2_stream, all));
    free(h->buckets);
}

void h2__queue(struct h2 *h, struct h2_stream *s) {
    if (!s->opened || s->cut || s->out_ended || list_linked(&s->queue))
        return;
    if (s->out.len ? s->out_window > 0 : s->out_end)
        list_push(&h->ready, &s->queue);
}

void h2__maybe_ended(struct h2 *h, struct h2_stream *s) {
    if (s->in_ended && s->out_ended && !list_linked(&s->queue))
        list_push(&h->ended, &s->queue);
}

void h2__cut(struct h2 *h, struct h2_stream *s, uint32_t code) {
    s->cut = true;
    s->code = code;
    h2__give(h, &s->out);
    if (s->opened && !h->failed.code)
        h2_frame_u32(h2__to(h), H2_RST_STREAM, s->id, code);
    list_remove(&s->queue);
    list_push(&h->ended, &s->queue);
}

void h2__close(struct h2 *h, struct h2_stream *s, uint32_t code, bool by_peer) {
    s->closing = true;
    list_remove(&s->queue);
    h2__credit(h, NULL, s->unconsumed);
    if (code == H2_NO_ERROR && !s->cut && !by_peer)
        h2_guard_stream_done(&h->guard);
    if (s->told)
        h->ev.closed(h->ctx, s->id, code, by_peer);
    stream_free(h, s);
}

/* Updates are gathered until they are half of the window: then the peer never waits for one that is due. */
static bool give_back(struct h2 *h, int32_t id, uint32_t *credit, size_t n, uint32_t window) {
    *credit += (uint32_t)n;
    if (*credit == 0 || *credit < window / 2 || h->failed.code)
        return false;
    h2_frame_u32(h2__to(h), H2_WINDOW_UPDATE, id, *credit);
    return true;
}

void h2__credit(struct h2 *h, struct h2_stream *s, size_t n) {
    if (give_back(h, 0, &h->credit, n, h->cfg.conn_window)) {
        h->in_window += h->credit;
        h->credit = 0;
    }
    if (s && !s->in_ended && !s->cut && give_back(h, s->id, &s->credit, n, h->cfg.stream_window)) {
        s->in_window += s->credit;
        s->credit = 0;
    }
}
