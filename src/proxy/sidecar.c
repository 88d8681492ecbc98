// SPDX-License-Identifier: Apache-2.0
#include "proxy/sidecar.h"
#include <unistd.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "http/probe.h"
#include "policy/check.h"
#include "proxy/admin.h"
#include "proxy/demand.h"
#include "proxy/inherited.h"
#include "proxy/kept.h"
#include "xds/link.h"

#define STATS_US (250 * CLOCK_MS)
#define EVICT_US (1 * CLOCK_S)
#define FALLBACK_US (2 * CLOCK_S)   /* without the control plane: then the kept configuration */
#define KEEP_US (1 * CLOCK_S)       /* changes are gathered for so long before they go to disk */
#define SIGN_AGAIN_US (1 * CLOCK_S) /* after a refusal; then twice as long each time, up to eight times; +- a quarter */
#define SKEW_S 60                   /* seconds of difference between clocks that are worth a word */
#define LEARN_US (250 * CLOCK_MS)   /* draining: for peers to learn that we leave, before the listeners close */
#define CHECK_INTERVAL_US (30 * CLOCK_S)
#define CHECK_TIMEOUT_US (5 * CLOCK_S)
#define OUTBOUND STR("outbound")

struct sidecar {
    struct loop *loop;
    struct sidecar_cfg cfg;
    struct proxy *proxy;
    struct link *link;
    struct demand demand;
    struct snap *snap;         /* everything that came; this thread's alone */
    struct identity *identity; /* reference; NULL before the first */
    struct kept kept;          /* what was on disk, until it is of no use any more */
    struct str key_pem;        /* of the CSR under way */
    struct arena csr_mem;
    bool signing, dirty, ready, leaving, handed;
    unsigned refused; /* times in a row that no certificate was had */
    int lock_fd;
    struct probe *probe;
    struct check check;
    struct health_check check_cfg;
    struct timer stats, evict, fallback, keep, sign, leave;
    struct arena mem;
    struct str inbound_name;     /* "inbound|NS/SERVICE": of the cluster */
    struct str inbound_listener; /* the same, or "inbound-tcp|NS/SERVICE" */
    struct str advertised;
    struct proxy_port ports[2]; /* inbound if there is an app, outbound */
};

static bool has_app(const struct sidecar *s) {
    return s->cfg.app.len > 0;
}

static bool speaks_h2(const struct sidecar *s) {
    return str_eq(s->cfg.app_protocol, STR("http2")) || str_eq(s->cfg.app_protocol, STR("grpc"));
}

/* ---- serving ---- */
static bool complete(const struct sidecar *s) {
    if (!s->identity || !snap_get(s->snap, XDS_LISTENER, OUTBOUND))
        return false;
    return !has_app(s) ||
           (snap_get(s->snap, XDS_LISTENER, s->inbound_listener) && snap_get(s->snap, XDS_CLUSTER, s->inbound_name));
}

static void on_keep(struct timer *t);

/* Its admin pages are asked of the older process until we serve. */
static void start_admin(struct sidecar *s) {
    struct err e = {0};
    if (admin_start(s->proxy, &e) < 0)
        log_error(s->cfg.log, "no admin pages: %s", e.msg);
}

static void serve(struct sidecar *s) {
    struct err e = {0};
    if (!complete(s))
        return;
    struct serve_input in = {.snap = s->snap,
                             .identity = s->identity,
                             .tables = &s->demand.tables,
                             .absent = &s->demand.absent,
                             .local_cluster = has_app(s) ? s->inbound_name : STR_NONE,
                             .local = s->cfg.app,
                             .local_proto = speaks_h2(s) ? CONN_H2 : CONN_H1};
    if (proxy_serve(s->proxy, &in, &e) < 0) {
        log_error(s->cfg.log, "a new configuration cannot be served, the last one stays: %s", e.msg);
        return;
    }
    s->dirty = false;
    if (!timer_running(&s->keep))
        loop_timer(s->loop, &s->keep, KEEP_US, on_keep);
    if (!s->ready) {
        s->ready = true;
        loop_timer_stop(s->loop, &s->fallback);
        kept_fini(&s->kept);
        if (s->cfg.inherited)
            start_admin(s);
        s->cfg.on_ready(s->cfg.ctx);
    }
}

static void on_keep(struct timer *t) {
    struct sidecar *s = container_of(t, struct sidecar, keep);
    struct err e = {0};
    if (!s->handed && s->identity && kept_write_config(s->cfg.data_dir, s->snap, s->identity->ca_hash, &e) < 0)
        log_warn(s->cfg.log, "the configuration cannot be kept: %s", e.msg);
}

/* ---- health of the app ---- */
static void on_probe(void *ctx, enum probe_result r) {
    struct sidecar *s = ctx;
    if (!check_result(&s->check, r == PROBE_HEALTHY, s->check_cfg.healthy_threshold, s->check_cfg.unhealthy_threshold))
        return;
    log_info(s->cfg.log, "the app is %s", s->check.healthy ? "healthy" : "unhealthy");
    proxy_health(s->proxy, s->check.healthy);
    link_health(s->link, s->check.healthy);
}

static bool same_check(const struct health_check *a, const struct health_check *b) {
    return a->interval_us == b->interval_us && a->timeout_us == b->timeout_us && a->healthy_threshold == b->healthy_threshold &&
           a->unhealthy_threshold == b->unhealthy_threshold && str_eq(a->path, b->path);
}

/* The schedule is the control plane's, protocol and path our own flags'. */
static void follow_check(struct sidecar *s) {
    const struct cluster *c = has_app(s) ? snap_get(s->snap, XDS_CLUSTER, s->inbound_name) : NULL;
    if (!c)
        return;
    struct health_check want = c->check;
    char text[ADDR_TEXT];
    want.path = s->cfg.health_path;
    want.interval_us = want.interval_us ? want.interval_us : CHECK_INTERVAL_US;
    want.timeout_us = want.timeout_us ? want.timeout_us : CHECK_TIMEOUT_US;
    want.healthy_threshold = want.healthy_threshold ? want.healthy_threshold : 1;
    want.unhealthy_threshold = want.unhealthy_threshold ? want.unhealthy_threshold : 1;
    if (s->probe && same_check(&want, &s->check_cfg))
        return;
    s->check_cfg = want;
    bool grpc = str_eq(s->cfg.app_protocol, STR("grpc")), tcp = str_eq(s->cfg.app_protocol, STR("tcp"));
    struct probe_cfg cfg = {.kind = grpc  ? PROBE_GRPC
                                    : tcp ? PROBE_TCP
                                          : PROBE_HTTP,
                            .proto = speaks_h2(s) ? CONN_H2 : CONN_H1,
                            .addr = s->cfg.app,
                            .authority = str_of(addr_text(&s->cfg.app, text)),
                            .path = grpc ? STR("") : want.path, /* gRPC: about the server as a whole */
                            .grpc_optional = true,
                            .interval_us = want.interval_us,
                            .timeout_us = want.timeout_us};
    if (s->cfg.app.sa.ss_family == AF_UNIX)
        cfg.authority = STR("localhost");
    if (s->probe)
        probe_set(s->probe, &cfg);
    else
        s->probe = probe_start(s->loop, &cfg, on_probe, s);
}

/* ---- identity ---- */
static void on_sign_timer(struct timer *t);

static void take_identity(struct sidecar *s, struct identity *id, bool fresh) {
    ref_put(s->identity);
    s->identity = id;
    loop_timer(s->loop, &s->sign, identity_renew_in(id, fresh, loop_wall(s->loop), &s->loop->rand), on_sign_timer);
    serve(s);
}

static void warn_of_skew(const struct sidecar *s, const struct identity *id) {
    int64_t skew = identity_skew(id, loop_wall(s->loop));
    if (skew > SKEW_S || skew < -SKEW_S)
        log_warn(s->cfg.log, "this machine's clock is %lld s %s the control plane's: peers' certificates may seem invalid",
                 (long long)(skew < 0 ? -skew : skew), skew < 0 ? "behind" : "ahead of");
}

static void sign_again(struct sidecar *s) {
    uint64_t us = SIGN_AGAIN_US << (s->refused < 3 ? s->refused : 3);
    s->refused++;
    loop_timer(s->loop, &s->sign, rand_jitter(&s->loop->rand, us, 25), on_sign_timer);
}

static void on_cert(void *ctx, int code, struct str chain, struct str ca, const struct err *why) {
    struct sidecar *s = ctx;
    struct identity *id = NULL;
    struct err e = {0};
    s->signing = false;
    if (code >= 0)
        code = identity_new(&id, s->key_pem, chain, ca, &e);
    else
        e = *why;
    arena_fini(&s->csr_mem);
    if (code < 0) {
        log_warn(s->cfg.log, "no certificate: %s", e.msg);
        sign_again(s);
        return;
    }
    s->refused = 0;
    warn_of_skew(s, id);
    take_identity(s, id, true); /* serving comes first: to keep it takes some milliseconds of the disk */
    if (kept_write_identity(s->cfg.data_dir, id, &e) < 0)
        log_warn(s->cfg.log, "the certificate cannot be kept: %s", e.msg);
}

static void sign(struct sidecar *s) {
    struct err e = {0};
    struct str csr;
    if (s->signing || !link_is_up(s->link))
        return; /* on_up asks again */
    if (csr_create(&s->csr_mem, &s->key_pem, &csr, &e) < 0) {
        log_error(s->cfg.log, "no key can be made: %s", e.msg);
        sign_again(s);
        return;
    }
    s->signing = true;
    link_sign(s->link, csr, on_cert, s);
}

static void on_sign_timer(struct timer *t) {
    sign(container_of(t, struct sidecar, sign));
}

/* ---- the control plane ---- */
static bool own_name(const struct sidecar *s, enum xds_type type, struct str name) {
    return (type == XDS_LISTENER && (str_eq(name, OUTBOUND) || str_eq(name, s->inbound_listener))) ||
           (type == XDS_CLUSTER && str_eq(name, s->inbound_name));
}

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    struct sidecar *s = ctx;
    const struct listener *l = resource;
    if (type == XDS_LISTENER && !l->n_chains)
        return err_set(e, WEFT_E_INVALID, "a listener without a filter chain");
    if (type == XDS_LISTENER && !str_eq(name, OUTBOUND) && l->chains[0].kind == CHAIN_HTTP && !l->chains[0].hcm.routes)
        return err_set(e, WEFT_E_UNSUPPORTED, "an inbound listener without an inline route table");
    snap_put(s->snap, type, name, resource);
    demand_came(&s->demand, type, name);
    s->dirty = true;
    return 0;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    struct sidecar *s = ctx;
    if (own_name(s, type, name))
        return; /* the last one stays: a proxy is never left without */
    demand_removed(&s->demand, type, name, s->loop->now);
    s->dirty = true;
}

static void on_response(void *ctx) {
    struct sidecar *s = ctx;
    s->dirty |= demand_settle(&s->demand, s->loop->now);
    follow_check(s);
    if (s->dirty)
        serve(s);
}

static void on_up(void *ctx) {
    struct sidecar *s = ctx;
    log_info(s->cfg.log, "connected to the control plane");
    if (s->identity)
        return; /* on_welcome tells whether another is needed */
    s->refused = 0;
    sign(s);
}

/* A restarted control plane would have to sign for all at once. */
static void on_welcome(void *ctx, struct str ca_hash) {
    struct sidecar *s = ctx;
    bool waits = timer_running(&s->sign) && !s->refused; /* for its renewal */
    if (!s->identity || (waits && identity_good(s->identity, ca_hash, loop_wall(s->loop))))
        return;
    s->refused = 0;
    sign(s);
}

static void on_down(void *ctx, const struct err *why) {
    struct sidecar *s = ctx;
    log_warn(s->cfg.log, "control plane: %s", why->msg);
    s->signing = false;
    arena_fini(&s->csr_mem);
    if (demand_pending(&s->demand))
        proxy_away(s->proxy, STR_NONE);
}

static void on_drain_asked(void *ctx) {
    struct sidecar *s = ctx;
    s->cfg.on_drain_asked(s->cfg.ctx);
}

/* ---- services used ---- */
static void subscribe(void *ctx, enum xds_type type, struct str name) {
    link_subscribe(((struct sidecar *)ctx)->link, type, name);
}

static void unsubscribe(void *ctx, enum xds_type type, struct str name) {
    link_unsubscribe(((struct sidecar *)ctx)->link, type, name);
}

static void on_want(void *ctx, struct str name) {
    struct sidecar *s = ctx;
    if (!link_is_up(s->link)) {
        proxy_away(s->proxy, name);
        return;
    }
    bool known = demand_want(&s->demand, name, s->loop->now);
    if (demand_settle(&s->demand, s->loop->now) || known)
        serve(s); /* also when nothing is new: a worker asks that has not seen it */
}

static uint64_t used_at(void *ctx, struct str name) {
    struct sidecar *s = ctx;
    struct serve_routes *r = s->proxy->serve ? serve_routes_get(s->proxy->serve, name) : NULL;
    return r ? atomic_load_explicit(&r->used_at, memory_order_relaxed) : 0;
}

static void on_evict(struct timer *t) {
    struct sidecar *s = container_of(t, struct sidecar, evict);
    if (link_is_up(s->link) && demand_evict(&s->demand, s->loop->now, used_at, s))
        serve(s);
    loop_timer(s->loop, &s->evict, EVICT_US, on_evict);
}

/* ---- counters ---- */
static void tell_stats(struct sidecar *s) {
    const struct proxy *p = s->proxy;
    struct session_stats st = {.inbound_requests = proxy_stat(p, STAT_inbound_requests),
                               .outbound_requests = proxy_stat(p, STAT_outbound_requests),
                               .request_errors = proxy_stat(p, STAT_request_errors),
                               .requests_routed = proxy_stat(p, STAT_requests_routed),
                               .routing_failures = proxy_stat(p, STAT_routing_failures),
                               .backend_failures = proxy_stat(p, STAT_backend_failures)};
    link_stats(s->link, &st);
}

/* Failed attempts at others' endpoints since they were last told, by host. What cannot be told now is told later. */
static void tell_failures(struct sidecar *s) {
    struct host_failures of[LINK_FAILURES_MAX];
    char ip[LINK_FAILURES_MAX][ADDR_TEXT];
    struct serve_cluster *c;
    size_t n = 0;
    if (!s->proxy->serve || !link_is_up(s->link))
        return;
    MAP_FOR (&s->proxy->serve->clusters, NULL, c)
        for (size_t i = 0; i < c->n_all && n < LINK_FAILURES_MAX; i++) {
            struct host *h = c->all[i];
            uint64_t now = atomic_load_explicit(&h->lb.failures, memory_order_relaxed);
            if (now == h->told || h->addr.sa.ss_family == AF_UNIX)
                continue;
            of[n] = (struct host_failures){.cluster = c->cluster->name, .port = addr_port(&h->addr), .failures = now - h->told};
            of[n].ip = str_of(addr_ip_text(&h->addr, ip[n]));
            h->told = now;
            n++;
        }
    if (n)
        link_failures(s->link, of, n);
}

static void on_stats(struct timer *t) {
    struct sidecar *s = container_of(t, struct sidecar, stats);
    tell_stats(s);
    tell_failures(s);
    loop_timer(s->loop, &s->stats, STATS_US, on_stats);
}

/* ---- the kept configuration ---- */
static struct xds_resource *encode(enum xds_type type, const void *resource) {
    return type == XDS_ROUTE     ? xds_encode_routes(resource)
           : type == XDS_CLUSTER ? xds_encode_cluster(resource)
                                 : xds_encode_endpoints(resource);
}

/* What the app used before: there from the start, and announced, so that only what changed since is sent. Our own listeners and
 * cluster are asked for anew: their coming is what makes us ready. */
static void recall(struct sidecar *s) {
    static const enum xds_type types[] = {XDS_ROUTE, XDS_CLUSTER, XDS_ENDPOINT};
    struct str name;
    void *resource;
    if (!s->kept.snap)
        return;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        MAP_FOR (&s->kept.snap->of[types[i]], &name, resource) {
            if (own_name(s, types[i], name))
                continue;
            struct xds_resource *r = encode(types[i], resource);
            link_held(s->link, types[i], name, str_of(r->version));
            ref_put(r);
            snap_put(s->snap, types[i], name, resource);
        }
    MAP_FOR (&s->kept.snap->of[XDS_ROUTE], &name, resource)
        demand_want(&s->demand, name, s->loop->now);
    demand_settle(&s->demand, s->loop->now);
}

static void take_kept(struct sidecar *s, enum xds_type type, struct str name) {
    void *resource = snap_get(s->kept.snap, type, name);
    if (resource && !snap_get(s->snap, type, name))
        snap_put(s->snap, type, name, resource);
}

static void on_fallback(struct timer *t) {
    struct sidecar *s = container_of(t, struct sidecar, fallback);
    struct err e;
    if (s->ready || !s->kept.identity || !s->kept.snap)
        return;
    if (s->identity && strcmp(s->identity->ca_hash, s->kept.identity->ca_hash) != 0)
        return; /* what another CA's control plane said is none of this mesh's */
    if (!s->identity && identity_arm(s->kept.identity, &e) < 0) {
        log_warn(s->cfg.log, "kept identity is not used: %s", e.msg);
        return;
    }
    log_warn(s->cfg.log, "no configuration from the control plane for 2 s: starting from the kept one");
    take_kept(s, XDS_LISTENER, OUTBOUND);
    take_kept(s, XDS_LISTENER, s->inbound_listener);
    take_kept(s, XDS_CLUSTER, s->inbound_name);
    follow_check(s);
    if (s->identity)
        serve(s);
    else
        take_identity(s, ref_get(s->kept.identity), false);
}

/* ---- start ---- */
static int find_advertised(struct sidecar *s, struct err *e) {
    const struct addr *in = &s->proxy->listeners[0].bound;
    struct addr source;
    char text[ADDR_TEXT];
    if (s->cfg.advertise.len) {
        s->advertised = s->cfg.advertise;
        return 0;
    }
    if (!addr_is_any(in)) {
        s->advertised = arena_dup(&s->mem, str_of(addr_ip_text(in, text)));
        return 0;
    }
    int rc = sock_source_for(&s->cfg.control, &source, e);
    if (rc >= 0)
        s->advertised = arena_dup(&s->mem, str_of(addr_ip_text(&source, text)));
    return rc;
}

static void fill_app(struct sidecar *s, struct hello *h) {
    char text[ADDR_TEXT];
    h->inbound_ip = s->advertised;
    h->inbound_port = addr_port(&s->proxy->listeners[0].bound);
    bool unix_app = s->cfg.app.sa.ss_family == AF_UNIX; /* has no address of its own: the sidecar's */
    h->app_ip = unix_app ? s->advertised : arena_dup(&s->mem, str_of(addr_ip_text(&s->cfg.app, text)));
    h->app_port = unix_app ? h->inbound_port : addr_port(&s->cfg.app);
    h->protocol = s->cfg.app_protocol;
    h->health_check_path = s->cfg.health_path;
}

static void start_link(struct sidecar *s) {
    struct link_cfg cfg = {.control = s->cfg.control, .ctx = s};
    struct str td = s->kept.identity ? s->kept.identity->trust_domain : STR("cluster.local");
    struct str ip = s->advertised.len ? s->advertised : STR("127.0.0.1");
    cfg.node = (struct node){.service = s->cfg.service, .ns = s->cfg.ns};
    cfg.node.id = arena_fmt(&s->mem, "weft~" STR_FMT "~" STR_FMT "." STR_FMT "~" STR_FMT, STR_ARG(ip), STR_ARG(s->cfg.id),
                            STR_ARG(s->cfg.ns), STR_ARG(td));
    cfg.hello = (struct hello){.id = s->cfg.id,
                               .service = s->cfg.service,
                               .ns = s->cfg.ns,
                               .labels = s->cfg.labels,
                               .n_labels = s->cfg.n_labels,
                               .boot_id = rand_seed(),
                               .takes_over = s->cfg.inherited != NULL,
                               .version = STR(WEFT_VERSION)};
    if (has_app(s))
        fill_app(s, &cfg.hello);
    cfg.cb = (struct link_cb){.on_resource = on_resource,
                              .on_removed = on_removed,
                              .on_response = on_response,
                              .on_up = on_up,
                              .on_welcome = on_welcome,
                              .on_down = on_down,
                              .on_drain = on_drain_asked};
    s->link = link_start(s->loop, &cfg);
    link_subscribe(s->link, XDS_LISTENER, OUTBOUND);
    if (has_app(s)) {
        link_subscribe(s->link, XDS_LISTENER, s->inbound_listener);
        link_subscribe(s->link, XDS_CLUSTER, s->inbound_name);
    }
}

static void on_proxy_drained(void *ctx) {
    struct sidecar *s = ctx;
    s->cfg.on_drained(s->cfg.ctx);
}

static uint64_t control_state(void *ctx) {
    struct sidecar *s = ctx;
    return s->link && link_is_up(s->link);
}

static struct str label(const struct sidecar *s, struct str name) {
    for (size_t i = 0; i < s->cfg.n_labels; i++) {
        struct str value = s->cfg.labels[i], key = str_cut(&value, '=');
        if (str_eq(key, name))
            return value;
    }
    return STR_NONE;
}

static int open_proxy(struct sidecar *s, struct err *e) {
    unsigned n = 0;
    if (has_app(s))
        s->ports[n++] = (struct proxy_port){SIDE_INBOUND, s->inbound_listener, s->cfg.inbound};
    s->ports[n++] = (struct proxy_port){SIDE_OUTBOUND, OUTBOUND, s->cfg.outbound};
    struct proxy_cfg cfg = {.log = s->cfg.log,
                            .limits = s->cfg.limits,
                            .workers = s->cfg.workers,
                            .drain_us = s->cfg.drain_us,
                            .ports = s->ports,
                            .n_ports = n,
                            .admin = s->cfg.admin,
                            .service = s->cfg.service,
                            .ns = s->cfg.ns,
                            .version = label(s, STR("version")),
                            .app = s->cfg.app,
                            .log_fd = s->cfg.log_fd,
                            .profile = PROFILE_MESH,
                            .on_want = on_want,
                            .control_state = control_state,
                            .on_drained = on_proxy_drained,
                            .inherited = s->cfg.inherited,
                            .ctx = s};
    int rc = proxy_open(&s->proxy, s->loop, &cfg, e);
    if (rc >= 0 && !s->cfg.inherited)
        rc = admin_start(s->proxy, e);
    return rc >= 0 && has_app(s) ? find_advertised(s, e) : rc;
}

int sidecar_start(struct sidecar **out, struct loop *l, const struct sidecar_cfg *cfg, struct err *e) {
    struct sidecar *s = mem_new(struct sidecar);
    s->loop = l;
    s->cfg = *cfg;
    s->check.healthy = true;
    s->snap = snap_new(NULL);
    s->inbound_name = arena_fmt(&s->mem, "inbound|" STR_FMT "/" STR_FMT, STR_ARG(cfg->ns), STR_ARG(cfg->service));
    bool tcp = str_eq(cfg->app_protocol, STR("tcp"));
    s->inbound_listener =
        arena_fmt(&s->mem, "inbound%s|" STR_FMT "/" STR_FMT, tcp ? "-tcp" : "", STR_ARG(cfg->ns), STR_ARG(cfg->service));
    demand_init(&s->demand, &(struct demand_sub){subscribe, unsubscribe, s}, s->snap);
    s->lock_fd = inherited_take_one(cfg->inherited, TAKEOVER_LOCK, cfg->data_dir);
    if (s->lock_fd < 0)
        s->lock_fd = kept_open(cfg->data_dir, e);
    int rc = s->lock_fd;
    if (rc >= 0)
        rc = open_proxy(s, e);
    if (rc < 0) {
        sidecar_stop(&s);
        return rc;
    }
    kept_read(&s->kept, cfg->data_dir, (int64_t)(loop_wall(l) / CLOCK_S), cfg->log);
    start_link(s);
    recall(s);
    loop_timer(l, &s->fallback, FALLBACK_US, on_fallback);
    loop_timer(l, &s->stats, STATS_US, on_stats);
    loop_timer(l, &s->evict, EVICT_US, on_evict);
    *out = s;
    return 0;
}

const struct proxy *sidecar_proxy(const struct sidecar *s) {
    return s->proxy;
}

/* ---- end ---- */
static void on_leave(struct timer *t) {
    proxy_drain(container_of(t, struct sidecar, leave)->proxy);
}

void sidecar_drain(struct sidecar *s) {
    if (s->leaving)
        return;
    s->leaving = true;
    uint64_t wait = has_app(s) && link_is_up(s->link) ? LEARN_US : 0;
    link_leave(s->link);
    loop_timer(s->loop, &s->leave, wait < s->cfg.drain_us / 4 ? wait : s->cfg.drain_us / 4, on_leave);
}

void sidecar_hand_over(struct sidecar *s) {
    s->leaving = s->handed = true;
    link_keep_place(s->link);
    loop_timer_stop(s->loop, &s->sign); /* the identity on disk is the newer one's from now on */
    proxy_hand_over(s->proxy);
}

int sidecar_lock(const struct sidecar *s) {
    return s->lock_fd;
}

static void stop_timers(struct sidecar *s) {
    struct timer *all[] = {&s->stats, &s->evict, &s->fallback, &s->sign, &s->leave};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        loop_timer_stop(s->loop, all[i]);
    if (timer_running(&s->keep)) {
        loop_timer_stop(s->loop, &s->keep);
        on_keep(&s->keep);
    }
}

void sidecar_stop(struct sidecar **sp) {
    struct sidecar *s = *sp;
    *sp = NULL;
    stop_timers(s);
    if (s->link)
        tell_stats(s);
    probe_stop(&s->probe);
    admin_stop(s->proxy);
    proxy_close(&s->proxy);
    demand_fini(&s->demand);
    if (s->link)
        link_stop(&s->link);
    kept_fini(&s->kept);
    ref_put(s->identity);
    ref_put(s->snap);
    arena_fini(&s->csr_mem);
    arena_fini(&s->mem);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}
