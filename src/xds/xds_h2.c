// SPDX-License-Identifier: Apache-2.0
/* Options of HTTP/2 connections, of listeners and of clusters. The bounds are Envoy's. */
#include "xds/xds_int.h"

#define WINDOW_MIN 65535u

bool xds__says_h2(const struct h2_options *o) {
    return o->max_streams || o->stream_window || o->conn_window;
}

static Google__Protobuf__UInt32Value *some(struct arena *a, uint32_t v) {
    return v ? pack_u32(a, v) : NULL;
}

Ec__Http2ProtocolOptions *xds__encode_h2(struct arena *a, const struct h2_options *o) {
    Ec__Http2ProtocolOptions *w = PACK_NEW(a, ec__http2_protocol_options); /* present though empty */
    w->max_concurrent_streams = some(a, o->max_streams);
    w->initial_stream_window_size = some(a, o->stream_window);
    w->initial_connection_window_size = some(a, o->conn_window);
    return w;
}

static int decode(struct unpack *u, const Google__Protobuf__UInt32Value *w, const char *what, uint32_t least, uint32_t *v) {
    if (!w)
        return 0;
    *v = w->value;
    if (*v < least || *v > INT32_MAX)
        return err_set(u->e, WEFT_E_INVALID, "%s: must be %u to 2147483647", what, least);
    return 0;
}

int xds__decode_h2(struct unpack *u, const Ec__Http2ProtocolOptions *w, struct h2_options *o) {
    if (!w)
        return 0;
    if (decode(u, w->max_concurrent_streams, "max_concurrent_streams", 1, &o->max_streams) < 0 ||
        decode(u, w->initial_stream_window_size, "initial_stream_window_size", WINDOW_MIN, &o->stream_window) < 0)
        return u->e->code;
    return decode(u, w->initial_connection_window_size, "initial_connection_window_size", WINDOW_MIN, &o->conn_window);
}
