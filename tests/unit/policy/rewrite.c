// SPDX-License-Identifier: Apache-2.0
#include "policy/rewrite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "codec/regex.h"

static void is(struct str got, const char *want) {
    if (!str_eq(got, str_of(want)))
        fail_msg("\"%.*s\" where \"%s\" was expected", (int)got.len, got.ptr, want);
}

static void paths(void **state) {
    struct arena a = {0};
    struct route r = {.match = {.path = {.kind = PATH_PREFIX, .text = STR("/old")}}};
    is(rewrite_path(&r, STR("/old/x?y"), &a), "/old/x?y");
    r.prefix_rewrite = STR("/new");
    is(rewrite_path(&r, STR("/old/x?y"), &a), "/new/x?y");
    is(rewrite_path(&r, STR("/old"), &a), "/new");
    r.match.path = (struct path_match){.kind = PATH_EXACT, .text = STR("/old/x")};
    is(rewrite_path(&r, STR("/old/x?y"), &a), "/new?y");
    r.match.path = (struct path_match){.kind = PATH_REGEX, .text = STR("/o.*")};
    is(rewrite_path(&r, STR("/old/x?y"), &a), "/new?y");
    r.prefix_rewrite = STR_NONE;
    r.path_regex.substitution = STR("\\2-\\1");
    assert_int_equal(regex_new_anywhere(&r.path_regex.regex, STR("([a-z]+)/([a-z])"), NULL), 0);
    is(rewrite_path(&r, STR("/old/x?old/y"), &a), "/x-old?old/y"); /* the query stays */
    is(rewrite_path(&r, STR("/1"), &a), "/1");
    regex_rewrite_fini(&r.path_regex);
    arena_fini(&a);
}

static const struct {
    struct redirect to;
    const char *scheme, *authority, *path, *want;
} redirects[] = {
    {{.host = STR("b")}, "http", "a", "/x?y", "http://b/x?y"},
    {{.scheme = STR("https")}, "http", "a:80", "/", "https://a/"},
    {{.scheme = STR("https")}, "http", "a:81", "/", "https://a:81/"},
    {{.scheme = STR("http")}, "https", "[::1]:443", "/", "http://[::1]/"},
    {{.scheme = STR("https")}, "http", "[::1]", "/", "https://[::1]/"},
    {{.port = 8443}, "http", "a:80", "/", "http://a:8443/"},
    {{.path = STR("/new")}, "http", "a", "/x?y", "http://a/new?y"},
    {{.path = STR("/new?z")}, "http", "a", "/x?y", "http://a/new?z"},
    {{.path = STR("/new"), .strip_query = true}, "http", "a", "/x?y", "http://a/new"},
    {{.prefix = STR("/new")}, "http", "a", "/x/1?y", "http://a/new/1?y"},
    {{.strip_query = true}, "http", "a", "/x?y", "http://a/x"},
};

static void locations(void **state) {
    for (size_t i = 0; i < sizeof redirects / sizeof *redirects; i++) {
        struct arena a = {0};
        struct redirect to = redirects[i].to;
        struct route r = {.match = {.path = {.kind = PATH_PREFIX, .text = STR("/x")}}, .redirect = &to};
        struct redirect_from from = {str_of(redirects[i].scheme), str_of(redirects[i].authority), str_of(redirects[i].path)};
        is(rewrite_redirect(&r, &from, &a), redirects[i].want);
        arena_fini(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(locations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
