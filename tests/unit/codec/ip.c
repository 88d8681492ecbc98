// SPDX-License-Identifier: Apache-2.0
#include "codec/ip.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void literals(void **state) {
    static const char *const good[][2] = {
        {"10.0.0.1", "10.0.0.1"}, {"::1", "::1"}, {"::ffff:1.2.3.4", "1.2.3.4"}, {"FD00::A", "fd00::a"}};
    static const char *const bad[] = {"",  "10.0.0",   "10.0.0.256", "[::1]",
                                      "a", "1.2.3.4 ", "::1%lo",     "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa"};
    struct ip ip;
    char text[IP_TEXT];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ip_parse(&ip, str_of(good[i][0])));
        assert_string_equal(ip_text(&ip, text), good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ip_parse(&ip, str_of(bad[i])));
    assert_false(ip_parse(&ip, str_n("1.2.3.4\0", 8)));
    assert_string_equal(ip_text(&(struct ip){0}, text), "");
}

static void ranges(void **state) {
    static const struct {
        const char *range;
        uint8_t bits;
        const char *ip;
        bool in;
    } rows[] = {{"10.0.0.0", 8, "10.255.0.1", true},
                {"10.0.0.0", 8, "11.0.0.1", false},
                {"10.0.0.128", 25, "10.0.0.127", false},
                {"10.0.0.128", 25, "10.0.0.129", true},
                {"0.0.0.0", 0, "1.2.3.4", true},
                {"0.0.0.0", 0, "::1", false},
                {"::", 0, "::1", true},
                {"fe80::", 10, "febf::1", true},
                {"fe80::", 10, "fec0::1", false},
                {"10.0.0.1", 32, "::ffff:10.0.0.1", true},
                {"10.0.0.1", 33, "10.0.0.1", false},
                {"::1", 128, "::1", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ip_range r = {.bits = rows[i].bits};
        struct ip ip;
        assert_true(ip_parse(&r.ip, str_of(rows[i].range)) && ip_parse(&ip, str_of(rows[i].ip)));
        if (ip_in(&ip, &r) != rows[i].in)
            fail_msg("%s in %s/%u", rows[i].ip, rows[i].range, rows[i].bits);
    }
    assert_false(ip_in(&(struct ip){0}, &(struct ip_range){0}));
}

static void loopback(void **state) {
    static const struct {
        const char *ip;
        bool is;
    } rows[] = {{"127.0.0.1", true},        {"127.9.9.9", true},  {"::1", true},
                {"::ffff:127.0.0.1", true}, {"128.0.0.1", false}, {"::2", false}};
    struct ip ip;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(ip_parse(&ip, str_of(rows[i].ip)));
        assert_int_equal(ip_is_loopback(&ip), rows[i].is);
    }
    assert_false(ip_is_loopback(&(struct ip){0}));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(literals), cmocka_unit_test(ranges), cmocka_unit_test(loopback)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
