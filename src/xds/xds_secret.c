// SPDX-License-Identifier: Apache-2.0
/* SDS: a certificate with its key, or trusted CAs: in place, or in files of whoever is told (a private key need not leave its
 * machine). */
#include "xds/xds.h"
#include "xds/xds_int.h"

/* As it was told: by the file's name, where it was that. */
static Ec__DataSource *encode_source(struct arena *a, struct str file, struct str pem, bool text) {
    const struct data_source d = {.file = file, .inline_bytes = file.len ? STR_NONE : pem, .text = text};
    return xds__encode_data(a, &d);
}

static Ec__WatchedDirectory *encode_watched(struct arena *a, struct str dir) {
    if (!dir.len)
        return NULL;
    Ec__WatchedDirectory *w = PACK_NEW(a, ec__watched_directory);
    w->path = pack_str(a, dir);
    return w;
}

static void encode_certificate(struct arena *a, const struct secret *s, Etls__TlsCertificate *w) {
    w->certificate_chain = encode_source(a, s->cert_file, s->cert_pem, s->cert_text);
    w->private_key = encode_source(a, s->key_file, s->key_pem, s->key_text);
    w->watched_directory = encode_watched(a, s->watched);
}

static void encode_ca(struct arena *a, const struct secret *s, Etls__CertificateValidationContext *w) {
    w->trusted_ca = encode_source(a, s->ca_file, s->ca_pem, s->ca_text);
    w->watched_directory = encode_watched(a, s->watched);
}

struct xds_resource *xds_encode_secret(const struct secret *s) {
    struct arena a = {0};
    Etls__Secret *w = PACK_NEW(&a, etls__secret);
    w->name = pack_str(&a, s->name);
    if (secret_is_certificate(s)) {
        w->type_case = ETLS__SECRET__TYPE_TLS_CERTIFICATE;
        w->tls_certificate = PACK_NEW(&a, etls__tls_certificate);
        encode_certificate(&a, s, w->tls_certificate);
    } else if (s->ca_pem.len || s->ca_file.len) { /* else nothing is known but the name */
        w->type_case = ETLS__SECRET__TYPE_VALIDATION_CONTEXT;
        w->validation_context = PACK_NEW(&a, etls__certificate_validation_context);
        encode_ca(&a, s, w->validation_context);
    }
    struct xds_resource *r = pack_resource(XDS_SECRET, s->name, w);
    arena_fini(&a);
    return r;
}

static int decode_pem(struct unpack *u, const Ec__DataSource *w, const char *what, struct str *pem, struct str *file,
                      bool *text) {
    struct data_source d = {0};
    if (xds__decode_data(u, w, what, &d) < 0)
        return u->e->code;
    *pem = d.inline_bytes;
    *file = d.file;
    *text = d.text;
    return 0;
}

static int decode_watched(struct unpack *u, const Ec__WatchedDirectory *w, struct secret *s) {
    return w ? unpack_name(u, w->path, "watched_directory: path", &s->watched) : 0;
}

static int decode_ca(struct unpack *u, const Etls__CertificateValidationContext *w, struct secret *s) {
    if (w->crl || w->ca_certificate_provider_instance || w->n_match_subject_alt_names || w->n_match_typed_subject_alt_names)
        return unpack_unsupported(u, "validation_context: more than trusted_ca in a secret");
    if (decode_pem(u, w->trusted_ca, "trusted_ca", &s->ca_pem, &s->ca_file, &s->ca_text) < 0)
        return u->e->code;
    return decode_watched(u, w->watched_directory, s);
}

static int decode_certificate(struct unpack *u, const Etls__TlsCertificate *w, struct secret *s) {
    if (decode_pem(u, w->certificate_chain, "certificate_chain", &s->cert_pem, &s->cert_file, &s->cert_text) < 0 ||
        decode_pem(u, w->private_key, "private_key", &s->key_pem, &s->key_file, &s->key_text) < 0)
        return u->e->code;
    return decode_watched(u, w->watched_directory, s);
}

int xds__decode_secret(struct unpack *u, struct str bytes, struct secret *s) {
    Etls__Secret *w;
    if (unpack_msg(u, &etls__secret__descriptor, bytes, &w) < 0 || unpack_name(u, w->name, "name", &s->name) < 0)
        return u->e->code;
    switch (w->type_case) {
    case ETLS__SECRET__TYPE_VALIDATION_CONTEXT: return decode_ca(u, w->validation_context, s);
    case ETLS__SECRET__TYPE_TLS_CERTIFICATE: return decode_certificate(u, w->tls_certificate, s);
    case ETLS__SECRET__TYPE_SESSION_TICKET_KEYS: return unpack_unsupported(u, "session_ticket_keys");
    default: return err_set(u->e, WEFT_E_INVALID, "secret: empty");
    }
}
