// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include "base/mem.h"
#include "base/rand.h"
#include "codec/msg.h"
#include "telemetry/trace.h"

#define ID "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static bool same_hex(const uint8_t *bytes, size_t n, const char *hex) {
    for (size_t i = 0; i < n; i++)
        if (hex[2 * i] != "0123456789abcdef"[bytes[i] >> 4] || hex[2 * i + 1] != "0123456789abcdef"[bytes[i] & 15])
            return false;
    return hex[2 * n] == '\0';
}

static void takes_a_good_parent(void **state) {
    struct trace t = {0};
    assert_true(trace_parse_parent(&t, STR("00-" ID "-" SPAN "-01")));
    assert_true(t.known);
    assert_true(same_hex(t.id, 16, ID));
    assert_true(same_hex(t.span, 8, SPAN));
    assert_int_equal(t.sampling, TRACE_ON);
    char text[56];
    trace_format_parent(&t, text);
    assert_string_equal(text, "00-" ID "-" SPAN "-01");
    assert_true(trace_parse_parent(&t, STR("00-" ID "-" SPAN "-02")));
    assert_int_equal(t.sampling, TRACE_OFF);
    assert_true(trace_parse_parent(&t, STR("00-" ID "-" SPAN "-ff")));
    trace_format_parent(&t, text); /* unknown flags are not passed on */
    assert_string_equal(text, "00-" ID "-" SPAN "-01");
}

/* Of versions to come what we know is read. */
static void takes_later_versions(void **state) {
    struct trace t = {0};
    assert_true(trace_parse_parent(&t, STR("cc-" ID "-" SPAN "-01")));
    assert_true(trace_parse_parent(&t, STR("01-" ID "-" SPAN "-00-what-the-future-brings")));
    assert_int_equal(t.sampling, TRACE_OFF);
    assert_true(trace_parse_parent(&t, STR("01-" ID "-" SPAN "-01-")));
}

static void refuses_bad_parents(void **state) {
    static const char *const bad[] = {
        "",
        "00",
        "00-" ID "-" SPAN,
        "00-" ID "-" SPAN "-0",
        "00-" ID "-" SPAN "-01-",
        "00-" ID "-" SPAN "-01x",
        "00-" ID "-" SPAN "-01-extra",
        "01-" ID "-" SPAN "-01.extra",
        "ff-" ID "-" SPAN "-01",
        "0g-" ID "-" SPAN "-01",
        "0A-" ID "-" SPAN "-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" ID "-B7AD6B7169203331-01",
        "00-" ID "-" SPAN "-0A",
        "00-" ID "-" SPAN "-0x",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" ID "-0000000000000000-01",
        "00_" ID "-" SPAN "-01",
        "00-" ID "_" SPAN "-01",
        "00-" ID "-" SPAN "_01",
        "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
        " 00-" ID "-" SPAN "-0",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct trace t = {0}, untouched = {0};
        if (trace_parse_parent(&t, str_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
        assert_memory_equal(&t, &untouched, sizeof(t));
    }
}

static void judges_states(void **state) {
    char key[300], many[400];
    static const char *const good[] = {"",
                                       "a=1",
                                       "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                                       "a=1 ,\tb=2",
                                       ",a=1,,",
                                       "a_-*/9=!\"#$%&'()*+-./:;<>?@[]^`{|}~",
                                       "tenant@vendor=x",
                                       "0tenant@v=x",
                                       "a= x",
                                       "a=x y"};
    static const char *const bad[] = {"a",       "a=",     "=1",         "A=1",     "1=1",         "a b=1",
                                      "a=1=2",   "a=\x7f", "a=\xc3\xa4", "a=1,a=2", "a@=1",        "@b=1",
                                      "a@b@c=1", "a@B=1",  "a@1=1",      "a\xff=1", "a=1;b=2\x01", ",=,"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (!trace_state_ok(str_of(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (trace_state_ok(str_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
    memset(key, 'k', sizeof(key));
    key[256] = '=', key[257] = '1';
    assert_true(trace_state_ok(str_n(key, 258)));
    key[256] = 'k', key[257] = '=', key[258] = '1';
    assert_false(trace_state_ok(str_n(key, 259)));
    memset(key, 'v', sizeof(key));
    key[1] = '=';
    assert_true(trace_state_ok(str_n(key, 258)));
    assert_false(trace_state_ok(str_n(key, 259)));
    size_t n = 0;
    for (int i = 0; i < 33; i++) {
        n += (size_t)snprintf(many + n, sizeof(many) - n, "%sk%d=v", i ? "," : "", i);
        if (i >= 31)
            assert_int_equal(trace_state_ok(str_n(many, n)), i == 31);
    }
}

static void takes_b3(void **state) {
    struct trace t = {0};
    assert_true(trace_parse_b3(&t, STR(ID "-" SPAN "-1-05e3ac9a4f6e3b90")));
    assert_true(t.known && t.b3 == TRACE_B3_SINGLE && t.sampling == TRACE_ON);
    assert_true(same_hex(t.id, 16, ID) && same_hex(t.span, 8, SPAN));
    t = (struct trace){0};
    assert_true(trace_parse_b3(&t, STR("8448eb211c80319c-" SPAN)));
    assert_true(same_hex(t.id, 16, "00000000000000008448eb211c80319c"));
    assert_int_equal(t.sampling, TRACE_UNDECIDED);
    assert_true(trace_parse_b3(&t, STR(ID "-" SPAN "-d")));
    assert_int_equal(t.sampling, TRACE_ON);
    t = (struct trace){0};
    assert_true(trace_parse_b3(&t, STR("0")));
    assert_true(!t.known && t.sampling == TRACE_OFF);
    static const char *const bad[] = {"",
                                      "2",
                                      "-",
                                      ID,
                                      ID "-",
                                      ID "-" SPAN "-",
                                      ID "-" SPAN "-2",
                                      ID "-" SPAN "-true",
                                      ID "-" SPAN "-1-",
                                      ID "-" SPAN "-1-05",
                                      ID "-" SPAN "-1-05e3ac9a4f6e3b90-",
                                      "00000000000000000000000000000000-" SPAN,
                                      ID "-0000000000000000",
                                      "0AF7651916CD43DD8448EB211C80319C-" SPAN,
                                      "af-" SPAN,
                                      "true"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct trace u = {0}, untouched = {0};
        if (trace_parse_b3(&u, str_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
        assert_memory_equal(&u, &untouched, sizeof(u));
    }
}

/* Reads headers given as "name: value" lines, makes a child, and writes it back to text. */
static void exchange(struct arena *a, struct trace *t, const char *const *headers, struct msg_fields *f) {
    *f = (struct msg_fields){0};
    for (; *headers; headers++) {
        struct str rest = str_of(*headers), name = str_cut(&rest, ':');
        msg_add_name(f, a, name, str_trim(rest));
    }
    trace_read(t, f, a);
}

static void reads_w3c_headers(void **state) {
    struct arena a = {0};
    struct msg_fields f;
    struct trace t;
    exchange(&a, &t,
             (const char *const[]){"Traceparent: 00-" ID "-" SPAN "-01", "tracestate: a=1", "host: x", "TraceState: b=2", NULL},
             &f);
    assert_true(t.known && t.b3 == TRACE_B3_NONE);
    assert_true(str_eq(t.state, STR("a=1,b=2")));
    exchange(&a, &t, (const char *const[]){"traceparent: 00-" ID "-" SPAN "-01", "tracestate: A=1", NULL}, &f);
    assert_true(t.known && t.state.len == 0); /* a bad state does not spoil the parent */
    exchange(&a, &t, (const char *const[]){"traceparent: 00-" ID "-" SPAN "-xx", "tracestate: a=1", NULL}, &f);
    assert_true(!t.known && t.state.len == 0); /* a bad parent spoils the state */
    exchange(&a, &t, (const char *const[]){"traceparent: 00-" ID "-" SPAN "-01", "traceparent: 00-" ID "-" SPAN "-01", NULL}, &f);
    assert_false(t.known);
    exchange(&a, &t, (const char *const[]){"tracestate: a=1", NULL}, &f);
    assert_true(!t.known && t.state.len == 0 && t.sampling == TRACE_UNDECIDED);
    arena_fini(&a);
}

static void reads_b3_headers(void **state) {
    struct arena a = {0};
    struct msg_fields f;
    struct trace t;
    exchange(&a, &t, (const char *const[]){"X-B3-TraceId: " ID, "X-B3-SpanId: " SPAN, "X-B3-Sampled: 1", NULL}, &f);
    assert_true(t.known && t.b3 == TRACE_B3_MULTI && t.sampling == TRACE_ON);
    exchange(&a, &t, (const char *const[]){"X-B3-TraceId: " ID, "X-B3-SpanId: " SPAN, "X-B3-Flags: 1", NULL}, &f);
    assert_int_equal(t.sampling, TRACE_ON);
    exchange(&a, &t, (const char *const[]){"X-B3-Sampled: 0", NULL}, &f);
    assert_true(!t.known && t.b3 == TRACE_B3_MULTI && t.sampling == TRACE_OFF);
    exchange(&a, &t, (const char *const[]){"X-B3-TraceId: xyz", "X-B3-SpanId: " SPAN, NULL}, &f);
    assert_true(!t.known && t.b3 == TRACE_B3_NONE);
    exchange(&a, &t, (const char *const[]){"b3: " ID "-" SPAN "-0", "X-B3-Sampled: 1", NULL}, &f);
    assert_true(t.known && t.b3 == TRACE_B3_SINGLE && t.sampling == TRACE_OFF);
    exchange(&a, &t, (const char *const[]){"b3: 1", "traceparent: 00-" ID "-" SPAN "-00", NULL}, &f);
    assert_true(t.known && t.b3 == TRACE_B3_SINGLE && t.sampling == TRACE_OFF); /* W3C wins */
    arena_fini(&a);
}

static void children_stay_in_the_trace(void **state) {
    struct rand r;
    struct trace t = {0}, child, root;
    rand_init(&r, 1);
    assert_true(trace_parse_parent(&t, STR("00-" ID "-" SPAN "-01")));
    trace_child(&child, &t, &r, 0.0);
    assert_memory_equal(child.id, t.id, 16);
    assert_memory_equal(child.parent, t.span, 8);
    assert_memory_not_equal(child.span, t.span, 8);
    assert_int_equal(child.sampling, TRACE_ON); /* the caller has decided */
    trace_child(&root, &(struct trace){0}, &r, 1.0);
    assert_true(root.known && root.sampling == TRACE_ON);
    assert_memory_not_equal(root.id, t.id, 16);
    assert_memory_equal(root.parent, (uint8_t[8]){0}, 8);
    trace_child(&root, &root, &r, 1.0); /* in place */
    assert_memory_not_equal(root.parent, (uint8_t[8]){0}, 8);
    trace_child(&child, &(struct trace){.sampling = TRACE_OFF}, &r, 1.0);
    assert_int_equal(child.sampling, TRACE_OFF);
}

static void samples_by_ratio_and_id(void **state) {
    struct rand r;
    rand_init(&r, 2);
    unsigned on = 0;
    for (int i = 0; i < 20000; i++) {
        struct trace t, again = {0};
        trace_child(&t, &(struct trace){0}, &r, 0.1);
        on += t.sampling == TRACE_ON;
        again = t;
        again.sampling = TRACE_UNDECIDED;
        trace_child(&again, &again, &r, 0.1);
        assert_int_equal(again.sampling, t.sampling); /* the same answer for the same trace */
        again.sampling = TRACE_UNDECIDED;
        trace_child(&again, &again, &r, 0.0);
        assert_int_equal(again.sampling, TRACE_OFF);
        again.sampling = TRACE_UNDECIDED;
        trace_child(&again, &again, &r, 1.0);
        assert_int_equal(again.sampling, TRACE_ON);
    }
    assert_true(on > 1800 && on < 2200); /* 2,000 expected, sigma 42; the seed is fixed */
}

static void writes_what_came(void **state) {
    struct arena a = {0};
    struct msg_fields f;
    struct trace t;
    exchange(&a, &t,
             (const char *const[]){"traceparent: 00-" ID "-" SPAN "-01", "host: x", "tracestate: a=1", "tracestate: b=2", NULL},
             &f);
    trace_write(&t, &f, &a);
    assert_int_equal(f.n, 3);
    assert_true(str_eq(msg_get(&f, HDR_TRACEPARENT), STR("00-" ID "-" SPAN "-01")));
    assert_true(str_eq(msg_get(&f, HDR_TRACESTATE), STR("a=1,b=2")));
    exchange(&a, &t, (const char *const[]){"b3: " ID "-" SPAN "-1-05e3ac9a4f6e3b90", NULL}, &f);
    struct rand r;
    rand_init(&r, 3);
    trace_child(&t, &t, &r, 0);
    trace_write(&t, &f, &a);
    assert_int_equal(f.n, 2);
    struct str b3 = msg_get(&f, HDR_B3);
    assert_true(str_starts(b3, STR(ID "-")) && str_ends(b3, STR("-1-" SPAN)));
    struct trace back = {0};
    assert_true(trace_parse_b3(&back, b3));
    assert_memory_equal(back.span, t.span, 8);
    exchange(&a, &t,
             (const char *const[]){"x-b3-traceid: " ID, "x-b3-spanid: " SPAN, "x-b3-sampled: 0", "x-b3-parentspanid: 1",
                                   "x-b3-flags: 0", NULL},
             &f);
    trace_child(&t, &t, &r, 1);
    trace_write(&t, &f, &a);
    assert_int_equal(f.n, 5);
    assert_true(str_eq(msg_get(&f, HDR_X_B3_TRACEID), STR(ID)));
    assert_true(str_eq(msg_get(&f, HDR_X_B3_SAMPLED), STR("0")));
    assert_true(str_eq(msg_find_name(&f, STR("x-b3-parentspanid"))->value, STR(SPAN)));
    assert_true(str_ends(msg_get(&f, HDR_TRACEPARENT), STR("-00")));
    exchange(&a, &t, (const char *const[]){"b3: 0", NULL}, &f);
    trace_child(&t, &t, &r, 1);
    trace_write(&t, &f, &a);
    assert_true(str_ends(msg_get(&f, HDR_B3), STR("-0"))); /* a root: no parent */
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_good_parent),
        cmocka_unit_test(takes_later_versions),
        cmocka_unit_test(refuses_bad_parents),
        cmocka_unit_test(judges_states),
        cmocka_unit_test(takes_b3),
        cmocka_unit_test(reads_w3c_headers),
        cmocka_unit_test(reads_b3_headers),
        cmocka_unit_test(children_stay_in_the_trace),
        cmocka_unit_test(samples_by_ratio_and_id),
        cmocka_unit_test(writes_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
