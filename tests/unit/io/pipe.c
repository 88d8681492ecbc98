// SPDX-License-Identifier: Apache-2.0
#include "io/pipe.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void lends_a_bounded_number(void **state) {
    struct pipe_pool pp = {0};
    static struct pipe out[PIPE_OUT];
    struct pipe more;
    unsigned n = 0;
    while (n < PIPE_OUT && pipe_take(&pp, &out[n]))
        n++;
    assert_int_equal(n, PIPE_OUT);
    assert_false(pipe_take(&pp, &more));
    pipe_give(&pp, &out[--n]);
    assert_int_equal(out[n].rd, -1);
    assert_true(pipe_take(&pp, &out[n++]));
    while (n)
        pipe_give(&pp, &out[--n]);
    assert_int_equal(pp.n_idle, PIPE_KEPT); /* the others are closed */
    pipe_pool_fini(&pp);
    assert_int_equal(pp.n_idle, 0);
}

static void lends_no_octets_of_others(void **state) {
    struct pipe_pool pp = {0};
    struct pipe p;
    char c = 0;
    assert_true(pipe_take(&pp, &p));
    assert_int_equal(write(p.wr, "secret", 6), 6);
    p.len = 6;
    assert_int_equal(read(p.rd, &c, 1), 1);
    p.len -= 1;
    pipe_give(&pp, &p);
    assert_int_equal(pp.n_idle, 0);
    assert_true(pipe_take(&pp, &p));
    assert_int_equal(p.len, 0);
    assert_int_equal(read(p.rd, &c, 1), -1); /* EAGAIN: it is empty, and does not block */
    int wr = p.wr;
    pipe_give(&pp, &p);
    assert_true(pipe_take(&pp, &p));
    assert_int_equal(p.wr, wr); /* an empty one is lent again */
    pipe_give(&pp, &p);
    pipe_pool_fini(&pp);
}

static void holds_what_it_says(void **state) {
    struct pipe_pool pp = {0};
    struct pipe p;
    assert_true(pipe_take(&pp, &p));
    int size = fcntl(p.wr, F_GETPIPE_SZ);
    assert_true(size > 0 && size <= (int)PIPE_SIZE); /* the kernel may grant less */
    assert_true(fcntl(p.rd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(p.wr, F_GETFL) & O_NONBLOCK);
    pipe_give(&pp, &p);
    pipe_pool_fini(&pp);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lends_a_bounded_number), cmocka_unit_test(lends_no_octets_of_others),
                                       cmocka_unit_test(holds_what_it_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
