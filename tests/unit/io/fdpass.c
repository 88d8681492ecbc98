// SPDX-License-Identifier: Apache-2.0
#include "io/fdpass.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/mem.h"
#include "io/sock.h"

static int set_up(void **state) {
    char dir[] = "/tmp/fdpass-XXXXXX";
    assert_non_null(mkdtemp(dir));
    *state = mem_strdup(str_of(dir));
    return 0;
}

static int tear_down(void **state) {
    rmdir(*state);
    free(*state);
    return 0;
}

static void pair(int ends[2]) {
    assert_int_equal(fdpass_pair(ends, NULL), 0);
    assert_true(fdpass_adopt(ends[0]) && fdpass_adopt(ends[1]));
}

static void descriptors_come_whole_and_in_order(void **state) {
    int ends[2], files[FDPASS_FDS];
    struct fdpass_msg m = {0};
    pair(ends);
    for (unsigned i = 0; i < FDPASS_FDS; i++) {
        files[i] = memfd_create("x", MFD_CLOEXEC);
        assert_int_equal(ftruncate(files[i], i), 0);
    }
    assert_int_equal(fdpass_send(ends[0], STR("all"), files, FDPASS_FDS, NULL), 0);
    assert_int_equal(fdpass_send(ends[0], STR("none"), NULL, 0, NULL), 0);
    assert_int_equal(fdpass_recv(ends[1], &m, 1000, NULL), 1);
    assert_true(str_eq(buf_str(&m.text), STR("all")));
    assert_int_equal(m.n_fds, FDPASS_FDS);
    for (unsigned i = 0; i < FDPASS_FDS; i++) {
        struct stat st;
        assert_int_equal(fstat(m.fds[i], &st), 0);
        assert_int_equal(st.st_size, i);
        assert_true(fcntl(m.fds[i], F_GETFD) & FD_CLOEXEC);
        close(files[i]);
    }
    fdpass_fini(&m);
    assert_int_equal(fdpass_recv(ends[1], &m, 0, NULL), 1);
    assert_true(str_eq(buf_str(&m.text), STR("none")) && m.n_fds == 0);
    fdpass_fini(&m);
    assert_int_equal(fdpass_recv(ends[1], &m, 0, NULL), WEFT_E_AGAIN);
    fdpass_fini(&m);
    close(ends[0]);
    assert_int_equal(fdpass_recv(ends[1], &m, 1000, NULL), 0);
    fdpass_fini(&m);
    assert_int_equal(fdpass_send(ends[1], STR("x"), NULL, 0, NULL), WEFT_E_CLOSED);
    close(ends[1]);
}

static void bounds(void **state) {
    int ends[2], files[FDPASS_FDS + 1] = {0};
    struct buf big = {0};
    struct fdpass_msg m = {0};
    pair(ends);
    memset(buf_room(&big, FDPASS_TEXT + 1), 'x', FDPASS_TEXT + 1);
    buf_added(&big, FDPASS_TEXT + 1);
    assert_int_equal(fdpass_send(ends[0], buf_str(&big), NULL, 0, NULL), WEFT_E_LIMIT);
    assert_int_equal(fdpass_send(ends[0], STR("x"), files, FDPASS_FDS + 1, NULL), WEFT_E_LIMIT);
    assert_int_equal(send(ends[0], buf_str(&big).ptr, FDPASS_TEXT + 1, 0), FDPASS_TEXT + 1); /* another program */
    assert_int_equal(fdpass_recv(ends[1], &m, 1000, NULL), WEFT_E_TOO_LARGE);
    while (fdpass_send(ends[0], str_first(buf_str(&big), FDPASS_TEXT), NULL, 0, NULL) == 0) {
    }
    assert_int_equal(fdpass_send(ends[0], str_first(buf_str(&big), FDPASS_TEXT), NULL, 0, NULL), WEFT_E_AGAIN);
    buf_fini(&big);
    close(ends[0]);
    close(ends[1]);
}

static void a_path_is_ours_alone(void **state) {
    struct arena a = {0};
    struct str path = arena_fmt(&a, "%s/x.sock", (char *)*state);
    struct stat st;
    assert_int_equal(fdpass_connect(path, NULL), WEFT_E_NOT_FOUND);
    mode_t old = umask(0);
    int l = fdpass_listen(path, NULL);
    umask(old);
    assert_true(l >= 0);
    assert_int_equal(stat(arena_z(&a, path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fdpass_listen(path, NULL), WEFT_E_EXISTS);
    int self = fdpass_accept(l, NULL); /* the look of the second one */
    assert_true(self >= 0);
    close(self);
    assert_int_equal(fdpass_accept(l, NULL), WEFT_E_AGAIN);
    int c = fdpass_connect(path, NULL), s = fdpass_accept(l, NULL);
    assert_true(c >= 0 && s >= 0 && fdpass_adopt(c) && !fdpass_adopt(l));
    close(c);
    close(s);
    c = fdpass_connect(path, NULL);
    struct rlimit was, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)c + 1, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int none = fdpass_accept(l, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(none, WEFT_E_LIMIT); /* not "nobody": who came waits on */
    s = fdpass_accept(l, NULL);
    assert_true(s >= 0);
    close(c);
    close(s);
    close(l);
    assert_int_equal(fdpass_connect(path, NULL), WEFT_E_NOT_FOUND); /* the file is there, nobody listens */
    l = fdpass_listen(path, NULL);
    assert_true(l >= 0);
    close(l);
    unlink(arena_z(&a, path));
    arena_fini(&a);
}

static void bad_paths(void **state) {
    struct arena a = {0};
    struct str path = arena_fmt(&a, "%s/file", (char *)*state);
    char long_one[200];
    memset(long_one, 'x', sizeof long_one);
    assert_int_equal(fdpass_listen(str_n(long_one, sizeof long_one), NULL), WEFT_E_INVALID);
    assert_int_equal(fdpass_connect(STR_NONE, NULL), WEFT_E_INVALID);
    int fd = open(arena_z(&a, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_true(fdpass_listen(path, NULL) < 0); /* somebody's file stays */
    assert_int_equal(unlink(arena_z(&a, path)), 0);
    arena_fini(&a);
}

static void listeners_are_told_from_others(void **state) {
    struct addr a, bound, where;
    int ends[2];
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), NULL), 0);
    int fd = sock_bind(&a, NULL, &bound, NULL);
    assert_true(fdpass_is_listener(fd, &where) && addr_eq(&where, &bound));
    close(fd);
    pair(ends);
    assert_false(fdpass_is_listener(ends[0], &where));
    assert_false(fdpass_adopt(STDIN_FILENO));
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(descriptors_come_whole_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_is_ours_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listeners_are_told_from_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
