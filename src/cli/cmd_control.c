// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include "cli/args.h"
#include "cli/ready.h"
#include "codec/yaml.h"
#include "control/control.h"
#include "control/schema.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/proc.h"

#define CONFIG_MAX (1024u * 1024u) /* octets of --config FILE, as of a REST body */

struct control_main {
    struct loop loop;
    struct log log;
    struct control *control;
    struct sig_watch signals;
    const char *config_file;
};

/* YAML, of which JSON is a part. */
static int read_config(const char *file, json_t **out, struct err *e) {
    struct buf text = {0};
    struct yaml_docs docs = {0};
    int rc = file_read(str_of(file), CONFIG_MAX, &text, e);
    if (rc < 0)
        return rc;
    rc = yaml_parse(&docs, buf_str(&text), e);
    if (rc >= 0 && docs.n > 1)
        rc = err_set(e, WEFT_E_INVALID, "must be one document");
    if (rc >= 0)
        *out = !docs.n || json_is_null(docs.at[0]) ? json_object() : json_incref(docs.at[0]); /* empty: sets nothing */
    else
        rc = err_in(e, "%s", file);
    yaml_docs_fini(&docs);
    buf_fini(&text);
    return rc;
}

static void reload(struct control_main *m) {
    json_t *patch = NULL;
    struct err e = {0};
    if (!m->config_file)
        return;
    int rc = read_config(m->config_file, &patch, &e);
    if (rc >= 0)
        rc = control_reconfigure(m->control, patch, &e);
    json_decref(patch);
    if (rc < 0)
        log_error(&m->log, "%s was not taken over: %s", m->config_file, e.msg);
    else
        log_info(&m->log, "%s was read again", m->config_file);
}

static void on_stopped(void *ctx) {
    struct control_main *m = ctx;
    loop_stop(&m->loop);
}

static void on_signal(struct sig_watch *s, int sig) {
    struct control_main *m = s->ctx;
    if (!m->control)
        return; /* it is stopping already */
    if (sig == SIGHUP)
        reload(m);
    else
        control_stop(&m->control, on_stopped, m);
}

static int tell_ready(const struct control_main *m, const char *file, uint64_t fd, struct err *e) {
    char rest[ADDR_TEXT], xds[ADDR_TEXT];
    json_t *o = json_object();
    json_object_set_new(o, "listen", json_string(addr_text(control_listen(m->control), rest)));
    json_object_set_new(o, "xds_listen", json_string(addr_text(control_xds_listen(m->control), xds)));
    log_info(&m->log, "the API listens on %s, xDS on %s", rest, xds);
    return ready_write(file, fd, o, e);
}

static int start(struct control_main *m, struct control_cfg *cfg, struct err *e) {
    json_t *patch = NULL;
    int rc = m->config_file ? read_config(m->config_file, &patch, e) : 0;
    cfg->config = patch;
    if (rc >= 0 && patch && (rc = schema_check_patch(&schema_config, patch, e)) < 0)
        err_in(e, "%s", m->config_file);
    if (rc >= 0)
        rc = control_start(&m->control, &m->loop, cfg, e);
    json_decref(patch);
    return rc;
}

static int serve(struct control_main *m, struct control_cfg *cfg, const char *ready_file, uint64_t ready_fd, struct err *e) {
    static const int sigs[] = {SIGTERM, SIGINT, SIGHUP};
    int rc = proc_signals(&m->signals, &m->loop, sigs, 3, on_signal, m, e);
    if (rc < 0)
        return rc;
    rc = start(m, cfg, e);
    if (rc >= 0) {
        rc = tell_ready(m, ready_file, ready_fd, e);
        if (rc < 0)
            control_stop(&m->control, on_stopped, m);
        loop_run(&m->loop);
    }
    proc_signals_stop(&m->signals);
    return rc;
}

static int fail(const struct err *e, int code) {
    fprintf(stderr, "weft control: %s\n", e->msg);
    return code;
}

/* Given as nothing, it is no wish for the default. */
static int check_given(const struct control_cfg *cfg, struct err *e) {
    const char *empty = !cfg->data_dir.len       ? "data-dir"
                        : !cfg->store.len        ? "store"
                        : !cfg->trust_domain.len ? "trust-domain"
                                                 : NULL;
    return empty ? err_set(e, WEFT_E_INVALID, "--%s: must not be empty", empty) : 0;
}

static int run(struct control_main *m, struct control_cfg *cfg, const char *ready_file, uint64_t ready_fd) {
    struct err e = {0};
    int rc = ready_begin(ready_file, ready_fd, &e);
    if (rc < 0)
        return fail(&e, 1);
    rc = check_given(cfg, &e);
    if (rc >= 0)
        rc = limits_of_server(&cfg->limits, &e);
    if (rc >= 0)
        rc = control_check(cfg, &e);
    if (rc < 0)
        return fail(&e, rc == WEFT_E_UNSUPPORTED ? 1 : EXIT_USAGE);
    cli_log_init(&m->log);
    if (loop_init(&m->loop, &(struct loop_cfg){.log = &m->log}, &e) < 0)
        return fail(&e, 1);
    rc = serve(m, cfg, ready_file, ready_fd, &e);
    loop_fini(&m->loop);
    return rc < 0 ? fail(&e, 1) : 0;
}

static const char details[] = "The store is sqlite: (a database in the data directory), sqlite:PATH, or memory:, which forgets.\n"
                              "SIGTERM ends it in order; SIGHUP reads --config again.\n"
                              "weft control restore puts a backup in the place of a damaged database.";

int cmd_control(int argc, char **argv) {
    struct control_main m = {0};
    struct control_cfg cfg = {0};
    const char *data_dir, *store, *trust_domain, *ready_file = NULL;
    uint64_t ready_fd = UINT64_MAX, backups = 0;
    if (argc > 1 && strcmp(argv[1], "restore") == 0)
        return cmd_control_restore(argc - 1, argv + 1);
    const struct arg options[] = {
        {"listen", ARG_ADDR, &cfg.listen, "ADDRESS", "127.0.0.1:8080", "REST API, dashboard, /metrics", false},
        {"xds-listen", ARG_ADDR, &cfg.xds_listen, "ADDRESS", "127.0.0.1:8081", "gRPC: ADS, certificates, sessions", false},
        {"data-dir", ARG_STR, &data_dir, "DIR", "./weft-data", "database and CA material; made 0700", false},
        {"store", ARG_STR, &store, "STORE", "sqlite:", "where the mesh is kept", false},
        {"trust-domain", ARG_STR, &trust_domain, "NAME", "cluster.local", "of the identities in the mesh", false},
        {"config", ARG_STR, &m.config_file, "FILE", NULL, "mesh configuration (YAML or JSON) to merge at the start", false},
        {"limit", ARG_LIMIT, &cfg.limits, "NAME=VALUE", NULL, "what clients can make it hold or do; repeats", false},
        {"backups", ARG_UINT, &backups, "N", "7", "daily copies of the database that are kept, in DIR/backups; 0: none", false},
        {"backup-interval", ARG_SECS, &cfg.backup_every_us, "SECONDS", "86400", "between two of them", false},
        {"dev", ARG_FLAG, &cfg.dev, NULL, NULL, "open API without tokens or TLS; loopback addresses only", false},
        {"ready-file", ARG_STR, &ready_file, "FILE", NULL, "where to write the bound addresses as JSON", false},
        {"ready-fd", ARG_UINT, &ready_fd, "N", NULL, "the same, to a descriptor", false},
    };
    const struct args a = {.command = "control",
                           .summary = "the control plane",
                           .details = details,
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    cfg.backups = backups < 1000 ? (unsigned)backups : 1000;
    cfg.data_dir = str_of(data_dir);
    cfg.store = str_of(store);
    cfg.trust_domain = str_of(trust_domain);
    return run(&m, &cfg, ready_file, ready_fd);
}
