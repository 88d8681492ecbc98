// SPDX-License-Identifier: Apache-2.0
/* SDS: a certificate with its key, or trusted CAs. Contents come inline: a control plane has no say in our files here. An Envoy
 * is told the files that it named itself, for a private key never leaves its machine. */
#include "xds/xds.h"
#include "xds/xds_int.h"

static Ec__DataSource *encode_pem(struct arena *a, struct str pem) {
    const struct data_source d = {.inline_bytes = pem};
    return xds__encode_data(a, &d);
}

static Ec__DataSource *encode_file(struct arena *a, struct str file) {
    const struct data_source d = {.file = file};
    return xds__encode_data(a, &d);
}

static void encode_certificate(struct arena *a, const struct secret *s, Etls__TlsCertificate *w) {
    if (s->cert_pem.len) {
        w->certificate_chain = encode_pem(a, s->cert_pem);
        w->private_key = encode_pem(a, s->key_pem);
        return;
    }
    w->certificate_chain = encode_file(a, s->cert_file);
    w->private_key = encode_file(a, s->key_file);
    w->watched_directory = PACK_NEW(a, ec__watched_directory);
    w->watched_directory->path = pack_str(a, s->watched);
}

static void encode_ca(struct arena *a, const struct secret *s, Etls__CertificateValidationContext *w) {
    if (!s->ca_file.len) {
        w->trusted_ca = encode_pem(a, s->ca_pem);
        return;
    }
    w->trusted_ca = encode_file(a, s->ca_file);
    w->watched_directory = PACK_NEW(a, ec__watched_directory);
    w->watched_directory->path = pack_str(a, s->watched);
}

struct xds_resource *xds_encode_secret(const struct secret *s) {
    struct arena a = {0};
    Etls__Secret *w = PACK_NEW(&a, etls__secret);
    w->name = pack_str(&a, s->name);
    if (s->cert_pem.len || s->cert_file.len) {
        w->type_case = ETLS__SECRET__TYPE_TLS_CERTIFICATE;
        w->tls_certificate = PACK_NEW(&a, etls__tls_certificate);
        encode_certificate(&a, s, w->tls_certificate);
    } else {
        w->type_case = ETLS__SECRET__TYPE_VALIDATION_CONTEXT;
        w->validation_context = PACK_NEW(&a, etls__certificate_validation_context);
        encode_ca(&a, s, w->validation_context);
    }
    struct xds_resource *r = pack_resource(XDS_SECRET, s->name, w);
    arena_fini(&a);
    return r;
}

static int decode_pem(struct unpack *u, const Ec__DataSource *w, const char *what, struct str *pem) {
    struct data_source d = {0};
    if (xds__decode_data(u, w, what, &d) < 0)
        return u->e->code;
    *pem = d.inline_bytes;
    return d.file.len ? err_set(u->e, WEFT_E_UNSUPPORTED, "%s: must be inline", what) : 0;
}

static int decode_ca(struct unpack *u, const Etls__CertificateValidationContext *w, struct secret *s) {
    if (w->crl || w->ca_certificate_provider_instance || w->n_match_subject_alt_names || w->n_match_typed_subject_alt_names)
        return unpack_unsupported(u, "validation_context: more than trusted_ca in a secret");
    return decode_pem(u, w->trusted_ca, "trusted_ca", &s->ca_pem);
}

int xds__decode_secret(struct unpack *u, struct str bytes, struct secret *s) {
    Etls__Secret *w;
    if (unpack_msg(u, &etls__secret__descriptor, bytes, &w) < 0 || unpack_name(u, w->name, "name", &s->name) < 0)
        return u->e->code;
    switch (w->type_case) {
    case ETLS__SECRET__TYPE_VALIDATION_CONTEXT: return decode_ca(u, w->validation_context, s);
    case ETLS__SECRET__TYPE_TLS_CERTIFICATE:
        if (decode_pem(u, w->tls_certificate->certificate_chain, "certificate_chain", &s->cert_pem) < 0)
            return u->e->code;
        return decode_pem(u, w->tls_certificate->private_key, "private_key", &s->key_pem);
    case ETLS__SECRET__TYPE_SESSION_TICKET_KEYS: return unpack_unsupported(u, "session_ticket_keys");
    default: return err_set(u->e, WEFT_E_INVALID, "secret: empty");
    }
}
