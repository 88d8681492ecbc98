// SPDX-License-Identifier: Apache-2.0
/* Messages of streams, unpacked before anybody is known: the first octet chooses which. */
#include <stdlib.h>
#include "base/mem.h"
#include "discovery.pb-c.h"
#include "istio.pb-c.h"
#include "weft.pb-c.h"
#include "xds/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ProtobufCMessageDescriptor *const types[] = {&ed__delta_discovery_request__descriptor,
                                                       &ed__delta_discovery_response__descriptor,
                                                       &wv__session_request__descriptor,
                                                       &wv__session_response__descriptor,
                                                       &ica__istio_certificate_request__descriptor,
                                                       &ica__istio_certificate_response__descriptor};
    struct unpack u;
    struct err e = {0};
    ProtobufCMessage *m;
    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *d = types[data[0] % (sizeof types / sizeof *types)];
    unpack_init(&u, NULL, &e);
    if (unpack_msg(&u, d, str_n(data + 1, size - 1), &m) < 0) {
        WEFT_ASSERT(e.code < 0 && e.msg[0]);
    } else {
        WEFT_ASSERT(protobuf_c_message_check(m));
        void *packed = malloc(protobuf_c_message_get_packed_size(m) + 1);
        WEFT_ASSERT(packed);
        protobuf_c_message_pack(m, packed);
        free(packed);
    }
    unpack_fini(&u);
    return 0;
}
