// SPDX-License-Identifier: Apache-2.0
#pragma once
/* blocks: small objects that are made and freed for each request: free lists by size, of one thread, so that the hot path does
 * not go to malloc. Under AddressSanitizer nothing is kept, or a use after the end would go unseen. A struct of zeros is empty.
 * Tests: tests/unit/base/blocks.c */
#include <stddef.h>

enum {
    BLOCKS_STEP = 64,   /* octets: a block has room for the next multiple of it */
    BLOCKS_CLASSES = 8, /* larger ones are malloc's */
    BLOCKS_SPARE = 128, /* kept of a size at most */
};
struct block_pool { /* private */
    struct block_spare {
        struct block *first;
        unsigned n;
    } spare[BLOCKS_CLASSES];
};
/* `pool` NULL: from malloc, and back. The same size and pool are given back. */
void *block_take(struct block_pool *pool, size_t size) __attribute__((returns_nonnull)); /* not zeroed */
void block_give(struct block_pool *pool, void *block, size_t size);                      /* NULL: nothing */
void block_pool_fini(struct block_pool *pool);                                           /* frees what is spare */
