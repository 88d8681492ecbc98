// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "codec/hpack_int.h"

#define FIRST_ENTRIES 8u
#define FIRST_OCTETS 256u

static struct hpack_entry *oldest(const struct hpack_table *t) {
    return &t->entries[(t->next - t->n) & (t->cap - 1)];
}

static void evict_down_to(struct hpack_table *t, uint32_t size) {
    for (; t->size > size; t->n--) {
        const struct hpack_entry *e = oldest(t);
        t->size -= e->name_len + e->value_len + HPACK__ENTRY;
    }
}

void hpack__table_fini(struct hpack_table *t) {
    free(t->entries);
    free(t->octets);
    *t = (struct hpack_table){.limit = t->limit, .next = t->next};
}

void hpack__table_limit(struct hpack_table *t, uint32_t limit) {
    evict_down_to(t, limit);
    t->limit = limit;
    if (t->n == 0)
        hpack__table_fini(t);
}

static void grow_entries(struct hpack_table *t) {
    uint32_t cap = t->cap ? t->cap * 2 : FIRST_ENTRIES;
    struct hpack_entry *to = mem_array(cap, sizeof(*to));
    for (uint32_t i = t->next - t->n; i != t->next; i++)
        to[i & (cap - 1)] = t->entries[i & (t->cap - 1)];
    free(t->entries);
    t->entries = to;
    t->cap = cap;
}

/* Room for `need` octets at the end. What lives is moved only after a quarter of the block has been written since it was moved
 * last: so an octet costs a constant. */
static void reserve(struct hpack_table *t, uint32_t need) {
    if (t->octets && t->room - (t->end - t->base) >= need)
        return;
    uint32_t from = t->n ? oldest(t)->at : t->end, live = t->end - from, room = t->room ? t->room : FIRST_OCTETS;
    while (room - room / 4 < live + need)
        room *= 2;
    char *to = room == t->room ? t->octets : mem_realloc(NULL, room);
    if (live)
        memmove(to, t->octets + (uint32_t)(from - t->base), live);
    if (to != t->octets)
        free(t->octets);
    t->octets = to;
    t->base = from;
    t->room = room;
}

static void put(struct hpack_table *t, struct str s) {
    if (s.len)
        memcpy(t->octets + (uint32_t)(t->end - t->base), s.ptr, s.len);
    t->end += (uint32_t)s.len;
}

struct hpack_entry *hpack__table_add(struct hpack_table *t, struct str name, struct str value, struct hpack_entry known) {
    size_t size = name.len + value.len + HPACK__ENTRY;
    bool fits = size <= t->limit;
    evict_down_to(t, fits ? t->limit - (uint32_t)size : 0);
    if (!fits)
        return NULL;
    if (t->n == t->cap)
        grow_entries(t);
    bool without_name = hpack__known(&known);
    reserve(t, (uint32_t)(size - HPACK__ENTRY - (without_name ? name.len : 0)));
    struct hpack_entry *e = &t->entries[t->next++ & (t->cap - 1)];
    *e = known;
    e->at = t->end;
    e->name_len = (uint32_t)name.len;
    e->value_len = (uint32_t)value.len;
    if (!without_name)
        put(t, name);
    put(t, value);
    t->n++;
    t->size += (uint32_t)size;
    return e;
}
