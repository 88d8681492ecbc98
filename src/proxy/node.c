// SPDX-License-Identifier: Apache-2.0
#include "proxy/node.h"
#include "base/clock.h"

int node_fail(struct node n, const char *what) {
    if (n.r->rc == 0)
        n.r->rc = err_set(n.r->e, WEFT_E_UNSUPPORTED, STR_FMT ": %s", STR_ARG(n.where), what);
    return n.r->rc;
}

static bool in_words(const char *words, struct str word) {
    struct str rest = str_of(words);
    while (rest.ptr)
        if (str_eq(str_cut(&rest, ' '), word))
            return true;
    return false;
}

void node_only(struct node n, const char *names) {
    const char *key;
    json_t *v;
    if (!n.v)
        return;
    if (!json_is_object(n.v)) {
        node_fail(n, "must be an object");
        return;
    }
    json_object_foreach(n.v, key, v) {
        if (strcmp(key, "@type") != 0 && !in_words(names, str_of(key)))
            node_fail(node_get(n, key), "is not supported");
    }
}

struct node node_get(struct node n, const char *name) {
    struct arena *a = &n.r->mem;
    struct str where = n.where.len ? arena_fmt(a, STR_FMT ".%s", STR_ARG(n.where), name) : arena_dup(a, str_of(name));
    return (struct node){n.r, json_object_get(n.v, name), where};
}

struct node node_need(struct node n, const char *name) {
    struct node m = node_get(n, name);
    if (!m.v)
        node_fail(m, "is needed");
    return m;
}

size_t node_len(struct node n) {
    if (n.v && !json_is_array(n.v))
        node_fail(n, "must be a list");
    return json_array_size(n.v);
}

struct node node_at(struct node n, size_t i) {
    return (struct node){n.r, json_array_get(n.v, i), arena_fmt(&n.r->mem, STR_FMT "[%zu]", STR_ARG(n.where), i)};
}

struct node node_one(struct node n) {
    if (node_len(n) != 1)
        node_fail(n, "must have exactly one element");
    return node_at(n, 0);
}

struct str node_str(struct node n) {
    if (n.v && !json_is_string(n.v))
        node_fail(n, "must be a string");
    return n.v ? json_to_str(n.v) : STR_NONE;
}

uint64_t node_uint(struct node n, uint64_t max, uint64_t dflt) {
    if (!n.v)
        return dflt;
    if (!json_is_integer(n.v) || json_integer_value(n.v) < 0 || (uint64_t)json_integer_value(n.v) > max) {
        node_fail(n, "must be a whole number in range");
        return dflt;
    }
    return (uint64_t)json_integer_value(n.v);
}

bool node_bool(struct node n, bool dflt) {
    if (!n.v)
        return dflt;
    if (!json_is_boolean(n.v))
        node_fail(n, "must be true or false");
    return json_is_true(n.v);
}

uint64_t node_us(struct node n, uint64_t dflt) {
    if (!n.v)
        return dflt;
    struct str s = node_str(n), whole;
    uint64_t secs = 0, part = 0, scale = CLOCK_S;
    bool ok = str_ends(s, STR("s"));
    s = str_first(s, s.len ? s.len - 1 : 0);
    whole = str_cut(&s, '.');
    ok = ok && str_u64(whole, 1u << 30, &secs);
    if (ok && s.ptr)
        ok = s.len <= 6 && str_u64(s, 999999, &part);
    for (size_t i = 0; i < s.len; i++)
        scale /= 10;
    if (!ok)
        node_fail(n, "must be a duration like \"1.5s\"");
    return secs * CLOCK_S + part * scale;
}

int node_word(struct node n, const char *words, int dflt) {
    if (!n.v)
        return dflt;
    struct str rest = str_of(words), word = node_str(n);
    for (int i = 0; rest.ptr; i++)
        if (str_eq(str_cut(&rest, ' '), word))
            return i;
    node_fail(n, "has a value that is not supported");
    return dflt;
}
