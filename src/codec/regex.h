// SPDX-License-Identifier: Apache-2.0
#pragma once
/* regex: PCRE2 with limits on match steps, depth and heap, so that no pattern and no subject can hold a worker up (a match that
 * reaches a limit counts as no match). Patterns match the whole subject. Compiled ones are immutable: Threads: any. Tests:
 * tests/unit/codec/regex.c */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct regex;
int regex_new(struct regex **out, struct str pattern, struct err *e) MUST_CHECK; /* at most 4,096 octets; UTF off, no JIT */
void regex_free(struct regex **r);
bool regex_match(const struct regex *r, struct str subject);

/* For replacing: such a pattern matches anywhere in a subject. */
int regex_new_anywhere(struct regex **out, struct str pattern, struct err *e) MUST_CHECK;
/* Does the substitution, in RE2's syntax, name only groups that the pattern has? \0 is the whole match, \\ a backslash. */
bool regex_substitution_ok(const struct regex *r, struct str substitution);
/* Every match, from left to right, replaced. False: none, or the result would be longer than REGEX_RESULT (*out is then the
 * subject). Memory from the arena. */
#define REGEX_RESULT 65536u
bool regex_replace(const struct regex *r, struct str subject, struct str substitution, struct arena *a, struct str *out);
