// SPDX-License-Identifier: Apache-2.0
#include "proxy/tunnel.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/sock.h"

#define BULK_FROM 32768u /* octets that one read brought: it flows, and a pipe is worth its calls */
#define BULK_TO 8192u    /* octets that one splice moved: it does not any more */

static bool done(const struct tunnel *t) {
    return t->way[0].shut && t->way[1].shut;
}

static void end(struct tunnel *t, int side, int why) {
    t->broken = side;
    t->on_end(t, why);
}

static bool waiting(const struct tunnel_way *w) {
    return w->held.len || (w->piped && w->pipe.len);
}

static void give_pipe(struct tunnel *t, struct tunnel_way *w) {
    if (w->piped)
        pipe_give(t->pipes, &w->pipe);
    w->piped = false;
}

/* ---- passing on: octets, WEFT_E_AGAIN for none, or what broke ---- */

static void passed(struct tunnel *t, struct tunnel_way *w, ssize_t n) {
    w->octets += (uint64_t)n;
    t->last = w->from->loop->now;
}

static int write_held(struct tunnel *t, struct tunnel_way *w) {
    ssize_t n = transport_write(w->to, buf_str(&w->held));
    if (n > 0) {
        passed(t, w, n);
        buf_take(&w->held, (size_t)n);
    }
    return n < 0 && n != WEFT_E_AGAIN ? (int)n : 0;
}

static int write_pipe(struct tunnel *t, struct tunnel_way *w) {
    while (w->pipe.len) {
        ssize_t n = sock_splice_out(w->to, w->pipe.rd, w->pipe.len);
        if (n < 0)
            return n == WEFT_E_AGAIN ? 0 : (int)n;
        passed(t, w, n);
        w->pipe.len -= (size_t)n;
    }
    give_pipe(t, w);
    return 0;
}

/* ---- taking ---- */

static ssize_t take_scratch(struct tunnel *t, struct tunnel_way *w, int *broke) {
    char *scratch = w->from->loop->scratch;
    ssize_t n = transport_read(w->from, scratch, LOOP_SCRATCH);
    if (n <= 0)
        return n;
    w->bulk = (size_t)n >= BULK_FROM;
    ssize_t gone = transport_write(w->to, str_n(scratch, (size_t)n));
    if (gone < 0 && gone != WEFT_E_AGAIN) {
        *broke = (int)gone;
        return n;
    }
    size_t out = gone > 0 ? (size_t)gone : 0;
    passed(t, w, (ssize_t)out);
    if (out < (size_t)n)
        buf_add(&w->held, str_n(scratch + out, (size_t)n - out));
    return n;
}

static ssize_t take_spliced(struct tunnel *t, struct tunnel_way *w, int *broke) {
    ssize_t n = sock_splice_in(w->from, w->pipe.wr, PIPE_SIZE);
    if (n <= 0) {
        give_pipe(t, w);
        return n;
    }
    w->bulk = (size_t)n >= BULK_TO;
    w->pipe.len = (size_t)n;
    *broke = write_pipe(t, w);
    return n;
}

static bool may_splice(struct tunnel *t, struct tunnel_way *w) {
    if (!w->bulk || !sock_can_splice(w->from) || !sock_can_splice(w->to))
        return false;
    w->piped = pipe_take(t->pipes, &w->pipe);
    return w->piped;
}

/* ---- events ---- */

/* Passes on the end, when it has come and nothing is before it any more. True: the tunnel has ended. */
static bool settle(struct tunnel *t, struct tunnel_way *w) {
    if (!w->eof || w->shut || waiting(w))
        return false;
    w->shut = true;
    transport_shutdown(w->to);
    if (!done(t))
        return false;
    end(t, 0, 0);
    return true;
}

/* One read: others have their turn too. True: the tunnel has ended. */
static bool take(struct tunnel *t, int i) {
    struct tunnel_way *w = &t->way[i];
    int broke = 0;
    if (w->eof || waiting(w))
        return false;
    ssize_t n = may_splice(t, w) ? take_spliced(t, w, &broke) : take_scratch(t, w, &broke);
    if (broke || (n < 0 && n != WEFT_E_AGAIN)) {
        end(t, broke ? !i : i, broke ? broke : (int)n);
        return true;
    }
    w->eof = n == 0;
    if (waiting(w))
        transport_want_read(w->from, false);
    return settle(t, w);
}

/* The side that way `i` goes to has room again. True: the tunnel has ended. */
static bool drain(struct tunnel *t, int i) {
    struct tunnel_way *w = &t->way[i];
    if (!waiting(w))
        return false;
    int broke = w->held.len ? write_held(t, w) : write_pipe(t, w);
    if (broke) {
        end(t, !i, broke);
        return true;
    }
    if (waiting(w))
        return false;
    if (!w->eof)
        transport_want_read(w->from, true);
    return settle(t, w);
}

static void on_event(struct tunnel *t, int side, unsigned events) {
    if (events & TR_FAIL) {
        end(t, side, t->way[side].from->error->code ? t->way[side].from->error->code : WEFT_E_RESET);
        return;
    }
    if (events & TR_WRITE && drain(t, !side))
        return;
    if (events & TR_READ)
        take(t, side);
}

static void on_a(void *ctx, unsigned events) {
    on_event(ctx, 0, events);
}

static void on_b(void *ctx, unsigned events) {
    on_event(ctx, 1, events);
}

void tunnel_start(struct tunnel *t, struct transport *a, struct transport *b, struct pipe_pool *pipes,
                  void (*on_end)(struct tunnel *t, int why)) {
    *t = (struct tunnel){
        .way = {{.from = a, .to = b}, {.from = b, .to = a}}, .pipes = pipes, .last = a->loop->now, .on_end = on_end};
    transport_bind(a, on_a, t);
    transport_bind(b, on_b, t);
    transport_want_read(a, true);
    transport_want_read(b, true);
}

void tunnel_fini(struct tunnel *t) {
    for (int i = 0; i < 2; i++) {
        buf_fini(&t->way[i].held);
        give_pipe(t, &t->way[i]);
    }
}
