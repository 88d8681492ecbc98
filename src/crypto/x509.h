// SPDX-License-Identifier: Apache-2.0
#pragma once
/* x509: reading and judging certificates. OpenSSL without sockets.
 * Threads: any. Tests: tests/unit/crypto/x509.c */
#include <openssl/types.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/spiffe.h"

struct x509_info {              /* slices in the arena */
    struct str subject, issuer; /* RFC 2253 */
    struct str spiffe;          /* the only URI SAN, when it is a valid SPIFFE ID; else empty */
    struct str *dns;            /* DNS SANs; those with anything but printable ASCII are left out */
    size_t n_dns;
    struct str serial;             /* lower-case hex */
    int64_t not_before, not_after; /* Unix seconds */
    char hash[65];                 /* SHA-256 of the DER, lower-case hex */
    bool ca;
};
int x509_describe(struct x509_info *out, X509 *cert, struct arena *a, struct err *e) MUST_CHECK;
int x509_describe_pem(struct x509_info *out, struct str pem, struct arena *a,
                      struct err *e) MUST_CHECK; /* the first certificate */
int64_t x509_not_after(const X509 *cert);        /* Unix seconds; 0 when it cannot be read */
/* The rules of an X509-SVID leaf (xds.md §4.1): exactly one URI SAN, a valid SPIFFE ID with a path; not a CA; keyUsage critical
 * with digitalSignature and without keyCertSign and cRLSign; EKU, if there, with both serverAuth and clientAuth; no NUL in SANs.
 * *id borrows from the arena. WEFT_E_CERT and why otherwise. (The chain is verified by the caller.) */
int x509_check_svid(struct spiffe_id *id, X509 *leaf, struct str trust_domain, struct arena *a, struct err *e) MUST_CHECK;
/* All certificates of a PEM text: references appended to out[max]; returns how many. Other PEM blocks are an error. */
int x509_load_pem(X509 **out, size_t max, struct str pem, struct err *e) MUST_CHECK;
/* SHA-256 (hex) of the DER of the first certificate: what pins a CA, in tokens and kept configurations. It is not decoded: who
 * trusts it does that. */
int x509_pem_hash(char out[65], struct str pem, struct err *e) MUST_CHECK;
