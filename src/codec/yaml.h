// SPDX-License-Identifier: Apache-2.0
#pragma once
/* yaml: YAML 1.1 by libyaml, read into JSON values, bounded: no aliases beyond 1,000 nodes expanded, nesting to JSON_DEPTH, core
 * schema scalars only (true/false, null/~, decimal numbers; everything quoted or else is a string), duplicate keys refused. Each
 * mapping and document remembers its line for error messages. Tests: tests/unit/codec/yaml.c, tests/fuzz/yaml.c */
#include "codec/json.h"

struct yaml_docs {
    json_t **at;    /* owned references */
    unsigned *line; /* where each document begins, from 1 */
    size_t n;
    void *lines; /* private: line of each value */
};
int yaml_parse(struct yaml_docs *out, struct str text, struct err *e) MUST_CHECK; /* e: "line L, column C: what" */
void yaml_docs_fini(struct yaml_docs *d);
unsigned yaml_line(const struct yaml_docs *d,
                   const json_t *v);               /* line of an object, array or scalar of these documents; 0 unknown */
void yaml_print(struct buf *out, const json_t *v); /* block style, keys in order of insertion */
