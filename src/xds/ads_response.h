// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ads_response: a DeltaDiscoveryResponse, or a DiscoveryResponse, written straight from packed resources, whose bytes are copied
 * once (xds.md §7.3: serialise once). Pure. One owner. Tests: tests/unit/xds/ads_state.c */
#include "base/buf.h"
#include "xds/xds.h"

struct ads_response { /* zeros are an empty one, of delta */
    struct buf out;
    bool sotw;        /* state of the world */
    uint64_t version; /* then: a hash over what is in it */
    unsigned n;       /* resources, removals and names that are missing in it */
};
void ads_response_add(struct ads_response *r, const struct xds_resource *res);
void ads_response_remove(struct ads_response *r, struct str name); /* delta only: else absence tells it */
/* A ResourceError NOT_FOUND of a name that was asked for (xRFC TP3; gRFC A88): who knows it needs no timer. Beside a removal. */
void ads_response_missing(struct ads_response *r, struct str name);
struct str ads_response_end(struct ads_response *r, enum xds_type type, uint64_t nonce); /* the message; valid until fini */
void ads_response_fini(struct ads_response *r);                                          /* empty and usable again */
