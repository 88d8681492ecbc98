// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h1_int: what the files of the h1 module share (h1_parse.c, h1_body.c). Tests: tests/unit/codec/h1.c */
#include "codec/h1.h"

struct h1_limits h1__limits(const struct h1_limits *lim); /* with the defaults filled in; lim may be NULL */

/* Parses field lines up to and with the empty line, which must be the end of `in`. Slices borrow from `in`.
 * 0, WEFT_E_PARSE, or WEFT_E_TOO_LARGE (more than `max` fields). */
int h1__fields(struct msg_fields *f, struct str in, uint32_t max, struct arena *a, struct err *e) MUST_CHECK;
