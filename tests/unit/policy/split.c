// SPDX-License-Identifier: Apache-2.0
#include "policy/split.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rand.h"

static uint64_t weight_at(const void *weights, size_t i) {
    return ((const uint64_t *)weights)[i];
}

static void a_share_is_never_off_by_one(void **state) {
    const uint64_t parts[] = {0, 1, 5, 333, 999, 1000};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        uint64_t taken = 0;
        for (uint64_t n = 0; n < 3000; n++) {
            taken += split_takes(parts[p], 1000, n);
            double exact = (double)(n + 1) * (double)parts[p] / 1000;
            assert_true((double)taken <= exact && (double)taken > exact - 1);
        }
        assert_int_equal(taken, 3 * parts[p]);
    }
}

static void check_prefixes(const uint64_t *w, size_t n, uint64_t whole) {
    uint64_t got[8] = {0};
    for (uint64_t k = 0; k < 3 * whole && k < 5000; k++) {
        got[split_pick(weight_at, w, n, k)]++;
        for (size_t i = 0; i < n; i++) {
            double exact = (double)(k + 1) * (double)w[i] / (double)whole, off = (double)got[i] - exact;
            assert_true(off < (double)i + 1 && off > -(double)i - 1);
        }
    }
}

static void shares_are_smooth_and_exact_over_a_period(void **state) {
    struct rand r;
    rand_init(&r, 7);
    for (int round = 0; round < 200; round++) {
        uint64_t w[8], whole = 0, got[8] = {0};
        size_t n = 1 + rand_below(&r, 8);
        for (size_t i = 0; i < n; i++)
            whole += w[i] = rand_below(&r, 4) ? rand_below(&r, 50) : 0;
        if (!whole)
            continue;
        check_prefixes(w, n, whole);
        for (uint64_t k = 0; k < whole; k++)
            got[split_pick(weight_at, w, n, k)]++;
        for (size_t i = 0; i < n; i++)
            assert_int_equal(got[i], w[i]);
    }
}

static void large_weights_do_not_overflow(void **state) {
    const uint64_t w[] = {100000000000000ull, 300000000000000ull};
    uint64_t got[2] = {0};
    for (uint64_t k = 0; k < 4000; k++)
        got[split_pick(weight_at, w, 2, UINT64_MAX / 2 + k)]++;
    assert_in_range(got[0], 999, 1001);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_never_off_by_one),
        cmocka_unit_test(shares_are_smooth_and_exact_over_a_period),
        cmocka_unit_test(large_weights_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
