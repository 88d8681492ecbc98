// SPDX-License-Identifier: Apache-2.0
#include "proxy/due.h"

static enum due_what soonest(const struct due *d, uint64_t last, uint64_t *when) {
    enum due_what what = DUE_NOTHING;
    *when = UINT64_MAX;
    for (unsigned i = DUE_DEADLINE; i < DUE_SILENCE; i++) {
        if (d->at[i] && d->at[i] < *when) {
            *when = d->at[i];
            what = (enum due_what)i;
        }
    }
    if (d->silence_us && last + d->silence_us < *when) {
        *when = last + d->silence_us;
        what = DUE_SILENCE;
    }
    return what;
}

uint64_t due_next(const struct due *d, uint64_t last) {
    uint64_t when;
    soonest(d, last, &when);
    return when;
}

enum due_what due_over(const struct due *d, uint64_t last, uint64_t now) {
    uint64_t when;
    enum due_what what = soonest(d, last, &when);
    return when <= now ? what : DUE_NOTHING;
}
