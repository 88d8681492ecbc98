// SPDX-License-Identifier: Apache-2.0
#pragma once
/* tls_int: what tls.c (the transport) and tls_ctx.c (what is agreed on beforehand, and who is trusted) share. */
#include <openssl/ssl.h>
#include <stdatomic.h>
#include "io/tls.h"
struct loop;
struct tls_cache;

struct tls_ctx {
    atomic_uint refs;
    SSL_CTX *ssl;
    BIO_METHOD *bio; /* of the connections */
    EVP_MD *sha256;  /* fetched once */
    struct tls_cache *cache;
    bool server;
    bool verify; /* there are trusted CAs */
    bool spiffe;
    char *trust_domain;
    unsigned char *alpn; /* protocols in wire form (RFC 7301 §3.1), best first */
    unsigned alpn_len;
};

struct tls_want { /* the app data of an SSL: whom the connection accepts, and whom it has accepted */
    const struct tls_ctx *ctx;
    char **ids; /* SPIFFE IDs, of which the peer's must be one; n_ids 0: any of the trust domain */
    size_t n_ids;
    const struct err **error; /* the transport's: WEFT_E_CERT and why, when the certificate is not accepted */
    struct loop *loop;        /* for the time of day */
    char *key;                /* client: where sessions with that server are kept */
    int64_t until; /* Unix seconds: when the first certificate of the peer's chain expires; INT64_MAX: it showed none */
    char *id;      /* the peer's SPIFFE ID, verified; owned; NULL: none */
};

/* ---- the cache (tls_cache.c) ----
 * What handshakes remember of earlier ones: chains that were verified, by their hash, and sessions. It belongs to one
 * set of trusted CAs and one certificate, those of its context, and ends with them: so a rotated certificate or CA ends
 * resumption. Bounded. Threads: any; a lock is held for a look-up or a change, in handshakes only. */
struct tls_cache *tls__cache_new(void);
struct tls_cache *tls__cache_ref(struct tls_cache *c);
void tls__cache_unref(struct tls_cache **c);
/* Was a chain with that hash found good, and does it hold at `now`? Then until and id as it was remembered. */
bool tls__cache_chain(struct tls_cache *c, const unsigned char hash[32], int64_t now, struct tls_want *want);
void tls__cache_add_chain(struct tls_cache *c, const unsigned char hash[32], const struct tls_want *want);
/* Takes a session out, since it resumes once (RFC 8446 §C.4): a client's by where it goes, a server's by its id. NULL: none, or
 * the peer's certificates have expired, or the peer is none of those wanted. until and id are set. */
SSL_SESSION *tls__cache_session(struct tls_cache *c, struct str key, int64_t now, struct tls_want *want);
void tls__cache_add_session(struct tls_cache *c, struct str key, SSL_SESSION *session,
                            const struct tls_want *want); /* takes the reference */
void tls__set_id(struct tls_want *want, struct str id);
bool tls__wanted(const struct tls_want *want, struct str id);
int64_t tls__now(const struct tls_want *want); /* Unix seconds */

BIO_METHOD *tls__bio_method(void); /* over a struct transport; the caller frees it */
