// SPDX-License-Identifier: Apache-2.0
#pragma once
/* arena: memory that dies all at once, for what a request needs.
 * Blocks come from a pool (a free list of one thread) when one is given, else from malloc, the first ones small. Allocations are
 * 16-octet aligned. A struct of zeros is an empty arena without a pool. One thread. Tests: tests/unit/base/arena.c */
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct arena_block { /* private */
    struct arena_block *next;
    size_t cap, used; /* octets of data */
    _Alignas(16) unsigned char data[];
};

struct arena_pool { /* a free list of blocks; zeros are an empty pool */
    struct arena_block *free;
    unsigned count, max; /* blocks kept at most; 0: 256 */
    size_t live;         /* blocks handed out and not given back */
};

struct arena {
    struct arena_pool *pool; /* may be NULL */
    struct arena_block *head;
    size_t used; /* octets handed out since init or reset */
};

#define ARENA_BLOCK 4096u /* octets of a pooled block; larger requests get a block of their own from malloc */

void arena_pool_fini(struct arena_pool *p); /* frees the kept blocks; none may be live */
void arena_init(struct arena *a, struct arena_pool *pool);
void arena_fini(struct arena *a);                            /* gives all blocks back; the arena is empty and usable again */
void *arena__more(struct arena *a, size_t n);                /* private: what does not fit into the block */
static inline void *arena_alloc(struct arena *a, size_t n) { /* not zeroed */
    struct arena_block *b = a->head;
    size_t up = (n + 15) & ~(size_t)15;
    if (!b || up - 1 >= b->cap - b->used) /* also nothing at all, or so much that it wraps */
        return arena__more(a, n);
    a->used += up;
    b->used += up;
    return b->data + b->used - up;
}
void *arena_zalloc(struct arena *a, size_t n); /* zeroed */
struct str arena_dup(struct arena *a, struct str s);
char *arena_z(struct arena *a, struct str s);                                           /* NUL-terminated copy */
struct str arena_join(struct arena *a, struct str s, struct str between, struct str t); /* one after the other */
struct str arena_lower(struct arena *a, struct str s);
struct str arena_u64(struct arena *a, uint64_t n); /* in decimal; for hot paths */
struct str arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
