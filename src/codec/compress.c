// SPDX-License-Identifier: Apache-2.0
#include "codec/compress.h"
#include "base/mem.h"
#include "codec/compress_int.h"

#define KEEP 8u /* compressors that wait for the next stream */

static const struct compress_ops *const ops[COMPRESS_KINDS] = {
    [COMPRESS_GZIP] = &compress__gzip, [COMPRESS_BROTLI] = &compress__brotli, [COMPRESS_ZSTD] = &compress__zstd};

struct compressor {
    struct list node; /* in kept */
    const struct compress_ops *ops;
    struct compress_cfg cfg;
    size_t cost;
    void *lib;
};

struct compress_cfg compress_default(enum compress_kind kind) {
    switch (kind) {
    case COMPRESS_GZIP: return (struct compress_cfg){.kind = kind, .level = -1, .window_bits = 12, .memory_level = 5};
    case COMPRESS_BROTLI: return (struct compress_cfg){.kind = kind, .level = 3, .window_bits = 18, .block_bits = 24};
    default: return (struct compress_cfg){.kind = kind, .level = 3};
    }
}

static bool within(int64_t v, int64_t min, int64_t max) {
    return v >= min && v <= max;
}

bool compress_valid(const struct compress_cfg *cfg) {
    switch (cfg->kind) {
    case COMPRESS_GZIP:
        return within(cfg->level, -1, 9) && cfg->level != 0 && within(cfg->window_bits, 9, 15) &&
               within(cfg->memory_level, 1, 9) && cfg->strategy <= 4;
    case COMPRESS_BROTLI:
        return within(cfg->level, 0, 11) && within(cfg->window_bits, 10, 24) && cfg->mode <= 2 &&
               (cfg->block_bits == 0 || within(cfg->block_bits, 16, 24));
    default: return within(cfg->level, 1, 22) && cfg->strategy <= 9;
    }
}

struct str compress_coding(enum compress_kind kind) {
    return str_of(ops[kind]->coding);
}

int compress_run(struct compressor *c, struct str in, enum compress_op op, struct buf *out) {
    return c->ops->run(c->lib, in, op, out);
}

/* ---- the pool ---- */

static bool same(const struct compress_cfg *a, const struct compress_cfg *b) {
    return a->kind == b->kind && a->level == b->level && a->window_bits == b->window_bits && a->memory_level == b->memory_level &&
           a->strategy == b->strategy && a->mode == b->mode && a->block_bits == b->block_bits && a->checksum == b->checksum &&
           a->no_literal_modeling == b->no_literal_modeling;
}

static void drop(struct compress_pool *p, struct compressor *c) {
    p->held -= c->cost;
    c->ops->close(c->lib);
    free(c);
}

static void drop_kept(struct compress_pool *p, struct compressor *c) {
    list_remove(&c->node);
    p->n_kept--;
    drop(p, c);
}

static struct compressor *take_kept(struct compress_pool *p, const struct compress_cfg *cfg) {
    LIST_FOR (n, &p->kept) {
        struct compressor *c = list_entry(n, struct compressor, node);
        if (same(&c->cfg, cfg)) {
            list_remove(n);
            p->n_kept--;
            return c;
        }
    }
    return NULL;
}

/* Room for `cost` more: what is only kept goes first. */
static bool make_room(struct compress_pool *p, size_t cost) {
    while (p->n_kept && p->held + cost > COMPRESS_BUDGET)
        drop_kept(p, list_entry(p->kept.prev, struct compressor, node));
    return p->live == 0 || p->held + cost <= COMPRESS_BUDGET;
}

static struct compressor *open_new(struct compress_pool *p, const struct compress_cfg *cfg) {
    const struct compress_ops *o = ops[cfg->kind];
    size_t cost = o->cost(cfg);
    if (!make_room(p, cost))
        return NULL;
    void *lib = o->open(cfg);
    if (!lib)
        return NULL;
    struct compressor *c = mem_new(struct compressor);
    *c = (struct compressor){.ops = o, .cfg = *cfg, .cost = cost, .lib = lib};
    p->held += cost;
    return c;
}

struct compressor *compress_take(struct compress_pool *p, const struct compress_cfg *cfg) {
    WEFT_ASSERT(compress_valid(cfg));
    struct compressor *c = take_kept(p, cfg);
    if (!c)
        c = open_new(p, cfg);
    if (c)
        p->live++;
    return c;
}

void compress_give(struct compress_pool *p, struct compressor **c) {
    struct compressor *back = *c;
    *c = NULL;
    if (!back)
        return;
    p->live--;
    if (p->n_kept >= KEEP || !back->ops->again(back->lib)) {
        drop(p, back);
        return;
    }
    if (!p->kept.next)
        list_init(&p->kept);
    list_push_front(&p->kept, &back->node);
    p->n_kept++;
}

void compress_pool_fini(struct compress_pool *p) {
    WEFT_ASSERT(p->live == 0);
    while (p->n_kept)
        drop_kept(p, list_entry(p->kept.next, struct compressor, node));
}
