// SPDX-License-Identifier: Apache-2.0
/* Resources of every type: the first octet chooses. What is taken must come back the same when it is sent on: encode(decode(x))
 * is a fixed point. */
#include <stdlib.h>
#include "base/mem.h"
#include "xds/xds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct xds_resource *encode(enum xds_type type, const void *resource) {
    switch (type) {
    case XDS_LISTENER: return xds_encode_listener(resource);
    case XDS_ROUTE: return xds_encode_routes(resource);
    case XDS_CLUSTER: return xds_encode_cluster(resource);
    case XDS_ENDPOINT: return xds_encode_endpoints(resource);
    default: return xds_encode_secret(resource);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    void *one, *two;
    struct err e;
    if (size == 0)
        return 0;
    enum xds_type type = (enum xds_type)(data[0] % XDS_TYPES);
    if (xds_decode(type, str_n(data + 1, size - 1), &one, &e) < 0) {
        WEFT_ASSERT(!one && e.code < 0 && e.msg[0]);
        return 0;
    }
    struct xds_resource *first = encode(type, one);
    WEFT_ASSERT(str_eq(first->name, xds_resource_name(type, one)));
    WEFT_ASSERT(xds_decode(type, first->bytes, &two, &e) == 0);
    struct xds_resource *second = encode(type, two);
    WEFT_ASSERT(str_eq(first->bytes, second->bytes));
    ref_put(one);
    ref_put(two);
    ref_put(first);
    ref_put(second);
    return 0;
}
