// SPDX-License-Identifier: Apache-2.0
#include "control/owners.h"
#include "base/mem.h"

struct claim {
    struct held *by;
    uint64_t order;
};
struct owned { /* an address that somebody claims */
    char *address;
    struct claim *at;
    size_t n, cap;
    struct held *was; /* its owner, before a change under way; */
    bool touched;     /* of which this is true */
};
struct held { /* what a service claims */
    char *service;
    struct owned **at;
    size_t n, cap;
};

static bool is_before(const struct claim *a, const struct claim *b) {
    return a->order != b->order ? a->order < b->order : str_cmp(str_of(a->by->service), str_of(b->by->service)) < 0;
}

static struct held *owner(const struct owned *w) {
    const struct claim *first = NULL;
    for (size_t i = 0; i < w->n; i++)
        if (!first || is_before(&w->at[i], first))
            first = &w->at[i];
    return first ? first->by : NULL;
}

static struct owned *need_owned(struct owners *o, struct str address) {
    struct owned *w = map_get(&o->at, address);
    if (w)
        return w;
    w = mem_new(struct owned);
    w->address = mem_strdup(address);
    map_put(&o->at, address, w);
    return w;
}

static void free_owned(struct owned *w) {
    free(w->address);
    free(w->at);
    free(w);
}

static void free_held(struct held *h) {
    free(h->service);
    free(h->at);
    free(h);
}

static struct claim *claim_of(const struct owned *w, const struct held *h) {
    for (size_t i = 0; i < w->n; i++)
        if (w->at[i].by == h)
            return &w->at[i];
    return NULL;
}

static void touch(struct owned *w) {
    if (w->touched)
        return;
    w->touched = true;
    w->was = owner(w);
}

static void claim(struct owned *w, struct held *h, uint64_t order) {
    struct claim *c = claim_of(w, h);
    touch(w);
    if (c) {
        c->order = order < c->order ? order : c->order;
        return;
    }
    mem_grow((void **)&w->at, &w->cap, w->n + 1, sizeof *w->at);
    w->at[w->n++] = (struct claim){h, order};
    mem_grow((void **)&h->at, &h->cap, h->n + 1, sizeof(struct owned *));
    h->at[h->n++] = w;
}

static void withdraw(struct owned *w, const struct held *h) {
    struct claim *c = claim_of(w, h);
    touch(w);
    *c = w->at[--w->n];
}

static void settle(struct owners *o, struct owned *w, owners_moved_f *moved, void *ctx) {
    if (!w->touched) /* of both, before and after: once */
        return;
    w->touched = false;
    if (moved && owner(w) != w->was)
        moved(ctx, str_of(w->address));
    if (w->n)
        return;
    map_del(&o->at, str_of(w->address));
    free_owned(w);
}

void owners_set(struct owners *o, struct str service, const struct owner_claim *claims, size_t n, owners_moved_f *moved,
                void *ctx) {
    struct held *h = map_get(&o->of, service);
    if (!h && !n)
        return;
    if (!h) {
        h = mem_new(struct held);
        h->service = mem_strdup(service);
        map_put(&o->of, service, h);
    }
    struct owned **before = h->at;
    size_t n_before = h->n;
    h->at = NULL;
    h->n = h->cap = 0;
    for (size_t i = 0; i < n_before; i++)
        withdraw(before[i], h);
    for (size_t i = 0; i < n; i++)
        claim(need_owned(o, claims[i].address), h, claims[i].order);
    for (size_t i = 0; i < h->n; i++)
        settle(o, h->at[i], moved, ctx);
    for (size_t i = 0; i < n_before; i++)
        settle(o, before[i], moved, ctx);
    free(before);
    if (h->n)
        return;
    map_del(&o->of, str_of(h->service));
    free_held(h);
}

struct str owners_get(const struct owners *o, struct str address) {
    const struct owned *w = map_get(&o->at, address);
    const struct held *h = w ? owner(w) : NULL; /* nobody's for as long as `moved` hears so */
    return h ? str_of(h->service) : STR_NONE;
}

void owners_fini(struct owners *o) {
    struct owned *w;
    struct held *h;
    MAP_FOR (&o->at, NULL, w) {
        free_owned(w);
    }
    MAP_FOR (&o->of, NULL, h) {
        free_held(h);
    }
    map_fini(&o->at);
    map_fini(&o->of);
}
