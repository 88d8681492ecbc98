// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/rand.h"

/* The naive model: a list in order of addition. */
#define KEYS 400
struct model {
    char keys[KEYS][16];
    void *values[KEYS];
    size_t len;
};

static size_t find(const struct model *m, const char *key) {
    size_t i = 0;
    while (i < m->len && strcmp(m->keys[i], key) != 0)
        i++;
    return i;
}

static void *model_put(struct model *m, const char *key, void *value) {
    size_t i = find(m, key);
    void *old = i < m->len ? m->values[i] : NULL;
    m->values[i] = value;
    if (i == m->len)
        snprintf(m->keys[m->len++], sizeof m->keys[0], "%s", key);
    return old;
}

static void *model_del(struct model *m, const char *key) {
    size_t i = find(m, key);
    if (i == m->len)
        return NULL;
    void *old = m->values[i];
    memmove(m->keys + i, m->keys + i + 1, (m->len - i - 1) * sizeof m->keys[0]);
    memmove(m->values + i, m->values + i + 1, (m->len - i - 1) * sizeof m->values[0]);
    m->len--;
    return old;
}

static void compare(const struct map *m, const struct model *model) {
    assert_int_equal(m->len, model->len);
    size_t at = 0, i = 0;
    struct str key;
    void *value;
    for (; map_next(m, &at, &key, &value); i++) {
        assert_true(i < model->len);
        assert_true(str_eq(key, str_of(model->keys[i])));
        assert_ptr_equal(value, model->values[i]);
    }
    assert_int_equal(i, model->len);
}

static void like_a_list(void **state) {
    struct map m = {0};
    static struct model model;
    struct rand r;
    rand_init(&r, 3);
    for (int step = 0; step < 60000; step++) {
        char key[16];
        uint64_t growing = step / 5000 % 2 ? 2 : 5; /* phases in which it grows, and shrinks to nothing */
        snprintf(key, sizeof key, "k%u", (unsigned)rand_below(&r, KEYS));
        void *value = (void *)(uintptr_t)(step + 1);
        if (rand_below(&r, 6) < growing)
            assert_ptr_equal(map_put(&m, str_of(key), value), model_put(&model, key, value));
        else
            assert_ptr_equal(map_del(&m, str_of(key)), model_del(&model, key));
        snprintf(key, sizeof key, "k%u", (unsigned)rand_below(&r, KEYS));
        size_t i = find(&model, key);
        assert_ptr_equal(map_get(&m, str_of(key)), i < model.len ? model.values[i] : NULL);
        assert_int_equal(map_has(&m, str_of(key)), i < model.len);
        if (step % 100 == 0)
            compare(&m, &model);
    }
    compare(&m, &model);
    map_fini(&m);
    assert_int_equal(m.len, 0);
    assert_null(map_get(&m, STR("k1")));
}

static void any_octets_are_a_key(void **state) {
    struct map m = {0};
    int a, b, c;
    map_put(&m, STR_NONE, &a);
    map_put(&m, str_n("x\0y", 3), &b);
    map_put(&m, str_n("x\0z", 3), &c);
    assert_ptr_equal(map_get(&m, STR("")), &a);
    assert_ptr_equal(map_get(&m, str_n("x\0y", 3)), &b);
    assert_ptr_equal(map_get(&m, str_n("x\0z", 3)), &c);
    assert_null(map_get(&m, STR("x")));
    assert_ptr_equal(map_del(&m, STR_NONE), &a);
    assert_null(map_del(&m, STR_NONE));
    map_fini(&m);
}

static void deleting_while_walking(void **state) {
    struct map m = {0};
    char key[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "%d", i);
        map_put(&m, str_of(key), mem_strdup(str_of(key)));
    }
    struct str k;
    char *v;
    int seen = 0;
    MAP_FOR (&m, &k, v) {
        assert_int_equal(atoi(v), seen++);
        assert_ptr_equal(map_del(&m, k), v);
        free(v);
    }
    assert_int_equal(seen, 1000);
    assert_int_equal(m.len, 0);
    map_fini(&m);
}

/* First in, first out, with many in it: the holes in front must not be walked again and again. */
static void used_as_a_queue(void **state) {
    struct map m = {0};
    char key[16];
    int v;
    for (int i = 0; i < 200000; i++) {
        snprintf(key, sizeof key, "%d", i);
        map_put(&m, str_of(key), &v);
        if (i < 20000)
            continue;
        size_t at = 0;
        struct str first;
        assert_true(map_next(&m, &at, &first, NULL));
        map_del(&m, first);
    }
    assert_int_equal(m.len, 20000);
    assert_true(m.cap_entries <= 65536);
    map_fini(&m);
}

static void seeds_differ(void **state) {
    struct map a = {0}, b = {0};
    int v;
    map_put(&a, STR("x"), &v);
    map_put(&b, STR("x"), &v);
    assert_true(a.seed != b.seed);
    map_fini(&a);
    map_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_list),     cmocka_unit_test(any_octets_are_a_key), cmocka_unit_test(deleting_while_walking),
        cmocka_unit_test(used_as_a_queue), cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
