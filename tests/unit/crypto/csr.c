// SPDX-License-Identifier: Apache-2.0
/* Certificate requests: nothing but the key is taken from them, and only from who proves to hold it. */
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
#include "base/mem.h"
#include "crypto/ca.h"
#include "crypto/x509.h"

#define NOW 1763780000ll
#define DAY 86400ll

struct fix {
    struct ca *ca;
    struct arena a;
};

static int set_up(void **state) {
    struct fix *f = mem_new(struct fix);
    assert_int_equal(ca_create(&f->ca, STR("mesh.example"), NOW, NULL), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fix *f = *state;
    assert_int_equal(ERR_peek_error(), 0);
    ca_free(&f->ca);
    arena_fini(&f->a);
    free(f);
    return 0;
}

/* A CSR for `key`, signed by `signer`, with a subject and with extensions in OpenSSL's words ("name=value"), frees the keys. */
static struct str make_csr(struct fix *f, EVP_PKEY *key, EVP_PKEY *signer, const char *const exts[][2]) {
    X509_REQ *csr = X509_REQ_new();
    assert_int_equal(X509_REQ_set_pubkey(csr, key), 1);
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(csr), "CN", MBSTRING_ASC, (const unsigned char *)"admin.root", -1, -1,
                               0);
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    for (size_t i = 0; exts && exts[i][0]; i++)
        sk_X509_EXTENSION_push(list, X509V3_EXT_conf(NULL, NULL, exts[i][0], exts[i][1]));
    if (exts)
        assert_int_equal(X509_REQ_add_extensions(csr, list), 1);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    assert_true(X509_REQ_sign(csr, signer, EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_REQ(bio, csr);
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    struct str pem = arena_dup(&f->a, str_n(data, (size_t)n));
    BIO_free(bio);
    X509_REQ_free(csr);
    if (signer != key)
        EVP_PKEY_free(signer);
    EVP_PKEY_free(key);
    return pem;
}

static struct str plain_csr(struct fix *f, EVP_PKEY *key) {
    assert_non_null(key);
    return make_csr(f, key, key, NULL);
}

static int sign_csr(struct fix *f, struct str csr, struct ca_issued *out) {
    struct err e = {0};
    int rc = ca_sign_csr(f->ca, csr, STR("prod"), STR("web"), DAY, NOW, &f->a, out, &e);
    assert_int_equal(out->key_pem.len, 0);
    assert_int_equal(rc < 0, e.msg[0] != '\0');
    assert_int_equal(rc == 0, out->cert_pem.len > 0);
    return rc;
}

static void signs_what_we_ask_for(void **state) {
    struct fix *f = *state;
    struct str key, csr;
    struct ca_issued out;
    assert_int_equal(csr_create(&f->a, &key, &csr, NULL), 0);
    assert_true(str_starts(key, STR("-----BEGIN PRIVATE KEY-----\n")));
    assert_int_equal(sign_csr(f, csr, &out), 0);
    assert_int_equal(out.not_after, NOW + DAY);
    assert_true(key_matches_cert(key, out.cert_pem));
    struct x509_info info;
    assert_int_equal(x509_describe_pem(&info, out.cert_pem, &f->a, NULL), 0);
    assert_true(str_eq(info.spiffe, STR("spiffe://mesh.example/ns/prod/sa/web")));
    assert_true(str_eq(info.subject, STR("CN=prod.web")));
}

static void takes_only_the_key(void **state) {
    struct fix *f = *state;
    static const char *const wishes[][2] = {
        {"subjectAltName", "URI:spiffe://mesh.example/ns/kube/sa/admin,DNS:admin.root,DNS:*"},
        {"basicConstraints", "critical,CA:TRUE,pathlen:5"},
        {"keyUsage", "critical,keyCertSign,cRLSign"},
        {"extendedKeyUsage", "codeSigning"},
        {"nsComment", "hello"},
        {NULL, NULL},
    };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct str greedy = make_csr(f, key, key, wishes), modest, modest_key;
    assert_int_equal(csr_create(&f->a, &modest_key, &modest, NULL), 0);
    struct ca_issued a, b;
    assert_int_equal(sign_csr(f, greedy, &a), 0);
    assert_int_equal(sign_csr(f, modest, &b), 0);
    X509 *certs[2];
    assert_int_equal(x509_load_pem(&certs[0], 1, a.cert_pem, NULL), 1);
    assert_int_equal(x509_load_pem(&certs[1], 1, b.cert_pem, NULL), 1);
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(certs[0]), X509_get_subject_name(certs[1])), 0);
    assert_int_equal(X509_get_ext_count(certs[0]), X509_get_ext_count(certs[1]));
    for (int i = 0; i < X509_get_ext_count(certs[0]); i++) { /* all extensions the same, but for the key's own id */
        X509_EXTENSION *x = X509_get_ext(certs[0], i), *y = X509_get_ext(certs[1], i);
        assert_int_equal(OBJ_cmp(X509_EXTENSION_get_object(x), X509_EXTENSION_get_object(y)), 0);
        if (OBJ_obj2nid(X509_EXTENSION_get_object(x)) != NID_subject_key_identifier)
            assert_int_equal(ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(x), X509_EXTENSION_get_data(y)), 0);
    }
    X509_free(certs[0]);
    X509_free(certs[1]);
}

static void takes_the_usual_keys(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_EC_gen("P-384")), &out), 0);
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_RSA_gen(2048)), &out), 0);
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), &out), 0);
}

/* P-256 told by its parameters instead of its name. */
static EVP_PKEY *explicit_curve_key(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
    return key;
}

static void refuses_other_keys(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_RSA_gen(1024)), &out), WEFT_E_INVALID);
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_EC_gen("secp256k1")), &out), WEFT_E_INVALID);
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_EC_gen("P-224")), &out), WEFT_E_INVALID);
    assert_int_equal(sign_csr(f, plain_csr(f, EVP_EC_gen("P-521")), &out), WEFT_E_INVALID);
    assert_int_equal(sign_csr(f, plain_csr(f, explicit_curve_key()), &out), WEFT_E_INVALID);
}

static void refuses_who_does_not_hold_the_key(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    struct str csr = make_csr(f, EVP_EC_gen("P-256"), EVP_EC_gen("P-256"), NULL);
    assert_int_equal(sign_csr(f, csr, &out), WEFT_E_INVALID);
}

static void refuses_malformed_requests(void **state) {
    struct fix *f = *state;
    struct ca_issued out;
    struct str key, csr;
    assert_int_equal(csr_create(&f->a, &key, &csr, NULL), 0);
    assert_int_equal(sign_csr(f, STR(""), &out), WEFT_E_PARSE);
    assert_int_equal(sign_csr(f, STR("hello"), &out), WEFT_E_PARSE);
    assert_int_equal(sign_csr(f, key, &out), WEFT_E_PARSE);
    assert_int_equal(sign_csr(f, ca_cert_pem(f->ca), &out), WEFT_E_PARSE);
    assert_int_equal(sign_csr(f, str_first(csr, csr.len - 40), &out), WEFT_E_PARSE);
    assert_int_equal(sign_csr(f, STR("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"), &out),
                     WEFT_E_PARSE);
    /* Would ask for a pass phrase at the terminal, and so hang a server, if OpenSSL were left to itself. */
    struct str locked = arena_fmt(&f->a,
                                  "-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED\n"
                                  "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n" STR_FMT,
                                  STR_ARG(str_from(csr, (size_t)str_chr(csr, '\n'))));
    assert_int_equal(sign_csr(f, locked, &out), WEFT_E_PARSE);
    char *big = mem_alloc(17000);
    memset(big, '\n', 17000);
    assert_int_equal(sign_csr(f, str_n(big, 17000), &out), WEFT_E_TOO_LARGE);
    free(big);
}

/* Any flipped octet of the signed part or the signature must be noticed, never crash. */
static void notices_every_flipped_octet(void **state) {
    struct fix *f = *state;
    struct str key, csr;
    assert_int_equal(csr_create(&f->a, &key, &csr, NULL), 0);
    size_t from = (size_t)str_chr(csr, '\n') + 1, to = (size_t)str_find(csr, STR("\n-----END"));
    char *copy = arena_z(&f->a, csr);
    for (size_t i = from; i + 4 < to; i += 3) { /* not the last group: its spare bits mean nothing */
        char was = copy[i];
        if (was == '\n')
            continue;
        copy[i] = was == 'A' ? 'B' : 'A';
        struct ca_issued out;
        int rc = sign_csr(f, str_n(copy, csr.len), &out);
        if (rc != WEFT_E_PARSE && rc != WEFT_E_INVALID)
            fail_msg("flip at %zu: %d", i, rc);
        copy[i] = was;
    }
}

static void keys_and_certificates_are_compared_calmly(void **state) {
    struct fix *f = *state;
    assert_false(key_matches_cert(STR(""), STR("")));
    assert_false(key_matches_cert(STR("x"), ca_cert_pem(f->ca)));
    assert_false(key_matches_cert(ca_key_pem(f->ca), STR("x")));
    assert_false(key_matches_cert(ca_cert_pem(f->ca), ca_key_pem(f->ca)));
    assert_true(key_matches_cert(ca_key_pem(f->ca), ca_cert_pem(f->ca)));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(signs_what_we_ask_for),       T(takes_only_the_key),
        T(takes_the_usual_keys),        T(refuses_other_keys),
        T(refuses_malformed_requests),  T(refuses_who_does_not_hold_the_key),
        T(notices_every_flipped_octet), T(keys_and_certificates_are_compared_calmly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
