// SPDX-License-Identifier: Apache-2.0
#include "policy/lb.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MAX = 8 };
struct set {
    struct lb_host hosts[MAX];
    struct lb_member members[MAX];
    bool closed[MAX]; /* unusable */
    struct rand rand;
    unsigned got[MAX];
};
static const char *const keys[MAX] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80",
                                      "10.0.0.5:80", "10.0.0.6:80", "10.0.0.7:80", "10.0.0.8:80"};

static void set_init(struct set *s, const uint32_t *weights) {
    memset(s, 0, sizeof *s);
    rand_init(&s->rand, 42);
    for (int i = 0; i < MAX; i++)
        s->members[i] = (struct lb_member){.host = &s->hosts[i], .weight = weights ? weights[i] : 1, .key = str_of(keys[i])};
}

static bool open_host(void *ctx, size_t i) {
    return !((struct set *)ctx)->closed[i];
}

static ptrdiff_t pick(struct lb *lb, struct set *s, const uint64_t *hash) {
    struct lb_request r = {.hash = hash, .now_us = 1000000, .rand = &s->rand, .usable = open_host, .ctx = s};
    return lb_pick(lb, &r);
}

static void pick_many(struct lb *lb, struct set *s, int n) {
    memset(s->got, 0, sizeof s->got);
    for (int i = 0; i < n; i++) {
        ptrdiff_t at = pick(lb, s, NULL);
        assert_true(at >= 0);
        s->got[at]++;
    }
}

static const enum lb_policy all[] = {LB_ROUND_ROBIN, LB_LEAST_CONN, LB_RANDOM, LB_MAGLEV, LB_RING_HASH, LB_EWMA};

static void none_picks_nothing_and_one_is_always_picked(void **state) {
    struct set s;
    set_init(&s, NULL);
    for (size_t p = 0; p < sizeof all / sizeof *all; p++) {
        struct lb *lb = lb_new(all[p], s.members, 0, NULL);
        assert_int_equal(pick(lb, &s, NULL), -1);
        lb_free(&lb);
        lb = lb_new(all[p], s.members, 1, NULL);
        uint64_t h = 99;
        assert_int_equal(pick(lb, &s, &h), 0);
        lb_free(&lb);
    }
}

static void the_unusable_is_never_picked(void **state) {
    for (size_t p = 0; p < sizeof all / sizeof *all; p++) {
        struct set s;
        set_init(&s, NULL);
        struct lb *lb = lb_new(all[p], s.members, MAX, NULL);
        for (int i = 0; i < MAX; i++)
            s.closed[i] = i != 3 && i != 5;
        for (uint64_t k = 0; k < 2000; k++) {
            uint64_t h = str_hash(str_n(&k, sizeof k), 1);
            ptrdiff_t at = pick(lb, &s, &h);
            assert_true(at == 3 || at == 5);
            s.got[at]++;
        }
        assert_in_range(s.got[3], 700, 1300); /* evenly: no neighbour gets a double share */
        memset(s.closed, 1, sizeof s.closed);
        assert_int_equal(pick(lb, &s, NULL), -1);
        lb_free(&lb);
    }
}

static void round_robin_is_even_and_goes_on_after_a_change(void **state) {
    struct set s;
    set_init(&s, NULL);
    struct lb *lb = lb_new(LB_ROUND_ROBIN, s.members, 4, NULL);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pick(lb, &s, NULL), i % 4);
    struct lb *next = lb_new(LB_ROUND_ROBIN, s.members, 4, lb);
    assert_int_equal(pick(next, &s, NULL), 2);
    lb_free(&lb);
    lb_free(&next);
}

static void weights_are_smooth(void **state) {
    struct set s;
    const uint32_t w[MAX] = {5, 1, 1};
    set_init(&s, w);
    struct lb *lb = lb_new(LB_ROUND_ROBIN, s.members, 3, NULL);
    int run = 0;
    for (int i = 0; i < 700; i++) {
        ptrdiff_t at = pick(lb, &s, NULL);
        s.got[at]++;
        run = at == 0 ? run + 1 : 0;
        assert_true(run <= 5);
    }
    assert_int_equal(s.got[0], 500);
    assert_int_equal(s.got[1], 100);
    assert_int_equal(s.got[2], 100);
    for (int i = 0; i < 10; i++)
        lb_observe(&s.hosts[0], false, 1000, 1000000);
    pick_many(lb, &s, 700);
    assert_true(s.got[0] < 100); /* its effective weight fell */
    for (int i = 0; i < 20; i++)
        lb_observe(&s.hosts[0], true, 1000, 1000000);
    pick_many(lb, &s, 700);
    assert_in_range(s.got[0], 498, 502); /* and has recovered */
    lb_free(&lb);
}

static void least_conn_is_exact_below_three(void **state) {
    struct set s;
    set_init(&s, NULL);
    struct lb *lb = lb_new(LB_LEAST_CONN, s.members, 2, NULL);
    s.hosts[0].active = 3;
    s.hosts[1].active = 2;
    for (int i = 0; i < 50; i++)
        assert_int_equal(pick(lb, &s, NULL), 1);
    s.hosts[1].active = 3;
    pick_many(lb, &s, 100);
    assert_int_equal(s.got[0], 50); /* ties go round */
    lb_free(&lb);
}

static void least_conn_never_takes_the_worst(void **state) {
    struct set s;
    set_init(&s, NULL);
    struct lb *lb = lb_new(LB_LEAST_CONN, s.members, MAX, NULL);
    s.hosts[6].active = 100;
    pick_many(lb, &s, 5000);
    assert_int_equal(s.got[6], 0); /* of two different ones it never wins */
    lb_free(&lb);
}

static void least_conn_heeds_weights(void **state) {
    struct set s;
    const uint32_t w[MAX] = {10, 1, 1};
    set_init(&s, w);
    struct lb *lb = lb_new(LB_LEAST_CONN, s.members, 2, NULL);
    s.hosts[0].active = 8;
    s.hosts[1].active = 1;
    assert_int_equal(pick(lb, &s, NULL), 0);
    s.hosts[0].active = s.hosts[1].active = 0;
    pick_many(lb, &s, 110);
    assert_int_equal(s.got[0], 100); /* idle hosts share by weight too */
    struct lb *more = lb_new(LB_LEAST_CONN, s.members, 3, NULL);
    pick_many(more, &s, 12000);
    assert_true(s.got[0] > s.got[1] * 3 && s.got[1] > 0);
    lb_free(&more);
    lb_free(&lb);
}

static void ewma_prefers_the_faster(void **state) {
    struct set s;
    set_init(&s, NULL);
    struct lb *lb = lb_new(LB_EWMA, s.members, 2, NULL);
    lb_observe(&s.hosts[0], true, 500000, 1000000);
    lb_observe(&s.hosts[1], true, 5000, 1000000);
    pick_many(lb, &s, 100);
    assert_int_equal(s.got[1], 100);
    lb_free(&lb);
}

static void random_is_even(void **state) {
    struct set s;
    set_init(&s, NULL);
    struct lb *lb = lb_new(LB_RANDOM, s.members, 4, NULL);
    pick_many(lb, &s, 40000);
    for (int i = 0; i < 4; i++)
        assert_in_range(s.got[i], 9500, 10500);
    lb_free(&lb);
}

static void hashing(enum lb_policy policy, unsigned lowest, unsigned highest) {
    struct set s;
    const uint32_t w[MAX] = {1, 1, 1, 1, 2, 1, 1, 1};
    set_init(&s, w);
    struct lb *before = lb_new(policy, s.members, MAX, NULL), *after = lb_new(policy, s.members, MAX - 1, NULL);
    unsigned moved = 0;
    for (uint64_t k = 0; k < 45000; k++) {
        uint64_t h = str_hash(str_n(&k, sizeof k), 1);
        ptrdiff_t a = pick(before, &s, &h), b = pick(after, &s, &h);
        assert_int_equal(a, pick(before, &s, &h)); /* the same request, the same host */
        moved += a != MAX - 1 && a != b;
        s.got[a]++;
    }
    for (int i = 0; i < MAX; i++)
        assert_in_range(s.got[i], lowest * w[i], highest * w[i]);
    assert_true(moved < 4500); /* a host that goes disturbs few keys of the others */
    lb_free(&before);
    lb_free(&after);
}

static void maglev_is_even_and_stable(void **state) {
    hashing(LB_MAGLEV, 4700, 5300);
}

static void ring_is_fair_and_stable(void **state) {
    hashing(LB_RING_HASH, 3000, 7500);
}

static void without_the_key_hashing_goes_round(void **state) {
    struct set s;
    set_init(&s, NULL);
    struct lb *lb = lb_new(LB_MAGLEV, s.members, 4, NULL);
    pick_many(lb, &s, 400);
    for (int i = 0; i < 4; i++)
        assert_int_equal(s.got[i], 100);
    lb_free(&lb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_picks_nothing_and_one_is_always_picked),
        cmocka_unit_test(the_unusable_is_never_picked),
        cmocka_unit_test(round_robin_is_even_and_goes_on_after_a_change),
        cmocka_unit_test(weights_are_smooth),
        cmocka_unit_test(least_conn_is_exact_below_three),
        cmocka_unit_test(least_conn_never_takes_the_worst),
        cmocka_unit_test(least_conn_heeds_weights),
        cmocka_unit_test(ewma_prefers_the_faster),
        cmocka_unit_test(random_is_even),
        cmocka_unit_test(maglev_is_even_and_stable),
        cmocka_unit_test(ring_is_fair_and_stable),
        cmocka_unit_test(without_the_key_hashing_goes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
