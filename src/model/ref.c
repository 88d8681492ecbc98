// SPDX-License-Identifier: Apache-2.0
#include "model/ref.h"
#include "base/mem.h"

void *ref_new(size_t size, void (*fini)(struct ref *r)) {
    WEFT_ASSERT(size >= sizeof(struct ref));
    struct ref *r = mem_alloc(size);
    atomic_init(&r->count, 1);
    r->fini = fini;
    return r;
}

void *ref_get(void *resource) {
    struct ref *r = resource;
    unsigned before = atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
    WEFT_ASSERT(before > 0);
    return resource;
}

void ref_put(void *resource) {
    struct ref *r = resource;
    if (!r)
        return;
    /* Release: what this thread read of the resource is over; acquire, by the last: so is what all others did. */
    unsigned before = atomic_fetch_sub_explicit(&r->count, 1, memory_order_acq_rel);
    WEFT_ASSERT(before > 0);
    if (before != 1)
        return;
    if (r->fini)
        r->fini(r);
    arena_fini(&r->mem);
    free(r);
}
