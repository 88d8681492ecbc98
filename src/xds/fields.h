// SPDX-License-Identifier: Apache-2.0
#pragma once
/* fields: what weft does with each field of Envoy's API: one table (fields.def), by which files and the wire are judged and from
 * which docs/reference/envoy.md is made. A field of our .proto files without a row is used. Threads: any.
 * Tests: tests/unit/xds/field_table.c */
#include <stddef.h>
#include "base/buf.h"
#include "base/str.h"

enum field_use {
    FIELD_USED,    /* with a remark: not all of it */
    FIELD_IGNORED, /* harmlessly: it only tunes what weft has no such part of */
    FIELD_REFUSED, /* leaving it out would change what is served, or let more through */
};
struct xds_field {
    unsigned number;
    const char *name; /* snake_case */
    enum field_use use;
    const char *why;
};
struct xds_fields { /* the rows of one message */
    const char *message;
    const struct xds_field *at;
    size_t n;
};
const struct xds_fields *xds_fields_of(const char *message);                              /* NULL: no rows */
const struct xds_field *xds_field_by_number(const struct xds_fields *f, unsigned number); /* NULL: none; f may be NULL */
const struct xds_field *xds_field_by_name(const struct xds_fields *f, struct str name);
void xds_fields_doc(struct buf *out); /* docs/reference/envoy.md */
