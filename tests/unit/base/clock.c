// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void known_moments(void **state) {
    char iso[25], http[30];
    clock_rfc3339(0, iso);
    assert_string_equal(iso, "1970-01-01T00:00:00.000Z");
    clock_rfc3339(784111777ull * CLOCK_S + 123999, iso);
    assert_string_equal(iso, "1994-11-06T08:49:37.123Z");
    clock_http_date(784111777ull * CLOCK_S, http);
    assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT"); /* the example of RFC 9110 §5.6.7 */
    clock_http_date(951782400ull * CLOCK_S, http);
    assert_string_equal(http, "Tue, 29 Feb 2000 00:00:00 GMT");
    clock_http_date(4102444799ull * CLOCK_S, http);
    assert_string_equal(http, "Thu, 31 Dec 2099 23:59:59 GMT");
}

static void beyond_four_digits(void **state) {
    char iso[25], http[30];
    clock_rfc3339(UINT64_MAX, iso);
    assert_memory_equal(iso, "9999-12-31T23:59:59.", 20);
    clock_http_date(UINT64_MAX, http);
    assert_string_equal(http, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void the_real_one_runs(void **state) {
    uint64_t a = clock_real.mono_us(&clock_real), b = clock_real.mono_us(&clock_real);
    assert_true(a > 0 && b >= a);
    assert_true(clock_real.wall_us(&clock_real) > 1700000000ull * CLOCK_S);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_moments), cmocka_unit_test(beyond_four_digits),
                                       cmocka_unit_test(the_real_one_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
