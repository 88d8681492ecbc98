// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cli/args.h"
#include "cli/ready.h"
#include "codec/url.h"
#include "control/schema.h"
#include "crypto/spiffe.h"
#include "io/file.h"
#include "io/proc.h"
#include "proxy/admin.h"
#include "proxy/bootstrap.h"
#include "proxy/checks.h"
#include "proxy/foreign.h"
#include "proxy/inherited.h"
#include "proxy/names.h"
#include "proxy/secrets.h"
#include "proxy/sidecar.h"
#include "proxy/takeover.h"

#define BOOTSTRAP_MAX (4u << 20) /* octets of a bootstrap file */
#define DRAIN_DEFAULT "30"
#define NAMES_US (5 * CLOCK_S) /* how long a start waits for names to be resolved, and hosts to be checked */

struct options {
    struct addr control, app, inbound, outbound, admin;
    const char *service, *ns, *id, *health_path, *advertise, *data_dir, *bootstrap, *dns, *token_file, *ready_file, *takeover;
    struct arg_list labels;
    int protocol, mode;
    uint64_t workers, drain_us, ready_fd;
    struct limits limits;
    bool dev;
};

struct proxy_main {
    struct loop loop;
    struct log log;
    struct options o;
    struct sig_watch signals;
    struct sidecar *sidecar;
    struct proxy *proxy; /* of a static bootstrap */
    struct bootstrap boot;
    struct dns *dns;         /* with a bootstrap that names hosts */
    struct names *names;     /* likewise */
    struct checks *checks;   /* with a bootstrap */
    struct secrets *secrets; /* likewise */
    struct foreign *foreign; /* the control plane that a bootstrap names */
    struct timer patience;   /* until it serves: for names that nobody answers for */
    bool serving;
    struct inherited *inherited; /* from the proxy that we take over from; NULL: there is none */
    struct takeover *takeover;   /* for the proxy that takes over from us */
    const char **successor;      /* its command */
    json_t *ready;               /* what is to be told once all is ours */
    struct arena mem;
    int code;
};

enum { MODE_SERVE, MODE_VALIDATE };

static const char *const protocols[] = {"http", "http2", "grpc", "tcp"};

/* ---- both ---- */
static void set_addr(json_t *o, const char *name, const struct addr *a) {
    char text[ADDR_TEXT];
    json_object_set_new(o, name, json_string(addr_text(a, text)));
}

static void fail(struct proxy_main *m, const char *why) {
    log_error(&m->log, "%s", why);
    m->code = 1;
    loop_stop(&m->loop);
}

static void on_ours(void *ctx) {
    struct proxy_main *m = ctx;
    struct err e = {0};
    json_t *o = m->ready;
    m->ready = NULL;
    if (ready_write(m->o.ready_file, m->o.ready_fd, o, &e) < 0)
        fail(m, e.msg);
}

/* Where another proxy serves until we do, it has the last word. */
static void tell_ready(struct proxy_main *m, json_t *o) {
    m->ready = o;
    if (m->inherited)
        inherited_ready(m->inherited);
    else
        on_ours(m);
}

static void on_drained(void *ctx) {
    loop_stop(&((struct proxy_main *)ctx)->loop);
}

static void drain(struct proxy_main *m) {
    if (m->proxy)
        proxy_drain(m->proxy);
    else
        sidecar_drain(m->sidecar);
}

/* ---- in-place upgrade ---- */
static void on_cancel(void *ctx, const char *why) {
    struct proxy_main *m = ctx;
    fail(m, why);
}

static void on_taken(void *ctx) {
    struct proxy_main *m = ctx;
    log_info(&m->log, "draining, at most %llu s", (unsigned long long)(m->o.drain_us / CLOCK_S));
    if (m->proxy)
        proxy_hand_over(m->proxy);
    else
        sidecar_hand_over(m->sidecar);
}

/* The same command, by the path the program has now; what is behind it may have been replaced by then. */
static int plan_successor(struct proxy_main *m, int argc, char **argv, struct err *e) {
    struct buf program = {0};
    int rc = proc_program(args_program(), &program, e);
    m->successor = arena_zalloc(&m->mem, ((size_t)argc + 2) * sizeof(*m->successor));
    m->successor[0] = arena_z(&m->mem, buf_str(&program));
    m->successor[1] = "proxy";
    for (int i = 1; i < argc; i++)
        m->successor[i + 1] = argv[i];
    buf_fini(&program);
    return rc;
}

static int open_takeover(struct proxy_main *m, const struct proxy *p, int lock_fd, struct str lock_name, struct err *e) {
    struct takeover_cfg cfg = {.log = &m->log,
                               .proxy = p,
                               .path = m->o.takeover,
                               .argv = m->successor,
                               .lock_fd = lock_fd,
                               .lock_name = lock_name,
                               .on_taken = on_taken,
                               .ctx = m};
    return takeover_open(&m->takeover, &m->loop, &cfg, m->inherited, e);
}

/* ---- a static bootstrap ---- */
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

/* --mode validate: all that can be known of the file without listening: its fields, and what is made of them, certificates
 * included. */
static int validate(struct proxy_main *m, struct err *e) {
    struct serve *s;
    int rc = read_bootstrap(&m->boot, m->o.bootstrap, e);
    if (rc < 0)
        return rc;
    struct serve_port *ports = arena_zalloc(&m->mem, (m->boot.xds.n_listeners + 1) * sizeof(*ports));
    for (size_t i = 0; i < m->boot.xds.n_listeners; i++)
        ports[i] = (struct serve_port){(unsigned)i + 1, SIDE_STATIC, m->boot.xds.listeners[i]};
    struct serve_input in = {.snap = m->boot.xds.snap,
                             .profile = PROFILE_ENVOY,
                             .ports = ports,
                             .n_ports = (unsigned)m->boot.xds.n_listeners,
                             .workers = 1};
    rc = serve_build(&s, &in, e);
    if (rc >= 0)
        ref_put(s);
    else
        err_in(e, "%s", m->o.bootstrap);
    bootstrap_fini(&m->boot);
    if (rc >= 0)
        printf("configuration %s OK\n", m->o.bootstrap);
    return rc;
}

static int add_foreign(struct proxy_main *m, struct proxy_port *ports, unsigned *n, struct err *e) {
    struct str name;
    const struct listener *l;
    MAP_FOR (foreign_listeners(m->foreign), &name, l) {
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

static int serve_bootstrap(struct proxy_main *m, const struct bootstrap *b, struct err *e) {
    struct snap *snap = snap_new(b->xds.snap);
    struct serve_input in = {.snap = snap, .checked = true};
    unsigned n = 0;
    int rc = 0;
    size_t more = m->foreign ? foreign_listeners(m->foreign)->len : 0;
    struct proxy_port *ports = mem_array(b->xds.n_listeners + more + 1, sizeof(*ports));
    for (size_t i = 0; m->serving && i < b->xds.n_listeners; i++)
        ports[n++] = static_port(b, i);
    if (m->names)
        names_fill(m->names, snap);
    if (m->foreign)
        foreign_fill(m->foreign, snap);
    secrets_fill(m->secrets, snap);
    if (m->foreign && m->serving)
        rc = add_foreign(m, ports, &n, e);
    if (b == &m->boot) { /* else it is a file, taken whole or not at all */
        in.spare = proxy_spare;
        in.spare_ctx = m->proxy;
    }
    if (rc >= 0)
        rc = proxy_relisten(m->proxy, &in, ports, n, e);
    if (rc >= 0)
        checks_watch(m->checks, m->proxy->serve);
    free(ports);
    ref_put(snap);
    return rc;
}

static void tell_boot(struct proxy_main *m) {
    proxy_booted(m->proxy, &(struct proxy_boot){m->boot.xds.message, m->boot.xds.snap});
}

static void on_news(void *ctx);

/* The names of the file from now on. A resolver is there as soon as one is. */
static int watch_names(struct proxy_main *m, const struct snap *snap, struct err *e) {
    struct cluster *c;
    bool any = false;
    MAP_FOR (&snap->of[XDS_CLUSTER], NULL, c)
        any |= names_of(c);
    if (!any && !m->names)
        return 0;
    if (!m->names) {
        int rc = dns_new(&m->dns, &m->loop, m->o.dns, e);
        if (rc < 0)
            return rc;
        m->names = names_new(&m->loop, &(struct names_cfg){.dns = m->dns, .log = &m->log, .on_change = on_news, .ctx = m});
    }
    names_watch(m->names, snap);
    return 0;
}

/* SIGHUP: the file anew, certificates included. What cannot be used changes nothing. */
static void reload_bootstrap(struct proxy_main *m) {
    struct bootstrap next;
    struct err e = {0};
    secrets_refresh(m->secrets);
    int rc = m->foreign ? err_set(&e, WEFT_E_UNSUPPORTED, "a control plane says what is served") : 0;
    if (rc >= 0)
        rc = read_bootstrap(&next, m->o.bootstrap, &e);
    if (rc >= 0) {
        secrets_watch(m->secrets, next.xds.snap);
        rc = serve_bootstrap(m, &next, &e);
        bootstrap_fini(rc < 0 ? &next : &m->boot);
        if (rc >= 0) {
            m->boot = next;
            tell_boot(m);
            rc = watch_names(m, m->boot.xds.snap, &e);
        } else {
            secrets_watch(m->secrets, m->boot.xds.snap);
        }
    }
    if (rc < 0)
        log_error(&m->log, "not reloaded: %s", e.msg);
    else
        log_info(&m->log, "reloaded %s", m->o.bootstrap);
}

static void bootstrap_ready(struct proxy_main *m) {
    json_t *o = json_object(), *listeners = json_object();
    char text[ADDR_TEXT];
    for (unsigned i = 0; i < m->proxy->n_listeners; i++)
        json_object_set_new(listeners, m->proxy->listeners[i].name, json_string(addr_text(&m->proxy->listeners[i].bound, text)));
    json_object_set_new(o, "listeners", listeners);
    if (m->proxy->cfg.admin.len)
        set_addr(o, "admin", &m->proxy->admin.listener.addr);
    tell_ready(m, o);
}

static int begin_bootstrap(struct proxy_main *m, struct err *e) {
    loop_timer_stop(&m->loop, &m->patience);
    m->serving = true;
    int rc = serve_bootstrap(m, &m->boot, e);
    if (rc >= 0)
        rc = open_takeover(m, m->proxy, -1, STR_NONE, e);
    if (rc >= 0)
        bootstrap_ready(m);
    return rc;
}

static void begin_late(struct proxy_main *m) {
    struct err e = {0};
    if (begin_bootstrap(m, &e) >= 0)
        return;
    log_error(&m->log, "%s", e.msg);
    m->code = 1;
    loop_stop(&m->loop);
}

static void on_patience_over(struct timer *t);

static void wait_for(struct proxy_main *m) {
    loop_timer(&m->loop, &m->patience, NAMES_US, on_patience_over);
}

/* How long a control plane is waited for it knows itself, and what names its answers bring comes after that. */
static void on_patience_over(struct timer *t) {
    struct proxy_main *m = container_of(t, struct proxy_main, patience);
    if (m->foreign && !foreign_settled(m->foreign))
        wait_for(m);
    else
        begin_late(m);
}

/* Is all known that the first request may need? */
static bool waits(const struct proxy_main *m) {
    return (m->names && names_pending(m->names)) || (m->foreign && !foreign_settled(m->foreign));
}

/* Have all hosts been checked once? For that they must be known to the checks, before any listener is. */
static bool waits_for_checks(struct proxy_main *m) {
    struct err e = {0};
    struct cluster *c;
    bool any = m->foreign != NULL;
    MAP_FOR (&m->boot.xds.snap->of[XDS_CLUSTER], NULL, c)
        any |= c->check.enabled;
    return any && serve_bootstrap(m, &m->boot, &e) >= 0 && checks_pending(m->checks);
}

static void serve_news(struct proxy_main *m) {
    struct err e = {0};
    if (!m->serving && (waits(m) || waits_for_checks(m)))
        return;
    if (!m->serving)
        begin_late(m);
    else if (serve_bootstrap(m, &m->boot, &e) < 0)
        log_error(&m->log, "a new configuration cannot be served, the last one stays: %s", e.msg);
}

static void on_news(void *ctx) {
    serve_news(ctx);
}

/* What the control plane says may name hosts and files too. */
static void on_foreign(void *ctx) {
    struct proxy_main *m = ctx;
    struct snap *snap = snap_new(m->boot.xds.snap);
    struct err e = {0};
    foreign_fill(m->foreign, snap);
    if (watch_names(m, snap, &e) < 0)
        log_error(&m->log, "%s", e.msg);
    secrets_watch(m->secrets, snap);
    ref_put(snap);
    serve_news(m);
}

/* The server that ads_config names: by address, or as the first endpoint of a static cluster, with its TLS. */
static int find_control(struct proxy_main *m, struct foreign_cfg *cfg, struct err *e) {
    const struct xds_bootstrap *x = &m->boot.xds;
    const struct cluster *c = x->ads.cluster.len ? snap_get(x->snap, XDS_CLUSTER, x->ads.cluster) : NULL;
    if (!c)
        return addr_parse(&cfg->control, x->ads.target, e);
    if (c->type != CLUSTER_STATIC || !c->inline_endpoints || !c->inline_endpoints->n)
        return err_set(e, WEFT_E_UNSUPPORTED, "needs a STATIC cluster with an endpoint");
    const struct serve_cluster *served = serve_cluster_get(m->proxy->serve, c->name);
    cfg->tls = served->tls;
    cfg->as = c->tls;
    return bootstrap_addr(&cfg->control, c->inline_endpoints->at[0].address, c->inline_endpoints->at[0].port, e);
}

static int start_foreign(struct proxy_main *m, struct err *e) {
    const struct xds_bootstrap *x = &m->boot.xds;
    struct foreign_cfg cfg = {.log = &m->log,
                              .node = x->ads.node,
                              .listeners = x->ads.lds,
                              .clusters = x->ads.cds,
                              .listeners_fetch_us = x->ads.lds_fetch_us,
                              .clusters_fetch_us = x->ads.cds_fetch_us,
                              .sotw = x->ads.sotw,
                              .fixed = x->snap,
                              .on_change = on_foreign,
                              .ctx = m};
    int rc = x->ads.on ? serve_bootstrap(m, &m->boot, e) : 0; /* no listeners yet; its cluster's TLS is made */
    if (!x->ads.on || rc < 0)
        return rc;
    rc = find_control(m, &cfg, e);
    if (rc < 0)
        return err_in(e, "dynamic_resources.ads_config");
    m->foreign = foreign_start(&m->loop, &cfg);
    return 0;
}

static int start_bootstrap(struct proxy_main *m, struct err *e) {
    int rc = read_bootstrap(&m->boot, m->o.bootstrap, e);
    if (rc < 0)
        return rc;
    struct proxy_cfg cfg = {.log = &m->log,
                            .workers = (unsigned)m->o.workers,
                            .limits = m->o.limits,
                            .drain_us = m->o.drain_us,
                            .admin = m->boot.admin.len ? m->boot.admin : m->o.admin,
                            .log_fd = STDOUT_FILENO,
                            .profile = PROFILE_ENVOY,
                            .on_drained = on_drained,
                            .inherited = m->inherited,
                            .ctx = m};
    rc = proxy_open(&m->proxy, &m->loop, &cfg, e);
    if (rc >= 0)
        tell_boot(m);
    if (rc >= 0)
        rc = admin_start(m->proxy, e);
    m->checks = checks_new(&m->loop, &(struct checks_cfg){.log = &m->log, .on_change = on_news, .ctx = m});
    m->secrets = secrets_new(&m->loop, &(struct secrets_cfg){.log = &m->log, .on_change = on_news, .ctx = m});
    secrets_watch(m->secrets, m->boot.xds.snap);
    if (rc >= 0)
        rc = watch_names(m, m->boot.xds.snap, e);
    if (rc >= 0)
        rc = start_foreign(m, e);
    if (rc >= 0 && (waits(m) || waits_for_checks(m)))
        wait_for(m);
    else if (rc >= 0)
        rc = begin_bootstrap(m, e);
    return rc;
}

/* ---- a sidecar ---- */
static void on_ready(void *ctx) {
    struct proxy_main *m = ctx;
    const struct proxy *p = sidecar_proxy(m->sidecar);
    json_t *o = json_object();
    for (unsigned i = 0; i < p->n_listeners; i++)
        set_addr(o, p->listeners[i].side == SIDE_INBOUND ? "inbound" : "outbound", &p->listeners[i].bound);
    set_addr(o, "admin", &p->admin.listener.addr);
    log_info(&m->log, "%s/%s is ready", m->o.ns, m->o.service);
    tell_ready(m, o);
}

static void on_drain_asked(void *ctx) {
    sidecar_drain(((struct proxy_main *)ctx)->sidecar);
}

/* Of callers without an app there may be several of one service on a host: where they are called tells them apart. */
static const char *default_id(struct proxy_main *m) {
    char host[256] = "localhost";
    gethostname(host, sizeof(host) - 1);
    for (char *c = host; *c; c++) /* ids are of a smaller alphabet than what a kernel takes as a name */
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '.'))
            *c = '-';
    return arena_z(&m->mem,
                   arena_fmt(&m->mem, "%s-%s-%u", m->o.service, host, addr_port(m->o.app.len ? &m->o.app : &m->o.outbound)));
}

static struct str default_data_dir(struct proxy_main *m) {
    char control[ADDR_TEXT];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct str base = state && state[0] ? str_of(state) : arena_fmt(&m->mem, "%s/.local/state", home ? home : ".");
    return arena_fmt(&m->mem, STR_FMT "/weft/%s/%s.%s.%s", STR_ARG(base), addr_text(&m->o.control, control), m->o.ns,
                     m->o.service, m->o.id);
}

static struct str *labels(struct proxy_main *m) {
    struct str *out = arena_zalloc(&m->mem, (m->o.labels.n + 1) * sizeof(*out));
    for (size_t i = 0; i < m->o.labels.n; i++)
        out[i] = str_of(m->o.labels.at[i]);
    return out;
}

static int start_sidecar(struct proxy_main *m, struct err *e) {
    struct options *o = &m->o;
    if (!o->id)
        o->id = default_id(m);
    struct sidecar_cfg cfg = {.log = &m->log,
                              .control = o->control,
                              .service = str_of(o->service),
                              .ns = str_of(o->ns),
                              .id = str_of(o->id),
                              .labels = labels(m),
                              .n_labels = o->labels.n,
                              .app = o->app,
                              .app_protocol = str_of(protocols[o->protocol]),
                              .health_path = str_of(o->health_path),
                              .inbound = o->inbound,
                              .outbound = o->outbound,
                              .admin = o->admin,
                              .advertise = str_of(o->advertise),
                              .data_dir = o->data_dir ? str_of(o->data_dir) : default_data_dir(m),
                              .workers = (unsigned)o->workers,
                              .limits = o->limits,
                              .drain_us = o->drain_us,
                              .log_fd = STDOUT_FILENO,
                              .on_ready = on_ready,
                              .on_drained = on_drained,
                              .on_drain_asked = on_drain_asked,
                              .inherited = m->inherited,
                              .ctx = m};
    int rc = sidecar_start(&m->sidecar, &m->loop, &cfg, e);
    if (rc == WEFT_E_CONFLICT) /* the lock of the data directory: the id names the default one */
        err_set(e, rc, "%s; give --data-dir or --id", e->msg);
    return rc < 0 ? rc : open_takeover(m, sidecar_proxy(m->sidecar), sidecar_lock(m->sidecar), cfg.data_dir, e);
}

/* ---- the command ---- */
static void on_signal(struct sig_watch *s, int sig) {
    struct proxy_main *m = s->ctx;
    if (sig == SIGHUP) {
        if (m->proxy)
            reload_bootstrap(m);
        return;
    }
    if (sig == SIGUSR1) {
        if (m->proxy)
            proxy_reopen_logs(m->proxy); /* a sidecar's goes to standard output */
        return;
    }
    if (sig == SIGUSR2) {
        takeover_start(m->takeover);
        return;
    }
    log_info(&m->log, "draining, at most %llu s", (unsigned long long)(m->o.drain_us / CLOCK_S));
    drain(m);
}

static int inherit(struct proxy_main *m, int fd, struct err *e) {
    int rc = inherited_receive(&m->inherited, fd, e);
    if (rc >= 0)
        inherited_watch(m->inherited, &m->loop, &(struct inherited_cb){on_ours, on_cancel, m});
    return rc;
}

/* elder: an end towards the proxy that we take over from; < 0: there is none. */
static int serve(struct proxy_main *m, int elder, struct err *e) {
    static const int sigs[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    int rc = proc_signals(&m->signals, &m->loop, sigs, 5, on_signal, m, e);
    if (rc < 0)
        return rc;
    if (elder >= 0)
        rc = inherit(m, elder, e);
    if (rc >= 0)
        rc = m->o.bootstrap ? start_bootstrap(m, e) : start_sidecar(m, e);
    if (rc >= 0)
        loop_run(&m->loop);
    takeover_close(&m->takeover);
    inherited_free(&m->inherited);
    json_decref(m->ready);
    if (m->sidecar)
        sidecar_stop(&m->sidecar);
    loop_timer_stop(&m->loop, &m->patience);
    foreign_stop(&m->foreign);
    names_free(&m->names);
    checks_free(&m->checks);
    secrets_free(&m->secrets);
    dns_free(&m->dns);
    admin_stop(m->proxy);
    proxy_close(&m->proxy);
    if (m->boot.xds.snap)
        bootstrap_fini(&m->boot);
    proc_signals_stop(&m->signals);
    do /* closing goes on in the loop: saying goodbye to the control plane takes 1 s at most */
        loop_turn(&m->loop, m->loop.watches > 0);
    while (m->loop.watches > 0 || m->loop.wheel.live > 0);
    return rc;
}

static int bad_usage(const char *what) {
    fprintf(stderr, "weft proxy: %s\nweft proxy --help tells more\n", what);
    return EXIT_USAGE;
}

/* 0.0.0.0 and :: are where one listens, not where one is. */
static bool reachable_ip(const char *ip) {
    struct addr a;
    return addr_ip(&a, str_of(ip), 1, NULL) >= 0 && !addr_is_any(&a);
}

static bool label_ok(const char *label) {
    const char *eq = strchr(label, '=');
    for (const char *c = label; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return eq && eq != label;
}

/* -1: go on. */
static int check(const struct options *o) {
    if (!addr_is_loopback(&o->admin))
        return bad_usage("--admin: loopback or unix:PATH only");
    if (o->workers > LB_MAX_WORKERS)
        return bad_usage("--workers: at most 64");
    if (o->bootstrap)
        return -1;
    if (o->mode == MODE_VALIDATE)
        return bad_usage("--mode validate: needs --bootstrap FILE");
    if (!o->service)
        return bad_usage("--service is needed (or --bootstrap FILE)");
    if (!dns_label_ok(str_of(o->service)) || !dns_label_ok(str_of(o->ns)))
        return bad_usage("--service and --namespace: a DNS label each (a-z, 0-9, -; at most 63)");
    if (!addr_is_loopback(&o->outbound))
        return bad_usage("--outbound: loopback only");
    if (o->app.len && o->app.sa.ss_family != AF_UNIX && !addr_port(&o->app))
        return bad_usage("--app: port 0 is where nobody listens");
    if (o->advertise && !reachable_ip(o->advertise))
        return bad_usage("--advertise: an IP address, and not a wildcard");
    if (!url_path_valid(str_of(o->health_path)))
        return bad_usage("--health-check-path: a path as in a request: begins with /, no spaces or control characters");
    if (o->id && check_id(str_of(o->id), NULL) < 0)
        return bad_usage("--id: 1 to 253 of A-Z, a-z, 0-9 and ._:@~+-");
    for (size_t i = 0; i < o->labels.n; i++)
        if (!label_ok(o->labels.at[i]))
            return bad_usage("--label: K=V, without control characters");
    if (!o->dev) {
        fprintf(stderr, "weft proxy: joining with a token is not there yet; --dev joins a weft control --dev on this machine\n");
        return 1;
    }
    return -1;
}

/* Until we serve, the readiness file is of the proxy that we take over from. */
static int begin(struct options *o, int *elder, struct err *e) {
    bool successor = getenv(TAKEOVER_FD_ENV) != NULL;
    if (o->mode == MODE_VALIDATE)
        return 0;
    *elder = inherited_find(o->takeover, e);
    if (*elder < 0 && *elder != WEFT_E_NOT_FOUND)
        return *elder;
    if (successor)
        o->ready_fd = UINT64_MAX; /* was the first one's, and is closed */
    return ready_begin(*elder < 0 ? o->ready_file : NULL, o->ready_fd, e);
}

static int run(struct proxy_main *m, int elder, struct err *e) {
    cli_log_init(&m->log);
    if (m->o.mode == MODE_VALIDATE)
        return validate(m, e);
    int rc = loop_init(&m->loop, &(struct loop_cfg){.log = &m->log}, e);
    if (rc < 0)
        return rc;
    rc = serve(m, elder, e);
    loop_fini(&m->loop);
    return rc;
}

static const char details[] =
    "The app's calls go to the outbound address and name their target: http://SERVICE.NAMESPACE/ or X-Target-Service. Peers "
    "reach the\n"
    "app through the inbound address over mutual TLS; security rules decide who may. Access logs go to stdout, talk to stderr.\n"
    "SIGTERM drains, SIGHUP re-reads files, SIGUSR1 opens access logs anew, SIGUSR2 starts the program anew, which takes over "
    "all sockets, and drains. Without a "
    "reachable control plane the last configuration serves on.";

int cmd_proxy(int argc, char **argv) {
    struct proxy_main m = {0};
    struct options *o = &m.o;
    struct err e = {0};
    o->ready_fd = UINT64_MAX;
    const struct arg options[] = {
        {"control", ARG_ADDR, &o->control, "HOST:PORT", "127.0.0.1:8081", "the control plane's gRPC address", false},
        {"service", ARG_STR, &o->service, "NAME", NULL, "the service that this is a sidecar of", false},
        {"namespace", ARG_STR, &o->ns, "NAME", "default", "its namespace", false},
        {"id", ARG_STR, &o->id, "ID", NULL,
         "this instance's id; default SERVICE-HOSTNAME-APPPORT, without --app the port of --outbound", false},
        {"label", ARG_LIST, &o->labels, "K=V", NULL, "a label of this instance; repeats", false},
        {"app", ARG_ADDR, &o->app, "ADDRESS", NULL, "the local service, IP:PORT or unix:PATH; without it the sidecar only calls",
         false},
        {"app-protocol", ARG_ENUM, &o->protocol, "http|http2|grpc|tcp", "http", "what it speaks", false},
        {"health-check-path", ARG_STR, &o->health_path, "PATH", "/health", "where its health is asked", false},
        {"inbound", ARG_ADDR, &o->inbound, "ADDRESS", "127.0.0.1:15006", "where peers reach it", false},
        {"advertise", ARG_STR, &o->advertise, "IP", NULL, "what peers are told; default the bound address", false},
        {"outbound", ARG_ADDR, &o->outbound, "ADDRESS", "127.0.0.1:15001", "where the local service sends its calls; loopback",
         false},
        {"admin", ARG_ADDR, &o->admin, "ADDRESS", "127.0.0.1:15000", "admin pages; loopback or unix:PATH", false},
        {"data-dir", ARG_STR, &o->data_dir, "DIR", NULL, "keys and the last configuration; default under $XDG_STATE_HOME/weft",
         false},
        {"workers", ARG_UINT, &o->workers, "N", "0", "threads; 0 is one per CPU", false},
        {"drain-time", ARG_SECS, &o->drain_us, "SECONDS", DRAIN_DEFAULT, "how long requests under way may take at the end",
         false},
        {"limit", ARG_LIMIT, &o->limits, "NAME=VALUE", NULL,
         "what clients can make it hold or do; upstream.NAME=VALUE: what upstreams can; repeats", false},
        {"takeover", ARG_STR, &o->takeover, "PATH", NULL,
         "a Unix socket: take over from the proxy that listens there, then listen there for the next one", false},
        {"dev", ARG_FLAG, &o->dev, NULL, NULL, "join a control plane that runs with --dev", false},
        {"token-file", ARG_STR, &o->token_file, "FILE", NULL, "join with a token (not there yet)", false},
        {"bootstrap", ARG_STR, &o->bootstrap, "FILE", NULL, "an Envoy v3 bootstrap, YAML or JSON, instead of a control plane",
         false},
        {"dns", ARG_STR, &o->dns, "IP:PORT[,...]", NULL,
         "the servers that are asked for the names of a bootstrap; default the system's", false},
        {"mode", ARG_ENUM, &o->mode, "serve|validate", "serve", "validate: say whether the bootstrap can be served, and end",
         false},
        {"ready-file", ARG_STR, &o->ready_file, "FILE", NULL, "where to write the bound addresses as JSON once it serves", false},
        {"ready-fd", ARG_UINT, &o->ready_fd, "N", NULL, "the same, to a descriptor", false},
    };
    const struct args a = {.command = "proxy",
                           .summary = "the data plane: a sidecar",
                           .details = details,
                           .at = options,
                           .n = sizeof(options) / sizeof(options[0])};
    int rc = plan_successor(&m, argc, argv, &e), elder = WEFT_E_NOT_FOUND;
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code < 0 && rc >= 0)
        rc = begin(o, &elder, &e);
    if (code < 0 && rc >= 0)
        code = check(o);
    if (code < 0 && rc >= 0)
        rc = run(&m, elder, &e);
    arena_fini(&m.mem);
    if (code >= 0)
        return code;
    if (rc < 0)
        fprintf(stderr, "weft proxy: %s\n", e.msg);
    return rc < 0 ? 1 : m.code;
}
