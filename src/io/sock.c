// SPDX-License-Identifier: Apache-2.0
#include "io/sock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"
#include "io/sock_int.h"

#define DIAL_TIMEOUT_US (5 * CLOCK_S)

struct dial {
    struct timer timeout;
    struct sock *s;
};

struct sock {
    struct transport t;
    struct watch watch;
    struct dial *dial; /* while CONNECTING; else NULL */
    struct task later; /* tells a failure that was found within a call of the owner's, and of octets that were put back */
    struct buf *ahead; /* put back: read before all else; else NULL */
    int fd;
    enum { CONNECTING, OPEN, FAILED } state;
    bool more;      /* sock_more */
    bool told;      /* TR_FAIL */
    bool want_read; /* the owner's wish */
    bool blocked;   /* a write was short: TR_WRITE is owed */
    bool eof;       /* the peer's end has been read */
    bool shut;      /* our end has been written, or will be on opening */
};

void sock__tcp_options(int fd) {
    int on = 1, idle = 60, interval = 15, count = 4; /* seconds: a silent dead peer is noticed after two minutes */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

struct addr sock__local(int fd) {
    struct addr a = {.len = sizeof a.sa};
    if (getsockname(fd, (struct sockaddr *)&a.sa, &a.len) < 0)
        a.len = 0;
    return a;
}

static void note_local(struct sock *s) {
    struct addr a = sock__local(s->fd);
    addr_keep(&s->t.local, &a);
}

static const struct transport_ops tcp_ops;

static struct sock *sock_of(struct transport *t) {
    return container_of(t, struct sock, t);
}

/* ---- failures ---- */

static void tell(struct sock *s, unsigned events) { /* the owner may close: nothing may follow */
    s->t.on_event(s->t.ctx, events);
}

static void set_want(struct sock *s) {
    unsigned want = 0;
    if (s->state == OPEN)
        want = (s->want_read && !s->eof ? LOOP_IN : 0) | (s->blocked ? LOOP_OUT : 0);
    if (s->watch.loop)
        loop_rewatch(&s->watch, want);
}

static void dial_over(struct sock *s) {
    if (s->dial)
        loop_timer_stop(s->t.loop, &s->dial->timeout);
    free(s->dial);
    s->dial = NULL;
}

static void fail(struct sock *s, int code, int no) {
    char peer[ADDR_TEXT];
    s->state = FAILED;
    dial_over(s);
    err_note(&s->t.error, code, "%s: %s", addr_kept_text(&s->t.remote, peer), no ? strerror(no) : err_text(code));
    loop_unwatch(&s->watch); /* nothing more to learn from it */
}

static void tell_fail(struct sock *s) {
    if (s->told)
        return;
    s->told = true;
    tell(s, TR_FAIL);
}

static void on_later(struct task *task) {
    struct sock *s = container_of(task, struct sock, later);
    if (s->state == FAILED)
        tell_fail(s);
    else if (s->want_read)
        tell(s, TR_READ);
}

/* A failure within a call of the owner's: the error is returned, the event comes from the loop. */
static int fail_in_call(struct sock *s, int code, int no) {
    fail(s, code, no);
    loop_later(s->t.loop, &s->later, on_later);
    return code;
}

static int dial_code(int no) {
    return no == ECONNREFUSED ? WEFT_E_REFUSED : no == ETIMEDOUT ? WEFT_E_CONNECT_TIMEOUT : WEFT_E_CONNECT;
}

static int stream_code(int no) {
    return no == ECONNRESET || no == EPIPE ? WEFT_E_RESET : no == ETIMEDOUT ? WEFT_E_TIMEOUT : WEFT_E_IO;
}

static int pending_error(const struct sock *s) {
    int no = 0;
    socklen_t len = sizeof no;
    return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &no, &len) < 0 ? errno : no;
}

/* ---- events ---- */

static void opened(struct sock *s) {
    s->state = OPEN;
    dial_over(s);
    note_local(s);
    if (s->shut)
        shutdown(s->fd, SHUT_WR);
    set_want(s);
}

static void on_dialled(struct sock *s) {
    int no = pending_error(s);
    if (no) {
        fail(s, dial_code(no), no);
        tell_fail(s);
        return;
    }
    opened(s);
    tell(s, TR_OPEN);
}

static void on_ready(struct watch *w, unsigned ready) {
    struct sock *s = container_of(w, struct sock, watch);
    if (s->state == CONNECTING) {
        on_dialled(s);
        return;
    }
    bool reading = s->want_read && !s->eof;
    unsigned events = ready & LOOP_IN ? TR_READ : 0;
    if (ready & LOOP_ERR && reading)
        events |= TR_READ; /* reading tells what it is */
    if (ready & (LOOP_OUT | LOOP_ERR) && s->blocked) {
        events |= TR_WRITE;
        s->blocked = false;
        set_want(s);
    }
    if (ready & LOOP_ERR && !events) {
        /* Nobody would read it. Without an error both sides have ended in order, and what was received can still be read. */
        int no = pending_error(s);
        if (no) {
            fail(s, stream_code(no), no);
            tell_fail(s);
        }
        return;
    }
    if (events)
        tell(s, events);
}

static void on_timeout(struct timer *timer) {
    struct sock *s = container_of(timer, struct dial, timeout)->s;
    fail(s, WEFT_E_CONNECT_TIMEOUT, 0);
    tell_fail(s);
}

/* ---- the transport's operations ---- */

static ssize_t receive(struct sock *s, void *dst, size_t cap, int flags) {
    if (s->state == CONNECTING)
        return WEFT_E_AGAIN;
    ssize_t n;
    do
        n = recv(s->fd, dst, cap, MSG_DONTWAIT | flags);
    while (n < 0 && errno == EINTR);
    if (s->state == FAILED && n <= 0) /* after a failed write, what the peer sent before it went is still there to be read */
        return s->t.error->code;
    if (n >= 0)
        return n;
    return errno == EAGAIN ? WEFT_E_AGAIN : fail_in_call(s, stream_code(errno), errno);
}

static void drop_ahead(struct sock *s) {
    if (s->ahead)
        buf_fini(s->ahead);
    free(s->ahead);
    s->ahead = NULL;
}

/* What was put back. The kernel does not know of it: that there is more, or the end, is told from the loop. */
static ssize_t read_ahead(struct sock *s, void *dst, size_t cap) {
    size_t n = s->ahead->len < cap ? s->ahead->len : cap;
    memcpy(dst, buf_str(s->ahead).ptr, n);
    buf_take(s->ahead, n);
    if (s->ahead->len == 0)
        drop_ahead(s);
    if (s->state != FAILED && (s->ahead || s->eof))
        loop_later(s->t.loop, &s->later, on_later);
    return (ssize_t)n;
}

void sock_unread(struct transport *t, struct str octets) {
    struct sock *s = sock_of(t);
    WEFT_ASSERT(!s->ahead);
    if (octets.len == 0)
        return;
    s->ahead = mem_new(struct buf);
    buf_add(s->ahead, octets);
    t->rx -= octets.len;
    if (s->state != FAILED)
        loop_later(t->loop, &s->later, on_later);
}

static ssize_t sock_read(struct transport *t, void *dst, size_t cap) {
    struct sock *s = sock_of(t);
    if (cap == 0)
        return WEFT_E_AGAIN;
    if (s->ahead) {
        ssize_t n = read_ahead(s, dst, cap);
        t->rx += (uint64_t)n;
        return n;
    }
    if (s->eof)
        return 0;
    ssize_t n = receive(s, dst, cap, 0);
    if (n > 0) {
        t->rx += (uint64_t)n;
    } else if (n == 0) {
        s->eof = true;
        set_want(s);
    }
    return n;
}

ssize_t sock_peek(struct transport *t, void *dst, size_t cap) {
    return receive(sock_of(t), dst, cap, MSG_PEEK);
}

void sock_more(struct transport *t, bool on) {
    sock_of(t)->more = on;
}

bool sock_original_dst(struct transport *t) {
    struct addr a = {.len = sizeof a.sa}, local = addr_kept(&t->local);
    bool six = local.sa.ss_family == AF_INET6;
    /* linux/netfilter_ipv4.h and _ipv6/ip6_tables.h: 80 both */
    if (getsockopt(sock_of(t)->fd, six ? IPPROTO_IPV6 : IPPROTO_IP, 80, &a.sa, &a.len) < 0 || addr_eq(&a, &local))
        return false;
    addr_keep(&t->local, &a);
    return true;
}

bool sock_can_splice(const struct transport *t) {
    return t->ops == &tcp_ops && !container_of(t, const struct sock, t)->ahead;
}

ssize_t sock_splice_in(struct transport *t, int pipe_wr, size_t max) {
    struct sock *s = sock_of(t);
    if (s->state == FAILED)
        return t->error->code;
    if (s->eof)
        return 0;
    ssize_t n;
    do
        n = splice(s->fd, NULL, pipe_wr, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? WEFT_E_AGAIN : fail_in_call(s, stream_code(errno), errno);
    if (n == 0) {
        s->eof = true;
        set_want(s);
    }
    t->rx += (uint64_t)n;
    return n;
}

ssize_t sock_splice_out(struct transport *t, int pipe_rd, size_t n) {
    struct sock *s = sock_of(t);
    if (s->state == FAILED)
        return t->error->code;
    if (s->shut)
        return WEFT_E_CLOSED;
    if (s->blocked)
        return WEFT_E_AGAIN;
    ssize_t sent;
    do
        sent = splice(pipe_rd, NULL, s->fd, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        return fail_in_call(s, stream_code(errno), errno);
    if (sent < (ssize_t)n) {
        s->blocked = true;
        set_want(s);
    }
    if (sent < 0)
        return WEFT_E_AGAIN;
    t->tx += (uint64_t)sent;
    return sent;
}

static ssize_t sock_writev(struct transport *t, const struct iovec *iov, int n) {
    struct sock *s = sock_of(t);
    if (s->state == FAILED)
        return t->error->code;
    if (s->shut)
        return WEFT_E_CLOSED;
    if (s->state == CONNECTING || s->blocked)
        return WEFT_E_AGAIN;
    size_t all = 0;
    for (int i = 0; i < n; i++)
        all += iov[i].iov_len;
    if (all == 0)
        return 0;
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)(n < IOV_MAX ? n : IOV_MAX)};
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (s->more ? MSG_MORE : 0);
    ssize_t sent;
    do /* one piece, as nearly always, needs no message header, which the kernel would copy and check */
        sent = n == 1 ? send(s->fd, iov->iov_base, all, flags) : sendmsg(s->fd, &msg, flags);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        return fail_in_call(s, stream_code(errno), errno);
    if (sent < 0 || (size_t)sent < all) {
        s->blocked = true;
        set_want(s);
    }
    if (sent < 0)
        return WEFT_E_AGAIN;
    t->tx += (uint64_t)sent;
    return sent;
}

static void sock_want_read(struct transport *t, bool on) {
    struct sock *s = sock_of(t);
    s->want_read = on;
    if (s->state != OPEN)
        return;
    set_want(s);
    if (on && s->ahead)
        loop_later(t->loop, &s->later, on_later);
}

static void sock_shutdown(struct transport *t) {
    struct sock *s = sock_of(t);
    if (s->shut)
        return;
    s->shut = true;
    if (s->state != OPEN)
        return;
    s->blocked = false; /* what waits for room is the owner's, and it has just said that this was all */
    set_want(s);
    shutdown(s->fd, SHUT_WR);
}

static void sock_close(struct transport *t) {
    struct sock *s = sock_of(t);
    dial_over(s);
    loop_later_cancel(&s->later);
    loop_unwatch(&s->watch);
    drop_ahead(s);
    if (s->fd >= 0 && t->abort)
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger)); /* close resets */
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static const struct transport_ops tcp_ops = {
    .name = "tcp",
    .read = sock_read,
    .writev = sock_writev,
    .want_read = sock_want_read,
    .shutdown = sock_shutdown,
    .close = sock_close,
};

/* ---- making them ---- */

static struct sock *make(struct loop *l, int fd, const struct addr *remote, transport_f *on_event, void *ctx) {
    struct sock *s = mem_new(struct sock);
    s->t = (struct transport){.ops = &tcp_ops, .loop = l, .on_event = on_event, .ctx = ctx, .error = &err_none};
    addr_keep(&s->t.remote, remote);
    s->fd = fd; /* -1: the dial failed already */
    s->want_read = true;
    return s;
}

struct transport *sock_dial(struct loop *l, const struct addr *a, uint64_t timeout_us, transport_f *on_event, void *ctx) {
    if (l->net)
        return l->net->dial(l->net, l, a, timeout_us ? timeout_us : DIAL_TIMEOUT_US, on_event, ctx);
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sock *s = make(l, fd, a, on_event, ctx);
    if (fd < 0) {
        fail_in_call(s, WEFT_E_CONNECT, errno);
        return &s->t;
    }
    if (a->sa.ss_family != AF_UNIX)
        sock__tcp_options(fd);
    /* connected at once (Unix sockets): that it can be written to tells so in the next turn */
    if (connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0 || errno == EINPROGRESS) {
        loop_watch(l, &s->watch, fd, LOOP_OUT, on_ready);
        s->dial = mem_new(struct dial);
        s->dial->s = s;
        loop_timer(l, &s->dial->timeout, timeout_us ? timeout_us : DIAL_TIMEOUT_US, on_timeout);
    } else {
        fail_in_call(s, dial_code(errno), errno);
    }
    return &s->t;
}

struct transport *sock_adopt(struct loop *l, int fd, const struct addr *peer, transport_f *on_event, void *ctx) {
    if (l->net)
        return l->net->adopt(l->net, l, fd, peer, on_event, ctx);
    struct sock *s = make(l, fd, peer, on_event, ctx);
    s->state = OPEN;
    note_local(s);
    loop_watch(l, &s->watch, fd, LOOP_IN, on_ready);
    return &s->t;
}

int sock_source_for(const struct addr *a, struct addr *source, struct err *e) {
    char text[ADDR_TEXT];
    if (a->sa.ss_family == AF_UNIX)
        return err_set(e, WEFT_E_INVALID, "no source address towards %s", addr_text(a, text));
    int fd = socket(a->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), no = 0;
    struct addr to = *a;
    if (addr_port(&to) == 0)
        addr_set_port(&to, 9); /* the kernel wants one; nothing is sent */
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to.sa, to.len) < 0)
        no = errno;
    else
        *source = sock__local(fd);
    if (fd >= 0)
        close(fd);
    if (no || source->len == 0)
        return err_set(e, WEFT_E_CONNECT, "no route to %s: %s", addr_text(a, text), strerror(no));
    addr_set_port(source, 0);
    return 0;
}
