// SPDX-License-Identifier: Apache-2.0
#pragma once
/* disk: what a control plane's machine keeps over the life of its processes, and a store on it for each of them: over store_mem,
 * with writes that become durable later, in batches, and are told later still, in order. When the process is killed, what was not
 * durable is lost; a batch under way is, or is not. Threads: one. Tests: tests/sim/sim.c */
#include "control/store.h"
#include "net.h"

enum disk_bug { /* faults that are planted, to see whether they are found */
                DISK_RIGHT,
                DISK_EARLY,   /* answers before it is durable */
                DISK_SKIPS,   /* one change is left out when the log is read */
                DISK_FORGETS, /* a process begins one revision too early */
};

struct disk {
    struct world *world;
    struct store *kept; /* a store_mem: what is durable */
    struct disk_store *open;
    enum disk_bug bug;
    bool full;                                  /* writes fail */
    uint64_t commits, failed, lost, unanswered; /* writes: durable; refused; gone with a process; durable, but never told */
};

#define DISK_LOG 60u /* changes that the log reaches back: short, so that watchers meet its end */

void disk_init(struct disk *d, struct world *w);
void disk_fini(struct disk *d);
struct store *disk_open(struct disk *d, struct loop *l); /* one at a time */
void disk_kill(struct disk *d);                          /* the process that had it open is gone */
