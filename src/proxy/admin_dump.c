// SPDX-License-Identifier: Apache-2.0
/* /config_dump (envoy.admin.v3.ConfigDump): the bootstrap and the resources that are served, as protobuf says them in JSON.
 * Private keys are redacted by xds/pbjson.h. */
#include <stdio.h>
#include "base/clock.h"
#include "codec/regex.h"
#include "proxy/admin_int.h"
#include "proxy/proxy.h"
#include "xds/pbjson.h"
#include "xds/xds.h"

struct dump {
    struct admin_request *r;
    struct regex *names; /* ?name_regex=; NULL: all */
    bool fixed;          /* by a file, else by a control plane: Envoy tells static resources from dynamic ones */
    json_t *configs;
    struct str only; /* ?resource=: the list that is wanted, its items alone; empty: all */
};

/* ---- ?resource=: one list alone ---- */
static const struct part { /* the lists that there are, and what is in each */
    const char *name, *type;
} parts[] = {
    {"static_clusters", "ClustersConfigDump.StaticCluster"},
    {"dynamic_active_clusters", "ClustersConfigDump.DynamicCluster"},
    {"static_endpoint_configs", "EndpointsConfigDump.StaticEndpointConfig"},
    {"dynamic_endpoint_configs", "EndpointsConfigDump.DynamicEndpointConfig"},
    {"static_listeners", "ListenersConfigDump.StaticListener"},
    {"dynamic_listeners", "ListenersConfigDump.DynamicListener"},
    {"static_route_configs", "RoutesConfigDump.StaticRouteConfig"},
    {"dynamic_route_configs", "RoutesConfigDump.DynamicRouteConfig"},
    {"static_secrets", "SecretsConfigDump.StaticSecret"},
    {"dynamic_active_secrets", "SecretsConfigDump.DynamicSecret"},
    {"dynamic_warming_secrets", "SecretsConfigDump.DynamicSecret"},
};

static const struct part *find_part(struct str name) {
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (str_eq(name, str_of(parts[i].name)))
            return &parts[i];
    return NULL;
}

/* Alone each item says what it is. */
static void dump_alone(struct dump *d, json_t *items) {
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        json_t *o = json_pack("{s:s+}", "@type", "type.googleapis.com/envoy.admin.v3.", find_part(d->only)->type);
        json_object_update(o, item);
        json_array_append_new(d->configs, o);
    }
}

static int check_only(struct admin_request *r, struct str only) {
    if (find_part(only))
        return 0;
    bool one = str_eq(only, STR("bootstrap"));
    r->status = one ? 400 : 404;
    buf_fmt(&r->out, STR_FMT " %s\n", STR_ARG(only), one ? "is not a repeated field" : "not found in config dump");
    return WEFT_E_NOT_FOUND;
}

/* ---- the sections ---- */
static json_t *section(struct dump *d, const char *type, const char *list) {
    json_t *o = json_object(), *items = json_array();
    char url[96];
    snprintf(url, sizeof(url), "type.googleapis.com/envoy.admin.v3.%sConfigDump", type);
    json_object_set_new(o, "@type", json_string(url));
    if (!d->only.len)
        json_array_append(d->configs, o);
    json_object_set_new(o, list, items);
    return o;
}

static void section_end(struct dump *d, json_t *o, const char *list) {
    if (str_eq(d->only, str_of(list)))
        dump_alone(d, json_object_get(o, list));
    json_decref(o);
}

/* The entry of a resource, or NULL when it is not asked for. Takes the reference over. */
static json_t *entry(struct dump *d, const char *what, struct xds_resource *res) {
    json_t *o = NULL, *body = NULL;
    struct str url = xds_type_url(res->type), type = str_from(url, sizeof("type.googleapis.com/") - 1);
    struct err e = {0};
    if ((!d->names || regex_match(d->names, res->name)) && pbjson_print(&body, type, res->bytes, false, &e) >= 0) {
        json_t *typed = json_object();
        json_object_set_new(typed, "@type", json_of_str(url));
        json_object_update(typed, body);
        json_decref(body);
        o = json_object();
        if (!d->fixed)
            json_object_set_new(o, "version_info", json_string(res->version));
        json_object_set_new(o, what, typed);
    }
    ref_put(res);
    return o;
}

static void add(json_t *section, const char *list, json_t *item) {
    if (item)
        json_array_append_new(json_object_get(section, list), item);
}

/* ---- what could not be used (proxy/rejects.h): UpdateFailureState ---- */
static json_t *failure(enum xds_type type, struct str name, const struct reject *why) {
    char at[25];
    clock_rfc3339(why->at, at);
    json_t *what = json_pack("{s:o,s:o}", "@type", json_of_str(xds_type_url(type)), "name", json_of_str(name));
    return json_pack("{s:o,s:s,s:s}", "failed_configuration", what, "last_update_attempt", at, "details", why->why);
}

static void dump_rejects(struct dump *d, json_t *section, enum xds_type type, const char *list) {
    struct str name;
    struct reject *why;
    json_t *items = json_array();
    MAP_FOR (&d->r->p->rejects.of[type], &name, why) {
        json_t *o = json_pack("{s:o}", "error_state", failure(type, name, why));
        if (type == XDS_LISTENER)
            json_object_set_new(o, "name", json_of_str(name));
        if (!d->names || regex_match(d->names, name))
            json_array_append(items, o);
        json_decref(o);
    }
    if (json_array_size(items) && str_eq(d->only, str_of(list)))
        dump_alone(d, items);
    if (json_array_size(items))
        json_object_set(section, list, items);
    json_decref(items);
}

static void dump_clusters(struct dump *d, const struct serve *s) {
    const char *list = d->fixed ? "static_clusters" : "dynamic_active_clusters";
    json_t *o = section(d, "Clusters", list);
    struct serve_cluster *c;
    MAP_FOR (&s->clusters, NULL, c)
        add(o, list, entry(d, "cluster", xds_encode_cluster(c->cluster)));
    dump_rejects(d, o, XDS_CLUSTER, "dynamic_active_clusters");
    section_end(d, o, list);
}

static void dump_listeners(struct dump *d, const struct serve *s) {
    const char *list = d->fixed ? "static_listeners" : "dynamic_listeners";
    json_t *o = section(d, "Listeners", list);
    for (unsigned i = 0; i < s->n_listeners; i++) {
        const struct listener *l = s->listeners[i].listener;
        json_t *item = l ? entry(d, "listener", xds_encode_listener(l)) : NULL;
        if (item && !d->fixed)
            item = json_pack("{s:o,s:o}", "name", json_of_str(l->name), "active_state", item);
        add(o, list, item);
    }
    dump_rejects(d, o, XDS_LISTENER, "dynamic_listeners");
    section_end(d, o, list);
}

static void dump_routes(struct dump *d, const struct serve *s) {
    const char *list = d->fixed ? "static_route_configs" : "dynamic_route_configs";
    json_t *o = section(d, "Routes", list);
    struct serve_routes *r;
    MAP_FOR (&s->routes, NULL, r)
        add(o, list, entry(d, "route_config", xds_encode_routes(r->table)));
    for (unsigned i = 0; i < s->n_listeners; i++) /* inline ones */
        for (unsigned k = 0; k < s->listeners[i].n_chains; k++)
            if (s->listeners[i].chains[k].routes)
                add(o, list, entry(d, "route_config", xds_encode_routes(s->listeners[i].chains[k].routes->table)));
    section_end(d, o, list);
}

static void dump_endpoints(struct dump *d, const struct serve *s) {
    const char *list = d->fixed ? "static_endpoint_configs" : "dynamic_endpoint_configs";
    json_t *o = section(d, "Endpoints", list);
    struct serve_cluster *c;
    MAP_FOR (&s->clusters, NULL, c)
        if (c->endpoints)
            add(o, list, entry(d, "endpoint_config", xds_encode_endpoints(c->endpoints)));
    section_end(d, o, list);
}

/* ---- secrets ---- */
struct dumped {
    json_t *fixed, *active, *warming; /* lists of entries */
    struct map seen;                  /* keys of those that TLS contexts refer to */
};

static json_t *named(json_t *entry, struct str name) {
    if (entry)
        json_object_set_new(entry, "name", json_of_str(name));
    return entry;
}

static void dump_ref(struct dump *d, struct dumped *to, const struct secret_ref *ref) {
    if (!ref->name.len || ref->fixed || map_put(&to->seen, secret_key(ref), d))
        return;
    struct secret *there = snap_get(d->r->p->snap, XDS_SECRET, secret_key(ref));
    struct secret *empty = secret_new();
    empty->name = ref->name;
    json_t *o = named(entry(d, "secret", xds_encode_secret(there ? there : empty)), ref->name);
    ref_put(empty);
    if (o)
        json_array_append_new(there ? to->active : to->warming, o);
}

static void dump_refs(struct dump *d, struct dumped *to, const struct tls_context *t) {
    if (!t)
        return;
    dump_ref(d, to, &t->cert_secret);
    dump_ref(d, to, &t->ca_secret);
}

static void dump_fixed(struct dump *d, struct dumped *to) {
    struct secret *s;
    struct str name;
    bool was = d->fixed;
    d->fixed = true; /* they have no version */
    MAP_FOR (&d->r->p->boot.fixed->of[XDS_SECRET], &name, s) {
        json_t *o = named(entry(d, "secret", xds_encode_secret(s)), name);
        if (o)
            json_array_append_new(to->fixed, o);
    }
    d->fixed = was;
}

static void add_list(struct dump *d, json_t *section, const char *list, json_t *items) {
    if (str_eq(d->only, str_of(list)))
        dump_alone(d, items);
    if (json_array_size(items))
        json_object_set(section, list, items);
    json_decref(items);
}

static void dump_secrets(struct dump *d, const struct serve *s) {
    struct dumped to = {.fixed = json_array(), .active = json_array(), .warming = json_array()};
    json_t *o = json_pack("{s:s}", "@type", "type.googleapis.com/envoy.admin.v3.SecretsConfigDump");
    struct serve_cluster *c;
    bool was = d->fixed;
    dump_fixed(d, &to);
    d->fixed = false;
    MAP_FOR (&s->clusters, NULL, c)
        dump_refs(d, &to, c->cluster->tls);
    for (unsigned i = 0; i < s->n_listeners; i++)
        for (unsigned k = 0; k < s->listeners[i].n_chains; k++)
            dump_refs(d, &to, s->listeners[i].chains[k].conf->tls);
    d->fixed = was;
    add_list(d, o, "static_secrets", to.fixed);
    add_list(d, o, "dynamic_active_secrets", to.active);
    add_list(d, o, "dynamic_warming_secrets", to.warming);
    map_fini(&to.seen);
    if (!d->only.len)
        json_array_append(d->configs, o);
    json_decref(o);
}

static void dump_bootstrap(struct dump *d) {
    json_t *body = NULL;
    struct err e;
    if (d->only.len || pbjson_print(&body, STR("envoy.config.bootstrap.v3.Bootstrap"), d->r->p->boot.message, false, &e) < 0)
        return;
    json_array_append_new(
        d->configs, json_pack("{s:s,s:o}", "@type", "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap", body));
}

void admin_dump(struct admin_request *r) {
    struct dump d = {.r = r, .fixed = r->p->cfg.profile == PROFILE_ENVOY && !r->p->cfg.control_state};
    struct str value;
    struct err e = {0};
    if (admin_param(r, "mask", NULL)) {
        admin_bad(r, "mask is not supported: use resource and name_regex");
        return;
    }
    if (admin_param(r, "name_regex", &value) && regex_new(&d.names, value, &e) < 0) {
        admin_bad(r, e.msg);
        return;
    }
    if (admin_param(r, "resource", &d.only) && d.only.len && check_only(r, d.only) < 0) {
        regex_free(&d.names);
        return;
    }
    d.configs = json_array();
    if (r->p->boot.fixed)
        dump_bootstrap(&d);
    if (r->p->serve) {
        dump_clusters(&d, r->p->serve);
        if (d.only.len || admin_param(r, "include_eds", NULL))
            dump_endpoints(&d, r->p->serve);
        dump_listeners(&d, r->p->serve);
        dump_routes(&d, r->p->serve);
        if (r->p->boot.fixed) /* a sidecar's are its own: /certs */
            dump_secrets(&d, r->p->serve);
    }
    regex_free(&d.names);
    json_t *o = json_object();
    if (json_array_size(d.configs)) /* protobuf leaves empty lists out */
        json_object_set(o, "configs", d.configs);
    json_decref(d.configs);
    admin_json(r, o);
}
