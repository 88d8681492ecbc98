// SPDX-License-Identifier: Apache-2.0
#include "proxy/target.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct target_case {
    const char *authority, *service, *ns; /* of the request: authority, X-Target-Service, X-Target-Namespace; NULL: absent */
    enum target_verdict verdict;
    const char *want_service, *want_ns;
};

static const struct target_case cases[] = {
    {"localhost:15001", "api", NULL, TARGET_FOUND, "api", "shop"},
    {"localhost:15001", "api", "pay", TARGET_FOUND, "api", "pay"},
    {"localhost:15001", "api", "", TARGET_FOUND, "api", "shop"},
    {"other.ns", "api", "pay", TARGET_FOUND, "api", "pay"}, /* the header comes first */
    {"api", NULL, NULL, TARGET_FOUND, "api", "shop"},
    {"api:8080", NULL, NULL, TARGET_FOUND, "api", "shop"},
    {"API.Pay:80", NULL, NULL, TARGET_FOUND, "api", "pay"},
    {"api.pay.mesh", NULL, NULL, TARGET_FOUND, "api", "pay"},
    {"api.pay.svc.cluster.local:80", NULL, NULL, TARGET_FOUND, "api", "pay"},
    {"api.pay.svc.cluster.local.", NULL, NULL, TARGET_FOUND, "api", "pay"},
    {"api.", NULL, NULL, TARGET_FOUND, "api", "shop"},
    {"localhost.", NULL, NULL, TARGET_NONE, NULL, NULL},
    {"api..", NULL, NULL, TARGET_UNKNOWN, NULL, NULL},
    {"api.pay.svc", NULL, NULL, TARGET_UNKNOWN, NULL, NULL},
    {"api.pay.example.com", NULL, NULL, TARGET_UNKNOWN, NULL, NULL},
    {"api..mesh", NULL, NULL, TARGET_UNKNOWN, NULL, NULL},
    {"-api", NULL, NULL, TARGET_UNKNOWN, NULL, NULL},
    {"a_b", NULL, NULL, TARGET_UNKNOWN, NULL, NULL},
    {"127.0.0.1:15001", NULL, NULL, TARGET_NONE, NULL, NULL},
    {"[::1]:15001", NULL, NULL, TARGET_NONE, NULL, NULL},
    {"LocalHost", NULL, NULL, TARGET_NONE, NULL, NULL},
    {"", NULL, NULL, TARGET_NONE, NULL, NULL},
    {"api", "", NULL, TARGET_NONE, NULL, NULL}, /* empty is not the same as absent */
    {"api", "a b", NULL, TARGET_UNKNOWN, NULL, NULL},
    {"api", "api", "x/y", TARGET_UNKNOWN, NULL, NULL},
    {"api:99999", NULL, NULL, TARGET_BAD, NULL, NULL},
};

static void resolves_every_form(void **state) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct target_case *c = &cases[i];
        struct arena a = {0};
        struct target t;
        struct msg m = {.request = true, .authority = str_of(c->authority)};
        if (c->service)
            msg_add(&m.fields, &a, HDR_X_TARGET_SERVICE, str_of(c->service));
        if (c->ns)
            msg_add(&m.fields, &a, HDR_X_TARGET_NAMESPACE, str_of(c->ns));
        enum target_verdict v = target_resolve(&t, &m, STR("shop"), &a);
        if (v != c->verdict)
            fail_msg("case %zu (%s): verdict %d", i, c->authority, v);
        if (v == TARGET_FOUND) {
            assert_true(str_eq(t.service, str_of(c->want_service)));
            assert_true(str_eq(t.ns, str_of(c->want_ns)));
        }
        assert_true((v == TARGET_BAD) == (t.why != NULL));
        arena_fini(&a);
    }
}

static void a_target_given_twice_is_refused(void **state) {
    struct arena a = {0};
    struct target t;
    struct msg m = {.request = true, .authority = STR("x")};
    msg_add(&m.fields, &a, HDR_X_TARGET_SERVICE, STR("api"));
    msg_add(&m.fields, &a, HDR_X_TARGET_SERVICE, STR("api"));
    assert_int_equal(target_resolve(&t, &m, STR("shop"), &a), TARGET_BAD);
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_every_form),
        cmocka_unit_test(a_target_given_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
