// SPDX-License-Identifier: Apache-2.0
#pragma once
/* metric: histograms as plain structs, and tables of the figures of requests by label set.
 * One writer each, no atomics: a worker adds to its own; the main thread merges copies that come by message.
 * Threads: one owner per struct. Tests: tests/unit/telemetry/metric.c */
#include "base/map.h"
#include "base/str.h"

#define HIST_BOUNDS_MAX 19u

struct hist_bounds {
    unsigned n;                   /* bounds used; behind them is one more bucket, to +Inf */
    uint32_t unit;                /* what a value is divided by when it is shown */
    uint64_t at[HIST_BOUNDS_MAX]; /* rising; a value equal to a bound is in that bucket */
};
extern const struct hist_bounds hist_ms; /* values in microseconds, shown in milliseconds: Envoy's and Istio's buckets */
/* Values in microseconds, shown in seconds: the buckets of Istio's pilot_proxy_convergence_time, and finer ones below. */
extern const struct hist_bounds hist_s;
extern const struct hist_bounds
    hist_config;                            /* octets: the buckets of Istio's pilot_xds_config_size_bytes, and finer ones below */
extern const struct hist_bounds hist_bytes; /* values in octets: powers of four from 1 to 1 GiB, and 0 */

struct hist {
    const struct hist_bounds *bounds;
    uint64_t sum;                         /* of the values; wraps after 2^64 */
    uint64_t bucket[HIST_BOUNDS_MAX + 1]; /* counts, not cumulative */
};

void hist_init(struct hist *h, const struct hist_bounds *bounds);
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *to, const struct hist *from); /* both of the same bounds */
uint64_t hist_count(const struct hist *h);                 /* values added */

/* The figures of Istio's standard metrics for one set of labels. */
struct metric_series {
    struct str labels; /* as prom_label wrote them; the table's */
    uint64_t requests;
    uint64_t tcp_opened, tcp_closed, tcp_sent, tcp_received; /* of connections: instead; octets to and from the client */
    struct hist duration, request_bytes, response_bytes;
};

/* Series by label set, in order of addition. A struct of zeros is an empty table. What a peer can make new labels of
 * (status codes, callers) is bounded: past `max` label sets everything counts in one more series, with the label
 * weft_overflow="true". */
struct metric_table {
    struct map series; /* private: labels -> struct metric_series */
    size_t max;        /* 0: 1,000 */
};

void metric_table_fini(struct metric_table *t);
/* The series of these labels, made when it is new. Stays where it is as long as the table: callers may keep the pointer. */
struct metric_series *metric_at(struct metric_table *t, struct str labels);
void metric_count(struct metric_series *s, uint64_t duration_us, uint64_t request_bytes,
                  uint64_t response_bytes); /* one request */
void metric_merge(struct metric_table *to, const struct metric_table *from);
/* Iteration: `size_t at = 0; while ((s = metric_next(t, &at))) ...`. NULL at the end. */
const struct metric_series *metric_next(const struct metric_table *t, size_t *at);
