// SPDX-License-Identifier: Apache-2.0
/* What parses must print, and the printed text must mean the same: as JSON in both forms, and as YAML. */
#include "base/mem.h"
#include "codec/yaml.h"

static void check_json(const json_t *v, bool pretty) {
    struct buf b = {0};
    json_t *again;
    json_print(&b, v, pretty);
    WEFT_ASSERT(json_parse(&again, buf_str(&b), NULL) == 0);
    WEFT_ASSERT(json_equal(v, again));
    json_decref(again);
    buf_fini(&b);
}

static void check_yaml(const json_t *v) {
    struct buf b = {0};
    struct yaml_docs d;
    yaml_print(&b, v);
    WEFT_ASSERT(yaml_parse(&d, buf_str(&b), NULL) == 0);
    WEFT_ASSERT(d.n == 1 && json_equal(v, d.at[0]));
    yaml_docs_fini(&d);
    buf_fini(&b);
}

/* A patch once applied changes nothing the second time. */
static void check_merge(const json_t *v) {
    json_t *once = json_merge_patch(NULL, v), *twice = json_merge_patch(once, v);
    WEFT_ASSERT(json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err e = {0};
    json_t *v;
    struct buf b = {0};
    json_print_str(&b, str_n(data, size));
    WEFT_ASSERT(json_parse(&v, buf_str(&b), NULL) == 0 || memchr(data, 0, size));
    json_decref(v);
    buf_fini(&b);
    int rc = json_parse(&v, str_n(data, size), &e);
    WEFT_ASSERT((rc == 0) == (v != NULL) && (rc == 0) == (e.msg[0] == '\0'));
    if (rc < 0)
        return 0;
    check_json(v, false);
    check_json(v, true);
    check_yaml(v);
    check_merge(v);
    json_decref(v);
    return 0;
}
