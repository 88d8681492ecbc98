// SPDX-License-Identifier: Apache-2.0
/* An HTTP/1.1 response, to the request method that the first octet chooses: the properties of h1_request. */
#include "h1_common.h"

static void round_trip(const struct msg *m, enum http_method method, struct arena *a) {
    struct buf out = {0};
    struct msg again;
    const struct h1_limits wide = {.line = UINT32_MAX / 4, .head = UINT32_MAX / 4, .fields = UINT32_MAX / 4};
    WEFT_ASSERT(h1_write_response(&out, m, NULL) == 0);
    if (m->version == 11) {
        WEFT_ASSERT(h1_parse_response(&again, buf_str(&out), method, &wide, a, NULL) == 0);
        WEFT_ASSERT(m->status == again.status && (m->reason.len == 0 || str_eq(m->reason, again.reason)));
        WEFT_ASSERT(m->content_length == again.content_length && m->chunked == again.chunked &&
                    m->keep_alive == again.keep_alive);
        h1_same_fields(&m->fields, &again.fields);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    static const enum http_method methods[] = {METHOD_GET, METHOD_HEAD, METHOD_CONNECT, METHOD_POST};
    enum http_method method = methods[data[0] % 4];
    struct str in = str_n(data + 1, size - 1);
    struct arena a = {0};
    struct msg m;
    int n = h1_head_every_way(in);
    if (n > 0 && h1_parse_response(&m, str_first(in, (size_t)n), method, NULL, &a, NULL) == 0) {
        struct h1_body b;
        round_trip(&m, method, &a);
        h1_body_of_response(&b, &m, method);
        h1_body_every_way(&b, str_from(in, (size_t)n));
    }
    arena_fini(&a);
    return 0;
}
