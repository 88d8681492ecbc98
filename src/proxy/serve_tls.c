// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "io/file.h"
#include "io/tls.h"
#include "proxy/serve_int.h"

#define PEM_MAX (1u << 20) /* octets of a PEM file */

static int read_source(const struct data_source *d, struct buf *out, struct err *e) {
    if (d->file.len)
        return file_read(d->file, PEM_MAX, out, e);
    buf_add(out, d->inline_bytes);
    return 0;
}

struct str serve__alpn(const struct tls_context *t, struct arena *a) {
    struct str s = STR_NONE;
    for (size_t i = 0; i < t->n_alpn; i++)
        s = i ? arena_fmt(a, STR_FMT "," STR_FMT, STR_ARG(s), STR_ARG(t->alpn[i])) : t->alpn[i];
    return s;
}

/* What a context refers to by name is in the snapshot: static secrets of the bootstrap, or what came over SDS. */
static struct secret *find_secret(const struct snap *snap, const struct secret_ref *r, bool certificate, bool *wait) {
    struct secret *s = r->name.len ? snap_get(snap, XDS_SECRET, secret_key(r)) : NULL;
    if (s && (certificate ? s->cert_pem.len && s->key_pem.len : s->ca_pem.len))
        return ref_get(s);
    *wait |= r->name.len != 0;
    return NULL;
}

struct serve_secrets serve__secrets(const struct tls_context *t, const struct snap *snap) {
    struct serve_secrets s = {0};
    s.cert = find_secret(snap, &t->cert_secret, true, &s.wait);
    s.ca = find_secret(snap, &t->ca_secret, false, &s.wait);
    return s;
}

bool serve__same_secrets(const struct serve_secrets *a, const struct serve_secrets *b) {
    return a->cert == b->cert && a->ca == b->ca && a->wait == b->wait;
}

struct serve_secrets serve__secrets_again(const struct serve_secrets *s) {
    return (struct serve_secrets){s->cert ? ref_get(s->cert) : NULL, s->ca ? ref_get(s->ca) : NULL, s->wait};
}

void serve__secrets_drop(struct serve_secrets *s) {
    ref_put(s->cert);
    ref_put(s->ca);
}

static int read_tls(const struct tls_context *t, const struct serve_secrets *s, struct buf *cert, struct buf *key, struct buf *ca,
                    struct err *e) {
    buf_add(cert, s->cert ? s->cert->cert_pem : STR_NONE);
    buf_add(key, s->cert ? s->cert->key_pem : STR_NONE);
    buf_add(ca, s->ca ? s->ca->ca_pem : STR_NONE);
    int rc = read_source(&t->cert, cert, e);
    if (rc >= 0)
        rc = read_source(&t->key, key, e);
    return rc < 0 ? rc : read_source(&t->ca, ca, e);
}

static bool is_spiffe(struct str san) {
    struct str scheme = STR("spiffe://");
    return str_starts(san, scheme) && san.len > scheme.len && san.ptr[scheme.len] != '/';
}

static int check_sans(const struct tls_context *t, bool server, struct err *e) {
    if (server && t->n_sans) /* of a client only the trust domain would be looked at */
        return err_set(e, WEFT_E_UNSUPPORTED, "match_typed_subject_alt_names of clients: say it in an RBAC filter");
    for (size_t i = 0; i < t->n_sans; i++)
        if (!is_spiffe(t->sans[i]))
            return err_set(e, WEFT_E_UNSUPPORTED, "match_typed_subject_alt_names: a name but of SPIFFE");
    return 0;
}

/* Of what is there: without a secret that is still to come it is good for nothing but to be tried. */
static int make_tls(struct tls_ctx **out, const struct tls_context *t, bool server, const struct serve_secrets *s,
                    struct err *e) {
    bool lacks_cert = t->cert_secret.name.len && !s->cert, lacks_ca = t->ca_secret.name.len && !s->ca;
    struct buf cert = {0}, key = {0}, ca = {0};
    struct arena a = {0};
    int rc = read_tls(t, s, &cert, &key, &ca, e);
    if (rc >= 0) {
        struct tls_cfg cfg = {.server = server && !lacks_cert,
                              .cert_pem = buf_str(&cert),
                              .key_pem = buf_str(&key),
                              .ca_pem = buf_str(&ca),
                              .spiffe = t->n_sans > 0 && !lacks_ca,
                              .require_peer = t->require_client_cert && !lacks_ca,
                              .no_resumption = t->no_resumption,
                              .alpn = serve__alpn(t, &a)};
        struct str td = t->n_sans ? str_from(t->sans[0], sizeof("spiffe://") - 1) : STR_NONE;
        cfg.trust_domain = str_cut(&td, '/');
        rc = tls_ctx_new(out, &cfg, e);
    }
    buf_fini(&cert);
    buf_fini(&key);
    buf_fini(&ca);
    arena_fini(&a);
    return rc;
}

int serve__tls(struct tls_ctx **out, const struct tls_context *t, bool server, const struct serve_secrets *s, struct err *e) {
    int rc = check_sans(t, server, e);
    return rc < 0 || s->wait ? rc : make_tls(out, t, server, s, e);
}

int serve_try_tls(const struct tls_context *t, bool server, struct err *e) {
    struct tls_ctx *c = NULL;
    int rc = check_sans(t, server, e);
    if (rc >= 0)
        rc = make_tls(&c, t, server, &(struct serve_secrets){0}, e);
    tls_ctx_unref(&c);
    return rc;
}
