// SPDX-License-Identifier: Apache-2.0
/* br, by libbrotlienc. Its encoder cannot begin anew: none is kept. */
#include <brotli/encode.h>
#include "base/err.h"
#include "codec/compress_int.h"

/* About: the ring buffer, and the hasher that goes with the quality (hash.h of the library). */
static size_t cost(const struct compress_cfg *cfg) {
    size_t window = (size_t)1 << cfg->window_bits;
    if (cfg->level >= 10)
        return 14 * window + (1u << 20);
    if (cfg->level >= 5)
        return 3 * window + ((size_t)4 << ((cfg->level < 7 ? 14 : 15) + cfg->level - 1));
    return 3 * window + (1u << 20);
}

static void *open_stream(const struct compress_cfg *cfg) {
    BrotliEncoderState *b = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    if (!b)
        return NULL;
    BrotliEncoderSetParameter(b, BROTLI_PARAM_QUALITY, (uint32_t)cfg->level);
    BrotliEncoderSetParameter(b, BROTLI_PARAM_LGWIN, cfg->window_bits);
    BrotliEncoderSetParameter(b, BROTLI_PARAM_MODE, cfg->mode);
    if (cfg->block_bits)
        BrotliEncoderSetParameter(b, BROTLI_PARAM_LGBLOCK, cfg->block_bits);
    BrotliEncoderSetParameter(b, BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING, cfg->no_literal_modeling);
    return b;
}

static bool again(void *lib) {
    return false;
}

static void take_output(BrotliEncoderState *b, struct buf *out) {
    size_t n = 0;
    const uint8_t *from;
    while ((from = BrotliEncoderTakeOutput(b, &n)) && n) {
        buf_add(out, str_n(from, n));
        n = 0;
    }
}

static int run(void *lib, struct str in, enum compress_op op, struct buf *out) {
    static const BrotliEncoderOperation what[] = {[COMPRESS_RUN] = BROTLI_OPERATION_PROCESS,
                                                  [COMPRESS_FLUSH] = BROTLI_OPERATION_FLUSH,
                                                  [COMPRESS_END] = BROTLI_OPERATION_FINISH};
    BrotliEncoderState *b = lib;
    size_t left = in.len, room = 0;
    const uint8_t *from = (const uint8_t *)in.ptr;
    do {
        if (!BrotliEncoderCompressStream(b, what[op], &left, &from, &room, NULL, NULL))
            return WEFT_E_LIMIT;
        take_output(b, out);
    } while (left || BrotliEncoderHasMoreOutput(b) || (op == COMPRESS_END && !BrotliEncoderIsFinished(b)));
    return 0;
}

static void close_stream(void *lib) {
    BrotliEncoderDestroyInstance(lib);
}

const struct compress_ops compress__brotli = {
    .coding = "br", .cost = cost, .open = open_stream, .again = again, .run = run, .close = close_stream};
