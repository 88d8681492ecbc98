// SPDX-License-Identifier: Apache-2.0
/* Whose an address is: what the registry knows of endpoints, told to owners. */
#include "base/mem.h"
#include "control/reg.h"
#include "io/addr.h"

struct claims {
    struct owner_claim *at;
    size_t n, cap;
    struct arena mem;
};

static bool is_loopback(struct str ip) {
    struct addr a;
    return addr_ip(&a, ip, 1, NULL) >= 0 && addr_is_loopback(&a);
}

/* What stands behind a loopback address is on the machine of whoever dials it: it tells who is meant only if the endpoint is
 * reached by such an address itself, in a mesh on one machine. */
static void add(struct claims *c, const struct reg_endpoint *ep, struct str ip, uint16_t port) {
    struct str reached_at = ep->sidecar ? ep->sidecar->inbound_ip : ep->ip;
    struct addr a;
    char text[ADDR_TEXT];
    if (!port || addr_ip(&a, ip, port, NULL) < 0 || addr_is_any(&a))
        return;
    if (addr_is_loopback(&a) && !is_loopback(reached_at))
        return;
    mem_grow((void **)&c->at, &c->cap, c->n + 1, sizeof *c->at);
    c->at[c->n++] = (struct owner_claim){arena_dup(&c->mem, str_of(addr_text(&a, text))), ep->order};
}

static void settle_service(struct reg *r, struct str service) {
    const struct reg_view *v = reg_view(r, service);
    struct claims c = {0};
    for (size_t i = 0; i < v->n; i++) {
        const struct reg_endpoint *ep = &v->at[i];
        add(&c, ep, ep->ip, ep->port);
        if (!ep->sidecar)
            continue;
        add(&c, ep, ep->sidecar->app_ip, ep->sidecar->app_port);
        add(&c, ep, ep->sidecar->inbound_ip, ep->sidecar->app_port);
    }
    owners_set(&r->owners, service, c.at, c.n, r->cfg.moved, r->cfg.ctx);
    free(c.at);
    arena_fini(&c.mem);
}

void reg_settle_owners(struct reg *r) {
    struct str service;
    void *value;
    MAP_FOR (&r->unsettled, &service, value) {
        settle_service(r, service);
        map_del(&r->unsettled, service);
    }
}

struct str reg_owner(struct reg *r, struct str address) {
    struct str service;
    struct reg_service *rs;
    if (!r->asked)
        MAP_FOR (&r->services, &service, rs) {
            map_put(&r->unsettled, service, r);
        }
    r->asked = true;
    reg_settle_owners(r);
    return owners_get(&r->owners, address);
}
