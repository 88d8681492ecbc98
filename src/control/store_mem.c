// SPDX-License-Identifier: Apache-2.0
/* The store that forgets: for tests, demos and simulations. It gives out revisions, keeps the log and what is there for those who
 * read, and answers from the loop, never before `write` has returned. */
#include "base/map.h"
#include "base/mem.h"
#include "control/store.h"
#include "io/loop.h"

struct entry { /* a change; of what is there also the value */
    struct list node;
    uint64_t revision, order; /* order: of addition, of what is there */
    enum store_kind kind;
    char *key, *value;
};
struct mem_store {
    struct store store;
    struct loop *loop;
    struct task task;
    struct list queue; /* of struct store_write */
    struct map keys[STORE_KINDS];
    struct list present, log; /* of struct entry, in order of revision; what is not told has none */
    size_t logged;
    uint64_t revision, added;
};

static struct mem_store *of(struct store *s) {
    return container_of(s, struct mem_store, store);
}

static struct entry *new_entry(const struct store_op *op) {
    struct entry *en = mem_new(struct entry);
    *en = (struct entry){.revision = op->revision,
                         .kind = op->kind,
                         .key = mem_strdup(str_of(op->key)),
                         .value = op->value ? mem_strdup(str_of(op->value)) : NULL};
    return en;
}

static void drop_entry(struct entry *en) {
    if (!en)
        return;
    list_remove(&en->node);
    free(en->key);
    free(en->value);
    free(en);
}

static void log_change(struct mem_store *m, const struct store_op *op) {
    list_push(&m->log, &new_entry(op)->node);
    if (++m->logged <= STORE_LOG)
        return;
    m->logged--;
    drop_entry(list_entry(m->log.next, struct entry, node));
}

static void apply(struct mem_store *m, struct store_write *w) {
    for (size_t i = 0; i < w->n; i++) {
        struct store_op *op = &w->op[i];
        struct map *keys = &m->keys[op->kind];
        struct str key = str_of(op->key);
        bool told = store_kind_told(op->kind) && (op->value || map_has(keys, key));
        op->revision = told ? ++m->revision : 0;
        if (op->value) {
            struct entry *en = new_entry(op), *old = map_put(keys, key, en);
            en->order = old ? old->order : ++m->added;
            drop_entry(old);
            if (told)
                list_push(&m->present, &en->node);
        } else {
            drop_entry(map_del(keys, key));
        }
        if (told)
            log_change(m, op);
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
    list_init(&m->present);
    list_init(&m->log);
    *out = &m->store;
    return 0;
}

static int by_order(const void *a, const void *b) {
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int mem_load(struct store *s, store_load_f *each, void *ctx, struct err *e) {
    struct mem_store *m = of(s);
    size_t n = 0, room = 0;
    int rc = 0;
    for (int k = 0; k < STORE_KINDS; k++)
        room += m->keys[k].len;
    struct entry **all = mem_array(room + 1, sizeof(struct entry *)), *en;
    for (int k = 0; k < STORE_KINDS; k++)
        MAP_FOR (&m->keys[k], NULL, en)
            all[n++] = en;
    qsort(all, n, sizeof *all, by_order);
    for (size_t i = 0; rc >= 0 && i < n; i++)
        rc = each(ctx, all[i]->kind, str_of(all[i]->key), str_of(all[i]->value), e);
    free(all);
    return rc;
}

static int mem_write_now(struct store *s, struct store_write *w, struct err *e) {
    apply(of(s), w);
    s->revision = of(s)->revision;
    return 0;
}

static void mem_write(struct store *s, struct store_write **w) {
    struct mem_store *m = of(s);
    list_push(&m->queue, &(*w)->node);
    *w = NULL;
    loop_later(m->loop, &m->task, answer_all);
}

static int mem_read(struct store *s, const struct store_range *r, store_change_f *each, void *ctx, struct err *e) {
    struct mem_store *m = of(s);
    if (r->view == STORE_LOGGED && r->after < m->revision - m->logged)
        return err_set(e, WEFT_E_NOT_FOUND, "the log begins later");
    LIST_FOR (at, r->view == STORE_LOGGED ? &m->log : &m->present) {
        const struct entry *en = list_entry(at, struct entry, node);
        if (en->revision <= r->after)
            continue;
        if (en->revision > r->upto)
            break;
        if (!each(ctx, &(struct store_change){en->revision, en->kind, str_of(en->key), str_of(en->value)}))
            break;
    }
    return 0;
}

static void mem_close(struct store **s) {
    struct mem_store *m = of(*s);
    loop_later_cancel(&m->task);
    answer_all(&m->task);
    struct entry *en;
    for (int k = 0; k < STORE_KINDS; k++) {
        MAP_FOR (&m->keys[k], NULL, en) {
            drop_entry(en);
        }
        map_fini(&m->keys[k]);
    }
    while (!list_empty(&m->log))
        drop_entry(list_entry(m->log.next, struct entry, node));
    free(m);
    *s = NULL;
}

const struct store_ops store_mem = {"memory", mem_open, mem_load, mem_write_now, mem_write, mem_read, NULL, mem_close};
