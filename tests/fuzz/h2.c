// SPDX-License-Identifier: Apache-2.0
/* An HTTP/2 session against any octets (after a preface), whose owner answers, resets and consumes as the octets say. Events come
 * in order: head, data, end, closed; nothing after closed; and a request head that is told can be written as HTTP/1.1 and read
 * back as the same: nothing is smuggled through a change of version. */
#include "codec/h2.h"
#include "base/mem.h"
#include "codec/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IDS = 4096 };
enum phase { NONE, HEAD, END, CLOSED };

struct world {
    struct h2 *h;
    bool server;
    struct {
        int32_t id; /* 0: free */
        uint8_t phase;
    } streams[IDS];
    uint64_t rng; /* what the owner does next */
};

static unsigned next(struct world *w, unsigned n) {
    w->rng = w->rng * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->rng >> 33) % n;
}

static uint8_t *phase(struct world *w, int32_t id) {
    WEFT_ASSERT(id > 0);
    unsigned at = (unsigned)id % IDS;
    while (w->streams[at].id && w->streams[at].id != id) /* a run has far fewer, but ids may be any */
        at = (at + 1) % IDS;
    w->streams[at].id = id;
    return &w->streams[at].phase;
}

static void act(struct world *w, int32_t id) {
    struct msg m = {.status = 200};
    struct msg_fields t = {0};
    int r = 0;
    switch (next(w, 8)) {
    case 0: r = w->server ? h2_respond(w->h, id, &m, next(w, 2)) : 0; break;
    case 1: r = h2_data(w->h, id, STR("some octets"), next(w, 2)); break;
    case 2: r = h2_trailers(w->h, id, &t); break;
    case 3: h2_reset(w->h, id, H2_CANCEL); break;
    case 4: h2_consume(w->h, id, next(w, 100)); break;
    case 5: h2_ping(w->h); break;
    case 6: h2_goaway(w->h, next(w, 2)); break;
    default: break;
    }
    WEFT_ASSERT(r == 0 || r == WEFT_E_CLOSED || r == WEFT_E_INVALID);
}

static void as_h1(const struct msg *m) {
    struct arena a = {0};
    struct buf out = {0};
    struct msg again;
    const struct h1_limits wide = {.line = 1 << 24, .head = 1 << 24, .fields = 1 << 16};
    const struct h1_framing fr = {.length = m->method_id == METHOD_CONNECT ? H1_UNFRAMED : m->content_length};
    WEFT_ASSERT(h1_write_request(&out, m, &fr) == 0);
    WEFT_ASSERT(h1_parse_request(&again, buf_str(&out), &wide, &a, NULL) == 0);
    WEFT_ASSERT(str_eq(again.method, m->method) && str_eq(again.path, m->path) && str_eq(again.authority, m->authority));
    buf_fini(&out);
    arena_fini(&a);
}

static void on_head(void *ctx, int32_t id, const struct msg *m, bool end) {
    struct world *w = ctx;
    uint8_t *p = phase(w, id);
    WEFT_ASSERT(*p == NONE || (*p == HEAD && !w->server));
    WEFT_ASSERT(m->version == 20 && m->request == w->server);
    *p = end ? END : HEAD;
    if (w->server && m->upgrade.len == 0)
        as_h1(m);
    act(w, id);
}

static void on_data(void *ctx, int32_t id, struct str data) {
    struct world *w = ctx;
    WEFT_ASSERT(*phase(w, id) == HEAD && data.len > 0);
    act(w, id);
}

static void on_end(void *ctx, int32_t id, const struct msg_fields *trailers) {
    struct world *w = ctx;
    WEFT_ASSERT(*phase(w, id) == HEAD && (!trailers || trailers->n > 0));
    *phase(w, id) = END;
    act(w, id);
}

static void on_closed(void *ctx, int32_t id, uint32_t code, bool by_peer) {
    struct world *w = ctx;
    (void)code;
    (void)by_peer;
    WEFT_ASSERT(*phase(w, id) != CLOSED && (*phase(w, id) != NONE || !w->server));
    *phase(w, id) = CLOSED;
    act(w, id);
}

static void on_sent(void *ctx, int32_t id, size_t octets) {
    struct world *w = ctx;
    WEFT_ASSERT(*phase(w, id) != CLOSED && octets > 0);
    act(w, id);
}

static void on_goaway(void *ctx, int32_t last_id, uint32_t code) {
    (void)ctx;
    (void)last_id;
    (void)code;
}

static void on_settings(void *ctx) {
    (void)ctx;
}

static void on_bad(void *ctx, int32_t id, const struct msg *m, enum h2_over what, bool end) {
    struct world *w = ctx;
    (void)m;
    WEFT_ASSERT(w->server && *phase(w, id) == NONE);
    *phase(w, id) = end ? END : HEAD;
    if (what != H2_OVER_NONE)
        act(w, id);
}

static void requests(struct world *w) {
    struct msg m = {.request = true, .method_id = METHOD_POST, .method = STR("POST"), .path = STR("/"), .authority = STR("a")};
    for (int i = 0; i < 4; i++) {
        int32_t id = h2_request(w->h, &m, i % 2, NULL);
        WEFT_ASSERT(id > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct h2_events ev = {on_head, on_data, on_end, on_closed, on_sent, on_goaway, on_settings, .bad = on_bad};
    if (size < 2)
        return 0;
    struct world w = {.server = data[0] & 1, .rng = data[1]};
    const struct h2_cfg cfg = {.server = w.server, .extended_connect = data[0] & 2, .head = 2000, .fields = 20};
    struct str in = str_n(data + 2, size - 2);
    struct buf out = {0};
    size_t step = data[0] & 4 ? 5 : SIZE_MAX;
    w.h = h2_new(&cfg, &ev, &w);
    int r = w.server ? h2_recv(w.h, H2_PREFACE, NULL) : 0;
    if (!w.server)
        requests(&w);
    if (r == 0)
        r = h2_recv(w.h, str_n("\0\0\0\4\0\0\0\0", 9), NULL); /* empty SETTINGS */
    for (uint64_t now = 1; r == 0 && in.len; now += 1000) {
        struct str part = str_first(in, step);
        h2_tick(w.h, now);
        r = h2_recv(w.h, part, NULL);
        in = str_from(in, part.len);
        WEFT_ASSERT(h2_send(w.h, &out, 20000, NULL) == 0);
        buf_keep(&out);
    }
    for (int i = 0; i < 1000 && h2_want_send(w.h); i++) {
        WEFT_ASSERT(h2_send(w.h, &out, 20000, NULL) == 0);
        buf_keep(&out);
    }
    WEFT_ASSERT(r == 0 || h2_done(w.h));
    h2_free(&w.h);
    buf_fini(&out);
    return 0;
}
