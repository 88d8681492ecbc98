// SPDX-License-Identifier: Apache-2.0
#include "crypto/x509.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>
#include "crypto/ossl.h"

static struct str ia5_str(const ASN1_IA5STRING *s) {
    return str_n(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

/* The text of a DNS, URI or mail name; ptr NULL for the other kinds. */
static struct str name_text(const GENERAL_NAME *name) {
    int type = 0;
    const void *value = GENERAL_NAME_get0_value(name, &type);
    return type == GEN_DNS || type == GEN_URI || type == GEN_EMAIL ? ia5_str(value) : STR_NONE;
}

static bool is_printable(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f)
            return false;
    return s.len > 0;
}

/* 1 and the parsed extension (the caller's), 0 when it is absent, or WEFT_E_CERT when it is malformed or there twice. */
static int extension(void **out, X509 *cert, int nid, bool *critical, struct err *e) {
    int state = -1;
    *out = X509_get_ext_d2i(cert, nid, &state, NULL);
    ossl_drain();
    *critical = state == 1;
    if (*out)
        return 1;
    if (state == -1)
        return 0;
    return err_set(e, WEFT_E_CERT, "certificate: extension %s is malformed or there twice", OBJ_nid2sn(nid));
}

static int64_t unix_time(const ASN1_TIME *t) {
    struct tm tm = {0};
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t x509_not_after(const X509 *cert) {
    return unix_time(X509_get0_notAfter(cert));
}

static int describe_name(struct str *out, const X509_NAME *name, struct arena *a, struct err *e) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0) {
        BIO_free(bio);
        return ossl_err(e, WEFT_E_CERT, "certificate: unreadable name");
    }
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    *out = arena_dup(a, str_n(data, len > 0 ? (size_t)len : 0));
    BIO_free(bio);
    return 0;
}

static int describe_serial(struct str *out, const X509 *cert, struct arena *a, struct err *e) {
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = bn ? BN_bn2hex(bn) : NULL;
    if (hex)
        *out = arena_lower(a, str_of(hex));
    OPENSSL_free(hex);
    BN_free(bn);
    return hex ? 0 : ossl_err(e, WEFT_E_CERT, "certificate: unreadable serial number");
}

static void describe_uri(struct x509_info *out, struct str uri, struct arena *a) {
    struct spiffe_id id;
    if (spiffe_parse(&id, uri, NULL) == 0)
        out->spiffe = arena_dup(a, uri);
}

static void describe_sans(struct x509_info *out, const GENERAL_NAMES *names, struct arena *a) {
    int n = sk_GENERAL_NAME_num(names), uris = 0;
    out->dns = arena_zalloc(a, (size_t)n * sizeof(*out->dns) + 1);
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct str text = name_text(name);
        if (name->type == GEN_DNS && is_printable(text))
            out->dns[out->n_dns++] = arena_dup(a, text);
        else if (name->type == GEN_URI && ++uris == 1)
            describe_uri(out, text, a);
    }
    if (uris != 1)
        out->spiffe = STR_NONE;
}

static int hash_text(char out[65], const unsigned char md[32], bool made, struct err *e) {
    if (!made)
        return ossl_err(e, WEFT_E_CRYPTO, "SHA-256 of a certificate");
    for (unsigned i = 0; i < 32; i++) {
        out[2 * i] = "0123456789abcdef"[md[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[md[i] & 15];
    }
    out[64] = '\0';
    return 0;
}

static int hash_cert(char out[65], const X509 *cert, struct err *e) {
    unsigned char md[EVP_MAX_MD_SIZE];
    return hash_text(out, md, X509_digest(cert, EVP_sha256(), md, NULL) == 1, e);
}

static int describe_extensions(struct x509_info *out, X509 *cert, struct arena *a, struct err *e) {
    GENERAL_NAMES *names = NULL;
    bool critical;
    int rc = extension((void **)&names, cert, NID_subject_alt_name, &critical, e);
    if (rc < 0)
        return rc;
    if (names)
        describe_sans(out, names, a);
    GENERAL_NAMES_free(names);
    BASIC_CONSTRAINTS *bc = NULL;
    rc = extension((void **)&bc, cert, NID_basic_constraints, &critical, e);
    out->ca = bc && bc->ca;
    BASIC_CONSTRAINTS_free(bc);
    return rc < 0 ? rc : 0;
}

int x509_describe(struct x509_info *out, X509 *cert, struct arena *a, struct err *e) {
    *out =
        (struct x509_info){.not_before = unix_time(X509_get0_notBefore(cert)), .not_after = unix_time(X509_get0_notAfter(cert))};
    int rc = describe_name(&out->subject, X509_get_subject_name(cert), a, e);
    if (rc == 0)
        rc = describe_name(&out->issuer, X509_get_issuer_name(cert), a, e);
    if (rc == 0)
        rc = describe_serial(&out->serial, cert, a, e);
    if (rc == 0)
        rc = hash_cert(out->hash, cert, e);
    if (rc == 0)
        rc = describe_extensions(out, cert, a, e);
    ossl_drain();
    return rc;
}

static int first_cert(X509 **out, struct str pem, struct err *e) {
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "certificate");
    int rc = ossl_next_cert(out, bio, e);
    BIO_free(bio);
    return rc == 0 ? err_set(e, WEFT_E_PARSE, "no certificate in the PEM text") : rc;
}

int x509_describe_pem(struct x509_info *out, struct str pem, struct arena *a, struct err *e) {
    X509 *cert = NULL;
    int rc = first_cert(&cert, pem, e);
    if (rc < 0)
        return rc;
    rc = x509_describe(out, cert, a, e);
    X509_free(cert);
    return rc;
}

/* As far as it can be seen without decoding what is in it. */
static bool is_sequence(struct str der) {
    const unsigned char *at = (const unsigned char *)der.ptr, *end = at + der.len;
    long len;
    int tag, class;
    int form = ASN1_get_object(&at, &len, &tag, &class, (long)der.len);
    return form == V_ASN1_CONSTRUCTED && tag == V_ASN1_SEQUENCE && class == V_ASN1_UNIVERSAL && at + len == end;
}

int x509_pem_hash(char out[65], struct str pem, struct err *e) {
    unsigned char md[EVP_MAX_MD_SIZE];
    struct str der;
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "certificate");
    int rc = ossl_next_der(&der, bio, e);
    BIO_free(bio);
    if (rc <= 0)
        return rc < 0 ? rc : err_set(e, WEFT_E_PARSE, "no certificate in the PEM text");
    rc = is_sequence(der) ? hash_text(out, md, EVP_Digest(der.ptr, der.len, md, NULL, EVP_sha256(), NULL) == 1, e)
                          : err_set(e, WEFT_E_PARSE, "malformed certificate");
    ossl_drop_der(&der);
    ossl_drain();
    return rc;
}

static int load_all(X509 **out, size_t max, BIO *bio, struct err *e) {
    size_t n = 0;
    for (X509 *cert = NULL;; out[n++] = cert) {
        int rc = ossl_next_cert(&cert, bio, e);
        if (rc > 0 && n == max) {
            X509_free(cert);
            rc = err_set(e, WEFT_E_TOO_LARGE, "more than %zu certificates", max);
        }
        if (rc == 0 && n == 0)
            rc = err_set(e, WEFT_E_PARSE, "no certificate in the PEM text");
        if (rc < 0)
            while (n > 0)
                X509_free(out[--n]);
        if (rc <= 0)
            return rc < 0 ? rc : (int)n;
    }
}

int x509_load_pem(X509 **out, size_t max, struct str pem, struct err *e) {
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "certificates");
    int rc = load_all(out, max, bio, e);
    BIO_free(bio);
    return rc;
}

/* --- X509-SVID (design xds.md §4.1) --- */

/* The only URI SAN, in the arena. A NUL in any name is an attempt to be read differently by somebody else. */
static int only_uri(struct str *uri, const GENERAL_NAMES *names, struct arena *a, struct err *e) {
    int uris = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct str text = name_text(name);
        if (text.len && memchr(text.ptr, '\0', text.len))
            return err_set(e, WEFT_E_CERT, "certificate: NUL in a subject alternative name");
        if (name->type != GEN_URI)
            continue;
        if (++uris > 1)
            return err_set(e, WEFT_E_CERT, "certificate: more than one URI SAN");
        *uri = arena_dup(a, text);
    }
    return uris == 1 ? 0 : err_set(e, WEFT_E_CERT, "certificate: no URI SAN");
}

static int check_san(struct spiffe_id *id, X509 *leaf, struct str trust_domain, struct arena *a, struct err *e) {
    GENERAL_NAMES *names = NULL;
    bool critical;
    int rc = extension((void **)&names, leaf, NID_subject_alt_name, &critical, e);
    if (rc == 0)
        return err_set(e, WEFT_E_CERT, "certificate: no subject alternative name");
    if (rc < 0)
        return rc;
    struct str uri = STR_NONE;
    rc = only_uri(&uri, names, a, e);
    GENERAL_NAMES_free(names);
    if (rc < 0)
        return rc;
    struct err why = {0};
    if (spiffe_parse(id, uri, &why) < 0)
        return err_set(e, WEFT_E_CERT, "certificate: %s", why.msg);
    if (id->path.len == 0)
        return err_set(e, WEFT_E_CERT, "certificate: the SPIFFE ID has no path, so it names no workload");
    if (!str_eq(id->trust_domain, trust_domain))
        return err_set(e, WEFT_E_CERT, "certificate: trust domain " STR_FMT ", expected " STR_FMT, STR_ARG(id->trust_domain),
                       STR_ARG(trust_domain));
    return 0;
}

static int check_not_ca(X509 *leaf, struct err *e) {
    BASIC_CONSTRAINTS *bc = NULL;
    bool critical;
    int rc = extension((void **)&bc, leaf, NID_basic_constraints, &critical, e);
    bool ca = bc && bc->ca;
    BASIC_CONSTRAINTS_free(bc);
    if (rc < 0)
        return rc;
    return ca ? err_set(e, WEFT_E_CERT, "certificate: a CA certificate does not authenticate") : 0;
}

enum key_usage_bit { DIGITAL_SIGNATURE = 0, KEY_CERT_SIGN = 5, CRL_SIGN = 6 }; /* RFC 5280 §4.2.1.3 */

static int check_key_usage(X509 *leaf, struct err *e) {
    ASN1_BIT_STRING *usage = NULL;
    bool critical;
    int rc = extension((void **)&usage, leaf, NID_key_usage, &critical, e);
    if (rc <= 0)
        return rc < 0 ? rc : err_set(e, WEFT_E_CERT, "certificate: no key usage");
    bool sign = ASN1_BIT_STRING_get_bit(usage, DIGITAL_SIGNATURE);
    bool issue = ASN1_BIT_STRING_get_bit(usage, KEY_CERT_SIGN) || ASN1_BIT_STRING_get_bit(usage, CRL_SIGN);
    ASN1_BIT_STRING_free(usage);
    if (!critical)
        return err_set(e, WEFT_E_CERT, "certificate: key usage is not critical");
    if (!sign)
        return err_set(e, WEFT_E_CERT, "certificate: key usage without digitalSignature");
    return issue ? err_set(e, WEFT_E_CERT, "certificate: key usage with keyCertSign or cRLSign") : 0;
}

static int check_extended_key_usage(X509 *leaf, struct err *e) {
    EXTENDED_KEY_USAGE *usage = NULL;
    bool critical, server = false, client = false;
    int rc = extension((void **)&usage, leaf, NID_ext_key_usage, &critical, e);
    if (rc <= 0)
        return rc;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i));
        server = server || nid == NID_server_auth;
        client = client || nid == NID_client_auth;
    }
    EXTENDED_KEY_USAGE_free(usage);
    return server && client ? 0
                            : err_set(e, WEFT_E_CERT, "certificate: extended key usage without both serverAuth and clientAuth");
}

int x509_check_svid(struct spiffe_id *id, X509 *leaf, struct str trust_domain, struct arena *a, struct err *e) {
    *id = (struct spiffe_id){0};
    int rc = check_not_ca(leaf, e);
    if (rc == 0)
        rc = check_key_usage(leaf, e);
    if (rc == 0)
        rc = check_extended_key_usage(leaf, e);
    if (rc == 0)
        rc = check_san(id, leaf, trust_domain, a, e);
    if (rc < 0)
        *id = (struct spiffe_id){0}; /* nobody's identity may be read from a refused certificate */
    return rc;
}
