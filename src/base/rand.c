// SPDX-License-Identifier: Apache-2.0
#include "base/rand.h"
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include "base/mem.h"

static uint64_t rotl(uint64_t x, int n) {
    return x << n | x >> (64 - n);
}

/* SplitMix64: spreads one word over the state, which must not be all zeros. */
static uint64_t splitmix(uint64_t *x) {
    uint64_t z = *x += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void rand_init(struct rand *r, uint64_t seed) {
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

uint64_t rand_seed(void) {
    uint64_t seed;
    ssize_t n;
    do
        n = getrandom(&seed, sizeof seed, 0);
    while (n < 0 && errno == EINTR);
    WEFT_ASSERT(n == sizeof seed); /* cannot fail otherwise for so few octets (getrandom(2)) */
    return seed;
}

uint64_t rand_u64(struct rand *r) {
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t rand_below(struct rand *r, uint64_t n) {
    WEFT_ASSERT(n > 0);
    uint64_t skip = -n % n; /* 2^64 mod n values too many: those would favour small results */
    uint64_t x;
    do
        x = rand_u64(r);
    while (x < skip);
    return x % n;
}

double rand_unit(struct rand *r) {
    return (double)(rand_u64(r) >> 11) * 0x1p-53;
}

uint64_t rand_jitter(struct rand *r, uint64_t v, unsigned percent) {
    if (percent > 100)
        percent = 100;
    uint64_t spread = (uint64_t)((unsigned __int128)v * percent / 100);
    if (spread == 0)
        return v;
    uint64_t low = v - spread, width, sum;
    if (__builtin_mul_overflow(spread, 2u, &width) || width == UINT64_MAX)
        width = UINT64_MAX - 1;
    return __builtin_add_overflow(low, rand_below(r, width + 1), &sum) ? UINT64_MAX : sum;
}

/* Sixteen digits: eight octets' nibbles are spread, the first digit in the lowest octet, and made digits all at once. */
static void put_hex(char *to, uint64_t w) {
    for (int half = 0; half < 2; half++) {
        uint64_t x = half ? w & UINT32_MAX : w >> 32;
        x = (x | x << 16) & 0x0000ffff0000ffffu;
        x = (x | x << 8) & 0x00ff00ff00ff00ffu;
        x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
        uint64_t letters = ((x + 6 * 0x0101010101010101u) >> 4) & 0x0101010101010101u;
        x = htobe64(x + 0x3030303030303030u + letters * ('a' - '0' - 10));
        memcpy(to + 8 * half, &x, 8);
    }
}

void rand_uuid(struct rand *r, char out[37]) { /* one for each request: printf takes fifty times as long */
    uint64_t hi = (rand_u64(r) & ~0xf000ull) | 0x4000, lo = (rand_u64(r) & ~(3ull << 62)) | 1ull << 63;
    char digits[32];
    put_hex(digits, hi);
    put_hex(digits + 16, lo);
    memcpy(out, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", 37);
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
}
