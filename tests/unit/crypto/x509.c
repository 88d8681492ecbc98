// SPDX-License-Identifier: Apache-2.0
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
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "crypto/x509.h"

#define NOW 1763780000ll

static int set_up(void **state) {
    *state = mem_new(struct arena);
    return 0;
}

static int tear_down(void **state) {
    assert_int_equal(ERR_peek_error(), 0);
    arena_fini(*state);
    free(*state);
    return 0;
}

/* What a test certificate carries, in OpenSSL's words; NULL leaves an extension out. */
struct spec {
    const char *san, *usage, *extended, *basic;
};

static const struct spec good = {
    .san = "URI:spiffe://mesh.example/ns/prod/sa/web,DNS:web.prod",
    .usage = "critical,digitalSignature",
    .extended = "serverAuth,clientAuth",
    .basic = "critical,CA:FALSE",
};

static void add_ext(X509 *cert, const char *name, const char *value) {
    if (!value)
        return;
    X509_EXTENSION *ext = X509V3_EXT_conf(NULL, NULL, name, value);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

static X509 *make_unsigned(EVP_PKEY *key) {
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 0xabcdef0123ull);
    ASN1_TIME_set(X509_getm_notBefore(cert), NOW);
    ASN1_TIME_set(X509_getm_notAfter(cert), NOW + 60);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                               (const unsigned char *)"W\xc3\xa4"
                                                      "b, Inc",
                               -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"x\ny", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    return cert;
}

/* Signs, and reads the result back, as it would come from a peer. */
static X509 *finish(X509 *cert, EVP_PKEY *key) {
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int n = i2d_X509(cert, &der);
    const unsigned char *at = der;
    X509 *again = d2i_X509(NULL, &at, n);
    assert_non_null(again);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return again;
}

static X509 *make_cert(const struct spec *s) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_unsigned(key);
    add_ext(cert, "subjectAltName", s->san);
    add_ext(cert, "keyUsage", s->usage);
    add_ext(cert, "extendedKeyUsage", s->extended);
    add_ext(cert, "basicConstraints", s->basic);
    return finish(cert, key);
}

static int check(struct arena *a, X509 *cert, struct err *e) {
    struct spiffe_id id;
    int rc = x509_check_svid(&id, cert, STR("mesh.example"), a, e);
    assert_int_equal(rc == 0, id.path.len > 0);
    X509_free(cert);
    return rc;
}

static void takes_a_good_leaf(void **state) {
    struct arena *a = *state;
    X509 *cert = make_cert(&good);
    struct spiffe_id id;
    assert_int_equal(x509_check_svid(&id, cert, STR("mesh.example"), a, NULL), 0);
    X509_free(cert); /* the id is the arena's */
    assert_true(str_eq(id.trust_domain, STR("mesh.example")));
    assert_true(str_eq(id.ns, STR("prod")));
    assert_true(str_eq(id.service, STR("web")));
}

static void takes_leaves_without_optional_extensions(void **state) {
    struct spec s = good;
    s.extended = NULL;
    assert_int_equal(check(*state, make_cert(&s), NULL), 0);
    s.basic = NULL;
    assert_int_equal(check(*state, make_cert(&s), NULL), 0);
    s.usage = "critical,digitalSignature,keyAgreement,keyEncipherment";
    s.san = "critical,URI:spiffe://mesh.example/any/path";
    assert_int_equal(check(*state, make_cert(&s), NULL), 0);
    s.extended = "serverAuth,emailProtection,clientAuth";
    assert_int_equal(check(*state, make_cert(&s), NULL), 0);
}

static void takes_what_the_ca_makes(void **state) {
    struct arena *a = *state;
    struct ca *ca;
    struct ca_issued out;
    struct spiffe_id id;
    X509 *leaf, *root;
    assert_int_equal(ca_create(&ca, STR("mesh.example"), NOW, NULL), 0);
    assert_int_equal(ca_issue(ca, STR("prod"), STR("web"), KEY_EC256, 60, NOW, a, &out, NULL), 0);
    assert_int_equal(x509_load_pem(&leaf, 1, out.cert_pem, NULL), 1);
    assert_int_equal(x509_load_pem(&root, 1, ca_cert_pem(ca), NULL), 1);
    assert_int_equal(x509_check_svid(&id, leaf, STR("mesh.example"), a, NULL), 0);
    assert_int_equal(x509_check_svid(&id, root, STR("mesh.example"), a, NULL), WEFT_E_CERT);
    X509_free(leaf);
    X509_free(root);
    ca_free(&ca);
}

static void refuses_every_broken_rule(void **state) {
#define URI "URI:spiffe://mesh.example/ns/prod/sa/web"
    static const struct {
        struct spec s;
        const char *why;
    } cases[] = {
        {{NULL, "critical,digitalSignature"}, "no subject alternative name"},
        {{"DNS:web.prod", "critical,digitalSignature"}, "no URI SAN"},
        {{URI "," URI, "critical,digitalSignature"}, "more than one URI SAN"},
        {{URI ",URI:https://example.com/", "critical,digitalSignature"}, "more than one URI SAN"},
        {{"URI:https://mesh.example/ns/prod/sa/web", "critical,digitalSignature"}, "does not begin with spiffe://"},
        {{"URI:spiffe://mesh.example", "critical,digitalSignature"}, "has no path"},
        {{"URI:spiffe://mesh.example/", "critical,digitalSignature"}, "segment"},
        {{"URI:spiffe://mesh.example/ns/../sa/web", "critical,digitalSignature"}, "segment"},
        {{"URI:spiffe://other.example/ns/prod/sa/web", "critical,digitalSignature"}, "trust domain other.example, expected"},
        {{"URI:spiffe://mesh.example.evil/x", "critical,digitalSignature"}, "trust domain mesh.example.evil"},
        {{"URI:spiffe://Mesh.example/x", "critical,digitalSignature"}, "trust domain"},
        {{URI, NULL}, "no key usage"},
        {{URI, "digitalSignature"}, "not critical"},
        {{URI, "critical,keyAgreement"}, "without digitalSignature"},
        {{URI, "critical,digitalSignature,keyCertSign"}, "keyCertSign"},
        {{URI, "critical,digitalSignature,cRLSign"}, "cRLSign"},
        {{URI, "critical,digitalSignature", "serverAuth"}, "serverAuth and clientAuth"},
        {{URI, "critical,digitalSignature", "clientAuth"}, "serverAuth and clientAuth"},
        {{URI, "critical,digitalSignature", "anyExtendedKeyUsage"}, "serverAuth and clientAuth"},
        {{URI, "critical,digitalSignature", NULL, "critical,CA:TRUE"}, "CA certificate"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err e = {0};
        if (check(*state, make_cert(&cases[i].s), &e) != WEFT_E_CERT || !strstr(e.msg, cases[i].why))
            fail_msg("case %zu: code %s, \"%s\", expected \"%s\"", i, err_name(e.code), e.msg, cases[i].why);
    }
}

/* SANs that OpenSSL's words cannot say: any bytes. */
static X509 *make_with_names(int type, struct str first, struct str second) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_unsigned(key);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    struct str texts[2] = {first, second};
    for (int i = 0; i < 2; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *value = ASN1_IA5STRING_new();
        ASN1_STRING_set(value, texts[i].ptr, (int)texts[i].len);
        GENERAL_NAME_set0_value(name, i == 0 ? GEN_URI : type, value);
        sk_GENERAL_NAME_push(names, name);
    }
    assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
    GENERAL_NAMES_free(names);
    add_ext(cert, "keyUsage", "critical,digitalSignature");
    return finish(cert, key);
}

static void refuses_nul_in_names(void **state) {
    struct str ok = STR("spiffe://mesh.example/ns/prod/sa/web");
    struct err e = {0};
    assert_int_equal(check(*state, make_with_names(GEN_DNS, ok, STR("web.prod")), NULL), 0);
    assert_int_equal(check(*state, make_with_names(GEN_DNS, STR("spiffe://mesh.example/a\0b"), STR("web.prod")), &e),
                     WEFT_E_CERT);
    assert_non_null(strstr(e.msg, "NUL"));
    assert_int_equal(check(*state, make_with_names(GEN_DNS, ok, STR("web\0.evil")), &e), WEFT_E_CERT);
    assert_int_equal(check(*state, make_with_names(GEN_EMAIL, ok, STR("a@b\0c")), &e), WEFT_E_CERT);
    assert_int_equal(check(*state, make_with_names(GEN_URI, ok, STR("")), &e), WEFT_E_CERT);
}

static void refuses_an_extension_there_twice(void **state) {
    static const char *const twice[][2] = {{"subjectAltName", "URI:spiffe://mesh.example/x"},
                                           {"keyUsage", "critical,digitalSignature"},
                                           {"extendedKeyUsage", "serverAuth,clientAuth"},
                                           {"basicConstraints", "CA:FALSE"}};
    for (size_t i = 0; i < sizeof(twice) / sizeof(*twice); i++) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *cert = make_unsigned(key);
        add_ext(cert, "subjectAltName", good.san);
        add_ext(cert, "keyUsage", good.usage);
        add_ext(cert, "extendedKeyUsage", good.extended);
        add_ext(cert, "basicConstraints", good.basic);
        add_ext(cert, twice[i][0], twice[i][1]);
        struct err e = {0};
        assert_int_equal(check(*state, finish(cert, key), &e), WEFT_E_CERT);
        assert_non_null(strstr(e.msg, "twice"));
    }
}

static void describes_a_certificate(void **state) {
    struct arena *a = *state;
    X509 *cert = make_cert(&good);
    struct x509_info info;
    assert_int_equal(x509_describe(&info, cert, a, NULL), 0);
    unsigned char md[32];
    char hash[65];
    assert_int_equal(X509_digest(cert, EVP_sha256(), md, NULL), 1);
    for (int i = 0; i < 32; i++)
        snprintf(hash + 2 * i, 3, "%02x", md[i]);
    X509_free(cert);
    assert_true(str_eq(info.subject, STR("CN=x\\0Ay,O=W\\C3\\A4b\\, Inc"))); /* RFC 2253: last first, escaped */
    assert_true(str_eq(info.issuer, info.subject));
    assert_true(str_eq(info.spiffe, STR("spiffe://mesh.example/ns/prod/sa/web")));
    assert_int_equal(info.n_dns, 1);
    assert_true(str_eq(info.dns[0], STR("web.prod")));
    assert_true(str_eq(info.serial, STR("abcdef0123")));
    assert_int_equal(info.not_before, NOW);
    assert_int_equal(info.not_after, NOW + 60);
    assert_string_equal(info.hash, hash);
    assert_false(info.ca);
}

static void describes_odd_names_safely(void **state) {
    struct arena *a = *state;
    struct x509_info info;
    X509 *cert = make_with_names(GEN_DNS, STR("spiffe://td/a\0b"), STR("evil\n\"name"));
    assert_int_equal(x509_describe(&info, cert, a, NULL), 0);
    assert_int_equal(info.spiffe.len, 0);
    assert_int_equal(info.n_dns, 0);
    X509_free(cert);
    cert = make_with_names(GEN_URI, STR("spiffe://td/a"), STR("spiffe://td/b"));
    assert_int_equal(x509_describe(&info, cert, a, NULL), 0);
    assert_int_equal(info.spiffe.len, 0);
    X509_free(cert);
}

/* Two certificates in one text, and what comes of it. */
static void loads_pem_texts(void **state) {
    struct arena *a = *state;
    struct ca *one, *two;
    assert_int_equal(ca_create(&one, STR("one"), NOW, NULL), 0);
    assert_int_equal(ca_create(&two, STR("two"), NOW, NULL), 0);
    struct str both = arena_fmt(a, "a remark\n" STR_FMT "\n" STR_FMT, STR_ARG(ca_cert_pem(one)), STR_ARG(ca_cert_pem(two)));
    X509 *certs[3];
    assert_int_equal(x509_load_pem(certs, 3, both, NULL), 2);
    X509_free(certs[0]);
    X509_free(certs[1]);
    assert_int_equal(x509_load_pem(certs, 1, both, NULL), WEFT_E_TOO_LARGE);
    struct x509_info info;
    char hash[65];
    assert_int_equal(x509_describe_pem(&info, both, a, NULL), 0);
    assert_true(str_eq(info.spiffe, STR("spiffe://one")));
    assert_true(info.ca);
    assert_int_equal(x509_pem_hash(hash, both, NULL), 0);
    assert_string_equal(hash, info.hash);
    struct str with_key = arena_fmt(a, STR_FMT STR_FMT, STR_ARG(ca_cert_pem(one)), STR_ARG(ca_key_pem(one)));
    struct err e = {0};
    assert_int_equal(x509_load_pem(certs, 3, with_key, &e), WEFT_E_PARSE);
    assert_non_null(strstr(e.msg, "PRIVATE KEY"));
    assert_null(strstr(e.msg, "MI")); /* no key material in messages */
    assert_int_equal(x509_load_pem(certs, 3, str_first(both, both.len - 30), NULL), WEFT_E_PARSE);
    ca_free(&one);
    ca_free(&two);
}

static void refuses_texts_without_certificates(void **state) {
    struct arena *a = *state;
    X509 *cert;
    struct x509_info info;
    char hash[65];
    static const char *const texts[] = {"",
                                        "hello",
                                        "-----BEGIN CERTIFICATE-----",
                                        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN X-----\nAAAA\n-----END X-----\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(x509_load_pem(&cert, 1, str_of(texts[i]), NULL), WEFT_E_PARSE);
        assert_int_equal(x509_describe_pem(&info, str_of(texts[i]), a, NULL), WEFT_E_PARSE);
        assert_int_equal(x509_pem_hash(hash, str_of(texts[i]), NULL), WEFT_E_PARSE);
    }
    char *big = mem_alloc((1u << 20) + 1);
    assert_int_equal(x509_load_pem(&cert, 1, str_n(big, (1u << 20) + 1), NULL), WEFT_E_TOO_LARGE);
    free(big);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(takes_a_good_leaf),       T(takes_leaves_without_optional_extensions),
        T(takes_what_the_ca_makes), T(refuses_every_broken_rule),
        T(refuses_nul_in_names),    T(refuses_an_extension_there_twice),
        T(describes_a_certificate), T(describes_odd_names_safely),
        T(loads_pem_texts),         T(refuses_texts_without_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
