// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/json.h"

static json_t *parse(const char *text) {
    json_t *v;
    struct err e = {0};
    if (json_parse(&v, str_of(text), &e) != 0)
        fail_msg("%s: %s", text, e.msg);
    return v;
}

static void assert_prints(const json_t *v, bool pretty, const char *text) {
    struct buf b = {0};
    json_print(&b, v, pretty);
    assert_string_equal(buf_z(&b).ptr, text);
    buf_fini(&b);
}

static void prints_what_it_parsed(void **state) {
    static const char *const texts[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-1",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "\"\"",
                                        "[]",
                                        "{}",
                                        "\"a\\\"b\\\\c\"",
                                        "[1,2.5,\"x\",null,true,{\"z\":1,\"a\":[[]],\"m\":{}}]",
                                        "\"gr\xc3\xbc\xc3\x9f\"",
                                        "\"\\n\\t\\r\\b\\f\\u0001\\u001f/\""};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *v = parse(texts[i]);
        assert_prints(v, false, texts[i]);
        json_decref(v);
    }
}

static void prints_real_numbers_short_and_exact(void **state) {
    static const char *const cases[][2] = {{"0.1", "0.1"},
                                           {"30.0", "30.0"},
                                           {"0.01", "0.01"},
                                           {"-0.0", "-0.0"},
                                           {"1e300", "1e+300"},
                                           {"1e5", "100000.0"},
                                           {"5e-324", "4.94065645841247e-324"},
                                           {"0.30000000000000004", "0.30000000000000004"},
                                           {"1.7976931348623157e308", "1.7976931348623157e+308"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *v = parse(cases[i][0]);
        assert_prints(v, false, cases[i][1]);
        struct buf b = {0};
        json_print(&b, v, false);
        json_t *again = parse(buf_z(&b).ptr);
        assert_true(json_equal(v, again));
        buf_fini(&b);
        json_decref(again);
        json_decref(v);
    }
}

static void prints_pretty(void **state) {
    json_t *v = parse("{\"b\":[1,{\"c\":[]}],\"a\":{}}");
    assert_prints(v, true, "{\n  \"b\": [\n    1,\n    {\n      \"c\": []\n    }\n  ],\n  \"a\": {}\n}\n");
    json_decref(v);
    v = parse("3");
    assert_prints(v, true, "3\n");
    json_decref(v);
}

static void refuses_what_is_not_strict_json(void **state) {
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "'a'",
                                        "01",
                                        "+1",
                                        "1.",
                                        ".5",
                                        "NaN",
                                        "Infinity",
                                        "tru",
                                        "True",
                                        "nul",
                                        "[1] x",
                                        "{} {}",
                                        "// c\n1",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\ud800\"",
                                        "\"\\u0000\"",
                                        "\"a\nb\"",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"a\":1,\"\\u0061\":2}",
                                        "{\"\\u0000\":1}",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "1e999",
                                        "-1e999",
                                        "\"\xff\"",
                                        "\"\xc0\xaf\"",
                                        "\"\xed\xa0\x80\"",
                                        "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *v = (json_t *)1;
        struct err e = {0};
        if (json_parse(&v, str_of(texts[i]), &e) != WEFT_E_PARSE)
            fail_msg("case %zu taken: %s", i, texts[i]);
        assert_null(v);
        assert_int_equal(strncmp(e.msg, "line ", 5), 0);
        assert_non_null(strstr(e.msg, ", column "));
    }
    json_t *v;
    assert_int_equal(json_parse(&v, STR("{}\0"), NULL), WEFT_E_PARSE);
    assert_int_equal(json_parse(&v, STR("\"a\0b\""), NULL), WEFT_E_PARSE);
    assert_int_equal(json_parse(&v, STR_NONE, NULL), WEFT_E_PARSE);
}

static void says_where(void **state) {
    json_t *v;
    struct err e = {0};
    assert_int_equal(json_parse(&v, STR("{\n  \"a\": 1,\n  \"b\": x\n}"), &e), WEFT_E_PARSE);
    assert_int_equal(strncmp(e.msg, "line 3, column 8: ", 18), 0);
}

static void names_what_cannot_be_held(void **state) {
    static const char *const cases[][2] = {
        {"{\"port\":9223372036854775808}", ": port: too big integer"},
        {"{\"a\\\":\\\\\":1,\"b:\":{\"c\":[1,{\"d\":2},-1e999]}}", ": b:.c: real number overflow"},
        {"{\"labels\":{\"a\":\"\\u0000\"}}", ": labels.a: NUL in a string"},
        {"{\"a\":{\"b\":1},\"c\":\"\\u0000", "line 1, column "},
        {"[[[\"x\",1e999]]]", "real number overflow"},
        {"1e999", "real number overflow"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *v;
        struct err e = {0};
        assert_int_equal(json_parse(&v, str_of(cases[i][0]), &e), WEFT_E_PARSE);
        if (!strstr(e.msg, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], e.msg);
    }
}

static int parse_nested(size_t depth, const char *opening, char closing, struct err *e) {
    size_t n = strlen(opening);
    char *text = mem_alloc(depth * (n + 1) + 2);
    for (size_t i = 0; i < depth; i++)
        memcpy(text + i * n, opening, n);
    text[depth * n] = '1';
    memset(text + depth * n + 1, closing, depth);
    json_t *v;
    int rc = json_parse(&v, str_n(text, depth * (n + 1) + 1), e);
    json_decref(v);
    free(text);
    return rc;
}

static void bounds_the_depth(void **state) {
    struct err e = {0};
    assert_int_equal(parse_nested(64, "[", ']', &e), 0);
    assert_int_equal(parse_nested(65, "[", ']', &e), WEFT_E_TOO_DEEP);
    assert_int_equal(strncmp(e.msg, "line 1, column 65: ", 19), 0);
    assert_int_equal(parse_nested(64, "{\"a\":", '}', &e), 0);
    assert_int_equal(parse_nested(65, "{\"a\":", '}', &e), WEFT_E_TOO_DEEP);
    assert_int_equal(parse_nested(200000, "[", ']', &e), WEFT_E_TOO_DEEP);
    /* In strings brackets are text, escaped quotes included; closed ones do not add up. */
    struct buf b = {0};
    buf_add(&b, STR("[\"\\\""));
    for (int i = 0; i < 100; i++)
        buf_addc(&b, '[');
    buf_add(&b, STR("\\\\\",[]]"));
    json_t *v = parse(buf_z(&b).ptr);
    assert_int_equal(json_to_str(json_array_get(v, 0)).len, 102);
    buf_fini(&b);
    json_decref(v);
    char many[601] = {0};
    for (int i = 0; i < 200; i++)
        memcpy(many + 3 * i, i ? ",[]" : "[[]", 3);
    buf_add(&b, str_of(many));
    buf_addc(&b, ']');
    v = parse(buf_z(&b).ptr);
    assert_int_equal(json_array_size(v), 200);
    buf_fini(&b);
    json_decref(v);
}

static void assert_quoted(struct str s, const char *text) {
    struct buf b = {0};
    json_print_str(&b, s);
    assert_string_equal(buf_z(&b).ptr, text);
    json_t *v = NULL;
    if (!memchr(s.ptr ? s.ptr : "", '\0', s.len))
        assert_int_equal(json_parse(&v, buf_str(&b), NULL), 0);
    json_decref(v);
    buf_fini(&b);
}

static void quotes_any_octets(void **state) {
    assert_quoted(STR_NONE, "\"\"");
    assert_quoted(STR("plain"), "\"plain\"");
    assert_quoted(STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    assert_quoted(STR("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    assert_quoted(STR("a\0b"), "\"a\\u0000b\"");
    assert_quoted(STR("\xc3\xa4\xf0\x9f\x98\x80"), "\"\xc3\xa4\xf0\x9f\x98\x80\"");
    assert_quoted(STR("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_quoted(STR("\xc0\xaf!"), "\"\xef\xbf\xbd\xef\xbf\xbd!\"");
}

static void makes_strings_of_any_octets(void **state) {
    json_t *v = json_of_str(STR("a\xff\xc3\xa4"));
    assert_true(str_eq(json_to_str(v), STR("a\xef\xbf\xbd\xc3\xa4")));
    json_decref(v);
    v = json_of_str(STR_NONE);
    assert_true(json_is_string(v));
    assert_int_equal(json_to_str(v).len, 0);
    json_decref(v);
    assert_null(json_to_str(NULL).ptr);
    assert_null(json_to_str(json_true()).ptr);
}

/* RFC 7386, appendix A. */
static void merges_as_the_rfc_tells(void **state) {
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *target = parse(cases[i][0]), *patch = parse(cases[i][1]), *result = json_merge_patch(target, patch);
        assert_prints(result, false, cases[i][2]);
        assert_prints(target, false, cases[i][0]);
        assert_prints(patch, false, cases[i][1]);
        json_decref(result);
        json_decref(target);
        json_decref(patch);
    }
}

static void merged_values_are_nobody_elses(void **state) {
    json_t *target = parse("{\"keep\":{\"x\":1}}"), *patch = parse("{\"new\":[1]}"), *result = json_merge_patch(target, patch);
    json_object_set_new(json_object_get(result, "keep"), "x", json_integer(2));
    json_array_append_new(json_object_get(result, "new"), json_integer(2));
    assert_prints(target, false, "{\"keep\":{\"x\":1}}");
    assert_prints(patch, false, "{\"new\":[1]}");
    json_decref(result);
    result = json_merge_patch(NULL, patch);
    assert_prints(result, false, "{\"new\":[1]}");
    json_decref(result);
    json_decref(target);
    json_decref(patch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_what_it_parsed),
        cmocka_unit_test(prints_real_numbers_short_and_exact),
        cmocka_unit_test(prints_pretty),
        cmocka_unit_test(refuses_what_is_not_strict_json),
        cmocka_unit_test(says_where),
        cmocka_unit_test(names_what_cannot_be_held),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(quotes_any_octets),
        cmocka_unit_test(makes_strings_of_any_octets),
        cmocka_unit_test(merges_as_the_rfc_tells),
        cmocka_unit_test(merged_values_are_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
