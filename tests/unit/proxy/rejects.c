// SPDX-License-Identifier: Apache-2.0
#include "proxy/rejects.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define A STR("a")
#define B STR("b")

static void said_once(void **state) {
    struct rejects r = {0};
    rejects_begin(&r);
    assert_true(rejects_add(&r, XDS_LISTENER, A, "no file", 7));
    assert_false(rejects_add(&r, XDS_LISTENER, A, "no file", 8));
    assert_true(rejects_add(&r, XDS_CLUSTER, A, "no file", 9)); /* another type is another resource */
    rejects_end(&r);
    rejects_begin(&r);
    assert_false(rejects_add(&r, XDS_LISTENER, A, "no file", 10));
    assert_int_equal(rejects_get(&r, XDS_LISTENER, A)->at, 7); /* when it began */
    assert_true(rejects_add(&r, XDS_LISTENER, A, "no certificate", 11));
    assert_string_equal(rejects_get(&r, XDS_LISTENER, A)->why, "no certificate");
    rejects_end(&r);
    assert_null(rejects_get(&r, XDS_CLUSTER, A)); /* was not said again */
    rejects_fini(&r);
}

static void good_again(void **state) {
    struct rejects r = {0};
    rejects_begin(&r);
    rejects_add(&r, XDS_LISTENER, A, "why", 1);
    rejects_add(&r, XDS_LISTENER, B, "why", 1);
    rejects_end(&r);
    rejects_begin(&r);
    rejects_add(&r, XDS_LISTENER, B, "why", 2);
    rejects_end(&r);
    assert_null(rejects_get(&r, XDS_LISTENER, A));
    assert_non_null(rejects_get(&r, XDS_LISTENER, B));
    rejects_begin(&r);
    rejects_end(&r);
    assert_int_equal(r.of[XDS_LISTENER].len, 0);
    rejects_fini(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(said_once), cmocka_unit_test(good_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
