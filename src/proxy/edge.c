// SPDX-License-Identifier: Apache-2.0
#include "proxy/edge.h"
#include "codec/regex.h"
#include "codec/url.h"
#include "io/addr.h"
#include "policy/rewrite.h"
#include "proxy/exch.h"
#include "proxy/fill.h"
#include "proxy/line.h"

/* Of a request these say to Envoys inside what to do: whoever is outside must not. */
#define NAME(text)                                                                                                               \
    { text, sizeof(text) - 1 }
static const struct str internal_only[] = {
    NAME("x-envoy-retriable-status-codes"),
    NAME("x-envoy-retriable-header-names"),
    NAME("x-envoy-retry-on"),
    NAME("x-envoy-retry-grpc-on"),
    NAME("x-envoy-max-retries"),
    NAME("x-envoy-upstream-alt-stat-name"),
    NAME("x-envoy-upstream-rq-timeout-ms"),
    NAME("x-envoy-upstream-rq-per-try-timeout-ms"),
    NAME("x-envoy-expected-rq-timeout-ms"),
    NAME("x-envoy-upstream-rq-timeout-alt-response"),
    NAME("x-envoy-force-trace"),
    NAME("x-envoy-ip-tags"),
    NAME("x-envoy-original-url"),
    NAME("x-envoy-hedge-on-per-try-timeout"),
};
static const struct str edge_only[] = {NAME("x-envoy-decorator-operation"), NAME("x-envoy-downstream-service-cluster"),
                                       NAME("x-envoy-downstream-service-node"), NAME("x-envoy-original-path"),
                                       NAME("x-envoy-original-host")};
#undef NAME

static bool among(const struct str *names, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (str_ieq(names[i], name))
            return true;
    return false;
}

/* Names that may be among those: the compiler makes this a constant. */
static uint64_t envoys(void) {
    return HDR_BIT(HDR_OTHER)
#define X(id, name, flags) | (sizeof(name) > 9 && memcmp(name, "x-envoy-", 8) == 0 ? HDR_BIT(HDR_##id) : 0)
#include "codec/hdr.def"
#undef X
        ;
}

/* A sidecar before us has set some x-envoy- fields, but seldom one of these. */
static bool claims(const struct msg_field *f, bool edge) {
    return envoys() & HDR_BIT(f->id) && str_istarts(f->name, STR("x-envoy-")) &&
           (among(internal_only, sizeof(internal_only) / sizeof(*internal_only), f->name) ||
            (edge && among(edge_only, sizeof(edge_only) / sizeof(*edge_only), f->name)));
}

static void remove_claims(struct msg_fields *f, bool edge) {
    unsigned to = 0;
    for (unsigned i = 0; i < f->n; i++) {
        if (claims(&f->at[i], edge))
            continue;
        if (to != i)
            f->at[to] = f->at[i];
        to++;
    }
    f->n = to;
}

/* ---- the request: host and path ---- */
static void normal_host(struct exch *x) {
    const struct hcm *h = x->chain->hcm;
    struct str host = x->req.authority;
    ptrdiff_t colon = str_rchr(host, ':');
    if (colon >= 0 && colon > str_rchr(host, ']') && h->strip_port != PORT_KEEP) {
        struct str own = down_text(x->from, DOWN_LOCAL), port = str_from(host, (size_t)colon);
        if (h->strip_port == PORT_STRIP_ANY ||
            str_eq(port, str_from(own, (size_t)(str_rchr(own, ':') < 0 ? 0 : str_rchr(own, ':')))))
            host = str_first(host, (size_t)colon);
    }
    if (h->strip_dot && str_ends(host, STR(".")))
        host.len--;
    x->req.authority = host;
}

static enum verdict normal_path(struct exch *x) {
    const struct hcm *h = x->chain->hcm;
    struct arena *a = &x->down->arena;
    struct str path = x->req.path;
    bool redirect = false;
    if (h->escaped_slashes != SLASHES_KEEP) {
        path = url_unescape_slashes(path, a);
        bool found = path.len != x->req.path.len;
        if (found && h->escaped_slashes == SLASHES_REJECT)
            return stage_reply(x, REPLY_BAD_PATH, STR_NONE);
        redirect = found && h->escaped_slashes == SLASHES_REDIRECT;
    }
    if (h->normalize_path)
        path = url_normal(path, a);
    if (!path.ptr)
        return stage_reply(x, REPLY_BAD_PATH, STR_NONE);
    if (h->merge_slashes)
        path = url_merge_slashes(path, a);
    x->req.path = path;
    return redirect ? stage_reply(x, REPLY_NORMAL_PATH, STR_NONE) : STAGE_NEXT;
}

/* ---- the request: who it is from ---- */
/* The address that `skip` trusted proxies before us saw; empty when the list is not that long, or says none. */
static struct str trusted_address(struct str list, uint32_t skip) {
    struct str at = STR_NONE;
    for (uint32_t i = 0; i <= skip; i++) {
        if (!list.ptr)
            return STR_NONE;
        ptrdiff_t comma = str_rchr(list, ',');
        at = str_trim(comma < 0 ? list : str_from(list, (size_t)comma + 1));
        list = comma < 0 ? STR_NONE : str_first(list, (size_t)comma);
    }
    return addr_is_ip(at) ? at : STR_NONE;
}

static void use_remote_address(struct exch *x) {
    const struct hcm *h = x->chain->hcm;
    struct arena *a = &x->down->arena;
    struct msg_fields *f = &x->req.fields;
    struct str list = msg_join(&x->req.fields, HDR_X_FORWARDED_FOR, STR(","), &x->down->arena),
               ip = down_text(x->from, DOWN_REMOTE_IP);
    if (h->trusted_hops)
        x->client = trusted_address(list, h->trusted_hops - 1);
    if (!h->skip_xff_append && ip.len)
        msg_set(f, a, HDR_X_FORWARDED_FOR, list.len ? arena_join(a, list, STR(","), ip) : ip);
    if (!h->trusted_hops || !msg_find(f, HDR_X_FORWARDED_PROTO))
        msg_set_checked(f, a, HDR_X_FORWARDED_PROTO, x->plain ? STR("http") : STR("https"));
}

/* At an edge, what somebody outside says of the port is not believed. */
static void say_port(struct exch *x, struct msg_fields *f) {
    const struct hcm *h = x->chain->hcm;
    bool edge = h->use_remote_address && !h->trusted_hops;
    if (h->forwarded_port && (edge || !msg_find_name(f, STR("x-forwarded-port"))))
        msg_set_name(f, &x->down->arena, STR("x-forwarded-port"), line_port_of(down_text(x->from, DOWN_LOCAL)));
}

/* RFC 9110 §10.1.3: neither fragment nor userinfo. Who sends them does not mean to tell them the upstream. */
static void check_referer(struct msg_fields *f) {
    const struct msg_field *r = msg_find_name(f, STR("referer"));
    if (!r)
        return;
    ptrdiff_t at = str_chr(r->value, '@'), slash = str_chr(r->value, '/');
    bool url = slash > 0 && r->value.ptr[slash - 1] == ':';
    ptrdiff_t path = url ? str_chr(str_from(r->value, (size_t)slash + 2), '/') : -1;
    bool userinfo = url && at > slash && (path < 0 || at < slash + 2 + path);
    if (userinfo || str_chr(r->value, '#') >= 0)
        msg_remove_name(f, STR("referer"));
}

static void who(struct exch *x) {
    const struct hcm *h = x->chain->hcm;
    struct msg_fields *f = &x->req.fields;
    if (h->use_remote_address)
        use_remote_address(x);
    else
        x->client = trusted_address(msg_join(&x->req.fields, HDR_X_FORWARDED_FOR, STR(","), &x->down->arena), h->trusted_hops);
    if (!msg_find(f, HDR_X_FORWARDED_PROTO))
        msg_set_checked(f, &x->down->arena, HDR_X_FORWARDED_PROTO, x->plain ? STR("http") : STR("https"));
    say_port(x, f);
    check_referer(f);
    msg_remove(f, HDR_X_ENVOY_INTERNAL);
    remove_claims(f, h->use_remote_address);
    if (!h->use_remote_address)
        return;
    msg_set(f, &x->down->arena, HDR_X_ENVOY_EXTERNAL_ADDRESS, x->client.len ? x->client : down_text(x->from, DOWN_REMOTE_IP));
    if (!h->preserve_request_id)
        msg_remove(f, HDR_X_REQUEST_ID); /* stage_trace.c makes another */
}

/* HTTP/1.1 does not say it, and rules may ask for it. */
static void say_scheme(struct exch *x) {
    struct str proto = msg_get(&x->req.fields, HDR_X_FORWARDED_PROTO);
    if (str_ieq(proto, STR("https")) || (!x->plain && !str_ieq(proto, STR("http"))))
        x->req.scheme = STR("https");
    else
        x->req.scheme = STR("http");
}

bool edge_needs_tls(const struct exch *x) {
    return x->to.vhost->require_tls != TLS_NOT_REQUIRED && x->listener->side == SIDE_STATIC &&
           !str_eq(msg_get(&x->req.fields, HDR_X_FORWARDED_PROTO), STR("https"));
}

/* ---- the request: headers ---- */
static enum verdict underscores(struct exch *x) {
    const struct hcm *h = x->chain->hcm;
    struct msg_fields *f = &x->req.fields;
    unsigned to = 0;
    if (h->underscores == UNDERSCORES_ALLOW)
        return STAGE_NEXT;
    for (unsigned i = 0; i < f->n; i++) {
        bool hit = str_chr(f->at[i].name, '_') >= 0;
        if (hit && h->underscores == UNDERSCORES_REJECT)
            return stage_reply(x, REPLY_UNDERSCORE, STR_NONE);
        if (!hit)
            f->at[to++] = f->at[i];
    }
    f->n = to;
    return STAGE_NEXT;
}

static void client_cert(struct exch *x) {
    enum xfcc_mode mode = x->chain->hcm->xfcc;
    bool kept =
        mode == XFCC_ALWAYS_FORWARD_ONLY || (x->from->peer->mtls && (mode == XFCC_FORWARD_ONLY || mode == XFCC_APPEND_FORWARD));
    if (!kept)
        msg_remove(&x->req.fields, HDR_X_FORWARDED_CLIENT_CERT);
}

enum verdict edge_request(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    struct str via = x->chain->hcm->via;
    bool connect = x->req.method_id == METHOD_CONNECT; /* has no path */
    msg_strip_hop_by_hop(f);
    /* RFC 9113 §3.1 has h2c no more, and who offers it goes on without (as Envoy). */
    if (connect || str_ieq(x->req.upgrade, STR("h2c")))
        x->req.upgrade = STR_NONE;
    x->req.absolute_form = false; /* forwarded in origin form, its authority as Host (RFC 9112 §3.2.2) */
    normal_host(x);
    enum verdict v = underscores(x);
    if (v == STAGE_NEXT && !connect)
        v = normal_path(x);
    if (v != STAGE_NEXT)
        return v;
    client_cert(x);
    who(x);
    if (!x->req.scheme.len)
        say_scheme(x);
    if (via.len) {
        const struct msg_field *was = msg_find_name(f, STR("via"));
        msg_set_name(f, &x->down->arena, STR("via"), was ? arena_join(&x->down->arena, was->value, STR(", "), via) : via);
    }
    return STAGE_NEXT;
}

/* ---- what the route says ---- */
/* What comes of an edit, by what the message was before those of its level. */
struct made {
    const struct header_edit *edit;
    struct str value;
    bool overwrites;
};

static bool make(struct exch *x, const struct header_edit *e, const struct msg_fields *f, const struct msg_fields *resp,
                 struct made *m) {
    bool there = msg_find_name(f, e->name) != NULL;
    *m = (struct made){.edit = e, .overwrites = e->action == EDIT_OVERWRITE || e->action == EDIT_OVERWRITE_IF_EXISTS};
    if ((e->action == EDIT_ADD_IF_ABSENT && there) || (e->action == EDIT_OVERWRITE_IF_EXISTS && !there))
        return false;
    m->value = fill_header(x, &e->value, resp);
    return m->value.len || e->keep_empty;
}

/* As Envoy: removes, then overwrites, then adds, whatever order they are written in; and none sees what another did. */
static void edit(struct exch *x, const struct edits *e, struct msg_fields *f, const struct msg_fields *resp) {
    if (!e)
        return;
    const struct header_edits *h = resp ? &e->response : &e->request;
    struct arena *a = &x->down->arena;
    struct made *made = arena_alloc(a, (h->n_set + 1) * sizeof(*made));
    size_t n = 0;
    for (size_t i = 0; i < h->n_removed; i++)
        msg_remove_name(f, h->removed[i]);
    for (size_t i = 0; i < h->n_set; i++)
        n += make(x, &h->set[i], f, resp, &made[n]);
    for (size_t i = 0; i < n; i++)
        if (made[i].overwrites)
            msg_set_name(f, a, made[i].edit->name, made[i].value);
    for (size_t i = 0; i < n; i++)
        if (!made[i].overwrites)
            msg_add_name(f, a, made[i].edit->name, made[i].value);
}

/* The most specific first, unless the table says otherwise; but, as in Envoy, the share always. */
static void edit_all(struct exch *x, struct msg_fields *f, const struct msg_fields *resp) {
    if (!x->to.route)
        return;
    const struct route_table *t = x->to.routes->table;
    const struct edits *share = x->to.share ? x->to.share->edits : NULL;
    if (!share && !x->to.route->edits && !x->to.vhost->edits && !t->edits)
        return;
    const struct edits *order[] = {x->to.route->edits, x->to.vhost->edits, t->edits};
    edit(x, share, f, resp);
    for (size_t i = 0; i < 3; i++)
        edit(x, order[t->specific_last ? 2 - i : i], f, resp);
}

static struct str new_host(struct exch *x) {
    const struct route *r = x->to.route;
    const struct msg_field *f;
    struct str out = STR_NONE;
    switch (r->host) {
    case HOST_LITERAL: return r->host_rewrite;
    case HOST_HEADER: f = msg_find_name(&x->req.fields, r->host_rewrite); return f ? f->value : STR_NONE;
    case HOST_PATH_REGEX:
        regex_replace(r->host_regex.regex, url_path_only(x->req.path), r->host_regex.substitution, &x->down->arena, &out);
        return out;
    default: return STR_NONE;
    }
}

static void append(struct exch *x, enum hdr_id id, struct str value) {
    struct str was = msg_get(&x->req.fields, id);
    struct arena *a = &x->down->arena;
    msg_set(&x->req.fields, a, id, was.len ? arena_join(a, was, STR(","), value) : value);
}

/* A host out of a request is one only if it looks like it. */
static void rewrite_host(struct exch *x, struct str host) {
    if (!host.len || str_eq(host, x->req.authority) || !url_authority(host, NULL, NULL))
        return;
    if (x->to.route->forwarded_host)
        append(x, HDR_X_FORWARDED_HOST, x->req.authority);
    if (x->listener->side == SIDE_STATIC && !x->chain->hcm->suppress_envoy)
        msg_set_name(&x->req.fields, &x->down->arena, STR("x-envoy-original-host"), x->req.authority);
    x->req.authority = host;
}

bool edge_upgrade_allowed(const struct exch *x) {
    const struct hcm *h = x->chain->hcm;
    const struct route *r = x->to.route;
    struct str type = x->req.method_id == METHOD_CONNECT ? x->req.method : x->req.upgrade;
    if (type.len && !x->body.ended) /* a tunnel has no body before it: HTTP/2 could not say it */
        return false;
    if (!type.len || among(r->upgrades, r->n_upgrades, type))
        return true;
    return among(h->upgrades, h->n_upgrades, type) && !among(r->no_upgrades, r->n_no_upgrades, type);
}

enum verdict edge_route(struct exch *x) {
    struct str path = x->req.path, host;
    if (x->listener->side == SIDE_STATIC)
        edit_all(x, &x->req.fields, NULL);
    if (x->to.share->host_rewrite.len) /* as Envoy: it is not told, and the route's comes after it */
        x->req.authority = x->to.share->host_rewrite;
    host = new_host(x);
    bool connect = x->req.method_id == METHOD_CONNECT; /* has no path */
    if (!connect)
        x->req.path = rewrite_path(x->to.route, path, &x->down->arena);
    rewrite_host(x, host);
    bool rewrites = !connect && (x->to.route->prefix_rewrite.len || x->to.route->path_regex.regex);
    if (x->listener->side == SIDE_STATIC && rewrites && !x->chain->hcm->suppress_envoy)
        msg_set_name(&x->req.fields, &x->down->arena, STR("x-envoy-original-path"), path);
    return url_path_valid(x->req.path) || str_eq(path, x->req.path) ? STAGE_NEXT : stage_reply(x, REPLY_BAD_REWRITE, STR_NONE);
}

/* ---- to the upstream ---- */
void edge_forward(struct exch *x) {
    struct arena *a = &x->down->arena;
    const struct route_cluster *share = x->to.share;
    uint64_t timeout = share->own_policy ? share->timeout_us : x->to.route->max_stream_us ? 0 : x->to.route->timeout_us;
    if (x->to.route->host == HOST_AUTO && x->to.host->name.len)
        rewrite_host(x, x->to.host->name);
    if (x->to.vhost->attempt_count_up)
        msg_set_checked(&x->req.fields, a, HDR_X_ENVOY_ATTEMPT_COUNT, arena_u64(a, x->attempts));
    if (timeout && !x->chain->hcm->suppress_envoy)
        msg_set_checked(&x->req.fields, a, HDR_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, arena_u64(a, timeout / CLOCK_MS));
}

/* ---- the response ---- */
static void add_via(struct exch *x, struct msg_fields *f) {
    struct str via = x->chain->hcm->via;
    const struct msg_field *was = via.len ? msg_find_name(f, STR("via")) : NULL;
    if (via.len)
        msg_set_name(f, &x->down->arena, STR("via"), was ? arena_join(&x->down->arena, was->value, STR(", "), via) : via);
}

static void set_server(struct exch *x, struct msg_fields *f) {
    struct str name = x->chain->hcm->server_name;
    if (name.len)
        msg_set(f, &x->down->arena, HDR_SERVER, name);
    else
        msg_set_checked(f, &x->down->arena, HDR_SERVER, STR("envoy"));
}

static void finish(struct exch *x, struct msg_fields *f) {
    const struct hcm *h = x->chain->hcm;
    struct arena *a = &x->down->arena;
    struct str id = msg_get(&x->req.fields, HDR_X_REQUEST_ID);
    if (h->server_header == SERVER_OVERWRITE || (h->server_header == SERVER_IF_ABSENT && !msg_find(f, HDR_SERVER)))
        set_server(x, f);
    if (h->request_id_in_answer && id.len)
        msg_set(f, a, HDR_X_REQUEST_ID, id);
    add_via(x, f);
    fill_keep(x, f);
}

void edge_respond(struct exch *x, struct msg *m) {
    struct arena *a = &x->down->arena;
    if (m->status == 101)
        msg_set_checked(&m->fields, a, HDR_DATE, loop_date(&x->w->loop));          /* written at once: it may be borrowed */
    else if (!x->chain->hcm->suppress_envoy && x->req.method_id != METHOD_CONNECT) /* whose request is not over */
        msg_set_checked(&m->fields, a, HDR_X_ENVOY_UPSTREAM_SERVICE_TIME, arena_u64(a, (x->at.first - x->at.sent) / CLOCK_MS));
    if (x->to.vhost->attempt_count_down)
        msg_set_checked(&m->fields, a, HDR_X_ENVOY_ATTEMPT_COUNT, arena_u64(a, x->attempts));
    edit_all(x, &m->fields, &m->fields);
    finish(x, &m->fields);
}

/* What the router says, it says after so many tries. */
static bool of_router(enum reply_id own) {
    return own == REPLY_NO_HOST || own == REPLY_TIMED_OUT || own == REPLY_UP_TOO_LONG ||
           (own >= REPLY_APP_REFUSED && own <= REPLY_UP_PROTOCOL);
}

void edge_edit_reply(struct exch *x, struct msg_fields *f) {
    if (of_router(x->resp.own) && x->attempts && x->to.vhost->attempt_count_down)
        msg_set_checked(f, &x->down->arena, HDR_X_ENVOY_ATTEMPT_COUNT, arena_u64(&x->down->arena, x->attempts));
    bool others = x->resp.own && x->to.route && x->to.route->action != ROUTE_FORWARD; /* the answer would be the route's */
    if (!others)
        edit_all(x, f, f);
}

void edge_reply(struct exch *x, struct msg_fields *f) {
    enum reply_id own = x->resp.own;
    bool last = own == REPLY_BAD_PATH || own == REPLY_UNDERSCORE || own == REPLY_NO_UPGRADE || x->req.upgrade.len;
    if (last && !x->down->conn->h2)
        conn_drain(x->down->conn); /* as Envoy does with whom it does not understand, and with who asked for a tunnel */
    if (own == REPLY_NORMAL_PATH)
        msg_add(f, &x->down->arena, HDR_LOCATION, x->req.path);
    finish(x, f);
}
