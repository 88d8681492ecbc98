// SPDX-License-Identifier: Apache-2.0
/* A certificate request, or a certificate, of any octets: as PEM as it is, and as the DER inside good PEM. Whatever was in
 * a request that is signed, the certificate says what we say; whatever is in a certificate, reading it is safe. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "crypto/x509.h"

#define NOW 1763780000ll

static struct ca *the_ca; /* made once: a key for every input would be all that is measured */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    WEFT_ASSERT(ca_create(&the_ca, STR("mesh.example"), NOW, NULL) == 0);
    return 0;
}

static struct str wrap(struct arena *a, const char *name, struct str der) {
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio(bio, name, "", (const unsigned char *)der.ptr, (long)der.len);
    char *data = NULL;
    long n = BIO_get_mem_data(bio, &data);
    struct str pem = arena_dup(a, str_n(data, n > 0 ? (size_t)n : 0));
    BIO_free(bio);
    ERR_clear_error();
    return pem;
}

static void try_request(struct arena *a, struct str pem) {
    struct ca_issued out;
    struct x509_info info;
    struct err e = {0};
    int rc = ca_sign_csr(the_ca, pem, STR("prod"), STR("web"), 60, NOW, a, &out, &e);
    WEFT_ASSERT((rc == 0) == (out.cert_pem.len > 0) && (rc < 0) == (e.msg[0] != '\0') && out.key_pem.len == 0);
    if (rc < 0)
        return;
    WEFT_ASSERT(x509_describe_pem(&info, out.cert_pem, a, NULL) == 0);
    WEFT_ASSERT(str_eq(info.spiffe, STR("spiffe://mesh.example/ns/prod/sa/web")) && !info.ca && info.n_dns == 2);
    WEFT_ASSERT(str_eq(info.subject, STR("CN=prod.web")));
}

static void try_certificate(struct arena *a, struct str pem) {
    X509 *certs[4];
    struct x509_info info;
    struct spiffe_id id;
    int n = x509_load_pem(certs, 4, pem, NULL);
    for (int i = 0; i < n; i++) {
        if (x509_describe(&info, certs[i], a, NULL) == 0 && info.spiffe.len)
            WEFT_ASSERT(spiffe_parse(&id, info.spiffe, NULL) == 0);
        if (x509_check_svid(&id, certs[i], STR("mesh.example"), a, NULL) == 0)
            WEFT_ASSERT(str_eq(id.trust_domain, STR("mesh.example")) && id.path.len > 0);
        else
            WEFT_ASSERT(id.trust_domain.len == 0 && id.path.len == 0);
        X509_free(certs[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {0};
    struct str in = str_n(data, size);
    try_request(&a, in);
    try_request(&a, wrap(&a, "CERTIFICATE REQUEST", in));
    try_certificate(&a, in);
    try_certificate(&a, wrap(&a, "CERTIFICATE", in));
    key_matches_cert(in, ca_cert_pem(the_ca));
    WEFT_ASSERT(ERR_peek_error() == 0);
    arena_fini(&a);
    return 0;
}
