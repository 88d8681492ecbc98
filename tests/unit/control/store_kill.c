// SPDX-License-Identifier: Apache-2.0
/* kill -9 at every point of a write: before each statement, before the commit, and between the commit and the answer. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "control/store_sqlite.c"

#define WRITES 3
enum point { STATEMENT, BEFORE_COMMIT, AFTER_COMMIT };
struct victim {
    enum point at;
    int left;     /* of these points, until it dies */
    int answered; /* where to tell each answer: a pipe */
};

static void die(struct victim *v) {
    if (--v->left == 0)
        kill(getpid(), SIGKILL);
}

static int on_statement(unsigned type, void *ctx, void *p, void *x) {
    die(ctx);
    return 0;
}

static int on_before_commit(void *ctx) {
    die(ctx);
    return 0;
}

static int on_after_commit(void *ctx, sqlite3 *db, const char *name, int pages) {
    die(ctx);
    return SQLITE_OK;
}

static void on_written(struct store_write *w) {
    const struct victim *v = w->ctx;
    if (w->code == 0)
        assert_int_equal(write(v->answered, "x", 1), 1);
}

static int collect(void *ctx, enum store_kind kind, struct str key, struct str value, struct err *e) {
    buf_add(ctx, key);
    return 0;
}

static struct store *open_at(struct loop *l, const char *path) {
    static struct log silent;
    struct store *st = NULL;
    struct err e = {0};
    assert_int_equal(loop_init(l, &(struct loop_cfg){.log = &silent}, NULL), 0);
    if (store_sqlite.open(&st, l, str_of(path), &e) < 0)
        fail_msg("%s", e.msg);
    return st;
}

/* In a process of its own: writes that each wait for the one before. */
static void write_until_killed(const char *path, struct victim *v) {
    struct loop l;
    struct store *st = open_at(&l, path);
    sqlite3 *db = of(st)->db;
    if (v->at == STATEMENT)
        sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, v);
    else if (v->at == BEFORE_COMMIT)
        sqlite3_commit_hook(db, on_before_commit, v);
    else
        sqlite3_wal_hook(db, on_after_commit, v);
    for (int i = 0; i < WRITES; i++) {
        char key[2] = {(char)('a' + i), 0};
        struct store_write *w = store_write_new(on_written, v);
        store_write_op(w, STORE_ENDPOINT, str_of(key), STR("{}"));
        st->ops->write(st, &w);
    }
    st->ops->close(&st);
    loop_fini(&l);
}

/* How many were answered; *killed: whether it died. */
static size_t run_victim(const char *path, struct victim v, bool *killed) {
    int ends[2], status;
    char answers[WRITES + 1];
    assert_int_equal(pipe(ends), 0);
    v.answered = ends[1];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        write_until_killed(path, &v);
        _exit(0);
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got; (got = read(ends[0], answers, sizeof answers)) > 0;)
        n += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(*killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return n;
}

static bool count_change(void *ctx, const struct store_change *c) {
    uint64_t *next = ctx;
    assert_int_equal(c->revision, ++*next);
    return true;
}

/* What is there is a beginning of what was asked for, no shorter than what was answered; log and revision say the same. */
static size_t look(const char *path) {
    struct loop l;
    struct store *st = open_at(&l, path);
    struct buf keys = {0};
    uint64_t logged = 0;
    assert_int_equal(st->ops->load(st, collect, &keys, NULL), 0);
    assert_true(str_starts(STR("abc"), buf_str(&keys)) || !keys.len);
    size_t n = keys.len;
    assert_int_equal(st->revision, n);
    assert_int_equal(st->ops->read(st, &(struct store_range){STORE_LOGGED, 0, n}, count_change, &logged, NULL), 0);
    assert_int_equal(logged, n);
    buf_fini(&keys);
    st->ops->close(&st);
    loop_fini(&l);
    return n;
}

static void kill_at_every(enum point at) {
    bool killed = true;
    for (int left = 1; killed; left++) {
        char dir[] = "/tmp/weft-kill-XXXXXX", path[64], cmd[64];
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/weft.db", dir);
        size_t answered = run_victim(path, (struct victim){.at = at, .left = left}, &killed), there = look(path);
        assert_true(there >= answered);
        if (!killed)
            assert_int_equal(answered, WRITES);
        else if (at == AFTER_COMMIT)
            assert_true(there > answered); /* durable, and nobody was told */
        assert_true(killed || left > 1);   /* the hook works at all */
        snprintf(cmd, sizeof cmd, "rm -r %s", dir);
        assert_int_equal(system(cmd), 0);
    }
}

static void statements(void **state) {
    kill_at_every(STATEMENT);
}

static void before_commits(void **state) {
    kill_at_every(BEFORE_COMMIT);
}

static void between_commit_and_answer(void **state) {
    kill_at_every(AFTER_COMMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(statements), cmocka_unit_test(before_commits),
                                       cmocka_unit_test(between_commit_and_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
