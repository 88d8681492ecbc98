// SPDX-License-Identifier: Apache-2.0
/* zstd, by libzstd. */
#include <zstd.h>
#include "base/err.h"
#include "codec/compress_int.h"

/* A level's own window would be 2 MiB at level 3 and 128 MiB at 22; a web client need not take more than 8 MiB (RFC 9659), and
 * the memory of a stream follows it. 256 KiB is brotli's default here. */
#define WINDOW_BITS 18

/* About: window and block buffers, and the tables of the level. */
static size_t cost(const struct compress_cfg *cfg) {
    return (cfg->level <= 3 ? 1400u : cfg->level <= 12 ? 3000u : 6000u) * 1024u;
}

static void *open_stream(const struct compress_cfg *cfg) {
    ZSTD_CCtx *z = ZSTD_createCCtx();
    if (!z)
        return NULL;
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, cfg->level);
    ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, WINDOW_BITS);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, cfg->checksum);
    if (cfg->strategy)
        ZSTD_CCtx_setParameter(z, ZSTD_c_strategy, (int)cfg->strategy);
    return z;
}

static bool again(void *lib) {
    return !ZSTD_isError(ZSTD_CCtx_reset(lib, ZSTD_reset_session_only));
}

static int run(void *lib, struct str in, enum compress_op op, struct buf *out) {
    static const ZSTD_EndDirective what[] = {
        [COMPRESS_RUN] = ZSTD_e_continue, [COMPRESS_FLUSH] = ZSTD_e_flush, [COMPRESS_END] = ZSTD_e_end};
    ZSTD_inBuffer from = {.src = in.ptr, .size = in.len};
    size_t left;
    do {
        ZSTD_outBuffer to = {.dst = buf_room(out, COMPRESS__ROOM), .size = COMPRESS__ROOM};
        left = ZSTD_compressStream2(lib, &to, &from, what[op]);
        if (ZSTD_isError(left))
            return WEFT_E_LIMIT;
        buf_added(out, to.pos);
    } while (from.pos < from.size || (op != COMPRESS_RUN && left));
    return 0;
}

static void close_stream(void *lib) {
    ZSTD_freeCCtx(lib);
}

const struct compress_ops compress__zstd = {
    .coding = "zstd", .cost = cost, .open = open_stream, .again = again, .run = run, .close = close_stream};
