// SPDX-License-Identifier: Apache-2.0
#pragma once
/* timer: a hierarchical timer wheel; start and stop are O(1). Pure: time is passed in. The loop owns one; use
 * loop_timer() there. One owner. Tests: tests/unit/io/timer.c */
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

#define TIMER_LEVELS 6
#define TIMER_SLOTS                                                                                                              \
    64 /* per level; one slot of level 0 is 1 ms, so the wheel spans 64^6 ms; later times wait in the last slot                  \
        */

struct timer;
typedef void timer_f(struct timer *t);

struct timer { /* embed; zeros are a stopped timer */
    struct list node;
    uint64_t due; /* microseconds, the caller's clock */
    timer_f *cb;
};

struct timer_wheel {
    struct list slot[TIMER_LEVELS][TIMER_SLOTS];
    struct list ready;           /* due ones that were not yet fired */
    uint64_t busy[TIMER_LEVELS]; /* bit per slot that may hold timers */
    uint64_t tick;               /* milliseconds: all before it have been fired */
    unsigned live;               /* running timers */
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_us);
void timer_start(struct timer_wheel *w, struct timer *t, uint64_t due_us, timer_f *cb); /* restarts when running */
void timer_stop(struct timer_wheel *w, struct timer *t);
static inline bool timer_running(const struct timer *t) {
    return list_linked(&t->node);
}
/* Fires every timer whose due time, rounded up to the millisecond, has come, in order of due milliseconds. A callback may start
 * and stop any timer; one that it starts for now or the past fires in the next call (no starvation). Returns how many fired. */
unsigned timer_fire(struct timer_wheel *w, uint64_t now_us);
/* Microseconds from `now` to when timer_fire should be called next (0: at once; UINT64_MAX: no timer). May be early, never late.
 */
uint64_t timer_next(const struct timer_wheel *w, uint64_t now_us);
