// SPDX-License-Identifier: Apache-2.0
/* Huffman's code of HPACK (RFC 7541 appendix B). It is canonical: codes of one length follow one another as their octets do, and
 * longer ones are greater. So codes of up to eight bits are looked up by the next eight bits, and what is rarer is found by
 * comparing with the greatest code of each length. Eight octets of input are taken at a time. */
#include <endian.h>
#include "codec/hpack_int.h"

enum { SHORT = 8, LONGEST = 30 }; /* bits of a code */

struct code {
    uint8_t octet;
    uint8_t len; /* bits; 0: of a longer code */
};

#define S(bits, code, c) [(code) << (SHORT - (bits))...(((code) + 1) << (SHORT - (bits))) - 1] = {c, bits},
static const struct code codes[1 << SHORT] = {
    S(5, 0x00, '0') S(5, 0x01, '1') S(5, 0x02, '2') S(5, 0x03, 'a') S(5, 0x04, 'c') S(5, 0x05, 'e') S(5, 0x06, 'i')
        S(5, 0x07, 'o') S(5, 0x08, 's') S(5, 0x09, 't') S(6, 0x14, ' ') S(6, 0x15, '%') S(6, 0x16, '-') S(6, 0x17, '.')
            S(6, 0x18, '/') S(6, 0x19, '3') S(6, 0x1a, '4') S(6, 0x1b, '5') S(6, 0x1c, '6') S(6, 0x1d, '7') S(6, 0x1e, '8')
                S(6, 0x1f, '9') S(6, 0x20, '=') S(6, 0x21, 'A') S(6, 0x22, '_') S(6, 0x23, 'b') S(6, 0x24, 'd') S(6, 0x25, 'f')
                    S(6, 0x26, 'g') S(6, 0x27, 'h') S(6, 0x28, 'l') S(6, 0x29, 'm') S(6, 0x2a, 'n') S(6, 0x2b, 'p')
                        S(6, 0x2c, 'r') S(6, 0x2d, 'u') S(7, 0x5c, ':') S(7, 0x5d, 'B') S(7, 0x5e, 'C') S(7, 0x5f, 'D')
                            S(7, 0x60, 'E') S(7, 0x61, 'F') S(7, 0x62, 'G') S(7, 0x63, 'H') S(7, 0x64, 'I') S(7, 0x65, 'J')
                                S(7, 0x66, 'K') S(7, 0x67, 'L') S(7, 0x68, 'M') S(7, 0x69, 'N') S(7, 0x6a, 'O') S(7, 0x6b, 'P')
                                    S(7, 0x6c, 'Q') S(7, 0x6d, 'R') S(7, 0x6e, 'S') S(7, 0x6f, 'T') S(7, 0x70, 'U')
                                        S(7, 0x71, 'V') S(7, 0x72, 'W') S(7, 0x73, 'Y') S(7, 0x74, 'j') S(7, 0x75, 'k')
                                            S(7, 0x76, 'q') S(7, 0x77, 'v') S(7, 0x78, 'w') S(7, 0x79, 'x') S(7, 0x7a, 'y')
                                                S(7, 0x7b, 'z') S(8, 0xf8, '&') S(8, 0xf9, '*') S(8, 0xfa, ',') S(8, 0xfb, ';')
                                                    S(8, 0xfc, 'X') S(8, 0xfd, 'Z')};
#undef S

/* What longer codes stand for, in their order; after the last one comes EOS. */
static const uint8_t rare[] = {
    33,  34,  40,  41,  63,  39,  43,  124, 35,  62,  0,   36,  64,  91,  93,  126, 94,  125, 60,  96,  123, 92,  195,
    208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129,
    132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228,
    232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175,
    180, 182, 183, 188, 191, 197, 231, 239, 9,   142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234,
    235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222,
    223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254, 2,   3,   4,   5,   6,   7,   8,   11,  12,  14,  15,
    16,  17,  18,  19,  20,  21,  23,  24,  25,  26,  27,  28,  29,  30,  31,  127, 220, 249, 10,  13,  22,
};

static const struct {
    uint32_t last;  /* the greatest code of this length, filled up with ones to 32 bits */
    uint32_t first; /* the least one */
    uint8_t len;    /* bits */
    uint8_t at;     /* of the first one, in `rare` */
} lengths[] = {
    {0xff3fffff, 0x3f8, 10, 0},
    {0xff9fffff, 0x7fa, 11, 5},
    {0xffbfffff, 0xffa, 12, 8},
    {0xffefffff, 0x1ff8, 13, 10},
    {0xfff7ffff, 0x3ffc, 14, 16},
    {0xfffdffff, 0x7ffc, 15, 18},
    {0xfffe5fff, 0x7fff0, 19, 21},
    {0xfffedfff, 0xfffe6, 20, 24},
    {0xffff47ff, 0x1fffdc, 21, 32},
    {0xffffafff, 0x3fffd2, 22, 45},
    {0xffffe9ff, 0x7fffd8, 23, 71},
    {0xfffff5ff, 0xffffea, 24, 100},
    {0xfffff7ff, 0x1ffffec, 25, 112},
    {0xfffffbbf, 0x3ffffe0, 26, 116},
    {0xfffffe1f, 0x7ffffde, 27, 131},
    {0xffffffef, 0xfffffe2, 28, 150},
    {0xffffffff, 0x3ffffffc, LONGEST, 179},
};

/* The octet of a long code at the start of `window`, and its length; < 0: EOS, which no string may contain. */
static int long_code(uint64_t window, unsigned *len) {
    uint32_t top = (uint32_t)(window >> 32);
    unsigned row = 0;
    while (top > lengths[row].last)
        row++;
    *len = lengths[row].len;
    size_t at = lengths[row].at + ((top >> (32 - *len)) - lengths[row].first);
    return at < sizeof(rare) ? rare[at] : -1;
}

/* In a window the next bits stand at the top, `n` of them; below them are zeros, or already what comes next. */
struct window {
    uint64_t bits;
    unsigned n;
};

static inline struct code next_code(uint64_t bits) {
    return codes[bits >> (64 - SHORT)];
}

/* While eight octets can be read at once. *in is taken forward; returns where it has written to, NULL: EOS. What is worked on is
 * kept in local variables, since whatever is written through a `char *` may change anything else. */
static char *decode_words(const char **in, const char *end, struct window *w, char *out) {
    const char *p = *in;
    uint64_t bits = 0, word;
    unsigned n = 0;
    while (end - p >= 8) {
        memcpy(&word, p, sizeof(word));
        bits |= be64toh(word) >> n;
        p += (63 - n) / 8;
        n |= 56; /* so many at least there are now, in whole octets beside those that were */
        unsigned i = 0;
        for (struct code c; i < 56 / SHORT && (c = next_code(bits)).len; i++) {
            *out++ = (char)c.octet;
            bits <<= c.len;
            n -= c.len;
        }
        if (i == 0) {
            unsigned len;
            int octet = long_code(bits, &len);
            if (octet < 0)
                return NULL;
            *out++ = (char)octet;
            bits <<= len;
            n -= len;
        }
    }
    *in = p;
    *w = (struct window){n ? bits & ~(~0ull >> n) : 0, n};
    return out;
}

/* A long code, of which all must be there: below `n` bits are ones, and so is EOS. */
static char *decode_long(struct window *w, char *out) {
    unsigned len;
    int octet = long_code(w->bits | ~0ull >> w->n, &len);
    if (octet < 0 || len > w->n)
        return NULL;
    *out++ = (char)octet;
    *w = (struct window){w->bits << len, w->n - len};
    return out;
}

/* The last bits, less than eight: one more short code at most. RFC 7541 §5.2: padding is less than eight ones. */
static char *decode_end(struct window w, char *out) {
    uint64_t bits = w.bits | ~0ull >> w.n;
    if (bits == ~0ull)
        return out;
    struct code c = next_code(bits);
    if (c.len == 0 || c.len > w.n || bits << c.len != ~0ull << c.len)
        return NULL;
    *out++ = (char)c.octet;
    return out;
}

static char *decode_rest(const char *in, const char *end, struct window w, char *out) {
    while (out) {
        uint64_t bits = w.bits;
        unsigned n = w.n;
        for (; n <= 48 && in < end; n += 8)
            bits |= (uint64_t)(uint8_t)*in++ << (56 - n);
        struct code c;
        while (n >= SHORT && (c = next_code(bits)).len) {
            *out++ = (char)c.octet;
            bits <<= c.len;
            n -= c.len;
        }
        w = (struct window){bits, n};
        if (n < SHORT && in == end)
            return decode_end(w, out);
        if (n >= LONGEST || (n >= SHORT && in == end))
            out = decode_long(&w, out);
    }
    return NULL;
}

ptrdiff_t hpack__huffman(char *out, struct str in) {
    struct window w;
    const char *p = in.ptr, *end = in.ptr + in.len;
    char *at = decode_words(&p, end, &w, out);
    at = at ? decode_rest(p, end, w, at) : NULL;
    return at ? at - out : -1;
}
