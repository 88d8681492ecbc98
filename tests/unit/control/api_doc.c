// SPDX-License-Identifier: Apache-2.0
#include "control/api_doc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "control/api_calls.h"

/* docs/reference/rest.md is what the tables make (src/control/meson.build tells how to make it anew). */
static void reference_page(void **state) {
    struct buf b = {0};
    char have[65536];
    api_doc(&b);
    FILE *f = fopen(REST_MD, "r");
    assert_non_null(f);
    size_t n = fread(have, 1, sizeof have, f);
    fclose(f);
    assert_true(str_eq(str_n(have, n), buf_str(&b)));
    buf_fini(&b);
}

static json_t *at(json_t *o, const char *path) {
    struct str rest = str_of(path);
    while (o && rest.ptr) {
        struct str name = str_cut(&rest, ' ');
        o = json_object_getn(o, name.ptr, name.len);
    }
    if (!o)
        fail_msg("there is no %s", path);
    return o;
}

/* Every reference leads somewhere. */
static void follow(json_t *doc, json_t *v) {
    const char *key;
    json_t *member;
    size_t i;
    const char *ref = json_string_value(json_object_get(v, "$ref"));
    if (ref) {
        assert_memory_equal(ref, "#/components/schemas/", 21);
        assert_non_null(json_object_get(at(doc, "components schemas"), ref + 21));
    }
    json_object_foreach(v, key, member) follow(doc, member);
    json_array_foreach(v, i, member) follow(doc, member);
}

static void document(void **state) {
    json_t *doc = api_openapi_document();
    size_t n = 0;
    const char *path;
    json_t *methods;
    follow(doc, doc);
    assert_string_equal(json_string_value(at(doc, "openapi")), "3.1.0");
    json_object_foreach(at(doc, "paths"), path, methods) n += json_object_size(methods);
    assert_int_equal(n, api_n_calls);
    json_t *weight = at(doc, "components schemas Registration properties weight");
    assert_int_equal(json_integer_value(at(weight, "maximum")), 1000000);
    assert_int_equal(json_integer_value(at(weight, "default")), 100);
    json_t *ttl = at(doc, "components schemas Registration properties ttl");
    assert_int_equal(json_integer_value(at(ttl, "exclusiveMinimum")), 0);
    assert_int_equal(json_array_size(at(ttl, "type")), 2);
    assert_int_equal(json_array_size(at(doc, "components schemas Registration required")), 5);
    assert_int_equal(json_array_size(at(doc, "components schemas Endpoint required")), 14);
    assert_int_equal(json_array_size(at(doc, "components schemas MeshConfig required")), 15);
    assert_int_equal(json_array_size(at(doc, "components schemas MeshConfigPatch required")), 0);
    assert_int_equal(json_array_size(at(doc, "components schemas TrafficRule required")), 10);
    json_decref(doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_page), cmocka_unit_test(document)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
