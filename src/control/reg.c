// SPDX-License-Identifier: Apache-2.0
#include "control/reg.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/loop.h"

struct reg_service {
    char *key;
    struct map sidecars; /* key -> struct sidecar: those of this service */
    struct reg_view view;
    bool current; /* the view is */
};

static double wall(const struct reg *r) {
    return (double)loop_wall(r->mesh->loop) / 1e6;
}

static struct str service_of(struct str key) {
    return str_first(key, (size_t)str_rchr(key, '/'));
}

static struct reg_service *need_service(struct reg *r, struct str key) {
    struct reg_service *s = map_get(&r->services, key);
    if (s)
        return s;
    s = mem_new(struct reg_service);
    s->key = mem_strdup(key);
    map_put(&r->services, key, s);
    return s;
}

static void drop_view(struct reg_service *s) {
    for (size_t i = 0; i < s->view.n; i++)
        json_decref(s->view.at[i].labels);
    free(s->view.at);
    s->view = (struct reg_view){0};
    s->current = false;
}

static void free_service(struct reg_service *s) {
    drop_view(s);
    map_fini(&s->sidecars);
    free(s->key);
    free(s);
}

/* ---- the merged view ---- */

static bool visible(const struct sidecar *s) {
    return s->hello && !s->leaving && s->app_port && s->inbound_port;
}

/* Addresses of the service's sidecars, to find the one of a registration: what peers are told comes before the app's own
 * address, which is loopback on many machines at once. */
struct addresses {
    struct map advertised, app;
};

/* One address can be written in many ways: "::1" and "0:0:0:0:0:0:0:1". */
static struct str address_key(struct buf *b, struct str ip, uint16_t port) {
    char text[ADDR_TEXT];
    struct addr a;
    if (addr_ip(&a, ip, port, NULL) >= 0)
        buf_add(b, str_of(addr_text(&a, text)));
    else
        buf_fmt(b, STR_FMT " %u", STR_ARG(ip), port); /* no address of anything */
    return buf_str(b);
}

static void add_address(struct map *to, struct str ip, struct sidecar *s) {
    struct buf b = {0};
    address_key(&b, ip, s->app_port);
    if (!map_has(to, buf_str(&b)))
        map_put(to, buf_str(&b), s);
    buf_fini(&b);
}

static struct sidecar *find_address(const struct addresses *a, const struct registration *reg) {
    struct buf b = {0};
    struct sidecar *s = map_get(&a->advertised, address_key(&b, reg->ip, reg->port));
    if (!s)
        s = map_get(&a->app, buf_str(&b));
    buf_fini(&b);
    return s;
}

static json_t *merge_labels(const struct registration *reg, const struct sidecar *s) {
    json_t *out = json_object();
    if (s)
        json_object_update(out, s->labels);
    if (reg)
        json_object_update(out, reg->labels);
    return out;
}

static void add_registered(struct reg_view *v, struct registration *reg, struct sidecar *s) {
    v->at[v->n++] = (struct reg_endpoint){
        .id = reg->id,
        .ip = reg->ip,
        .port = reg->port,
        .protocol = reg->protocol,
        .health_path = reg->health_path,
        .weight = reg->weight,
        .labels = merge_labels(reg, s),
        .ttl = json_object_get(reg->body, "ttl"),
        .registration = reg,
        .sidecar = s,
        .healthy = s ? s->healthy : reg->healthy,
        .order = reg->order,
    };
}

static void add_sidecar(struct reg_view *v, struct sidecar *s) {
    v->at[v->n++] = (struct reg_endpoint){
        .id = s->id,
        .ip = s->app_ip,
        .port = s->app_port,
        .protocol = s->protocol,
        .health_path = s->health_path,
        .weight = 100,
        .labels = merge_labels(NULL, s),
        .sidecar = s,
        .healthy = s->healthy,
        .order = s->order,
    };
}

static int by_order(const void *a, const void *b) {
    const struct reg_endpoint *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void add_registrations(struct reg_view *v, const struct mesh_service *ms, const struct addresses *a, struct map *merged) {
    struct registration *reg;
    MAP_FOR (&ms->registrations, NULL, reg) {
        struct sidecar *s = find_address(a, reg);
        reg->through |= s != NULL;
        if (s || !reg->through)
            add_registered(v, reg, s);
        if (s)
            map_put(merged, str_of(s->key), s);
    }
}

static void build_view(struct reg *r, struct reg_service *rs) {
    struct mesh_service *ms = mesh_service(r->mesh, str_of(rs->key));
    struct addresses a = {0};
    struct map merged = {0};
    struct sidecar *s;
    drop_view(rs);
    MAP_FOR (&rs->sidecars, NULL, s) {
        if (!visible(s))
            continue;
        add_address(&a.advertised, s->inbound_ip, s);
        add_address(&a.app, s->app_ip, s);
    }
    size_t room = rs->sidecars.len + (ms ? ms->registrations.len : 0);
    rs->view.at = mem_array(room + 1, sizeof *rs->view.at);
    if (ms)
        add_registrations(&rs->view, ms, &a, &merged);
    MAP_FOR (&rs->sidecars, NULL, s) {
        if (visible(s) && !map_has(&merged, str_of(s->key)))
            add_sidecar(&rs->view, s);
    }
    qsort(rs->view.at, rs->view.n, sizeof *rs->view.at, by_order);
    for (size_t i = 0; i < rs->view.n; i++)
        rs->view.n_healthy += rs->view.at[i].healthy;
    map_fini(&a.advertised);
    map_fini(&a.app);
    map_fini(&merged);
    rs->current = true;
}

const struct reg_view *reg_view(struct reg *r, struct str service) {
    static const struct reg_view none;
    struct reg_service *rs = map_get(&r->services, service);
    if (!rs)
        return &none;
    if (!rs->current)
        build_view(r, rs);
    return &rs->view;
}

bool reg_has_label(const struct reg_endpoint *ep, struct str name, struct str value) {
    struct str have = json_to_str(json_object_getn(ep->labels, name.ptr, name.len));
    return have.ptr && str_eq(have, value);
}

/* A sidecar checks its app all the time and tells when that fails, so as long as it is here and tells nothing its app is. */
static double seen_by(const struct sidecar *s) {
    return s->session && s->healthy ? wall(s->reg) : s->seen;
}

double reg_seen(const struct reg_endpoint *ep) {
    double a = ep->registration ? ep->registration->seen : 0, b = ep->sidecar ? seen_by(ep->sidecar) : 0;
    return a > b ? a : b;
}

bool reg_has(struct reg *r, struct str service) {
    return reg_view(r, service)->n > 0;
}

void reg_each(struct reg *r, void (*each)(void *ctx, struct str service), void *ctx) {
    struct str key;
    struct reg_service *rs;
    MAP_FOR (&r->services, &key, rs) {
        if (reg_has(r, key))
            each(ctx, key);
    }
}

static void tell_health(struct reg *r, enum store_kind kind, struct str key) {
    if (r->cfg.health)
        r->cfg.health(r->cfg.ctx, kind, key);
}

/* ---- health ---- */

static struct str registration_key(struct buf *b, const struct registration *g) {
    buf_fmt(b, "%s/" STR_FMT, g->service->key, STR_ARG(g->id));
    return buf_str(b);
}

static void set_registration(struct reg *r, struct registration *g, struct str key, bool usable) {
    g->healthy = usable;
    log_info(r->mesh->loop->log, "endpoint " STR_FMT " is %s", STR_ARG(key), usable ? "healthy" : "unhealthy");
    tell_health(r, STORE_ENDPOINT, key);
}

static void set_sidecar(struct sidecar *s, bool usable) {
    s->seen = seen_by(s);
    s->healthy = usable;
    tell_health(s->reg, STORE_SIDECAR, str_of(s->key));
}

/* One that is healthy and held out, when nothing else is left. */
static bool use_again(struct reg *r, const struct reg_endpoint *ep) {
    struct buf b = {0};
    enum store_kind kind = ep->sidecar ? STORE_SIDECAR : STORE_ENDPOINT;
    struct str key = ep->sidecar ? str_of(ep->sidecar->key) : registration_key(&b, ep->registration);
    bool waits = flaps_waits(&r->flaps, kind, key);
    if (waits) {
        flaps_release(&r->flaps, kind, key);
        if (ep->sidecar)
            set_sidecar(ep->sidecar, true);
        else
            set_registration(r, ep->registration, key, true);
    }
    buf_fini(&b);
    return waits;
}

/* Damping never takes the last endpoint of a service. */
static void keep_one(struct reg *r, struct reg_service *rs) {
    const struct reg_view *v = reg_view(r, str_of(rs->key));
    bool changed = false;
    if (v->n_healthy)
        return;
    for (size_t i = 0; i < v->n; i++)
        changed |= use_again(r, &v->at[i]);
    if (changed)
        drop_view(rs);
}

void reg_touch(struct reg *r, struct str service) {
    struct reg_service *rs = map_get(&r->services, service);
    if (rs)
        drop_view(rs);
    if (rs && r->flaps.held)
        keep_one(r, rs);
    if (r->asked)
        map_put(&r->unsettled, service, r);
    r->cfg.touched(r->cfg.ctx, service);
}

static uint64_t interval_of(const struct reg *r, struct str service) {
    struct service_settings st;
    mesh_settings(r->mesh, service, &st);
    return st.check.interval_us;
}

/* May it be used? */
static bool judge(struct reg *r, enum store_kind kind, struct str key, bool healthy) {
    if (healthy && !flaps_known(&r->flaps, kind, key))
        return true;
    return flaps_tell(&r->flaps, kind, key, healthy, interval_of(r, service_of(key)));
}

void reg_health(struct reg *r, struct registration *g, bool healthy) {
    struct buf b = {0};
    struct str key = registration_key(&b, g);
    bool usable = judge(r, STORE_ENDPOINT, key, healthy), doubtful = g->doubtful;
    g->doubtful = false;
    if (g->healthy != usable)
        set_registration(r, g, key, usable);
    else if (doubtful)
        tell_health(r, STORE_ENDPOINT, key);
    else if (usable == healthy)
        goto out;                          /* nothing new */
    reg_touch(r, str_of(g->service->key)); /* held out, it may be the last that there is */
out:
    buf_fini(&b);
}

static void add_failures(uint64_t *sum, uint64_t n) {
    *sum = n > INT64_MAX - *sum ? INT64_MAX : *sum + n; /* a proxy that runs away must not make it go back */
}

static bool is_at(const struct reg_endpoint *ep, struct str address) {
    struct buf b = {0};
    const struct sidecar *s = ep->sidecar;
    bool same = str_eq(address_key(&b, s ? s->inbound_ip : ep->ip, s ? s->inbound_port : ep->port), address);
    buf_fini(&b);
    return same;
}

void reg_failures(struct reg *r, struct str cluster, struct str ip, uint16_t port, uint64_t n) {
    struct str rest = cluster, service = str_cut(&rest, '|');
    const struct reg_view *v = reg_view(r, service);
    struct buf b = {0};
    struct str address = address_key(&b, ip, port);
    for (size_t i = 0; i < v->n; i++) {
        const struct reg_endpoint *ep = &v->at[i];
        if (!is_at(ep, address))
            continue;
        add_failures(ep->sidecar ? &ep->sidecar->failures : &ep->registration->failures, n);
        if (!ep->sidecar && r->cfg.suspect)
            r->cfg.suspect(r->cfg.ctx, ep->registration);
    }
    buf_fini(&b);
}

/* Its hold is over. */
static void on_hold_over(void *ctx, enum store_kind kind, struct str key) {
    struct reg *r = ctx;
    struct str service = service_of(key), id = str_from(key, service.len + 1);
    struct sidecar *s = kind == STORE_SIDECAR ? reg_sidecar(r, key) : NULL;
    struct registration *g = kind == STORE_ENDPOINT ? mesh_registration(r->mesh, service, id) : NULL;
    if (s && !s->healthy)
        set_sidecar(s, true);
    else if (g && !g->healthy)
        set_registration(r, g, key, true);
    else
        return;
    reg_touch(r, service);
}

/* Drops what is kept of a service that has nothing any more. */
static void settle_service(struct reg *r, struct str service) {
    struct reg_service *rs = map_get(&r->services, service);
    struct mesh_service *ms = mesh_service(r->mesh, service);
    if (!rs || rs->sidecars.len || (ms && ms->registrations.len))
        return;
    map_del(&r->services, str_of(rs->key));
    free_service(rs);
}

/* ---- sidecars ---- */

static void free_sidecar(struct sidecar *s) {
    loop_timer_stop(s->reg->mesh->loop, &s->grace);
    json_decref(s->hello);
    json_decref(s->wanted);
    free(s->key);
    free(s->service_key);
    free(s);
}

static struct sidecar *need_sidecar(struct reg *r, struct str key) {
    struct sidecar *s = reg_sidecar(r, key);
    if (s)
        return s;
    s = mem_new(struct sidecar);
    s->reg = r;
    s->key = mem_strdup(key);
    s->service_key = mem_strdup(service_of(key));
    s->healthy = true;
    map_put(&r->sidecars, key, s);
    map_put(&need_service(r, str_of(s->service_key))->sidecars, key, s);
    return s;
}

static void drop_sidecar(struct sidecar *s) {
    struct reg *r = s->reg;
    struct reg_service *rs = map_get(&r->services, str_of(s->service_key));
    map_del(&r->sidecars, str_of(s->key));
    if (rs)
        map_del(&rs->sidecars, str_of(s->key));
    free_sidecar(s);
}

struct sidecar *reg_sidecar(const struct reg *r, struct str key) {
    return map_get(&r->sidecars, key);
}

static void forget(struct sidecar *s) {
    if (s->forgotten)
        return;
    s->forgotten = true;
    mesh_delete_sidecar(s->reg->mesh, str_of(s->key));
}

/* ---- who is heard ---- */

static void on_grace(struct timer *t);

static void begin_grace(struct sidecar *s) {
    loop_timer(s->reg->mesh->loop, &s->grace, REG_GRACE, on_grace);
}

static void be_deaf(struct reg *r) {
    if (!r->deaf)
        log_warn(r->mesh->loop->log, "no proxy is heard any more: the %zu sidecars that were here stay endpoints until one is",
                 r->sidecars.len);
    r->deaf = true;
}

/* Whoever does not come back now has a grace of its own to do so. */
static void hear_again(struct reg *r) {
    struct sidecar *s;
    r->deaf = false;
    MAP_FOR (&r->sidecars, NULL, s) {
        if (!s->session && !s->leaving)
            begin_grace(s);
    }
}

static void set_session(struct sidecar *s, void *session) {
    s->reg->here += (session != NULL) - (s->session != NULL);
    s->session = session;
    if (session && s->reg->deaf)
        hear_again(s->reg);
}

static void leave(struct sidecar *s) {
    reg_view(s->reg, str_of(s->service_key)); /* its registrations learn that they belong to it */
    s->leaving = true;
    loop_timer_stop(s->reg->mesh->loop, &s->grace);
    forget(s);
    reg_touch(s->reg, str_of(s->service_key));
}

static void on_grace(struct timer *t) {
    struct sidecar *s = container_of(t, struct sidecar, grace);
    if (!s->reg->here && s->reg->sidecars.len > 1)
        be_deaf(s->reg);
    if (s->reg->deaf)
        begin_grace(s);
    else
        leave(s);
}

static struct str field(const json_t *o, const char *name) {
    return json_to_str(json_object_get(o, name));
}

static void take_hello(struct sidecar *s, const json_t *hello) {
    json_decref(s->hello);
    s->hello = json_incref((json_t *)hello);
    s->id = field(hello, "id");
    s->app_ip = field(hello, "app_ip");
    s->app_port = (uint16_t)json_integer_value(json_object_get(hello, "app_port"));
    s->protocol = field(hello, "protocol");
    s->health_path = field(hello, "health_check_path");
    s->inbound_ip = field(hello, "inbound_ip");
    s->inbound_port = (uint16_t)json_integer_value(json_object_get(hello, "inbound_port"));
    s->labels = json_object_get(hello, "labels");
}

static void applied_sidecar(struct reg *r, const struct mesh_change *ch) {
    struct str service = service_of(ch->key);
    need_service(r, service);
    if (ch->value) {
        struct sidecar *s = need_sidecar(r, ch->key);
        if (!s->hello)
            s->order = r->mesh->order;
        take_hello(s, ch->value);
        s->doubtful |= ch->loading;
        s->seen = wall(r);
        if (!s->session)
            begin_grace(s);
        else if (s->wanted && json_equal(s->wanted, ch->value))
            loop_timer_stop(r->mesh->loop, &s->grace);
    } else {
        struct sidecar *s = reg_sidecar(r, ch->key);
        if (s && !s->session)
            drop_sidecar(s);
        else if (s) { /* it is back already; its new hello comes after this deletion */
            json_decref(s->hello);
            s->hello = NULL;
        }
    }
    reg_touch(r, service);
    settle_service(r, service);
}

void reg_applied(struct reg *r, const struct mesh_change *ch) {
    if (ch->kind == STORE_SIDECAR) {
        applied_sidecar(r, ch);
    } else if (ch->kind == STORE_ENDPOINT) {
        struct str service = str_of(ch->service->key);
        struct registration *g = mesh_registration(r->mesh, service, str_from(ch->key, service.len + 1));
        need_service(r, service);
        if (g)
            g->doubtful |= ch->loading;
        if (g && g->healthy && r->flaps.all.len) /* new, or at another address: nothing is known of it */
            flaps_forget(&r->flaps, STORE_ENDPOINT, ch->key);
        reg_touch(r, service);
        settle_service(r, service);
    }
}

/* A store that refuses (a full disk) must not keep a sidecar out for as long as its session lasts. */
static void on_unwritten(struct timer *t);

static void write_hello(struct sidecar *s) {
    mesh_put_sidecar(s->reg->mesh, str_of(s->key), json_incref(s->wanted));
    loop_timer(s->reg->mesh->loop, &s->grace, REG_RETRY, on_unwritten);
}

static void on_unwritten(struct timer *t) {
    write_hello(container_of(t, struct sidecar, grace));
}

static void set_wanted(struct sidecar *s, json_t *hello) {
    json_decref(s->wanted);
    s->wanted = hello;
}

struct sidecar *reg_hello(struct reg *r, struct str key, json_t *hello, void *session) {
    struct sidecar *s = need_sidecar(r, key);
    bool news = !s->hello || s->forgotten || !json_equal(s->hello, hello);
    set_session(s, session);
    s->leaving = s->forgotten = false;
    bool usable = judge(r, STORE_SIDECAR, key, true);
    if (s->healthy != usable)
        set_sidecar(s, usable);
    else if (s->doubtful)
        tell_health(r, STORE_SIDECAR, key);
    s->doubtful = false;
    s->seen = wall(r);
    loop_timer_stop(r->mesh->loop, &s->grace);
    set_wanted(s, news ? json_incref(hello) : NULL);
    if (news)
        write_hello(s);
    json_decref(hello);
    reg_touch(r, str_of(s->service_key));
    return s;
}

void reg_leaving(struct sidecar *s) {
    leave(s);
}

void reg_lost(struct reg *r, struct str key, void *session) {
    struct sidecar *s = reg_sidecar(r, key);
    if (!s || s->session != session)
        return;
    s->seen = seen_by(s);
    set_session(s, NULL);
    if (s->leaving && s->hello)
        return; /* the deletion is under way, and drops it */
    if (s->leaving) {
        struct reg_service *rs = map_get(&r->services, str_of(s->service_key));
        drop_sidecar(s);
        settle_service(r, str_of(rs->key));
        return;
    }
    begin_grace(s);
}

void reg_sidecar_health(struct sidecar *s, bool healthy) {
    bool usable = judge(s->reg, STORE_SIDECAR, str_of(s->key), healthy);
    s->seen = seen_by(s);
    if (s->healthy != usable)
        set_sidecar(s, usable);
    else if (usable == healthy)
        return;
    reg_touch(s->reg, str_of(s->service_key));
}

void reg_init(struct reg *r, struct mesh *m, const struct reg_cfg *cfg) {
    *r = (struct reg){.mesh = m, .cfg = *cfg};
    flaps_init(&r->flaps, m, on_hold_over, r);
}

void reg_fini(struct reg *r) {
    struct sidecar *s;
    struct reg_service *rs;
    MAP_FOR (&r->sidecars, NULL, s) {
        free_sidecar(s);
    }
    MAP_FOR (&r->services, NULL, rs) {
        free_service(rs);
    }
    map_fini(&r->sidecars);
    map_fini(&r->services);
    map_fini(&r->unsettled);
    owners_fini(&r->owners);
    flaps_fini(&r->flaps);
}
