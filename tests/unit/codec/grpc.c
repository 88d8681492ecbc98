// SPDX-License-Identifier: Apache-2.0
#include "codec/grpc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "codec/h2.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Three messages, cut in three pieces at every pair of places. */
static void test_every_split(void **state) {
    (void)state;
    static const char *const messages[] = {"hello", "", "0123456789abcdef"};
    struct buf wire = {0};
    for (size_t i = 0; i < N(messages); i++)
        grpc_frame(&wire, str_of(messages[i]));
    for (size_t a = 0; a <= wire.len; a++) {
        for (size_t b = a; b <= wire.len; b++) {
            struct grpc_reader r = {.max = 16};
            struct str all = buf_str(&wire), msg;
            struct str pieces[] = {str_first(all, a), str_from(str_first(all, b), a), str_from(all, b)};
            size_t got = 0;
            for (size_t p = 0; p < N(pieces); p++) {
                int n;
                while ((n = grpc_next(&r, &pieces[p], &msg, NULL)) == 1) {
                    assert_true(got < N(messages));
                    assert_true(str_eq(msg, str_of(messages[got++])));
                }
                assert_int_equal(n, 0);
                assert_int_equal(pieces[p].len, 0);
            }
            assert_int_equal(got, N(messages));
            grpc_reader_fini(&r);
        }
    }
    buf_fini(&wire);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *prefix;
        int code;
    } cases[] = {
        {"\0\0\0\0\x0b", WEFT_E_TOO_LARGE}, {"\0\xff\xff\xff\xff", WEFT_E_TOO_LARGE}, {"\1\0\0\0\1", WEFT_E_UNSUPPORTED},
        {"\2\0\0\0\1", WEFT_E_PARSE},       {"\xff\0\0\0\1", WEFT_E_PARSE},
    };
    for (size_t i = 0; i < N(cases); i++) {
        for (size_t cut = 0; cut <= 5; cut++) {
            struct grpc_reader r = {.max = 10};
            struct str msg, first = str_n(cases[i].prefix, cut), rest = str_n(cases[i].prefix + cut, 5 - cut);
            struct err e = {0};
            int n = grpc_next(&r, &first, &msg, &e);
            if (n == 0)
                n = grpc_next(&r, &rest, &msg, &e);
            assert_int_equal(n, cases[i].code);
            assert_true(e.msg[0]);
            assert_true(r.held.cap < 4096); /* nothing was set aside for what was announced */
            grpc_reader_fini(&r);
        }
    }
}

static void test_message_text(void **state) {
    (void)state;
    static const struct {
        const char *plain, *coded;
    } cases[] = {
        {"", ""},          {"all good", "all good"},        {"100%", "100%25"},
        {"a\nb", "a%0Ab"}, {"\xc3\xa4~\x7f", "%C3%A4~%7F"}, {"\"<>", "\"<>"},
    };
    struct buf out = {0};
    for (size_t i = 0; i < N(cases); i++) {
        buf_cut(&out, 0);
        grpc_message_encode(&out, str_of(cases[i].plain));
        assert_true(str_eq(buf_str(&out), str_of(cases[i].coded)));
        buf_cut(&out, 0);
        grpc_message_decode(&out, str_of(cases[i].coded));
        assert_true(str_eq(buf_str(&out), str_of(cases[i].plain)));
    }
    static const char *const odd[] = {"%", "a%4", "%zz", "%%", "100% of"};
    for (size_t i = 0; i < N(odd); i++) { /* stays as it is */
        buf_cut(&out, 0);
        grpc_message_decode(&out, str_of(odd[i]));
        assert_true(str_eq(buf_str(&out), str_of(odd[i])));
    }
    buf_fini(&out);
}

static void test_mappings(void **state) {
    (void)state;
    static const struct {
        unsigned from;
        int to;
    } http[] = {{400, GRPC_INTERNAL},      {401, GRPC_UNAUTHENTICATED}, {403, GRPC_PERMISSION_DENIED},
                {404, GRPC_UNIMPLEMENTED}, {429, GRPC_UNAVAILABLE},     {502, GRPC_UNAVAILABLE},
                {503, GRPC_UNAVAILABLE},   {504, GRPC_UNAVAILABLE},     {200, GRPC_UNKNOWN},
                {500, GRPC_UNKNOWN},       {302, GRPC_UNKNOWN}},
      h2[] = {{H2_NO_ERROR, GRPC_INTERNAL},
              {H2_PROTOCOL_ERROR, GRPC_INTERNAL},
              {H2_REFUSED_STREAM, GRPC_UNAVAILABLE},
              {H2_CANCEL, GRPC_CANCELLED},
              {H2_ENHANCE_YOUR_CALM, GRPC_RESOURCE_EXHAUSTED},
              {H2_INADEQUATE_SECURITY, GRPC_PERMISSION_DENIED},
              {H2_HTTP_1_1_REQUIRED, GRPC_UNKNOWN},
              {99, GRPC_UNKNOWN}};
    for (size_t i = 0; i < N(http); i++)
        assert_int_equal(grpc_of_http(http[i].from), http[i].to);
    for (size_t i = 0; i < N(h2); i++)
        assert_int_equal(grpc_of_h2(h2[i].from), h2[i].to);
    assert_string_equal(grpc_status_name(GRPC_OK), "OK");
    assert_string_equal(grpc_status_name(GRPC_UNAVAILABLE), "UNAVAILABLE");
    assert_string_equal(grpc_status_name(GRPC_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(grpc_status_name(17), "UNKNOWN");
    assert_string_equal(grpc_status_name(-1), "UNKNOWN");
}

static void test_timeouts(void **state) {
    (void)state;
    static const struct {
        const char *in;
        uint64_t want;
    } cases[] = {
        {"1S", 1000000},   {"100m", 100000}, {"2M", 120000000}, {"1H", 3600000000},
        {"5u", 5},         {"1n", 1},        {"1500n", 2},      {"99999999H", 359999996400000000},
        {"0S", 0},         {"", 0},          {"S", 0},          {"1", 0},
        {"1s", 0},         {"-1S", 0},       {"+1S", 0},        {"1.5S", 0},
        {"100000000S", 0}, {"1 S", 0},       {" 1S", 0},        {"1SS", 0},
    };
    for (size_t i = 0; i < N(cases); i++)
        assert_true(grpc_timeout_us(str_of(cases[i].in)) == cases[i].want);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split), cmocka_unit_test(test_refused),  cmocka_unit_test(test_message_text),
        cmocka_unit_test(test_mappings),    cmocka_unit_test(test_timeouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
