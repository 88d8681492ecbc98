// SPDX-License-Identifier: Apache-2.0
#pragma once
/* spread: a listener's connections over the workers, shared by all of them: who accepts a connection takes the place for it at
 * the worker that has the fewest of this listener. The place is taken by comparing and swapping, so that two that accept at once
 * do not both take the same: with n workers no two ever differ by more than one while connections only come. Touched when a
 * connection comes or goes, never by a request (docs/decisions/0030-whose-connection.md). Threads: any.
 * Tests: tests/unit/proxy/spread.c, tests/scenario/b068_worker_balance.py */
#include <stdatomic.h>
#include "model/ref.h"

struct spread {
    struct ref ref;
    unsigned n;
    _Atomic uint32_t at[]; /* by worker */
};
struct spread *spread_new(unsigned workers);
/* The worker that takes the next connection; counted there at once. `busy` ranks those that have equally few (UINT64_MAX: takes
 * none); `self` wins a tie, since that costs no wake-up. */
unsigned spread_take(struct spread *s, unsigned self, uint64_t (*busy)(void *ctx, unsigned worker), void *ctx);
void spread_add(struct spread *s, unsigned worker);  /* one that is not a choice */
void spread_give(struct spread *s, unsigned worker); /* a connection has ended */
