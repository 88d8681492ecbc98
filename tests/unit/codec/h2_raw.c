// SPDX-License-Identifier: Apache-2.0
/* A server session and raw frames, most of which no honest peer sends; and floods. */
#include "codec/h2_guard.h"
#include "h2_wire.h"

/* Looks for a frame of that type on that stream in what was sent; its first payload octets (32 bits) go to *word. */
static bool sent_frame(struct side *s, unsigned type, uint32_t id, uint32_t *word) {
    struct buf wire = {0};
    bool found = false;
    assert_int_equal(h2_send(s->h, &wire, 1 << 20, NULL), 0);
    struct str in = buf_str(&wire);
    while (in.len >= 9 && !found) {
        const uint8_t *p = (const uint8_t *)in.ptr;
        size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        uint32_t sid = (uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
        const uint8_t *w = p + 9 + (type == GOAWAY ? 4 : 0);
        found = p[3] == type && sid == id;
        if (found && len >= 4)
            *word = (uint32_t)w[0] << 24 | (uint32_t)w[1] << 16 | (uint32_t)w[2] << 8 | w[3];
        in = str_from(in, 9 + len);
    }
    buf_fini(&wire);
    return found;
}

static const struct {
    const char *what, *lines;
    const char *told; /* NULL: the stream is reset with PROTOCOL_ERROR and nothing is told */
} heads[] = {
    {"plain", GOOD, "[1 GET http://a/ end]"},
    {"https", ":method: GET\n:scheme: https\n:path: /\n:authority: a:8443\n", "[1 GET https://a:8443/ end]"},
    {"host instead of authority", ":method: GET\n:scheme: http\n:path: /\nhost: b:1\n", "[1 GET http://b:1/ end]"},
    {"host equals authority", GOOD "host: A\n", "[1 GET http://a/ end]"},
    {"options star", ":method: OPTIONS\n:scheme: http\n:path: *\n:authority: a\n", "[1 OPTIONS http://a* end]"},
    {"te trailers", GOOD "te: trailers\n", "[1 GET http://a/ te=trailers end]"},
    {"content-length 0", GOOD "content-length: 0\n", "[1 GET http://a/ length:0 content-length=0 end]"},
    {"empty value", GOOD "x: \n", "[1 GET http://a/ x= end]"},
    {"host differs", GOOD "host: b\n", NULL},
    {"two hosts", ":method: GET\n:scheme: http\n:path: /\nhost: b\nhost: b\n", NULL},
    {"no authority at all", ":method: GET\n:scheme: http\n:path: /\n", NULL},
    {"empty authority", ":method: GET\n:scheme: http\n:path: /\n:authority: \n", NULL},
    {"userinfo", ":method: GET\n:scheme: http\n:path: /\n:authority: u@a\n", NULL},
    {"authority with a path", ":method: GET\n:scheme: http\n:path: /\n:authority: a/b\n", NULL},
    {"bad host", ":method: GET\n:scheme: http\n:path: /\nhost: a b\n", NULL},
    {"no method", ":scheme: http\n:path: /\n:authority: a\n", NULL},
    {"no scheme", ":method: GET\n:path: /\n:authority: a\n", NULL},
    {"no path", ":method: GET\n:scheme: http\n:authority: a\n", NULL},
    {"empty path", ":method: GET\n:scheme: http\n:path: \n:authority: a\n", NULL},
    {"relative path", ":method: GET\n:scheme: http\n:path: x\n:authority: a\n", NULL},
    {"star without OPTIONS", ":method: GET\n:scheme: http\n:path: *\n:authority: a\n", NULL},
    {"space in path", ":method: GET\n:scheme: http\n:path: /a b\n:authority: a\n", NULL},
    {"fragment", ":method: GET\n:scheme: http\n:path: /a#b\n:authority: a\n", NULL},
    {"high octet in path", ":method: GET\n:scheme: http\n:path: /\x80\n:authority: a\n", NULL},
    {"absolute form in path", ":method: GET\n:scheme: http\n:path: http://b/\n:authority: a\n", NULL},
    {"other scheme", ":method: GET\n:scheme: ftp\n:path: /\n:authority: a\n", NULL},
    {"method with a space", ":method: G T\n:scheme: http\n:path: /\n:authority: a\n", NULL},
    {"request line in method", ":method: GET / HTTP/1.1\n:scheme: http\n:path: /\n:authority: a\n", NULL},
    {"twice :path", GOOD ":path: /b\n", NULL},
    {"unknown pseudo", GOOD ":x: y\n", NULL},
    {"status in a request", GOOD ":status: 200\n", NULL},
    {"pseudo after field", ":method: GET\n:scheme: http\n:path: /\nx: y\n:authority: a\n", NULL},
    {"upper case name", GOOD "X-A: b\n", NULL},
    {"connection", GOOD "connection: close\n", NULL},
    {"keep-alive", GOOD "keep-alive: 1\n", NULL},
    {"proxy-connection", GOOD "proxy-connection: close\n", NULL},
    {"transfer-encoding", GOOD "transfer-encoding: chunked\n", NULL},
    {"upgrade", GOOD "upgrade: h2c\n", NULL},
    {"te other", GOOD "te: gzip\n", NULL},
    {"name with a space", GOOD "a b: c\n", NULL},
    {"name with a colon", GOOD "a:b: c\n", NULL},
    {"CR in a value", GOOD "x: a\rb\n", NULL},
    {"leading space", GOOD "x:  a\n", NULL},
    {"trailing space", GOOD "x: a \n", NULL},
    {"DEL in a value", GOOD "x: a\x7f\n", NULL},
    {"content-length and no body", GOOD "content-length: 3\n", NULL},
    {"content-length list", GOOD "content-length: 0, 0\n", NULL},
    {"content-length twice", GOOD "content-length: 0\ncontent-length: 0\n", NULL},
    {"content-length sign", GOOD "content-length: +0\n", NULL},
    {"content-length empty", GOOD "content-length: \n", NULL},
    {"connect with a path", ":method: CONNECT\n:path: /\n:authority: a:1\n", NULL},
    {"connect with a scheme", ":method: CONNECT\n:scheme: http\n:authority: a:1\n", NULL},
    {"connect without a port", ":method: CONNECT\n:authority: a\n", NULL},
    {"protocol when not announced", ":method: CONNECT\n:protocol: websocket\n:scheme: http\n:path: /\n:authority: a\n", NULL},
};

static void test_heads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        headers(&in, END_STREAM, 1, heads[i].lines);
        int r = h2_recv(s.h, buf_str(&in), NULL);
        bool reset = sent_frame(&s, RST_STREAM, 1, &code);
        const char *want = heads[i].told ? heads[i].told : "";
        if (r != 0 || reset != !heads[i].told || strcmp(text(&s), want) != 0 || (reset && code != H2_PROTOCOL_ERROR))
            fail_msg("%s: recv %d, reset %d (%u), told '%s'", heads[i].what, r, reset, code, text(&s));
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_invalid_control_octets(void **state) {
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        struct side s;
        struct buf in = {0}, h = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        block(&h, GOOD);
        const char field[] = {0, 1, 'x', 3, 'a', (char)c, 'b'};
        buf_add(&h, str_n(field, sizeof(field)));
        frame(&in, HEADERS, END_STREAM | END_HEADERS, 1, buf_str(&h));
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), 0);
        assert_int_equal(sent_frame(&s, RST_STREAM, 1, &code), c != '\t');
        assert_int_equal(s.log.len == 0, c != '\t');
        buf_fini(&h);
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_body_must_fit_length(void **state) {
    (void)state;
    static const struct {
        const char *length, *data;
        bool ok;
    } cases[] = {{"3", "abc", true}, {"3", "ab", false}, {"3", "abcd", false}, {"0", "a", false}, {"4", "", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        char lines[200];
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        snprintf(lines, sizeof(lines), GOOD "content-length: %s\n", cases[i].length);
        headers(&in, 0, 1, lines);
        frame(&in, DATA, END_STREAM, 1, str_of(cases[i].data));
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), 0);
        assert_int_equal(sent_frame(&s, RST_STREAM, 1, &code), !cases[i].ok);
        assert_int_equal(strstr(text(&s), "[1 end]") != NULL, cases[i].ok);
        if (!cases[i].ok)
            assert_non_null(strstr(text(&s), "[1 closed 1]"));
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_trailers(void **state) {
    (void)state;
    static const struct {
        const char *lines, *told;
        unsigned flags;
    } cases[] = {
        {"x: y\ngrpc-status: 0\nauthorization: a\ncookie: b\n", "[1 end trailers x=y grpc-status=0]", END_STREAM},
        {"authorization: a\n", "[1 end]", END_STREAM},
        {":path: /\n", "[1 closed 1]", END_STREAM},
        {"x: y\n", "[1 closed 1]", 0},
        {"x: y\x01\n", "[1 closed 1]", END_STREAM},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        headers(&in, 0, 1, GOOD);
        frame(&in, DATA, 0, 1, STR("x"));
        headers(&in, cases[i].flags, 1, cases[i].lines);
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), 0);
        sent_frame(&s, RST_STREAM, 1, &code);
        assert_string_equal(text(&s) + strlen("[1 GET http://a/]"), cases[i].told);
        buf_fini(&in);
        side_fini(&s);
    }
}

/* Frames that end the connection: a GOAWAY with that code, and then h2_done or an error. */
static void test_broken_connections(void **state) {
    (void)state;
    static const struct {
        const char *what;
        unsigned type, flags;
        uint32_t id, code;
        struct str payload;
    } cases[] = {
        {"DATA on stream 0", DATA, 0, 0, H2_PROTOCOL_ERROR, {"x", 1}},
        {"DATA on an idle stream", DATA, 0, 9, H2_PROTOCOL_ERROR, {"x", 1}},
        {"HEADERS on stream 0", HEADERS, END_HEADERS, 0, H2_PROTOCOL_ERROR, {"\x82", 1}},
        {"HEADERS on an even stream", HEADERS, END_HEADERS, 2, H2_PROTOCOL_ERROR, {"\x82", 1}},
        {"bad HPACK index", HEADERS, END_HEADERS, 1, H2_COMPRESSION_ERROR, {"\xff\xff\xff\x7f", 4}},
        {"HPACK cut short", HEADERS, END_HEADERS, 1, H2_COMPRESSION_ERROR, {"\x00\x05x", 3}},
        {"RST_STREAM on an idle stream", RST_STREAM, 0, 7, H2_PROTOCOL_ERROR, {"\0\0\0\1", 4}},
        {"RST_STREAM of 3 octets", RST_STREAM, 0, 1, H2_FRAME_SIZE_ERROR, {"\0\0\0", 3}},
        {"SETTINGS on a stream", SETTINGS, 0, 1, H2_PROTOCOL_ERROR, {"", 0}},
        {"SETTINGS of 5 octets", SETTINGS, 0, 0, H2_FRAME_SIZE_ERROR, {"\0\0\0\0\0", 5}},
        {"SETTINGS ACK with payload", SETTINGS, 1, 0, H2_FRAME_SIZE_ERROR, {"\0\1\0\0\0\0", 6}},
        {"SETTINGS window too large", SETTINGS, 0, 0, H2_FLOW_CONTROL_ERROR, {"\0\4\xff\xff\xff\xff", 6}},
        {"PRIORITY on stream 0", PRIORITY, 0, 0, H2_PROTOCOL_ERROR, {"\0\0\0\1\0", 5}},
        {"PUSH_PROMISE from a client", PUSH_PROMISE, END_HEADERS, 1, H2_PROTOCOL_ERROR, {"\0\0\0\2", 4}},
        {"PING of 7 octets", PING, 0, 0, H2_FRAME_SIZE_ERROR, {"1234567", 7}},
        {"PING on a stream", PING, 0, 1, H2_PROTOCOL_ERROR, {"12345678", 8}},
        {"WINDOW_UPDATE of 0", WINDOW_UPDATE, 0, 0, H2_PROTOCOL_ERROR, {"\0\0\0\0", 4}},
        {"WINDOW_UPDATE overflow", WINDOW_UPDATE, 0, 0, H2_FLOW_CONTROL_ERROR, {"\x7f\xff\xff\xff", 4}},
        {"CONTINUATION out of nowhere", CONTINUATION, END_HEADERS, 1, H2_PROTOCOL_ERROR, {"", 0}},
        {"padding longer than the frame", HEADERS, END_HEADERS | PADDED, 1, H2_PROTOCOL_ERROR, {"\x09\x82", 2}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        frame(&in, cases[i].type, cases[i].flags, cases[i].id, cases[i].payload);
        int r = h2_recv(s.h, buf_str(&in), NULL);
        if (!sent_frame(&s, GOAWAY, 0, &code) || code != cases[i].code || !(r < 0 || h2_done(s.h)) || s.log.len)
            fail_msg("%s: recv %d, GOAWAY %u, done %d, told '%s'", cases[i].what, r, code, h2_done(s.h), text(&s));
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_frame_too_long(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0};
    uint32_t code = 0;
    side_init(&s, (struct h2_cfg){.server = true});
    hello(&in);
    buf_add(&in, str_n("\x00\x40\x01\x00\x00\x00\x00\x00\x01", 9)); /* 16,385 octets */
    int r = h2_recv(s.h, buf_str(&in), NULL);
    assert_true(sent_frame(&s, GOAWAY, 0, &code));
    assert_int_equal(code, H2_FRAME_SIZE_ERROR);
    assert_true(r < 0 || h2_done(s.h));
    buf_fini(&in);
    side_fini(&s);
}

static void test_bad_preface(void **state) {
    (void)state;
    struct side s;
    struct err e;
    side_init(&s, (struct h2_cfg){.server = true});
    assert_int_equal(h2_recv(s.h, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &e), WEFT_E_PROTOCOL);
    assert_int_equal(h2_recv(s.h, STR(""), &e), WEFT_E_PROTOCOL); /* and stays so */
    assert_non_null(strstr(e.msg, "HTTP/2"));
    side_fini(&s);
}

/* More octets than the window allows. */
static void test_peer_breaks_window(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0}, big = {0};
    side_init(&s, (struct h2_cfg){.server = true, .stream_window = 65535});
    s.hold = true;
    hello(&in);
    headers(&in, 0, 1, GOOD);
    fill(&big, 16384);
    for (int i = 0; i < 5; i++)
        frame(&in, DATA, 0, 1, buf_str(&big));
    int r = h2_recv(s.h, buf_str(&in), NULL);
    assert_in_range(s.body.len, 1, 65536); /* nghttp2 tells the frame that breaks it, and no further one */
    struct buf wire = {0};
    assert_int_equal(h2_send(s.h, &wire, 1 << 20, NULL), 0);
    assert_true(r < 0 || h2_done(s.h) || strstr(text(&s), "closed 3") != NULL);
    buf_fini(&wire);
    buf_fini(&big);
    buf_fini(&in);
    side_fini(&s);
}

/* ---- floods ---- */

static void flood(const char *what, const struct buf *unit, unsigned fits, unsigned breaks) {
    struct side s;
    struct buf in = {0};
    struct err e;
    side_init(&s, (struct h2_cfg){.server = true});
    h2_tick(s.h, 1);
    hello(&in);
    headers(&in, 0, 1, GOOD);
    assert_int_equal(h2_recv(s.h, buf_str(&in), &e), 0);
    unsigned n = 0;
    int r = 0;
    for (; n < breaks && r == 0; n++) {
        struct buf out = {0};
        r = h2_recv(s.h, buf_str(unit), &e);
        assert_int_equal(h2_send(s.h, &out, 1 << 20, NULL), 0);
        buf_fini(&out);
    }
    if (r != WEFT_E_LIMIT || n <= fits)
        fail_msg("%s: %d after %u", what, r, n);
    assert_true(h2_done(s.h));
    buf_fini(&in);
    side_fini(&s);
}

static void test_floods(void **state) {
    (void)state;
    static const struct {
        const char *what;
        unsigned type, flags;
        uint32_t id;
        struct str payload;
    } cases[] = {
        {"SETTINGS", SETTINGS, 0, 0, {"", 0}},
        {"PING", PING, 0, 0, {"12345678", 8}},
        {"PING ACK", PING, 1, 0, {"12345678", 8}},
        {"PRIORITY", PRIORITY, 0, 3, {"\0\0\0\0\1", 5}},
        {"WINDOW_UPDATE", WINDOW_UPDATE, 0, 0, {"\0\0\0\1", 4}},
        {"empty DATA", DATA, 0, 1, {"", 0}},
        {"padded empty DATA", DATA, PADDED, 1, {"\1\0", 2}},
        {"unknown type", 0xfa, 0, 1, {"abc", 3}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf unit = {0};
        frame(&unit, cases[i].type, cases[i].flags, cases[i].id, cases[i].payload);
        flood(cases[i].what, &unit, 900, 1100);
        buf_fini(&unit);
    }
}

/* Rapid reset, and its mirror, where the peer makes us reset: both end the connection, but 200 a second are let through for ever.
 */
static void reset_flood(bool provoke, uint64_t step_us, unsigned n, bool breaks) {
    struct side s;
    struct buf in = {0};
    struct err e;
    int r = 0;
    uint64_t now = 1000;
    side_init(&s, (struct h2_cfg){.server = true});
    hello(&in);
    assert_int_equal(h2_recv(s.h, buf_str(&in), &e), 0);
    for (uint32_t i = 0; i < n && r == 0; i++, now += step_us) {
        struct buf unit = {0}, out = {0};
        h2_tick(s.h, now);
        headers(&unit, END_STREAM, 2 * i + 1, provoke ? GOOD "te: gzip\n" : GOOD);
        if (!provoke)
            frame(&unit, RST_STREAM, 0, 2 * i + 1, STR("\0\0\0\x08"));
        r = h2_recv(s.h, buf_str(&unit), &e);
        assert_int_equal(h2_send(s.h, &out, 1 << 20, NULL), 0);
        buf_fini(&unit);
        buf_fini(&out);
    }
    assert_int_equal(r, breaks ? WEFT_E_LIMIT : 0);
    buf_fini(&in);
    side_fini(&s);
}

static void test_reset_floods(void **state) {
    (void)state;
    for (int provoke = 0; provoke < 2; provoke++) {
        reset_flood(provoke, 0, 290, false);
        reset_flood(provoke, 0, 310, true);
        reset_flood(provoke, 5000, 3000, false);
        reset_flood(provoke, 2500, 3000, true);
    }
}

static void test_continuation_flood(void **state) {
    (void)state;
    struct side s;
    struct buf in = {0}, part = {0};
    struct err e;
    side_init(&s, (struct h2_cfg){.server = true});
    hello(&in);
    struct buf b = {0};
    block(&b, GOOD);
    frame(&in, HEADERS, 0, 1, buf_str(&b));
    int r = h2_recv(s.h, buf_str(&in), &e);
    for (int i = 0; i < 1000; i++)
        block(&part, "x-filler: 0123456789\n");
    struct buf unit = {0};
    frame(&unit, CONTINUATION, 0, 1, str_first(buf_str(&part), 16384));
    unsigned n = 0;
    for (; n < 100 && r == 0 && !h2_done(s.h); n++) {
        struct buf out = {0};
        r = h2_recv(s.h, buf_str(&unit), &e);
        assert_int_equal(h2_send(s.h, &out, 1 << 20, NULL), 0);
        buf_fini(&out);
    }
    assert_true(n < 30);
    assert_int_equal(s.log.len, 0);
    buf_fini(&unit);
    buf_fini(&b);
    buf_fini(&part);
    buf_fini(&in);
    side_fini(&s);
}

/* Frames are counted once, however the input is cut: four that steer (SETTINGS among them) and three resets are in it. */
static void test_guard_is_split_proof(void **state) {
    (void)state;
    static const struct {
        uint32_t control, resets;
        int r;
    } cases[] = {{4, 3, 0}, {3, 3, WEFT_E_LIMIT}, {4, 2, WEFT_E_LIMIT}};
    struct buf in = {0};
    hello(&in);
    headers(&in, 0, 1, GOOD);
    for (int i = 0; i < 3; i++) {
        frame(&in, PING, 0, 0, STR("12345678"));
        frame(&in, DATA, 0, 1, STR("xyz"));
        frame(&in, RST_STREAM, 0, 1, STR("\0\0\0\0"));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (size_t cut = 1; cut < in.len; cut++) {
            struct side s;
            side_init(&s, (struct h2_cfg){.server = true, .control_frames = cases[i].control, .resets = cases[i].resets});
            int first = h2_recv(s.h, str_first(buf_str(&in), cut), NULL),
                second = h2_recv(s.h, str_from(buf_str(&in), cut), NULL);
            assert_true(first == 0 || first == cases[i].r);
            assert_int_equal(second, cases[i].r);
            side_fini(&s);
        }
    buf_fini(&in);
}

/* RFC 9113 §5.1.1: a stream that was skipped is closed. */
static void test_skipped_stream(void **state) {
    (void)state;
    static const struct {
        uint32_t ids[4];
        bool fine;
    } cases[] = {{{1, 3, 5, 7}, true}, {{5, 9, 11, 101}, true}, {{5, 3}, false},
                 {{1, 7, 3}, false},   {{1, 7, 9, 5}, false},   {{3, 1}, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct side s;
        struct buf in = {0};
        uint32_t code = 0;
        side_init(&s, (struct h2_cfg){.server = true});
        hello(&in);
        for (int k = 0; k < 4 && cases[i].ids[k]; k++)
            headers(&in, END_STREAM, cases[i].ids[k], GOOD);
        assert_int_equal(h2_recv(s.h, buf_str(&in), NULL), cases[i].fine ? 0 : WEFT_E_PROTOCOL);
        assert_int_equal(sent_frame(&s, GOAWAY, 0, &code), !cases[i].fine);
        assert_int_equal(code, cases[i].fine ? 0 : H2_PROTOCOL_ERROR);
        buf_fini(&in);
        side_fini(&s);
    }
}

static void test_guard_refills(void **state) {
    (void)state;
    struct h2_guard g;
    h2_guard_init(&g, &(struct h2_guard_cfg){true, 1000, 1000, 300});
    uint32_t control = g.control, resets = g.resets;
    h2_guard_tick(&g, 1000000);
    for (uint32_t i = 0; i < control; i++)
        assert_int_equal(h2_guard_control(&g, NULL), 0);
    for (uint32_t i = 0; i < resets; i++)
        assert_int_equal(h2_guard_reset(&g, NULL), 0);
    assert_int_equal(h2_guard_control(&g, NULL), WEFT_E_LIMIT);
    assert_int_equal(h2_guard_reset(&g, NULL), WEFT_E_LIMIT);
    for (uint64_t t = 1000001; t <= 1100000; t++) /* many small steps lose nothing */
        h2_guard_tick(&g, t);
    assert_int_equal(g.control, 100);
    assert_int_equal(g.resets, 30);
    h2_guard_tick(&g, 1); /* a clock that goes back is no disaster */
    h2_guard_tick(&g, UINT64_MAX);
    assert_int_equal(g.control, control);
    assert_int_equal(g.resets, resets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_invalid_control_octets),
        cmocka_unit_test(test_body_must_fit_length),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_broken_connections),
        cmocka_unit_test(test_frame_too_long),
        cmocka_unit_test(test_bad_preface),
        cmocka_unit_test(test_peer_breaks_window),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_reset_floods),
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_guard_is_split_proof),
        cmocka_unit_test(test_skipped_stream),
        cmocka_unit_test(test_guard_refills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
