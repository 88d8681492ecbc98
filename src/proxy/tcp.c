// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp.h"
#include "base/mem.h"
#include "policy/log_filter.h"
#include "policy/split.h"
#include "proxy/dial.h"
#include "proxy/gate.h"
#include "proxy/line.h"
#include "proxy/original.h"
#include "proxy/parties.h"
#include "proxy/reach.h"
#include "proxy/tunnel.h"
#include "telemetry/alog.h"

#define TRIES 8u
#define IDLE_US (3600 * CLOCK_S) /* Envoy's default */
#define FIGURES_US (5 * CLOCK_S) /* how often the octets of a tunnel that flows are counted */

struct tcp {
    struct list node; /* in worker.tcps */
    struct down *d;
    struct worker *w;
    enum { TCP_HANDSHAKE, TCP_REACHING, TCP_DIALLING, TCP_FLOWING } state;
    struct transport *down, *up;
    struct lease *lease; /* until it flows: what it is connected by */
    struct serve_chain *chain;
    struct serve_cluster *cluster;
    struct reach reach;          /* an app's: which cluster */
    struct {                     /* where it goes; these stay */
        struct cluster *cluster; /* reference */
        struct host *host;       /* reference */
        bool counted;            /* in the host's active ones */
    } to;
    struct host *tried[TRIES]; /* references */
    unsigned n_tried, attempts;
    struct tunnel tunnel;
    struct timer timer;
    uint64_t idle_us, start, start_wall, dialled;
    bool access_log, metrics;
    struct listener *logged; /* reference: whose chain has `logs`; NULL: there are none */
    const struct access_logs *logs;
    unsigned *sinks; /* of each of them; in the downstream's arena */
    const char *flag;
    struct str details, reason; /* in the downstream's arena */
    struct metric_series *series;
    uint64_t told[2]; /* octets that the series has: to the client, from it */
};

static bool inbound(const struct tcp *t) {
    return serve_listener_get(down_lease(t->d)->serve, t->d->port->id)->side == SIDE_INBOUND;
}

/* ---- figures ---- */
static struct metric_series *series_of(struct tcp *t, struct str flags) {
    bool in = inbound(t);
    struct stats_request r = {.inbound = in,
                              .tcp = true,
                              .mtls = in ? t->d->peer->mtls : t->to.host && t->to.host->mtls,
                              .flags = flags,
                              .protocol = STR("tcp")};
    parties_name(&r, t->w, t->d->peer, t->to.cluster);
    return stats_series(&t->w->stats, &r);
}

static void tell_octets(struct tcp *t) {
    uint64_t sent = t->tunnel.way[1].octets, received = t->tunnel.way[0].octets;
    if (!t->series)
        return;
    t->series->tcp_sent += sent - t->told[0];
    t->series->tcp_received += received - t->told[1];
    t->told[0] = sent;
    t->told[1] = received;
    t->w->stats.changed = true;
}

static void tell_opened(struct tcp *t) {
    if (!t->metrics)
        return;
    t->series = series_of(t, STR("-"));
    t->series->tcp_opened++;
    t->w->stats.changed = true;
}

static void tell_closed(struct tcp *t) {
    tell_octets(t);
    if (!t->metrics)
        return;
    series_of(t, t->flag ? str_of(t->flag) : STR("-"))->tcp_closed++;
    t->w->stats.changed = true;
}

static void write_lines(struct tcp *t, const struct alog_record *r) {
    const struct line_connection c = {r, t->d->peer->spiffe, t->attempts};
    const struct log_subject s = {.duration_ms = r->duration_us / CLOCK_MS, .flag = t->flag ? str_of(t->flag) : STR_NONE};
    for (size_t i = 0; i < t->logs->n; i++) {
        if (!log_filter_test(t->logs->at[i].filter, &s))
            continue;
        line_tcp(&t->logs->at[i], &c, &t->w->logs[t->sinks[i]]);
        worker_log(t->w, t->sinks[i]);
    }
}

static void write_log(struct tcp *t) {
    struct alog_record r = {.start_wall_us = t->start_wall,
                            .response_flags = t->flag ? str_of(t->flag) : STR("-"),
                            .connection_termination_details = t->details,
                            .bytes_received = t->tunnel.way[0].octets,
                            .bytes_sent = t->tunnel.way[1].octets,
                            .duration_us = t->w->loop.now - t->start,
                            .upstream_service_time = -1,
                            .upstream_host = t->to.host ? t->to.host->text : STR_NONE,
                            .upstream_cluster = t->to.cluster ? t->to.cluster->name : STR_NONE,
                            .downstream_local_address = down_text(t->d, DOWN_LOCAL),
                            .downstream_remote_address = down_text(t->d, DOWN_REMOTE),
                            .requested_server_name = t->d->server_name,
                            .upstream_transport_failure_reason = t->reason};
    if (t->logged)
        write_lines(t, &r);
    if (!t->access_log)
        return;
    alog_json(&t->w->logs[0], &r);
    worker_log(t->w, 0);
}

/* What is needed at the end, when the chain may be gone. */
static void keep_logs(struct tcp *t) {
    const struct access_logs *logs = &t->chain->tcp->logs;
    if (!logs->n || !t->chain->sinks)
        return;
    t->logged = ref_get(down_listener(t->d, t->lease)->listener);
    t->logs = logs;
    t->sinks = arena_alloc(&t->d->mem, logs->n * sizeof(*t->sinks));
    memcpy(t->sinks, t->chain->sinks, logs->n * sizeof(*t->sinks));
}

/* ---- the end ---- */
static void join_host(struct tcp *t) {
    t->to.counted = true;
    t->dialled = t->w->loop.now;
    atomic_fetch_add_explicit(&t->to.host->lb.active, 1, memory_order_relaxed);
}

static void leave_host(struct tcp *t) {
    if (t->to.counted)
        atomic_fetch_sub_explicit(&t->to.host->lb.active, 1, memory_order_relaxed);
    t->to.counted = false;
}

static void observe(struct tcp *t, bool ok) { /* what a balancer can learn of a host is how it connects */
    lb_observe(&t->to.host->lb, ok, t->w->loop.now - t->dialled, t->w->loop.now);
}

static void finish(struct tcp *t, bool in_order) {
    struct down *d = t->d;
    if (t->start) {
        tell_closed(t);
        if (t->access_log || t->logged)
            write_log(t);
    }
    ref_put(t->logged);
    loop_timer_stop(&t->w->loop, &t->timer);
    reach_cancel(&t->reach);
    list_remove(&t->node);
    leave_host(t);
    tunnel_fini(&t->tunnel);
    t->down->abort = !in_order;
    transport_close(&t->down);
    if (t->up)
        t->up->abort = !in_order;
    transport_close(&t->up);
    for (unsigned i = 0; i < t->n_tried; i++)
        ref_put(t->tried[i]);
    ref_put(t->to.host);
    ref_put(t->to.cluster);
    lease_drop(&t->lease);
    free(t);
    d->tcp = NULL;
    down_free(d);
}

static void refuse(struct tcp *t, const char *flag, struct str details) {
    t->flag = flag;
    t->details = details;
    finish(t, false);
}

static void refuse_route(struct tcp *t, const char *flag, struct str details) {
    stat_add(&t->w->stats, STAT_routing_failures, 1);
    refuse(t, flag, details);
}

void tcp_abort(struct tcp *t) {
    refuse(t, "DC", STR("proxy_is_ending"));
}

/* ---- the tunnel ---- */
static void on_timer(struct timer *timer) {
    struct tcp *t = container_of(timer, struct tcp, timer);
    uint64_t quiet = t->w->loop.now - t->tunnel.last;
    tell_octets(t);
    if (quiet >= t->idle_us) {
        refuse(t, "SI", STR("idle_timeout"));
        return;
    }
    uint64_t left = t->idle_us - quiet;
    loop_timer(&t->w->loop, timer, left < FIGURES_US ? left : FIGURES_US, on_timer);
}

static void on_end(struct tunnel *tunnel, int why) {
    struct tcp *t = container_of(tunnel, struct tcp, tunnel);
    struct transport *broke = tunnel->broken ? t->up : t->down;
    if (why && tunnel->broken) {
        t->flag = "UC";
        t->reason = arena_dup(&t->d->mem, str_of(broke->error->msg));
    } else if (why) {
        t->flag = "DC";
    }
    finish(t, !why);
}

static void flow(struct tcp *t) {
    observe(t, true);
    t->state = TCP_FLOWING;
    t->chain = NULL;
    t->cluster = NULL;
    lease_drop(&t->lease);
    tell_opened(t);
    tunnel_start(&t->tunnel, t->down, t->up, &t->w->pipes, on_end);
    loop_timer(&t->w->loop, &t->timer, t->idle_us < FIGURES_US ? t->idle_us : FIGURES_US, on_timer);
}

/* ---- connecting ---- */
static void dial(struct tcp *t);

static void on_up(void *arg, unsigned events) {
    struct tcp *t = arg;
    if (events & TR_OPEN) {
        flow(t);
        return;
    }
    if (!(events & TR_FAIL))
        return;
    stat_add(&t->w->stats, STAT_up_cx_fail, 1);
    stat_add(&t->w->stats, STAT_backend_failures, !inbound(t));
    t->reason = arena_dup(&t->d->mem, str_of(t->up->error->msg));
    observe(t, false);
    leave_host(t);
    transport_close(&t->up);
    if (t->n_tried < TRIES)
        t->tried[t->n_tried++] = ref_get(t->to.host);
    dial(t);
}

static uint64_t weight_of(const void *ctx, size_t i) {
    return ((const struct tcp_cluster *)ctx)[i].weight;
}

static struct str choose_cluster(const struct tcp *t) {
    const struct tcp_proxy *conf = t->chain->tcp;
    if (conf->n_clusters == 1)
        return conf->clusters[0].cluster;
    uint64_t nth = atomic_fetch_add_explicit(&t->chain->split, 1, memory_order_relaxed);
    return conf->clusters[split_pick(weight_of, conf->clusters, conf->n_clusters, nth)].cluster;
}

static bool not_tried(void *ctx, size_t i) {
    const struct tcp *t = ctx;
    for (unsigned k = 0; k < t->n_tried; k++)
        if (t->tried[k] == t->cluster->members[i])
            return false;
    return true;
}

/* One that was not tried yet, where there is one. */
static struct host *choose_host(struct tcp *t) {
    const struct tcp_proxy *conf = t->chain->tcp;
    struct addr a;
    if (t->cluster->cluster->type == CLUSTER_ORIGINAL_DST)
        return original_address(&a, t->cluster->cluster, t->d, &t->down->local, NULL) ? original_host(t->w, t->cluster, &a)
                                                                                      : NULL;
    uint64_t hash = conf->hash_source_ip ? str_hash(down_text(t->d, DOWN_REMOTE_IP), 0) : t->reach.hash;
    struct lb_request r = {.hash = conf->hash_source_ip || t->reach.hashed ? &hash : NULL,
                           .now_us = t->w->loop.now,
                           .rand = &t->w->loop.rand,
                           .ctx = t};
    if (t->n_tried)
        r.usable = not_tried;
    ptrdiff_t i = serve_pick(t->cluster, &r);
    if (i < 0 && t->n_tried) {
        r.usable = NULL;
        i = serve_pick(t->cluster, &r);
    }
    return i < 0 ? NULL : ref_get(t->cluster->members[i]);
}

static bool is_full(const struct serve_cluster *c) {
    uint64_t now = 0, max = c->cluster->limits.max_connections;
    for (size_t i = 0; max && i < c->n_all; i++)
        now += atomic_load_explicit(&c->all[i]->lb.active, memory_order_relaxed);
    return max && now >= max;
}

/* ---- rules ---- */
static bool passes(struct tcp *t, const struct rbac *rules, struct str who) {
    return gate_judge(t->d, rules, who, &t->details);
}

/* Where nobody enforces rules, the caller's side does, for its own identity. */
static bool plain_passes(struct tcp *t) {
    const struct identity *own = t->lease->serve->identity;
    return t->to.host->mtls || passes(t, t->cluster->cluster->plain_rbac, own ? own->spiffe : STR_NONE);
}

/* The same of one that flows, by the rules of now. */
static bool plain_passes_still(struct tcp *t) {
    const struct serve *s = down_lease(t->d)->serve;
    bool plain = t->state == TCP_FLOWING && t->to.cluster->plain_rbac && !t->to.host->mtls;
    const struct serve_cluster *c = plain ? serve_cluster_get(s, t->to.cluster->name) : NULL;
    return !c || passes(t, c->cluster->plain_rbac, s->identity ? s->identity->spiffe : STR_NONE);
}

static void dial(struct tcp *t) {
    uint32_t max = t->reach.cluster.len ? t->reach.attempts : t->chain->tcp->max_connect_attempts;
    ref_put(t->to.host);
    t->to.host = NULL;
    if (t->attempts >= (max ? max : 1)) {
        t->to.host = t->n_tried ? ref_get(t->tried[t->n_tried - 1]) : NULL;
        refuse(t, t->attempts > 1 || t->lease->serve->profile == PROFILE_ENVOY ? "UF,URX" : "UF", STR_NONE);
        return;
    }
    if (is_full(t->cluster)) {
        refuse(t, "UO", STR_NONE);
        return;
    }
    t->to.host = choose_host(t);
    if (!t->to.host) {
        stat_add(&t->w->stats, STAT_routing_failures, !inbound(t));
        refuse(t, "UH", STR_NONE);
        return;
    }
    if (!plain_passes(t)) {
        finish(t, false);
        return;
    }
    t->attempts++;
    join_host(t);
    stat_add(&t->w->stats, STAT_up_cx, 1);
    t->up = dial_host(&t->w->loop, t->cluster, t->to.host, t->cluster->tls_raw, t->down, on_up, t);
}

static void connect_up(struct tcp *t, struct str cluster) {
    t->state = TCP_DIALLING;
    t->cluster = serve_cluster_get(t->lease->serve, cluster);
    if (!t->cluster) {
        refuse(t, "NC", STR_NONE);
        return;
    }
    t->to.cluster = ref_get(t->cluster->cluster);
    dial(t);
}

/* ---- an app's: for which service? ---- */
static void reach(struct tcp *t);

static void on_reach(struct reach *r) {
    struct tcp *t = container_of(r, struct tcp, reach);
    lease_drop(&t->lease);
    t->lease = lease_again(down_lease(t->d));
    t->chain = serve_chain_get(down_listener(t->d, t->lease), t->d->chain);
    reach(t);
}

static void reach(struct tcp *t) {
    t->state = TCP_REACHING;
    t->reach.resume = on_reach;
    switch (reach_find(&t->reach, t->d, t->lease->serve)) {
    case REACH_FOUND: connect_up(t, t->reach.cluster); break;
    case REACH_WAIT: break;
    case REACH_NO_TARGET: refuse_route(t, "NR", STR("target_not_specified")); break;
    case REACH_REQUESTS:
    case REACH_NO_SERVICE: refuse_route(t, "NR", STR("route_not_found")); break;
    case REACH_AWAY: refuse_route(t, "NC", STR("control_plane_unavailable")); break;
    }
}

/* ---- the beginning ---- */
static void begin(struct tcp *t) {
    transport_want_read(t->down, false); /* until there is somewhere to pass it on to */
    if (tcp_by_target(t->chain->tcp))
        reach(t);
    else
        connect_up(t, choose_cluster(t));
}

static void admit(struct tcp *t) {
    down_learn(t->d, t->down);
    t->start = t->w->loop.now;
    t->start_wall = loop_wall(&t->w->loop);
    if (gate_passes(t->d, t->chain, &t->details))
        begin(t);
    else
        finish(t, false);
}

static void on_down(void *arg, unsigned events) {
    struct tcp *t = arg;
    char text[ADDR_TEXT];
    if (events & TR_FAIL && t->state == TCP_HANDSHAKE) {
        stat_add(&t->w->stats, STAT_down_cx_tls_error, 1);
        log_debug(t->w->env->log, "%s: %s", addr_kept_text(&t->d->remote, text), t->down->error->msg);
        finish(t, false);
    } else if (events & TR_FAIL) {
        refuse(t, "DC", STR_NONE);
    } else if (events & TR_OPEN) {
        admit(t);
    }
}

void tcp_open(struct down *d, unsigned chain) {
    struct tcp *t = mem_new(struct tcp);
    t->d = d;
    t->w = d->w;
    t->down = d->tr;
    t->lease = lease_again(down_lease(d));
    t->chain = serve_chain_get(down_listener(d, t->lease), chain);
    t->idle_us = t->chain->tcp->idle_timeout_us ? t->chain->tcp->idle_timeout_us : IDLE_US;
    t->access_log = t->chain->tcp->access_log;
    t->metrics = t->chain->tcp->metrics;
    keep_logs(t);
    d->tr = NULL;
    d->tcp = t;
    list_push(&t->w->tcps, &t->node);
    transport_bind(t->down, on_down, t);
    if (!t->down->tls) /* else when the handshake is done */
        admit(t);
}

static void judge(struct tcp *t) {
    const struct serve_listener *l = down_listener(t->d, down_lease(t->d));
    const struct serve_chain *c = l ? serve_chain_get(l, t->d->chain) : NULL;
    if ((t->state != TCP_HANDSHAKE && c && !passes(t, c->conf->rbac, t->d->peer->spiffe)) || !plain_passes_still(t))
        finish(t, false);
}

void tcp_judge_all(struct worker *w) {
    LIST_FOR (n, &w->tcps)
        judge(list_entry(n, struct tcp, node));
}
