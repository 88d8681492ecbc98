// SPDX-License-Identifier: Apache-2.0
#include "proxy/serve.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "base/mem.h"
#include "crypto/ca.h"

static void put_cluster(struct snap *s, const char *name) {
    struct cluster *c = cluster_new();
    c->name = str_of(name);
    c->type = CLUSTER_EDS;
    snap_put(s, XDS_CLUSTER, c->name, c);
    ref_put(c);
}

/* Endpoints 10.0.0.1:PORT for each port of the list that ends in 0; odd ports are unhealthy. */
static void put_endpoints(struct snap *s, const char *name, const uint16_t *ports) {
    struct endpoints *e = endpoints_new();
    e->cluster = str_of(name);
    e->at = arena_zalloc(&e->ref.mem, 8 * sizeof *e->at);
    for (; ports[e->n]; e->n++)
        e->at[e->n] = (struct endpoint){.address = STR("10.0.0.1"),
                                        .port = ports[e->n],
                                        .weight = 1,
                                        .health = ports[e->n] % 2 ? ENDPOINT_UNHEALTHY : ENDPOINT_HEALTHY};
    snap_put(s, XDS_ENDPOINT, e->cluster, e);
    ref_put(e);
}

static struct route_table *make_table(const char *name, const char *route) {
    struct route_table *t = route_table_new();
    t->name = str_of(name);
    t->n_vhosts = 1;
    t->vhosts = arena_zalloc(&t->ref.mem, sizeof *t->vhosts);
    t->vhosts[0].name = STR("v");
    t->vhosts[0].n_routes = 1;
    t->vhosts[0].routes = arena_zalloc(&t->ref.mem, sizeof *t->vhosts[0].routes);
    t->vhosts[0].routes[0].name = str_of(route);
    return t;
}

static struct serve *build(struct serve *prev, struct snap *snap, struct map *tables) {
    struct serve_input in = {.prev = prev, .snap = snap, .tables = tables, .workers = 2};
    struct serve *s;
    struct err e = {0};
    if (serve_build(&s, &in, &e) < 0)
        fail_msg("%s", e.msg);
    return s;
}

static struct cluster *put_tls(struct snap *s, const char *sni, const char *alpn, unsigned proxy_protocol) {
    struct cluster *c = cluster_new();
    struct tls_context *t = arena_zalloc(&c->ref.mem, sizeof *t);
    t->sni = str_of(sni);
    t->n_alpn = alpn[0] != 0;
    t->alpn = arena_zalloc(&c->ref.mem, sizeof *t->alpn);
    t->alpn[0] = str_of(alpn);
    c->name = STR("t");
    c->type = CLUSTER_EDS;
    c->tls = t;
    c->tls_always = true;
    c->proxy_protocol = proxy_protocol;
    snap_put(s, XDS_CLUSTER, c->name, c);
    ref_put(c);
    return c;
}

/* Connections stay only when they would be made the same way: ALPN tells what is spoken on them. */
static void another_transport_means_other_hosts(void **state) {
    static const struct {
        const char *sni, *alpn;
        unsigned proxy_protocol;
        bool stays;
    } rows[] = {{"a", "h2", 0, true},        {"b", "h2", 0, false},       {"b", "http/1.1", 0, false}, {"b", "", 0, false},
                {"b", "http/1.1", 0, false}, {"b", "http/1.1", 1, false}, {"b", "http/1.1", 1, true}};
    struct snap *first = snap_new(NULL);
    put_tls(first, "a", "h2", 0);
    put_endpoints(first, "t", (const uint16_t[]){2, 0});
    struct serve *was = build(NULL, first, NULL);
    ref_put(first);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct snap *snap = snap_new(NULL);
        put_tls(snap, rows[i].sni, rows[i].alpn, rows[i].proxy_protocol);
        put_endpoints(snap, "t", (const uint16_t[]){2, 0});
        struct serve *is = build(was, snap, NULL);
        struct host *old = serve_cluster_get(was, STR("t"))->all[0], *now = serve_cluster_get(is, STR("t"))->all[0];
        if ((old == now) != rows[i].stays || atomic_load(&old->retired) == rows[i].stays)
            fail_msg("row %zu", i);
        ref_put(was);
        ref_put(snap);
        was = is;
    }
    ref_put(was);
}

static void what_is_the_same_is_carried_over(void **state) {
    struct snap *snap = snap_new(NULL);
    put_cluster(snap, "a");
    put_endpoints(snap, "a", (const uint16_t[]){2, 4, 5, 0});
    struct serve *one = build(NULL, snap, NULL), *two = build(one, snap, NULL);
    assert_ptr_equal(serve_cluster_get(one, STR("a")), serve_cluster_get(two, STR("a")));
    assert_int_equal(serve_cluster_get(two, STR("a"))->n_all, 3);
    assert_int_equal(serve_cluster_get(two, STR("a"))->n_members, 2);
    ref_put(one);
    ref_put(two);
    ref_put(snap);
}

static void hosts_outlive_snapshots(void **state) {
    struct snap *snap = snap_new(NULL);
    put_cluster(snap, "a");
    put_endpoints(snap, "a", (const uint16_t[]){2, 4, 0});
    struct serve *one = build(NULL, snap, NULL);
    struct host *kept = ref_get(serve_cluster_get(one, STR("a"))->all[0]);
    struct host *gone = ref_get(serve_cluster_get(one, STR("a"))->all[1]);
    atomic_store(&kept->lb.active, 7);
    put_endpoints(snap, "a", (const uint16_t[]){6, 2, 0});
    struct serve *two = build(one, snap, NULL);
    const struct serve_cluster *c = serve_cluster_get(two, STR("a"));
    assert_ptr_equal(c->all[1], kept);
    assert_int_equal(atomic_load(&c->all[1]->lb.active), 7);
    assert_false(atomic_load(&kept->retired));
    assert_true(atomic_load(&gone->retired));
    assert_false(atomic_load(&c->all[0]->retired));
    ref_put(one); /* the old form goes; what it alone had goes with it, but for our references */
    assert_int_equal(atomic_load(&gone->ref.count), 1);
    snap_del(snap, XDS_CLUSTER, STR("a"));
    struct serve *three = build(two, snap, NULL);
    assert_true(atomic_load(&kept->retired));
    ref_put(two);
    ref_put(three);
    ref_put(kept);
    ref_put(gone);
    ref_put(snap);
}

static ptrdiff_t pick(struct serve *s) {
    struct rand r;
    rand_init(&r, 1);
    struct lb_request req = {.rand = &r};
    return serve_pick(serve_cluster_get(s, STR("a")), &req);
}

static void round_robin_goes_on(void **state) {
    struct snap *snap = snap_new(NULL);
    put_cluster(snap, "a");
    put_endpoints(snap, "a", (const uint16_t[]){2, 4, 0});
    struct serve *one = build(NULL, snap, NULL);
    ptrdiff_t first = pick(one);
    put_endpoints(snap, "a", (const uint16_t[]){2, 4, 7, 0}); /* one more, unhealthy: the same members */
    struct serve *two = build(one, snap, NULL);
    assert_int_not_equal(pick(two), first);
    ref_put(one);
    ref_put(two);
    ref_put(snap);
}

static void splits_go_on_by_name(void **state) {
    struct snap *snap = snap_new(NULL);
    struct map tables = {0};
    struct route_table *t1 = make_table("n/a", "tr-1"), *t2 = make_table("n/a", "tr-1"), *t3 = make_table("n/a", "tr-2");
    map_put(&tables, STR("n/a"), t1);
    struct serve *one = build(NULL, snap, &tables);
    struct serve_routes *r = serve_routes_get(one, STR("n/a"));
    atomic_store(&r->states[0][0].split, 5);
    atomic_store(&r->used_at, 77);
    map_put(&tables, STR("n/a"), t2);
    struct serve *two = build(one, snap, &tables);
    assert_int_equal(atomic_load(&serve_routes_get(two, STR("n/a"))->states[0][0].split), 5);
    assert_int_equal(atomic_load(&serve_routes_get(two, STR("n/a"))->used_at), 77);
    map_put(&tables, STR("n/a"), t3); /* another rule begins anew */
    struct serve *three = build(two, snap, &tables);
    assert_int_equal(atomic_load(&serve_routes_get(three, STR("n/a"))->states[0][0].split), 0);
    ref_put(one);
    ref_put(two);
    ref_put(three);
    ref_put(t1);
    ref_put(t2);
    ref_put(t3);
    map_fini(&tables);
    ref_put(snap);
}

static void the_app_is_the_local_cluster(void **state) {
    struct snap *snap = snap_new(NULL);
    struct serve *s;
    put_cluster(snap, "inbound|n/a");
    struct serve_input in = {.snap = snap, .workers = 1, .local_cluster = STR("inbound|n/a")};
    assert_true(addr_parse(&in.local, STR("unix:/run/app"), NULL) >= 0);
    assert_true(serve_build(&s, &in, NULL) >= 0);
    const struct serve_cluster *c = serve_cluster_get(s, STR("inbound|n/a"));
    assert_int_equal(c->n_members, 1);
    assert_true(str_eq(c->members[0]->text, STR("unix:/run/app")));
    ref_put(s);
    ref_put(snap);
}

/* ---- listeners ---- */

static void put_listener(struct snap *s, const char *name, enum chain_transport first, bool second_is_tcp, bool fallback) {
    struct listener *l = listener_new();
    l->name = str_of(name);
    l->chains = arena_zalloc(&l->ref.mem, 2 * sizeof *l->chains);
    l->n_chains = 2;
    l->chains[0].match.transport = first;
    l->chains[1].match.destination_port = 7;
    if (second_is_tcp)
        l->chains[1].kind = CHAIN_TCP;
    if (fallback)
        l->fallback = arena_zalloc(&l->ref.mem, sizeof *l->fallback);
    snap_put(s, XDS_LISTENER, l->name, l);
    ref_put(l);
}

static struct serve *build_ports(struct serve *prev, struct snap *snap, const struct serve_port *ports, unsigned n) {
    struct serve_input in = {.prev = prev, .snap = snap, .workers = 1, .ports = ports, .n_ports = n};
    struct serve *s;
    assert_int_equal(serve_build(&s, &in, NULL), 0);
    return s;
}

static void chains_are_known_again(void **state) {
    struct snap *snap = snap_new(NULL);
    const struct serve_port ports[] = {{4, SIDE_STATIC, STR("a")}, {9, SIDE_STATIC, STR("none")}};
    put_listener(snap, "a", CHAIN_TLS, false, true);
    struct serve *one = build_ports(NULL, snap, ports, 2);
    put_listener(snap, "a", CHAIN_RAW, true, true);
    struct serve *two = build_ports(one, snap, ports, 2);
    const struct serve_listener *was = serve_listener_get(one, 4), *is = serve_listener_get(two, 4);
    assert_int_equal(was->n_chains, 3);
    assert_int_equal(is->n_chains, 3);
    assert_null(serve_chain_get(is, was->chains[0].id));                      /* takes others now */
    assert_null(serve_chain_get(is, was->chains[1].id));                      /* does something else now */
    assert_ptr_equal(serve_chain_get(is, was->chains[2].id), &is->chains[2]); /* the default chain */
    assert_true(is->chains[0].id && is->chains[1].id && is->chains[0].id != is->chains[1].id);
    assert_non_null(is->chains[1].tcp);
    assert_null(is->chains[1].hcm);
    assert_int_equal(serve_listener_get(two, 9)->n_chains, 0);
    assert_null(serve_listener_get(two, 5));
    ref_put(one);
    ref_put(two);
    ref_put(snap);
}

/* ---- TLS contexts that are tried ---- */

static struct tls_context pem_of(struct arena *a) {
    struct ca_issued one;
    struct ca *ca;
    assert_true(ca_create(&ca, STR("cluster.local"), time(NULL), NULL) >= 0);
    assert_true(ca_issue(ca, STR("default"), STR("x"), KEY_EC256, 600, time(NULL), a, &one, NULL) >= 0);
    struct tls_context t = {
        .cert.inline_bytes = one.cert_pem, .key.inline_bytes = one.key_pem, .ca.inline_bytes = arena_dup(a, ca_cert_pem(ca))};
    ca_free(&ca);
    return t;
}

static void what_is_said_in_place_is_tried(void **state) {
    struct arena a = {0};
    const struct tls_context good = pem_of(&a);
    struct tls_context t = good;
    assert_int_equal(serve_try_tls(&t, true, NULL), 0);
    assert_int_equal(serve_try_tls(&t, false, NULL), 0);
    t.key = pem_of(&a).key; /* another's */
    assert_true(serve_try_tls(&t, true, NULL) < 0);
    assert_true(serve_try_tls(&t, false, NULL) < 0);
    t = good;
    t.cert = (struct data_source){.file = STR("/nowhere/cert.pem")};
    assert_int_equal(serve_try_tls(&t, true, NULL), WEFT_E_NOT_FOUND);
    t = good;
    t.ca.inline_bytes = STR("no PEM");
    assert_true(serve_try_tls(&t, false, NULL) < 0);
    t = (struct tls_context){.require_client_cert = true, .cert = good.cert, .key = good.key}; /* by which CAs? */
    assert_int_equal(serve_try_tls(&t, true, NULL), WEFT_E_INVALID);
    assert_true(serve_try_tls(&(struct tls_context){0}, true, NULL) < 0); /* no certificate */
    arena_fini(&a);
}

/* What a secret will say is not missed; what stands beside it is tried all the same. */
static void what_a_secret_will_say_is_not_tried(void **state) {
    struct arena a = {0};
    struct str san = STR("spiffe://cluster.local/ns/default/sa/x");
    const struct tls_context good = pem_of(&a);
    struct tls_context t = {.cert_secret.name = STR("s"), .ca = good.ca};
    assert_int_equal(serve_try_tls(&t, true, NULL), 0);
    t.ca.inline_bytes = STR("no PEM");
    assert_true(serve_try_tls(&t, true, NULL) < 0);
    t = (struct tls_context){.ca_secret.name = STR("s"), .cert = good.cert, .key = good.key, .require_client_cert = true};
    assert_int_equal(serve_try_tls(&t, true, NULL), 0);
    t.cert.inline_bytes = STR("no PEM");
    assert_true(serve_try_tls(&t, true, NULL) < 0);
    t = (struct tls_context){.ca_secret.name = STR("s"), .sans = &san, .n_sans = 1};
    assert_int_equal(serve_try_tls(&t, false, NULL), 0);
    san = STR("spiffe:///ns/default/sa/x");
    assert_int_equal(serve_try_tls(&t, false, NULL), WEFT_E_UNSUPPORTED);
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_transport_means_other_hosts),
        cmocka_unit_test(what_is_the_same_is_carried_over),
        cmocka_unit_test(hosts_outlive_snapshots),
        cmocka_unit_test(round_robin_goes_on),
        cmocka_unit_test(splits_go_on_by_name),
        cmocka_unit_test(the_app_is_the_local_cluster),
        cmocka_unit_test(chains_are_known_again),
        cmocka_unit_test(what_is_said_in_place_is_tried),
        cmocka_unit_test(what_a_secret_will_say_is_not_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
