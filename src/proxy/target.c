// SPDX-License-Identifier: Apache-2.0
#include "proxy/target.h"
#include "codec/url.h"
#include "crypto/spiffe.h"
#include "io/addr.h"

static enum target_verdict bad(struct target *t, const char *why) {
    t->why = why;
    return TARGET_BAD;
}

static enum target_verdict from_headers(struct target *t, const struct msg *m, struct str own_ns) {
    t->service = msg_get(&m->fields, HDR_X_TARGET_SERVICE);
    t->ns = msg_get(&m->fields, HDR_X_TARGET_NAMESPACE);
    if (!t->service.len)
        return TARGET_NONE;
    if (!t->ns.len)
        t->ns = own_ns;
    return dns_label_ok(t->service) && dns_label_ok(t->ns) ? TARGET_FOUND : TARGET_UNKNOWN; /* no service has such a name */
}

/* service | service.namespace | service.namespace.mesh | service.namespace.svc.cluster.local */
enum target_verdict target_of_name(struct target *t, struct str host, struct str own_ns) {
    struct str rest = host;
    t->service = str_cut(&rest, '.');
    t->ns = own_ns;
    if (rest.ptr)
        t->ns = str_cut(&rest, '.');
    if (rest.ptr && !str_eq(rest, STR("mesh")) && !str_eq(rest, STR("svc.cluster.local")))
        return TARGET_UNKNOWN;
    return dns_label_ok(t->service) && dns_label_ok(t->ns) ? TARGET_FOUND : TARGET_UNKNOWN;
}

enum target_verdict target_resolve(struct target *t, const struct msg *m, struct str own_ns, struct arena *a) {
    *t = (struct target){0};
    if (msg_count(&m->fields, HDR_X_TARGET_SERVICE) > 1 || msg_count(&m->fields, HDR_X_TARGET_NAMESPACE) > 1)
        return bad(t, "the target is given twice");
    if (msg_find(&m->fields, HDR_X_TARGET_SERVICE))
        return from_headers(t, m, own_ns);
    struct str host;
    uint16_t port;
    if (!m->authority.len)
        return TARGET_NONE;
    if (!url_authority(m->authority, &host, &port))
        return bad(t, "the authority is malformed");
    host = arena_lower(a, host);
    if (str_ends(host, STR("."))) /* absolute, as some resolvers write it */
        host.len--;
    if (!host.len || addr_is_ip(host) || str_eq(host, STR("localhost")))
        return TARGET_NONE;
    return target_of_name(t, host, own_ns);
}
