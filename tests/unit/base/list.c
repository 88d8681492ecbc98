// SPDX-License-Identifier: Apache-2.0
#include "base/list.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int v;
    struct list node;
};

static void expect(struct list *head, const char *want) {
    char got[32] = "", *p = got;
    LIST_FOR (n, head)
        *p++ = (char)list_entry(n, struct item, node)->v;
    *p = 0;
    assert_string_equal(got, want);
}

static void a_ring(void **state) {
    struct list head, zero = {0};
    struct item i[4] = {{'a', {0}}, {'b', {0}}, {'c', {0}}, {'d', {0}}};
    list_init(&head);
    assert_true(list_empty(&head));
    assert_true(list_empty(&zero));
    assert_null(list_pop(&head));
    expect(&head, "");
    expect(&zero, "");
    list_push(&head, &i[0].node);
    list_push(&head, &i[1].node);
    list_push_front(&head, &i[2].node);
    expect(&head, "cab");
    list_insert_before(&i[1].node, &i[3].node);
    expect(&head, "cadb");
    list_remove(&i[0].node);
    assert_false(list_linked(&i[0].node));
    list_remove(&i[0].node); /* stays as it is */
    expect(&head, "cdb");
    LIST_FOR (n, &head)
        if (list_entry(n, struct item, node)->v != 'd')
            list_remove(n);
    expect(&head, "d");
    assert_ptr_equal(list_pop(&head), &i[3].node);
    assert_true(list_empty(&head));
    assert_false(list_linked(&i[3].node));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_ring)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
