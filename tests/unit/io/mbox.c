// SPDX-License-Identifier: Apache-2.0
#include "io/mbox.h"
#include <pthread.h>
#include "pump.h"

#define SENDERS 4
#define EACH 20000

struct note {
    struct mbox_msg msg; /* first */
    unsigned sender, n;
};

struct inbox {
    struct mbox m;
    struct loop l;
    unsigned next[SENDERS], got;
    unsigned answer, sent;
};

static struct note *note(unsigned sender, unsigned n) {
    struct note *x = mem_new(struct note);
    x->sender = sender;
    x->n = n;
    return x;
}

static void on_note(struct mbox *m, struct mbox_msg *msg) {
    struct inbox *in = m->ctx;
    struct note *x = (struct note *)msg;
    assert_int_equal(x->n, in->next[x->sender]); /* order per sender */
    in->next[x->sender]++;
    in->got++;
    free(x);
    if (in->answer) {
        in->answer--;
        mbox_send(m, &note(0, in->sent++)->msg); /* to itself, from its callback */
    }
}

static void open_box(struct inbox *in) {
    struct err e = {0};
    memset(in, 0, sizeof *in);
    pump_init(&in->l);
    assert_int_equal(mbox_init(&in->m, &in->l, on_note, in, &e), 0);
}

static void close_box(struct inbox *in) {
    mbox_fini(&in->m);
    mbox_fini(&in->m); /* nothing */
    loop_fini(&in->l);
}

struct sender {
    struct inbox *to;
    unsigned id;
};

static void *send_many(void *arg) {
    const struct sender *s = arg;
    for (unsigned i = 0; i < EACH; i++)
        mbox_send(&s->to->m, &note(s->id, i)->msg);
    return NULL;
}

static void several_threads(void **state) {
    struct inbox in;
    pthread_t th[SENDERS];
    struct sender s[SENDERS];
    open_box(&in);
    for (unsigned i = 0; i < SENDERS; i++) {
        s[i] = (struct sender){&in, i};
        assert_int_equal(pthread_create(&th[i], NULL, send_many, &s[i]), 0);
    }
    PUMP_UNTIL(&in.l, in.got == SENDERS * EACH);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(th[i], NULL);
    close_box(&in);
}

static void one_wake_a_batch(void **state) {
    struct inbox in;
    open_box(&in);
    for (unsigned i = 0; i < 1000; i++)
        mbox_send(&in.m, &note(1, i)->msg);
    loop_turn(&in.l, true);
    assert_int_equal(in.got, 1000);
    uint64_t turns = in.l.turns;
    loop_turn(&in.l, false);
    assert_int_equal(in.got, 1000);
    assert_int_equal(in.l.turns, turns + 1);
    close_box(&in);
}

static void to_itself(void **state) {
    struct inbox in;
    open_box(&in);
    in.answer = 5;
    mbox_send(&in.m, &note(0, in.sent++)->msg);
    PUMP_UNTIL(&in.l, in.got == 6);
    close_box(&in);
}

static void what_is_queued_is_delivered_at_the_end(void **state) {
    struct inbox in;
    open_box(&in);
    in.answer = 3;
    for (unsigned i = 0; i < 10; i++)
        mbox_send(&in.m, &note(2, i)->msg);
    mbox_fini(&in.m);
    assert_int_equal(in.got, 13);
    close_box(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(several_threads), cmocka_unit_test(one_wake_a_batch),
                                       cmocka_unit_test(to_itself), cmocka_unit_test(what_is_queued_is_delivered_at_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
