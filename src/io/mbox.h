// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mbox: messages from any thread to one loop: a lock-free queue and an eventfd. Sending wakes the loop once per batch.
 * The sender gives the message away; the receiver owns it in its callback. Order per sender is kept.
 * Model: h2o's multithread.h. Tests: tests/unit/io/mbox.c (also under TSan) */
#include <stdatomic.h>
#include "io/loop.h"

struct mbox_msg { /* embed as the first thing of a message */
    _Atomic(struct mbox_msg *) next;
};
struct mbox;
typedef void mbox_f(struct mbox *m, struct mbox_msg *msg); /* on the receiver's loop */

struct mbox {
    struct watch watch;
    mbox_f *cb;
    void *ctx;                       /* the receiver's */
    _Atomic(struct mbox_msg *) head; /* private */
    int fd;                          /* private */
};

int mbox_init(struct mbox *m, struct loop *l, mbox_f *cb, void *ctx, struct err *e) __attribute__((warn_unused_result));
void mbox_send(struct mbox *m, struct mbox_msg *msg); /* Threads: any */
/* Delivers what is still queued, then closes. No thread may send any more; not from the mailbox's own callback. */
void mbox_fini(struct mbox *m);
