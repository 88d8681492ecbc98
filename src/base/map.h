// SPDX-License-Identifier: Apache-2.0
#pragma once
/* map: byte string -> pointer, iterated in the order of addition (a replaced value keeps its place).
 * Keys are copied; values are borrowed. A struct of zeros is an empty map. Lookup, put and delete are O(1) amortised.
 * Hashing is seeded per map from the kernel's randomness, so peers cannot choose collisions.
 * One owner. Tests: tests/unit/base/map.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct map_entry;

struct map {
    struct map_entry *entries; /* private: in order of addition, with holes */
    uint32_t *index;           /* private: open addressing into entries */
    size_t n_entries, cap_entries, n_index;
    size_t first;  /* private: no key before this entry */
    size_t len;    /* keys in the map */
    uint64_t seed; /* private */
};

void map_fini(struct map *m);                       /* frees keys and tables; values are the caller's */
void *map_get(const struct map *m, struct str key); /* NULL when absent */
bool map_has(const struct map *m, struct str key);
void *map_put(struct map *m, struct str key, void *value); /* value must not be NULL; returns the replaced one, or NULL */
void *map_del(struct map *m, struct str key);              /* returns the removed value, or NULL */

/* Iteration: `size_t at = 0; while (map_next(m, &at, &key, &value)) ...`. key and value may be NULL. The body may delete
 * the current key; it may not add. The key stays valid until it is deleted. */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);
#define MAP_FOR(m, key, value_ptr) for (size_t at_##value_ptr = 0; map_next((m), &at_##value_ptr, (key), (void **)&value_ptr);)
