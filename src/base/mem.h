// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mem: allocation that aborts when memory is out (style §5), and the assert that is never compiled out.
 * Threads: any. */
#include <stddef.h>
#include <stdlib.h>
#include "base/str.h"

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));           /* zeroed; free() it */
void *mem_array(size_t n, size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed, overflow checked */
void *mem_realloc(void *p, size_t size) __attribute__((returns_nonnull));        /* new part not zeroed */
char *mem_strdup(struct str s) __attribute__((malloc, returns_nonnull));         /* NUL-terminated copy */

#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

/* Grows *items (an array of `size`-octet elements with room for *cap) so that `need` fit; new part zeroed. */
void mem_grow(void **items, size_t *cap, size_t need, size_t size);

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

_Noreturn void weft_assert_failed(const char *expr, const char *file, int line);
#define WEFT_ASSERT(x) ((x) ? (void)0 : weft_assert_failed(#x, __FILE__, __LINE__)) /* a bug of ours, not bad input */
