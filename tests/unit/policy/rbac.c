// SPDX-License-Identifier: Apache-2.0
#include "policy/rbac.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "policy/check.h"

static struct msg msg;
static struct request_view caller(const char *method, const char *spiffe) {
    msg = (struct msg){.request = true, .method = str_of(method), .path = STR("/x?y")};
    msg.method_id = method_intern(msg.method);
    return (struct request_view){
        .msg = &msg, .peer_spiffe = str_of(spiffe), .source_ip = STR("10.1.2.3"), .destination_port = 80};
}

static enum rbac_verdict verdict(struct rbac_node permission, struct rbac_node principal, struct request_view v) {
    struct rbac_policy p = {.name = STR("sr-1"), .permission = permission, .principal = principal};
    struct rbac rbac = {.policies = &p, .n_policies = 1};
    return rbac_check(&rbac, &v).verdict;
}

static const struct rbac_node any = {.kind = RBAC_ANY};

static void an_allow_list_without_a_match_refuses(void **state) {
    struct rbac empty = {0};
    struct request_view v = caller("GET", "spiffe://td/ns/a/sa/b");
    assert_int_equal(rbac_check(&empty, &v).verdict, RBAC_REFUSED);
    assert_int_equal(rbac_check(NULL, &v).verdict, RBAC_PASS);
    empty.action = RBAC_DENY;
    assert_int_equal(rbac_check(&empty, &v).verdict, RBAC_PASS);
}

static void identities_and_methods(void **state) {
    struct rbac_node frontend = {.kind = RBAC_AUTHENTICATED,
                                 .string = {.kind = STRING_EXACT, .text = STR("spiffe://td/ns/default/sa/frontend")}};
    struct rbac_node get = {.kind = RBAC_HEADER,
                            .header = {.name = STR(":method"), .string = {.kind = STRING_EXACT, .text = STR("GET")}}};
    assert_int_equal(verdict(get, frontend, caller("GET", "spiffe://td/ns/default/sa/frontend")), RBAC_PASS);
    assert_int_equal(verdict(get, frontend, caller("POST", "spiffe://td/ns/default/sa/frontend")), RBAC_REFUSED);
    assert_int_equal(verdict(get, frontend, caller("GET", "spiffe://td/ns/default/sa/frontend2")), RBAC_REFUSED);
    assert_int_equal(verdict(get, frontend, caller("GET", "")), RBAC_REFUSED);
    struct rbac_node anybody = {.kind = RBAC_AUTHENTICATED, .string = {.kind = STRING_PREFIX}};
    assert_int_equal(verdict(get, anybody, caller("GET", "spiffe://td/x")), RBAC_PASS);
    assert_int_equal(verdict(get, anybody, caller("GET", "")), RBAC_REFUSED); /* plaintext is nobody */
}

static void a_missing_token_is_told_apart(void **state) {
    struct rbac_node kids[] = {{.kind = RBAC_AUTHENTICATED, .string = {.kind = STRING_PREFIX}}, {.kind = RBAC_JWT}};
    struct rbac_node both = {.kind = RBAC_AND, .kids = kids, .n_kids = 2};
    assert_int_equal(verdict(any, both, caller("GET", "spiffe://td/x")), RBAC_NEEDS_JWT);
    assert_int_equal(verdict(any, both, caller("GET", "")), RBAC_REFUSED); /* a token alone would not help */
    struct request_view v = caller("GET", "spiffe://td/x");
    v.jwt_valid = true;
    assert_int_equal(verdict(any, both, v), RBAC_PASS);
}

static void logic_and_addresses(void **state) {
    struct request_view v = caller("GET", "");
    struct rbac_node no = {.kind = RBAC_NOT, .kids = (struct rbac_node *)&any, .n_kids = 1};
    assert_int_equal(verdict(any, no, v), RBAC_REFUSED);
    struct rbac_node kids[] = {no, any};
    assert_int_equal(verdict(any, (struct rbac_node){.kind = RBAC_OR, .kids = kids, .n_kids = 2}, v), RBAC_PASS);
    assert_int_equal(verdict(any, (struct rbac_node){.kind = RBAC_AND, .kids = kids, .n_kids = 2}, v), RBAC_REFUSED);
    const struct {
        const char *ip;
        uint8_t len;
        bool hit;
    } cidrs[] = {{"10.1.2.3", 32, true}, {"10.1.2.2", 31, true}, {"10.1.2.4", 31, false}, {"0.0.0.0", 0, true},
                 {"10.0.0.0", 8, true},  {"::", 0, false},       {"11.0.0.0", 8, false},  {"x", 8, false}};
    for (size_t i = 0; i < sizeof cidrs / sizeof *cidrs; i++) {
        struct rbac_node n = {.kind = RBAC_SOURCE_IP, .ip = str_of(cidrs[i].ip), .prefix_len = cidrs[i].len};
        assert_int_equal(verdict(any, n, v), cidrs[i].hit ? RBAC_PASS : RBAC_REFUSED);
    }
    v.direct_ip = STR("192.0.2.1"); /* three addresses that are one only where nobody stands between */
    v.remote_ip = STR("198.51.100.1");
    static const enum rbac_node_kind kinds[] = {RBAC_SOURCE_IP, RBAC_DIRECT_IP, RBAC_REMOTE_IP};
    const struct str ips[] = {v.source_ip, v.direct_ip, v.remote_ip};
    for (size_t i = 0; i < 9; i++) {
        struct rbac_node n = {.kind = kinds[i / 3], .ip = ips[i % 3], .prefix_len = 32};
        assert_int_equal(verdict(any, n, v), i / 3 == i % 3 ? RBAC_PASS : RBAC_REFUSED);
    }
    assert_int_equal(verdict((struct rbac_node){.kind = RBAC_DESTINATION_PORT, .port = 80}, any, v), RBAC_PASS);
    assert_int_equal(verdict((struct rbac_node){.kind = RBAC_DESTINATION_PORT, .port = 81}, any, v), RBAC_REFUSED);
    struct rbac_node path = {.kind = RBAC_URL_PATH, .string = {.kind = STRING_EXACT, .text = STR("/x")}};
    assert_int_equal(verdict(path, any, v), RBAC_PASS);
}

static void thresholds(void **state) {
    struct check c = {.healthy = true};
    assert_false(check_result(&c, false, 2, 3));
    assert_false(check_result(&c, false, 2, 3));
    assert_false(check_result(&c, true, 2, 3)); /* breaks the run */
    assert_false(check_result(&c, false, 2, 3));
    assert_false(check_result(&c, false, 2, 3));
    assert_true(check_result(&c, false, 2, 3) && !c.healthy);
    assert_false(check_result(&c, true, 2, 3));
    assert_true(check_result(&c, true, 2, 3) && c.healthy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allow_list_without_a_match_refuses),
        cmocka_unit_test(identities_and_methods),
        cmocka_unit_test(a_missing_token_is_told_apart),
        cmocka_unit_test(logic_and_addresses),
        cmocka_unit_test(thresholds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
