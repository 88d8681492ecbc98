// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "codec/json.h"

static void make(struct reply_out *out, enum reply_id id, const char *reason, struct arena *a) {
    struct reply_in in = {.id = id, .reason = str_of(reason)};
    reply_make(out, &in, a);
}

/* The table of contract §3, letter by letter. */
static const struct {
    enum reply_id id;
    unsigned status;
    const char *error, *flag, *proxy_status;
} contract[] = {
    {REPLY_NO_TARGET, 400, "Target service not specified", "-", "http_request_error"},
    {REPLY_BAD_REQUEST, 400, "why", "DPE", "http_request_error"},
    {REPLY_URI_TOO_LONG, 414, NULL, "DPE", "http_request_error"},
    {REPLY_HEAD_TOO_LARGE, 431, NULL, "DPE", "http_request_error"},
    {REPLY_NEEDS_JWT, 401, "Authentication required", "UAEX", "http_request_denied"},
    {REPLY_DENIED, 403, "Access denied by security policy", "-", "http_request_denied"},
    {REPLY_PLAIN_DENIED, 403, "Access denied by security policy", "-", "http_request_denied"},
    {REPLY_NO_SERVICE, 404, "No such service", "NR", "destination_not_found"},
    {REPLY_NO_HOST, 503, "No healthy endpoints available", "UH", "destination_unavailable"},
    {REPLY_APP_REFUSED, 503, "Service unavailable", "UF", "connection_refused"},
    {REPLY_APP_CONNECT_TIMEOUT, 503, "Service unavailable", "UF", "connection_timeout"},
    {REPLY_APP_BROKE, 503, "Service unavailable", "UC", "connection_terminated"},
    {REPLY_UP_REFUSED, 502, "Downstream service error", "UF", "connection_refused"},
    {REPLY_UP_CONNECT_TIMEOUT, 502, "Downstream service error", "UF", "connection_timeout"},
    {REPLY_UP_TLS, 502, "Downstream service error", "UF", "tls_certificate_error"},
    {REPLY_UP_BROKE, 502, "Downstream service error", "UC", "connection_terminated"},
    {REPLY_UP_PROTOCOL, 502, "Downstream service error", "UPE", "http_protocol_error"},
    {REPLY_TIMED_OUT, 504, "Timeout", "UT", "http_response_timeout"},
};

static void the_table_is_the_contract(void **state) {
    for (size_t i = 0; i < sizeof contract / sizeof contract[0]; i++) {
        struct arena a = {0};
        struct reply_out out;
        json_t *body;
        make(&out, contract[i].id, "why", &a);
        assert_int_equal(out.status, contract[i].status);
        assert_true(str_eq(msg_get(&out.fields, HDR_CONTENT_TYPE), STR("application/json")));
        assert_true(str_eq(msg_get(&out.fields, HDR_SERVER), STR("weft")));
        struct str start = arena_fmt(&a, "weft; error=%s; details=\"", contract[i].proxy_status);
        assert_true(str_starts(msg_get(&out.fields, HDR_PROXY_STATUS), start));
        assert_true(json_parse(&body, out.body, NULL) >= 0);
        assert_int_equal(json_object_size(body), 1);
        const char *error = json_string_value(json_object_get(body, "error"));
        assert_non_null(error);
        if (contract[i].error)
            assert_string_equal(error, contract[i].error);
        assert_string_equal(reply_row(contract[i].id)->flag, contract[i].flag);
        json_decref(body);
        arena_fini(&a);
    }
}

static void a_401_says_how(void **state) {
    struct arena a = {0};
    struct reply_out out;
    make(&out, REPLY_NEEDS_JWT, "sr-1", &a);
    assert_true(str_eq(msg_get(&out.fields, HDR_WWW_AUTHENTICATE), STR("Bearer")));
    arena_fini(&a);
}

static void a_remedy_is_in_the_details(void **state) {
    struct arena a = {0};
    struct reply_out out;
    make(&out, REPLY_PLAIN_DENIED, NULL, &a);
    assert_true(str_find(msg_get(&out.fields, HDR_PROXY_STATUS), STR("run a sidecar")) > 0);
    arena_fini(&a);
}

static void hostile_words_do_no_harm(void **state) {
    struct arena a = {0};
    struct reply_out out;
    json_t *body;
    make(&out, REPLY_UP_BROKE, "a\"b\\c\r\nd\x01\xff", &a);
    struct str ps = msg_get(&out.fields, HDR_PROXY_STATUS);
    assert_true(msg_is_field_value(ps));
    assert_true(str_find(ps, STR("a\\\"b\\\\c??d??\"")) > 0);
    make(&out, REPLY_BAD_REQUEST, "x\"\n\x01y", &a);
    assert_true(json_parse(&body, out.body, NULL) >= 0);
    assert_string_equal(json_string_value(json_object_get(body, "error")), "x\"\n\x01y");
    json_decref(body);
    arena_fini(&a);
}

static void grpc_callers_get_their_status(void **state) {
    struct arena a = {0};
    struct reply_out out;
    struct reply_in in = {.id = REPLY_NO_HOST, .grpc = true};
    reply_make(&out, &in, &a);
    assert_int_equal(out.status, 200);
    assert_int_equal(out.body.len, 0);
    assert_true(str_eq(msg_get(&out.fields, HDR_GRPC_STATUS), STR("14")));
    assert_true(str_eq(msg_get(&out.fields, HDR_CONTENT_TYPE), STR("application/grpc")));
    arena_fini(&a);
}

static void the_envoy_profile_is_envoys(void **state) {
    struct arena a = {0};
    struct reply_out out;
    struct reply_in in = {.id = REPLY_NO_HOST, .profile = PROFILE_ENVOY};
    reply_make(&out, &in, &a);
    assert_int_equal(out.status, 503);
    assert_true(str_eq(out.body, STR("no healthy upstream")));
    assert_null(msg_find(&out.fields, HDR_PROXY_STATUS));
    in.id = REPLY_UP_REFUSED;
    reply_make(&out, &in, &a);
    assert_int_equal(out.status, 503);
    arena_fini(&a);
}

/* As tests/interop/x101 and x106 saw it at Envoy 1.40. */
static void the_envoy_profile_maps_grpc(void **state) {
    static const struct {
        enum reply_id id;
        unsigned status; /* of the route's; 0: the row's */
        const char *grpc;
    } cases[] = {
        {REPLY_UP_PROTOCOL, 0, "14"}, {REPLY_TIMED_OUT, 0, "14"},   {REPLY_SILENT, 408, "2"},       {REPLY_NO_SERVICE, 0, "12"},
        {REPLY_DENIED, 0, "7"},       {REPLY_NO_CLUSTER, 500, "2"}, {REPLY_HEAD_TOO_LARGE, 0, "2"}, {REPLY_BAD_REQUEST, 0, "13"},
        {REPLY_TOO_LONG, 0, "4"},     {REPLY_UP_TOO_LONG, 0, "14"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        struct reply_out out;
        struct reply_in in = {.id = cases[i].id, .profile = PROFILE_ENVOY, .grpc = true, .status = (uint16_t)cases[i].status};
        reply_make(&out, &in, &a);
        assert_int_equal(out.status, 200);
        assert_true(str_eq(msg_get(&out.fields, HDR_GRPC_STATUS), str_of(cases[i].grpc)));
        in.profile = PROFILE_MESH; /* the contract's does not know it */
        assert_int_equal(reply_grpc_status(&in), reply_row(in.id)->grpc);
        arena_fini(&a);
    }
}

static void failures_find_their_reply(void **state) {
    assert_int_equal(reply_of_failure(WEFT_E_REFUSED, true, false), REPLY_APP_REFUSED);
    assert_int_equal(reply_of_failure(WEFT_E_REFUSED, false, false), REPLY_UP_REFUSED);
    assert_int_equal(reply_of_failure(WEFT_E_CONNECT_TIMEOUT, false, false), REPLY_UP_CONNECT_TIMEOUT);
    assert_int_equal(reply_of_failure(WEFT_E_CERT, false, false), REPLY_UP_TLS);
    assert_int_equal(reply_of_failure(WEFT_E_EOF, true, true), REPLY_APP_BROKE);
    assert_int_equal(reply_of_failure(WEFT_E_RESET, false, true), REPLY_UP_BROKE);
    assert_int_equal(reply_of_failure(WEFT_E_PROTOCOL, false, true), REPLY_UP_PROTOCOL);
    struct err e = {.code = WEFT_E_URI_TOO_LONG};
    assert_int_equal(reply_of_bad(&e), REPLY_URI_TOO_LONG);
    e.code = WEFT_E_TOO_LARGE;
    assert_int_equal(reply_of_bad(&e), REPLY_HEAD_TOO_LARGE);
    e.code = WEFT_E_PARSE;
    assert_int_equal(reply_of_bad(&e), REPLY_BAD_REQUEST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_contract),     cmocka_unit_test(a_401_says_how),
        cmocka_unit_test(a_remedy_is_in_the_details),    cmocka_unit_test(hostile_words_do_no_harm),
        cmocka_unit_test(grpc_callers_get_their_status), cmocka_unit_test(the_envoy_profile_is_envoys),
        cmocka_unit_test(failures_find_their_reply),     cmocka_unit_test(the_envoy_profile_maps_grpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
