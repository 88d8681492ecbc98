// SPDX-License-Identifier: Apache-2.0
/* Encoding (RFC 7541 §2.3, §6). What is in the dynamic table is found by two hashes, of name with value and of the name alone:
 * each has buckets whose chains run through the entries from the newest to older ones. An entry that was evicted ends a chain,
 * since what follows is older still; so eviction has nothing to mend. Chains are followed a few steps only: whoever makes values
 * that collide wins nothing but that they are sent again. */
#include <endian.h>
#include "base/mem.h"
#include "codec/hpack_int.h"

#define BUCKETS 64u
#define STEPS 8u /* of a chain */

struct link {
    uint32_t hash;            /* of name and value */
    uint32_t name_hash;       /* of the name */
    uint32_t next, next_name; /* numbers of entries in the same bucket, older ones */
};

struct finder {
    uint32_t newest[BUCKETS], newest_name[BUCKETS]; /* numbers of entries; any number that is not in the table ends a chain */
    struct link links[];                            /* as many as the table has places for entries, in the same places */
};

struct hpack_encoder {
    struct hpack_table table;
    struct finder *finder; /* NULL as long as the table is empty */
    uint32_t cap;          /* of its links */
    uint32_t least, limit; /* of the table: the least that was asked for since the last block, and the last */
    bool update;           /* these are to be told */
};

struct hpack_encoder *hpack_encoder_new(void) {
    struct hpack_encoder *c = mem_new(struct hpack_encoder);
    c->table.limit = c->limit = c->least = HPACK_TABLE;
    return c;
}

void hpack_encoder_free(struct hpack_encoder **c) {
    if (!*c)
        return;
    hpack__table_fini(&(*c)->table);
    free((*c)->finder);
    free(*c);
    *c = NULL;
}

void hpack_encoder_limit(struct hpack_encoder *c, uint32_t table) {
    c->limit = table < HPACK_TABLE ? table : HPACK_TABLE;
    if (c->limit < c->least)
        c->least = c->limit;
    c->update = c->least != c->table.limit || c->limit != c->table.limit;
}

/* ---- octets ---- */

/* RFC 7541 §5.1; at most ten octets for the rest. */
static inline char *put_integer(char *p, uint8_t bits, unsigned prefix, size_t n) {
    size_t mask = (1u << prefix) - 1;
    if (n < mask) {
        *p++ = (char)(bits | n);
        return p;
    }
    *p++ = (char)(bits | mask);
    for (n -= mask; n >= 0x80; n >>= 7)
        *p++ = (char)(n | 0x80);
    *p++ = (char)n;
    return p;
}

static inline char *put_string(char *p, struct str s) {
    p = put_integer(p, 0, 7, s.len);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

static void put_one(struct buf *out, uint8_t bits, unsigned prefix, size_t n) {
    char *from = buf_room(out, 11);
    buf_added(out, (size_t)(put_integer(from, bits, prefix, n) - from));
}

/* RFC 7541 §6.1. */
static inline void put_indexed(struct buf *out, size_t at) {
    if (at < 0x7f)
        buf_addc(out, (char)(0x80 | at));
    else
        put_one(out, 0x80, 7, at);
}

static void lower(char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        p[i] = str_lower_c(p[i]);
}

/* RFC 7541 §6.2: `at` is the index of the name, or 0. */
static void put_literal(struct buf *out, const struct hpack_field *f, bool index, struct str name, size_t at) {
    char *from = buf_room(out, name.len + f->value.len + 33), *p = from;
    if (index)
        p = put_integer(p, 0x40, 6, at);
    else
        p = put_integer(p, f->index == HPACK_NEVER_INDEX ? 0x10 : 0, 4, at);
    if (at == 0) {
        p = put_string(p, name);
        if (!f->id && !f->pseudo)
            lower(p - name.len, name.len);
    }
    p = put_string(p, f->value);
    buf_added(out, (size_t)(p - from));
}

/* ---- what is in the dynamic table ---- */

static inline uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static inline uint64_t word_at(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    return w;
}

static inline uint64_t half_at(const char *p) {
    uint32_t w;
    memcpy(&w, p, sizeof(w));
    return w;
}

/* Less than eight octets, as one word. */
static inline uint64_t short_word(struct str s) {
    if (s.len >= 4)
        return half_at(s.ptr) << 32 | half_at(s.ptr + s.len - 4);
    return s.len ? (uint64_t)(uint8_t)s.ptr[0] << 16 | (uint64_t)(uint8_t)s.ptr[s.len / 2] << 8 | (uint8_t)s.ptr[s.len - 1] : 0;
}

/* By words, of which the last two may overlap. `fold`: bits to be set in each, which makes letters of either case alike. */
static inline uint64_t hash(uint64_t h, struct str s, uint64_t fold) {
    h += s.len;
    if (s.len < 8)
        return mix(h, short_word(s) | fold);
    for (size_t i = 0; i + 8 < s.len; i += 8)
        h = mix(h, word_at(s.ptr + i) | fold);
    return mix(h, word_at(s.ptr + s.len - 8) | fold);
}

static inline uint64_t hash_name(const struct hpack_field *f) {
    unsigned known = f->id ? f->id : f->pseudo;
    return known ? known : hash(0, f->name, 0x2020202020202020u);
}

/* How many entries are newer than number `nr`; at least table.n when it is not there any more. */
static inline uint32_t age(const struct hpack_encoder *c, uint32_t nr) {
    return c->table.next - 1 - nr;
}

static bool same_name(const struct hpack_encoder *c, const struct hpack_entry *e, const struct hpack_field *f) {
    if (f->id || f->pseudo || e->id || e->pseudo)
        return e->id == f->id && e->pseudo == f->pseudo;
    struct str name = hpack__name(&c->table, e);
    return str_eq(name, f->name) || str_ieq(name, f->name);
}

/* The index of the field in both tables (RFC 7541 §2.3.3), or 0. */
static inline size_t find(const struct hpack_encoder *c, const struct hpack_field *f, uint32_t hash) {
    if (!c->finder)
        return 0;
    uint32_t nr = c->finder->newest[hash % BUCKETS], old;
    for (unsigned step = 0; step < STEPS && (old = age(c, nr)) < c->table.n; step++) {
        const struct link *l = &c->finder->links[nr & (c->cap - 1)];
        const struct hpack_entry *e = &c->table.entries[nr & (c->cap - 1)];
        if (l->hash == hash && str_eq(hpack__value(&c->table, e), f->value) && same_name(c, e, f))
            return HPACK__STATIC + 1 + old;
        nr = l->next;
    }
    return 0;
}

static inline size_t find_name(const struct hpack_encoder *c, const struct hpack_field *f, uint32_t hash) {
    if (!c->finder)
        return 0;
    uint32_t nr = c->finder->newest_name[hash % BUCKETS], old;
    for (unsigned step = 0; step < STEPS && (old = age(c, nr)) < c->table.n; step++) {
        const struct link *l = &c->finder->links[nr & (c->cap - 1)];
        if (l->name_hash == hash && same_name(c, &c->table.entries[nr & (c->cap - 1)], f))
            return HPACK__STATIC + 1 + old;
        nr = l->next_name;
    }
    return 0;
}

static void grow_finder(struct hpack_encoder *c) {
    uint32_t cap = c->table.cap;
    struct finder *to = mem_alloc(sizeof(*to) + cap * sizeof(struct link));
    if (c->finder) {
        memcpy(to, c->finder, sizeof(*to));
        for (uint32_t i = 1; i <= c->table.n; i++) {
            uint32_t nr = c->table.next - i;
            to->links[nr & (cap - 1)] = c->finder->links[nr & (c->cap - 1)];
        }
        free(c->finder);
    }
    c->finder = to;
    c->cap = cap;
}

static void insert(struct hpack_encoder *c, const struct hpack_field *f, struct str name, uint32_t hash, uint32_t name_hash) {
    struct hpack_entry known = {.id = (uint8_t)f->id, .pseudo = (uint8_t)f->pseudo, .name_ok = true};
    struct hpack_entry *e = hpack__table_add(&c->table, name, f->value, known);
    uint32_t nr = c->table.next - 1;
    WEFT_ASSERT(e);
    if (c->cap != c->table.cap)
        grow_finder(c);
    struct finder *at = c->finder;
    at->links[nr & (c->cap - 1)] =
        (struct link){hash, name_hash, at->newest[hash % BUCKETS], at->newest_name[name_hash % BUCKETS]};
    at->newest[hash % BUCKETS] = at->newest_name[name_hash % BUCKETS] = nr;
}

/* ---- fields ---- */

/* The index of the same field in the static table, of whose entries with its name `first` is the first; or 0. */
static unsigned find_static(const struct hpack_field *f, unsigned first) {
    if (!f->pseudo && f->id != HDR_ACCEPT_ENCODING) /* no other has a value there */
        return 0;
    for (unsigned i = first; hpack__static[i].pseudo == f->pseudo && hpack__static[i].id == f->id; i++)
        if (str_eq(hpack__static[i].value, f->value) && f->value.len)
            return i;
    return 0;
}

static struct str name_of(const struct hpack_field *f) {
    return f->id ? hdr_name(f->id) : f->pseudo ? hpack__pseudo_name(f->pseudo) : f->name;
}

/* A field that would push out more than half of the table is not worth it. */
static bool worth_indexing(const struct hpack_encoder *c, struct str name, struct str value) {
    return name.len + value.len + HPACK__ENTRY <= c->table.limit / 2;
}

void hpack_begin(struct hpack_encoder *c, struct buf *out) {
    if (!c->update)
        return;
    if (c->least < c->limit && c->least < c->table.limit) /* RFC 7541 §4.2: the smallest, then the final one */
        put_one(out, 0x20, 5, c->least);
    put_one(out, 0x20, 5, c->limit);
    hpack__table_limit(&c->table, c->least);
    hpack__table_limit(&c->table, c->limit);
    c->least = c->limit;
    c->update = false;
    if (c->table.n == 0) {
        free(c->finder);
        c->finder = NULL;
        c->cap = 0;
    }
}

void hpack_add(struct hpack_encoder *c, struct buf *out, const struct hpack_field *f) {
    unsigned first = hpack__static_name(f);
    bool index = f->index == HPACK_INDEX;
    size_t at = first && f->index != HPACK_NEVER_INDEX ? find_static(f, first) : 0;
    uint64_t name_hash = hash_name(f);
    if (index && !at)
        at = find(c, f, (uint32_t)hash(name_hash, f->value, 0));
    if (at) {
        put_indexed(out, at);
        return;
    }
    struct str name = name_of(f);
    at = first ? first : find_name(c, f, (uint32_t)name_hash);
    at = at ? at : hpack__static_other(f);
    index = (index || (f->index == HPACK_INDEX_NAME && !at)) && worth_indexing(c, name, f->value);
    put_literal(out, f, index, name, at);
    if (index)
        insert(c, f, name, (uint32_t)hash(name_hash, f->value, 0), (uint32_t)name_hash);
}
