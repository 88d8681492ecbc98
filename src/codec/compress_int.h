// SPDX-License-Identifier: Apache-2.0
#pragma once
/* compress_int: what a coding implements. Private to codec/compress*.c. */
#include "base/buf.h"
#include "codec/compress.h"

#define COMPRESS__ROOM 16384u /* octets of room given to a library at a time */

struct compress_ops {
    const char *coding;
    size_t (*cost)(const struct compress_cfg *cfg); /* octets of memory that a stream takes, about */
    void *(*open)(const struct compress_cfg *cfg);  /* NULL: no memory */
    bool (*again)(void *lib);                       /* ready for a new stream with the same settings; false: it cannot */
    int (*run)(void *lib, struct str in, enum compress_op op, struct buf *out);
    void (*close)(void *lib);
};
extern const struct compress_ops compress__gzip, compress__brotli, compress__zstd;
