// SPDX-License-Identifier: Apache-2.0
/* What comes out is what other libraries' decoders make of it; here the codings' own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>
#include "base/rand.h"
#include "codec/compress.c"

/* Decodes as much as there is into out; the number of octets, whether the stream has ended. */
static size_t decode(enum compress_kind kind, struct str coded, char *out, size_t cap, bool *end) {
    if (kind == COMPRESS_GZIP) {
        z_stream z = {.next_in = (Bytef *)(uintptr_t)coded.ptr,
                      .avail_in = (uInt)coded.len,
                      .next_out = (Bytef *)out,
                      .avail_out = (uInt)cap};
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        int r = inflate(&z, Z_SYNC_FLUSH);
        assert_true(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR);
        *end = r == Z_STREAM_END && z.avail_in == 0;
        inflateEnd(&z);
        return z.total_out;
    }
    if (kind == COMPRESS_BROTLI) {
        BrotliDecoderState *b = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        size_t in = coded.len, left = cap;
        const uint8_t *from = (const uint8_t *)coded.ptr;
        uint8_t *to = (uint8_t *)out;
        assert_int_not_equal(BrotliDecoderDecompressStream(b, &in, &from, &left, &to, NULL), BROTLI_DECODER_RESULT_ERROR);
        *end = BrotliDecoderIsFinished(b) && in == 0;
        BrotliDecoderDestroyInstance(b);
        return cap - left;
    }
    ZSTD_DCtx *z = ZSTD_createDCtx();
    ZSTD_inBuffer from = {coded.ptr, coded.len, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    size_t r = ZSTD_decompressStream(z, &to, &from);
    assert_false(ZSTD_isError(r));
    *end = r == 0 && from.pos == from.size;
    ZSTD_freeDCtx(z);
    return to.pos;
}

static char *make_text(size_t n, uint64_t seed) {
    struct rand r;
    rand_init(&r, seed);
    char *text = mem_alloc(n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(i % 97 < 60 ? 'a' + i % 7 : rand_below(&r, 256)); /* half of it is worth compressing */
    return text;
}

static void test_round_trip(void **state) {
    static const size_t sizes[] = {0, 1, 30, 1000, 65536, 1000000};
    static const size_t steps[] = {1, 1460, 65536};
    for (int kind = 0; kind < COMPRESS_KINDS; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
                if (sizes[i] / steps[k] > 100000)
                    continue;
                struct compress_pool p = {0};
                struct compress_cfg cfg = compress_default((enum compress_kind)kind);
                struct compressor *c = compress_take(&p, &cfg);
                struct buf out = {0};
                char *text = make_text(sizes[i], i), *back = mem_alloc(sizes[i] + 1);
                struct str rest = str_n(text, sizes[i]);
                while (rest.len > steps[k]) {
                    assert_int_equal(compress_run(c, str_first(rest, steps[k]), COMPRESS_RUN, &out), 0);
                    rest = str_from(rest, steps[k]);
                }
                assert_int_equal(compress_run(c, rest, COMPRESS_END, &out), 0);
                bool end;
                assert_int_equal(decode((enum compress_kind)kind, buf_str(&out), back, sizes[i] + 1, &end), sizes[i]);
                assert_true(end);
                assert_memory_equal(text, back, sizes[i]);
                compress_give(&p, &c);
                compress_pool_fini(&p);
                buf_fini(&out);
                free(text);
                free(back);
            }
}

static void test_flush(void **state) {
    for (int kind = 0; kind < COMPRESS_KINDS; kind++) {
        struct compress_pool p = {0};
        struct compress_cfg cfg = compress_default((enum compress_kind)kind);
        struct compressor *c = compress_take(&p, &cfg);
        struct buf out = {0};
        char back[100];
        bool end;
        assert_int_equal(compress_run(c, STR("data: 1\n\n"), COMPRESS_FLUSH, &out), 0);
        assert_int_equal(decode((enum compress_kind)kind, buf_str(&out), back, sizeof back, &end), 9);
        assert_false(end);
        size_t len = out.len;
        assert_int_equal(compress_run(c, STR_NONE, COMPRESS_FLUSH, &out), 0); /* twice is fine */
        assert_true(out.len < len + 10);
        assert_int_equal(compress_run(c, STR("data: 2\n\n"), COMPRESS_RUN, &out), 0);
        assert_int_equal(compress_run(c, STR_NONE, COMPRESS_FLUSH, &out), 0);
        assert_int_equal(decode((enum compress_kind)kind, buf_str(&out), back, sizeof back, &end), 18);
        compress_give(&p, &c); /* cut short: the next stream must not see it */
        c = compress_take(&p, &cfg);
        buf_cut(&out, 0);
        assert_int_equal(compress_run(c, STR("x"), COMPRESS_END, &out), 0);
        assert_int_equal(decode((enum compress_kind)kind, buf_str(&out), back, sizeof back, &end), 1);
        assert_true(end);
        compress_give(&p, &c);
        compress_pool_fini(&p);
        buf_fini(&out);
    }
}

/* What cannot be compressed grows by little, whatever the size of the pieces. */
static void test_bounded(void **state) {
    struct rand r;
    rand_init(&r, 3);
    char *noise = mem_alloc(65536);
    for (size_t i = 0; i < 65536; i++)
        noise[i] = (char)rand_below(&r, 256);
    for (int kind = 0; kind < COMPRESS_KINDS; kind++) {
        struct compress_pool p = {0};
        struct compress_cfg cfg = compress_default((enum compress_kind)kind);
        struct compressor *c = compress_take(&p, &cfg);
        struct buf out = {0};
        for (int i = 0; i < 16; i++)
            assert_int_equal(compress_run(c, str_n(noise, 65536), COMPRESS_FLUSH, &out), 0);
        assert_int_equal(compress_run(c, STR_NONE, COMPRESS_END, &out), 0);
        assert_true(out.len < 16 * 65536 + 16 * 1024);
        compress_give(&p, &c);
        compress_pool_fini(&p);
        buf_fini(&out);
    }
    free(noise);
}

static void test_pool(void **state) {
    struct compress_pool p = {0};
    struct compress_cfg gzip = compress_default(COMPRESS_GZIP), other = gzip, huge = compress_default(COMPRESS_BROTLI);
    struct compressor *c = compress_take(&p, &gzip), *first = c;
    compress_give(&p, &c);
    assert_null(c);
    other.level = 9;
    c = compress_take(&p, &other);
    assert_ptr_not_equal(c, first);
    struct compressor *d = compress_take(&p, &gzip);
    assert_ptr_equal(d, first); /* kept, and for equal settings only */
    compress_give(&p, &d);
    compress_give(&p, &c);
    huge.level = 11;
    huge.window_bits = 24;
    c = compress_take(&p, &huge); /* over the budget alone: one is always served ... */
    assert_non_null(c);
    assert_int_equal(p.n_kept, 0); /* ... and takes the place of those kept */
    assert_null(compress_take(&p, &huge));
    assert_null(compress_take(&p, &gzip));
    compress_give(&p, &c);
    struct compressor *many[2000];
    size_t n = 0;
    while (n < 2000 && (many[n] = compress_take(&p, &gzip)))
        n++;
    assert_true(n > 100 && n < 2000);
    assert_true(p.held <= COMPRESS_BUDGET);
    while (n)
        compress_give(&p, &many[--n]);
    assert_int_equal(p.live, 0);
    assert_true(p.n_kept <= KEEP);
    compress_pool_fini(&p);
    assert_int_equal(p.held, 0);
}

static void test_valid(void **state) {
    struct compress_cfg c = compress_default(COMPRESS_GZIP);
    assert_true(compress_valid(&c));
    c.window_bits = 8;
    assert_false(compress_valid(&c));
    c = compress_default(COMPRESS_GZIP);
    c.level = 0;
    assert_false(compress_valid(&c));
    c = compress_default(COMPRESS_BROTLI);
    assert_true(compress_valid(&c));
    c.level = 12;
    assert_false(compress_valid(&c));
    c = compress_default(COMPRESS_BROTLI);
    c.block_bits = 15;
    assert_false(compress_valid(&c));
    c = compress_default(COMPRESS_ZSTD);
    assert_true(compress_valid(&c));
    c.level = 23;
    assert_false(compress_valid(&c));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_flush),
                                       cmocka_unit_test(test_bounded), cmocka_unit_test(test_pool), cmocka_unit_test(test_valid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
