// SPDX-License-Identifier: Apache-2.0
/* References: the last one frees, once, from whichever thread. */
#include "model/ref.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct thing {
    struct ref ref;
    int *freed;
    struct str text;
};

static void on_free(struct ref *r) {
    struct thing *t = (struct thing *)r;
    assert_string_equal(t->text.ptr, "text"); /* its memory is still there */
    ++*t->freed;
}

static struct thing *make(int *freed) {
    struct thing *t = ref_new(sizeof *t, on_free);
    t->freed = freed;
    t->text = str_of(arena_z(&t->ref.mem, STR("text")));
    return t;
}

static void last_put_frees(void **state) {
    int freed = 0;
    struct thing *t = make(&freed);
    assert_ptr_equal(ref_get(t), t);
    ref_put(t);
    assert_int_equal(freed, 0);
    ref_put(t);
    assert_int_equal(freed, 1);
}

static void nothing_is_fine(void **state) {
    ref_put(NULL);
    void *plain = ref_new(sizeof(struct ref), NULL);
    assert_non_null(plain);
    ref_put(plain);
}

#define ROUNDS 20000

static void *churn(void *thing) {
    for (int i = 0; i < ROUNDS; i++) {
        ref_get(thing);
        ref_put(thing);
    }
    ref_put(thing);
    return NULL;
}

static void threads_share(void **state) {
    int freed = 0;
    struct thing *t = make(&freed);
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, churn, ref_get(t)), 0);
    ref_put(t);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(freed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_put_frees),
        cmocka_unit_test(nothing_is_fine),
        cmocka_unit_test(threads_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
