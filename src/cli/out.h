// SPDX-License-Identifier: Apache-2.0
#pragma once
/* out: what commands print: the same data as a table, as JSON or as YAML (-o). Threads: main. Tests: tests/unit/cli/out.c */
#include <stdbool.h>
#include <stdio.h>
#include "codec/json.h"

enum out_format { OUT_TABLE, OUT_JSON, OUT_YAML };
#define OUT_OPTION(into)                                                                                                         \
    { "o", ARG_ENUM, (into), "table|json|yaml", "table", "how to print", false }

struct out_column {
    const char *title, *key; /* key of the row's object */
};
/* An array of objects: a row each. Cells that are no scalar are shown as compact JSON ("k=v,k=v" for objects of scalars). */
void out_rows(struct buf *out, enum out_format f, const json_t *rows, const struct out_column *columns, size_t n);
/* One object: a table has a line for each scalar in it, by its dotted path. */
void out_object(struct buf *out, enum out_format f, const json_t *object);
void out_flush(struct buf *out); /* to stdout; empties it */
bool out_color(FILE *to);        /* is it a terminal that wants colours (NO_COLOR unset)? */
