// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "base/mem.h"
#include "model/cluster.h"
#include "model/endpoint.h"
#include "model/listener.h"
#include "model/route.h"
#include "sim.h"

/* What is told of a resource: who is there and how, which rules there are. */
static char *text_of(enum xds_type type, const void *resource) {
    struct buf b = {0};
    buf_add(&b, STR(""));
    if (type == XDS_ENDPOINT) {
        const struct endpoints *eps = resource;
        for (size_t i = 0; i < eps->n; i++)
            buf_fmt(&b, STR_FMT " " STR_FMT ":%u %s\n", STR_ARG(eps->at[i].id), STR_ARG(eps->at[i].address), eps->at[i].port,
                    eps->at[i].health == ENDPOINT_HEALTHY ? "healthy" : "unhealthy");
    } else if (type == XDS_ROUTE) {
        const struct route_table *t = resource;
        for (size_t i = 0; i < t->vhosts->n_routes; i++)
            if (!str_eq(t->vhosts->routes[i].name, STR("default")))
                buf_fmt(&b, STR_FMT "\n", STR_ARG(t->vhosts->routes[i].name));
    } else if (type == XDS_LISTENER) {
        const struct rbac *r = ((const struct listener *)resource)->chains->hcm.rbac;
        for (size_t i = 0; r && i < r->n_policies; i++)
            buf_fmt(&b, STR_FMT "\n", STR_ARG(r->policies[i].name));
    }
    buf_addc(&b, '\0');
    char *text = mem_strdup(str_of(buf_str(&b).ptr));
    buf_fini(&b);
    return text;
}

static struct str name_of(struct buf *b, enum xds_type type, struct str name) {
    buf_fmt(b, "%d " STR_FMT, (int)type, STR_ARG(name));
    return buf_str(b);
}

static void keep(struct proxy *p, enum xds_type type, struct str name, char *text) {
    struct buf b = {0};
    struct str key = name_of(&b, type, name);
    free(text ? map_put(&p->got, key, text) : map_del(&p->got, key));
    buf_fini(&b);
}

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    struct proxy *p = ctx;
    if (p->refuses && !p->sim->calm && world_chance(&p->sim->w, 10)) {
        p->nacks++;
        return err_set(e, WEFT_E_INVALID, "the proxy does not like it");
    }
    keep(p, type, name, text_of(type, resource));
    return 0;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    keep(ctx, type, name, NULL);
}

/* Sidecar 0 is never away for longer than its grace: whatever is killed, the others go on seeing it. */
static void on_response(void *ctx) {
    struct proxy *p = ctx;
    struct buf b = {0};
    const char *web = map_get(&p->got, name_of(&b, XDS_ENDPOINT, STR("ns/web")));
    bool there = web && strstr(web, "p0 ");
    buf_fini(&b);
    p->responses++;
    if (p->saw_steady && !there)
        world_fail(&p->sim->w, "proxy %u has lost the steady sidecar: %s", p->i, web ? web : "(no such service)");
    p->saw_steady |= there;
}

static void on_up(void *ctx) {
}
static void on_down(void *ctx, const struct err *why) {
    struct proxy *p = ctx;
    world_say(&p->sim->w, "proxy %u is cut off: %s", p->i, why->msg);
}

void proxy_start(struct proxy *p, struct sim *s, unsigned i) {
    char id[16], ip[32];
    if (p->node.up || p->lost)
        return;
    p->sim = s;
    p->i = i;
    p->refuses = i == PROXIES - 1;
    p->saw_steady = false;
    machine_boot(&s->w, &p->node, FIRST_PROXY + i);
    snprintf(id, sizeof id, "p%u", i);
    snprintf(ip, sizeof ip, "127.0.0.%u", p->node.n);
    bool serves = i + 1 < PROXIES;
    struct link_cfg cfg = {
        .control = machine_addr(CONTROL, 8081),
        .node = {.id = STR("weft~127.0.0.1~p.ns~cluster.local"), .service = i ? STR("api") : STR("web"), .ns = STR("ns")},
        .hello = {.id = str_of(id),
                  .service = i ? STR("api") : STR("web"),
                  .ns = STR("ns"),
                  .protocol = STR("http"),
                  .app_ip = serves ? str_of(ip) : STR_NONE,
                  .app_port = serves ? 8001 : 0,
                  .inbound_ip = serves ? str_of(ip) : STR_NONE,
                  .inbound_port = serves ? 15006 : 0,
                  .boot_id = rand_u64(&s->w.rand),
                  .version = STR("0")},
        .cb = {on_resource, on_removed, on_response, on_up, on_down},
        .ctx = p,
    };
    p->link = link_start(&p->node.loop, &cfg);
    link_subscribe(p->link, XDS_ENDPOINT, STR("ns/web"));
    link_subscribe(p->link, XDS_ENDPOINT, STR("ns/api"));
    link_subscribe(p->link, XDS_CLUSTER, STR("ns/web"));
    link_subscribe(p->link, XDS_ROUTE, STR("ns/web"));
    link_subscribe(p->link, XDS_LISTENER, STR("inbound|ns/web"));
    world_say(&s->w, "proxy %u starts", i);
}

static void bury(struct machine *nd) {
    struct proxy *p = container_of(nd, struct proxy, node);
    char *text;
    link_stop(&p->link);
    for (int i = 0; i < 2000 && (nd->loop.wheel.live || i < 4); i++)
        machine_turn_dead(nd);
    MAP_FOR (&p->got, NULL, text)
        free(text);
    map_fini(&p->got);
}

void proxy_kill(struct proxy *p, bool silent) {
    if (!p->node.up)
        return;
    world_say(&p->sim->w, "proxy %u is killed%s", p->i, silent ? ", silently" : "");
    machine_kill(&p->node, silent, bury);
}

void proxy_leave(struct proxy *p) {
    if (!p->node.up)
        return;
    world_say(&p->sim->w, "proxy %u leaves", p->i);
    machine_enter(&p->node);
    link_leave(p->link);
}
