// SPDX-License-Identifier: Apache-2.0
#include "io/timer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rand.h"

#define MS 1000ull
#define N 300

/* The naive model: an array of what runs and when it is due. */
struct model {
    struct timer t;
    bool running;
    uint64_t due, fired_at;
};

struct world { /* reached from callbacks through the first timer's neighbours */
    struct model m[N];
    struct timer_wheel w;
    uint64_t now, last_due;
    unsigned fired;
};

static struct world *world_now; /* callbacks have no context of their own */

static uint64_t due_ms(uint64_t due) {
    return (due + MS - 1) / MS;
}

static void on_fire(struct timer *t) {
    struct model *m = container_of(t, struct model, t);
    struct world *w = world_now;
    assert_true(m->running);
    assert_true(w->now / MS >= due_ms(m->due)); /* never early */
    assert_true(due_ms(m->due) >= w->last_due); /* in order */
    w->last_due = due_ms(m->due);
    m->running = false;
    m->fired_at = w->now;
    w->fired++;
}

static void fire_and_compare(struct world *w) {
    unsigned due = 0;
    for (int i = 0; i < N; i++)
        due += w->m[i].running && due_ms(w->m[i].due) <= w->now / MS;
    w->fired = 0;
    w->last_due = 0;
    assert_int_equal(timer_fire(&w->w, w->now), due);
    assert_int_equal(w->fired, due);
    unsigned live = 0;
    uint64_t first = UINT64_MAX;
    for (int i = 0; i < N; i++) {
        assert_int_equal(timer_running(&w->m[i].t), w->m[i].running);
        live += w->m[i].running;
        if (w->m[i].running && w->m[i].due < first)
            first = w->m[i].due;
    }
    assert_int_equal(w->w.live, live);
    uint64_t next = timer_next(&w->w, w->now);
    if (first == UINT64_MAX)
        assert_true(next == UINT64_MAX);
    else
        assert_true(next <= due_ms(first) * MS - w->now); /* never late */
}

static void random_operations(uint64_t seed, uint64_t longest) {
    static struct world world; /* large */
    struct world *w = world_now = &world;
    struct rand r;
    rand_init(&r, seed);
    *w = (struct world){.now = rand_below(&r, 1ull << 50)};
    timer_wheel_init(&w->w, w->now);
    for (int step = 0; step < 20000; step++) {
        struct model *m = &w->m[rand_below(&r, N)];
        switch (rand_below(&r, 4)) {
        case 0:
        case 1:
            m->due = w->now + rand_below(&r, 1 + rand_below(&r, longest));
            if (rand_below(&r, 20) == 0)
                m->due = w->now - rand_below(&r, 3 * MS); /* the past */
            m->running = true;
            timer_start(&w->w, &m->t, m->due, on_fire);
            break;
        case 2:
            m->running = false;
            timer_stop(&w->w, &m->t);
            break;
        default: {
            uint64_t next = timer_next(&w->w, w->now);
            /* sometimes a jump, sometimes as a loop does it: sleep until there is something to do */
            w->now += rand_below(&r, 2) && next != UINT64_MAX ? next : rand_below(&r, 1 + rand_below(&r, longest));
            fire_and_compare(w);
        }
        }
    }
}

static void like_a_sorted_list(void **state) {
    random_operations(1, 100 * MS);
    random_operations(2, 10000 * MS);
    random_operations(3, 86400000ull * MS);
    random_operations(4, 30ull * 366 * 86400000 * MS); /* past the span of the wheel */
    random_operations(5, 2 * MS);
}

static void fire_nothing(struct timer *t) {
}

static struct timer_wheel *wheel_now;
static unsigned refired;

static void start_again(struct timer *t) {
    refired++;
    timer_start(wheel_now, t, 5 * MS, start_again);
}

static void restarted_for_now_fires_in_the_next_call(void **state) {
    static struct timer_wheel w;
    struct timer t = {0};
    wheel_now = &w;
    refired = 0;
    timer_wheel_init(&w, 0);
    timer_start(&w, &t, 5 * MS, start_again);
    assert_int_equal(timer_fire(&w, 5 * MS), 1);
    assert_int_equal(refired, 1);
    assert_int_equal(timer_next(&w, 5 * MS), 0);
    assert_int_equal(timer_fire(&w, 5 * MS), 1);
    assert_int_equal(refired, 2);
}

static struct timer *victim;

static void stop_other(struct timer *t) {
    timer_stop(wheel_now, victim);
}

static void stopped_by_another_in_the_same_tick(void **state) {
    static struct timer_wheel w;
    struct timer a = {0}, b = {0};
    wheel_now = &w;
    victim = &b;
    timer_wheel_init(&w, 0);
    timer_start(&w, &a, 3 * MS, stop_other);
    timer_start(&w, &b, 3 * MS, stop_other);
    assert_int_equal(timer_fire(&w, 10 * MS), 1);
    assert_int_equal(w.live, 0);
    assert_true(timer_next(&w, 10 * MS) == UINT64_MAX);
}

static void rounded_up(void **state) {
    static struct timer_wheel w;
    struct timer t = {0};
    timer_wheel_init(&w, 100 * MS + 1);
    timer_start(&w, &t, 101 * MS + 1, fire_nothing);
    assert_int_equal(timer_fire(&w, 101 * MS + 999), 0);
    assert_int_equal(timer_next(&w, 101 * MS + 999), 1);
    assert_int_equal(timer_fire(&w, 102 * MS), 1);
    timer_start(&w, &t, UINT64_MAX, fire_nothing);
    assert_int_equal(timer_fire(&w, 1000000 * MS), 0);
    timer_stop(&w, &t);
    timer_stop(&w, &t); /* nothing */
    assert_int_equal(w.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_sorted_list),
        cmocka_unit_test(restarted_for_now_fires_in_the_next_call),
        cmocka_unit_test(stopped_by_another_in_the_same_tick),
        cmocka_unit_test(rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
