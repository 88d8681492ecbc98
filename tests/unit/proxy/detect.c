// SPDX-License-Identifier: Apache-2.0
#include "proxy/detect.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* How long a connection may be silent before it has a chain: idle_timeout as set, the listener's own time as told, what set it.
 */
static void silence(void **state) {
    static const struct {
        enum side side;
        bool may_go_on;
        uint64_t own, idle, want;
    } cases[] = {
        {SIDE_INBOUND, false, 300 * CLOCK_S, 0, 300 * CLOCK_S},
        {SIDE_INBOUND, false, 300 * CLOCK_S, 20 * CLOCK_S, 20 * CLOCK_S},
        {SIDE_OUTBOUND, false, 300 * CLOCK_S, 900 * CLOCK_S, 900 * CLOCK_S},
        {SIDE_OUTBOUND, false, 300 * CLOCK_S, UINT64_MAX, UINT64_MAX},
        {SIDE_INBOUND, true, CLOCK_S, 900 * CLOCK_S, CLOCK_S}, /* a server that speaks first is not waited for */
        {SIDE_STATIC, false, 0, 0, DETECT_US},
        {SIDE_STATIC, false, 0, 900 * CLOCK_S, DETECT_US}, /* listener_filters_timeout */
        {SIDE_STATIC, false, UINT64_MAX, 900 * CLOCK_S, 900 * CLOCK_S},
        {SIDE_STATIC, false, 60 * CLOCK_S, CLOCK_S, CLOCK_S},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct limits limits = {.down.idle_timeout_us = cases[i].idle};
        struct worker_env env = {.limits = &limits};
        struct worker w = {.env = &env};
        struct down d = {.w = &w};
        struct listener l = {.detect_timeout_us = cases[i].own};
        const struct serve_listener sl = {.side = cases[i].side, .listener = &l};
        struct detect t = {.d = &d, .may_go_on = cases[i].may_go_on};
        assert_int_equal(time_limit(&t, &sl), cases[i].want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(silence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
