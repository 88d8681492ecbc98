// SPDX-License-Identifier: Apache-2.0
#pragma once
/* prom: metrics as text, in the Prometheus exposition format 0.0.4 or in OpenMetrics 1.0.
 * The writer gives names; nothing is checked for being there twice. Threads: any. Tests: tests/unit/telemetry/prom.c */
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
struct hist;

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define PROM_CONTENT_TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum prom_type { PROM_COUNTER, PROM_GAUGE, PROM_HISTOGRAM };

struct prom {
    struct buf *out;
    bool openmetrics; /* counters end in _total, the text in # EOF */
    /* private */
    struct str name; /* of the present family, without _total when it is a counter in OpenMetrics */
    enum prom_type type;
};

/* Adds `name="value"` to a text of labels, behind a comma when it is not the first. Any octets are escaped right. */
void prom_label(struct buf *labels, const char *name, struct str value);

/* Begins a family. `name` stays valid until the next one; counters are named as Prometheus shows them (Istio's and Envoy's own
 * names). */
void prom_family(struct prom *p, const char *name, enum prom_type type, const char *help);
void prom_sample(struct prom *p, struct str labels, uint64_t value); /* of a counter or gauge */
void prom_sample_real(struct prom *p, struct str labels, double value);
void prom_hist(struct prom *p, struct str labels, const struct hist *h); /* cumulative buckets, sum and count */
/* How often peers met a limit, the same in every process: the family, then a sample for each that was met (n > 0). */
void prom_limits(struct prom *p);
void prom_limit(struct prom *p, enum limit_id id, const char *side, uint64_t n);
void prom_limits_of(struct prom *p, const char *side, const struct limit_counts *met); /* samples of all */
void prom_end(struct prom *p);
