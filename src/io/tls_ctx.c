// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "base/mem.h"
#include "crypto/ossl.h"
#include "crypto/x509.h"
#include "io/loop.h"
#include "io/tls_int.h"

#define CHAIN_DEPTH 8

/* ---- verification ---- */

static bool is_wanted(const struct tls_want *want, struct str id) {
    for (size_t i = 0; i < want->n_ids; i++)
        if (str_eq(str_of(want->ids[i]), id))
            return true;
    return want->n_ids == 0;
}

static int check_leaf(const struct tls_want *want, X509 *leaf) {
    struct arena a = {0};
    struct spiffe_id id;
    struct x509_info info;
    struct err e;
    int code = x509_check_svid(&id, leaf, str_of(want->ctx->trust_domain), &a, &e);
    if (code >= 0)
        code = x509_describe(&info, leaf, &a, &e);
    if (code >= 0 && !is_wanted(want, info.spiffe))
        code = err_set(&e, WEFT_E_CERT, "the peer is " STR_FMT ", which is not expected here", STR_ARG(info.spiffe));
    if (code < 0)
        err_note(want->error, WEFT_E_CERT, "%s", e.msg); /* whatever it was that could not be read */
    arena_fini(&a);
    return code;
}

/* First the chain, then the leaf by SPIFFE's rules. What OpenSSL is told here decides on the alert. */
static int verify_cert(X509_STORE_CTX *store, void *arg) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_want *want = SSL_get_app_data(ssl);
    if (X509_verify_cert(store) <= 0) {
        int no = X509_STORE_CTX_get_error(store);
        err_note(want->error, WEFT_E_CERT, "certificate not accepted: %s", X509_verify_cert_error_string(no));
        if (no == X509_V_OK)
            X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }
    if (want->ctx->spiffe && check_leaf(want, X509_STORE_CTX_get0_cert(store)) < 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return 1;
}

static int load_cas(SSL_CTX *ssl, struct str pem, bool spiffe, struct err *e) {
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "trusted CAs");
    X509 *cert;
    int n = 0, code;
    for (; (code = ossl_next_cert(&cert, bio, e)) > 0; n++) {
        if (X509_STORE_add_cert(store, cert) != 1)
            code = ossl_err(e, WEFT_E_CRYPTO, "trusted CAs");
        X509_free(cert);
        if (code < 0)
            break;
    }
    BIO_free(bio);
    if (code < 0)
        return code;
    if (n == 0)
        return err_set(e, WEFT_E_PARSE, "trusted CAs: no certificate in the PEM text");
    /* Each is an anchor, an intermediate too. What a leaf is for is SPIFFE's to say. */
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH);
    if (spiffe)
        X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
    return 0;
}

/* ---- our own certificate ---- */

static int load_chain(SSL_CTX *ssl, struct str pem, struct err *e) {
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "certificate");
    X509 *cert;
    int n = 0, code;
    for (; (code = ossl_next_cert(&cert, bio, e)) > 0; n++) {
        int ok = n == 0 ? SSL_CTX_use_certificate(ssl, cert) : (int)SSL_CTX_add1_chain_cert(ssl, cert);
        X509_free(cert);
        if (ok != 1) {
            code = ossl_err(e, WEFT_E_CERT, "certificate");
            break;
        }
    }
    BIO_free(bio);
    return code < 0 ? code : n ? 0 : err_set(e, WEFT_E_PARSE, "certificate: no certificate in the PEM text");
}

static int load_identity(SSL_CTX *ssl, const struct tls_cfg *cfg, struct err *e) {
    EVP_PKEY *key = NULL;
    int code = load_chain(ssl, cfg->cert_pem, e);
    if (code < 0 || (code = ossl_read_key(&key, cfg->key_pem, e)) < 0)
        return code;
    if (SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1)
        code = ossl_err(e, WEFT_E_INVALID, "the private key is not the certificate's");
    EVP_PKEY_free(key);
    return code;
}

/* ---- ALPN ---- */

static int encode_alpn(struct tls_ctx *c, struct str list, struct err *e) {
    c->alpn = mem_alloc(list.len + 1); /* a length before each instead of a comma between them */
    while (list.ptr) {
        struct str name = str_trim(str_cut(&list, ','));
        if (name.len == 0 || name.len > 255)
            return err_set(e, WEFT_E_INVALID, "ALPN: a protocol name has 1 to 255 octets");
        c->alpn[c->alpn_len++] = (unsigned char)name.len;
        memcpy(c->alpn + c->alpn_len, name.ptr, name.len);
        c->alpn_len += (unsigned)name.len;
    }
    return 0;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len,
                       void *arg) {
    const struct tls_ctx *c = arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, c->alpn, c->alpn_len, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- the context ---- */

static void set_verify(struct tls_ctx *c, const struct tls_cfg *cfg) {
    int mode = SSL_VERIFY_NONE;
    if (c->verify)
        mode = SSL_VERIFY_PEER | (cfg->require_peer ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(c->ssl, mode, NULL);
    SSL_CTX_set_cert_verify_callback(c->ssl, verify_cert, NULL);
}

static void set_modes(SSL_CTX *ssl) {
    SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_default_read_buffer_len(ssl, LOOP_SCRATCH); /* one receive brings as much as on a plain connection */
}

static int configure(struct tls_ctx *c, const struct tls_cfg *cfg, struct err *e) {
    int code = 0;
    set_modes(c->ssl);
    if (cfg->cert_pem.len || cfg->key_pem.len || cfg->server)
        code = load_identity(c->ssl, cfg, e);
    if (code >= 0 && c->verify)
        code = load_cas(c->ssl, cfg->ca_pem, cfg->spiffe, e);
    if (code >= 0 && cfg->alpn.len)
        code = encode_alpn(c, cfg->alpn, e);
    if (code < 0)
        return code;
    set_verify(c, cfg);
    if (c->alpn && c->server)
        SSL_CTX_set_alpn_select_cb(c->ssl, select_alpn, c);
    return 0;
}

int tls_ctx_new(struct tls_ctx **out, const struct tls_cfg *cfg, struct err *e) {
    *out = NULL;
    if ((cfg->spiffe || cfg->require_peer) && cfg->ca_pem.len == 0)
        return err_set(e, WEFT_E_INVALID, "TLS: the peer cannot be verified without trusted CAs");
    if (cfg->spiffe && cfg->trust_domain.len == 0)
        return err_set(e, WEFT_E_INVALID, "TLS: SPIFFE needs a trust domain");
    struct tls_ctx *c = mem_new(struct tls_ctx);
    atomic_init(&c->refs, 1);
    c->server = cfg->server;
    c->verify = cfg->ca_pem.len > 0;
    c->spiffe = cfg->spiffe;
    c->trust_domain = mem_strdup(cfg->trust_domain);
    c->bio = tls__bio_method();
    c->ssl = SSL_CTX_new(cfg->server ? TLS_server_method() : TLS_client_method());
    int code = c->ssl && c->bio ? configure(c, cfg, e) : ossl_err(e, WEFT_E_CRYPTO, "TLS");
    ossl_drain();
    if (code < 0)
        tls_ctx_unref(&c);
    *out = c;
    return code;
}

int tls_ctx_offer(struct tls_ctx **out, const struct tls_ctx *base, struct str alpn, struct err *e) {
    WEFT_ASSERT(!base->server);
    struct tls_ctx *c = mem_new(struct tls_ctx);
    *c = *base;
    atomic_init(&c->refs, 1);
    c->trust_domain = mem_strdup(str_of(base->trust_domain));
    c->bio = tls__bio_method();
    c->alpn = NULL;
    c->alpn_len = 0;
    SSL_CTX_up_ref(c->ssl);
    int code = c->bio ? encode_alpn(c, alpn, e) : ossl_err(e, WEFT_E_CRYPTO, "TLS");
    if (code < 0)
        tls_ctx_unref(&c);
    *out = c;
    return code;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void tls_ctx_unref(struct tls_ctx **c) {
    struct tls_ctx *gone = *c;
    *c = NULL;
    if (!gone || atomic_fetch_sub_explicit(&gone->refs, 1, memory_order_acq_rel) > 1)
        return;
    SSL_CTX_free(gone->ssl);
    BIO_meth_free(gone->bio);
    free(gone->trust_domain);
    free(gone->alpn);
    free(gone);
}
