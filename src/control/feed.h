// SPDX-License-Identifier: Apache-2.0
#pragma once
/* feed: what `watch` tells (contract §2): changes of the mesh as lines of JSON, to many watchers at once.
 *
 * A watcher is a place in the log, not a queue: it is told while its sink has room (FEED_QUEUE octets), goes on where it stopped
 * when that drains, and is cut off when the log no longer reaches back to it. So a watcher costs bounded memory, however slow it
 * is. First comes the backlog: with `from` all changes after it; without, what is there, each with its last change's revision and
 * in their order, so that whoever is cut off meanwhile may go on from the last one too; then a bookmark, then what happens.
 *
 * Health is no part of the log, and begins anew with the control plane: a put says what it is now ("status"); later changes are
 * told of each endpoint once with its newest value, and one that comes back with `from` hears of all that have changed since the
 * control plane started. Of those that it found in its store then, the first that is learnt counts as a change: what watchers
 * took them for before, nobody knows any more. Threads: the control loop. Tests: tests/unit/control/feed.c,
 * tests/scenario/b11*.py */
#include "control/reg.h"
#include "io/loop.h"

#define FEED_QUEUE 65536u            /* octets that wait in a sink, one line aside */
#define FEED_WATCHERS 4096u          /* at once */
#define FEED_RECENT 256u             /* the newest changes, rendered once for all */
#define FEED_QUIET (10 * 1000000ull) /* microseconds of silence, then a bookmark */
#define FEED_PRESENT UINT64_MAX      /* for `from`: what is there first */

struct feed_sink {
    void (*line)(void *ctx, struct str line);
    size_t (*queued)(void *ctx);
    void (*end)(void *ctx, int why); /* 0: in order; else the stream must not look complete. feed_leave is still to come */
};
struct feed_recent {
    uint64_t revision;
    char *line; /* NULL: too long to be kept */
};
struct feed {
    struct mesh *mesh;
    struct reg *reg;
    struct list watchers; /* of struct feed_watcher (private) */
    unsigned n;
    struct task task;
    struct feed_recent recent[FEED_RECENT]; /* by revision */
    struct map marks;                       /* "KIND KEY" -> struct mark (private): whose health has changed ... */
    struct list in_order;                   /* ... in order of the last change */
    uint64_t marked;                        /* changes of health so far */
    bool reading;
    uint64_t told, cut; /* lines; watchers that were too slow */
};
struct feed_watcher;

void feed_init(struct feed *f, struct mesh *m, struct reg *r);
void feed_fini(struct feed *f); /* all watchers must have left */
void feed_changed(struct feed *f, const struct mesh_change *ch);
void feed_health(struct feed *f, enum store_kind kind, struct str key);

/* Lines come later, from the loop. WEFT_E_NOT_FOUND: the log does not reach back so far, or that revision was never given out;
 * _LIMIT: too many watchers; _STORE. */
int feed_join(struct feed *f, struct feed_watcher **out, uint64_t from, const struct feed_sink *sink, void *ctx,
              struct err *e) MUST_CHECK;
void feed_more(struct feed_watcher *w); /* the sink has drained */
void feed_leave(struct feed_watcher **w);
void feed_end(struct feed *f); /* ends all, in order; none may join after it */
