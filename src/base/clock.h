// SPDX-License-Identifier: Apache-2.0
#pragma once
/* clock: the seam for time. Pure code gets `now` as an argument; loops ask a clock, which a simulation replaces.
 * Threads: the real clock, any. */
#include <stddef.h>
#include <stdint.h>

struct clock {
    uint64_t (*mono_us)(const struct clock *c); /* monotonic, microseconds since some point in the past */
    uint64_t (*wall_us)(const struct clock *c); /* microseconds since 1970-01-01 UTC */
};

extern const struct clock clock_real; /* CLOCK_MONOTONIC and CLOCK_REALTIME */

#define CLOCK_MS 1000ull
#define CLOCK_S 1000000ull

/* "2026-11-22T02:44:09.123Z" (RFC 3339, milliseconds, UTC) into out[25]. */
void clock_rfc3339(uint64_t wall_us, char out[25]);
/* "Sun, 22 Nov 2026 02:44:09 GMT" (IMF-fixdate, RFC 9110 §5.6.7) into out[30]. */
void clock_http_date(uint64_t wall_us, char out[30]);
