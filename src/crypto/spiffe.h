// SPDX-License-Identifier: Apache-2.0
#pragma once
/* spiffe: SPIFFE IDs, by the SPIFFE-ID specification (design xds.md §4.1): scheme spiffe, trust domain of a-z 0-9 . - _ (at most
 * 255 octets), path segments of A-Z a-z 0-9 . - _, none empty, "." or "..", no trailing slash, no percent encoding, at most 2,048
 * octets. weft's own form: spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE. Slices borrow. Threads: any. Tests:
 * tests/unit/crypto/spiffe.c, tests/fuzz/spiffe.c */
#include <stdbool.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct spiffe_id {
    struct str trust_domain, path; /* path with its leading slash; empty for a trust domain's own ID */
    struct str ns, service;        /* when the path is /ns/NS/sa/SERVICE; else empty */
};
int spiffe_parse(struct spiffe_id *id, struct str uri, struct err *e) MUST_CHECK;
struct str spiffe_of(struct arena *a, struct str trust_domain, struct str ns, struct str service);
bool spiffe_trust_domain_ok(struct str td);
bool dns_label_ok(struct str s); /* RFC 1123 label, lower case, 1 to 63: names of services and namespaces */
