// SPDX-License-Identifier: Apache-2.0
#include "codec/grpc_health.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_32 = 5 };
enum { SERVING = 1 }; /* HealthCheckResponse.ServingStatus */

static void put_varint(struct buf *out, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buf_addc(out, (char)(v | 0x80));
    buf_addc(out, (char)v);
}

void grpc_health_request(struct buf *out, struct str service) {
    if (!service.len)
        return; /* proto3: the default is not written */
    buf_addc(out, 1 << 3 | WIRE_LEN);
    put_varint(out, service.len);
    buf_add(out, service);
}

static bool take_varint(struct str *in, uint64_t *v) {
    *v = 0;
    for (size_t i = 0; i < in->len && i < 10; i++) {
        *v |= (uint64_t)(in->ptr[i] & 0x7f) << (7 * i);
        if (in->ptr[i] & 0x80)
            continue;
        *in = str_from(*in, i + 1);
        return true;
    }
    return false;
}

static bool skip(struct str *in, uint64_t n) {
    if (n > in->len)
        return false;
    *in = str_from(*in, (size_t)n);
    return true;
}

bool grpc_health_serving(struct str in) {
    uint64_t status = 0;
    while (in.len) {
        uint64_t key, v = 0;
        if (!take_varint(&in, &key) || key >> 3 == 0)
            return false;
        bool ok = false;
        switch (key & 7) {
        case WIRE_VARINT: ok = take_varint(&in, &v); break;
        case WIRE_64: ok = skip(&in, 8); break;
        case WIRE_LEN: ok = take_varint(&in, &v) && skip(&in, v); break;
        case WIRE_32: ok = skip(&in, 4); break;
        default: break; /* groups: nobody sends them */
        }
        if (!ok)
            return false;
        if (key == (1 << 3 | WIRE_VARINT))
            status = v;
    }
    return status == SERVING;
}
