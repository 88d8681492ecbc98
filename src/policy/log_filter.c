// SPDX-License-Identifier: Apache-2.0
#include "policy/log_filter.h"

static bool compare(const struct log_filter *f, uint64_t value) {
    switch (f->op) {
    case LOG_EQ: return value == f->value;
    case LOG_GE: return value >= f->value;
    case LOG_LE: return value <= f->value;
    }
    return false;
}

static bool has_flag(const struct log_filter *f, struct str flags) {
    bool has = !f->n_flags && flags.len;
    while (!has && flags.len) {
        struct str one = str_cut(&flags, ',');
        for (size_t i = 0; i < f->n_flags; i++)
            has |= str_eq(f->flags[i], one);
    }
    return has;
}

static bool test_each(const struct log_filter *f, const struct log_subject *s, bool end) {
    for (size_t i = 0; i < f->n_subs; i++)
        if (log_filter_test(&f->subs[i], s) == end)
            return end;
    return !end;
}

bool log_filter_test(const struct log_filter *f, const struct log_subject *s) {
    if (!f)
        return true;
    switch (f->kind) {
    case LOG_STATUS: return compare(f, s->status);
    case LOG_DURATION: return compare(f, s->duration_ms);
    case LOG_FLAGS: return has_flag(f, s->flag);
    case LOG_REAL: return true; /* no filter here answers health checks */
    case LOG_AND: return test_each(f, s, false);
    case LOG_OR: return test_each(f, s, true);
    }
    return true;
}
