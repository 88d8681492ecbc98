// SPDX-License-Identifier: Apache-2.0
#pragma once
/* tls_int: what tls.c (the transport) and tls_ctx.c (what is agreed on beforehand, and who is trusted) share. */
#include <openssl/ssl.h>
#include <stdatomic.h>
#include "io/tls.h"

struct tls_ctx {
    atomic_uint refs;
    SSL_CTX *ssl;
    BIO_METHOD *bio; /* of the connections */
    bool server;
    bool verify; /* there are trusted CAs */
    bool spiffe;
    char *trust_domain;
    unsigned char *alpn; /* protocols in wire form (RFC 7301 §3.1), best first */
    unsigned alpn_len;
};

struct tls_want { /* the app data of an SSL: whom the connection accepts */
    const struct tls_ctx *ctx;
    char **ids; /* SPIFFE IDs, of which the peer's must be one; n_ids 0: any of the trust domain */
    size_t n_ids;
    const struct err **error; /* the transport's: WEFT_E_CERT and why, when the certificate is not accepted */
};

BIO_METHOD *tls__bio_method(void); /* over a struct transport; the caller frees it */
