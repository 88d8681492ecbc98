// SPDX-License-Identifier: Apache-2.0
#include "cli/out.c"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct out_column columns[] = {{"NAME", "name"}, {"LABELS", "labels"}, {"N", "n"}};

static void prints(enum out_format f, bool rows, const char *json, const char *expected) {
    struct buf out = {0};
    json_t *v = NULL;
    assert_int_equal(json_parse(&v, str_of(json), NULL), 0);
    if (rows)
        out_rows(&out, f, v, columns, 3);
    else
        out_object(&out, f, v);
    assert_string_equal(buf_z(&out).ptr, expected);
    json_decref(v);
    buf_fini(&out);
}

static void tables_are_aligned(void **state) {
    prints(OUT_TABLE, true,
           "[{\"name\":\"a\",\"labels\":{\"k\":\"v\",\"x\":\"y\"},\"n\":1},{\"name\":\"größer\",\"labels\":{},\"n\":null}]",
           "NAME    LABELS   N\na       k=v,x=y  1\ngrößer  -        -\n");
    prints(OUT_TABLE, true, "[]", "NAME  LABELS  N\n");
}

static void control_characters_do_not_reach_the_terminal(void **state) {
    prints(OUT_TABLE, true, "[{\"name\":\"a\\u001b[31m\\n\"}]", "NAME     LABELS  N\na?[31m?  -       -\n");
}

static void objects_by_path(void **state) {
    prints(OUT_TABLE, false, "{\"a\":{\"b\":1,\"c\":[1,2]},\"d\":{}}",
           "a.b                                          1\na.c                                          [1,2]\n"
           "d                                            -\n");
}

static void json_and_yaml(void **state) {
    prints(OUT_JSON, true, "[{\"name\":\"a\"}]", "[\n  {\n    \"name\": \"a\"\n  }\n]\n");
    prints(OUT_YAML, false, "{\"a\":1}", "a: 1\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables_are_aligned),
                                       cmocka_unit_test(control_characters_do_not_reach_the_terminal),
                                       cmocka_unit_test(objects_by_path), cmocka_unit_test(json_and_yaml)};
    return cmocka_run_group_tests_name("cli/out", tests, NULL, NULL);
}
