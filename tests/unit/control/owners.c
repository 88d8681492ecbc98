// SPDX-License-Identifier: Apache-2.0
#include "control/owners.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/arena.h"

struct world {
    struct owners o;
    struct arena mem;
    struct str moved; /* "ADDRESS=SERVICE " of what was told */
};

static void on_moved(void *ctx, struct str address) {
    struct world *w = ctx;
    w->moved = arena_fmt(&w->mem, STR_FMT STR_FMT "=" STR_FMT " ", STR_ARG(w->moved), STR_ARG(address),
                         STR_ARG(owners_get(&w->o, address)));
}

static void end(struct world *w) {
    owners_fini(&w->o);
    arena_fini(&w->mem);
}

static void set(struct world *w, const char *service, const struct owner_claim *claims, size_t n, const char *moved) {
    w->moved = STR_NONE;
    owners_set(&w->o, str_of(service), claims, n, on_moved, w);
    assert_true(str_eq(w->moved, str_of(moved)));
}

#define IS(w, address, service) assert_true(str_eq(owners_get(&(w).o, STR(address)), STR(service)))

static void comes_and_goes(void **state) {
    struct world w = {0};
    const struct owner_claim both[] = {{STR("a:1"), 1}, {STR("b:1"), 2}, {STR("a:1"), 3}};
    IS(w, "a:1", "");
    set(&w, "n/x", both, 3, "a:1=n/x b:1=n/x ");
    IS(w, "a:1", "n/x");
    set(&w, "n/x", both, 3, ""); /* nothing new */
    set(&w, "n/x", both + 1, 1, "a:1= ");
    IS(w, "a:1", "");
    IS(w, "b:1", "n/x");
    set(&w, "n/x", NULL, 0, "b:1= ");
    set(&w, "n/x", NULL, 0, "");
    assert_int_equal(w.o.at.len + w.o.of.len, 0); /* nothing is kept */
    end(&w);
}

static void the_first_has_it(void **state) {
    struct world w = {0};
    const struct owner_claim late = {STR("a:1"), 9}, early = {STR("a:1"), 4};
    set(&w, "n/late", &late, 1, "a:1=n/late ");
    set(&w, "n/early", &early, 1, "a:1=n/early ");
    set(&w, "n/another", &late, 1, "");
    set(&w, "n/early", NULL, 0, "a:1=n/another "); /* by name, of the same order */
    set(&w, "n/another", NULL, 0, "a:1=n/late ");
    end(&w);
}

static void moves(void **state) {
    struct world w = {0};
    const struct owner_claim a[] = {{STR("a:1"), 1}, {STR("b:1"), 1}};
    set(&w, "n/x", a, 1, "a:1=n/x ");
    set(&w, "n/x", a + 1, 1, "b:1=n/x a:1= "); /* to another address */
    set(&w, "n/y", a, 2, "a:1=n/y ");
    set(&w, "n/x", NULL, 0, "b:1=n/y ");
    end(&w); /* with what is still there */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_and_goes), cmocka_unit_test(the_first_has_it),
                                       cmocka_unit_test(moves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
