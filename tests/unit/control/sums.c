// SPDX-License-Identifier: Apache-2.0
/* Sums over proxies: none counted twice, none going back, over restarts of either side; what is on disk is judged. */
#include "control/sums.c"
#include <sys/stat.h>
#include <unistd.h>
#include "fixture.h"

#define OUT(n) (&(struct session_stats){.outbound_requests = (n)})

struct at {
    char dir[32], file[48];
};

static struct at make_dir(void) {
    struct at at = {.dir = "/tmp/weft-sums-XXXXXX"};
    assert_non_null(mkdtemp(at.dir));
    snprintf(at.file, sizeof at.file, "%s/sums", at.dir);
    return at;
}

static void remove_dir(const struct at *at) {
    assert_int_equal(unlink(at->file), 0);
    assert_int_equal(rmdir(at->dir), 0); /* nothing else was left there */
}

static struct sums open_sums(struct fx *fx, const struct at *at) {
    struct sums s = {0};
    sums_open(&s, &fx->loop, str_of(at->dir));
    return s;
}

static void restarts(void **state) {
    struct fx *fx = *state;
    struct at at = make_dir();
    struct sums s = open_sums(fx, &at);
    assert_int_equal(s.sum.outbound_requests, 0);
    sums_add(&s, 1, OUT(5));
    sums_add(&s, 2, OUT(7));
    sums_add(&s, 3, OUT(1)); /* the proxy that was 1 begins at 0 */
    assert_int_equal(s.sum.outbound_requests, 13);
    sums_fini(&s);
    struct stat st;
    assert_int_equal(stat(at.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    s = open_sums(fx, &at);
    assert_int_equal(s.sum.outbound_requests, 13);
    sums_add(&s, 2, OUT(7)); /* comes back, and tells what it had told */
    sums_add(&s, 3, OUT(4));
    assert_int_equal(s.sum.outbound_requests, 16);
    sums_fini(&s);
    remove_dir(&at);
}

/* kill -9: what is on disk is at most about a second old; who is still there tells the rest again. */
static void crash(void **state) {
    struct fx *fx = *state;
    struct at at = make_dir();
    struct sums s = open_sums(fx, &at), after;
    sums_add(&s, 1, OUT(5));
    fx_wait(fx, 1100 * CLOCK_MS);
    sums_add(&s, 1, OUT(8)); /* not yet kept */
    after = open_sums(fx, &at);
    assert_int_equal(after.sum.outbound_requests, 5);
    sums_add(&after, 1, OUT(9));
    assert_int_equal(after.sum.outbound_requests, 9);
    sums_fini(&after);
    sums_fini(&s);
    remove_dir(&at);
}

/* Every cut and every changed octet: begun anew or read, never a crash (run under ASan), never a sum that JSON cannot tell. */
static void damage(void **state) {
    struct fx *fx = *state;
    struct at at = make_dir();
    struct sums s = open_sums(fx, &at);
    struct buf b = {0};
    struct err e = {0};
    sums_add(&s, 1, OUT(5));
    sums_add(&s, 2, OUT(6));
    sums_fini(&s);
    assert_true(file_read(str_of(at.file), 4096, &b, &e) >= 0);
    size_t len = b.len;
    for (size_t i = 0; i < 2 * len; i++) {
        char *text = mem_strdup(buf_str(&b));
        text[i % len] ^= (char)0xd5;
        assert_true(file_publish(str_of(at.file), str_n(text, i < len ? len : i - len), 0600, &e) >= 0);
        s = open_sums(fx, &at);
        assert_true(s.sum.outbound_requests <= INT64_MAX);
        sums_add(&s, 9, OUT(UINT64_MAX));
        assert_int_equal(s.sum.outbound_requests, INT64_MAX);
        sums_fini(&s);
        free(text);
    }
    buf_add(&b, str_from(buf_str(&b), len - sizeof(struct record))); /* a start that is there twice */
    assert_true(file_publish(str_of(at.file), buf_str(&b), 0600, &e) >= 0);
    s = open_sums(fx, &at);
    assert_int_equal(s.sum.outbound_requests, 0);
    sums_fini(&s);
    buf_fini(&b);
    remove_dir(&at);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(restarts), TEST(crash), TEST(damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
