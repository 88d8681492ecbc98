// SPDX-License-Identifier: Apache-2.0
/* A session of ours and one of nghttp2's talk in memory, either as the server: random bodies, trailers, resets, windows, settings
 * and cuts of the octets between them. Of what is not reset nothing is lost, nothing hangs, and neither finds fault with the
 * other. */
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "codec/h2.h"

enum { EXCHANGES = 12, STEPS = 200000 };

/* One way of an exchange. Octet `i` of a body is a function of the stream and of i. */
struct way {
    size_t len, sent, got;
    bool trailers;              /* to be sent */
    bool head_out, ended;       /* sent; whole, to the end */
    bool head_in, end, got_sum; /* received */
};

struct exchange {
    struct way up, down; /* of the request, of the response */
    bool cut;            /* somebody has reset it */
    bool ours_closed, theirs_closed;
    size_t held; /* ours: not consumed yet */
};

struct world {
    struct h2 *h;
    nghttp2_session *n;
    bool server; /* ours is */
    uint64_t rng;
    unsigned begun, resets;
    uint32_t window; /* nghttp2's */
    struct buf to_ours, to_theirs;
    struct exchange ex[EXCHANGES];
};

static unsigned any(struct world *w, unsigned n) {
    w->rng = w->rng * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->rng >> 33) % n;
}

static struct exchange *of(struct world *w, int32_t id) {
    assert_in_range(id, 1, 2 * EXCHANGES);
    return &w->ex[id / 2];
}

static struct way *ours_out(struct world *w, struct exchange *x) {
    return w->server ? &x->down : &x->up;
}
static struct way *ours_in(struct world *w, struct exchange *x) {
    return w->server ? &x->up : &x->down;
}

static uint8_t octet(int32_t id, size_t i) {
    return (uint8_t)((size_t)id * 7 + i * 31 + i / 251);
}

static void receive(struct way *y, int32_t id, const uint8_t *p, size_t n) {
    assert_true(y->head_in && !y->end);
    for (size_t i = 0; i < n; i++)
        if (p[i] != octet(id, y->got + i))
            fail_msg("stream %d: octet %zu is another", id, y->got + i);
    y->got += n;
    assert_true(y->got <= y->len);
}

static void whole(struct way *y) {
    assert_true(y->head_in && !y->end);
    y->end = true;
    assert_int_equal(y->got, y->len);
    assert_int_equal(y->got_sum, y->trailers);
}

/* ---- ours ---- */

static void mark(struct msg_fields *f, struct arena *a, int32_t id) {
    msg_add_name(f, a, STR("x-id"), arena_fmt(a, "%d", id));
    msg_add_name(f, a, STR("x-long"), STR("a value that is worth a place in the table, the same each time"));
}

static void ours_head(void *ctx, int32_t id, const struct msg *m, bool end) {
    struct world *w = ctx;
    struct exchange *x = of(w, id);
    struct way *y = ours_in(w, x);
    const struct msg_field *f = msg_find_name(&m->fields, STR("x-id"));
    uint64_t said;
    assert_true(f && str_u64(f->value, INT32_MAX, &said) && said == (uint64_t)id && !y->head_in);
    y->head_in = true;
    if (end)
        whole(y);
}

static void ours_data(void *ctx, int32_t id, struct str data) {
    struct world *w = ctx;
    struct exchange *x = of(w, id);
    receive(ours_in(w, x), id, (const uint8_t *)data.ptr, data.len);
    x->held += data.len;
}

static void ours_end(void *ctx, int32_t id, const struct msg_fields *trailers) {
    struct world *w = ctx;
    struct way *y = ours_in(w, of(w, id));
    y->got_sum = trailers && msg_find_name(trailers, STR("x-sum"));
    whole(y);
}

static void ours_closed(void *ctx, int32_t id, uint32_t code, bool by_peer) {
    struct world *w = ctx;
    struct exchange *x = of(w, id);
    assert_false(x->ours_closed);
    x->ours_closed = true;
    if (!x->cut && (code || by_peer || !x->up.ended || !x->down.ended))
        fail_msg("stream %d closed with %u", id, code);
}

static void ours_goaway(void *ctx, int32_t last_id, uint32_t code) {
    (void)ctx;
    fail_msg("nghttp2 finds fault: GOAWAY %d %u", last_id, code);
}

static void ours_begin(struct world *w, int32_t id, struct way *y) {
    struct arena a = {0};
    struct msg m = {.status = 200, .content_length = -1};
    bool end = y->len == 0 && !y->trailers && any(w, 2);
    if (!w->server)
        m = (struct msg){
            .request = true, .method_id = METHOD_POST, .method = STR("POST"), .path = STR("/x"), .authority = STR("a")};
    mark(&m.fields, &a, id);
    y->head_out = true;
    y->ended = end;
    if (w->server)
        assert_int_equal(h2_respond(w->h, id, &m, end), 0);
    else
        assert_int_equal(h2_request(w->h, &m, end, NULL), id);
    arena_fini(&a);
}

static void ours_more(struct world *w, int32_t id, struct way *y) {
    uint8_t part[5000];
    size_t n = any(w, sizeof(part));
    n = n < y->len - y->sent ? n : y->len - y->sent;
    for (size_t i = 0; i < n; i++)
        part[i] = octet(id, y->sent + i);
    y->sent += n;
    bool last = y->sent == y->len;
    if (last && y->trailers) {
        struct arena a = {0};
        struct msg_fields f = {0};
        msg_add_name(&f, &a, STR("x-sum"), STR("1"));
        assert_int_equal(h2_data(w->h, id, str_n(part, n), false), 0);
        assert_int_equal(h2_trailers(w->h, id, &f), 0);
        arena_fini(&a);
    } else
        assert_int_equal(h2_data(w->h, id, str_n(part, n), last), 0);
    y->ended = last;
}

static void ours_act(struct world *w, int32_t id) {
    struct exchange *x = of(w, id);
    struct way *y = ours_out(w, x);
    if (x->ours_closed || x->cut)
        return;
    if (x->held && any(w, 3) == 0) {
        size_t n = any(w, 2) ? x->held : any(w, (unsigned)x->held + 1);
        h2_consume(w->h, id, n);
        x->held -= n;
    }
    if (w->server && !x->up.head_in)
        return;
    if (!y->head_out)
        ours_begin(w, id, y);
    else if (!y->ended && h2_pending(w->h, id) < 20000)
        ours_more(w, id, y);
    else if (w->resets && any(w, 400) == 0) {
        w->resets--;
        x->cut = true;
        h2_reset(w->h, id, H2_CANCEL);
    }
}

/* ---- nghttp2's ---- */

static int theirs_begin(nghttp2_session *n, const nghttp2_frame *f, void *ctx) {
    (void)n;
    struct world *w = ctx;
    struct exchange *x = of(w, f->hd.stream_id);
    struct way *y = w->server ? &x->down : &x->up;
    y->head_in = true;
    return 0;
}

static int theirs_header(nghttp2_session *n, const nghttp2_frame *f, const uint8_t *name, size_t n_name, const uint8_t *value,
                         size_t n_value, uint8_t flags, void *ctx) {
    (void)n;
    (void)flags;
    struct world *w = ctx;
    struct exchange *x = of(w, f->hd.stream_id);
    struct way *y = w->server ? &x->down : &x->up;
    uint64_t said;
    y->got_sum |= str_eq(str_n(name, n_name), STR("x-sum"));
    if (str_eq(str_n(name, n_name), STR("x-id")))
        assert_true(str_u64(str_n(value, n_value), INT32_MAX, &said) && said == (uint64_t)f->hd.stream_id);
    return 0;
}

static int theirs_data(nghttp2_session *n, uint8_t flags, int32_t id, const uint8_t *p, size_t len, void *ctx) {
    (void)n;
    (void)flags;
    struct world *w = ctx;
    struct exchange *x = of(w, id);
    receive(w->server ? &x->down : &x->up, id, p, len);
    return 0;
}

static int theirs_frame(nghttp2_session *n, const nghttp2_frame *f, void *ctx) {
    (void)n;
    struct world *w = ctx;
    if (f->hd.type == NGHTTP2_GOAWAY)
        fail_msg("we find fault: GOAWAY %u", f->goaway.error_code);
    if ((f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS) && f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        struct exchange *x = of(w, f->hd.stream_id);
        whole(w->server ? &x->down : &x->up);
    }
    return 0;
}

static int theirs_closed(nghttp2_session *n, int32_t id, uint32_t code, void *ctx) {
    (void)n;
    struct world *w = ctx;
    struct exchange *x = of(w, id);
    x->theirs_closed = true;
    if (!x->cut && code)
        fail_msg("nghttp2's stream %d closed with %u", id, code);
    return 0;
}

static ssize_t theirs_read(nghttp2_session *n, int32_t id, uint8_t *to, size_t len, uint32_t *flags, nghttp2_data_source *source,
                           void *ctx) {
    (void)source;
    struct world *w = ctx;
    struct exchange *x = of(w, id);
    struct way *y = w->server ? &x->up : &x->down;
    size_t left = y->len - y->sent, some = any(w, (unsigned)len) + 1;
    some = some < left ? some : left;
    for (size_t i = 0; i < some; i++)
        to[i] = octet(id, y->sent + i);
    y->sent += some;
    if (y->sent < y->len)
        return (ssize_t)some;
    y->ended = true;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (y->trailers) {
        nghttp2_nv nv = {(uint8_t *)"x-sum", (uint8_t *)"1", 5, 1, NGHTTP2_NV_FLAG_NONE};
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        assert_int_equal(nghttp2_submit_trailer(n, id, &nv, 1), 0);
    }
    return (ssize_t)some;
}

static ssize_t theirs_padding(nghttp2_session *n, const nghttp2_frame *f, size_t most, void *ctx) {
    (void)n;
    struct world *w = ctx;
    size_t pad = any(w, 4) ? 0 : any(w, 100);
    return (ssize_t)(f->hd.length + pad < most ? f->hd.length + pad : most);
}

static nghttp2_nv field(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void theirs_start(struct world *w, int32_t id, struct way *y) {
    nghttp2_data_provider body = {.read_callback = theirs_read};
    char text[16];
    snprintf(text, sizeof(text), "%d", id);
    nghttp2_nv request[] = {field(":method", "POST"), field(":scheme", "http"), field(":path", "/x"),
                            field(":authority", "a"), field("x-id", text),      field("cookie", "a=b")};
    nghttp2_nv response[] = {field(":status", "200"), field("x-id", text), field("server", "nghttp2")};
    y->head_out = true;
    if (w->server)
        assert_int_equal(nghttp2_submit_request(w->n, NULL, request, 6, &body, NULL), id);
    else
        assert_int_equal(nghttp2_submit_response(w->n, id, response, 3, &body), 0);
}

static void theirs_act(struct world *w, int32_t id) {
    struct exchange *x = of(w, id);
    struct way *y = w->server ? &x->up : &x->down;
    if (x->theirs_closed || x->cut)
        return;
    if (!y->head_out && (w->server || x->up.head_in))
        theirs_start(w, id, y);
    else if (y->head_out && w->resets && any(w, 400) == 0 && (!w->server || x->up.head_in)) {
        w->resets--;
        x->cut = true;
        nghttp2_submit_rst_stream(w->n, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    }
}

/* Its window only grows: nghttp2 resets streams that have filled a window which it then makes smaller (h2_edge.c has that). */
static void theirs_settings(struct world *w) {
    static const uint32_t windows[] = {0, 1, 100, 65535, 200000}, tables[] = {0, 64, 4096, 65536};
    uint32_t window = windows[any(w, 5)];
    w->window = window > w->window ? window : w->window;
    nghttp2_settings_entry s[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, w->window},
                                  {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, tables[any(w, 4)]},
                                  {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16384 + any(w, 10000)}};
    assert_int_equal(nghttp2_submit_settings(w->n, NGHTTP2_FLAG_NONE, s, 3), 0);
}

static void theirs_new(struct world *w) {
    nghttp2_session_callbacks *cb;
    assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, theirs_begin);
    nghttp2_session_callbacks_set_on_header_callback(cb, theirs_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, theirs_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, theirs_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, theirs_closed);
    nghttp2_session_callbacks_set_select_padding_callback(cb, theirs_padding);
    assert_int_equal(w->server ? nghttp2_session_client_new(&w->n, cb, w) : nghttp2_session_server_new(&w->n, cb, w), 0);
    nghttp2_session_callbacks_del(cb);
    theirs_settings(w);
}

/* ---- the world ---- */

/* Some octets of what is on the way, or all. */
static struct str some(struct world *w, const struct buf *b) {
    return str_first(buf_str(b), any(w, 2) ? b->len : 1 + any(w, (unsigned)b->len));
}

static void move(struct world *w) {
    struct err e;
    const uint8_t *p;
    ssize_t n;
    assert_int_equal(h2_send(w->h, &w->to_theirs, 1 + any(w, 40000), NULL), 0);
    if (w->to_theirs.len) {
        struct str part = some(w, &w->to_theirs);
        n = nghttp2_session_mem_recv(w->n, (const uint8_t *)part.ptr, part.len);
        if (n != (ssize_t)part.len)
            fail_msg("nghttp2 says %s", nghttp2_strerror((int)n));
        buf_take(&w->to_theirs, part.len);
    }
    while (w->to_ours.len < 40000 && (n = nghttp2_session_mem_send(w->n, &p)) > 0)
        buf_add(&w->to_ours, str_n(p, (size_t)n));
    if (w->to_ours.len) {
        struct str part = some(w, &w->to_ours);
        if (h2_recv(w->h, part, &e) < 0)
            fail_msg("we say %s", e.msg);
        buf_take(&w->to_ours, part.len);
    }
}

static bool over(const struct world *w) {
    for (unsigned i = 0; i < EXCHANGES; i++)
        if (!w->ex[i].ours_closed || !w->ex[i].theirs_closed)
            return false;
    return true;
}

static void plan(struct world *w) {
    static const unsigned lens[] = {0, 1, 1000, 20000, 200000};
    for (unsigned i = 0; i < EXCHANGES; i++) {
        struct exchange *x = &w->ex[i];
        x->up.len = any(w, lens[any(w, 5)] + 1);
        x->down.len = any(w, lens[any(w, 5)] + 1);
        x->up.trailers = any(w, 3) == 0;
        x->down.trailers = any(w, 3) == 0;
    }
    w->resets = any(w, 2) ? 3 : 0;
}

static void run(bool server, uint64_t seed) {
    static const struct h2_events ev = {
        .head = ours_head, .data = ours_data, .end = ours_end, .closed = ours_closed, .goaway = ours_goaway};
    static const uint32_t windows[] = {50, 500, 65535, 300000};
    struct world w = {.server = server, .rng = seed * 2 + server};
    plan(&w);
    struct h2_cfg cfg = {.server = server,
                         .stream_window = windows[any(&w, 4)],
                         .conn_window = 65535 + any(&w, 100000),
                         .control_frames = 1000000,
                         .frame_size = 16384 + any(&w, 1000)};
    w.h = h2_new(&cfg, &ev, &w);
    theirs_new(&w);
    unsigned step = 0;
    for (; !over(&w) && step < STEPS; step++) {
        h2_tick(w.h, step * 1000u + 1);
        move(&w);
        if (w.begun < EXCHANGES && h2_settled(w.h) && any(&w, 5) == 0)
            w.begun++;
        for (unsigned i = 0; i < w.begun; i++) {
            ours_act(&w, (int32_t)(2 * i + 1));
            theirs_act(&w, (int32_t)(2 * i + 1));
        }
        if (step < 2000 && any(&w, 50) == 0)
            theirs_settings(&w);
        else if (step == 2000) { /* what was too small to ever end */
            nghttp2_settings_entry s = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 200000};
            assert_int_equal(nghttp2_submit_settings(w.n, NGHTTP2_FLAG_NONE, &s, 1), 0);
        }
    }
    if (step == STEPS)
        fail_msg("seed %u hangs", (unsigned)seed);
    for (unsigned i = 0; i < EXCHANGES; i++)
        assert_true(w.ex[i].cut || (w.ex[i].up.end && w.ex[i].down.end));
    assert_int_equal(h2_open_streams(w.h), 0);
    h2_free(&w.h);
    nghttp2_session_del(w.n);
    buf_fini(&w.to_ours);
    buf_fini(&w.to_theirs);
}

enum { SEEDS = 150 };

static void test_server_of_ours(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run(true, seed);
}

static void test_client_of_ours(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run(false, seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_of_ours),
        cmocka_unit_test(test_client_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
