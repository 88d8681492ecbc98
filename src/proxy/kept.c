// SPDX-License-Identifier: Apache-2.0
#include "proxy/kept.h"
#include <stdio.h>
#include "base/mem.h"
#include "io/file.h"
#include "xds/xds.h"

#define PEM_MAX (256u << 10)
#define MAGIC "WEFTKEPT 1 "

static struct str join(struct arena *a, struct str dir, const char *name) {
    return arena_fmt(a, STR_FMT "/%s", STR_ARG(dir), name);
}

int kept_open(struct str dir, struct err *e) {
    struct arena a = {0};
    int rc = file_mkdirs(dir, 0700, e);
    if (rc >= 0)
        rc = file_lock(join(&a, dir, "lock"), e);
    arena_fini(&a);
    return rc;
}

/* ---- the form ---- */
static struct xds_resource *encode(enum xds_type type, const void *resource) {
    switch (type) {
    case XDS_LISTENER: return xds_encode_listener(resource);
    case XDS_ROUTE: return xds_encode_routes(resource);
    case XDS_CLUSTER: return xds_encode_cluster(resource);
    case XDS_ENDPOINT: return xds_encode_endpoints(resource);
    default: return xds_encode_secret(resource);
    }
}

void kept_pack(struct buf *out, const struct snap *snap, const char *ca_hash) {
    buf_fmt(out, MAGIC "%s\n", ca_hash);
    for (enum xds_type type = 0; type < XDS_TYPES; type++) {
        void *resource;
        MAP_FOR (&snap->of[type], NULL, resource) {
            struct xds_resource *r = encode(type, resource);
            uint32_t n = (uint32_t)r->bytes.len;
            char head[5] = {(char)type, (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
            buf_add(out, str_n(head, sizeof(head)));
            buf_add(out, r->bytes);
            ref_put(r);
        }
    }
}

static int unpack_one(struct snap *s, struct str *in, struct err *e) {
    const unsigned char *h = (const unsigned char *)in->ptr;
    if (in->len < 5)
        return err_set(e, WEFT_E_PARSE, "cut short");
    unsigned type = h[0];
    size_t n = (size_t)h[1] << 24 | (size_t)h[2] << 16 | (size_t)h[3] << 8 | h[4];
    *in = str_from(*in, 5);
    if (type >= XDS_TYPES || n > in->len)
        return err_set(e, WEFT_E_PARSE, "damaged");
    void *resource;
    int rc = xds_decode((enum xds_type)type, str_first(*in, n), &resource, e);
    if (rc < 0)
        return rc;
    *in = str_from(*in, n);
    snap_put(s, (enum xds_type)type, xds_resource_name((enum xds_type)type, resource), resource);
    ref_put(resource);
    return 0;
}

int kept_unpack(struct snap **out, struct str bytes, const char *ca_hash, struct err *e) {
    struct str rest = bytes, line = str_cut(&rest, '\n');
    if (!rest.ptr || !str_starts(line, STR(MAGIC)))
        return err_set(e, WEFT_E_PARSE, "not a kept configuration");
    if (!str_eq(str_from(line, sizeof(MAGIC) - 1), str_of(ca_hash)))
        return err_set(e, WEFT_E_CONFLICT, "of another CA");
    struct snap *s = snap_new(NULL);
    while (rest.len) {
        int rc = unpack_one(s, &rest, e);
        if (rc < 0) {
            ref_put(s);
            return rc;
        }
    }
    *out = s;
    return 0;
}

/* ---- reading ---- */
static int read_identity(struct identity **out, struct str dir, int64_t now, struct err *e) {
    struct arena a = {0};
    struct buf key = {0}, cert = {0}, ca = {0};
    int rc = file_read_secret(join(&a, dir, "identity.key"), PEM_MAX, &key, e);
    if (rc >= 0)
        rc = file_read(join(&a, dir, "identity.crt"), PEM_MAX, &cert, e);
    if (rc >= 0)
        rc = file_read(join(&a, dir, "ca.crt"), PEM_MAX, &ca, e);
    if (rc >= 0)
        rc = identity_describe(out, buf_str(&key), buf_str(&cert), buf_str(&ca), e);
    if (rc >= 0 && (*out)->not_after <= now) {
        ref_put(*out);
        *out = NULL;
        rc = err_set(e, WEFT_E_CERT, "the kept certificate has expired");
    }
    buf_fini(&key);
    buf_fini(&cert);
    buf_fini(&ca);
    arena_fini(&a);
    return rc;
}

static int read_config(struct snap **out, struct str dir, const char *ca_hash, struct err *e) {
    struct arena a = {0};
    struct buf b = {0};
    int rc = file_read(join(&a, dir, "config.bin"), KEPT_MAX, &b, e);
    if (rc >= 0)
        rc = kept_unpack(out, buf_str(&b), ca_hash, e);
    buf_fini(&b);
    arena_fini(&a);
    return rc;
}

static void tell(const struct log *log, int rc, const char *what, const struct err *e) {
    if (rc < 0 && rc != WEFT_E_NOT_FOUND)
        log_warn(log, "kept %s is not used: %s", what, e->msg);
}

void kept_read(struct kept *k, struct str dir, int64_t now, const struct log *log) {
    struct err e = {0};
    *k = (struct kept){0};
    int rc = read_identity(&k->identity, dir, now, &e);
    tell(log, rc, "identity", &e);
    if (rc < 0)
        return;
    tell(log, read_config(&k->snap, dir, k->identity->ca_hash, &e), "configuration", &e);
}

void kept_fini(struct kept *k) {
    ref_put(k->identity);
    ref_put(k->snap);
    *k = (struct kept){0};
}

/* ---- writing ---- */
int kept_write_identity(struct str dir, const struct identity *id, struct err *e) {
    struct arena a = {0};
    /* The certificate last: a crash in between leaves a pair that does not match, which reading refuses. */
    int rc = file_write(join(&a, dir, "identity.key"), id->key_pem, 0600, e);
    if (rc >= 0)
        rc = file_write(join(&a, dir, "ca.crt"), id->ca_pem, 0600, e);
    if (rc >= 0)
        rc = file_write(join(&a, dir, "identity.crt"), id->cert_pem, 0600, e);
    arena_fini(&a);
    return rc;
}

int kept_write_config(struct str dir, const struct snap *snap, const char *ca_hash, struct err *e) {
    struct arena a = {0};
    struct buf b = {0};
    kept_pack(&b, snap, ca_hash);
    int rc = file_write(join(&a, dir, "config.bin"), buf_str(&b), 0600, e);
    buf_fini(&b);
    arena_fini(&a);
    return rc;
}
