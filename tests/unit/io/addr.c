// SPDX-License-Identifier: Apache-2.0
#include "io/addr.h"
#include <netinet/in.h>
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

/* What is kept in little room is the same address. */
static void kept_small(void **state) {
    static const char *const texts[] = {"127.0.0.1:80", "255.254.253.252:65535", "[::1]:8080", "[2001:db8::1:2]:1",
                                        "unix:/run/x.sock"};
    struct addr_kept k = {0};
    char text[ADDR_TEXT];
    assert_int_equal(addr_kept(&k).len, 0);
    assert_string_equal(addr_kept_text(&k, text), "");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct addr a, again;
        assert_int_equal(addr_parse(&a, str_of(texts[i]), NULL), 0);
        addr_keep(&k, &a);
        again = addr_kept(&k);
        assert_int_equal(again.len, a.len);
        assert_memory_equal(&again.sa, &a.sa, a.len);
        assert_string_equal(addr_kept_text(&k, text), texts[i]);
    }
    struct addr nameless = {.sa.ss_family = AF_UNIX, .len = sizeof(sa_family_t)}; /* the client's side of a Unix socket */
    addr_keep(&k, &nameless);
    assert_null(k.path);
    assert_string_equal(addr_kept_text(&k, text), "unix:");
    struct addr scoped;
    assert_int_equal(addr_parse(&scoped, STR("[fe80::1]:5"), NULL), 0);
    ((struct sockaddr_in6 *)(void *)&scoped.sa)->sin6_scope_id = 7;
    addr_keep(&k, &scoped);
    struct addr back = addr_kept(&k);
    assert_true(addr_eq(&back, &scoped));
    addr_drop(&k);
    assert_int_equal(addr_kept(&k).len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_small), cmocka_unit_test(round_trips),
                                       cmocka_unit_test(refused_texts), cmocka_unit_test(parts), cmocka_unit_test(kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
