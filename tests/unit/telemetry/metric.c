// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include "base/mem.h"
#include "telemetry/metric.h"

static void a_bound_belongs_to_its_bucket(void **state) {
    struct hist h;
    for (unsigned i = 0; i < hist_ms.n; i++) {
        hist_init(&h, &hist_ms);
        hist_add(&h, hist_ms.at[i]);
        hist_add(&h, hist_ms.at[i] + 1);
        assert_int_equal(h.bucket[i], 1);
        assert_int_equal(h.bucket[i + 1], 1);
        assert_int_equal(h.sum, 2 * hist_ms.at[i] + 1);
    }
    hist_init(&h, &hist_ms);
    hist_add(&h, 0);
    hist_add(&h, UINT64_MAX);
    assert_int_equal(h.bucket[0], 1);
    assert_int_equal(h.bucket[hist_ms.n], 1);
    assert_int_equal(hist_count(&h), 2);
}

static void bounds_rise(void **state) {
    const struct hist_bounds *all[] = {&hist_ms, &hist_bytes};
    for (int k = 0; k < 2; k++) {
        assert_true(all[k]->n <= HIST_BOUNDS_MAX);
        for (unsigned i = 1; i < all[k]->n; i++)
            assert_true(all[k]->at[i] > all[k]->at[i - 1]);
    }
    assert_int_equal(hist_ms.at[0], 500);
    assert_int_equal(hist_ms.at[18], 3600000000ull);
}

static void merging_adds_up(void **state) {
    struct hist a, b;
    hist_init(&a, &hist_bytes);
    hist_init(&b, &hist_bytes);
    hist_add(&a, 0);
    hist_add(&a, 100);
    hist_add(&b, 100);
    hist_add(&b, 1ull << 40);
    hist_merge(&a, &b);
    assert_int_equal(hist_count(&a), 4);
    assert_int_equal(a.sum, 200 + (1ull << 40));
    assert_int_equal(a.bucket[0], 1);
    assert_int_equal(a.bucket[5], 2); /* up to 256 */
    assert_int_equal(a.bucket[hist_bytes.n], 1);
    assert_int_equal(hist_count(&b), 2);
}

static void series_are_found_again(void **state) {
    struct metric_table t = {0};
    struct metric_series *a = metric_at(&t, STR("x=\"1\"")), *b = metric_at(&t, STR("x=\"2\""));
    assert_ptr_not_equal(a, b);
    metric_count(a, 700, 10, 2000);
    char labels[32];
    for (int i = 0; i < 200; i++) { /* the table grows; the pointers stay */
        snprintf(labels, sizeof(labels), "y=\"%d\"", i);
        metric_at(&t, str_of(labels));
    }
    assert_ptr_equal(metric_at(&t, STR("x=\"1\"")), a);
    assert_int_equal(a->requests, 1);
    assert_int_equal(a->duration.bucket[1], 1);
    assert_int_equal(a->request_bytes.sum, 10);
    assert_int_equal(a->response_bytes.sum, 2000);
    metric_table_fini(&t);
}

static void series_are_bounded(void **state) {
    struct metric_table t = {.max = 3};
    char labels[32];
    for (int i = 0; i < 10; i++) {
        snprintf(labels, sizeof(labels), "c=\"%d\"", i);
        metric_count(metric_at(&t, str_of(labels)), 1, 0, 0);
    }
    size_t at = 0, n = 0;
    uint64_t requests = 0, overflow = 0;
    for (const struct metric_series *s; (s = metric_next(&t, &at)); n++) {
        requests += s->requests;
        if (str_eq(s->labels, STR("weft_overflow=\"true\"")))
            overflow = s->requests;
    }
    assert_int_equal(n, 4);
    assert_int_equal(requests, 10);
    assert_int_equal(overflow, 7);
    assert_int_equal(metric_at(&t, STR("c=\"1\""))->requests, 1);
    metric_table_fini(&t);
}

static void tables_merge_by_labels(void **state) {
    struct metric_table sum = {0}, one = {0}, two = {0};
    metric_count(metric_at(&one, STR("a=\"1\"")), 400, 1, 1);
    metric_count(metric_at(&two, STR("b=\"1\"")), 400, 1, 1);
    metric_count(metric_at(&two, STR("a=\"1\"")), 600, 2, 2);
    metric_merge(&sum, &one);
    metric_merge(&sum, &two);
    struct metric_series *a = metric_at(&sum, STR("a=\"1\""));
    assert_int_equal(a->requests, 2);
    assert_int_equal(a->duration.sum, 1000);
    assert_int_equal(a->duration.bucket[0], 1);
    assert_int_equal(a->duration.bucket[1], 1);
    assert_int_equal(a->response_bytes.sum, 3);
    size_t at = 0;
    assert_true(str_eq(metric_next(&sum, &at)->labels, STR("a=\"1\"")));
    assert_true(str_eq(metric_next(&sum, &at)->labels, STR("b=\"1\"")));
    assert_null(metric_next(&sum, &at));
    metric_table_fini(&sum);
    metric_table_fini(&one);
    metric_table_fini(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(bounds_rise),
        cmocka_unit_test(merging_adds_up),
        cmocka_unit_test(series_are_found_again),
        cmocka_unit_test(series_are_bounded),
        cmocka_unit_test(tables_merge_by_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
