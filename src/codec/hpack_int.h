// SPDX-License-Identifier: Apache-2.0
#pragma once
/* hpack, shared inside it: the static table, the dynamic table that both directions have, Huffman's code.
 * Tests: tests/unit/codec/hpack.c */
#include "codec/hpack.h"

#define HPACK__STATIC 61u /* entries of the static table (RFC 7541 appendix A), counted from 1 */
#define HPACK__ENTRY 32u  /* octets that an entry counts beside its name and value (RFC 7541 §4.1) */

extern const struct hpack_field hpack__static[HPACK__STATIC + 1];
struct str hpack__pseudo_name(enum hpack_pseudo p); /* empty for NONE and UNKNOWN */
enum hpack_pseudo hpack__pseudo(struct str name);   /* of a name that begins with a colon */
/* The first static entry with the id or pseudo-header of *f; 0: there is none. */
unsigned hpack__static_name(const struct hpack_field *f);
/* The same by a name that weft does not know; takes longer. */
unsigned hpack__static_other(const struct hpack_field *f);

/* Octets of `in` decoded into out[in.len * 8 / 5], as many as returned; < 0: no string in Huffman's code (RFC 7541 §5.2). */
ptrdiff_t hpack__huffman(char *out, struct str in);

/* The dynamic table (RFC 7541 §2.3.2). Entries are numbered as they come, from 0, modulo 2^32; they lie in a ring, their octets
 * one behind another in one block, which is compacted when its end is reached. Both grow as the table fills: entries to 16 octets
 * for each 32 that the table counts, octets to twice what the table may hold (as long as values are short, to much less). */
struct hpack_entry {
    uint32_t at;                  /* of its octets: the name, unless it is known by id or pseudo, then the value */
    uint32_t name_len, value_len; /* octets */
    uint8_t id, pseudo;           /* known: an enum hdr_id, an enum hpack_pseudo; then the name is the lower-case one */
    bool name_ok, value_ok;       /* as in hpack_field's `checked` */
};

struct hpack_table {             /* zeros with a limit are an empty table */
    struct hpack_entry *entries; /* number i at [i & (cap - 1)] */
    char *octets;
    uint32_t limit, size; /* RFC 7541 §4.1 */
    uint32_t next, n;     /* number of the next entry; how many there are */
    uint32_t cap;         /* of entries: a power of two, or 0 */
    uint32_t base, end;   /* octets[0] is octet number `base`; the next one written is number `end` */
    uint32_t room;        /* of octets */
};

void hpack__table_fini(struct hpack_table *t);
void hpack__table_limit(struct hpack_table *t,
                        uint32_t limit); /* evicts what is too much; gives its memory back when it is empty */
/* Adds an entry, after evicting what must go; NULL when it is larger than the table, which is empty then (RFC 7541 §4.4). The id,
 * pseudo and name_ok of `known` are kept, the octets are copied: they must not lie in the table. */
struct hpack_entry *hpack__table_add(struct hpack_table *t, struct str name, struct str value, struct hpack_entry known);

/* The i-th newest, from 0; NULL: there are not so many. */
static inline const struct hpack_entry *hpack__table_at(const struct hpack_table *t, uint32_t i) {
    return i < t->n ? &t->entries[(t->next - 1 - i) & (t->cap - 1)] : NULL;
}

static inline bool hpack__known(const struct hpack_entry *e) {
    return (e->id || e->pseudo) && e->name_ok;
}

static inline const char *hpack__octets(const struct hpack_table *t, const struct hpack_entry *e) {
    return t->octets + (uint32_t)(e->at - t->base);
}

static inline struct str hpack__name(const struct hpack_table *t, const struct hpack_entry *e) {
    if (!hpack__known(e))
        return str_n(hpack__octets(t, e), e->name_len);
    return e->id ? hdr_name(e->id) : hpack__pseudo_name(e->pseudo);
}

static inline struct str hpack__value(const struct hpack_table *t, const struct hpack_entry *e) {
    return str_n(hpack__octets(t, e) + (hpack__known(e) ? 0 : e->name_len), e->value_len);
}
