// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>
#include "base/mem.h"
#include "codec/regex.h"

static bool matches(const char *pattern, struct str subject) {
    struct regex *r;
    struct err e = {0};
    if (regex_new(&r, str_of(pattern), &e) != 0)
        fail_msg("%s: %s", pattern, e.msg);
    bool yes = regex_match(r, subject);
    regex_free(&r);
    assert_null(r);
    return yes;
}

static void matches_the_whole_subject(void **state) {
    assert_true(matches("/api/v[0-9]+", STR("/api/v12")));
    assert_false(matches("/api/v[0-9]+", STR("/api/v12/x")));
    assert_false(matches("/api/v[0-9]+", STR("x/api/v12")));
    assert_true(matches("a|ab", STR("ab"))); /* tries on when the first branch ends too early */
    assert_false(matches("a$", STR("a\n")));
    assert_false(matches("^b", STR("a\nb")));
    assert_true(matches("", STR("")));
    assert_true(matches("", STR_NONE));
    assert_true(matches(".*", STR_NONE));
    assert_false(matches("", STR("a")));
    assert_true(matches("(?i)GET|post", STR("Post")));
}

static void takes_any_octets(void **state) {
    assert_true(matches("a.b", STR("a\0b")));
    assert_true(matches("a.b", STR("a\xff"
                                   "b")));
    assert_false(matches("a.b", STR("a\xc3\xa4"
                                    "b"))); /* octets, not characters */
    struct regex *r;
    assert_int_equal(regex_new(&r, STR("a\0b"), NULL), 0);
    assert_true(regex_match(r, STR("a\0b")));
    assert_false(regex_match(r, STR("a")));
    regex_free(&r);
}

static void says_where_a_pattern_is_wrong(void **state) {
    struct regex *r = (struct regex *)1;
    struct err e = {0};
    assert_int_equal(regex_new(&r, STR("ab(c"), &e), WEFT_E_INVALID);
    assert_null(r);
    assert_non_null(strstr(e.msg, "octet 4"));
    assert_int_equal(regex_new(&r, STR("[z-a]"), &e), WEFT_E_INVALID);
    assert_int_equal(regex_new(&r, STR("*"), &e), WEFT_E_INVALID);
    assert_int_equal(regex_new(&r, STR("(*UTF)a"), &e), WEFT_E_INVALID);
    assert_int_equal(regex_new(&r, STR("(?:(?:(?:a{1000}){1000}){1000}){1000}"), &e), WEFT_E_INVALID);
    regex_free(&r); /* of nothing */
}

static void keeps_the_pattern_limits(void **state) {
    char *text = mem_alloc(5000);
    struct regex *r;
    memset(text, 'a', 5000);
    assert_int_equal(regex_new(&r, str_n(text, 4096), NULL), 0);
    regex_free(&r);
    assert_int_equal(regex_new(&r, str_n(text, 4097), NULL), WEFT_E_TOO_LARGE);
    memset(text, '(', 2000);
    memset(text + 2000, ')', 2000);
    assert_int_equal(regex_new(&r, str_n(text, 4000), NULL), WEFT_E_INVALID);
    free(text);
}

/* Without limits each of these runs for longer than the universe has; with them it is no match, in milliseconds. */
static void catastrophic_patterns_end(void **state) {
    static const char *const patterns[] = {"(a+)+$",   "(a|aa)+$",         "(a|a?)+$", "(.*)*b",
                                           "(?R)?a+b", "(a*)*(a*)*(a*)*c", "([^x]+)*x"};
    char *subject = mem_alloc(65537);
    memset(subject, 'a', 65536);
    subject[65536] = '!';
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
        for (size_t n = 40; n <= 65537; n *= 40)
            assert_false(matches(patterns[i], str_n(subject + 65537 - n, n)));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    assert_true(to.tv_sec - from.tv_sec < 5); /* of the processor; some 50 ms when nothing checks the memory */
    free(subject);
}

/* The limits leave room for what people write: a long header value, a repeated group. */
static void long_subjects_still_match(void **state) {
    char *subject = mem_alloc(16384);
    memset(subject, 'a', 16384);
    subject[16383] = 'b';
    assert_true(matches(".*b", str_n(subject, 16384)));
    assert_true(matches("[a-z]+", str_n(subject, 16384)));
    assert_true(matches("(?:a|b)*", str_n(subject, 8192)));
    free(subject);
}

static void *match_some(void *arg) {
    bool ok = true;
    for (int i = 0; i < 2000; i++)
        ok = regex_match(arg, STR("/api/v12")) && !regex_match(arg, STR("/api/")) && ok;
    return ok ? arg : NULL;
}

/* A compiled one is shared by all workers: for TSan. */
static void two_threads_share_one(void **state) {
    struct regex *r;
    pthread_t threads[2];
    assert_int_equal(regex_new(&r, STR("(/[a-z]+)+/v[0-9]+"), NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_some, r), 0);
    for (int i = 0; i < 2; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, r);
    }
    regex_free(&r);
}

static const struct {
    const char *pattern, *substitution, *subject, *want; /* NULL: the substitution is refused */
} replaced[] = {
    {"a", "b", "banana", "bbnbnb"},
    {"(a)(n)?", "<\\2\\1>", "banana", "b<na><na><a>"},
    {"x*", "-", "ab", "-a-b-"},
    {"^/a(/.*)$", "\\1", "/a/b", "/b"},
    {"a", "\\\\", "a", "\\"},
    {"a", "\\0\\0", "ba", "baa"},
    {"z", "y", "banana", "banana"},
    {"a", "\\1", "a", NULL},
    {"a", "\\", "a", NULL},
    {"(a)", "\\x", "a", NULL},
    {"", "-", "", "-"},
};

static void replaces_every_match(void **state) {
    for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++) {
        struct arena a = {0};
        struct regex *r;
        struct str got, substitution = str_of(replaced[i].substitution);
        assert_int_equal(regex_new_anywhere(&r, str_of(replaced[i].pattern), NULL), 0);
        assert_int_equal(regex_substitution_ok(r, substitution), replaced[i].want != NULL);
        if (replaced[i].want) {
            bool hit = regex_replace(r, str_of(replaced[i].subject), substitution, &a, &got);
            if (!str_eq(got, str_of(replaced[i].want)) || hit != (strcmp(replaced[i].want, replaced[i].subject) != 0))
                fail_msg("%s: %.*s", replaced[i].pattern, (int)got.len, got.ptr);
        }
        regex_free(&r);
        arena_fini(&a);
    }
}

/* One octet becomes many: the result is bounded, and without it the subject stays. */
static void a_result_has_a_limit(void **state) {
    struct arena a = {0};
    struct regex *r;
    struct str got;
    char *subject = mem_alloc(40000);
    memset(subject, 'a', 40000);
    assert_int_equal(regex_new_anywhere(&r, STR("a"), NULL), 0);
    assert_false(regex_replace(r, str_n(subject, 40000), STR("bbbb"), &a, &got));
    assert_int_equal(got.len, 40000);
    assert_true(regex_replace(r, str_n(subject, 16384), STR("bbbb"), &a, &got));
    assert_int_equal(got.len, REGEX_RESULT);
    regex_free(&r);
    arena_fini(&a);
    free(subject);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_whole_subject),     cmocka_unit_test(takes_any_octets),
        cmocka_unit_test(says_where_a_pattern_is_wrong), cmocka_unit_test(keeps_the_pattern_limits),
        cmocka_unit_test(catastrophic_patterns_end),     cmocka_unit_test(long_subjects_still_match),
        cmocka_unit_test(two_threads_share_one),         cmocka_unit_test(replaces_every_match),
        cmocka_unit_test(a_result_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
