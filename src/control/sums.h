// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sums: what all proxies have counted. A proxy tells absolute values within one start of it (boot_id), so what it has counted is
 * counted once, however often it connects; what one that has gone counted stays in.
 *
 * They are kept in the file `sums` of the data directory (0600; "WEFTSUM1", then records of seven native 64-bit numbers: a
 * boot_id, or 0 for the sums, and the counters), written about once a second while they change, without fsync, and at the end. So
 * a restart goes on where it was, also after kill -9: who is still there tells all again, and of who went within the last second
 * that second may be missing. Threads: the control loop. Tests: tests/unit/control/sums.c,
 * tests/scenario/b140_session_counters.py */
#include "base/map.h"
#include "base/str.h"
#include "io/timer.h"
#include "xds/link.h"
struct loop;

#define SUMS_BOOTS 65536u /* starts of proxies remembered: after as many others one that reconnects is counted anew */

struct sums_boot { /* one start of a proxy */
    struct session_stats last;
    unsigned sessions; /* open ones of it; the owner's */
};
struct sums {
    struct session_stats sum;
    struct map boots; /* boot_id -> struct sums_boot, oldest first */
    /* private */
    struct loop *loop;
    char *path; /* NULL: they are not kept */
    struct timer keep;
    bool broken; /* the file could not be written, and that has been said */
};
/* Zeros are sums that are not kept. Begins with what is kept in dir; damaged: with nothing, and a word to the log. */
void sums_open(struct sums *s, struct loop *l, struct str dir);
void sums_fini(struct sums *s); /* keeps them a last time */
struct sums_boot *sums_need(struct sums *s, uint64_t boot_id);
struct sums_boot *sums_get(const struct sums *s, uint64_t boot_id); /* NULL: unknown */
void sums_add(struct sums *s, uint64_t boot_id, const struct session_stats *now);
