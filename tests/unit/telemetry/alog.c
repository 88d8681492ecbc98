// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/json.h"
#include "telemetry/alog.h"

static const struct alog_record full = {
    .start_wall_us = 1606339578409000ull,
    .method = {"GET", 3},
    .path = {"/status/418?a=b", 15},
    .protocol = {"HTTP/1.1", 8},
    .response_code = 418,
    .response_code_details = {"via_upstream", 12},
    .bytes_received = 0,
    .bytes_sent = 135,
    .duration_us = 4999,
    .upstream_service_time = 3,
    .user_agent = {"curl/7.64.0", 11},
    .request_id = {"84961386-6d84-929d-98bd-c5aee93b5c88", 36},
    .authority = {"httpbin:8000", 12},
    .upstream_host = {"127.0.0.1:80", 12},
    .upstream_cluster = {"inbound|8000||", 14},
    .upstream_local_address = {"127.0.0.1:41854", 15},
    .downstream_local_address = {"10.44.1.27:80", 13},
    .downstream_remote_address = {"10.44.1.23:37652", 16},
    .requested_server_name = {"outbound_.8000_._.httpbin", 25},
    .route_name = {"default", 7},
};

static void assert_line(void (*print)(struct buf *, const struct alog_record *), const struct alog_record *r, const char *line) {
    struct buf b = {0};
    print(&b, r);
    assert_string_equal(buf_z(&b).ptr, line);
    buf_fini(&b);
}

static void json_has_istios_keys(void **state) {
    assert_line(
        alog_json, &full,
        "{\"start_time\":\"2020-11-25T21:26:18.409Z\",\"route_name\":\"default\",\"method\":\"GET\",\"path\":\"/status/418?a=b\","
        "\"protocol\":\"HTTP/1.1\",\"response_code\":418,\"response_flags\":\"-\",\"response_code_details\":\"via_upstream\","
        "\"connection_termination_details\":null,\"bytes_received\":0,\"bytes_sent\":135,\"duration\":4,"
        "\"upstream_service_time\":\"3\",\"x_forwarded_for\":null,\"user_agent\":\"curl/7.64.0\","
        "\"request_id\":\"84961386-6d84-929d-98bd-c5aee93b5c88\",\"authority\":\"httpbin:8000\","
        "\"upstream_host\":\"127.0.0.1:80\",\"upstream_cluster\":\"inbound|8000||\",\"upstream_local_address\":\"127.0.0.1:"
        "41854\","
        "\"downstream_local_address\":\"10.44.1.27:80\",\"downstream_remote_address\":\"10.44.1.23:37652\","
        "\"requested_server_name\":\"outbound_.8000_._.httpbin\",\"upstream_transport_failure_reason\":null}\n");
}

/* The line of Istio's documentation, but for the name in SNI. */
static void text_is_istios(void **state) {
    assert_line(
        alog_text, &full,
        "[2020-11-25T21:26:18.409Z] \"GET /status/418?a=b HTTP/1.1\" 418 - via_upstream - \"-\" 0 135 4 3 \"-\" \"curl/7.64.0\" "
        "\"84961386-6d84-929d-98bd-c5aee93b5c88\" \"httpbin:8000\" \"127.0.0.1:80\" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 "
        "10.44.1.23:37652 outbound_.8000_._.httpbin default\n");
}

static void missing_values_are_told(void **state) {
    const struct alog_record none = {.upstream_service_time = -1};
    assert_line(alog_text, &none,
                "[1970-01-01T00:00:00.000Z] \"- - -\" 0 - - - \"-\" 0 0 0 - \"-\" \"-\" \"-\" \"-\" \"-\" - - - - - -\n");
    struct buf b = {0};
    alog_json(&b, &none);
    json_t *v;
    assert_int_equal(json_parse(&v, buf_str(&b), NULL), 0);
    assert_int_equal(json_object_size(v), 24);
    size_t nulls = 0;
    const char *key;
    json_t *value;
    json_object_foreach(v, key, value) nulls += json_is_null(value);
    assert_int_equal(nulls, 18); /* all but the time, the flags and four numbers */
    json_decref(v);
    buf_fini(&b);
}

/* What peers send cannot end the line, nor a field of it. */
static void hostile_texts_are_escaped(void **state) {
    struct alog_record r = full;
    r.path = STR("/a\"b\\c\n{}\xff d");
    r.user_agent = STR("evil\" \x1b[2J\r\nuser");
    r.requested_server_name = STR("a b\"c");
    struct buf b = {0};
    alog_json(&b, &r);
    json_t *v;
    assert_int_equal(json_parse(&v, buf_str(&b), NULL), 0);
    assert_int_equal(str_chr(buf_str(&b), '\n'), b.len - 1);
    assert_true(str_eq(json_to_str(json_object_get(v, "path")), STR("/a\"b\\c\n{}\xef\xbf\xbd d")));
    assert_true(str_eq(json_to_str(json_object_get(v, "user_agent")), r.user_agent));
    json_decref(v);
    buf_fini(&b);
    alog_text(&b, &r);
    assert_int_equal(str_chr(buf_str(&b), '\n'), b.len - 1);
    assert_true(str_find(buf_str(&b), STR("\"GET /a\\x22b\\x5cc\\x0a{}\\xff\\x20d HTTP/1.1\"")) > 0);
    assert_true(str_find(buf_str(&b), STR(" \"evil\\x22 \\x1b[2J\\x0d\\x0auser\" ")) > 0);
    assert_true(str_find(buf_str(&b), STR(" a\\x20b\\x22c default")) > 0);
    buf_fini(&b);
}

static void large_numbers_are_whole(void **state) {
    struct alog_record r = {
        .bytes_sent = UINT64_MAX, .response_code = 599, .response_flags = STR("UF,URX"), .duration_us = UINT64_MAX};
    struct buf b = {0};
    alog_json(&b, &r);
    assert_true(
        str_find(buf_str(&b),
                 STR("\"bytes_sent\":18446744073709551615,\"duration\":18446744073709551,\"upstream_service_time\":\"0\"")) > 0);
    assert_true(str_find(buf_str(&b), STR("\"response_flags\":\"UF,URX\"")) > 0);
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_istios_keys),    cmocka_unit_test(text_is_istios),
        cmocka_unit_test(missing_values_are_told), cmocka_unit_test(hostile_texts_are_escaped),
        cmocka_unit_test(large_numbers_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
