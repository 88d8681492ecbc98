// SPDX-License-Identifier: Apache-2.0
#include "xds/ads_server.h"
#include <stdio.h>
#include "base/mem.h"
#include "discovery.pb-c.h"
#include "xds/ads_response.h"
#include "xds/unpack.h"

struct ads_stream {
    struct call *call;
    const struct ads_source *src;
    struct ads_state of[XDS_TYPES];
    uint64_t nonce;  /* the last one given: unique in the stream */
    struct map last; /* state of the world: clusters of the newest response, by name; refs */
    struct str node; /* owned */
    bool sotw;       /* state of the world */
    bool known;      /* the owner took the node: it will hear `closed` */
    bool warming;    /* some cluster may be */
    bool closing;    /* nothing is sent any more */
    void *user;
};

/* Make before break (§1.7): what is referred to comes before what refers to it, and goes after it. */
static const enum xds_type updates[] = {XDS_CLUSTER, XDS_ENDPOINT, XDS_LISTENER, XDS_ROUTE, XDS_SECRET};
static const enum xds_type removals[] = {XDS_LISTENER, XDS_ROUTE, XDS_CLUSTER, XDS_ENDPOINT, XDS_SECRET};

/* ---- sending ---- */

struct round { /* one type in one flush */
    struct ads_stream *s;
    enum xds_type type;
    enum ads_do what;
    struct ads_response response;
    uint64_t nonce;
};

static void hand_over(struct round *r) {
    struct ads_stream *s = r->s;
    struct str msg = ads_response_end(&r->response, r->type, r->nonce);
    call_send(s->call, msg);
    if (s->src->response)
        s->src->response(s->src->ctx, s, r->type, msg.len);
    s->nonce = r->nonce;
}

static void send_response(struct round *r) {
    if (r->response.n)
        hand_over(r);
    ads_response_fini(&r->response);
    r->nonce = r->s->nonce + 1;
}

static bool has_endpoints(const struct ads_stream *s, struct str cluster) {
    return ads_state_sent(&s->of[XDS_ENDPOINT], cluster);
}

/* An updated cluster warms until its endpoints come again, though they are the same (§1.7: Envoy's issue 13009); a new one cannot
 * be used before it has any. */
static void follow(struct round *r, struct ads_name *n) {
    struct ads_stream *s = r->s;
    if (r->type != XDS_CLUSTER)
        return;
    ads_state_force(&s->of[XDS_ENDPOINT], n->text->name);
    n->warming = s->of[XDS_CLUSTER].wildcard && !has_endpoints(s, n->text->name) &&
                 s->src->get(s->src->ctx, s, XDS_ENDPOINT, n->text->name);
    s->warming |= n->warming;
}

/* `all`: whatever they wait for. */
static void end_warming(struct ads_stream *s, bool all) {
    struct ads_name *n;
    if (!s->warming)
        return;
    s->warming = false;
    for (unsigned at = 0; (n = ads_state_next(&s->of[XDS_CLUSTER], &at));) {
        n->warming = n->warming && !all && n->sent && !has_endpoints(s, n->text->name);
        s->warming |= n->warming;
    }
}

/* Routes are not warmed: one to a cluster that cannot be used yet is a 503 (§1.7). What the client has not at all does not wait.
 */
static bool too_early(const struct round *r, const struct ads_name *n) {
    const struct ads_state *clusters = &r->s->of[XDS_CLUSTER];
    if (r->type != XDS_ROUTE || !clusters->wildcard || !n->sent || n->force)
        return false;
    return clusters->acked < clusters->last_nonce || r->s->warming;
}

static bool full(const struct ads_stream *s, size_t more) {
    return s->closing || call_queued(s->call) + more > ADS_QUEUE;
}

static struct xds_resource *get(const struct round *r, const struct ads_name *n) {
    return r->s->src->get(r->s->src->ctx, r->s, r->type, n->text->name);
}

/* A route may name it still: until the client has taken the routes and listeners that do not. */
static bool still_used(const struct round *r, const struct ads_name *n) {
    if (!n->sent || (r->type != XDS_CLUSTER && r->type != XDS_ENDPOINT))
        return false;
    const struct ads_state *routes = &r->s->of[XDS_ROUTE];
    return ads_state_news(routes) > 0 || !ads_state_settled(routes) || !ads_state_settled(&r->s->of[XDS_LISTENER]);
}

/* Clean or sent now; what is for the other round goes on waiting. */
static void take(struct round *r, struct ads_name *n) {
    struct ads_state *st = &r->s->of[r->type];
    struct xds_resource *res = get(r, n);
    const char *version = res ? res->version : NULL;
    enum ads_do what = ads_state_decide(st, n, version);
    bool never = what == ADS_REMOVE && !n->sent && r->s->sotw; /* nothing is taken away: no order to keep */
    if (what != ADS_NOTHING && !never && (what != r->what || (what == ADS_REMOVE ? still_used(r, n) : too_early(r, n)))) {
        ads_state_mark(st, n);
        return;
    }
    if (what == ADS_SEND) {
        ads_response_add(&r->response, res);
        follow(r, n);
    }
    bool told = what != ADS_REMOVE || !r->s->sotw || never || n->force; /* the end of a child is told by its parent */
    if (what == ADS_REMOVE && !r->s->sotw)
        ads_response_remove(&r->response, n->text->name);
    if (what == ADS_REMOVE && told && n->subscribed)
        ads_response_missing(&r->response, n->text->name);
    ads_state_done(st, n, what, version, told ? r->nonce : 0);
}

/* ---- state of the world: a whole type ---- */

/* Is there anything to tell in this round? What is not is clean after it. */
static bool has_news(struct round *r) {
    struct ads_state *st = &r->s->of[r->type];
    bool news = st->owed && r->what == ADS_SEND;
    size_t left = ads_state_news(st);
    struct ads_name *n;
    while ((n = ads_state_pop(st, &left))) {
        const struct xds_resource *res = get(r, n);
        enum ads_do what = ads_state_decide(st, n, res ? res->version : NULL);
        news |= what == r->what && !(what == ADS_REMOVE && still_used(r, n));
        if (what == ADS_NOTHING)
            ads_state_done(st, n, what, NULL, 0);
        else
            ads_state_mark(st, n);
    }
    return news;
}

static void keep(struct map *kept, struct xds_resource *res) {
    ref_put(map_put(kept, res->name, ref_get(res)));
}

static void drop_kept(struct map *kept) {
    struct xds_resource *res;
    MAP_FOR (kept, NULL, res)
        ref_put(res);
    map_fini(kept);
}

static void add_whole(struct round *r, struct ads_name *n, struct map *kept) {
    struct ads_state *st = &r->s->of[r->type];
    struct xds_resource *res = get(r, n);
    struct xds_resource *last = res || r->type != XDS_CLUSTER ? NULL : map_get(&r->s->last, n->text->name);
    if (last && (r->what == ADS_SEND || still_used(r, n))) { /* as it was; its end is told when its turn comes */
        ads_response_add(&r->response, last);
        keep(kept, last);
        return;
    }
    if (res && r->type == XDS_CLUSTER)
        keep(kept, res);
    if (res) {
        if (n->force || !ads_state_has(n, res->version))
            follow(r, n);
        ads_response_add(&r->response, res);
    } else if (n->subscribed) {
        ads_response_missing(&r->response, n->text->name);
    }
    ads_state_done(st, n, res ? ADS_SEND : ADS_REMOVE, res ? res->version : NULL, r->nonce);
}

static void send_whole(struct ads_stream *s, enum xds_type type, enum ads_do what) {
    struct round r = {.s = s, .type = type, .what = what, .nonce = s->nonce + 1, .response.sotw = true};
    struct ads_state *st = &s->of[type];
    struct map kept = {0};
    struct ads_name *n;
    if (!has_news(&r))
        return;
    for (unsigned at = 0; (n = ads_state_next(st, &at));)
        add_whole(&r, n, &kept);
    if (type == XDS_CLUSTER) {
        drop_kept(&s->last);
        s->last = kept;
    }
    st->owed = false;
    st->last_nonce = r.nonce;
    hand_over(&r); /* also when it is empty: then nothing is left */
    ads_response_fini(&r.response);
}

/* false: ADS_QUEUE came before all was looked at, and `drained` will go on. */
static bool send_type(struct ads_stream *s, enum xds_type type, enum ads_do what) {
    struct round r = {.s = s, .type = type, .what = what, .nonce = s->nonce + 1, .response.sotw = s->sotw};
    struct ads_state *st = &s->of[type];
    size_t left = ads_state_news(st);
    struct ads_name *n;
    if (full(s, 0))
        return false;
    if (s->sotw && st->can_wildcard) {
        send_whole(s, type, what);
        return true;
    }
    while (!full(s, r.response.out.len) && (n = ads_state_pop(st, &left)))
        take(&r, n);
    send_response(&r);
    return !left;
}

void ads_stream_flush(struct ads_stream *s) {
    bool all = true;
    for (size_t i = 0; i < XDS_TYPES && all; i++) {
        if (updates[i] == XDS_ROUTE)
            end_warming(s, false);
        all = send_type(s, updates[i], ADS_SEND);
    }
    for (size_t i = 0; i < XDS_TYPES && all; i++)
        all = send_type(s, removals[i], ADS_REMOVE);
    if (all && s->src->sent)
        s->src->sent(s->src->ctx, s);
}

void ads_stream_dirty(struct ads_stream *s, enum xds_type type, struct str name) {
    if (!s->closing)
        ads_state_dirty(&s->of[type], name);
}

void ads_stream_close(struct ads_stream *s, int grpc_status, struct str message) {
    s->closing = true;
    call_finish(s->call, grpc_status, message);
}

/* ---- requests ---- */

struct told { /* for callbacks about one type */
    struct ads_stream *s;
    enum xds_type type;
};

static void on_told(void *ctx, struct str name, bool all, bool on) {
    struct told *t = ctx;
    const struct ads_source *src = t->s->src;
    if (src->subscribed)
        src->subscribed(src->ctx, t->s, t->type, name, all, on);
}

static void mark_one(void *arg, struct xds_resource *res) {
    struct told *t = arg;
    ads_stream_dirty(t->s, t->type, res->name);
}

/* They are kept as long as the stream is, and shown. */
static int check_node(const struct ads_node *n, struct err *e) {
    const struct str texts[] = {n->id,  n->service, n->ns,       n->agent,    n->instance,
                                n->app, n->inbound, n->outbound, n->protocol, n->certificates};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].len > ADS_NAME_MAX)
            return err_set(e, WEFT_E_LIMIT, "node: a text of %zu octets", texts[i].len);
    return 0;
}

static int take_node(struct ads_stream *s, const Ec__Node *w, struct err *e) {
    const struct ads_source *src = s->src;
    if (s->known)
        return 0; /* told once, maybe again: the first counts */
    if (!w || !*w->id)
        return err_set(e, WEFT_E_INVALID, "the first request must tell the node");
    struct ads_node n = {.id = str_of(w->id),
                         .service = str_of(w->cluster),
                         .ns = str_of(unpack_text(w->metadata, "NAMESPACE")),
                         .agent = str_of(w->user_agent_name),
                         .instance = str_of(unpack_text(w->metadata, "WEFT_ID")),
                         .app = str_of(unpack_text(w->metadata, "WEFT_APP")),
                         .inbound = str_of(unpack_text(w->metadata, "WEFT_INBOUND")),
                         .outbound = str_of(unpack_text(w->metadata, "WEFT_OUTBOUND")),
                         .protocol = str_of(unpack_text(w->metadata, "WEFT_PROTOCOL")),
                         .certificates = str_of(unpack_text(w->metadata, "WEFT_CERTIFICATES"))};
    if (check_node(&n, e) < 0)
        return WEFT_E_LIMIT;
    n.id = s->node = str_of(mem_strdup(n.id));
    if (src->node && src->node(src->ctx, s, &n, e) < 0)
        return WEFT_E_DENIED;
    s->known = true;
    return 0;
}

/* false: no response waited for it. */
static bool take_answer(struct ads_stream *s, enum xds_type type, const char *response_nonce, const Rpc__Status *error) {
    const struct ads_source *src = s->src;
    uint64_t nonce;
    bool later = *response_nonce && s->of[type].mode != ADS_INIT; /* in the first it is another stream's */
    if (!str_u64(str_of(response_nonce), UINT64_MAX, &nonce) || ads_state_answer(&s->of[type], nonce, error) < 0) {
        if (later && src->expired)
            src->expired(src->ctx, s, type);
        return false;
    }
    if (error && type == XDS_CLUSTER)
        end_warming(s, true); /* which one was refused nobody knows */
    if (error && src->nack)
        src->nack(src->ctx, s, type, str_of(error->message));
    else if (!error && src->acked)
        src->acked(src->ctx, s, type);
    return true;
}

static struct str *strs(struct arena *a, char *const *z, size_t n) {
    struct str *s = arena_alloc(a, n * sizeof *s);
    for (size_t i = 0; i < n; i++)
        s[i] = str_of(z[i]);
    return s;
}

static int take_subscriptions(struct ads_stream *s, enum xds_type type, const Ed__DeltaDiscoveryRequest *m, struct arena *a,
                              struct err *e) {
    struct told t = {s, type};
    struct ads_held *held = arena_alloc(a, m->n_initial_resource_versions * sizeof *held);
    for (size_t i = 0; i < m->n_initial_resource_versions; i++)
        held[i] = (struct ads_held){str_of(m->initial_resource_versions[i]->key), str_of(m->initial_resource_versions[i]->value)};
    struct ads_request r = {.subscribe = strs(a, m->resource_names_subscribe, m->n_resource_names_subscribe),
                            .unsubscribe = strs(a, m->resource_names_unsubscribe, m->n_resource_names_unsubscribe),
                            .held = held,
                            .n_subscribe = m->n_resource_names_subscribe,
                            .n_unsubscribe = m->n_resource_names_unsubscribe,
                            .n_held = m->n_initial_resource_versions};
    int wildcard = ads_state_request(&s->of[type], &r, on_told, &t, e);
    if (wildcard > 0)
        s->src->all(s->src->ctx, s, type, mark_one, &t);
    return wildcard;
}

/* *type stays -1 when nothing of that type exists here: no answer (§1.3). */
static int take_type(const char *type_url, int *type, struct err *e) {
    if (!*type_url)
        return err_set(e, WEFT_E_INVALID, "no type_url");
    *type = xds_type_of_url(str_of(type_url));
    return 0;
}

static int take_delta(struct ads_stream *s, struct unpack *u, struct str msg) {
    Ed__DeltaDiscoveryRequest *m;
    int type = -1;
    if (unpack_msg(u, &ed__delta_discovery_request__descriptor, msg, &m) < 0 || take_node(s, m->node, u->e) < 0 ||
        take_type(m->type_url, &type, u->e) < 0)
        return u->e->code;
    if (type < 0)
        return 0;
    /* With a stale nonce, what it says about subscriptions counts all the same (§1.5). */
    (void)take_answer(s, (enum xds_type)type, m->response_nonce, m->error_detail);
    return take_subscriptions(s, (enum xds_type)type, m, &u->mem, u->e);
}

/* Not of the newest response: it was sent before that one came, whose answer will tell the names again (§1.4). Nonces die with
 * their stream, so in its first request of a type any is as none. */
static bool stale(const struct ads_state *st, struct str nonce) {
    char last[24];
    snprintf(last, sizeof last, "%llu", (unsigned long long)st->last_nonce);
    return nonce.len && st->mode != ADS_INIT && !str_eq(nonce, str_of(last));
}

static int take_sotw(struct ads_stream *s, struct unpack *u, struct str msg) {
    Ed__DiscoveryRequest *m;
    int type = -1;
    if (unpack_msg(u, &ed__discovery_request__descriptor, msg, &m) < 0 || take_node(s, m->node, u->e) < 0 ||
        take_type(m->type_url, &type, u->e) < 0)
        return u->e->code;
    if (type < 0)
        return 0;
    struct ads_state *st = &s->of[type];
    bool answer = take_answer(s, (enum xds_type)type, m->response_nonce, m->error_detail);
    if (stale(st, str_of(m->response_nonce)))
        return 0;
    struct told t = {s, (enum xds_type)type};
    int wildcard = ads_state_list(st, strs(&u->mem, m->resource_names, m->n_resource_names), m->n_resource_names,
                                  !answer && !m->error_detail, on_told, &t, u->e);
    if (wildcard > 0)
        s->src->all(s->src->ctx, s, t.type, mark_one, &t);
    return wildcard;
}

static int status_of(int code) {
    if (code == WEFT_E_DENIED)
        return GRPC_PERMISSION_DENIED;
    return code == WEFT_E_LIMIT || code == WEFT_E_TOO_LARGE ? GRPC_RESOURCE_EXHAUSTED : GRPC_INVALID_ARGUMENT;
}

static void on_message(struct call *c, struct str msg) {
    struct ads_stream *s = c->user;
    struct unpack u;
    struct err e = {0};
    if (s->closing)
        return;
    unpack_init(&u, NULL, &e);
    int r = s->sotw ? take_sotw(s, &u, msg) : take_delta(s, &u, msg);
    unpack_fini(&u);
    if (r < 0)
        ads_stream_close(s, status_of(r), str_of(e.msg));
    else
        ads_stream_flush(s);
}

static void on_half_closed(struct call *c) {
    ads_stream_close(c->user, GRPC_OK, STR_NONE);
}

static void on_drained(struct call *c) {
    ads_stream_flush(c->user);
}

/* ---- life ---- */

static void end_subscriptions(struct ads_stream *s, enum xds_type type) {
    struct told t = {s, type};
    struct ads_name *n;
    if (s->of[type].wildcard)
        on_told(&t, STR("*"), true, false);
    for (unsigned at = 0; (n = ads_state_next(&s->of[type], &at));)
        if (n->subscribed)
            on_told(&t, n->text->name, false, false);
}

static void on_done(struct call *c, int grpc_status, struct str message) {
    struct ads_stream *s = c->user;
    s->closing = true;
    for (int type = 0; type < XDS_TYPES; type++) {
        end_subscriptions(s, (enum xds_type)type);
        ads_state_fini(&s->of[type]);
    }
    drop_kept(&s->last);
    if (s->known && s->src->closed)
        s->src->closed(s->src->ctx, s);
    free((char *)s->node.ptr);
    free(s);
}

const struct call_cb ads_stream_call_cb = {
    .message = on_message, .half_closed = on_half_closed, .drained = on_drained, .done = on_done};

struct ads_stream *ads_stream_open(struct call *c, const struct ads_source *src, bool sotw) {
    struct ads_stream *s = mem_new(struct ads_stream);
    s->sotw = sotw;
    s->call = c;
    s->src = src;
    s->of[XDS_LISTENER].can_wildcard = s->of[XDS_CLUSTER].can_wildcard = true;
    for (int type = 0; type < XDS_TYPES; type++)
        s->of[type].texts = src->texts;
    call_mark(c, ADS_QUEUE);
    c->user = s;
    return s;
}

void *ads_stream_user(const struct ads_stream *s) {
    return s->user;
}

void ads_stream_set_user(struct ads_stream *s, void *user) {
    s->user = user;
}

struct str ads_stream_node(const struct ads_stream *s) {
    return s->node;
}

bool ads_stream_wants(const struct ads_stream *s, enum xds_type type, struct str name) {
    return ads_state_wants(&s->of[type], name);
}
