// SPDX-License-Identifier: Apache-2.0
#include "model/format.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void parts(void **state) {
    struct arena a = {0};
    struct format f;
    assert_int_equal(format_parse(&f, STR("a%%b %REQ(X-A?:Path):10% %RESP(b)%%PROTOCOL%"), &a, NULL), 0);
    assert_int_equal(f.n, 7);
    assert_true(str_eq(f.at[0].text, STR("a")) && f.at[0].op == FORMAT_TEXT);
    assert_true(str_eq(f.at[1].text, STR("%")) && f.at[1].op == FORMAT_TEXT);
    assert_true(f.at[3].op == FORMAT_REQ && str_eq(f.at[3].text, STR("x-a")) && str_eq(f.at[3].instead, STR(":path")));
    assert_int_equal(f.at[3].max, 10);
    assert_true(f.at[5].op == FORMAT_RESP && f.at[6].op == FORMAT_PROTOCOL);
    assert_int_equal(f.n_resp, 1);
    assert_int_equal(format_parse(&f, STR(""), &a, NULL), 0);
    assert_int_equal(f.n, 0);
    arena_fini(&a);
}

static const struct {
    const char *text;
    int code;
} bad[] = {{"%", WEFT_E_PARSE},
           {"a%REQ(x)", WEFT_E_PARSE},
           {"%REQ%", WEFT_E_PARSE},
           {"%REQ()%", WEFT_E_PARSE},
           {"%REQ(x%", WEFT_E_PARSE},
           {"%REQ(x):0%", WEFT_E_PARSE},
           {"%REQ(x):y%", WEFT_E_PARSE},
           {"%REQ(x)y%", WEFT_E_PARSE},
           {"%PROTOCOL(x)%", WEFT_E_PARSE},
           {"%CEL(1)%", WEFT_E_UNSUPPORTED},
           {"%protocol%", WEFT_E_UNSUPPORTED}};

static void what_is_refused(void **state) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a = {0};
        struct format f;
        struct err e = {0};
        if (format_parse(&f, str_of(bad[i].text), &a, &e) != bad[i].code)
            fail_msg("%s: %s", bad[i].text, e.msg);
        arena_fini(&a);
    }
}

static void many_parts(void **state) {
    struct arena a = {0};
    struct format f;
    char text[2 * 300 + 1];
    for (int i = 0; i < 300; i++)
        memcpy(text + 2 * i, "%%", 2);
    assert_int_equal(format_parse(&f, str_n(text, 2 * 256), &a, NULL), 0);
    assert_int_equal(format_parse(&f, str_n(text, 2 * 257), &a, NULL), WEFT_E_TOO_LARGE);
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts), cmocka_unit_test(what_is_refused), cmocka_unit_test(many_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
