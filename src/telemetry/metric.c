// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metric.h"
#include "base/mem.h"

#define SERIES_MAX 1000u

const struct hist_bounds hist_ms = {
    .n = 19,
    .unit = 1000,
    .at = {500, 1000, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
           300000000, 600000000, 1800000000, 3600000000},
};

const struct hist_bounds hist_s = {
    .n = 14,
    .unit = 1000000,
    .at = {100, 1000, 5000, 10000, 20000, 50000, 100000, 500000, 1000000, 3000000, 5000000, 10000000, 20000000, 30000000},
};

const struct hist_bounds hist_config = {
    .n = 8,
    .unit = 1,
    .at = {1, 100, 1000, 10000, 1000000, 4000000, 10000000, 40000000},
};

const struct hist_bounds hist_bytes = {
    .n = 17,
    .unit = 1,
    .at = {0, 1, 1 << 2, 1 << 4, 1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26,
           1 << 28, 1 << 30},
};

void hist_init(struct hist *h, const struct hist_bounds *bounds) {
    *h = (struct hist){.bounds = bounds};
}

void hist_add(struct hist *h, uint64_t value) {
    unsigned i = 0; /* in a mesh nearly all values end in the first few buckets, so no binary search */
    while (i < h->bounds->n && value > h->bounds->at[i])
        i++;
    h->bucket[i]++;
    h->sum += value;
}

void hist_merge(struct hist *to, const struct hist *from) {
    WEFT_ASSERT(to->bounds == from->bounds);
    for (unsigned i = 0; i <= to->bounds->n; i++)
        to->bucket[i] += from->bucket[i];
    to->sum += from->sum;
}

uint64_t hist_count(const struct hist *h) {
    uint64_t n = 0;
    for (unsigned i = 0; i <= h->bounds->n; i++)
        n += h->bucket[i];
    return n;
}

static void free_series(struct metric_series *s) {
    free((char *)s->labels.ptr);
    free(s);
}

void metric_table_fini(struct metric_table *t) {
    struct metric_series *s;
    MAP_FOR (&t->series, NULL, s)
        free_series(s);
    map_fini(&t->series);
    *t = (struct metric_table){.max = t->max};
}

static struct metric_series *add_series(struct metric_table *t, struct str labels) {
    struct metric_series *s = mem_new(struct metric_series);
    s->labels = (struct str){mem_strdup(labels), labels.len};
    hist_init(&s->duration, &hist_ms);
    hist_init(&s->request_bytes, &hist_bytes);
    hist_init(&s->response_bytes, &hist_bytes);
    map_put(&t->series, labels, s);
    return s;
}

struct metric_series *metric_at(struct metric_table *t, struct str labels) {
    struct metric_series *s = map_get(&t->series, labels);
    struct str overflow = STR("weft_overflow=\"true\"");
    if (!s && t->series.len >= (t->max ? t->max : SERIES_MAX)) {
        labels = overflow;
        s = map_get(&t->series, labels);
    }
    return s ? s : add_series(t, labels);
}

void metric_count(struct metric_series *s, uint64_t duration_us, uint64_t request_bytes, uint64_t response_bytes) {
    s->requests++;
    hist_add(&s->duration, duration_us);
    hist_add(&s->request_bytes, request_bytes);
    hist_add(&s->response_bytes, response_bytes);
}

void metric_merge(struct metric_table *to, const struct metric_table *from) {
    size_t at = 0;
    for (const struct metric_series *s; (s = metric_next(from, &at));) {
        struct metric_series *sum = metric_at(to, s->labels);
        sum->requests += s->requests;
        sum->tcp_opened += s->tcp_opened;
        sum->tcp_closed += s->tcp_closed;
        sum->tcp_sent += s->tcp_sent;
        sum->tcp_received += s->tcp_received;
        hist_merge(&sum->duration, &s->duration);
        hist_merge(&sum->request_bytes, &s->request_bytes);
        hist_merge(&sum->response_bytes, &s->response_bytes);
    }
}

const struct metric_series *metric_next(const struct metric_table *t, size_t *at) {
    void *s = NULL;
    return map_next(&t->series, at, NULL, &s) ? s : NULL;
}
