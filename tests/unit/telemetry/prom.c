// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include "telemetry/metric.h"
#include "telemetry/prom.h"

static void assert_text(struct buf *b, const char *text) {
    assert_string_equal(buf_z(b).ptr, text);
    buf_fini(b);
}

static void writes_counters_and_gauges(void **state) {
    struct buf b = {0}, labels = {0};
    struct prom p = {.out = &b};
    prom_label(&labels, "reporter", STR("source"));
    prom_label(&labels, "code", STR("200"));
    prom_family(&p, "istio_requests_total", PROM_COUNTER, "Requests.");
    prom_sample(&p, buf_str(&labels), 18446744073709551615ull);
    prom_family(&p, "pilot_xds_pushes", PROM_COUNTER, "Pushes.");
    prom_sample(&p, STR_NONE, 3);
    prom_family(&p, "up", PROM_GAUGE, "Up.");
    prom_sample_real(&p, STR_NONE, 0.5);
    prom_end(&p);
    assert_text(&b, "# HELP istio_requests_total Requests.\n# TYPE istio_requests_total counter\n"
                    "istio_requests_total{reporter=\"source\",code=\"200\"} 18446744073709551615\n"
                    "# HELP pilot_xds_pushes Pushes.\n# TYPE pilot_xds_pushes counter\npilot_xds_pushes 3\n"
                    "# HELP up Up.\n# TYPE up gauge\nup 0.5\n");
    buf_fini(&labels);
}

static void writes_openmetrics(void **state) {
    struct buf b = {0};
    struct prom p = {.out = &b, .openmetrics = true};
    prom_family(&p, "istio_requests_total", PROM_COUNTER, "All \"requests\".");
    prom_sample(&p, STR("a=\"b\""), 1);
    prom_family(&p, "pilot_xds_pushes", PROM_COUNTER, "Pushes.");
    prom_sample(&p, STR_NONE, 3);
    prom_family(&p, "jobs_total", PROM_GAUGE, "A gauge keeps its name.");
    prom_sample(&p, STR_NONE, 4);
    prom_end(&p);
    assert_text(&b,
                "# HELP istio_requests All \\\"requests\\\".\n# TYPE istio_requests counter\nistio_requests_total{a=\"b\"} 1\n"
                "# HELP pilot_xds_pushes Pushes.\n# TYPE pilot_xds_pushes counter\npilot_xds_pushes_total 3\n"
                "# HELP jobs_total A gauge keeps its name.\n# TYPE jobs_total gauge\njobs_total 4\n# EOF\n");
}

static void escapes_labels_and_help(void **state) {
    struct buf b = {0}, labels = {0};
    prom_label(&labels, "a", STR("x\"y\\z\nw,}\t"));
    assert_text(&labels, "a=\"x\\\"y\\\\z\\nw,}\t\"");
    prom_label(&labels, "a", STR(""));
    prom_label(&labels, "b", STR("\xc3\xa4\xff"));
    assert_text(&labels, "a=\"\",b=\"\xc3\xa4\xef\xbf\xbd\"");
    struct prom p = {.out = &b};
    prom_family(&p, "x", PROM_GAUGE, "one\ntwo \\ \"three\"");
    assert_text(&b, "# HELP x one\\ntwo \\\\ \"three\"\n# TYPE x gauge\n");
}

static void writes_odd_numbers(void **state) {
    struct buf b = {0};
    struct prom p = {.out = &b};
    prom_family(&p, "x", PROM_GAUGE, "");
    prom_sample_real(&p, STR_NONE, INFINITY);
    prom_sample_real(&p, STR_NONE, -INFINITY);
    prom_sample_real(&p, STR_NONE, NAN);
    prom_sample_real(&p, STR_NONE, 0.1);
    prom_sample_real(&p, STR_NONE, 1e22);
    assert_text(&b, "# HELP x \n# TYPE x gauge\nx +Inf\nx -Inf\nx NaN\nx 0.1\nx 1e+22\n");
}

static void writes_histograms(void **state) {
    struct hist h;
    hist_init(&h, &hist_ms);
    hist_add(&h, 250);
    hist_add(&h, 1000);
    hist_add(&h, 4000000);
    hist_add(&h, 4000000000ull);
    struct buf b = {0};
    struct prom p = {.out = &b};
    prom_family(&p, "d", PROM_HISTOGRAM, "D.");
    prom_hist(&p, STR("a=\"b\""), &h);
    const char *text = buf_z(&b).ptr;
    static const char *const lines[] = {"# TYPE d histogram\n",
                                        "d_bucket{a=\"b\",le=\"0.5\"} 1\n",
                                        "d_bucket{a=\"b\",le=\"1\"} 2\n",
                                        "d_bucket{a=\"b\",le=\"2500\"} 2\n",
                                        "d_bucket{a=\"b\",le=\"5000\"} 3\n",
                                        "d_bucket{a=\"b\",le=\"3600000\"} 3\n",
                                        "d_bucket{a=\"b\",le=\"+Inf\"} 4\n",
                                        "d_sum{a=\"b\"} 4004001.25\n",
                                        "d_count{a=\"b\"} 4\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        text = strstr(text, lines[i]);
        assert_non_null(text); /* in this order */
    }
    buf_fini(&b);
    p.openmetrics = true;
    prom_family(&p, "d", PROM_HISTOGRAM, "D.");
    prom_hist(&p, STR_NONE, &h);
    text = buf_z(&b).ptr;
    assert_non_null(strstr(text, "\nd_bucket{le=\"0.5\"} 1\nd_bucket{le=\"1.0\"} 2\nd_bucket{le=\"5.0\"} 2\n"));
    assert_non_null(strstr(text, "\nd_bucket{le=\"+Inf\"} 4\nd_sum 4004001.25\nd_count 4\n"));
    buf_fini(&b);
}

static void writes_histograms_of_octets(void **state) {
    struct hist h;
    hist_init(&h, &hist_bytes);
    hist_add(&h, 0);
    hist_add(&h, 1000);
    struct buf b = {0};
    struct prom p = {.out = &b};
    prom_family(&p, "s", PROM_HISTOGRAM, "S.");
    prom_hist(&p, STR_NONE, &h);
    const char *text = buf_z(&b).ptr;
    assert_non_null(strstr(text, "\ns_bucket{le=\"0\"} 1\ns_bucket{le=\"1\"} 1\ns_bucket{le=\"4\"} 1\n"));
    assert_non_null(strstr(text, "\ns_bucket{le=\"256\"} 1\ns_bucket{le=\"1024\"} 2\n"));
    assert_non_null(strstr(text, "\ns_bucket{le=\"1073741824\"} 2\ns_bucket{le=\"+Inf\"} 2\ns_sum 1000\ns_count 2\n"));
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_counters_and_gauges), cmocka_unit_test(writes_openmetrics),
        cmocka_unit_test(escapes_labels_and_help),    cmocka_unit_test(writes_odd_numbers),
        cmocka_unit_test(writes_histograms),          cmocka_unit_test(writes_histograms_of_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
