// SPDX-License-Identifier: Apache-2.0
/* /config_dump (envoy.admin.v3.ConfigDump): the resources that are served, as protobuf says them in JSON. Private keys are
 * redacted by xds/pbjson.h. */
#include <stdio.h>
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
        json_array_extend(d->configs, json_object_get(o, list));
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

static void dump_clusters(struct dump *d, const struct serve *s) {
    const char *list = d->fixed ? "static_clusters" : "dynamic_active_clusters";
    json_t *o = section(d, "Clusters", list);
    struct serve_cluster *c;
    MAP_FOR (&s->clusters, NULL, c)
        add(o, list, entry(d, "cluster", xds_encode_cluster(c->cluster)));
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

void admin_dump(struct admin_request *r) {
    struct dump d = {.r = r, .fixed = r->p->cfg.profile == PROFILE_ENVOY && !r->p->cfg.control_state};
    struct str value;
    struct err e = {0};
    if (admin_param(r, "name_regex", &value) && regex_new(&d.names, value, &e) < 0) {
        admin_bad(r, e.msg);
        return;
    }
    admin_param(r, "resource", &d.only);
    d.configs = json_array();
    if (r->p->serve) {
        dump_clusters(&d, r->p->serve);
        if (d.only.len || admin_param(r, "include_eds", NULL))
            dump_endpoints(&d, r->p->serve);
        dump_listeners(&d, r->p->serve);
        dump_routes(&d, r->p->serve);
    }
    regex_free(&d.names);
    admin_json(r, json_pack("{s:o}", "configs", d.configs));
}
