// SPDX-License-Identifier: Apache-2.0
#pragma once
/* damp: flapping of one endpoint. Whoever goes down more than DAMP_DOWNS times within a window is held out for a while, which
 * doubles each time that it goes down again before a whole window was quiet (as BGP's route flap damping, RFC 2439, with counts
 * for penalties). Window and hold are multiples of the interval in which it is checked, so that no key is needed for them. Pure.
 * Time is an argument. Tests: tests/unit/policy/damp.c */
#include <stdbool.h>
#include <stdint.h>

#define DAMP_DOWNS 4u  /* that are forgiven in a window */
#define DAMP_WINDOW 20 /* intervals */
#define DAMP_HOLD 5    /* intervals, the first time; ... */
#define DAMP_LEVELS 4u /* ... doubled up to 5, 10, 20, 40 */

struct damp {                /* zeros, with healthy true, are an endpoint of which nothing bad is known */
    bool healthy;            /* as last told */
    unsigned level, downs;   /* holds in a row; downs noted in `at` */
    uint64_t at[DAMP_DOWNS]; /* of the newest downs, the newest first, microseconds */
    uint64_t until;          /* held out until then; 0: it never was */
};
/* It is healthy or not, at `now`, where checks come every interval_us. */
void damp_tell(struct damp *d, bool healthy, uint64_t interval_us, uint64_t now);
bool damp_held(const struct damp *d, uint64_t now);
/* When something changes without a word: the end of a hold, else of the quiet window after which nothing needs to be remembered.
 */
uint64_t damp_due(const struct damp *d, uint64_t interval_us, uint64_t now);
