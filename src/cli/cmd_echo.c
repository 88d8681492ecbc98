// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include "cli/args.h"
#include "cli/echo.h"
#include "cli/ready.h"
#include "io/proc.h"

#define DRAIN_TIME (30 * CLOCK_S)

struct echo_main {
    struct loop loop;
    struct echo echo;
    struct sig_watch signals;
    struct timer hurry;
};

static void on_drained(struct server *s) {
    loop_stop(s->loop);
}

static void stop_now(struct timer *t) {
    loop_stop(&container_of(t, struct echo_main, hurry)->loop);
}

static void on_signal(struct sig_watch *s, int sig) {
    struct echo_main *m = s->ctx;
    if (sig == SIGHUP)
        return; /* it has nothing to re-read */
    loop_timer(&m->loop, &m->hurry, DRAIN_TIME, stop_now);
    echo_drain(&m->echo);
}

static int tell_ready(const struct echo_main *m, const char *file, uint64_t fd, struct err *e) {
    char text[ADDR_TEXT];
    json_t *o = json_object();
    json_object_set_new(o, "listen", json_string(addr_text(&m->echo.server.listener.addr, text)));
    log_info(m->loop.log, "%s listens on %s", m->echo.cfg.name, text);
    return ready_write(file, fd, o, e);
}

static int serve(struct echo_main *m, const struct echo_cfg *cfg, const char *ready_file, uint64_t ready_fd, struct err *e) {
    static const int sigs[] = {SIGTERM, SIGINT, SIGHUP};
    int rc = proc_signals(&m->signals, &m->loop, sigs, 3, on_signal, m, e);
    if (rc < 0)
        return rc;
    m->echo.server.on_drained = on_drained;
    rc = echo_start(&m->echo, &m->loop, cfg, e);
    if (rc >= 0) {
        rc = tell_ready(m, ready_file, ready_fd, e);
        if (rc >= 0)
            loop_run(&m->loop);
        echo_stop(&m->echo);
    }
    loop_timer_stop(&m->loop, &m->hurry);
    proc_signals_stop(&m->signals);
    return rc;
}

static const char details[] =
    "Answers with JSON of what it received: name, method, path, query, headers, body, peer. GET /health says healthy;\n"
    "GET /metrics, when Accept asks for text/plain or OpenMetrics, has figures for Prometheus.\n"
    "On any path, query parameters: status=N, fail=0..1 (share of requests answered 503), delay=SECONDS,\n"
    "stream=N with interval=SECONDS (a line each), size=BYTES, reset=1 (breaks the connection), call=URL (repeats: calls URL,\n"
    "by its name through the sidecar, and nests the result).";

int cmd_echo(int argc, char **argv) {
    struct echo_cfg cfg = {0};
    const char *ready_file = NULL;
    uint64_t ready_fd = UINT64_MAX;
    const struct arg options[] = {
        {"listen", ARG_ADDR, &cfg.listen, "ADDRESS", "127.0.0.1:8001", "where to listen", false},
        {"name", ARG_STR, &cfg.name, "NAME", "echo", "how it calls itself in its answers", false},
        {"outbound", ARG_ADDR, &cfg.outbound, "ADDRESS", NULL, "the sidecar's outbound address, where call= goes", false},
        {"sidecar", ARG_STR, &cfg.sidecar_file, "FILE", NULL, "the same, read from the sidecar's --ready-file when it is needed",
         false},
        {"limit", ARG_LIMIT, &cfg.limits, "NAME=VALUE", NULL, "what clients can make it hold or do; repeats", false},
        {"ready-file", ARG_STR, &ready_file, "FILE", NULL, "where to write the bound address as JSON", false},
        {"ready-fd", ARG_UINT, &ready_fd, "N", NULL, "the same, to a descriptor", false},
    };
    const struct args a = {.command = "echo",
                           .summary = "a small HTTP service for demos and tests",
                           .details = details,
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    struct log log;
    struct echo_main m = {0};
    struct err e = {0};
    cli_log_init(&log);
    int rc = limits_of_server(&cfg.limits, &e);
    if (rc < 0) {
        fprintf(stderr, "weft echo: %s\n", e.msg);
        return EXIT_USAGE;
    }
    rc = ready_begin(ready_file, ready_fd, &e);
    if (rc >= 0)
        rc = loop_init(&m.loop, &(struct loop_cfg){.log = &log}, &e);
    if (rc >= 0) {
        rc = serve(&m, &cfg, ready_file, ready_fd, &e);
        loop_fini(&m.loop);
    }
    if (rc < 0)
        fprintf(stderr, "weft echo: %s\n", e.msg);
    return rc < 0 ? 1 : 0;
}
