// SPDX-License-Identifier: Apache-2.0
#include "io/transport.h"
#include "base/mem.h"
#include "io/loop.h"

ssize_t transport_write(struct transport *t, struct str s) {
    struct iovec iov = {.iov_base = (void *)s.ptr, .iov_len = s.len};
    return t->ops->writev(t, &iov, 1);
}

/* ---- one that never opens ---- */
struct broken {
    struct transport t;
    struct task task;
};

static struct broken *broken_of(struct transport *t) {
    return container_of(t, struct broken, t);
}

static void tell(struct task *task) {
    struct broken *b = container_of(task, struct broken, task);
    b->t.on_event(b->t.ctx, TR_FAIL);
}

static ssize_t refuse_read(struct transport *t, void *dst, size_t cap) {
    return t->error->code;
}

static ssize_t refuse_write(struct transport *t, const struct iovec *iov, int n) {
    return t->error->code;
}

static void ignore_want(struct transport *t, bool on) {
}

static void ignore_shutdown(struct transport *t) {
}

static void close_broken(struct transport *t) {
    struct broken *b = broken_of(t);
    loop_later_cancel(&b->task);
    free(b);
}

static const struct transport_ops broken_ops = {"broken", refuse_read, refuse_write, ignore_want, ignore_shutdown, close_broken};

struct transport *transport_broken(struct loop *l, int code, const char *why, transport_f *on_event, void *ctx) {
    struct broken *b = mem_new(struct broken);
    b->t = (struct transport){.ops = &broken_ops, .loop = l, .on_event = on_event, .ctx = ctx, .error = &err_none};
    err_note(&b->t.error, code, "%s", why);
    loop_later(l, &b->task, tell);
    return &b->t;
}

/* ---- all of them ---- */
void transport_take_addresses(struct transport *t, const struct transport *below) {
    struct addr local = addr_kept(&below->local), remote = addr_kept(&below->remote);
    addr_keep(&t->local, &local);
    addr_keep(&t->remote, &remote);
}

void transport_close(struct transport **t) {
    struct transport *gone = *t;
    *t = NULL;
    if (!gone)
        return;
    err_drop(&gone->error);
    addr_drop(&gone->local);
    addr_drop(&gone->remote);
    gone->ops->close(gone);
}
