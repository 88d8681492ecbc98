// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

/* index[] holds entry + 1, or 0 for empty. A removed key leaves a hole in entries[] (value NULL), to which the index goes on
 * pointing: the hole is the tombstone of both. Holes go away, and order stays, when the tables are rebuilt to make room. */
struct map_entry {
    char *key;
    size_t len;
    uint64_t hash;
    void *value; /* NULL: a hole */
};

#define FIRST_CAP 8u
#define SLOTS_PER_ENTRY 2u

void map_fini(struct map *m) {
    for (size_t i = 0; i < m->n_entries; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->index);
    *m = (struct map){0};
}

static struct map_entry *find(const struct map *m, struct str key, uint64_t hash) {
    if (m->n_index == 0)
        return NULL;
    for (size_t at = hash & (m->n_index - 1); m->index[at]; at = (at + 1) & (m->n_index - 1)) {
        struct map_entry *e = &m->entries[m->index[at] - 1];
        if (e->value && e->hash == hash && str_eq(str_n(e->key, e->len), key))
            return e;
    }
    return NULL;
}

static void index_entry(struct map *m, size_t entry) {
    size_t at = m->entries[entry].hash & (m->n_index - 1);
    while (m->index[at])
        at = (at + 1) & (m->n_index - 1);
    m->index[at] = (uint32_t)entry + 1;
}

static void squeeze_holes(struct map *m) {
    size_t n = 0;
    for (size_t i = m->first; i < m->n_entries; i++)
        if (m->entries[i].value)
            m->entries[n++] = m->entries[i];
    m->n_entries = n;
    m->first = 0;
}

/* Called when entries[] is full: at least a quarter of it is free afterwards, so that the cost is amortised. */
static void make_room(struct map *m) {
    squeeze_holes(m);
    size_t cap = m->cap_entries ? m->cap_entries : FIRST_CAP;
    if (m->len > cap - cap / 4)
        cap *= 2;
    WEFT_ASSERT(cap < UINT32_MAX / SLOTS_PER_ENTRY);
    if (cap != m->cap_entries) {
        mem_grow((void **)&m->entries, &m->cap_entries, cap, sizeof *m->entries);
        free(m->index);
        m->n_index = m->cap_entries * SLOTS_PER_ENTRY;
        m->index = mem_array(m->n_index, sizeof *m->index);
    } else {
        memset(m->index, 0, m->n_index * sizeof *m->index);
    }
    for (size_t i = 0; i < m->n_entries; i++)
        index_entry(m, i);
}

void *map_get(const struct map *m, struct str key) {
    if (m->len == 0)
        return NULL;
    const struct map_entry *e = find(m, key, str_hash(key, m->seed));
    return e ? e->value : NULL;
}

bool map_has(const struct map *m, struct str key) {
    return map_get(m, key) != NULL;
}

void *map_put(struct map *m, struct str key, void *value) {
    WEFT_ASSERT(value);
    while (m->seed == 0)
        m->seed = rand_seed();
    uint64_t hash = str_hash(key, m->seed);
    struct map_entry *e = find(m, key, hash);
    if (e) {
        void *old = e->value;
        e->value = value;
        return old;
    }
    if (m->n_entries == m->cap_entries)
        make_room(m);
    m->entries[m->n_entries] = (struct map_entry){mem_strdup(key), key.len, hash, value};
    index_entry(m, m->n_entries++);
    m->len++;
    return NULL;
}

/* Nothing left: forget the holes. Large tables are freed rather than wiped, or emptying again and again would cost their size. */
static void reset(struct map *m) {
    if (m->cap_entries > FIRST_CAP) {
        uint64_t seed = m->seed;
        map_fini(m);
        m->seed = seed;
        return;
    }
    memset(m->index, 0, m->n_index * sizeof *m->index);
    m->n_entries = m->first = 0;
}

void *map_del(struct map *m, struct str key) {
    struct map_entry *e = m->len ? find(m, key, str_hash(key, m->seed)) : NULL;
    if (!e)
        return NULL;
    void *old = e->value;
    free(e->key);
    e->key = NULL;
    e->value = NULL;
    if (--m->len == 0)
        reset(m);
    while (m->first < m->n_entries && !m->entries[m->first].value)
        m->first++;
    return old;
}

bool map_next(const struct map *m, size_t *at, struct str *key, void **value) {
    size_t i = *at < m->first ? m->first : *at;
    while (i < m->n_entries && !m->entries[i].value)
        i++;
    if (i >= m->n_entries)
        return false;
    if (key)
        *key = str_n(m->entries[i].key, m->entries[i].len);
    if (value)
        *value = m->entries[i].value;
    *at = i + 1;
    return true;
}
