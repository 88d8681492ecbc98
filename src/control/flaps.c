// SPDX-License-Identifier: Apache-2.0
#include "control/flaps.h"
#include "base/buf.h"
#include "base/mem.h"
#include "control/mesh.h"
#include "io/loop.h"
#include "policy/damp.h"

struct flap {
    struct flaps *all;
    enum store_kind kind;
    char *key;
    struct damp damp;
    uint64_t interval;
    bool held; /* as counted and told */
    struct timer timer;
};

static struct str name_of(struct buf *b, enum store_kind kind, struct str key) {
    buf_fmt(b, "%d " STR_FMT, (int)kind, STR_ARG(key));
    return buf_str(b);
}

static struct flap *find(const struct flaps *f, enum store_kind kind, struct str key) {
    if (!f->all.len)
        return NULL;
    struct buf b = {0};
    struct flap *found = map_get(&f->all, name_of(&b, kind, key));
    buf_fini(&b);
    return found;
}

static void drop(struct flap *p) {
    loop_timer_stop(p->all->mesh->loop, &p->timer);
    p->all->held -= p->held;
    free(p->key);
    free(p);
}

static void on_due(struct timer *t);

static void watch(struct flap *p) {
    uint64_t now = p->all->mesh->loop->now, due = damp_due(&p->damp, p->interval, now);
    loop_timer(p->all->mesh->loop, &p->timer, due > now ? due - now : 0, on_due);
}

static void set_held(struct flap *p) {
    bool held = damp_held(&p->damp, p->all->mesh->loop->now);
    p->all->held += held - p->held;
    p->held = held;
}

static void on_due(struct timer *t) {
    struct flap *p = container_of(t, struct flap, timer);
    struct flaps *f = p->all;
    bool was = p->held;
    set_held(p);
    if (was && !p->held) {
        watch(p);
        if (p->damp.healthy)
            f->over(f->ctx, p->kind, str_of(p->key)); /* may forget it: last */
        return;
    }
    flaps_forget(f, p->kind, str_of(p->key));
}

static struct flap *need(struct flaps *f, enum store_kind kind, struct str key) {
    struct flap *p = find(f, kind, key);
    struct buf b = {0};
    if (p)
        return p;
    p = mem_new(struct flap);
    p->all = f;
    p->kind = kind;
    p->key = mem_strdup(key);
    p->damp.healthy = true;
    map_put(&f->all, name_of(&b, kind, key), p);
    buf_fini(&b);
    return p;
}

bool flaps_tell(struct flaps *f, enum store_kind kind, struct str key, bool healthy, uint64_t interval_us) {
    struct flap *p = healthy ? find(f, kind, key) : need(f, kind, key);
    if (!p)
        return healthy;
    uint64_t until = p->damp.until;
    p->interval = interval_us;
    damp_tell(&p->damp, healthy, interval_us, f->mesh->loop->now);
    set_held(p);
    if (p->damp.until != until)
        log_warn(f->mesh->loop->log, "endpoint " STR_FMT " flaps: it stays out for %.1f s", STR_ARG(key),
                 (double)(p->damp.until - f->mesh->loop->now) / (double)CLOCK_S);
    watch(p);
    return healthy && !p->held;
}

bool flaps_known(const struct flaps *f, enum store_kind kind, struct str key) {
    return find(f, kind, key) != NULL;
}

bool flaps_waits(const struct flaps *f, enum store_kind kind, struct str key) {
    const struct flap *p = f->held ? find(f, kind, key) : NULL;
    return p && p->held && p->damp.healthy;
}

void flaps_release(struct flaps *f, enum store_kind kind, struct str key) {
    struct flap *p = find(f, kind, key);
    if (!p || !p->held)
        return;
    p->damp.until = f->mesh->loop->now;
    set_held(p);
    watch(p);
}

void flaps_forget(struct flaps *f, enum store_kind kind, struct str key) {
    struct buf b = {0};
    struct flap *p = map_del(&f->all, name_of(&b, kind, key));
    buf_fini(&b);
    if (p)
        drop(p);
}

void flaps_init(struct flaps *f, const struct mesh *m, flaps_over_f *over, void *ctx) {
    *f = (struct flaps){.mesh = m, .over = over, .ctx = ctx};
}

void flaps_fini(struct flaps *f) {
    struct flap *p;
    MAP_FOR (&f->all, NULL, p) {
        drop(p);
    }
    map_fini(&f->all);
}
