// SPDX-License-Identifier: Apache-2.0
/* Header blocks against any octets: a decoder beside nghttp2's, which must agree on the verdict and on every field; then what was
 * decoded is encoded and decoded again. A taker that wants no more must not change what the table holds, and memory stays bounded
 * whatever a block says (a bomb: entries as large as the table, told over and over). */
#include "codec/hpack.h"
#include <nghttp2/nghttp2.h>
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUDGET = 1 << 16 }; /* octets that the taker takes */

struct fields {
    struct buf text;    /* every field, as "name\0value\0" */
    struct buf checked; /* those that were checked */
    struct buf again;   /* these, encoded anew by `c`, if there is one */
    struct hpack_encoder *c;
    size_t budget; /* octets that are still taken */
    bool more;
};

static void put(struct buf *to, struct str name, struct str value) {
    buf_add(to, name);
    buf_addc(to, 0);
    buf_add(to, value);
    buf_addc(to, 0);
}

static bool on_field(void *ctx, const struct hpack_field *f) {
    struct fields *t = ctx;
    WEFT_ASSERT(t->more);
    WEFT_ASSERT(!f->checked || (msg_is_field_value(f->value) && (f->pseudo ? f->name.ptr[0] == ':' : msg_is_token(f->name))));
    WEFT_ASSERT(f->id == HDR_OTHER || hdr_intern(f->name) == f->id);
    put(&t->text, f->name, f->value);
    if (t->c && f->checked) {
        put(&t->checked, f->name, f->value);
        hpack_add(t->c, &t->again, f);
    }
    size_t cost = f->name.len + f->value.len + 32;
    t->more = cost <= t->budget;
    t->budget -= t->more ? cost : t->budget;
    return t->more;
}

static bool on_again(void *ctx, const struct hpack_field *f) {
    WEFT_ASSERT(f->checked);
    put(ctx, f->name, f->value);
    return true;
}

static bool inflate(nghttp2_hd_inflater *d, struct str block, struct buf *to) {
    const uint8_t *at = (const uint8_t *)block.ptr, *end = at + block.len;
    for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
        nghttp2_nv nv;
        flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(d, &nv, &flags, at, (size_t)(end - at), 1);
        if (used < 0)
            return false;
        at += used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            put(to, str_n(nv.name, nv.namelen), str_n(nv.value, nv.valuelen));
    }
    return nghttp2_hd_inflate_end_headers(d) == 0;
}

struct world {
    struct hpack_decoder *d, *blind, *second; /* `blind` tells its first field only */
    struct hpack_encoder *c;
    nghttp2_hd_inflater *theirs;
};

/* What was told and checked comes back as it was. */
static void round_trip(struct world *w, const struct fields *t) {
    struct arena a = {0};
    struct buf back = {0};
    WEFT_ASSERT(hpack_decode(w->second, buf_str(&t->again), &a, on_again, &back, NULL) == 0);
    WEFT_ASSERT(str_eq(buf_str(&back), buf_str(&t->checked)));
    buf_fini(&back);
    arena_fini(&a);
}

static void fields_fini(struct fields *t) {
    buf_fini(&t->text);
    buf_fini(&t->checked);
    buf_fini(&t->again);
}

/* False: the connection ends. */
static bool one_block(struct world *w, struct str block) {
    struct arena a = {0}, none = {0};
    struct fields ours = {.c = w->c, .budget = BUDGET, .more = true}, first = {.more = true};
    struct buf theirs = {0};
    hpack_begin(w->c, &ours.again);
    int r = hpack_decode(w->d, block, &a, on_field, &ours, NULL);
    WEFT_ASSERT(r == 0 || r == WEFT_E_PROTOCOL);
    /* Room for Huffman's code is 8/5 of it; small strings share 512 octets, of which a quarter may be left over; one field goes
     * beyond the budget. */
    WEFT_ASSERT(a.used <= 2 * BUDGET + HPACK_TABLE + 2 * block.len + 1024);
    WEFT_ASSERT(hpack_decode(w->blind, block, &none, on_field, &first, NULL) == r);
    WEFT_ASSERT(inflate(w->theirs, block, &theirs) == (r == 0));
    struct str told = buf_str(&ours.text), want = buf_str(&theirs);
    WEFT_ASSERT(str_eq(told, ours.more ? want : str_first(want, told.len)));
    round_trip(w, &ours);
    fields_fini(&ours);
    fields_fini(&first);
    buf_fini(&theirs);
    arena_fini(&a);
    arena_fini(&none);
    return r == 0;
}

/* The first octet: a limit for our encoder. Then blocks: two octets of length, and so many. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world w = {hpack_decoder_new(HPACK_TABLE), hpack_decoder_new(HPACK_TABLE), hpack_decoder_new(HPACK_TABLE),
                      hpack_encoder_new(), NULL};
    WEFT_ASSERT(nghttp2_hd_inflate_new(&w.theirs) == 0);
    struct str rest = str_n(data, size);
    if (rest.len) {
        hpack_encoder_limit(w.c, (uint8_t)rest.ptr[0] * 16u);
        rest = str_from(rest, 1);
    }
    while (rest.len > 2) {
        size_t len = (size_t)(uint8_t)rest.ptr[0] << 8 | (uint8_t)rest.ptr[1];
        struct str block = str_first(str_from(rest, 2), len);
        rest = str_from(rest, 2 + len);
        if (!one_block(&w, block))
            break;
    }
    hpack_decoder_free(&w.d);
    hpack_decoder_free(&w.blind);
    hpack_decoder_free(&w.second);
    hpack_encoder_free(&w.c);
    nghttp2_hd_inflate_del(w.theirs);
    return 0;
}
