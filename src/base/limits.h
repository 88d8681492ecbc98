// SPDX-License-Identifier: Apache-2.0
#pragma once
/* limits: every limit on what a peer can make us hold or do, in one table (limits.def): names, defaults, bounds; values as people
 * give them; and counts of how often each was met. The parts of the program that enforce them say what happens then.
 * Threads: any; struct limit_counts is written by one. Tests: tests/unit/base/limits.c, tests/scenario/s1*.py */
#include <stdatomic.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

enum limit_id {
#define CONN(field, ...) LIMIT_##field,
#define PROC(field, ...) LIMIT_##field,
#include "base/limits.def"
#undef CONN
#undef PROC
    LIMIT_COUNT_
};

/* LIMITS_head, …: the defaults, in the table's unit; times in seconds. */
enum {
#define CONN(field, unit, dflt, ...) LIMITS_##field = (dflt),
#define PROC(field, unit, dflt, ...) LIMITS_##field = (dflt),
#include "base/limits.def"
#undef CONN
#undef PROC
};

#define LIMIT_FIELD_OCTETS(field) uint32_t field;
#define LIMIT_FIELD_COUNT(field) uint32_t field;
#define LIMIT_FIELD_RATE(field) uint32_t field;
#define LIMIT_FIELD_TIME(field) uint64_t field##_us; /* UINT64_MAX: none */

struct conn_limits { /* of a connection; zeros mean the defaults */
#define CONN(field, unit, ...) LIMIT_FIELD_##unit(field)
#define PROC(...)
#include "base/limits.def"
#undef CONN
#undef PROC
};

struct proc_limits { /* of the process; zeros mean the defaults, UINT64_MAX none */
#define CONN(...)
#define PROC(field, ...) uint64_t field;
#include "base/limits.def"
#undef CONN
#undef PROC
};

struct limits {
    struct conn_limits down, up; /* connections that we accepted, and those that we dialled */
    struct proc_limits proc;
};

/* One setting as a person gives it: "NAME=VALUE" for what clients can do, "upstream.NAME=VALUE" for what upstreams can. Times in
 * seconds, fractions allowed; octets with K, M or G behind them; "none" for times and limits of the process. 0 or
 * WEFT_E_INVALID. */
int limit_set(struct limits *l, struct str setting, struct err *e) MUST_CHECK;

/* A plain server has the limits of its connections and their number, and calls nobody: WEFT_E_INVALID when others are set. */
int limits_of_server(const struct limits *l, struct err *e) MUST_CHECK;

const char *limit_name(enum limit_id id);

struct limit_counts {
    _Atomic uint64_t n[LIMIT_COUNT_]; /* how often each was met */
    uint64_t told[LIMIT_COUNT_];      /* private: when that was last said */
};
/* Counts. True when it should be logged: the first time, and then once a minute at most. */
bool limit_met(struct limit_counts *c, enum limit_id id, uint64_t now);
static inline uint64_t limit_count(const struct limit_counts *c, enum limit_id id) {
    return atomic_load_explicit(&c->n[id], memory_order_relaxed);
}
