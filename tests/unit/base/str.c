// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void comparing(void **state) {
    assert_true(str_eq(STR_NONE, STR("")));
    assert_false(str_eq(STR("a"), STR("b")));
    assert_true(str_ieq(STR("Content-Length"), STR("content-LENGTH")));
    assert_false(str_ieq(STR("abc"), STR("abcd")));
    assert_false(str_ieq(STR("@"), STR("`"))); /* 0x40 and 0x60: letters only */
    assert_false(str_ieq(STR("\xc4"), STR("\xe4")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("a\xff"), STR("aa")) > 0);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
    assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR_NONE) && !str_starts(STR("a"), STR("ab")));
    for (int c = 0; c < 256; c++) /* by words and by octets: only A to Z have a small letter */
        for (size_t n = 1; n <= 16; n += 15) {
            char one[16], other[16];
            memset(one, c, sizeof(one));
            memset(other, str_lower_c((char)c), sizeof(other));
            assert_true(str_ieq(str_n(one, n), str_n(other, n)));
            memset(other, c ^ 0x20, sizeof(other));
            bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
            assert_int_equal(str_ieq(str_n(one, n), str_n(other, n)), letter);
        }
    assert_true(str_istarts(STR("Bearer x"), STR("bearer ")) && !str_istarts(STR("Bea"), STR("bearer ")));
    assert_true(str_ends(STR("abc"), STR("bc")) && str_ends(STR("abc"), STR("abc")) && str_ends(STR("a"), STR_NONE));
    assert_true(str_ends(STR_NONE, STR_NONE) && !str_ends(STR("c"), STR("bc")) && !str_ends(STR("abc"), STR("ab")));
}

static void finding(void **state) {
    assert_int_equal(str_chr(STR("a:b:c"), ':'), 1);
    assert_int_equal(str_rchr(STR("a:b:c"), ':'), 3);
    assert_int_equal(str_chr(STR("abc"), ':'), -1);
    assert_int_equal(str_rchr(STR_NONE, ':'), -1);
    assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
    assert_int_equal(str_find(STR("abc"), STR("x")), -1);
    assert_int_equal(str_find(STR("abc"), STR_NONE), 0);
    assert_int_equal(str_find(STR_NONE, STR("x")), -1);
}

static void cutting(void **state) {
    struct str rest = STR("a,,b,");
    assert_true(str_eq(str_cut(&rest, ','), STR("a")));
    assert_true(str_eq(str_cut(&rest, ','), STR("")));
    assert_true(str_eq(str_cut(&rest, ','), STR("b")));
    assert_non_null(rest.ptr); /* an empty part follows the last separator ... */
    assert_int_equal(rest.len, 0);
    assert_true(str_eq(str_cut(&rest, ','), STR("")));
    assert_null(rest.ptr); /* ... and then nothing */
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_int_equal(str_trim(STR(" \t")).len, 0);
    assert_true(str_eq(str_trim(STR("\r\na")), STR("\r\na"))); /* OWS only */
    assert_true(str_eq(str_from(STR("abc"), 1), STR("bc")));
    assert_int_equal(str_from(STR("abc"), 4).len, 0);
    assert_true(str_eq(str_first(STR("abc"), 2), STR("ab")));
    assert_true(str_eq(str_first(STR("abc"), 9), STR("abc")));
}

static void numbers(void **state) {
    static const struct {
        const char *text;
        uint64_t max, want;
        bool ok;
    } cases[] = {
        {"0", 9, 0, true},
        {"007", 9, 7, true},
        {"10", 9, 0, false},
        {"", 9, 0, false},
        {"-1", UINT64_MAX, 0, false},
        {"+1", UINT64_MAX, 0, false},
        {" 1", UINT64_MAX, 0, false},
        {"1 ", UINT64_MAX, 0, false},
        {"0x1", UINT64_MAX, 0, false},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", UINT64_MAX, 0, false},
        {"28446744073709551615", UINT64_MAX, 0, false},
        {"99999999999999999999999", UINT64_MAX, 0, false},
        {"65535", 65535, 65535, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t v = 12345;
        assert_int_equal(str_u64(str_of(cases[i].text), cases[i].max, &v), cases[i].ok);
        assert_true(v == (cases[i].ok ? cases[i].want : 12345));
    }
    uint64_t v = 5;
    assert_false(str_u64(str_n("1\0002", 3), 99, &v));
}

static void hashing(void **state) {
    /* every bit of the input and of the seed counts */
    unsigned char data[24] = {0};
    uint64_t base = str_hash(str_n(data, sizeof data), 1);
    for (size_t bit = 0; bit < sizeof data * 8; bit++) {
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        uint64_t h = str_hash(str_n(data, sizeof data), 1);
        assert_in_range(__builtin_popcountll(h ^ base), 10, 54);
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (int bit = 0; bit < 64; bit++)
        assert_in_range(__builtin_popcountll(str_hash(str_n(data, sizeof data), 1 ^ 1ull << bit) ^ base), 10, 54);
    for (size_t n = 0; n < sizeof data; n++) /* zeros of any length differ */
        assert_true(str_hash(str_n(data, n), 1) != str_hash(str_n(data, n + 1), 1));
    assert_true(str_hash(STR_NONE, 1) == str_hash(STR(""), 1));
    assert_true(str_hash(STR("abc"), 1) == str_hash(STR("abc"), 1));
}

static void copies_and_cleaning(void **state) {
    char z[4];
    assert_string_equal(str_z(STR("ab"), z, sizeof z), "ab");
    assert_string_equal(str_z(STR("abcdef"), z, sizeof z), "abc");
    assert_string_equal(str_z(STR_NONE, z, sizeof z), "");
    char text[] = "a\tb\x01\x7f\xc2\x80\xc2\x9f\xc2\xa0\xc3\x9f\xc2";
    str_printable(text, sizeof text - 1);
    assert_string_equal(text, "a?b??????\xc2\xa0\xc3\x9f\xc2");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comparing), cmocka_unit_test(finding),
                                       cmocka_unit_test(cutting),   cmocka_unit_test(numbers),
                                       cmocka_unit_test(hashing),   cmocka_unit_test(copies_and_cleaning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
