// SPDX-License-Identifier: Apache-2.0
/* Flow control, states of streams, SETTINGS and the cutting of frames: what RFC 9113 says of the edges, against frames by hand.
 */
#include "h2_wire.h"

enum { BIG = 1 << 20 };

static struct str word(char to[4], uint32_t v) {
    to[0] = (char)(v >> 24);
    to[1] = (char)(v >> 16);
    to[2] = (char)(v >> 8);
    to[3] = (char)v;
    return str_n(to, 4);
}

static void update(struct buf *b, uint32_t id, uint32_t n) {
    char w[4];
    frame(b, WINDOW_UPDATE, 0, id, word(w, n));
}

static void setting(struct buf *b, unsigned which, uint32_t value) {
    char s[6] = {(char)(which >> 8), (char)which};
    word(s + 2, value);
    frame(b, SETTINGS, 0, 0, str_n(s, sizeof(s)));
}

static int take(struct side *s, struct buf *b) { /* feeds, and forgets */
    int r = h2_recv(s->h, buf_str(b), &s->err);
    buf_cut(b, 0);
    return r;
}

/* What goes out, by kind: octets of DATA on a stream, and the sum of updates for it. */
struct sent {
    size_t data, updates, frames;
    uint32_t reset, goaway; /* their codes and 1,000; 0: none */
    size_t longest;         /* payload */
    char order[64];         /* the streams of the DATA frames, as digits */
};

static struct sent drain(struct side *s, uint32_t id) {
    struct sent sum = {0};
    struct buf wire = {0};
    assert_int_equal(h2_send(s->h, &wire, BIG, NULL), 0);
    for (struct str in = buf_str(&wire); in.len;) {
        const uint8_t *p = (const uint8_t *)in.ptr;
        size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        uint32_t w = len >= 4 ? (uint32_t)p[9] << 24 | (uint32_t)p[10] << 16 | (uint32_t)p[11] << 8 | p[12] : 0;
        size_t n = strlen(sum.order);
        if (p[3] == DATA && n + 1 < sizeof(sum.order))
            sum.order[n] = (char)('0' + p[8]);
        sum.longest = len > sum.longest ? len : sum.longest;
        sum.frames++;
        if (p[8] == id) {
            sum.data += p[3] == DATA ? len : 0;
            sum.updates += p[3] == WINDOW_UPDATE ? w : 0;
            sum.reset = p[3] == RST_STREAM ? w + 1000 : sum.reset;
        }
        if (p[3] == GOAWAY)
            sum.goaway = ((uint32_t)p[15] << 8 | p[16]) + 1000;
        in = str_from(in, 9 + len);
    }
    buf_fini(&wire);
    return sum;
}

static void open_server(struct side *s, struct h2_cfg cfg, struct buf *in) {
    cfg.server = true;
    side_init(s, cfg);
    hello(in);
    assert_int_equal(take(s, in), 0);
    drain(s, 0);
    frame(in, SETTINGS, 1, 0, STR("")); /* it has ours */
    assert_int_equal(take(s, in), 0);
}

static void close_side(struct side *s, struct buf *in) {
    buf_fini(in);
    side_fini(s);
}

/* ---- windows of what we send ---- */

static void answer(struct side *s, int32_t id, size_t octets) {
    struct msg ok = {.status = 200};
    struct buf body = {0};
    fill(&body, octets);
    assert_int_equal(h2_respond(s->h, id, &ok, false), 0);
    assert_int_equal(h2_data(s->h, id, buf_str(&body), true), 0);
    buf_fini(&body);
}

static void test_negative_window(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    open_server(&s, (struct h2_cfg){0}, &in);
    update(&in, 0, BIG);
    headers(&in, END_STREAM, 1, GOOD);
    assert_int_equal(take(&s, &in), 0);
    answer(&s, 1, 100000);
    assert_int_equal(drain(&s, 1).data, 65535);
    setting(&in, 4, 1000); /* INITIAL_WINDOW_SIZE: the window is now 1,000 - 65,535 */
    update(&in, 1, 64535);
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).data, 0); /* it is 0 */
    assert_false(h2_want_send(s.h));
    update(&in, 1, 10);
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).data, 10);
    setting(&in, 4, 1500); /* 500 more for it, too */
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).data, 500);
    setting(&in, 4, 2000);
    setting(&in, 4, 1500); /* it was queued, and may not send */
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).data, 0);
    const char both[] = {0, 4, 0, 0x01, 0,    0,
                         0, 4, 0, 0,    0x05, (char)0xe6}; /* 65,536, then 1,510, in one frame: the last one counts */
    frame(&in, SETTINGS, 0, 0, str_n(both, sizeof(both)));
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).data, 10);
    update(&in, 1, BIG);
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).data, 100000 - 65535 - 520);
    assert_int_equal(h2_open_streams(s.h), 0);
    close_side(&s, &in);
}

/* The connection's window is shared, and who has nothing but its end to say needs none. */
static void test_connection_window(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    open_server(&s, (struct h2_cfg){0}, &in);
    setting(&in, 4, BIG);
    for (uint32_t id = 1; id <= 5; id += 2)
        headers(&in, END_STREAM, id, GOOD);
    assert_int_equal(take(&s, &in), 0);
    answer(&s, 1, 60000);
    answer(&s, 3, 60000);
    struct sent sum = drain(&s, 1);
    assert_string_equal(sum.order, "1313"); /* by turns: 16,384 each, and what is left of 65,535 */
    assert_int_equal(sum.data, 32768);
    assert_false(h2_want_send(s.h));
    answer(&s, 5, 0);
    assert_true(h2_want_send(s.h));
    assert_string_equal(drain(&s, 5).order, "5");
    assert_int_equal(h2_open_streams(s.h), 2);
    update(&in, 0, BIG);
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 3).data, 60000 - 32767);
    assert_int_equal(h2_open_streams(s.h), 0);
    close_side(&s, &in);
}

static void test_window_errors(void **state) {
    (void)state;
    static const struct {
        uint32_t id, n;
        uint32_t reset, goaway;
    } cases[] = {
        {1, 0, 1000 + H2_PROTOCOL_ERROR, 0},
        {1, 0x7fffffff, 1000 + H2_FLOW_CONTROL_ERROR, 0},
        {1, 0x7fffffff - 65535, 0, 0},
        {0, 0x7fffffff - 65535, 0, 0},
        {0, 0x7fffffff - 65534, 0, 1000 + H2_FLOW_CONTROL_ERROR},
        {0, 0, 0, 1000 + H2_PROTOCOL_ERROR},
        {3, 1, 0, 1000 + H2_PROTOCOL_ERROR}, /* idle */
        {2, 1, 0, 1000 + H2_PROTOCOL_ERROR}, /* ours, and never used */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){0}, &in);
        headers(&in, 0, 1, GOOD);
        update(&in, cases[i].id, cases[i].n);
        assert_int_equal(take(&s, &in), cases[i].goaway ? WEFT_E_PROTOCOL : 0);
        struct sent sum = drain(&s, 1);
        assert_int_equal(sum.reset, cases[i].reset);
        assert_int_equal(sum.goaway, cases[i].goaway);
        close_side(&s, &in);
    }
}

/* ---- windows of what we receive ---- */

static void body(struct buf *b, uint32_t id, size_t octets) {
    static const char zeros[16384];
    for (size_t n; octets; octets -= n) {
        n = octets < sizeof(zeros) ? octets : sizeof(zeros);
        frame(b, DATA, 0, id, str_n(zeros, n));
    }
}

static void test_stream_window_is_kept(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){.stream_window = 1000}, &in);
        s.hold = true;
        headers(&in, 0, 1, GOOD);
        body(&in, 1, 1000 + over);
        assert_int_equal(take(&s, &in), 0);
        assert_int_equal(drain(&s, 1).reset, over ? 1000 + H2_FLOW_CONTROL_ERROR : 0);
        close_side(&s, &in);
    }
}

/* Whoever has not seen our SETTINGS goes by 65,535 (RFC 9113 §6.9.2); once it has, the difference is taken off. */
static void test_window_before_settings(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct side s;
        struct buf in = {0};
        side_init(&s, (struct h2_cfg){.server = true, .stream_window = 1000});
        s.hold = true;
        hello(&in);
        headers(&in, 0, 1, GOOD);
        body(&in, 1, 65535);
        assert_int_equal(take(&s, &in), 0);
        assert_int_equal(drain(&s, 1).reset, 0);
        frame(&in, SETTINGS, 1, 0, STR("")); /* now it is at 1,000 - 65,535 */
        h2_consume(s.h, 1, 64535);
        assert_int_equal(take(&s, &in), 0);
        assert_int_equal(drain(&s, 1).updates, 64535);
        h2_consume(s.h, 1, 500); /* the window is 0, and this much more */
        assert_int_equal(drain(&s, 1).updates, 500);
        body(&in, 1, 500 + over);
        assert_int_equal(take(&s, &in), 0);
        assert_int_equal(drain(&s, 1).reset, over ? 1000 + H2_FLOW_CONTROL_ERROR : 0);
        close_side(&s, &in);
    }
}

static void test_connection_window_is_kept(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){.stream_window = BIG, .conn_window = 70000}, &in);
        s.hold = true;
        headers(&in, 0, 1, GOOD);
        headers(&in, 0, 3, GOOD);
        body(&in, 1, 40000);
        body(&in, 3, 30000 + over);
        assert_int_equal(take(&s, &in), over ? WEFT_E_PROTOCOL : 0);
        assert_int_equal(drain(&s, 1).goaway, over ? 1000 + H2_FLOW_CONTROL_ERROR : 0);
        close_side(&s, &in);
    }
}

/* Padding, and DATA that finds nobody, come back to the windows by themselves. */
static void test_credit_of_what_nobody_reads(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    open_server(&s, (struct h2_cfg){.conn_window = 65535}, &in);
    s.hold = true;
    headers(&in, 0, 1, GOOD);
    char padded[16000] = {(char)255};
    size_t conn = 0;
    for (int i = 0; i < 10; i++) { /* one octet each is told, and held */
        frame(&in, DATA, PADDED, 1, str_n(padded, 257));
        assert_int_equal(take(&s, &in), 0);
    }
    assert_int_equal(s.body.len, 10);
    headers(&in, 0, 3, GOOD "te: gzip\n"); /* rejected */
    assert_int_equal(take(&s, &in), 0);
    drain(&s, 3);
    for (int i = 0; i < 20; i++) {
        frame(&in, DATA, 0, 3, str_n(padded, sizeof(padded)));
        assert_int_equal(take(&s, &in), 0);
        conn += drain(&s, 0).updates;
    }
    assert_in_range(conn, 20 * sizeof(padded) - 32768, 20 * sizeof(padded) + 2560);
    assert_int_equal(s.body.len, 10);
    close_side(&s, &in);
}

/* ---- states of streams ---- */

static void test_after_the_end(void **state) {
    (void)state;
    enum { NOTHING, ANSWERED };
    static const struct {
        unsigned type;
        int before;
        uint32_t reset;
    } cases[] = {
        {DATA, NOTHING, 1000 + H2_STREAM_CLOSED}, /* half closed: §5.1 */
        {HEADERS, NOTHING, 1000 + H2_STREAM_CLOSED},
        {WINDOW_UPDATE, NOTHING, 0},
        {PRIORITY, NOTHING, 0},
        {DATA, ANSWERED, 0}, /* closed: may have been on its way */
        {HEADERS, ANSWERED, 0},
        {WINDOW_UPDATE, ANSWERED, 0},
        {RST_STREAM, ANSWERED, 0},
        {PRIORITY, ANSWERED, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){0}, &in);
        headers(&in, END_STREAM, 1, GOOD);
        assert_int_equal(take(&s, &in), 0);
        if (cases[i].before == ANSWERED)
            answer(&s, 1, 0);
        drain(&s, 1);
        if (cases[i].type == HEADERS)
            headers(&in, END_STREAM, 1, "x: y\n");
        else
            frame(&in, cases[i].type, 0, 1, cases[i].type == PRIORITY ? STR("\0\0\0\0\1") : STR("\0\0\0\1"));
        headers(&in, END_STREAM, 3, GOOD); /* and the connection goes on */
        assert_int_equal(take(&s, &in), 0);
        struct sent sum = drain(&s, 1);
        assert_int_equal(sum.reset, cases[i].reset);
        assert_int_equal(sum.goaway, 0);
        assert_non_null(strstr(text(&s), "[3 GET"));
        close_side(&s, &in);
    }
}

/* After our final GOAWAY new streams are read for the table's sake, and nothing of them is told. */
static void test_streams_after_goaway(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    open_server(&s, (struct h2_cfg){.conn_window = 65535}, &in);
    s.hold = true;
    headers(&in, 0, 1, GOOD);
    assert_int_equal(take(&s, &in), 0);
    h2_goaway(s.h, true);
    drain(&s, 0);
    headers(&in, 0, 3, GOOD);
    body(&in, 3, 40000);
    headers(&in, END_STREAM, 1, "x: y\n");
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 0).updates, 32768); /* of the connection's window: what was half of it */
    assert_string_equal(text(&s), "[1 GET http://a/][1 end trailers x=y]");
    answer(&s, 1, 0);
    drain(&s, 1);
    assert_true(h2_done(s.h));
    close_side(&s, &in);
}

static void test_continuation_rules(void **state) {
    (void)state;
    static const struct {
        unsigned type;
        uint32_t id;
    } cases[] = {{DATA, 1}, {HEADERS, 3}, {PING, 0}, {CONTINUATION, 3}, {0xfa, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){0}, &in);
        frame(&in, HEADERS, END_STREAM, 1, STR("\x82"));
        assert_true(take(&s, &in) == 0 && h2_head_open(s.h));
        frame(&in, cases[i].type, 0, cases[i].id, STR("12345678"));
        assert_int_equal(take(&s, &in), WEFT_E_PROTOCOL);
        assert_int_equal(drain(&s, 0).goaway, 1000 + H2_PROTOCOL_ERROR);
        close_side(&s, &in);
    }
}

/* ---- SETTINGS ---- */

static void test_settings_errors(void **state) {
    (void)state;
    static const struct {
        unsigned which;
        uint32_t value, code; /* 0: fine */
    } cases[] = {
        {1, UINT32_MAX, 0},
        {2, 1, 0},
        {2, 2, H2_PROTOCOL_ERROR},
        {3, 0, 0},
        {4, 0x7fffffff, 0},
        {4, 0x80000000, H2_FLOW_CONTROL_ERROR},
        {5, 16383, H2_PROTOCOL_ERROR},
        {5, 1 << 24, H2_PROTOCOL_ERROR},
        {5, (1 << 24) - 1, 0},
        {6, 0, 0},
        {8, 2, H2_PROTOCOL_ERROR},
        {9, 2, H2_PROTOCOL_ERROR},
        {0xffff, 7, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){0}, &in);
        setting(&in, cases[i].which, cases[i].value);
        assert_int_equal(take(&s, &in), cases[i].code ? WEFT_E_PROTOCOL : 0);
        assert_int_equal(drain(&s, 0).goaway, cases[i].code ? 1000 + cases[i].code : 0);
        close_side(&s, &in);
    }
}

static void test_settings_that_do_not_fit(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct side s;
        struct buf in = {0};
        open_server(&s, (struct h2_cfg){0}, &in);
        headers(&in, END_STREAM, 1, GOOD);
        update(&in, 1, 0x7fffffff - 65535);
        assert_int_equal(take(&s, &in), 0);
        if (i == 0)
            setting(&in, 4, 65536); /* the stream's window would be 2^31 */
        else if (i == 1)
            frame(&in, SETTINGS, 1, 0, STR("")); /* an ACK of nothing */
        else
            setting(&in, i == 2 ? 8 : 9, 1);
        if (i > 1)
            setting(&in, i == 2 ? 8 : 9, 0); /* taken back */
        assert_int_equal(take(&s, &in), WEFT_E_PROTOCOL);
        assert_int_equal(drain(&s, 0).goaway, 1000 + (i == 0 ? H2_FLOW_CONTROL_ERROR : H2_PROTOCOL_ERROR));
        close_side(&s, &in);
    }
}

static void test_first_frame(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct side s;
        struct buf in = {0};
        side_init(&s, (struct h2_cfg){.server = true});
        buf_add(&in, H2_PREFACE);
        frame(&in, i ? PING : SETTINGS, i ? 0 : 1, 0, i ? STR("12345678") : STR(""));
        assert_int_equal(take(&s, &in), WEFT_E_PROTOCOL);
        assert_int_equal(drain(&s, 0).goaway, 1000 + H2_PROTOCOL_ERROR);
        close_side(&s, &in);
    }
}

/* Who asks and does not read the answers: at most a thousand are kept. */
static void test_answers_that_nobody_reads(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    open_server(&s, (struct h2_cfg){.control_frames = 1000000}, &in);
    for (int i = 0; i < 1000; i++)
        frame(&in, PING, 0, 0, STR("12345678"));
    assert_int_equal(take(&s, &in), 0);
    assert_true(h2_kept(s.h) >= 17000);
    frame(&in, PING, 0, 0, STR("12345678"));
    assert_int_equal(take(&s, &in), WEFT_E_LIMIT);
    assert_int_equal(drain(&s, 0).goaway, 1000 + H2_ENHANCE_YOUR_CALM);
    assert_true(h2_done(s.h));
    close_side(&s, &in);
}

/* ---- cutting ---- */

/* One conversation with everything that may be cut: padding, priority, CONTINUATIONs, trailers. */
static void conversation(struct buf *in) {
    struct buf b = {0}, payload = {0};
    hello(in);
    setting(in, 4, 70000);
    block(&b, GOOD "x-one: 1\nx-two: 2\n");
    buf_addc(&payload, 3); /* octets of padding */
    buf_add(&payload, STR("\0\0\0\0\x10"));
    buf_add(&payload, str_first(buf_str(&b), 20));
    buf_add(&payload, STR("\0\0\0"));
    frame(in, HEADERS, PADDED | 0x20, 1, buf_str(&payload));
    frame(in, CONTINUATION, 0, 1, STR(""));
    frame(in, CONTINUATION, 0, 1, str_first(str_from(buf_str(&b), 20), 7));
    frame(in, CONTINUATION, END_HEADERS, 1, str_from(buf_str(&b), 27));
    frame(in, DATA, PADDED, 1, STR("\2hello\0\0"));
    frame(in, PING, 0, 0, STR("12345678"));
    frame(in, 0xfa, 0, 0, STR("whatever"));
    frame(in, PRIORITY, 0, 9, STR("\0\0\0\0\1"));
    frame(in, DATA, PADDED, 1, STR("\0 world"));
    headers(in, END_STREAM, 1, "x-sum: 3\n");
    update(in, 0, 10);
    headers(in, END_STREAM, 3, GOOD);
    frame(in, RST_STREAM, 0, 3, STR("\0\0\0\x08"));
    frame(in, GOAWAY, 0, 0, STR("\0\0\0\0\0\0\0\0bye"));
    buf_fini(&b);
    buf_fini(&payload);
}

static void test_cut_anywhere(void **state) {
    (void)state;
    struct buf in = {0};
    conversation(&in);
    for (size_t cut = 0; cut <= in.len; cut++) {
        struct side s;
        side_init(&s, (struct h2_cfg){.server = true});
        if (cut == 0) { /* octet by octet */
            for (size_t i = 0; i < in.len; i++)
                assert_int_equal(h2_recv(s.h, str_n(buf_str(&in).ptr + i, 1), NULL), 0);
        } else {
            assert_int_equal(h2_recv(s.h, str_first(buf_str(&in), cut), NULL), 0);
            assert_int_equal(h2_recv(s.h, str_from(buf_str(&in), cut), NULL), 0);
        }
        assert_false(h2_head_open(s.h));
        assert_true(str_eq(buf_str(&s.body), STR("hello world")));
        assert_string_equal(text(&s), "[1 GET http://a/ x-one=1 x-two=2][1 end trailers x-sum=3][3 GET http://a/ end]"
                                      "[3 closed 8 by peer][goaway 0 0]");
        side_fini(&s);
    }
    buf_fini(&in);
}

/* A head that is longer than a frame. */
static void test_long_heads(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0}, value = {0};
    struct arena a = {0};
    open_server(&s, (struct h2_cfg){0}, &in);
    headers(&in, END_STREAM, 1, GOOD);
    assert_int_equal(take(&s, &in), 0);
    for (int i = 0; i < 50000; i++)
        buf_addc(&value, (char)('!' + i % 90));
    struct msg ok = {.status = 200};
    msg_add_name(&ok.fields, &a, STR("x"), buf_str(&value));
    assert_int_equal(h2_respond(s.h, 1, &ok, true), 0);
    struct sent sum = drain(&s, 1);
    assert_int_equal(sum.longest, 16384);
    assert_true(sum.frames >= 3);
    arena_fini(&a);
    buf_fini(&value);
    close_side(&s, &in);
}

/* ---- a client ---- */

static void open_client(struct side *s, const char *method, struct buf *in) {
    struct msg m = {.request = true, .scheme = STR("http"), .authority = STR("a"), .path = STR("/"), .content_length = -1};
    m.method = str_of(method);
    m.method_id = method_intern(m.method);
    side_init(s, (struct h2_cfg){0});
    frame(in, SETTINGS, 0, 0, STR(""));
    frame(in, SETTINGS, 1, 0, STR(""));
    assert_int_equal(take(s, in), 0);
    assert_int_equal(h2_request(s->h, &m, true, NULL), 1);
    drain(s, 0);
}

static void test_responses(void **state) {
    (void)state;
    static const struct {
        const char *method, *first, *data, *told;
        unsigned flags;
    } cases[] = {
        {"GET", ":status: 200\ncontent-length: 3\n", "abc", "[1 200 length:3 content-length=3][1 end][1 closed 0]", 0},
        {"GET", ":status: 200\ncontent-length: 3\n", "ab", "[1 200 length:3 content-length=3][1 closed 1]", 0},
        {"GET", ":status: 200\ncontent-length: 3\n", "abcd", "[1 200 length:3 content-length=3][1 closed 1]", 0},
        {"GET", ":status: 200\ncontent-length: 3\n", NULL, "[1 closed 1]", END_STREAM},
        {"HEAD", ":status: 200\ncontent-length: 3\n", NULL, "[1 200 length:3 content-length=3 end][1 closed 0]", END_STREAM},
        {"GET", ":status: 304\ncontent-length: 3\n", NULL, "[1 304 length:3 content-length=3 end][1 closed 0]", END_STREAM},
        {"HEAD", ":status: 200\n", "abc", "[1 200][1 closed 1]", 0},
        {"GET", ":status: 204\ncontent-length: 0\n", NULL, "[1 204 end][1 closed 0]", END_STREAM},
        {"GET", ":status: 204\ncontent-length: 1\n", NULL, "[1 closed 1]", END_STREAM},
        {"GET", ":status: 100\n", NULL, "[1 closed 1]", END_STREAM},
        {"GET", ":status: 100\n", "a", "[1 100][1 closed 1]", 0},
        {"GET", ":status: 101\n", NULL, "[1 closed 1]", END_STREAM},
        {"GET", ":status: 20\n", NULL, "[1 closed 1]", END_STREAM},
        {"GET", "x: y\n", NULL, "[1 closed 1]", END_STREAM},
        {"GET", ":status: 200\n:path: /\n", NULL, "[1 closed 1]", END_STREAM},
        {"GET", ":status: 200\nconnection: close\n", NULL, "[1 closed 1]", END_STREAM},
        {"CONNECT", ":status: 200\ncontent-length: 3\n", "abcd", "[1 200][1 end][1 closed 0]", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        open_client(&s, cases[i].method, &in);
        headers(&in, cases[i].flags, 1, cases[i].first);
        if (cases[i].data)
            frame(&in, DATA, END_STREAM, 1, str_of(cases[i].data));
        assert_int_equal(take(&s, &in), 0);
        drain(&s, 1);
        if (strcmp(text(&s), cases[i].told) != 0)
            fail_msg("%s %s: '%s'", cases[i].method, cases[i].first, text(&s));
        close_side(&s, &in);
    }
}

static void test_servers_that_break_rules(void **state) {
    (void)state;
    static const struct {
        unsigned type, flags;
        uint32_t id;
        struct str payload;
        uint32_t code;
    } cases[] = {
        {HEADERS, END_HEADERS, 3, {"\x88", 1}, H2_PROTOCOL_ERROR}, /* idle */
        {HEADERS, END_HEADERS, 2, {"\x88", 1}, H2_PROTOCOL_ERROR}, /* pushed, or opened */
        {PUSH_PROMISE, END_HEADERS, 1, {"\0\0\0\2\x88", 5}, H2_PROTOCOL_ERROR},
        {SETTINGS, 0, 0, {"\0\2\0\0\0\1", 6}, H2_PROTOCOL_ERROR}, /* ENABLE_PUSH */
        {RST_STREAM, 0, 3, {"\0\0\0\1", 4}, H2_PROTOCOL_ERROR},
        {DATA, 0, 2, {"x", 1}, H2_PROTOCOL_ERROR},
        {GOAWAY, 0, 0, {"\0\0\0\0\0\0\0", 7}, H2_FRAME_SIZE_ERROR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        open_client(&s, "GET", &in);
        frame(&in, cases[i].type, cases[i].flags, cases[i].id, cases[i].payload);
        assert_int_equal(take(&s, &in), WEFT_E_PROTOCOL);
        assert_int_equal(drain(&s, 0).goaway, 1000 + cases[i].code);
        close_side(&s, &in);
    }
}

/* DATA before the head; and the peer's limit of streams, lowered while requests wait to be sent. */
static void test_client_states(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    open_client(&s, "GET", &in);
    frame(&in, DATA, 0, 1, STR("x"));
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 1).reset, 1000 + H2_PROTOCOL_ERROR);
    struct msg m = {.request = true, .method_id = METHOD_GET, .method = STR("GET"), .path = STR("/"), .authority = STR("a")};
    for (int i = 0; i < 3; i++)
        assert_int_equal(h2_request(s.h, &m, true, NULL), 3 + 2 * i);
    setting(&in, 3, 1); /* MAX_CONCURRENT_STREAMS */
    assert_int_equal(take(&s, &in), 0);
    assert_int_equal(drain(&s, 3).frames, 4); /* the requests, which were on their way, and the ACK */
    for (uint32_t id = 3; id <= 7; id += 2) {
        assert_int_equal(h2_request(s.h, &m, true, NULL), WEFT_E_LIMIT);
        headers(&in, END_STREAM, id, ":status: 200\n");
        assert_int_equal(take(&s, &in), 0);
        assert_int_equal(drain(&s, id).frames, 0); /* it is over */
    }
    assert_int_equal(h2_open_streams(s.h), 0);
    close_side(&s, &in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_negative_window),
        cmocka_unit_test(test_connection_window),
        cmocka_unit_test(test_window_errors),
        cmocka_unit_test(test_stream_window_is_kept),
        cmocka_unit_test(test_window_before_settings),
        cmocka_unit_test(test_connection_window_is_kept),
        cmocka_unit_test(test_credit_of_what_nobody_reads),
        cmocka_unit_test(test_after_the_end),
        cmocka_unit_test(test_streams_after_goaway),
        cmocka_unit_test(test_continuation_rules),
        cmocka_unit_test(test_settings_errors),
        cmocka_unit_test(test_settings_that_do_not_fit),
        cmocka_unit_test(test_first_frame),
        cmocka_unit_test(test_answers_that_nobody_reads),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_long_heads),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_servers_that_break_rules),
        cmocka_unit_test(test_client_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
