// SPDX-License-Identifier: Apache-2.0
/* The process itself: /server_info, /memory, /logging, /drain_listeners, /healthcheck, /quitquitquit. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "io/file.h"
#include "proxy/admin_int.h"
#include "proxy/proxy.h"
#include "proxy/takeover_msg.h"

static void set_seconds(json_t *o, const char *name, uint64_t seconds) {
    json_object_set_new(o, name, json_sprintf("%llus", (unsigned long long)seconds));
}

/* envoy.admin.v3.ServerInfo */
void admin_server_info(struct admin_request *r) {
    const struct proxy *p = r->p;
    json_t *o = json_object(), *options = json_object(), *node = json_object();
    json_object_set_new(o, "version", json_string("weft/" WEFT_VERSION));
    json_object_set_new(o, "state", json_string(admin_state(p)));
    json_object_set_new(o, "hot_restart_version", json_sprintf("weft-takeover/%u", TAKEOVER_PROTOCOL));
    json_object_set_new(options, "concurrency", json_integer(p->env.n));
    json_object_set_new(options, "log_level", json_string(log_level_name(p->cfg.log->level)));
    set_seconds(options, "drain_time", p->cfg.drain_us / CLOCK_S);
    json_object_set_new(o, "command_line_options", options);
    set_seconds(o, "uptime_current_epoch", admin_uptime(p));
    set_seconds(o, "uptime_all_epochs", admin_uptime(p));
    json_object_set_new(node, "cluster", json_of_str(p->cfg.service));
    json_object_set_new(o, "node", node);
    admin_json(r, o);
}

static void set_u64(json_t *o, const char *name, uint64_t value) { /* proto3 JSON: 64 bits are text */
    json_object_set_new(o, name, json_sprintf("%llu", (unsigned long long)value));
}

static uint64_t resident(void) {
    struct buf text = {0};
    uint64_t pages = 0;
    if (file_read(STR("/proc/self/statm"), 256, &text, NULL) >= 0) {
        struct str rest = buf_str(&text);
        str_cut(&rest, ' ');
        if (!str_u64(str_cut(&rest, ' '), UINT64_MAX >> 16, &pages))
            pages = 0;
    }
    buf_fini(&text);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* envoy.admin.v3.Memory; what glibc has no notion of is 0. */
void admin_memory(struct admin_request *r) {
    struct mallinfo2 m = mallinfo2();
    json_t *o = json_object();
    set_u64(o, "allocated", m.uordblks + m.hblkhd);
    set_u64(o, "heap_size", m.arena + m.hblkhd);
    set_u64(o, "pageheap_unmapped", 0);
    set_u64(o, "pageheap_free", m.fordblks);
    set_u64(o, "total_thread_cache", 0);
    set_u64(o, "total_physical_bytes", resident());
    admin_json(r, o);
}

void admin_logging(struct admin_request *r) {
    struct log *l = r->p->cfg.log;
    struct str want;
    if (admin_param(r, "level", &want)) {
        enum log_level level = LOG_ERROR;
        while (level <= LOG_DEBUG && !str_eq(want, str_of(log_level_name(level))))
            level++;
        if (level > LOG_DEBUG) {
            admin_bad(r, "level: error, warn, info or debug");
            return;
        }
        l->level = level;
    }
    buf_fmt(&r->out, "active loggers:\n  weft: %s\n", log_level_name(l->level));
}

static void ok(struct admin_request *r) {
    buf_add(&r->out, STR("OK\n"));
}

void admin_drain_listeners(struct admin_request *r) {
    proxy_drain_listeners(r->p);
    ok(r);
}

void admin_fail(struct admin_request *r) {
    r->p->failing = true;
    ok(r);
}

void admin_ok(struct admin_request *r) {
    r->p->failing = false;
    ok(r);
}

/* The command's own way: it knows whether there is a registry to leave. */
void admin_quit(struct admin_request *r) {
    kill(getpid(), SIGTERM);
    ok(r);
}
