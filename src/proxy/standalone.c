// SPDX-License-Identifier: Apache-2.0
#include "proxy/standalone.h"
#include "base/mem.h"
#include "io/dns.h"
#include "io/file.h"
#include "proxy/admin.h"
#include "proxy/bootstrap.h"
#include "proxy/checks.h"
#include "proxy/foreign.h"
#include "proxy/names.h"
#include "proxy/secrets.h"

#define BOOTSTRAP_MAX (4u << 20) /* octets of a bootstrap file */
#define NAMES_US (5 * CLOCK_S)   /* how long a start waits for names to be resolved, and hosts to be checked */

struct standalone {
    struct loop *loop;
    struct standalone_cfg cfg;
    struct proxy *proxy;
    struct bootstrap boot;
    struct dns *dns;     /* when hosts are named */
    struct names *names; /* likewise */
    struct checks *checks;
    struct secrets *secrets;
    struct foreign *foreign; /* the control plane that the file names */
    struct timer patience;   /* until it serves: for names that nobody answers for */
    bool serving;
};

/* ---- the file ---- */

static int read_bootstrap(struct bootstrap *b, const char *path, struct err *e) {
    struct buf text = {0};
    int rc = file_read(str_of(path), BOOTSTRAP_MAX, &text, e);
    if (rc >= 0) { /* a file that cannot be read is named by the error already */
        rc = bootstrap_parse(b, buf_str(&text), e);
        if (rc >= 0 && (rc = secrets_read_static(b->xds.snap, e)) < 0)
            bootstrap_fini(b);
        if (rc < 0)
            rc = err_in(e, "%s", path);
    }
    buf_fini(&text);
    return rc;
}

/* ---- serving ---- */

static int add_foreign(struct standalone *s, struct proxy_port *ports, unsigned *n, struct err *e) {
    struct str name;
    const struct listener *l;
    MAP_FOR (foreign_listeners(s->foreign), &name, l) {
        struct proxy_port *p = &ports[(*n)++];
        *p = (struct proxy_port){.side = SIDE_STATIC, .name = name, .mode = l->mode};
        int rc = bootstrap_addr(&p->addr, l->address, l->port, e);
        if (rc < 0)
            return err_in(e, "listener " STR_FMT, STR_ARG(name));
    }
    return 0;
}

static struct proxy_port static_port(const struct bootstrap *b, size_t i) {
    const struct listener *l = snap_get(b->xds.snap, XDS_LISTENER, b->xds.listeners[i]);
    return (struct proxy_port){SIDE_STATIC, b->xds.listeners[i], b->addrs[i], l->mode};
}

static int serve(struct standalone *s, const struct bootstrap *b, struct err *e) {
    struct snap *snap = snap_new(b->xds.snap);
    struct serve_input in = {.snap = snap, .checked = true};
    unsigned n = 0;
    int rc = 0;
    size_t more = s->foreign ? foreign_listeners(s->foreign)->len : 0;
    struct proxy_port *ports = mem_array(b->xds.n_listeners + more + 1, sizeof(*ports));
    for (size_t i = 0; s->serving && i < b->xds.n_listeners; i++)
        ports[n++] = static_port(b, i);
    if (s->names)
        names_fill(s->names, snap);
    if (s->foreign)
        foreign_fill(s->foreign, snap);
    secrets_fill(s->secrets, snap);
    if (s->foreign && s->serving)
        rc = add_foreign(s, ports, &n, e);
    if (b == &s->boot) { /* else it is a file, taken whole or not at all */
        in.spare = proxy_spare;
        in.spare_ctx = s->proxy;
    }
    if (rc >= 0)
        rc = proxy_relisten(s->proxy, &in, ports, n, e);
    if (rc >= 0)
        checks_watch(s->checks, s->proxy->serve);
    free(ports);
    ref_put(snap);
    return rc;
}

static void tell_boot(struct standalone *s) {
    proxy_booted(s->proxy, &(struct proxy_boot){s->boot.xds.message, s->boot.xds.snap});
}

static void on_news(void *ctx);

/* The names of the file from now on. A resolver is there as soon as one is. */
static int watch_names(struct standalone *s, const struct snap *snap, struct err *e) {
    struct cluster *c;
    bool any = false;
    MAP_FOR (&snap->of[XDS_CLUSTER], NULL, c)
        any |= names_of(c);
    if (!any && !s->names)
        return 0;
    if (!s->names) {
        int rc = dns_new(&s->dns, s->loop, s->cfg.dns, e);
        if (rc < 0)
            return rc;
        s->names = names_new(s->loop, &(struct names_cfg){.dns = s->dns, .log = s->cfg.log, .on_change = on_news, .ctx = s});
    }
    names_watch(s->names, snap);
    return 0;
}

/* ---- when it begins ---- */

static int begin(struct standalone *s, struct err *e) {
    loop_timer_stop(s->loop, &s->patience);
    s->serving = true;
    int rc = serve(s, &s->boot, e);
    if (rc >= 0)
        s->cfg.on_ready(s->cfg.ctx);
    return rc;
}

static void begin_late(struct standalone *s) {
    struct err e = {0};
    if (begin(s, &e) < 0)
        s->cfg.on_failed(s->cfg.ctx, &e);
}

static void on_patience_over(struct timer *t);

static void wait_for(struct standalone *s) {
    loop_timer(s->loop, &s->patience, NAMES_US, on_patience_over);
}

/* How long a control plane is waited for it knows itself, and what names its answers bring comes after that. */
static void on_patience_over(struct timer *t) {
    struct standalone *s = container_of(t, struct standalone, patience);
    if (s->foreign && !foreign_settled(s->foreign))
        wait_for(s);
    else
        begin_late(s);
}

/* Is all known that the first request may need? */
static bool waits(const struct standalone *s) {
    return (s->names && names_pending(s->names)) || (s->foreign && !foreign_settled(s->foreign));
}

/* Have all hosts been checked once? For that they must be known to the checks, before any listener is. */
static bool waits_for_checks(struct standalone *s) {
    struct err e = {0};
    struct cluster *c;
    bool any = s->foreign != NULL;
    MAP_FOR (&s->boot.xds.snap->of[XDS_CLUSTER], NULL, c)
        any |= c->check.enabled;
    return any && serve(s, &s->boot, &e) >= 0 && checks_pending(s->checks);
}

static void serve_news(struct standalone *s) {
    struct err e = {0};
    if (!s->serving && (waits(s) || waits_for_checks(s)))
        return;
    if (!s->serving)
        begin_late(s);
    else if (serve(s, &s->boot, &e) < 0)
        log_error(s->cfg.log, "a new configuration cannot be served, the last one stays: %s", e.msg);
}

static void on_news(void *ctx) {
    serve_news(ctx);
}

/* What the control plane says may name hosts and files too. */
static void on_foreign(void *ctx) {
    struct standalone *s = ctx;
    struct snap *snap = snap_new(s->boot.xds.snap);
    struct err e = {0};
    foreign_fill(s->foreign, snap);
    if (watch_names(s, snap, &e) < 0)
        log_error(s->cfg.log, "%s", e.msg);
    secrets_watch(s->secrets, snap);
    ref_put(snap);
    serve_news(s);
}

/* ---- its control plane ---- */

/* The server that ads_config names: by address, or as the first endpoint of a static cluster, with its TLS. */
static int find_control(struct standalone *s, struct foreign_cfg *cfg, struct err *e) {
    const struct xds_bootstrap *x = &s->boot.xds;
    const struct cluster *c = x->ads.cluster.len ? snap_get(x->snap, XDS_CLUSTER, x->ads.cluster) : NULL;
    if (!c)
        return addr_parse(&cfg->control, x->ads.target, e);
    if (c->type != CLUSTER_STATIC || !c->inline_endpoints || !c->inline_endpoints->n)
        return err_set(e, WEFT_E_UNSUPPORTED, "needs a STATIC cluster with an endpoint");
    const struct serve_cluster *served = serve_cluster_get(s->proxy->serve, c->name);
    cfg->tls = served->tls;
    cfg->as = c->tls;
    return bootstrap_addr(&cfg->control, c->inline_endpoints->at[0].address, c->inline_endpoints->at[0].port, e);
}

static int start_foreign(struct standalone *s, struct err *e) {
    const struct xds_bootstrap *x = &s->boot.xds;
    struct foreign_cfg cfg = {.log = s->cfg.log,
                              .node = x->ads.node,
                              .listeners = x->ads.lds,
                              .clusters = x->ads.cds,
                              .listeners_fetch_us = x->ads.lds_fetch_us,
                              .clusters_fetch_us = x->ads.cds_fetch_us,
                              .sotw = x->ads.sotw,
                              .fixed = x->snap,
                              .on_change = on_foreign,
                              .ctx = s};
    int rc = x->ads.on ? serve(s, &s->boot, e) : 0; /* no listeners yet; its cluster's TLS is made */
    if (!x->ads.on || rc < 0)
        return rc;
    rc = find_control(s, &cfg, e);
    if (rc < 0)
        return err_in(e, "dynamic_resources.ads_config");
    s->foreign = foreign_start(s->loop, &cfg);
    return 0;
}

/* ---- start, reload, end ---- */

static int open_proxy(struct standalone *s, struct err *e) {
    struct proxy_cfg cfg = {.log = s->cfg.log,
                            .workers = s->cfg.workers,
                            .limits = s->cfg.limits,
                            .drain_us = s->cfg.drain_us,
                            .admin = s->boot.admin.len && !s->cfg.own_admin ? s->boot.admin : s->cfg.admin,
                            .log_fd = s->cfg.log_fd,
                            .profile = PROFILE_ENVOY,
                            .on_drained = s->cfg.on_drained,
                            .inherited = s->cfg.inherited,
                            .ctx = s->cfg.ctx};
    int rc = proxy_open(&s->proxy, s->loop, &cfg, e);
    if (rc < 0)
        return rc;
    tell_boot(s);
    return admin_start(s->proxy, e);
}

static int start(struct standalone *s, struct err *e) {
    int rc = read_bootstrap(&s->boot, s->cfg.file, e);
    if (rc >= 0)
        rc = open_proxy(s, e);
    if (rc < 0)
        return rc;
    s->checks = checks_new(s->loop, &(struct checks_cfg){.log = s->cfg.log, .on_change = on_news, .ctx = s});
    s->secrets = secrets_new(s->loop, &(struct secrets_cfg){.log = s->cfg.log, .on_change = on_news, .ctx = s});
    secrets_watch(s->secrets, s->boot.xds.snap);
    rc = watch_names(s, s->boot.xds.snap, e);
    if (rc >= 0)
        rc = start_foreign(s, e);
    if (rc >= 0 && (waits(s) || waits_for_checks(s)))
        wait_for(s);
    else if (rc >= 0)
        rc = begin(s, e);
    return rc;
}

int standalone_start(struct standalone **out, struct loop *l, const struct standalone_cfg *cfg, struct err *e) {
    struct standalone *s = *out = mem_new(struct standalone);
    s->loop = l;
    s->cfg = *cfg;
    int rc = start(s, e);
    if (rc < 0)
        standalone_stop(out);
    return rc;
}

int standalone_validate(const char *file, struct err *e) {
    struct bootstrap boot;
    struct serve *serve;
    int rc = read_bootstrap(&boot, file, e);
    if (rc < 0)
        return rc;
    struct serve_port *ports = mem_array(boot.xds.n_listeners + 1, sizeof(*ports));
    for (size_t i = 0; i < boot.xds.n_listeners; i++)
        ports[i] = (struct serve_port){(unsigned)i + 1, SIDE_STATIC, boot.xds.listeners[i]};
    struct serve_input in = {
        .snap = boot.xds.snap, .profile = PROFILE_ENVOY, .ports = ports, .n_ports = (unsigned)boot.xds.n_listeners, .workers = 1};
    rc = serve_build(&serve, &in, e);
    if (rc >= 0)
        ref_put(serve);
    else
        err_in(e, "%s", file);
    free(ports);
    bootstrap_fini(&boot);
    return rc;
}

const struct proxy *standalone_proxy(const struct standalone *s) {
    return s->proxy;
}

void standalone_reload(struct standalone *s) {
    struct bootstrap next;
    struct err e = {0};
    secrets_refresh(s->secrets);
    int rc = s->foreign ? err_set(&e, WEFT_E_UNSUPPORTED, "a control plane says what is served") : 0;
    if (rc >= 0)
        rc = read_bootstrap(&next, s->cfg.file, &e);
    if (rc >= 0) {
        secrets_watch(s->secrets, next.xds.snap);
        rc = serve(s, &next, &e);
        bootstrap_fini(rc < 0 ? &next : &s->boot);
        if (rc >= 0) {
            s->boot = next;
            tell_boot(s);
            rc = watch_names(s, s->boot.xds.snap, &e);
        } else {
            secrets_watch(s->secrets, s->boot.xds.snap);
        }
    }
    if (rc < 0)
        log_error(s->cfg.log, "not reloaded: %s", e.msg);
    else
        log_info(s->cfg.log, "reloaded %s", s->cfg.file);
}

void standalone_reopen_logs(struct standalone *s) {
    proxy_reopen_logs(s->proxy);
}

void standalone_drain(struct standalone *s) {
    proxy_drain(s->proxy);
}

void standalone_hand_over(struct standalone *s) {
    proxy_hand_over(s->proxy);
}

void standalone_stop(struct standalone **sp) {
    struct standalone *s = *sp;
    *sp = NULL;
    loop_timer_stop(s->loop, &s->patience);
    foreign_stop(&s->foreign);
    names_free(&s->names);
    checks_free(&s->checks);
    secrets_free(&s->secrets);
    dns_free(&s->dns);
    admin_stop(s->proxy);
    proxy_close(&s->proxy);
    if (s->boot.xds.snap)
        bootstrap_fini(&s->boot);
    free(s);
}
