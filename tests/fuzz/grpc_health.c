// SPDX-License-Identifier: Apache-2.0
/* gRPC health: no octets are read that are not there; what is written is no answer; appending a status decides a whole message.
 */
#include "codec/grpc_health.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf b = {0};
    bool serving = grpc_health_serving(str_n(data, size));
    grpc_health_request(&b, str_n(data, size));
    WEFT_ASSERT(!grpc_health_serving(buf_str(&b)));
    buf_cut(&b, 0);
    buf_add(&b, str_n(data, size));
    buf_add(&b, STR("\x08\x02"));
    WEFT_ASSERT(!serving || !grpc_health_serving(buf_str(&b)));
    buf_fini(&b);
    return 0;
}
