// SPDX-License-Identifier: Apache-2.0
#pragma once
/* backup: a copy of the store in DIR/backups, each day, of which the newest N are kept. The next is due a day after the newest,
 * also over restarts. One that fails is told in the log and tried again an hour later. Threads: the control loop; the store's
 * writer makes the copy. Tests: tests/scenario/c064_restore.py */
#include "control/mesh.h"
#include "io/timer.h"

struct backup_cfg {
    struct str data_dir;
    unsigned keep;     /* 0: no backups */
    uint64_t every_us; /* 0: a day */
};
struct backup {
    struct mesh *mesh;
    char *dir;
    unsigned keep;
    uint64_t every;
    struct timer timer;
};
void backup_start(struct backup *b, struct mesh *m, const struct backup_cfg *cfg);
void backup_stop(struct backup *b); /* before the mesh is stopped: it tells what is under way to nobody */

/* The names of backups in a data directory, oldest first, whole paths. Nothing when there is none. */
int backup_list(struct str data_dir, int (*each)(void *ctx, struct str path), void *ctx, struct err *e) MUST_CHECK;
#define BACKUP_STAMP 20
void backup_stamp(char out[BACKUP_STAMP], uint64_t unix_seconds); /* "20261125T183501Z": sorts by time */
