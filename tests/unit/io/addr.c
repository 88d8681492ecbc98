// SPDX-License-Identifier: Apache-2.0
#include "io/addr.h"
#include "base/err.h"
#include "pump.h"

static void round_trips(void **state) {
    static const char *const same[] = {"127.0.0.1:8080",    "0.0.0.0:0",          "255.255.255.255:65535", "[::1]:80",
                                       "[2001:db8::7]:443", "[::ffff:1.2.3.4]:1", "unix:/run/weft.sock",   "unix:relative"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct addr a, again;
        char text[ADDR_TEXT];
        assert_int_equal(addr_parse(&a, str_of(same[i]), NULL), 0);
        assert_string_equal(addr_text(&a, text), same[i]);
        assert_int_equal(addr_parse(&again, str_of(text), NULL), 0);
        assert_true(addr_eq(&a, &again));
    }
    struct addr a;
    char text[ADDR_TEXT];
    assert_int_equal(addr_parse(&a, STR("localhost:99"), NULL), 0);
    assert_string_equal(addr_text(&a, text), "127.0.0.1:99");
    assert_int_equal(addr_parse(&a, STR("[0:0::0001]:0099"), NULL), 0);
    assert_string_equal(addr_text(&a, text), "[::1]:99");
}

static void refused_texts(void **state) {
    static const struct str bad[] = {STR(""),
                                     STR(":"),
                                     STR(":80"),
                                     STR("1.2.3.4"),
                                     STR("1.2.3.4:"),
                                     STR("1.2.3.4:65536"),
                                     STR("1.2.3.4:-1"),
                                     STR("1.2.3.4:80x"),
                                     STR("1.2.3:80"),
                                     STR("1.2.3.4.5:80"),
                                     STR("01.2.3.256:1"),
                                     STR("::1:80"),
                                     STR("[::1]"),
                                     STR("[::1]80"),
                                     STR("[1.2.3.4]:80"),
                                     STR("[]:80"),
                                     STR("[:80"),
                                     STR("example.com:80"),
                                     STR("unix:"),
                                     STR("[fe80::1%eth0]:80"),
                                     STR("1.2.3.4\0:80"),
                                     STR("unix:/a\0b"),
                                     STR("localhost"),
                                     STR("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:80")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct addr a;
        struct err e = {0};
        assert_int_equal(addr_parse(&a, bad[i], &e), WEFT_E_INVALID);
        assert_int_equal(a.len, 0);
        assert_true(e.msg[0] != 0);
    }
    char path[200];
    memset(path, 'a', sizeof path);
    memcpy(path, "unix:", 5);
    struct addr a;
    char text[ADDR_TEXT];
    assert_int_equal(addr_parse(&a, str_n(path, 5 + 107), NULL), 0);
    assert_int_equal(strlen(addr_text(&a, text)), 112);
    assert_int_equal(addr_parse(&a, str_n(path, 5 + 108), NULL), WEFT_E_INVALID);
}

static void parts(void **state) {
    struct addr a, b;
    char text[ADDR_TEXT];
    assert_int_equal(addr_ip(&a, STR("10.0.0.1"), 80, NULL), 0);
    assert_string_equal(addr_ip_text(&a, text), "10.0.0.1");
    assert_int_equal(addr_port(&a), 80);
    b = a;
    addr_set_port(&b, 81);
    assert_int_equal(addr_port(&b), 81);
    assert_false(addr_eq(&a, &b));
    assert_int_equal(addr_ip(&a, STR("2001:db8::1"), 80, NULL), 0);
    assert_string_equal(addr_ip_text(&a, text), "2001:db8::1");
    addr_set_port(&a, 9);
    assert_string_equal(addr_text(&a, text), "[2001:db8::1]:9");
    assert_int_equal(addr_ip(&a, STR("[::1]"), 80, NULL), WEFT_E_INVALID);
    assert_int_equal(addr_parse(&b, STR("unix:/x"), NULL), 0);
    addr_set_port(&b, 9); /* nothing */
    assert_int_equal(addr_port(&b), 0);
    assert_string_equal(addr_ip_text(&b, text), "");
    assert_string_equal(addr_text(&b, text), "unix:/x");
    struct addr none = {0};
    assert_string_equal(addr_text(&none, text), "");
    assert_false(addr_eq(&none, &b));
    assert_true(addr_eq(&none, &none));
    assert_true(addr_is_ip(STR("1.2.3.4")) && addr_is_ip(STR("::")));
    assert_false(addr_is_ip(STR("[::]")) || addr_is_ip(STR("web")) || addr_is_ip(STR_NONE) || addr_is_ip(STR("1.2.3.4:80")));
}

static bool is(bool (*f)(const struct addr *), const char *text) {
    struct addr a;
    assert_int_equal(addr_parse(&a, str_of(text), NULL), 0);
    return f(&a);
}

static void kinds(void **state) {
    assert_true(is(addr_is_loopback, "127.9.9.9:1") && is(addr_is_loopback, "[::1]:1") && is(addr_is_loopback, "unix:/x"));
    assert_true(is(addr_is_loopback, "[::ffff:127.0.0.1]:1"));
    assert_false(is(addr_is_loopback, "128.0.0.1:1") || is(addr_is_loopback, "[::2]:1") ||
                 is(addr_is_loopback, "[::ffff:10.0.0.1]:1"));
    assert_true(is(addr_is_any, "0.0.0.0:1") && is(addr_is_any, "[::]:1"));
    assert_false(is(addr_is_any, "127.0.0.1:1") || is(addr_is_any, "unix:/x") || is(addr_is_any, "[::1]:1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trips), cmocka_unit_test(refused_texts), cmocka_unit_test(parts),
                                       cmocka_unit_test(kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
