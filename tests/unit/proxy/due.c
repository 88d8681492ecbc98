// SPDX-License-Identifier: Apache-2.0
/* Which limit of an exchange is over, and when, on a clock of the test's own. */
#include "proxy/due.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void no_limit_is_never_over(void **state) {
    const struct due none = {0};
    assert_int_equal(due_next(&none, 5), UINT64_MAX);
    assert_int_equal(due_over(&none, 5, UINT64_MAX - 1), DUE_NOTHING);
}

static void the_soonest_is_the_one(void **state) {
    struct due d = {.at = {[DUE_DEADLINE] = 150, [DUE_REQUEST] = 120, [DUE_DURATION] = 300, [DUE_UPSTREAM] = 290}};
    assert_int_equal(due_next(&d, 100), 120);
    assert_int_equal(due_over(&d, 100, 119), DUE_NOTHING);
    assert_int_equal(due_over(&d, 100, 120), DUE_REQUEST);
    assert_int_equal(due_over(&d, 100, 1000), DUE_REQUEST); /* looked at late: the one that was met first */
    d.at[DUE_REQUEST] = 0;                                  /* the request is whole */
    assert_int_equal(due_over(&d, 100, 1000), DUE_DEADLINE);
    d.at[DUE_DEADLINE] = 0;
    assert_int_equal(due_over(&d, 100, 1000), DUE_UPSTREAM);
    d.at[DUE_UPSTREAM] = 0;
    assert_int_equal(due_over(&d, 100, 299), DUE_NOTHING);
    assert_int_equal(due_over(&d, 100, 300), DUE_DURATION);
}

static void silence_counts_from_what_came_last(void **state) {
    struct due d = {.at = {[DUE_DEADLINE] = 150}, .silence_us = 20};
    assert_int_equal(due_next(&d, 100), 120);
    assert_int_equal(due_next(&d, 115), 135);
    assert_int_equal(due_over(&d, 115, 120), DUE_NOTHING);
    assert_int_equal(due_over(&d, 115, 135), DUE_SILENCE);
    assert_int_equal(due_next(&d, 140), 150); /* it goes on and on, but not for ever */
    assert_int_equal(due_over(&d, 140, 150), DUE_DEADLINE);
    assert_int_equal(due_over(&d, 130, 150), DUE_DEADLINE); /* both at once */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_is_never_over),
        cmocka_unit_test(the_soonest_is_the_one),
        cmocka_unit_test(silence_counts_from_what_came_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
