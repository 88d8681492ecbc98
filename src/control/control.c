// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"
#include "base/mem.h"
#include "control/api.h"
#include "control/backup.h"
#include "control/feed.h"
#include "control/health.h"
#include "crypto/spiffe.h"

#define DRAIN (3 * CLOCK_S) /* for answers under way, when it stops */
/* A proxy whose machine died is noticed within 15 s. A weft sidecar asks after 5 s of silence, so that only others are asked. */
#define XDS_STREAMS 16u /* of a client (it has ADS, a Session, a CSR): one of ADS may hold 65,536 names of each type */
#define PING_US (6 * CLOCK_S)
#define PONG_US (7 * CLOCK_S)
#define SETTLE (1 * CLOCK_MS) /* between looks whether all streams have told that they closed */

struct control {
    struct loop *loop;
    struct mesh mesh;
    struct reg reg;
    struct push push;
    struct health health;
    struct sessions sessions;
    struct feed feed;
    struct backup backup;
    struct api api;
    struct server rest, xds;
    struct node_service service;
    bool xds_up, stopping;
    struct timer timer;
    void (*done)(void *ctx);
    void *ctx;
};

/* ---- what changes where ---- */

static void on_touched(void *ctx, struct str service) {
    struct control *c = ctx;
    c->push.stats.triggers[PUSH_BY_ENDPOINT]++;
    push_touch(&c->push, service, PUSH_ENDPOINTS | 1u << XDS_CLUSTER | 1u << XDS_ROUTE); /* its protocol may have changed */
    if (!c->stopping)
        health_touch(&c->health, service);
}

static void on_moved(void *ctx, struct str address) {
    struct control *c = ctx;
    push_moved(&c->push, address);
}

static void on_health(void *ctx, enum store_kind kind, struct str key) {
    struct control *c = ctx;
    feed_health(&c->feed, kind, key);
}

static void on_suspect(void *ctx, const struct registration *g) {
    struct control *c = ctx;
    health_suspect(&c->health, str_of(g->service->key), g->id);
}

static void touch_rule(struct control *c, const struct mesh_change *ch) {
    push_touch(&c->push, str_of(ch->service->key), 1u << XDS_ROUTE);
    if (ch->other)
        push_touch(&c->push, str_of(ch->other->key), 1u << XDS_CLUSTER | 1u << XDS_ENDPOINT);
}

static void touch_security(struct control *c, const struct security_rule *r) {
    unsigned types = 1u << XDS_LISTENER | 1u << XDS_ROUTE | 1u << XDS_CLUSTER | 1u << XDS_ENDPOINT;
    if (!r)
        return;
    if (str_eq(r->destination_ns, STR("*")) || str_eq(r->destination_service, STR("*"))) {
        push_touch_all(&c->push, types);
        return;
    }
    struct buf b = {0};
    buf_fmt(&b, STR_FMT "/" STR_FMT, STR_ARG(r->destination_ns), STR_ARG(r->destination_service));
    push_touch(&c->push, buf_str(&b), types);
    buf_fini(&b);
}

static void on_changed(void *ctx, const struct mesh_change *ch) {
    struct control *c = ctx;
    c->push.stats.triggers[PUSH_BY_CONFIG] += ch->kind == STORE_TRAFFIC_RULE || ch->kind == STORE_SECURITY_RULE;
    c->push.stats.triggers[PUSH_BY_GLOBAL] += ch->kind == STORE_CONFIG;
    switch (ch->kind) {
    case STORE_ENDPOINT:
    case STORE_SIDECAR: reg_applied(&c->reg, ch); break;
    case STORE_TRAFFIC_RULE: touch_rule(c, ch); break;
    case STORE_SECURITY_RULE: touch_security(c, ch->security); break;
    case STORE_CONFIG:
        push_touch_all(&c->push, PUSH_ALL);
        if (!c->stopping)
            health_touch_all(&c->health);
        break;
    default: break;
    }
    feed_changed(&c->feed, ch);
}

/* ---- start ---- */

static int check_address(const struct addr *a, const char *flag, struct err *e) {
    char text[ADDR_TEXT];
    if (addr_is_loopback(a))
        return 0;
    return err_set(e, WEFT_E_INVALID, "--%s %s: with --dev only loopback addresses are allowed", flag, addr_text(a, text));
}

int control_check(const struct control_cfg *cfg, struct err *e) {
    if (!cfg->dev)
        return err_set(e, WEFT_E_UNSUPPORTED,
                       "operation with TLS and tokens is not there yet; use --dev: an open API on loopback addresses");
    if (cfg->trust_domain.len && !spiffe_trust_domain_ok(cfg->trust_domain))
        return err_set(e, WEFT_E_INVALID, "--trust-domain: must be of a-z, 0-9 and .-_, at most 255 octets");
    int rc = check_address(&cfg->listen, "listen", e);
    if (rc >= 0)
        rc = check_address(&cfg->xds_listen, "xds-listen", e);
    return rc < 0 || !cfg->store.len ? rc : store_check(cfg->store, e);
}

static void on_xds_stream(struct server *s, struct stream *st) {
    struct control *c = s->user;
    node_service_accept(st, &c->service);
}

static struct str or_default(struct str s, struct str dflt) {
    return s.len ? s : dflt;
}

static int open_mesh(struct control *c, const struct control_cfg *cfg, struct err *e) {
    struct mesh_cfg mc = {
        .store = or_default(cfg->store, STR("sqlite:")),
        .data_dir = or_default(cfg->data_dir, STR("./weft-data")),
        .trust_domain = or_default(cfg->trust_domain, STR("cluster.local")),
        .config = cfg->config,
        .opened = cfg->opened,
        .changed = on_changed,
        .ctx = c,
    };
    int rc = mesh_open(&c->mesh, c->loop, &mc, e);
    if (rc >= 0 && !str_starts(mc.store, STR("memory:")))
        sums_open(&c->sessions.sums, c->loop, mc.data_dir);
    if (rc >= 0)
        backup_start(&c->backup, &c->mesh, &(struct backup_cfg){mc.data_dir, cfg->backups, cfg->backup_every_us});
    return rc;
}

static int start_servers(struct control *c, const struct control_cfg *cfg, struct err *e) {
    struct server_cfg rest = {
        .addr = cfg->listen, .on_stream = api_on_stream, .on_bad = api_on_bad, .user = &c->api, .limits = cfg->limits.down};
    struct server_cfg xds = {.addr = cfg->xds_listen,
                             .on_stream = on_xds_stream,
                             .user = c,
                             .limits = cfg->limits.down,
                             .ping_us = PING_US,
                             .pong_us = PONG_US};
    if (!xds.limits.max_streams || xds.limits.max_streams > XDS_STREAMS) /* 0: the default */
        xds.limits.max_streams = XDS_STREAMS;
    c->xds.max_conns = c->rest.max_conns = server_max(&cfg->limits);
    int rc = server_start(&c->xds, c->loop, &xds, e);
    if (rc < 0)
        return rc;
    c->xds_up = true;
    return server_start(&c->rest, c->loop, &rest, e);
}

/* Nothing of it is called any more after this. */
static void free_control(struct control *c) {
    loop_timer_stop(c->loop, &c->timer);
    api_fini(&c->api);
    backup_stop(&c->backup);
    mesh_stop(&c->mesh); /* applies what was still being written: the rest must be there */
    health_fini(&c->health);
    feed_fini(&c->feed);
    push_fini(&c->push);
    sessions_fini(&c->sessions);
    reg_fini(&c->reg);
    mesh_close(&c->mesh);
    free(c);
}

int control_start(struct control **out, struct loop *l, const struct control_cfg *cfg, struct err *e) {
    int rc = control_check(cfg, e);
    if (rc < 0)
        return rc;
    struct control *c = mem_new(struct control);
    c->loop = l;
    c->mesh.loop = l;
    reg_init(&c->reg, &c->mesh, &(struct reg_cfg){on_touched, on_health, on_suspect, on_moved, c});
    push_init(&c->push, &c->mesh, &c->reg);
    health_init(&c->health, &c->mesh, &c->reg);
    feed_init(&c->feed, &c->mesh, &c->reg);
    sessions_init(&c->sessions, &c->mesh, &c->reg);
    c->push.peers = sessions_peers(&c->sessions);
    c->service = (struct node_service){push_source(&c->push), sessions_cb(&c->sessions), sessions_sign(&c->sessions)};
    c->api = (struct api){.mesh = &c->mesh,
                          .reg = &c->reg,
                          .push = &c->push,
                          .sessions = &c->sessions,
                          .feed = &c->feed,
                          .met_rest = &c->rest.met,
                          .met_xds = &c->xds.met,
                          .started = l->now};
    api_init(&c->api);
    rc = open_mesh(c, cfg, e);
    if (rc >= 0)
        rc = start_servers(c, cfg, e);
    if (rc < 0) {
        if (c->xds_up)
            server_stop(&c->xds);
        c->mesh.loop = l; /* also where the mesh did not open */
        free_control(c);
        return rc;
    }
    *out = c;
    return 0;
}

const struct addr *control_listen(const struct control *c) {
    return &c->rest.listener.addr;
}

const struct addr *control_xds_listen(const struct control *c) {
    return &c->xds.listener.addr;
}

int control_reconfigure(struct control *c, const json_t *patch, struct err *e) {
    return mesh_merge_config(&c->mesh, patch, NULL, NULL, e);
}

/* ---- stop: answers under way -> connections -> streams have told -> the store ---- */

static void finish(struct control *c) {
    void (*done)(void *) = c->done;
    void *ctx = c->ctx;
    free_control(c);
    if (done)
        done(ctx);
}

static void look_whether_closed(struct timer *t) {
    struct control *c = container_of(t, struct control, timer);
    if (c->push.n_streams || c->sessions.open)
        loop_timer(c->loop, &c->timer, SETTLE, look_whether_closed);
    else
        finish(c);
}

static void close_servers(struct timer *t) {
    struct control *c = container_of(t, struct control, timer);
    server_stop(&c->rest);
    server_stop(&c->xds);
    c->stopping = true;
    health_fini(&c->health); /* its fetches need a turn of the loop to go */
    loop_timer(c->loop, &c->timer, SETTLE, look_whether_closed);
}

static void on_drained(struct server *s) {
    struct api *api = s->user;
    struct control *c = container_of(api, struct control, api);
    loop_timer(c->loop, &c->timer, 0, close_servers);
}

void control_stop(struct control **cp, void (*done)(void *ctx), void *ctx) {
    struct control *c = *cp;
    *cp = NULL;
    c->done = done;
    c->ctx = ctx;
    loop_timer(c->loop, &c->timer, DRAIN, close_servers);
    c->rest.on_drained = on_drained;
    feed_end(&c->feed); /* else they would be waited for */
    server_drain(&c->rest);
}
