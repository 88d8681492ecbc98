// SPDX-License-Identifier: Apache-2.0
#pragma once
/* buf: a growing byte queue. Bytes are added at the end and taken from the front; the memory is given back when it runs
 * empty, so that an idle owner holds none. The caller keeps the limit: check buf.len before adding.
 * A struct of zeros is an empty buffer. One owner; not for sharing. Tests: tests/unit/base/buf.c */
#include <stdint.h>
#include "base/str.h"

#define BUF_SPARE 32u        /* allocations that a buf_pool keeps at most ... */
#define BUF_SPARE_CAP 32768u /* ... of so many octets each at most */

struct buf {
    char *mem;  /* private: allocation */
    size_t off; /* private: start of the content */
    size_t len; /* octets of content */
    size_t cap; /* private */
};

void buf_fini(struct buf *b);                           /* frees; b is empty and usable again */
static inline struct str buf_str(const struct buf *b) { /* valid until the next change of b */
    return (struct str){b->mem ? b->mem + b->off : NULL, b->len};
}
void buf_add(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *buf_room(struct buf *b, size_t n); /* at least n writable octets after the content ... */
void buf_added(struct buf *b, size_t n); /* ... of which n have been written */
void buf_take(struct buf *b, size_t n);  /* drops n <= len octets from the front; frees the memory when none is left */
void buf_cut(struct buf *b, size_t len); /* shortens the content to len octets */
void buf_keep(struct buf *b);            /* like taking all, but keeps the memory for the next use */
struct str buf_z(struct buf *b);         /* the content with a NUL behind it that is not counted */

/* Memory for buffers that are used for a short while each, and often (hot paths): of one thread, zeros are an empty pool. */
struct buf_pool {
    struct buf spare[BUF_SPARE]; /* private */
    unsigned n;                  /* private */
};
void buf_pool_fini(struct buf_pool *p);
void buf_borrow(struct buf *b, struct buf_pool *p); /* gives a buffer without memory some that is spare, if there is any */
void buf_give(struct buf *b, struct buf_pool *p);   /* like taking all; the memory goes to the pool while it has room */
