// SPDX-License-Identifier: Apache-2.0
/* A PROXY protocol header of any octets: what is taken is within the input, and writes and reads back in both versions. */
#include "codec/proxy_protocol.h"
#include "base/mem.h"

static void check_back(const struct proxy_head *h, unsigned version) {
    char out[PROXY_PROTOCOL_OUT];
    struct proxy_head w = *h, back;
    struct err e = {0};
    w.version = version;
    size_t n = proxy_protocol_write(&w, out);
    WEFT_ASSERT(n > 0 && n <= sizeof out);
    WEFT_ASSERT(proxy_protocol_parse(&back, str_n(out, n), &e) == (int)n && back.version == version);
    for (size_t i = 0; i < n; i++) /* and never from a part of it */
        WEFT_ASSERT(proxy_protocol_parse(&w, str_n(out, i), &e) == 0);
    if (h->own || h->source.len != h->destination.len) {
        WEFT_ASSERT(back.own);
        return;
    }
    WEFT_ASSERT(!back.own && ip_eq(&back.source, &h->source) && ip_eq(&back.destination, &h->destination));
    WEFT_ASSERT(back.source_port == h->source_port && back.destination_port == h->destination_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct proxy_head h;
    struct err e = {0};
    int n = proxy_protocol_parse(&h, str_n(data, size), &e);
    WEFT_ASSERT(n < 0 || (size_t)n <= size);
    WEFT_ASSERT(n < 0 || n <= (int)PROXY_PROTOCOL_MAX);
    WEFT_ASSERT(n != 0 || size < PROXY_PROTOCOL_MAX);
    if (n > 0) {
        check_back(&h, 1);
        check_back(&h, 2);
    }
    return 0;
}
