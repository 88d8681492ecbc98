// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/str.h"

static int fails(struct err *e, const char *what) {
    return err_set(e, WEFT_E_PARSE, "bad \"%s\"", what);
}

static void set_and_add(void **state) {
    struct err e = {0};
    assert_int_equal(fails(&e, "x"), WEFT_E_PARSE);
    assert_int_equal(e.code, WEFT_E_PARSE);
    assert_string_equal(e.msg, "bad \"x\"");
    assert_int_equal(err_in(&e, "line %d", 3), WEFT_E_PARSE);
    assert_string_equal(e.msg, "line 3: bad \"x\"");
    assert_int_equal(fails(NULL, "x"), WEFT_E_PARSE);
    assert_true(err_in(NULL, "x") < 0); /* never a success */
    struct err none = {0};
    assert_true(err_in(&none, "x") < 0);
}

static void its_own_message_as_argument(void **state) {
    struct err e = {0};
    err_set(&e, WEFT_E_IO, "one");
    err_set(&e, WEFT_E_IO, "%s and %s", e.msg, e.msg);
    assert_string_equal(e.msg, "one and one");
}

static void hostile_quotes(void **state) {
    struct err e = {0};
    fails(&e, "a\nb\x1b[31mc\x7f\xc2\x9b"
              "d\xc3\xa4");
    assert_string_equal(e.msg, "bad \"a?b?[31mc???d\xc3\xa4\"");
}

static void long_messages_are_cut(void **state) {
    struct err e = {0};
    char text[1000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    fails(&e, text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    err_in(&e, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

static void the_table(void **state) {
    assert_string_equal(err_name(WEFT_E_TIMEOUT), "TIMEOUT");
    assert_string_equal(err_text(WEFT_E_REFUSED), "connection refused");
    assert_int_equal(err_blame(WEFT_E_PARSE), ERR_PEER);
    assert_int_equal(err_blame(WEFT_E_CONNECT), ERR_UPSTREAM);
    assert_true(err_retry_safe(WEFT_E_REFUSED));
    assert_false(err_retry_safe(WEFT_E_RESET));
    const int unknown[] = {0, 1, -1, WEFT_E_NONE_, WEFT_E_END_, -2147483647 - 1};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_string_equal(err_text(unknown[i]), "unknown error");
        assert_false(err_retry_safe(unknown[i]));
    }
    for (int code = WEFT_E_NONE_ + 1; code < WEFT_E_END_; code++) {
        assert_true(code < 0);
        assert_string_not_equal(err_text(code), "unknown error");
    }
}

static void kept(void **state) {
    const struct err *at = &err_none, *before;
    struct err e = {0};
    err_keep(&at, &e);
    assert_ptr_equal(at, &err_none);
    assert_int_equal(err_note(&at, WEFT_E_RESET, "gone after %d", 3), WEFT_E_RESET);
    assert_int_equal(at->code, WEFT_E_RESET);
    assert_string_equal(at->msg, "gone after 3");
    before = at;
    err_note(&at, WEFT_E_TLS, "TLS: %s", at->msg); /* of itself */
    assert_string_equal(at->msg, "TLS: gone after 3");
    assert_ptr_not_equal(at, before);
    err_keep(&at, at);
    assert_string_equal(at->msg, "TLS: gone after 3");
    err_drop(&at);
    assert_ptr_equal(at, &err_none);
    err_drop(&at);
    assert_int_equal(err_none.code, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_and_add),    cmocka_unit_test(its_own_message_as_argument),
        cmocka_unit_test(hostile_quotes), cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(the_table),      cmocka_unit_test(kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
