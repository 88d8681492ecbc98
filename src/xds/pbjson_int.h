// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pbjson_int: the converter for those in this folder who want the message itself. */
#include <protobuf-c/protobuf-c.h>
#include "xds/pbjson.h"

/* *out lives in `a`. */
int pbjson_read(ProtobufCMessage **out, struct arena *a, const ProtobufCMessageDescriptor *d, const json_t *v,
                const struct yaml_docs *lines, struct err *e) MUST_CHECK;
const ProtobufCMessageDescriptor *pbjson_type(struct str name); /* NULL: not ours */
bool pbjson_is_map(const ProtobufCFieldDescriptor *f);
