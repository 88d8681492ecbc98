// SPDX-License-Identifier: Apache-2.0
#pragma once
/* bits: a set of small numbers, walked in ascending order: a bit each in pages of 512, of which only those are there that hold
 * something. A struct of zeros is empty. One owner. Tests: tests/unit/base/bits.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_WORDS 8u /* of 64 bits in a page */

struct bits {
    uint64_t (**pages)[BITS_WORDS]; /* private: NULL where there is nothing */
    unsigned n_pages;               /* private */
};
void bits_fini(struct bits *b); /* empty and usable again */
void bits_add(struct bits *b, unsigned number);
void bits_remove(struct bits *b, unsigned number); /* it need not be there */
bool bits_has(const struct bits *b, unsigned number);
/* The smallest number that is >= *at, which becomes that number: `for (unsigned i = 0; bits_next(&b, &i); i++)`. The body may
 * remove the one it has. */
bool bits_next(const struct bits *b, unsigned *at);
