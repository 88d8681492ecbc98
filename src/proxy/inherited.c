// SPDX-License-Identifier: Apache-2.0
#include "proxy/inherited.h"
#include <stdlib.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/fdpass.h"

#define ANSWER_MS 10000

struct heirloom { /* one message of sockets */
    enum takeover_kind kind;
    char *name;
    struct addr addr; /* of the sockets; len 0: not sockets */
    int fds[FDPASS_FDS];
    unsigned n_fds;
};

struct inherited {
    int fd;
    struct loop *loop; /* from inherited_watch on */
    struct watch watch;
    struct heirloom *at;
    size_t n, cap;
    struct inherited_cb cb;
    bool ready, alone; /* we serve; the older one has said all, or has ended */
};

/* ---- finding ---- */
int inherited_find(const char *path, struct err *e) {
    const char *text = getenv(TAKEOVER_FD_ENV);
    uint64_t fd;
    if (text) {
        bool good = str_u64(str_of(text), 65535, &fd) && fdpass_adopt((int)fd);
        unsetenv(TAKEOVER_FD_ENV); /* not for our own children */
        return good ? (int)fd : err_set(e, WEFT_E_INVALID, TAKEOVER_FD_ENV ": no descriptor of a running proxy");
    }
    if (!path)
        return err_set(e, WEFT_E_NOT_FOUND, "nobody to take over from");
    return fdpass_connect(str_of(path), e);
}

/* ---- receiving ---- */
static int send_msg(int fd, const struct takeover_msg *m, struct err *e) {
    struct buf text = {0};
    takeover_msg_write(m, &text);
    int rc = fdpass_send(fd, buf_str(&text), NULL, 0, e);
    buf_fini(&text);
    return rc;
}

/* The next message, which must be of that type. `f` holds its descriptors, `mem` its text. */
static int expect(struct inherited *in, enum takeover_type type, struct takeover_msg *m, struct fdpass_msg *f, struct buf *mem,
                  struct err *e) {
    int rc = fdpass_recv(in->fd, f, ANSWER_MS, e);
    if (rc == 0)
        rc = err_set(e, WEFT_E_CLOSED, "it has ended the connection");
    if (rc > 0)
        rc = takeover_msg_read(m, buf_str(&f->text), mem, e);
    if (rc >= 0 && m->type == TAKEOVER_CANCEL)
        return err_set(e, WEFT_E_CANCELLED, STR_FMT, STR_ARG(m->text));
    if (rc >= 0 && m->type != type)
        return err_set(e, WEFT_E_PROTOCOL, "it says what is not to be said now");
    return rc;
}

static int read_offer(struct inherited *in, unsigned *sockets, struct err *e) {
    struct takeover_msg m;
    struct fdpass_msg f = {0};
    struct buf mem = {0};
    int rc = expect(in, TAKEOVER_OFFER, &m, &f, &mem, e);
    if (rc >= 0 && m.protocol != TAKEOVER_PROTOCOL)
        rc = err_set(e, WEFT_E_VERSION, "it speaks protocol %u, this one %u", m.protocol, TAKEOVER_PROTOCOL);
    if (rc >= 0)
        *sockets = m.sockets;
    buf_fini(&mem);
    fdpass_fini(&f);
    return rc;
}

static int keep(struct inherited *in, const struct takeover_msg *m, struct fdpass_msg *f, struct err *e) {
    struct addr addr = {0};
    bool sockets = m->kind == TAKEOVER_LISTENER || m->kind == TAKEOVER_ADMIN;
    if (f->n_fds == 0 || (!sockets && f->n_fds != 1))
        return err_set(e, WEFT_E_PROTOCOL, STR_FMT " came with %u descriptors", STR_ARG(m->text), f->n_fds);
    for (unsigned i = 0; sockets && i < f->n_fds; i++)
        if (!fdpass_is_listener(f->fds[i], &addr))
            return err_set(e, WEFT_E_PROTOCOL, STR_FMT " came with what is no listening socket", STR_ARG(m->text));
    mem_grow((void **)&in->at, &in->cap, in->n + 1, sizeof(*in->at));
    struct heirloom *h = &in->at[in->n++];
    *h = (struct heirloom){.kind = m->kind, .name = mem_strdup(m->text), .addr = addr, .n_fds = f->n_fds};
    memcpy(h->fds, f->fds, f->n_fds * sizeof(int));
    f->n_fds = 0;
    return 0;
}

static int read_socket(struct inherited *in, struct err *e) {
    struct takeover_msg m;
    struct fdpass_msg f = {0};
    struct buf mem = {0};
    int rc = expect(in, TAKEOVER_SOCKET, &m, &f, &mem, e);
    if (rc >= 0)
        rc = keep(in, &m, &f, e);
    buf_fini(&mem);
    fdpass_fini(&f);
    return rc;
}

int inherited_receive(struct inherited **out, int fd, struct err *e) {
    struct inherited *in = mem_new(struct inherited);
    unsigned sockets = 0;
    in->fd = fd;
    struct takeover_msg hello = {
        .type = TAKEOVER_HELLO, .protocol = TAKEOVER_PROTOCOL, .pid = (unsigned)getpid(), .text = STR(WEFT_VERSION)};
    int rc = send_msg(fd, &hello, e);
    if (rc >= 0)
        rc = read_offer(in, &sockets, e);
    for (unsigned i = 0; rc >= 0 && i < sockets; i++)
        rc = read_socket(in, e);
    if (rc < 0) {
        inherited_free(&in);
        return err_in(e, "taking over from the running proxy");
    }
    *out = in;
    return 0;
}

/* ---- taking ---- */
static bool same_place(const struct heirloom *h, struct str name, const struct addr *want) {
    if (addr_eq(&h->addr, want))
        return true;
    struct addr any = h->addr;
    addr_set_port(&any, 0);
    return addr_port(want) == 0 && want->sa.ss_family != AF_UNIX && str_eq(str_of(h->name), name) && addr_eq(&any, want);
}

unsigned inherited_take(struct inherited *in, enum takeover_kind kind, struct str name, const struct addr *want, int *fds) {
    for (size_t i = 0; in && i < in->n; i++) {
        struct heirloom *h = &in->at[i];
        if (h->kind != kind || !h->n_fds || !same_place(h, name, want))
            continue;
        unsigned n = h->n_fds;
        memcpy(fds, h->fds, n * sizeof(int));
        h->n_fds = 0;
        return n;
    }
    return 0;
}

int inherited_take_one(struct inherited *in, enum takeover_kind kind, struct str name) {
    for (size_t i = 0; in && i < in->n; i++) {
        struct heirloom *h = &in->at[i];
        if (h->kind == kind && h->n_fds == 1 && str_eq(str_of(h->name), name)) {
            h->n_fds = 0;
            return h->fds[0];
        }
    }
    return -1;
}

/* ---- the end of it ---- */
static void let_go(struct inherited *in) {
    for (size_t i = 0; i < in->n; i++) {
        while (in->at[i].n_fds)
            close(in->at[i].fds[--in->at[i].n_fds]);
        free(in->at[i].name);
    }
    free(in->at);
    in->at = NULL;
    in->n = in->cap = 0;
}

static void hang_up(struct inherited *in) {
    if (in->loop)
        loop_unwatch(&in->watch);
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

/* Its end without a word: it has died, and all is ours. */
static void on_gone(struct inherited *in) {
    hang_up(in);
    in->alone = true;
    if (in->ready)
        in->cb.on_ours(in->cb.ctx);
}

static void on_message(struct watch *w, unsigned ready) {
    struct inherited *in = container_of(w, struct inherited, watch);
    struct fdpass_msg f = {0};
    struct takeover_msg m = {0};
    struct buf mem = {0};
    char why[160] = "";
    int rc = fdpass_recv(in->fd, &f, 0, NULL);
    if (rc > 0 && takeover_msg_read(&m, buf_str(&f.text), &mem, NULL) >= 0 && m.type == TAKEOVER_CANCEL)
        str_z(m.text, why, sizeof(why));
    buf_fini(&mem);
    fdpass_fini(&f);
    if (rc > 0 && m.type == TAKEOVER_CANCEL) {
        hang_up(in);
        in->cb.on_cancel(in->cb.ctx, why);
    } else if (rc <= 0 ? rc != WEFT_E_AGAIN : m.type == TAKEOVER_YOURS) {
        on_gone(in); /* also "yours": there is nothing more to say */
    }                /* else it says what we do not know, and serves on */
}

void inherited_watch(struct inherited *in, struct loop *l, const struct inherited_cb *cb) {
    in->cb = *cb;
    in->loop = l;
    loop_watch(l, &in->watch, in->fd, LOOP_IN, on_message);
}

void inherited_ready(struct inherited *in) {
    in->ready = true;
    let_go(in);
    if (in->alone)
        in->cb.on_ours(in->cb.ctx);
    else if (send_msg(in->fd, &(struct takeover_msg){.type = TAKEOVER_READY}, NULL) < 0)
        return; /* it has gone, or does not wait: what it said last is still to be read */
}

void inherited_free(struct inherited **inp) {
    struct inherited *in = *inp;
    *inp = NULL;
    if (!in)
        return;
    let_go(in);
    hang_up(in);
    free(in);
}
