// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pack: protobuf messages made in an arena, and packed. Nothing here is freed singly: the arena owns every message.
 * Threads: any. Tests: tests/unit/xds/round_trip.c */
#include <protobuf-c/protobuf-c.h>
#include "base/arena.h"
#include "core.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "xds/resource.h"

void *pack_new(struct arena *a, const ProtobufCMessageDescriptor *d); /* with defaults */
#define PACK_NEW(a, name) pack_new((a), &name##__descriptor)
void *pack_array(struct arena *a, size_t n); /* of n pointers */

/* NUL-terminated. A protobuf string cannot hold NUL here: it becomes an octet that no reader accepts as UTF-8, so that a text
 * with one is refused by the receiver and never silently cut short. */
char *pack_str(struct arena *a, struct str s);
Google__Protobuf__UInt32Value *pack_u32(struct arena *a, uint32_t v);
Google__Protobuf__BoolValue *pack_bool(struct arena *a, bool v);
Google__Protobuf__Duration *pack_duration(struct arena *a, uint64_t us);
Google__Protobuf__Any *pack_any(struct arena *a, const void *message);
Google__Protobuf__Struct *pack_struct(struct arena *a, const char *key, struct str value);       /* {key: value} */
void pack_text(struct arena *a, Google__Protobuf__Struct *s, const char *key, struct str value); /* one more: in order of keys */
Ec__ConfigSource *pack_ads(struct arena *a);                                                     /* "over this same stream" */

struct str pack_msg(struct arena *a, const void *message);
struct xds_resource *pack_resource(enum xds_type type, struct str name, const void *message);
