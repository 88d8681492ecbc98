// SPDX-License-Identifier: Apache-2.0
#include "io/dir_watch.h"
#include <stdio.h>
#include <unistd.h>
#include "io/file.h"
#include "pump.h"

struct fx {
    struct loop loop;
    struct dir_watch watch;
    char path[64], told[256];
    bool close;
};

static void on_moved(struct dir_watch *d, struct str name) {
    struct fx *fx = container_of(d, struct fx, watch);
    size_t at = strlen(fx->told);
    snprintf(fx->told + at, sizeof fx->told - at, STR_FMT " ", STR_ARG(name));
    if (fx->close)
        dir_watch_close(d);
}

static struct fx *setup(void) {
    struct fx *fx = mem_new(struct fx);
    pump_init(&fx->loop);
    strcpy(fx->path, "/tmp/weft-watch-XXXXXX");
    assert_non_null(mkdtemp(fx->path));
    return fx;
}

static struct str in(const struct fx *fx, struct arena *a, const char *name) {
    return arena_fmt(a, "%s/%s", fx->path, name);
}

static void teardown(struct fx *fx, struct arena *a) {
    dir_watch_close(&fx->watch);
    assert_int_equal(fx->loop.watches, 0);
    loop_fini(&fx->loop);
    file_remove(in(fx, a, "a"), NULL);
    file_remove(in(fx, a, "b"), NULL);
    assert_int_equal(rmdir(fx->path), 0);
    arena_fini(a);
    free(fx);
}

static void tells_what_is_renamed_into_it(void **state) {
    struct fx *fx = setup();
    struct arena a = {0};
    struct err e;
    assert_true(dir_watch_open(&fx->watch, &fx->loop, str_of(fx->path), on_moved, &e) >= 0);
    assert_true(file_publish(in(fx, &a, "a"), STR("1"), 0600, &e) >= 0); /* made under another name, which is not told */
    assert_true(file_publish(in(fx, &a, "b"), STR("1"), 0600, &e) >= 0);
    PUMP_UNTIL(&fx->loop, strlen(fx->told) >= 4);
    assert_string_equal(fx->told, "a b ");
    teardown(fx, &a);
}

static void may_be_closed_while_it_tells(void **state) {
    struct fx *fx = setup();
    struct arena a = {0};
    struct err e;
    fx->close = true;
    assert_true(dir_watch_open(&fx->watch, &fx->loop, str_of(fx->path), on_moved, &e) >= 0);
    assert_true(file_publish(in(fx, &a, "a"), STR("1"), 0600, &e) >= 0);
    assert_true(file_publish(in(fx, &a, "b"), STR("1"), 0600, &e) >= 0);
    PUMP_UNTIL(&fx->loop, fx->told[0]);
    assert_string_equal(fx->told, "a ");
    assert_false(fx->watch.open);
    teardown(fx, &a);
}

static void is_of_directories_that_are_there(void **state) {
    struct fx *fx = setup();
    struct arena a = {0};
    struct err e;
    assert_true(file_publish(in(fx, &a, "a"), STR("1"), 0600, &e) >= 0);
    assert_int_equal(dir_watch_open(&fx->watch, &fx->loop, in(fx, &a, "a"), on_moved, &e), WEFT_E_NOT_FOUND);
    assert_int_equal(dir_watch_open(&fx->watch, &fx->loop, in(fx, &a, "none"), on_moved, &e), WEFT_E_NOT_FOUND);
    assert_non_null(strstr(e.msg, "none"));
    assert_int_equal(dir_watch_open(&fx->watch, &fx->loop, STR("/tmp\0x"), on_moved, &e), WEFT_E_INVALID);
    assert_int_equal(dir_watch_open(&fx->watch, &fx->loop, STR(""), on_moved, &e), WEFT_E_INVALID);
    teardown(fx, &a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_renamed_into_it),
        cmocka_unit_test(may_be_closed_while_it_tells),
        cmocka_unit_test(is_of_directories_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
