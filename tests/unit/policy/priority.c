// SPDX-License-Identifier: Apache-2.0
/* How requests are spread over priorities; the figures of Envoy's documentation, and what happens when nothing is well. */
#include "policy/priority.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void expect(unsigned healthy0, unsigned healthy1, unsigned healthy2, unsigned load0, unsigned load1, unsigned load2) {
    struct priority_level l[3] = {{healthy0, 100, 0, false}, {healthy1, 100, 0, false}, {healthy2, 100, 0, false}};
    priority_spread(l, 3, PRIORITY_OVERPROVISIONING, PRIORITY_PANIC);
    assert_int_equal(l[0].load, load0);
    assert_int_equal(l[1].load, load1);
    assert_int_equal(l[2].load, load2);
}

static void what_a_level_lacks_goes_to_the_next(void **state) {
    expect(100, 100, 100, 100, 0, 0);
    expect(72, 72, 100, 100, 0, 0);
    expect(71, 71, 100, 99, 1, 0);
    expect(50, 50, 100, 70, 30, 0);
    expect(25, 100, 100, 35, 65, 0);
    expect(25, 25, 100, 35, 35, 30);
    expect(0, 0, 100, 0, 0, 100);
    expect(25, 25, 20, 37, 35, 28); /* 98 % in all: the shares grow, and what rounding leaves is the first's */
}

static void a_level_with_too_few_is_used_whole(void **state) {
    struct priority_level l[2] = {{1, 10, 0, false}, {6, 10, 0, false}};
    priority_spread(l, 2, PRIORITY_OVERPROVISIONING, PRIORITY_PANIC); /* 14 + 84 */
    assert_true(l[0].panic);
    assert_false(l[1].panic);
    priority_spread(l, 2, PRIORITY_OVERPROVISIONING, 0);
    assert_false(l[0].panic);
    l[1].healthy = 9; /* enough in all: no panic anywhere */
    priority_spread(l, 2, PRIORITY_OVERPROVISIONING, PRIORITY_PANIC);
    assert_false(l[0].panic);
}

static void nothing_is_healthy(void **state) {
    struct priority_level l[3] = {{0, 0, 0, false}, {0, 1, 0, false}, {0, 2, 0, false}};
    priority_spread(l, 3, PRIORITY_OVERPROVISIONING, PRIORITY_PANIC);
    assert_int_equal(l[0].load, 0);
    assert_int_equal(l[1].load, 34);
    assert_int_equal(l[2].load, 66);
    assert_true(l[1].panic && l[2].panic);
    priority_spread(l, 3, PRIORITY_OVERPROVISIONING, 0);
    assert_int_equal(l[1].load + l[2].load, 0);
    assert_false(l[1].panic);
    priority_spread(l, 1, PRIORITY_OVERPROVISIONING, PRIORITY_PANIC); /* and nothing is there */
    assert_int_equal(l[0].load, 0);
    priority_spread(l, 0, PRIORITY_OVERPROVISIONING, PRIORITY_PANIC);
}

static void factors(void **state) {
    struct priority_level l[2] = {{50, 100, 0, false}, {100, 100, 0, false}};
    priority_spread(l, 2, 100, PRIORITY_PANIC);
    assert_int_equal(l[0].load, 50);
    priority_spread(l, 2, UINT32_MAX, PRIORITY_PANIC);
    assert_int_equal(l[0].load, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_level_lacks_goes_to_the_next),
        cmocka_unit_test(a_level_with_too_few_is_used_whole),
        cmocka_unit_test(nothing_is_healthy),
        cmocka_unit_test(factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
