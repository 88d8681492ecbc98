// SPDX-License-Identifier: Apache-2.0
#include "base/limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void settings(void **state) {
    struct limits l = {0};
    (void)state;
    assert_int_equal(limit_set(&l, STR("head=4096"), NULL), 0);
    assert_int_equal(limit_set(&l, STR("upstream.head=128K"), NULL), 0);
    assert_int_equal(limit_set(&l, STR("head_timeout=0.25"), NULL), 0);
    assert_int_equal(limit_set(&l, STR("upstream.idle_timeout=none"), NULL), 0);
    assert_int_equal(limit_set(&l, STR("memory=3G"), NULL), 0);
    assert_int_equal(limit_set(&l, STR("requests=none"), NULL), 0);
    assert_int_equal(l.down.head, 4096);
    assert_int_equal(l.up.head, 128 * 1024);
    assert_int_equal(l.down.head_timeout_us, 250000);
    assert_true(l.up.idle_timeout_us == UINT64_MAX && l.proc.requests == UINT64_MAX);
    assert_true(l.proc.memory == 3ull << 30);
    assert_true(l.down.line == 0 && l.up.line == 0 && l.proc.connections == 0); /* what was not set is the default */
}

static void refused(void **state) {
    static const struct {
        const char *setting, *why;
    } cases[] = {
        {"head", "\"head\" is not NAME=VALUE"},
        {"heads=1", "there is no limit \"heads\""},
        {"=1", "there is no limit \"\""},
        {"upstream.memory=8G", "there is no limit \"upstream.memory\""},
        {"head=", "head: \"\" is no whole number"},
        {"head=-1", "head: \"-1\" is no whole number"},
        {"head=1.5", "head: \"1.5\" is no whole number"},
        {"head=10", "head: 1024 to 16777216"},
        {"head=17M", "head: 1024 to 16777216"},
        {"head=99999999999999G", "head: \"99999999999999G\" is no whole number"},
        {"head=none", "head: \"none\" is no whole number"},
        {"fields=1K", "fields: \"1K\" is no whole number"},
        {"head_timeout=0", "head_timeout: more than 0 to 86400"},
        {"head_timeout=0.0000001", "head_timeout: \"0.0000001\" is no number of seconds"},
        {"head_timeout=1.", "head_timeout: \"1.\" is no number of seconds"},
        {"head_timeout=18446744073709551615", "head_timeout: \"18446744073709551615\" is no number of seconds"},
        {"memory=1M", "memory: 8388608 to 1152921504606846976"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static const struct limits none;
        struct limits l = {0};
        struct err e = {0};
        assert_int_equal(limit_set(&l, str_of(cases[i].setting), &e), WEFT_E_INVALID);
        assert_string_equal(e.msg, cases[i].why);
        assert_memory_equal(&l, &none, sizeof(l));
    }
}

static void counts(void **state) {
    struct limit_counts c = {0};
    (void)state;
    assert_true(limit_met(&c, LIMIT_head, 0)); /* the first time */
    assert_false(limit_met(&c, LIMIT_head, 5 * CLOCK_S));
    assert_true(limit_met(&c, LIMIT_line, 5 * CLOCK_S)); /* each for itself */
    assert_true(limit_met(&c, LIMIT_head, 61 * CLOCK_S));
    assert_false(limit_met(&c, LIMIT_head, 62 * CLOCK_S));
    assert_int_equal(limit_count(&c, LIMIT_head), 4);
    assert_int_equal(limit_count(&c, LIMIT_line), 1);
    assert_string_equal(limit_name(LIMIT_control_frames), "control_frames");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings),
        cmocka_unit_test(refused),
        cmocka_unit_test(counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
