// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "base/clock.h"
#include "base/mem.h"
#include "cli/args.h"
#include "control/backup.h"
#include "control/store_sqlite_copy.h"

struct backups {
    char **at;
    size_t n, cap;
};

static int keep_path(void *ctx, struct str path) {
    struct backups *all = ctx;
    mem_grow((void **)&all->at, &all->cap, all->n + 1, sizeof *all->at);
    all->at[all->n++] = mem_strdup(path);
    return 0;
}

static int try_one(struct str db, const char *copy, struct err *e) {
    char stamp[BACKUP_STAMP];
    backup_stamp(stamp, clock_real.wall_us(&clock_real) / CLOCK_S);
    int rc = store_sqlite_restore(db, str_of(copy), str_of(stamp), e);
    if (rc >= 0)
        printf("restored from %s; what was there is kept as " STR_FMT ".damaged-%s\n", copy, STR_ARG(db), stamp);
    return rc < 0 && rc != WEFT_E_CONFLICT ? err_in(e, "%s", copy) : rc;
}

/* The newest one that is whole. */
static int try_all(struct str db, struct str data_dir, struct err *e) {
    struct backups all = {0};
    int rc = backup_list(data_dir, keep_path, &all, e);
    if (rc >= 0)
        rc = err_set(e, WEFT_E_NOT_FOUND, "there is no backup in " STR_FMT "/backups; name one", STR_ARG(data_dir));
    for (size_t i = all.n; i-- > 0 && rc < 0 && rc != WEFT_E_CONFLICT;) {
        rc = try_one(db, all.at[i], e);
        if (rc < 0 && i)
            fprintf(stderr, "weft control restore: %s; the one before it is tried\n", e->msg);
    }
    for (size_t i = 0; i < all.n; i++)
        free(all.at[i]);
    free(all.at);
    return rc;
}

int cmd_control_restore(int argc, char **argv) {
    const char *data_dir, *store;
    char **operand;
    int n;
    struct err e = {0};
    struct buf db = {0};
    const struct arg options[] = {{"data-dir", ARG_STR, &data_dir, "DIR", "./weft-data", "of the control plane", false},
                                  {"store", ARG_STR, &store, "STORE", "sqlite:", "its database: sqlite: or sqlite:PATH", false}};
    const struct args a = {.command = "control restore",
                           .summary = "puts a backup in the place of a database that is damaged",
                           .details = "The control plane must not run. Without FILE: the newest whole one of DIR/backups. What "
                                      "was there is kept beside it.\n"
                                      "What was written after the backup is lost; sidecars register again by themselves.",
                           .operands = "[FILE]",
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, &operand, &n);
    if (code >= 0)
        return code;
    if (n > 1 || strncmp(store, "sqlite:", 7) != 0) {
        fprintf(stderr, "weft control restore: %s\n", n > 1 ? "one FILE at most" : "only a store of sqlite: has backups");
        return EXIT_USAGE;
    }
    if (store[7])
        buf_fmt(&db, "%s", store + 7);
    else
        buf_fmt(&db, "%s/weft.db", data_dir);
    int rc = n ? try_one(buf_str(&db), operand[0], &e) : try_all(buf_str(&db), str_of(data_dir), &e);
    if (rc < 0)
        fprintf(stderr, "weft control restore: %s\n", e.msg);
    buf_fini(&db);
    return rc < 0;
}
