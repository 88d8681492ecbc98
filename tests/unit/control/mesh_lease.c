// SPDX-License-Identifier: Apache-2.0
#include "control/mesh_lease.c"
#include "fixture.h"

#define WEB STR("ns/web")

static bool there(struct fx *fx) {
    return mesh_registration(&fx->mesh, WEB, STR("a")) != NULL;
}

static void lapses(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"ttl\":1.5");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    fx_wait(fx, 1499 * CLOCK_MS);
    assert_true(there(fx));
    uint64_t revision = fx->mesh.revision;
    fx_wait(fx, 2 * CLOCK_MS);
    assert_false(there(fx));
    assert_int_equal(fx->mesh.revision, revision + 1); /* as any deletion */
    assert_int_equal(mesh_renew_registration(&fx->mesh, WEB, STR("a")), WEFT_E_NOT_FOUND);
    fx_wait(fx, 1000 * CLOCK_S);
    assert_non_null(mesh_registration(&fx->mesh, WEB, STR("b"))); /* without ttl: never */
    assert_int_equal(mesh_renew_registration(&fx->mesh, WEB, STR("b")), 0);
    assert_true(mesh_registration(&fx->mesh, WEB, STR("b"))->seen == (double)loop_wall(&fx->loop) / 1e6);
}

static void renewed(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"ttl\":2");
    for (int i = 0; i < 5; i++) {
        fx_wait(fx, 1500 * CLOCK_MS);
        assert_int_equal(mesh_renew_registration(&fx->mesh, WEB, STR("a")), 0);
    }
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"ttl\":2"); /* so does a registration */
    fx_wait(fx, 1500 * CLOCK_MS);
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ""); /* and without ttl it ends the lease */
    fx_wait(fx, 1500 * CLOCK_MS);
    fx_wait(fx, 1500 * CLOCK_MS);
    assert_true(there(fx));
}

/* Who was stopped has heard no heartbeat: everybody gets a full ttl more. */
static void after_a_pause(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"ttl\":2");
    fx_wait(fx, 3600 * CLOCK_S);
    assert_true(there(fx));
    fx_wait(fx, 1999 * CLOCK_MS);
    assert_true(there(fx));
    fx_wait(fx, 2 * CLOCK_MS);
    assert_false(there(fx));
}

static void put_under_way(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"ttl\":1");
    json_t *body =
        fx_body(&schema_register, "{\"id\":\"a\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"::1\",\"port\":1}");
    mesh_put_registration(&fx->mesh, body, NULL, NULL);
    struct registration *r = mesh_registration(&fx->mesh, WEB, STR("a"));
    r->lease.due = fx->loop.now;
    on_lease(&r->lease); /* now, of all moments */
    fx_settle(fx);
    fx_wait(fx, 2 * CLOCK_S);
    assert_true(there(fx));
    assert_int_equal(fx->mesh.putting.len, 0);
}

/* ---- a store that takes nothing for a while ---- */

static void write_fails(struct store *st, struct store_write **w) {
    (*w)->code = err_set(&(*w)->err, WEFT_E_STORE, "disk full");
    (*w)->done(*w);
    store_write_free(w);
}

static void full_disk(void **state) {
    struct fx *fx = *state;
    struct store_ops full = store_mem;
    full.write = write_fails;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"ttl\":1");
    fx->mesh.store->ops = &full;
    fx_wait(fx, 1001 * CLOCK_MS);
    assert_true(there(fx));
    assert_int_equal(mesh_renew_registration(&fx->mesh, WEB, STR("a")), WEFT_E_NOT_FOUND);
    fx->mesh.store->ops = &store_mem;
    fx_wait(fx, 1001 * CLOCK_MS);
    assert_false(there(fx));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(lapses), TEST(renewed), TEST(after_a_pause), TEST(put_under_way), TEST(full_disk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
