// SPDX-License-Identifier: Apache-2.0
/* When an identity is renewed, by which clock, and what is told of its end. */
#include "proxy/identity.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/rand.h"
#include "crypto/ca.h"

#define NOW 1800000000ll
#define HOUR 3600ll

static struct identity leaf(int64_t ttl) {
    return (struct identity){.not_before = NOW - CA_BACKDATE, .not_after = NOW + ttl};
}

static uint64_t at(int64_t seconds) {
    return (uint64_t)(NOW + seconds) * CLOCK_S;
}

/* Half of what is left, and no two at the same time. */
static void half_of_what_is_left(void **state) {
    static const struct {
        int64_t ttl, now;
        bool fresh;
        int64_t half;
    } rows[] = {{10, 0, true, 5},
                {24 * HOUR, 0, true, 12 * HOUR},
                {24 * HOUR, 0, false, 12 * HOUR},
                {24 * HOUR, 20 * HOUR, false, 2 * HOUR}, /* a kept one: by the clock */
                {24 * HOUR, 5 * HOUR, true, 12 * HOUR},  /* our clock is ahead, behind: the certificate has just begun */
                {24 * HOUR, -5 * HOUR, true, 12 * HOUR},
                {10, 60, true, 5}};
    struct rand r;
    rand_init(&r, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct identity id = leaf(rows[i].ttl);
        uint64_t half = (uint64_t)rows[i].half * CLOCK_S, least = UINT64_MAX, most = 0;
        for (int k = 0; k < 200; k++) {
            uint64_t in = identity_renew_in(&id, rows[i].fresh, at(rows[i].now), &r);
            assert_in_range(in, half * 9 / 10, half * 11 / 10);
            least = in < least ? in : least;
            most = in > most ? in : most;
        }
        assert_true(most - least > half / 10);
    }
}

/* Nothing is left, or too little to halve: soon, but never in a busy loop. */
static void little_left(void **state) {
    struct identity id = leaf(10), odd = {.not_before = NOW, .not_after = NOW + 10}; /* not back-dated: another CA's */
    struct rand r;
    rand_init(&r, 1);
    assert_int_equal(identity_renew_in(&id, false, at(10), &r), 250 * CLOCK_MS);
    assert_int_equal(identity_renew_in(&id, false, at(10 * HOUR), &r), 250 * CLOCK_MS);
    assert_in_range(identity_renew_in(&odd, true, at(0), &r), 4500 * CLOCK_MS, 5500 * CLOCK_MS);
}

static void skew(void **state) {
    struct identity id = leaf(10);
    assert_int_equal(identity_skew(&id, at(0)), 0);
    assert_int_equal(identity_skew(&id, at(90)), 90);
    assert_int_equal(identity_skew(&id, at(-HOUR)), -HOUR);
}

/* Whether one that comes back to its control plane goes on with it. */
static void good(void **state) {
    struct identity id = leaf(10 * HOUR);
    strcpy(id.ca_hash, "aa");
    assert_true(identity_good(&id, STR("aa"), at(5 * HOUR - 1)));
    assert_false(identity_good(&id, STR("aa"), at(5 * HOUR)));
    assert_false(identity_good(&id, STR("ab"), at(0)));
    assert_false(identity_good(&id, STR(""), at(0)));
}

static void told(void **state) {
    struct identity id = leaf(49 * HOUR);
    struct buf b = {0};
    identity_print(&id, at(0), &b);
    assert_true(str_find(buf_str(&b), STR("istio_agent_cert_expiry_seconds{resource_name=\"default\"} 176400.0\n")) >= 0);
    assert_true(str_find(buf_str(&b), STR("envoy_server_days_until_first_cert_expiring 2\n")) >= 0);
    b.len = 0;
    identity_print(&id, at(50 * HOUR), &b);
    assert_true(str_find(buf_str(&b), STR("istio_agent_cert_expiry_seconds{resource_name=\"default\"} -3600.0\n")) >= 0);
    assert_true(str_find(buf_str(&b), STR("envoy_server_days_until_first_cert_expiring 0\n")) >= 0);
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_what_is_left),
        cmocka_unit_test(little_left),
        cmocka_unit_test(skew),
        cmocka_unit_test(good),
        cmocka_unit_test(told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
