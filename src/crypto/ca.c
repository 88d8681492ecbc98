// SPDX-License-Identifier: Apache-2.0
#include "crypto/ca.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "base/mem.h"
#include "crypto/ossl.h"
#include "crypto/spiffe.h"
#include "crypto/x509.h"

#define ROOT_TTL (3650ll * 86400) /* seconds */
#define CSR_MAX (16u << 10)       /* octets of PEM */
#define NAME_MAX_CHARS 64u        /* ub-common-name and ub-organization-name, RFC 5280 appendix A */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096 /* verifying costs more with every bit: a limit on what a peer can make us compute */

struct ca {
    X509 *cert;
    EVP_PKEY *key;
    char *cert_pem, *key_pem, *trust_domain;
    int64_t not_after;
};

/* --- keys --- */

static EVP_PKEY *new_key(enum key_type type) {
    return type == KEY_RSA2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
}

static bool ec_key_ok(EVP_PKEY *key) {
    char group[32], encoding[32];
    size_t n;
    /* A curve given by its parameters instead of its name may be any curve (CVE-2020-0601 was that). */
    return EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0) &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof(encoding), &n) == 1 &&
           strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) == 0;
}

static bool key_kind_ok(EVP_PKEY *key) {
    if (EVP_PKEY_is_a(key, "EC"))
        return ec_key_ok(key);
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN && EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
    return EVP_PKEY_is_a(key, "ED25519");
}

/* The point is on the curve, the modulus and exponent are such, and so on. */
static bool key_sound(EVP_PKEY *key) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int check_key(EVP_PKEY *key, struct err *e) {
    if (!key || !key_kind_ok(key)) {
        ossl_drain();
        return err_set(e, WEFT_E_INVALID, "key is not EC P-256 or P-384, RSA of 2048 to 4096 bits, or Ed25519");
    }
    if (!key_sound(key))
        return ossl_err(e, WEFT_E_INVALID, "key is not sound");
    return 0;
}

/* --- parts of a certificate: each true when OpenSSL took it --- */

static bool set_serial(X509 *cert) {
    BIGNUM *bn = BN_new();
    bool ok = bn && BN_rand(bn, 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
    BN_free(bn);
    return ok;
}

static bool set_times(X509 *cert, int64_t not_before, int64_t not_after) {
    return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)not_before) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)not_after);
}

static bool add_name(X509_NAME *name, int nid, struct str text) {
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text.ptr, (int)text.len, -1, 0) == 1;
}

static bool add_extension(X509 *cert, int nid, void *value, bool critical) {
    return X509_add1_ext_i2d(cert, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool add_basic_constraints(X509 *cert, bool ca) {
    BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
    if (bc)
        bc->ca = ca ? 0xff : 0;
    bool ok = bc && add_extension(cert, NID_basic_constraints, bc, true);
    BASIC_CONSTRAINTS_free(bc);
    return ok;
}

static bool add_key_usage(X509 *cert, bool ca) {
    enum { DIGITAL_SIGNATURE = 0, KEY_CERT_SIGN = 5, CRL_SIGN = 6 }; /* RFC 5280 §4.2.1.3 */
    ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    bool ok = usage && (ca ? ASN1_BIT_STRING_set_bit(usage, KEY_CERT_SIGN, 1) && ASN1_BIT_STRING_set_bit(usage, CRL_SIGN, 1)
                           : ASN1_BIT_STRING_set_bit(usage, DIGITAL_SIGNATURE, 1));
    ok = ok && add_extension(cert, NID_key_usage, usage, true);
    ASN1_BIT_STRING_free(usage);
    return ok;
}

static bool add_extended_key_usage(X509 *cert) {
    EXTENDED_KEY_USAGE *usage = EXTENDED_KEY_USAGE_new();
    bool ok = usage && sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_server_auth)) > 0 &&
              sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_client_auth)) > 0 &&
              add_extension(cert, NID_ext_key_usage, usage, false);
    EXTENDED_KEY_USAGE_free(usage);
    return ok;
}

/* SHA-256 of the key's bits, cut to 160 bits (RFC 7093 §2, method 1): needs no SHA-1. */
static bool add_subject_key_id(X509 *cert) {
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    bool ok = id && X509_pubkey_digest(cert, EVP_sha256(), md, &n) == 1 && ASN1_OCTET_STRING_set(id, md, 20) == 1 &&
              add_extension(cert, NID_subject_key_identifier, id, false);
    ASN1_OCTET_STRING_free(id);
    return ok;
}

/* A foreign root may have no key identifier; then there is nothing to point at. */
static bool add_authority_key_id(X509 *cert, X509 *issuer) {
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
    if (!id)
        return true;
    AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
    bool ok = akid && (akid->keyid = ASN1_OCTET_STRING_dup(id)) && add_extension(cert, NID_authority_key_identifier, akid, false);
    AUTHORITY_KEYID_free(akid);
    return ok;
}

static bool push_san(GENERAL_NAMES *names, int type, struct str text) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    if (name && value && ASN1_STRING_set(value, text.ptr, (int)text.len) == 1) {
        GENERAL_NAME_set0_value(name, type, value);
        if (sk_GENERAL_NAME_push(names, name) > 0)
            return true;
        value = NULL; /* the name's now */
    }
    ASN1_IA5STRING_free(value);
    GENERAL_NAME_free(name);
    return false;
}

/* The DNS names may be empty. */
static bool add_sans(X509 *cert, const struct str dns[2], struct str uri, bool critical) {
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names != NULL;
    for (int i = 0; ok && i < 2; i++)
        ok = dns[i].len == 0 || push_san(names, GEN_DNS, dns[i]);
    ok = ok && push_san(names, GEN_URI, uri) && add_extension(cert, NID_subject_alt_name, names, critical);
    GENERAL_NAMES_free(names);
    return ok;
}

static bool sign(X509 *cert, EVP_PKEY *key) {
    /* Ed25519 hashes by itself and refuses to be told how. */
    return X509_sign(cert, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0;
}

/* --- the root --- */

static bool build_root(X509 *cert, EVP_PKEY *key, struct str trust_domain, int64_t now, struct arena *a) {
    X509_NAME *name = X509_get_subject_name(cert);
    struct str uri = arena_fmt(a, "spiffe://" STR_FMT, STR_ARG(trust_domain));
    const struct str no_dns[2] = {STR_NONE, STR_NONE};
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           set_times(cert, now - CA_BACKDATE, now + ROOT_TTL) && add_name(name, NID_commonName, STR("weft root CA")) &&
           /* O holds 64 characters; a longer trust domain still stands in the SAN. */
           (trust_domain.len > NAME_MAX_CHARS || add_name(name, NID_organizationName, trust_domain)) &&
           X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 && add_basic_constraints(cert, true) &&
           add_key_usage(cert, true) && add_subject_key_id(cert) && add_authority_key_id(cert, cert) &&
           add_sans(cert, no_dns, uri, false) && sign(cert, key);
}

/* Fills texts and facts from cert and key, which the ca already owns. */
static int finish_ca(struct ca *ca, struct str trust_domain, int64_t not_after, struct arena *a, struct err *e) {
    struct str cert_pem, key_pem = STR_NONE;
    int rc = ossl_cert_pem(&cert_pem, ca->cert, a, e);
    if (rc == 0)
        rc = ossl_key_pem(&key_pem, ca->key, a, e);
    if (rc == 0) {
        ca->cert_pem = mem_strdup(cert_pem);
        ca->key_pem = mem_strdup(key_pem);
        ca->trust_domain = mem_strdup(trust_domain);
        ca->not_after = not_after;
    }
    if (key_pem.len)
        OPENSSL_cleanse((char *)key_pem.ptr, key_pem.len);
    return rc;
}

int ca_create(struct ca **out, struct str trust_domain, int64_t now, struct err *e) {
    *out = NULL;
    if (!spiffe_trust_domain_ok(trust_domain))
        return err_set(e, WEFT_E_INVALID, "trust domain \"" STR_FMT "\": 1 to 255 of a-z 0-9 . - _", STR_ARG(trust_domain));
    struct ca *ca = mem_new(struct ca);
    struct arena a = {0};
    ca->key = new_key(KEY_EC256);
    ca->cert = X509_new();
    int rc = 0;
    if (!ca->key || !ca->cert || !build_root(ca->cert, ca->key, trust_domain, now, &a))
        rc = ossl_err(e, WEFT_E_CRYPTO, "making the root certificate");
    if (rc == 0)
        rc = finish_ca(ca, trust_domain, now + ROOT_TTL, &a, e);
    arena_fini(&a);
    if (rc < 0)
        ca_free(&ca);
    *out = ca;
    ossl_drain();
    return rc;
}

static int check_root(const struct ca *ca, const struct x509_info *info, struct spiffe_id *id, struct err *e) {
    if (X509_check_private_key(ca->cert, ca->key) != 1) {
        ossl_drain();
        return err_set(e, WEFT_E_INVALID, "CA key and CA certificate do not belong together");
    }
    int rc = check_key(ca->key, e);
    if (rc < 0)
        return rc;
    if (!info->ca)
        return err_set(e, WEFT_E_INVALID, "CA certificate: not a CA");
    /* Without the extension every bit is set, which RFC 5280 forbids for a CA: then it is refused as well. */
    if (!(X509_get_extension_flags(ca->cert) & EXFLAG_KUSAGE) || !(X509_get_key_usage(ca->cert) & KU_KEY_CERT_SIGN))
        return err_set(e, WEFT_E_INVALID, "CA certificate: key usage without keyCertSign");
    if (info->spiffe.len == 0 || spiffe_parse(id, info->spiffe, e) < 0)
        return err_set(e, WEFT_E_INVALID, "CA certificate: no trust domain (exactly one URI SAN, spiffe://TRUST-DOMAIN)");
    return id->path.len == 0 ? 0 : err_set(e, WEFT_E_INVALID, "CA certificate: its SPIFFE ID has a path");
}

static int load_parts(struct ca *ca, struct str cert_pem, struct str key_pem, struct arena *a, struct err *e) {
    struct x509_info info;
    struct spiffe_id id;
    int rc = x509_load_pem(&ca->cert, 1, cert_pem, e);
    if (rc > 0)
        rc = ossl_read_key(&ca->key, key_pem, e);
    if (rc == 0)
        rc = x509_describe(&info, ca->cert, a, e);
    if (rc == 0)
        rc = check_root(ca, &info, &id, e);
    return rc < 0 ? rc : finish_ca(ca, id.trust_domain, info.not_after, a, e);
}

int ca_load(struct ca **out, struct str cert_pem, struct str key_pem, struct err *e) {
    struct ca *ca = mem_new(struct ca);
    struct arena a = {0};
    int rc = load_parts(ca, cert_pem, key_pem, &a, e);
    arena_fini(&a);
    if (rc < 0)
        ca_free(&ca);
    *out = ca;
    ossl_drain();
    return rc;
}

void ca_free(struct ca **ca) {
    if (!*ca)
        return;
    X509_free((*ca)->cert);
    EVP_PKEY_free((*ca)->key);
    if ((*ca)->key_pem)
        OPENSSL_cleanse((*ca)->key_pem, strlen((*ca)->key_pem));
    free((*ca)->key_pem);
    free((*ca)->cert_pem);
    free((*ca)->trust_domain);
    free(*ca);
    *ca = NULL;
}

struct str ca_cert_pem(const struct ca *ca) {
    return str_of(ca->cert_pem);
}

struct str ca_key_pem(const struct ca *ca) {
    return str_of(ca->key_pem);
}

struct str ca_trust_domain(const struct ca *ca) {
    return str_of(ca->trust_domain);
}

int64_t ca_not_after(const struct ca *ca) {
    return ca->not_after;
}

/* --- leaves --- */

struct leaf { /* what a leaf is to say, and by whom */
    const struct ca *ca;
    struct str ns, service;
    int64_t now, not_after;
};

static bool build_leaf(X509 *cert, EVP_PKEY *key, const struct leaf *leaf, struct arena *a) {
    const struct ca *ca = leaf->ca;
    struct str cn = arena_fmt(a, STR_FMT "." STR_FMT, STR_ARG(leaf->ns), STR_ARG(leaf->service));
    struct str fqdn = arena_fmt(a, STR_FMT "." STR_FMT ".svc.cluster.local", STR_ARG(leaf->service), STR_ARG(leaf->ns));
    struct str uri = spiffe_of(a, str_of(ca->trust_domain), leaf->ns, leaf->service);
    bool named = cn.len <= NAME_MAX_CHARS;
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           set_times(cert, leaf->now - CA_BACKDATE, leaf->not_after) &&
           (!named || add_name(X509_get_subject_name(cert), NID_commonName, cn)) &&
           X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_basic_constraints(cert, false) && add_key_usage(cert, false) && add_extended_key_usage(cert) &&
           add_subject_key_id(cert) && add_authority_key_id(cert, ca->cert) &&
           /* RFC 5280 §4.2.1.6: critical when the subject is empty. */
           add_sans(cert, (const struct str[2]){cn, fqdn}, uri, !named) && sign(cert, ca->key);
}

/* Decides what the leaf says, or why there can be none. */
static int plan_leaf(struct leaf *leaf, int64_t ttl, struct err *e) {
    int64_t end = leaf->ca->not_after;
    if (!dns_label_ok(leaf->ns) || !dns_label_ok(leaf->service))
        return err_set(e, WEFT_E_INVALID, "namespace and service of a certificate must be DNS labels");
    if (ttl < 1 || ttl > CA_TTL_MAX)
        return err_set(e, WEFT_E_INVALID, "ttl must be 1 to %d seconds", CA_TTL_MAX);
    if (leaf->now >= end)
        return err_set(e, WEFT_E_CERT, "the CA certificate has expired");
    leaf->not_after = end - leaf->now < ttl ? end : leaf->now + ttl;
    return 0;
}

static int make_leaf(struct ca_issued *out, const struct leaf *leaf, EVP_PKEY *key, struct arena *a, struct err *e) {
    X509 *cert = X509_new();
    int rc = cert && build_leaf(cert, key, leaf, a) ? 0 : ossl_err(e, WEFT_E_CRYPTO, "making a certificate");
    if (rc == 0)
        rc = ossl_cert_pem(&out->cert_pem, cert, a, e);
    out->not_after = leaf->not_after;
    X509_free(cert);
    return rc;
}

int ca_issue(const struct ca *ca, struct str ns, struct str service, enum key_type type, int64_t ttl, int64_t now,
             struct arena *a, struct ca_issued *out, struct err *e) {
    *out = (struct ca_issued){0};
    struct leaf leaf = {.ca = ca, .ns = ns, .service = service, .now = now};
    int rc = plan_leaf(&leaf, ttl, e);
    if (rc < 0)
        return rc;
    EVP_PKEY *key = new_key(type);
    if (!key)
        return ossl_err(e, WEFT_E_CRYPTO, "making a key");
    rc = make_leaf(out, &leaf, key, a, e);
    if (rc == 0)
        rc = ossl_key_pem(&out->key_pem, key, a, e);
    EVP_PKEY_free(key);
    ossl_drain();
    return rc;
}

/* The key of a CSR whose sender has proved that he holds it; borrowed from the CSR. Nothing else of it is looked at. */
static int csr_key(EVP_PKEY **out, X509_REQ *csr, struct err *e) {
    *out = X509_REQ_get0_pubkey(csr);
    int rc = check_key(*out, e);
    if (rc < 0)
        return rc;
    return X509_REQ_verify(csr, *out) == 1 ? 0 : ossl_err(e, WEFT_E_INVALID, "the certificate request's signature is wrong");
}

int ca_sign_csr(const struct ca *ca, struct str csr_pem, struct str ns, struct str service, int64_t ttl, int64_t now,
                struct arena *a, struct ca_issued *out, struct err *e) {
    *out = (struct ca_issued){0};
    struct leaf leaf = {.ca = ca, .ns = ns, .service = service, .now = now};
    int rc = plan_leaf(&leaf, ttl, e);
    if (rc < 0)
        return rc;
    if (csr_pem.len > CSR_MAX)
        return err_set(e, WEFT_E_TOO_LARGE, "certificate request: longer than %u octets", CSR_MAX);
    X509_REQ *csr = NULL;
    EVP_PKEY *key = NULL;
    rc = ossl_read_csr(&csr, csr_pem, e);
    if (rc == 0)
        rc = csr_key(&key, csr, e);
    if (rc == 0)
        rc = make_leaf(out, &leaf, key, a, e);
    X509_REQ_free(csr);
    ossl_drain();
    return rc;
}

/* --- the asking side --- */

int csr_create(struct arena *a, struct str *key_pem, struct str *csr_pem, struct err *e) {
    EVP_PKEY *key = new_key(KEY_EC256);
    X509_REQ *csr = X509_REQ_new();
    int rc = 0;
    if (!key || !csr || X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(csr, key) != 1 ||
        X509_REQ_sign(csr, key, EVP_sha256()) <= 0)
        rc = ossl_err(e, WEFT_E_CRYPTO, "making a certificate request");
    if (rc == 0)
        rc = ossl_csr_pem(csr_pem, csr, a, e);
    if (rc == 0)
        rc = ossl_key_pem(key_pem, key, a, e);
    X509_REQ_free(csr);
    EVP_PKEY_free(key);
    ossl_drain();
    return rc;
}

bool key_matches_cert(struct str key_pem, struct str cert_pem) {
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    BIO *bio = ossl_bio(cert_pem);
    bool ok = bio && ossl_next_cert(&cert, bio, NULL) == 1 && ossl_read_key(&key, key_pem, NULL) == 0 &&
              X509_check_private_key(cert, key) == 1;
    BIO_free(bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    ossl_drain();
    return ok;
}
