// SPDX-License-Identifier: Apache-2.0
#include "io/loop.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "base/mem.h"

#define EVENTS_PER_WAIT 256

struct loop_wake {
    struct watch watch;
    atomic_bool stop;
    int fd;
};

struct loop_slot {
    struct watch *w; /* NULL: free */
    uint32_t gen;    /* counts the watches that were here: an event of an earlier one is not for this one */
    uint32_t next_free;
    bool broken; /* epoll did not take it ... */
    bool told;   /* ... and its owner has been told */
};

/* ---- watches ---- */

/* Paused watches are edge-triggered: EPOLLERR and EPOLLHUP cannot be masked, and would be reported for ever else. */
static uint32_t events_of(unsigned want) {
    uint32_t in = want & LOOP_IN ? EPOLLIN : 0, out = want & LOOP_OUT ? EPOLLOUT : 0;
    return want ? in | out : (uint32_t)EPOLLET;
}

static int control(struct watch *w, int op) {
    struct loop_slot *s = &w->loop->slots[w->slot];
    struct epoll_event ev = {.events = events_of(w->want), .data.u64 = (uint64_t)s->gen << 32 | w->slot};
    return epoll_ctl(w->loop->epfd, op, w->fd, &ev);
}

static unsigned take_slot(struct loop *l) {
    if (l->free_slot) {
        unsigned at = l->free_slot - 1;
        l->free_slot = l->slots[at].next_free;
        return at;
    }
    mem_grow((void **)&l->slots, &l->cap_slots, l->n_slots + 1, sizeof *l->slots);
    return (unsigned)l->n_slots++;
}

void loop_watch(struct loop *l, struct watch *w, int fd, unsigned want, watch_f *cb) {
    WEFT_ASSERT(!w->loop);
    *w = (struct watch){.cb = cb, .fd = fd, .want = want, .loop = l, .slot = take_slot(l)};
    l->slots[w->slot].w = w;
    l->watches++;
    if (control(w, EPOLL_CTL_ADD) == 0)
        return;
    /* Peers can bring us to the limits of the kernel (epoll(7), max_user_watches), but not to our knees. */
    WEFT_ASSERT(errno == ENOSPC || errno == ENOMEM);
    l->slots[w->slot].broken = true;
    l->broken++;
}

void loop_rewatch(struct watch *w, unsigned want) {
    WEFT_ASSERT(w->loop);
    if (w->want == want)
        return;
    w->want = want;
    if (!w->loop->slots[w->slot].broken)
        WEFT_ASSERT(control(w, EPOLL_CTL_MOD) == 0);
}

void loop_unwatch(struct watch *w) {
    struct loop *l = w->loop;
    if (!l)
        return;
    struct loop_slot *s = &l->slots[w->slot];
    if (!s->broken)
        WEFT_ASSERT(control(w, EPOLL_CTL_DEL) == 0);
    else if (!s->told)
        l->broken--;
    *s = (struct loop_slot){.gen = s->gen + 1, .next_free = l->free_slot};
    l->free_slot = w->slot + 1;
    l->watches--;
    w->loop = NULL;
}

static void call_watch(struct loop *l, const struct epoll_event *ev) {
    uint32_t at = (uint32_t)ev->data.u64, gen = (uint32_t)(ev->data.u64 >> 32);
    struct watch *w = l->slots[at].gen == gen ? l->slots[at].w : NULL;
    if (!w) /* removed in this turn */
        return;
    unsigned ready = (ev->events & EPOLLIN ? LOOP_IN : 0) | (ev->events & EPOLLOUT ? LOOP_OUT : 0);
    ready &= w->want; /* may have changed in this turn */
    if (ev->events & (EPOLLERR | EPOLLHUP))
        ready |= LOOP_ERR;
    if (ready)
        w->cb(w, ready);
}

static void tell_broken(struct loop *l) {
    for (size_t i = 0; i < l->n_slots; i++) {
        struct loop_slot *s = &l->slots[i];
        if (!s->broken || s->told)
            continue;
        s->told = true;
        l->broken--;
        log_error(l->log, "no kernel memory to watch a descriptor");
        s->w->cb(s->w, LOOP_ERR); /* may move the slots */
    }
}

/* ---- timers and tasks ---- */

void loop_timer(struct loop *l, struct timer *t, uint64_t delay, timer_f *cb) {
    uint64_t due;
    if (__builtin_add_overflow(l->now, delay, &due))
        due = UINT64_MAX;
    timer_start(&l->wheel, t, due, cb);
}

void loop_timer_stop(struct loop *l, struct timer *t) {
    timer_stop(&l->wheel, t);
}

void loop_later(struct loop *l, struct task *t, task_f *cb) {
    if (list_linked(&t->node))
        return;
    t->cb = cb;
    list_push(&l->tasks, &t->node);
}

void loop_later_cancel(struct task *t) {
    list_remove(&t->node);
}

/* ---- gathering ---- */

enum {
    GATHER_SHARED = 8,         /* requests under way from which on it pays */
    GATHER_PART = 32,          /* of the time that a request takes */
    GATHER_MAX_US = 100,       /* at most; ... */
    GATHER_MIN_US = 10,        /* ... less than this is not worth a system call */
    TOOK_MAX_US = 1000 * 1000, /* longer ones tell nothing of the others */
    TOOK_WEIGHT = 16           /* of the mean: what the last one counts */
};

void loop_request(struct loop *l, bool shares) {
    if (shares)
        l->shared++;
    else
        l->alone++;
}

void loop_request_ended(struct loop *l, bool shares, uint64_t took) {
    if (!shares) {
        l->alone--;
        return;
    }
    l->shared--;
    if (took == 0 || took > TOOK_MAX_US)
        return;
    l->took = l->took - l->took / TOOK_WEIGHT + (uint32_t)took / TOOK_WEIGHT;
    l->gather = true;
}

static void gather(struct loop *l) {
    uint64_t us = l->took / GATHER_PART, next = timer_next(&l->wheel, l->now);
    if (l->alone > 0 || l->shared < GATHER_SHARED)
        return;
    us = us < GATHER_MAX_US ? us : GATHER_MAX_US;
    if (us < GATHER_MIN_US || us > next)
        return;
    l->gathers++;
    struct timespec ts = {.tv_nsec = (long)us * 1000};
    nanosleep(&ts, NULL); /* an early end does no harm */
}

/* ---- the loop ---- */

static int wait_ms(const struct loop *l, bool wait) {
    if (!wait || l->stopping || l->broken || !list_empty(&l->tasks))
        return 0;
    uint64_t us = timer_next(&l->wheel, l->now);
    if (us == UINT64_MAX)
        return -1;
    uint64_t ms = us / CLOCK_MS + (us % CLOCK_MS != 0); /* up: waking too early would mean waking twice */
    return ms < 3600000 ? (int)ms : 3600000;
}

bool loop_turn(struct loop *l, bool wait) {
    struct epoll_event events[EVENTS_PER_WAIT];
    l->now = l->clock->mono_us(l->clock);
    int ms = wait_ms(l, wait);
    if (l->gather && ms != 0)
        gather(l);
    l->gather = false;
    int n = epoll_wait(l->epfd, events, EVENTS_PER_WAIT, ms); /* < 0: EINTR, as good as nothing */
    l->now = l->clock->mono_us(l->clock);
    timer_fire(&l->wheel, l->now);
    for (int i = 0; i < n; i++)
        call_watch(l, &events[i]);
    if (l->broken)
        tell_broken(l);
    struct list *task;
    while ((task = list_pop(&l->tasks))) {
        struct task *t = list_entry(task, struct task, node);
        t->cb(t);
    }
    l->turns++;
    return !l->stopping;
}

void loop_run(struct loop *l) {
    while (loop_turn(l, true)) {
    }
    l->stopping = false;
}

void loop_stop(struct loop *l) {
    l->stopping = true;
}

void loop_stop_async(struct loop *l) {
    atomic_store(&l->wake->stop, true);
    eventfd_write(l->wake->fd, 1);
}

uint64_t loop_wall(const struct loop *l) {
    return l->clock->wall_us(l->clock);
}

struct str loop_date(struct loop *l) {
    if (l->now >= l->date_due) {
        uint64_t wall = loop_wall(l);
        clock_http_date(wall, l->date);
        l->date_due = l->now + CLOCK_S - wall % CLOCK_S;
    }
    return str_of(l->date);
}

static void on_wake(struct watch *w, unsigned ready) {
    struct loop *l = w->loop;
    eventfd_t count;
    eventfd_read(w->fd, &count);
    if (atomic_exchange(&l->wake->stop, false))
        loop_stop(l);
}

int loop_init(struct loop *l, const struct loop_cfg *cfg, struct err *e) {
    static struct log silent; /* never changed: without a sink nothing is written */
    *l = (struct loop){.clock = cfg->clock ? cfg->clock : &clock_real, .net = cfg->net, .log = cfg->log ? cfg->log : &silent};
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0)
        return err_set(e, WEFT_E_IO, "cannot make an event loop: %s", strerror(errno));
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        int code = err_set(e, WEFT_E_IO, "cannot make an event loop: %s", strerror(errno));
        close(l->epfd);
        return code;
    }
    rand_init(&l->rand, cfg->seed ? cfg->seed : rand_seed());
    list_init(&l->tasks);
    l->scratch = mem_alloc(LOOP_SCRATCH);
    l->now = l->clock->mono_us(l->clock);
    timer_wheel_init(&l->wheel, l->now);
    l->wake = mem_new(struct loop_wake);
    l->wake->fd = fd;
    loop_watch(l, &l->wake->watch, fd, LOOP_IN, on_wake);
    l->watches = 0; /* the loop's own does not count */
    return 0;
}

void loop_fini(struct loop *l) {
    WEFT_ASSERT(l->watches == 0 && l->wheel.live == 0 && list_empty(&l->tasks));
    l->watches = 1;
    loop_unwatch(&l->wake->watch);
    close(l->wake->fd);
    close(l->epfd);
    free(l->wake);
    free(l->slots);
    free(l->scratch);
    arena_pool_fini(&l->arenas);
    block_pool_fini(&l->blocks);
    buf_pool_fini(&l->bufs);
    *l = (struct loop){.epfd = -1};
}
