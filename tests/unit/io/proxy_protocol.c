// SPDX-License-Identifier: Apache-2.0
#include "io/proxy_protocol.h"
#include "fake.h"
#include "pump.h"

static const struct proxy_head head = {.version = 1,
                                       .source = {.at = {192, 0, 2, 1}, .len = 4},
                                       .destination = {.at = {198, 51, 100, 2}, .len = 4},
                                       .source_port = 258,
                                       .destination_port = 772};
#define LINE "PROXY TCP4 192.0.2.1 198.51.100.2 258 772\r\n"

struct told {
    unsigned events, open;
};
static void on_event(void *ctx, unsigned events) {
    struct told *t = ctx;
    t->events |= events;
    t->open += (events & TR_OPEN) != 0;
}

struct fx {
    struct loop loop;
    struct fake below;
    struct told told;
    struct transport *tr;
};
static int setup(void **state) {
    struct fx *fx = *state = mem_new(struct fx);
    pump_init(&fx->loop);
    fake_init(&fx->below, &fx->loop, SIZE_MAX);
    struct transport *below = &fx->below.t;
    fx->tr = proxy_protocol_client(&below, &head, on_event, &fx->told);
    assert_null(below);
    return 0;
}
static int teardown(void **state) {
    struct fx *fx = *state;
    transport_close(&fx->tr);
    assert_true(fx->below.closed);
    fake_fini(&fx->below);
    loop_fini(&fx->loop);
    free(fx);
    return 0;
}

static void comes_first(void **state) {
    struct fx *fx = *state;
    assert_int_equal(transport_write(fx->tr, STR("early")), WEFT_E_AGAIN);
    assert_int_equal(fx->below.out.len, 0);
    fake_tell(&fx->below, TR_OPEN);
    assert_int_equal(fx->told.open, 1);
    assert_int_equal(transport_write(fx->tr, STR("hello")), 5);
    assert_true(str_eq(buf_str(&fx->below.out), STR(LINE "hello")));
    assert_int_equal(fx->tr->tx, 5); /* octets as the owner sees them */
    buf_add(&fx->below.in, STR("answer"));
    char got[16];
    fake_tell(&fx->below, TR_READ);
    assert_true(fx->told.events & TR_READ);
    assert_int_equal(transport_read(fx->tr, got, sizeof got), 6);
    transport_want_read(fx->tr, false);
    assert_false(fx->below.want_read);
    transport_shutdown(fx->tr);
    assert_true(fx->below.shut);
    fx->tr->abort = true;
    transport_close(&fx->tr);
    assert_true(fx->below.aborted);
}

/* The header leaves in pieces: nothing is open before its last octet, and what is told of reading meanwhile waits. */
static void leaves_in_pieces(void **state) {
    struct fx *fx = *state;
    fx->below.room = 0;
    fake_tell(&fx->below, TR_OPEN);
    for (size_t i = 0; i < sizeof LINE - 1; i++) {
        assert_int_equal(fx->told.open, 0);
        assert_int_equal(fx->below.out.len, i);
        assert_int_equal(transport_write(fx->tr, STR("early")), WEFT_E_AGAIN);
        fx->below.room = 1;
        fake_tell(&fx->below, TR_WRITE);
    }
    assert_int_equal(fx->told.open, 1);
    assert_true(str_eq(buf_str(&fx->below.out), STR(LINE)));
    fake_tell(&fx->below, TR_WRITE);
    assert_int_equal(fx->told.open, 1);
    assert_true(fx->told.events & TR_WRITE); /* from now on it is the owner's */
}

static void breaks(void **state) {
    struct fx *fx = *state;
    fake_break(&fx->below, WEFT_E_REFUSED);
    fake_tell(&fx->below, TR_FAIL);
    assert_int_equal(fx->told.events, TR_FAIL);
    assert_int_equal(fx->tr->error->code, WEFT_E_REFUSED);
}

static void breaks_later(void **state) {
    struct fx *fx = *state;
    char c;
    fake_tell(&fx->below, TR_OPEN);
    fake_break(&fx->below, WEFT_E_RESET);
    assert_int_equal(transport_read(fx->tr, &c, 1), WEFT_E_RESET);
    assert_int_equal(fx->tr->error->code, WEFT_E_RESET);
    assert_int_equal(transport_write(fx->tr, STR("x")), WEFT_E_RESET);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(comes_first), TEST(leaves_in_pieces), TEST(breaks), TEST(breaks_later)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
