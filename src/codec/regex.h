// SPDX-License-Identifier: Apache-2.0
#pragma once
/* regex: PCRE2 with limits on match steps, depth and heap, so that no pattern and no subject can hold a worker up (a match that
 * reaches a limit counts as no match). Patterns match the whole subject. Compiled ones are immutable: Threads: any. Tests:
 * tests/unit/codec/regex.c */
#include "base/err.h"
#include "base/str.h"

struct regex;
int regex_new(struct regex **out, struct str pattern, struct err *e) MUST_CHECK; /* at most 4,096 octets; UTF off, no JIT */
void regex_free(struct regex **r);
bool regex_match(const struct regex *r, struct str subject);
