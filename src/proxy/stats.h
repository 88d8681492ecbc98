// SPDX-License-Identifier: Apache-2.0
#pragma once
/* stats: what a worker counts, in memory of its own: plain adds by the worker (relaxed loads and stores, no locked operation),
 * and any thread may read them at any time. Beside them Istio's standard metrics by label: the worker's alone; it sends copies to
 * the main thread. Threads: stat_add and stats_request the owner's; stats_sum any, while the struct lives. Tests:
 * tests/unit/proxy/stats.c */
#include <stdatomic.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "telemetry/metric.h"

enum stat_id {
#define X(name, prom, help) STAT_##name,
#include "proxy/stats.def"
#undef X
    STAT_COUNT_
};

enum stats_side { STATS_DOWNSTREAM, STATS_UPSTREAM, STATS_SIDES_ };

struct stats_request { /* one finished request; slices borrowed */
    bool inbound, mtls;
    bool tcp;                                                  /* a connection: no status */
    struct str source, source_ns, destination, destination_ns; /* service names; empty: unknown */
    struct str peer;                                           /* SPIFFE ID of the other end; empty: not proven */
    struct str version;                                        /* of the destination, outbound; empty: unknown */
    struct str own, own_version; /* of this end; the same for all that one process tells: not what series are told apart by */
    unsigned status;
    struct str flags, protocol, grpc_status; /* the last: empty where there is none */
    uint64_t duration_us, request_bytes, response_bytes;
};

struct stats {
    _Alignas(64) _Atomic uint64_t c[STAT_COUNT_];
    _Alignas(64) _Atomic uint64_t connections; /* downstream, now: what accepting goes by */
    struct limit_counts met[STATS_SIDES_];     /* by who met the limit */
    _Alignas(64) struct metric_table series;   /* the worker's alone */
    struct map index;                          /* private: key -> struct metric_series */
    struct metric_series *last;                /* private: the series found last, and for what: many requests are alike */
    struct stats_request last_is;
    struct arena last_text;
    bool changed; /* the series have, since the owner last cleared this */
};
void stats_fini(struct stats *s);

static inline void stat_add(struct stats *s, enum stat_id id, uint64_t n) {
    atomic_store_explicit(&s->c[id], atomic_load_explicit(&s->c[id], memory_order_relaxed) + n, memory_order_relaxed);
}

void stats_request(struct stats *s, const struct stats_request *r);
/* The series of these labels, to be added to by the owner, who then sets s->changed. As long as `s`. */
struct metric_series *stats_series(struct stats *s, const struct stats_request *r);

/* ---- over all workers ---- */
struct stats_all {
    struct stats *const *at;
    unsigned n;
};
uint64_t stats_sum(const struct stats_all *all, enum stat_id id);
/* The scalars of all workers and the series of `series`. Main thread. */
void stats_prometheus(const struct stats_all *all, const struct metric_table *series, struct buf *out);
const char *stats_name(enum stat_id id);
const char *stats_side_name(enum stats_side side);
