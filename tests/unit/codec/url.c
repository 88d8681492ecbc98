// SPDX-License-Identifier: Apache-2.0
#include "codec/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof(*(array)))
#define S(lit)                                                                                                                   \
    { lit, sizeof(lit) - 1 }
#define NAME63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME253                                                                                                                  \
    NAME63 "." NAME63 "." NAME63 "."                                                                                             \
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_authority(void **state) {
    (void)state;
    static const struct {
        struct str in;
        const char *host; /* NULL: malformed */
        uint16_t port;
    } cases[] = {
        {S("a"), "a", 0},
        {S("a:80"), "a", 80},
        {S("A.b-c_d~e:1"), "A.b-c_d~e", 1},
        {S("a:65535"), "a", 65535},
        {S("a:00080"), "a", 80},
        {S("127.0.0.1:8080"), "127.0.0.1", 8080},
        {S("[::1]"), "::1", 0},
        {S("[2001:db8::1]:443"), "2001:db8::1", 443},
        {S("[::ffff:1.2.3.4]:1"), "::ffff:1.2.3.4", 1},
        {S(NAME253), NAME253, 0},
        {S(NAME253 "a"), NULL, 0},
        {S(""), NULL, 0},
        {S(":"), NULL, 0},
        {S(":80"), NULL, 0},
        {S("a:"), NULL, 0},
        {S("a:0"), NULL, 0},
        {S("a:65536"), NULL, 0},
        {S("a:000080"), NULL, 0},
        {S("a:-1"), NULL, 0},
        {S("a:+1"), NULL, 0},
        {S("a: 1"), NULL, 0},
        {S("a:1 "), NULL, 0},
        {S("a:1x"), NULL, 0},
        {S("a:b"), NULL, 0},
        {S("a:1:2"), NULL, 0},
        {S(" a"), NULL, 0},
        {S("a b"), NULL, 0},
        {S("a@b"), NULL, 0},
        {S("u:p@b"), NULL, 0},
        {S("a/b"), NULL, 0},
        {S("a?b"), NULL, 0},
        {S("a#b"), NULL, 0},
        {S("a,b"), NULL, 0},
        {S("a%41"), NULL, 0},
        {S("a\\b"), NULL, 0},
        {S("a\0b"), NULL, 0},
        {S("\xc3\xa4"), NULL, 0},
        {S("::1"), NULL, 0},
        {S("[]"), NULL, 0},
        {S("["), NULL, 0},
        {S("[::1"), NULL, 0},
        {S("[::1]a"), NULL, 0},
        {S("[::1]]"), NULL, 0},
        {S("[::1]:"), NULL, 0},
        {S("[::1%25lo]"), NULL, 0},
        {S("[1.2.3.4]"), NULL, 0},
        {S("[v1.a]"), NULL, 0},
        {S("[:\0:1]"), NULL, 0},
        {S("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"), NULL, 0},
        {S("]"), NULL, 0},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct str host = STR_NONE;
        uint16_t port = 7;
        bool ok = url_authority(cases[i].in, &host, &port);
        if (ok != (cases[i].host != NULL) || (ok && (!str_eq(host, str_of(cases[i].host)) || port != cases[i].port)))
            fail_msg("'%.*s': %d '%.*s' %u", STR_ARG(cases[i].in), ok, STR_ARG(host), port);
        assert_int_equal(url_authority(cases[i].in, NULL, NULL), ok);
    }
}

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *in, *want; /* scheme host port path authority ip; NULL: malformed */
    } cases[] = {
        {"http://a", "http a 80 / a 0"},
        {"https://a", "https a 443 / a 0"},
        {"HTTPS://A.b:8443/x?y=z", "https A.b 8443 /x?y=z A.b:8443 0"},
        {"http://[::1]:9/", "http ::1 9 / [::1]:9 1"},
        {"http://10.0.0.1/p", "http 10.0.0.1 80 /p 10.0.0.1 1"},
        {"http://10.0.0.256/p", "http 10.0.0.256 80 /p 10.0.0.256 0"},
        {"", NULL},
        {"a", NULL},
        {"/x", NULL},
        {"http:", NULL},
        {"http:/a", NULL},
        {"http://", NULL},
        {"http:///x", NULL},
        {"ftp://a/", NULL},
        {"http://u@a/", NULL},
        {"http://u:p@a/", NULL},
        {"http://a:x/", NULL},
        {"http://a:0/", NULL},
        {"http://a?x", NULL},
        {"http://a#x", NULL},
        {"http://a/#x", NULL},
        {"http://a/ b", NULL},
        {"http://a/\n", NULL},
        {"http://a b/", NULL},
        {" http://a/", NULL},
        {"http://[::1/", NULL},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct url u;
        struct err e = {0};
        int r = url_parse(&u, str_of(cases[i].in), &e);
        char text[200] = "";
        if (r == 0)
            snprintf(text, sizeof(text), "%.*s %.*s %u %.*s %.*s %d", STR_ARG(u.scheme), STR_ARG(u.host), u.port, STR_ARG(u.path),
                     STR_ARG(u.authority), u.host_is_ip);
        if (r != (cases[i].want ? 0 : WEFT_E_PARSE) || (r < 0 && !e.msg[0]) ||
            strcmp(text, cases[i].want ? cases[i].want : "") != 0)
            fail_msg("'%s': %d '%s'", cases[i].in, r, text);
    }
}

static void test_paths(void **state) {
    (void)state;
    assert_true(url_path_valid(STR("/")));
    assert_true(url_path_valid(STR("/a?b/c?d")));
    assert_true(url_path_valid(STR("//a/../%zz")));
    assert_false(url_path_valid(STR("")));
    assert_false(url_path_valid(STR("*")));
    assert_false(url_path_valid(STR("a/")));
    for (int c = 0; c < 256; c++) {
        const char path[] = {'/', 'x', (char)c};
        assert_int_equal(url_path_valid(str_n(path, 3)), c > ' ' && c < 0x7f && c != '#');
    }
    assert_true(str_eq(url_path_only(STR("/a?b?c")), STR("/a")));
    assert_true(str_eq(url_path_only(STR("/a")), STR("/a")));
    assert_true(str_eq(url_query(STR("/a?b?c")), STR("b?c")));
    assert_null(url_query(STR("/a")).ptr);
    assert_non_null(url_query(STR("/a?")).ptr);
    assert_int_equal(url_query(STR("/a?")).len, 0);
}

static void test_query(void **state) {
    (void)state;
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},
        {"a=b", "[a][b]"},
        {"a=b&c=d", "[a][b][c][d]"},
        {"a", "[a][]"},
        {"a=", "[a][]"},
        {"=b", "[][b]"},
        {"&&a=b&", "[a][b]"},
        {"a=b=c", "[a][b=c]"},
        {"a+b=c%20d%2B", "[a b][c d+]"},
        {"a=%zz&b=%4", "[a][%zz][b][%4]"},
        {"a=%00", "[a][%00]"},
        {"%61=%C3%A4", "[a][\xc3\xa4]"},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct arena a = {0};
        struct str rest = str_of(cases[i].in), k, v;
        char text[100] = "";
        size_t n = 0;
        while (url_query_next(&rest, &a, &k, &v))
            n += (size_t)snprintf(text + n, sizeof(text) - n, "[%.*s][%.*s]", STR_ARG(k), STR_ARG(v));
        assert_string_equal(text, cases[i].want);
        arena_fini(&a);
    }
}

static void test_escapes(void **state) {
    (void)state;
    struct arena a = {0};
    struct str out;
    char all[256];
    for (int c = 0; c < 256; c++)
        all[c] = (char)c;
    struct str enc = url_encode(str_n(all + 1, 255), &a);
    for (size_t i = 0; i < enc.len; i++)
        assert_non_null(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%", enc.ptr[i], 67));
    assert_true(url_decode(enc, &a, &out));
    assert_true(str_eq(out, str_n(all + 1, 255)));
    assert_true(str_eq(url_encode(STR("a b/\xff"), &a), STR("a%20b%2F%FF")));
    assert_true(url_decode(STR("a+b"), &a, &out));
    assert_true(str_eq(out, STR("a+b")));
    assert_true(url_decode(STR("%aF"), &a, &out));
    assert_true(str_eq(out, STR("\xaf")));
    static const char *const bad[] = {"%", "%1", "a%", "%g0", "%0g", "%00", "%%41", "%-1", "% 1"};
    for (size_t i = 0; i < N(bad); i++)
        assert_false(url_decode(str_of(bad[i]), &a, &out));
    arena_fini(&a);
}

static const struct {
    const char *in, *unescaped, *normal, *merged;
} forms[] = {
    {"/a/b?c", "/a/b?c", "/a/b?c", "/a/b?c"},
    {"/a%2fb%5Cc%2e?%2f", "/a/b\\c%2e?%2f", "/a%2fb%5Cc.?%2f", "/a%2fb%5Cc%2e?%2f"},
    {"/a//b///c?//", "/a//b///c?//", "/a//b///c?//", "/a/b/c?//"},
    {"/a/./b/../c", "/a/./b/../c", "/a/c", "/a/./b/../c"},
    {"/..", "/..", "/", "/.."},
    {"/../../a", "/../../a", "/a", "/../../a"},
    {"/a/b/..", "/a/b/..", "/a/", "/a/b/.."},
    {"/a/.", "/a/.", "/a/", "/a/."},
    {"/a/%2e%2E/b", "/a/%2e%2E/b", "/b", "/a/%2e%2E/b"},
    {"/a\\..\\b", "/a\\..\\b", "/b", "/a\\..\\b"},
    {"/a/...", "/a/...", "/a/...", "/a/..."},
    {"/a//../b", "/a//../b", "/a/b", "/a/../b"},
    {"/%7eu/%C3%a9", "/%7eu/%C3%a9", "/~u/%C3%a9", "/%7eu/%C3%a9"},
    {"/?/../x", "/?/../x", "/?/../x", "/?/../x"},
    {"*", "*", "*", "*"},
    {"/%", "/%", NULL, "/%"},
    {"/%0g", "/%0g", NULL, "/%0g"},
    {"/a%00", "/a%00", NULL, "/a%00"},
};

static void test_normal_forms(void **state) {
    struct arena a = {0};
    for (size_t i = 0; i < N(forms); i++) {
        struct str in = str_of(forms[i].in), normal = url_normal(in, &a);
        if (!str_eq(url_unescape_slashes(in, &a), str_of(forms[i].unescaped)) || !normal.ptr != !forms[i].normal ||
            !str_eq(normal, str_of(forms[i].normal)) || !str_eq(url_merge_slashes(in, &a), str_of(forms[i].merged)))
            fail_msg("%s", forms[i].in);
    }
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authority), cmocka_unit_test(test_parse),   cmocka_unit_test(test_paths),
        cmocka_unit_test(test_query),     cmocka_unit_test(test_escapes), cmocka_unit_test(test_normal_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
