// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include <stdio.h>
#include <time.h>

static uint64_t ask(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t real_mono(const struct clock *c) {
    (void)c;
    return ask(CLOCK_MONOTONIC);
}

static uint64_t real_wall(const struct clock *c) {
    (void)c;
    return ask(CLOCK_REALTIME);
}

const struct clock clock_real = {.mono_us = real_mono, .wall_us = real_wall};

/* Both formats have four digits for the year. */
#define LAST_SECOND 253402300799ll /* 9999-12-31T23:59:59Z */

static struct tm split(uint64_t wall_us) {
    uint64_t s = wall_us / CLOCK_S;
    time_t t = (time_t)(s < LAST_SECOND ? s : LAST_SECOND);
    struct tm tm;
    gmtime_r(&t, &tm);
    return tm;
}

/* The fields are in range by construction; the moduli tell the compiler so, which else fears a cut. */
void clock_rfc3339(uint64_t wall_us, char out[25]) {
    struct tm tm = split(wall_us);
    snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)(wall_us / CLOCK_MS % 1000));
}

void clock_http_date(uint64_t wall_us, char out[30]) {
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = split(wall_us);
    snprintf(out, 30, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days[tm.tm_wday], (unsigned)tm.tm_mday % 100, months[tm.tm_mon],
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100);
}
