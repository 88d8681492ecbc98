// SPDX-License-Identifier: Apache-2.0
/* Which requests an access log takes. */
#include "policy/log_filter.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct log_subject good = {200, 12, {0}}, bad = {503, 3000, STR("UH")}, none = {0, 1, STR("DC")};

static void expect(const struct log_filter *f, bool of_good, bool of_bad, bool of_none) {
    assert_int_equal(log_filter_test(f, &good), of_good);
    assert_int_equal(log_filter_test(f, &bad), of_bad);
    assert_int_equal(log_filter_test(f, &none), of_none);
}

static void comparisons(void **state) {
    expect(NULL, true, true, true);
    expect(&(struct log_filter){.kind = LOG_REAL}, true, true, true);
    expect(&(struct log_filter){.kind = LOG_STATUS, .op = LOG_GE, .value = 500}, false, true, false);
    expect(&(struct log_filter){.kind = LOG_STATUS, .op = LOG_GE, .value = 503}, false, true, false);
    expect(&(struct log_filter){.kind = LOG_STATUS, .op = LOG_LE, .value = 200}, true, false, true);
    expect(&(struct log_filter){.kind = LOG_STATUS, .op = LOG_EQ, .value = 0}, false, false, true);
    expect(&(struct log_filter){.kind = LOG_DURATION, .op = LOG_GE, .value = 13}, false, true, false);
    expect(&(struct log_filter){.kind = LOG_DURATION, .op = LOG_EQ, .value = 12}, true, false, false);
}

static void flags(void **state) {
    struct str names[] = {STR("NR"), STR("DC")};
    expect(&(struct log_filter){.kind = LOG_FLAGS}, false, true, true);
    expect(&(struct log_filter){.kind = LOG_FLAGS, .flags = names, .n_flags = 2}, false, false, true);
    struct log_filter f = {.kind = LOG_FLAGS, .flags = names, .n_flags = 2};
    assert_true(log_filter_test(&f, &(struct log_subject){.flag = STR("UF,NR")}));
    assert_true(log_filter_test(&f, &(struct log_subject){.flag = STR("DC,URX")}));
    assert_false(log_filter_test(&f, &(struct log_subject){.flag = STR("UF,URX")}));
    assert_false(log_filter_test(&f, &(struct log_subject){.flag = STR("NRX,,D")}));
}

static void all_and_any(void **state) {
    struct log_filter subs[] = {{.kind = LOG_STATUS, .op = LOG_GE, .value = 200}, {.kind = LOG_FLAGS}};
    expect(&(struct log_filter){.kind = LOG_AND, .subs = subs, .n_subs = 2}, false, true, false);
    expect(&(struct log_filter){.kind = LOG_OR, .subs = subs, .n_subs = 2}, true, true, true);
    subs[0].value = 500;
    expect(&(struct log_filter){.kind = LOG_OR, .subs = subs, .n_subs = 2}, false, true, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comparisons), cmocka_unit_test(flags), cmocka_unit_test(all_and_any)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
