// SPDX-License-Identifier: Apache-2.0
#include "control/backup.h"
#include <time.h>
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"

#define DAY (86400 * CLOCK_S)
#define SOON (60 * CLOCK_S)    /* after the start, at the earliest */
#define LATER (3600 * CLOCK_S) /* after one that failed */
#define PREFIX "weft-"
#define SUFFIX ".db"

void backup_stamp(char out[BACKUP_STAMP], uint64_t unix_seconds) {
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, BACKUP_STAMP, "%Y%m%dT%H%M%SZ", &tm);
}

static struct str dir_of(struct buf *b, struct str data_dir) {
    buf_fmt(b, STR_FMT "/backups", STR_ARG(data_dir));
    return buf_str(b);
}

/* ---- what is there ---- */

struct listing {
    struct str dir;
    int (*each)(void *ctx, struct str path);
    void *ctx;
};

static int take_name(void *ctx, struct str name) {
    const struct listing *l = ctx;
    struct buf path = {0};
    int rc = 0;
    if (str_starts(name, STR(PREFIX)) && str_ends(name, STR(SUFFIX))) {
        buf_fmt(&path, STR_FMT "/" STR_FMT, STR_ARG(l->dir), STR_ARG(name));
        rc = l->each(l->ctx, buf_str(&path));
    }
    buf_fini(&path);
    return rc;
}

static int list(struct str dir, int (*each)(void *ctx, struct str path), void *ctx, struct err *e) {
    struct listing l = {dir, each, ctx};
    int rc = file_list(dir, take_name, &l, e);
    return rc == WEFT_E_NOT_FOUND ? 0 : rc;
}

int backup_list(struct str data_dir, int (*each)(void *ctx, struct str path), void *ctx, struct err *e) {
    struct buf b = {0};
    int rc = list(dir_of(&b, data_dir), each, ctx, e);
    buf_fini(&b);
    return rc;
}

struct count {
    size_t n, drop; /* the oldest `drop` go */
    char newest[BACKUP_STAMP];
};

static int count_one(void *ctx, struct str path) {
    struct count *c = ctx;
    struct str stamp = str_from(path, (size_t)str_rchr(path, '/') + sizeof PREFIX);
    c->n++;
    str_z(str_first(stamp, stamp.len - strlen(SUFFIX)), c->newest, sizeof c->newest);
    return 0;
}

static int drop_one(void *ctx, struct str path) {
    struct count *c = ctx;
    if (!c->drop)
        return 0;
    c->drop--;
    return file_remove(path, NULL);
}

/* When the newest was made, Unix seconds; 0: there is none, or nobody can tell. */
static uint64_t newest(struct str dir) {
    struct count c = {0};
    struct tm tm = {0};
    if (list(dir, count_one, &c, NULL) < 0 || !c.n || !strptime(c.newest, "%Y%m%dT%H%M%SZ", &tm))
        return 0;
    time_t t = timegm(&tm);
    return t > 0 ? (uint64_t)t : 0;
}

/* ---- making one ---- */

static void on_timer(struct timer *t);

static void on_done(void *ctx, int code, const struct err *why) {
    struct backup *b = ctx;
    struct loop *l = b->mesh->loop;
    struct count c = {0};
    if (!b->dir)
        return; /* stopped meanwhile */
    if (code < 0)
        log_error(l->log, "the daily backup failed: %s", why->msg);
    else if (list(str_of(b->dir), count_one, &c, NULL) >= 0 && c.n > b->keep) {
        c.drop = c.n - b->keep;
        code = list(str_of(b->dir), drop_one, &c, NULL);
    }
    loop_timer(l, &b->timer, code < 0 && LATER < b->every ? LATER : b->every, on_timer);
}

static void on_timer(struct timer *t) {
    struct backup *b = container_of(t, struct backup, timer);
    struct store *s = b->mesh->store;
    char stamp[BACKUP_STAMP];
    struct buf path = {0};
    struct err e = {0};
    backup_stamp(stamp, loop_wall(b->mesh->loop) / CLOCK_S);
    buf_fmt(&path, "%s/" PREFIX "%s" SUFFIX, b->dir, stamp);
    int rc = file_mkdirs(str_of(b->dir), 0700, &e);
    if (rc < 0)
        on_done(b, rc, &e);
    else
        s->ops->backup(s, buf_str(&path), on_done, b);
    buf_fini(&path);
}

void backup_start(struct backup *b, struct mesh *m, const struct backup_cfg *cfg) {
    *b = (struct backup){.mesh = m, .keep = cfg->keep, .every = cfg->every_us ? cfg->every_us : DAY};
    if (!cfg->keep || !m->store->ops->backup)
        return;
    struct buf dir = {0};
    b->dir = mem_strdup(dir_of(&dir, cfg->data_dir));
    buf_fini(&dir);
    uint64_t now = loop_wall(m->loop), due = newest(str_of(b->dir)) * CLOCK_S + b->every;
    uint64_t soon = SOON < b->every ? SOON : b->every;
    loop_timer(m->loop, &b->timer, due > now + soon && due - now <= b->every ? due - now : soon, on_timer);
}

void backup_stop(struct backup *b) {
    if (!b->dir)
        return;
    loop_timer_stop(b->mesh->loop, &b->timer);
    free(b->dir);
    b->dir = NULL;
}
