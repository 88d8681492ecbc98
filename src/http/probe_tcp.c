// SPDX-License-Identifier: Apache-2.0
#include "http/probe_tcp.h"
#include "base/mem.h"

#define HELD_MAX 65536u /* octets that are looked through for what is to come */

struct probe_tcp {
    struct loop *loop;
    struct transport *tr;
    const struct probe_octets *octets;
    struct timer timer;
    struct buf held;
    size_t sent;
    probe_tcp_f *done;
    void *ctx;
};

static void end(struct probe_tcp *t) {
    loop_timer_stop(t->loop, &t->timer);
    transport_close(&t->tr);
    buf_fini(&t->held);
    free(t);
}

static void finish(struct probe_tcp *t, bool ok) {
    probe_tcp_f *done = t->done;
    void *ctx = t->ctx;
    end(t);
    done(ctx, ok);
}

/* Are all the blocks there, each behind the one before? */
static bool is_whole(const struct probe_tcp *t) {
    struct str rest = buf_str(&t->held);
    for (size_t i = 0; t->octets && i < t->octets->n_receive; i++) {
        ptrdiff_t at = str_find(rest, t->octets->receive[i]);
        if (at < 0)
            return false;
        rest = str_from(rest, (size_t)at + t->octets->receive[i].len);
    }
    return true;
}

static bool send_rest(struct probe_tcp *t) {
    struct str rest = t->octets ? str_from(t->octets->send, t->sent) : STR_NONE;
    if (!rest.len)
        return true;
    ssize_t n = transport_write(t->tr, rest);
    if (n > 0)
        t->sent += (size_t)n;
    return n >= 0 || n == WEFT_E_AGAIN;
}

static bool receive(struct probe_tcp *t) {
    char some[4096];
    ssize_t n = transport_read(t->tr, some, sizeof(some));
    if (n > 0)
        buf_add(&t->held, str_n(some, (size_t)n));
    return (n > 0 && t->held.len <= HELD_MAX) || n == WEFT_E_AGAIN;
}

static void on_event(void *ctx, unsigned events) {
    struct probe_tcp *t = ctx;
    bool alive = !(events & TR_FAIL);
    if (alive && events & (TR_OPEN | TR_WRITE))
        alive = send_rest(t);
    if (alive && events & TR_READ)
        alive = receive(t);
    if (is_whole(t) && (alive || t->held.len))
        finish(t, true);
    else if (!alive)
        finish(t, false);
}

static void on_timeout(struct timer *timer) {
    finish(container_of(timer, struct probe_tcp, timer), false);
}

struct probe_tcp *probe_tcp_start(struct loop *l, struct transport **tr, const struct probe_octets *octets, uint64_t timeout_us,
                                  probe_tcp_f *done, void *ctx) {
    struct probe_tcp *t = mem_new(struct probe_tcp);
    t->loop = l;
    t->tr = *tr;
    *tr = NULL;
    t->octets = octets;
    t->done = done;
    t->ctx = ctx;
    transport_bind(t->tr, on_event, t);
    loop_timer(l, &t->timer, timeout_us, on_timeout);
    return t;
}

void probe_tcp_cancel(struct probe_tcp **tp) {
    struct probe_tcp *t = *tp;
    *tp = NULL;
    if (t)
        end(t);
}
