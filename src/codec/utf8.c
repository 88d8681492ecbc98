// SPDX-License-Identifier: Apache-2.0
#include "codec/utf8.h"

static bool is_tail(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The length that the first octet announces; 0 for octets that begin nothing (RFC 3629 §4). */
static size_t announced(unsigned char c) {
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The second octet's range depends on the first: no overlong forms, no surrogates, nothing past U+10FFFF. */
static bool second_ok(unsigned char first, unsigned char second) {
    switch (first) {
    case 0xe0: return second >= 0xa0;
    case 0xed: return second <= 0x9f;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second <= 0x8f;
    default: return true;
    }
}

size_t utf8_len(struct str s) {
    size_t n = s.len ? announced((unsigned char)s.ptr[0]) : 0;
    if (n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!is_tail(s.ptr[i]))
            return 0;
    return n < 3 || second_ok((unsigned char)s.ptr[0], (unsigned char)s.ptr[1]) ? n : 0;
}

uint32_t utf8_code(struct str s) {
    size_t n = utf8_len(s);
    uint32_t code = (unsigned char)s.ptr[0] & (n == 1 ? 0x7fu : 0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    return code;
}

bool utf8_ok(struct str s) {
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_len(str_from(s, i));
        if (n == 0)
            return false;
    }
    return true;
}
