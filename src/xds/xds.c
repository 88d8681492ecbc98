// SPDX-License-Identifier: Apache-2.0
#include "xds/xds.h"
#include "xds/xds_int.h"

#define URL(name) STR("type.googleapis.com/" name)

static int decode_routes(struct unpack *u, struct str bytes, struct route_table *t) {
    Er__RouteConfiguration *w;
    int r = unpack_msg(u, &er__route_configuration__descriptor, bytes, &w);
    if (r >= 0 && !*w->name)
        return err_set(u->e, WEFT_E_INVALID, "name: must not be empty");
    if (r < 0 || xds__decode_table(u, w, t) < 0)
        return u->e->code;
    for (size_t v = 0; v < t->n_vhosts; v++)
        for (size_t i = 0; i < t->vhosts[v].n_routes; i++)
            if (t->vhosts[v].routes[i].body_file.len)
                return unpack_unsupported(u, "direct_response: a body from a file, but in a listener");
    return 0;
}

static int decode_endpoints(struct unpack *u, struct str bytes, struct endpoints *eps) {
    Ee__ClusterLoadAssignment *w;
    int r = unpack_msg(u, &ee__cluster_load_assignment__descriptor, bytes, &w);
    return r < 0 ? r : xds__decode_assignment(u, w, false, eps);
}

struct str xds_type_url(enum xds_type type) {
    switch (type) {
    case XDS_LISTENER: return URL("envoy.config.listener.v3.Listener");
    case XDS_ROUTE: return URL("envoy.config.route.v3.RouteConfiguration");
    case XDS_CLUSTER: return URL("envoy.config.cluster.v3.Cluster");
    case XDS_ENDPOINT: return URL("envoy.config.endpoint.v3.ClusterLoadAssignment");
    case XDS_SECRET: return URL("envoy.extensions.transport_sockets.tls.v3.Secret");
    default: return STR_NONE;
    }
}

int xds_type_of_url(struct str url) {
    for (int type = 0; type < XDS_TYPES; type++)
        if (str_eq(url, xds_type_url(type)))
            return type;
    return -1;
}

struct str xds_resource_name(enum xds_type type, const void *resource) {
    switch (type) {
    case XDS_LISTENER: return ((const struct listener *)resource)->name;
    case XDS_ROUTE: return ((const struct route_table *)resource)->name;
    case XDS_CLUSTER: return ((const struct cluster *)resource)->name;
    case XDS_ENDPOINT: return ((const struct endpoints *)resource)->cluster;
    case XDS_SECRET: return ((const struct secret *)resource)->name;
    default: return STR_NONE;
    }
}

static void *new_resource(enum xds_type type) {
    switch (type) {
    case XDS_LISTENER: return listener_new();
    case XDS_ROUTE: return route_table_new();
    case XDS_CLUSTER: return cluster_new();
    case XDS_ENDPOINT: return endpoints_new();
    default: return secret_new();
    }
}

static int decode(struct unpack *u, enum xds_type type, struct str bytes, void *resource) {
    switch (type) {
    case XDS_LISTENER: return xds__decode_listener(u, bytes, resource);
    case XDS_ROUTE: return decode_routes(u, bytes, resource);
    case XDS_CLUSTER: return xds__decode_cluster(u, bytes, resource);
    case XDS_ENDPOINT: return decode_endpoints(u, bytes, resource);
    case XDS_SECRET: return xds__decode_secret(u, bytes, resource);
    default: return unpack_unsupported(u, "this type of resource");
    }
}

int xds_decode(enum xds_type type, struct str bytes, void **resource, struct err *e) {
    struct err own;
    struct unpack u;
    struct ref *made = new_resource(type);
    unpack_init(&u, &made->mem, e ? e : &own);
    int r = decode(&u, type, bytes, made);
    unpack_fini(&u);
    if (r < 0) {
        ref_put(made);
        made = NULL;
    }
    *resource = made;
    return r < 0 ? r : 0;
}
