// SPDX-License-Identifier: Apache-2.0
/* A SPIFFE ID that is taken is made of its parts again, octet by octet. */
#include "crypto/spiffe.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_n(data, size);
    struct spiffe_id id;
    struct arena a = {0};
    if (spiffe_parse(&id, in, NULL) == 0) {
        struct str again = arena_fmt(&a, "spiffe://" STR_FMT STR_FMT, STR_ARG(id.trust_domain), STR_ARG(id.path));
        WEFT_ASSERT(str_eq(again, in));
        WEFT_ASSERT(spiffe_trust_domain_ok(id.trust_domain) && !memchr(data, '%', size) && !str_ends(in, STR("/")));
        WEFT_ASSERT((id.ns.len > 0) == (id.service.len > 0));
        if (id.ns.len)
            WEFT_ASSERT(str_eq(spiffe_of(&a, id.trust_domain, id.ns, id.service), in));
    }
    if (dns_label_ok(in)) { /* such a name always makes a valid ID */
        struct str made = spiffe_of(&a, STR("td"), in, in);
        WEFT_ASSERT(spiffe_parse(&id, made, NULL) == 0 && str_eq(id.service, in));
    }
    arena_fini(&a);
    return 0;
}
