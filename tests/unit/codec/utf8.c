// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/utf8.h"

static void measures_characters(void **state) {
    static const struct {
        struct str s;
        size_t len;
        uint32_t code;
    } cases[] = {
        {STR("a"), 1, 'a'},
        {STR("\0"), 1, 0},
        {STR("\xc2\x80"), 2, 0x80},
        {STR("\xdf\xbf!"), 2, 0x7ff},
        {STR("\xe0\xa0\x80"), 3, 0x800},
        {STR("\xed\x9f\xbf"), 3, 0xd7ff},
        {STR("\xee\x80\x80"), 3, 0xe000},
        {STR("\xef\xbf\xbf"), 3, 0xffff},
        {STR("\xf0\x90\x80\x80"), 4, 0x10000},
        {STR("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(utf8_len(cases[i].s), cases[i].len);
        assert_int_equal(utf8_code(cases[i].s), cases[i].code);
    }
}

static void refuses_what_is_none(void **state) {
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xe0\xa0",
                                      "\xe0\xa0\x41",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xfe"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(utf8_len(str_of(bad[i])), 0);
        assert_false(utf8_ok(str_of(bad[i])));
    }
    assert_int_equal(utf8_len(STR_NONE), 0);
}

static void judges_texts(void **state) {
    assert_true(utf8_ok(STR_NONE));
    assert_true(utf8_ok(STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")));
    assert_false(utf8_ok(STR("ab\xc3")));
    assert_false(utf8_ok(STR("a\xe4"
                             "b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_characters),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(judges_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
