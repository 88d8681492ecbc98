// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ref: the head of every model resource: a reference count and the arena that holds all of the resource's memory.
 * A resource is built by one thread, then frozen: from its first X_ref by another thread on nobody changes it.
 * Threads: ref and unref, any. Tests: tests/unit/model/ref.c */
#include <stdatomic.h>
#include "base/arena.h"

struct ref {
    atomic_uint count;
    struct arena mem;            /* everything the resource points at, but other resources and regexes */
    void (*fini)(struct ref *r); /* releases what is not in `mem`; may be NULL */
};

/* Allocates `size` zeroed octets whose first member is the struct ref, count 1. */
void *ref_new(size_t size, void (*fini)(struct ref *r));
void *ref_get(void *resource); /* count + 1; returns it */
void ref_put(void *resource);  /* count - 1; the last frees. NULL is fine */
