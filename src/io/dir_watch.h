// SPDX-License-Identifier: Apache-2.0
#pragma once
/* dir_watch: tells what is renamed into a directory (inotify, IN_MOVED_TO): how a file is replaced whole, by file_publish and
 * others, and how Kubernetes turns a volume's link. What is written in place is not told: it may be half there. Each takes one
 * of the user's inotify instances (fs.inotify.max_user_instances). Threads: its loop. Tests: tests/unit/io/dir_watch.c */
#include "base/err.h"
#include "io/loop.h"

struct dir_watch;
typedef void dir_moved_f(struct dir_watch *d, struct str name); /* into it came `name`; empty: some were not told (overflow) */

struct dir_watch { /* embed; zeros are a closed one */
    struct watch watch;
    dir_moved_f *on_moved;
    bool open;
};
int dir_watch_open(struct dir_watch *d, struct loop *l, struct str path, dir_moved_f *on_moved, struct err *e) MUST_CHECK;
void dir_watch_close(struct dir_watch *d); /* nothing when it is closed; from on_moved too */
