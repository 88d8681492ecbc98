// SPDX-License-Identifier: Apache-2.0
#include "proxy/names.h"
#include <stdio.h>
#include "base/clock.h"
#include "base/mem.h"

#define REFRESH_US (5 * CLOCK_S) /* Envoy's default of dns_refresh_rate */
#define REFRESH_LEAST_US CLOCK_S /* whatever a TTL says */
#define REFRESH_MOST_US (600 * CLOCK_S)

struct name { /* one endpoint of a cluster */
    struct resolved *of;
    const struct endpoint *endpoint;
    struct dns_query *query;
    struct timer timer;
    bool answered;
    int last;        /* how the last question ended: said once */
    struct addr *at; /* found last */
    size_t n;
};

struct resolved { /* a cluster */
    struct names *names;
    struct cluster *cluster; /* reference */
    struct endpoints *found; /* reference; made anew when an address changes */
    struct name *at;
    size_t n;
};

struct names {
    struct loop *loop;
    struct names_cfg cfg;
    struct map clusters; /* name -> struct resolved */
    struct task tell;
};

bool names_of(const struct cluster *c) {
    return c->type == CLUSTER_STRICT_DNS;
}

struct str names_key(struct str cluster, char out[NAMES_KEY]) {
    int n = snprintf(out, NAMES_KEY, "dns:" STR_FMT, STR_ARG(cluster));
    return str_n(out, n < NAMES_KEY ? (size_t)n : NAMES_KEY - 1);
}

/* ---- what was found, as endpoints ---- */
static void add_found(struct endpoints *to, const struct endpoint *e, const struct addr *a) {
    char text[ADDR_TEXT];
    struct endpoint *one = &to->at[to->n++];
    *one = *e;
    one->address = arena_dup(&to->ref.mem, str_of(addr_ip_text(a, text)));
    one->name = arena_dup(&to->ref.mem, e->name.len ? e->name : e->address);
    one->id = arena_dup(&to->ref.mem, e->id);
}

static void rebuild(struct resolved *r) {
    struct endpoints *to = endpoints_new();
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->at[i].n;
    to->cluster = arena_dup(&to->ref.mem, r->cluster->name);
    to->at = arena_zalloc(&to->ref.mem, (n + 1) * sizeof(*to->at));
    to->overprovisioning = r->cluster->inline_endpoints->overprovisioning;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->at[i].n; k++)
            if (k == 0 || !r->cluster->dns_logical) /* logical: one address at a time */
                add_found(to, r->at[i].endpoint, &r->at[i].at[k]);
    ref_put(r->found);
    r->found = to;
}

static void on_tell(struct task *t) {
    struct names *n = container_of(t, struct names, tell);
    n->cfg.on_change(n->cfg.ctx);
}

/* ---- asking ---- */
static bool same(const struct name *n, const struct dns_answer *a) {
    if (n->n != a->n)
        return false;
    for (size_t i = 0; i < a->n; i++) { /* servers turn their lists around */
        size_t k = 0;
        while (k < n->n && !addr_eq(&n->at[k], &a->at[i]))
            k++;
        if (k == n->n)
            return false;
    }
    return true;
}

static void take(struct name *n, const struct dns_answer *a) {
    free(n->at);
    n->n = a->n;
    n->at = mem_array(a->n ? a->n : 1, sizeof(*n->at));
    if (a->n)
        memcpy(n->at, a->at, a->n * sizeof(*n->at));
    rebuild(n->of);
}

static uint64_t pause(const struct name *n, const struct dns_answer *a, int code) {
    const struct cluster *c = n->of->cluster;
    uint64_t us = c->dns_refresh_us ? c->dns_refresh_us : REFRESH_US;
    if (!code && c->dns_ttl && a->ttl)
        us = a->ttl * CLOCK_S;
    us = us < REFRESH_LEAST_US && !c->dns_refresh_us ? REFRESH_LEAST_US : us > REFRESH_MOST_US ? REFRESH_MOST_US : us;
    return us;
}

static void ask(struct name *n);

static void on_due(struct timer *t) {
    ask(container_of(t, struct name, timer));
}

static void on_answer(void *ctx, int code, const struct dns_answer *a) {
    struct name *n = ctx;
    struct names *all = n->of->names;
    bool first = !n->answered, changed = (!code || code == WEFT_E_NOT_FOUND) && !same(n, a);
    n->query = NULL;
    n->answered = true;
    if (code && code != n->last)
        log_warn(all->cfg.log, "cluster " STR_FMT ": " STR_FMT ": %s", STR_ARG(n->of->cluster->name),
                 STR_ARG(n->endpoint->address), err_text(code));
    n->last = code;
    if (changed)
        take(n, a);
    if (changed || first)
        loop_later(all->loop, &all->tell, on_tell);
    loop_timer(all->loop, &n->timer, pause(n, a, code), on_due);
}

static void ask(struct name *n) {
    static const enum dns_family families[] = {[CLUSTER_DNS_AUTO] = DNS_AUTO,
                                               [CLUSTER_DNS_V4] = DNS_V4,
                                               [CLUSTER_DNS_V6] = DNS_V6,
                                               [CLUSTER_DNS_V4_PREFERRED] = DNS_V4_PREFERRED,
                                               [CLUSTER_DNS_ALL] = DNS_ALL};
    n->query = dns_ask(n->of->names->cfg.dns, n->endpoint->address, families[n->of->cluster->dns_family], on_answer, n);
}

/* An address among the names needs no asking. */
static void begin(struct name *n) {
    struct addr a;
    if (addr_ip(&a, n->endpoint->address, 0, NULL) < 0) {
        ask(n);
        return;
    }
    n->answered = true;
    take(n, &(struct dns_answer){.at = &a, .n = 1});
}

/* ---- clusters ---- */
static void resolved_free(struct resolved *r) {
    for (size_t i = 0; i < r->n; i++) {
        dns_cancel(&r->at[i].query);
        loop_timer_stop(r->names->loop, &r->at[i].timer);
        free(r->at[i].at);
    }
    ref_put(r->found);
    ref_put(r->cluster);
    free(r->at);
    free(r);
}

/* What the cluster's last form had found for that name. */
static void carry(struct name *n, const struct resolved *old) {
    for (size_t i = 0; old && i < old->n; i++)
        if (old->at[i].answered && str_eq(old->at[i].endpoint->address, n->endpoint->address)) {
            n->answered = true;
            take(n, &(struct dns_answer){.at = old->at[i].at, .n = old->at[i].n});
            return;
        }
}

static void add(struct names *n, struct cluster *c, const struct resolved *old) {
    const struct endpoints *eps = c->inline_endpoints;
    struct resolved *r = mem_new(struct resolved);
    r->names = n;
    r->cluster = ref_get(c);
    r->n = eps ? eps->n : 0;
    r->at = mem_array(r->n ? r->n : 1, sizeof(*r->at));
    map_put(&n->clusters, c->name, r);
    rebuild(r);
    for (size_t i = 0; i < r->n; i++) {
        r->at[i].of = r;
        r->at[i].endpoint = &eps->at[i];
        if (old && old->cluster->dns_family == c->dns_family)
            carry(&r->at[i], old);
        begin(&r->at[i]);
    }
}

void names_watch(struct names *n, const struct snap *snap) {
    struct str name;
    struct resolved *r;
    struct cluster *c;
    struct map old = n->clusters;
    n->clusters = (struct map){0};
    MAP_FOR (&snap->of[XDS_CLUSTER], &name, c) {
        if (!names_of(c))
            continue;
        r = map_get(&old, name);
        if (r && r->cluster == c) {
            map_put(&n->clusters, name, r);
            map_del(&old, name);
        } else {
            add(n, c, r);
        }
    }
    MAP_FOR (&old, NULL, r)
        resolved_free(r);
    map_fini(&old);
}

void names_fill(const struct names *n, struct snap *snap) {
    struct str name;
    struct resolved *r;
    char key[NAMES_KEY];
    MAP_FOR (&n->clusters, &name, r)
        snap_put(snap, XDS_ENDPOINT, names_key(name, key), r->found);
}

bool names_pending(const struct names *n) {
    struct resolved *r;
    MAP_FOR (&n->clusters, NULL, r)
        for (size_t i = 0; i < r->n; i++)
            if (!r->at[i].answered)
                return true;
    return false;
}

struct names *names_new(struct loop *l, const struct names_cfg *cfg) {
    struct names *n = mem_new(struct names);
    n->loop = l;
    n->cfg = *cfg;
    return n;
}

void names_free(struct names **np) {
    struct names *n = *np;
    struct resolved *r;
    *np = NULL;
    if (!n)
        return;
    MAP_FOR (&n->clusters, NULL, r)
        resolved_free(r);
    map_fini(&n->clusters);
    loop_later_cancel(&n->tell);
    free(n);
}
