// SPDX-License-Identifier: Apache-2.0
#pragma once
/* secret: certificates and what TLS contexts refer to (envoy.extensions.transport_sockets.tls.v3). */
#include <stdbool.h>
#include "model/ref.h"

struct secret { /* a resource (SDS) */
    struct ref ref;
    struct str name;
    struct str cert_pem, key_pem;      /* a certificate, or empty */
    struct str ca_pem;                 /* a validation context, or empty */
    bool cert_text, key_text, ca_text; /* they were told as a string, not as octets: so they are told on */
    /* Instead of PEM: files where the client is, read anew when something is renamed into the directory `watched`; empty: when
     * the file itself is replaced so. */
    struct str cert_file, key_file, ca_file, watched;
};

#define FETCH_DEFAULT_US 15000000u /* initial_fetch_timeout, when nothing is said */

struct secret_ref {     /* where a TLS context finds a certificate, or trusted CAs (SdsSecretConfig) */
    struct str name;    /* empty: nowhere, they are said in place */
    struct str path;    /* of the file that it is in; empty: the control plane's or the bootstrap's */
    struct str watched; /* the file is read anew when something is renamed into this directory; empty: when it is itself */
    struct str key;     /* under which a snapshot has it, see secret_key */
    uint64_t fetch_us;  /* its user is warm without it after so long; 0: FETCH_DEFAULT_US; UINT64_MAX: never */
    bool fixed;         /* of the bootstrap, and of nobody else */
};

struct data_source { /* one of both, or neither */
    struct str file, inline_bytes;
    bool text; /* inline_bytes were told as a string */
};

struct tls_context {                          /* part of a listener's filter chain or of a cluster */
    struct secret_ref cert_secret, ca_secret; /* in a weft sidecar "default" and "ROOTCA" are its own identity and mesh CA */
    struct str provider;                      /* gRPC: of certificates, in its bootstrap, for all of these; encoded only */
    struct data_source cert, key, ca;         /* static bootstraps */
    struct str *sans;                         /* exact URI SANs the peer must have one of; none: any of the CA */
    size_t n_sans;
    struct str sni; /* upstream */
    struct str *alpn;
    size_t n_alpn;
    bool require_client_cert; /* downstream */
    bool no_resumption;       /* downstream: every handshake is a full one */
};
struct secret *secret_new(void);
/* Its own arena holds the text: forgotten (overwritten) with it. */
struct secret *secret_copy(const struct secret *s);
/* Its name; of one in a file something that no name can be, made by the decoder. */
static inline struct str secret_key(const struct secret_ref *r) {
    return r->path.len ? r->key : r->name;
}
static inline bool secret_is_certificate(const struct secret *s) { /* else a validation context */
    return s->cert_pem.len || s->cert_file.len;
}
