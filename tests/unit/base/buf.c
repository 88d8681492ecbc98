// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/rand.h"

/* A queue over a plain array is the model. */
static void like_a_plain_array(void **state) {
    enum { MAX = 200000 };
    char *model = mem_alloc(MAX);
    size_t from = 0, to = 0;
    struct buf b = {0};
    struct rand r;
    rand_init(&r, 7);
    for (int step = 0; step < 20000 && to < MAX - 2000; step++) {
        size_t n = rand_below(&r, 40);
        switch (rand_below(&r, 6)) {
        case 0:
        case 1:
            for (size_t i = 0; i < n; i++)
                model[to + i] = (char)rand_u64(&r);
            buf_add(&b, str_n(model + to, n));
            to += n;
            break;
        case 2:
            buf_addc(&b, 'x');
            model[to++] = 'x';
            break;
        case 3:
            if (n > to - from)
                n = to - from;
            buf_take(&b, n);
            from += n;
            break;
        case 4:
            if (n > to - from)
                n = to - from;
            buf_cut(&b, to - from - n);
            to -= n;
            break;
        default: buf_fmt(&b, "<%zu>", n); to += (size_t)snprintf(model + to, 20, "<%zu>", n);
        }
        assert_int_equal(b.len, to - from);
        assert_true(str_eq(buf_str(&b), str_n(model + from, to - from)));
        if (b.len == 0)
            from = to;
    }
    buf_fini(&b);
    free(model);
}

static void memory_is_given_back_when_empty(void **state) {
    struct buf b = {0};
    assert_null(buf_str(&b).ptr);
    buf_add(&b, STR_NONE);
    assert_null(b.mem);
    buf_add(&b, STR("abc"));
    assert_non_null(b.mem);
    buf_take(&b, 3);
    assert_null(b.mem);
    buf_add(&b, STR("abc"));
    buf_cut(&b, 0);
    assert_null(b.mem);
    buf_add(&b, STR("abc"));
    char *mem = b.mem;
    buf_keep(&b);
    assert_int_equal(b.len, 0);
    buf_add(&b, STR("de"));
    assert_ptr_equal(b.mem, mem);
    assert_true(str_eq(buf_str(&b), STR("de")));
    buf_fini(&b);
    assert_null(b.mem);
}

static void memory_is_lent(void **state) {
    struct buf_pool pool = {0};
    struct buf b = {0}, other = {0};
    buf_borrow(&b, &pool); /* nothing is spare */
    assert_null(b.mem);
    buf_add(&b, STR("abc"));
    char *mem = b.mem;
    buf_give(&b, &pool);
    assert_null(b.mem);
    assert_int_equal(b.len, 0);
    buf_borrow(&other, &pool);
    buf_add(&other, STR("de"));
    assert_ptr_equal(other.mem, mem);
    assert_true(str_eq(buf_str(&other), STR("de")));
    buf_borrow(&other, &pool); /* it has memory, and content */
    assert_true(str_eq(buf_str(&other), STR("de")));
    buf_give(&other, &pool);
    for (int i = 0; i < 100; i++) { /* no more than the pool holds, and no large ones */
        struct buf more = {0};
        buf_room(&more, i % 2 ? 1 : BUF_SPARE_CAP + 1);
        buf_give(&more, &pool);
        assert_null(more.mem);
    }
    assert_int_equal(pool.n, BUF_SPARE);
    for (unsigned i = 0; i < pool.n; i++)
        assert_true(pool.spare[i].cap <= BUF_SPARE_CAP && pool.spare[i].len == 0);
    buf_pool_fini(&pool);
    assert_int_equal(pool.n, 0);
}

static void room_is_writable_to_its_end(void **state) {
    struct buf b = {0};
    for (size_t n = 1; n < 3000; n += 97) {
        memset(buf_room(&b, n), 'a', n);
        buf_added(&b, n / 2);
        buf_take(&b, n / 4);
    }
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(buf_str(&b).ptr[i], 'a');
    buf_fini(&b);
}

/* Taking little and adding little with much content must not move the content each time. */
static void a_long_queue_is_not_quadratic(void **state) {
    struct buf b = {0};
    enum { LEN = 1 << 20 };
    memset(buf_room(&b, LEN), 'a', LEN);
    buf_added(&b, LEN);
    unsigned moves = 0;
    for (int i = 0; i < 200000; i++) {
        buf_take(&b, 1);
        char *before = b.mem + b.off;
        buf_addc(&b, 'b');
        moves += b.mem + b.off != before;
    }
    assert_true(moves < 5);
    assert_int_equal(b.len, LEN);
    assert_true(b.cap <= 4 * LEN);
    buf_fini(&b);
}

static void terminated(void **state) {
    struct buf b = {0};
    assert_string_equal(buf_z(&b).ptr, "");
    buf_add(&b, STR("abc"));
    struct str s = buf_z(&b);
    assert_int_equal(s.len, 3);
    assert_string_equal(s.ptr, "abc");
    buf_fmt(&b, "%s", "");
    assert_int_equal(b.len, 3);
    buf_fmt(&b, "%0700d", 1);
    assert_int_equal(b.len, 703);
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_plain_array),
        cmocka_unit_test(memory_is_given_back_when_empty),
        cmocka_unit_test(memory_is_lent),
        cmocka_unit_test(room_is_writable_to_its_end),
        cmocka_unit_test(a_long_queue_is_not_quadratic),
        cmocka_unit_test(terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
