// SPDX-License-Identifier: Apache-2.0
#include "base/blocks.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define KEEP 0
#elif defined(__has_feature)
#define KEEP (!__has_feature(address_sanitizer))
#else
#define KEEP 1
#endif

struct block {
    struct block *next;
};

static size_t rounded(size_t size) {
    return (size + BLOCKS_STEP - 1) / BLOCKS_STEP * BLOCKS_STEP;
}

/* Where blocks of that size are kept: NULL when they are not. */
static struct block_spare *spare_of(struct block_pool *pool, size_t size) {
    return KEEP && pool && size - 1 < BLOCKS_CLASSES * BLOCKS_STEP ? &pool->spare[(size - 1) / BLOCKS_STEP] : NULL;
}

void *block_take(struct block_pool *pool, size_t size) {
    struct block_spare *s = spare_of(pool, size);
    if (!s)
        return mem_realloc(NULL, size);
    struct block *b = s->first;
    if (!b)
        return mem_realloc(NULL, rounded(size));
    s->first = b->next;
    s->n--;
    return b;
}

void block_give(struct block_pool *pool, void *block, size_t size) {
    struct block_spare *s = spare_of(pool, size);
    struct block *b = block;
    if (!b || !s || s->n == BLOCKS_SPARE) {
        free(b);
        return;
    }
    b->next = s->first;
    s->first = b;
    s->n++;
}

void block_pool_fini(struct block_pool *pool) {
    for (unsigned i = 0; i < BLOCKS_CLASSES; i++)
        while (pool->spare[i].first)
            free(block_take(pool, (i + 1) * BLOCKS_STEP));
}
