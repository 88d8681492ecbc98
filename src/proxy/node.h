// SPDX-License-Identifier: Apache-2.0
#pragma once
/* node: reading a JSON tree field by field, with the place of each value for messages. The first error sticks in the reader;
 * after it values read as empty, so a reader of configuration is written straight down and asks once at its end. A field that
 * nobody asked for is an error: nothing of a configuration is ignored silently. Threads: any. Tests: tests/unit/proxy/bootstrap.c
 */
#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

struct node_reader {
    struct arena mem; /* of places and copies */
    struct err *e;
    int rc; /* 0, or the first error's code */
};
struct node {
    struct node_reader *r;
    json_t *v;        /* NULL: absent */
    struct str where; /* "static_resources.listeners[0].name" */
};

int node_fail(struct node n, const char *what); /* "WHERE: what" unless something failed before */
/* All fields must be among `names` (separated by spaces); "@type" is always allowed. */
void node_only(struct node n, const char *names);
struct node node_get(struct node n, const char *name);
struct node node_need(struct node n, const char *name); /* absent is an error */
size_t node_len(struct node n);                         /* of an array; 0 when absent */
struct node node_at(struct node n, size_t i);
struct node node_one(struct node n); /* the only element of an array */
struct str node_str(struct node n);  /* in the tree; empty when absent */
uint64_t node_uint(struct node n, uint64_t max, uint64_t dflt);
bool node_bool(struct node n, bool dflt);
uint64_t node_us(struct node n, uint64_t dflt);            /* a duration as protobuf writes it: "5s", "0.25s": microseconds */
int node_word(struct node n, const char *words, int dflt); /* index of the string among words (separated by spaces) */
