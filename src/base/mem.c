// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include <stdint.h>
#include <stdio.h>

/* There is no way on from here that would not make things worse (style §5), and nothing may be allocated to say so. */
static _Noreturn void out_of_memory(void) {
    fputs("weft: out of memory\n", stderr);
    abort();
}

void *mem_alloc(size_t size) {
    return mem_array(1, size);
}

void *mem_array(size_t n, size_t size) {
    if (n == 0 || size == 0) /* calloc may answer NULL for nothing */
        n = size = 1;
    void *p = calloc(n, size);
    if (!p)
        out_of_memory();
    return p;
}

void *mem_realloc(void *p, size_t size) {
    void *moved = realloc(p, size ? size : 1);
    if (!moved)
        out_of_memory();
    return moved;
}

char *mem_strdup(struct str s) {
    if (s.len == SIZE_MAX)
        out_of_memory();
    char *z = mem_realloc(NULL, s.len + 1);
    if (s.len)
        memcpy(z, s.ptr, s.len);
    z[s.len] = 0;
    return z;
}

void mem_grow(void **items, size_t *cap, size_t need, size_t size) {
    if (need <= *cap)
        return;
    size_t to = *cap ? *cap : 8, bytes;
    while (to < need)
        to = to > SIZE_MAX / 2 ? need : to * 2;
    if (__builtin_mul_overflow(to, size, &bytes))
        out_of_memory();
    *items = mem_realloc(*items, bytes);
    memset((char *)*items + *cap * size, 0, (to - *cap) * size);
    *cap = to;
}

void weft_assert_failed(const char *expr, const char *file, int line) {
    fprintf(stderr, "weft: assertion failed: %s (%s:%d)\n", expr, file, line);
    abort();
}
