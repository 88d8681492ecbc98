// SPDX-License-Identifier: Apache-2.0
/* Endpoints that flap, in the registry: out of rotation while they are held, back when it is over or when nothing else is left.
 */
#include "control/flaps.h"
#include "fixture.h"

static int one; /* a session */
#define WEB STR("ns/web")
#define I (30 * CLOCK_S) /* the default interval */

static bool healthy(struct fx *fx, const char *id) {
    const struct reg_view *v = reg_view(&fx->reg, WEB);
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->at[i].id, str_of(id)))
            return v->at[i].healthy;
    fail_msg("no %s", id);
    return false;
}

static void tell(struct fx *fx, const char *id, bool ok) {
    reg_health(&fx->reg, mesh_registration(&fx->mesh, WEB, str_of(id)), ok);
}

/* `a` goes down and up so often that it is held out: for 5 intervals from its last end. */
static void flap(struct fx *fx) {
    for (int i = 0; i < 5; i++) {
        fx_wait(fx, I);
        tell(fx, "a", false);
        fx_wait(fx, I);
        tell(fx, "a", true);
    }
}

static void two(struct fx *fx) {
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
}

static void held_out(void **state) {
    struct fx *fx = *state;
    two(fx);
    flap(fx);
    assert_false(healthy(fx, "a"));
    assert_int_equal(fx->reg.flaps.held, 1);
    fx_wait(fx, I);
    tell(fx, "a", true);
    assert_false(healthy(fx, "a")); /* whatever its checks say */
    unsigned touched = fx->touched;
    fx_wait(fx, 4 * I);
    assert_true(healthy(fx, "a")); /* by itself */
    assert_true(fx->touched > touched);
    assert_int_equal(fx->reg.flaps.held, 0);
    fx_wait(fx, 21 * I);
    assert_int_equal(fx->reg.flaps.all.len, 0); /* nothing is remembered */
}

/* A hold that ends while it is down: it stays down. */
static void down_when_it_ends(void **state) {
    struct fx *fx = *state;
    two(fx);
    flap(fx);
    fx_wait(fx, I);
    tell(fx, "a", false);
    fx_wait(fx, 60 * I);
    assert_false(healthy(fx, "a"));
    tell(fx, "a", true);
    assert_true(healthy(fx, "a"));
}

/* Damping never takes the last one: neither when the others go down, nor when there is no other. */
static void the_last_one_is_used(void **state) {
    struct fx *fx = *state;
    two(fx);
    flap(fx);
    tell(fx, "b", false);
    assert_true(healthy(fx, "a"));
    tell(fx, "b", true);
    mesh_delete_registration(&fx->mesh, WEB, STR("b"), NULL, NULL);
    fx_settle(fx);
    flap(fx);
    assert_true(healthy(fx, "a"));
    tell(fx, "a", false);
    assert_false(healthy(fx, "a")); /* one that is down is down */
    tell(fx, "a", true);
    assert_true(healthy(fx, "a"));
}

/* Registered at another address it begins anew; at the same one it does not. */
static void registered_anew(void **state) {
    struct fx *fx = *state;
    two(fx);
    flap(fx);
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, ",\"weight\":7");
    assert_false(healthy(fx, "a"));
    fx_register(fx, "ns/web", "a", "10.0.0.3", 80, "");
    assert_true(healthy(fx, "a"));
    tell(fx, "a", false);
    tell(fx, "a", true);
    assert_true(healthy(fx, "a"));
}

/* A sidecar whose app flaps does not escape by a new session. */
static void sidecars(void **state) {
    struct fx *fx = *state;
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    struct sidecar *s = fx_hello(fx, "ns/web/w1", "127.0.0.1", 8001, "10.0.0.9", &one);
    for (int i = 0; i < 5; i++) {
        reg_sidecar_health(s, false);
        fx_wait(fx, I);
        reg_sidecar_health(s, true);
        fx_wait(fx, I / 2);
    }
    assert_false(healthy(fx, "w1"));
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_hello(fx, "ns/web/w1", "127.0.0.1", 8001, "10.0.0.9", &one);
    assert_false(healthy(fx, "w1"));
    fx_wait(fx, 5 * I);
    assert_true(healthy(fx, "w1"));
    reg_leaving(s);
    reg_lost(&fx->reg, STR("ns/web/w1"), &one);
    fx_settle(fx);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(held_out), TEST(down_when_it_ends), TEST(the_last_one_is_used), TEST(registered_anew),
                                       TEST(sidecars)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
