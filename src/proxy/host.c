// SPDX-License-Identifier: Apache-2.0
#include "proxy/host.h"

struct host *host_new(const struct addr *addr, bool mtls, enum conn_proto proto, unsigned workers) {
    struct host *h = ref_new(sizeof(*h) + workers * sizeof(h->pool[0]), NULL);
    char text[ADDR_TEXT];
    h->addr = *addr;
    h->mtls = mtls;
    h->proto = proto;
    h->workers = workers;
    h->text = arena_dup(&h->ref.mem, str_of(addr_text(addr, text)));
    return h;
}
