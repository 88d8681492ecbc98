// SPDX-License-Identifier: Apache-2.0
#pragma once
/* secret: certificates and what TLS contexts refer to (envoy.extensions.transport_sockets.tls.v3). */
#include "model/ref.h"

struct secret { /* a resource (SDS) */
    struct ref ref;
    struct str name;
    struct str cert_pem, key_pem; /* a certificate, or empty */
    struct str ca_pem;            /* a validation context, or empty */
    /* Instead: files where the client is, which it reads anew when something is renamed in that directory; encoded only. */
    struct str cert_file, key_file, ca_file, watched;
};

struct data_source { /* one of both, or neither */
    struct str file, inline_bytes;
};

struct tls_context { /* part of a listener's filter chain or of a cluster */
    struct str cert_secret,
        ca_secret;       /* SDS names; empty: inline. In a weft sidecar "default" and "ROOTCA" are its own identity and mesh CA */
    struct str provider; /* gRPC: of certificates, in its bootstrap, for all of these; encoded only */
    struct data_source cert, key, ca; /* static bootstraps */
    struct str *sans;                 /* exact URI SANs the peer must have one of; none: any of the CA */
    size_t n_sans;
    struct str sni; /* upstream */
    struct str *alpn;
    size_t n_alpn;
    bool require_client_cert; /* downstream */
    bool no_resumption;       /* downstream: every handshake is a full one */
};
struct secret *secret_new(void);
