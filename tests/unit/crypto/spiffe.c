// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crypto/spiffe.h"

static void takes_weft_ids_apart(void **state) {
    struct spiffe_id id;
    assert_int_equal(spiffe_parse(&id, STR("spiffe://cluster.local/ns/default/sa/web"), NULL), 0);
    assert_true(str_eq(id.trust_domain, STR("cluster.local")));
    assert_true(str_eq(id.path, STR("/ns/default/sa/web")));
    assert_true(str_eq(id.ns, STR("default")));
    assert_true(str_eq(id.service, STR("web")));
}

static void takes_other_ids(void **state) {
    static const char *const uris[] = {"spiffe://td",           "spiffe://a-b_c.0/x",      "spiffe://td/A-Z_0.9/..a/...",
                                       "spiffe://td/ns/a/sb/c", "spiffe://td/ns/a/sa/b/c", "spiffe://td/ns/a/sa"};
    for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
        struct spiffe_id id;
        assert_int_equal(spiffe_parse(&id, str_of(uris[i]), NULL), 0);
        assert_int_equal(id.ns.len + id.service.len, 0);
    }
}

static void refuses_what_the_specification_forbids(void **state) {
    static const char *const uris[] = {
        "",
        "spiffe:",
        "spiffe:/td/x",
        "spiffe://",
        "spiffe:///x",
        "SPIFFE://td/x",
        "http://td/x",
        " spiffe://td/x",
        "spiffe://TD/x",
        "spiffe://user@td/x",
        "spiffe://td:443/x",
        "spiffe://td?q",
        "spiffe://td#f",
        "spiffe://td/",
        "spiffe://td/x/",
        "spiffe://td//x",
        "spiffe://td/x//y",
        "spiffe://td/.",
        "spiffe://td/../x",
        "spiffe://td/x/..",
        "spiffe://td/x%20y",
        "spiffe://td/x?q=1",
        "spiffe://td/x#f",
        "spiffe://td/x y",
        "spiffe://td/x\xc3\xa4",
        "spiffe://t\xc3\xa4/x",
        "spiffe://td/x:y",
        "spiffe://[::1]/x",
    };
    for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
        struct spiffe_id id;
        struct err e = {0};
        if (spiffe_parse(&id, str_of(uris[i]), &e) != WEFT_E_PARSE)
            fail_msg("taken: %s", uris[i]);
        assert_true(e.msg[0] != '\0');
    }
    struct spiffe_id id;
    assert_int_equal(spiffe_parse(&id, STR("spiffe://td/a\0b"), NULL), WEFT_E_PARSE);
    assert_int_equal(spiffe_parse(&id, STR("spiffe://t\0d/a"), NULL), WEFT_E_PARSE);
}

static void keeps_the_length_limits(void **state) {
    char text[2100];
    memset(text, 'a', sizeof(text));
    memcpy(text, "spiffe://", 9);
    struct spiffe_id id;
    assert_int_equal(spiffe_parse(&id, str_n(text, 9 + 255), NULL), 0);
    assert_int_equal(spiffe_parse(&id, str_n(text, 9 + 256), NULL), WEFT_E_PARSE);
    text[9 + 255] = '/';
    assert_int_equal(spiffe_parse(&id, str_n(text, 2048), NULL), 0);
    assert_int_equal(spiffe_parse(&id, str_n(text, 2049), NULL), WEFT_E_TOO_LARGE);
}

static void makes_what_it_parses(void **state) {
    struct arena a = {0};
    struct str s = spiffe_of(&a, STR("mesh.example"), STR("ns-1"), STR("web"));
    assert_true(str_eq(s, STR("spiffe://mesh.example/ns/ns-1/sa/web")));
    struct spiffe_id id;
    assert_int_equal(spiffe_parse(&id, s, NULL), 0);
    assert_true(str_eq(id.ns, STR("ns-1")) && str_eq(id.service, STR("web")));
    arena_fini(&a);
}

static void knows_dns_labels(void **state) {
    char long_label[64];
    memset(long_label, 'x', sizeof(long_label));
    assert_true(dns_label_ok(STR("a")) && dns_label_ok(STR("0-9")) && dns_label_ok(STR("a--b")));
    assert_true(dns_label_ok(str_n(long_label, 63)));
    assert_false(dns_label_ok(str_n(long_label, 64)));
    static const char *const bad[] = {"", "-a", "a-", "A", "a.b", "a_b", "a b", "\xc3\xa4", "a/b", "*"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(dns_label_ok(str_of(bad[i])));
    assert_false(dns_label_ok(STR("a\0b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_weft_ids_apart),
        cmocka_unit_test(takes_other_ids),
        cmocka_unit_test(refuses_what_the_specification_forbids),
        cmocka_unit_test(keeps_the_length_limits),
        cmocka_unit_test(makes_what_it_parses),
        cmocka_unit_test(knows_dns_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
