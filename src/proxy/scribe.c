// SPDX-License-Identifier: Apache-2.0
#include "proxy/scribe.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "io/mbox.h"

#define OPEN_AGAIN_US CLOCK_S
#define LAST_MS 1000 /* for what is left to write, at the end */

struct scribe {
    struct loop loop;
    struct mbox mbox;
    pthread_t thread;
    int ended[2]; /* a pipe whose writing end the thread closes when it has nothing left to do */
    char *path;   /* owned; NULL: the descriptor is borrowed */
    int fd;       /* < 0: it could not be opened, and is tried again then */
    uint64_t again;
    bool mid_line;         /* the last write ended within a line */
    atomic_size_t waiting; /* octets given and not yet written */
    _Atomic uint64_t lost; /* lines, not yet told to a giver */
};

enum batch_kind { BATCH_LINES, BATCH_REOPEN, BATCH_LAST };
struct batch {
    struct mbox_msg msg;
    enum batch_kind kind;
    struct buf lines;
};

/* What could not be written. */
static struct str write_all(int fd, struct str s) {
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n <= 0)
            break; /* nobody reads any more, or there is no room */
        s = str_from(s, (size_t)n);
    }
    return s;
}

static uint64_t count_lines(struct str s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\n';
    return n;
}

/* Never waits: a FIFO that nobody reads cannot be opened, and one whose reader is slow takes what it takes. */
static void open_file(struct scribe *s) {
    int fd = open(s->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, SCRIBE_MODE);
    s->again = s->loop.now + OPEN_AGAIN_US;
    if (fd < 0)
        return; /* the last one goes on, if there is one */
    if (s->fd >= 0)
        close(s->fd);
    s->fd = fd;
    s->mid_line = false;
}

static void put(struct scribe *s, struct str lines) {
    if (s->fd < 0 && s->path && s->loop.now >= s->again)
        open_file(s);
    struct str rest = lines;
    if (s->fd >= 0 && !(s->mid_line && write_all(s->fd, STR("\n")).len)) {
        rest = write_all(s->fd, lines);
        s->mid_line = rest.len < lines.len ? lines.ptr[lines.len - rest.len - 1] != '\n' : false;
    }
    if (rest.len)
        atomic_fetch_add_explicit(&s->lost, count_lines(rest), memory_order_relaxed);
}

static void on_batch(struct mbox *m, struct mbox_msg *msg) {
    struct scribe *s = m->ctx;
    struct batch *b = container_of(msg, struct batch, msg);
    if (b->kind == BATCH_REOPEN)
        open_file(s);
    else if (b->kind == BATCH_LAST)
        loop_stop(&s->loop);
    else
        put(s, buf_str(&b->lines));
    atomic_fetch_sub_explicit(&s->waiting, b->lines.len, memory_order_relaxed);
    buf_fini(&b->lines);
    free(b);
}

static void *run(void *arg) {
    struct scribe *s = arg;
    loop_run(&s->loop);
    close(s->ended[1]);
    s->ended[1] = -1;
    return NULL;
}

static void close_loop(struct scribe *s) {
    mbox_fini(&s->mbox);
    loop_fini(&s->loop);
    if (s->path && s->fd >= 0)
        close(s->fd);
    for (int i = 0; i < 2; i++)
        if (s->ended[i] >= 0)
            close(s->ended[i]);
    free(s->path);
    free(s);
}

static void send(struct scribe *s, enum batch_kind kind, struct buf lines) {
    struct batch *b = mem_new(struct batch);
    b->kind = kind;
    b->lines = lines;
    mbox_send(&s->mbox, &b->msg);
}

static int start(struct scribe **out, struct scribe *s, struct err *e) {
    int rc = loop_init(&s->loop, &(struct loop_cfg){0}, e);
    if (rc >= 0 && (rc = mbox_init(&s->mbox, &s->loop, on_batch, s, e)) < 0)
        loop_fini(&s->loop);
    if (rc < 0) {
        free(s->path);
        free(s);
        return rc;
    }
    s->ended[0] = s->ended[1] = -1;
    if (pipe2(s->ended, O_CLOEXEC) < 0 || pthread_create(&s->thread, NULL, run, s) != 0) {
        close_loop(s);
        return err_set(e, WEFT_E_LIMIT, "no thread for the access log");
    }
    *out = s;
    return 0;
}

int scribe_new(struct scribe **out, int fd, struct err *e) {
    struct scribe *s = mem_new(struct scribe);
    s->fd = fd;
    return start(out, s, e);
}

int scribe_file(struct scribe **out, struct str path, struct err *e) {
    struct scribe *s = mem_new(struct scribe);
    s->fd = -1;
    s->path = mem_strdup(path);
    int rc = start(out, s, e);
    if (rc >= 0)
        scribe_reopen(s); /* it is there from the start on, with lines or without */
    return rc;
}

void scribe_reopen(struct scribe *s) {
    if (s->path)
        send(s, BATCH_REOPEN, (struct buf){0});
}

uint64_t scribe_write(struct scribe *s, struct buf *lines) {
    uint64_t lost = atomic_exchange_explicit(&s->lost, 0, memory_order_relaxed);
    size_t waiting = atomic_fetch_add_explicit(&s->waiting, lines->len, memory_order_relaxed);
    if (waiting + lines->len > SCRIBE_MAX) {
        atomic_fetch_sub_explicit(&s->waiting, lines->len, memory_order_relaxed);
        lost += count_lines(buf_str(lines));
        buf_cut(lines, 0);
        return lost;
    }
    send(s, BATCH_LINES, *lines);
    *lines = (struct buf){0};
    return lost;
}

void scribe_free(struct scribe **sp) {
    struct scribe *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    send(s, BATCH_LAST, (struct buf){0});
    if (poll(&(struct pollfd){.fd = s->ended[0], .events = POLLIN}, 1, LAST_MS) == 1 && pthread_join(s->thread, NULL) == 0)
        close_loop(s);
    else
        pthread_detach(s->thread); /* it hangs in a write: its memory stays with it until the process ends */
}
