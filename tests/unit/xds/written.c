// SPDX-License-Identifier: Apache-2.0
/* What a file says stands again in what is encoded of it: written.yaml has fields that weft's own control plane does not set
 * (round_trip.c has those that it does). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "codec/yaml.h"
#include "io/file.h"
#include "sample.h"
#include "xds/pbjson.h"
#include "xds/xds.h"

static struct str message_name(enum xds_type type) {
    struct str url = xds_type_url(type);
    return str_from(url, (size_t)str_rchr(url, '/') + 1);
}

static struct buf printed(enum xds_type type, struct str bytes) {
    struct buf text = {0};
    struct err e = {0};
    json_t *v;
    if (pbjson_print(&v, message_name(type), bytes, true, &e) < 0)
        fail_msg("%s", e.msg);
    json_print(&text, v, true);
    json_decref(v);
    return text;
}

/* What is written for Envoy, or for an older one, and read by nobody here: what is left must be the same. */
static struct buf without(struct buf text) {
    struct buf out = {0};
    struct str rest = buf_str(&text);
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        struct str said = str_trim(line);
        if (!str_starts(said, STR("\"runtime_key\"")) && !str_starts(said, STR("\"total_weight\"")))
            buf_fmt(&out, STR_FMT "\n",
                    STR_ARG(said.len && said.ptr[said.len - 1] == ',' ? str_n(line.ptr, line.len - 1) : line));
    }
    buf_fini(&text);
    return out;
}

static void stays(enum xds_type type, const json_t *v) {
    struct arena a = {0};
    struct err e = {0};
    struct str bytes;
    void *model;
    if (pbjson_pack(&bytes, &a, message_name(type), v, NULL, &e) < 0 || xds_decode(type, bytes, &model, &e) < 0)
        fail_msg("%s", e.msg);
    struct xds_resource *again = sample_encode(type, model);
    struct buf want = without(printed(type, bytes)), got = without(printed(type, again->bytes));
    assert_string_equal(buf_z(&got).ptr, buf_z(&want).ptr);
    buf_fini(&want);
    buf_fini(&got);
    ref_put(again);
    ref_put(model);
    arena_fini(&a);
}

static json_t *table_of(json_t *route) {
    return json_pack("{s:s, s:[{s:s, s:[s], s:[O]}]}", "name", "t", "virtual_hosts", "name", "v", "domains", "*", "routes",
                     route);
}

static void test(void **state) {
    struct err e = {0};
    struct buf text = {0};
    struct yaml_docs docs;
    if (file_read(str_of(WRITTEN_YAML), 1 << 20, &text, &e) < 0 || yaml_parse(&docs, buf_str(&text), &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < docs.n; i++) {
        const char *url = json_string_value(json_object_get(docs.at[i], "@type"));
        int type = url ? xds_type_of_url(str_of(url)) : XDS_ROUTE;
        assert_true(type >= 0);
        json_t *v = url ? json_incref(docs.at[i]) : table_of(docs.at[i]);
        json_object_del(v, "@type");
        stays((enum xds_type)type, v);
        json_decref(v);
    }
    assert_true(docs.n > 20);
    yaml_docs_fini(&docs);
    buf_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
