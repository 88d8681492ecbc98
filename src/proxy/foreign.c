// SPDX-License-Identifier: Apache-2.0
#include "proxy/foreign.h"
#include "base/mem.h"
#include "xds/link.h"

struct foreign {
    struct loop *loop;
    struct foreign_cfg cfg;
    struct link *link;
    struct snap *fixed, *got, *warm; /* references: the bootstrap's; what came last; what takes effect */
    struct map needed[XDS_TYPES];    /* names asked for, of types that are asked for by name */
    bool answered[XDS_TYPES];
    bool all_warm;
};

static const enum xds_type by_name[] = {XDS_ENDPOINT, XDS_ROUTE, XDS_SECRET};

/* ---- what a resource refers to ---- */
typedef bool need_f(struct foreign *f, enum xds_type type, struct str name); /* false: it is not there */

static bool is_there(struct foreign *f, enum xds_type type, struct str name) {
    return snap_get(f->got, type, name) || snap_get(f->fixed, type, name);
}

static bool note(struct foreign *f, enum xds_type type, struct str name) {
    if (!snap_get(f->fixed, type, name))
        map_put(&f->needed[type], name, f);
    return true;
}

static bool names_of_tls(struct foreign *f, const struct tls_context *t, need_f *need) {
    bool ok = true;
    if (t && t->cert_secret.len)
        ok &= need(f, XDS_SECRET, t->cert_secret);
    if (t && t->ca_secret.len)
        ok &= need(f, XDS_SECRET, t->ca_secret);
    return ok;
}

static bool names_of_chain(struct foreign *f, const struct filter_chain *c, need_f *need) {
    bool ok = names_of_tls(f, c->tls, need);
    if (c->kind == CHAIN_HTTP && c->hcm.rds_name.len)
        ok &= need(f, XDS_ROUTE, c->hcm.rds_name);
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
        ok &= need(f, XDS_ENDPOINT, c->eds_name.len ? c->eds_name : c->name);
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
    void *v;
    memcpy(old, f->needed, sizeof(old));
    memset(f->needed, 0, sizeof(f->needed));
    note_all(f, f->fixed);
    note_all(f, f->got);
    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++) {
        enum xds_type type = by_name[i];
        MAP_FOR (&f->needed[type], &name, v)
            link_subscribe(f->link, type, name);
        MAP_FOR (&old[type], &name, v)
            if (!map_has(&f->needed[type], name)) {
                link_unsubscribe(f->link, type, name);
                snap_del(f->got, type, name);
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

static void settle(struct foreign *f) {
    struct snap *next = snap_new(NULL);
    struct str name;
    void *v;
    f->all_warm = true;
    warm_all(f, next, XDS_LISTENER);
    warm_all(f, next, XDS_CLUSTER);
    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++) {
        carry(f, next, by_name[i]);
        MAP_FOR (&f->needed[by_name[i]], &name, v)
            f->all_warm &= is_there(f, by_name[i], name);
    }
    ref_put(f->warm);
    f->warm = next;
}

bool foreign_settled(const struct foreign *f) {
    return (!f->cfg.listeners || f->answered[XDS_LISTENER]) && (!f->cfg.clusters || f->answered[XDS_CLUSTER]) && f->all_warm;
}

/* ---- the link ---- */
static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    struct foreign *f = ctx;
    if (snap_get(f->fixed, type, name))
        return err_set(e, WEFT_E_CONFLICT, "a static resource has that name");
    snap_put(f->got, type, name, resource);
    return 0;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    struct foreign *f = ctx;
    snap_del(f->got, type, name);
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
    settle(f);
    f->cfg.on_change(f->cfg.ctx);
}

static void on_up(void *ctx) {
    log_info(((struct foreign *)ctx)->cfg.log, "connected to the control plane");
}

static void on_down(void *ctx, const struct err *why) {
    log_warn(((struct foreign *)ctx)->cfg.log, "control plane: %s", why->msg);
}

/* ---- life ---- */
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
                                   .on_answer = on_answer,
                                   .on_response = on_response,
                                   .on_up = on_up,
                                   .on_down = on_down},
                            .ctx = f};
    f->link = link_start(l, &link);
    if (cfg->clusters)
        link_subscribe(f->link, XDS_CLUSTER, STR("*"));
    if (cfg->listeners)
        link_subscribe(f->link, XDS_LISTENER, STR("*"));
    follow(f);
    settle(f);
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
    for (int type = 0; type < XDS_TYPES; type++)
        map_fini(&f->needed[type]);
    ref_put(f->fixed);
    ref_put(f->got);
    ref_put(f->warm);
    free(f);
}
