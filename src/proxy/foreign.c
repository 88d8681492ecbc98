// SPDX-License-Identifier: Apache-2.0
#include "proxy/foreign.h"
#include "base/mem.h"
#include "io/file.h"
#include "proxy/bootstrap.h"
#include "proxy/scribe.h"
#include "proxy/secrets.h"
#include "proxy/serve.h"
#include "xds/link.h"

struct wait {       /* for a resource that is named */
    uint64_t until; /* loop time; 0: for ever */
    bool over;      /* what needs it goes on without */
};

struct foreign {
    struct loop *loop;
    struct foreign_cfg cfg;
    struct link *link;
    struct snap *fixed, *got, *warm; /* references: the bootstrap's; what came last; what takes effect */
    struct map needed[XDS_TYPES];    /* names asked for, of types that are asked for by name -> struct wait, owned */
    struct wait roots[XDS_TYPES];    /* for all listeners, all clusters */
    bool answered[XDS_TYPES];
    bool all_warm;
    struct timer patience; /* the first wait that ends */
};

static const enum xds_type by_name[] = {XDS_ENDPOINT, XDS_ROUTE, XDS_SECRET};

/* ---- what a resource refers to ---- */
struct need {
    enum xds_type type;
    struct str name;
    uint64_t fetch_us;
    bool certificate; /* XDS_SECRET: else trusted CAs */
};
typedef bool need_f(struct foreign *f, const struct need *n); /* false: it is waited for */

static bool fits(const struct need *n, const void *resource) {
    return n->type != XDS_SECRET || secret_is_certificate(resource) == n->certificate;
}

static bool is_there(struct foreign *f, const struct need *n) {
    const void *there = snap_get(f->got, n->type, n->name);
    const struct wait *w = map_get(&f->needed[n->type], n->name);
    if (!there)
        there = snap_get(f->fixed, n->type, n->name);
    return (there && fits(n, there)) || (w && w->over);
}

static bool note(struct foreign *f, const struct need *n) {
    uint64_t us = n->fetch_us ? n->fetch_us : FETCH_DEFAULT_US;
    if (snap_get(f->fixed, n->type, n->name) || map_has(&f->needed[n->type], n->name))
        return true;
    struct wait *w = mem_new(struct wait);
    w->until = us == UINT64_MAX ? 0 : f->loop->now + us;
    map_put(&f->needed[n->type], n->name, w);
    return true;
}

/* What is in a file is none of the control plane's (proxy/secrets.h). */
static bool name_of_secret(struct foreign *f, const struct secret_ref *r, bool certificate, need_f *need) {
    return !r->name.len || r->path.len || need(f, &(struct need){XDS_SECRET, r->name, r->fetch_us, certificate});
}

static bool names_of_tls(struct foreign *f, const struct tls_context *t, need_f *need) {
    bool ok = !t || name_of_secret(f, &t->cert_secret, true, need);
    return (!t || name_of_secret(f, &t->ca_secret, false, need)) && ok;
}

static bool names_of_chain(struct foreign *f, const struct filter_chain *c, need_f *need) {
    bool ok = names_of_tls(f, c->tls, need);
    if (c->kind == CHAIN_HTTP && c->hcm.rds_name.len)
        ok &= need(f, &(struct need){XDS_ROUTE, c->hcm.rds_name, c->hcm.rds_fetch_us, false});
    return ok;
}

static bool names_of_listener(struct foreign *f, const struct listener *l, need_f *need) {
    bool ok = true;
    for (size_t i = 0; i < l->n_chains; i++)
        ok &= names_of_chain(f, &l->chains[i], need);
    return l->fallback ? names_of_chain(f, l->fallback, need) && ok : ok;
}

static bool names_of_cluster(struct foreign *f, const struct cluster *c, need_f *need) {
    bool ok = names_of_tls(f, c->tls, need);
    if (c->type == CLUSTER_EDS)
        ok &= need(f, &(struct need){XDS_ENDPOINT, c->eds_name.len ? c->eds_name : c->name, c->eds_fetch_us, false});
    return ok;
}

/* ---- subscriptions ---- */
static void note_all(struct foreign *f, const struct snap *s) {
    struct listener *l;
    struct cluster *c;
    MAP_FOR (&s->of[XDS_LISTENER], NULL, l)
        names_of_listener(f, l, note);
    MAP_FOR (&s->of[XDS_CLUSTER], NULL, c)
        names_of_cluster(f, c, note);
}

static void follow(struct foreign *f) {
    struct map old[XDS_TYPES];
    struct str name;
    struct wait *w;
    memcpy(old, f->needed, sizeof(old));
    memset(f->needed, 0, sizeof(f->needed));
    note_all(f, f->fixed);
    note_all(f, f->got);
    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++) {
        enum xds_type type = by_name[i];
        MAP_FOR (&f->needed[type], &name, w)
            link_subscribe(f->link, type, name);
        MAP_FOR (&old[type], &name, w) {
            struct wait *still = map_get(&f->needed[type], name);
            if (still) { /* it has been waited for since then */
                *still = *w;
            } else {
                link_unsubscribe(f->link, type, name);
                snap_del(f->got, type, name);
            }
            free(w);
        }
        map_fini(&old[type]);
    }
}

/* ---- warming ---- */
static bool warm_one(struct foreign *f, enum xds_type type, void *resource) {
    return type == XDS_LISTENER ? names_of_listener(f, resource, is_there) : names_of_cluster(f, resource, is_there);
}

/* What is there and warm, in its newest form; else in its last, if it had one. */
static void warm_all(struct foreign *f, struct snap *next, enum xds_type type) {
    struct str name;
    void *resource;
    MAP_FOR (&f->got->of[type], &name, resource) {
        void *last = snap_get(f->warm, type, name);
        bool warm = warm_one(f, type, resource);
        f->all_warm &= warm;
        if (warm || last)
            snap_put(next, type, name, warm ? resource : last);
    }
}

/* What is not needed any more, or was removed, is kept while a listener or cluster in its last form may want it. */
static void carry(struct foreign *f, struct snap *next, enum xds_type type) {
    struct str name;
    void *resource;
    if (!f->all_warm)
        MAP_FOR (&f->warm->of[type], &name, resource)
            snap_put(next, type, name, resource);
    MAP_FOR (&f->got->of[type], &name, resource)
        snap_put(next, type, name, resource);
}

/* What the static resources name is waited for too. */
static void note_unmet(struct foreign *f, const struct snap *s) {
    struct listener *l;
    struct cluster *c;
    MAP_FOR (&s->of[XDS_LISTENER], NULL, l)
        f->all_warm &= names_of_listener(f, l, is_there);
    MAP_FOR (&s->of[XDS_CLUSTER], NULL, c)
        f->all_warm &= names_of_cluster(f, c, is_there);
}

static void settle(struct foreign *f) {
    struct snap *next = snap_new(NULL);
    f->all_warm = true;
    warm_all(f, next, XDS_LISTENER);
    warm_all(f, next, XDS_CLUSTER);
    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
        carry(f, next, by_name[i]);
    note_unmet(f, f->fixed);
    ref_put(f->warm);
    f->warm = next;
}

static bool root_settled(const struct foreign *f, enum xds_type type, bool asked) {
    return !asked || f->answered[type] || f->roots[type].over;
}

bool foreign_settled(const struct foreign *f) {
    return root_settled(f, XDS_LISTENER, f->cfg.listeners) && root_settled(f, XDS_CLUSTER, f->cfg.clusters) && f->all_warm;
}

/* ---- what does not come ---- */
static void on_patience_over(struct timer *t);

static uint64_t sooner(uint64_t a, const struct wait *w) {
    return w->over || !w->until || w->until >= a ? a : w->until;
}

/* A timer for the first wait that ends. */
static void be_patient(struct foreign *f) {
    uint64_t first = UINT64_MAX;
    struct str name;
    struct wait *w;
    for (int type = 0; type < XDS_TYPES; type++) {
        if (!f->answered[type])
            first = sooner(first, &f->roots[type]);
        MAP_FOR (&f->needed[type], &name, w)
            if (!snap_get(f->got, (enum xds_type)type, name))
                first = sooner(first, w);
    }
    loop_timer_stop(f->loop, &f->patience);
    if (first != UINT64_MAX)
        loop_timer(f->loop, &f->patience, first > f->loop->now ? first - f->loop->now : 0, on_patience_over);
}

static void give_up(struct foreign *f, struct wait *w, enum xds_type type, struct str name) {
    if (w->over || !w->until || w->until > f->loop->now)
        return;
    w->over = true;
    log_warn(f->cfg.log, "control plane: " STR_FMT " \"" STR_FMT "\" has not come within its initial_fetch_timeout",
             STR_ARG(xds_type_url(type)), STR_ARG(name));
}

static void go_on(struct foreign *f) {
    settle(f);
    be_patient(f);
    f->cfg.on_change(f->cfg.ctx);
}

static void on_patience_over(struct timer *t) {
    struct foreign *f = container_of(t, struct foreign, patience);
    struct str name;
    struct wait *w;
    for (int type = 0; type < XDS_TYPES; type++) {
        if (!f->answered[type])
            give_up(f, &f->roots[type], (enum xds_type)type, STR("*"));
        MAP_FOR (&f->needed[type], &name, w)
            if (!snap_get(f->got, (enum xds_type)type, name))
                give_up(f, w, (enum xds_type)type, name);
    }
    go_on(f);
}

/* ---- the link ---- */
static int judge_tls(struct foreign *f, const struct tls_context *t, bool server, struct err *e) {
    int rc = secrets_try_tls(t, f->fixed, e);
    return rc >= 0 && t ? serve_try_tls(t, server, e) : rc;
}

static int judge_logs(const struct access_logs *logs, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < logs->n; i++)
        if (!str_starts(logs->at[i].path, STR("/dev/std"))) /* it is open */
            rc = file_try_append(logs->at[i].path, SCRIBE_MODE, e);
    return rc;
}

static int judge_chain(struct foreign *f, const struct filter_chain *c, struct err *e) {
    int rc = judge_tls(f, c->tls, true, e);
    if (rc >= 0)
        rc = judge_logs(c->kind == CHAIN_HTTP ? &c->hcm.logs : &c->tcp.logs, e);
    return rc < 0 || c->kind != CHAIN_HTTP || !c->hcm.routes ? rc : serve_try_routes(c->hcm.routes, e);
}

static int judge_listener(struct foreign *f, const struct listener *l, struct err *e) {
    struct addr a;
    int rc = bootstrap_addr(&a, l->address, l->port, e);
    if (rc >= 0 && l->fallback)
        rc = judge_chain(f, l->fallback, e);
    for (size_t i = 0; rc >= 0 && i < l->n_chains; i++)
        rc = judge_chain(f, &l->chains[i], e);
    return rc;
}

/* What the decoder cannot see: files and what is in them, for the most part. Were it refused only when it takes effect, the
 * control plane would not know (as Envoy, whose constructors do this). */
static int judge(struct foreign *f, enum xds_type type, void *resource, struct err *e) {
    switch (type) {
    case XDS_SECRET: return secrets_try(resource, e);
    case XDS_LISTENER: return judge_listener(f, resource, e);
    case XDS_CLUSTER: return judge_tls(f, ((const struct cluster *)resource)->tls, false, e);
    default: return 0;
    }
}

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    struct foreign *f = ctx;
    if (snap_get(f->fixed, type, name))
        return err_set(e, WEFT_E_CONFLICT, "a static resource has that name");
    int rc = judge(f, type, resource, e);
    if (rc >= 0)
        snap_put(f->got, type, name, resource);
    return rc;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    struct foreign *f = ctx;
    if (type != XDS_SECRET)
        snap_del(f->got, type, name);
}

static void on_missing(void *ctx, enum xds_type type, struct str name, const struct err *why) {
    struct foreign *f = ctx;
    struct wait *w = map_get(&f->needed[type], name);
    log_warn(f->cfg.log, "control plane: " STR_FMT " \"" STR_FMT "\": %s", STR_ARG(xds_type_url(type)), STR_ARG(name), why->msg);
    if (w)
        w->over = true;
}

static void on_answer(void *ctx, enum xds_type type) {
    ((struct foreign *)ctx)->answered[type] = true;
}

static void on_response(void *ctx) {
    struct foreign *f = ctx;
    struct snap *got = snap_new(f->got); /* what was handed out stays as it is */
    ref_put(f->got);
    f->got = got;
    follow(f);
    go_on(f);
}

static void on_up(void *ctx) {
    log_info(((struct foreign *)ctx)->cfg.log, "connected to the control plane");
}

static void on_down(void *ctx, const struct err *why) {
    log_warn(((struct foreign *)ctx)->cfg.log, "control plane: %s", why->msg);
}

/* ---- life ---- */
static void want_all(struct foreign *f, enum xds_type type, uint64_t fetch_us) {
    uint64_t us = fetch_us ? fetch_us : FETCH_DEFAULT_US;
    f->roots[type].until = us == UINT64_MAX ? 0 : f->loop->now + us;
    link_subscribe(f->link, type, STR("*"));
}

struct foreign *foreign_start(struct loop *l, const struct foreign_cfg *cfg) {
    struct foreign *f = mem_new(struct foreign);
    f->loop = l;
    f->cfg = *cfg;
    f->fixed = ref_get((struct snap *)cfg->fixed);
    f->got = snap_new(NULL);
    f->warm = snap_new(NULL);
    f->all_warm = true;
    struct link_cfg link = {.control = cfg->control,
                            .tls = cfg->tls,
                            .as = cfg->as,
                            .foreign = cfg->node.len ? cfg->node : STR(""),
                            .sotw = cfg->sotw,
                            .cb = {.on_resource = on_resource,
                                   .on_removed = on_removed,
                                   .on_missing = on_missing,
                                   .on_answer = on_answer,
                                   .on_response = on_response,
                                   .on_up = on_up,
                                   .on_down = on_down},
                            .ctx = f};
    f->link = link_start(l, &link);
    if (cfg->clusters)
        want_all(f, XDS_CLUSTER, cfg->clusters_fetch_us);
    if (cfg->listeners)
        want_all(f, XDS_LISTENER, cfg->listeners_fetch_us);
    follow(f);
    settle(f);
    be_patient(f);
    return f;
}

void foreign_fill(const struct foreign *f, struct snap *snap) {
    for (int type = 0; type < XDS_TYPES; type++) {
        struct str name;
        void *resource;
        MAP_FOR (&f->warm->of[type], &name, resource)
            snap_put(snap, (enum xds_type)type, name, resource);
    }
}

const struct map *foreign_listeners(const struct foreign *f) {
    return &f->warm->of[XDS_LISTENER];
}

void foreign_stop(struct foreign **fp) {
    struct foreign *f = *fp;
    *fp = NULL;
    if (!f)
        return;
    link_stop(&f->link);
    loop_timer_stop(f->loop, &f->patience);
    for (int type = 0; type < XDS_TYPES; type++) {
        struct wait *w;
        MAP_FOR (&f->needed[type], NULL, w)
            free(w);
        map_fini(&f->needed[type]);
    }
    ref_put(f->fixed);
    ref_put(f->got);
    ref_put(f->warm);
    free(f);
}
