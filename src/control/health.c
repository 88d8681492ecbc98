// SPDX-License-Identifier: Apache-2.0
#include "control/health.h"
#include "base/buf.h"
#include "base/mem.h"
#include "http/probe.h"
#include "io/loop.h"
#include "policy/check.h"

struct watched {       /* a service with checks */
    struct map checks; /* id -> struct checked */
};
struct checked {
    struct health *health;
    char *service, *id;
    struct probe *probe;
    struct probe_cfg cfg;                      /* texts below */
    char *path, *target, authority[ADDR_TEXT]; /* the target is the path as it may stand in a request */
    struct check check;
    uint32_t healthy_threshold, unhealthy_threshold;
    bool seen; /* in this look at the service */
};

static void on_result(void *ctx, enum probe_result r) {
    struct checked *c = ctx;
    bool ok = r == PROBE_HEALTHY;
    struct health *h = c->health;
    struct registration *reg = mesh_registration(h->mesh, str_of(c->service), str_of(c->id));
    if (!reg)
        return; /* deleted in this very turn */
    check_result(&c->check, ok, c->healthy_threshold, c->unhealthy_threshold);
    if (ok)
        reg->seen = (double)loop_wall(h->mesh->loop) / 1e6;
    reg_health(h->reg, reg, c->check.healthy); /* news or not: it may have been registered anew in the meantime */
}

static void drop_check(struct checked *c) {
    probe_stop(&c->probe);
    free(c->service);
    free(c->id);
    free(c->path);
    free(c->target);
    free(c);
}

/* What people write as a path may have spaces, "#" and letters of all the world, a request target may not (RFC 9112 §3.2). */
static char *target_of(struct str path) {
    struct buf b = {0};
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c > ' ' && c < 0x7f && c != '#')
            buf_addc(&b, (char)c);
        else
            buf_fmt(&b, "%%%02X", c);
    }
    char *target = mem_strdup(buf_str(&b));
    buf_fini(&b);
    return target;
}

/* By the endpoint's protocol (contract §3); gRPC's is asked about the server as a whole. */
static void set_protocol(struct checked *c, struct str protocol) {
    bool http2 = str_eq(protocol, STR("http2")), grpc = str_eq(protocol, STR("grpc"));
    c->cfg.kind = grpc ? PROBE_GRPC : str_eq(protocol, STR("tcp")) ? PROBE_TCP : PROBE_HTTP;
    c->cfg.proto = http2 ? CONN_H2 : CONN_H1;
    c->cfg.grpc_optional = true;
    c->cfg.path = c->cfg.kind == PROBE_HTTP ? str_of(c->target) : STR("");
}

/* True when there is another target than before. */
static bool set_target(struct checked *c, const struct reg_endpoint *ep) {
    struct addr addr;
    struct probe_cfg old = c->cfg;
    if (addr_ip(&addr, ep->ip, ep->port, NULL) < 0)
        return false; /* the schema has seen to it */
    if (c->path && addr_eq(&addr, &c->cfg.addr) && str_eq(str_of(c->path), ep->health_path)) {
        set_protocol(c, ep->protocol);
        return old.kind != c->cfg.kind || old.proto != c->cfg.proto;
    }
    free(c->path);
    free(c->target);
    c->path = mem_strdup(ep->health_path);
    c->target = target_of(ep->health_path);
    c->cfg.addr = addr;
    addr_text(&addr, c->authority);
    c->cfg.authority = str_of(c->authority);
    set_protocol(c, ep->protocol);
    return true;
}

/* When it is first needed: the mesh has no loop before it is open. */
static struct probe_gate *need_gate(struct health *h) {
    if (!h->open)
        probe_gate_init(&h->gate, h->mesh->loop, HEALTH_UNDER_WAY);
    h->open = true;
    return &h->gate;
}

static void set_check(struct health *h, struct checked *c, const struct reg_endpoint *ep, const struct health_check *settings) {
    bool again = set_target(c, ep);
    if (again)
        c->check = (struct check){.healthy = ep->registration->healthy};
    again |= c->cfg.interval_us != settings->interval_us || c->cfg.timeout_us != settings->timeout_us;
    c->cfg.interval_us = settings->interval_us;
    c->cfg.timeout_us = settings->timeout_us;
    c->healthy_threshold = settings->healthy_threshold;
    c->unhealthy_threshold = settings->unhealthy_threshold;
    c->cfg.spread = true;
    c->cfg.gate = need_gate(h);
    if (!c->probe)
        c->probe = probe_start(h->mesh->loop, &c->cfg, on_result, c);
    else if (again)
        probe_set(c->probe, &c->cfg);
}

static struct checked *need_check(struct health *h, struct watched *w, struct str service, struct str id) {
    struct checked *c = map_get(&w->checks, id);
    if (c)
        return c;
    c = mem_new(struct checked);
    c->health = h;
    c->service = mem_strdup(service);
    c->id = mem_strdup(id);
    map_put(&w->checks, id, c);
    return c;
}

static void drop_unseen(struct watched *w) {
    struct str id;
    struct checked *c;
    MAP_FOR (&w->checks, &id, c) {
        if (c->seen) {
            c->seen = false;
            continue;
        }
        map_del(&w->checks, id);
        drop_check(c);
    }
}

static bool wants_check(const struct reg_endpoint *ep) {
    return ep->registration && !ep->sidecar;
}

static void look_at(struct health *h, struct str service) {
    const struct reg_view *v = reg_view(h->reg, service);
    struct watched *w = map_get(&h->services, service);
    struct service_settings settings;
    mesh_settings(h->mesh, service, &settings);
    if (!w && v->n) {
        w = mem_new(struct watched);
        map_put(&h->services, service, w);
    }
    for (size_t i = 0; i < v->n; i++) {
        if (!wants_check(&v->at[i]))
            continue;
        struct checked *c = need_check(h, w, service, v->at[i].id);
        c->seen = true;
        set_check(h, c, &v->at[i], &settings.check);
    }
    if (!w)
        return;
    drop_unseen(w);
    if (w->checks.len)
        return;
    map_del(&h->services, service);
    map_fini(&w->checks);
    free(w);
}

static void look_at_touched(struct task *t) {
    struct health *h = container_of(t, struct health, task);
    struct str service;
    void *unused;
    MAP_FOR (&h->touched, &service, unused) {
        look_at(h, service);
        map_del(&h->touched, service);
    }
}

void health_touch(struct health *h, struct str service) {
    map_put(&h->touched, service, h);
    loop_later(h->mesh->loop, &h->task, look_at_touched);
}

void health_suspect(struct health *h, struct str service, struct str id) {
    struct watched *w = map_get(&h->services, service);
    struct checked *c = w ? map_get(&w->checks, id) : NULL;
    if (c)
        probe_hurry(c->probe);
}

void health_touch_all(struct health *h) {
    struct str service;
    struct watched *w;
    MAP_FOR (&h->services, &service, w) {
        health_touch(h, service);
    }
}

void health_init(struct health *h, struct mesh *m, struct reg *r) {
    *h = (struct health){.mesh = m, .reg = r};
}

void health_fini(struct health *h) {
    struct watched *w;
    struct checked *c;
    loop_later_cancel(&h->task);
    MAP_FOR (&h->services, NULL, w) {
        MAP_FOR (&w->checks, NULL, c) {
            drop_check(c);
        }
        map_fini(&w->checks);
        free(w);
    }
    if (h->open)
        probe_gate_fini(&h->gate);
    h->open = false;
    map_fini(&h->services);
    map_fini(&h->touched);
}
