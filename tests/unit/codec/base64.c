// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
    const char *text, *octets;
} pairs[] = {{"", ""},
             {"Zg==", "f"},
             {"Zm8=", "fo"},
             {"Zm9v", "foo"},
             {"Zm9vYg==", "foob"},
             {"Zm9vYmE=", "fooba"},
             {"Zm9vYmFy", "foobar"}};

static void vectors_of_rfc_4648(void **state) {
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf b = {0};
        struct arena a = {0};
        struct str got;
        base64_encode(&b, str_of(pairs[i].octets));
        assert_true(str_eq(buf_str(&b), str_of(pairs[i].text)));
        assert_true(base64_decode(str_of(pairs[i].text), &a, &got));
        assert_true(str_eq(got, str_of(pairs[i].octets)));
        buf_fini(&b);
        arena_fini(&a);
    }
}

static void both_alphabets_and_no_padding(void **state) {
    struct arena a = {0};
    struct str got;
    assert_true(base64_decode(STR("-_8"), &a, &got));
    assert_true(str_eq(got, STR("\xfb\xff")));
    assert_true(base64_decode(STR("+/8="), &a, &got));
    assert_true(str_eq(got, STR("\xfb\xff")));
    arena_fini(&a);
}

static void what_is_none(void **state) {
    static const char *const bad[] = {"Z", "Zm9vY", "Zg=", "Z===", "Zm 9v", "Zm9v\n", "=", "====", "Zg==Zg=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a = {0};
        struct str got;
        if (base64_decode(str_of(bad[i]), &a, &got))
            fail_msg("took \"%s\"", bad[i]);
        arena_fini(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648),
        cmocka_unit_test(both_alphabets_and_no_padding),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
