// SPDX-License-Identifier: Apache-2.0
#pragma once
/* hex: a hexadecimal digit's value. Threads: any. Tests: those of its users (url, h1, grpc). */
static inline int hex_digit(char c) { /* 0 to 15, or -1 */
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
