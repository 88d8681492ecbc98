// SPDX-License-Identifier: Apache-2.0
/* TLS contexts, as transport sockets. Unknown fields in them were refused by unpack. What is taken lightly: versions and cipher
 * suites (weft speaks TLS 1.3 only, which is never weaker), auto_host_sni (SNI is routing, never identity), and provider
 * instances that stand beside what we use. */
#include "xds/xds_int.h"

#define TLS_SOCKET "envoy.transport_sockets.tls"
#define RAW_SOCKET_URL "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"

/* ---- data sources ---- */

Ec__DataSource *xds__encode_data(struct arena *a, const struct data_source *d) {
    Ec__DataSource *w = PACK_NEW(a, ec__data_source);
    if (d->file.len) {
        w->specifier_case = EC__DATA_SOURCE__SPECIFIER_FILENAME;
        w->filename = pack_str(a, d->file);
    } else if (d->text) {
        w->specifier_case = EC__DATA_SOURCE__SPECIFIER_INLINE_STRING;
        w->inline_string = pack_str(a, d->inline_bytes);
    } else {
        w->specifier_case = EC__DATA_SOURCE__SPECIFIER_INLINE_BYTES;
        w->inline_bytes = (ProtobufCBinaryData){d->inline_bytes.len, (uint8_t *)d->inline_bytes.ptr};
    }
    return w;
}

static bool has_data(const struct data_source *d) {
    return d->file.len || d->inline_bytes.len;
}

int xds__decode_data(struct unpack *u, const Ec__DataSource *w, const char *what, struct data_source *d) {
    switch (w ? w->specifier_case : EC__DATA_SOURCE__SPECIFIER__NOT_SET) {
    case EC__DATA_SOURCE__SPECIFIER_FILENAME: return unpack_name(u, w->filename, what, &d->file);
    case EC__DATA_SOURCE__SPECIFIER_INLINE_STRING:
        d->text = true;
        return unpack_name(u, w->inline_string, what, &d->inline_bytes);
    case EC__DATA_SOURCE__SPECIFIER_INLINE_BYTES:
        d->inline_bytes = arena_dup(u->to, str_n(w->inline_bytes.data, w->inline_bytes.len));
        return d->inline_bytes.len ? 0 : err_set(u->e, WEFT_E_INVALID, "%s: must not be empty", what);
    default: return err_set(u->e, WEFT_E_INVALID, "%s: says no source", what);
    }
}

/* ---- encoding ---- */

static Ec__ConfigSource *encode_path(struct arena *a, const struct secret_ref *r) {
    Ec__ConfigSource *w = xds__encode_source(a, r->fetch_us);
    w->config_source_specifier_case = EC__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_PATH_CONFIG_SOURCE;
    w->path_config_source = PACK_NEW(a, ec__path_config_source);
    w->path_config_source->path = pack_str(a, r->path);
    if (r->watched.len) {
        w->path_config_source->watched_directory = PACK_NEW(a, ec__watched_directory);
        w->path_config_source->watched_directory->path = pack_str(a, r->watched);
    }
    return w;
}

static Etls__SdsSecretConfig *encode_sds(struct arena *a, const struct secret_ref *r) {
    Etls__SdsSecretConfig *w = PACK_NEW(a, etls__sds_secret_config);
    w->name = pack_str(a, r->name);
    if (!r->fixed)
        w->sds_config = r->path.len ? encode_path(a, r) : xds__encode_source(a, r->fetch_us);
    return w;
}

static Em__StringMatcher *encode_san(struct arena *a, struct str san) {
    const struct string_match m = {.kind = STRING_EXACT, .text = san};
    return xds__encode_string(a, &m);
}

/* Both lists: gRPC looks at the old one only and would take any certificate of the CA without it (xds.md §2.6). */
static void encode_sans(struct arena *a, const struct tls_context *t, Etls__CertificateValidationContext *w) {
    w->n_match_subject_alt_names = w->n_match_typed_subject_alt_names = t->n_sans;
    w->match_subject_alt_names = pack_array(a, t->n_sans);
    w->match_typed_subject_alt_names = pack_array(a, t->n_sans);
    for (size_t i = 0; i < t->n_sans; i++) {
        w->match_subject_alt_names[i] = encode_san(a, t->sans[i]);
        Etls__SubjectAltNameMatcher *typed = w->match_typed_subject_alt_names[i] = PACK_NEW(a, etls__subject_alt_name_matcher);
        typed->san_type = ETLS__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__URI;
        typed->matcher = encode_san(a, t->sans[i]);
    }
}

static void encode_validation(struct arena *a, const struct tls_context *t, Etls__CommonTlsContext *w) {
    if (!t->ca_secret.name.len && !has_data(&t->ca) && !t->n_sans)
        return;
    Etls__CertificateValidationContext *v = PACK_NEW(a, etls__certificate_validation_context);
    encode_sans(a, t, v);
    if (!t->ca_secret.name.len) {
        if (has_data(&t->ca))
            v->trusted_ca = xds__encode_data(a, &t->ca);
        w->validation_context_type_case = ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT;
        w->validation_context = v;
        return;
    }
    Etls__CommonTlsContext__CombinedCertificateValidationContext *both =
        PACK_NEW(a, etls__common_tls_context__combined_certificate_validation_context);
    both->default_validation_context = v;
    both->validation_context_sds_secret_config = encode_sds(a, &t->ca_secret);
    w->validation_context_type_case = ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_COMBINED_VALIDATION_CONTEXT;
    w->combined_validation_context = both;
}

static void encode_certificate(struct arena *a, const struct tls_context *t, Etls__CommonTlsContext *w) {
    if (t->cert_secret.name.len) {
        w->n_tls_certificate_sds_secret_configs = 1;
        w->tls_certificate_sds_secret_configs = pack_array(a, 1);
        w->tls_certificate_sds_secret_configs[0] = encode_sds(a, &t->cert_secret);
    } else if (has_data(&t->cert)) {
        w->n_tls_certificates = 1;
        w->tls_certificates = pack_array(a, 1);
        w->tls_certificates[0] = PACK_NEW(a, etls__tls_certificate);
        w->tls_certificates[0]->certificate_chain = xds__encode_data(a, &t->cert);
        w->tls_certificates[0]->private_key = xds__encode_data(a, &t->key);
    }
}

/* What gRPC takes, which refuses all else: names of its bootstrap, and no versions (gRFC A29). */
static Etls__CommonTlsContext *encode_provider(struct arena *a, const struct tls_context *t) {
    Etls__CommonTlsContext *w = PACK_NEW(a, etls__common_tls_context);
    Etls__CertificateProviderPluginInstance *own = PACK_NEW(a, etls__certificate_provider_plugin_instance);
    Etls__CertificateValidationContext *v = PACK_NEW(a, etls__certificate_validation_context);
    own->instance_name = pack_str(a, t->provider);
    w->tls_certificate_provider_instance = own;
    v->ca_certificate_provider_instance = own;
    encode_sans(a, t, v);
    w->validation_context_type_case = ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT;
    w->validation_context = v;
    return w;
}

static Etls__CommonTlsContext *encode_common(struct arena *a, const struct tls_context *t) {
    if (t->provider.len)
        return encode_provider(a, t);
    Etls__CommonTlsContext *w = PACK_NEW(a, etls__common_tls_context);
    w->tls_params = PACK_NEW(a, etls__tls_parameters);
    w->tls_params->tls_minimum_protocol_version = ETLS__TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_3;
    w->tls_params->tls_maximum_protocol_version = ETLS__TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_3; /* Envoy's clients: 1.2 */
    encode_certificate(a, t, w);
    encode_validation(a, t, w);
    w->n_alpn_protocols = t->n_alpn;
    w->alpn_protocols = pack_array(a, t->n_alpn);
    for (size_t i = 0; i < t->n_alpn; i++)
        w->alpn_protocols[i] = pack_str(a, t->alpn[i]);
    return w;
}

static Ec__TransportSocket *encode_socket(struct arena *a, const void *context) {
    Ec__TransportSocket *w = PACK_NEW(a, ec__transport_socket);
    w->name = (char *)TLS_SOCKET;
    w->config_type_case = EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
    w->typed_config = pack_any(a, context);
    return w;
}

Ec__TransportSocket *xds__encode_upstream(struct arena *a, const struct tls_context *t) {
    Etls__UpstreamTlsContext *w = PACK_NEW(a, etls__upstream_tls_context);
    w->common_tls_context = encode_common(a, t);
    if (!t->provider.len) /* gRPC says the target's name */
        w->sni = pack_str(a, t->sni);
    return encode_socket(a, w);
}

Ec__TransportSocket *xds__encode_downstream(struct arena *a, const struct tls_context *t) {
    Etls__DownstreamTlsContext *w = PACK_NEW(a, etls__downstream_tls_context);
    w->common_tls_context = encode_common(a, t);
    w->require_client_certificate = pack_bool(a, t->require_client_cert);
    w->disable_stateless_session_resumption = t->no_resumption;
    return encode_socket(a, w);
}

/* ---- decoding ---- */

static int decode_path(struct unpack *u, const Ec__PathConfigSource *w, const char *what, struct secret_ref *r) {
    if (unpack_name(u, w->path, "path_config_source: path", &r->path) < 0)
        return err_in(u->e, "%s", what);
    if (w->watched_directory && unpack_name(u, w->watched_directory->path, "watched_directory: path", &r->watched) < 0)
        return err_in(u->e, "%s", what);
    r->key = arena_fmt(u->to, STR_FMT "\n" STR_FMT, STR_ARG(r->path), STR_ARG(r->name));
    return 0;
}

static int decode_sds(struct unpack *u, const Etls__SdsSecretConfig *w, const char *what, struct secret_ref *r) {
    const Ec__ConfigSource *from = w->sds_config;
    if (unpack_name(u, w->name, what, &r->name) < 0)
        return u->e->code;
    if (memchr(r->name.ptr, '\n', r->name.len)) /* it would be somebody's key */
        return err_set(u->e, WEFT_E_INVALID, "%s: a line break in the name of a secret", what);
    r->fixed = !from;
    if (!from)
        return 0;
    if (from->config_source_specifier_case != EC__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_PATH_CONFIG_SOURCE)
        return xds__decode_source(u, from, what, &r->fetch_us);
    if (decode_path(u, from->path_config_source, what, r) < 0)
        return u->e->code;
    return xds__decode_fetch(u, from, what, &r->fetch_us);
}

static int decode_san(struct unpack *u, const Em__StringMatcher *w, struct str *san) {
    if (!w || w->match_pattern_case != EM__STRING_MATCHER__MATCH_PATTERN_EXACT || w->ignore_case)
        return unpack_unsupported(u, "subject alternative names: a matcher but exact");
    return unpack_name(u, w->exact, "subject alternative names", san);
}

/* The typed list, when there is one, is the one that counts. */
static int decode_sans(struct unpack *u, const Etls__CertificateValidationContext *w, struct tls_context *t) {
    bool typed = w->n_match_typed_subject_alt_names > 0;
    size_t n = typed ? w->n_match_typed_subject_alt_names : w->n_match_subject_alt_names;
    t->sans = arena_zalloc(u->to, n * sizeof *t->sans);
    for (t->n_sans = 0; t->n_sans < n; t->n_sans++) {
        const Etls__SubjectAltNameMatcher *m = typed ? w->match_typed_subject_alt_names[t->n_sans] : NULL;
        if (m && m->san_type != ETLS__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__URI)
            return unpack_unsupported(u, "match_typed_subject_alt_names: a type but URI");
        if (decode_san(u, m ? m->matcher : w->match_subject_alt_names[t->n_sans], &t->sans[t->n_sans]) < 0)
            return u->e->code;
    }
    return 0;
}

static int decode_context(struct unpack *u, const Etls__CertificateValidationContext *w, struct tls_context *t) {
    if (w->crl)
        return unpack_unsupported(u, "validation_context: crl");
    if (w->trusted_ca && xds__decode_data(u, w->trusted_ca, "trusted_ca", &t->ca) < 0)
        return u->e->code;
    return decode_sans(u, w, t);
}

static int decode_combined(struct unpack *u, const Etls__CommonTlsContext__CombinedCertificateValidationContext *w,
                           struct tls_context *t) {
    if (!w->validation_context_sds_secret_config)
        return unpack_unsupported(u, "combined_validation_context without an SDS secret");
    if (w->default_validation_context && decode_context(u, w->default_validation_context, t) < 0)
        return u->e->code;
    t->ca = (struct data_source){0}; /* the secret's takes its place */
    return decode_sds(u, w->validation_context_sds_secret_config, "validation_context_sds_secret_config", &t->ca_secret);
}

static int decode_validation(struct unpack *u, const Etls__CommonTlsContext *w, struct tls_context *t) {
    switch (w->validation_context_type_case) {
    case ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT:
        if (decode_context(u, w->validation_context, t) < 0)
            return u->e->code;
        if (!has_data(&t->ca)) /* names without a CA prove nothing; a CA from a provider we do not have */
            return err_set(u->e, WEFT_E_UNSUPPORTED, "validation_context: no trusted_ca");
        return 0;
    case ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT_SDS_SECRET_CONFIG:
        return decode_sds(u, w->validation_context_sds_secret_config, "validation_context_sds_secret_config", &t->ca_secret);
    case ETLS__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_COMBINED_VALIDATION_CONTEXT:
        return decode_combined(u, w->combined_validation_context, t);
    default: return 0;
    }
}

static int decode_certificate(struct unpack *u, const Etls__CommonTlsContext *w, struct tls_context *t) {
    if (w->n_tls_certificates + w->n_tls_certificate_sds_secret_configs > 1)
        return unpack_unsupported(u, "common_tls_context: more than one certificate");
    if (w->n_tls_certificate_sds_secret_configs)
        return decode_sds(u, w->tls_certificate_sds_secret_configs[0], "tls_certificate_sds_secret_configs", &t->cert_secret);
    if (w->n_tls_certificates) {
        if (xds__decode_data(u, w->tls_certificates[0]->certificate_chain, "certificate_chain", &t->cert) < 0)
            return u->e->code;
        return xds__decode_data(u, w->tls_certificates[0]->private_key, "private_key", &t->key);
    }
    if (w->tls_certificate_provider_instance || w->tls_certificate_certificate_provider_instance)
        return unpack_unsupported(u, "common_tls_context: certificate provider instances");
    return 0;
}

static int decode_common(struct unpack *u, const Etls__CommonTlsContext *w, struct tls_context *t) {
    if (!w)
        return 0;
    t->alpn = arena_zalloc(u->to, w->n_alpn_protocols * sizeof *t->alpn);
    for (; t->n_alpn < w->n_alpn_protocols; t->n_alpn++)
        if (unpack_name(u, w->alpn_protocols[t->n_alpn], "alpn_protocols", &t->alpn[t->n_alpn]) < 0)
            return u->e->code;
    if (decode_certificate(u, w, t) < 0)
        return u->e->code;
    return decode_validation(u, w, t);
}

static bool is_plain(const Ec__TransportSocket *w) {
    return !w || (w->config_type_case == EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG &&
                  strcmp(w->typed_config->type_url, RAW_SOCKET_URL) == 0);
}

static const Google__Protobuf__Any *config_of(const Ec__TransportSocket *w) {
    return w->config_type_case == EC__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG ? w->typed_config : NULL;
}

int xds__decode_upstream(struct unpack *u, const Ec__TransportSocket *w, struct tls_context **out) {
    Etls__UpstreamTlsContext *m;
    if (is_plain(w))
        return 0;
    if (unpack_any(u, config_of(w), &etls__upstream_tls_context__descriptor, "transport_socket", &m) < 0)
        return u->e->code;
    struct tls_context *t = *out = arena_zalloc(u->to, sizeof *t);
    t->sni = unpack_str(u, m->sni);
    return decode_common(u, m->common_tls_context, t);
}

int xds__decode_downstream(struct unpack *u, const Ec__TransportSocket *w, struct tls_context **out) {
    Etls__DownstreamTlsContext *m;
    if (is_plain(w))
        return 0;
    if (unpack_any(u, config_of(w), &etls__downstream_tls_context__descriptor, "transport_socket", &m) < 0)
        return u->e->code;
    struct tls_context *t = *out = arena_zalloc(u->to, sizeof *t);
    if (m->require_sni && m->require_sni->value)
        return unpack_unsupported(u, "require_sni");
    if (decode_common(u, m->common_tls_context, t) < 0)
        return u->e->code;
    t->require_client_cert = m->require_client_certificate && m->require_client_certificate->value;
    t->no_resumption = m->disable_stateless_session_resumption;
    if (!t->cert_secret.name.len && !has_data(&t->cert))
        return err_set(u->e, WEFT_E_INVALID, "downstream TLS context: no certificate");
    if (t->require_client_cert && !t->ca_secret.name.len && !has_data(&t->ca))
        return err_set(u->e, WEFT_E_INVALID, "require_client_certificate without a validation context");
    return 0;
}
