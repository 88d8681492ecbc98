// SPDX-License-Identifier: Apache-2.0
/* RDS: tables, virtual hosts and routes; what a route does is in xds_action.c, what it matches in xds_match.c. What is ignored
 * and what is refused, field by field: fields.def. */
#include "base/mem.h"
#include "codec/msg.h"
#include "http_rbac.pb-c.h"
#include "xds/xds.h"
#include "xds/xds_int.h"

/* ---- encoding ---- */

/* The only entry of a per-filter map: the three map types share a layout. */
static void **encode_entry(struct arena *a, const ProtobufCMessageDescriptor *entry_type, const char *key, const void *value) {
    struct unpack_entry *entry = pack_new(a, entry_type);
    entry->key = (char *)key;
    entry->value = pack_any(a, value);
    void **list = pack_array(a, 1);
    list[0] = entry;
    return list;
}

void **xds__encode_options(struct arena *a, const ProtobufCMessageDescriptor *entry_type, const Wv__RouteOptions *o) {
    return encode_entry(a, entry_type, XDS_ROUTE_OPTIONS, o);
}

static Er__Route *encode_route(struct arena *a, const struct route *r) {
    Er__Route *w = PACK_NEW(a, er__route);
    w->name = pack_str(a, r->name);
    w->match = xds__encode_route_match(a, &r->match);
    xds__encode_edits(a, r->edits, XDS__EDITS(w));
    switch (r->action) {
    case ROUTE_FORWARD:
        w->action_case = ER__ROUTE__ACTION_ROUTE;
        w->route = xds__encode_forward(a, r);
        break;
    case ROUTE_DIRECT:
        w->action_case = ER__ROUTE__ACTION_DIRECT_RESPONSE;
        w->direct_response = xds__encode_direct(a, r);
        break;
    case ROUTE_REDIRECT:
        w->action_case = ER__ROUTE__ACTION_REDIRECT;
        w->redirect = xds__encode_redirect(a, r->redirect);
        break;
    case ROUTE_NONE:
        w->action_case = ER__ROUTE__ACTION_NON_FORWARDING_ACTION;
        w->non_forwarding_action = PACK_NEW(a, er__non_forwarding_action);
        break;
    }
    if (r->breaker) {
        Wv__RouteOptions *o = PACK_NEW(a, wv__route_options);
        o->breaker = true;
        w->n_typed_per_filter_config = 1;
        w->typed_per_filter_config = (void *)xds__encode_options(a, &er__route__typed_per_filter_config_entry__descriptor, o);
    }
    return w;
}

static void encode_vhost_rbac(struct arena *a, const struct rbac *rbac, Er__VirtualHost *w) {
    Ehr__RBACPerRoute *m = PACK_NEW(a, ehr__rbacper_route);
    m->rbac = PACK_NEW(a, ehr__rbac);
    m->rbac->rules = xds__encode_rbac(a, rbac);
    w->n_typed_per_filter_config = 1;
    w->typed_per_filter_config =
        (void *)encode_entry(a, &er__virtual_host__typed_per_filter_config_entry__descriptor, XDS_RBAC_FILTER, m);
}

static Er__VirtualHost *encode_vhost(struct arena *a, const struct virtual_host *v) {
    Er__VirtualHost *w = PACK_NEW(a, er__virtual_host);
    static const Er__VirtualHost__TlsRequirementType tls[] = {[TLS_NOT_REQUIRED] = ER__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__NONE,
                                                              [TLS_REQUIRED_EXTERNAL] =
                                                                  ER__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__EXTERNAL_ONLY,
                                                              [TLS_REQUIRED] = ER__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__ALL};
    w->name = pack_str(a, v->name);
    w->require_tls = tls[v->require_tls];
    w->include_request_attempt_count = v->attempt_count_up;
    w->include_attempt_count_in_response = v->attempt_count_down;
    xds__encode_edits(a, v->edits, XDS__EDITS(w));
    w->n_domains = v->n_domains;
    w->domains = pack_array(a, v->n_domains);
    for (size_t i = 0; i < v->n_domains; i++)
        w->domains[i] = pack_str(a, v->domains[i]);
    w->n_routes = v->n_routes;
    w->routes = pack_array(a, v->n_routes);
    for (size_t i = 0; i < v->n_routes; i++)
        w->routes[i] = encode_route(a, &v->routes[i]);
    if (v->rbac)
        encode_vhost_rbac(a, v->rbac, w);
    return w;
}

Er__RouteConfiguration *xds__encode_table(struct arena *a, const struct route_table *t) {
    Er__RouteConfiguration *w = PACK_NEW(a, er__route_configuration);
    w->name = pack_str(a, t->name);
    w->most_specific_header_mutations_wins = t->specific_last;
    w->ignore_port_in_host_matching = t->ignore_port;
    xds__encode_edits(a, t->edits, XDS__EDITS(w));
    w->n_virtual_hosts = t->n_vhosts;
    w->virtual_hosts = pack_array(a, t->n_vhosts);
    for (size_t i = 0; i < t->n_vhosts; i++)
        w->virtual_hosts[i] = encode_vhost(a, &t->vhosts[i]);
    return w;
}

struct xds_resource *xds_encode_routes(const struct route_table *t) {
    struct arena a = {0};
    struct xds_resource *r = pack_resource(XDS_ROUTE, t->name, xds__encode_table(&a, t));
    arena_fini(&a);
    return r;
}

/* ---- decoding ---- */

int xds__decode_options(struct unpack *u, void *entries, size_t n, Wv__RouteOptions **out, struct route *r) {
    struct unpack_entry **at = entries;
    *out = NULL;
    if (r)
        r->uncompressed = arena_zalloc(u->to, n * sizeof *r->uncompressed);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(at[i]->key, XDS_ROUTE_OPTIONS) == 0)
            continue;
        if (!r || !xds__is_compressor_override(at[i]->value))
            return err_set(u->e, WEFT_E_UNSUPPORTED, "typed_per_filter_config: \"%s\" is not supported", at[i]->key);
        if (xds__decode_compressor_override(u, at[i]->value) < 0)
            return u->e->code;
        r->uncompressed[r->n_uncompressed++] = unpack_str(u, at[i]->key);
    }
    const Google__Protobuf__Any *ours = unpack_find(entries, n, XDS_ROUTE_OPTIONS);
    return ours ? unpack_any(u, ours, &wv__route_options__descriptor, XDS_ROUTE_OPTIONS, out) : 0;
}

static int decode_route(struct unpack *u, const Er__Route *w, const Er__RetryPolicy *of_vhost, struct route *r) {
    Wv__RouteOptions *o;
    r->name = unpack_str(u, w->name);
    if (xds__decode_edits(u, XDS__EDITS(w), &r->edits) < 0 ||
        xds__decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, r) < 0 ||
        xds__decode_route_match(u, w->match, &r->match) < 0)
        return u->e->code;
    r->breaker = o && o->breaker;
    switch (w->action_case) {
    case ER__ROUTE__ACTION_ROUTE: r->action = ROUTE_FORWARD; return xds__decode_forward(u, w->route, of_vhost, r);
    case ER__ROUTE__ACTION_DIRECT_RESPONSE: r->action = ROUTE_DIRECT; return xds__decode_direct(u, w->direct_response, r);
    case ER__ROUTE__ACTION_NON_FORWARDING_ACTION: r->action = ROUTE_NONE; return 0;
    case ER__ROUTE__ACTION_REDIRECT: r->action = ROUTE_REDIRECT; return xds__decode_redirect(u, w->redirect, r);
    default: return err_set(u->e, WEFT_E_INVALID, "no action");
    }
}

/* "*", "*.suffix", "prefix.*" or a whole name. Each may stand once in a table. */
static int decode_domain(struct unpack *u, const char *z, struct map *seen, struct str *domain) {
    *domain = arena_lower(u->to, str_of(z));
    struct str inner = *domain;
    if (inner.len > 1 && inner.ptr[0] == '*')
        inner = str_from(inner, 1);
    else if (inner.len && str_ends(inner, STR("*")))
        inner.len--;
    if (!domain->len || str_chr(inner, '*') >= 0 || !msg_is_field_value(*domain))
        return err_set(u->e, WEFT_E_INVALID, "domains: \"%s\" is not valid", z);
    if (map_has(seen, *domain))
        return err_set(u->e, WEFT_E_INVALID, "domains: \"%s\" is there twice", z);
    map_put(seen, *domain, seen);
    return 0;
}

static int decode_vhost(struct unpack *u, const Er__VirtualHost *w, struct map *seen, struct virtual_host *v) {
    Wv__RouteOptions *o;
    if (unpack_name(u, w->name, "virtual host: name", &v->name) < 0)
        return u->e->code;
    v->attempt_count_up = w->include_request_attempt_count;
    v->attempt_count_down = w->include_attempt_count_in_response;
    switch (w->require_tls) {
    case ER__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__NONE: break;
    case ER__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__EXTERNAL_ONLY: v->require_tls = TLS_REQUIRED_EXTERNAL; break;
    case ER__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__ALL: v->require_tls = TLS_REQUIRED; break;
    default: return err_set(u->e, WEFT_E_INVALID, "require_tls: no such value");
    }
    if (xds__decode_edits(u, XDS__EDITS(w), &v->edits) < 0 ||
        xds__decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, NULL) < 0)
        return u->e->code;
    if (!w->n_domains)
        return err_set(u->e, WEFT_E_INVALID, "no domains");
    v->domains = arena_zalloc(u->to, w->n_domains * sizeof *v->domains);
    for (; v->n_domains < w->n_domains; v->n_domains++)
        if (decode_domain(u, w->domains[v->n_domains], seen, &v->domains[v->n_domains]) < 0)
            return u->e->code;
    v->routes = arena_zalloc(u->to, w->n_routes * sizeof *v->routes);
    while (v->n_routes < w->n_routes) {
        struct route *r = &v->routes[v->n_routes++]; /* counted before: its regexes are freed then */
        if (decode_route(u, w->routes[v->n_routes - 1], w->retry_policy, r) < 0)
            return err_in(u->e, "route %zu \"" STR_FMT "\"", v->n_routes, STR_ARG(r->name));
    }
    return 0;
}

int xds__decode_table(struct unpack *u, const Er__RouteConfiguration *w, struct route_table *t) {
    Wv__RouteOptions *o;
    t->name = unpack_str(u, w->name);
    t->specific_last = w->most_specific_header_mutations_wins;
    t->ignore_port = w->ignore_port_in_host_matching;
    if (xds__decode_edits(u, XDS__EDITS(w), &t->edits) < 0 ||
        xds__decode_options(u, w->typed_per_filter_config, w->n_typed_per_filter_config, &o, NULL) < 0)
        return u->e->code;
    struct map seen = {0};
    int r = 0;
    t->vhosts = arena_zalloc(u->to, w->n_virtual_hosts * sizeof *t->vhosts);
    while (r >= 0 && t->n_vhosts < w->n_virtual_hosts) {
        struct virtual_host *v = &t->vhosts[t->n_vhosts++];
        if (decode_vhost(u, w->virtual_hosts[t->n_vhosts - 1], &seen, v) < 0)
            r = err_in(u->e, "virtual host \"" STR_FMT "\"", STR_ARG(v->name));
    }
    map_fini(&seen);
    return r;
}
