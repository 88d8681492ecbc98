// SPDX-License-Identifier: Apache-2.0
#include "base/limits.h"
#include <stddef.h>
#include <string.h>

#define TELL_US (60 * CLOCK_S)

enum unit { OCTETS, COUNT, RATE, TIME };

static const struct row {
    const char *name;
    enum unit unit;
    uint64_t least, most; /* TIME: seconds */
    size_t at;            /* in struct conn_limits or proc_limits */
    bool proc;
} rows[LIMIT_COUNT_] = {
#define AT_OCTETS(field) offsetof(struct conn_limits, field)
#define AT_COUNT(field) offsetof(struct conn_limits, field)
#define AT_RATE(field) offsetof(struct conn_limits, field)
#define AT_TIME(field) offsetof(struct conn_limits, field##_us)
#define CONN(field, unit, dflt, least, most, ...) [LIMIT_##field] = {#field, unit, least, most, AT_##unit(field), false},
#define PROC(field, unit, dflt, least, most, ...)                                                                                \
    [LIMIT_##field] = {#field, unit, least, most, offsetof(struct proc_limits, field), true},
#include "base/limits.def"
#undef CONN
#undef PROC
};

const char *limit_name(enum limit_id id) {
    return rows[id].name;
}

/* ---- values as people give them ---- */

static bool to_us(struct str v, uint64_t *us) {
    struct str rest = v, whole = str_cut(&rest, '.');
    uint64_t s, part = 0;
    if (!str_u64(whole, UINT64_MAX / CLOCK_S - 1, &s) || (rest.ptr && (rest.len == 0 || rest.len > 6)))
        return false;
    if (rest.len > 0 && !str_u64(rest, CLOCK_S - 1, &part))
        return false;
    for (size_t i = rest.len; rest.len > 0 && i < 6; i++)
        part *= 10;
    *us = s * CLOCK_S + part;
    return true;
}

static bool to_octets(struct str v, uint64_t *n) {
    static const char units[] = "KMG";
    unsigned shift = 0;
    for (unsigned i = 0; v.len > 1 && i < 3; i++)
        if (v.ptr[v.len - 1] == units[i])
            shift = 10 * (i + 1);
    if (shift)
        v.len--;
    if (!str_u64(v, UINT64_MAX >> shift, n))
        return false;
    *n <<= shift;
    return true;
}

static int take_value(const struct row *r, struct str v, uint64_t *out, struct err *e) {
    uint64_t scale = r->unit == TIME ? CLOCK_S : 1;
    bool ok = r->unit == TIME ? to_us(v, out) : r->unit == OCTETS ? to_octets(v, out) : str_u64(v, UINT64_MAX, out);
    if ((r->unit == TIME || r->proc) && str_eq(v, STR("none"))) {
        *out = UINT64_MAX;
        return 0;
    }
    if (!ok)
        return err_set(e, WEFT_E_INVALID, "%s: \"" STR_FMT "\" is no %s", r->name, STR_ARG(v),
                       r->unit == TIME ? "number of seconds" : "whole number");
    if (*out < r->least * scale || *out > r->most * scale || *out == 0)
        return err_set(e, WEFT_E_INVALID, "%s: %s%llu to %llu", r->name, r->least ? "" : "more than ",
                       (unsigned long long)r->least, (unsigned long long)r->most);
    return 0;
}

static const struct row *find(struct str name) {
    for (size_t i = 0; i < LIMIT_COUNT_; i++)
        if (str_eq(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

static void store(void *base, const struct row *r, uint64_t value) {
    char *at = (char *)base + r->at;
    if (r->proc || r->unit == TIME)
        *(uint64_t *)(void *)at = value;
    else
        *(uint32_t *)(void *)at = (uint32_t)value;
}

int limit_set(struct limits *l, struct str setting, struct err *e) {
    struct str rest = setting, name = str_cut(&rest, '=');
    const struct str up = STR("upstream.");
    bool upstream = str_starts(name, up);
    const struct row *r = find(upstream ? str_from(name, up.len) : name);
    uint64_t value = 0;
    if (!rest.ptr)
        return err_set(e, WEFT_E_INVALID, "\"" STR_FMT "\" is not NAME=VALUE", STR_ARG(setting));
    if (!r || (r->proc && upstream))
        return err_set(e, WEFT_E_INVALID, "there is no limit \"" STR_FMT "\"", STR_ARG(name));
    int rc = take_value(r, rest, &value, e);
    if (rc == 0)
        store(r->proc ? (void *)&l->proc : upstream ? &l->up : &l->down, r, value);
    return rc;
}

int limits_of_server(const struct limits *l, struct err *e) {
    static const struct conn_limits none;
    if (memcmp(&l->up, &none, sizeof(none)) == 0 && !l->proc.requests && !l->proc.memory)
        return 0;
    return err_set(e, WEFT_E_INVALID, "--limit: upstream.…, requests and memory are weft proxy's");
}

/* ---- counts ---- */

bool limit_met(struct limit_counts *c, enum limit_id id, uint64_t now) {
    atomic_store_explicit(&c->n[id], limit_count(c, id) + 1, memory_order_relaxed);
    if (c->told[id] && now - c->told[id] < TELL_US)
        return false;
    c->told[id] = now ? now : 1;
    return true;
}
