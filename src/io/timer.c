// SPDX-License-Identifier: Apache-2.0
#include "io/timer.h"

/* A timer lies on the level of the highest group of 6 bits in which its tick differs from the wheel's. So for every level above
 * 0 the slot of the wheel's own tick is empty, all timers of a level come before those of the next one, and when the wheel
 * arrives at a slot its timers are dealt out to lower levels. */
#define BITS 6
#define SPAN_BITS (BITS * TIMER_LEVELS)
#define MS 1000u

static uint64_t tick_of(const struct timer *t) { /* rounded up: never early */
    return t->due / MS + (t->due % MS != 0);
}

static unsigned slot_of(uint64_t tick, unsigned level) {
    return (unsigned)(tick >> (level * BITS)) & (TIMER_SLOTS - 1);
}

void timer_wheel_init(struct timer_wheel *w, uint64_t now_us) {
    *w = (struct timer_wheel){.tick = now_us / MS};
    list_init(&w->ready);
    for (unsigned level = 0; level < TIMER_LEVELS; level++)
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
            list_init(&w->slot[level][slot]);
}

/* In order of due milliseconds. What a loop starts for "now" all has the same one, so the search ends at once. */
static void place_ready(struct timer_wheel *w, struct timer *t) {
    struct list *at = &w->ready;
    while (at->prev != &w->ready && tick_of(list_entry(at->prev, struct timer, node)) > tick_of(t))
        at = at->prev;
    list_insert_before(at, &t->node);
}

static void place(struct timer_wheel *w, struct timer *t) {
    uint64_t tick = tick_of(t);
    if (tick < w->tick) {
        place_ready(w, t);
        return;
    }
    uint64_t differ = tick ^ w->tick;
    if (differ >> SPAN_BITS) { /* beyond the span: to its last tick, where it will be placed anew */
        tick = w->tick | ((1ull << SPAN_BITS) - 1);
        differ = tick ^ w->tick;
    }
    unsigned level = differ ? (63u - (unsigned)__builtin_clzll(differ)) / BITS : 0;
    unsigned slot = slot_of(tick, level);
    list_push(&w->slot[level][slot], &t->node);
    w->busy[level] |= 1ull << slot;
}

void timer_start(struct timer_wheel *w, struct timer *t, uint64_t due_us, timer_f *cb) {
    timer_stop(w, t);
    t->due = due_us;
    t->cb = cb;
    place(w, t);
    w->live++;
}

void timer_stop(struct timer_wheel *w, struct timer *t) {
    if (!timer_running(t))
        return;
    struct list *head = t->node.next; /* if it is the last of its slot */
    if (head == t->node.prev && head >= &w->slot[0][0] && head <= &w->slot[TIMER_LEVELS - 1][TIMER_SLOTS - 1]) {
        size_t at = (size_t)(head - &w->slot[0][0]);
        w->busy[at / TIMER_SLOTS] &= ~(1ull << at % TIMER_SLOTS);
    }
    list_remove(&t->node);
    w->live--;
}

/* The first tick at which there is something to do; false: never. */
static bool next_tick(const struct timer_wheel *w, uint64_t *tick) {
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        uint64_t ahead = w->busy[level] & ~0ull << slot_of(w->tick, level);
        if (!ahead)
            continue;
        uint64_t slot = (uint64_t)__builtin_ctzll(ahead);
        unsigned above = (level + 1) * BITS;
        *tick = (w->tick >> above << above) | slot << (level * BITS);
        return true;
    }
    return false;
}

static void take_slot(struct timer_wheel *w, unsigned level, unsigned slot, struct list *out) {
    list_init(out);
    struct list *head = &w->slot[level][slot];
    if (!list_empty(head)) {
        *out = *head;
        out->next->prev = out->prev->next = out;
        list_init(head);
    }
    w->busy[level] &= ~(1ull << slot);
}

/* Moves the wheel on to a tick before which nothing is left, and deals out the slots that begin there. */
static void arrive(struct timer_wheel *w, uint64_t tick) {
    w->tick = tick;
    for (unsigned level = TIMER_LEVELS - 1; level > 0; level--) {
        unsigned slot = slot_of(tick, level);
        if (!(w->busy[level] & 1ull << slot))
            continue;
        struct list timers, *n;
        take_slot(w, level, slot, &timers);
        while ((n = list_pop(&timers)))
            place(w, list_entry(n, struct timer, node));
    }
}

/* Appends what is due up to and including tick `last` to w->ready. */
static void gather(struct timer_wheel *w, uint64_t last) {
    uint64_t tick;
    while (w->tick <= last && next_tick(w, &tick) && tick <= last) {
        arrive(w, tick);
        if (!(w->busy[0] & 1ull << slot_of(tick, 0)))
            continue; /* only a slot of a higher level began here */
        struct list timers, *n;
        take_slot(w, 0, slot_of(tick, 0), &timers);
        arrive(w, tick + 1);
        while ((n = list_pop(&timers)))
            place(w, list_entry(n, struct timer, node)); /* to w->ready, but for those from beyond the span */
    }
    if (w->tick <= last)
        arrive(w, last + 1);
}

unsigned timer_fire(struct timer_wheel *w, uint64_t now_us) {
    gather(w, now_us / MS);
    struct list batch, *n; /* what callbacks start for now goes to w->ready again, and fires in the next call */
    list_init(&batch);
    if (!list_empty(&w->ready)) {
        batch = w->ready;
        batch.next->prev = batch.prev->next = &batch;
        list_init(&w->ready);
    }
    unsigned fired = 0;
    for (; (n = list_pop(&batch)); fired++) {
        struct timer *t = list_entry(n, struct timer, node);
        w->live--;
        t->cb(t);
    }
    return fired;
}

uint64_t timer_next(const struct timer_wheel *w, uint64_t now_us) {
    uint64_t tick;
    if (!list_empty(&w->ready))
        return 0;
    if (!next_tick(w, &tick))
        return UINT64_MAX;
    return tick > now_us / MS ? tick * MS - now_us : 0;
}
