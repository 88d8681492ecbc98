// SPDX-License-Identifier: Apache-2.0
/* A proxy's link against a control plane's node service, over real HTTP/2 on loopback, both in one loop: subscriptions, pushes,
 * NACKs, the session, certificates, the loss of the control plane and its return. */
#include "xds/link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "http/server.h"
#include "xds/node_server.h"

#define AWAIT_US (20 * CLOCK_S) /* a condition that is not true by then never will be */

struct plane {
    struct ads_texts texts; /* the control plane, and what it has heard */
    struct server server;
    struct node_service svc;
    struct map of[XDS_TYPES]; /* name -> struct xds_resource */
    struct ads_stream *stream;
    struct session *session;
    struct session_stats stats;
    unsigned nodes, streams_closed, sessions_closed, acks, nacks, health_told, left, drained, connections, told_on, told_off,
        failing;
    char failed[128];
    bool healthy, deny_node, deny_hello, drop_signs;
    char last_nack[512], hello[512], node[128], sign[256];
};

struct fx {
    struct loop loop;
    struct plane plane;
    struct addr addr;
    struct link *link;
    struct map got; /* "type name" -> text of what it is */
    unsigned resources, removals, responses, ups, downs, drains, signs, welcomes;
    bool refuse; /* on_resource refuses */
    int sign_code;
    char ca_hash[16];
    char chain[64], ca[64], down[256], sign_error[256];
    struct timer guard;
    bool timed_out;
};

static void on_guard(struct timer *t) {
    container_of(t, struct fx, guard)->timed_out = true;
}

#define AWAIT(fx, cond)                                                                                                          \
    do {                                                                                                                         \
        loop_timer(&(fx)->loop, &(fx)->guard, AWAIT_US, on_guard);                                                               \
        while (!(cond)) {                                                                                                        \
            loop_turn(&(fx)->loop, true);                                                                                        \
            if ((fx)->timed_out)                                                                                                 \
                fail_msg("never true: %s", #cond);                                                                               \
        }                                                                                                                        \
        loop_timer_stop(&(fx)->loop, &(fx)->guard);                                                                              \
    } while (0)

/* ---- the control plane ---- */

static struct xds_resource *plane_get(void *ctx, struct ads_stream *s, enum xds_type type, struct str name) {
    return map_get(&((struct plane *)ctx)->of[type], name);
}

static void plane_all(void *ctx, struct ads_stream *s, enum xds_type type, void (*each)(void *arg, struct xds_resource *r),
                      void *arg) {
    struct xds_resource *r;
    MAP_FOR (&((struct plane *)ctx)->of[type], NULL, r)
        each(arg, r);
}

static void plane_subscribed(void *ctx, struct ads_stream *s, enum xds_type type, struct str name, bool all, bool on) {
    struct plane *p = ctx;
    p->told_on += on;
    p->told_off += !on;
}

static int plane_node(void *ctx, struct ads_stream *s, const struct ads_node *n, struct err *e) {
    struct plane *p = ctx;
    if (p->deny_node)
        return err_set(e, WEFT_E_DENIED, "not this one");
    p->nodes++;
    p->stream = s;
    snprintf(p->node, sizeof p->node, STR_FMT " " STR_FMT "/" STR_FMT, STR_ARG(n->id), STR_ARG(n->ns), STR_ARG(n->service));
    ads_stream_set_user(s, p);
    return 0;
}

static void plane_nack(void *ctx, struct ads_stream *s, enum xds_type type, struct str message) {
    struct plane *p = ctx;
    p->nacks++;
    str_z(message, p->last_nack, sizeof p->last_nack);
}

static void plane_acked(void *ctx, struct ads_stream *s, enum xds_type type) {
    ((struct plane *)ctx)->acks++;
}

static void plane_closed(void *ctx, struct ads_stream *s) {
    struct plane *p = ctx;
    assert_ptr_equal(ads_stream_user(s), p);
    p->streams_closed++;
    p->stream = NULL;
}

static int plane_hello(void *ctx, struct session *s, const struct hello *h, struct err *e) {
    struct plane *p = ctx;
    if (p->deny_hello)
        return err_set(e, WEFT_E_DENIED, "who is that");
    p->session = s;
    snprintf(p->hello, sizeof p->hello,
             STR_FMT " " STR_FMT "/" STR_FMT " " STR_FMT ":%u " STR_FMT ":%u %s " STR_FMT " " STR_FMT " %llu " STR_FMT,
             STR_ARG(h->id), STR_ARG(h->ns), STR_ARG(h->service), STR_ARG(h->app_ip), h->app_port, STR_ARG(h->inbound_ip),
             h->inbound_port, h->n_labels == 2 ? "2 labels" : "", STR_ARG(h->protocol), STR_ARG(h->health_check_path),
             (unsigned long long)h->boot_id, STR_ARG(h->version));
    if (h->n_labels)
        assert_true(str_eq(h->labels[1], STR("zone=b")));
    session_set_user(s, p);
    return 0;
}

static struct str plane_ca_hash(void *ctx) {
    return STR("c0ffee");
}

static void plane_stats(void *ctx, struct session *s, const struct session_stats *st) {
    ((struct plane *)ctx)->stats = *st;
}

static void plane_health(void *ctx, struct session *s, bool healthy) {
    struct plane *p = ctx;
    p->health_told++;
    p->healthy = healthy;
}

static void plane_failures(void *ctx, struct session *s, const struct host_failures *f) {
    struct plane *p = ctx;
    p->failing++;
    snprintf(p->failed, sizeof p->failed, STR_FMT " " STR_FMT ":%u %llu", STR_ARG(f->cluster), STR_ARG(f->ip), f->port,
             (unsigned long long)f->failures);
}

static void plane_leaving(void *ctx, struct session *s) {
    ((struct plane *)ctx)->left++;
}

static void plane_session_closed(void *ctx, struct session *s) {
    struct plane *p = ctx;
    assert_ptr_equal(session_user(s), p);
    p->sessions_closed++;
    p->session = NULL;
}

static int plane_sign(void *ctx, const struct sign_request *r, struct arena *a, struct str *cert, struct str *ca, struct err *e) {
    struct plane *p = ctx;
    snprintf(p->sign, sizeof p->sign, STR_FMT " " STR_FMT "/" STR_FMT " %lld %s", STR_ARG(r->csr_pem), STR_ARG(r->ns),
             STR_ARG(r->service), (long long)r->ttl, r->peer ? "peer" : "nobody");
    if (str_eq(r->csr_pem, STR("bad")))
        return err_set(e, WEFT_E_PARSE, "no CSR");
    *cert = arena_dup(a, STR("LEAF\n"));
    *ca = STR("ROOT\n");
    return 0;
}

static void plane_stream(struct server *s, struct stream *st) {
    struct plane *p = s->user;
    p->connections++;
    node_service_accept(st, &p->svc);
}

static void plane_start(struct fx *fx) {
    struct plane *p = &fx->plane;
    p->svc = (struct node_service){
        .ads = {plane_get, plane_all, plane_subscribed, plane_node, plane_nack, plane_acked, NULL, plane_closed, p, &p->texts},
        .session = {plane_hello, plane_ca_hash, plane_stats, plane_health, plane_failures, plane_leaving, plane_session_closed,
                    p},
        .sign = {plane_sign, p}};
    const struct server_cfg cfg = {.addr = fx->addr, .on_stream = plane_stream, .user = p};
    struct err e;
    if (server_start(&p->server, &fx->loop, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
    fx->addr = p->server.listener.addr; /* the same port again after a restart */
}

/* Clusters: their name, and as version the connect timeout. */
static void put(struct fx *fx, const char *name, unsigned seconds) {
    struct cluster *c = cluster_new();
    c->name = str_of(name);
    c->connect_timeout_us = seconds * CLOCK_S;
    ref_put(map_put(&fx->plane.of[XDS_CLUSTER], c->name, xds_encode_cluster(c)));
    ref_put(c);
    if (fx->plane.stream)
        ads_stream_dirty(fx->plane.stream, XDS_CLUSTER, str_of(name));
}

static void del(struct fx *fx, const char *name) {
    ref_put(map_del(&fx->plane.of[XDS_CLUSTER], str_of(name)));
    if (fx->plane.stream)
        ads_stream_dirty(fx->plane.stream, XDS_CLUSTER, str_of(name));
}

/* ---- the proxy ---- */

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    struct fx *fx = ctx;
    if (fx->refuse)
        return err_set(e, WEFT_E_INVALID, "we do not want it");
    fx->resources++;
    ref_put(map_put(&fx->got, name, ref_get(resource)));
    return 0;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    struct fx *fx = ctx;
    fx->removals++;
    ref_put(map_del(&fx->got, name));
}

static void on_response(void *ctx) {
    ((struct fx *)ctx)->responses++;
}

static void on_up(void *ctx) {
    ((struct fx *)ctx)->ups++;
}

static void on_down(void *ctx, const struct err *why) {
    struct fx *fx = ctx;
    assert_true(why->code < 0);
    fx->downs++;
    snprintf(fx->down, sizeof fx->down, "%s", why->msg);
}

static void on_welcome(void *ctx, struct str ca_hash) {
    struct fx *fx = ctx;
    fx->welcomes++;
    str_z(ca_hash, fx->ca_hash, sizeof fx->ca_hash);
}

static void on_drain(void *ctx) {
    ((struct fx *)ctx)->drains++;
}

static void on_cert(void *ctx, int code, struct str chain, struct str ca, const struct err *e) {
    struct fx *fx = ctx;
    fx->signs++;
    fx->sign_code = code;
    str_z(chain, fx->chain, sizeof fx->chain);
    str_z(ca, fx->ca, sizeof fx->ca);
    snprintf(fx->sign_error, sizeof fx->sign_error, "%s", code < 0 ? e->msg : "");
}

static void proxy_start(struct fx *fx) {
    const struct str labels[] = {STR("version=v1"), STR("zone=b")};
    const struct link_cfg cfg = {.control = fx->addr,
                                 .node = {STR("weft~127.0.0.1~web-1.default~cluster.local"), STR("web"), STR("default")},
                                 .hello = {.id = STR("web-1"),
                                           .service = STR("web"),
                                           .ns = STR("default"),
                                           .app_ip = STR("127.0.0.1"),
                                           .app_port = 8080,
                                           .inbound_ip = STR("10.0.0.1"),
                                           .inbound_port = 15006,
                                           .protocol = STR("http"),
                                           .health_check_path = STR("/health"),
                                           .labels = labels,
                                           .n_labels = 2,
                                           .boot_id = 77,
                                           .version = STR("0.1.0")},
                                 .cb = {on_resource, on_removed, on_response, on_up, on_down, on_drain, .on_welcome = on_welcome},
                                 .ctx = fx};
    fx->link = link_start(&fx->loop, &cfg);
}

static uint64_t timeout_of(struct fx *fx, const char *name) {
    const struct cluster *c = map_get(&fx->got, str_of(name));
    return c ? c->connect_timeout_us / CLOCK_S : 0;
}

static struct fx *setup(void) {
    struct fx *fx = mem_new(struct fx);
    struct err e;
    if (loop_init(&fx->loop, &(struct loop_cfg){.seed = 1}, &e) < 0 || addr_parse(&fx->addr, STR("127.0.0.1:0"), &e) < 0)
        fail_msg("%s", e.msg);
    plane_start(fx);
    proxy_start(fx);
    return fx;
}

static void teardown(struct fx *fx) {
    struct xds_resource *r;
    struct cluster *c;
    link_stop(&fx->link);
    assert_null(fx->link);
    server_drain(&fx->plane.server);
    AWAIT(fx, fx->loop.watches == 0 && fx->loop.wheel.live == 1); /* but the guard's own */
    server_stop(&fx->plane.server);
    for (int type = 0; type < XDS_TYPES; type++) {
        MAP_FOR (&fx->plane.of[type], NULL, r)
            ref_put(r);
        map_fini(&fx->plane.of[type]);
    }
    MAP_FOR (&fx->got, NULL, c)
        ref_put(c);
    map_fini(&fx->got);
    loop_fini(&fx->loop);
    free(fx);
}

/* ---- resources ---- */

static void subscribe_push_update_remove(void **state) {
    struct fx *fx = setup();
    put(fx, "default/api", 1);
    put(fx, "default/other", 1);
    link_subscribe(fx->link, XDS_CLUSTER, STR("default/api")); /* before it is connected */
    AWAIT(fx, fx->plane.acks == 1);
    assert_int_equal(fx->ups, 1);
    assert_true(link_is_up(fx->link));
    AWAIT(fx, fx->welcomes == 1);
    assert_string_equal(fx->ca_hash, "c0ffee");
    assert_string_equal(fx->plane.node, "weft~127.0.0.1~web-1.default~cluster.local default/web");
    assert_int_equal(timeout_of(fx, "default/api"), 1);
    assert_int_equal(fx->resources, 1);

    put(fx, "default/api", 2);
    put(fx, "default/other", 2);
    assert_true(ads_stream_wants(fx->plane.stream, XDS_CLUSTER, STR("default/api")));
    assert_false(ads_stream_wants(fx->plane.stream, XDS_CLUSTER, STR("default/other")));
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->plane.acks == 2);
    assert_int_equal(timeout_of(fx, "default/api"), 2);
    assert_int_equal(fx->resources, 2);

    link_subscribe(fx->link, XDS_CLUSTER, STR("default/other"));
    link_subscribe(fx->link, XDS_CLUSTER, STR("default/none"));
    AWAIT(fx, fx->plane.acks == 4); /* what is there, then what is not */
    assert_int_equal(timeout_of(fx, "default/other"), 2);
    assert_int_equal(fx->removals, 1);

    del(fx, "default/api");
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->removals == 2);
    assert_int_equal(timeout_of(fx, "default/api"), 0);

    link_unsubscribe(fx->link, XDS_CLUSTER, STR("default/other"));
    AWAIT(fx, fx->plane.told_off == 1);
    put(fx, "default/other", 3);
    put(fx, "default/none", 3);
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, timeout_of(fx, "default/none") == 3);
    assert_int_equal(timeout_of(fx, "default/other"), 2);
    assert_int_equal(fx->plane.nacks, 0);
    teardown(fx);
}

/* What is valid of a response is taken, what is not is told; and the same is not sent again. */
static void nack(void **state) {
    struct fx *fx = setup();
    struct xds_resource *bad = ref_new(sizeof *bad, NULL);
    *bad = (struct xds_resource){.ref = bad->ref, .type = XDS_CLUSTER, .name = STR("bad"), .bytes = STR("\377"), .version = "0"};
    map_put(&fx->plane.of[XDS_CLUSTER], bad->name, bad);
    put(fx, "good", 1);
    link_subscribe(fx->link, XDS_CLUSTER, STR("bad"));
    link_subscribe(fx->link, XDS_CLUSTER, STR("good"));
    AWAIT(fx, fx->plane.nacks == 1);
    assert_int_equal(timeout_of(fx, "good"), 1);
    assert_non_null(strstr(fx->plane.last_nack, "bad: "));
    assert_null(strstr(fx->plane.last_nack, "good"));

    ads_stream_dirty(fx->plane.stream, XDS_CLUSTER, STR("bad"));
    ads_stream_flush(fx->plane.stream);
    put(fx, "good", 2);
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->plane.acks == 1);
    assert_int_equal(fx->plane.nacks, 1); /* no storm */

    fx->refuse = true;
    put(fx, "good", 3);
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->plane.nacks == 2);
    assert_string_equal(fx->plane.last_nack, "good: we do not want it");
    assert_int_equal(timeout_of(fx, "good"), 2); /* the last good one */
    fx->refuse = false;
    put(fx, "good", 4);
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->plane.acks == 2);
    assert_int_equal(timeout_of(fx, "good"), 4);
    teardown(fx);
}

static void resource_of_another_name(void **state) {
    struct fx *fx = setup();
    put(fx, "one", 1);
    struct xds_resource *r = map_get(&fx->plane.of[XDS_CLUSTER], STR("one"));
    map_put(&fx->plane.of[XDS_CLUSTER], STR("two"), ref_get(r));
    r->name = STR("two");
    link_subscribe(fx->link, XDS_CLUSTER, STR("two"));
    AWAIT(fx, fx->plane.nacks == 1);
    assert_int_equal(fx->resources, 0);
    assert_non_null(strstr(fx->plane.last_nack, "another name"));
    teardown(fx);
}

static void wildcard(void **state) {
    struct fx *fx = setup();
    put(fx, "a", 1);
    put(fx, "b", 2);
    link_subscribe(fx->link, XDS_CLUSTER, STR("*"));
    AWAIT(fx, fx->resources == 2);
    put(fx, "c", 3);
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->resources == 3);
    del(fx, "a");
    ads_stream_flush(fx->plane.stream);
    AWAIT(fx, fx->removals == 1);
    assert_int_equal(timeout_of(fx, "c"), 3);
    teardown(fx);
}

/* More than one response's worth, through a connection that takes it piece by piece. */
static void many(void **state) {
    struct fx *fx = setup();
    char name[400];
    enum { N = 8000 };
    for (unsigned i = 0; i < N; i++) {
        memset(name, 'x', sizeof name);
        snprintf(name, sizeof name, "%u", i);
        name[strlen(name)] = '-';
        name[sizeof name - 1] = '\0';
        put(fx, name, 1 + i % 50);
        link_subscribe(fx->link, XDS_CLUSTER, str_of(name));
    }
    AWAIT(fx, fx->resources == N);
    assert_true(fx->responses >= 3);
    AWAIT(fx, fx->plane.acks == fx->responses);
    assert_int_equal(fx->got.len, N);
    teardown(fx);
}

/* ---- loss ---- */

static void reconnect_resends_nothing(void **state) {
    struct fx *fx = setup();
    put(fx, "a", 1);
    put(fx, "b", 1);
    link_subscribe(fx->link, XDS_CLUSTER, STR("a"));
    link_subscribe(fx->link, XDS_CLUSTER, STR("b"));
    AWAIT(fx, fx->plane.acks == 1);
    server_stop(&fx->plane.server);
    AWAIT(fx, fx->downs > 0);
    assert_int_equal(fx->plane.streams_closed, 1);
    assert_int_equal(fx->plane.sessions_closed, 1);
    assert_int_equal(fx->plane.told_off, 2); /* the owner need not remember names itself */
    assert_false(link_is_up(fx->link));
    assert_int_equal(fx->got.len, 2);

    put(fx, "b", 2); /* changed while away */
    plane_start(fx);
    AWAIT(fx, fx->plane.acks == 2);
    assert_int_equal(fx->ups, 2);
    assert_int_equal(fx->resources, 3); /* only that one came */
    assert_int_equal(timeout_of(fx, "b"), 2);

    server_stop(&fx->plane.server);
    AWAIT(fx, !link_is_up(fx->link));
    del(fx, "a");
    link_unsubscribe(fx->link, XDS_CLUSTER, STR("b"));
    plane_start(fx);
    AWAIT(fx, fx->removals == 1);
    assert_int_equal(fx->resources, 3);
    assert_int_equal(fx->got.len, 1);
    teardown(fx);
}

static void kept_configuration_is_announced(void **state) {
    struct fx *fx = setup();
    put(fx, "a", 1);
    put(fx, "b", 1);
    const struct xds_resource *a = map_get(&fx->plane.of[XDS_CLUSTER], STR("a"));
    link_held(fx->link, XDS_CLUSTER, STR("a"), str_of(a->version));
    link_held(fx->link, XDS_CLUSTER, STR("b"), STR("of another time"));
    link_subscribe(fx->link, XDS_CLUSTER, STR("a"));
    link_subscribe(fx->link, XDS_CLUSTER, STR("b"));
    AWAIT(fx, fx->plane.acks == 1);
    assert_int_equal(fx->resources, 1);
    assert_int_equal(timeout_of(fx, "b"), 1);
    teardown(fx);
}

static void refused_node(void **state) {
    struct fx *fx = setup();
    fx->plane.deny_node = true;
    link_subscribe(fx->link, XDS_CLUSTER, STR("a"));
    AWAIT(fx, fx->downs == 1);
    assert_string_equal(fx->down, "ADS: PERMISSION_DENIED: not this one");
    assert_int_equal(fx->plane.streams_closed, 0); /* it was never known */
    fx->plane.deny_node = false;
    put(fx, "a", 1);
    AWAIT(fx, fx->resources == 1);
    teardown(fx);
}

static void nobody_there(void **state) {
    struct fx *fx = setup();
    server_stop(&fx->plane.server);
    AWAIT(fx, fx->downs == 1);
    assert_int_equal(fx->ups, 0);
    link_sign(fx->link, STR("csr"), on_cert, fx);
    assert_int_equal(fx->signs, 0); /* never from within */
    AWAIT(fx, fx->signs == 1);
    assert_int_equal(fx->sign_code, WEFT_E_UNAVAILABLE);
    plane_start(fx);
    AWAIT(fx, fx->ups == 1);
    teardown(fx);
}

static void stopped_before_it_is_up(void **state) {
    struct fx *fx = setup();
    link_sign(fx->link, STR("csr"), on_cert, fx);
    teardown(fx);
}

/* ---- the session ---- */

static void session(void **state) {
    struct fx *fx = setup();
    struct session_stats st = {.inbound_requests = 1, .backend_failures = UINT64_MAX};
    link_health(fx->link, true);
    AWAIT(fx, fx->plane.session && fx->plane.health_told == 1);
    assert_string_equal(fx->plane.hello, "web-1 default/web 127.0.0.1:8080 10.0.0.1:15006 2 labels http /health 77 0.1.0");
    assert_true(fx->plane.healthy);
    link_health(fx->link, true); /* no news */
    link_stats(fx->link, &st);
    AWAIT(fx, fx->plane.stats.inbound_requests == 1);
    assert_true(fx->plane.stats.backend_failures == UINT64_MAX);
    link_health(fx->link, false);
    AWAIT(fx, fx->plane.health_told == 2);
    assert_false(fx->plane.healthy);
    session_drain(fx->plane.session);
    AWAIT(fx, fx->drains == 1);
    const struct host_failures of[] = {{STR("default/users|version=v2"), STR("10.0.0.8"), 15006, 1},
                                       {STR("default/users"), STR("::1"), 80, 7}};
    assert_true(link_failures(fx->link, of, 2));
    AWAIT(fx, fx->plane.failing == 2);
    assert_string_equal(fx->plane.failed, "default/users ::1:80 7");

    server_stop(&fx->plane.server);
    AWAIT(fx, fx->downs > 0);
    assert_false(link_failures(fx->link, of, 2));
    fx->plane.stats = (struct session_stats){0};
    st.inbound_requests = 5; /* counted while away */
    link_stats(fx->link, &st);
    plane_start(fx);
    AWAIT(fx, fx->plane.stats.inbound_requests == 5);
    assert_int_equal(fx->plane.health_told, 3);
    assert_int_equal(fx->plane.left, 0);
    link_leave(fx->link);
    AWAIT(fx, fx->plane.left == 1);
    assert_true(link_is_up(fx->link));
    teardown(fx);
}

static void stop_says_leaving(void **state) {
    struct fx *fx = setup();
    AWAIT(fx, fx->plane.session);
    link_stop(&fx->link);
    AWAIT(fx, fx->plane.sessions_closed == 1);
    assert_int_equal(fx->plane.left, 1);
    assert_int_equal(fx->downs, 0); /* no callback any more */
    teardown(fx);
}

static void refused_hello(void **state) {
    struct fx *fx = setup();
    fx->plane.deny_hello = true;
    AWAIT(fx, fx->downs == 1);
    assert_string_equal(fx->down, "session: PERMISSION_DENIED: who is that");
    assert_int_equal(fx->plane.sessions_closed, 0);
    teardown(fx);
}

/* ---- certificates ---- */

static void certificate(void **state) {
    struct fx *fx = setup();
    AWAIT(fx, fx->ups == 1);
    link_sign(fx->link, STR("csr"), on_cert, fx);
    AWAIT(fx, fx->signs == 1);
    assert_int_equal(fx->sign_code, 0);
    assert_string_equal(fx->chain, "LEAF\n");
    assert_string_equal(fx->ca, "ROOT\n");
    assert_string_equal(fx->plane.sign, "csr default/web 0 nobody");
    link_sign(fx->link, STR("bad"), on_cert, fx);
    AWAIT(fx, fx->signs == 2);
    assert_int_equal(fx->sign_code, WEFT_E_INVALID);
    assert_string_equal(fx->sign_error, "certificate request: INVALID_ARGUMENT: no CSR");
    assert_true(link_is_up(fx->link));
    link_sign(fx->link, STR("csr"), on_cert, fx);
    server_stop(&fx->plane.server);
    AWAIT(fx, fx->signs == 3);
    assert_int_equal(fx->sign_code, WEFT_E_UNAVAILABLE);
    plane_start(fx);
    teardown(fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribe_push_update_remove),
        cmocka_unit_test(nack),
        cmocka_unit_test(resource_of_another_name),
        cmocka_unit_test(wildcard),
        cmocka_unit_test(many),
        cmocka_unit_test(reconnect_resends_nothing),
        cmocka_unit_test(kept_configuration_is_announced),
        cmocka_unit_test(refused_node),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(stopped_before_it_is_up),
        cmocka_unit_test(session),
        cmocka_unit_test(stop_says_leaving),
        cmocka_unit_test(refused_hello),
        cmocka_unit_test(certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
