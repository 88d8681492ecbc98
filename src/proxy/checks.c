// SPDX-License-Identifier: Apache-2.0
#include "proxy/checks.h"
#include "base/mem.h"
#include "http/probe.h"
#include "policy/check.h"
#include "proxy/dial.h"

struct checked { /* a host */
    struct list node;
    struct checks *checks;
    struct host *host;             /* reference */
    struct serve_cluster *cluster; /* reference: its newest form */
    struct probe *probe;
    struct probe_octets octets;
    struct probe_statuses *expect;
    struct check check;
    bool known; /* checked once */
    bool seen;  /* in this look at a serving form */
};

struct checks {
    struct loop *loop;
    struct checks_cfg cfg;
    struct list all; /* struct checked */
    struct task tell;
};

static void on_tell(struct task *t) {
    struct checks *c = container_of(t, struct checks, tell);
    c->cfg.on_change(c->cfg.ctx);
}

/* ---- results ---- */
static bool judge(struct checked *c, enum probe_result r) {
    const struct health_check *conf = &c->cluster->cluster->check;
    bool ok = r == PROBE_HEALTHY, was = c->check.healthy;
    if (!c->known || r == PROBE_REFUSED)
        c->check = (struct check){.healthy = ok};
    else
        check_result(&c->check, ok, conf->healthy_threshold, conf->unhealthy_threshold);
    return c->check.healthy != was;
}

static void on_result(void *ctx, enum probe_result r) {
    struct checked *c = ctx;
    bool changed = judge(c, r), first = !c->known;
    c->known = true;
    if (changed || (first && !c->check.healthy))
        log_info(c->checks->cfg.log, "host " STR_FMT " of cluster " STR_FMT " is %s", STR_ARG(c->host->text),
                 STR_ARG(c->cluster->cluster->name), c->check.healthy ? "healthy" : "unhealthy");
    c->host->failed_check = !c->check.healthy;
    c->cluster->stale |= changed;
    if (changed || first)
        loop_later(c->checks->loop, &c->checks->tell, on_tell);
}

static struct transport *dial(void *ctx, struct loop *l, uint64_t timeout_us) {
    struct checked *c = ctx;
    const struct serve_cluster *sc = c->cluster;
    const struct health_check *h = &sc->cluster->check;
    bool h1 = h->kind == CHECK_HTTP && !h->h2 && sc->tls_h1; /* what ALPN may choose */
    struct tls_ctx *tls = h->kind == CHECK_TCP ? sc->tls_raw : h1 ? sc->tls_h1 : sc->tls;
    return dial_host(l, sc, c->host, tls, NULL, NULL, NULL);
}

/* ---- what is asked ---- */
static const struct probe_statuses only_200 = {200, 201};

static struct probe_statuses *expected(const struct health_check *h) {
    struct probe_statuses *to = h->n_expect ? mem_array(h->n_expect, sizeof(*to)) : NULL;
    for (size_t i = 0; i < h->n_expect; i++)
        to[i] = (struct probe_statuses){h->expect[i].from, h->expect[i].to};
    return to;
}

static void begin(struct checked *c) {
    const struct health_check *h = &c->cluster->cluster->check;
    struct probe_cfg cfg = {.kind = h->kind == CHECK_GRPC  ? PROBE_GRPC
                                    : h->kind == CHECK_TCP ? PROBE_TCP
                                                           : PROBE_HTTP,
                            .proto = h->h2 ? CONN_H2 : CONN_H1,
                            .addr = c->host->addr,
                            .dial = dial,
                            .tls = c->host->mtls,
                            .authority = h->host.len ? h->host : c->cluster->cluster->name,
                            .path = h->path,
                            .expect = &only_200,
                            .n_expect = 1,
                            .octets = &c->octets,
                            .at_once = !c->known,
                            .interval_us = h->interval_us,
                            .timeout_us = h->timeout_us,
                            .more_us = h->jitter_us};
    c->expect = expected(h);
    c->octets = (struct probe_octets){h->send, h->receive, h->n_receive};
    if (h->n_expect) {
        cfg.expect = c->expect;
        cfg.n_expect = h->n_expect;
    }
    c->probe = probe_start(c->checks->loop, &cfg, on_result, c);
}

static void end(struct checked *c) {
    probe_stop(&c->probe);
    free(c->expect);
    c->expect = NULL;
}

/* ---- the hosts ---- */
static void drop(struct checked *c) {
    end(c);
    c->host->check = NULL;
    list_remove(&c->node);
    ref_put(c->host);
    ref_put(c->cluster);
    free(c);
}

static struct checked *add(struct checks *checks, struct host *h) {
    struct checked *c = mem_new(struct checked);
    c->checks = checks;
    c->host = ref_get(h);
    c->check.healthy = !h->failed_check; /* one that served before it was checked goes on until a check fails */
    h->check = c;
    list_push(&checks->all, &c->node);
    return c;
}

/* Another form of the cluster: asked anew only where that asks otherwise. */
static void follow(struct checked *c, struct serve_cluster *now) {
    struct serve_cluster *was = c->cluster;
    c->cluster = ref_get(now);
    c->seen = true;
    if (was && was->cluster == now->cluster) {
        ref_put(was);
        return;
    }
    end(c); /* it borrows from the old one */
    begin(c);
    ref_put(was);
}

void checks_watch(struct checks *checks, struct serve *s) {
    struct serve_cluster *sc;
    MAP_FOR (&s->clusters, NULL, sc)
        for (size_t i = 0; sc->cluster->check.enabled && i < sc->n_all; i++) {
            struct host *h = sc->all[i];
            follow(h->check ? h->check : add(checks, h), sc);
        }
    LIST_FOR (n, &checks->all) {
        struct checked *c = list_entry(n, struct checked, node);
        if (!c->seen)
            drop(c);
        else
            c->seen = false;
    }
}

bool checks_pending(const struct checks *checks) {
    LIST_FOR (n, &checks->all)
        if (!list_entry(n, struct checked, node)->known)
            return true;
    return false;
}

/* ---- life ---- */
struct checks *checks_new(struct loop *l, const struct checks_cfg *cfg) {
    struct checks *c = mem_new(struct checks);
    c->loop = l;
    c->cfg = *cfg;
    list_init(&c->all);
    return c;
}

void checks_free(struct checks **cp) {
    struct checks *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    loop_later_cancel(&c->tell);
    while (!list_empty(&c->all))
        drop(list_entry(c->all.next, struct checked, node));
    free(c);
}
