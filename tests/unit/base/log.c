// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct seen {
    unsigned n;
    enum log_level level;
    char line[4096];
    size_t len;
};

static void sink(void *ctx, enum log_level level, struct str line) {
    struct seen *s = ctx;
    s->n++;
    s->level = level;
    s->len = line.len;
    str_z(line, s->line, sizeof s->line);
}

static void levels(void **state) {
    struct seen s = {0};
    struct log l = {sink, &s, LOG_WARN};
    log_info(&l, "no");
    log_debug(&l, "no");
    assert_int_equal(s.n, 0);
    log_warn(&l, "yes %d", 1);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.level, LOG_WARN);
    assert_string_equal(s.line, "yes 1");
    log_error(&l, "worse");
    assert_int_equal(s.level, LOG_ERROR);
    l.level = LOG_DEBUG;
    log_debug(&l, "now");
    assert_int_equal(s.n, 3);
    struct log silent = {0};
    log_error(&silent, "nobody hears");
    assert_string_equal(log_level_name(LOG_INFO), "info");
    assert_string_equal(log_level_name((enum log_level)9), "unknown");
}

static void one_clean_line(void **state) {
    struct seen s = {0};
    struct log l = {sink, &s, LOG_INFO};
    log_info(&l, "%s", "forged\nINFO line\r\x1b]0;title\x07");
    assert_string_equal(s.line, "forged?INFO line??]0;title?");
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    log_info(&l, "%s", big);
    assert_true(s.len < 2100);
    assert_string_equal(s.line + s.len - 4, "x...");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(one_clean_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
