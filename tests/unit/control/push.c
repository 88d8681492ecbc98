// SPDX-License-Identifier: Apache-2.0
/* Push without a network: the streams are the test's own, and time stands still until it is moved. */
#include "control/push.c"
#include "fixture.h"

struct ads_stream {
    void *user;
    struct px *px;
    struct ads_state of[XDS_TYPES];
    unsigned dirty, flushed, told; /* told: dirty when it was flushed */
    unsigned takes;                /* microseconds, a flush */
    bool full;                     /* it sends nothing */
    char names[512];               /* "t:name " of what was marked */
};

void ads_stream_dirty(struct ads_stream *s, enum xds_type type, struct str name) {
    size_t n = strlen(s->names);
    s->dirty++;
    snprintf(s->names + n, sizeof s->names - n, "%d:" STR_FMT " ", type, STR_ARG(name));
}

void *ads_stream_user(const struct ads_stream *s) {
    return s->user;
}

void ads_stream_set_user(struct ads_stream *s, void *user) {
    s->user = user;
}

struct str ads_stream_node(const struct ads_stream *s) {
    return STR("node");
}

struct px {
    struct fx *fx;
    struct push push;
    struct ads_source src;
    struct ads_stream a, b;
};

void ads_stream_flush(struct ads_stream *s) {
    s->flushed++;
    s->told = s->dirty;
    s->px->fx->now += s->takes;
    if (!s->full)
        s->px->src.sent(s->px->src.ctx, s);
}

static struct px *open_push(struct fx *fx) {
    struct px *p = mem_new(struct px);
    p->fx = fx;
    push_init(&p->push, &fx->mesh, &fx->reg);
    p->src = push_source(&p->push);
    p->a.px = p->b.px = p;
    return p;
}

struct told {
    struct ads_stream *s;
    enum xds_type type;
};

static void told(void *ctx, struct str name, bool all, bool on) {
    const struct told *t = ctx;
    t->s->px->src.subscribed(t->s->px->src.ctx, t->s, t->type, name, all, on);
}

static void want(struct px *p, struct ads_stream *s, enum xds_type type, struct str name, bool on) {
    struct ads_state *st = &s->of[type];
    struct ads_request rq = {&name, &name, NULL, on, !on, 0};
    struct told t = {s, type};
    st->texts = p->src.texts;
    assert_int_equal(ads_state_request(st, &rq, told, &t, NULL), 0);
}

/* As the ADS server does it: what it wanted is told off first. */
static void close_stream(struct px *p, struct ads_stream *s) {
    struct ads_name *n;
    for (int type = 0; type < XDS_TYPES; type++) {
        struct told t = {s, (enum xds_type)type};
        for (unsigned at = 0; (n = ads_state_next(&s->of[type], &at));)
            told(&t, n->text->name, false, false);
        ads_state_fini(&s->of[type]);
    }
    if (s->user)
        p->src.closed(p->src.ctx, s);
}

static void close_push(struct px *p) {
    close_stream(p, &p->a);
    close_stream(p, &p->b);
    assert_int_equal(p->push.texts.of.len, 0);
    push_fini(&p->push);
    free(p);
}

/* As the ADS server does it: told, then asked for. */
static struct xds_resource *subscribe(struct px *p, struct ads_stream *s, enum xds_type type, const char *name) {
    want(p, s, type, str_of(name), true);
    return p->src.get(p->src.ctx, s, type, str_of(name));
}

static void wait_ms(struct px *p, unsigned ms) {
    fx_wait(p->fx, ms * CLOCK_MS);
}

static void put(struct px *p, const char *id, int port) {
    fx_register(p->fx, "ns/web", id, "10.0.0.1", port, "");
    push_touch(&p->push, STR("ns/web"), PUSH_ENDPOINTS);
}

static void quiet(void **state) {
    struct px *p = open_push(*state);
    put(p, "a", 1);
    assert_non_null(subscribe(p, &p->a, XDS_ENDPOINT, "ns/web"));
    put(p, "b", 2);
    wait_ms(p, 4);
    assert_int_equal(p->a.flushed, 0);
    wait_ms(p, 2);
    assert_int_equal(p->a.flushed, 1);
    assert_string_equal(p->a.names, "3:ns/web ");
    wait_ms(p, 100);
    assert_int_equal(p->a.flushed, 1);
    close_push(p);
}

/* A number that was given back is the next client's, who hears only of what it asked for itself. */
static void numbers_come_back(void **state) {
    struct px *p = open_push(*state);
    put(p, "a", 1);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    subscribe(p, &p->b, XDS_ENDPOINT, "ns/web");
    close_stream(p, &p->a);
    p->a = (struct ads_stream){.px = p};
    subscribe(p, &p->a, XDS_CLUSTER, "ns/web");
    assert_int_equal(p->push.n_numbers, 2);
    put(p, "b", 2);
    wait_ms(p, 6);
    assert_int_equal(p->a.told, 0);
    assert_string_equal(p->b.names, "3:ns/web ");
    close_push(p);
}

static void at_most(void **state) {
    struct px *p = open_push(*state);
    put(p, "a", 1);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    for (int i = 0; i < 7; i++) { /* never 5 ms of quiet */
        assert_int_equal(p->a.flushed, 0);
        put(p, "b", 100 + i);
        wait_ms(p, 3);
    }
    assert_int_equal(p->a.flushed, 1);
    assert_int_equal(p->a.told, 1);
    close_push(p);
}

/* The clock goes on while a stream is flushed, so those behind it wait. The list of streams is in the order of their coming. */
static void how_long(void **state) {
    struct px *p = open_push(*state);
    const struct push_stats *st = &p->push.stats;
    put(p, "a", 1);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    subscribe(p, &p->b, XDS_ENDPOINT, "ns/web");
    wait_ms(p, 50); /* a subscription is no push */
    assert_int_equal(hist_count(&st->converged) + hist_count(&st->queued), 0);
    p->a.takes = 2000;
    put(p, "b", 2);
    wait_ms(p, 4);
    put(p, "c", 3); /* the first change counts */
    wait_ms(p, 6);
    assert_int_equal(hist_count(&st->queued), 2);
    assert_int_equal(st->queued.sum, 2000);
    assert_int_equal(hist_count(&st->converged), 2);
    assert_int_equal(st->converged.sum, 12000 + 12000);
    assert_int_equal(hist_count(&st->debounced), 1);
    assert_int_equal(st->debounced.sum, 10000);
    close_push(p);
}

/* One that does not read has not been sent it, whatever comes meanwhile; nor has one that leaves. */
static void slow(void **state) {
    struct px *p = open_push(*state);
    const struct hist *h = &p->push.stats.converged;
    put(p, "a", 1);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    subscribe(p, &p->b, XDS_ENDPOINT, "ns/web");
    wait_ms(p, 50);
    p->a.full = p->b.full = true;
    put(p, "b", 2);
    wait_ms(p, 10);
    put(p, "c", 3);
    wait_ms(p, 10);
    assert_int_equal(hist_count(h), 0);
    p->src.sent(p->src.ctx, &p->a); /* it has drained */
    p->src.sent(p->src.ctx, &p->a);
    close_stream(p, &p->b);
    assert_int_equal(hist_count(h), 1);
    assert_int_equal(h->sum, 20000);
    close_push(p);
}

static void nothing_new(void **state) {
    struct px *p = open_push(*state);
    put(p, "a", 1);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    subscribe(p, &p->a, XDS_CLUSTER, "ns/web");
    wait_ms(p, 50);
    unsigned flushed = p->a.flushed;
    uint64_t compiled = p->push.stats.compiled;
    put(p, "a", 1); /* the same once more */
    wait_ms(p, 50);
    assert_int_equal(p->a.dirty, 0);
    assert_int_equal(p->a.flushed, flushed);
    assert_int_equal(p->push.stats.compiled, compiled + 1); /* the endpoints, not the cluster */
    push_touch_all(&p->push, PUSH_ALL);
    wait_ms(p, 50);
    assert_int_equal(p->a.dirty, 0);
    close_push(p);
}

static void compiled_once_for_all(void **state) {
    struct px *p = open_push(*state);
    put(p, "a", 1);
    struct xds_resource *r = subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    assert_ptr_equal(subscribe(p, &p->b, XDS_ENDPOINT, "ns/web"), r);
    put(p, "b", 2);
    wait_ms(p, 50);
    assert_int_equal(p->a.told, 1);
    assert_int_equal(p->b.told, 1);
    assert_int_equal(p->push.stats.compiled, 2);
    assert_int_equal(p->push.stats.pushes[XDS_ENDPOINT], 2);
    close_push(p);
}

/* A service that comes or goes changes more than its endpoints. */
static void comes_and_goes(void **state) {
    struct px *p = open_push(*state);
    assert_null(subscribe(p, &p->a, XDS_ROUTE, "ns/web"));
    assert_null(subscribe(p, &p->a, XDS_CLUSTER, "ns/web"));
    assert_null(subscribe(p, &p->a, XDS_ENDPOINT, "ns/web|version=v2"));
    put(p, "a", 1);
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "1:ns/web 2:ns/web 3:ns/web|version=v2 ");
    p->a.names[0] = 0;
    mesh_delete_registration(&p->fx->mesh, STR("ns/web"), STR("a"), NULL, NULL);
    fx_settle(p->fx);
    push_touch(&p->push, STR("ns/web"), PUSH_ENDPOINTS);
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "1:ns/web 2:ns/web 3:ns/web|version=v2 ");
    assert_null(p->src.get(p->src.ctx, &p->a, XDS_ROUTE, STR("ns/web")));
    close_push(p);
}

static void others_are_left_alone(void **state) {
    struct px *p = open_push(*state);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    subscribe(p, &p->b, XDS_ENDPOINT, "ns/api");
    put(p, "a", 1);
    wait_ms(p, 50);
    assert_int_equal(p->a.flushed, 1);
    assert_int_equal(p->b.flushed, 0);
    close_push(p);
}

/* What nobody wants any more is forgotten, what was asked for without being wanted too; names may be anything. */
static void forgets(void **state) {
    struct px *p = open_push(*state);
    subscribe(p, &p->a, XDS_ENDPOINT, "ns/web");
    subscribe(p, &p->a, XDS_ENDPOINT, "\xff|||");
    subscribe(p, &p->b, XDS_ENDPOINT, "ns/web");
    want(p, &p->a, XDS_ENDPOINT, STR("ns/web"), false);
    assert_int_equal(p->push.entries[FOR_WEFT][XDS_ENDPOINT].len, 2);
    close_stream(p, &p->a);
    assert_int_equal(p->push.entries[FOR_WEFT][XDS_ENDPOINT].len, 1);
    close_stream(p, &p->b);
    assert_int_equal(p->push.entries[FOR_WEFT][XDS_ENDPOINT].len, 0);
    assert_int_equal(p->push.groups.len, 0);
    assert_null(p->src.get(p->src.ctx, &p->a, XDS_CLUSTER, STR("ns/web")));
    wait_ms(p, 50);
    assert_int_equal(p->push.entries[FOR_WEFT][XDS_CLUSTER].len, 0);
    assert_int_equal(p->push.groups.len, 0);
    assert_int_equal(p->push.n_streams, 0);
    close_push(p);
}

static void count(void *arg, struct xds_resource *r) {
    ++*(unsigned *)arg;
}

/* An Envoy's own listeners and app are for it alone, though others take all there is too; and clients of each kind have their
 * own. */
static void envoys(void **state) {
    struct px *p = open_push(*state);
    struct err e = {0};
    struct ads_node n = {.id = STR("a"),
                         .service = STR("web"),
                         .ns = STR("ns"),
                         .agent = STR("envoy"),
                         .app = STR("10.0.0.1:1"),
                         .inbound = STR("10.0.0.1:2"),
                         .outbound = STR("127.0.0.1:3"),
                         .certificates = STR("/c")};
    assert_int_equal(p->src.node(p->src.ctx, &p->a, &n, &e), 0);
    n.inbound = STR("10.0.0.9:2");
    assert_int_equal(p->src.node(p->src.ctx, &p->b, &n, &e), 0);
    for (int i = 0; i < 2; i++)
        for (int t = 0; t < XDS_TYPES; t++)
            if (t == XDS_LISTENER || t == XDS_CLUSTER)
                p->src.subscribed(p->src.ctx, i ? &p->b : &p->a, (enum xds_type)t, STR("*"), true, true);
    unsigned listeners = 0, clusters = 0;
    p->src.all(p->src.ctx, &p->a, XDS_LISTENER, count, &listeners);
    p->src.all(p->src.ctx, &p->a, XDS_CLUSTER, count, &clusters);
    assert_int_equal(listeners, 2);
    assert_int_equal(clusters, 1);
    p->src.all(p->src.ctx, &p->b, XDS_LISTENER, count, &listeners);
    p->a.names[0] = p->b.names[0] = 0;
    fx_config(p->fx, "{\"observability\":{\"access_logging\":false}}");
    push_touch(&p->push, STR("ns/web"), 1u << XDS_LISTENER);
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "0:inbound|ns/web|10.0.0.1:2|10.0.0.1:1 ");
    assert_string_equal(p->b.names, "0:inbound|ns/web|10.0.0.9:2|10.0.0.1:1 ");
    assert_non_null(p->src.get(p->src.ctx, &p->a, XDS_SECRET, STR("default")));
    assert_null(p->src.get(p->src.ctx, &p->a, XDS_SECRET, STR("other")));
    put(p, "x", 5);
    wait_ms(p, 50);
    assert_non_null(strstr(p->a.names, "2:ns/web "));
    close_push(p);
}

static void wildcard(void **state) {
    struct px *p = open_push(*state);
    unsigned n = 0;
    put(p, "a", 1);
    fx_rule(p->fx, "ns/ruled", "{}");
    p->src.subscribed(p->src.ctx, &p->a, XDS_CLUSTER, STR("*"), true, true);
    p->src.all(p->src.ctx, &p->a, XDS_CLUSTER, count, &n);
    assert_int_equal(n, 2);
    fx_register(p->fx, "ns/new", "a", "10.0.0.1", 1, "");
    push_touch(&p->push, STR("ns/new"), PUSH_ENDPOINTS); /* nobody has named it yet */
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "2:ns/new ");
    p->src.subscribed(p->src.ctx, &p->a, XDS_CLUSTER, STR("*"), true, false);
    assert_int_equal(p->push.entries[FOR_WEFT][XDS_CLUSTER].len, 0);
    close_push(p);
}

static void on_touched(void *ctx, struct str service) {
    struct px *p = ctx;
    push_touch(&p->push, service, PUSH_ENDPOINTS);
}

static void on_moved(void *ctx, struct str address) {
    struct px *p = ctx;
    push_moved(&p->push, address);
}

/* Of services that nobody has asked for. */
static void addresses_move(void **state) {
    struct px *p = open_push(*state);
    p->fx->reg.cfg = (struct reg_cfg){.touched = on_touched, .moved = on_moved, .ctx = p};
    assert_null(subscribe(p, &p->a, XDS_ROUTE, "@10.0.0.1:80"));
    fx_register(p->fx, "ns/other", "a", "10.0.0.2", 80, "");
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "");
    fx_register(p->fx, "ns/web", "a", "10.0.0.1", 80, "");
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "1:@10.0.0.1:80 ");
    assert_non_null(p->src.get(p->src.ctx, &p->a, XDS_ROUTE, STR("@10.0.0.1:80")));
    fx_register(p->fx, "ns/db", "a", "10.0.0.1", 80, ""); /* comes later: it is still web's */
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "1:@10.0.0.1:80 ");
    mesh_delete_registration(&p->fx->mesh, STR("ns/web"), STR("a"), NULL, NULL);
    fx_settle(p->fx);
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "1:@10.0.0.1:80 1:@10.0.0.1:80 ");
    p->fx->reg.cfg = (struct reg_cfg){.touched = fx_touched, .ctx = p->fx};
    close_push(p);
}

/* Who takes all there is does not get these. */
static void addresses_are_no_services(void **state) {
    struct px *p = open_push(*state);
    p->fx->reg.cfg = (struct reg_cfg){.touched = on_touched, .moved = on_moved, .ctx = p};
    p->src.subscribed(p->src.ctx, &p->b, XDS_CLUSTER, STR("*"), true, true);
    subscribe(p, &p->a, XDS_ROUTE, "@10.0.0.1:80");
    fx_register(p->fx, "ns/web", "a", "10.0.0.1", 80, "");
    wait_ms(p, 50);
    assert_string_equal(p->a.names, "1:@10.0.0.1:80 ");
    assert_string_equal(p->b.names, "2:ns/web ");
    assert_int_equal(p->push.entries[FOR_WEFT][XDS_CLUSTER].len, 1);
    p->src.subscribed(p->src.ctx, &p->b, XDS_CLUSTER, STR("*"), true, false);
    p->fx->reg.cfg = (struct reg_cfg){.touched = fx_touched, .ctx = p->fx};
    close_push(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(quiet),
        TEST(at_most),
        TEST(numbers_come_back),
        TEST(nothing_new),
        TEST(compiled_once_for_all),
        TEST(comes_and_goes),
        TEST(others_are_left_alone),
        TEST(forgets),
        TEST(wildcard),
        TEST(envoys),
        TEST(how_long),
        TEST(slow),
        TEST(addresses_move),
        TEST(addresses_are_no_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
