// SPDX-License-Identifier: Apache-2.0
#pragma once
/* overload: the budgets of the whole process (base/limits.def, PROC): connections, requests, memory. Nearing them weft refuses
 * what is new, and takes it again by itself.
 *
 * Requests are a purse of credits, shared by the workers: each takes and returns a handful at a time, so that a request touches
 * memory of its own worker only, and yet all together never have more than the budget. Memory is looked at ten times a second by
 * the main thread (RssAnon: what the kernel would kill us for, whoever holds it); a worker reads one flag.
 * Threads: overload_start, overload_stop, overload_print the main thread; the rest any worker. Tests:
 * tests/unit/proxy/overload.c, tests/scenario/s13*.py */
#include <stdatomic.h>
#include "base/buf.h"
#include "base/limits.h"
#include "io/timer.h"
struct loop;

struct overload {
    uint64_t connections, requests, memory; /* the budgets; UINT64_MAX: none */
    unsigned handful;                       /* credits that a worker takes at once */
    char apart1_[64];                       /* what is written stands on cache lines of its own */
    _Atomic int64_t left;                   /* credits in the purse */
    char apart2_[64];
    atomic_bool memory_full;
    struct timer tick; /* the rest is the main thread's */
    struct loop *loop;
    uint64_t used;    /* octets of private memory, when last looked at */
    uint64_t trimmed; /* when free pages were given back */
    int statm;        /* kept open: there may be no descriptor when it is needed */
};

struct overload_share { /* one worker's */
    unsigned credits;   /* taken from the purse and not in use */
};

/* The budgets: as given, else what the machine allows. Raises the soft limit of descriptors to the hard one. */
void overload_init(struct overload *o, const struct proc_limits *l, unsigned workers);
void overload_start(struct overload *o, struct loop *l);
void overload_stop(struct overload *o);
void overload_print(const struct overload *o, struct buf *out); /* gauges as Prometheus text */

/* May one more request begin? Then overload_done when it has ended. Else *which says what is full. */
bool overload_admit(struct overload *o, struct overload_share *s, enum limit_id *which);
void overload_done(struct overload *o, struct overload_share *s);

/* For tests and overload's own use: pure. What "SIZE RESIDENT SHARED …" (/proc/self/statm, in pages) says is private. */
bool overload_statm(struct str text, uint64_t page, uint64_t *octets);
bool overload_over(bool was, uint64_t used, uint64_t budget); /* over from 95 % on, until below 90 % */
