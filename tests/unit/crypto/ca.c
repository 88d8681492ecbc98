// SPDX-License-Identifier: Apache-2.0
/* The certificates are judged here through OpenSSL itself, not through x509.h: another reader than the one under test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "crypto/x509.h"

#define NOW 1763780000ll /* 2025-11-22 */
#define DAY 86400ll

struct fix {
    struct ca *ca;
    struct arena a;
};

static int set_up(void **state) {
    struct fix *f = mem_new(struct fix);
    struct err e = {0};
    assert_int_equal(ca_create(&f->ca, STR("mesh.example"), NOW, &e), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fix *f = *state;
    assert_int_equal(ERR_peek_error(), 0); /* every test leaves OpenSSL's queue empty */
    ca_free(&f->ca);
    assert_null(f->ca);
    arena_fini(&f->a);
    free(f);
    return 0;
}

static X509 *read_cert(struct str pem) {
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

static EVP_PKEY *read_key(struct str pem) {
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    return key;
}

static int64_t seconds(const ASN1_TIME *t) {
    struct tm tm;
    assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
    return (int64_t)timegm(&tm);
}

/* The text that OpenSSL prints of an extension; "" when it is absent. */
static const char *ext_text(struct fix *f, X509 *cert, int nid, bool *critical) {
    int at = X509_get_ext_by_NID(cert, nid, -1);
    if (at < 0)
        return "";
    assert_int_equal(X509_get_ext_by_NID(cert, nid, at), -1); /* once */
    X509_EXTENSION *ext = X509_get_ext(cert, at);
    *critical = X509_EXTENSION_get_critical(ext);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(X509V3_EXT_print(bio, ext, 0, 0), 1);
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    const char *z = arena_z(&f->a, str_n(data, (size_t)n));
    BIO_free(bio);
    return z;
}

static void assert_ext(struct fix *f, X509 *cert, int nid, bool critical, const char *text) {
    bool is_critical = false;
    assert_string_equal(ext_text(f, cert, nid, &is_critical), text);
    assert_int_equal(is_critical, critical);
}

/* The judge: OpenSSL's chain verification at a moment, for both purposes. */
static bool verifies(struct ca *ca, X509 *leaf, int64_t at, int purpose) {
    X509_STORE *store = X509_STORE_new();
    X509 *root = read_cert(ca_cert_pem(ca));
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_CTX_init(ctx, store, leaf, NULL);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)at);
    X509_STORE_CTX_set_purpose(ctx, purpose);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    bool ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_free(root);
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}

static struct ca_issued issue(struct fix *f, const char *ns, const char *service, int64_t ttl) {
    struct ca_issued out;
    struct err e = {0};
    if (ca_issue(f->ca, str_of(ns), str_of(service), KEY_EC256, ttl, NOW, &f->a, &out, &e) != 0)
        fail_msg("%s", e.msg);
    return out;
}

static void root_is_a_root(void **state) {
    struct fix *f = *state;
    X509 *root = read_cert(ca_cert_pem(f->ca));
    char name[128];
    X509_NAME_oneline(X509_get_subject_name(root), name, sizeof(name));
    assert_string_equal(name, "/CN=weft root CA/O=mesh.example");
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(root), X509_get_issuer_name(root)), 0);
    assert_ext(f, root, NID_basic_constraints, true, "CA:TRUE");
    assert_ext(f, root, NID_key_usage, true, "Certificate Sign, CRL Sign");
    assert_ext(f, root, NID_subject_alt_name, false, "URI:spiffe://mesh.example");
    assert_int_equal(seconds(X509_get0_notBefore(root)), NOW - 300);
    assert_int_equal(seconds(X509_get0_notAfter(root)), NOW + 3650 * DAY);
    assert_int_equal(ca_not_after(f->ca), NOW + 3650 * DAY);
    assert_true(str_eq(ca_trust_domain(f->ca), STR("mesh.example")));
    assert_true(str_starts(ca_key_pem(f->ca), STR("-----BEGIN PRIVATE KEY-----\n")));
    assert_true(verifies(f->ca, root, NOW, X509_PURPOSE_ANY));
    X509_free(root);
}

static void leaf_says_what_the_contract_says(void **state) {
    struct fix *f = *state;
    struct ca_issued out = issue(f, "prod", "web", DAY);
    X509 *leaf = read_cert(out.cert_pem);
    char name[128];
    X509_NAME_oneline(X509_get_subject_name(leaf), name, sizeof(name));
    assert_string_equal(name, "/CN=prod.web");
    assert_ext(f, leaf, NID_subject_alt_name, false,
               "DNS:prod.web, DNS:web.prod.svc.cluster.local, URI:spiffe://mesh.example/ns/prod/sa/web");
    assert_ext(f, leaf, NID_key_usage, true, "Digital Signature");
    assert_ext(f, leaf, NID_ext_key_usage, false, "TLS Web Server Authentication, TLS Web Client Authentication");
    assert_ext(f, leaf, NID_basic_constraints, true, "CA:FALSE");
    X509 *root = read_cert(ca_cert_pem(f->ca));
    assert_int_equal(ASN1_STRING_cmp(X509_get0_authority_key_id(leaf), X509_get0_subject_key_id(root)), 0);
    assert_non_null(X509_get0_subject_key_id(leaf));
    assert_int_equal(X509_get_version(leaf), X509_VERSION_3);
    assert_true(verifies(f->ca, leaf, NOW, X509_PURPOSE_SSL_SERVER));
    assert_true(verifies(f->ca, leaf, NOW, X509_PURPOSE_SSL_CLIENT));
    assert_true(key_matches_cert(out.key_pem, out.cert_pem));
    assert_false(key_matches_cert(out.key_pem, ca_cert_pem(f->ca)));
    X509_free(root);
    X509_free(leaf);
}

static void leaf_is_backdated_and_ends_after_its_ttl(void **state) {
    struct fix *f = *state;
    struct ca_issued out = issue(f, "prod", "web", 3600);
    X509 *leaf = read_cert(out.cert_pem);
    assert_int_equal(seconds(X509_get0_notBefore(leaf)), NOW - 300);
    assert_int_equal(seconds(X509_get0_notAfter(leaf)), NOW + 3600);
    assert_int_equal(out.not_after, NOW + 3600);
    assert_true(verifies(f->ca, leaf, NOW - 299, X509_PURPOSE_SSL_SERVER));
    assert_false(verifies(f->ca, leaf, NOW - 301, X509_PURPOSE_SSL_SERVER));
    assert_false(verifies(f->ca, leaf, NOW + 3601, X509_PURPOSE_SSL_SERVER));
    X509_free(leaf);
}

static void leaf_never_outlives_its_issuer(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    int64_t end = ca_not_after(f->ca);
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR("web"), KEY_EC256, DAY, end - 60, &f->a, &out, NULL), 0);
    X509 *leaf = read_cert(out.cert_pem);
    assert_int_equal(seconds(X509_get0_notAfter(leaf)), end);
    assert_int_equal(out.not_after, end);
    X509_free(leaf);
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR("web"), KEY_EC256, DAY, end, &f->a, &out, NULL), WEFT_E_CERT);
    assert_int_equal(out.cert_pem.len + out.key_pem.len, 0);
}

static void keeps_ttl_and_name_bounds(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    static const int64_t bad[] = {0, -1, CA_TTL_MAX + 1ll, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(ca_issue(f->ca, STR("prod"), STR("web"), KEY_EC256, bad[i], NOW, &f->a, &out, NULL), WEFT_E_INVALID);
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR("web"), KEY_EC256, CA_TTL_MAX, NOW, &f->a, &out, NULL), 0);
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR("web"), KEY_EC256, 1, NOW, &f->a, &out, NULL), 0);
    assert_int_equal(ca_issue(f->ca, STR("Prod"), STR("web"), KEY_EC256, 1, NOW, &f->a, &out, NULL), WEFT_E_INVALID);
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR(""), KEY_EC256, 1, NOW, &f->a, &out, NULL), WEFT_E_INVALID);
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR("a,URI:b"), KEY_EC256, 1, NOW, &f->a, &out, NULL), WEFT_E_INVALID);
}

/* 64 characters still fit a CN; with 65 the subject is empty and the SAN critical. */
static void long_names_leave_the_subject_empty(void **state) {
    struct fix *f = *state;
    char ns[33], service[33];
    memset(ns, 'n', sizeof(ns));
    memset(service, 's', sizeof(service));
    ns[31] = service[32] = '\0';
    X509 *fits = read_cert(issue(f, ns, service, DAY).cert_pem);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(fits)), 1);
    ns[31] = 'n', ns[32] = '\0';
    X509 *leaf = read_cert(issue(f, ns, service, DAY).cert_pem);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
    bool critical = false;
    const char *san = ext_text(f, leaf, NID_subject_alt_name, &critical);
    assert_true(critical);
    assert_int_equal(strncmp(san, "DNS:nnnn", 8), 0);
    assert_true(verifies(f->ca, leaf, NOW, X509_PURPOSE_SSL_SERVER));
    X509_free(leaf);
    X509_free(fits);
}

static void issues_both_kinds_of_keys(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    assert_int_equal(ca_issue(f->ca, STR("prod"), STR("web"), KEY_RSA2048, DAY, NOW, &f->a, &out, NULL), 0);
    EVP_PKEY *rsa = read_key(out.key_pem), *ec = read_key(issue(f, "prod", "web", DAY).key_pem);
    assert_int_equal(EVP_PKEY_get_base_id(rsa), EVP_PKEY_RSA);
    assert_int_equal(EVP_PKEY_get_bits(rsa), 2048);
    assert_int_equal(EVP_PKEY_get_base_id(ec), EVP_PKEY_EC);
    assert_int_equal(EVP_PKEY_get_bits(ec), 256);
    assert_true(key_matches_cert(out.key_pem, out.cert_pem));
    assert_true(str_starts(out.key_pem, STR("-----BEGIN PRIVATE KEY-----\n")));
    X509 *leaf = read_cert(out.cert_pem);
    assert_true(verifies(f->ca, leaf, NOW, X509_PURPOSE_SSL_SERVER));
    X509_free(leaf);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void every_certificate_is_fresh(void **state) {
    struct fix *f = *state;
    struct ca_issued one = issue(f, "prod", "web", DAY), two = issue(f, "prod", "web", DAY);
    assert_false(str_eq(one.key_pem, two.key_pem));
    X509 *a = read_cert(one.cert_pem), *b = read_cert(two.cert_pem);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(b)), 0);
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(a), NULL);
    assert_true(BN_num_bits(bn) > 64 && BN_num_bits(bn) <= 128); /* 2^-64 to fail by chance */
    assert_false(BN_is_negative(bn));
    BN_free(bn);
    X509_free(a);
    X509_free(b);
}

static void loads_what_it_made(void **state) {
    struct fix *f = *state;
    struct ca *again;
    struct err e = {0};
    assert_int_equal(ca_load(&again, ca_cert_pem(f->ca), ca_key_pem(f->ca), &e), 0);
    assert_true(str_eq(ca_cert_pem(again), ca_cert_pem(f->ca)));
    assert_true(str_eq(ca_key_pem(again), ca_key_pem(f->ca)));
    assert_true(str_eq(ca_trust_domain(again), STR("mesh.example")));
    assert_int_equal(ca_not_after(again), ca_not_after(f->ca));
    struct ca_issued out;
    assert_int_equal(ca_issue(again, STR("prod"), STR("web"), KEY_EC256, DAY, NOW, &f->a, &out, NULL), 0);
    X509 *leaf = read_cert(out.cert_pem);
    assert_true(verifies(f->ca, leaf, NOW, X509_PURPOSE_SSL_SERVER));
    X509_free(leaf);
    ca_free(&again);
}

static void assert_not_loaded(struct str cert, struct str key, int code) {
    struct ca *ca = (struct ca *)1;
    struct err e = {0};
    assert_int_equal(ca_load(&ca, cert, key, &e), code);
    assert_null(ca);
    assert_true(e.msg[0] != '\0');
}

static void loads_nothing_else(void **state) {
    struct fix *f = *state;
    struct ca *other;
    assert_int_equal(ca_create(&other, STR("other.example"), NOW, NULL), 0);
    struct ca_issued leaf = issue(f, "prod", "web", DAY);
    assert_not_loaded(ca_cert_pem(f->ca), ca_key_pem(other), WEFT_E_INVALID);
    assert_not_loaded(leaf.cert_pem, leaf.key_pem, WEFT_E_INVALID);
    assert_not_loaded(STR(""), ca_key_pem(f->ca), WEFT_E_PARSE);
    assert_not_loaded(ca_cert_pem(f->ca), STR(""), WEFT_E_PARSE);
    assert_not_loaded(ca_key_pem(f->ca), ca_key_pem(f->ca), WEFT_E_PARSE);
    assert_not_loaded(ca_cert_pem(f->ca), ca_cert_pem(f->ca), WEFT_E_PARSE);
    struct str two = arena_fmt(&f->a, STR_FMT STR_FMT, STR_ARG(ca_cert_pem(f->ca)), STR_ARG(ca_cert_pem(other)));
    assert_not_loaded(two, ca_key_pem(f->ca), WEFT_E_TOO_LARGE);
    ca_free(&other);
}

/* A root that somebody else made: with a key and extensions of its own. */
struct foreign {
    EVP_PKEY *key; /* freed */
    const char *san, *basic, *usage;
};

static struct str pem_of(struct fix *f, X509 *cert, EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (cert)
        PEM_write_bio_X509(bio, cert);
    else
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    struct str pem = arena_dup(&f->a, str_n(data, (size_t)n));
    BIO_free(bio);
    return pem;
}

static void make_foreign(struct fix *f, const struct foreign *how, struct str *cert_pem, struct str *key_pem) {
    X509 *cert = X509_new();
    assert_non_null(how->key);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 1);
    ASN1_TIME_set(X509_getm_notBefore(cert), NOW - 60);
    ASN1_TIME_set(X509_getm_notAfter(cert), NOW + 10 * DAY);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"foreign", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, how->key);
    const char *const exts[][2] = {{"subjectAltName", how->san}, {"basicConstraints", how->basic}, {"keyUsage", how->usage}};
    for (int i = 0; i < 3; i++) {
        X509_EXTENSION *ext = exts[i][1] ? X509V3_EXT_conf(NULL, NULL, exts[i][0], exts[i][1]) : NULL;
        if (ext)
            X509_add_ext(cert, ext, -1);
        X509_EXTENSION_free(ext);
    }
    X509_sign(cert, how->key, EVP_PKEY_get_base_id(how->key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256());
    *cert_pem = pem_of(f, cert, NULL);
    *key_pem = pem_of(f, NULL, how->key);
    EVP_PKEY_free(how->key);
    X509_free(cert);
    ERR_clear_error();
}

static void issues_below_a_foreign_root(void **state) {
    struct fix *f = *state;
    EVP_PKEY *keys[] = {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_EC_gen("P-384"), EVP_RSA_gen(3072)};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        struct str cert, key;
        struct ca *ca;
        struct ca_issued out;
        make_foreign(f, &(struct foreign){keys[i], "URI:spiffe://far.example", "critical,CA:TRUE", "critical,keyCertSign"}, &cert,
                     &key);
        assert_int_equal(ca_load(&ca, cert, key, NULL), 0);
        assert_true(str_eq(ca_trust_domain(ca), STR("far.example")));
        assert_int_equal(ca_issue(ca, STR("prod"), STR("web"), KEY_EC256, 30 * DAY, NOW, &f->a, &out, NULL), 0);
        assert_int_equal(out.not_after, NOW + 10 * DAY);
        X509 *leaf = read_cert(out.cert_pem);
        assert_null(X509_get0_authority_key_id(leaf)); /* the root has no key identifier to point at */
        assert_ext(f, leaf, NID_subject_alt_name, false,
                   "DNS:prod.web, DNS:web.prod.svc.cluster.local, URI:spiffe://far.example/ns/prod/sa/web");
        X509_STORE *store = X509_STORE_new();
        X509 *root = read_cert(cert);
        X509_STORE_add_cert(store, root);
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();
        X509_STORE_CTX_init(ctx, store, leaf, NULL);
        X509_STORE_CTX_set_time(ctx, 0, (time_t)NOW);
        assert_int_equal(X509_verify_cert(ctx), 1);
        X509_STORE_CTX_free(ctx);
        X509_free(root);
        X509_STORE_free(store);
        X509_free(leaf);
        ca_free(&ca);
    }
}

static void refuses_unfit_foreign_roots(void **state) {
    struct fix *f = *state;
    const char *td = "URI:spiffe://far.example", *is_ca = "critical,CA:TRUE", *sign = "critical,keyCertSign";
    const struct foreign cases[] = {
        {EVP_EC_gen("P-256"), NULL, is_ca, sign},
        {EVP_EC_gen("P-256"), "DNS:far.example", is_ca, sign},
        {EVP_EC_gen("P-256"), "URI:spiffe://far.example/x", is_ca, sign},
        {EVP_EC_gen("P-256"), "URI:spiffe://a,URI:spiffe://b", is_ca, sign},
        {EVP_EC_gen("P-256"), td, NULL, sign},
        {EVP_EC_gen("P-256"), td, "critical,CA:FALSE", sign},
        {EVP_EC_gen("P-256"), td, is_ca, NULL},
        {EVP_EC_gen("P-256"), td, is_ca, "critical,digitalSignature,cRLSign"},
        {EVP_RSA_gen(1024), td, is_ca, sign},
        {EVP_EC_gen("secp256k1"), td, is_ca, sign},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str cert, key;
        make_foreign(f, &cases[i], &cert, &key);
        assert_not_loaded(cert, key, WEFT_E_INVALID);
    }
}

static void *issue_some(void *arg) {
    const struct ca *ca = arg;
    struct arena a = {0};
    struct ca_issued out;
    bool ok = true;
    for (int i = 0; i < 20; i++)
        ok = ca_issue(ca, STR("prod"), STR("web"), KEY_EC256, DAY, NOW, &a, &out, NULL) == 0 && ok &&
             key_matches_cert(out.key_pem, out.cert_pem);
    arena_fini(&a);
    return ok ? arg : NULL;
}

/* Any thread may use a ca: for TSan. */
static void serves_two_threads(void **state) {
    struct fix *f = *state;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, issue_some, f->ca), 0);
    for (int i = 0; i < 2; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, f->ca);
    }
}

static void refuses_bad_trust_domains(void **state) {
    struct ca *ca;
    assert_int_equal(ca_create(&ca, STR(""), NOW, NULL), WEFT_E_INVALID);
    assert_int_equal(ca_create(&ca, STR("Mesh"), NOW, NULL), WEFT_E_INVALID);
    assert_int_equal(ca_create(&ca, STR("a/b"), NOW, NULL), WEFT_E_INVALID);
    assert_null(ca);
}

static void takes_the_longest_trust_domain(void **state) {
    char td[256];
    memset(td, 'd', sizeof(td));
    struct ca *ca, *again;
    assert_int_equal(ca_create(&ca, str_n(td, 255), NOW, NULL), 0);
    assert_int_equal(ca_load(&again, ca_cert_pem(ca), ca_key_pem(ca), NULL), 0);
    assert_true(str_eq(ca_trust_domain(again), str_n(td, 255)));
    ca_free(&again);
    ca_free(&ca);
    assert_int_equal(ca_create(&ca, str_n(td, 256), NOW, NULL), WEFT_E_INVALID);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(root_is_a_root),
        T(leaf_says_what_the_contract_says),
        T(leaf_is_backdated_and_ends_after_its_ttl),
        T(keeps_ttl_and_name_bounds),
        T(leaf_never_outlives_its_issuer),
        T(long_names_leave_the_subject_empty),
        T(issues_both_kinds_of_keys),
        T(every_certificate_is_fresh),
        T(loads_what_it_made),
        T(loads_nothing_else),
        T(serves_two_threads),
        T(issues_below_a_foreign_root),
        T(refuses_unfit_foreign_roots),
        T(refuses_bad_trust_domains),
        T(takes_the_longest_trust_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
