// SPDX-License-Identifier: Apache-2.0
/* weft bootstrap: what an Envoy or a gRPC program needs to be in the mesh: its bootstrap, and a certificate in files. The key is
 * made here and never leaves this machine (contract §2): only a CSR goes to the control plane. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "cli/args.h"
#include "cli/out.h"
#include "cli/ready.h"
#include "cli/web.h"
#include "crypto/ca.h"
#include "crypto/x509.h"
#include "io/file.h"
#include "io/proc.h"
#include "xds/link.h"

#define SIGN_WAIT (20 * CLOCK_S)
#define SIGN_AGAIN (2 * CLOCK_S)
#define RENEW_JITTER 10        /* percent */
#define REFRESH (10 * CLOCK_S) /* how often gRPC looks at its files; more often where certificates are short */
#define CONTROL "weft-control"
#define HTTP_OPTIONS "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

enum { FOR_ENVOY, FOR_GRPC };
enum { ADS_DELTA, ADS_SOTW };
enum { PRINT_YAML, PRINT_JSON };

struct bootstrap {
    int kind, ads, format, protocol;
    const char *service, *ns, *id, *dir;
    struct addr control, app, inbound, outbound, admin;
    bool watch, dev;
    /* while it runs */
    struct loop loop;
    struct link *link;
    struct sig_watch signals;
    struct timer again;
    struct arena csr_mem, mem;
    struct str key_pem;
    uint64_t refresh;
    bool done, signing; /* done: the first certificate is there, or err says why not */
    struct err err;
};

static const char *const protocols[] = {"http", "http2", "grpc", "tcp"};

/* ---- what is printed ---- */

static void put(json_t *o, const char *key, json_t *value) {
    json_object_set_new(o, key, value);
}

static json_t *text_of(const struct addr *at) {
    char text[ADDR_TEXT];
    return json_string(addr_text(at, text));
}

static json_t *socket_address(const struct addr *at) {
    char ip[ADDR_TEXT];
    return json_pack("{s:{s:s,s:i}}", "socket_address", "address", addr_ip_text(at, ip), "port_value", (int)addr_port(at));
}

static json_t *node_of(const struct bootstrap *b) {
    json_t *meta = json_object();
    put(meta, "NAMESPACE", json_string(b->ns));
    put(meta, "WEFT_ID", json_string(b->id));
    if (b->inbound.len) {
        put(meta, "WEFT_APP", text_of(b->kind == FOR_GRPC ? &b->inbound : &b->app));
        put(meta, "WEFT_INBOUND", text_of(&b->inbound));
        put(meta, "WEFT_PROTOCOL", json_string(b->kind == FOR_GRPC ? "grpc" : protocols[b->protocol]));
    }
    if (b->kind == FOR_ENVOY) {
        put(meta, "WEFT_OUTBOUND", text_of(&b->outbound));
        put(meta, "WEFT_CERTIFICATES", json_string(b->dir));
    }
    return json_pack("{s:s,s:s,s:o}", "id", b->id, "cluster", b->service, "metadata", meta);
}

static json_t *over_ads(void) {
    return json_pack("{s:{},s:s}", "ads", "resource_api_version", "V3");
}

static json_t *control_cluster(const struct bootstrap *b) {
    json_t *keepalive = json_pack("{s:s,s:s}", "interval", "30s", "timeout", "20s");
    json_t *http = json_pack("{s:s,s:{s:{s:o}}}", "@type", "type.googleapis.com/" HTTP_OPTIONS, "explicit_http_config",
                             "http2_protocol_options", "connection_keepalive", keepalive);
    json_t *endpoint = json_pack("{s:{s:o}}", "endpoint", "address", socket_address(&b->control));
    return json_pack("{s:s,s:s,s:s,s:{s:o},s:{s:s,s:[{s:[o]}]}}", "name", CONTROL, "type", "STATIC", "connect_timeout", "5s",
                     "typed_extension_protocol_options", HTTP_OPTIONS, http, "load_assignment", "cluster_name", CONTROL,
                     "endpoints", "lb_endpoints", endpoint);
}

static json_t *for_envoy(const struct bootstrap *b) {
    json_t *ads =
        json_pack("{s:s,s:s,s:b,s:[{s:{s:s}}]}", "api_type", b->ads == ADS_SOTW ? "GRPC" : "DELTA_GRPC", "transport_api_version",
                  "V3", "set_node_on_first_message_only", 1, "grpc_services", "envoy_grpc", "cluster_name", CONTROL);
    return json_pack("{s:o,s:{s:o},s:{s:o,s:o,s:o},s:{s:[o]}}", "node", node_of(b), "admin", "address", socket_address(&b->admin),
                     "dynamic_resources", "ads_config", ads, "cds_config", over_ads(), "lds_config", over_ads(),
                     "static_resources", "clusters", control_cluster(b));
}

static json_t *file_in(const char *dir, const char *name) {
    return json_sprintf("%s/%s", dir, name);
}

static json_t *for_grpc(const struct bootstrap *b) {
    json_t *server = json_pack("{s:o,s:[{s:s}],s:[s]}", "server_uri", text_of(&b->control), "channel_creds", "type", "insecure",
                               "server_features", "xds_v3");
    json_t *files = json_pack("{s:o,s:o,s:o,s:o}", "certificate_file", file_in(b->dir, "cert.pem"), "private_key_file",
                              file_in(b->dir, "key.pem"), "ca_certificate_file", file_in(b->dir, "ca.pem"), "refresh_interval",
                              json_sprintf("%.3fs", (double)b->refresh / CLOCK_S));
    return json_pack("{s:[o],s:o,s:{s:{s:s,s:o}},s:o}", "xds_servers", server, "node", node_of(b), "certificate_providers",
                     "default", "plugin_name", "file_watcher", "config", files, "server_listener_resource_name_template",
                     json_sprintf("inbound|%s/%s|%%s", b->ns, b->service));
}

static void print(const struct bootstrap *b) {
    struct buf out = {0};
    json_t *o = b->kind == FOR_ENVOY ? for_envoy(b) : for_grpc(b);
    out_object(&out, b->format == PRINT_JSON ? OUT_JSON : OUT_YAML, o);
    out_flush(&out);
    json_decref(o);
}

/* ---- the certificate ---- */

static int write_file(struct bootstrap *b, const char *name, struct str content, struct err *e) {
    struct arena a = {0};
    int rc = file_write(arena_fmt(&a, "%s/%s", b->dir, name), content, 0600, e);
    arena_fini(&a);
    return rc;
}

/* Readers check that key and certificate belong together, and take neither until they do. */
static int write_files(struct bootstrap *b, struct str chain, struct str ca, struct err *e) {
    int rc = write_file(b, "ca.pem", ca, e);
    if (rc >= 0)
        rc = write_file(b, "key.pem", b->key_pem, e);
    return rc < 0 ? rc : write_file(b, "cert.pem", chain, e);
}

static void sign(struct bootstrap *b);

static void on_again(struct timer *t) {
    sign(container_of(t, struct bootstrap, again));
}

/* At half of what is left, as sidecars do. What is new must be seen well before the old one ends. */
static void plan_renewal(struct bootstrap *b, struct str chain) {
    struct arena a = {0};
    struct x509_info info;
    struct err e;
    int64_t now = (int64_t)(loop_wall(&b->loop) / CLOCK_S);
    uint64_t left = SIGN_AGAIN;
    if (x509_describe_pem(&info, chain, &a, &e) >= 0 && info.not_after - now > 1)
        left = (uint64_t)(info.not_after - now) * CLOCK_S / 2;
    arena_fini(&a);
    b->refresh = left / 4 < REFRESH ? left / 4 : REFRESH;
    loop_timer(&b->loop, &b->again, rand_jitter(&b->loop.rand, left, RENEW_JITTER), on_again);
}

static void on_cert(void *ctx, int code, struct str chain, struct str ca, const struct err *why) {
    struct bootstrap *b = ctx;
    struct err e = {0};
    b->signing = false;
    if (code >= 0)
        code = write_files(b, chain, ca, &e);
    else
        e = *why;
    if (!b->done)
        b->err = e;
    else if (code < 0)
        log_warn(b->loop.log, "the certificate is not renewed: %s", e.msg);
    b->done = true;
    if (code < 0)
        loop_timer(&b->loop, &b->again, SIGN_AGAIN, on_again);
    else
        plan_renewal(b, chain);
}

static void sign(struct bootstrap *b) {
    struct str csr;
    struct err e = {0};
    if (b->signing)
        return;
    if (!link_is_up(b->link)) {
        loop_timer(&b->loop, &b->again, SIGN_AGAIN, on_again);
        return;
    }
    arena_fini(&b->csr_mem);
    b->csr_mem = (struct arena){0};
    if (csr_create(&b->csr_mem, &b->key_pem, &csr, &e) < 0) {
        log_error(b->loop.log, "no key can be made: %s", e.msg);
        return;
    }
    b->signing = true;
    link_sign(b->link, csr, on_cert, b);
}

static void on_up(void *ctx) {
    struct bootstrap *b = ctx;
    if (!b->done)
        sign(b);
}

static void on_down(void *ctx, const struct err *why) {
    struct bootstrap *b = ctx;
    if (!b->done)
        b->err = *why;
    b->done |= !b->watch;
}

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    return 0; /* nothing is subscribed to */
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    /* likewise */
}

static void on_response(void *ctx) {
    /* likewise */
}

static void on_drain(void *ctx) {
    /* there is nothing to drain */
}

/* ---- running ---- */

static void on_signal(struct sig_watch *s, int sig) {
    struct bootstrap *b = s->ctx;
    if (sig != SIGHUP)
        loop_stop(&b->loop);
}

static int make_dir(struct bootstrap *b, struct err *e) {
    char here[4096] = "";
    struct str dir = b->dir ? str_of(b->dir) : arena_fmt(&b->mem, "weft-%s.%s", b->ns, b->service);
    if (dir.ptr[0] != '/' && getcwd(here, sizeof here))
        dir = arena_fmt(&b->mem, "%s/" STR_FMT, here, STR_ARG(dir));
    b->dir = arena_z(&b->mem, dir);
    return file_mkdirs(dir, 0700, e);
}

static int run(struct bootstrap *b, struct err *e) {
    static const int sigs[] = {SIGTERM, SIGINT, SIGHUP};
    struct link_cfg cfg = {.control = b->control, .foreign = STR(""), .ctx = b};
    int rc = make_dir(b, e);
    if (rc >= 0)
        rc = proc_signals(&b->signals, &b->loop, sigs, 3, on_signal, b, e);
    if (rc < 0)
        return rc;
    cfg.node = (struct node){.id = str_of(b->id), .service = str_of(b->service), .ns = str_of(b->ns)};
    cfg.cb = (struct link_cb){.on_resource = on_resource,
                              .on_removed = on_removed,
                              .on_response = on_response,
                              .on_up = on_up,
                              .on_down = on_down,
                              .on_drain = on_drain};
    b->link = link_start(&b->loop, &cfg);
    if (!web_wait(&b->loop, &b->done, SIGN_WAIT) && !b->err.code)
        err_set(&b->err, WEFT_E_TIMEOUT, "no certificate came from the control plane");
    if (!b->err.code) {
        print(b);
        fflush(stdout);
        if (b->watch)
            loop_run(&b->loop);
    }
    loop_timer_stop(&b->loop, &b->again);
    link_stop(&b->link);
    proc_signals_stop(&b->signals);
    while (b->loop.watches) /* the link takes its leave, in a second at most */
        (void)loop_turn(&b->loop, true);
    (void)loop_turn(&b->loop, false);
    if (b->err.code)
        *e = b->err;
    return b->err.code;
}

static int check(struct bootstrap *b, struct err *e) {
    if (!b->dev)
        return err_set(e, WEFT_E_UNSUPPORTED, "joining with a token is not there yet; use --dev, for a control plane with --dev");
    if (!dns_label_ok(str_of(b->service)) || !dns_label_ok(str_of(b->ns)))
        return err_set(e, WEFT_E_INVALID, "--service and --namespace must be DNS labels: a-z, 0-9 and -, at most 63");
    if (b->kind == FOR_ENVOY && (b->app.len > 0) != (b->inbound.len > 0))
        return err_set(e, WEFT_E_INVALID, "--app and --inbound go together");
    const struct addr *const at[] = {&b->app, &b->inbound, &b->outbound};
    for (size_t i = 0; i < 3; i++)
        if (at[i]->len && (!addr_port(at[i]) || addr_is_any(at[i])))
            return err_set(e, WEFT_E_INVALID,
                           "--app, --inbound and --outbound: the control plane tells them to others, so a full IP:PORT");
    return 0;
}

static const char details[] =
    "envoy: prints a bootstrap for Envoy as the sidecar of a service; grpc: one for programs that speak xDS themselves\n"
    "(GRPC_XDS_BOOTSTRAP names the file; targets are xds:///SERVICE.NAMESPACE). Makes a key, has it signed and writes key.pem, "
    "cert.pem\n"
    "and ca.pem (0600) into --certificates, to which the bootstrap points; with --watch it stays and renews them. The key never "
    "leaves\n"
    "this machine.\n"
    "An Envoy's app is at --app, its peers come to --inbound and its app calls --outbound. A gRPC server listens on --inbound.";

int cmd_bootstrap(int argc, char **argv) {
    struct bootstrap b = {0};
    char **operand;
    int n;
    const struct arg options[] = {
        {"service", ARG_STR, &b.service, "NAME", NULL, "which service it is of", true},
        {"namespace", ARG_STR, &b.ns, "NS", "default", "and of which namespace", false},
        {"id", ARG_STR, &b.id, "ID", NULL, "what tells it from others of the service (default: the service's name)", false},
        {"control", ARG_ADDR, &b.control, "ADDRESS", "127.0.0.1:8081", "the control plane's --xds-listen", false},
        {"app", ARG_ADDR, &b.app, "ADDRESS", NULL, "envoy: the local service; without it the sidecar only calls", false},
        {"app-protocol", ARG_ENUM, &b.protocol, "http|http2|grpc|tcp", "http", "what it speaks", false},
        {"inbound", ARG_ADDR, &b.inbound, "ADDRESS", NULL, "where peers reach it", false},
        {"outbound", ARG_ADDR, &b.outbound, "ADDRESS", "127.0.0.1:15001", "envoy: where the local service sends its calls",
         false},
        {"admin", ARG_ADDR, &b.admin, "ADDRESS", "127.0.0.1:15000", "envoy: its admin interface", false},
        {"ads", ARG_ENUM, &b.ads, "delta|sotw", "delta", "envoy: the variant of xDS", false},
        {"certificates", ARG_STR, &b.dir, "DIR", NULL, "where the PEM files go (default ./weft-NS.SERVICE), made 0700", false},
        {"watch", ARG_FLAG, &b.watch, NULL, NULL, "stay, and renew the certificate", false},
        {"dev", ARG_FLAG, &b.dev, NULL, NULL, "plain gRPC to a control plane with --dev", false},
        {"o", ARG_ENUM, &b.format, "yaml|json", "yaml", "how to print; grpc reads JSON, which is always printed for it", false},
    };
    const struct args a = {.command = "bootstrap",
                           .summary = "what an Envoy or a gRPC program needs to join",
                           .details = details,
                           .operands = "envoy|grpc",
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, &operand, &n);
    if (code >= 0)
        return code;
    bool grpc = n == 1 && strcmp(operand[0], "grpc") == 0;
    if (n != 1 || (!grpc && strcmp(operand[0], "envoy") != 0)) {
        fputs("weft bootstrap: for whom? envoy or grpc\n", stderr);
        return EXIT_USAGE;
    }
    struct log log;
    struct err e = {0};
    b.kind = grpc ? FOR_GRPC : FOR_ENVOY;
    b.format = grpc ? PRINT_JSON : b.format;
    b.id = b.id ? b.id : b.service;
    cli_log_init(&log);
    int rc = check(&b, &e);
    if (rc < 0) {
        fprintf(stderr, "weft bootstrap: %s\n", e.msg);
        return EXIT_USAGE;
    }
    rc = loop_init(&b.loop, &(struct loop_cfg){.log = &log}, &e);
    if (rc >= 0) {
        rc = run(&b, &e);
        loop_fini(&b.loop);
    }
    if (rc < 0)
        fprintf(stderr, "weft bootstrap: %s\n", e.msg);
    arena_fini(&b.csr_mem);
    arena_fini(&b.mem);
    return rc < 0 ? 1 : 0;
}
