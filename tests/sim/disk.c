// SPDX-License-Identifier: Apache-2.0
#include "disk.h"
#include "base/mem.h"

struct disk_store { /* of one process */
    struct store store;
    struct disk *disk;
    struct loop *loop;
    struct list queue, told; /* not durable; durable, not told */
    struct timer commit, tell;
    bool dead;
};

static struct disk_store *of(struct store *s) {
    return container_of(s, struct disk_store, store);
}

static void write_through(struct disk_store *s, struct store_write *w) {
    struct disk *d = s->disk;
    if (d->full) {
        w->code = err_set(&w->err, WEFT_E_STORE, "the disk is full");
        w->revision = d->kept->revision;
        d->failed++;
        return;
    }
    w->code = d->kept->ops->write_now(d->kept, w, &w->err);
    d->commits++;
}

static void finish(struct store_write *w) {
    if (w->done)
        w->done(w);
    store_write_free(&w);
}

static void on_tell(struct timer *t) {
    struct disk_store *s = container_of(t, struct disk_store, tell);
    struct list *n;
    while ((n = list_pop(&s->told)))
        finish(list_entry(n, struct store_write, node));
}

static void commit_all(struct disk_store *s) {
    struct list *n;
    while ((n = list_pop(&s->queue))) {
        struct store_write *w = list_entry(n, struct store_write, node);
        write_through(s, w);
        if (w->done)
            list_push(&s->told, n);
        else
            store_write_free(&w);
    }
}

static void on_commit(struct timer *t) {
    struct disk_store *s = container_of(t, struct disk_store, commit);
    commit_all(s);
    if (!timer_running(&s->tell)) /* else with those before */
        loop_timer(s->loop, &s->tell, world_pick(s->disk->world, 4 * CLOCK_MS), on_tell);
}

/* DISK_EARLY: told as if it were durable, which a copy of it becomes later, without anybody waiting. */
static void tell_early(struct disk_store *s, struct store_write *w) {
    struct store_write *copy = store_write_new(NULL, NULL);
    for (size_t i = 0; i < w->n; i++)
        store_write_op(copy, w->op[i].kind, str_of(w->op[i].key), str_of(w->op[i].value));
    w->revision = s->disk->kept->revision;
    list_push(&s->queue, &copy->node);
    list_push(&s->told, &w->node);
    loop_timer(s->loop, &s->tell, 0, on_tell);
}

static int disk_load(struct store *st, store_load_f *each, void *ctx, struct err *e) {
    struct store *kept = of(st)->disk->kept;
    return kept->ops->load(kept, each, ctx, e);
}

static int disk_write_now(struct store *st, struct store_write *w, struct err *e) {
    struct store *kept = of(st)->disk->kept;
    int rc = kept->ops->write_now(kept, w, e);
    st->revision = kept->revision;
    return rc;
}

static void disk_write(struct store *st, struct store_write **wp) {
    struct disk_store *s = of(st);
    struct store_write *w = *wp;
    struct world *world = s->disk->world;
    *wp = NULL;
    if (s->disk->bug == DISK_EARLY)
        tell_early(s, w);
    else
        list_push(&s->queue, &w->node);
    uint64_t delay = world_chance(world, 3) ? world_pick(world, 400 * CLOCK_MS) : world_pick(world, 6 * CLOCK_MS);
    if (!timer_running(&s->commit) && !s->dead)
        loop_timer(s->loop, &s->commit, s->disk->bug == DISK_EARLY ? 500 * CLOCK_MS : delay, on_commit);
}

struct reading {
    store_change_f *each;
    void *ctx;
    bool skip;
};

static bool pass_on(void *ctx, const struct store_change *c) {
    struct reading *r = ctx;
    if (r->skip && c->revision % 7 == 0)
        return true;
    return r->each(r->ctx, c);
}

static int disk_read(struct store *st, const struct store_range *range, store_change_f *each, void *ctx, struct err *e) {
    struct disk *d = of(st)->disk;
    struct reading r = {each, ctx, d->bug == DISK_SKIPS};
    if (range->view == STORE_LOGGED && range->after + DISK_LOG < d->kept->revision)
        return err_set(e, WEFT_E_NOT_FOUND, "the log begins later");
    return d->kept->ops->read(d->kept, range, pass_on, &r, e);
}

static void drop(struct disk_store *s, struct list *from) {
    struct list *n;
    while ((n = list_pop(from))) {
        struct store_write *w = list_entry(n, struct store_write, node);
        w->code = err_set(&w->err, WEFT_E_STORE, "the process is dead");
        finish(w);
    }
}

static void disk_close(struct store **st) {
    struct disk_store *s = of(*st);
    loop_timer_stop(s->loop, &s->commit);
    loop_timer_stop(s->loop, &s->tell);
    if (s->dead) {
        drop(s, &s->told);
        drop(s, &s->queue);
    } else {
        commit_all(s);
        on_tell(&s->tell);
        s->disk->open = NULL;
    }
    free(s);
    *st = NULL;
}

static const struct store_ops ops = {"simulated", NULL, disk_load, disk_write_now, disk_write, disk_read, NULL, disk_close};

struct store *disk_open(struct disk *d, struct loop *l) {
    WEFT_ASSERT(!d->open);
    struct disk_store *s = d->open = mem_new(struct disk_store);
    *s = (struct disk_store){.store = {&ops, d->kept->revision}, .disk = d, .loop = l};
    if (d->bug == DISK_FORGETS && s->store.revision)
        s->store.revision--;
    list_init(&s->queue);
    list_init(&s->told);
    return &s->store;
}

static uint64_t length(const struct list *l) {
    uint64_t n = 0;
    LIST_FOR (at, l)
        n++;
    return n;
}

void disk_kill(struct disk *d) {
    struct disk_store *s = d->open;
    d->open = NULL;
    if (!s)
        return;
    d->unanswered += length(&s->told);
    if (d->bug != DISK_EARLY && world_chance(d->world, 50)) { /* the batch under way had reached the disk */
        uint64_t n = length(&s->queue);
        struct list *at;
        while ((at = list_pop(&s->queue))) {
            struct store_write *w = list_entry(at, struct store_write, node);
            write_through(s, w);
            list_push(&s->told, at);
        }
        d->unanswered += n;
    }
    d->lost += length(&s->queue);
    s->dead = true;
    loop_timer_stop(s->loop, &s->commit);
    loop_timer_stop(s->loop, &s->tell);
}

void disk_init(struct disk *d, struct world *w) {
    *d = (struct disk){.world = w};
    WEFT_ASSERT(store_mem.open(&d->kept, NULL, STR_NONE, NULL) >= 0);
}

void disk_fini(struct disk *d) {
    d->kept->ops->close(&d->kept);
}
