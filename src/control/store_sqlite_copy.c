// SPDX-License-Identifier: Apache-2.0
#include "control/store_sqlite_copy.h"
#include <sqlite3.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"

#define FAR 1000000 /* revisions and ids that may have been given out after the copy was made */

static int failed(sqlite3 *db, struct err *e, const char *what) {
    return err_set(e, WEFT_E_STORE, "%s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
}

/* `out` must be closed also after a failure. */
static int open_db(sqlite3 **out, struct str path, int flags, struct err *e) {
    char *z = mem_strdup(path);
    int rc = sqlite3_open_v2(z, out, flags, NULL) == SQLITE_OK ? 0 : failed(*out, e, z);
    free(z);
    return rc;
}

/* ---- copying ---- */

static int copy_into(sqlite3 *from, struct str to, struct err *e) {
    sqlite3 *db = NULL;
    int rc = open_db(&db, to, SQLITE_OPEN_READWRITE, e);
    sqlite3_backup *b = rc < 0 ? NULL : sqlite3_backup_init(db, "main", from, "main");
    if (b) {
        sqlite3_backup_step(b, -1);
        rc = sqlite3_backup_finish(b) == SQLITE_OK ? 0 : failed(db, e, "cannot copy the store");
    } else if (rc >= 0) {
        rc = failed(db, e, "cannot copy the store");
    }
    sqlite3_close(db);
    return rc;
}

int store_sqlite_copy(struct sqlite3 *from, struct str to, struct err *e) {
    struct buf tmp = {0};
    buf_fmt(&tmp, STR_FMT ".part", STR_ARG(to));
    int rc = file_write(buf_str(&tmp), STR(""), 0600, e); /* the CA's key will be in it */
    if (rc >= 0)
        rc = copy_into(from, buf_str(&tmp), e);
    if (rc >= 0)
        rc = file_rename(buf_str(&tmp), to, e);
    if (rc < 0)
        file_remove(buf_str(&tmp), NULL);
    buf_fini(&tmp);
    return rc;
}

int store_sqlite_check(struct sqlite3 *db, struct err *e) {
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK)
        return failed(db, e, "damaged");
    int rc = sqlite3_step(st) == SQLITE_ROW ? 0 : failed(db, e, "damaged");
    const char *says = rc < 0 ? "" : (const char *)sqlite3_column_text(st, 0);
    if (rc >= 0 && (!says || strcmp(says, "ok") != 0))
        rc = err_set(e, WEFT_E_STORE, "damaged: %s", says ? says : "");
    sqlite3_finalize(st);
    return rc;
}

/* ---- restoring ---- */

static int64_t number(sqlite3 *db, const char *query) {
    sqlite3_stmt *st = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(db, query, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

struct counts {
    int64_t revision, rule;
};

/* As far as it can be read; -1 where it cannot. */
static struct counts read_counts(sqlite3 *db) {
    return (struct counts){number(db, "SELECT value FROM meta WHERE name = 'revision'"),
                           number(db, "SELECT coalesce((SELECT value FROM kv WHERE kind = 'counter' AND key = 'rule'), 0)")};
}

static struct counts counts_of(struct str path) {
    sqlite3 *db = NULL;
    struct counts c = {-1, -1};
    if (open_db(&db, path, SQLITE_OPEN_READONLY, NULL) >= 0)
        c = read_counts(db);
    sqlite3_close(db);
    return c;
}

static int64_t beyond(int64_t a, int64_t b) {
    return (a > b ? a : b) + FAR;
}

static int go_beyond(struct str path, struct counts a, struct counts b, struct err *e) {
    sqlite3 *db = NULL;
    struct buf sql = {0};
    int rc = open_db(&db, path, SQLITE_OPEN_READWRITE, e);
    int64_t revision = beyond(a.revision, b.revision);
    buf_fmt(&sql,
            "BEGIN; DELETE FROM events; UPDATE meta SET value = %lld WHERE name = 'revision';"
            "INSERT INTO kv(kind, key, value, revision) VALUES('counter', 'rule', '%lld', %lld)"
            " ON CONFLICT(kind, key) DO UPDATE SET value = excluded.value; COMMIT;",
            (long long)revision, (long long)beyond(a.rule, b.rule), (long long)revision);
    if (rc >= 0 && sqlite3_exec(db, buf_z(&sql).ptr, NULL, NULL, NULL) != SQLITE_OK)
        rc = failed(db, e, "cannot change the copy");
    buf_fini(&sql);
    sqlite3_close(db);
    return rc;
}

/* Copies it to `to`, if it is whole and a store. */
static int take_copy(struct str copy, struct str to, struct counts *c, struct err *e) {
    sqlite3 *db = NULL;
    int rc = open_db(&db, copy, SQLITE_OPEN_READONLY, e);
    if (rc >= 0)
        rc = store_sqlite_check(db, e);
    if (rc >= 0) {
        *c = read_counts(db);
        if (c->revision < 0)
            rc = err_set(e, WEFT_E_STORE, "is no store of weft's");
    }
    if (rc >= 0)
        rc = store_sqlite_copy(db, to, e);
    sqlite3_close(db);
    return rc;
}

static void set_aside(struct str path, struct str stamp, const char *suffix) {
    struct buf from = {0}, to = {0};
    buf_fmt(&from, STR_FMT "%s", STR_ARG(path), suffix);
    buf_fmt(&to, STR_FMT ".damaged-" STR_FMT "%s", STR_ARG(path), STR_ARG(stamp), suffix);
    file_rename(buf_str(&from), buf_str(&to), NULL); /* there may be none */
    buf_fini(&from);
    buf_fini(&to);
}

static int replace(struct str path, struct str copy, struct str stamp, struct err *e) {
    struct buf made = {0};
    struct counts have = {-1, -1};
    buf_fmt(&made, STR_FMT ".restored", STR_ARG(path));
    int rc = take_copy(copy, buf_str(&made), &have, e);
    if (rc >= 0)
        rc = go_beyond(buf_str(&made), have, counts_of(path), e);
    if (rc >= 0) {
        set_aside(path, stamp, "-wal"); /* first: it must never be taken for the new one's */
        set_aside(path, stamp, "-shm");
        set_aside(path, stamp, "");
        rc = file_rename(buf_str(&made), path, e);
    }
    buf_fini(&made);
    return rc;
}

int store_sqlite_restore(struct str path, struct str copy, struct str stamp, struct err *e) {
    struct buf lock = {0};
    buf_fmt(&lock, STR_FMT ".lock", STR_ARG(path));
    int fd = file_lock(buf_str(&lock), e);
    buf_fini(&lock);
    if (fd == WEFT_E_CONFLICT)
        return err_set(e, WEFT_E_CONFLICT, "a control plane is using " STR_FMT ": stop it first", STR_ARG(path));
    if (fd < 0)
        return fd;
    int rc = replace(path, copy, stamp, e);
    close(fd);
    return rc;
}
