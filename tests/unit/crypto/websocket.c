// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/websocket.h"

static void accepts_as_the_rfc_says(void **state) {
    char out[WEBSOCKET_ACCEPT];
    websocket_accept(out, STR("dGhlIHNhbXBsZSBub25jZQ==")); /* RFC 6455 §1.3 */
    assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void keys_are_sixteen_octets_and_differ(void **state) {
    char a[WEBSOCKET_KEY], b[WEBSOCKET_KEY];
    struct rand r;
    rand_init(&r, 1);
    websocket_key(a, &r);
    websocket_key(b, &r);
    assert_int_equal(strlen(a), 24);
    assert_string_equal(a + 22, "==");
    assert_string_not_equal(a, b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_as_the_rfc_says),
        cmocka_unit_test(keys_are_sixteen_octets_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
