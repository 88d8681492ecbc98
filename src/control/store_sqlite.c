// SPDX-License-Identifier: Apache-2.0
/* The store in SQLite. One thread of its own writes: what is asked of it while it commits waits in its mailbox and becomes the
 * next transaction, so that the fsync is shared. Before the first write there is no thread and the loop uses the database itself.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"
#include "control/store.h"
#include "control/store_sqlite_copy.h"
#include "io/file.h"
#include "io/mbox.h"

enum { BEGIN, COMMIT, ROLLBACK, PUT, DELETE, EVENT, SET_REVISION, COMPACT, STATEMENTS };
static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    /* A replaced value keeps its seq, and with it its place. */
    [PUT] = ("INSERT INTO kv(kind, key, value, revision) VALUES(?1, ?2, ?3, ?4)"
             " ON CONFLICT(kind, key) DO UPDATE SET value = excluded.value, revision = excluded.revision"),
    [DELETE] = "DELETE FROM kv WHERE kind = ?1 AND key = ?2",
    [EVENT] = "INSERT INTO events(revision, type, kind, key, value) VALUES(?1, ?2, ?3, ?4, ?5)",
    [SET_REVISION] = "UPDATE meta SET value = ?1 WHERE name = 'revision'",
    [COMPACT] = "DELETE FROM events WHERE revision <= ?1",
};
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS kv(seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL,"
    " value TEXT NOT NULL, revision INTEGER NOT NULL, UNIQUE(kind, key));"
    "CREATE TABLE IF NOT EXISTS events(revision INTEGER PRIMARY KEY, type TEXT NOT NULL, kind TEXT NOT NULL,"
    " key TEXT NOT NULL, value TEXT);"
    "CREATE INDEX IF NOT EXISTS kv_revision ON kv(revision);"
    "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO meta(name, value) VALUES('revision', 0);"
    "PRAGMA user_version = 1;";

static const char *const queries[] = {
    [STORE_LOGGED] = "SELECT revision, kind, key, value FROM events WHERE revision > ?1 AND revision <= ?2 ORDER BY revision",
    [STORE_PRESENT] = "SELECT revision, kind, key, value FROM kv WHERE revision > ?1 AND revision <= ?2 ORDER BY revision",
};

struct copy {
    char *to;
    store_backup_f *done;
    void *ctx;
    int code;
    struct err err;
};
struct sqlite_msg { /* a write, or a copy to be made, on its way to the writer and back; neither: stop */
    struct mbox_msg msg;
    struct store_write *w;
    struct copy *copy;
    struct list node;
};

struct sqlite_store {
    struct store store;
    struct loop *loop;
    int lock_fd;
    /* the loop's until the writer runs, then the writer's, then the loop's again */
    sqlite3 *db;
    sqlite3_stmt *stmt[STATEMENTS];
    uint64_t revision, compacted;
    /* the loop's */
    char *path;
    sqlite3 *reader; /* NULL until somebody reads */
    sqlite3_stmt *query[2];
    /* the writer */
    bool running;
    pthread_t thread;
    struct loop wloop;
    struct mbox in, out;
    struct task commit;
    struct list batch; /* of struct sqlite_msg */
    bool stop;
};

static struct sqlite_store *of(struct store *s) {
    return container_of(s, struct sqlite_store, store);
}

/* ---- statements ---- */

/* What was written is never repaired by guessing: what is damaged is refused, with what to do. */
static int damaged(struct err *e, const char *how) {
    return err_set(e, WEFT_E_STORE,
                   "the store is %s; nothing has been changed: weft control restore (with the same --data-dir) puts the "
                   "newest backup in its place",
                   how);
}

static int failed(struct sqlite_store *s, struct err *e, const char *what) {
    int code = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return damaged(e, code == SQLITE_CORRUPT ? "damaged" : "no database");
    return err_set(e, WEFT_E_STORE, "%s: %s", what, s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static void bind_text(sqlite3_stmt *st, int at, const char *text) {
    if (text)
        sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(st, at);
}

static int run(struct sqlite_store *s, int which, struct err *e) {
    sqlite3_stmt *st = s->stmt[which];
    int rc = sqlite3_step(st);
    int result = rc == SQLITE_DONE ? 0 : failed(s, e, "cannot write to the store");
    sqlite3_reset(st);
    return result;
}

static int put(struct sqlite_store *s, const struct store_op *op, uint64_t revision, struct err *e) {
    sqlite3_stmt *st = s->stmt[PUT];
    bind_text(st, 1, store_kind_name(op->kind));
    bind_text(st, 2, op->key);
    bind_text(st, 3, op->value);
    sqlite3_bind_int64(st, 4, (sqlite3_int64)revision);
    return run(s, PUT, e);
}

static int del(struct sqlite_store *s, const struct store_op *op, bool *was_there, struct err *e) {
    sqlite3_stmt *st = s->stmt[DELETE];
    bind_text(st, 1, store_kind_name(op->kind));
    bind_text(st, 2, op->key);
    int rc = run(s, DELETE, e);
    *was_there = rc >= 0 && sqlite3_changes(s->db) > 0;
    return rc;
}

static int log_event(struct sqlite_store *s, const struct store_op *op, uint64_t revision, struct err *e) {
    sqlite3_stmt *st = s->stmt[EVENT];
    sqlite3_bind_int64(st, 1, (sqlite3_int64)revision);
    bind_text(st, 2, op->value ? "put" : "delete");
    bind_text(st, 3, store_kind_name(op->kind));
    bind_text(st, 4, op->key);
    bind_text(st, 5, op->value);
    return run(s, EVENT, e);
}

static int write_op(struct sqlite_store *s, struct store_op *op, uint64_t *revision, struct err *e) {
    bool change = true;
    op->revision = 0;
    int rc = op->value ? put(s, op, *revision + 1, e) : del(s, op, &change, e);
    if (rc < 0 || !change || !store_kind_told(op->kind))
        return rc;
    op->revision = ++*revision;
    return log_event(s, op, *revision, e);
}

static int set_number(struct sqlite_store *s, int which, uint64_t n, struct err *e) {
    sqlite3_bind_int64(s->stmt[which], 1, (sqlite3_int64)n);
    return run(s, which, e);
}

/* The writes between BEGIN and COMMIT; each gets its revision. */
static int write_batch(struct sqlite_store *s, struct store_write *const *w, size_t n, uint64_t *revision, struct err *e) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < w[i]->n; k++)
            if (write_op(s, &w[i]->op[k], revision, e) < 0)
                return WEFT_E_STORE;
        w[i]->revision = *revision;
    }
    if (*revision >= s->compacted + STORE_LOG + STORE_LOG / 8) {
        s->compacted = *revision - STORE_LOG;
        if (set_number(s, COMPACT, s->compacted, e) < 0)
            return WEFT_E_STORE;
    }
    return set_number(s, SET_REVISION, *revision, e);
}

static int commit_batch(struct sqlite_store *s, struct store_write *const *w, size_t n, struct err *e) {
    uint64_t revision = s->revision;
    int rc = run(s, BEGIN, e);
    if (rc < 0)
        return rc;
    rc = write_batch(s, w, n, &revision, e);
    if (rc >= 0)
        rc = run(s, COMMIT, e);
    if (rc < 0) {
        run(s, ROLLBACK, NULL); /* fails where SQLite has already rolled back by itself */
        return rc;
    }
    s->revision = revision;
    return 0;
}

/* ---- the writer ---- */

static void on_commit(struct task *t) {
    struct sqlite_store *s = container_of(t, struct sqlite_store, commit);
    struct store_write *w[256];
    struct sqlite_msg *m[256];
    while (!list_empty(&s->batch)) {
        size_t n = 0;
        while (n < 256 && !list_empty(&s->batch)) {
            m[n] = list_entry(list_pop(&s->batch), struct sqlite_msg, node);
            w[n] = m[n]->w;
            n++;
        }
        struct err e = {0};
        int rc = commit_batch(s, w, n, &e);
        for (size_t i = 0; i < n; i++) {
            w[i]->code = rc;
            w[i]->err = e;
            mbox_send(&s->out, &m[i]->msg);
        }
    }
    if (s->stop)
        loop_stop(&s->wloop);
}

static void on_request(struct mbox *mb, struct mbox_msg *msg) {
    struct sqlite_store *s = mb->ctx;
    struct sqlite_msg *m = container_of(msg, struct sqlite_msg, msg);
    if (m->copy) {
        m->copy->code = store_sqlite_copy(s->db, str_of(m->copy->to), &m->copy->err);
        mbox_send(&s->out, msg);
    } else if (m->w) {
        list_push(&s->batch, &m->node);
    } else {
        s->stop = true;
        free(m);
    }
    loop_later(&s->wloop, &s->commit, on_commit);
}

static void on_answer(struct mbox *mb, struct mbox_msg *msg) {
    struct sqlite_msg *m = container_of(msg, struct sqlite_msg, msg);
    if (m->copy) {
        m->copy->done(m->copy->ctx, m->copy->code, &m->copy->err);
        free(m->copy->to);
        free(m->copy);
    } else {
        m->w->done(m->w);
        store_write_free(&m->w);
    }
    free(m);
}

static void *writer(void *arg) {
    struct sqlite_store *s = arg;
    loop_run(&s->wloop);
    return NULL;
}

static int start_writer(struct sqlite_store *s, struct err *e) {
    int rc = mbox_init(&s->out, s->loop, on_answer, s, e);
    if (rc < 0)
        return rc;
    struct loop_cfg cfg = {.log = s->loop->log};
    rc = loop_init(&s->wloop, &cfg, e);
    if (rc < 0) {
        mbox_fini(&s->out);
        return rc;
    }
    rc = mbox_init(&s->in, &s->wloop, on_request, s, e);
    if (rc >= 0 && pthread_create(&s->thread, NULL, writer, s) != 0) {
        mbox_fini(&s->in);
        rc = err_set(e, WEFT_E_STORE, "cannot start the store's writer thread");
    }
    if (rc < 0) {
        loop_fini(&s->wloop);
        mbox_fini(&s->out);
        return rc;
    }
    s->running = true;
    return 0;
}

static void sqlite_write(struct store *st, struct store_write **w) {
    struct sqlite_store *s = of(st);
    struct sqlite_msg *m = mem_new(struct sqlite_msg);
    m->w = *w;
    *w = NULL;
    mbox_send(&s->in, &m->msg);
}

static void sqlite_backup(struct store *st, struct str path, store_backup_f *done, void *ctx) {
    struct sqlite_msg *m = mem_new(struct sqlite_msg);
    m->copy = mem_new(struct copy);
    *m->copy = (struct copy){.to = mem_strdup(path), .done = done, .ctx = ctx};
    mbox_send(&of(st)->in, &m->msg);
}

/* ---- open, load, close ---- */

static int execute(struct sqlite_store *s, const char *text, struct err *e) {
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(s, e, "cannot open the store");
}

static int read_number(struct sqlite_store *s, const char *query, uint64_t *out, struct err *e) {
    sqlite3_stmt *st = NULL;
    *out = 0;
    if (sqlite3_prepare_v2(s->db, query, -1, &st, NULL) != SQLITE_OK)
        return failed(s, e, "cannot read the store");
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : failed(s, e, "cannot read the store");
}

static int take_lock(struct sqlite_store *s, struct str path, struct err *e) {
    struct buf b = {0};
    buf_fmt(&b, STR_FMT ".lock", STR_ARG(path));
    s->lock_fd = file_lock(buf_str(&b), e);
    buf_fini(&b);
    if (s->lock_fd == WEFT_E_CONFLICT)
        return err_set(e, WEFT_E_CONFLICT, "another control plane is using " STR_FMT, STR_ARG(path));
    return s->lock_fd < 0 ? s->lock_fd : 0;
}

static int open_db(struct sqlite_store *s, struct str path, struct err *e) {
    char *z = mem_strdup(path);
    uint64_t version = 0;
    struct err why = {0};
    int rc = sqlite3_open_v2(z, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK
                 ? 0
                 : failed(s, e, "cannot open the store");
    /* The CA's key is in there; the WAL takes these rights over from the database. */
    if (rc >= 0 && chmod(z, 0600) != 0)
        rc = err_set(e, WEFT_E_IO, "cannot make the store private");
    free(z);
    if (rc >= 0)
        rc = execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;", e);
    if (rc >= 0 && store_sqlite_check(s->db, &why) < 0)
        rc = damaged(e, why.msg);
    if (rc >= 0)
        rc = read_number(s, "PRAGMA user_version", &version, e);
    if (rc >= 0 && version > 1)
        rc = err_set(e, WEFT_E_STORE, "the store was written by a newer weft");
    return rc < 0 ? rc : execute(s, schema, e);
}

static int prepare(struct sqlite_store *s, struct err *e) {
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL) != SQLITE_OK)
            return failed(s, e, "cannot open the store");
    int rc = read_number(s, "SELECT value FROM meta WHERE name = 'revision'", &s->revision, e);
    return rc < 0 ? rc : read_number(s, "SELECT min(revision) FROM events", &s->compacted, e);
}

static void stop_writer(struct sqlite_store *s) {
    struct sqlite_msg *m = mem_new(struct sqlite_msg);
    mbox_send(&s->in, &m->msg);
    pthread_join(s->thread, NULL);
    mbox_fini(&s->in);
    loop_fini(&s->wloop);
    mbox_fini(&s->out); /* tells the answers that are still under way */
}

static void close_reader(struct sqlite_store *s) {
    for (int i = 0; i < 2; i++) {
        sqlite3_finalize(s->query[i]);
        s->query[i] = NULL;
    }
    sqlite3_close(s->reader);
    s->reader = NULL;
}

static void sqlite_close(struct store **st) {
    struct sqlite_store *s = of(*st);
    if (s->running)
        stop_writer(s);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->stmt[i]);
    sqlite3_close(s->db);
    close_reader(s);
    free(s->path);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
    *st = NULL;
}

static int sqlite_open(struct store **out, struct loop *l, struct str path, struct err *e) {
    struct sqlite_store *s = mem_new(struct sqlite_store);
    struct store *st = &s->store;
    s->store.ops = &store_sqlite;
    s->loop = l;
    s->lock_fd = -1;
    s->path = mem_strdup(path);
    list_init(&s->batch);
    int rc = take_lock(s, path, e);
    if (rc >= 0)
        rc = open_db(s, path, e);
    if (rc >= 0)
        rc = prepare(s, e);
    if (rc >= 0)
        rc = start_writer(s, e);
    if (rc < 0) {
        sqlite_close(&st);
        return rc;
    }
    s->store.revision = s->revision;
    *out = st;
    return 0;
}

static struct str column(sqlite3_stmt *st, int at) {
    const void *text = sqlite3_column_text(st, at);
    return str_n(text, (size_t)sqlite3_column_bytes(st, at));
}

static int load_row(sqlite3_stmt *st, store_load_f *each, void *ctx, struct err *e) {
    int kind = store_kind_of(column(st, 0));
    if (kind < 0)
        return err_set(e, WEFT_E_STORE, "the store has an entry of unknown kind");
    return each(ctx, (enum store_kind)kind, column(st, 1), column(st, 2), e);
}

static int sqlite_load(struct store *st, store_load_f *each, void *ctx, struct err *e) {
    struct sqlite_store *s = of(st);
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, "SELECT kind, key, value FROM kv ORDER BY seq", -1, &q, NULL) != SQLITE_OK)
        return failed(s, e, "cannot read the store");
    int rc = 0, step;
    while (rc >= 0 && (step = sqlite3_step(q)) == SQLITE_ROW)
        rc = load_row(q, each, ctx, e);
    if (rc >= 0 && step != SQLITE_DONE)
        rc = failed(s, e, "cannot read the store");
    sqlite3_finalize(q);
    return rc;
}

static int sqlite_write_now(struct store *st, struct store_write *w, struct err *e) {
    int rc = commit_batch(of(st), &w, 1, e);
    st->revision = of(st)->revision;
    return rc;
}

/* ---- reading while the writer writes: a connection of the loop's own, which the WAL never makes wait ---- */

static int read_failed(struct sqlite_store *s, struct err *e) {
    return err_set(e, WEFT_E_STORE, "cannot read the store: %s", s->reader ? sqlite3_errmsg(s->reader) : "out of memory");
}

static int open_reader(struct sqlite_store *s, struct err *e) {
    if (s->reader)
        return 0;
    bool ok = sqlite3_open_v2(s->path, &s->reader, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK;
    for (int i = 0; ok && i < 2; i++)
        ok = sqlite3_prepare_v3(s->reader, queries[i], -1, SQLITE_PREPARE_PERSISTENT, &s->query[i], NULL) == SQLITE_OK;
    int rc = ok ? 0 : read_failed(s, e);
    if (!ok)
        close_reader(s);
    return rc;
}

static bool read_row(sqlite3_stmt *q, store_change_f *each, void *ctx) {
    int kind = store_kind_of(column(q, 1));
    if (kind < 0 || !store_kind_told((enum store_kind)kind))
        return true;
    return each(ctx,
                &(struct store_change){(uint64_t)sqlite3_column_int64(q, 0), (enum store_kind)kind, column(q, 2), column(q, 3)});
}

static int sqlite_read(struct store *st, const struct store_range *r, store_change_f *each, void *ctx, struct err *e) {
    struct sqlite_store *s = of(st);
    int rc = open_reader(s, e);
    if (rc < 0)
        return rc;
    sqlite3_stmt *q = s->query[r->view];
    sqlite3_bind_int64(q, 1, (sqlite3_int64)r->after);
    sqlite3_bind_int64(q, 2, (sqlite3_int64)r->upto);
    int step = sqlite3_step(q);
    /* The log has no holes: another than the next one first, or none, means that it was compacted. */
    if (r->view == STORE_LOGGED && r->after < r->upto &&
        (step == SQLITE_DONE || (step == SQLITE_ROW && (uint64_t)sqlite3_column_int64(q, 0) != r->after + 1)))
        rc = err_set(e, WEFT_E_NOT_FOUND, "the log begins later");
    while (rc >= 0 && step == SQLITE_ROW && read_row(q, each, ctx))
        step = sqlite3_step(q);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = read_failed(s, e);
    sqlite3_reset(q);
    return rc;
}

const struct store_ops store_sqlite = {"sqlite",     sqlite_open, sqlite_load,   sqlite_write_now,
                                       sqlite_write, sqlite_read, sqlite_backup, sqlite_close};
