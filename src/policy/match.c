// SPDX-License-Identifier: Apache-2.0
#include "model/match.h"
#include "codec/regex.h"
#include "codec/url.h"
#include "policy/route.h"

static bool has(struct str value, struct str part) {
    return part.len == 0 || str_find(value, part) >= 0;
}

static bool ihas(struct str value, struct str part) {
    for (size_t i = 0; i + part.len <= value.len; i++)
        if (str_ieq(str_n(value.ptr + i, part.len), part))
            return true;
    return false;
}

static bool iends(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_ieq(str_from(s, s.len - suffix.len), suffix);
}

bool string_match_test(const struct string_match *m, struct str value) {
    bool i = m->ignore_case;
    switch (m->kind) {
    case STRING_EXACT: return i ? str_ieq(value, m->text) : str_eq(value, m->text);
    case STRING_PREFIX: return i ? str_istarts(value, m->text) : str_starts(value, m->text);
    case STRING_SUFFIX: return m->text.len == 0 || (i ? iends(value, m->text) : str_ends(value, m->text));
    case STRING_CONTAINS: return i ? ihas(value, m->text) : has(value, m->text);
    case STRING_REGEX: return m->regex && regex_match(m->regex, value);
    }
    return false;
}

static bool prefix_test(const struct path_match *m, struct str path) {
    return m->ignore_case ? str_istarts(path, m->text) : str_starts(path, m->text);
}

bool path_match_test(const struct path_match *m, struct str path) {
    path = url_path_only(path);
    switch (m->kind) {
    case PATH_PREFIX: return prefix_test(m, path);
    case PATH_EXACT: return m->ignore_case ? str_ieq(path, m->text) : str_eq(path, m->text);
    case PATH_REGEX: return m->regex && regex_match(m->regex, path);
    case PATH_SEPARATED_PREFIX: return prefix_test(m, path) && (path.len == m->text.len || path.ptr[m->text.len] == '/');
    case PATH_CONNECT: return false; /* judged by the method: see route_matches */
    }
    return false;
}

/* The value of a pseudo-header; ptr NULL when `name` is none. */
static struct str pseudo(const struct msg *m, struct str name) {
    if (str_eq(name, STR(":method")))
        return m->method;
    if (str_eq(name, STR(":path")))
        return m->path;
    if (str_eq(name, STR(":authority")))
        return m->authority;
    if (str_eq(name, STR(":scheme")))
        return m->scheme;
    return STR_NONE;
}

static bool in_range(const struct header_match *h, struct str value) {
    bool negative = value.len && value.ptr[0] == '-';
    uint64_t n;
    if (!str_u64(negative ? str_from(value, 1) : value, INT64_MAX, &n))
        return false;
    int64_t v = negative ? -(int64_t)n : (int64_t)n;
    return v >= h->from && v < h->to;
}

static bool value_test(const struct header_match *h, struct str value) {
    switch (h->kind) {
    case HEADER_STRING: return string_match_test(&h->string, value);
    case HEADER_RANGE: return in_range(h, value);
    case HEADER_PRESENT: return true;
    }
    return false;
}

/* Does one of the fields of that name have such a value? As Envoy judges: each by itself, not joined. */
static bool any_field(const struct header_match *h, const struct msg *m, bool *there) {
    for (unsigned i = 0; i < m->fields.n; i++) {
        const struct msg_field *f = &m->fields.at[i];
        if (!str_ieq(f->name, h->name))
            continue;
        *there = true;
        if (value_test(h, f->value))
            return true;
    }
    return false;
}

bool header_match_test(const struct header_match *h, const struct request_view *r) {
    bool there = false, hit = false;
    bool host = str_eq(h->name, STR("host")); /* whatever said it: RFC 9113 §8.3.1, RFC 9112 §3.2.2 */
    if (host || (h->name.len && h->name.ptr[0] == ':')) {
        struct str value = host ? r->msg->authority : pseudo(r->msg, h->name);
        there = value.ptr != NULL;
        hit = there && value_test(h, value);
    } else {
        hit = any_field(h, r->msg, &there);
    }
    if (!there && h->kind != HEADER_PRESENT && !h->missing_as_empty)
        return false; /* whatever `invert` says: there is nothing to judge */
    if (!there && h->missing_as_empty)
        hit = value_test(h, STR(""));
    return hit ^ h->invert;
}

struct str match_parameter(struct str path, struct str name) {
    struct str rest = url_query(path);
    while (rest.ptr) {
        struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
        if (str_eq(key, name))
            return value.ptr ? value : STR("");
    }
    return STR_NONE;
}

bool query_match_test(const struct query_match *m, size_t n, struct str path) {
    for (size_t i = 0; i < n; i++) {
        struct str value = match_parameter(path, m[i].name);
        bool hold = value.ptr && string_match_test(&m[i].string, value);
        if (m[i].absent || m[i].present)
            hold = !value.ptr == m[i].absent;
        if (!hold)
            return false;
    }
    return true;
}
