// SPDX-License-Identifier: Apache-2.0
#include "telemetry/prom.h"
#include <inttypes.h>
#include <math.h>
#include "base/mem.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "telemetry/metric.h"

static void add_escaped(struct buf *out, struct str s, bool quotes) {
    for (size_t i = 0, n; i < s.len; i += n ? n : 1) {
        char c = s.ptr[i];
        n = utf8_len(str_from(s, i));
        if (c == '\n')
            buf_add(out, STR("\\n"));
        else if (c == '\\' || (c == '"' && quotes))
            buf_add(out, str_n((char[2]){'\\', c}, 2));
        else
            buf_add(out, n ? str_n(s.ptr + i, n) : UTF8_REPLACEMENT); /* both formats are UTF-8, whatever a peer sent */
    }
}

void prom_label(struct buf *labels, const char *name, struct str value) {
    if (labels->len)
        buf_addc(labels, ',');
    buf_fmt(labels, "%s=\"", name);
    add_escaped(labels, value, true);
    buf_addc(labels, '"');
}

static void add_value(struct buf *out, double v) {
    if (isnan(v))
        buf_add(out, STR("NaN"));
    else if (isinf(v))
        buf_add(out, v < 0 ? STR("-Inf") : STR("+Inf"));
    else
        json_print_real(out, v);
}

void prom_family(struct prom *p, const char *name, enum prom_type type, const char *help) {
    static const char *const types[] = {[PROM_COUNTER] = "counter", [PROM_GAUGE] = "gauge", [PROM_HISTOGRAM] = "histogram"};
    p->name = str_of(name);
    p->type = type;
    /* OpenMetrics names a counter's family without _total, and its samples always with it. */
    if (p->openmetrics && type == PROM_COUNTER && str_ends(p->name, STR("_total")))
        p->name.len -= sizeof("_total") - 1;
    buf_fmt(p->out, "# HELP " STR_FMT " ", STR_ARG(p->name));
    add_escaped(p->out, str_of(help), p->openmetrics);
    buf_fmt(p->out, "\n# TYPE " STR_FMT " %s\n", STR_ARG(p->name), types[type]);
}

static void begin_sample(struct prom *p, struct str labels) {
    WEFT_ASSERT(p->type != PROM_HISTOGRAM);
    buf_add(p->out, p->name);
    if (p->openmetrics && p->type == PROM_COUNTER)
        buf_add(p->out, STR("_total"));
    if (labels.len)
        buf_fmt(p->out, "{" STR_FMT "}", STR_ARG(labels));
    buf_addc(p->out, ' ');
}

void prom_sample(struct prom *p, struct str labels, uint64_t value) {
    begin_sample(p, labels);
    buf_fmt(p->out, "%" PRIu64 "\n", value);
}

void prom_sample_real(struct prom *p, struct str labels, double value) {
    begin_sample(p, labels);
    add_value(p->out, value);
    buf_addc(p->out, '\n');
}

/* Bounds as Envoy shows them (5, 0.5), and as OpenMetrics wants them (5.0, 0.5). */
static void add_bound(const struct prom *p, const struct hist_bounds *b, unsigned i) {
    if (i == b->n)
        buf_add(p->out, STR("+Inf"));
    else if (p->openmetrics || b->at[i] % b->unit)
        add_value(p->out, (double)b->at[i] / b->unit);
    else
        buf_fmt(p->out, "%" PRIu64, b->at[i] / b->unit);
}

static void add_part(struct prom *p, const char *suffix, struct str labels) {
    buf_fmt(p->out, STR_FMT "%s", STR_ARG(p->name), suffix);
    if (labels.len)
        buf_fmt(p->out, "{" STR_FMT "}", STR_ARG(labels));
    buf_addc(p->out, ' ');
}

void prom_hist(struct prom *p, struct str labels, const struct hist *h) {
    WEFT_ASSERT(p->type == PROM_HISTOGRAM);
    uint64_t below = 0;
    for (unsigned i = 0; i <= h->bounds->n; i++) {
        below += h->bucket[i];
        buf_fmt(p->out, STR_FMT "_bucket{" STR_FMT "%sle=\"", STR_ARG(p->name), STR_ARG(labels), labels.len ? "," : "");
        add_bound(p, h->bounds, i);
        buf_fmt(p->out, "\"} %" PRIu64 "\n", below);
    }
    add_part(p, "_sum", labels);
    if (h->bounds->unit == 1)
        buf_fmt(p->out, "%" PRIu64, h->sum);
    else
        add_value(p->out, (double)h->sum / h->bounds->unit);
    buf_addc(p->out, '\n');
    add_part(p, "_count", labels);
    buf_fmt(p->out, "%" PRIu64 "\n", below);
}

void prom_limits(struct prom *p) {
    prom_family(p, "weft_limit_met_total", PROM_COUNTER, "Times that a peer met a limit (docs/reference/limits.md)");
}

void prom_limit(struct prom *p, enum limit_id id, const char *side, uint64_t n) {
    struct buf labels = {0};
    if (!n)
        return;
    prom_label(&labels, "limit", str_of(limit_name(id)));
    prom_label(&labels, "side", str_of(side));
    prom_sample(p, buf_str(&labels), n);
    buf_fini(&labels);
}

void prom_limits_of(struct prom *p, const char *side, const struct limit_counts *met) {
    for (int id = 0; id < LIMIT_COUNT_; id++)
        prom_limit(p, (enum limit_id)id, side, limit_count(met, (enum limit_id)id));
}

void prom_end(struct prom *p) {
    if (p->openmetrics)
        buf_add(p->out, STR("# EOF\n"));
}
