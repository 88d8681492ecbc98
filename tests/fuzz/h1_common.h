// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h1_common: properties that hold for requests and responses, for h1_request.c and h1_response.c (one of them includes it). */
#include "base/mem.h"
#include "codec/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length of the head, asked with all of it there, and octet by octet: the same answer. */
static int h1_head_every_way(struct str in) {
    size_t scanned = 0;
    int whole = h1_head_len(in, &scanned, NULL, NULL), n = 0;
    scanned = 0;
    for (size_t i = 0; i <= in.len && n == 0; i++)
        n = h1_head_len(str_first(in, i), &scanned, NULL, NULL);
    WEFT_ASSERT(n == whole);
    return n;
}

static void h1_same_fields(const struct msg_fields *f, const struct msg_fields *g) {
    unsigned k = 0;
    for (unsigned i = 0; i < f->n; i++) {
        while (k < g->n && g->at[k].id == HDR_HOST)
            k++;
        if (f->at[i].id == HDR_HOST)
            continue;
        WEFT_ASSERT(k < g->n && str_eq(f->at[i].name, g->at[k].name) && str_eq(f->at[i].value, g->at[k].value));
        k++;
    }
}

struct h1_outcome {
    int code;
    struct buf data, trailers;
    size_t used;
};

/* Reads a body that comes `step` octets at a time. */
static void h1_read_by(struct h1_body b, struct str in, size_t step, struct h1_outcome *o) {
    struct arena a = {0};
    *o = (struct h1_outcome){.code = H1_MORE};
    for (size_t from = 0; o->code == H1_MORE && from < in.len; from += step) {
        struct str part = str_first(str_from(in, from), step), data;
        struct msg_fields t = {0};
        while ((o->code = h1_body_next(&b, &part, &data, &t, NULL, &a, NULL)) == H1_DATA)
            buf_add(&o->data, data);
        for (unsigned i = 0; i < t.n; i++)
            buf_fmt(&o->trailers, "%.*s:%.*s;", STR_ARG(t.at[i].name), STR_ARG(t.at[i].value));
        o->used = from + (step < in.len - from ? step : in.len - from) - part.len;
    }
    h1_body_fini(&b);
    arena_fini(&a);
}

static void h1_body_every_way(const struct h1_body *b, struct str in) {
    struct h1_outcome whole, cut;
    h1_read_by(*b, in, in.len + 1, &whole);
    for (size_t step = 1; step < 8; step += 3) {
        h1_read_by(*b, in, step, &cut);
        WEFT_ASSERT(cut.code == whole.code && str_eq(buf_str(&cut.data), buf_str(&whole.data)));
        WEFT_ASSERT(str_eq(buf_str(&cut.trailers), buf_str(&whole.trailers)));
        WEFT_ASSERT(whole.code == H1_MORE || whole.code < 0 || cut.used == whole.used);
        buf_fini(&cut.data);
        buf_fini(&cut.trailers);
    }
    buf_fini(&whole.data);
    buf_fini(&whole.trailers);
}
