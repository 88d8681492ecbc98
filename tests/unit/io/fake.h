// SPDX-License-Identifier: Apache-2.0
#pragma once
/* fake: a transport in memory, for the tests of what stands above one: the test says what is read, how much may be written, and
 * when it breaks. */
#include "base/buf.h"
#include "base/mem.h"
#include "io/transport.h"

struct fake {
    struct transport t;
    struct buf in, out; /* to be read; written */
    bool in_ended;      /* after `in` comes the end */
    size_t room;        /* octets that may still be written */
    int broken;         /* a WEFT_E: what every call says */
    bool want_read, shut, closed, aborted;
};

static inline struct fake *fake_of(struct transport *t) {
    return container_of(t, struct fake, t);
}
static ssize_t fake_read(struct transport *t, void *dst, size_t cap) {
    struct fake *f = fake_of(t);
    if (f->broken)
        return f->broken;
    size_t n = f->in.len < cap ? f->in.len : cap;
    if (!n)
        return f->in_ended ? 0 : WEFT_E_AGAIN;
    memcpy(dst, buf_str(&f->in).ptr, n);
    buf_take(&f->in, n);
    return (ssize_t)n;
}
static ssize_t fake_writev(struct transport *t, const struct iovec *iov, int count) {
    struct fake *f = fake_of(t);
    size_t sent = 0;
    if (f->broken)
        return f->broken;
    for (int i = 0; i < count; i++) {
        size_t n = iov[i].iov_len < f->room ? iov[i].iov_len : f->room;
        buf_add(&f->out, str_n(iov[i].iov_base, n));
        f->room -= n;
        sent += n;
    }
    return sent ? (ssize_t)sent : WEFT_E_AGAIN;
}
static void fake_want_read(struct transport *t, bool on) {
    fake_of(t)->want_read = on;
}
static void fake_shutdown(struct transport *t) {
    fake_of(t)->shut = true;
}
static void fake_close(struct transport *t) {
    fake_of(t)->closed = true;
    fake_of(t)->aborted = t->abort;
}
static const struct transport_ops fake_ops = {.name = "fake",
                                              .read = fake_read,
                                              .writev = fake_writev,
                                              .want_read = fake_want_read,
                                              .shutdown = fake_shutdown,
                                              .close = fake_close};

static inline void fake_init(struct fake *f, struct loop *l, size_t room) {
    *f = (struct fake){.room = room, .want_read = true};
    f->t = (struct transport){.ops = &fake_ops, .loop = l, .error = &err_none};
}
static inline void fake_fini(struct fake *f) {
    buf_fini(&f->in);
    buf_fini(&f->out);
    err_drop(&f->t.error);
}
static inline void fake_tell(struct fake *f, unsigned events) {
    f->t.on_event(f->t.ctx, events);
}
static inline void fake_break(struct fake *f, int code) {
    f->broken = code;
    err_note(&f->t.error, code, "%s", err_text(code));
}
