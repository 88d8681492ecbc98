// SPDX-License-Identifier: Apache-2.0
#include "policy/damp.h"
#include <string.h>

static void note_down(struct damp *d, uint64_t now) {
    memmove(d->at + 1, d->at, sizeof(d->at) - sizeof(*d->at));
    d->at[0] = now;
    if (d->downs < DAMP_DOWNS)
        d->downs++;
}

static uint64_t last_trouble(const struct damp *d) {
    return d->until > d->at[0] ? d->until : d->at[0];
}

bool damp_held(const struct damp *d, uint64_t now) {
    return now < d->until;
}

void damp_tell(struct damp *d, bool healthy, uint64_t interval_us, uint64_t now) {
    uint64_t window = DAMP_WINDOW * interval_us;
    bool down = d->healthy && !healthy;
    d->healthy = healthy;
    if (!down)
        return;
    if (now > last_trouble(d) + window)
        d->level = 0;
    bool often = d->downs == DAMP_DOWNS && now - d->at[DAMP_DOWNS - 1] <= window;
    if (often || damp_held(d, now)) {
        uint64_t hold = DAMP_HOLD * interval_us << d->level;
        d->until = now + hold;
        d->level += d->level + 1 < DAMP_LEVELS;
    }
    note_down(d, now);
}

uint64_t damp_due(const struct damp *d, uint64_t interval_us, uint64_t now) {
    return damp_held(d, now) ? d->until : last_trouble(d) + DAMP_WINDOW * interval_us;
}
