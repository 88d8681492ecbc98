// SPDX-License-Identifier: Apache-2.0
#include "io/proxy_protocol.h"
#include "base/mem.h"

struct prefixed {
    struct transport t, *below;
    char head[PROXY_PROTOCOL_OUT];
    size_t left; /* octets of the header that have not left */
    size_t len;
};

static struct prefixed *of(struct transport *t) {
    return container_of(t, struct prefixed, t);
}

static void note(struct prefixed *p) {
    err_note(&p->t.error, p->below->error->code, "%s", p->below->error->msg);
}

static void tell(struct prefixed *p, unsigned events) {
    if (events & TR_FAIL)
        note(p);
    p->t.on_event(p->t.ctx, events);
}

/* It fits into the buffer of a fresh socket; where it does not, TR_WRITE comes. */
static void send_head(struct prefixed *p) {
    ssize_t n = transport_write(p->below, str_n(p->head + p->len - p->left, p->left));
    if (n < 0)
        return; /* AGAIN, or a failure that is told from the loop */
    p->left -= (size_t)n;
    if (p->left)
        return;
    transport_take_addresses(&p->t, p->below);
    tell(p, TR_OPEN);
}

static void on_below(void *ctx, unsigned events) {
    struct prefixed *p = ctx;
    if (!p->left || events & TR_FAIL)
        tell(p, events);
    else if (events & (TR_OPEN | TR_WRITE))
        send_head(p);
}

static ssize_t failed(struct prefixed *p, ssize_t n) {
    if (n < 0 && n != WEFT_E_AGAIN)
        note(p);
    return n;
}

static ssize_t prefixed_read(struct transport *t, void *dst, size_t cap) {
    ssize_t n = failed(of(t), transport_read(of(t)->below, dst, cap));
    if (n > 0)
        t->rx += (uint64_t)n;
    return n;
}

static ssize_t prefixed_writev(struct transport *t, const struct iovec *iov, int n) {
    struct prefixed *p = of(t);
    if (p->left)
        return WEFT_E_AGAIN;
    ssize_t sent = failed(p, transport_writev(p->below, iov, n));
    if (sent > 0)
        t->tx += (uint64_t)sent;
    return sent;
}

static void prefixed_want_read(struct transport *t, bool on) {
    transport_want_read(of(t)->below, on);
}

static void prefixed_shutdown(struct transport *t) {
    transport_shutdown(of(t)->below);
}

static void prefixed_close(struct transport *t) {
    struct prefixed *p = of(t);
    p->below->abort = t->abort;
    transport_close(&p->below);
    free(p);
}

static const struct transport_ops prefixed_ops = {
    .name = "proxy_protocol",
    .read = prefixed_read,
    .writev = prefixed_writev,
    .want_read = prefixed_want_read,
    .shutdown = prefixed_shutdown,
    .close = prefixed_close,
};

struct transport *proxy_protocol_client(struct transport **below, const struct proxy_head *head, transport_f *on_event,
                                        void *ctx) {
    struct prefixed *p = mem_new(struct prefixed);
    p->below = *below;
    *below = NULL;
    p->t = (struct transport){.ops = &prefixed_ops, .loop = p->below->loop, .on_event = on_event, .ctx = ctx, .error = &err_none};
    transport_take_addresses(&p->t, p->below);
    p->len = p->left = proxy_protocol_write(head, p->head);
    transport_bind(p->below, on_below, p);
    return &p->t;
}
