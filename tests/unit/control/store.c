// SPDX-License-Identifier: Apache-2.0
#include "control/store.h"
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"

struct fx {
    struct loop loop;
    struct store *store;
    char dir[64];
    unsigned done;
    uint64_t last_revision;
    int last_code;
    unsigned room;
    struct buf seen; /* what load gives: "kind key value\n" */
};

static int setup(void **state) {
    static struct log silent;
    struct fx *fx = mem_new(struct fx);
    strcpy(fx->dir, "/tmp/weft-store-XXXXXX");
    assert_non_null(mkdtemp(fx->dir));
    assert_int_equal(loop_init(&fx->loop, &(struct loop_cfg){.log = &silent}, NULL), 0);
    *state = fx;
    return 0;
}

static int teardown(void **state) {
    struct fx *fx = *state;
    char cmd[128];
    if (fx->store)
        fx->store->ops->close(&fx->store);
    loop_fini(&fx->loop);
    buf_fini(&fx->seen);
    snprintf(cmd, sizeof cmd, "rm -r %s", fx->dir);
    assert_int_equal(system(cmd), 0);
    free(fx);
    return 0;
}

static void open_store(struct fx *fx, const char *url) {
    struct err e = {0};
    char data[96];
    snprintf(data, sizeof data, "%s/data", fx->dir);
    if (store_open(&fx->store, &fx->loop, str_of(url), str_of(data), &e) < 0)
        fail_msg("%s", e.msg);
}

static void on_done(struct store_write *w) {
    struct fx *fx = w->ctx;
    assert_true(w->revision >= fx->last_revision); /* in commit order */
    fx->done++;
    fx->last_revision = w->revision;
    fx->last_code = w->code;
}

static void put(struct fx *fx, enum store_kind kind, const char *key, const char *value) {
    struct store_write *w = store_write_new(on_done, fx);
    store_write_op(w, kind, str_of(key), str_of(value));
    fx->store->ops->write(fx->store, &w);
    assert_null(w);
}

static void await(struct fx *fx, unsigned done) {
    while (fx->done < done)
        loop_turn(&fx->loop, true);
    assert_int_equal(fx->last_code, 0);
}

static int on_load(void *ctx, enum store_kind kind, struct str key, struct str value, struct err *e) {
    struct fx *fx = ctx;
    buf_fmt(&fx->seen, "%s " STR_FMT " " STR_FMT "\n", store_kind_name(kind), STR_ARG(key), STR_ARG(value));
    return 0;
}

static const char *load(struct fx *fx) {
    buf_cut(&fx->seen, 0);
    assert_int_equal(fx->store->ops->load(fx->store, on_load, fx, NULL), 0);
    return buf_z(&fx->seen).ptr;
}

/* Everything that both stores promise but durability. */
static void revisions(struct fx *fx, const char *url) {
    open_store(fx, url);
    assert_int_equal(fx->store->revision, 0);
    put(fx, STORE_ENDPOINT, "ns/a/1", "{}");
    assert_int_equal(fx->done, 0); /* never before `write` has returned */
    put(fx, STORE_ENDPOINT, "ns/a/1", "{\"x\":1}");
    put(fx, STORE_COUNTER, "rule", "1"); /* is not told, and has no revision */
    put(fx, STORE_ENDPOINT, "ns/a/9", NULL);
    await(fx, 4);
    assert_int_equal(fx->last_revision, 2);
    put(fx, STORE_ENDPOINT, "ns/a/1", NULL);
    await(fx, 5);
    assert_int_equal(fx->last_revision, 3);
}

static void memory_revisions(void **state) {
    revisions(*state, "memory:");
}

static void sqlite_revisions(void **state) {
    revisions(*state, "sqlite:");
}

/* ---- reading ---- */

static bool on_change(void *ctx, const struct store_change *c) {
    struct fx *fx = ctx;
    buf_fmt(&fx->seen, "%u %s " STR_FMT " " STR_FMT "\n", (unsigned)c->revision, store_kind_name(c->kind), STR_ARG(c->key),
            STR_ARG(c->value.ptr ? c->value : STR("-")));
    return --fx->room > 0;
}

static const char *changes(struct fx *fx, enum store_view view, uint64_t after, uint64_t upto) {
    struct err e = {0};
    buf_cut(&fx->seen, 0);
    if (!fx->room)
        fx->room = 100;
    int rc = fx->store->ops->read(fx->store, &(struct store_range){view, after, upto}, on_change, fx, &e);
    fx->room = 0;
    if (rc < 0)
        return rc == WEFT_E_NOT_FOUND ? "gone" : "failed";
    return buf_z(&fx->seen).ptr;
}

static void reading(struct fx *fx, const char *url) {
    open_store(fx, url);
    put(fx, STORE_ENDPOINT, "ns/a/1", "1");
    put(fx, STORE_COUNTER, "rule", "1"); /* not told */
    put(fx, STORE_CONFIG, "mesh", "2");
    put(fx, STORE_ENDPOINT, "ns/a/2", "3");
    put(fx, STORE_ENDPOINT, "ns/a/1", "4");
    put(fx, STORE_ENDPOINT, "ns/a/2", NULL);
    put(fx, STORE_CA, "root", "{}");
    await(fx, 7);
    assert_string_equal(changes(fx, STORE_LOGGED, 0, 5),
                        "1 endpoint ns/a/1 1\n2 config mesh 2\n3 endpoint ns/a/2 3\n4 endpoint ns/a/1 4\n5 endpoint ns/a/2 -\n");
    assert_string_equal(changes(fx, STORE_LOGGED, 1, 3), "2 config mesh 2\n3 endpoint ns/a/2 3\n");
    fx->room = 2;
    assert_string_equal(changes(fx, STORE_LOGGED, 1, 5), "2 config mesh 2\n3 endpoint ns/a/2 3\n");
    assert_string_equal(changes(fx, STORE_LOGGED, 5, 5), "");
    assert_string_equal(changes(fx, STORE_PRESENT, 0, 5), "2 config mesh 2\n4 endpoint ns/a/1 4\n");
    assert_string_equal(changes(fx, STORE_PRESENT, 2, 5), "4 endpoint ns/a/1 4\n");
    assert_string_equal(changes(fx, STORE_PRESENT, 0, 3), "2 config mesh 2\n");
    for (unsigned i = 0; i < STORE_LOG * 2; i++)
        put(fx, STORE_ENDPOINT, "ns/a/1", "5");
    await(fx, 7 + STORE_LOG * 2);
    assert_string_equal(changes(fx, STORE_LOGGED, 0, fx->last_revision), "gone");
    fx->room = 1;
    assert_string_equal(changes(fx, STORE_LOGGED, fx->last_revision - STORE_LOG, fx->last_revision), "10006 endpoint ns/a/1 5\n");
}

static void memory_reading(void **state) {
    reading(*state, "memory:");
}

static void sqlite_reading(void **state) {
    reading(*state, "sqlite:");
}

static void sqlite_keeps(void **state) {
    struct fx *fx = *state;
    open_store(fx, "sqlite:");
    assert_string_equal(load(fx), "");
    put(fx, STORE_ENDPOINT, "ns/a/1", "{\"n\":1}");
    put(fx, STORE_TRAFFIC_RULE, "ns/a/tr-1", "{}");
    put(fx, STORE_ENDPOINT, "ns/a/2", "{\"n\":2}");
    put(fx, STORE_ENDPOINT, "ns/a/1", "{\"n\":3}"); /* in place */
    put(fx, STORE_TRAFFIC_RULE, "ns/a/tr-1", NULL);
    put(fx, STORE_CONFIG, "mesh", "{}");
    await(fx, 6);
    fx->store->ops->close(&fx->store);
    open_store(fx, "sqlite:");
    assert_int_equal(fx->store->revision, 6);
    assert_string_equal(load(fx), "endpoint ns/a/1 {\"n\":3}\nendpoint ns/a/2 {\"n\":2}\nconfig mesh {}\n");
    put(fx, STORE_CONFIG, "mesh", "{}");
    await(fx, 7);
    assert_int_equal(fx->last_revision, 7);
}

/* Closing finishes, and tells, what is under way. */
static void sqlite_close_waits(void **state) {
    struct fx *fx = *state;
    open_store(fx, "sqlite:");
    for (int i = 0; i < 1000; i++) {
        char key[32];
        snprintf(key, sizeof key, "ns/a/%d", i);
        put(fx, STORE_ENDPOINT, key, "{}");
    }
    fx->store->ops->close(&fx->store);
    assert_int_equal(fx->done, 1000);
    assert_int_equal(fx->last_revision, 1000);
    open_store(fx, "sqlite:");
    assert_int_equal(fx->store->revision, 1000);
}

static void sqlite_is_private(void **state) {
    struct fx *fx = *state;
    char path[96];
    struct stat st;
    open_store(fx, "sqlite:");
    put(fx, STORE_CA, "root", "{}");
    await(fx, 1);
    const char *const names[] = {"/data", "/data/weft.db", "/data/weft.db-wal"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", fx->dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, i ? 0600 : 0700);
    }
}

static void sqlite_one_owner(void **state) {
    struct fx *fx = *state;
    struct store *second = NULL;
    struct err e = {0};
    char data[96];
    open_store(fx, "sqlite:");
    snprintf(data, sizeof data, "%s/data", fx->dir);
    assert_int_equal(store_open(&second, &fx->loop, STR("sqlite:"), str_of(data), &e), WEFT_E_CONFLICT);
    assert_non_null(strstr(e.msg, "another control plane is using"));
    assert_null(second);
}

static int64_t count(struct fx *fx, const char *query) {
    char path[96];
    sqlite3 *db;
    sqlite3_stmt *st;
    snprintf(path, sizeof path, "%s/data/weft.db", fx->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static void sqlite_log_is_compacted(void **state) {
    struct fx *fx = *state;
    const unsigned n = STORE_LOG + STORE_LOG / 4;
    open_store(fx, "sqlite:");
    for (unsigned i = 0; i < n; i++)
        put(fx, STORE_ENDPOINT, "ns/a/1", "{}");
    await(fx, n);
    fx->store->ops->close(&fx->store);
    int64_t kept = count(fx, "SELECT count(*) FROM events");
    assert_in_range(kept, STORE_LOG, n - 1);
    assert_int_equal(count(fx, "SELECT max(revision) FROM events"), n);
    assert_int_equal(count(fx, "SELECT max(revision) - min(revision) + 1 FROM events"), kept); /* without holes */
}

/* What was written by a newer weft, or is no database, is refused and left as it is. */
static void sqlite_foreign_files(void **state) {
    struct fx *fx = *state;
    struct err e = {0};
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/other.db", fx->dir);
    struct str path = str_from(str_of(url), 7);
    assert_int_equal(file_write(path, STR("this is no database, but a text that is long enough to be looked at"), 0600, NULL), 0);
    assert_int_equal(store_open(&fx->store, &fx->loop, str_of(url), STR("unused"), &e), WEFT_E_STORE);
    struct buf b = {0};
    assert_int_equal(file_read(path, 1000, &b, NULL) < 0, 0);
    assert_true(str_starts(buf_str(&b), STR("this is no database")));
    buf_fini(&b);
}

static void urls(void **state) {
    struct fx *fx = *state;
    struct err e = {0};
    assert_int_equal(store_open(&fx->store, &fx->loop, STR("etcd:http://127.0.0.1:2379"), STR("x"), &e), WEFT_E_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "not there yet"));
    assert_int_equal(store_open(&fx->store, &fx->loop, STR("redis:x"), STR("x"), &e), WEFT_E_INVALID);
    assert_int_equal(store_open(&fx->store, &fx->loop, STR("sqlite"), STR("x"), &e), WEFT_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_revisions, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_revisions, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_keeps, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_close_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_is_private, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_one_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_log_is_compacted, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite_foreign_files, setup, teardown),
        cmocka_unit_test_setup_teardown(urls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
