// SPDX-License-Identifier: Apache-2.0
#pragma once
/* identity: who this proxy is: its key, its certificate, the mesh's CA, and the two TLS contexts made from them. Immutable once
 * it has them; reference-counted: ref_get, ref_put (model/ref.h). Threads: any. Tests: tests/unit/proxy/kept.c */
#include "base/err.h"
#include "model/ref.h"
struct tls_ctx;

struct identity {
    struct ref ref;
    struct str key_pem, cert_pem, ca_pem;
    struct str spiffe, trust_domain, ns, service; /* slices of the SPIFFE ID that the certificate holds */
    struct str serial;                            /* lower-case hex */
    char ca_hash[65];                             /* SHA-256 of the CA's DER */
    int64_t not_before, not_after;                /* Unix seconds */
    struct tls_ctx *server, *client;              /* NULL in one that is only described */
};

/* Reads what the certificate says, and no more: nobody can serve with it yet. */
int identity_describe(struct identity **out, struct str key_pem, struct str cert_pem, struct str ca_pem,
                      struct err *e) MUST_CHECK;
/* Judges key, certificate and CA by making the contexts, which takes milliseconds; nothing where they are. Before it is shared.
 */
int identity_arm(struct identity *id, struct err *e) MUST_CHECK;
/* Both. Judges the three and makes the contexts: WEFT_E_CERT, WEFT_E_CRYPTO, WEFT_E_TLS and why. The texts are copied. */
int identity_new(struct identity **out, struct str key_pem, struct str cert_pem, struct str ca_pem, struct err *e) MUST_CHECK;
