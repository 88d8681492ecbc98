// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem.h"

static void aligned_and_counted(void **state) {
    struct arena a = {0};
    for (size_t n = 0; n < 200; n++) {
        char *p = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, (int)n, n);
    }
    assert_true(a.used >= 199 * 200 / 2);
    arena_fini(&a);
    assert_int_equal(a.used, 0);
    assert_null(a.head);
    char *z = arena_zalloc(&a, 5000); /* usable again */
    for (int i = 0; i < 5000; i++)
        assert_int_equal(z[i], 0);
    arena_fini(&a);
}

static void neighbours_do_not_touch(void **state) {
    struct arena a = {0};
    unsigned char *p[600];
    for (size_t i = 0; i < 600; i++) {
        size_t n = i * 13 % 3000 + 1; /* small and large ones mixed */
        p[i] = arena_alloc(&a, n);
        memset(p[i], (int)(i & 0xff), n);
    }
    for (size_t i = 0; i < 600; i++)
        for (size_t k = 0; k < i * 13 % 3000 + 1; k++)
            assert_int_equal(p[i][k], i & 0xff);
    arena_fini(&a);
}

static void pool_keeps_blocks(void **state) {
    struct arena_pool pool = {.max = 2};
    struct arena a;
    arena_init(&a, &pool);
    for (int i = 0; i < 40; i++)
        arena_alloc(&a, 1000);
    arena_alloc(&a, 100000);
    assert_true(pool.live >= 11);
    arena_fini(&a);
    assert_int_equal(pool.live, 0);
    assert_int_equal(pool.count, 2); /* at most max, and never the large one */
    void *first = arena_alloc(&a, 1);
    assert_int_equal(pool.count, 1); /* taken from the list */
    arena_fini(&a);
    assert_ptr_equal(first, arena_alloc(&a, 1));
    arena_fini(&a);
    arena_pool_fini(&pool);
    assert_null(pool.free);
}

static void large_one_does_not_waste_the_current_block(void **state) {
    struct arena_pool pool = {0};
    struct arena a;
    arena_init(&a, &pool);
    char *one = arena_alloc(&a, 16);
    arena_alloc(&a, 8000);
    assert_ptr_equal(arena_alloc(&a, 16), one + 16);
    assert_int_equal(pool.live, 2);
    arena_fini(&a);
    arena_pool_fini(&pool);
}

static void texts(void **state) {
    struct arena a = {0};
    assert_true(str_eq(arena_dup(&a, STR("abc")), STR("abc")));
    assert_int_equal(arena_dup(&a, STR_NONE).len, 0);
    assert_string_equal(arena_z(&a, STR("abc")), "abc");
    assert_string_equal(arena_z(&a, STR_NONE), "");
    assert_true(str_eq(arena_lower(&a, STR("AbC-Z[@")), STR("abc-z[@")));
    assert_int_equal(arena_lower(&a, STR_NONE).len, 0);
    assert_true(str_eq(arena_u64(&a, 0), STR("0")));
    assert_true(str_eq(arena_u64(&a, 1024), STR("1024")));
    assert_true(str_eq(arena_u64(&a, UINT64_MAX), STR("18446744073709551615")));
    assert_true(str_eq(arena_join(&a, STR("a"), STR(", "), STR("bc")), STR("a, bc")));
    assert_true(str_eq(arena_join(&a, STR_NONE, STR("/"), STR_NONE), STR("/")));
    struct str s = arena_fmt(&a, "%d %s", 42, "x");
    assert_true(str_eq(s, STR("42 x")));
    s = arena_fmt(&a, "%05000d", 7); /* larger than a block */
    assert_int_equal(s.len, 5000);
    assert_int_equal(s.ptr[4999], '7');
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_and_counted),
        cmocka_unit_test(neighbours_do_not_touch),
        cmocka_unit_test(pool_keeps_blocks),
        cmocka_unit_test(large_one_does_not_waste_the_current_block),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
