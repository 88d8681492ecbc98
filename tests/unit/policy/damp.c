// SPDX-License-Identifier: Apache-2.0
/* Flapping: what is forgiven, what is held out, for how long, and when it is forgotten. */
#include "policy/damp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define I 30000000ull /* an interval */

/* Down and up again, an interval apart each; returns the time. */
static uint64_t flap(struct damp *d, unsigned times, uint64_t now) {
    for (unsigned i = 0; i < times; i++) {
        damp_tell(d, false, I, now += I);
        damp_tell(d, true, I, now += I);
    }
    return now;
}

static void a_few_are_forgiven(void **state) {
    struct damp d = {.healthy = true};
    uint64_t now = flap(&d, DAMP_DOWNS, 1000 * I);
    assert_false(damp_held(&d, now));
    now += DAMP_WINDOW * I;
    for (int i = 0; i < 100; i++) { /* once in a while is no flapping, however long */
        now = flap(&d, 1, now + 6 * I);
        assert_false(damp_held(&d, now));
    }
}

static void more_than_those_are_not(void **state) {
    struct damp d = {.healthy = true};
    uint64_t now = flap(&d, DAMP_DOWNS, 1000 * I), down = now + I;
    damp_tell(&d, false, I, down);
    assert_int_equal(d.until, down + 5 * I);
    damp_tell(&d, true, I, down + I);
    assert_true(d.healthy && damp_held(&d, down + 5 * I - 1));
    assert_false(damp_held(&d, down + 5 * I));
    assert_int_equal(damp_due(&d, I, down), down + 5 * I);
}

static void the_hold_grows(void **state) {
    static const uint64_t holds[] = {5, 10, 20, 40, 40, 40};
    struct damp d = {.healthy = true};
    uint64_t now = flap(&d, DAMP_DOWNS, 1000 * I);
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++) {
        damp_tell(&d, false, I, now += I); /* even while it is held */
        assert_int_equal(d.until, now + holds[i] * I);
        damp_tell(&d, true, I, now += I);
    }
}

static void a_quiet_window_is_forgiveness(void **state) {
    struct damp d = {.healthy = true};
    uint64_t now = flap(&d, DAMP_DOWNS + 2, 1000 * I);
    assert_true(damp_held(&d, now));
    now = d.until + DAMP_WINDOW * I;
    assert_int_equal(damp_due(&d, I, d.until), now);
    now = flap(&d, DAMP_DOWNS, now + I);
    assert_false(damp_held(&d, now));
    damp_tell(&d, false, I, now += I);
    assert_int_equal(d.until, now + 5 * I);
}

/* Being told the same again is no news, and being down for long is no flapping. */
static void down_for_good(void **state) {
    struct damp d = {.healthy = true};
    for (uint64_t now = I; now < 100 * I; now += I)
        damp_tell(&d, false, I, now);
    assert_int_equal(d.downs, 1);
    assert_int_equal(d.until, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_are_forgiven), cmocka_unit_test(more_than_those_are_not),
        cmocka_unit_test(the_hold_grows),     cmocka_unit_test(a_quiet_window_is_forgiveness),
        cmocka_unit_test(down_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
