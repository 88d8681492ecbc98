// SPDX-License-Identifier: Apache-2.0
#pragma once
/* compress: content codings that we apply (RFC 9110 §8.4.1): gzip (RFC 1952), br (RFC 7932), zstd (RFC 8878). One stream of
 * octets in, one coded stream out; never the other way, so nobody can make us unfold a bomb. Each coding is one file with one
 * const ops struct (compress_int.h). What a stream costs is told by its settings; a pool lends compressors up to a budget and
 * keeps a few for the next stream with equal settings. Threads: a pool and its compressors have one owner; settings are read
 * only. Tests: tests/unit/codec/compress.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/str.h"
struct buf;

enum compress_kind { COMPRESS_GZIP, COMPRESS_BROTLI, COMPRESS_ZSTD, COMPRESS_KINDS };

struct compress_cfg { /* all values are in the library's range: compress_valid */
    enum compress_kind kind;
    int level;                /* gzip -1 (its default), 1 to 9; brotli 0 to 11; zstd 1 to 22 */
    unsigned window_bits;     /* gzip 9 to 15; brotli 10 to 24; zstd: not used */
    unsigned memory_level;    /* gzip 1 to 9 */
    unsigned strategy;        /* zlib's Z_*; zstd's ZSTD_strategy, 0: by level */
    unsigned mode;            /* brotli: BrotliEncoderMode */
    unsigned block_bits;      /* brotli 16 to 24; 0: by level */
    bool checksum;            /* zstd */
    bool no_literal_modeling; /* brotli */
};
/* Envoy's defaults for that coding. */
struct compress_cfg compress_default(enum compress_kind kind);
bool compress_valid(const struct compress_cfg *cfg);
struct str compress_coding(enum compress_kind kind); /* the registered name: "gzip", "br", "zstd" */

enum compress_op {
    COMPRESS_RUN,   /* takes the input; output comes when it is worth it */
    COMPRESS_FLUSH, /* and all of it can be decoded from what is out by then */
    COMPRESS_END,   /* and the stream is over: only compress_give may follow */
};
struct compressor;

/* Appends to `out`. Its growth is bounded by the coding's worst case: `in` plus a few octets per 16 KiB, and what earlier RUNs
 * held back (a window at most). 0, or WEFT_E_LIMIT when the library fails (which only lack of memory or a bug can cause). */
int compress_run(struct compressor *c, struct str in, enum compress_op op, struct buf *out) __attribute__((warn_unused_result));

#define COMPRESS_BUDGET (64u << 20) /* octets that the compressors of one pool may hold together */

struct compress_pool { /* zeros are an empty one */
    struct list kept;  /* the freshest first */
    unsigned n_kept;
    unsigned live; /* lent */
    size_t held;   /* octets, of those lent and kept */
};
/* For a new stream; NULL when the budget is spent: then the response goes out as it is. One stream is always served. */
struct compressor *compress_take(struct compress_pool *p, const struct compress_cfg *cfg);
void compress_give(struct compress_pool *p, struct compressor **c); /* NULL is fine */
void compress_pool_fini(struct compress_pool *p);                   /* none may be lent */
