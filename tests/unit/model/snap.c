// SPDX-License-Identifier: Apache-2.0
/* Snapshots hold references: what one still serves from survives what the next one drops. */
#include "model/snap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include "codec/regex.h"

static unsigned count(const void *resource) {
    return atomic_load(&((const struct ref *)resource)->count);
}

static struct cluster *cluster(const char *name) {
    struct cluster *c = cluster_new();
    c->name = arena_dup(&c->ref.mem, str_of(name));
    return c;
}

static void put_get_del(void **state) {
    struct snap *s = snap_new(NULL);
    struct cluster *a = cluster("a");
    assert_int_equal(s->version, 1);
    assert_null(snap_get(s, XDS_CLUSTER, STR("a")));
    snap_put(s, XDS_CLUSTER, STR("a"), a);
    assert_int_equal(count(a), 2);
    assert_ptr_equal(snap_get(s, XDS_CLUSTER, STR("a")), a);
    assert_null(snap_get(s, XDS_ENDPOINT, STR("a"))); /* types are apart */
    snap_put(s, XDS_CLUSTER, STR("a"), a);            /* by itself */
    assert_int_equal(count(a), 2);
    snap_del(s, XDS_CLUSTER, STR("a"));
    snap_del(s, XDS_CLUSTER, STR("a"));
    assert_int_equal(count(a), 1);
    ref_put(a);
    ref_put(s);
}

static void next_shares(void **state) {
    struct snap *old = snap_new(NULL);
    struct cluster *a = cluster("a"), *b = cluster("b");
    snap_put(old, XDS_CLUSTER, STR("a"), a);
    snap_put(old, XDS_CLUSTER, STR("b"), b);
    struct snap *next = snap_new(old);
    assert_int_equal(next->version, 2);
    assert_int_equal(count(a), 3);
    struct cluster *a2 = cluster("a");
    snap_put(next, XDS_CLUSTER, STR("a"), a2);
    snap_del(next, XDS_CLUSTER, STR("b"));
    assert_ptr_equal(snap_get(old, XDS_CLUSTER, STR("a")), a);
    assert_ptr_equal(snap_get(old, XDS_CLUSTER, STR("b")), b);
    assert_ptr_equal(snap_get(next, XDS_CLUSTER, STR("a")), a2);
    assert_null(snap_get(next, XDS_CLUSTER, STR("b")));
    ref_put(a2);
    ref_put(old);
    assert_int_equal(count(a), 1);
    assert_int_equal(count(b), 1);
    ref_put(a);
    ref_put(b);
    ref_put(next);
}

/* What resources own beside their arena goes with them: regexes, other resources. The leak checker of the ASan run is the judge.
 */
static void resources_free_what_they_own(void **state) {
    struct route_table *t = route_table_new();
    struct route *r = arena_zalloc(&t->ref.mem, sizeof *r);
    struct virtual_host *v = arena_zalloc(&t->ref.mem, sizeof *v);
    *v = (struct virtual_host){.routes = r, .n_routes = 1};
    t->vhosts = v;
    t->n_vhosts = 1;
    assert_int_equal(regex_new(&r->match.path.regex, STR("/a.*"), NULL), 0);
    r->match.headers = arena_zalloc(&t->ref.mem, sizeof *r->match.headers);
    r->match.n_headers = 1;
    assert_int_equal(regex_new(&r->match.headers[0].string.regex, STR("b+"), NULL), 0);

    struct listener *l = listener_new();
    l->chains = arena_zalloc(&l->ref.mem, sizeof *l->chains);
    l->n_chains = 1;
    l->chains[0].hcm.routes = t;
    struct rbac *p = l->chains[0].hcm.rbac = arena_zalloc(&l->ref.mem, sizeof *p);
    p->policies = arena_zalloc(&l->ref.mem, sizeof *p->policies);
    p->n_policies = 1;
    struct rbac_node *kid = arena_zalloc(&l->ref.mem, sizeof *kid);
    p->policies[0].principal = (struct rbac_node){.kind = RBAC_NOT, .kids = kid, .n_kids = 1};
    assert_int_equal(regex_new(&kid->string.regex, STR("c"), NULL), 0);

    struct cluster *c = cluster("c");
    c->inline_endpoints = endpoints_new();
    ref_get(t);
    ref_put(l);
    assert_int_equal(count(t), 1);
    ref_put(t);
    ref_put(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_del),
        cmocka_unit_test(next_shares),
        cmocka_unit_test(resources_free_what_they_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
