// SPDX-License-Identifier: Apache-2.0
#include "io/proc.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "pump.h"

struct child {
    struct proc p;
    struct loop l;
    struct buf lines; /* joined by '|' */
    size_t longest;
    unsigned n_lines;
    int code;
    bool ended;
};

static void on_line(struct proc *p, struct str line) {
    struct child *c = p->ctx;
    assert_false(c->ended);
    c->n_lines++;
    if (line.len > c->longest)
        c->longest = line.len;
    buf_fmt(&c->lines, STR_FMT "|", STR_ARG(line));
}

static void on_exit_code(struct proc *p, int code) {
    struct child *c = p->ctx;
    c->code = code;
    c->ended = true;
    assert_int_equal(p->pid, 0);
}

static int set_up(void **state) {
    struct child *c = *state = mem_new(struct child);
    pump_init(&c->l);
    return 0;
}

static int tear_down(void **state) {
    struct child *c = *state;
    assert_int_equal(c->l.watches, 0);
    loop_fini(&c->l);
    buf_fini(&c->lines);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
    assert_int_equal(errno, ECHILD);
    free(c);
    return 0;
}

static void start(struct child *c, const char *script, const char *const *env, const char *dir) {
    const char *argv[] = {"sh", "-c", script, NULL};
    struct proc_cfg cfg = {.argv = argv, .env = env, .dir = dir, .on_line = on_line, .on_exit = on_exit_code, .ctx = c};
    struct err e = {0};
    if (proc_start(&c->p, &c->l, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
}

static void run(struct child *c, const char *script) {
    start(c, script, NULL, NULL);
    PUMP_UNTIL(&c->l, c->ended);
}

static void output_and_code(void **state) {
    struct child *c = *state;
    run(c, "echo out; echo err >&2; printf '\\nlast'; exit 7");
    assert_int_equal(c->code, 7);
    assert_string_equal(buf_z(&c->lines).ptr, "out|err||last|");
}

static void long_lines_come_in_pieces(void **state) {
    struct child *c = *state;
    run(c, "head -c 200000 /dev/zero | tr '\\0' x; echo; echo end");
    assert_int_equal(c->longest, 65536);
    assert_int_equal(c->n_lines, 5);
    assert_int_equal(c->lines.len, 200000 + 3 + 5);
}

static void environment_and_directory(void **state) {
    struct child *c = *state;
    const char *env[] = {"WEFT_A=1", "WEFT_B=two words", NULL};
    setenv("WEFT_A", "of ours", 1);
    start(c, "pwd; echo $WEFT_A $WEFT_B; env | grep -c ^WEFT_A=", env, "/");
    PUMP_UNTIL(&c->l, c->ended);
    unsetenv("WEFT_A");
    assert_string_equal(buf_z(&c->lines).ptr, "/|1 two words|1|");
}

static void not_there(void **state) {
    struct child *c = *state;
    struct err e = {0};
    const char *argv[] = {"weft-no-such-program", NULL};
    struct proc_cfg cfg = {.argv = argv, .on_exit = on_exit_code, .on_line = on_line, .ctx = c};
    assert_int_equal(proc_start(&c->p, &c->l, &cfg, &e), WEFT_E_NOT_FOUND);
    assert_non_null(strstr(e.msg, "weft-no-such-program"));
    argv[0] = "true";
    cfg.dir = "/nonexistent";
    assert_int_equal(proc_start(&c->p, &c->l, &cfg, &e), WEFT_E_NOT_FOUND);
    assert_int_equal(c->p.pid, 0);
    proc_signal(&c->p, SIGKILL); /* nothing */
}

static void signal_reaches_the_group(void **state) {
    struct child *c = *state;
    start(c, "sleep 100 & echo ready; wait", NULL, NULL);
    PUMP_UNTIL(&c->l, c->n_lines);
    proc_signal(&c->p, SIGTERM);
    PUMP_UNTIL(&c->l, c->ended);
    assert_int_equal(c->code, 128 + SIGTERM);
    proc_signal(&c->p, SIGTERM); /* nothing */
}

static void a_grandchild_that_keeps_the_pipe_does_not_hold_up_the_end(void **state) {
    struct child *c = *state;
    start(c, "setsid sleep 100 & echo $!", NULL, NULL);
    PUMP_UNTIL(&c->l, c->ended);
    assert_int_equal(c->code, 0);
    assert_int_equal(kill(atoi(buf_z(&c->lines).ptr), SIGKILL), 0);
}

/* What this process ignores: of what whoever started the tests had it ignore (nohup, a shell's background job) children are not
 * relieved. */
static unsigned long long ignored(void) {
    unsigned long long set = 0;
    for (int sig = 1; sig <= 64; sig++) {
        struct sigaction sa;
        if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
            set |= 1ull << (sig - 1);
    }
    return set;
}

static void nothing_of_ours_is_inherited(void **state) {
    struct child *c = *state;
    unsigned long long before = ignored();
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    run(c, "ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status; cat");
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    /* stdin (empty), stdout, stderr and the directory that ls reads; and what the test itself was started with */
    unsigned fds = 4;
    for (int fd = 3; fd < 1024; fd++)
        fds += fcntl(fd, F_GETFD) == 0;
    char want[128];
    snprintf(want, sizeof want, "%u|SigBlk:\t0000000000000000|SigIgn:\t%016llx|", fds, before & ~(1ull << (SIGPIPE - 1)));
    assert_string_equal(buf_z(&c->lines).ptr, want);
}

/* The end of the pipe comes when nobody holds it any more: neither the child, nor its child, nor the guard. */
static void the_groups_of_children_die_with_us(void **state) {
    int fds[2];
    char c = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t us = fork();
    if (us == 0) {
        struct child child = {0};
        struct proc_guard g;
        const char *argv[] = {"sh", "-c", "sleep 100 & echo; wait", NULL};
        struct proc_cfg cfg = {.argv = argv, .guard = &g, .on_exit = on_exit_code, .ctx = &child};
        pump_init(&child.l);
        dup2(fds[1], 1);
        if (proc_guard_start(&g, NULL) < 0 || proc_start(&child.p, &child.l, &cfg, NULL) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &c, 1), 1); /* its child runs */
    kill(us, SIGKILL);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(read(fds[0], &c, 1), 0);
    assert_int_equal(waitpid(us, NULL, 0), us);
    close(fds[0]);
}

static void a_guard_leaves_alone_what_ended(void **state) {
    struct child *c = *state;
    struct proc_guard g;
    const char *argv[] = {"sh", "-c", "exit 3", NULL};
    struct proc_cfg cfg = {.argv = argv, .guard = &g, .on_exit = on_exit_code, .ctx = c};
    assert_int_equal(proc_guard_start(&g, NULL), 0);
    assert_int_equal(proc_start(&c->p, &c->l, &cfg, NULL), 0);
    PUMP_UNTIL(&c->l, c->ended);
    assert_int_equal(c->code, 3);
    proc_guard_stop(&g);
    assert_int_equal(g.pid, 0);
    proc_guard_stop(&g); /* nothing */
}

struct signals {
    struct sig_watch w;
    struct loop l;
    int seen[2], n;
    bool stop;
};

static void on_signal_seen(struct sig_watch *w, int sig) {
    struct signals *s = w->ctx;
    s->seen[s->n++ & 1] = sig;
    if (s->stop)
        proc_signals_stop(w);
}

static void signals_come_through_the_loop(void **state) {
    struct signals s = {0};
    struct err e = {0};
    pump_init(&s.l);
    const int sigs[] = {SIGUSR1, SIGHUP};
    assert_int_equal(proc_signals(&s.w, &s.l, sigs, 2, on_signal_seen, &s, &e), 0);
    kill(getpid(), SIGUSR1);
    PUMP_UNTIL(&s.l, s.n == 1);
    assert_int_equal(s.seen[0], SIGUSR1);
    s.stop = true;
    kill(getpid(), SIGHUP);
    PUMP_UNTIL(&s.l, s.n == 2);
    assert_int_equal(s.seen[1], SIGHUP);
    assert_int_equal(s.l.watches, 0);
    proc_signals_stop(&s.w); /* nothing */
    loop_fini(&s.l);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(output_and_code),
        CASE(long_lines_come_in_pieces),
        CASE(environment_and_directory),
        CASE(not_there),
        CASE(signal_reaches_the_group),
        CASE(a_grandchild_that_keeps_the_pipe_does_not_hold_up_the_end),
        CASE(nothing_of_ours_is_inherited),
        CASE(the_groups_of_children_die_with_us),
        CASE(a_guard_leaves_alone_what_ended),
        cmocka_unit_test(signals_come_through_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
