// SPDX-License-Identifier: Apache-2.0
/* EDS. drop_overloads is refused, since leaving it out would send traffic where it must not go. Ignored: health_check_config,
 * additional_addresses, locality names and weights. */
#include "codec/url.h"
#include "io/addr.h"
#include "model/endpoint.h"
#include "xds/xds.h"
#include "xds/xds_int.h"

#define UNIX_PREFIX "unix:"
#define TLS_MODE "envoy.transport_socket_match" /* the key of metadata by which Envoy picks a transport socket */

/* ---- addresses and sources ---- */

Ec__Address *xds__encode_address(struct arena *a, struct str address, uint16_t port) {
    Ec__Address *w = PACK_NEW(a, ec__address);
    if (str_starts(address, STR(UNIX_PREFIX))) {
        w->address_case = EC__ADDRESS__ADDRESS_PIPE;
        w->pipe = PACK_NEW(a, ec__pipe);
        w->pipe->path = pack_str(a, str_from(address, sizeof UNIX_PREFIX - 1));
    } else {
        w->address_case = EC__ADDRESS__ADDRESS_SOCKET_ADDRESS;
        w->socket_address = PACK_NEW(a, ec__socket_address);
        w->socket_address->address = pack_str(a, address);
        w->socket_address->port_specifier_case = EC__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
        w->socket_address->port_value = port;
    }
    return w;
}

static int decode_socket_address(struct unpack *u, const Ec__SocketAddress *w, bool names, struct str *address, uint16_t *port) {
    if (w->protocol != EC__SOCKET_ADDRESS__PROTOCOL__TCP)
        return unpack_unsupported(u, "socket_address: a protocol but TCP");
    if (w->port_specifier_case != EC__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE || w->port_value > UINT16_MAX)
        return err_set(u->e, WEFT_E_INVALID, "socket_address: port_value must be 0 to 65535");
    if (unpack_name(u, w->address, "socket_address: address", address) < 0)
        return u->e->code;
    if (!names && !addr_is_ip(*address))
        return err_set(u->e, WEFT_E_INVALID, "socket_address: \"%s\" is not an IP address", w->address);
    *port = (uint16_t)w->port_value;
    return 0;
}

int xds__decode_address(struct unpack *u, const Ec__Address *w, bool names, struct str *address, uint16_t *port) {
    switch (w ? w->address_case : EC__ADDRESS__ADDRESS__NOT_SET) {
    case EC__ADDRESS__ADDRESS_SOCKET_ADDRESS: return decode_socket_address(u, w->socket_address, names, address, port);
    case EC__ADDRESS__ADDRESS_PIPE:
        *address = arena_fmt(u->to, UNIX_PREFIX "%s", w->pipe->path);
        *port = 0;
        return *w->pipe->path ? 0 : err_set(u->e, WEFT_E_INVALID, "pipe: no path");
    default: return err_set(u->e, WEFT_E_INVALID, "no address");
    }
}

Ec__ConfigSource *xds__encode_source(struct arena *a, uint64_t fetch_us) {
    Ec__ConfigSource *w = pack_ads(a);
    if (fetch_us)
        w->initial_fetch_timeout = pack_duration(a, fetch_us == UINT64_MAX ? 0 : fetch_us);
    return w;
}

/* 0 means "for ever" on the wire and "the default" in the model. */
int xds__decode_fetch(struct unpack *u, const Ec__ConfigSource *w, const char *what, uint64_t *fetch_us) {
    if (!w || !w->initial_fetch_timeout)
        return 0;
    if (unpack_duration(u, w->initial_fetch_timeout, "initial_fetch_timeout", fetch_us) < 0)
        return err_in(u->e, "%s", what);
    if (!*fetch_us)
        *fetch_us = UINT64_MAX;
    return 0;
}

int xds__decode_source(struct unpack *u, const Ec__ConfigSource *w, const char *what, uint64_t *fetch_us) {
    if (!w || (w->config_source_specifier_case != EC__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS &&
               w->config_source_specifier_case != EC__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_SELF))
        return err_set(u->e, WEFT_E_UNSUPPORTED, "%s: must come over ADS", what);
    return xds__decode_fetch(u, w, what, fetch_us);
}

/* ---- encoding ---- */

static void add_metadata(struct arena *a, Ec__Metadata *w, const char *filter, const char *key, struct str value) {
    Ec__Metadata__FilterMetadataEntry *entry = PACK_NEW(a, ec__metadata__filter_metadata_entry);
    entry->key = (char *)filter;
    entry->value = pack_struct(a, key, value);
    w->filter_metadata[w->n_filter_metadata++] = entry;
}

static Ec__Metadata *encode_metadata(struct arena *a, const struct endpoint *e) {
    if (!e->mtls && !e->id.len)
        return NULL;
    Ec__Metadata *w = PACK_NEW(a, ec__metadata);
    w->filter_metadata = pack_array(a, 2); /* in order of keys */
    if (e->mtls)
        add_metadata(a, w, TLS_MODE, "tlsMode", STR("istio"));
    if (e->id.len)
        add_metadata(a, w, "weft", "id", e->id);
    return w;
}

static Ee__LbEndpoint *encode_endpoint(struct arena *a, const struct endpoint *e) {
    static const Ec__HealthStatus health[] = {[ENDPOINT_HEALTHY] = EC__HEALTH_STATUS__HEALTHY,
                                              [ENDPOINT_UNHEALTHY] = EC__HEALTH_STATUS__UNHEALTHY,
                                              [ENDPOINT_DRAINING] = EC__HEALTH_STATUS__DRAINING};
    Ee__LbEndpoint *w = PACK_NEW(a, ee__lb_endpoint);
    w->host_identifier_case = EE__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT;
    w->endpoint = PACK_NEW(a, ee__endpoint);
    w->endpoint->address = xds__encode_address(a, e->address, e->port);
    w->endpoint->hostname = pack_str(a, e->name);
    w->health_status = health[e->health];
    w->metadata = encode_metadata(a, e);
    if (e->weight > 1)
        w->load_balancing_weight = pack_u32(a, e->weight);
    return w;
}

static Ee__LocalityLbEndpoints *encode_group(struct arena *a, const struct endpoints *eps, uint32_t priority) {
    Ee__LocalityLbEndpoints *group = PACK_NEW(a, ee__locality_lb_endpoints);
    group->locality = PACK_NEW(a, ec__locality); /* both needed by gRPC (xds.md §2.5) */
    group->load_balancing_weight = pack_u32(a, 1);
    group->priority = priority;
    group->lb_endpoints = pack_array(a, eps->n);
    for (size_t i = 0; i < eps->n; i++)
        if (eps->at[i].priority == priority)
            group->lb_endpoints[group->n_lb_endpoints++] = encode_endpoint(a, &eps->at[i]);
    return group;
}

Ee__ClusterLoadAssignment *xds__encode_assignment(struct arena *a, const struct endpoints *eps) {
    Ee__ClusterLoadAssignment *w = PACK_NEW(a, ee__cluster_load_assignment);
    uint32_t last = 0;
    w->cluster_name = pack_str(a, eps->cluster);
    if (eps->overprovisioning) {
        w->policy = PACK_NEW(a, ee__cluster_load_assignment__policy);
        w->policy->overprovisioning_factor = pack_u32(a, eps->overprovisioning);
    }
    for (size_t i = 0; i < eps->n; i++)
        last = eps->at[i].priority > last ? eps->at[i].priority : last;
    w->endpoints = pack_array(a, last + 1);
    for (uint32_t p = 0; eps->n && p <= last; p++)
        w->endpoints[w->n_endpoints++] = encode_group(a, eps, p);
    return w;
}

struct xds_resource *xds_encode_endpoints(const struct endpoints *eps) {
    struct arena a = {0};
    struct xds_resource *r = pack_resource(XDS_ENDPOINT, eps->cluster, xds__encode_assignment(&a, eps));
    arena_fini(&a);
    return r;
}

/* ---- decoding ---- */

static const char *metadata_text(const Ec__Metadata *w, const char *filter, const char *key) {
    const Google__Protobuf__Struct *s = NULL;
    for (size_t i = 0; w && i < w->n_filter_metadata; i++)
        if (strcmp(w->filter_metadata[i]->key, filter) == 0)
            s = w->filter_metadata[i]->value;
    return unpack_text(s, key);
}

static int decode_health(struct unpack *u, Ec__HealthStatus status, enum endpoint_health *out) {
    switch (status) {
    case EC__HEALTH_STATUS__UNKNOWN: /* "not said", which is healthy */
    case EC__HEALTH_STATUS__HEALTHY:
    case EC__HEALTH_STATUS__DEGRADED: *out = ENDPOINT_HEALTHY; return 0;
    case EC__HEALTH_STATUS__UNHEALTHY:
    case EC__HEALTH_STATUS__TIMEOUT: *out = ENDPOINT_UNHEALTHY; return 0;
    case EC__HEALTH_STATUS__DRAINING: *out = ENDPOINT_DRAINING; return 0;
    default: return err_set(u->e, WEFT_E_INVALID, "health_status: no such value");
    }
}

static int decode_endpoint(struct unpack *u, const Ee__LbEndpoint *w, bool names, struct endpoint *e) {
    if (w->host_identifier_case != EE__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT)
        return unpack_unsupported(u, "lb_endpoints: an endpoint by name");
    if (xds__decode_address(u, w->endpoint->address, names, &e->address, &e->port) < 0 ||
        decode_health(u, w->health_status, &e->health) < 0)
        return u->e->code;
    e->name = unpack_str(u, w->endpoint->hostname);
    if (e->name.len && !url_authority(e->name, NULL, NULL))
        return err_set(u->e, WEFT_E_INVALID, "lb_endpoints: hostname: no name of a host");
    if (!e->port && w->endpoint->address->address_case == EC__ADDRESS__ADDRESS_SOCKET_ADDRESS)
        return err_set(u->e, WEFT_E_INVALID, "lb_endpoints: port 0");
    e->weight = w->load_balancing_weight ? w->load_balancing_weight->value : 1;
    if (!e->weight)
        return err_set(u->e, WEFT_E_INVALID, "load_balancing_weight: must be at least 1");
    e->mtls = strcmp(metadata_text(w->metadata, TLS_MODE, "tlsMode"), "istio") == 0;
    e->id = unpack_str(u, metadata_text(w->metadata, "weft", "id"));
    return 0;
}

static int decode_group(struct unpack *u, const Ee__LocalityLbEndpoints *w, bool names, struct endpoints *eps) {
    if (w->priority > PRIORITY_MAX)
        return err_set(u->e, WEFT_E_INVALID, "endpoints: priority: at most %u", PRIORITY_MAX);
    for (size_t i = 0; i < w->n_lb_endpoints; i++) {
        eps->at[eps->n].priority = w->priority;
        if (decode_endpoint(u, w->lb_endpoints[i], names, &eps->at[eps->n++]) < 0)
            return u->e->code;
    }
    return 0;
}

static int check_weights(struct unpack *u, const struct endpoints *eps) {
    uint64_t sum = 0;
    for (size_t i = 0; i < eps->n; i++)
        sum += eps->at[i].weight;
    return sum > UINT32_MAX ? err_set(u->e, WEFT_E_INVALID, "load_balancing_weight: the sum is past 2^32 - 1") : 0;
}

int xds__decode_assignment(struct unpack *u, const Ee__ClusterLoadAssignment *w, bool names, struct endpoints *eps) {
    if (unpack_name(u, w->cluster_name, "cluster_name", &eps->cluster) < 0)
        return u->e->code;
    if (w->policy && w->policy->n_drop_overloads)
        return unpack_unsupported(u, "policy: drop_overloads");
    if (w->policy && w->policy->overprovisioning_factor && !(eps->overprovisioning = w->policy->overprovisioning_factor->value))
        return err_set(u->e, WEFT_E_INVALID, "policy: overprovisioning_factor: must be at least 1");
    size_t n = 0;
    for (size_t i = 0; i < w->n_endpoints; i++)
        n += w->endpoints[i]->n_lb_endpoints;
    eps->at = arena_zalloc(u->to, n * sizeof *eps->at);
    for (size_t i = 0; i < w->n_endpoints; i++)
        if (decode_group(u, w->endpoints[i], names, eps) < 0)
            return u->e->code;
    return check_weights(u, eps);
}
