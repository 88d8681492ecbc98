// SPDX-License-Identifier: Apache-2.0
#pragma once
/* owners: which service an address belongs to, from what each service says its addresses are. Several may say the same one: the
 * lowest order has it, and where that is the same the first name, so that every control plane says the same. Pure: what an
 * address is, and whose may be told, is the registry's business. Threads: any, one owner. Tests: tests/unit/control/owners.c */
#include "base/map.h"

struct owner_claim {
    struct str address;
    uint64_t order;
};
struct owners {    /* zeros: nobody owns anything */
    struct map at; /* private: address -> struct owned */
    struct map of; /* private: service -> struct held */
};
typedef void owners_moved_f(void *ctx, struct str address);

void owners_fini(struct owners *o);
/* The addresses of that service, in place of those from before; an address may be there twice. `moved` hears of each that another
 * service has now, or none has; it may read, not write. */
void owners_set(struct owners *o, struct str service, const struct owner_claim *claims, size_t n, owners_moved_f *moved,
                void *ctx);
struct str owners_get(const struct owners *o, struct str address); /* the service; empty: none. Lives until the next owners_set */
