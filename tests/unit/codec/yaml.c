// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/yaml.h"

/* The documents of a YAML text as JSON, one a line. */
static void assert_reads(const char *text, const char *as_json) {
    struct yaml_docs d;
    struct err e = {0};
    if (yaml_parse(&d, str_of(text), &e) != 0)
        fail_msg("%s\n%s", text, e.msg);
    struct buf b = {0};
    for (size_t i = 0; i < d.n; i++) {
        if (i > 0)
            buf_addc(&b, '\n');
        json_print(&b, d.at[i], false);
    }
    assert_string_equal(b.len ? buf_z(&b).ptr : "", as_json);
    buf_fini(&b);
    yaml_docs_fini(&d);
}

static void assert_refused(struct str text, int code, const char *message) {
    struct yaml_docs d;
    struct err e = {0};
    int rc = yaml_parse(&d, text, &e);
    if (rc != code || !strstr(e.msg, message))
        fail_msg(STR_FMT "\nis %s, \"%s\"; expected %s, \"%s\"", STR_ARG(text), err_name(rc), e.msg, err_name(code), message);
    assert_int_equal(d.n, 0);
    assert_null(d.at);
}

static void reads_collections(void **state) {
    assert_reads("a: 1\nb:\n  - x\n  - y: {z: [1, 2]}\nc: {}\nd: []\n",
                 "{\"a\":1,\"b\":[\"x\",{\"y\":{\"z\":[1,2]}}],\"c\":{},\"d\":[]}");
    assert_reads("z: 1\ny: 2\nx: 3", "{\"z\":1,\"y\":2,\"x\":3}");
    assert_reads("80: a\nnull: b\n\"q\": c\n? d\n: e\n", "{\"80\":\"a\",\"null\":\"b\",\"q\":\"c\",\"d\":\"e\"}");
    assert_reads("{\"json\": [true, null, 1.5]}", "{\"json\":[true,null,1.5]}");
}

static void reads_scalars_by_the_core_schema(void **state) {
    assert_reads("[null, ~, Null, NULL, '', \"\", 'null', nil]", "[null,null,null,null,\"\",\"\",\"null\",\"nil\"]");
    assert_reads("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
    assert_reads("[yes, no, on, off, y, n, tRue]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"tRue\"]");
    assert_reads("[0, -1, +2, 9223372036854775807, -9223372036854775808]", "[0,-1,2,9223372036854775807,-9223372036854775808]");
    assert_reads("[1.5, -.5, 5., 1e3, 1E-2, +1.0e+1]", "[1.5,-0.5,5.0,1000.0,0.01,10.0]");
    assert_reads("[007, 0x1f, 0o17, 1_000, 12:30, 10.0.0.1, 30s, 1e, ., -, e5, 1.2.3, .inf, .nan]",
                 "[\"007\",\"0x1f\",\"0o17\",\"1_000\",\"12:30\",\"10.0.0.1\",\"30s\",\"1e\",\".\",\"-\",\"e5\",\"1.2.3\",\"."
                 "inf\",\".nan\"]");
    assert_reads("['1', \"true\"]", "[\"1\",\"true\"]");
    assert_reads("a: |\n  1\n  2\nb: >-\n  x\n  y\n", "{\"a\":\"1\\n2\\n\",\"b\":\"x y\"}");
    assert_reads("a:\nb: 1", "{\"a\":null,\"b\":1}");
}

static void reads_documents(void **state) {
    assert_reads("", "");
    assert_reads("# nothing\n", "");
    assert_reads("a: 1\n---\nb: 2\n...\n---\n- 3\n", "{\"a\":1}\n{\"b\":2}\n[3]");
    assert_reads("--- 5", "5");
    assert_reads("---\n---\n", "null\nnull");
}

static void reads_aliases_as_copies(void **state) {
    assert_reads("a: &x {k: [1]}\nb: *x\nc: *x\n", "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":{\"k\":[1]}}");
    assert_reads("- &s text\n- *s\n- &s other\n- *s\n", "[\"text\",\"text\",\"other\",\"other\"]");
    struct yaml_docs d;
    assert_int_equal(yaml_parse(&d, STR("a: &x {k: 1}\nb: *x\n"), NULL), 0);
    json_object_set_new(json_object_get(d.at[0], "b"), "k", json_integer(2));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(d.at[0], "a"), "k")), 1);
    yaml_docs_fini(&d);
}

static void bounds_aliases(void **state) {
    assert_refused(STR("a: *x"), WEFT_E_PARSE, "line 1, column 4: alias of nothing");
    assert_refused(STR("a: &x [*x]"), WEFT_E_PARSE, "alias of nothing");
    assert_refused(STR("--- &x 1\n--- *x\n"), WEFT_E_PARSE, "alias of nothing");
    struct buf b = {0};
    buf_add(&b, STR("a0: &a0 [x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 9; i++)
        buf_fmt(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                i - 1, i - 1, i - 1);
    assert_refused(buf_str(&b), WEFT_E_TOO_LARGE, "aliases expand to too much");
    buf_fini(&b);
    /* 1,000 values are allowed, one more is not. */
    for (int n = 1000; n <= 1001; n++) {
        buf_add(&b, STR("[&x 1"));
        for (int i = 0; i < n; i++)
            buf_add(&b, STR(",*x"));
        buf_addc(&b, ']');
        struct yaml_docs d;
        assert_int_equal(yaml_parse(&d, buf_str(&b), NULL), n == 1000 ? 0 : WEFT_E_TOO_LARGE);
        yaml_docs_fini(&d);
        buf_fini(&b);
    }
}

static int read_nested(int outer, int inner) {
    struct buf b = {0};
    buf_add(&b, STR("- &x "));
    for (int i = 0; i < inner; i++)
        buf_addc(&b, '[');
    for (int i = 0; i < inner; i++)
        buf_addc(&b, ']');
    buf_add(&b, STR("\n- "));
    for (int i = 0; i < outer; i++)
        buf_addc(&b, '[');
    buf_add(&b, STR("*x"));
    for (int i = 0; i < outer; i++)
        buf_addc(&b, ']');
    struct yaml_docs d;
    int rc = yaml_parse(&d, buf_str(&b), NULL);
    yaml_docs_fini(&d);
    buf_fini(&b);
    return rc;
}

static void bounds_the_depth(void **state) {
    assert_int_equal(read_nested(0, 63), 0);
    assert_int_equal(read_nested(0, 64), WEFT_E_TOO_DEEP);
    assert_int_equal(read_nested(31, 32), 0);
    assert_int_equal(read_nested(32, 32), WEFT_E_TOO_DEEP);
    assert_int_equal(read_nested(1, 100000), WEFT_E_TOO_DEEP);
}

static void refuses_with_the_place(void **state) {
    assert_refused(STR("a: 1\nb: 2\na: 3\n"), WEFT_E_PARSE, "line 3, column 1: duplicate key");
    assert_refused(STR("a: {b: 1, 'b': 2}"), WEFT_E_PARSE, "line 1, column 11: duplicate key");
    assert_refused(STR("a: [1, 2\nb: 3\n"), WEFT_E_PARSE, "line 2");
    assert_refused(STR("a:\n\tb: 1\n"), WEFT_E_PARSE, "line 2, column 1: ");
    assert_refused(STR("a: 'x\n"), WEFT_E_PARSE, "line 2, column 1: found unexpected end of stream");
    assert_refused(STR("[a]: 1"), WEFT_E_PARSE, "key must be a scalar");
    assert_refused(STR("? {a: 1}\n: 2"), WEFT_E_PARSE, "key must be a scalar");
    assert_refused(STR("a: &x b\n*x : 1"), WEFT_E_PARSE, "key must be a scalar");
    assert_refused(STR("a: !!str 1"), WEFT_E_UNSUPPORTED, "line 1, column 4: tags are not supported");
    assert_refused(STR("a: !!python/object:os.system {}"), WEFT_E_UNSUPPORTED, "tags");
    assert_refused(STR("!x a: 1"), WEFT_E_UNSUPPORTED, "tags");
    assert_refused(STR("a: 9223372036854775808"), WEFT_E_PARSE, "line 1, column 4: number out of range");
    assert_refused(STR("a: -1e999"), WEFT_E_PARSE, "number out of range");
    assert_refused(STR("a: \"\\0\""), WEFT_E_PARSE, "NUL in a scalar");
    assert_refused(STR("\"\\0\": a"), WEFT_E_PARSE, "NUL in a key");
    assert_refused(STR("a: \xff"), WEFT_E_PARSE, "UTF-8");
    assert_refused(STR("a: \"\\ud800\""), WEFT_E_PARSE, "line 1");
    assert_refused(STR("a\0b"), WEFT_E_PARSE, "line 1");
    assert_refused(STR("@x"), WEFT_E_PARSE, "line 1, column 1");
    assert_refused(STR("a: 1\n...\nb: ]"), WEFT_E_PARSE, "line 3");
}

static void knows_the_lines(void **state) {
    struct yaml_docs d;
    assert_int_equal(yaml_parse(&d, STR("# c\na: x\nb:\n  - 5\n  - k: v\n---\nc: {d: e}\n"), NULL), 0);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.line[0], 2);
    assert_int_equal(d.line[1], 7);
    const json_t *b = json_object_get(d.at[0], "b");
    assert_int_equal(yaml_line(&d, d.at[0]), 2);
    assert_int_equal(yaml_line(&d, json_object_get(d.at[0], "a")), 2);
    assert_int_equal(yaml_line(&d, b), 4);
    assert_int_equal(yaml_line(&d, json_array_get(b, 0)), 4);
    assert_int_equal(yaml_line(&d, json_array_get(b, 1)), 5);
    assert_int_equal(yaml_line(&d, json_object_get(json_object_get(d.at[1], "c"), "d")), 7);
    json_t *foreign = json_object();
    assert_int_equal(yaml_line(&d, foreign), 0);
    assert_int_equal(yaml_line(&d, NULL), 0);
    json_decref(foreign);
    yaml_docs_fini(&d);
    assert_int_equal(yaml_line(&d, NULL), 0);
}

static void prints_block_style(void **state) {
    json_t *v;
    assert_int_equal(
        json_parse(&v, STR("{\"kind\":\"Mesh\",\"num\":[1,[2,3],{\"a\":\"yes\",\"b\":{\"c\":null}}],\"e\":{},\"f\":[]}"), NULL),
        0);
    struct buf b = {0};
    yaml_print(&b, v);
    assert_string_equal(buf_z(&b).ptr,
                        "kind: Mesh\nnum:\n  - 1\n  - - 2\n    - 3\n  - a: \"yes\"\n    b:\n      c: null\ne: {}\nf: []\n");
    buf_fini(&b);
    json_decref(v);
}

static void assert_round_trip(json_t *v) {
    struct buf b = {0};
    struct yaml_docs d;
    struct err e = {0};
    yaml_print(&b, v);
    if (yaml_parse(&d, buf_str(&b), &e) != 0)
        fail_msg(STR_FMT "\n%s", STR_ARG(buf_str(&b)), e.msg);
    if (d.n != 1 || !json_equal(d.at[0], v))
        fail_msg("differs:\n" STR_FMT, STR_ARG(buf_str(&b)));
    yaml_docs_fini(&d);
    buf_fini(&b);
}

static void reads_back_what_it_prints(void **state) {
    static const char *const strings[] = {"",
                                          " ",
                                          "a",
                                          "a b",
                                          " a",
                                          "a ",
                                          "a  b",
                                          "null",
                                          "~",
                                          "True",
                                          "yes",
                                          "Off",
                                          "1",
                                          "-1",
                                          "1e5",
                                          "0x10",
                                          "1.5",
                                          ".5",
                                          "-",
                                          "- a",
                                          "a: b",
                                          "a:",
                                          ":a",
                                          "a:b",
                                          "a #b",
                                          "#a",
                                          "?",
                                          "? a",
                                          "!t",
                                          "&a",
                                          "*a",
                                          "[a]",
                                          "{a}",
                                          "a,b",
                                          "%a",
                                          "@a",
                                          "`a`",
                                          "'a'",
                                          "\"a\"",
                                          "|",
                                          ">",
                                          "a\nb",
                                          "\n",
                                          "a\tb",
                                          "\t",
                                          "\r\n",
                                          "---",
                                          "...",
                                          "--- a",
                                          "=",
                                          "<<",
                                          "/a/b",
                                          "_x",
                                          "a\\b",
                                          "\x7f",
                                          "\xc2\x85",
                                          "\xc2\xa0",
                                          "\xe2\x80\xa8",
                                          "\xef\xbb\xbf",
                                          "\xef\xbf\xbe",
                                          "\xf0\x9f\x98\x80",
                                          "gr\xc3\xbc\xc3\x9f",
                                          "\x01\x1f",
                                          "e5",
                                          "+1",
                                          "1_0"};
    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
        json_t *v = json_object();
        json_object_set_new(v, strings[i], json_string(strings[i]));
        json_object_set_new(v, "list", json_pack("[s,{s:s},[s]]", strings[i], strings[i], strings[i], strings[i]));
        assert_round_trip(v);
        assert_round_trip(json_object_get(v, strings[i]));
        json_decref(v);
    }
}

static void reads_back_long_keys(void **state) {
    char key[3001] = {0};
    for (size_t n = 990; n <= 3000; n += 6) {
        memset(key, n % 4 ? 'k' : '#', n);
        key[n] = '\0';
        json_t *v = json_pack("{s:[{s:s,s:{s:i}},i]}", key, key, key, "x", key, "y", 1, 2);
        assert_round_trip(v);
        json_decref(v);
    }
}

static void reads_back_numbers(void **state) {
    static const char *const texts[] = {"[0.1,-0.0,1e+300,5e-324,100000.0,30.0]",
                                        "[9223372036854775807,-9223372036854775808]",
                                        "[]",
                                        "{}",
                                        "[[],{},[[]],[{}]]",
                                        "{\"a\":[[[1]],[[2]]]}",
                                        "7",
                                        "null"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *v;
        assert_int_equal(json_parse(&v, str_of(texts[i]), NULL), 0);
        assert_round_trip(v);
        json_decref(v);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_collections),      cmocka_unit_test(reads_scalars_by_the_core_schema),
        cmocka_unit_test(reads_documents),        cmocka_unit_test(reads_aliases_as_copies),
        cmocka_unit_test(bounds_aliases),         cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(refuses_with_the_place), cmocka_unit_test(knows_the_lines),
        cmocka_unit_test(prints_block_style),     cmocka_unit_test(reads_back_what_it_prints),
        cmocka_unit_test(reads_back_long_keys),   cmocka_unit_test(reads_back_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
