// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/mem.h"

static struct stats *stats_make(void) {
    struct stats *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    assert_non_null(s);
    memset(s, 0, sizeof *s);
    return s;
}

static void workers_are_summed(void **state) {
    struct stats *w[2] = {stats_make(), stats_make()};
    struct stats_all all = {w, 2};
    stat_add(w[0], STAT_inbound_requests, 2);
    stat_add(w[1], STAT_inbound_requests, 3);
    stat_add(w[1], STAT_request_errors, 1);
    assert_int_equal(stats_sum(&all, STAT_inbound_requests), 5);
    assert_int_equal(stats_sum(&all, STAT_request_errors), 1);
    assert_int_equal(stats_sum(&all, STAT_outbound_requests), 0);
    free(w[0]);
    free(w[1]);
}

static void requests_count_under_istios_labels(void **state) {
    struct stats *w = stats_make();
    struct stats_all all = {&w, 1};
    struct buf out = {0};
    struct stats_request r = {.inbound = true,
                              .mtls = true,
                              .source = STR("web"),
                              .source_ns = STR("shop"),
                              .destination = STR("api"),
                              .destination_ns = STR("shop"),
                              .status = 200,
                              .flags = STR("-"),
                              .protocol = STR("http"),
                              .duration_us = 700};
    stats_request(w, &r);
    stats_request(w, &r);
    r.status = 503;
    r.flags = STR("UH");
    r.source = r.source_ns = STR_NONE;
    r.mtls = false;
    stats_request(w, &r);
    assert_true(w->changed);
    stats_prometheus(&all, &w->series, &out);
    buf_z(&out);
    const char *text = buf_str(&out).ptr;
    const char *line = strstr(text, "istio_requests_total{reporter=\"destination\",source_workload=\"web\",");
    assert_non_null(line);
    const char *end = strchr(line, '\n');
    assert_non_null(strstr(line, "destination_service=\"api.shop.svc.cluster.local\""));
    assert_non_null(strstr(line, "connection_security_policy=\"mutual_tls\"} 2\n"));
    assert_true(strstr(line, "} 2\n") < end + 1);
    line = strstr(text, "istio_requests_total{reporter=\"destination\",source_workload=\"unknown\",");
    assert_non_null(line);
    assert_non_null(strstr(line, "response_code=\"503\",response_flags=\"UH\",connection_security_policy=\"none\"} 1\n"));
    assert_non_null(strstr(text, "istio_request_duration_milliseconds_bucket"));
    buf_fini(&out);
    stats_fini(w);
    free(w);
}

/* The series found last is kept by what it was asked for, not by where that stood. */
static void series_are_told_apart(void **state) {
    struct stats *w = stats_make();
    char who[] = "a";
    struct stats_request r = {.source = str_n(who, 1), .status = 200, .flags = STR("-"), .protocol = STR("http")};
    struct metric_series *a = stats_series(w, &r), *b;
    who[0] = 'b';
    b = stats_series(w, &r);
    assert_ptr_not_equal(a, b);
    r.source = STR("b");
    assert_ptr_equal(stats_series(w, &r), b);
    r.source = STR("a");
    assert_ptr_equal(stats_series(w, &r), a);
    struct stats_request others[] = {r, r, r, r, r, r, r, r, r, r};
    others[0].inbound = others[1].mtls = others[2].tcp = true;
    others[3].status = 201;
    others[4].source_ns = others[5].destination = others[6].destination_ns = STR("x");
    others[7].flags = others[8].protocol = others[9].grpc_status = STR("x");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        stats_series(w, &r);
        b = stats_series(w, &others[i]);
        if (i != 1) /* a source does not say whether it was mutual TLS */
            assert_ptr_not_equal(a, b);
        assert_ptr_equal(stats_series(w, &others[i]), b);
    }
    stats_fini(w);
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_summed),
        cmocka_unit_test(requests_count_under_istios_labels),
        cmocka_unit_test(series_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
