// SPDX-License-Identifier: Apache-2.0
#include "codec/grpc_health.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void requests(void **state) {
    struct buf b = {0};
    grpc_health_request(&b, STR_NONE);
    assert_int_equal(b.len, 0);
    grpc_health_request(&b, STR("a.B"));
    assert_true(str_eq(buf_str(&b), STR("\x0a\x03"
                                        "a.B")));
    char name[300];
    memset(name, 'x', sizeof name);
    buf_cut(&b, 0);
    grpc_health_request(&b, str_n(name, sizeof name));
    assert_int_equal(b.len, 303);
    assert_true(str_starts(buf_str(&b), STR("\x0a\xac\x02x"))); /* 300, in two octets */
    buf_fini(&b);
}

static void answers(void **state) {
    const struct {
        struct str in;
        bool serving;
    } rows[] = {
        {STR("\x08\x01"), true},
        {STR(""), false},         /* UNKNOWN is not written */
        {STR("\x08\x02"), false}, /* NOT_SERVING */
        {STR("\x08\x03"), false}, /* SERVICE_UNKNOWN */
        {STR("\x08\x02\x08\x01"), true},
        {STR("\x08\x01\x08\x02"), false}, /* the last one counts */
        {STR("\x12\x03xyz\x19"
             "12345678"
             "\x25"
             "1234"
             "\x30\x80\x01\x08\x01"),
         true}, /* fields that we do not know */
        {STR("\x08"), false},
        {STR("\x08\x81"), false},
        {STR("\x12\x05xyz"), false},
        {STR("\x08\x01\x12"), false},
        {STR("\x0a\x01\x01"), false},                                     /* of another wire type */
        {STR("\x0b\x08\x01"), false},                                     /* a group */
        {STR("\x00\x01"), false},                                         /* there is no field 0 */
        {STR("\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), false}, /* eleven octets are no varint */
        {STR("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x08\x01"), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (grpc_health_serving(rows[i].in) != rows[i].serving)
            fail_msg("row %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests), cmocka_unit_test(answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
