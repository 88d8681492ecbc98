// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"

#define FIRST_CAP 256u

void buf_fini(struct buf *b) {
    free(b->mem);
    *b = (struct buf){0};
}

char *buf_room(struct buf *b, size_t n) {
    size_t need;
    WEFT_ASSERT(!__builtin_add_overflow(b->len, n, &need));
    if (b->mem && need <= b->cap - b->off)
        return b->mem + b->off + b->len;
    /* Moving to the front is cheap only when at least as much has been taken: else taking little by little is quadratic. */
    if (b->off && need <= b->cap && b->off >= b->len) {
        memmove(b->mem, b->mem + b->off, b->len);
        b->off = 0;
        return b->mem + b->len;
    }
    size_t cap = b->len ? b->cap : FIRST_CAP;
    while (cap < need || cap / 2 < b->len) /* room for as much again, or the next few octets would copy all once more */
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (b->off || b->len == 0) { /* what was taken, or is not content, need not be copied along */
        char *mem = mem_realloc(NULL, cap);
        if (b->len)
            memcpy(mem, b->mem + b->off, b->len);
        free(b->mem);
        b->mem = mem;
        b->off = 0;
    } else {
        b->mem = mem_realloc(b->mem, cap);
    }
    b->cap = cap;
    return b->mem + b->len;
}

void buf_added(struct buf *b, size_t n) {
    WEFT_ASSERT(n <= b->cap - b->off - b->len);
    b->len += n;
}

void buf_add(struct buf *b, struct str s) {
    if (s.len == 0)
        return;
    memcpy(buf_room(b, s.len), s.ptr, s.len);
    b->len += s.len;
}

void buf_addc(struct buf *b, char c) {
    *buf_room(b, 1) = c;
    b->len++;
}

void buf_fmt(struct buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t room = b->mem ? b->cap - b->off - b->len : 0;
    int n = vsnprintf(room ? b->mem + b->off + b->len : NULL, room, fmt, ap);
    WEFT_ASSERT(n >= 0);
    if ((size_t)n >= room) /* with its NUL it did not fit */
        vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
    va_end(again);
    va_end(ap);
}

void buf_take(struct buf *b, size_t n) {
    WEFT_ASSERT(n <= b->len);
    b->off += n;
    b->len -= n;
    if (b->len == 0)
        buf_fini(b);
}

void buf_cut(struct buf *b, size_t len) {
    WEFT_ASSERT(len <= b->len);
    b->len = len;
    if (len == 0)
        buf_fini(b);
}

void buf_keep(struct buf *b) {
    b->off = b->len = 0;
}

void buf_pool_fini(struct buf_pool *p) {
    while (p->n)
        free(p->spare[--p->n].mem);
}

void buf_borrow(struct buf *b, struct buf_pool *p) {
    if (!b->mem && p->n)
        *b = p->spare[--p->n];
}

void buf_give(struct buf *b, struct buf_pool *p) {
    if (!b->mem || b->cap > BUF_SPARE_CAP || p->n == BUF_SPARE)
        free(b->mem);
    else
        p->spare[p->n++] = (struct buf){.mem = b->mem, .cap = b->cap};
    *b = (struct buf){0};
}

struct str buf_z(struct buf *b) {
    *buf_room(b, 1) = 0;
    return buf_str(b);
}
