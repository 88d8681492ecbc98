// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "xds/fields.c"
#include "xds/pbjson_int.h"

/* Binary search needs it. */
static void messages_are_in_order(void **state) {
    for (size_t i = 0; i + 1 < N_TABLE; i++)
        assert_true(strcmp(table[i].message, table[i + 1].message) < 0);
    for (size_t i = 0; i < N_TABLE; i++)
        assert_ptr_equal(xds_fields_of(table[i].message), &table[i]);
    assert_null(xds_fields_of("envoy.None"));
}

/* Where a row stands for a field of ours, it means that one. */
static void rows_agree_with_the_descriptors(void **state) {
    for (size_t i = 0; i < N_TABLE; i++) {
        const ProtobufCMessageDescriptor *d = pbjson_type(str_of(table[i].message));
        for (size_t k = 0; d && k < table[i].n; k++) {
            const struct xds_field *row = &table[i].at[k];
            const ProtobufCFieldDescriptor *by_number = protobuf_c_message_descriptor_get_field(d, row->number);
            const ProtobufCFieldDescriptor *by_name = protobuf_c_message_descriptor_get_field_by_name(d, row->name);
            if (by_number != by_name)
                fail_msg("%s: %s is not %u", d->name, row->name, row->number);
            assert_true(row->use != FIELD_USED || by_name); /* only what we have can be used */
            assert_true(row->why[0]);
        }
    }
}

/* docs/reference/envoy.md is what the table makes (src/xds/meson.build tells how to make it anew). */
static void the_page_is_current(void **state) {
    struct buf want = {0};
    FILE *f = fopen(ENVOY_MD, "rb");
    assert_non_null(f);
    char *got = mem_alloc(1 << 20);
    size_t n = fread(got, 1, 1 << 20, f);
    fclose(f);
    xds_fields_doc(&want);
    assert_true(str_eq(str_n(got, n), buf_str(&want)));
    buf_fini(&want);
    free(got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_in_order),
        cmocka_unit_test(rows_agree_with_the_descriptors),
        cmocka_unit_test(the_page_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
