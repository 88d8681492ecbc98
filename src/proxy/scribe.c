// SPDX-License-Identifier: Apache-2.0
#include "proxy/scribe.h"
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#include "io/mbox.h"

struct scribe {
    struct loop loop;
    struct mbox mbox;
    pthread_t thread;
    int fd;
    atomic_size_t waiting; /* octets given and not yet written */
};

struct batch {
    struct mbox_msg msg;
    bool last;
    struct buf lines;
};

static void write_all(int fd, struct str s) {
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n <= 0)
            return; /* nobody reads any more: there is no one to tell */
        s = str_from(s, (size_t)n);
    }
}

static void on_batch(struct mbox *m, struct mbox_msg *msg) {
    struct scribe *s = m->ctx;
    struct batch *b = container_of(msg, struct batch, msg);
    write_all(s->fd, buf_str(&b->lines));
    atomic_fetch_sub_explicit(&s->waiting, b->lines.len, memory_order_relaxed);
    if (b->last)
        loop_stop(&s->loop);
    buf_fini(&b->lines);
    free(b);
}

static void *run(void *arg) {
    loop_run(&((struct scribe *)arg)->loop);
    return NULL;
}

static void close_loop(struct scribe *s) {
    mbox_fini(&s->mbox);
    loop_fini(&s->loop);
    free(s);
}

int scribe_new(struct scribe **out, int fd, struct err *e) {
    struct scribe *s = mem_new(struct scribe);
    s->fd = fd;
    int rc = loop_init(&s->loop, &(struct loop_cfg){0}, e);
    if (rc < 0) {
        free(s);
        return rc;
    }
    if ((rc = mbox_init(&s->mbox, &s->loop, on_batch, s, e)) < 0) {
        loop_fini(&s->loop);
        free(s);
        return rc;
    }
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        close_loop(s);
        return err_set(e, WEFT_E_LIMIT, "no thread for the access log");
    }
    *out = s;
    return 0;
}

bool scribe_write(struct scribe *s, struct buf *lines) {
    size_t waiting = atomic_fetch_add_explicit(&s->waiting, lines->len, memory_order_relaxed);
    if (waiting + lines->len > SCRIBE_MAX) {
        atomic_fetch_sub_explicit(&s->waiting, lines->len, memory_order_relaxed);
        buf_cut(lines, 0);
        return false;
    }
    struct batch *b = mem_new(struct batch);
    b->lines = *lines;
    *lines = (struct buf){0};
    mbox_send(&s->mbox, &b->msg);
    return true;
}

void scribe_free(struct scribe **sp) {
    struct scribe *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    struct batch *b = mem_new(struct batch);
    b->last = true;
    mbox_send(&s->mbox, &b->msg);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_timedjoin_np(s->thread, NULL, &until) == 0)
        close_loop(s);
    else
        pthread_detach(s->thread); /* it hangs in a write: its memory stays with it until the process ends */
}
