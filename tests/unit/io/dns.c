// SPDX-License-Identifier: Apache-2.0
/* What needs no server: /etc/hosts and its absence, names that are none, cancelling. With one: tests/scenario/b090_strict_dns.py.
 */
#include "io/dns.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define NOT_ALLOWED 77 /* how a child ends that may have no namespaces */

struct got {
    struct loop *loop;
    unsigned calls;
    int code;
    size_t n;
    bool loopback;
};

static void on_done(void *ctx, int code, const struct dns_answer *a) {
    struct got *g = ctx;
    g->calls++;
    g->code = code;
    g->n = a->n;
    g->loopback = a->n > 0;
    for (size_t i = 0; i < a->n; i++)
        g->loopback &= addr_is_loopback(&a->at[i]);
    loop_stop(g->loop);
}

static void with(void (*use)(struct loop *l, struct dns *d)) {
    struct loop l;
    struct dns *d;
    assert_int_equal(loop_init(&l, &(struct loop_cfg){0}, NULL), 0);
    assert_int_equal(dns_new(&d, &l, "127.0.0.1:1", NULL), 0);
    use(&l, d);
    dns_free(&d);
    assert_null(d);
    assert_int_equal(l.watches, 0);
    assert_int_equal(l.wheel.live, 0);
    loop_fini(&l);
}

static void hosts(struct loop *l, struct dns *d) {
    static const enum dns_family families[] = {DNS_AUTO, DNS_V4, DNS_V4_PREFERRED, DNS_ALL};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct got g = {.loop = l};
        assert_non_null(dns_ask(d, STR("localhost"), families[i], on_done, &g));
        assert_int_equal(g.calls, 0); /* never from inside */
        loop_run(l);
        assert_int_equal(g.calls, 1);
        assert_int_equal(g.code, 0);
        assert_true(g.loopback);
    }
}

static void the_hosts_file(void **state) {
    with(hosts);
}

/* In a container made from nothing there is no such file. (cmocka's skip() is a failure to meson.) */
static void no_hosts_file(void **state) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || mount("none", "/etc", "tmpfs", 0, NULL) < 0)
            _exit(NOT_ALLOWED);
        with(hosts);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ALLOWED)
        print_message("# no namespaces here: not tried\n");
    else
        assert_int_equal(status, 0);
}

static void none(struct loop *l, struct dns *d) {
    static const char long_one[300] = {[0 ... 298] = 'a'};
    const struct str bad[] = {STR(""), STR("a\0b"), str_of(long_one)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct got g = {.loop = l};
        assert_non_null(dns_ask(d, bad[i], DNS_AUTO, on_done, &g));
        loop_run(l);
        assert_true(g.calls == 1 && g.code < 0 && g.n == 0);
    }
}

static void names_that_are_none(void **state) {
    with(none);
}

static void dropped(struct loop *l, struct dns *d) {
    struct got g = {.loop = l};
    struct dns_query *one = dns_ask(d, STR("localhost"), DNS_V4, on_done, &g),
                     *two = dns_ask(d, STR("a.test"), DNS_V4, on_done, &g);
    assert_non_null(dns_ask(d, STR("b.test"), DNS_V4, on_done, &g)); /* left to dns_free */
    dns_cancel(&one);
    dns_cancel(&two);
    dns_cancel(&two);
    assert_null(two);
    loop_turn(l, false);
    assert_int_equal(g.calls, 0);
}

static void cancelled(void **state) {
    with(dropped);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hosts_file),
        cmocka_unit_test(no_hosts_file),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
