// SPDX-License-Identifier: Apache-2.0
#pragma once
/* coding: which compressor, if any, codes a response: what the client accepts (RFC 9110 §12.5.3), what the filters take, and what
 * must go out as it came. Decides as Envoy's compressor filter does, filters in the order of the configuration; what weft never
 * compresses although Envoy would: 206, Content-Range, gRPC, and bodies with a digest of their octets (RFC 9530).
 * Pure. Threads: any. Tests: tests/unit/policy/coding.c */
#include "codec/msg.h"
#include "model/listener.h"

struct coding_in {
    const struct compressor_filter *filters;
    size_t n_filters;
    const struct str *off; /* names of filters that the route switches off */
    size_t n_off;
    struct str accept; /* Accept-Encoding, its fields joined by ','; ptr NULL: none came */
    enum http_method method;
    const struct msg *response;
    bool end; /* its head is all there is */
};
struct coding_pick {
    const struct compressor_filter *by; /* NULL: the response goes out as it came */
    bool vary;                          /* but whether it does depends on Accept-Encoding */
};
struct coding_pick coding_pick(const struct coding_in *in);
bool coding_is_off(const struct coding_in *in, const struct compressor_filter *f); /* by its own setting or the route's */
