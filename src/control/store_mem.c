// SPDX-License-Identifier: Apache-2.0
/* The store that forgets: for tests, demos and simulations. Nothing needs to be kept, as the mesh itself is in memory; it gives
 * out revisions, and answers from the loop, never before `write` has returned. It must know the keys, since deleting what is not
 * there is no change. */
#include "base/map.h"
#include "base/mem.h"
#include "control/store.h"
#include "io/loop.h"

struct mem_store {
    struct store store;
    struct loop *loop;
    struct task task;
    struct list queue; /* of struct store_write */
    struct map keys[STORE_KINDS];
    uint64_t revision;
};

static struct mem_store *of(struct store *s) {
    return container_of(s, struct mem_store, store);
}

static void apply(struct mem_store *m, struct store_write *w) {
    for (size_t i = 0; i < w->n; i++) {
        const struct store_op *op = &w->op[i];
        struct map *keys = &m->keys[op->kind];
        struct str key = str_of(op->key);
        bool change = op->value || map_has(keys, key);
        if (op->value)
            map_put(keys, key, m);
        else
            map_del(keys, key);
        m->revision += change && store_kind_told(op->kind);
    }
    w->revision = m->revision;
}

static void answer_all(struct task *t) {
    struct mem_store *m = container_of(t, struct mem_store, task);
    struct list *n;
    while ((n = list_pop(&m->queue))) {
        struct store_write *w = list_entry(n, struct store_write, node);
        apply(m, w);
        w->done(w);
        store_write_free(&w);
    }
}

static int mem_open(struct store **out, struct loop *l, struct str where, struct err *e) {
    struct mem_store *m = mem_new(struct mem_store);
    m->store.ops = &store_mem;
    m->loop = l;
    list_init(&m->queue);
    *out = &m->store;
    return 0;
}

static int mem_load(struct store *s, store_load_f *each, void *ctx, struct err *e) {
    return 0;
}

static int mem_write_now(struct store *s, struct store_write *w, struct err *e) {
    apply(of(s), w);
    return 0;
}

static void mem_write(struct store *s, struct store_write **w) {
    struct mem_store *m = of(s);
    list_push(&m->queue, &(*w)->node);
    *w = NULL;
    loop_later(m->loop, &m->task, answer_all);
}

static uint64_t mem_revision(struct store *s) {
    return of(s)->revision;
}

static void mem_close(struct store **s) {
    struct mem_store *m = of(*s);
    loop_later_cancel(&m->task);
    answer_all(&m->task);
    for (int k = 0; k < STORE_KINDS; k++)
        map_fini(&m->keys[k]);
    free(m);
    *s = NULL;
}

const struct store_ops store_mem = {"memory", mem_open, mem_load, mem_write_now, mem_write, mem_revision, mem_close};
