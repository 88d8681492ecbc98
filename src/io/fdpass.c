// SPDX-License-Identifier: Apache-2.0
#include "io/fdpass.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "io/sock_int.h"

#define KIND (SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK)

void fdpass_fini(struct fdpass_msg *m) {
    while (m->n_fds)
        close(m->fds[--m->n_fds]);
    buf_fini(&m->text);
}

static int os_error(struct err *e, const char *what, struct str path) {
    int no = errno;
    int code = no == ENOENT || no == ECONNREFUSED ? WEFT_E_NOT_FOUND : no == EACCES || no == EPERM ? WEFT_E_DENIED : WEFT_E_IO;
    return err_set(e, code, "cannot %s " STR_FMT ": %s", what, STR_ARG(path), strerror(no));
}

int fdpass_pair(int fds[2], struct err *e) {
    return socketpair(AF_UNIX, KIND, 0, fds) < 0 ? os_error(e, "make", STR("a socket pair")) : 0;
}

static int int_option(int fd, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

bool fdpass_adopt(int fd) {
    return int_option(fd, SO_DOMAIN) == AF_UNIX && int_option(fd, SO_TYPE) == SOCK_SEQPACKET &&
           int_option(fd, SO_ACCEPTCONN) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool fdpass_is_listener(int fd, struct addr *where) {
    *where = sock__local(fd);
    return int_option(fd, SO_TYPE) == SOCK_STREAM && int_option(fd, SO_ACCEPTCONN) == 1 && where->len > 0;
}

/* ---- by path ---- */

static int unix_addr(struct sockaddr_un *un, struct str path, struct err *e) {
    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path.len == 0 || path.len >= sizeof un->sun_path || memchr(path.ptr, 0, path.len))
        return err_set(e, WEFT_E_INVALID, "a socket's path has 1 to %zu octets", sizeof un->sun_path - 1);
    memcpy(un->sun_path, path.ptr, path.len);
    return 0;
}

static bool is_ours(int fd) {
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static int denied(int fd, struct err *e, struct str path) {
    close(fd);
    return err_set(e, WEFT_E_DENIED, STR_FMT ": the process at the other end is of another user", STR_ARG(path));
}

int fdpass_connect(struct str path, struct err *e) {
    struct sockaddr_un un;
    int rc = unix_addr(&un, path, e), fd = rc < 0 ? -1 : socket(AF_UNIX, KIND, 0);
    if (rc < 0)
        return rc;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&un, sizeof un) < 0) {
        rc = os_error(e, "connect to", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    return is_ours(fd) ? fd : denied(fd, e, path);
}

int fdpass_listen(struct str path, struct err *e) {
    struct sockaddr_un un;
    struct stat st;
    int rc = unix_addr(&un, path, e), other = rc < 0 ? rc : fdpass_connect(path, NULL);
    if (rc < 0)
        return rc;
    if (other >= 0) {
        close(other);
        return err_set(e, WEFT_E_EXISTS, STR_FMT ": another process listens there", STR_ARG(path));
    }
    if (other == WEFT_E_NOT_FOUND && lstat(un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(un.sun_path);
    int fd = socket(AF_UNIX, KIND, 0);
    /* The mode before bind: the file is never there with another one (unix(7) makes it from the socket's own). */
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&un, sizeof un) < 0 || listen(fd, 8) < 0) {
        rc = os_error(e, "listen at", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    return fd;
}

int fdpass_accept(int listener, struct err *e) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), no = errno;
    if (fd < 0 && (no == EAGAIN || no == EINTR || no == ECONNABORTED))
        return err_set(e, WEFT_E_AGAIN, "nobody to accept: %s", strerror(no));
    if (fd < 0)
        return err_set(e, WEFT_E_LIMIT, "cannot accept: %s", strerror(no));
    return is_ours(fd) ? fd : denied(fd, e, STR("takeover"));
}

/* ---- messages ---- */

union control { /* aligned as the kernel wants it */
    struct cmsghdr h;
    char mem[CMSG_SPACE(FDPASS_FDS * sizeof(int))];
};

int fdpass_send(int fd, struct str text, const int *fds, unsigned n, struct err *e) {
    union control c = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text.ptr, .iov_len = text.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n > FDPASS_FDS || text.len == 0 || text.len > FDPASS_TEXT)
        return err_set(e, WEFT_E_LIMIT, "a message of %zu octets and %u descriptors", text.len, n);
    if (n) {
        c.h = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
        memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
        msg.msg_control = &c;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    int code = errno == EAGAIN || errno == ETOOMANYREFS ? WEFT_E_AGAIN
               : errno == EPIPE || errno == ECONNRESET  ? WEFT_E_CLOSED
                                                        : WEFT_E_IO;
    return err_set(e, code, "cannot send: %s", strerror(errno));
}

static void take_fds(struct fdpass_msg *m, struct msghdr *msg) {
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
            if (m->n_fds < FDPASS_FDS)
                m->fds[m->n_fds++] = fd;
            else
                close(fd);
        }
    }
}

int fdpass_recv(int fd, struct fdpass_msg *m, int wait_ms, struct err *e) {
    union control c;
    struct iovec iov = {.iov_base = buf_room(&m->text, FDPASS_TEXT), .iov_len = FDPASS_TEXT};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = wait_ms ? poll(&readable, 1, wait_ms) : 1;
    while (ready < 0 && errno == EINTR);
    ssize_t n = ready > 0 ? recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : -1;
    if (ready == 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return err_set(e, WEFT_E_AGAIN, "no answer");
    if (n < 0 && errno == ECONNRESET)
        n = 0;
    if (n < 0)
        return err_set(e, WEFT_E_IO, "cannot receive: %s", strerror(errno));
    take_fds(m, &msg);
    if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        fdpass_fini(m);
        return err_set(e, WEFT_E_TOO_LARGE, "a message was cut short (too many open files?)");
    }
    buf_added(&m->text, (size_t)n);
    return n > 0;
}
