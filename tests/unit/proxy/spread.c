// SPDX-License-Identifier: Apache-2.0
#include "proxy/spread.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define WORKERS 4u
#define ROUNDS 20000u

static uint64_t by_table(void *ctx, unsigned worker) {
    return ((const uint64_t *)ctx)[worker];
}

static void choices(void **state) {
    struct spread *s = spread_new(3);
    uint64_t busy[] = {5, 1, 9};
    assert_int_equal(spread_take(s, 0, by_table, busy), 1); /* none has one: the one that is least busy with others */
    assert_int_equal(spread_take(s, 2, by_table, busy), 0); /* 0 and 2 have none */
    assert_int_equal(spread_take(s, 0, by_table, busy), 2); /* the only one, busy as it is */
    uint64_t same[] = {4, 4, 4};
    assert_int_equal(spread_take(s, 2, by_table, same), 2); /* a tie needs no wake-up */
    uint64_t off[] = {4, UINT64_MAX, UINT64_MAX};
    assert_int_equal(spread_take(s, 0, by_table, off), 0); /* the others take none */
    assert_int_equal(spread_take(s, 0, by_table, off), 0);
    spread_give(s, 0);
    spread_give(s, 0);
    spread_add(s, 1);
    assert_int_equal(spread_take(s, 1, by_table, same), 0); /* 1, 2, 2 */
    ref_put(s);
}

struct acceptor {
    struct spread *s;
    pthread_t thread;
    unsigned self;
};
static uint64_t equal(void *ctx, unsigned worker) {
    return 0;
}
static void *accept_all(void *arg) {
    struct acceptor *a = arg;
    for (unsigned i = 0; i < ROUNDS; i++)
        spread_take(a->s, a->self, equal, NULL);
    return NULL;
}

/* However they run into each other, in the end all have the same. */
static void at_once(void **state) {
    struct spread *s = spread_new(WORKERS);
    struct acceptor all[3];
    for (unsigned i = 0; i < 3; i++) {
        all[i] = (struct acceptor){.s = s, .self = i};
        assert_int_equal(pthread_create(&all[i].thread, NULL, accept_all, &all[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        pthread_join(all[i].thread, NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(atomic_load(&s->at[i]), 3 * ROUNDS / WORKERS);
    ref_put(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(choices), cmocka_unit_test(at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
