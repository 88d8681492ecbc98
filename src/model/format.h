// SPDX-License-Identifier: Apache-2.0
#pragma once
/* format: Envoy's format strings ("%REQ(X-A?X-B):10% took %DURATION%"), parsed: for access logs and header values. What each
 * operator stands for in a request is filled in by proxy/fill.h. Part of a resource: memory in its arena; immutable.
 * Threads: any. Tests: tests/unit/model/format.c */
#include "base/arena.h"
#include "base/err.h"

enum format_op {
    FORMAT_TEXT, /* as it stands */
#define X(name, arg) FORMAT_##name,
#include "model/format.def"
#undef X
};
struct format_piece {
    enum format_op op;
    struct str text;    /* FORMAT_TEXT; else the argument: a header's name, lower case */
    struct str instead; /* REQ, RESP: the header to take where the first is not there; may be empty */
    uint32_t max;       /* octets at most; 0: all */
    unsigned nth;       /* RESP: which of the format's */
};
struct format {
    struct str source; /* as it was written */
    struct format_piece *at;
    size_t n;
    unsigned n_resp; /* pieces that are of the response's head */
};
/* WEFT_E_UNSUPPORTED for an operator that is not in format.def, WEFT_E_PARSE for what is none. */
int format_parse(struct format *f, struct str source, struct arena *a, struct err *e) MUST_CHECK;
