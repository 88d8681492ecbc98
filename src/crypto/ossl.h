// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ossl: what all users of OpenSSL need: its error queue turned into ours, PEM texts read and written.
 * No function here ever asks for a pass phrase. Every function leaves OpenSSL's error queue empty.
 * Threads: any. Tests: tests/unit/crypto/x509.c, tests/unit/crypto/csr.c */
#include <openssl/x509.h>
#include <stdbool.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Sets `code` with "what: the first reason in OpenSSL's queue", empties the queue, and returns `code`. */
int ossl_err(struct err *e, int code, const char *what);
void ossl_drain(void); /* empties the queue, where a failure is an answer and not an error */

/* Borrows `text` for the BIO's life; NULL when it is past 1 MiB. The caller frees it with BIO_free. */
BIO *ossl_bio(struct str text);
/* The next certificate of a PEM text: 1 with a new reference, 0 at the end, or a WEFT_E. Other blocks are an error. */
int ossl_next_cert(X509 **out, BIO *bio, struct err *e) MUST_CHECK;
/* The same, not decoded, for which OpenSSL 3 takes half a millisecond: 1, and ossl_drop_der frees it. */
int ossl_next_der(struct str *der, BIO *bio, struct err *e) MUST_CHECK;
void ossl_drop_der(struct str *der);
int ossl_read_key(EVP_PKEY **out, struct str pem, struct err *e) MUST_CHECK; /* an unencrypted private key, a new reference */
int ossl_read_csr(X509_REQ **out, struct str pem, struct err *e) MUST_CHECK; /* a new reference */

/* PEM texts, in the arena. The key's is PKCS 8, unencrypted. */
int ossl_cert_pem(struct str *out, X509 *cert, struct arena *a, struct err *e) MUST_CHECK;
int ossl_key_pem(struct str *out, EVP_PKEY *key, struct arena *a, struct err *e) MUST_CHECK;
int ossl_csr_pem(struct str *out, X509_REQ *csr, struct arena *a, struct err *e) MUST_CHECK;
