// SPDX-License-Identifier: Apache-2.0
#include "base/bits.c"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/rand.h"

static void expect(const struct bits *b, const unsigned *want, size_t n) {
    size_t found = 0;
    for (unsigned i = 0; bits_next(b, &i); i++) {
        assert_true(found < n);
        assert_int_equal(i, want[found++]);
        assert_true(bits_has(b, i));
    }
    assert_int_equal(found, n);
}

static void in_order(void **state) {
    static const unsigned all[] = {0, 63, 64, 511, 512, 513, 5000}, some[] = {0, 64, 511, 513};
    struct bits b = {0};
    expect(&b, NULL, 0);
    for (size_t i = 7; i-- > 0;)
        bits_add(&b, all[i]);
    bits_add(&b, 63); /* twice is once */
    expect(&b, all, 7);
    assert_false(bits_has(&b, 1));
    assert_false(bits_has(&b, 6000));
    for (unsigned i = 0; bits_next(&b, &i); i++)
        if (i == 63 || i == 512 || i == 5000)
            bits_remove(&b, i);
    expect(&b, some, 4);
    bits_remove(&b, 63);
    bits_remove(&b, 6000);
    expect(&b, some, 4);
    bits_fini(&b);
    expect(&b, NULL, 0);
}

/* Emptied, it holds no memory: LeakSanitizer looks. */
static void gives_back(void **state) {
    struct bits b = {0};
    for (unsigned i = 0; i < 3000; i += 100)
        bits_add(&b, i);
    assert_int_equal(b.n_pages, 6);
    for (unsigned i = 1000; i < 3000; i += 100)
        bits_remove(&b, i);
    assert_int_equal(b.n_pages, 2);
    for (unsigned i = 0; bits_next(&b, &i); i++)
        bits_remove(&b, i);
    assert_null(b.pages);
}

static void beside_an_array(void **state) {
    enum { MOST = 4096 };
    static bool is[MOST];
    struct bits b = {0};
    struct rand r;
    rand_init(&r, 1);
    for (int n = 0; n < 20000; n++) {
        unsigned i = (unsigned)rand_below(&r, MOST);
        bool add = rand_below(&r, n < 10000 ? 3 : 2) > 0;
        (add ? bits_add : bits_remove)(&b, i);
        is[i] = add;
    }
    unsigned at = 0;
    for (unsigned i = 0; i < MOST; i++) {
        assert_int_equal(bits_has(&b, i), is[i]);
        if (!is[i])
            continue;
        assert_true(bits_next(&b, &at));
        assert_int_equal(at++, i);
    }
    assert_false(bits_next(&b, &at));
    bits_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(gives_back),
                                       cmocka_unit_test(beside_an_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
