// SPDX-License-Identifier: Apache-2.0
/* Traffic rules -> a route table (contract §3, "Traffic rules"). */
#include "base/mem.h"
#include "codec/regex.h"
#include "control/compile_int.h"

struct maker {
    const struct mesh *mesh;
    struct mesh_service *service; /* NULL: no rules */
    struct service_settings settings;
    bool tcp; /* routes are of CONNECT */
    struct arena *a;
    struct route *at;
    size_t n;
};

static uint64_t micros(double seconds) {
    return (uint64_t)(seconds * 1e6);
}

/* ---- conditions ---- */

static bool same_condition(const struct traffic_rule *a, const struct traffic_rule *b) {
    return str_eq(a->path, b->path) && !a->path.ptr == !b->path.ptr && str_eq(a->method, b->method) &&
           json_equal(a->headers, b->headers);
}

static void set_path(struct path_match *m, struct str path, struct arena *a) {
    if (!path.ptr) {
        m->kind = PATH_PREFIX;
        m->text = STR(""); /* "OPTIONS *" as well */
    } else if (path.ptr[0] == '~') {
        m->kind = PATH_REGEX;
        m->text = arena_dup(a, str_from(path, 1));
        int rc = regex_new(&m->regex, m->text, NULL);
        WEFT_ASSERT(rc >= 0); /* the schema has compiled it before */
    } else if (path.ptr[path.len - 1] == '*') {
        m->kind = PATH_PREFIX;
        m->text = arena_dup(a, str_first(path, path.len - 1));
    } else {
        m->kind = PATH_EXACT;
        m->text = arena_dup(a, path);
    }
}

static struct header_match exact_header(struct str name, struct str value, struct arena *a) {
    return (struct header_match){
        .name = arena_dup(a, name), .kind = HEADER_STRING, .string = {.kind = STRING_EXACT, .text = arena_dup(a, value)}};
}

static void set_match(const struct maker *mk, struct route_match *m, const struct traffic_rule *r) {
    struct arena *a = mk->a;
    const char *name;
    json_t *value;
    set_path(&m->path, r->path, a);
    if (mk->tcp)
        m->path.kind = PATH_CONNECT;
    m->headers = arena_alloc(a, (json_object_size(r->headers) + 1) * sizeof *m->headers);
    json_object_foreach(r->headers, name, value) {
        m->headers[m->n_headers++] = exact_header(str_of(name), json_to_str(value), a);
    }
    if (r->method.ptr)
        m->headers[m->n_headers++] = exact_header(STR(":method"), r->method, a);
    m->fraction = ROUTE_PPM;
}

/* ---- actions ---- */

static struct str cluster_name(const struct traffic_rule *r, struct arena *a) {
    if (!r->subset_key.len)
        return arena_dup(a, str_of(r->destination->key));
    return arena_fmt(a, "%s|" STR_FMT "=" STR_FMT, r->destination->key, STR_ARG(r->subset_key), STR_ARG(r->subset_value));
}

static void set_hash(struct maker *mk, struct route *rt, struct str destination) {
    struct service_settings s;
    mesh_settings(mk->mesh, destination, &s);
    if (!str_eq(s.policy, STR("consistent_hash")) || !s.hash_on.len)
        return;
    struct str name = s.hash_on, kind = str_cut(&name, ':');
    rt->hash = arena_zalloc(mk->a, sizeof *rt->hash);
    rt->n_hash = 1;
    if (str_eq(kind, STR("header")))
        *rt->hash = (struct hash_on){HASH_HEADER, arena_lower(mk->a, name)};
    else if (str_eq(kind, STR("cookie")))
        *rt->hash = (struct hash_on){HASH_COOKIE, arena_dup(mk->a, name)};
    else
        *rt->hash = (struct hash_on){HASH_SOURCE, STR_NONE};
}

static uint64_t rule_timeout(const struct maker *mk, const struct traffic_rule *r) {
    return micros(r->timeout >= 0 ? r->timeout : mk->settings.timeout);
}

static uint32_t rule_retries(const struct maker *mk, const struct traffic_rule *r) {
    return r->retries >= 0 ? (uint32_t)r->retries : mk->settings.retries;
}

static struct route_cluster share(const struct maker *mk, const struct traffic_rule *r) {
    return (struct route_cluster){
        .cluster = cluster_name(r, mk->a),
        .weight = r->weight,
        .own_policy = true,
        .timeout_us = rule_timeout(mk, r),
        .retries = rule_retries(mk, r),
        .breaker = r->breaker && mk->mesh->cfg.breaker_enabled,
    };
}

/* By the caller's sidecar it is passed on to the endpoint's; where that has none, it ends there (proxy/exch.h). */
static void take_connect(const struct maker *mk, struct route *rt) {
    if (!mk->tcp)
        return;
    rt->connect = true;
    rt->upgrades = arena_alloc(mk->a, sizeof *rt->upgrades);
    rt->upgrades[0] = STR("CONNECT");
    rt->n_upgrades = 1;
}

static struct route *begin_route(struct maker *mk, const struct traffic_rule *r) {
    struct route *rt = &mk->at[mk->n++];
    rt->name = arena_dup(mk->a, r->id);
    rt->action = ROUTE_FORWARD;
    set_match(mk, &rt->match, r);
    take_connect(mk, rt);
    set_hash(mk, rt, str_of(r->destination->key));
    rt->timeout_us = rule_timeout(mk, r);
    rt->retries = rule_retries(mk, r);
    rt->breaker = r->breaker && mk->mesh->cfg.breaker_enabled;
    return rt;
}

static void add_single(struct maker *mk, const struct traffic_rule *r) {
    if (!r->weight)
        return; /* no share: all goes on to the next rule */
    struct route *rt = begin_route(mk, r);
    if (r->weight < 100)
        rt->match.fraction = r->weight * (ROUTE_PPM / 100);
    rt->clusters = arena_zalloc(mk->a, sizeof *rt->clusters);
    rt->clusters[0] = (struct route_cluster){.cluster = cluster_name(r, mk->a), .weight = 1};
    rt->n_clusters = 1;
}

/* n >= 2 rules with equal conditions. */
static void add_split(struct maker *mk, struct traffic_rule *const *r, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += r[i]->weight;
    if (!sum)
        return;
    struct route *rt = begin_route(mk, r[0]);
    rt->clusters = arena_alloc(mk->a, n * sizeof *rt->clusters);
    for (size_t i = 0; i < n; i++)
        if (r[i]->weight)
            rt->clusters[rt->n_clusters++] = share(mk, r[i]);
    for (size_t i = 1; i < n && !rt->n_hash; i++) /* a route has one hash: of the first that has any */
        set_hash(mk, rt, str_of(r[i]->destination->key));
}

static void add_default(struct maker *mk, struct str service) {
    struct route *rt = &mk->at[mk->n++];
    rt->name = STR("default");
    rt->match = (struct route_match){.path = {.kind = PATH_PREFIX, .text = STR("")}, .fraction = ROUTE_PPM};
    if (mk->tcp)
        rt->match.path.kind = PATH_CONNECT;
    take_connect(mk, rt);
    rt->action = ROUTE_FORWARD;
    rt->clusters = arena_zalloc(mk->a, sizeof *rt->clusters);
    rt->clusters[0] = (struct route_cluster){.cluster = arena_dup(mk->a, service), .weight = 1};
    rt->n_clusters = 1;
    rt->timeout_us = micros(mk->settings.timeout);
    rt->retries = mk->settings.retries;
    rt->breaker = mk->mesh->cfg.breaker_enabled;
    set_hash(mk, rt, service);
}

static void add_rules(struct maker *mk) {
    size_t n = 0, total = mk->service ? mk->service->rules.len : 0;
    struct traffic_rule **rules = mem_array(total + 1, sizeof(struct traffic_rule *)), *r;
    if (total)
        MAP_FOR (&mk->service->rules, NULL, r) {
            rules[n++] = r;
        }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && same_condition(rules[i], rules[end]);)
            end++;
        if (mk->tcp && rules[i]->path.ptr) /* there is no path */
            continue;
        if (end - i == 1)
            add_single(mk, rules[i]);
        else
            add_split(mk, rules + i, end - i);
    }
    free(rules);
}

void compile__vhost(const struct mesh *m, struct str service, bool tcp, struct arena *a, struct virtual_host *vh) {
    struct maker mk = {.mesh = m, .service = mesh_service(m, service), .tcp = tcp, .a = a};
    mesh_settings(m, service, &mk.settings);
    mk.at = arena_zalloc(a, ((mk.service ? mk.service->rules.len : 0) + 1) * sizeof *mk.at);
    add_rules(&mk);
    add_default(&mk, service);
    vh->routes = mk.at;
    vh->n_routes = mk.n;
}

struct route_table *compile__routes(const struct mesh *m, const struct compile_name *n, struct str name, bool tcp) {
    struct route_table *t = route_table_new();
    struct arena *a = &t->ref.mem;
    t->name = arena_dup(a, name);
    t->vhosts = arena_zalloc(a, sizeof *t->vhosts);
    t->n_vhosts = 1;
    t->vhosts->name = t->name;
    t->vhosts->domains = arena_alloc(a, sizeof *t->vhosts->domains);
    t->vhosts->domains[0] = STR("*");
    t->vhosts->n_domains = 1;
    compile__vhost(m, n->service, tcp, a, t->vhosts);
    return t;
}
