// SPDX-License-Identifier: Apache-2.0
/* gzip, by zlib. */
#include <zlib.h>
#include "base/err.h"
#include "base/mem.h"
#include "codec/compress_int.h"

#define GZIP_FORMAT 16 /* added to the window bits: gzip's header and trailer instead of zlib's */

static size_t cost(const struct compress_cfg *cfg) {
    return ((size_t)1 << (cfg->window_bits + 2)) + ((size_t)1 << (cfg->memory_level + 9)) + 6144; /* zconf.h's own formula */
}

static void *open_stream(const struct compress_cfg *cfg) {
    z_stream *z = mem_new(z_stream);
    int r =
        deflateInit2(z, cfg->level, Z_DEFLATED, (int)cfg->window_bits + GZIP_FORMAT, (int)cfg->memory_level, (int)cfg->strategy);
    if (r == Z_OK)
        return z;
    free(z);
    return NULL;
}

static bool again(void *lib) {
    return deflateReset(lib) == Z_OK;
}

static int run(void *lib, struct str in, enum compress_op op, struct buf *out) {
    static const int flush[] = {[COMPRESS_RUN] = Z_NO_FLUSH, [COMPRESS_FLUSH] = Z_SYNC_FLUSH, [COMPRESS_END] = Z_FINISH};
    z_stream *z = lib;
    z->next_in = (Bytef *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
    int r;
    do {
        z->next_out = (Bytef *)buf_room(out, COMPRESS__ROOM);
        z->avail_out = COMPRESS__ROOM;
        r = deflate(z, flush[op]);
        buf_added(out, COMPRESS__ROOM - z->avail_out);
    } while (z->avail_out == 0 && (r == Z_OK || r == Z_BUF_ERROR));
    /* Z_BUF_ERROR: nothing to do, as with two flushes in a row. */
    return r == Z_OK || r == Z_STREAM_END || (r == Z_BUF_ERROR && op != COMPRESS_END) ? 0 : WEFT_E_LIMIT;
}

static void close_stream(void *lib) {
    deflateEnd(lib);
    free(lib);
}

const struct compress_ops compress__gzip = {
    .coding = "gzip", .cost = cost, .open = open_stream, .again = again, .run = run, .close = close_stream};
