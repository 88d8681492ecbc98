// SPDX-License-Identifier: Apache-2.0
/* A bootstrap file: whatever it says, it is taken or refused with a reason; what was taken says the same when it is sent on. */
#include "proxy/bootstrap.h"
#include "base/mem.h"
#include "xds/pbjson.h"
#include "xds/xds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct xds_resource *encode(enum xds_type type, const void *resource) {
    switch (type) {
    case XDS_LISTENER: return xds_encode_listener(resource);
    case XDS_CLUSTER: return xds_encode_cluster(resource);
    default: return xds_encode_secret(resource);
    }
}

static void check(enum xds_type type, const void *resource) {
    struct err e = {0};
    struct xds_resource *r = encode(type, resource);
    void *again = NULL;
    json_t *v = NULL;
    struct str url = xds_type_url(type);
    WEFT_ASSERT(xds_decode(type, r->bytes, &again, &e) == 0);
    WEFT_ASSERT(pbjson_print(&v, str_from(url, (size_t)str_rchr(url, '/') + 1), r->bytes, true, &e) >= 0);
    json_decref(v);
    ref_put(again);
    ref_put(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bootstrap b;
    struct err e = {0};
    if (bootstrap_parse(&b, str_n(data, size), &e) < 0) {
        WEFT_ASSERT(e.code < 0 && e.msg[0]);
        return 0;
    }
    static const enum xds_type types[] = {XDS_LISTENER, XDS_CLUSTER, XDS_SECRET};
    for (size_t i = 0; i < 3; i++) {
        void *resource;
        MAP_FOR (&b.xds.snap->of[types[i]], NULL, resource)
            check(types[i], resource);
    }
    bootstrap_fini(&b);
    return 0;
}
