// SPDX-License-Identifier: Apache-2.0
#include "io/file.h"
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pump.h"

struct dir {
    char path[64], text[4][128];
    unsigned n;
};

static struct str in(struct dir *d, const char *name) { /* valid for the next three calls */
    char *out = d->text[d->n++ % 4], *end = stpcpy(out, d->path);
    snprintf(end, 64, "/%.62s", name);
    return str_of(out);
}

static int set_up(void **state) {
    struct dir *d = *state = mem_new(struct dir);
    strcpy(d->path, "/tmp/weft-file-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    return 0;
}

static int remove_one(void *ctx, struct str name) {
    struct dir *d = ctx;
    char z[64];
    return file_remove(in(d, str_z(name, z, sizeof z)), NULL) < 0 ? WEFT_E_IO : 0;
}

static int tear_down(void **state) {
    struct dir *d = *state;
    assert_int_equal(file_list(str_of(d->path), remove_one, d, NULL), 0); /* nothing but plain files is left */
    assert_int_equal(rmdir(d->path), 0);
    free(d);
    return 0;
}

static void written_is_read(void **state) {
    struct dir *d = *state;
    struct err e = {0};
    struct buf b = {0};
    assert_int_equal(file_read(in(d, "a"), 100, &b, &e), WEFT_E_NOT_FOUND);
    assert_non_null(strstr(e.msg, "/a: "));
    assert_int_equal(file_write(in(d, "a"), STR("one"), 0600, &e), 0);
    assert_int_equal(file_read(in(d, "a"), 3, &b, &e), 0);
    assert_true(str_eq(buf_str(&b), STR("one")));
    struct stat st;
    assert_int_equal(stat(in(d, "a").ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_publish(in(d, "a"), STR_NONE, 0644, &e), 0); /* replaced */
    buf_fini(&b);
    assert_int_equal(file_read(in(d, "a"), 0, &b, &e), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(stat(in(d, "a").ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    buf_fini(&b);
}

static void large_and_too_large(void **state) {
    struct dir *d = *state;
    struct err e = {0};
    struct buf b = {0}, big = {0};
    memset(buf_room(&big, 100000), 'x', 100000);
    buf_added(&big, 100000);
    assert_int_equal(file_write(in(d, "big"), buf_str(&big), 0600, &e), 0);
    assert_int_equal(file_read(in(d, "big"), 100000, &b, &e), 0);
    assert_true(str_eq(buf_str(&b), buf_str(&big)));
    buf_fini(&b);
    assert_int_equal(file_read(in(d, "big"), 99999, &b, &e), WEFT_E_TOO_LARGE);
    buf_fini(&b);
    buf_fini(&big);
}

static int count(void *ctx, struct str name) {
    ++*(int *)ctx;
    return 0;
}

static void a_failed_write_leaves_all_as_it_was(void **state) {
    struct dir *d = *state;
    struct err e = {0};
    struct buf b = {0};
    assert_int_equal(file_mkdirs(in(d, "sub/full"), 0700, &e), 0);
    assert_true(file_write(in(d, "sub"), STR("x"), 0600, &e) < 0); /* cannot replace a directory */
    assert_int_equal(file_write(in(d, "none/x"), STR("x"), 0600, &e), WEFT_E_NOT_FOUND);
    int n = 0;
    assert_int_equal(file_list(str_of(d->path), count, &n, &e), 0);
    assert_int_equal(n, 1); /* no temporary file stays behind */
    assert_true(file_read(in(d, "sub"), 10, &b, &e) < 0);
    buf_fini(&b);
    rmdir(in(d, "sub/full").ptr);
    rmdir(in(d, "sub").ptr);
}

static void paths_with_nul_and_without_end(void **state) {
    struct dir *d = *state;
    struct err e = {0};
    struct buf b = {0};
    char longest[5000];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(file_read(str_n("/etc/passwd\0.txt", 16), 1, &b, &e), WEFT_E_INVALID);
    assert_int_equal(file_write(STR_NONE, STR("x"), 0600, &e), WEFT_E_INVALID);
    assert_int_equal(file_mkdirs(str_n(longest, sizeof longest), 0700, &e), WEFT_E_INVALID);
    assert_int_equal(file_remove(in(d, "missing"), &e), WEFT_E_NOT_FOUND);
    assert_int_equal(file_list(in(d, "missing"), count, NULL, &e), WEFT_E_NOT_FOUND);
    assert_null(b.mem);
}

static void directories(void **state) {
    struct dir *d = *state;
    struct err e = {0};
    struct stat st;
    assert_int_equal(file_mkdirs(in(d, "a//b/c/"), 0700, &e), 0);
    assert_int_equal(file_mkdirs(in(d, "a/b/c"), 0700, &e), 0); /* again */
    assert_int_equal(stat(in(d, "a/b").ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_write(in(d, "a/f"), STR("x"), 0600, &e), 0);
    assert_true(file_mkdirs(in(d, "a/f/g"), 0700, &e) < 0);
    assert_true(file_mkdirs(in(d, "a/f"), 0700, &e) < 0);
    assert_int_equal(file_remove(in(d, "a/f"), &e), 0);
    rmdir(in(d, "a/b/c").ptr);
    rmdir(in(d, "a/b").ptr);
    rmdir(in(d, "a").ptr);
}

static int join(void *ctx, struct str name) {
    struct buf *b = ctx;
    buf_fmt(b, STR_FMT " ", STR_ARG(name));
    return str_eq(name, STR("c")) ? WEFT_E_CANCELLED : 0;
}

static void listed_in_order(void **state) {
    struct dir *d = *state;
    struct buf b = {0};
    for (const char *p = "dBac"; *p; p++)
        assert_int_equal(file_write(in(d, (char[]){*p, 0}), STR("x"), 0600, NULL), 0);
    assert_int_equal(file_list(str_of(d->path), join, &b, NULL), WEFT_E_CANCELLED);
    assert_true(str_eq(buf_str(&b), STR("B a c ")));
    buf_fini(&b);
}

static void locked_once(void **state) {
    struct dir *d = *state;
    struct err e = {0};
    int fd = file_lock(in(d, "lock"), &e);
    assert_true(fd >= 0);
    assert_int_equal(file_lock(in(d, "lock"), &e), WEFT_E_CONFLICT); /* another description: like another process */
    close(fd);
    fd = file_lock(in(d, "lock"), &e);
    assert_true(fd >= 0);
    close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(written_is_read),
                                       CASE(large_and_too_large),
                                       CASE(a_failed_write_leaves_all_as_it_was),
                                       CASE(paths_with_nul_and_without_end),
                                       CASE(directories),
                                       CASE(listed_in_order),
                                       CASE(locked_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
