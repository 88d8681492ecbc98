// SPDX-License-Identifier: Apache-2.0
#pragma once
/* net: a world of machines in one thread, on virtual time: each node has a loop and clocks of its own, and an address 127.0.0.N;
 * between them are TCP connections in memory, by the seam of io/sock.h. What a seed decides: how long octets take, how they are
 * cut, and what of it breaks. Time moves only in world_step, to the next thing that happens.
 *
 * Octets of a connection come in order and are never lost without the connection ending; a partition holds them up. A machine
 * that is killed resets its connections, one that is lost without a word does not: its peers learn of it when they write after it
 * is back, or by keep-alive after two minutes. Everything delivered goes into a hash: two runs of a seed must have the same.
 * Threads: one. Tests: tests/sim/sim.c */
#include "base/buf.h"
#include "base/list.h"
#include "base/rand.h"
#include "io/loop.h"
#include "io/sock.h"

#define MACHINES 16u /* machines at most; the number is the last octet of the address, from 1 on */
#define EVENTS 64u   /* the last ones are kept, to be shown with a failure */

typedef void world_f(void *ctx);
struct world_event;

struct world {
    uint64_t now; /* microseconds */
    struct rand rand;
    struct world_event *heap; /* private: what will happen, by time, then by order of asking */
    size_t n_heap, cap_heap;
    uint64_t asked;
    struct machine *node[MACHINES];
    uint64_t cut_until[MACHINES][MACHINES]; /* from, to: nothing passes before */
    uint64_t slow_until[MACHINES];          /* what comes to it takes 50 times as long before */
    struct flow *accepting;                 /* private: whose number is being told to a listener */
    struct list flows;                      /* private */
    uint64_t hash, delivered;
    char said[EVENTS][200]; /* a ring */
    unsigned n_said;
    bool loud, failed; /* loud: what is said goes to stderr too */
    char failure[512]; /* the first */
};

struct machine { /* a machine with one process */
    struct world *world;
    unsigned n;
    struct sock_net net;
    struct clock clock;
    struct log log;
    struct loop loop;
    bool up;               /* its process runs; else connections to it are refused */
    bool lost;             /* not even that: nothing answers */
    bool poked;            /* private: something has come for it */
    uint64_t frozen_until; /* it gets no processor before */
    uint64_t next;         /* private: when its next timer is due */
    uint64_t ahead;        /* private: of a process that is dead and is put away: beyond world->now */
    bool dead;             /* private: nothing that it does reaches anybody */
    int64_t wall_off;      /* of its wall clock: microseconds */
    struct list listeners; /* private */
};

void world_init(struct world *w, uint64_t seed);
void world_fini(struct world *w);                                       /* all nodes must be down */
void world_at(struct world *w, uint64_t delay, world_f *cb, void *ctx); /* cannot be taken back */
bool world_step(struct world *w);                                       /* false: nothing will ever happen again */
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The seed has found something: the first is kept, and the run is over. */
void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t world_pick(struct world *w, uint64_t below);
bool world_chance(struct world *w, unsigned percent);

void machine_boot(struct world *w, struct machine *nd, unsigned n); /* zeros before; makes its loop */
/* The process is gone in this moment: its connections are reset, or, when `silent`, say nothing. The memory of what ran in it is
 * put away by `bury`, which may turn the loop by machine_turn_dead: nothing that it still does is seen by anybody. */
void machine_kill(struct machine *nd, bool silent, void (*bury)(struct machine *nd));
void machine_turn_dead(struct machine *nd);
/* What is done to its process from outside of its loop begins with this, as a turn does. */
void machine_enter(struct machine *nd);
void machine_down(struct machine *nd); /* in order: its loop has nothing any more */
struct addr machine_addr(unsigned n, uint16_t port);
