// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"
#ifdef __SANITIZE_ADDRESS__ /* what is in a pool is nobody's */
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

#define POOL_MAX 256u
#define FIRST_BLOCK 128u /* octets of the first block of an arena without a pool */

#define BLOCK_DATA (ARENA_BLOCK - sizeof(struct arena_block))

static struct arena_block *take_block(struct arena *a, size_t cap) {
    struct arena_pool *pool = a->pool;
    struct arena_block *b = pool && cap == BLOCK_DATA ? pool->free : NULL;
    if (b) {
        pool->free = b->next;
        pool->count--;
        ASAN_UNPOISON_MEMORY_REGION(b->data, cap);
    } else {
        b = mem_realloc(NULL, sizeof *b + cap);
    }
    if (pool)
        pool->live++;
    b->next = NULL;
    b->cap = cap;
    b->used = 0;
    return b;
}

static void give_block(struct arena_pool *pool, struct arena_block *b) {
    if (pool)
        pool->live--;
    if (!pool || b->cap != BLOCK_DATA || pool->count >= (pool->max ? pool->max : POOL_MAX)) {
        free(b);
        return;
    }
    b->next = pool->free;
    pool->free = b;
    pool->count++;
    ASAN_POISON_MEMORY_REGION(b->data, b->cap);
}

void arena_pool_fini(struct arena_pool *p) {
    WEFT_ASSERT(p->live == 0);
    while (p->free) {
        struct arena_block *b = p->free;
        p->free = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b->data, b->cap);
        free(b);
    }
    *p = (struct arena_pool){.max = p->max};
}

void arena_init(struct arena *a, struct arena_pool *pool) {
    *a = (struct arena){.pool = pool};
}

void arena_fini(struct arena *a) {
    while (a->head) {
        struct arena_block *b = a->head;
        a->head = b->next;
        give_block(a->pool, b);
    }
    a->used = 0;
}

/* Without a pool an arena belongs to something long-lived, of which there may be many with little in them: it begins small. */
static size_t next_cap(const struct arena *a, size_t n) {
    if (a->pool)
        return BLOCK_DATA;
    size_t block = a->head ? 2 * (sizeof(struct arena_block) + a->head->cap) : FIRST_BLOCK;
    while (block < ARENA_BLOCK && block - sizeof(struct arena_block) < n)
        block *= 2;
    return (block < ARENA_BLOCK ? block : ARENA_BLOCK) - sizeof(struct arena_block);
}

/* A large request gets a block of its own behind the current one, which goes on being filled. */
static void *alloc_large(struct arena *a, size_t n) {
    struct arena_block *b = take_block(a, n);
    b->used = n;
    if (a->head) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        a->head = b;
    }
    return b->data;
}

void *arena__more(struct arena *a, size_t n) {
    WEFT_ASSERT(n <= PTRDIFF_MAX - ARENA_BLOCK);
    n = n ? (n + 15) & ~(size_t)15 : 16;
    a->used += n;
    struct arena_block *b = a->head;
    if (!b || n > b->cap - b->used) {
        if (n > BLOCK_DATA / 4) /* half-full blocks are not given up for it */
            return alloc_large(a, n);
        b = take_block(a, next_cap(a, n));
        b->next = a->head;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n) {
    return memset(arena_alloc(a, n), 0, n);
}

struct str arena_dup(struct arena *a, struct str s) {
    if (s.len == 0)
        return STR_NONE;
    return str_n(memcpy(arena_alloc(a, s.len), s.ptr, s.len), s.len);
}

char *arena_z(struct arena *a, struct str s) {
    char *z = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(z, s.ptr, s.len);
    z[s.len] = 0;
    return z;
}

struct str arena_join(struct arena *a, struct str s, struct str between, struct str t) {
    struct str parts[] = {s, between, t};
    size_t len = 0;
    char *p = arena_alloc(a, s.len + between.len + t.len);
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len)
            memcpy(p + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return str_n(p, len);
}

struct str arena_lower(struct arena *a, struct str s) {
    if (s.len == 0)
        return STR_NONE;
    char *p = arena_alloc(a, s.len);
    for (size_t i = 0; i < s.len; i++)
        p[i] = str_lower_c(s.ptr[i]);
    return str_n(p, s.len);
}

struct str arena_u64(struct arena *a, uint64_t n) {
    char text[20], *at = text + sizeof text;
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    return arena_dup(a, str_n(at, (size_t)(text + sizeof text - at)));
}

struct str arena_fmt(struct arena *a, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    WEFT_ASSERT(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return str_n(p, (size_t)n);
}
