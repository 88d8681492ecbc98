// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/sock.h"
#include "io/sock_int.h"

#define BACKLOG 4096
#define ACCEPTS_PER_TURN 64             /* others have their turn too */
#define ACCEPTS_PER_DRAIN (2 * BACKLOG) /* a flood of newcomers cannot keep a closing listener busy */
#define PAUSE_US (100 * CLOCK_MS)
#define TELL_US (60 * CLOCK_S)

/* ---- binding ---- */

static int os_error(struct err *e, const struct addr *a, const char *what) {
    char text[ADDR_TEXT];
    int no = errno, code = no == EADDRINUSE ? WEFT_E_EXISTS : no == EACCES || no == EPERM ? WEFT_E_DENIED : WEFT_E_IO;
    return err_set(e, code, "cannot %s %s: %s", what, addr_text(a, text), strerror(no));
}

/* A socket file without anybody behind it, left by one who could not clean up, would make bind fail. */
static void remove_stale(const struct addr *a) {
    struct sockaddr_un un = {0};
    memcpy(&un, &a->sa, a->len);
    struct stat st;
    if (lstat(un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&a->sa, a->len) < 0 && errno == ECONNREFUSED)
        unlink(un.sun_path);
    close(fd);
}

static int set_mode(const struct addr *a, unsigned mode) {
    struct sockaddr_un un = {0};
    memcpy(&un, &a->sa, a->len);
    return un.sun_path[0] ? chmod(un.sun_path, (mode_t)mode) : 0; /* an abstract one has no file */
}

int sock_bind(const struct addr *a, const struct sock_listen_opts *opts, struct addr *bound, struct err *e) {
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return os_error(e, a, "make a socket for");
    if (a->sa.ss_family == AF_UNIX) {
        remove_stale(a);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sock__tcp_options(fd);
        if (opts && opts->reuse_port)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    unsigned mode = opts && a->sa.ss_family == AF_UNIX ? opts->mode : 0;
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0 || (mode && set_mode(a, mode) < 0) ||
        listen(fd, opts && opts->backlog ? opts->backlog : BACKLOG) < 0) {
        int code = os_error(e, a, "listen on");
        close(fd);
        return code;
    }
    *bound = sock__local(fd);
    return fd;
}

/* ---- accepting ---- */

static int accept_one(struct sock_listener *sl, struct addr *peer) {
    *peer = (struct addr){.len = sizeof peer->sa};
    return accept4(sl->fd, (struct sockaddr *)&peer->sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static int open_spare(void) {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_pause_end(struct timer *t) {
    struct sock_listener *sl = container_of(t, struct sock_listener, pause);
    if (sl->spare_fd < 0)
        sl->spare_fd = open_spare();
    loop_rewatch(&sl->watch, LOOP_IN);
}

/* Without descriptors the kernel would report the same connection for ever. One is taken with the spare descriptor and closed, so
 * that at least somebody learns of it; then accepting rests, and the others wait in the backlog. */
static void shed(struct sock_listener *sl, int no) {
    struct addr peer;
    if (sl->spare_fd >= 0 && (no == EMFILE || no == ENFILE)) {
        close(sl->spare_fd);
        int fd = accept_one(sl, &peer);
        if (fd >= 0)
            close(fd);
        sl->spare_fd = open_spare();
    }
    if (!sl->watch.loop)
        return;
    struct loop *l = sl->watch.loop;
    if (!sl->told || l->now - sl->told >= TELL_US) {
        log_warn(l->log, "accepting rests, for 100 ms each time: %s", strerror(no));
        sl->told = l->now;
    }
    loop_rewatch(&sl->watch, 0);
    loop_timer(l, &sl->pause, PAUSE_US, on_pause_end);
    if (sl->on_full)
        sl->on_full(sl);
}

/* accept(2): a connection that is no more, which costs only itself. */
static bool is_of_one_connection(int no) {
    switch (no) {
    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT: return true;
    default: return false;
    }
}

/* False when the listener has been closed by its callback. */
static bool accept_some(struct sock_listener *sl, int max) {
    bool gone = false;
    sl->gone = &gone;
    for (int i = 0; i < max; i++) {
        struct addr peer;
        int fd = accept_one(sl, &peer);
        if (fd >= 0) {
            sl->cb(sl, fd, &peer);
            if (gone)
                return false;
        } else if (errno == EAGAIN) {
            break;
        } else if (!is_of_one_connection(errno)) {
            shed(sl, errno);
            break;
        }
    }
    sl->gone = NULL;
    return true;
}

static void on_ready(struct watch *w, unsigned ready) {
    accept_some(container_of(w, struct sock_listener, watch), ACCEPTS_PER_TURN);
}

void sock_listen_fd(struct sock_listener *sl, struct loop *l, int fd, sock_accept_f *cb, void *ctx) {
    *sl = (struct sock_listener){.cb = cb, .ctx = ctx, .addr = sock__local(fd), .fd = fd, .spare_fd = open_spare()};
    loop_watch(l, &sl->watch, fd, LOOP_IN, on_ready);
}

int sock_listen(struct sock_listener *sl, struct loop *l, const struct addr *a, const struct sock_listen_opts *opts,
                sock_accept_f *cb, void *ctx, struct err *e) {
    if (l->net) {
        *sl = (struct sock_listener){.cb = cb, .ctx = ctx, .addr = *a, .fd = -1, .spare_fd = -1, .net = l->net};
        return l->net->listen(l->net, sl, l, a, e);
    }
    struct addr bound;
    int fd = sock_bind(a, opts, &bound, e);
    if (fd < 0)
        return fd;
    sock_listen_fd(sl, l, fd, cb, ctx);
    return 0;
}

void sock_listener_drain(struct sock_listener *sl) {
    if (sl->net || (sl->watch.loop && accept_some(sl, ACCEPTS_PER_DRAIN)))
        sock_listener_close(sl);
}

void sock_listener_close(struct sock_listener *sl) {
    if (sl->net) {
        sl->net->unlisten(sl->net, sl);
        sl->net = NULL;
        return;
    }
    if (!sl->watch.loop)
        return;
    loop_timer_stop(sl->watch.loop, &sl->pause);
    loop_unwatch(&sl->watch);
    close(sl->fd);
    if (sl->spare_fd >= 0)
        close(sl->spare_fd);
    sl->fd = sl->spare_fd = -1;
    if (sl->gone)
        *sl->gone = true;
}
