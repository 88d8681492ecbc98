// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pump: a loop for tests, turned until a condition holds; a test that waits for ever fails after 20 seconds instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

static inline void pump_give_up(struct timer *t) {
    fail_msg("waited for too long");
}

static inline void pump_init(struct loop *l) {
    struct err e = {0};
    assert_int_equal(loop_init(l, &(struct loop_cfg){.seed = 1}, &e), 0);
}

struct timer_flag { /* to wait for a moment in which nothing should happen */
    struct timer t;
    bool *flag;
};

static inline void pump_set_flag(struct timer *t) {
    *container_of(t, struct timer_flag, t)->flag = true;
}

#define PUMP_UNTIL(l, condition)                                                                                                 \
    do {                                                                                                                         \
        struct timer guard_ = {0};                                                                                               \
        loop_timer((l), &guard_, 20 * CLOCK_S, pump_give_up);                                                                    \
        while (!(condition))                                                                                                     \
            loop_turn((l), true);                                                                                                \
        loop_timer_stop((l), &guard_);                                                                                           \
    } while (0)
