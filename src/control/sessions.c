// SPDX-License-Identifier: Apache-2.0
#include "control/sessions.h"
#include "base/mem.h"
#include "control/schema.h"
#include "crypto/ca.h"
#include "crypto/x509.h"
#include "io/addr.h"
#include "io/loop.h"

struct peer { /* one session, after its hello */
    struct sessions *all;
    struct list node; /* in name.stay, unless it leaves */
    char *key;        /* "NS/SERVICE/ID" */
    uint64_t boot_id;
    json_t *hello;
    bool healthy, leaving;
};
struct name {         /* a key by which proxies are here: mostly one */
    struct list stay; /* of struct peer, oldest first */
};

static void on_stats(void *ctx, struct session *ses, const struct session_stats *st) {
    struct sessions *s = ctx;
    struct peer *p = session_user(ses);
    if (p)
        sums_add(&s->sums, p->boot_id, st);
}

/* ---- hello ---- */

static int checked(int rc, const char *field, struct err *e) {
    return rc < 0 ? err_in(e, "%s", field) : 0;
}

static int check_health_path(struct str path, struct err *e) {
    if (path.len > HEALTH_PATH_MAX)
        return err_set(e, WEFT_E_INVALID, "must have at most %u octets", HEALTH_PATH_MAX);
    return path.len ? check_path(path, e) : 0;
}

static int check_endpoint(const struct hello *h, struct err *e) {
    if (h->app_port && !addr_is_ip(h->app_ip))
        return err_set(e, WEFT_E_INVALID, "app_ip: must be an IP address");
    if (h->inbound_port && !addr_is_ip(h->inbound_ip))
        return err_set(e, WEFT_E_INVALID, "inbound_ip: must be an IP address");
    return checked(check_health_path(h->health_check_path, e), "health_check_path", e);
}

static int check_protocol(struct str s, struct err *e) {
    static const char *const all[] = {"", "http", "http2", "grpc", "tcp"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eq(s, str_of(all[i])))
            return 0;
    return err_set(e, WEFT_E_INVALID, "protocol: must be one of http, http2, grpc, tcp");
}

static int check_hello(const struct hello *h, struct err *e) {
    int rc = checked(check_id(h->id, e), "id", e);
    if (rc >= 0)
        rc = checked(check_name(h->service, e), "service", e);
    if (rc >= 0)
        rc = checked(check_name(h->ns, e), "namespace", e);
    if (rc >= 0)
        rc = check_protocol(h->protocol, e);
    if (rc >= 0)
        rc = check_endpoint(h, e);
    return rc;
}

static int read_labels(const struct hello *h, json_t *out, struct err *e) {
    if (h->n_labels > 64)
        return err_set(e, WEFT_E_LIMIT, "labels: more than 64");
    for (size_t i = 0; i < h->n_labels; i++) {
        struct str value = h->labels[i], key = str_cut(&value, '=');
        int rc = value.ptr ? check_label_key(key, e) : err_set(e, WEFT_E_INVALID, "must be key=value");
        if (rc >= 0)
            rc = check_label_value(value, e);
        if (rc < 0)
            return err_in(e, "labels");
        json_object_setn_new(out, key.ptr, key.len, json_of_str(value));
    }
    return 0;
}

/* What the registry keeps of it (struct sidecar). */
static json_t *hello_json(const struct hello *h, json_t *labels) {
    json_t *o = json_object();
    json_object_set_new(o, "id", json_of_str(h->id));
    json_object_set_new(o, "app_ip", json_of_str(h->app_ip));
    json_object_set_new(o, "app_port", json_integer(h->app_port));
    json_object_set_new(o, "protocol", json_of_str(h->protocol.len ? h->protocol : STR("http")));
    json_object_set_new(o, "health_check_path", json_of_str(h->health_check_path.len ? h->health_check_path : STR("/health")));
    json_object_set_new(o, "inbound_ip", json_of_str(h->inbound_ip));
    json_object_set_new(o, "inbound_port", json_integer(h->inbound_port));
    json_object_set_new(o, "version", json_of_str(str_first(h->version, 64)));
    json_object_set_new(o, "labels", labels);
    return o;
}

static void enter(struct peer *p) {
    struct name *name = map_get(&p->all->names, str_of(p->key));
    if (!name) {
        name = mem_new(struct name);
        list_init(&name->stay);
        map_put(&p->all->names, str_of(p->key), name);
    }
    list_push(&name->stay, &p->node);
    p->all->open++;
}

static void withdraw(struct peer *p) {
    if (!list_linked(&p->node))
        return;
    struct name *name = map_get(&p->all->names, str_of(p->key));
    list_remove(&p->node);
    if (list_empty(&name->stay))
        free(map_del(&p->all->names, str_of(p->key)));
}

/* The newest other session of the same name that stays, or NULL. */
static struct peer *heir_of(const struct peer *p) {
    struct name *name = map_get(&p->all->names, str_of(p->key));
    if (!name)
        return NULL;
    struct list *last = name->stay.prev == &p->node ? p->node.prev : name->stay.prev;
    return last == &name->stay ? NULL : list_entry(last, struct peer, node);
}

static void warn_of_twins(const struct peer *p) {
    const struct peer *twin = heir_of(p);
    if (twin && twin->boot_id != p->boot_id)
        log_warn(p->all->mesh->loop->log, "proxy %s is here twice, and the newer one serves: give each an --id of its own",
                 p->key);
}

/* The place of a sidecar that goes is taken by the one that it had displaced. False: there is none. */
static bool hand_over(const struct peer *p) {
    struct peer *heir = heir_of(p);
    if (!heir)
        return false;
    struct sidecar *sc = reg_hello(p->all->reg, str_of(heir->key), json_incref(heir->hello), heir);
    reg_sidecar_health(sc, heir->healthy);
    return true;
}

static int join(void *ctx, const struct hello *h, struct peer **out, struct err *e) {
    struct sessions *s = ctx;
    json_t *labels = json_object();
    int rc = check_hello(h, e);
    if (rc >= 0)
        rc = read_labels(h, labels, e);
    if (rc < 0) {
        json_decref(labels);
        log_warn(s->mesh->loop->log, "a proxy was refused: %s", e->msg);
        return rc;
    }
    struct peer *p = *out = mem_new(struct peer);
    struct buf key = {0};
    buf_fmt(&key, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(h->ns), STR_ARG(h->service), STR_ARG(h->id));
    p->all = s;
    p->key = mem_strdup(buf_str(&key));
    p->boot_id = h->boot_id;
    p->hello = hello_json(h, labels);
    p->healthy = true;
    buf_fini(&key);
    if (!h->takes_over)
        warn_of_twins(p);
    enter(p);
    s->proxies += sums_need(&s->sums, h->boot_id)->sessions++ == 0;
    reg_hello(s->reg, str_of(p->key), json_incref(p->hello), p);
    log_info(s->mesh->loop->log, "proxy %s is here", p->key);
    return 0;
}

static int on_hello(void *ctx, struct session *ses, const struct hello *h, struct err *e) {
    struct peer *p;
    int rc = join(ctx, h, &p, e);
    if (rc >= 0)
        session_set_user(ses, p);
    return rc;
}

/* ---- what follows it ---- */

/* The sidecar of a session, unless a later session has taken its place. */
static struct sidecar *sidecar_of_peer(const struct peer *p) {
    struct sidecar *sc = p ? reg_sidecar(p->all->reg, str_of(p->key)) : NULL;
    return sc && sc->session == p ? sc : NULL;
}

static struct sidecar *sidecar_of(struct session *ses) {
    return sidecar_of_peer(session_user(ses));
}

static void on_health(void *ctx, struct session *ses, bool healthy) {
    struct peer *p = session_user(ses);
    struct sidecar *sc = sidecar_of(ses);
    if (p)
        p->healthy = healthy;
    if (sc)
        reg_sidecar_health(sc, healthy);
}

static void on_failures(void *ctx, struct session *ses, const struct host_failures *f) {
    struct sessions *s = ctx;
    if (session_user(ses))
        reg_failures(s->reg, f->cluster, f->ip, f->port, f->failures);
}

static void on_leaving(void *ctx, struct session *ses) {
    struct sessions *s = ctx;
    struct peer *p = session_user(ses);
    struct sidecar *sc = sidecar_of(ses);
    if (p) {
        p->leaving = true;
        withdraw(p);
    }
    if (!sc)
        return;
    log_info(s->mesh->loop->log, "proxy %s leaves", sc->key);
    if (!hand_over(p))
        reg_leaving(sc);
}

static void part(struct peer **peer) {
    struct peer *p = *peer;
    struct sessions *s = p->all;
    bool owner = sidecar_of_peer(p) != NULL;
    struct sums_boot *b = sums_get(&s->sums, p->boot_id);
    *peer = NULL;
    if (b)
        s->proxies -= --b->sessions == 0;
    if (!owner || p->leaving || !hand_over(p))
        reg_lost(s->reg, str_of(p->key), p);
    withdraw(p);
    s->open--;
    json_decref(p->hello);
    free(p->key);
    free(p);
}

static void on_closed(void *ctx, struct session *ses) {
    struct peer *p = session_user(ses);
    session_set_user(ses, NULL);
    if (p)
        part(&p);
}

struct push_peers sessions_peers(struct sessions *s) {
    return (struct push_peers){join, part, s};
}

/* By this who comes back knows that its certificate still is of this mesh, and asks for no other. */
static struct str on_ca_hash(void *ctx) {
    struct sessions *s = ctx;
    struct err e;
    if (!s->ca_hash[0] && x509_pem_hash(s->ca_hash, ca_cert_pem(s->mesh->ca), &e) < 0)
        s->ca_hash[0] = 0;
    return str_of(s->ca_hash);
}

struct session_cb sessions_cb(struct sessions *s) {
    return (struct session_cb){.hello = on_hello,
                               .ca_hash = on_ca_hash,
                               .stats = on_stats,
                               .health = on_health,
                               .failures = on_failures,
                               .leaving = on_leaving,
                               .closed = on_closed,
                               .ctx = s};
}

/* ---- certificates ---- */

static int sign(struct sessions *s, const struct sign_request *r, struct arena *a, struct ca_issued *out, struct err *e) {
    int rc = checked(check_name(r->service, e), "service", e);
    if (rc >= 0)
        rc = checked(check_name(r->ns, e), "namespace", e);
    if (rc < 0)
        return rc;
    int64_t ttl = r->ttl > 0 && r->ttl < s->mesh->cfg.cert_ttl ? r->ttl : s->mesh->cfg.cert_ttl;
    int64_t now = (int64_t)(loop_wall(s->mesh->loop) / CLOCK_S);
    return ca_sign_csr(s->mesh->ca, r->csr_pem, r->ns, r->service, ttl, now, a, out, e);
}

static int on_sign(void *ctx, const struct sign_request *r, struct arena *a, struct str *cert_pem, struct str *ca_pem,
                   struct err *e) {
    struct sessions *s = ctx;
    struct ca_issued issued = {0};
    int rc = sign(s, r, a, &issued, e);
    if (rc < 0) {
        s->refused++;
        return rc;
    }
    s->issued++;
    *cert_pem = issued.cert_pem;
    *ca_pem = ca_cert_pem(s->mesh->ca);
    return 0;
}

struct sign_service sessions_sign(struct sessions *s) {
    return (struct sign_service){.sign = on_sign, .ctx = s};
}

void sessions_init(struct sessions *s, struct mesh *m, struct reg *r) {
    *s = (struct sessions){.mesh = m, .reg = r};
}

void sessions_fini(struct sessions *s) {
    WEFT_ASSERT(!s->open);
    map_fini(&s->names);
    sums_fini(&s->sums);
}
