// SPDX-License-Identifier: Apache-2.0
#include "proxy/demand.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/mem.h"

struct world { /* the control plane's end: who is subscribed to what */
    struct map on[XDS_TYPES];
    struct snap *snap;
    struct demand d;
    uint64_t used;
};

static void sub(void *ctx, enum xds_type type, struct str name) {
    assert_null(map_put(&((struct world *)ctx)->on[type], name, ctx));
}
static void unsub(void *ctx, enum xds_type type, struct str name) {
    assert_non_null(map_del(&((struct world *)ctx)->on[type], name));
}
static uint64_t used_at(void *ctx, struct str name) {
    return ((struct world *)ctx)->used;
}

static void begin(struct world *w) {
    *w = (struct world){.snap = snap_new(NULL)};
    demand_init(&w->d, &(struct demand_sub){sub, unsub, w}, w->snap);
}
static void end(struct world *w) {
    demand_fini(&w->d);
    for (int i = 0; i < XDS_TYPES; i++)
        map_fini(&w->on[i]);
    ref_put(w->snap);
}

static void come_table(struct world *w, const char *name, const char *cluster) {
    struct route_table *t = route_table_new();
    t->name = str_of(name);
    t->n_vhosts = 1;
    t->vhosts = arena_zalloc(&t->ref.mem, sizeof *t->vhosts);
    t->vhosts[0].n_routes = 1;
    t->vhosts[0].routes = arena_zalloc(&t->ref.mem, sizeof *t->vhosts[0].routes);
    t->vhosts[0].routes[0].n_clusters = 1;
    t->vhosts[0].routes[0].clusters = arena_zalloc(&t->ref.mem, sizeof(struct route_cluster));
    t->vhosts[0].routes[0].clusters[0].cluster = str_of(cluster);
    snap_put(w->snap, XDS_ROUTE, str_of(name), t);
    demand_came(&w->d, XDS_ROUTE, str_of(name));
    ref_put(t);
}
static void come_cluster(struct world *w, const char *name) {
    struct cluster *c = cluster_new();
    c->name = str_of(name);
    c->type = CLUSTER_EDS;
    snap_put(w->snap, XDS_CLUSTER, str_of(name), c);
    demand_came(&w->d, XDS_CLUSTER, str_of(name));
    ref_put(c);
}
static void come_endpoints(struct world *w, const char *name) {
    struct endpoints *e = endpoints_new();
    e->cluster = str_of(name);
    snap_put(w->snap, XDS_ENDPOINT, str_of(name), e);
    demand_came(&w->d, XDS_ENDPOINT, str_of(name));
    ref_put(e);
}
static bool published(struct world *w, const char *name) {
    return map_has(&w->d.tables, str_of(name));
}

static void a_table_is_published_when_all_of_it_is_there(void **state) {
    struct world w;
    begin(&w);
    assert_false(demand_want(&w.d, STR("n/a"), 0));
    assert_false(demand_want(&w.d, STR("n/a"), 0)); /* asked for once */
    assert_true(map_has(&w.on[XDS_ROUTE], STR("n/a")) && map_has(&w.on[XDS_CLUSTER], STR("n/a")));
    assert_true(demand_pending(&w.d));
    come_table(&w, "n/a", "n/b");
    assert_false(demand_settle(&w.d, 0));
    assert_true(map_has(&w.on[XDS_CLUSTER], STR("n/b")));
    assert_false(map_has(&w.on[XDS_CLUSTER], STR("n/a"))); /* the guess was wrong */
    come_cluster(&w, "n/b");
    assert_false(demand_settle(&w.d, 0));
    come_endpoints(&w, "n/b");
    assert_true(demand_settle(&w.d, 0));
    assert_true(published(&w, "n/a"));
    assert_false(demand_pending(&w.d));
    assert_true(demand_want(&w.d, STR("n/a"), 0));
    end(&w);
}

static void make_before_break(void **state) {
    struct world w;
    begin(&w);
    demand_want(&w.d, STR("n/a"), 0);
    come_table(&w, "n/a", "n/a");
    come_cluster(&w, "n/a");
    come_endpoints(&w, "n/a");
    demand_settle(&w.d, 0);
    const struct route_table *first = map_get(&w.d.tables, STR("n/a"));
    come_table(&w, "n/a", "n/new");
    demand_settle(&w.d, 0);
    assert_ptr_equal(map_get(&w.d.tables, STR("n/a")), first);
    assert_true(map_has(&w.on[XDS_CLUSTER], STR("n/a")));
    come_cluster(&w, "n/new");
    come_endpoints(&w, "n/new");
    assert_true(demand_settle(&w.d, 0));
    assert_ptr_not_equal(map_get(&w.d.tables, STR("n/a")), first);
    assert_false(map_has(&w.on[XDS_CLUSTER], STR("n/a"))); /* nothing refers to it any more */
    assert_null(snap_get(w.snap, XDS_CLUSTER, STR("n/a")));
    end(&w);
}

static void what_is_not_there_is_known_for_a_while(void **state) {
    struct world w;
    begin(&w);
    demand_want(&w.d, STR("n/a"), 0);
    demand_removed(&w.d, XDS_ROUTE, STR("n/a"), 0);
    assert_true(demand_settle(&w.d, 0));
    const uint64_t *until = map_get(&w.d.absent, STR("n/a"));
    assert_int_equal(*until, DEMAND_ABSENT_US);
    assert_true(demand_want(&w.d, STR("n/a"), 1));
    assert_false(demand_evict(&w.d, DEMAND_ABSENT_US - 1, used_at, &w));
    assert_true(demand_evict(&w.d, DEMAND_ABSENT_US, used_at, &w));
    for (int i = 0; i < XDS_TYPES; i++)
        assert_int_equal(w.on[i].len, 0);
    assert_int_equal(w.d.absent.len, 0);
    end(&w);
}

static void absent_until_it_comes(void **state) {
    struct world w;
    begin(&w);
    demand_want(&w.d, STR("n/a"), 0);
    demand_removed(&w.d, XDS_ROUTE, STR("n/a"), 0);
    demand_settle(&w.d, 0);
    come_table(&w, "n/a", "n/a");
    come_cluster(&w, "n/a");
    come_endpoints(&w, "n/a");
    assert_true(demand_settle(&w.d, 0));
    assert_true(published(&w, "n/a"));
    assert_int_equal(w.d.absent.len, 0);
    demand_removed(&w.d, XDS_ROUTE, STR("n/a"), 0);
    assert_true(demand_settle(&w.d, 0));
    assert_false(published(&w, "n/a"));
    end(&w);
}

static void a_missing_cluster_does_not_hold_its_table_up(void **state) {
    struct world w;
    begin(&w);
    demand_want(&w.d, STR("n/a"), 0);
    come_table(&w, "n/a", "n/a|v=2");
    demand_settle(&w.d, 0);
    demand_removed(&w.d, XDS_CLUSTER, STR("n/a|v=2"), 0);
    assert_true(demand_settle(&w.d, 0));
    assert_true(published(&w, "n/a"));
    end(&w);
}

static void unused_services_are_let_go(void **state) {
    struct world w;
    begin(&w);
    demand_want(&w.d, STR("n/a"), 0);
    come_table(&w, "n/a", "n/a");
    come_cluster(&w, "n/a");
    come_endpoints(&w, "n/a");
    demand_settle(&w.d, 0);
    w.used = 100;
    assert_false(demand_evict(&w.d, DEMAND_UNUSED_US + 99 * CLOCK_S, used_at, &w));
    assert_true(demand_evict(&w.d, DEMAND_UNUSED_US + 100 * CLOCK_S, used_at, &w));
    assert_false(published(&w, "n/a"));
    for (int i = 0; i < XDS_TYPES; i++)
        assert_int_equal(w.on[i].len + w.snap->of[i].len, 0);
    end(&w);
}

static void whose_an_address_is(void **state) {
    struct world w;
    begin(&w);
    assert_false(demand_want(&w.d, STR("@10.0.0.1:80"), 0));
    assert_true(map_has(&w.on[XDS_ROUTE], STR("@10.0.0.1:80")));
    assert_int_equal(w.on[XDS_CLUSTER].len + w.on[XDS_ENDPOINT].len, 0); /* it has none */
    demand_settle(&w.d, 0);
    demand_removed(&w.d, XDS_ROUTE, STR("@10.0.0.1:80"), 0);
    assert_true(demand_settle(&w.d, 0));
    assert_true(map_has(&w.d.absent, STR("@10.0.0.1:80")));
    struct route_table *t = route_table_new();
    t->vhosts = arena_zalloc(&t->ref.mem, sizeof *t->vhosts);
    t->vhosts[0].name = STR("n/a");
    t->n_vhosts = 1;
    snap_put(w.snap, XDS_ROUTE, STR("@10.0.0.1:80"), t);
    demand_came(&w.d, XDS_ROUTE, STR("@10.0.0.1:80"));
    ref_put(t);
    assert_true(demand_settle(&w.d, 0)); /* it is whole by itself */
    assert_true(published(&w, "@10.0.0.1:80"));
    assert_int_equal(w.on[XDS_CLUSTER].len + w.on[XDS_ENDPOINT].len, 0);
    assert_true(demand_evict(&w.d, DEMAND_UNUSED_US, used_at, &w));
    assert_int_equal(w.on[XDS_ROUTE].len, 0);
    end(&w);
}

/* Also when all of it happens within the same microsecond. */
static void an_address_comes_and_goes(void **state) {
    struct str name = STR("@10.0.0.1:80");
    struct world w;
    begin(&w);
    demand_want(&w.d, name, 0);
    for (int i = 0; i < 2; i++) {
        demand_removed(&w.d, XDS_ROUTE, name, 0);
        assert_true(demand_settle(&w.d, 0));
        assert_true(map_has(&w.d.absent, name));
        assert_false(published(&w, "@10.0.0.1:80"));
        assert_false(demand_settle(&w.d, 0)); /* nothing new */
        struct route_table *t = route_table_new();
        snap_put(w.snap, XDS_ROUTE, name, t);
        ref_put(t);
        demand_came(&w.d, XDS_ROUTE, name);
        assert_true(demand_settle(&w.d, 0));
        assert_false(map_has(&w.d.absent, name));
        assert_true(published(&w, "@10.0.0.1:80"));
    }
    demand_removed(&w.d, XDS_ROUTE, name, 0);
    assert_true(demand_settle(&w.d, 0));
    assert_true(demand_want(&w.d, name, DEMAND_ABSENT_US)); /* asked for again: it is still nobody's */
    assert_true(demand_settle(&w.d, DEMAND_ABSENT_US));     /* and that is told for as long */
    assert_int_equal(*(uint64_t *)map_get(&w.d.absent, name), 2 * DEMAND_ABSENT_US);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_published_when_all_of_it_is_there),
        cmocka_unit_test(make_before_break),
        cmocka_unit_test(what_is_not_there_is_known_for_a_while),
        cmocka_unit_test(absent_until_it_comes),
        cmocka_unit_test(a_missing_cluster_does_not_hold_its_table_up),
        cmocka_unit_test(unused_services_are_let_go),
        cmocka_unit_test(whose_an_address_is),
        cmocka_unit_test(an_address_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
