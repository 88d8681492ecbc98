// SPDX-License-Identifier: Apache-2.0
/* A ClientHello of any octets: what is taken is sound, and is the same whatever follows it and however it came in pieces. */
#include "codec/tls_hello.h"
#include "base/mem.h"

static void check(const struct tls_hello *h) {
    WEFT_ASSERT(h->server_name.len <= 253 && h->n_protocols <= TLS_HELLO_PROTOCOLS);
    for (size_t i = 0; i < h->server_name.len; i++) {
        unsigned char c = (unsigned char)h->server_name.ptr[i];
        WEFT_ASSERT(c > ' ' && c < 0x7f && c != '*' && !(c >= 'A' && c <= 'Z'));
    }
    for (size_t i = 0; i < h->n_protocols; i++)
        WEFT_ASSERT(h->protocols[i].len > 0 && h->protocols[i].len < 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {0};
    struct tls_hello h, again;
    struct err e = {0};
    int whole = tls_hello_parse(&h, str_n(data, size), &a, &e);
    WEFT_ASSERT(whole == 0 || whole == 1 || whole == WEFT_E_PARSE || whole == WEFT_E_TOO_LARGE);
    WEFT_ASSERT(size < TLS_HELLO_MAX || whole != 0);
    if (whole == 1)
        check(&h);
    /* What a part of it decides stays decided: only "more" may become something else. */
    for (size_t n = size / 2; n < size; n += 1 + (size - n) / 2) {
        int part = tls_hello_parse(&again, str_n(data, n), &a, &e);
        WEFT_ASSERT(part == 0 || whole == part || (part == 1 && whole == WEFT_E_PARSE));
        if (part == 1 && whole == 1)
            WEFT_ASSERT(str_eq(h.server_name, again.server_name) && h.n_protocols == again.n_protocols);
    }
    arena_fini(&a);
    return 0;
}
