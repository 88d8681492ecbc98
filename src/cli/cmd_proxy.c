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
#include "io/proc.h"
#include "proxy/inherited.h"
#include "proxy/sidecar.h"
#include "proxy/standalone.h"
#include "proxy/takeover.h"

#define DRAIN_DEFAULT "30"
#define ADMIN "127.0.0.1:15000"

struct options {
    struct addr control, app, inbound, outbound, admin;
    const char *service, *ns, *id, *health_path, *advertise, *data_dir, *bootstrap, *dns, *token_file, *ready_file, *takeover;
    struct arg_list labels;
    int protocol, mode;
    uint64_t workers, drain_us, ready_fd;
    struct limits limits;
    bool dev, own_admin; /* own_admin: the flag was given, which goes before what a bootstrap says */
};

struct proxy_main {
    struct loop loop;
    struct log log;
    struct options o;
    struct sig_watch signals;
    struct sidecar *sidecar;
    struct standalone *standalone; /* one of the two */
    struct inherited *inherited;   /* from the proxy that we take over from; NULL: there is none */
    struct takeover *takeover;     /* for the proxy that takes over from us */
    const char **successor;        /* its command */
    json_t *ready;                 /* what is to be told once all is ours */
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
    if (m->standalone)
        standalone_drain(m->standalone);
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
    if (m->standalone)
        standalone_hand_over(m->standalone);
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
static void on_booted(void *ctx) {
    struct proxy_main *m = ctx;
    struct err e = {0};
    const struct proxy *p = standalone_proxy(m->standalone);
    if (open_takeover(m, p, -1, STR_NONE, &e) < 0) {
        fail(m, e.msg);
        return;
    }
    json_t *o = json_object(), *listeners = json_object();
    for (unsigned i = 0; i < p->n_listeners; i++)
        set_addr(listeners, p->listeners[i].name, &p->listeners[i].bound);
    json_object_set_new(o, "listeners", listeners);
    if (p->cfg.admin.len)
        set_addr(o, "admin", &p->admin.listener.addr);
    tell_ready(m, o);
}

static void on_failed(void *ctx, const struct err *why) {
    fail(ctx, why->msg);
}

static int start_standalone(struct proxy_main *m, struct err *e) {
    struct standalone_cfg cfg = {.log = &m->log,
                                 .file = m->o.bootstrap,
                                 .dns = m->o.dns,
                                 .admin = m->o.admin,
                                 .own_admin = m->o.own_admin,
                                 .workers = (unsigned)m->o.workers,
                                 .limits = m->o.limits,
                                 .drain_us = m->o.drain_us,
                                 .log_fd = STDOUT_FILENO,
                                 .on_ready = on_booted,
                                 .on_drained = on_drained,
                                 .on_failed = on_failed,
                                 .inherited = m->inherited,
                                 .ctx = m};
    return standalone_start(&m->standalone, &m->loop, &cfg, e);
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
        if (m->standalone)
            standalone_reload(m->standalone);
        return;
    }
    if (sig == SIGUSR1) {
        if (m->standalone)
            standalone_reopen_logs(m->standalone); /* a sidecar's goes to standard output */
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
        rc = m->o.bootstrap ? start_standalone(m, e) : start_sidecar(m, e);
    if (rc >= 0)
        loop_run(&m->loop);
    takeover_close(&m->takeover);
    inherited_free(&m->inherited);
    json_decref(m->ready);
    if (m->sidecar)
        sidecar_stop(&m->sidecar);
    if (m->standalone)
        standalone_stop(&m->standalone);
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
    if (o->dev && o->token_file)
        return bad_usage("--dev or --token-file: one of the two");
    if (!o->dev) {
        fprintf(stderr, "weft proxy: joining with a token is not there yet; --dev joins a weft control --dev on this machine\n");
        return 1;
    }
    return -1;
}

/* Until we serve, the readiness file is of the proxy that we take over from. */
static int begin(struct options *o, int *elder, struct err *e) {
    bool successor = getenv(TAKEOVER_FD_ENV) != NULL;
    o->own_admin = o->admin.len > 0;
    int rc = o->own_admin ? 0 : addr_parse(&o->admin, STR(ADMIN), e);
    if (rc < 0)
        return rc;
    if (o->mode == MODE_VALIDATE)
        return 0;
    *elder = inherited_find(o->takeover, e);
    if (*elder < 0 && *elder != WEFT_E_NOT_FOUND)
        return *elder;
    if (successor)
        o->ready_fd = UINT64_MAX; /* was the first one's, and is closed */
    return ready_begin(*elder < 0 ? o->ready_file : NULL, o->ready_fd, e);
}

static int validate(const char *file, struct err *e) {
    int rc = standalone_validate(file, e);
    if (rc >= 0)
        printf("configuration %s OK\n", file);
    return rc;
}

static int run(struct proxy_main *m, int elder, struct err *e) {
    cli_log_init(&m->log);
    if (m->o.mode == MODE_VALIDATE)
        return validate(m->o.bootstrap, e);
    int rc = loop_init(&m->loop, &(struct loop_cfg){.log = &m->log}, e);
    if (rc < 0)
        return rc;
    rc = serve(m, elder, e);
    loop_fini(&m->loop);
    return rc;
}

static const char details[] =
    "The app's calls go to the outbound address and name their target, http://SERVICE.NAMESPACE/ or X-Target-Service; one that "
    "was\n"
    "redirected there goes to the service that has the address it was for (docs/tcp.md). Peers reach the app through the "
    "inbound\n"
    "address over mutual TLS; security rules decide who may. Access logs go to stdout, talk to stderr.\n"
    "SIGTERM drains, SIGHUP re-reads files, SIGUSR1 opens access logs anew, SIGUSR2 starts the program anew, which takes over "
    "all\n"
    "sockets, and drains. Without a reachable control plane the last configuration serves on.";

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
        {"admin", ARG_ADDR, &o->admin, "ADDRESS", NULL,
         "admin pages; loopback or unix:PATH (default: the bootstrap's, or " ADMIN ")", false},
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
