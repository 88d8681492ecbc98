// SPDX-License-Identifier: Apache-2.0
#pragma once
/* loop: the one event loop of every process: level-triggered epoll, one thread.
 *
 * One turn: wait for readiness (until the next timer); read the clock; fire due timers; call the watches; run the tasks that
 * were put off to the end of the turn (this is where connections flush what was gathered); repeat until loop_stop.
 * Gathering: where many requests are under way on few sockets (HTTP/2), most of a request's cost is the kernel's for waking up
 * with one or two of them at a time. When such a request has ended and nothing else is under way, a wait that would block
 * begins with a sleep of a 32nd of what requests take of late, 100 microseconds at most (docs/decisions/0035).
 * A watch or timer may be stopped, and its memory freed, from any callback of the same loop, its own included: a watch that
 * was removed in this turn is not called any more.
 * Threads: everything runs on the loop's own thread; only mbox_send (io/mbox.h) and loop_stop_async may come from others.
 * Tests: tests/unit/io/loop.c */
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/blocks.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/str.h"
#include "io/timer.h"
struct err;
struct sock_net;

#define LOOP_SCRATCH 65536u /* octets of the loop's scratch buffer: what one receive brings at most */

struct loop {
    uint64_t now;              /* microseconds, monotonic: when this turn's wait ended */
    const struct clock *clock; /* the seam for time */
    struct log *log;           /* where whoever runs here talks to; never NULL */
    struct rand rand;          /* of this thread */
    struct arena_pool arenas;  /* of this thread: blocks for requests */
    struct block_pool blocks;  /* of this thread: what a stream keeps */
    struct buf_pool bufs;      /* of this thread: memory for output that is gathered within a turn */
    char *scratch;             /* LOOP_SCRATCH octets, valid within one callback: for receives, and no other use */
    struct timer_wheel wheel;  /* private */
    struct list tasks;         /* private */
    int epfd;                  /* private */
    bool stopping;             /* private */
    struct loop_wake *wake;    /* private: for loop_stop_async */
    struct loop_slot *slots;   /* private: the watches; what epoll returns names a slot and its generation, never a pointer */
    size_t n_slots, cap_slots; /* private */
    unsigned free_slot;        /* private: first of the free ones, plus 1 */
    unsigned broken;           /* private: watches that the kernel had no memory for */
    unsigned watches;          /* live ones, for leak checks */
    uint64_t turns, gathers;   /* since the beginning; of them, turns that began with a sleep */
    unsigned shared, alone;    /* private: requests under way on sockets that carry many, that carry one at a time */
    uint32_t took;             /* private: what requests that share a socket take of late, in microseconds */
    bool gather;               /* private: one of them has ended in this turn */
    uint64_t date_due;         /* private: when `date` is over */
    char date[30];             /* private */
    /* The seam for sockets (io/sock.h); NULL: the kernel's. */
    const struct sock_net *net;
};

struct loop_cfg {
    const struct clock *clock; /* NULL: clock_real */
    struct log *log;           /* NULL: silent */
    uint64_t seed;             /* of loop->rand; 0: from the kernel */
    /* NULL: the kernel's sockets. */
    const struct sock_net *net;
};

int loop_init(struct loop *l, const struct loop_cfg *cfg, struct err *e) __attribute__((warn_unused_result));
void loop_fini(struct loop *l);            /* every watch and timer must have been stopped */
void loop_run(struct loop *l);             /* until loop_stop */
void loop_stop(struct loop *l);            /* from a callback: the turn is finished first */
void loop_stop_async(struct loop *l);      /* the same, Threads: any */
bool loop_turn(struct loop *l, bool wait); /* one turn, for tests; false when stopped */
uint64_t loop_wall(const struct loop *l);  /* microseconds since 1970, asked of the clock now */
struct str loop_date(struct loop *l);      /* now, as a Date field says it (RFC 9110 §6.6.1); valid within one callback */

/* ---- readiness ---- */
enum { LOOP_IN = 1, LOOP_OUT = 2, LOOP_ERR = 4 /* error or both sides hung up: always reported, cannot be masked */ };
struct watch;
typedef void watch_f(struct watch *w, unsigned ready); /* LOOP_IN | LOOP_OUT | LOOP_ERR */

struct watch { /* embed; zeros are an unused watch */
    watch_f *cb;
    int fd;
    unsigned want;     /* LOOP_IN | LOOP_OUT */
    struct loop *loop; /* private: NULL when not watching */
    unsigned slot;     /* private */
};

/* Watches `fd` (borrowed; close it after loop_unwatch). */
void loop_watch(struct loop *l, struct watch *w, int fd, unsigned want, watch_f *cb);
void loop_rewatch(struct watch *w, unsigned want); /* epoll_ctl only when `want` changes; 0 pauses (LOOP_ERR still comes, once) */
void loop_unwatch(struct watch *w);                /* nothing when it is unused */

/* ---- timers: O(1), one millisecond fine, never early ---- */
/* Starts (or restarts) the timer to fire once `delay` microseconds after l->now. See io/timer.h. */
void loop_timer(struct loop *l, struct timer *t, uint64_t delay, timer_f *cb);
void loop_timer_stop(struct loop *l, struct timer *t); /* nothing when it is not running */

/* ---- gathering ---- */
/* A request begins: `shares` its socket with others (HTTP/2), or has it alone. It ends; `took`: microseconds, of one that came
 * in by a socket that it shares, 0 for others. */
void loop_request(struct loop *l, bool shares);
void loop_request_ended(struct loop *l, bool shares, uint64_t took);

/* ---- end of the turn ---- */
struct task;
typedef void task_f(struct task *t);
struct task { /* embed; zeros are an unused task */
    struct list node;
    task_f *cb;
};
/* Runs the task once at the end of this turn, after all watches; nothing when it waits already. Tasks put off by tasks run in
 * the same turn (a flush may cause more output). */
void loop_later(struct loop *l, struct task *t, task_f *cb);
void loop_later_cancel(struct task *t);
