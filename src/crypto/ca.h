// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ca: the mesh's certificate authority: keys, the self-signed root, X509-SVID leaves, CSRs.
 * Leaves (contract §2): serial random 128 bit; CN "ns.service" (left out above 64 characters: then the subject is empty and the
 * SAN critical); SANs DNS ns.service, DNS service.ns.svc.cluster.local, URI spiffe://TD/ns/NS/sa/SERVICE; not before = now - 5
 * min; not after = min(now + ttl, the issuer's end); keyUsage critical digitalSignature; EKU serverAuth, clientAuth; CA:FALSE;
 * SKI and AKI. Root: EC P-256, 10 years, CN "weft root CA", O = trust domain, URI SAN spiffe://TD (no path), CA:TRUE, keyCertSign
 * and cRLSign critical. Time is an argument (Unix seconds). Threads: a struct ca is immutable: any. Tests: tests/unit/crypto/ca.c
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct ca;

#define CA_TTL_MAX (90 * 86400) /* seconds: leaves are never longer */
#define CA_BACKDATE 300         /* seconds */

/* Makes a new root. */
int ca_create(struct ca **out, struct str trust_domain, int64_t now, struct err *e) MUST_CHECK;
int ca_load(struct ca **out, struct str cert_pem, struct str key_pem,
            struct err *e) MUST_CHECK; /* they must belong together, be a CA and hold a trust domain */
void ca_free(struct ca **ca);
struct str ca_cert_pem(const struct ca *ca); /* as long as the ca */
struct str ca_key_pem(const struct ca *ca);  /* PKCS 8; secret */
struct str ca_trust_domain(const struct ca *ca);
int64_t ca_not_after(const struct ca *ca);

enum key_type { KEY_EC256, KEY_RSA2048 };
/* A fresh key and a certificate for it: PEM texts in the arena. ttl in seconds, 1 to CA_TTL_MAX. */
struct ca_issued {
    struct str key_pem;  /* PKCS 8; empty when it was a CSR */
    struct str cert_pem; /* the leaf */
    int64_t not_after;
};
int ca_issue(const struct ca *ca, struct str ns, struct str service, enum key_type type, int64_t ttl, int64_t now,
             struct arena *a, struct ca_issued *out, struct err *e) MUST_CHECK;
/* Takes only the key from the CSR, after checking its signature (proof of possession); EC P-256/P-384, RSA 2048 to 4096 or
 * Ed25519. At most 16 KiB. */
int ca_sign_csr(const struct ca *ca, struct str csr_pem, struct str ns, struct str service, int64_t ttl, int64_t now,
                struct arena *a, struct ca_issued *out, struct err *e) MUST_CHECK;
/* The other side: a fresh EC P-256 key (PKCS 8 PEM) and a CSR for it (subject empty). */
int csr_create(struct arena *a, struct str *key_pem, struct str *csr_pem, struct err *e) MUST_CHECK;
/* True when the key is the certificate's. */
bool key_matches_cert(struct str key_pem, struct str cert_pem);
