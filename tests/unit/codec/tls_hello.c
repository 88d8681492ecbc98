// SPDX-License-Identifier: Apache-2.0
#include "codec/tls_hello.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"

static void number(struct buf *b, unsigned octets, size_t v) {
    while (octets--)
        buf_addc(b, (char)(v >> 8 * octets));
}

static void vector(struct buf *b, unsigned octets, struct str s) {
    number(b, octets, s.len);
    buf_add(b, s);
}

static void extension(struct buf *b, unsigned type, struct str body) {
    number(b, 2, type);
    vector(b, 2, body);
}

/* server_name with one host name; ALPN with two protocols. */
static void sni(struct buf *b, const char *name) {
    struct buf list = {0}, body = {0};
    number(&list, 1, 0);
    vector(&list, 2, str_of(name));
    vector(&body, 2, buf_str(&list));
    extension(b, 0, buf_str(&body));
    buf_fini(&list);
    buf_fini(&body);
}

static void alpn(struct buf *b) {
    extension(b, 16, STR("\0\x0c\x02h2\x08http/1.1"));
}

/* A ClientHello message around the extensions. */
static void message(struct buf *m, struct str extensions) {
    struct buf body = {0};
    char random[32] = {7};
    number(&body, 2, 0x0303);
    buf_add(&body, str_n(random, 32));
    vector(&body, 1, STR("session"));
    vector(&body, 2, STR("\x13\x01\x0a\x0a"));
    vector(&body, 1, STR("\0"));
    vector(&body, 2, extensions);
    number(m, 1, 1);
    vector(m, 3, buf_str(&body));
    buf_fini(&body);
}

/* In records of at most `each` octets. */
static void records(struct buf *out, struct str m, size_t each) {
    while (m.len) {
        struct str part = str_first(m, each);
        number(out, 1, 22);
        number(out, 2, 0x0301);
        vector(out, 2, part);
        m = str_from(m, part.len);
    }
}

static struct str make(struct arena *a, void (*fill)(struct buf *b), size_t each) {
    struct buf ext = {0}, m = {0}, out = {0};
    fill(&ext);
    message(&m, buf_str(&ext));
    records(&out, buf_str(&m), each);
    struct str s = arena_dup(a, buf_str(&out));
    buf_fini(&ext);
    buf_fini(&m);
    buf_fini(&out);
    return s;
}

static void usual(struct buf *b) {
    extension(b, 0x1a1a, STR("")); /* GREASE */
    sni(b, "A.Example.com");
    extension(b, 43, STR("\x02\x03\x04"));
    alpn(b);
    extension(b, 0xfafa, STR("\0")); /* GREASE */
}
static void nothing(struct buf *b) {
}
static void an_address(struct buf *b) {
    sni(b, "::1");
}
static void dot(struct buf *b) {
    sni(b, "a.test.");
}
static void twice(struct buf *b) {
    sni(b, "a");
    sni(b, "b");
}
static void bad_alpn(struct buf *b) {
    extension(b, 16, STR("\0\x04\x02h2"));
}
static void empty_name(struct buf *b) {
    sni(b, "");
}
static void cut_extension(struct buf *b) {
    number(b, 2, 5);
    number(b, 2, 9);
}

static int parse(struct tls_hello *h, struct str in, struct arena *a) {
    struct err e = {0};
    return tls_hello_parse(h, in, a, &e);
}

static void in_any_pieces(void **state) {
    struct arena a = {0};
    struct tls_hello h;
    for (size_t each = 1; each < 200; each += 13) {
        struct str in = make(&a, usual, each);
        for (size_t n = 0; n < in.len; n++)
            assert_int_equal(parse(&h, str_first(in, n), &a), 0);
        assert_int_equal(parse(&h, in, &a), 1);
        assert_true(str_eq(h.server_name, STR("a.example.com")));
        assert_int_equal(h.n_protocols, 2);
        assert_true(str_eq(h.protocols[0], STR("h2")) && str_eq(h.protocols[1], STR("http/1.1")));
    }
    arena_fini(&a);
}

static void what_follows_is_none_of_it(void **state) {
    struct arena a = {0};
    struct tls_hello h;
    struct str in = arena_fmt(&a, STR_FMT, STR_ARG(STR("")));
    struct buf b = {0};
    buf_add(&b, make(&a, usual, 1000));
    buf_add(&b, STR("\x14\x03\x03\0\x01\x01\x17\x03\x03")); /* early data */
    in = buf_str(&b);
    assert_int_equal(parse(&h, in, &a), 1);
    buf_fini(&b);
    arena_fini(&a);
}

static void names(void **state) {
    static const struct {
        void (*fill)(struct buf *b);
        int want;
        const char *name;
    } rows[] = {{nothing, 1, ""},
                {an_address, 1, ""},
                {dot, 1, "a.test"},
                {twice, WEFT_E_PARSE, ""},
                {bad_alpn, WEFT_E_PARSE, ""},
                {empty_name, WEFT_E_PARSE, ""},
                {cut_extension, WEFT_E_PARSE, ""}};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_hello h;
        assert_int_equal(parse(&h, make(&a, rows[i].fill, 1000), &a), rows[i].want);
        if (rows[i].want == 1)
            assert_true(str_eq(h.server_name, str_of(rows[i].name)));
    }
    arena_fini(&a);
}

static void other_things(void **state) {
    static const struct {
        const char *in;
        size_t len;
        int want;
    } rows[] = {{"", 0, 0},
                {"GET /", 5, WEFT_E_PARSE},
                {"\x16", 1, 0},
                {"\x16\x02\x01", 3, WEFT_E_PARSE},
                {"\x16\x03\x01\0\0", 5, WEFT_E_PARSE},             /* an empty record */
                {"\x16\x03\x01\x40\x01", 5, WEFT_E_PARSE},         /* 16,385 octets */
                {"\x16\x03\x01\0\x04\x02\0\0\0", 9, WEFT_E_PARSE}, /* a ServerHello */
                {"\x16\x03\x01\0\x04\x01\xff\xff\xff", 9, WEFT_E_TOO_LARGE},
                {"\x16\x03\x01\0\x05\x01\0\0\0z", 10, WEFT_E_PARSE}, /* something behind an empty one */
                {"\x16\x03\x01\0\x02\x01\0\x17\x03", 9, WEFT_E_PARSE}};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_hello h;
        if (parse(&h, str_n(rows[i].in, rows[i].len), &a) != rows[i].want)
            fail_msg("row %zu", i);
    }
    arena_fini(&a);
}

static void bounded(void **state) {
    struct arena a = {0};
    struct tls_hello h;
    struct buf m = {0}, out = {0};
    char zeros[TLS_HELLO_MAX] = {0};
    number(&m, 1, 1);
    number(&m, 3, TLS_HELLO_MAX - 4);
    buf_add(&m, str_n(zeros, sizeof zeros));
    records(&out, buf_str(&m), 1); /* a sixth of it in the octets that may be needed */
    assert_int_equal(parse(&h, str_first(buf_str(&out), TLS_HELLO_MAX - 1), &a), 0);
    assert_int_equal(parse(&h, str_first(buf_str(&out), TLS_HELLO_MAX), &a), WEFT_E_TOO_LARGE);
    buf_fini(&m);
    buf_fini(&out);
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_any_pieces), cmocka_unit_test(what_follows_is_none_of_it),
                                       cmocka_unit_test(names), cmocka_unit_test(other_things), cmocka_unit_test(bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
