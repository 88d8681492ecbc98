// SPDX-License-Identifier: Apache-2.0
/* Any text is read or refused with its place; what is read is JSON, knows its line, and reads back when printed. */
#include "codec/yaml.h"
#include "base/mem.h"

static void check_document(const struct yaml_docs *d, size_t i) {
    struct buf b = {0};
    struct yaml_docs again;
    json_t *v;
    yaml_print(&b, d->at[i]);
    WEFT_ASSERT(yaml_parse(&again, buf_str(&b), NULL) == 0);
    WEFT_ASSERT(again.n == 1 && json_equal(d->at[i], again.at[0]));
    yaml_docs_fini(&again);
    buf_fini(&b);
    json_print(&b, d->at[i], false);
    WEFT_ASSERT(json_parse(&v, buf_str(&b), NULL) == 0);
    WEFT_ASSERT(json_equal(d->at[i], v));
    json_decref(v);
    buf_fini(&b);
    WEFT_ASSERT(d->line[i] > 0 && (i == 0 || d->line[i] >= d->line[i - 1]));
    if (json_is_object(d->at[i]) || json_is_array(d->at[i]))
        WEFT_ASSERT(yaml_line(d, d->at[i]) == d->line[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err e = {0};
    struct yaml_docs d;
    int rc = yaml_parse(&d, str_n(data, size), &e);
    WEFT_ASSERT(rc == 0 ? e.msg[0] == '\0' : strncmp(e.msg, "line ", 5) == 0 && d.n == 0);
    for (size_t i = 0; i < d.n; i++)
        check_document(&d, i);
    yaml_docs_fini(&d);
    return 0;
}
