// SPDX-License-Identifier: Apache-2.0
#include "xds/xds_bootstrap.h"
#include <stdio.h>
#include "bootstrap.pb-c.h"
#include "xds/pack.h"
#include "xds/pbjson_int.h"
#include "xds/xds.h"
#include "xds/xds_int.h"

struct reading {
    struct xds_bootstrap *b;
    const json_t *root;
    const struct yaml_docs *lines;
    struct arena mem; /* of the messages */
    struct err *e;
};

/* The line of static_resources.LIST[i]. */
static unsigned line_of(const struct reading *r, const char *list, size_t i) {
    const json_t *st = json_object_get(r->root, "static_resources");
    const json_t *items = json_object_get(st ? st : json_object_get(r->root, "staticResources"), list);
    const json_t *item = json_array_get(items, i);
    return r->lines && item ? yaml_line(r->lines, item) : 0;
}

static int fail_in(struct reading *r, const char *list, size_t i) {
    unsigned line = line_of(r, list, i);
    err_in(r->e, "static_resources.%s[%zu]", list, i);
    return line ? err_in(r->e, "line %u", line) : r->e->code;
}

static int fail_at(struct reading *r, const char *list, size_t i, int code, const char *what, struct str name) {
    err_set(r->e, code, "%s \"" STR_FMT "\"", what, STR_ARG(name));
    return fail_in(r, list, i);
}

/* ---- static resources ---- */
static int add(struct reading *r, enum xds_type type, const char *list, size_t i, const void *message, struct str *name) {
    struct snap *snap = r->b->snap;
    void *resource;
    if (xds_decode(type, pack_msg(&r->mem, message), &resource, r->e) < 0)
        return fail_in(r, list, i);
    *name = xds_resource_name(type, resource);
    int rc = snap_get(snap, type, *name) ? fail_at(r, list, i, WEFT_E_INVALID, "there are two of the name", *name) : 0;
    if (rc >= 0)
        snap_put(snap, type, *name, resource);
    ref_put(resource);
    return rc;
}

/* A route to a cluster that is not there is an error in a file, as for Envoy: nothing will ever bring it. */
static int check_routes(struct reading *r, size_t i, const struct route_table *t) {
    for (size_t v = 0; v < t->n_vhosts; v++)
        for (size_t k = 0; k < t->vhosts[v].n_routes; k++)
            for (size_t c = 0; c < t->vhosts[v].routes[k].n_clusters; c++) {
                struct str name = t->vhosts[v].routes[k].clusters[c].cluster;
                if (name.len && !snap_get(r->b->snap, XDS_CLUSTER, name))
                    return fail_at(r, "listeners", i, WEFT_E_INVALID, "route_config: no such cluster:", name);
            }
    return 0;
}

/* Secrets of the bootstrap are there, or are never. */
static int check_secret(struct reading *r, const char *list, size_t i, const struct secret_ref *s) {
    if (!s->name.len || s->path.len)
        return 0;
    if (s->fixed && !snap_get(r->b->snap, XDS_SECRET, s->name))
        return fail_at(r, list, i, WEFT_E_INVALID, "no such static secret:", s->name);
    if (!s->fixed && !r->b->ads.on)
        return fail_at(r, list, i, WEFT_E_INVALID, "sds without dynamic_resources.ads_config:", s->name);
    return 0;
}

static int check_tls(struct reading *r, const char *list, size_t i, const struct tls_context *t) {
    if (!t || check_secret(r, list, i, &t->cert_secret) < 0)
        return t ? r->e->code : 0;
    return check_secret(r, list, i, &t->ca_secret);
}

static int finish_chain(struct reading *r, size_t i, struct filter_chain *c) {
    struct hcm *h = &c->hcm;
    h->metrics = c->tcp.metrics = true;
    if (h->rds_name.len && !r->b->ads.on)
        return fail_at(r, "listeners", i, WEFT_E_INVALID, "rds without dynamic_resources.ads_config:", h->rds_name);
    if (check_tls(r, "listeners", i, c->tls) < 0)
        return r->e->code;
    return h->routes && !r->b->ads.cds ? check_routes(r, i, h->routes) : 0;
}

static int add_listener(struct reading *r, size_t i, const El__Listener *w) {
    struct str name;
    if (add(r, XDS_LISTENER, "listeners", i, w, &name) < 0)
        return r->e->code;
    struct listener *l = snap_get(r->b->snap, XDS_LISTENER, name); /* nobody else has it yet */
    r->b->listeners[r->b->n_listeners++] = l->name;
    for (size_t c = 0; c < l->n_chains; c++)
        if (finish_chain(r, i, &l->chains[c]) < 0)
            return r->e->code;
    if (l->fallback)
        return finish_chain(r, i, l->fallback);
    return 0;
}

static int add_cluster(struct reading *r, size_t i, const Ecl__Cluster *w) {
    struct str name;
    if (add(r, XDS_CLUSTER, "clusters", i, w, &name) < 0)
        return r->e->code;
    const struct cluster *c = snap_get(r->b->snap, XDS_CLUSTER, name);
    if (check_tls(r, "clusters", i, c->tls) < 0)
        return r->e->code;
    return c->type == CLUSTER_EDS && !r->b->ads.on
               ? fail_at(r, "clusters", i, WEFT_E_INVALID, "eds without dynamic_resources.ads_config:", name)
               : 0;
}

static int add_static(struct reading *r, const Ebs__Bootstrap__StaticResources *w) {
    struct str name;
    for (size_t i = 0; w && i < w->n_secrets; i++)
        if (add(r, XDS_SECRET, "secrets", i, w->secrets[i], &name) < 0)
            return r->e->code;
    for (size_t i = 0; w && i < w->n_clusters; i++)
        if (add_cluster(r, i, w->clusters[i]) < 0)
            return r->e->code;
    r->b->listeners = arena_zalloc(&r->b->mem, (w ? w->n_listeners + 1 : 1) * sizeof(*r->b->listeners));
    for (size_t i = 0; w && i < w->n_listeners; i++)
        if (add_listener(r, i, w->listeners[i]) < 0)
            return r->e->code;
    return 0;
}

/* ---- the control plane ---- */
static int read_service(struct reading *r, const Ec__ApiConfigSource *w) {
    struct xds_bootstrap *b = r->b;
    if (w->n_grpc_services != 1)
        return err_set(r->e, WEFT_E_UNSUPPORTED, "dynamic_resources.ads_config.grpc_services: needs exactly one");
    const Ec__GrpcService *s = w->grpc_services[0];
    if (s->target_specifier_case == EC__GRPC_SERVICE__TARGET_SPECIFIER_ENVOY_GRPC)
        b->ads.cluster = arena_dup(&b->mem, str_of(s->envoy_grpc->cluster_name));
    else if (s->target_specifier_case == EC__GRPC_SERVICE__TARGET_SPECIFIER_GOOGLE_GRPC)
        b->ads.target = arena_dup(&b->mem, str_of(s->google_grpc->target_uri));
    if (!b->ads.cluster.len && !b->ads.target.len)
        return err_set(r->e, WEFT_E_INVALID, "dynamic_resources.ads_config.grpc_services[0]: names no server");
    return 0;
}

/* One of the two roots: all of them, or none. */
static int read_root(struct reading *r, const Ec__ConfigSource *w, const char *what, bool *on, uint64_t *fetch_us) {
    struct unpack u;
    int rc = 0;
    *on = w != NULL;
    if (!w)
        return 0;
    unpack_init(&u, &r->b->mem, r->e);
    if (w->config_source_specifier_case != EC__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS)
        rc = err_set(r->e, WEFT_E_UNSUPPORTED, "dynamic_resources: %s: must be ads", what);
    else if (xds__decode_fetch(&u, w, what, fetch_us) < 0)
        rc = err_in(r->e, "dynamic_resources");
    unpack_fini(&u);
    return rc;
}

static int read_dynamic(struct reading *r, const Ebs__Bootstrap__DynamicResources *w) {
    struct xds_bootstrap *b = r->b;
    if (!w)
        return 0;
    if (read_root(r, w->lds_config, "lds_config", &b->ads.lds, &b->ads.lds_fetch_us) < 0 ||
        read_root(r, w->cds_config, "cds_config", &b->ads.cds, &b->ads.cds_fetch_us) < 0)
        return r->e->code;
    const Ec__ApiConfigSource *ads = w->ads_config;
    if (!ads)
        return b->ads.lds || b->ads.cds ? err_set(r->e, WEFT_E_INVALID, "dynamic_resources: ads without ads_config") : 0;
    b->ads.on = true;
    b->ads.sotw = ads->api_type == EC__API_CONFIG_SOURCE__API_TYPE__GRPC;
    if (!b->ads.sotw && ads->api_type != EC__API_CONFIG_SOURCE__API_TYPE__DELTA_GRPC)
        return err_set(r->e, WEFT_E_UNSUPPORTED, "dynamic_resources.ads_config.api_type: must be GRPC or DELTA_GRPC");
    if (ads->transport_api_version != EC__API_VERSION__V3)
        return err_set(r->e, WEFT_E_UNSUPPORTED, "dynamic_resources.ads_config.transport_api_version: must be V3");
    return read_service(r, ads);
}

static int check_control(struct reading *r) {
    struct str name = r->b->ads.cluster;
    if (name.len && !snap_get(r->b->snap, XDS_CLUSTER, name))
        return err_set(r->e, WEFT_E_INVALID,
                       "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: no such cluster: \"" STR_FMT "\"",
                       STR_ARG(name));
    return 0;
}

static int read_admin(struct reading *r, const Ebs__Admin *w) {
    struct unpack u;
    int rc = 0;
    if (!w || !w->address)
        return 0;
    unpack_init(&u, &r->b->mem, r->e);
    if (xds__decode_address(&u, w->address, false, &r->b->admin.address, &r->b->admin.port) < 0)
        rc = err_in(r->e, "admin.address");
    unpack_fini(&u);
    return rc;
}

/* ---- the whole ---- */
static int read_all(struct reading *r) {
    ProtobufCMessage *m;
    if (pbjson_read(&m, &r->mem, &ebs__bootstrap__descriptor, r->root, r->lines, r->e) < 0)
        return r->e->code;
    const Ebs__Bootstrap *w = (const Ebs__Bootstrap *)m;
    r->b->message = arena_dup(&r->b->mem, pack_msg(&r->mem, w));
    if (w->node)
        r->b->ads.node = arena_dup(&r->b->mem, pack_msg(&r->mem, w->node));
    if (read_dynamic(r, w->dynamic_resources) < 0 || add_static(r, w->static_resources) < 0 || check_control(r) < 0)
        return r->e->code;
    if (!r->b->n_listeners && !r->b->ads.lds)
        return err_set(r->e, WEFT_E_INVALID, "static_resources.listeners: there are none, and dynamic_resources brings none");
    return read_admin(r, w->admin);
}

int xds_bootstrap_read(struct xds_bootstrap *b, const json_t *v, const struct yaml_docs *lines, struct err *e) {
    struct err own;
    struct reading r = {.b = b, .root = v, .lines = lines, .e = e ? e : &own};
    *b = (struct xds_bootstrap){.snap = snap_new(NULL)};
    int rc = read_all(&r);
    arena_fini(&r.mem);
    if (rc < 0)
        xds_bootstrap_fini(b);
    return rc;
}

void xds_bootstrap_fini(struct xds_bootstrap *b) {
    ref_put(b->snap);
    arena_fini(&b->mem);
    *b = (struct xds_bootstrap){0};
}
