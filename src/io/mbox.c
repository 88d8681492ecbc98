// SPDX-License-Identifier: Apache-2.0
#include "io/mbox.h"
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/err.h"

/* Takes everything there is, oldest first: senders push on a stack, which is turned over here. */
static struct mbox_msg *take_all(struct mbox *m) {
    struct mbox_msg *newest = atomic_exchange_explicit(&m->head, NULL, memory_order_acquire), *oldest = NULL;
    while (newest) {
        struct mbox_msg *next = atomic_load_explicit(&newest->next, memory_order_relaxed);
        atomic_store_explicit(&newest->next, oldest, memory_order_relaxed);
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void deliver(struct mbox *m) {
    struct mbox_msg *msg = take_all(m);
    while (msg) {
        struct mbox_msg *next = atomic_load_explicit(&msg->next, memory_order_relaxed); /* the callee frees msg */
        m->cb(m, msg);
        msg = next;
    }
}

static void on_signal(struct watch *w, unsigned ready) {
    struct mbox *m = container_of(w, struct mbox, watch);
    eventfd_t count;
    eventfd_read(m->fd, &count); /* before taking: who finds the stack empty after that signals anew */
    deliver(m);
}

int mbox_init(struct mbox *m, struct loop *l, mbox_f *cb, void *ctx, struct err *e) {
    *m = (struct mbox){.cb = cb, .ctx = ctx, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (m->fd < 0)
        return err_set(e, WEFT_E_IO, "cannot make a mailbox: %s", strerror(errno));
    loop_watch(l, &m->watch, m->fd, LOOP_IN, on_signal);
    return 0;
}

void mbox_send(struct mbox *m, struct mbox_msg *msg) {
    struct mbox_msg *top = atomic_load_explicit(&m->head, memory_order_relaxed);
    do
        atomic_store_explicit(&msg->next, top, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&m->head, &top, msg, memory_order_release, memory_order_relaxed));
    if (!top) /* the first of a batch: the others ride along */
        eventfd_write(m->fd, 1);
}

void mbox_fini(struct mbox *m) {
    if (m->fd < 0)
        return;
    while (atomic_load_explicit(&m->head, memory_order_relaxed))
        deliver(m);
    loop_unwatch(&m->watch);
    close(m->fd);
    m->fd = -1;
}
