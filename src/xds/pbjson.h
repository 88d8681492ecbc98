// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pbjson: protobuf as JSON and back, by the rules of proto3 (names in camelCase or snake_case, durations "1.5s", wrappers as
 * their values, enums by name or number, Any as an object with "@type", bytes in base64, 64-bit numbers also as strings), over
 * the descriptors of our subset. So a file becomes the very octets that a control plane would send, and one decoder judges both.
 * A field that weft does not know is an error, and so is one that xds/fields.h refuses; fields that are ignored may hold
 * anything. Memory is bounded by PBJSON_MEMORY whatever comes. Threads: any. Tests: tests/unit/xds/pbjson.c,
 * tests/fuzz/bootstrap.c */
#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"
struct yaml_docs;

#define PBJSON_MEMORY (64u << 20) /* octets of messages made from one text */

/* Packs `v`, which says a message of that name ("envoy.config.cluster.v3.Cluster"), into `a`. `lines`: of the document that `v`
 * is from, or NULL. e: "line L: PATH: what". */
int pbjson_pack(struct str *bytes, struct arena *a, struct str type, const json_t *v, const struct yaml_docs *lines,
                struct err *e) MUST_CHECK;
/* The JSON form of a packed message: snake_case names as Envoy's /config_dump has them, fields at their defaults left out, the
 * contents of an Any in place; one of a type that we do not know is {"@type", "value": base64}. *out is a new reference.
 * `secrets`: private keys and passwords are shown; else "[redacted]". */
int pbjson_print(json_t **out, struct str type, struct str bytes, bool secrets, struct err *e) MUST_CHECK;
