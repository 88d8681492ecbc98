// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "policy/route.h"

static void strings(void **state) {
    static const struct {
        enum string_match_kind kind;
        const char *text, *value;
        bool hit, hit_in_any_case;
    } of[] = {
        {STRING_EXACT, "ab", "ab", true, true},       {STRING_EXACT, "ab", "AB", false, true},
        {STRING_EXACT, "ab", "abc", false, false},    {STRING_PREFIX, "ab", "abc", true, true},
        {STRING_PREFIX, "ab", "aBc", false, true},    {STRING_PREFIX, "ab", "a", false, false},
        {STRING_SUFFIX, "bc", "abc", true, true},     {STRING_SUFFIX, "bc", "aBC", false, true},
        {STRING_SUFFIX, "bc", "c", false, false},     {STRING_SUFFIX, "", "", true, true},
        {STRING_CONTAINS, "b", "abc", true, true},    {STRING_CONTAINS, "bc", "aBC", false, true},
        {STRING_CONTAINS, "bc", "b", false, false},   {STRING_CONTAINS, "", "", true, true},
        {STRING_CONTAINS, "abc", "ab", false, false},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        struct string_match m = {.kind = of[i].kind, .text = str_of(of[i].text)};
        assert_int_equal(string_match_test(&m, str_of(of[i].value)), of[i].hit);
        m.ignore_case = true;
        assert_int_equal(string_match_test(&m, str_of(of[i].value)), of[i].hit_in_any_case);
    }
}

static void pseudo_headers(void **state) {
    struct msg m = {.method = STR("GET"), .path = STR("/a?b"), .authority = STR("a.test"), .scheme = STR("https")};
    struct request_view view = {.msg = &m};
    static const struct {
        const char *name, *value;
        bool hit;
    } of[] = {
        {":method", "GET", true},   {":path", "/a?b", true},    {":authority", "a.test", true},
        {":scheme", "https", true}, {":scheme", "http", false}, {":status", "200", false},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        struct header_match h = {
            .name = str_of(of[i].name), .kind = HEADER_STRING, .string = {.kind = STRING_EXACT, .text = str_of(of[i].value)}};
        assert_int_equal(header_match_test(&h, &view), of[i].hit);
    }
    struct header_match none = {.name = STR(":status"), .kind = HEADER_PRESENT, .invert = true};
    assert_true(header_match_test(&none, &view));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings), cmocka_unit_test(pseudo_headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
