// SPDX-License-Identifier: Apache-2.0
#pragma once
/* due: by when an exchange must have come how far: several limits, one timer. Times are the loop's; UINT64_MAX: never. Pure.
 * Threads: any. Tests: tests/unit/proxy/due.c, tests/interop/x106_envoy_timeouts.py */
#include "base/clock.h"

enum due_what {
    DUE_NOTHING,
    DUE_DEADLINE, /* the route's timeout: the response must be whole */
    DUE_REQUEST,  /* the request must be */
    DUE_DURATION, /* the exchange must be over, whatever it is */
    DUE_UPSTREAM, /* the same, counted from when the request went out */
    DUE_SILENCE,  /* something must have come */
};

struct due {
    uint64_t at[DUE_SILENCE]; /* by enum due_what; 0: no such limit */
    uint64_t silence_us;      /* 0: no such limit */
    uint64_t after_request;   /* the timeout that begins to run when the request is whole; 0: none */
};

/* When to look next; `last`: when something came for the last time. */
uint64_t due_next(const struct due *d, uint64_t last);
/* What is over: the limit that was met first; of several at one time, the first of the enum. */
enum due_what due_over(const struct due *d, uint64_t last, uint64_t now);
