// SPDX-License-Identifier: Apache-2.0
#pragma once
/* utf8: one character of UTF-8 at a time (RFC 3629). Allocates nothing. Threads: any. Tests: tests/unit/codec/utf8.c */
#include <stdint.h>
#include "base/str.h"

#define UTF8_REPLACEMENT STR("\xef\xbf\xbd") /* U+FFFD, for each octet that belongs to no character */

/* Octets (1 to 4) of the character at the start of s; 0 when there is none: empty, cut short, overlong, a surrogate, past
 * U+10FFFF. */
size_t utf8_len(struct str s);
uint32_t utf8_code(struct str s); /* its code point, when utf8_len is not 0 */
bool utf8_ok(struct str s);       /* nothing but characters */
