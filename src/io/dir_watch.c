// SPDX-License-Identifier: Apache-2.0
#include "io/dir_watch.h"
#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ROOM 4096u /* octets of events that are read at once: at least one with the longest name */

static int fail(struct err *e, const char *path, int fd) {
    int no = errno;
    if (fd >= 0)
        close(fd);
    return err_set(e, no == ENOENT || no == ENOTDIR ? WEFT_E_NOT_FOUND : WEFT_E_IO, "watching %s: %s", path, strerror(no));
}

/* inotify pads names with NULs. */
static struct str name_of(const struct inotify_event *ev) {
    return ev->len ? str_n(ev->name, strnlen(ev->name, ev->len)) : STR_NONE;
}

static void on_events(struct watch *w, unsigned ready) {
    struct dir_watch *d = container_of(w, struct dir_watch, watch);
    _Alignas(struct inotify_event) char room[ROOM];
    ssize_t n;
    while (d->open && (n = read(w->fd, room, sizeof(room))) > 0)
        for (const char *at = room; d->open && at < room + n;) {
            const struct inotify_event *ev = (const struct inotify_event *)at;
            at += sizeof(*ev) + ev->len;
            if (ev->mask & (IN_MOVED_TO | IN_Q_OVERFLOW))
                d->on_moved(d, name_of(ev));
        }
}

int dir_watch_open(struct dir_watch *d, struct loop *l, struct str path, dir_moved_f *on_moved, struct err *e) {
    char z[PATH_MAX];
    if (!path.len || path.len >= sizeof(z) || str_chr(path, 0) >= 0)
        return err_set(e, WEFT_E_INVALID, "not a usable path: " STR_FMT, STR_ARG(str_first(path, 100)));
    str_z(path, z, sizeof(z));
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, z, IN_MOVED_TO | IN_ONLYDIR) < 0)
        return fail(e, z, fd);
    d->on_moved = on_moved;
    d->open = true;
    loop_watch(l, &d->watch, fd, LOOP_IN, on_events);
    return 0;
}

void dir_watch_close(struct dir_watch *d) {
    if (!d->open)
        return;
    d->open = false;
    loop_unwatch(&d->watch);
    close(d->watch.fd);
}
