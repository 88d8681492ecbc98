// SPDX-License-Identifier: Apache-2.0
/* decode(encode(m)) is m, for resources made at random and by hand; and what the bytes say to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "endpoint.pb-c.h"
#include "sample.h"
#include "xds/unpack.h"
#include "xds/xds.h"

#define ROUNDS 400

static void check(enum xds_type type, void *model) {
    struct buf want = {0}, got = {0};
    struct err e = {0};
    void *back;
    struct xds_resource *first = sample_encode(type, model);
    sample_text(&want, type, model);
    if (xds_decode(type, first->bytes, &back, &e) < 0)
        fail_msg("%s\nof %s", e.msg, buf_z(&want).ptr);
    sample_text(&got, type, back);
    assert_string_equal(buf_z(&want).ptr, buf_z(&got).ptr);
    assert_int_equal(want.len, got.len);
    assert_memory_equal(buf_str(&want).ptr, buf_str(&got).ptr, want.len);
    struct xds_resource *second = sample_encode(type, back);
    assert_true(str_eq(first->bytes, second->bytes));
    assert_string_equal(first->version, second->version);
    assert_int_equal(first->type, type);
    assert_true(str_eq(first->name, xds_resource_name(type, model)));
    assert_true(str_eq(first->name, xds_resource_name(type, back)));
    ref_put(first);
    ref_put(second);
    ref_put(back);
    buf_fini(&want);
    buf_fini(&got);
}

static void random_ones(enum xds_type type) {
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct rand r;
        rand_init(&r, seed * XDS_TYPES + type);
        void *model = sample(&r, type);
        check(type, model);
        ref_put(model);
    }
}

static void listeners(void **state) {
    random_ones(XDS_LISTENER);
}

static void routes(void **state) {
    random_ones(XDS_ROUTE);
}

static void clusters(void **state) {
    random_ones(XDS_CLUSTER);
}

static void assignments(void **state) {
    random_ones(XDS_ENDPOINT);
}

static void secrets(void **state) {
    random_ones(XDS_SECRET);
}

/* Order among policies has no meaning: equal sets have equal bytes. */
static void policies_are_sorted(void **state) {
    struct rbac_policy forth[] = {{.name = STR("a")}, {.name = STR("ab")}, {.name = STR("b")}};
    struct rbac_policy back[] = {{.name = STR("b")}, {.name = STR("ab")}, {.name = STR("a")}};
    struct rbac one = {RBAC_ALLOW, forth, 3}, other = {RBAC_ALLOW, back, 3};
    struct cluster *c = cluster_new();
    c->name = STR("c");
    c->plain_rbac = &one;
    struct xds_resource *x = xds_encode_cluster(c);
    c->plain_rbac = &other;
    struct xds_resource *y = xds_encode_cluster(c);
    assert_string_equal(x->version, y->version);
    assert_int_equal(strlen(x->version), 16);
    c->name = STR("d");
    struct xds_resource *z = xds_encode_cluster(c);
    assert_string_not_equal(x->version, z->version);
    c->plain_rbac = NULL;
    ref_put(c);
    ref_put(x);
    ref_put(y);
    ref_put(z);
}

/* AND and OR of nothing have no form in Envoy: they come back as "any" and "not any". */
static void empty_sets(void **state) {
    struct rbac_policy p = {.name = STR("p"), .permission = {.kind = RBAC_AND}, .principal = {.kind = RBAC_OR}};
    struct rbac policy = {RBAC_ALLOW, &p, 1};
    struct cluster *c = cluster_new();
    void *back;
    c->name = STR("c");
    c->plain_rbac = &policy;
    struct xds_resource *x = xds_encode_cluster(c);
    assert_int_equal(xds_decode(XDS_CLUSTER, x->bytes, &back, NULL), 0);
    const struct rbac_policy *q = ((struct cluster *)back)->plain_rbac->policies;
    assert_int_equal(q->permission.kind, RBAC_ANY);
    assert_int_equal(q->principal.kind, RBAC_NOT);
    assert_int_equal(q->principal.kids[0].kind, RBAC_ANY);
    c->plain_rbac = NULL;
    ref_put(c);
    ref_put(x);
    ref_put(back);
}

/* A text with NUL cannot be said in protobuf as we read it: it is refused by whoever gets it, and not cut short. */
static void nul_is_refused_by_the_reader(void **state) {
    struct endpoints *eps = endpoints_new();
    void *back;
    struct err e;
    eps->cluster = STR("a\0b");
    struct xds_resource *x = xds_encode_endpoints(eps);
    assert_int_equal(xds_decode(XDS_ENDPOINT, x->bytes, &back, &e), WEFT_E_PARSE);
    assert_null(back);
    ref_put(eps);
    ref_put(x);
}

static void type_urls(void **state) {
    for (int type = 0; type < XDS_TYPES; type++)
        assert_int_equal(xds_type_of_url(xds_type_url(type)), type);
    assert_int_equal(xds_type_of_url(STR("type.googleapis.com/envoy.config.listener.v3.Listene")), -1);
    assert_int_equal(xds_type_of_url(STR_NONE), -1);
}

/* Trap 5: localities that are there and have a weight, priorities from 0 without a gap; else gRPC refuses or drops them unsaid.
 */
static void localities(void **state) {
    struct endpoints *eps = endpoints_new();
    struct unpack u;
    struct err e;
    Ee__ClusterLoadAssignment *w;
    eps->cluster = STR("a");
    eps->n = 2;
    eps->at = arena_zalloc(&eps->ref.mem, 2 * sizeof *eps->at);
    for (size_t i = 0; i < 2; i++)
        eps->at[i] = (struct endpoint){.address = STR("10.0.0.1"), .port = 1, .weight = 1, .priority = (uint32_t)i * 2};
    struct xds_resource *r = xds_encode_endpoints(eps);
    unpack_init(&u, NULL, &e);
    assert_int_equal(unpack_msg(&u, &ee__cluster_load_assignment__descriptor, r->bytes, &w), 0);
    assert_int_equal(w->n_endpoints, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(w->endpoints[i]->locality);
        assert_non_null(w->endpoints[i]->load_balancing_weight);
        assert_int_equal(w->endpoints[i]->load_balancing_weight->value, 1);
        assert_int_equal(w->endpoints[i]->priority, i);
        assert_int_equal(w->endpoints[i]->n_lb_endpoints, i != 1);
    }
    unpack_fini(&u);
    ref_put(r);
    ref_put(eps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners),   cmocka_unit_test(routes),    cmocka_unit_test(clusters),
        cmocka_unit_test(assignments), cmocka_unit_test(secrets),   cmocka_unit_test(policies_are_sorted),
        cmocka_unit_test(empty_sets),  cmocka_unit_test(type_urls), cmocka_unit_test(nul_is_refused_by_the_reader),
        cmocka_unit_test(localities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
