// SPDX-License-Identifier: Apache-2.0
#pragma once
/* json: jansson behind strict, bounded loading. jansson's own API is used for the rest; include this, not jansson.h.
 * Threads: any (a value belongs to one). Tests: tests/unit/codec/json.c, tests/fuzz/json.c */
#include <jansson.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_DEPTH 64 /* nesting accepted */

/* Parses one value; refuses duplicate keys, nesting beyond JSON_DEPTH, NUL in strings, invalid UTF-8, numbers out of range,
 * trailing input. *out is a new reference. e: "line L, column C: what". */
int json_parse(json_t **out, struct str text, struct err *e) MUST_CHECK;
void json_print(struct buf *out, const json_t *v,
                bool pretty);                       /* keys in order of insertion; pretty: 2 spaces, newline at the end */
void json_print_str(struct buf *out, struct str s); /* a quoted string; invalid UTF-8 becomes U+FFFD */
void json_print_real(struct buf *out, double v);    /* a finite number: the shortest text that reads back as the same real one */
json_t *json_of_str(struct str s);                  /* new string; invalid UTF-8 replaced */
static inline struct str json_to_str(const json_t *v) { /* of a string, borrowed; else ptr NULL */
    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR_NONE;
}
/* Merges `patch` into `target` by RFC 7386; returns a new reference (both arguments are untouched). */
json_t *json_merge_patch(const json_t *target, const json_t *patch);
