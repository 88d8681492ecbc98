// SPDX-License-Identifier: Apache-2.0
#include "proxy/takeover.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/fdpass.h"
#include "io/proc.h"
#include "proxy/inherited.h"
#include "proxy/proxy.h"

#define REST_US CLOCK_S

struct takeover {
    struct loop *loop;
    struct takeover_cfg cfg;
    int path_fd; /* -1: none */
    struct watch path_watch;
    struct timer path_rest; /* while there is no descriptor for who has come */
    /* the newer process, one at a time */
    int peer; /* our end; -1: there is none */
    struct watch watch;
    struct timer timer;
    struct proc child; /* when we have started it */
    unsigned sent;     /* messages of the offer */
    unsigned of,
        next_id; /* the proxy's listeners as they are offered: a reload in the middle is not the newer one's to sort out */
    bool said_hello, taken;
    unsigned pid;
};

/* ---- what is given ---- */
struct gift {
    enum takeover_kind kind;
    struct str name;
    const int *fds;
    unsigned n_fds;
};

/* The i-th, or false when there are no more. */
static bool gift_at(const struct takeover *t, unsigned i, struct gift *g) {
    const struct proxy *p = t->cfg.proxy;
    if (i < p->n_listeners) {
        const struct proxy_listener *l = &p->listeners[i];
        *g = (struct gift){TAKEOVER_LISTENER, str_of(l->name), l->socks.fds, l->socks.n};
        return true;
    }
    i -= p->n_listeners;
    const struct gift rest[] = {
        {TAKEOVER_ADMIN, STR("admin"), &p->admin.listener.fd, p->admin_on},
        {TAKEOVER_PATH, str_of(t->cfg.path), &t->path_fd, t->path_fd >= 0},
        {TAKEOVER_LOCK, t->cfg.lock_name, &t->cfg.lock_fd, t->cfg.lock_fd >= 0},
    };
    for (unsigned k = 0; k < sizeof(rest) / sizeof(rest[0]); k++)
        if (rest[k].n_fds && i-- == 0) {
            *g = rest[k];
            return true;
        }
    return false;
}

static unsigned gift_count(const struct takeover *t) {
    struct gift g;
    unsigned n = 0;
    while (gift_at(t, n, &g))
        n++;
    return n;
}

/* ---- the newer process ---- */
static int send_msg(int fd, const struct takeover_msg *m, const struct gift *g, struct err *e) {
    struct buf text = {0};
    takeover_msg_write(m, &text);
    int rc = fdpass_send(fd, buf_str(&text), g ? g->fds : NULL, g ? g->n_fds : 0, e);
    buf_fini(&text);
    return rc;
}

static void part(struct takeover *t) {
    loop_timer_stop(t->loop, &t->timer);
    if (t->peer >= 0) {
        loop_unwatch(&t->watch);
        close(t->peer);
    }
    t->peer = -1;
    t->sent = 0;
    t->said_hello = false;
}

/* Nothing comes of it: we serve on. Who is not our child learns it by the message. Our child did not serve yet, and must not keep
 * the sockets alive beyond us. */
static void give_up(struct takeover *t, const char *why) {
    struct takeover_msg cancel = {.type = TAKEOVER_CANCEL, .text = str_of(why)};
    log_error(t->cfg.log, "upgrade failed, this process serves on: %s", why);
    if (send_msg(t->peer, &cancel, NULL, NULL) < 0)
        log_debug(t->cfg.log, "it is gone already");
    part(t);
    proc_signal(&t->child, SIGKILL);
}

static void leave_path(struct takeover *t) {
    if (t->path_fd < 0)
        return;
    loop_unwatch(&t->path_watch);
    loop_timer_stop(t->loop, &t->path_rest);
    close(t->path_fd);
    t->path_fd = -1;
}

static void on_ready(struct takeover *t) {
    struct err e = {0};
    if (send_msg(t->peer, &(struct takeover_msg){.type = TAKEOVER_YOURS}, NULL, &e) < 0) {
        give_up(t, e.msg); /* it has just gone */
        return;
    }
    log_info(t->cfg.log, "process %u has taken over", t->pid);
    t->taken = true;
    part(t);
    proc_forget(&t->child);
    leave_path(t);
    t->cfg.on_taken(t->cfg.ctx);
}

/* The offer and its sockets, as far as there is room now. */
static void send_offer(struct takeover *t) {
    struct gift g = {0};
    struct err e = {0};
    struct takeover_msg offer = {.type = TAKEOVER_OFFER,
                                 .protocol = TAKEOVER_PROTOCOL,
                                 .pid = (unsigned)getpid(),
                                 .sockets = gift_count(t),
                                 .text = STR(WEFT_VERSION)};
    int rc = t->of == t->cfg.proxy->n_listeners && t->next_id == t->cfg.proxy->next_id
                 ? 0
                 : err_set(&e, WEFT_E_CONFLICT, "the listeners have changed meanwhile");
    while (rc >= 0 && (t->sent == 0 || gift_at(t, t->sent - 1, &g))) {
        struct takeover_msg m = {.type = TAKEOVER_SOCKET, .kind = g.kind, .text = g.name};
        rc = t->sent == 0 ? send_msg(t->peer, &offer, NULL, &e) : send_msg(t->peer, &m, &g, &e);
        t->sent += rc >= 0;
    }
    loop_rewatch(&t->watch, rc == WEFT_E_AGAIN ? LOOP_IN | LOOP_OUT : LOOP_IN);
    if (rc < 0 && rc != WEFT_E_AGAIN)
        give_up(t, e.msg);
}

static void on_hello(struct takeover *t, const struct takeover_msg *m) {
    char why[80];
    if (m->protocol != TAKEOVER_PROTOCOL) {
        snprintf(why, sizeof(why), "the newer process speaks protocol %u, this one %u", m->protocol, TAKEOVER_PROTOCOL);
        give_up(t, why);
        return;
    }
    t->said_hello = true;
    t->of = t->cfg.proxy->n_listeners;
    t->next_id = t->cfg.proxy->next_id;
    t->pid = m->pid;
    log_info(t->cfg.log, "process %u (" STR_FMT ") is going to take over", m->pid, STR_ARG(m->text));
    send_offer(t);
}

static void take_msg(struct takeover *t, const struct takeover_msg *m) {
    char why[128];
    if (m->type == TAKEOVER_HELLO && !t->said_hello)
        on_hello(t, m);
    else if (m->type == TAKEOVER_READY && t->sent > gift_count(t))
        on_ready(t);
    else if (m->type == TAKEOVER_CANCEL)
        give_up(t, str_z(m->text, why, sizeof(why)));
    else
        give_up(t, "the newer process says what is not to be said now");
}

static void on_peer(struct watch *w, unsigned ready) {
    struct takeover *t = container_of(w, struct takeover, watch);
    struct fdpass_msg f = {0};
    struct takeover_msg m;
    struct buf mem = {0};
    struct err e = {0};
    int rc = ready & LOOP_OUT && t->said_hello ? WEFT_E_AGAIN : fdpass_recv(t->peer, &f, 0, &e);
    if (rc == WEFT_E_AGAIN && ready & LOOP_OUT)
        send_offer(t);
    else if (rc == 0 && t->child.pid)
        loop_rewatch(&t->watch, 0); /* on_child_exit knows more */
    else if (rc == 0)
        give_up(t, "the newer process ended before it was ready");
    else if (rc > 0 && (rc = takeover_msg_read(&m, buf_str(&f.text), &mem, &e)) >= 0)
        take_msg(t, &m);
    if (rc < 0 && rc != WEFT_E_AGAIN)
        give_up(t, e.msg);
    buf_fini(&mem);
    fdpass_fini(&f);
}

static void on_late(struct timer *timer) {
    give_up(container_of(timer, struct takeover, timer), "the newer process was not ready within 30 s");
}

static void meet(struct takeover *t, int fd) {
    t->peer = fd;
    loop_watch(t->loop, &t->watch, fd, LOOP_IN, on_peer);
    loop_timer(t->loop, &t->timer, TAKEOVER_READY_US, on_late);
}

/* ---- by path ---- */
static void on_rested(struct timer *timer) {
    loop_rewatch(&container_of(timer, struct takeover, path_rest)->path_watch, LOOP_IN);
}

static void on_path(struct watch *w, unsigned ready) {
    struct takeover *t = container_of(w, struct takeover, path_watch);
    struct err e = {0};
    int fd = fdpass_accept(t->path_fd, &e);
    if (fd == WEFT_E_DENIED)
        log_warn(t->cfg.log, "%s", e.msg);
    if (fd == WEFT_E_LIMIT) { /* who waits there would wake us at once */
        log_warn(t->cfg.log, "a newer process waits: %s", e.msg);
        loop_rewatch(&t->path_watch, 0);
        loop_timer(t->loop, &t->path_rest, REST_US, on_rested);
    }
    if (fd < 0)
        return;
    if (t->peer < 0 && !t->cfg.proxy->draining && !t->child.pid) {
        meet(t, fd);
        return;
    }
    struct takeover_msg cancel = {.type = TAKEOVER_CANCEL, .text = STR("it is being upgraded already, or drains")};
    if (send_msg(fd, &cancel, NULL, &e) < 0)
        log_debug(t->cfg.log, "%s", e.msg);
    close(fd);
}

/* ---- by SIGUSR2 ---- */
static void on_child_exit(struct proc *p, int code) {
    struct takeover *t = p->ctx;
    char why[80];
    snprintf(why, sizeof(why), "the new process ended with code %d before it was ready", code);
    if (t->peer >= 0)
        give_up(t, why);
}

void takeover_start(struct takeover *t) {
    struct err e = {0};
    int ends[2];
    char env[48];
    if (t->taken || t->peer >= 0 || t->child.pid || t->cfg.proxy->draining) {
        log_warn(t->cfg.log, "no upgrade now: one is under way, or this process drains");
        return;
    }
    if (fdpass_pair(ends, &e) < 0) {
        log_error(t->cfg.log, "no upgrade: %s", e.msg);
        return;
    }
    snprintf(env, sizeof(env), TAKEOVER_FD_ENV "=%d", ends[1]);
    struct proc_cfg cfg = {.argv = t->cfg.argv,
                           .env = (const char *const[]){env, NULL},
                           .successor = true,
                           .pass_fd = ends[1],
                           .on_exit = on_child_exit,
                           .ctx = t};
    int rc = proc_start(&t->child, t->loop, &cfg, &e);
    close(ends[1]);
    if (rc < 0) {
        close(ends[0]);
        log_error(t->cfg.log, "upgrade failed, this process serves on: %s", e.msg);
        return;
    }
    log_info(t->cfg.log, "upgrade: process %d has been started", t->child.pid);
    meet(t, ends[0]);
}

/* ---- life ---- */
int takeover_open(struct takeover **out, struct loop *l, const struct takeover_cfg *cfg, struct inherited *in, struct err *e) {
    int fd = -1;
    if (cfg->path) {
        fd = inherited_take_one(in, TAKEOVER_PATH, str_of(cfg->path));
        if (fd < 0)
            fd = fdpass_listen(str_of(cfg->path), e);
        if (fd < 0)
            return fd;
    }
    struct takeover *t = mem_new(struct takeover);
    *t = (struct takeover){.loop = l, .cfg = *cfg, .path_fd = fd, .peer = -1};
    if (fd >= 0)
        loop_watch(l, &t->path_watch, fd, LOOP_IN, on_path);
    *out = t;
    return 0;
}

void takeover_close(struct takeover **tp) {
    struct takeover *t = *tp;
    *tp = NULL;
    if (!t)
        return;
    if (t->peer >= 0)
        give_up(t, "the running proxy ends");
    proc_forget(&t->child);
    leave_path(t);
    free(t);
}
