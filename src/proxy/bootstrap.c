// SPDX-License-Identifier: Apache-2.0
#include "proxy/bootstrap.h"

#define LISTENERS_MAX 128u

int bootstrap_addr(struct addr *out, struct str address, uint16_t port, struct err *e) {
    return str_starts(address, STR("unix:")) ? addr_parse(out, address, e) : addr_ip(out, address, port, e);
}

static int bind_admin(struct bootstrap *b, struct err *e) {
    if (!b->xds.admin.address.len)
        return 0;
    int rc = bootstrap_addr(&b->admin, b->xds.admin.address, b->xds.admin.port, e);
    if (rc >= 0 && !addr_is_loopback(&b->admin))
        rc = err_set(e, WEFT_E_UNSUPPORTED, "must be loopback or a pipe");
    return rc < 0 ? err_in(e, "admin.address") : 0;
}

static int bind_listeners(struct bootstrap *b, struct err *e) {
    struct xds_bootstrap *x = &b->xds;
    if (x->n_listeners > LISTENERS_MAX)
        return err_set(e, WEFT_E_UNSUPPORTED, "static_resources.listeners: more than %u", LISTENERS_MAX);
    b->addrs = arena_zalloc(&x->mem, (x->n_listeners + 1) * sizeof(*b->addrs));
    for (size_t i = 0; i < x->n_listeners; i++) {
        const struct listener *l = snap_get(x->snap, XDS_LISTENER, x->listeners[i]);
        if (bootstrap_addr(&b->addrs[i], l->address, l->port, e) < 0)
            return err_in(e, "static_resources.listeners[%zu].address", i);
    }
    return 0;
}

int bootstrap_parse(struct bootstrap *b, struct str text, struct err *e) {
    struct yaml_docs docs = {0};
    *b = (struct bootstrap){0};
    int rc = yaml_parse(&docs, text, e);
    if (rc >= 0 && docs.n != 1)
        rc = err_set(e, WEFT_E_INVALID, "a bootstrap is one document");
    if (rc >= 0)
        rc = xds_bootstrap_read(&b->xds, docs.at[0], &docs, e);
    if (rc >= 0)
        rc = bind_listeners(b, e);
    if (rc >= 0)
        rc = bind_admin(b, e);
    yaml_docs_fini(&docs);
    if (rc < 0)
        bootstrap_fini(b);
    return rc;
}

void bootstrap_fini(struct bootstrap *b) {
    xds_bootstrap_fini(&b->xds);
    *b = (struct bootstrap){0};
}
