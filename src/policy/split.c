// SPDX-License-Identifier: Apache-2.0
#include "policy/split.h"
#include "base/mem.h"

typedef unsigned __int128 wide; /* n * weight does not fit in 64 bits for large weights */

/* How many of the first n belong to the share. */
static uint64_t taken(uint64_t part, uint64_t whole, uint64_t n) {
    return (uint64_t)((wide)n * part / whole);
}

bool split_takes(uint64_t part, uint64_t whole, uint64_t nth) {
    uint64_t n = nth % whole;
    return taken(part, whole, n + 1) > taken(part, whole, n);
}

size_t split_pick(uint64_t (*weight)(const void *ctx, size_t i), const void *ctx, size_t n, uint64_t nth) {
    uint64_t whole = 0;
    for (size_t i = 0; i < n; i++)
        whole += weight(ctx, i);
    WEFT_ASSERT(whole > 0);
    nth %= whole;
    for (size_t i = 0; i < n; i++) {
        uint64_t w = weight(ctx, i);
        uint64_t before = taken(w, whole, nth);
        if (taken(w, whole, nth + 1) > before)
            return i;
        nth -= before; /* its number among those that the part did not take */
        whole -= w;
    }
    WEFT_ASSERT(false); /* the last part with a weight takes all that is left */
    return 0;
}
