// SPDX-License-Identifier: Apache-2.0
#include "proxy/tunnel.h"
#include "../io/fake.h"
#include "../io/pump.h"

struct fx {
    struct loop loop;
    struct fake a, b;
    struct pipe_pool pipes;
    struct tunnel t;
};
static unsigned ended;
static int end_why;

static void on_end(struct tunnel *t, int why) {
    ended++;
    end_why = why;
}

static int setup(void **state) {
    struct fx *fx = *state = mem_new(struct fx);
    pump_init(&fx->loop);
    fake_init(&fx->a, &fx->loop, SIZE_MAX);
    fake_init(&fx->b, &fx->loop, SIZE_MAX);
    ended = 0;
    tunnel_start(&fx->t, &fx->a.t, &fx->b.t, &fx->pipes, on_end);
    return 0;
}
static int teardown(void **state) {
    struct fx *fx = *state;
    tunnel_fini(&fx->t);
    tunnel_fini(&(struct tunnel){0});           /* zeros are fine */
    assert_false(fx->a.closed || fx->b.closed); /* they are the owner's */
    fake_fini(&fx->a);
    fake_fini(&fx->b);
    pipe_pool_fini(&fx->pipes);
    loop_fini(&fx->loop);
    free(fx);
    return 0;
}

static void comes(struct fake *f, const char *octets) {
    buf_add(&f->in, str_of(octets));
    fake_tell(f, TR_READ);
}
static void ends(struct fake *f) {
    f->in_ended = true;
    fake_tell(f, TR_READ);
}

static void both_ways(void **state) {
    struct fx *fx = *state;
    comes(&fx->a, "to b");
    comes(&fx->b, "to a!");
    assert_true(str_eq(buf_str(&fx->b.out), STR("to b")));
    assert_true(str_eq(buf_str(&fx->a.out), STR("to a!")));
    assert_int_equal(fx->t.way[0].octets, 4);
    assert_int_equal(fx->t.way[1].octets, 5);
}

/* The end of one way leaves the other alone; the second ends the tunnel, in order. */
static void half_close(void **state) {
    struct fx *fx = *state;
    ends(&fx->a);
    assert_true(fx->b.shut);
    assert_int_equal(ended, 0);
    comes(&fx->b, "late");
    assert_true(str_eq(buf_str(&fx->a.out), STR("late")));
    ends(&fx->b);
    assert_true(fx->a.shut);
    assert_int_equal(ended, 1);
    assert_int_equal(end_why, 0);
}

/* Who does not take holds up who sends, and only that; nothing is read meanwhile; the end comes after what was before it. */
static void back_pressure(void **state) {
    struct fx *fx = *state;
    fx->b.room = 3;
    comes(&fx->a, "123456");
    assert_true(str_eq(buf_str(&fx->b.out), STR("123")));
    assert_false(fx->a.want_read);
    assert_int_equal(fx->t.way[0].octets, 3); /* what has gone on */
    comes(&fx->a, "789");                     /* an event that was on its way: left where it is */
    assert_int_equal(fx->a.in.len, 3);
    comes(&fx->b, "other way");
    assert_true(str_eq(buf_str(&fx->a.out), STR("other way")));
    fx->b.room = 2;
    fake_tell(&fx->b, TR_WRITE);
    assert_false(fx->a.want_read);
    fx->b.room = SIZE_MAX;
    fake_tell(&fx->b, TR_WRITE);
    assert_true(fx->a.want_read);
    fx->b.room = 1;
    ends(&fx->a); /* reads 789 first */
    assert_false(fx->b.shut);
    fx->b.room = SIZE_MAX;
    fake_tell(&fx->b, TR_WRITE);
    assert_true(str_eq(buf_str(&fx->b.out), STR("123456789")));
    fake_tell(&fx->a, TR_READ);
    assert_true(fx->b.shut);
    assert_int_equal(ended, 0);
}

/* What is read at once is bounded, however much is there. */
static void bounded(void **state) {
    struct fx *fx = *state;
    char much[4096];
    memset(much, 'x', sizeof much);
    for (unsigned i = 0; i < 64; i++)
        buf_add(&fx->a.in, str_n(much, sizeof much));
    fx->b.room = 0;
    fake_tell(&fx->a, TR_READ);
    assert_true(fx->t.way[0].held.len <= 65536);
    assert_false(fx->a.want_read);
}

static void reading_breaks(void **state) {
    struct fx *fx = *state;
    fake_break(&fx->b, WEFT_E_RESET);
    fake_tell(&fx->b, TR_READ);
    assert_int_equal(ended, 1);
    assert_int_equal(end_why, WEFT_E_RESET);
    assert_int_equal(fx->t.broken, 1);
    assert_false(fx->a.shut); /* cut short is never ended cleanly */
}

static void writing_breaks(void **state) {
    struct fx *fx = *state;
    fake_break(&fx->b, WEFT_E_RESET);
    comes(&fx->a, "x");
    assert_int_equal(ended, 1);
    assert_int_equal(fx->t.broken, 1);
    assert_int_equal(end_why, WEFT_E_RESET);
}

static void writing_what_was_held_breaks(void **state) {
    struct fx *fx = *state;
    fx->a.room = 0;
    comes(&fx->b, "x");
    fake_break(&fx->a, WEFT_E_RESET);
    fake_tell(&fx->a, TR_WRITE);
    assert_int_equal(ended, 1);
    assert_int_equal(fx->t.broken, 0);
}

static void fails(void **state) {
    struct fx *fx = *state;
    fake_tell(&fx->a, TR_FAIL); /* says no more than that */
    assert_int_equal(ended, 1);
    assert_int_equal(end_why, WEFT_E_RESET);
    assert_int_equal(fx->t.broken, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(both_ways),
                                       TEST(half_close),
                                       TEST(back_pressure),
                                       TEST(bounded),
                                       TEST(reading_breaks),
                                       TEST(writing_breaks),
                                       TEST(writing_what_was_held_breaks),
                                       TEST(fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
