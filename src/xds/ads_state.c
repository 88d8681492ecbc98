// SPDX-License-Identifier: Apache-2.0
#include "xds/ads_state.h"
#include <stdio.h>
#include "base/mem.h"

#define WILDCARD STR("*")

static bool is_wildcard(const struct ads_state *s, struct str name) {
    return s->can_wildcard && str_eq(name, WILDCARD);
}

static void set_version(char dst[ADS_VERSION], struct str version) {
    if (version.len == 0 || version.len >= ADS_VERSION)
        version = STR("?"); /* held, but no version of ours */
    str_z(version, dst, ADS_VERSION);
}

static struct ads_name *find(const struct ads_state *s, struct str name) {
    return map_get(&s->names, name);
}

static struct ads_name *find_or_add(struct ads_state *s, struct str name) {
    struct ads_name *n = find(s, name);
    if (n)
        return n;
    n = mem_alloc(sizeof *n + name.len + 1);
    n->name = str_of(str_z(name, (char *)(n + 1), name.len + 1));
    map_put(&s->names, n->name, n);
    return n;
}

static void forget(struct ads_state *s, struct ads_name *n) {
    map_del(&s->names, n->name);
    list_remove(&n->dirty);
    free(n);
}

static void mark(struct ads_state *s, struct ads_name *n) {
    if (!s->dirty.next)
        list_init(&s->dirty);
    if (!list_linked(&n->dirty))
        list_push(&s->dirty, &n->dirty);
}

void ads_state_fini(struct ads_state *s) {
    struct ads_name *n;
    MAP_FOR (&s->names, NULL, n)
        free(n);
    map_fini(&s->names);
    *s = (struct ads_state){0};
}

/* ---- requests ---- */

static int check(const struct ads_state *s, const struct str *names, size_t n, struct err *e) {
    size_t more = 0;
    for (size_t i = 0; i < n; i++) {
        if (names[i].len == 0 || names[i].len > ADS_NAME_MAX)
            return err_set(e, WEFT_E_LIMIT, "a resource name of %zu octets", names[i].len);
        more += !find(s, names[i]);
    }
    if (s->names.len + more > ADS_NAMES_MAX)
        return err_set(e, WEFT_E_LIMIT, "more than %u names of one type", ADS_NAMES_MAX);
    return 0;
}

static void subscribe(struct ads_state *s, struct str name, ads_told_f *told, void *ctx) {
    struct ads_name *n = find_or_add(s, name);
    /* Known already, by name or through the wildcard: "the client may have forgotten it". */
    n->force = s->mode != ADS_INIT && (n->subscribed || n->sent[0]);
    mark(s, n);
    if (n->subscribed)
        return;
    n->subscribed = true;
    told(ctx, n->name, true);
}

static void unsubscribe(struct ads_state *s, struct str name, ads_told_f *told, void *ctx) {
    struct ads_name *n = find(s, name);
    if (n && n->subscribed) {
        n->subscribed = false;
        told(ctx, n->name, false);
    }
    if (s->wildcard) { /* still covered: the client must hear what is true */
        n = find_or_add(s, name);
        n->force = true;
        mark(s, n);
    } else if (n) {
        forget(s, n);
    }
}

static void wildcard_off(struct ads_state *s, ads_told_f *told, void *ctx) {
    if (!s->wildcard)
        return;
    s->wildcard = false;
    told(ctx, WILDCARD, false);
    struct ads_name *n;
    MAP_FOR (&s->names, NULL, n)
        if (!n->subscribed)
            forget(s, n);
}

static bool wildcard_on(struct ads_state *s, ads_told_f *told, void *ctx) {
    if (s->wildcard)
        return false;
    s->wildcard = true;
    told(ctx, WILDCARD, true);
    return true;
}

/* What the client still has from before. Names that it does not want are its own business. */
static void hold(struct ads_state *s, const struct ads_held *h) {
    if (!ads_state_wants(s, h->name))
        return;
    struct ads_name *n = find_or_add(s, h->name);
    set_version(n->sent, h->version);
    mark(s, n);
}

static int check_request(const struct ads_state *s, const struct ads_request *r, struct err *e) {
    if (check(s, r->subscribe, r->n_subscribe, e) < 0 || check(s, r->unsubscribe, r->n_unsubscribe, e) < 0)
        return WEFT_E_LIMIT;
    if (r->n_held > ADS_NAMES_MAX)
        return err_set(e, WEFT_E_LIMIT, "initial_resource_versions: more than %u names", ADS_NAMES_MAX);
    for (size_t i = 0; i < r->n_held; i++)
        if (check(s, &r->held[i].name, 1, e) < 0)
            return WEFT_E_LIMIT;
    return 0;
}

int ads_state_request(struct ads_state *s, const struct ads_request *r, ads_told_f *told, void *ctx, struct err *e) {
    bool first = s->mode == ADS_INIT, came_on = false;
    if (check_request(s, r, e) < 0)
        return WEFT_E_LIMIT;
    if (first && s->can_wildcard && r->n_subscribe == 0)
        came_on = wildcard_on(s, told, ctx);
    for (size_t i = 0; i < r->n_subscribe; i++)
        if (is_wildcard(s, r->subscribe[i]))
            came_on |= wildcard_on(s, told, ctx);
        else
            subscribe(s, r->subscribe[i], told, ctx);
    for (size_t i = 0; first && i < r->n_held; i++)
        hold(s, &r->held[i]);
    for (size_t i = 0; i < r->n_unsubscribe; i++)
        if (is_wildcard(s, r->unsubscribe[i]))
            wildcard_off(s, told, ctx);
        else
            unsubscribe(s, r->unsubscribe[i], told, ctx);
    if (first)
        s->mode = r->n_subscribe == 0 && s->can_wildcard ? ADS_LEGACY_WILDCARD : ADS_EXPLICIT;
    else if (r->n_subscribe || !s->wildcard)
        s->mode = ADS_EXPLICIT;
    return came_on;
}

/* The list names it. What was named before is sent again only to who asks again, and never a rejected version. */
static void list_name(struct ads_state *s, struct str name, bool again, ads_told_f *told, void *ctx) {
    struct ads_name *n = find(s, name);
    if (!n || !n->subscribed) {
        subscribe(s, name, told, ctx);
        n = find(s, name);
    } else if (again && !(n->sent[0] && strcmp(n->sent, n->rejected) == 0)) {
        n->force = true;
        mark(s, n);
    }
    n->listed = true;
}

static void drop_unlisted(struct ads_state *s, ads_told_f *told, void *ctx) {
    struct ads_name *n;
    MAP_FOR (&s->names, NULL, n) {
        bool listed = n->listed;
        n->listed = false;
        if (listed || !n->subscribed)
            continue;
        n->subscribed = false;
        told(ctx, n->name, false);
        if (s->wildcard)
            mark(s, n); /* still covered: kept while it is there */
        else
            forget(s, n);
    }
}

int ads_state_list(struct ads_state *s, const struct str *names, size_t n, bool again, ads_told_f *told, void *ctx,
                   struct err *e) {
    bool legacy = s->can_wildcard && n == 0 && s->mode != ADS_EXPLICIT, all = legacy, came_on = false;
    if (check(s, names, n, e) < 0)
        return WEFT_E_LIMIT;
    for (size_t i = 0; i < n; i++)
        all |= is_wildcard(s, names[i]);
    if (all)
        came_on = wildcard_on(s, told, ctx);
    for (size_t i = 0; i < n; i++)
        if (!is_wildcard(s, names[i]))
            list_name(s, names[i], again, told, ctx);
    drop_unlisted(s, told, ctx);
    if (!all)
        wildcard_off(s, told, ctx);
    s->mode = legacy ? ADS_LEGACY_WILDCARD : ADS_EXPLICIT;
    s->owed |= came_on || (again && s->can_wildcard && (all || n > 0));
    return came_on;
}

bool ads_state_wants(const struct ads_state *s, struct str name) {
    const struct ads_name *n;
    return s->wildcard || ((n = find(s, name)) && n->subscribed);
}

void ads_state_dirty(struct ads_state *s, struct str name) {
    if (ads_state_wants(s, name))
        mark(s, find_or_add(s, name));
}

void ads_state_force(struct ads_state *s, struct str name) {
    struct ads_name *n = find(s, name);
    if (!n || !n->subscribed)
        return;
    n->force = true;
    mark(s, n);
}

int ads_state_answer(struct ads_state *s, uint64_t nonce, bool nack) {
    if (nonce <= s->acked || nonce > s->last_nonce)
        return WEFT_E_INVALID;
    s->acked = nonce;
    s->refused = nack;
    struct ads_name *n;
    if (nack)
        MAP_FOR (&s->names, NULL, n)
            if (n->nonce == nonce && n->sent[0])
                memcpy(n->rejected, n->sent, ADS_VERSION);
    return 0;
}

bool ads_state_settled(const struct ads_state *s) {
    return s->acked == s->last_nonce && !s->refused;
}

/* ---- responses ---- */

enum ads_do ads_state_decide(const struct ads_state *s, const struct ads_name *n, const char *version) {
    if (!version)
        return n->sent[0] || n->force || (n->subscribed && n->nonce == 0) ? ADS_REMOVE : ADS_NOTHING;
    if (n->force)
        return ADS_SEND;
    return strcmp(version, n->sent) == 0 || strcmp(version, n->rejected) == 0 ? ADS_NOTHING : ADS_SEND;
}

void ads_state_done(struct ads_state *s, struct ads_name *n, enum ads_do what, const char *version, uint64_t nonce) {
    list_remove(&n->dirty);
    n->force = false;
    if (what != ADS_NOTHING)
        n->sent[0] = '\0';
    if (what != ADS_NOTHING && nonce)
        n->nonce = s->last_nonce = nonce;
    if (what == ADS_SEND)
        set_version(n->sent, str_of(version));
    if (!n->subscribed && !n->sent[0])
        forget(s, n);
}
