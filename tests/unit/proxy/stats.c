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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_summed),
        cmocka_unit_test(requests_count_under_istios_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
