// SPDX-License-Identifier: Apache-2.0
#pragma once
/* identity: who this proxy is: its key, its certificate, the mesh's CA, and the two TLS contexts made from them. Immutable once
 * it has them; reference-counted: ref_get, ref_put (model/ref.h). Threads: any. Tests: tests/unit/proxy/identity.c, kept.c */
#include "base/err.h"
#include "model/ref.h"
struct buf;
struct rand;
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
/* When to ask for the next one, in microseconds from now: half of what is left, +- 10 %. Of a certificate that has just been
 * signed (fresh) what is left is its whole life, whatever our own clock says: a clock that goes wrong must neither renew all the
 * time nor too late. */
uint64_t identity_renew_in(const struct identity *id, bool fresh, uint64_t wall_us, struct rand *r);
/* Is it of the CA with that hash, with more than half of its life to go? */
bool identity_good(const struct identity *id, struct str ca_hash, uint64_t wall_us);
/* By how many seconds our clock is ahead of the CA's (< 0: behind), as a certificate tells that has just been signed by weft's.
 */
int64_t identity_skew(const struct identity *id, uint64_t wall_us);
/* Until it expires, under the names of Istio's agent (seconds, < 0: since when it has) and of Envoy (whole days). */
void identity_print(const struct identity *id, uint64_t wall_us, struct buf *out);
uint64_t identity_days_left(const struct identity *id, uint64_t wall_us);
