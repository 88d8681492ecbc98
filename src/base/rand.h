// SPDX-License-Identifier: Apache-2.0
#pragma once
/* rand: a seeded generator (xoshiro256**), for jitter, balancing and ids; not for keys. One owner per struct.
 * Tests: tests/unit/base/rand.c */
#include <stddef.h>
#include <stdint.h>

struct rand {
    uint64_t s[4];
};

void rand_init(struct rand *r, uint64_t seed); /* the same seed gives the same sequence */
uint64_t rand_seed(void);                      /* a seed from the kernel (getrandom) */
uint64_t rand_u64(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t n);                    /* 0 <= x < n, unbiased; n > 0 */
double rand_unit(struct rand *r);                                   /* 0 <= x < 1 */
uint64_t rand_jitter(struct rand *r, uint64_t v, unsigned percent); /* v +- percent, uniform */
void rand_uuid(struct rand *r, char out[37]);                       /* UUID v4 (RFC 9562 §5.4), lower case, NUL-terminated */
