// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats.h"
#include <stdio.h>
#include "telemetry/prom.h"

#define INDEX_MAX 4000u /* keys remembered: more than there are series, since overflowing ones share one */

static const struct {
    const char *name, *prom, *help;
} stat_table[STAT_COUNT_] = {
#define X(name, prom, help) [STAT_##name] = {#name, prom, help},
#include "proxy/stats.def"
#undef X
};

const char *stats_name(enum stat_id id) {
    return stat_table[id].name;
}

const char *stats_side_name(enum stats_side side) {
    static const char *const names[] = {[STATS_DOWNSTREAM] = "downstream", [STATS_UPSTREAM] = "upstream"};
    return names[side];
}

void stats_fini(struct stats *s) {
    metric_table_fini(&s->series);
    map_fini(&s->index);
    arena_fini(&s->last_text);
}

/* ---- series ---- */
static struct str or_unknown(struct str s) {
    return s.len ? s : STR("unknown");
}

struct party {
    struct str service, ns, principal, version;
};

/* Istio's standard labels of one end. A mesh of weft has no clusters of machines; a revision that nobody tells is "latest", as
 * Istio has it. */
static void party_labels(struct buf *b, const char *who, const struct party *p) {
    const struct {
        const char *label;
        struct str value;
    } all[] = {{"workload", p->service},
               {"workload_namespace", p->ns},
               {"principal", or_unknown(p->principal)},
               {"app", p->service},
               {"version", or_unknown(p->version)},
               {"cluster", STR("unknown")},
               {"canonical_service", p->service},
               {"canonical_revision", p->version.len ? p->version : STR("latest")}};
    char name[64];
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        snprintf(name, sizeof(name), "%s_%s", who, all[i].label);
        prom_label(b, name, all[i].value);
    }
}

/* A principal is set where the connection proved it (mTLS): then both ends did. */
static void make_parties(const struct stats_request *r, struct party *source, struct party *dest) {
    struct str own = r->mtls ? r->own : STR_NONE, peer = r->mtls ? r->peer : STR_NONE;
    *source = (struct party){or_unknown(r->source), or_unknown(r->source_ns), r->inbound ? peer : own,
                             r->inbound ? STR_NONE : r->own_version};
    *dest = (struct party){or_unknown(r->destination), or_unknown(r->destination_ns), r->inbound ? own : peer,
                           r->inbound ? r->own_version : r->version};
}

static void service_labels(struct buf *b, const struct party *dest, bool known) {
    struct buf host = {0};
    buf_fmt(&host, STR_FMT "." STR_FMT ".svc.cluster.local", STR_ARG(dest->service), STR_ARG(dest->ns));
    prom_label(b, "destination_service", known ? buf_str(&host) : STR("unknown"));
    prom_label(b, "destination_service_name", dest->service);
    prom_label(b, "destination_service_namespace", dest->ns);
    buf_fini(&host);
}

static void make_labels(struct buf *b, const struct stats_request *r) {
    struct party source, dest;
    char code[8];
    snprintf(code, sizeof(code), "%u", r->status);
    make_parties(r, &source, &dest);
    prom_label(b, "reporter", r->inbound ? STR("destination") : STR("source"));
    party_labels(b, "source", &source);
    party_labels(b, "destination", &dest);
    service_labels(b, &dest, r->destination.len > 0);
    prom_label(b, "request_protocol", r->protocol);
    if (!r->tcp)
        prom_label(b, "response_code", str_of(code));
    prom_label(b, "response_flags", r->flags);
    if (r->grpc_status.len)
        prom_label(b, "grpc_response_status", r->grpc_status);
    /* Istio: only the destination knows for certain. */
    prom_label(b, "connection_security_policy", !r->inbound ? STR("unknown") : r->mtls ? STR("mutual_tls") : STR("none"));
}

static size_t key_add(char *key, size_t at, size_t cap, struct str s) {
    size_t n = s.len < cap - at - 1 ? s.len : cap - at - 1;
    if (n)
        memcpy(key + at, s.ptr, n);
    key[at + n] = '\n';
    return at + n + 1;
}

/* What the labels are made from. */
static bool same_labels(const struct stats_request *a, const struct stats_request *b) {
    return a->inbound == b->inbound && a->mtls == b->mtls && a->tcp == b->tcp && a->status == b->status &&
           str_eq(a->source, b->source) && str_eq(a->source_ns, b->source_ns) && str_eq(a->destination, b->destination) &&
           str_eq(a->destination_ns, b->destination_ns) && str_eq(a->flags, b->flags) && str_eq(a->protocol, b->protocol) &&
           str_eq(a->grpc_status, b->grpc_status) && str_eq(a->peer, b->peer) && str_eq(a->version, b->version);
}

static struct metric_series *find_series(struct stats *s, const struct stats_request *r) {
    char key[512];
    struct str parts[] = {r->source,      r->source_ns, r->destination, r->destination_ns, r->flags, r->protocol,
                          r->grpc_status, r->version,   r->peer};
    key[0] = (char)('A' + (r->inbound ? 1 : 0) + (r->mtls ? 2 : 0) + (r->tcp ? 4 : 0));
    key[1] = (char)(r->status >> 8);
    key[2] = (char)(r->status & 0xff);
    size_t len = 3;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        len = key_add(key, len, sizeof(key) - (sizeof(parts) / sizeof(parts[0]) - i), parts[i]);
    struct metric_series *se = map_get(&s->index, str_n(key, len));
    if (se)
        return se;
    struct buf labels = {0};
    make_labels(&labels, r);
    se = metric_at(&s->series, buf_str(&labels));
    buf_fini(&labels);
    if (s->index.len < INDEX_MAX)
        map_put(&s->index, str_n(key, len), se);
    return se;
}

struct metric_series *stats_series(struct stats *s, const struct stats_request *r) {
    if (s->last && same_labels(&s->last_is, r))
        return s->last;
    s->last_is = *r;
    struct str *texts[] = {&s->last_is.source,         &s->last_is.source_ns, &s->last_is.destination,
                           &s->last_is.destination_ns, &s->last_is.flags,     &s->last_is.protocol,
                           &s->last_is.grpc_status,    &s->last_is.peer,      &s->last_is.version};
    arena_fini(&s->last_text);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = arena_dup(&s->last_text, *texts[i]);
    return s->last = find_series(s, r);
}

void stats_request(struct stats *s, const struct stats_request *r) {
    metric_count(stats_series(s, r), r->duration_us, r->request_bytes, r->response_bytes);
    s->changed = true;
}

/* ---- reading ---- */
uint64_t stats_sum(const struct stats_all *all, enum stat_id id) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < all->n; i++)
        sum += atomic_load_explicit(&all->at[i]->c[id], memory_order_relaxed);
    return sum;
}

static bool has_requests(const struct metric_series *s) {
    return s->requests > 0;
}

static bool is_tcp(const struct metric_series *s) {
    return s->tcp_opened || s->tcp_closed;
}

static void print_hists(struct prom *p, const struct metric_table *t, const char *name, const char *help, size_t offset) {
    const struct metric_series *s;
    size_t at = 0;
    prom_family(p, name, PROM_HISTOGRAM, help);
    while ((s = metric_next(t, &at)))
        if (has_requests(s))
            prom_hist(p, s->labels, (const struct hist *)(const void *)((const char *)s + offset));
}

static void print_counter(struct prom *p, const struct metric_table *t, const char *name, const char *help, size_t offset,
                          bool (*has)(const struct metric_series *s)) {
    const struct metric_series *s;
    size_t at = 0;
    prom_family(p, name, PROM_COUNTER, help);
    while ((s = metric_next(t, &at)))
        if (has(s))
            prom_sample(p, s->labels, *(const uint64_t *)(const void *)((const char *)s + offset));
}

static void print_series(struct prom *p, const struct metric_table *t) {
    print_counter(p, t, "istio_requests_total", "Requests by source, destination and outcome",
                  offsetof(struct metric_series, requests), has_requests);
    print_hists(p, t, "istio_request_duration_milliseconds", "How long requests took", offsetof(struct metric_series, duration));
    print_hists(p, t, "istio_request_bytes", "Octets of request bodies", offsetof(struct metric_series, request_bytes));
    print_hists(p, t, "istio_response_bytes", "Octets of response bodies", offsetof(struct metric_series, response_bytes));
    print_counter(p, t, "istio_tcp_connections_opened_total", "TCP connections that were opened",
                  offsetof(struct metric_series, tcp_opened), is_tcp);
    print_counter(p, t, "istio_tcp_connections_closed_total", "TCP connections that ended",
                  offsetof(struct metric_series, tcp_closed), is_tcp);
    print_counter(p, t, "istio_tcp_sent_bytes_total", "Octets sent to clients of TCP connections",
                  offsetof(struct metric_series, tcp_sent), is_tcp);
    print_counter(p, t, "istio_tcp_received_bytes_total", "Octets received from clients of TCP connections",
                  offsetof(struct metric_series, tcp_received), is_tcp);
}

/* One sample for each limit that was met. */
static void print_met(struct prom *p, const struct stats_all *all) {
    prom_limits(p);
    for (unsigned side = 0; side < STATS_SIDES_; side++)
        for (unsigned id = 0; id < LIMIT_COUNT_; id++) {
            uint64_t n = 0;
            for (unsigned i = 0; i < all->n; i++)
                n += limit_count(&all->at[i]->met[side], id);
            prom_limit(p, id, stats_side_name(side), n);
        }
}

/* One sample for each worker: are they evenly loaded? */
static void print_workers(struct prom *p, const struct stats_all *all) {
    prom_family(p, "weft_worker_connections", PROM_GAUGE, "Downstream connections that a worker has now");
    for (unsigned i = 0; i < all->n; i++) {
        char id[16];
        struct buf labels = {0};
        snprintf(id, sizeof(id), "%u", i);
        prom_label(&labels, "worker", str_of(id));
        prom_sample(p, buf_str(&labels), atomic_load_explicit(&all->at[i]->connections, memory_order_relaxed));
        buf_fini(&labels);
    }
}

void stats_prometheus(const struct stats_all *all, const struct metric_table *series, struct buf *out) {
    struct prom p = {.out = out};
    size_t at = 0;
    for (unsigned i = 0; i < STAT_COUNT_; i++) {
        prom_family(&p, stat_table[i].prom, PROM_COUNTER, stat_table[i].help);
        prom_sample(&p, STR_NONE, stats_sum(all, i));
    }
    print_workers(&p, all);
    print_met(&p, all);
    if (metric_next(series, &at))
        print_series(&p, series);
    prom_end(&p);
}
