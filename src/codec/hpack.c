// SPDX-License-Identifier: Apache-2.0
/* Decoding (RFC 7541 §3, §5, §6). */
#include "base/mem.h"
#include "codec/hpack_int.h"

#define PEN 512u             /* octets of the arena that small strings are written to, one behind another */
#define MAX_TABLE (1u << 24) /* more than anybody announces; sums of two stay far below 2^32 */

struct hpack_decoder {
    struct hpack_table table;
    uint32_t announced; /* what the table's limit may be at most */
};

struct block { /* being decoded */
    const uint8_t *at, *end;
    struct hpack_table *table;
    struct arena *arena; /* of the taker; `spare` when it takes no more */
    struct arena spare;
    char *pen, *pen_end; /* the rest of what was taken from the arena last */
    bool (*tell)(void *ctx, const struct hpack_field *f);
    void *ctx;
    struct err *err;
};

struct hpack_decoder *hpack_decoder_new(uint32_t max_table) {
    WEFT_ASSERT(max_table <= MAX_TABLE);
    struct hpack_decoder *d = mem_new(struct hpack_decoder);
    d->announced = max_table;
    d->table.limit = max_table < HPACK_TABLE ? max_table : HPACK_TABLE; /* to be raised by the peer's size update */
    return d;
}

void hpack_decoder_free(struct hpack_decoder **d) {
    if (!*d)
        return;
    hpack__table_fini(&(*d)->table);
    free(*d);
    *d = NULL;
}

static __attribute__((cold, noinline)) int bad(const struct block *b, const char *what) {
    return err_set(b->err, WEFT_E_PROTOCOL, "HPACK: %s", what);
}

/* ---- integers and strings ---- */

/* The octets after a prefix of ones: at most five, for 32 bits (RFC 7541 §5.1). */
static bool more_of_integer(struct block *b, uint32_t *n) {
    uint64_t sum = *n;
    for (unsigned shift = 0; shift < 32 && b->at < b->end; shift += 7) {
        uint8_t c = *b->at++;
        sum += (uint64_t)(c & 0x7f) << shift;
        if (sum > UINT32_MAX)
            return false;
        if (!(c & 0x80)) {
            *n = (uint32_t)sum;
            return true;
        }
    }
    return false;
}

/* There is at least one octet. */
static inline bool integer(struct block *b, unsigned prefix, uint32_t *n) {
    uint32_t mask = (1u << prefix) - 1;
    *n = *b->at++ & mask;
    return *n < mask || more_of_integer(b, n);
}

/* Room for `n` octets; what was written there is given to wrote(). Small strings lie one behind another. */
static inline char *room(struct block *b, size_t n) {
    if ((size_t)(b->pen_end - b->pen) >= n)
        return b->pen;
    if (n >= PEN / 4)
        return arena_alloc(b->arena, n);
    b->pen = arena_alloc(b->arena, PEN);
    b->pen_end = b->pen + PEN;
    return b->pen;
}

static inline struct str wrote(struct block *b, char *at, size_t n) {
    if (at == b->pen && (size_t)(b->pen_end - b->pen) >= n) /* a large one may lie right behind a pen that is full */
        b->pen += n;
    return str_n(at, n);
}

static int huffman_string(struct block *b, struct str *s) {
    char *text = room(b, s->len * 8 / 5);
    ptrdiff_t n = hpack__huffman(text, *s);
    if (n < 0)
        return bad(b, "a string is not in Huffman's code");
    *s = wrote(b, text, (size_t)n);
    return 0;
}

/* *borrowed: it lies in the block, else in the arena. */
static inline __attribute__((always_inline)) int string(struct block *b, struct str *s, bool *borrowed) {
    uint32_t len;
    if (b->at == b->end)
        return bad(b, "cut off");
    *borrowed = !(*b->at & 0x80);
    if (!integer(b, 7, &len))
        return bad(b, "a length without end, or beyond 32 bits");
    if (len > (size_t)(b->end - b->at))
        return bad(b, "a string is cut off");
    *s = str_n(b->at, len);
    b->at += len;
    return *borrowed || len == 0 ? 0 : huffman_string(b, s);
}

static inline struct str keep(struct block *b, struct str s, bool borrowed) {
    if (!borrowed || s.len == 0)
        return s.len ? s : STR("");
    return wrote(b, memcpy(room(b, s.len), s.ptr, s.len), s.len);
}

/* ---- fields ---- */

static void tell(struct block *b, const struct hpack_field *f) {
    if (b->arena != &b->spare && b->tell(b->ctx, f))
        return;
    arena_fini(&b->spare); /* nobody has seen it */
    b->arena = &b->spare;
    b->pen = b->pen_end = NULL;
}

static bool is_lower_token(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
            return false;
    return msg_is_token(s);
}

/* Name, id and pseudo-header of the entry `i`. */
static int indexed_name(struct block *b, uint32_t i, struct hpack_field *f, bool *ok) {
    if (i <= HPACK__STATIC) {
        const struct hpack_field *from = &hpack__static[i];
        f->name = from->name;
        f->id = from->id;
        f->pseudo = from->pseudo;
        *ok = true;
        return 0;
    }
    const struct hpack_entry *e = hpack__table_at(b->table, i - HPACK__STATIC - 1);
    if (!e)
        return bad(b, "an index is beyond the table");
    f->name = keep(b, hpack__name(b->table, e), !hpack__known(e));
    f->id = e->id;
    f->pseudo = e->pseudo;
    *ok = e->name_ok;
    return 0;
}

static __attribute__((noinline)) int new_name(struct block *b, struct hpack_field *f, bool *ok) {
    struct str name;
    bool borrowed = true;
    int r = string(b, &name, &borrowed);
    if (r < 0)
        return r;
    struct str known = STR_NONE;
    if (name.len && name.ptr[0] == ':') {
        f->pseudo = hpack__pseudo(name);
        known = hpack__pseudo_name(f->pseudo);
    } else {
        f->id = hdr_intern(name);
        known = hdr_name(f->id);
    }
    *ok = known.len ? str_eq(name, known) : !f->pseudo && is_lower_token(name);
    f->name = known.len && *ok ? known : keep(b, name, borrowed);
    return 0;
}

/* RFC 7541 §6.2. */
static int literal(struct block *b, unsigned prefix, enum hpack_index index) {
    struct hpack_field f = {.index = index};
    uint32_t name;
    bool name_ok = false, borrowed = true;
    if (!integer(b, prefix, &name))
        return bad(b, "an index without end, or beyond 32 bits");
    int r = name ? indexed_name(b, name, &f, &name_ok) : new_name(b, &f, &name_ok);
    if (r < 0)
        return r;
    r = string(b, &f.value, &borrowed);
    if (r < 0)
        return r;
    bool value_ok = msg_is_field_value(f.value);
    f.value = keep(b, f.value, borrowed);
    f.checked = name_ok && value_ok;
    if (index == HPACK_INDEX)
        hpack__table_add(
            b->table, f.name, f.value,
            (struct hpack_entry){.id = (uint8_t)f.id, .pseudo = (uint8_t)f.pseudo, .name_ok = name_ok, .value_ok = value_ok});
    tell(b, &f);
    return 0;
}

static void tell_entry(struct block *b, const struct hpack_entry *e) {
    struct hpack_field f = {
        .name = keep(b, hpack__name(b->table, e), !hpack__known(e)),
        .value = keep(b, hpack__value(b->table, e), true),
        .id = e->id,
        .pseudo = e->pseudo,
        .checked = e->name_ok && e->value_ok,
    };
    tell(b, &f);
}

/* RFC 7541 §6.1. */
static int indexed(struct block *b) {
    uint32_t i;
    if (!integer(b, 7, &i))
        return bad(b, "an index without end, or beyond 32 bits");
    if (i - 1 < HPACK__STATIC) {
        tell(b, &hpack__static[i]);
        return 0;
    }
    const struct hpack_entry *e = i ? hpack__table_at(b->table, i - HPACK__STATIC - 1) : NULL;
    if (!e)
        return bad(b, "an index is 0 or beyond the table");
    if (b->arena != &b->spare)
        tell_entry(b, e);
    return 0;
}

static int field(struct block *b) {
    uint8_t c = *b->at;
    if (c & 0x80)
        return indexed(b);
    if (c & 0x40)
        return literal(b, 6, HPACK_INDEX);
    if (c & 0x20)
        return bad(b, "a size update after a field"); /* RFC 7541 §4.2 */
    return literal(b, 4, c & 0x10 ? HPACK_NEVER_INDEX : HPACK_NO_INDEX);
}

/* RFC 7541 §6.3. */
static int size_update(struct block *b, uint32_t announced) {
    uint32_t limit;
    if (!integer(b, 5, &limit))
        return bad(b, "a table size without end, or beyond 32 bits");
    if (limit > announced)
        return bad(b, "a table size beyond what was announced");
    hpack__table_limit(b->table, limit);
    return 0;
}

int hpack_decode(struct hpack_decoder *d, struct str block, struct arena *a,
                 bool (*tell_f)(void *ctx, const struct hpack_field *f), void *ctx, struct err *e) {
    if (block.len == 0)
        return 0;
    struct block b = {.at = (const uint8_t *)block.ptr, .end = (const uint8_t *)block.ptr + block.len, .table = &d->table};
    b.arena = a;
    b.tell = tell_f;
    b.ctx = ctx;
    b.err = e;
    int r = 0;
    while (r == 0 && b.at < b.end && (*b.at & 0xe0) == 0x20)
        r = size_update(&b, d->announced);
    while (r == 0 && b.at < b.end)
        r = field(&b);
    arena_fini(&b.spare);
    return r;
}
