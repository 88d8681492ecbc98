// SPDX-License-Identifier: Apache-2.0
/* An HTTP/1.1 request: how it is cut changes nothing; what is accepted is written and read again as the same message. */
#include "h1_common.h"

static void same_message(const struct msg *m, const struct msg *again) {
    WEFT_ASSERT(str_eq(m->method, again->method) && str_eq(m->authority, again->authority) && str_eq(m->path, again->path));
    WEFT_ASSERT(str_eq(m->scheme, again->scheme) && m->absolute_form == again->absolute_form);
    WEFT_ASSERT(m->content_length == again->content_length && m->chunked == again->chunked);
    WEFT_ASSERT(m->keep_alive == again->keep_alive && str_eq(m->upgrade, again->upgrade));
    h1_same_fields(&m->fields, &again->fields);
}

static void round_trip(const struct msg *m, struct arena *a) {
    struct buf out = {0};
    struct msg again;
    size_t scanned = 0;
    WEFT_ASSERT(h1_write_request(&out, m, NULL) == 0);
    if (m->version == 11) { /* 1.0 may lack Host, and keep-alive means another thing: what is written is 1.1 */
        const struct h1_limits wide = {.line = UINT32_MAX / 4, .head = UINT32_MAX / 4, .fields = UINT32_MAX / 4};
        WEFT_ASSERT(h1_head_len(buf_str(&out), &scanned, &wide, NULL) == (int)out.len);
        WEFT_ASSERT(h1_parse_request(&again, buf_str(&out), &wide, a, NULL) == 0);
        same_message(m, &again);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_n(data, size);
    struct arena a = {0};
    struct msg m;
    int n = h1_head_every_way(in);
    if (n > 0 && h1_parse_request(&m, str_first(in, (size_t)n), NULL, &a, NULL) == 0) {
        struct h1_body b;
        round_trip(&m, &a);
        h1_body_of_request(&b, &m);
        h1_body_every_way(&b, str_from(in, (size_t)n));
    }
    arena_fini(&a);
    return 0;
}
