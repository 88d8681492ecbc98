// SPDX-License-Identifier: Apache-2.0
/* The older side on virtual time: who comes and does not get ready in time is told so, and the next one is taken. */
#include "proxy/takeover.h"
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "../io/pump.h"
#include "io/fdpass.h"
#include "proxy/proxy.h"

struct fx {
    struct loop loop;
    struct clock clock;
    uint64_t ahead;
    struct proxy proxy; /* without a listener: what is given is the path's socket alone */
    struct log log;
    struct takeover *t;
    char dir[32], path[64];
    unsigned taken;
};
static uint64_t mono(const struct clock *c) {
    return clock_real.mono_us(&clock_real) + container_of(c, struct fx, clock)->ahead;
}
static uint64_t wall(const struct clock *c) {
    return clock_real.wall_us(&clock_real);
}
static void on_taken(void *ctx) {
    ((struct fx *)ctx)->taken++;
}

static int setup(void **state) {
    struct fx *fx = *state = mem_new(struct fx);
    struct err e = {0};
    fx->clock = (struct clock){mono, wall};
    assert_int_equal(loop_init(&fx->loop, &(struct loop_cfg){.seed = 1, .clock = &fx->clock}, &e), 0);
    snprintf(fx->dir, sizeof fx->dir, "/tmp/weft-takeover-XXXXXX");
    assert_non_null(mkdtemp(fx->dir));
    snprintf(fx->path, sizeof fx->path, "%s/t.sock", fx->dir);
    struct takeover_cfg cfg = {
        .log = &fx->log, .proxy = &fx->proxy, .path = fx->path, .lock_fd = -1, .on_taken = on_taken, .ctx = fx};
    if (takeover_open(&fx->t, &fx->loop, &cfg, NULL, &e) < 0)
        fail_msg("%s", e.msg);
    return 0;
}
static int teardown(void **state) {
    struct fx *fx = *state;
    takeover_close(&fx->t);
    unlink(fx->path);
    rmdir(fx->dir);
    loop_turn(&fx->loop, false);
    loop_fini(&fx->loop);
    free(fx);
    return 0;
}

static int newer(struct fx *fx) {
    struct err e = {0};
    int fd = fdpass_connect(str_of(fx->path), &e);
    if (fd < 0)
        fail_msg("%s", e.msg);
    return fd;
}
static void say(int fd, enum takeover_type type) {
    struct buf text = {0};
    takeover_msg_write(&(struct takeover_msg){.type = type, .protocol = TAKEOVER_PROTOCOL, .pid = 7, .text = STR("test")}, &text);
    assert_int_equal(fdpass_send(fd, buf_str(&text), NULL, 0, NULL), 0);
    buf_fini(&text);
}
/* The next message's type, or -1 when none has come. `why`: its text. */
static int hear(struct fx *fx, int fd, char why[128]) {
    struct fdpass_msg f = {0};
    struct takeover_msg m;
    struct buf mem = {0};
    int type = -1;
    for (int i = 0; i < 20; i++)
        loop_turn(&fx->loop, false);
    if (fdpass_recv(fd, &f, 0, NULL) > 0) {
        assert_true(takeover_msg_read(&m, buf_str(&f.text), &mem, NULL) >= 0);
        type = (int)m.type;
        str_z(m.text, why, 128);
    }
    fdpass_fini(&f);
    buf_fini(&mem);
    return type;
}

/* 30 s, whether or not it has said hello. */
static void too_late(void **state) {
    struct fx *fx = *state;
    char why[128];
    for (int hello = 0; hello < 2; hello++) {
        int fd = newer(fx);
        if (hello) {
            say(fd, TAKEOVER_HELLO);
            assert_int_equal(hear(fx, fd, why), TAKEOVER_OFFER);
            assert_int_equal(hear(fx, fd, why), TAKEOVER_SOCKET);
        }
        assert_int_equal(hear(fx, fd, why), -1);
        fx->ahead += 29 * CLOCK_S;
        assert_int_equal(hear(fx, fd, why), -1);
        fx->ahead += 2 * CLOCK_S;
        assert_int_equal(hear(fx, fd, why), TAKEOVER_CANCEL);
        assert_string_equal(why, "the newer process was not ready within 30 s");
        close(fd);
    }
    assert_int_equal(fx->taken, 0);
}

/* After one that was late the next is taken; while one is at it, no other is. */
static void the_next_one(void **state) {
    struct fx *fx = *state;
    char why[128];
    int late = newer(fx);
    hear(fx, late, why);
    int second = newer(fx);
    assert_int_equal(hear(fx, second, why), TAKEOVER_CANCEL);
    close(second);
    fx->ahead += 31 * CLOCK_S;
    assert_int_equal(hear(fx, late, why), TAKEOVER_CANCEL);
    int good = newer(fx);
    say(good, TAKEOVER_HELLO);
    assert_int_equal(hear(fx, good, why), TAKEOVER_OFFER);
    assert_int_equal(hear(fx, good, why), TAKEOVER_SOCKET);
    say(good, TAKEOVER_READY);
    assert_int_equal(hear(fx, good, why), TAKEOVER_YOURS);
    assert_int_equal(fx->taken, 1);
    fx->ahead += 60 * CLOCK_S; /* nothing is left to be late */
    assert_int_equal(hear(fx, good, why), -1);
    close(good);
    close(late);
}

static void count_line(void *ctx, enum log_level level, struct str line) {
    ++*(unsigned *)ctx;
}

/* Who comes while there is no descriptor for it is not spun on, and is taken when there is one. */
static void no_descriptors(void **state) {
    struct fx *fx = *state;
    char why[128];
    unsigned lines = 0;
    int fd = newer(fx);
    struct rlimit was, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = was.rlim_max};
    fx->log = (struct log){.sink = count_line, .ctx = &lines, .level = LOG_WARN};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int early = hear(fx, fd, why); /* 20 turns */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(early, -1);
    assert_int_equal(lines, 1);
    say(fd, TAKEOVER_HELLO);
    fx->ahead += 2 * CLOCK_S;
    assert_int_equal(hear(fx, fd, why), TAKEOVER_OFFER);
    close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(too_late), TEST(the_next_one), TEST(no_descriptors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
