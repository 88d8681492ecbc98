// SPDX-License-Identifier: Apache-2.0
/* /stats, /stats/prometheus, /reset_counters. */
#include <stdio.h>
#include "codec/regex.h"
#include "proxy/admin_int.h"
#include "proxy/identity.h"
#include "proxy/proxy.h"
#include "telemetry/prom.h"

struct sink { /* where the values go, and which */
    struct admin_request *r;
    struct regex *filter; /* NULL: all */
    bool used_only;
    json_t *list; /* NULL: text */
};

static void tell(struct sink *s, struct str name, uint64_t value) {
    if ((s->filter && !regex_match(s->filter, name)) || (s->used_only && !value))
        return;
    if (!s->list) {
        buf_fmt(&s->r->out, STR_FMT ": %llu\n", STR_ARG(name), (unsigned long long)value);
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "name", json_of_str(name));
    json_object_set_new(o, "value", json_integer((json_int_t)value));
    json_array_append_new(s->list, o);
}

static void tell_cluster(struct sink *s, const struct serve_cluster *c) {
    static const char *const names[] = {"membership_healthy", "membership_total", "upstream_rq_active"};
    uint64_t values[] = {c->n_healthy, c->n_all, 0};
    for (size_t i = 0; i < c->n_all; i++)
        values[2] += atomic_load_explicit(&c->all[i]->lb.active, memory_order_relaxed);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        tell(s, arena_fmt(s->r->a, "cluster." STR_FMT ".%s", STR_ARG(c->cluster->name), names[i]), values[i]);
}

static void tell_gate(struct sink *s, const struct serve_chain *c) {
    const struct filter_chain *f = c->conf;
    struct str own = f->rbac_stats, shadow = f->shadow_stats;
    const char *dot = shadow.len && !str_ends(shadow, STR(".")) ? "." : "";
    const struct {
        struct str prefix;
        const char *dot, *name;
        const _Atomic uint64_t *value;
    } all[] = {{STR_NONE, "", "allowed", &c->gate->allowed},
               {STR_NONE, "", "denied", &c->gate->denied},
               {shadow, dot, "shadow_allowed", &c->gate->shadow_allowed},
               {shadow, dot, "shadow_denied", &c->gate->shadow_denied}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        tell(s, arena_fmt(s->r->a, STR_FMT "rbac." STR_FMT "%s%s", STR_ARG(own), STR_ARG(all[i].prefix), all[i].dot, all[i].name),
             atomic_load_explicit(all[i].value, memory_order_relaxed));
}

static void tell_gates(struct sink *s, const struct serve *serve) {
    for (unsigned i = 0; i < serve->n_listeners; i++)
        for (unsigned k = 0; k < serve->listeners[i].n_chains; k++)
            if (serve->listeners[i].chains[k].gate)
                tell_gate(s, &serve->listeners[i].chains[k]);
}

static uint64_t connections(const struct proxy *p) {
    uint64_t n = 0;
    for (unsigned i = 0; i < p->env.n; i++)
        n += atomic_load_explicit(&p->stats[i]->connections, memory_order_relaxed);
    return n;
}

static void tell_all(struct sink *s) {
    const struct proxy *p = s->r->p;
    struct serve_cluster *c;
    if (p->serve)
        MAP_FOR (&p->serve->clusters, NULL, c)
            tell_cluster(s, c);
    if (p->serve)
        tell_gates(s, p->serve);
    if (p->cfg.control_state)
        tell(s, STR("control_plane.connected_state"), p->cfg.control_state(p->cfg.ctx));
    tell(s, STR("http.downstream_cx_active"), connections(p));
    tell(s, STR("server.live"), strcmp(admin_state(p), "LIVE") == 0);
    tell(s, STR("server.uptime"), admin_uptime(p));
    if (p->serve && p->serve->identity)
        tell(s, STR("server.days_until_first_cert_expiring"), identity_days_left(p->serve->identity, loop_wall(p->loop)));
    tell(s, STR("server.concurrency"), p->env.n);
    for (unsigned i = 0; i < STAT_COUNT_; i++)
        tell(s, arena_fmt(s->r->a, "weft.%s", stats_name(i)), proxy_stat(p, i) - p->reset_at[i]);
}

void admin_stats(struct admin_request *r) {
    struct sink s = {.r = r, .used_only = admin_param(r, "usedonly", NULL)};
    struct str value;
    struct err e = {0};
    if (admin_param(r, "format", &value) && str_eq(value, STR("prometheus"))) {
        admin_prometheus(r);
        return;
    }
    if (admin_param(r, "format", &value) && !str_eq(value, STR("json")) && !str_eq(value, STR("text"))) {
        admin_bad(r, "usage: /stats?format=(json|prometheus|text)");
        return;
    }
    if (admin_param(r, "filter", &value) && regex_new_anywhere(&s.filter, value, &e) < 0) {
        admin_bad(r, e.msg);
        return;
    }
    s.list = admin_wants_json(r) ? json_array() : NULL;
    tell_all(&s);
    regex_free(&s.filter);
    if (s.list)
        admin_json(r, json_pack("{s:o}", "stats", s.list));
}

void admin_prometheus(struct admin_request *r) {
    r->type = STR(PROM_CONTENT_TYPE);
    proxy_metrics(r->p, &r->out);
}

/* What is counted for Prometheus and for the control plane goes on: a counter of theirs never goes back. */
void admin_reset_counters(struct admin_request *r) {
    for (unsigned i = 0; i < STAT_COUNT_; i++)
        r->p->reset_at[i] = proxy_stat(r->p, i);
    buf_add(&r->out, STR("OK\n"));
}
