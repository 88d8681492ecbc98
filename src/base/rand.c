// SPDX-License-Identifier: Apache-2.0
#include "base/rand.h"
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

void rand_uuid(struct rand *r, char out[37]) {
    uint64_t hi = (rand_u64(r) & ~0xf000ull) | 0x4000, lo = (rand_u64(r) & ~(3ull << 62)) | 1ull << 63;
    static const char digits[] = "0123456789abcdef";
    static const uint8_t place[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}; /* of each octet's digits */
    memcpy(out, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", 37);
    for (int i = 0; i < 16; i++) { /* one for each request: printf takes ten times as long */
        uint8_t octet = (uint8_t)((i < 8 ? hi : lo) >> (56 - i % 8 * 8));
        out[place[i]] = digits[octet >> 4];
        out[place[i] + 1] = digits[octet & 15];
    }
}
