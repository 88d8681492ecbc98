// SPDX-License-Identifier: Apache-2.0
#pragma once
/* tls: TLS 1.3 over a transport, behind one small interface (OpenSSL 3 today; its types stay in io/tls*.c and crypto/).
 *
 * Identity is SPIFFE (X509-SVID): the chain is verified against the trusted CAs, then the leaf by the rules of the SVID
 * specification (crypto/x509.h); host names are never compared, SNI is routing only.
 * One receive per wake-up (read-ahead); what one writev brings leaves in as few records as fit, and one send.
 * SSL_MODE_RELEASE_BUFFERS. Sessions resume (RFC 8446 §2.2) with the context that made them, until the first certificate of the
 * peer's chain expires: a new certificate or CA is a new context, and begins anew. Chains that were verified are remembered until
 * then too. Threads: a tls_ctx may be shared by all (reference-counted, immutable but for what it remembers); a transport belongs
 * to its loop. Tests: tests/unit/io/tls.c */
#include "base/str.h"
#include "io/transport.h"

struct tls_ctx; /* immutable; reference-counted (atomic) */

struct tls_cfg {
    bool server;
    struct str cert_pem, key_pem; /* leaf first, then intermediates; empty for a client without a certificate */
    struct str ca_pem;            /* trusted CAs; empty: the peer is not verified (then spiffe must be false) */
    const struct tls_ctx *same;   /* has been made from the same three: they are not decoded again; else NULL */
    bool spiffe;                  /* the peer must be an X509-SVID of trust_domain */
    struct str trust_domain;
    bool require_peer;  /* server: a client without a certificate fails in the handshake */
    bool no_resumption; /* server: every handshake is a full one */
    struct str alpn;    /* protocols separated by ',', best first: "h2,http/1.1"; empty: none. A client that offers ALPN of
                         * which we have none fails in the handshake (RFC 7301 §3.2) */
};

struct tls_peer {           /* who is at the other end, as its certificate proves */
    struct str spiffe;      /* "spiffe://cluster.local/ns/default/sa/web"; empty when the certificate has none */
    struct str ns, service; /* of spiffe, when it has the form /ns/NS/sa/SERVICE; else empty */
    struct str subject;     /* RFC 2253 */
    char hash[65];          /* SHA-256 of the DER, lower-case hex (Envoy's XFCC Hash) */
    int64_t not_after;      /* Unix seconds */
};

int tls_ctx_new(struct tls_ctx **out, const struct tls_cfg *cfg, struct err *e) MUST_CHECK;
struct tls_ctx *tls_ctx_ref(struct tls_ctx *c);
/* A client's context that differs from `base` in what it offers by ALPN, and shares the rest. */
int tls_ctx_offer(struct tls_ctx **out, const struct tls_ctx *base, struct str alpn, struct err *e) MUST_CHECK;
void tls_ctx_unref(struct tls_ctx **c);

/* Wraps an open transport and takes it over (*below becomes NULL). TR_OPEN or TR_FAIL (WEFT_E_TLS, WEFT_E_CERT, WEFT_E_TIMEOUT)
 * follows. timeout_us for the handshake; 0: 10 s. `ctx` is referenced.
 * A client's TR_OPEN comes before the server has judged the client's certificate (RFC 8446 §4.4.2.4): a refusal is then told as
 * TR_FAIL with WEFT_E_CERT. A dial that fails below a client keeps its own error. */
struct transport *tls_server(struct transport **below, struct tls_ctx *ctx, uint64_t timeout_us, transport_f *on_event,
                             void *arg);
/* What the client asked for (SNI); empty when it did not, or the handshake is not over. As long as the transport. */
struct str tls_server_name(const struct transport *t);
/* `sni` may be empty. `spiffe_ids` (n of them, copied): the server's SPIFFE ID must be one; n = 0 accepts every SVID of the
 * trust domain. May wrap a transport that is still connecting. */
struct transport *tls_client(struct transport **below, struct tls_ctx *ctx, struct str sni, const struct str *spiffe_ids,
                             size_t n, uint64_t timeout_us, transport_f *on_event, void *arg);
