// SPDX-License-Identifier: Apache-2.0
#include "sample.h"
#include "base/mem.h"
#include "codec/regex.h"
#include "xds/xds.h"

struct make {
    struct rand *r;
    struct arena *a;
};

/* ---- making ---- */

static uint64_t below(struct make *m, uint64_t n) {
    return rand_below(m->r, n);
}

static bool coin(struct make *m) {
    return below(m, 2);
}

static struct str word(struct make *m) {
    static const char *const words[] = {"a",      "web",      "default/api|version=v2",          "x-user",
                                        "Zürich", "/path/to", "spiffe://cluster.local/ns/a/sa/b"};
    return arena_fmt(m->a, "%s%u", words[below(m, sizeof words / sizeof *words)], (unsigned)below(m, 100));
}

static struct str maybe(struct make *m) {
    return coin(m) ? word(m) : STR_NONE;
}

#define SOME(m, type, n) ((type *)arena_zalloc((m)->a, (n) * sizeof(type)))

static struct regex *regex(struct str source) {
    struct regex *re;
    int r = regex_new(&re, source, NULL);
    WEFT_ASSERT(r >= 0);
    return re;
}

static struct string_match string_match(struct make *m) {
    struct string_match s = {.kind = (enum string_match_kind)below(m, 5), .text = word(m)};
    if (s.kind == STRING_REGEX) {
        s.text = STR("(v[0-9]+|x).*");
        s.regex = regex(s.text);
    } else {
        s.ignore_case = coin(m);
    }
    return s;
}

static struct header_match header_match(struct make *m) {
    struct header_match h = {.name = coin(m) ? STR(":method") : STR("x-user"), .kind = (enum header_match_kind)below(m, 3)};
    h.invert = coin(m);
    h.missing_as_empty = coin(m);
    if (h.kind == HEADER_STRING)
        h.string = string_match(m);
    if (h.kind == HEADER_RANGE) {
        h.from = -(int64_t)below(m, 100);
        h.to = (int64_t)below(m, 1u << 30);
    }
    return h;
}

static struct rbac_node node(struct make *m, bool principal, int depth);

static void kids(struct make *m, struct rbac_node *n, bool principal, int depth) {
    n->n_kids = n->kind == RBAC_NOT ? 1 : 1 + below(m, 3);
    n->kids = SOME(m, struct rbac_node, n->n_kids);
    for (size_t i = 0; i < n->n_kids; i++)
        n->kids[i] = node(m, principal, depth - 1);
}

static struct rbac_node node(struct make *m, bool principal, int depth) {
    static const enum rbac_node_kind of_permission[] = {
        RBAC_ANY, RBAC_HEADER, RBAC_URL_PATH, RBAC_DESTINATION_PORT, RBAC_DESTINATION_IP, RBAC_AND, RBAC_OR, RBAC_NOT};
    static const enum rbac_node_kind of_principal[] = {RBAC_ANY,       RBAC_HEADER,    RBAC_URL_PATH,  RBAC_AUTHENTICATED,
                                                       RBAC_SOURCE_IP, RBAC_DIRECT_IP, RBAC_REMOTE_IP, RBAC_JWT,
                                                       RBAC_AND,       RBAC_OR,        RBAC_NOT};
    struct rbac_node n = {.kind = principal ? of_principal[below(m, depth ? 11 : 8)] : of_permission[below(m, depth ? 8 : 5)]};
    switch (n.kind) {
    case RBAC_AND:
    case RBAC_OR:
    case RBAC_NOT: kids(m, &n, principal, depth); break;
    case RBAC_HEADER: n.header = header_match(m); break;
    case RBAC_URL_PATH: n.string = string_match(m); break;
    case RBAC_AUTHENTICATED:
        if (coin(m))
            n.string = string_match(m);
        else
            n.string.kind = STRING_PREFIX; /* any mTLS peer */
        break;
    case RBAC_DESTINATION_PORT: n.port = (uint16_t)below(m, 65536); break;
    case RBAC_SOURCE_IP:
    case RBAC_DIRECT_IP:
    case RBAC_REMOTE_IP:
    case RBAC_DESTINATION_IP:
        n.ip = coin(m) ? STR("10.1.0.0") : STR("2001:db8::");
        n.prefix_len = (uint8_t)below(m, 33);
        break;
    default: break;
    }
    return n;
}

static struct rbac *rbac(struct make *m) {
    struct rbac *p = SOME(m, struct rbac, 1);
    p->action = coin(m) ? RBAC_ALLOW : RBAC_DENY;
    p->n_policies = below(m, 4);
    p->policies = SOME(m, struct rbac_policy, p->n_policies);
    for (size_t i = 0; i < p->n_policies; i++) /* in order of names, as they come back */
        p->policies[i] = (struct rbac_policy){arena_fmt(m->a, "policy-%zu", i), node(m, false, 3), node(m, true, 3)};
    return p;
}

static struct data_source data(struct make *m) {
    struct data_source d = {0};
    if (coin(m))
        d.file = word(m);
    else
        d.inline_bytes = STR("-----BEGIN\0PEM-----"); /* bytes may hold anything */
    return d;
}

static uint64_t fetch(struct make *m) {
    return coin(m) ? 0 : coin(m) ? UINT64_MAX : 1000 * (1 + below(m, 100));
}

static struct h2_options h2(struct make *m) {
    uint32_t window = 65535 + (uint32_t)below(m, 100000);
    return (struct h2_options){(uint32_t)below(m, 3), coin(m) ? window : 0, coin(m) ? 2 * window : 0};
}

static struct secret_ref secret_in(struct make *m, struct str name) {
    struct secret_ref r = {.name = name};
    if (coin(m) && coin(m)) {
        r.fixed = true;
        return r;
    }
    r.fetch_us = fetch(m);
    if (coin(m)) {
        r.path = STR("/secrets/one.yaml");
        r.watched = coin(m) ? STR("/secrets") : STR_NONE;
    }
    return r;
}

static struct tls_context *tls(struct make *m, bool downstream) {
    struct tls_context *t = SOME(m, struct tls_context, 1);
    bool sds = coin(m), ca = coin(m);
    if (sds) {
        t->cert_secret = secret_in(m, STR("default"));
    } else if (downstream || coin(m)) {
        t->cert = data(m);
        t->key = data(m);
    }
    if (ca && coin(m))
        t->ca_secret = secret_in(m, STR("ROOTCA"));
    else if (ca)
        t->ca = data(m);
    t->n_sans = ca ? below(m, 3) : 0;
    t->sans = SOME(m, struct str, t->n_sans);
    for (size_t i = 0; i < t->n_sans; i++)
        t->sans[i] = word(m);
    t->n_alpn = below(m, 3);
    t->alpn = SOME(m, struct str, t->n_alpn);
    for (size_t i = 0; i < t->n_alpn; i++)
        t->alpn[i] = i ? STR("http/1.1") : STR("h2");
    if (downstream) {
        t->require_client_cert = ca && coin(m);
        t->no_resumption = coin(m);
    } else
        t->sni = maybe(m);
    return t;
}

static struct path_match path(struct make *m) {
    struct path_match p = {.kind = (enum path_match_kind)below(m, 5), .ignore_case = coin(m)};
    switch (p.kind) {
    case PATH_PREFIX: p.text = coin(m) ? STR("/") : STR_NONE; break;
    case PATH_EXACT: p.text = STR("/exact"); break;
    case PATH_SEPARATED_PREFIX: p.text = STR("/sep/arated"); break;
    case PATH_REGEX:
        p.text = STR("/(a|b)+");
        p.regex = regex(p.text);
        p.ignore_case = false;
        break;
    case PATH_CONNECT: break;
    }
    return p;
}

static void forward(struct make *m, struct route *r) {
    r->n_clusters = 1 + below(m, 3);
    r->clusters = SOME(m, struct route_cluster, r->n_clusters);
    for (size_t i = 0; i < r->n_clusters; i++) {
        struct route_cluster *c = &r->clusters[i];
        c->cluster = word(m);
        c->weight = (uint32_t)(i ? below(m, 100) : 1 + below(m, 100));
        c->own_policy = coin(m);
        if (!c->own_policy)
            continue;
        c->timeout_us = below(m, 3) * 1500000;
        c->retries = (uint32_t)below(m, 4);
        c->breaker = coin(m);
    }
    r->timeout_us = below(m, 3) * 30000001;
    r->retries = (uint32_t)below(m, 4);
    r->n_hash = below(m, 3);
    r->hash = SOME(m, struct hash_on, r->n_hash);
    for (size_t i = 0; i < r->n_hash; i++) {
        r->hash[i].kind = (enum hash_on_kind)below(m, 3);
        r->hash[i].name = r->hash[i].kind == HASH_SOURCE ? STR_NONE : STR("x-hash");
    }
    if (coin(m)) {
        r->upgrades = SOME(m, struct str, r->n_upgrades = 2);
        r->upgrades[0] = STR("websocket");
        r->upgrades[1] = STR("CONNECT");
        r->connect = coin(m);
        r->connect_proxy = r->connect ? (uint8_t)below(m, 3) : 0;
    }
    r->prefix_rewrite = coin(m) ? STR("/new") : STR_NONE;
    r->host_rewrite = coin(m) ? STR("h.test:80") : STR_NONE;
    r->host = r->host_rewrite.len ? HOST_LITERAL : HOST_KEEP;
}

static struct route route(struct make *m) {
    struct route r = {.name = maybe(m), .action = (enum route_action_kind)below(m, 3), .breaker = coin(m)};
    r.match.path = path(m);
    r.match.fraction = coin(m) ? ROUTE_PPM : (uint32_t)below(m, ROUTE_PPM);
    r.match.n_headers = below(m, 3);
    r.match.headers = SOME(m, struct header_match, r.match.n_headers);
    for (size_t i = 0; i < r.match.n_headers; i++)
        r.match.headers[i] = header_match(m);
    if (r.action == ROUTE_FORWARD)
        forward(m, &r);
    if (r.action == ROUTE_DIRECT) {
        r.status = (uint16_t)(200 + below(m, 400));
        r.body = maybe(m);
    }
    return r;
}

static struct route_table *route_table(struct rand *rand) {
    struct route_table *t = route_table_new();
    struct make m = {rand, &t->ref.mem};
    t->name = word(&m);
    t->n_vhosts = below(&m, 3);
    t->vhosts = SOME(&m, struct virtual_host, t->n_vhosts);
    for (size_t i = 0; i < t->n_vhosts; i++) {
        struct virtual_host *v = &t->vhosts[i];
        v->name = word(&m);
        v->n_domains = 1 + below(&m, 2);
        v->domains = SOME(&m, struct str, v->n_domains);
        for (size_t d = 0; d < v->n_domains; d++)
            v->domains[d] = i + d ? arena_fmt(m.a, "%sa%zu-%zu", coin(&m) ? "*." : "", i, d) : STR("*");
        v->n_routes = below(&m, 4);
        v->routes = SOME(&m, struct route, v->n_routes);
        for (size_t k = 0; k < v->n_routes; k++)
            v->routes[k] = route(&m);
    }
    return t;
}

static struct endpoints *endpoints(struct rand *rand, bool names) {
    struct endpoints *eps = endpoints_new();
    struct make m = {rand, &eps->ref.mem};
    eps->cluster = word(&m);
    eps->n = below(&m, 5);
    eps->at = SOME(&m, struct endpoint, eps->n);
    for (size_t i = 0; i < eps->n; i++) {
        struct endpoint *e = &eps->at[i];
        static const char *const addresses[] = {"10.0.0.1", "::1", "unix:/run/app.sock", "app.example"};
        e->address = str_of(addresses[below(&m, names ? 4 : 3)]);
        e->port = str_starts(e->address, STR("unix:")) ? 0 : (uint16_t)(1 + below(&m, 65535));
        e->id = maybe(&m);
        e->health = (enum endpoint_health)below(&m, 3);
        e->weight = (uint32_t)(1 + below(&m, 200));
        e->mtls = coin(&m);
    }
    return eps;
}

static struct health_check check(struct make *m) {
    struct health_check c = {true, (enum check_kind)below(m, 3), .interval_us = 30000000, .timeout_us = 5000000};
    c.healthy_threshold = 1 + (uint32_t)below(m, 3);
    c.unhealthy_threshold = 2;
    c.jitter_us = below(m, 3) * 1000;
    if (c.kind != CHECK_TCP) {
        c.path = c.kind == CHECK_HTTP ? word(m) : maybe(m);
        c.host = maybe(m);
    }
    if (c.kind == CHECK_HTTP) {
        c.h2 = coin(m);
        c.n_expect = below(m, 3);
        c.expect = SOME(m, struct check_range, c.n_expect);
        for (size_t i = 0; i < c.n_expect; i++)
            c.expect[i] = (struct check_range){(uint16_t)(100 + below(m, 300)), (uint16_t)(400 + below(m, 201))};
    }
    if (c.kind == CHECK_TCP) {
        c.send = maybe(m);
        c.n_receive = below(m, 3);
        c.receive = SOME(m, struct str, c.n_receive);
        for (size_t i = 0; i < c.n_receive; i++)
            c.receive[i] = word(m);
    }
    return c;
}

static struct cluster *cluster(struct rand *rand) {
    struct cluster *c = cluster_new();
    struct make m = {rand, &c->ref.mem};
    c->name = word(&m);
    c->type = (enum cluster_type)below(&m, 4);
    if (c->type == CLUSTER_ORIGINAL_DST) {
        c->original.header = coin(&m) ? STR("x-where") : STR_NONE;
        c->original.port = (uint16_t)below(&m, 3);
    }
    if (c->type == CLUSTER_EDS)
        c->eds_name = maybe(&m), c->eds_fetch_us = fetch(&m);
    else if (coin(&m))
        c->inline_endpoints = endpoints(rand, c->type == CLUSTER_STRICT_DNS);
    c->lb = c->type == CLUSTER_ORIGINAL_DST ? LB_ROUND_ROBIN : (enum lb_policy)below(&m, 6);
    c->proto = (enum cluster_proto)below(&m, 3);
    c->connect_timeout_us = below(&m, 2) * 250000;
    c->keepalive_us = c->proto == CLUSTER_HTTP1 ? 0 : below(&m, 2) * 30000000;
    c->h2 = c->proto == CLUSTER_HTTP1 ? (struct h2_options){0} : h2(&m);
    c->keepalive_timeout_us = c->keepalive_us ? 5000000 : 0;
    if (coin(&m)) {
        c->tls = tls(&m, false);
        c->tls_always = coin(&m);
    }
    if (coin(&m))
        c->plain_rbac = rbac(&m);
    if (coin(&m))
        c->check = check(&m);
    c->limits.max_connections = (uint32_t)below(&m, 3) * 512;
    c->limits.max_pending = (uint32_t)below(&m, 2) * 1024;
    c->limits.max_requests = (uint32_t)below(&m, 2) * 1024;
    if (coin(&m)) {
        c->limits.failure_threshold = 5;
        c->limits.success_threshold = 2;
        c->limits.recovery_us = 30000000;
    }
    return c;
}

static struct hcm hcm(struct make *m) {
    struct hcm h = {.stat_prefix = maybe(m), .server_name = maybe(m)};
    h.codec = below(m, 3);
    if (coin(m))
        h.rds_name = STR("*"), h.rds_fetch_us = fetch(m);
    else
        h.routes = route_table(m->r);
    if (coin(m))
        h.rbac = rbac(m);
    h.use_remote_address = coin(m);
    h.generate_request_id = coin(m);
    h.xfcc = (enum xfcc_mode)below(m, 5);
    h.access_log = coin(m);
    h.tracing = coin(m);
    h.trace_sampling = h.tracing ? (uint32_t)below(m, 1000001) : 0;
    h.metrics = coin(m);
    h.trust_source_headers = coin(m);
    h.idle_timeout_us = below(m, 2) * 300000000;
    h.max_head = (uint32_t)below(m, 3) * 65536;
    h.h2 = h2(m);
    return h;
}

static void ranges(struct make *m, struct ip_range **out, size_t *n) {
    static const char *const ips[] = {"10.0.0.0", "192.168.7.1", "fd00::1", "::"};
    *n = below(m, 3);
    *out = SOME(m, struct ip_range, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        WEFT_ASSERT(ip_parse(&(*out)[i].ip, str_of(ips[below(m, 4)])));
        (*out)[i].bits = (uint8_t)below(m, 33);
    }
}

/* The port tells them apart. */
static struct chain_match chain_match(struct make *m, uint16_t port) {
    struct chain_match c = {.destination_port = port, .transport = below(m, 3), .source_type = below(m, 3)};
    ranges(m, &c.destinations, &c.n_destinations);
    ranges(m, &c.direct_sources, &c.n_direct_sources);
    ranges(m, &c.sources, &c.n_sources);
    c.n_server_names = below(m, 3);
    c.server_names = SOME(m, struct str, 3);
    for (size_t i = 0; i < c.n_server_names; i++)
        c.server_names[i] = coin(m) ? STR("*.example.com") : STR("a.test");
    c.n_protocols = below(m, 2);
    c.protocols = SOME(m, struct str, 1);
    c.protocols[0] = STR("h2");
    c.n_source_ports = below(m, 2);
    c.source_ports = SOME(m, uint16_t, 1);
    c.source_ports[0] = 4000;
    return c;
}

static struct tcp_proxy tcp_proxy(struct make *m) {
    struct tcp_proxy t = {.stat_prefix = maybe(m), .n_clusters = 1 + below(m, 3)};
    t.clusters = SOME(m, struct tcp_cluster, t.n_clusters);
    for (size_t i = 0; i < t.n_clusters; i++)
        t.clusters[i] = (struct tcp_cluster){word(m), t.n_clusters == 1 ? 1 : 1 + (uint32_t)below(m, 100)};
    t.idle_timeout_us = coin(m) ? UINT64_MAX : below(m, 3) * 1000000;
    t.max_connect_attempts = (uint32_t)below(m, 3);
    t.hash_source_ip = coin(m);
    t.access_log = coin(m);
    t.metrics = coin(m);
    return t;
}

static void chain(struct make *m, struct filter_chain *c) {
    c->name = maybe(m);
    c->tls = coin(m) ? tls(m, true) : NULL;
    c->kind = coin(m) ? CHAIN_TCP : CHAIN_HTTP;
    c->rbac = coin(m) ? rbac(m) : NULL;
    c->rbac_shadow = coin(m) ? rbac(m) : NULL;
    if (c->rbac || c->rbac_shadow) {
        c->rbac_stats = maybe(m);
        c->shadow_stats = maybe(m);
    }
    if (c->kind == CHAIN_TCP)
        c->tcp = tcp_proxy(m);
    else
        c->hcm = hcm(m);
}

static struct listener *listener(struct rand *rand) {
    struct listener *l = listener_new();
    struct make m = {rand, &l->ref.mem};
    l->name = word(&m);
    l->address = coin(&m) ? STR("0.0.0.0") : STR("unix:/run/weft.sock");
    l->mode = str_starts(l->address, STR("unix:")) ? below(&m, 512) : 0;
    l->port = str_starts(l->address, STR("unix:")) ? 0 : (uint16_t)below(&m, 65536);
    l->direction = (enum listener_direction)below(&m, 3);
    l->n_chains = 1 + below(&m, 3);
    l->chains = SOME(&m, struct filter_chain, l->n_chains);
    for (size_t i = 0; i < l->n_chains; i++) {
        l->chains[i].match = chain_match(&m, (uint16_t)(i + 1));
        chain(&m, &l->chains[i]);
    }
    if (coin(&m)) {
        l->fallback = SOME(&m, struct filter_chain, 1);
        chain(&m, l->fallback);
    }
    l->detect_timeout_us = coin(&m) ? UINT64_MAX : below(&m, 3) * 1000000;
    l->continue_on_timeout = coin(&m);
    return l;
}

static struct secret *secret(struct rand *rand) {
    struct secret *s = secret_new();
    struct make m = {rand, &s->ref.mem};
    s->name = word(&m);
    bool files = coin(&m);
    if (coin(&m)) {
        *(files ? &s->cert_file : &s->cert_pem) = word(&m);
        *(coin(&m) ? &s->key_file : &s->key_pem) = word(&m);
    } else {
        *(files ? &s->ca_file : &s->ca_pem) = word(&m);
    }
    s->watched = files ? maybe(&m) : STR_NONE;
    return s;
}

void *sample(struct rand *r, enum xds_type type) {
    switch (type) {
    case XDS_LISTENER: return listener(r);
    case XDS_ROUTE: return route_table(r);
    case XDS_CLUSTER: return cluster(r);
    case XDS_ENDPOINT: return endpoints(r, false);
    default: return secret(r);
    }
}

/* ---- telling ---- */

#define SAY(name, value) buf_fmt(out, " " name "=%llu", (unsigned long long)(value))
#define SAY_STR(name, value) buf_fmt(out, " " name "=\"" STR_FMT "\"", STR_ARG(value))

static void say_bytes(struct buf *out, struct str s) {
    buf_addc(out, ' ');
    buf_add(out, s);
}

static void say_string(struct buf *out, const struct string_match *s) {
    SAY("kind", s->kind);
    SAY("ignore_case", s->ignore_case);
    SAY("regex", s->regex != NULL);
    SAY_STR("text", s->text);
}

static void say_header(struct buf *out, const struct header_match *h) {
    SAY_STR("\n header", h->name);
    SAY("kind", h->kind);
    SAY("invert", h->invert);
    SAY("missing_as_empty", h->missing_as_empty);
    SAY("from", h->from);
    SAY("to", h->to);
    if (h->kind == HEADER_STRING)
        say_string(out, &h->string);
}

static void say_node(struct buf *out, const struct rbac_node *n) {
    SAY("\n (node", n->kind);
    if (n->kind == RBAC_HEADER)
        say_header(out, &n->header);
    if (n->kind == RBAC_URL_PATH || n->kind == RBAC_AUTHENTICATED)
        say_string(out, &n->string);
    SAY("port", n->port);
    SAY_STR("ip", n->ip);
    SAY("len", n->prefix_len);
    for (size_t i = 0; i < n->n_kids; i++)
        say_node(out, &n->kids[i]);
    buf_addc(out, ')');
}

static void say_rbac(struct buf *out, const struct rbac *p) {
    SAY("\nrbac", p != NULL);
    if (!p)
        return;
    SAY("action", p->action);
    for (size_t i = 0; i < p->n_policies; i++) {
        SAY_STR("\npolicy", p->policies[i].name);
        say_node(out, &p->policies[i].permission);
        say_node(out, &p->policies[i].principal);
    }
}

static void say_data(struct buf *out, const struct data_source *d) {
    SAY_STR("file", d->file);
    say_bytes(out, d->inline_bytes);
}

static void say_h2(struct buf *out, const struct h2_options *o) {
    SAY("max_streams", o->max_streams);
    SAY("stream_window", o->stream_window);
    SAY("conn_window", o->conn_window);
}

static void say_ref(struct buf *out, const struct secret_ref *r) {
    SAY_STR("secret", r->name);
    SAY_STR("path", r->path);
    SAY_STR("watched", r->watched);
    SAY("fetch_us", r->fetch_us);
    SAY("fixed", r->fixed);
}

static void say_tls(struct buf *out, const struct tls_context *t) {
    SAY("\ntls", t != NULL);
    if (!t)
        return;
    say_ref(out, &t->cert_secret);
    say_ref(out, &t->ca_secret);
    say_data(out, &t->cert);
    say_data(out, &t->key);
    say_data(out, &t->ca);
    for (size_t i = 0; i < t->n_sans; i++)
        SAY_STR("san", t->sans[i]);
    for (size_t i = 0; i < t->n_alpn; i++)
        SAY_STR("alpn", t->alpn[i]);
    SAY_STR("sni", t->sni);
    SAY("require_client_cert", t->require_client_cert);
    SAY("no_resumption", t->no_resumption);
}

static void say_route(struct buf *out, const struct route *r) {
    SAY_STR("\nroute", r->name);
    SAY("path", r->match.path.kind);
    SAY("ignore_case", r->match.path.ignore_case);
    SAY_STR("text", r->match.path.text);
    SAY("regex", r->match.path.regex != NULL);
    SAY("fraction", r->match.fraction);
    for (size_t i = 0; i < r->match.n_headers; i++)
        say_header(out, &r->match.headers[i]);
    SAY("action", r->action);
    for (size_t i = 0; i < r->n_clusters; i++) {
        const struct route_cluster *c = &r->clusters[i];
        SAY_STR("\n cluster", c->cluster);
        SAY("weight", c->weight);
        SAY("own_policy", c->own_policy);
        SAY("timeout", c->timeout_us);
        SAY("retries", c->retries);
        SAY("breaker", c->breaker);
    }
    SAY("timeout", r->timeout_us);
    SAY("retries", r->retries);
    SAY("breaker", r->breaker);
    for (size_t i = 0; i < r->n_hash; i++) {
        SAY("hash", r->hash[i].kind);
        SAY_STR("on", r->hash[i].name);
    }
    SAY_STR("prefix_rewrite", r->prefix_rewrite);
    SAY_STR("host_rewrite", r->host_rewrite);
    SAY("status", r->status);
    SAY_STR("body", r->body);
}

static void say_table(struct buf *out, const struct route_table *t) {
    SAY_STR("\ntable", t->name);
    for (size_t i = 0; i < t->n_vhosts; i++) {
        SAY_STR("\nvhost", t->vhosts[i].name);
        for (size_t d = 0; d < t->vhosts[i].n_domains; d++)
            SAY_STR("domain", t->vhosts[i].domains[d]);
        for (size_t k = 0; k < t->vhosts[i].n_routes; k++)
            say_route(out, &t->vhosts[i].routes[k]);
    }
}

static void say_endpoints(struct buf *out, const struct endpoints *eps) {
    SAY_STR("\nendpoints", eps->cluster);
    for (size_t i = 0; i < eps->n; i++) {
        const struct endpoint *e = &eps->at[i];
        SAY_STR("\n id", e->id);
        SAY_STR("address", e->address);
        SAY("port", e->port);
        SAY("health", e->health);
        SAY("weight", e->weight);
        SAY("mtls", e->mtls);
    }
}

static void say_cluster(struct buf *out, const struct cluster *c) {
    SAY_STR("cluster", c->name);
    SAY("type", c->type);
    SAY_STR("eds_name", c->eds_name);
    SAY("eds_fetch", c->eds_fetch_us);
    SAY("lb", c->lb);
    SAY("proto", c->proto);
    SAY("connect_timeout", c->connect_timeout_us);
    SAY("tls_always", c->tls_always);
    if (c->inline_endpoints)
        say_endpoints(out, c->inline_endpoints);
    say_tls(out, c->tls);
    say_rbac(out, c->plain_rbac);
    say_h2(out, &c->h2);
    SAY("keepalive", c->keepalive_us);
    SAY("pong", c->keepalive_timeout_us);
    SAY("check", c->check.enabled);
    SAY("kind", c->check.kind);
    SAY("h2", c->check.h2);
    SAY("jitter", c->check.jitter_us);
    SAY_STR("path", c->check.path);
    SAY_STR("host", c->check.host);
    SAY_STR("send", c->check.send);
    for (size_t i = 0; i < c->check.n_receive; i++)
        SAY_STR("receive", c->check.receive[i]);
    for (size_t i = 0; i < c->check.n_expect; i++)
        SAY("from", c->check.expect[i].from * 1000 + c->check.expect[i].to);
    SAY("interval", c->check.interval_us);
    SAY("timeout", c->check.timeout_us);
    SAY("healthy", c->check.healthy_threshold);
    SAY("unhealthy", c->check.unhealthy_threshold);
    SAY("max_connections", c->limits.max_connections);
    SAY("max_pending", c->limits.max_pending);
    SAY("max_requests", c->limits.max_requests);
    SAY("failure", c->limits.failure_threshold);
    SAY("success", c->limits.success_threshold);
    SAY("recovery", c->limits.recovery_us);
}

static void say_hcm(struct buf *out, const struct hcm *h) {
    SAY_STR("stat_prefix", h->stat_prefix);
    SAY("codec", h->codec);
    SAY_STR("rds_name", h->rds_name);
    SAY("rds_fetch", h->rds_fetch_us);
    say_h2(out, &h->h2);
    if (h->routes)
        say_table(out, h->routes);
    say_rbac(out, h->rbac);
    SAY("use_remote_address", h->use_remote_address);
    SAY("generate_request_id", h->generate_request_id);
    SAY("xfcc", h->xfcc);
    SAY("access_log", h->access_log);
    SAY("tracing", h->tracing);
    SAY("trace_sampling", h->trace_sampling);
    SAY("metrics", h->metrics);
    SAY("trust_source_headers", h->trust_source_headers);
    SAY("idle_timeout", h->idle_timeout_us);
    SAY("max_head", h->max_head);
    SAY_STR("server_name", h->server_name);
}

static void say_ranges(struct buf *out, const char *what, const struct ip_range *r, size_t n) {
    char text[IP_TEXT];
    for (size_t i = 0; i < n; i++)
        buf_fmt(out, "%s %s/%u ", what, ip_text(&r[i].ip, text), r[i].bits);
}

static void say_match(struct buf *out, const struct chain_match *m) {
    SAY("transport", m->transport);
    SAY("port", m->destination_port);
    SAY("source", m->source_type);
    say_ranges(out, "to", m->destinations, m->n_destinations);
    say_ranges(out, "direct", m->direct_sources, m->n_direct_sources);
    say_ranges(out, "from", m->sources, m->n_sources);
    for (size_t i = 0; i < m->n_server_names; i++)
        SAY_STR("name", m->server_names[i]);
    for (size_t i = 0; i < m->n_protocols; i++)
        SAY_STR("alpn", m->protocols[i]);
    for (size_t i = 0; i < m->n_source_ports; i++)
        SAY("source_port", m->source_ports[i]);
}

static void say_tcp(struct buf *out, const struct tcp_proxy *t) {
    SAY_STR("tcp", t->stat_prefix);
    for (size_t i = 0; i < t->n_clusters; i++) {
        SAY_STR("cluster", t->clusters[i].cluster);
        SAY("weight", t->clusters[i].weight);
    }
    SAY("idle", t->idle_timeout_us);
    SAY("attempts", t->max_connect_attempts);
    SAY("hash", t->hash_source_ip);
    SAY("log", t->access_log);
    SAY("metrics", t->metrics);
}

static void say_chain(struct buf *out, const struct filter_chain *c) {
    SAY_STR("\nchain", c->name);
    say_match(out, &c->match);
    say_tls(out, c->tls);
    say_rbac(out, c->rbac);
    say_rbac(out, c->rbac_shadow);
    SAY_STR("stats", c->rbac_stats);
    SAY_STR("shadow", c->shadow_stats);
    if (c->kind == CHAIN_TCP)
        say_tcp(out, &c->tcp);
    else
        say_hcm(out, &c->hcm);
}

static void say_listener(struct buf *out, const struct listener *l) {
    SAY_STR("listener", l->name);
    SAY_STR("address", l->address);
    SAY("mode", l->mode);
    SAY("port", l->port);
    SAY("direction", l->direction);
    SAY("detect_timeout", l->detect_timeout_us);
    SAY("continue", l->continue_on_timeout);
    for (size_t i = 0; i < l->n_chains; i++)
        say_chain(out, &l->chains[i]);
    SAY("fallback", l->fallback != NULL);
    if (l->fallback)
        say_chain(out, l->fallback);
}

static void say_secret(struct buf *out, const struct secret *s) {
    SAY_STR("secret", s->name);
    SAY_STR("cert", s->cert_pem);
    SAY_STR("key", s->key_pem);
    SAY_STR("ca", s->ca_pem);
    SAY_STR("cert_file", s->cert_file);
    SAY_STR("key_file", s->key_file);
    SAY_STR("ca_file", s->ca_file);
    SAY_STR("watched", s->watched);
}

void sample_text(struct buf *out, enum xds_type type, const void *resource) {
    switch (type) {
    case XDS_LISTENER: say_listener(out, resource); break;
    case XDS_ROUTE: say_table(out, resource); break;
    case XDS_CLUSTER: say_cluster(out, resource); break;
    case XDS_ENDPOINT: say_endpoints(out, resource); break;
    default: say_secret(out, resource); break;
    }
}

struct xds_resource *sample_encode(enum xds_type type, const void *resource) {
    switch (type) {
    case XDS_LISTENER: return xds_encode_listener(resource);
    case XDS_ROUTE: return xds_encode_routes(resource);
    case XDS_CLUSTER: return xds_encode_cluster(resource);
    case XDS_ENDPOINT: return xds_encode_endpoints(resource);
    default: return xds_encode_secret(resource);
    }
}
