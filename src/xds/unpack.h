// SPDX-License-Identifier: Apache-2.0
#pragma once
/* unpack: protobuf from strangers, safely (design xds.md §7.3). protobuf-c recurses without limit, takes any octets as a string,
 * and makes 68 octets of memory out of one; so before it sees a message the wire form is scanned here, iteratively, along the
 * descriptor: nesting, number of fields, wire types, UTF-8 without NUL. What it then allocates comes from an arena with a budget.
 * Messages about security (policies, TLS, matchers) are refused when they hold a field that we do not know: leaving a condition
 * out would let more through. Threads: any; a struct unpack has one owner. Tests: tests/unit/xds/unpack.c, tests/fuzz/xds_*.c */
#include <protobuf-c/protobuf-c.h>
#include "base/arena.h"
#include "base/err.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"

#define UNPACK_DEPTH 64u         /* messages within messages */
#define UNPACK_FIELDS (1u << 20) /* of one message, those of its inner messages included */
#define UNPACK_FACTOR 16u        /* octets of memory per octet of input ... */
#define UNPACK_BASE (1u << 20)   /* ... and as many for any */

struct unpack {
    struct arena mem; /* holds the unpacked messages: valid until unpack_fini */
    size_t left;      /* octets that may still be allocated */
    ProtobufCAllocator allocator;
    struct arena *to; /* where the user copies to what it keeps */
    struct err *e;
};

void unpack_init(struct unpack *u, struct arena *to, struct err *e);
void unpack_fini(struct unpack *u);

/* Scans, then unpacks: *out lives in u->mem. WEFT_E_PARSE, _TOO_DEEP, _TOO_LARGE or _UNSUPPORTED. */
int unpack_msg(struct unpack *u, const ProtobufCMessageDescriptor *d, struct str bytes, void *out) MUST_CHECK;
/* The same for what an Any holds, which must be a `d`. `what` says whose it is; `any` may be NULL: an error. */
int unpack_any(struct unpack *u, const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *d, const char *what,
               void *out) MUST_CHECK;
bool unpack_is(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *d); /* its type URL; false for NULL */

/* Values, copied to u->to. `what` is the field's name, for the message. */
struct str unpack_str(struct unpack *u, const char *z);
int unpack_name(struct unpack *u, const char *z, const char *what, struct str *out) MUST_CHECK; /* must not be empty */
int unpack_duration(struct unpack *u, const Google__Protobuf__Duration *d, const char *what, uint64_t *us) MUST_CHECK;
int unpack_unsupported(struct unpack *u, const char *what) MUST_CHECK; /* WEFT_E_UNSUPPORTED: "what: not supported" */

/* An entry of a map<string, Any>: generated code has one such struct per map, all of this layout. */
struct unpack_entry {
    ProtobufCMessage base;
    char *key;
    Google__Protobuf__Any *value; /* may be NULL: a peer can leave it out */
};
/* A text in a Struct: the last with that key; "" when there is none. `s` may be NULL. */
const char *unpack_text(const Google__Protobuf__Struct *s, const char *key);
/* The value of a key, or NULL: the last one on the wire wins. */
const Google__Protobuf__Any *unpack_find(void *entries, size_t n, const char *key);
