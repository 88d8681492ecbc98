// SPDX-License-Identifier: Apache-2.0
/* The control plane's machine, and that of the apps which it checks. */
#include "base/mem.h"
#include "control/control.h"
#include "sim.h"

void plane_start(struct sim *s) {
    struct err e = {0};
    if (s->control || s->control_node.up)
        return;
    machine_boot(&s->w, &s->control_node, CONTROL);
    struct control_cfg cfg = {.listen = machine_addr(CONTROL, 8080), .xds_listen = machine_addr(CONTROL, 8081), .dev = true};
    cfg.opened = disk_open(&s->disk, &s->control_node.loop);
    cfg.config = json_pack("{s:{s:i,s:i}}", "health_check", "interval", 5, "timeout", 2);
    world_say(&s->w, "the control plane starts at revision %llu", (unsigned long long)cfg.opened->revision);
    if (control_start(&s->control, &s->control_node.loop, &cfg, &e) < 0)
        world_fail(&s->w, "the control plane does not start: %s", e.msg);
    json_decref((json_t *)(uintptr_t)cfg.config);
}

static void on_dead(void *ctx) {
    *(bool *)ctx = true;
}

static void bury(struct machine *nd) {
    struct sim *s = container_of(nd, struct sim, control_node);
    bool gone = !s->control;
    if (s->control)
        control_stop(&s->control, on_dead, &gone);
    for (int i = 0; !gone || s->stopping; i++) {
        WEFT_ASSERT(i < 100000);
        machine_turn_dead(nd);
    }
}

void plane_kill(struct sim *s, bool silent) {
    if (!s->control_node.up)
        return;
    world_say(&s->w, "the control plane is killed%s", silent ? ", silently" : "");
    s->kills++;
    disk_kill(&s->disk);
    machine_kill(&s->control_node, silent, bury);
}

static void put_down(void *ctx) {
    struct sim *s = ctx;
    if (s->control_node.up && !s->control && !s->stopping)
        machine_down(&s->control_node);
}

static void on_stopped(void *ctx) {
    struct sim *s = ctx;
    s->stopping = false;
    if (s->control_node.dead)
        return; /* it was killed while it stopped */
    world_say(&s->w, "the control plane has stopped");
    world_at(&s->w, 0, put_down, s); /* not from its own loop */
}

void plane_stop(struct sim *s) {
    if (!s->control)
        return;
    world_say(&s->w, "the control plane stops");
    s->stopping = true;
    machine_enter(&s->control_node);
    control_stop(&s->control, on_stopped, s);
}

/* ---- apps ---- */

static void on_app_stream(struct server *server, struct stream *st);

static const struct stream_cb app_cb;

static void on_head(struct stream *st, const struct msg *m, bool end) {
    const bool *well = st->user;
    stream_reply(st, *well ? 200 : 503, STR_NONE, STR_NONE);
}
static void on_data(struct stream *st, struct str data, bool end) {
    stream_consumed(st, data.len);
}
static void on_closed(struct stream *st, int why) {
}
static const struct stream_cb app_cb = {.head = on_head, .data = on_data, .closed = on_closed};

static void on_app_stream(struct server *server, struct stream *st) {
    st->cb = &app_cb;
    st->user = server->user;
}

void apps_start(struct sim *s) {
    machine_boot(&s->w, &s->apps, APPS);
    for (unsigned i = 0; i < APP_PORTS; i++) {
        s->app_well[i] = true;
        struct server_cfg cfg = {
            .addr = machine_addr(APPS, (uint16_t)(9000 + i)), .on_stream = on_app_stream, .user = &s->app_well[i]};
        WEFT_ASSERT(server_start(&s->app[i], &s->apps.loop, &cfg, NULL) >= 0);
    }
}

static void bury_apps(struct machine *nd) {
    struct sim *s = container_of(nd, struct sim, apps);
    for (unsigned i = 0; i < APP_PORTS; i++)
        server_stop(&s->app[i]);
}

void apps_stop(struct sim *s) {
    machine_kill(&s->apps, false, bury_apps);
}
