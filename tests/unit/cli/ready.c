// SPDX-License-Identifier: Apache-2.0
#include "cli/ready.c"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char dir[] = "/tmp/weft-ready-XXXXXX";

static void expected_line(char *out, size_t cap) {
    snprintf(out, cap, "{\"listen\":\"127.0.0.1:1\",\"pid\":%d}\n", (int)getpid());
}

static void to_a_file(void **state) {
    char path[64], expected[128];
    struct buf got = {0};
    snprintf(path, sizeof path, "%s/ready", dir);
    expected_line(expected, sizeof expected);
    assert_int_equal(ready_write(path, UINT64_MAX, json_pack("{s:s}", "listen", "127.0.0.1:1"), NULL), 0);
    assert_true(file_read(str_of(path), 1000, &got, NULL) >= 0);
    assert_string_equal(buf_z(&got).ptr, expected);
    buf_fini(&got);
    unlink(path);
}

static void to_a_descriptor_which_is_closed(void **state) {
    char got[128] = "", expected[128];
    int fds[2];
    expected_line(expected, sizeof expected);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(ready_write(NULL, (uint64_t)fds[1], json_pack("{s:s}", "listen", "127.0.0.1:1"), NULL), 0);
    assert_int_equal(read(fds[0], got, sizeof got - 1), (ssize_t)strlen(expected));
    assert_string_equal(got, expected);
    assert_int_equal(read(fds[0], got, 1), 0);
    close(fds[0]);
}

static void a_file_of_an_earlier_run_goes(void **state) {
    char path[64];
    struct buf got = {0};
    struct err e = {0};
    snprintf(path, sizeof path, "%s/ready", dir);
    assert_int_equal(ready_begin(path, UINT64_MAX, NULL), 0); /* there is none */
    assert_int_equal(ready_write(path, UINT64_MAX, json_object(), NULL), 0);
    assert_int_equal(ready_begin(path, UINT64_MAX, NULL), 0);
    assert_int_equal(file_read(str_of(path), 1000, &got, NULL), WEFT_E_NOT_FOUND);
    assert_true(ready_begin("/proc/self/status", UINT64_MAX, &e) < 0);
    assert_non_null(strstr(e.msg, "--ready-file"));
}

static void children_do_not_inherit_the_descriptor(void **state) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(ready_begin(NULL, (uint64_t)fds[1], NULL), 0);
    assert_int_equal(fcntl(fds[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fds[0]);
    close(fds[1]);
}

static void failures_are_told(void **state) {
    struct err e = {0};
    assert_true(ready_write("/nowhere/at/all", UINT64_MAX, json_object(), &e) < 0);
    assert_true(ready_write(NULL, 99, json_object(), &e) < 0);
    assert_true(ready_write(NULL, 1ull << 40, json_object(), &e) < 0);
}

static int make_dir(void **state) {
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state) {
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_a_file), cmocka_unit_test(to_a_descriptor_which_is_closed),
                                       cmocka_unit_test(a_file_of_an_earlier_run_goes),
                                       cmocka_unit_test(children_do_not_inherit_the_descriptor),
                                       cmocka_unit_test(failures_are_told)};
    return cmocka_run_group_tests_name("cli/ready", tests, make_dir, drop_dir);
}
