// SPDX-License-Identifier: Apache-2.0
#include "proxy/overload.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/rand.h"

static void purse_is_exact(void **state) {
    struct overload o;
    struct overload_share s = {0};
    enum limit_id which;
    (void)state;
    overload_init(&o, &(struct proc_limits){.requests = 10, .memory = UINT64_MAX}, 1);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++)
            assert_true(overload_admit(&o, &s, &which));
        assert_false(overload_admit(&o, &s, &which));
        assert_int_equal(which, LIMIT_requests);
        for (int i = 0; i < 10; i++)
            overload_done(&o, &s);
    }
}

/* Whatever several workers do: never more than the budget together, and when all is done nothing is lost. */
static void workers_share(void **state) {
    enum { WORKERS = 4, BUDGET = 1000 };
    struct overload o;
    struct overload_share s[WORKERS] = {0};
    unsigned held[WORKERS] = {0}, all = 0, refused = 0;
    enum limit_id which;
    struct rand r;
    (void)state;
    rand_init(&r, 7);
    overload_init(&o, &(struct proc_limits){.requests = BUDGET}, WORKERS);
    assert_int_equal(o.handful, BUDGET / WORKERS / 8);
    for (int i = 0; i < 200000; i++) {
        unsigned w = (unsigned)rand_below(&r, WORKERS);
        bool more = rand_below(&r, 100) < (i % 20000 < 10000 ? 70 : 30);
        if (more && overload_admit(&o, &s[w], &which)) {
            held[w]++;
            all++;
        } else if (more) {
            refused++;
            assert_true(all + WORKERS * 2 * o.handful >= BUDGET); /* what others have in hand, at most */
        } else if (held[w]) {
            held[w]--;
            all--;
            overload_done(&o, &s[w]);
        }
        assert_true(all <= BUDGET);
    }
    assert_true(refused > 0);
    int64_t left = atomic_load(&o.left);
    for (int w = 0; w < WORKERS; w++)
        left += s[w].credits + held[w];
    assert_int_equal(left, BUDGET);
}

static void memory_has_two_marks(void **state) {
    (void)state;
    assert_false(overload_over(false, 949, 1000));
    assert_true(overload_over(false, 950, 1000));
    assert_true(overload_over(true, 900, 1000));
    assert_false(overload_over(true, 899, 1000));
}

static void memory_full_refuses(void **state) {
    struct overload o;
    struct overload_share s = {0};
    enum limit_id which;
    (void)state;
    overload_init(&o, &(struct proc_limits){0}, 2);
    assert_true(o.connections > 0 && o.memory > 0 && o.requests == LIMITS_requests);
    assert_true(overload_admit(&o, &s, &which));
    atomic_store(&o.memory_full, true);
    assert_false(overload_admit(&o, &s, &which));
    assert_int_equal(which, LIMIT_memory);
    atomic_store(&o.memory_full, false);
    assert_true(overload_admit(&o, &s, &which));
}

static void statm(void **state) {
    uint64_t n = 0;
    (void)state;
    assert_true(overload_statm(STR("5000 1200 200 900 0 800 0\n"), 4096, &n));
    assert_int_equal(n, 1000 * 4096);
    assert_false(overload_statm(STR("5000 100 200 900"), 4096, &n)); /* more shared than resident */
    assert_false(overload_statm(STR(""), 4096, &n));
    assert_false(overload_statm(STR("5000 x 200"), 4096, &n));
    assert_false(overload_statm(STR("1 18446744073709551615 0"), 4096, &n));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purse_is_exact),      cmocka_unit_test(workers_share), cmocka_unit_test(memory_has_two_marks),
        cmocka_unit_test(memory_full_refuses), cmocka_unit_test(statm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
