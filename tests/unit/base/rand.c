// SPDX-License-Identifier: Apache-2.0
#include "base/rand.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void known_sequence(void **state) {
    /* known answers of xoshiro256** for this state */
    struct rand r = {{1, 2, 3, 4}};
    const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240u};
    for (int i = 0; i < 4; i++)
        assert_true(rand_u64(&r) == want[i]);
    struct rand a, b;
    rand_init(&a, 42);
    rand_init(&b, 42);
    for (int i = 0; i < 100; i++)
        assert_true(rand_u64(&a) == rand_u64(&b));
    rand_init(&b, 43);
    assert_true(rand_u64(&a) != rand_u64(&b));
    rand_init(&a, 0);
    assert_true(rand_u64(&a) | rand_u64(&a)); /* the state of seed 0 is not all zeros */
    assert_true(rand_seed() != rand_seed());
}

static void below_is_even(void **state) {
    struct rand r;
    rand_init(&r, 1);
    unsigned count[7] = {0};
    for (int i = 0; i < 70000; i++)
        count[rand_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9500, 10500);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rand_below(&r, 1), 0);
        assert_true(rand_below(&r, (1ull << 63) + 1) <= 1ull << 63);
        double u = rand_unit(&r);
        assert_true(u >= 0 && u < 1);
    }
}

static void jitter_stays_within(void **state) {
    struct rand r;
    rand_init(&r, 1);
    uint64_t low = UINT64_MAX, high = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t v = rand_jitter(&r, 1000, 20);
        assert_in_range(v, 800, 1200);
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    assert_true(low < 810 && high > 1190);
    assert_int_equal(rand_jitter(&r, 1000, 0), 1000);
    assert_int_equal(rand_jitter(&r, 0, 50), 0);
    assert_int_equal(rand_jitter(&r, 3, 20), 3);
    for (int i = 0; i < 100; i++) {
        assert_in_range(rand_jitter(&r, 10, 500), 0, 20); /* 100 percent at most */
        assert_true(rand_jitter(&r, UINT64_MAX, 1) >= UINT64_MAX / 100 * 98);
    }
}

static void uuid(void **state) {
    struct rand r;
    rand_init(&r, 1);
    char a[37], b[37];
    rand_uuid(&r, a);
    rand_uuid(&r, b);
    assert_string_not_equal(a, b);
    for (int n = 0; n < 200; n++) {
        struct rand same = r;
        rand_uuid(&r, a);
        assert_int_equal(strlen(a), 36);
        unsigned long long hi = rand_u64(&same), lo = rand_u64(&same);
        snprintf(b, sizeof(b), "%08llx-%04llx-4%03llx-%c%03llx-%012llx", hi >> 32, hi >> 16 & 0xffff, hi & 0xfff,
                 "89ab"[lo >> 60 & 3], lo >> 48 & 0xfff, lo & 0xffffffffffff);
        assert_string_equal(a, b);
        for (int i = 0; i < 36; i++)
            assert_non_null(strchr(i == 8 || i == 13 || i == 18 || i == 23 ? "-" : "0123456789abcdef", a[i]));
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_sequence), cmocka_unit_test(below_is_even),
                                       cmocka_unit_test(jitter_stays_within), cmocka_unit_test(uuid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
