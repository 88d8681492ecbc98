// SPDX-License-Identifier: Apache-2.0
#include "crypto/ossl.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define TEXT_MAX (1u << 20) /* octets of a PEM text */

int ossl_err(struct err *e, int code, const char *what) {
    unsigned long first = ERR_peek_error();
    const char *reason = first ? ERR_reason_error_string(first) : NULL;
    ERR_clear_error();
    return reason ? err_set(e, code, "%s: %s", what, reason) : err_set(e, code, "%s", what);
}

void ossl_drain(void) {
    if (ERR_peek_error()) /* to clear what is empty costs 500 instructions */
        ERR_clear_error();
}

BIO *ossl_bio(struct str text) {
    /* BIO_new_mem_buf takes NULL for an error, and a length of -1 for "find the NUL". */
    return text.len > TEXT_MAX ? NULL : BIO_new_mem_buf(text.len ? text.ptr : "", (int)text.len);
}

/* Given to every PEM reader: without one OpenSSL would ask at the terminal. */
static int no_pass_phrase(char *buf, int size, int rwflag, void *ctx) {
    return -1;
}

static int parse_cert(X509 **out, struct str der, struct err *e) {
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);
    if (!cert)
        return ossl_err(e, WEFT_E_PARSE, "malformed certificate");
    if (at != (const unsigned char *)der.ptr + der.len) {
        X509_free(cert);
        return err_set(e, WEFT_E_PARSE, "malformed certificate: octets behind its end");
    }
    *out = cert;
    return 1;
}

int ossl_next_der(struct str *der, BIO *bio, struct err *e) {
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    if (!PEM_read_bio(bio, &name, &header, &data, &len)) {
        if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            return ossl_err(e, WEFT_E_PARSE, "malformed PEM");
        ossl_drain();
        return 0;
    }
    int rc = 1;
    *der = str_n(data, (size_t)len);
    if (strcmp(name, PEM_STRING_X509) != 0 || *header) {
        rc = err_set(e, WEFT_E_PARSE, "PEM block \"%s\" where a certificate is expected", name);
        ossl_drop_der(der);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    ossl_drain();
    return rc;
}

void ossl_drop_der(struct str *der) {
    OPENSSL_clear_free((void *)(uintptr_t)der->ptr, der->len); /* may be somebody's key, given in the wrong place */
    *der = STR_NONE;
}

int ossl_next_cert(X509 **out, BIO *bio, struct err *e) {
    struct str der;
    int rc = ossl_next_der(&der, bio, e);
    if (rc <= 0)
        return rc;
    rc = parse_cert(out, der, e);
    ossl_drop_der(&der);
    ossl_drain();
    return rc;
}

int ossl_read_key(EVP_PKEY **out, struct str pem, struct err *e) {
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "private key");
    *out = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    if (!*out)
        return ossl_err(e, WEFT_E_PARSE, "malformed or encrypted private key");
    ossl_drain();
    return 0;
}

int ossl_read_csr(X509_REQ **out, struct str pem, struct err *e) {
    BIO *bio = ossl_bio(pem);
    if (!bio)
        return ossl_err(e, WEFT_E_TOO_LARGE, "certificate request");
    *out = PEM_read_bio_X509_REQ(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    if (!*out)
        return ossl_err(e, WEFT_E_PARSE, "malformed certificate request");
    ossl_drain();
    return 0;
}

/* Ends a write: copies what the BIO holds, if all went well, and frees it. */
static int take_bio(struct str *out, BIO *bio, bool written, struct arena *a, struct err *e) {
    char *data = NULL;
    long len = written ? BIO_get_mem_data(bio, &data) : 0;
    int rc = len > 0 ? 0 : ossl_err(e, WEFT_E_CRYPTO, "writing PEM");
    if (rc == 0)
        *out = arena_dup(a, str_n(data, (size_t)len));
    BIO_free(bio);
    ossl_drain();
    return rc;
}

int ossl_cert_pem(struct str *out, X509 *cert, struct arena *a, struct err *e) {
    BIO *bio = BIO_new(BIO_s_mem());
    return take_bio(out, bio, bio && PEM_write_bio_X509(bio, cert) == 1, a, e);
}

int ossl_key_pem(struct str *out, EVP_PKEY *key, struct arena *a, struct err *e) {
    BIO *bio = BIO_new(BIO_s_secmem()); /* cleansed when it is freed */
    return take_bio(out, bio, bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, a, e);
}

int ossl_csr_pem(struct str *out, X509_REQ *csr, struct arena *a, struct err *e) {
    BIO *bio = BIO_new(BIO_s_mem());
    return take_bio(out, bio, bio && PEM_write_bio_X509_REQ(bio, csr) == 1, a, e);
}
