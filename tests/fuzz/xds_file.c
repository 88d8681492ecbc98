// SPDX-License-Identifier: Apache-2.0
/* A file of secrets: whatever it says, it is taken or refused with a reason; what was taken says the same when it is sent on. */
#include "xds/xds_file.h"
#include "base/mem.h"
#include "xds/xds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct secret *s) {
    struct err e = {0};
    struct xds_resource *r = xds_encode_secret(s);
    void *again;
    WEFT_ASSERT(xds_decode(XDS_SECRET, r->bytes, &again, &e) == 0);
    struct xds_resource *r2 = xds_encode_secret(again);
    WEFT_ASSERT(str_eq(r->bytes, r2->bytes));
    ref_put(r2);
    ref_put(again);
    ref_put(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct snap *got = snap_new(NULL);
    struct err e = {0};
    struct secret *s;
    if (xds_file_read(got, XDS_SECRET, str_n(data, size), &e) < 0)
        WEFT_ASSERT(e.code < 0 && e.msg[0]);
    MAP_FOR (&got->of[XDS_SECRET], NULL, s)
        check(s);
    ref_put(got);
    return 0;
}
