// SPDX-License-Identifier: Apache-2.0
#include "policy/coding.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/buf.h"

static struct compressor_filter filter(const char *name, enum compress_kind kind) {
    return (struct compressor_filter){.name = str_of(name), .cfg = compress_default(kind), .min_length = COMPRESS_MIN_LENGTH};
}

static struct msg html(struct arena *a) {
    struct msg m = {.status = 200, .content_length = 1000};
    msg_add(&m.fields, a, HDR_CONTENT_TYPE, STR("text/html; charset=utf-8"));
    return m;
}

static const char *name_of(struct coding_pick pick) {
    return pick.by ? compress_coding(pick.by->cfg.kind).ptr : "-";
}

/* ---- Accept-Encoding, with filters gzip, br, zstd in this order ---- */

static const struct {
    const char *accept; /* NULL: none */
    const char *coding; /* "-": as it is */
} accepts[] = {
    {NULL, "-"},
    {"", "-"},
    {"gzip", "gzip"},
    {"GZip", "gzip"},
    {"br", "br"},
    {"zstd", "zstd"},
    {"deflate", "-"},
    {"identity", "-"},
    {"gzip, br", "gzip"}, /* the client's first of equals */
    {"br, gzip", "br"},
    {"gzip;q=0.5, br;q=0.8", "br"},
    {"gzip;q=0.5,br;q=0.500,zstd;q=0.501", "zstd"},
    {"gzip ; q=0.1 , br ; Q=0.2", "br"},
    {"gzip;q=0", "-"},
    {"gzip;q=0.0, br;q=0.000", "-"},
    {"*", "gzip"},
    {"*;q=0", "-"},
    {"gzip;q=0, *", "br"},
    {"gzip;q=0,br;q=0, *;q=0.1", "zstd"},
    {"gzip;q=0, br;q=0, zstd;q=0, *", "-"},
    {"identity;q=0", "-"}, /* then there is none at all, and the response goes out as it is (RFC 9110 §12.5.3) */
    {"identity;q=0, *", "gzip"},
    {"identity;q=0.5, gzip;q=0.4", "-"},
    {"identity;q=0.5, gzip;q=0.6", "gzip"},
    {"deflate, gzip;q=0.001", "gzip"},
    {"gzip;q=", "-"}, /* malformed weights: as if it had not been said */
    {"gzip;q=x, br;q=0.1", "br"},
    {"gzip;q=1.001", "-"},
    {"gzip;q=2", "-"},
    {"gzip;q=-1", "-"},
    {"gzip;q=0.1234", "-"},
    {"gzip;q=1.000", "gzip"},
    {"gzip;q=1.", "gzip"},
    {"gzip;level=9", "gzip"},
    {"gzip;level=9;q=0", "-"},
    {",,gzip,,", "gzip"},
    {";q=1, gzip", "gzip"},
    {"gzip gzip", "-"},
    {"x-gzip", "-"},
    {"gzip, gzip;q=0", "-"}, /* said twice: what is refused is not sent */
};

static void test_accept(void **state) {
    struct arena a = {0};
    const struct compressor_filter filters[] = {filter("g", COMPRESS_GZIP), filter("b", COMPRESS_BROTLI),
                                                filter("z", COMPRESS_ZSTD)};
    struct msg m = html(&a);
    for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++) {
        struct coding_in in = {.filters = filters, .n_filters = 3, .accept = str_of(accepts[i].accept), .response = &m};
        struct coding_pick pick = coding_pick(&in);
        if (strcmp(name_of(pick), accepts[i].coding) != 0)
            fail_msg("\"%s\": %s, not %s", accepts[i].accept, name_of(pick), accepts[i].coding);
        assert_true(pick.vary); /* whatever this client accepts, it depends on it */
    }
    arena_fini(&a);
}

/* A list as long as it likes costs a walk, not a walk for each of its elements: that would not end here. */
static void test_long_list(void **state) {
    struct arena a = {0};
    const struct compressor_filter filters[] = {filter("g", COMPRESS_GZIP), filter("b", COMPRESS_BROTLI)};
    struct msg m = html(&a);
    struct buf accept = {0};
    for (int i = 0; i < 500000; i++)
        buf_add(&accept, STR("gzip,br,x,"));
    buf_add(&accept, STR("gzip;q=0"));
    struct coding_in in = {.filters = filters, .n_filters = 2, .accept = buf_str(&accept), .response = &m};
    assert_string_equal(name_of(coding_pick(&in)), "br");
    buf_fini(&accept);
    arena_fini(&a);
}

static void test_choose_first(void **state) {
    struct arena a = {0};
    struct compressor_filter filters[] = {filter("g", COMPRESS_GZIP), filter("b", COMPRESS_BROTLI), filter("z", COMPRESS_ZSTD)};
    struct msg m = html(&a);
    struct coding_in in = {.filters = filters, .n_filters = 3, .accept = STR("gzip, br, zstd"), .response = &m};
    filters[1].choose_first = true;
    assert_string_equal(name_of(coding_pick(&in)), "br");
    filters[2].choose_first = true; /* the last that the client names */
    assert_string_equal(name_of(coding_pick(&in)), "zstd");
    in.accept = STR("gzip, br;q=0.9, zstd;q=0.9"); /* only among equals */
    assert_string_equal(name_of(coding_pick(&in)), "gzip");
    arena_fini(&a);
}

/* ---- responses ---- */

struct fields {
    unsigned status;
    int length;
    const char *type; /* NULL: none */
    enum hdr_id id;
    const char *value;
    bool coded, vary;
};
static const struct fields responses[] = {
    {200, 30, "text/plain", 0, NULL, true, true},
    {200, 29, "text/plain", 0, NULL, false, false},
    {200, -1, "text/plain", 0, NULL, true, true},
    {404, 500, "application/json", 0, NULL, true, true},
    {200, 500, "APPLICATION/JSON ; x", 0, NULL, true, true},
    {200, 500, "image/png", 0, NULL, false, false},
    {200, 500, NULL, 0, NULL, true, true},
    {200, 500, "application/grpc", 0, NULL, false, false},
    {200, 500, "application/grpc+proto", 0, NULL, false, false},
    {200, 500, "application/grpc-web", 0, NULL, true, true},
    {206, 500, "text/plain", 0, NULL, false, false},
    {204, -1, "text/plain", 0, NULL, false, true},
    {304, 500, "text/plain", 0, NULL, false, true},
    {103, -1, "text/plain", 0, NULL, false, false},
    {416, 500, "text/plain", HDR_CONTENT_RANGE, "bytes */500", false, false},
    {200, 500, "text/plain", HDR_CONTENT_ENCODING, "br", false, false},
    {200, 500, "text/plain", HDR_CACHE_CONTROL, "max-age=3, No-Transform", false, false},
    {200, 500, "text/plain", HDR_CACHE_CONTROL, "no-transforms", true, true},
    {200, 500, "text/plain", HDR_ETAG, "\"x\"", true, true},
    {410, 500, "text/plain", 0, NULL, false, false}, /* spared by the filter */
};

static void test_responses(void **state) {
    static uint16_t spared[] = {410};
    struct compressor_filter f = filter("g", COMPRESS_GZIP);
    f.spared = spared;
    f.n_spared = 1;
    for (size_t i = 0; i < sizeof responses / sizeof *responses; i++) {
        const struct fields *r = &responses[i];
        struct arena a = {0};
        struct msg m = {.status = (uint16_t)r->status, .content_length = r->length};
        if (r->type)
            msg_add(&m.fields, &a, HDR_CONTENT_TYPE, str_of(r->type));
        if (r->value)
            msg_add(&m.fields, &a, r->id, str_of(r->value));
        struct coding_in in = {.filters = &f, .n_filters = 1, .accept = STR("gzip"), .response = &m};
        struct coding_pick pick = coding_pick(&in);
        if ((pick.by != NULL) != r->coded || pick.vary != r->vary)
            fail_msg("response %zu: coded %d, vary %d", i, pick.by != NULL, pick.vary);
        arena_fini(&a);
    }
}

static void test_no_body(void **state) {
    struct arena a = {0};
    const struct compressor_filter f = filter("g", COMPRESS_GZIP);
    struct msg m = html(&a);
    struct coding_in in = {.filters = &f, .n_filters = 1, .accept = STR("gzip"), .response = &m, .method = METHOD_HEAD};
    assert_null(coding_pick(&in).by);
    assert_true(coding_pick(&in).vary);
    in.method = METHOD_GET;
    in.end = true;
    assert_null(coding_pick(&in).by);
    in.end = false;
    assert_non_null(coding_pick(&in).by);
    m.upgrade = STR("websocket");
    assert_null(coding_pick(&in).by);
    m.upgrade = STR_NONE;
    msg_add_name(&m.fields, &a, STR("Content-Digest"), STR("sha-256=:x:"));
    assert_null(coding_pick(&in).by);
    arena_fini(&a);
}

static void test_filters(void **state) {
    struct arena a = {0};
    struct compressor_filter filters[] = {filter("small", COMPRESS_GZIP), filter("large", COMPRESS_GZIP),
                                          filter("b", COMPRESS_BROTLI)};
    struct msg m = html(&a);
    struct coding_in in = {.filters = filters, .n_filters = 3, .accept = STR("gzip, br;q=0.5"), .response = &m};
    assert_ptr_equal(coding_pick(&in).by, &filters[1]); /* responses pass backwards */
    filters[1].min_length = 1001;
    assert_ptr_equal(coding_pick(&in).by, &filters[0]);
    filters[0].off = true;
    assert_null(coding_pick(&in).by); /* gzip is still the choice, and nobody does it */
    assert_true(coding_pick(&in).vary);
    filters[0].off = false;
    const struct str off[] = {STR("small"), STR("b")};
    in.off = off;
    in.n_off = 2;
    assert_null(coding_pick(&in).by);
    assert_false(coding_pick(&in).vary);
    in.n_off = 0;
    struct str js[] = {STR("application/javascript")};
    filters[0].types = filters[1].types = js;
    filters[0].n_types = filters[1].n_types = 1;
    assert_ptr_equal(coding_pick(&in).by, &filters[2]); /* gzip is not for this type: it does not stand in the way */
    filters[2].disable_on_etag = true;
    msg_add(&m.fields, &a, HDR_ETAG, STR("\"x\""));
    assert_null(coding_pick(&in).by);
    filters[2].weaken_etag = true;
    assert_non_null(coding_pick(&in).by);
    filters[0].remove_accept = true; /* those behind it do not know what the client accepts */
    assert_null(coding_pick(&in).by);
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accept),       cmocka_unit_test(test_long_list),
                                       cmocka_unit_test(test_choose_first), cmocka_unit_test(test_responses),
                                       cmocka_unit_test(test_no_body),      cmocka_unit_test(test_filters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
