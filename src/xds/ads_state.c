// SPDX-License-Identifier: Apache-2.0
#include "xds/ads_state.h"
#include <stdio.h>
#include "base/mem.h"

#define WILDCARD STR("*")
#define BLOCK 16u     /* names */
#define INDEX_BITS 2u /* of the first index */

static bool is_wildcard(const struct ads_state *s, struct str name) {
    return s->can_wildcard && str_eq(name, WILDCARD);
}

/* Never 0, which is none. What is held without a version is in no version of ours. */
static uint64_t version_of(struct str version) {
    uint64_t hash = version.len ? str_hash(version, 1) : 0;
    return hash ? hash : 1;
}

/* ---- texts ---- */

static struct ads_text *text_ref(struct ads_texts *t, struct str name) {
    struct ads_text *text = map_get(&t->of, name);
    if (!text) {
        text = mem_alloc(sizeof *text + name.len + 1);
        text->name = str_of(str_z(name, (char *)(text + 1), name.len + 1));
        map_put(&t->of, name, text);
    }
    text->refs++;
    return text;
}

static void text_unref(struct ads_texts *t, struct ads_text *text) {
    if (--text->refs)
        return;
    map_del(&t->of, text->name);
    if (!t->of.len)
        map_fini(&t->of);
    free(text);
}

/* ---- the set ---- */

static struct ads_name *at(const struct ads_state *s, unsigned place) {
    return &s->set.blocks[place / BLOCK][place % BLOCK];
}

/* Where the search for a text begins. Its address is no peer's choice. */
static unsigned home_of(const struct ads_state *s, const struct ads_text *text) {
    return (unsigned)(((uintptr_t)text >> 4) * 0x9e3779b97f4a7c15u >> (64 - s->set.bits));
}

static unsigned mask(const struct ads_state *s) {
    return (1u << s->set.bits) - 1;
}

/* The slot that holds it, or the empty one where it belongs. */
static uint32_t *slot_of(const struct ads_state *s, const struct ads_text *text) {
    unsigned i = home_of(s, text);
    while (s->set.index[i] && at(s, s->set.index[i] - 1)->text != text)
        i = (i + 1) & mask(s);
    return &s->set.index[i];
}

static struct ads_name *find(const struct ads_state *s, struct str name) {
    const struct ads_text *text = s->len ? map_get(&s->texts->of, name) : NULL;
    uint32_t place = text ? *slot_of(s, text) : 0;
    return place ? at(s, place - 1) : NULL;
}

/* Three of four slots are taken at most. */
static void widen_index(struct ads_state *s) {
    unsigned places = 0;
    struct ads_name *n;
    if (s->set.bits && s->len + 1 <= (1u << s->set.bits) / 4 * 3)
        return;
    free(s->set.index);
    s->set.bits = s->set.bits ? s->set.bits + 1 : INDEX_BITS;
    s->set.index = mem_array((size_t)1 << s->set.bits, sizeof *s->set.index);
    while ((n = ads_state_next(s, &places)))
        *slot_of(s, n->text) = n->at + 1;
}

static unsigned take_place(struct ads_state *s) {
    unsigned place = s->set.free;
    if (place) {
        s->set.free = at(s, place - 1)->nonce;
        return place - 1;
    }
    if (s->set.used == s->set.n_blocks * BLOCK) {
        size_t n = s->set.n_blocks;
        if ((n & (n - 1)) == 0) /* a power of two: full */
            s->set.blocks = mem_realloc(s->set.blocks, (n ? n * 2 : 1) * sizeof(struct ads_name *));
        s->set.blocks[n] = mem_array(BLOCK, sizeof(struct ads_name));
        s->set.n_blocks++;
    }
    return s->set.used++;
}

static struct ads_name *find_or_add(struct ads_state *s, struct str name) {
    struct ads_name *n = find(s, name);
    if (n)
        return n;
    widen_index(s);
    unsigned place = take_place(s);
    n = at(s, place);
    *n = (struct ads_name){.text = text_ref(s->texts, name), .at = place};
    *slot_of(s, n->text) = place + 1;
    s->len++;
    return n;
}

static void free_set(struct ads_state *s) {
    for (size_t i = 0; i < s->set.n_blocks; i++)
        free(s->set.blocks[i]);
    free(s->set.blocks);
    free(s->set.index);
    free(s->dirty.at);
    memset(&s->set, 0, sizeof s->set);
    memset(&s->dirty, 0, sizeof s->dirty);
}

/* What stands behind it moves up, where its search would not find it any more. */
static void empty_slot(struct ads_state *s, unsigned hole) {
    for (unsigned i = (hole + 1) & mask(s); s->set.index[i]; i = (i + 1) & mask(s)) {
        unsigned home = home_of(s, at(s, s->set.index[i] - 1)->text);
        if (((i - home) & mask(s)) < ((i - hole) & mask(s)))
            continue;
        s->set.index[hole] = s->set.index[i];
        hole = i;
    }
    s->set.index[hole] = 0;
}

static void forget(struct ads_state *s, struct ads_name *n) {
    if (n->rejects)
        map_del(&s->rejected, n->text->name);
    empty_slot(s, (unsigned)(slot_of(s, n->text) - s->set.index));
    text_unref(s->texts, n->text);
    n->text = NULL;
    n->dirty = false;
    n->nonce = s->set.free;
    s->set.free = n->at + 1;
    if (--s->len == 0)
        free_set(s);
}

struct ads_name *ads_state_next(const struct ads_state *s, unsigned *place) {
    while (*place < s->set.used) {
        struct ads_name *n = at(s, (*place)++);
        if (n->text)
            return n;
    }
    return NULL;
}

void ads_state_fini(struct ads_state *s) {
    struct ads_name *n;
    for (unsigned place = 0; (n = ads_state_next(s, &place));)
        text_unref(s->texts, n->text);
    free_set(s);
    map_fini(&s->rejected);
    *s = (struct ads_state){0};
}

/* ---- what is dirty ---- */

/* Places that stand for nothing any more go: a client may subscribe and unsubscribe for ever while it reads nothing. */
static void squeeze_dirty(struct ads_state *s) {
    size_t kept = 0;
    for (size_t i = s->dirty.first; i < s->dirty.n; i++) {
        struct ads_name *n = at(s, s->dirty.at[i]);
        if (n->dirty)
            s->dirty.at[kept++] = n->at;
        n->dirty = false; /* once is enough */
    }
    s->dirty.first = 0;
    s->dirty.n = kept;
    while (kept)
        at(s, s->dirty.at[--kept])->dirty = true;
}

static void make_room(struct ads_state *s) {
    squeeze_dirty(s);
    if (s->dirty.n < s->dirty.cap / 2)
        return;
    s->dirty.cap = s->dirty.cap ? s->dirty.cap * 2 : 8;
    s->dirty.at = mem_realloc(s->dirty.at, s->dirty.cap * sizeof *s->dirty.at);
}

void ads_state_mark(struct ads_state *s, struct ads_name *n) {
    if (n->dirty)
        return;
    if (s->dirty.n == s->dirty.cap)
        make_room(s);
    n->dirty = true;
    s->dirty.at[s->dirty.n++] = n->at;
}

size_t ads_state_news(const struct ads_state *s) {
    return s->dirty.n - s->dirty.first;
}

/* A place may be there for a name that was forgotten, or twice; only its flag counts. */
struct ads_name *ads_state_pop(struct ads_state *s, size_t *left) {
    while (*left && s->dirty.first < s->dirty.n) {
        struct ads_name *n = at(s, s->dirty.at[s->dirty.first++]);
        --*left;
        if (s->dirty.first == s->dirty.n) {
            free(s->dirty.at);
            memset(&s->dirty, 0, sizeof s->dirty);
        }
        if (n->dirty) {
            n->dirty = false;
            return n;
        }
    }
    return NULL;
}

/* ---- requests ---- */

static int check(const struct ads_state *s, const struct str *names, size_t n, struct err *e) {
    size_t more = 0;
    for (size_t i = 0; i < n; i++) {
        if (names[i].len == 0 || names[i].len > ADS_NAME_MAX)
            return err_set(e, WEFT_E_LIMIT, "a resource name of %zu octets", names[i].len);
        more += !find(s, names[i]);
    }
    if (s->len + more > ADS_NAMES_MAX)
        return err_set(e, WEFT_E_LIMIT, "more than %u names of one type", ADS_NAMES_MAX);
    return 0;
}

static void subscribe(struct ads_state *s, struct str name, ads_told_f *told, void *ctx) {
    struct ads_name *n = find_or_add(s, name);
    /* Known already, by name or through the wildcard: "the client may have forgotten it". */
    n->force = s->mode != ADS_INIT && (n->subscribed || n->sent);
    ads_state_mark(s, n);
    if (n->subscribed)
        return;
    n->subscribed = true;
    told(ctx, n->text->name, false, true);
}

static void unsubscribe(struct ads_state *s, struct str name, ads_told_f *told, void *ctx) {
    struct ads_name *n = find(s, name);
    if (n && n->subscribed) {
        n->subscribed = false;
        told(ctx, n->text->name, false, false);
    }
    if (s->wildcard) { /* still covered: the client must hear what is true */
        n = find_or_add(s, name);
        n->force = true;
        ads_state_mark(s, n);
    } else if (n) {
        forget(s, n);
    }
}

static void wildcard_off(struct ads_state *s, ads_told_f *told, void *ctx) {
    if (!s->wildcard)
        return;
    s->wildcard = false;
    told(ctx, WILDCARD, true, false);
    struct ads_name *n;
    for (unsigned place = 0; (n = ads_state_next(s, &place));)
        if (!n->subscribed)
            forget(s, n);
}

static bool wildcard_on(struct ads_state *s, ads_told_f *told, void *ctx) {
    if (s->wildcard)
        return false;
    s->wildcard = true;
    told(ctx, WILDCARD, true, true);
    return true;
}

/* What the client still has from before. Names that it does not want are its own business. */
static void hold(struct ads_state *s, const struct ads_held *h) {
    if (!ads_state_wants(s, h->name))
        return;
    struct ads_name *n = find_or_add(s, h->name);
    n->sent = version_of(h->version);
    ads_state_mark(s, n);
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

static uint64_t rejected(const struct ads_state *s, const struct ads_name *n) {
    return n->rejects ? (uint64_t)(uintptr_t)map_get(&s->rejected, n->text->name) : 0;
}

/* The list names it. What was named before is sent again only to who asks again, and never a rejected version. */
static void list_name(struct ads_state *s, struct str name, bool again, ads_told_f *told, void *ctx) {
    struct ads_name *n = find(s, name);
    if (!n || !n->subscribed) {
        subscribe(s, name, told, ctx);
        n = find(s, name);
    } else if (again && !(n->sent && n->sent == rejected(s, n))) {
        n->force = true;
        ads_state_mark(s, n);
    }
    n->listed = true;
}

static void drop_unlisted(struct ads_state *s, ads_told_f *told, void *ctx) {
    struct ads_name *n;
    for (unsigned place = 0; (n = ads_state_next(s, &place));) {
        bool listed = n->listed;
        n->listed = false;
        if (listed || !n->subscribed)
            continue;
        n->subscribed = false;
        told(ctx, n->text->name, false, false);
        if (s->wildcard)
            ads_state_mark(s, n); /* still covered: kept while it is there */
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
    struct ads_name *n = find(s, name);
    if (n ? s->wildcard || n->subscribed : s->wildcard)
        ads_state_mark(s, n ? n : find_or_add(s, name));
}

void ads_state_force(struct ads_state *s, struct str name) {
    struct ads_name *n = find(s, name);
    if (!n || !n->subscribed)
        return;
    n->force = true;
    ads_state_mark(s, n);
}

int ads_state_answer(struct ads_state *s, uint64_t nonce, bool nack) {
    if (nonce <= s->acked || nonce > s->last_nonce)
        return WEFT_E_INVALID;
    s->acked = nonce;
    s->refused = nack;
    struct ads_name *n;
    for (unsigned place = 0; nack && (n = ads_state_next(s, &place));)
        if (n->nonce == (uint32_t)nonce && n->sent) {
            n->rejects = true;
            map_put(&s->rejected, n->text->name, (void *)(uintptr_t)n->sent);
        }
    return 0;
}

bool ads_state_settled(const struct ads_state *s) {
    return s->acked == s->last_nonce && !s->refused;
}

/* ---- responses ---- */

bool ads_state_sent(const struct ads_state *s, struct str name) {
    const struct ads_name *n = find(s, name);
    return n && n->sent;
}

bool ads_state_has(const struct ads_name *n, const char *version) {
    return n->sent == version_of(str_of(version));
}

enum ads_do ads_state_decide(const struct ads_state *s, const struct ads_name *n, const char *version) {
    if (!version)
        return n->sent || n->force || (n->subscribed && n->nonce == 0) ? ADS_REMOVE : ADS_NOTHING;
    if (n->force)
        return ADS_SEND;
    uint64_t now = version_of(str_of(version));
    return now == n->sent || now == rejected(s, n) ? ADS_NOTHING : ADS_SEND;
}

void ads_state_done(struct ads_state *s, struct ads_name *n, enum ads_do what, const char *version, uint64_t nonce) {
    n->dirty = n->force = false;
    if (what != ADS_NOTHING)
        n->sent = what == ADS_SEND ? version_of(str_of(version)) : 0;
    if (what != ADS_NOTHING && nonce) {
        s->last_nonce = nonce;
        n->nonce = (uint32_t)nonce;
    }
    if (!n->subscribed && !n->sent)
        forget(s, n);
}
