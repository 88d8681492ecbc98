// SPDX-License-Identifier: Apache-2.0
#include "proxy/demand.h"
#include "base/clock.h"
#include "base/mem.h"

struct need {              /* a service that the app named */
    uint64_t since;        /* when it was first asked for */
    uint64_t absent_until; /* 0: not known to be absent */
    uint64_t told;         /* of that: what demand.absent says, and then no table is published */
};

struct used {            /* a cluster that some table refers to, or that is asked for along with its table */
    uint64_t sweep;      /* the last pass that found it referred to */
    bool eds;            /* its endpoints are subscribed */
    bool gone, eds_gone; /* the control plane said that there is none */
};

void demand_init(struct demand *d, const struct demand_sub *sub, struct snap *snap) {
    *d = (struct demand){.sub = *sub, .snap = snap};
}

void demand_fini(struct demand *d) {
    struct need *n;
    struct used *u;
    struct route_table *t;
    uint64_t *until;
    MAP_FOR (&d->needs, NULL, n)
        free(n);
    MAP_FOR (&d->clusters, NULL, u)
        free(u);
    MAP_FOR (&d->tables, NULL, t)
        ref_put(t);
    MAP_FOR (&d->absent, NULL, until)
        free(until);
    map_fini(&d->needs);
    map_fini(&d->clusters);
    map_fini(&d->tables);
    map_fini(&d->absent);
}

/* ---- clusters ---- */
static struct used *use_cluster(struct demand *d, struct str name) {
    struct used *u = map_get(&d->clusters, name);
    if (!u) {
        u = mem_new(struct used);
        map_put(&d->clusters, name, u);
        d->sub.subscribe(d->sub.ctx, XDS_CLUSTER, name);
        d->sub.subscribe(d->sub.ctx, XDS_ENDPOINT, name); /* of the same name nearly always: a round trip saved */
        u->eds = true;
    }
    u->sweep = d->sweep;
    return u;
}

static void drop_cluster(struct demand *d, struct str name, struct used *u) {
    d->sub.unsubscribe(d->sub.ctx, XDS_CLUSTER, name);
    if (u->eds)
        d->sub.unsubscribe(d->sub.ctx, XDS_ENDPOINT, name);
    snap_del(d->snap, XDS_CLUSTER, name);
    snap_del(d->snap, XDS_ENDPOINT, name);
    free(u);
    map_del(&d->clusters, name);
}

static void use_table(struct demand *d, const struct route_table *t) {
    for (size_t v = 0; v < t->n_vhosts; v++)
        for (size_t i = 0; i < t->vhosts[v].n_routes; i++)
            for (size_t c = 0; c < t->vhosts[v].routes[i].n_clusters; c++)
                use_cluster(d, t->vhosts[v].routes[i].clusters[c].cluster);
}

static bool cluster_there(const struct demand *d, struct str name) {
    const struct used *u = map_get(&d->clusters, name);
    const struct cluster *c = snap_get(d->snap, XDS_CLUSTER, name);
    if (!u || (!c && !u->gone))
        return false;
    return !c || c->type != CLUSTER_EDS || snap_get(d->snap, XDS_ENDPOINT, name) || u->eds_gone;
}

static bool table_whole(const struct demand *d, const struct route_table *t) {
    for (size_t v = 0; v < t->n_vhosts; v++)
        for (size_t i = 0; i < t->vhosts[v].n_routes; i++)
            for (size_t c = 0; c < t->vhosts[v].routes[i].n_clusters; c++)
                if (!cluster_there(d, t->vhosts[v].routes[i].clusters[c].cluster))
                    return false;
    return true;
}

/* ---- what is known ---- */
static bool set_absent(struct demand *d, struct str name, uint64_t until) {
    uint64_t *at = map_get(&d->absent, name);
    if (!until) {
        free(map_del(&d->absent, name));
        return at != NULL;
    }
    if (at && *at == until)
        return false;
    if (!at) {
        at = mem_new(uint64_t);
        map_put(&d->absent, name, at);
    }
    *at = until;
    return true;
}

static bool publish(struct demand *d, struct str name, struct route_table *t) {
    struct route_table *old = map_get(&d->tables, name);
    if (old == t)
        return false;
    if (t)
        map_put(&d->tables, name, ref_get(t));
    else
        map_del(&d->tables, name);
    ref_put(old);
    return true;
}

bool demand_want(struct demand *d, struct str name, uint64_t now) {
    struct need *n = map_get(&d->needs, name);
    if (n && n->absent_until && n->absent_until <= now)
        n->absent_until = now + DEMAND_ABSENT_US; /* still subscribed: had it come, we would know */
    if (n)
        return map_has(&d->tables, name) || n->absent_until;
    if (d->needs.len >= DEMAND_MAX)
        return false;
    n = mem_new(struct need);
    n->since = now;
    map_put(&d->needs, name, n);
    d->sub.subscribe(d->sub.ctx, XDS_ROUTE, name);
    if (!route_is_alias(name))
        use_cluster(d, name);
    return false;
}

void demand_came(struct demand *d, enum xds_type type, struct str name) {
    struct need *n = type == XDS_ROUTE ? map_get(&d->needs, name) : NULL;
    struct used *u = type == XDS_CLUSTER || type == XDS_ENDPOINT ? map_get(&d->clusters, name) : NULL;
    if (n)
        n->absent_until = 0;
    if (u && type == XDS_CLUSTER)
        u->gone = false;
    if (u && type == XDS_ENDPOINT)
        u->eds_gone = false;
}

void demand_removed(struct demand *d, enum xds_type type, struct str name, uint64_t now) {
    struct need *n = type == XDS_ROUTE ? map_get(&d->needs, name) : NULL;
    struct used *u = type == XDS_CLUSTER || type == XDS_ENDPOINT ? map_get(&d->clusters, name) : NULL;
    if (n)
        n->absent_until = now + DEMAND_ABSENT_US;
    if (u && type == XDS_CLUSTER)
        u->gone = true;
    if (u && type == XDS_ENDPOINT)
        u->eds_gone = true;
    snap_del(d->snap, type, name);
}

/* Clusters that nothing refers to any more: neither a table that serves nor one that is to, nor a need still without one. */
static void drop_unused(struct demand *d) {
    struct str name;
    struct used *u;
    MAP_FOR (&d->clusters, &name, u)
        if (u->sweep != d->sweep)
            drop_cluster(d, name, u);
}

static void mark_used(struct demand *d) {
    struct str name;
    struct need *n;
    struct route_table *t;
    d->sweep++;
    MAP_FOR (&d->needs, &name, n) {
        bool alias = route_is_alias(name);
        if (alias && n->absent_until)
            continue; /* nothing refers to anything: there may be thousands that an app dials in vain */
        struct route_table *next = snap_get(d->snap, XDS_ROUTE, name);
        if (next)
            use_table(d, next);
        else if (!alias)
            use_cluster(d, name);
    }
    MAP_FOR (&d->tables, NULL, t)
        use_table(d, t);
}

bool demand_settle(struct demand *d, uint64_t now) {
    struct str name;
    struct need *n;
    bool changed = false;
    mark_used(d);
    MAP_FOR (&d->needs, &name, n) {
        if (n->absent_until && n->absent_until == n->told)
            continue;
        struct route_table *t = snap_get(d->snap, XDS_ROUTE, name);
        if (n->absent_until)
            changed |= publish(d, name, NULL);
        else if (t && table_whole(d, t))
            changed |= publish(d, name, t);
        changed |= set_absent(d, name, n->absent_until);
        n->told = n->absent_until;
    }
    mark_used(d); /* again: what only a table that just left referred to */
    drop_unused(d);
    return changed;
}

bool demand_evict(struct demand *d, uint64_t now, uint64_t (*used_at)(void *ctx, struct str name), void *ctx) {
    struct str name;
    struct need *n;
    bool changed = false;
    MAP_FOR (&d->needs, &name, n) {
        uint64_t used = map_has(&d->tables, name) ? used_at(ctx, name) * CLOCK_S : 0;
        if (used < n->since)
            used = n->since;
        bool over = n->absent_until ? n->absent_until <= now : used + DEMAND_UNUSED_US <= now;
        if (!over)
            continue;
        d->sub.unsubscribe(d->sub.ctx, XDS_ROUTE, name);
        snap_del(d->snap, XDS_ROUTE, name);
        publish(d, name, NULL);
        set_absent(d, name, 0);
        free(n);
        map_del(&d->needs, name);
        changed = true;
    }
    if (changed) {
        mark_used(d);
        drop_unused(d);
    }
    return changed;
}

bool demand_pending(const struct demand *d) {
    struct str name;
    struct need *n;
    MAP_FOR (&d->needs, &name, n)
        if (!n->absent_until && !map_has(&d->tables, name))
            return true;
    return false;
}
