// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct str octets) {
    const unsigned char *p = (const unsigned char *)octets.ptr;
    for (size_t i = 0; i < octets.len; i += 3) {
        size_t n = octets.len - i;
        uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
        buf_add(out, str_n(four, 4));
    }
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(struct str text, struct arena *a, struct str *octets) {
    if (text.len % 4 == 0)
        for (int pad = 0; pad < 2 && str_ends(text, STR("=")); pad++)
            text.len--;
    if (text.len % 4 == 1)
        return false;
    unsigned char *out = arena_alloc(a, text.len / 4 * 3 + 3);
    size_t n = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int v = value_of(text.ptr[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 == 1)
            out[n++] = (unsigned char)(bits >> 4);
        else if (i % 4 == 2)
            out[n++] = (unsigned char)(bits >> 2);
        else if (i % 4 == 3)
            out[n++] = (unsigned char)bits;
    }
    *octets = str_n(out, n);
    return true;
}
