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

int64_t tls__now(const struct tls_want *want) {
    return (int64_t)(loop_wall(want->loop) / CLOCK_S);
}

void tls__set_id(struct tls_want *want, struct str id) {
    free(want->id);
    want->id = id.len ? mem_strdup(id) : NULL;
}

bool tls__wanted(const struct tls_want *want, struct str id) {
    for (size_t i = 0; i < want->n_ids; i++)
        if (str_eq(str_of(want->ids[i]), id))
            return true;
    return want->n_ids == 0;
}

static int check_leaf(struct tls_want *want, X509 *leaf) {
    struct arena a = {0};
    struct spiffe_id id;
    struct x509_info info;
    struct err e;
    int code = x509_check_svid(&id, leaf, str_of(want->ctx->trust_domain), &a, &e);
    if (code >= 0)
        code = x509_describe(&info, leaf, &a, &e);
    if (code >= 0)
        tls__set_id(want, info.spiffe);
    if (code >= 0 && !tls__wanted(want, info.spiffe))
        code = err_set(&e, WEFT_E_CERT, "the peer is " STR_FMT ", which is not expected here", STR_ARG(info.spiffe));
    if (code < 0)
        err_note(want->error, WEFT_E_CERT, "%s", e.msg); /* whatever it was that could not be read */
    arena_fini(&a);
    return code;
}

/* SHA-256 over what the peer sent: the leaf, then the others in its order. */
static bool hash_chain(const struct tls_ctx *c, X509_STORE_CTX *store, unsigned char out[32]) {
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestInit_ex(md, c->sha256, NULL) == 1;
    for (int i = -1; ok && i < sk_X509_num(sent); i++) {
        unsigned char *der = NULL;
        int n = i2d_X509(i < 0 ? X509_STORE_CTX_get0_cert(store) : sk_X509_value(sent, i), &der);
        ok = n > 0 && EVP_DigestUpdate(md, der, (size_t)n) == 1;
        OPENSSL_free(der);
    }
    ok = ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

static int64_t first_expiry(X509_STORE_CTX *store) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    int64_t first = INT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t at = x509_not_after(sk_X509_value(chain, i));
        first = at < first ? at : first;
    }
    return first;
}

/* First the chain, then the leaf by SPIFFE's rules; or what is remembered of both. What OpenSSL is told here decides on the
 * alert. */
static int verify_cert(X509_STORE_CTX *store, void *arg) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_want *want = SSL_get_app_data(ssl);
    unsigned char hash[32];
    int64_t now = tls__now(want);
    bool hashed = hash_chain(want->ctx, store, hash);
    if (hashed && tls__cache_chain(want->ctx->cache, hash, now, want)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(store), now);
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
    want->until = first_expiry(store);
    if (hashed)
        tls__cache_add_chain(want->ctx->cache, hash, want);
    return 1;
}

/* OpenSSL reads a certificate's extensions when it is first asked about them, under a lock that later readers do not take.
 * Workers share what is here, so it happens before they do. A certificate that cannot be read that way is refused when it is to
 * verify. */
static void read_extensions(X509 *cert) {
    if (X509_check_purpose(cert, -1, 0) != 1)
        ossl_drain();
}

static int load_cas(SSL_CTX *ssl, struct str pem, struct err *e) {
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "trusted CAs");
    X509 *cert;
    int n = 0, code;
    for (; (code = ossl_next_cert(&cert, bio, e)) > 0; n++) {
        read_extensions(cert);
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
    return 0;
}

/* Each is an anchor, an intermediate too. What a leaf is for is SPIFFE's to say. */
static void set_anchors(SSL_CTX *ssl, bool spiffe) {
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH);
    if (spiffe)
        X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
}

/* ---- our own certificate ---- */

static int load_chain(SSL_CTX *ssl, struct str pem, struct err *e) {
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "certificate");
    X509 *cert;
    int n = 0, code;
    for (; (code = ossl_next_cert(&cert, bio, e)) > 0; n++) {
        read_extensions(cert);
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

/* OpenSSL 3 takes a millisecond to decode a key or a certificate. */
static int share_identity(SSL_CTX *ssl, SSL_CTX *same, struct err *e) {
    STACK_OF(X509) *chain = NULL;
    X509 *cert = SSL_CTX_get0_certificate(same);
    SSL_CTX_set1_cert_store(ssl, SSL_CTX_get_cert_store(same));
    if (!cert || (SSL_CTX_get0_chain_certs(same, &chain) == 1 &&
                  SSL_CTX_use_cert_and_key(ssl, cert, SSL_CTX_get0_privatekey(same), chain, 1) == 1))
        return 0;
    return ossl_err(e, WEFT_E_CRYPTO, "certificate");
}

static int load(SSL_CTX *ssl, const struct tls_cfg *cfg, bool verify, struct err *e) {
    int code = 0;
    if (cfg->same)
        return share_identity(ssl, cfg->same->ssl, e);
    if (cfg->cert_pem.len || cfg->key_pem.len || cfg->server)
        code = load_identity(ssl, cfg, e);
    return code >= 0 && verify ? load_cas(ssl, cfg->ca_pem, e) : code;
}

/* ---- resumption (RFC 8446 §4.6.1) ----
 * Where peers are verified, sessions are kept here, on both sides: whom a session names was verified by this very context, and it
 * is good until the first certificate expires that the peer showed then. Tickets that carry the session would cost OpenSSL 3 a
 * decoding of the peer's key for each that is made and each that comes (decision 0023). A server that verifies nobody keeps
 * nothing: there the ticket is the session, encrypted with a key of this SSL_CTX's own. */

#define RESUME_S 3600 /* how long a session is good at most */

/* 1: the reference is ours now. */
static int keep_session(SSL *ssl, SSL_SESSION *session) {
    const struct tls_want *want = SSL_get_app_data(ssl);
    unsigned len = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &len);
    struct str key = want->ctx->server ? str_n(id, len) : str_of(want->key);
    tls__cache_add_session(want->ctx->cache, key, session, want);
    return 1;
}

static SSL_SESSION *find_session(SSL *ssl, const unsigned char *id, int len, int *copy) {
    struct tls_want *want = SSL_get_app_data(ssl);
    *copy = 0; /* the reference is OpenSSL's now */
    return tls__cache_session(want->ctx->cache, str_n(id, (size_t)len), tls__now(want), want);
}

static void set_resumption(SSL_CTX *ssl, bool server, bool verify, bool none) {
    static const unsigned char context[] = "weft";
    SSL_CTX_set_timeout(ssl, RESUME_S);
    SSL_CTX_set_num_tickets(ssl, none ? 0 : 1);
    SSL_CTX_set_session_id_context(ssl, context, sizeof context - 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (none || (server && !verify))
        return;
    SSL_CTX_set_session_cache_mode(ssl, (server ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_CLIENT) | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, keep_session);
    if (server) {
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET); /* in TLS 1.3: tickets that name a session which is kept */
        SSL_CTX_sess_set_get_cb(ssl, find_session);
    }
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
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_default_read_buffer_len(ssl, LOOP_SCRATCH); /* one receive brings as much as on a plain connection */
}

/* Short lists, the cheapest first: SHA-256 has instructions of its own in most processors, SHA-384 has not; a hello is shorter,
 * and walked faster, by what nobody needs. */
static int set_algorithms(SSL_CTX *ssl, struct err *e) {
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_set_ciphersuites(ssl, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384") == 1 &&
        SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
        SSL_CTX_set1_sigalgs_list(ssl, "ECDSA+SHA256:ed25519:RSA-PSS+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA-PSS+SHA512:"
                                       "ECDSA+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512") == 1)
        return 0;
    return ossl_err(e, WEFT_E_CRYPTO, "TLS algorithms");
}

static int configure(struct tls_ctx *c, const struct tls_cfg *cfg, struct err *e) {
    set_modes(c->ssl);
    set_resumption(c->ssl, cfg->server, c->verify, cfg->no_resumption);
    int code = set_algorithms(c->ssl, e);
    if (code < 0)
        return code;
    code = load(c->ssl, cfg, c->verify, e);
    if (c->verify)
        set_anchors(c->ssl, cfg->spiffe);
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
    c->cache = tls__cache_new();
    c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    c->trust_domain = mem_strdup(cfg->trust_domain);
    c->bio = tls__bio_method();
    c->ssl = SSL_CTX_new(cfg->server ? TLS_server_method() : TLS_client_method());
    int code = c->ssl && c->bio && c->sha256 ? configure(c, cfg, e) : ossl_err(e, WEFT_E_CRYPTO, "TLS");
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
    EVP_MD_up_ref(c->sha256);
    tls__cache_ref(c->cache);
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
    EVP_MD_free(gone->sha256);
    tls__cache_unref(&gone->cache);
    BIO_meth_free(gone->bio);
    free(gone->trust_domain);
    free(gone->alpn);
    free(gone);
}
