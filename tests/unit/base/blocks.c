// SPDX-License-Identifier: Apache-2.0
#include "base/blocks.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void reused_by_size(void **state) {
    struct block_pool pool = {0};
    void *a = block_take(&pool, 200);
    memset(a, 1, KEEP ? 256 : 200); /* the whole of the room, where sizes are rounded */
    block_give(&pool, a, 200);
    void *other = block_take(&pool, 64), *b = block_take(&pool, 256);
    if (KEEP) {
        assert_ptr_equal(b, a); /* 200 and 256 are of one size */
        assert_ptr_not_equal(other, a);
    }
    block_give(&pool, b, 256);
    block_give(&pool, other, 64);
    block_give(&pool, NULL, 64);
    block_pool_fini(&pool);
    assert_int_equal(pool.spare[3].n, 0);
}

static void bounded(void **state) {
    struct block_pool pool = {0};
    void *all[BLOCKS_SPARE + 10];
    for (int i = 0; i < BLOCKS_SPARE + 10; i++)
        all[i] = block_take(&pool, 1);
    for (int i = 0; i < BLOCKS_SPARE + 10; i++)
        block_give(&pool, all[i], 1);
    assert_int_equal(pool.spare[0].n, KEEP ? BLOCKS_SPARE : 0);
    block_pool_fini(&pool);
}

static void large_and_without_pool(void **state) {
    struct block_pool pool = {0};
    size_t large = (size_t)BLOCKS_CLASSES * BLOCKS_STEP + 1;
    void *a = block_take(&pool, large), *b = block_take(NULL, 64);
    memset(a, 1, large);
    block_give(&pool, a, large);
    block_give(NULL, b, 64);
    for (unsigned i = 0; i < BLOCKS_CLASSES; i++)
        assert_null(pool.spare[i].first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reused_by_size),
        cmocka_unit_test(bounded),
        cmocka_unit_test(large_and_without_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
