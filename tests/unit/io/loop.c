// SPDX-License-Identifier: Apache-2.0
#include "io/loop.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "pump.h"

struct probe { /* a watch on one end of a socket pair */
    struct watch w;
    int fd, other;
    unsigned calls, last;
    struct probe *remove; /* to be unwatched, and closed, by the callback */
    bool free_self;
    unsigned *calls_of_all;
};

static void probe_close(struct probe *p) {
    loop_unwatch(&p->w);
    close(p->fd);
    close(p->other);
}

static void on_probe(struct watch *w, unsigned ready) {
    struct probe *p = container_of(w, struct probe, w);
    p->calls++;
    p->last = ready;
    if (p->calls_of_all)
        ++*p->calls_of_all;
    if (p->remove) {
        probe_close(p->remove);
        p->remove = NULL;
    }
    if (p->free_self) {
        probe_close(p);
        free(p);
    }
}

static void probe_open(struct loop *l, struct probe *p, unsigned want) {
    int fds[2];
    *p = (struct probe){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    p->fd = fds[0];
    p->other = fds[1];
    loop_watch(l, &p->w, p->fd, want, on_probe);
}

static void poke(struct probe *p) {
    assert_int_equal(write(p->other, "x", 1), 1);
}

static void readiness(void **state) {
    struct loop l;
    struct probe p;
    char c;
    pump_init(&l);
    probe_open(&l, &p, LOOP_IN);
    assert_int_equal(l.watches, 1);
    loop_turn(&l, false);
    assert_int_equal(p.calls, 0);
    poke(&p);
    loop_turn(&l, true);
    loop_turn(&l, true); /* level-triggered */
    assert_int_equal(p.calls, 2);
    assert_int_equal(p.last, LOOP_IN);
    loop_rewatch(&p.w, LOOP_IN | LOOP_OUT);
    loop_turn(&l, true);
    assert_int_equal(p.last, LOOP_IN | LOOP_OUT);
    loop_rewatch(&p.w, 0);
    p.calls = 0;
    loop_turn(&l, false);
    assert_int_equal(p.calls, 0);
    loop_rewatch(&p.w, LOOP_IN);
    loop_turn(&l, true);
    assert_int_equal(p.calls, 1);
    assert_int_equal(read(p.fd, &c, 1), 1);
    loop_turn(&l, false);
    assert_int_equal(p.calls, 1);
    probe_close(&p);
    loop_unwatch(&p.w); /* nothing */
    loop_fini(&l);
}

static void removed_in_the_same_turn(void **state) {
    struct loop l;
    struct probe p[2];
    unsigned calls = 0;
    pump_init(&l);
    for (int i = 0; i < 2; i++) {
        probe_open(&l, &p[i], LOOP_IN);
        p[i].calls_of_all = &calls;
        poke(&p[i]);
    }
    p[0].remove = &p[1];
    p[1].remove = &p[0];
    loop_turn(&l, true);
    assert_int_equal(calls, 1); /* whichever came first has removed the other */
    assert_int_equal(l.watches, 1);
    probe_close(p[0].w.loop ? &p[0] : &p[1]);
    loop_fini(&l);
}

struct swap { /* the callback replaces another watch by a new one, with the same descriptor number and slot */
    struct probe p, old, fresh;
    struct loop *l;
};

static void on_swap(struct watch *w, unsigned ready) {
    struct swap *s = container_of(w, struct swap, p.w);
    s->p.calls++;
    int fd = s->old.fd;
    unsigned slot = s->old.w.slot;
    if (!s->old.w.loop)
        return;
    probe_close(&s->old);
    probe_open(s->l, &s->fresh, LOOP_IN);
    assert_int_equal(s->fresh.fd, fd);
    assert_int_equal(s->fresh.w.slot, slot);
}

static void reused_descriptor_gets_no_stale_event(void **state) {
    struct loop l;
    struct swap s = {.l = &l};
    pump_init(&l);
    /* descriptors become ready in the order of the pokes */
    probe_open(&l, &s.p, LOOP_IN);
    s.p.w.cb = on_swap;
    probe_open(&l, &s.old, LOOP_IN);
    poke(&s.p);
    poke(&s.old);
    loop_turn(&l, true);
    assert_int_equal(s.p.calls, 1);
    assert_int_equal(s.old.calls, 0);
    assert_int_equal(s.fresh.calls, 0);
    probe_close(&s.p);
    probe_close(&s.fresh);
    loop_fini(&l);
}

static void freed_by_its_own_callback(void **state) {
    struct loop l;
    pump_init(&l);
    struct probe *p = mem_new(struct probe);
    probe_open(&l, p, LOOP_IN);
    p->free_self = true;
    poke(p);
    loop_turn(&l, true);
    assert_int_equal(l.watches, 0);
    loop_fini(&l);
}

static void hang_up_of_a_paused_watch_is_told_once(void **state) {
    struct loop l;
    struct probe p;
    pump_init(&l);
    probe_open(&l, &p, 0);
    close(p.other);
    loop_turn(&l, true);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.last, LOOP_ERR);
    for (int i = 0; i < 10; i++)
        loop_turn(&l, false);
    assert_int_equal(p.calls, 1);
    loop_rewatch(&p.w, LOOP_IN); /* wanted again: level-triggered again */
    loop_turn(&l, true);
    loop_turn(&l, true);
    assert_int_equal(p.calls, 3);
    assert_int_equal(p.last, LOOP_IN | LOOP_ERR);
    p.other = -1;
    probe_close(&p);
    loop_fini(&l);
}

struct order {
    struct loop l;
    struct task a, b, c;
    struct timer t;
    struct probe p;
    char log[16];
    size_t n;
};

static void task_a(struct task *t) {
    struct order *o = container_of(t, struct order, a);
    o->log[o->n++] = 'a';
}

static void task_b(struct task *t) {
    struct order *o = container_of(t, struct order, b);
    o->log[o->n++] = 'b';
    loop_later(&o->l, &o->a, task_a); /* put off by a task: in the same turn */
}

static void order_watch(struct watch *w, unsigned ready) {
    struct order *o = container_of(w, struct order, p.w);
    o->log[o->n++] = 'w';
    loop_later(&o->l, &o->b, task_b);
    loop_later(&o->l, &o->b, task_b); /* once */
    loop_later(&o->l, &o->c, task_b);
    loop_later_cancel(&o->c);
}

static void order_timer(struct timer *t) {
    struct order *o = container_of(t, struct order, t);
    o->log[o->n++] = 't';
}

static void order_of_a_turn(void **state) {
    struct order o = {0};
    pump_init(&o.l);
    probe_open(&o.l, &o.p, LOOP_OUT);
    o.p.w.cb = order_watch;
    loop_timer(&o.l, &o.t, 0, order_timer);
    while (!strchr(o.log, 't')) {
        memset(o.log, 0, sizeof o.log);
        o.n = 0;
        loop_turn(&o.l, true);
    }
    assert_string_equal(o.log, "twba");
    probe_close(&o.p);
    loop_fini(&o.l);
}

static void timers_wake_the_loop(void **state) {
    struct loop l;
    pump_init(&l);
    bool over = false;
    struct timer_flag f = {.flag = &over};
    loop_turn(&l, false);
    uint64_t start = l.now;
    loop_timer(&l, &f.t, 20 * CLOCK_MS, pump_set_flag);
    PUMP_UNTIL(&l, over);
    assert_true(l.now - start >= 20 * CLOCK_MS);     /* never early */
    loop_timer(&l, &f.t, UINT64_MAX, pump_set_flag); /* no overflow */
    assert_true(timer_running(&f.t));
    loop_timer_stop(&l, &f.t);
    loop_timer_stop(&l, &f.t);
    loop_fini(&l);
}

static uint64_t virtual_us;

static uint64_t ask_virtual(const struct clock *c) {
    return virtual_us;
}

static void virtual_time(void **state) {
    const struct clock virtual = {ask_virtual, ask_virtual};
    struct loop l;
    bool over = false;
    struct timer_flag f = {.flag = &over};
    virtual_us = 5 * CLOCK_S;
    assert_int_equal(loop_init(&l, &(struct loop_cfg){.clock = &virtual, .seed = 1}, NULL), 0);
    loop_timer(&l, &f.t, 3600 * CLOCK_S, pump_set_flag);
    loop_turn(&l, false);
    virtual_us += 3600 * CLOCK_S - 1;
    loop_turn(&l, false);
    assert_false(over);
    virtual_us++;
    loop_turn(&l, false);
    assert_true(over);
    assert_true(loop_wall(&l) == virtual_us);
    assert_string_equal(loop_date(&l).ptr, "Thu, 01 Jan 1970 01:00:05 GMT");
    virtual_us += CLOCK_S - 1;
    loop_turn(&l, false);
    assert_string_equal(loop_date(&l).ptr, "Thu, 01 Jan 1970 01:00:05 GMT");
    virtual_us++;
    loop_turn(&l, false);
    assert_string_equal(loop_date(&l).ptr, "Thu, 01 Jan 1970 01:00:06 GMT");
    loop_fini(&l);
}

static void *stop_from_thread(void *l) {
    loop_stop_async(l);
    return NULL;
}

static void stop_timer(struct timer *t) {
    bool *flag = container_of(t, struct timer_flag, t)->flag;
    *flag = true;
}

static void stopping(void **state) {
    struct loop l;
    pthread_t th;
    pump_init(&l);
    assert_int_equal(pthread_create(&th, NULL, stop_from_thread, &l), 0);
    loop_run(&l);
    pthread_join(th, NULL);
    bool ran = false;
    struct timer_flag f = {.flag = &ran};
    loop_timer(&l, &f.t, 0, stop_timer);
    loop_stop(&l);
    loop_run(&l); /* one turn */
    loop_timer_stop(&l, &f.t);
    assert_int_equal(l.watches, 0);
    loop_fini(&l);
}

static void many_watches(void **state) {
    enum { N = 400 };
    struct loop l;
    static struct probe p[N];
    pump_init(&l);
    for (int i = 0; i < N; i++) {
        probe_open(&l, &p[i], LOOP_IN);
        poke(&p[i]);
    }
    loop_turn(&l, true);
    loop_turn(&l, true); /* more than one wait brings */
    unsigned told = 0;
    for (int i = 0; i < N; i++)
        told += p[i].calls > 0;
    assert_int_equal(told, N); /* nobody is starved */
    for (int i = 0; i < N; i++)
        probe_close(&p[i]);
    loop_fini(&l);
}

/* Requests that share sockets let the loop sleep before it waits: only when many are under way, one has just ended, and no
 * request has a socket of its own. */
static void gathering(void **state) {
    struct loop l;
    struct probe p;
    pump_init(&l);
    probe_open(&l, &p, LOOP_IN);
    poke(&p); /* never read: no turn blocks */
    for (int i = 0; i < 9; i++)
        loop_request(&l, true);
    loop_turn(&l, true);
    assert_int_equal(l.gathers, 0); /* none has ended yet */
    for (int i = 0; i < 100; i++) {
        loop_request(&l, true);
        loop_request_ended(&l, true, 3200);
    }
    loop_turn(&l, true);
    assert_int_equal(l.gathers, 1);
    loop_turn(&l, true);
    assert_int_equal(l.gathers, 1); /* nothing ended since */
    loop_request(&l, false);
    loop_request_ended(&l, true, 3200);
    loop_turn(&l, true);
    assert_int_equal(l.gathers, 1); /* one has a socket of its own: it is not held up */
    loop_request_ended(&l, false, 0);
    loop_request_ended(&l, true, 3200);
    loop_turn(&l, true);
    assert_int_equal(l.gathers, 1); /* seven are left: too few */
    while (l.shared)
        loop_request_ended(&l, true, 0);
    probe_close(&p);
    loop_fini(&l);
}

static void quick_requests_are_not_gathered(void **state) {
    struct loop l;
    struct probe p;
    pump_init(&l);
    probe_open(&l, &p, LOOP_IN);
    poke(&p);
    for (int i = 0; i < 20; i++)
        loop_request(&l, true);
    for (int i = 0; i < 100; i++) {
        loop_request(&l, true);
        loop_request_ended(&l, true, 200); /* a 32nd of it is less than a sleep costs */
    }
    loop_turn(&l, true);
    assert_int_equal(l.gathers, 0);
    while (l.shared)
        loop_request_ended(&l, true, 0);
    probe_close(&p);
    loop_fini(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readiness),
        cmocka_unit_test(gathering),
        cmocka_unit_test(quick_requests_are_not_gathered),
        cmocka_unit_test(removed_in_the_same_turn),
        cmocka_unit_test(reused_descriptor_gets_no_stale_event),
        cmocka_unit_test(freed_by_its_own_callback),
        cmocka_unit_test(hang_up_of_a_paused_watch_is_told_once),
        cmocka_unit_test(order_of_a_turn),
        cmocka_unit_test(timers_wake_the_loop),
        cmocka_unit_test(virtual_time),
        cmocka_unit_test(stopping),
        cmocka_unit_test(many_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
