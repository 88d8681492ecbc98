// SPDX-License-Identifier: Apache-2.0
/* The older proxy is played: what it will have said is in the socket before the newer one asks. */
#include "proxy/inherited.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/mem.h"
#include "io/fdpass.h"
#include "io/sock.h"

struct fix {
    int older, newer, listening, files;
    struct loop l;
    struct inherited *in;
    unsigned ours, cancelled;
    char why[64];
};

static int open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int set_up(void **state) {
    struct fix *f = *state = mem_new(struct fix);
    struct addr a, bound;
    struct err e = {0};
    int ends[2];
    f->files = open_files();
    assert_int_equal(loop_init(&f->l, &(struct loop_cfg){.seed = 1}, &e), 0);
    assert_int_equal(fdpass_pair(ends, &e), 0);
    f->older = ends[0];
    f->newer = ends[1];
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), &e), 0);
    f->listening = sock_bind(&a, NULL, &bound, &e);
    assert_true(f->listening >= 0);
    return 0;
}

static int tear_down(void **state) {
    struct fix *f = *state;
    inherited_free(&f->in);
    if (f->older >= 0)
        close(f->older);
    close(f->listening);
    assert_int_equal(f->l.watches, 0);
    loop_fini(&f->l);
    assert_int_equal(open_files(), f->files); /* nothing that was given along is left open */
    free(f);
    return 0;
}

static void say(struct fix *f, struct takeover_msg m, const int *fds, unsigned n) {
    struct buf text = {0};
    takeover_msg_write(&m, &text);
    assert_int_equal(fdpass_send(f->older, buf_str(&text), fds, n, NULL), 0);
    buf_fini(&text);
}

static void say_offer(struct fix *f, unsigned protocol, unsigned sockets) {
    say(f, (struct takeover_msg){.type = TAKEOVER_OFFER, .protocol = protocol, .sockets = sockets, .text = STR("0.1")}, NULL, 0);
}

static void say_socket(struct fix *f, enum takeover_kind kind, const char *name, const int *fds, unsigned n) {
    say(f, (struct takeover_msg){.type = TAKEOVER_SOCKET, .kind = kind, .text = str_of(name)}, fds, n);
}

static int receive(struct fix *f) {
    struct err e = {0};
    int rc = inherited_receive(&f->in, f->newer, &e);
    f->newer = -1; /* taken over */
    return rc;
}

/* ---- what comes ---- */
static void taking(void **state) {
    struct fix *f = *state;
    int two[] = {f->listening, f->listening}, fds[FDPASS_FDS];
    struct addr any, other;
    assert_int_equal(addr_parse(&any, STR("127.0.0.1:0"), NULL), 0);
    assert_int_equal(addr_parse(&other, STR("127.0.0.2:0"), NULL), 0);
    say_offer(f, TAKEOVER_PROTOCOL, 3);
    say_socket(f, TAKEOVER_LISTENER, "front", two, 2);
    say_socket(f, TAKEOVER_LISTENER, "left", two, 1);
    say_socket(f, TAKEOVER_LOCK, "/data", &f->older, 1);
    assert_int_equal(receive(f), 0);
    assert_int_equal(inherited_take(f->in, TAKEOVER_LISTENER, STR("front"), &other, fds), 0);
    assert_int_equal(inherited_take(f->in, TAKEOVER_LISTENER, STR("back"), &any, fds), 0);
    assert_int_equal(inherited_take(f->in, TAKEOVER_ADMIN, STR("front"), &any, fds), 0);
    assert_int_equal(inherited_take(f->in, TAKEOVER_LISTENER, STR("front"), &any, fds), 2);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(inherited_take(f->in, TAKEOVER_LISTENER, STR("front"), &any, fds), 0); /* once */
    assert_int_equal(inherited_take_one(f->in, TAKEOVER_LOCK, STR("/other")), -1);
    close(inherited_take_one(f->in, TAKEOVER_LOCK, STR("/data")));
    assert_int_equal(inherited_take_one(f->in, TAKEOVER_LOCK, STR("/data")), -1);
}

static void nothing_but_an_end(void **state) {
    struct fix *f = *state;
    close(f->older);
    f->older = -1;
    assert_int_equal(receive(f), WEFT_E_CLOSED);
}

static void another_protocol(void **state) {
    struct fix *f = *state;
    say_offer(f, TAKEOVER_PROTOCOL + 1, 0);
    assert_int_equal(receive(f), WEFT_E_VERSION);
}

static void cancelled(void **state) {
    struct fix *f = *state;
    say_offer(f, TAKEOVER_PROTOCOL, 1);
    say(f, (struct takeover_msg){.type = TAKEOVER_CANCEL, .text = STR("it drains")}, NULL, 0);
    assert_int_equal(receive(f), WEFT_E_CANCELLED);
}

static void out_of_turn(void **state) {
    struct fix *f = *state;
    say_socket(f, TAKEOVER_LISTENER, "front", &f->listening, 1);
    assert_int_equal(receive(f), WEFT_E_PROTOCOL);
}

static void no_listening_socket(void **state) {
    struct fix *f = *state;
    int mixed[] = {f->listening, f->older};
    say_offer(f, TAKEOVER_PROTOCOL, 2);
    say_socket(f, TAKEOVER_LISTENER, "front", &f->listening, 1);
    say_socket(f, TAKEOVER_LISTENER, "back", mixed, 2);
    assert_int_equal(receive(f), WEFT_E_PROTOCOL);
}

static void too_few(void **state) {
    struct fix *f = *state;
    say_offer(f, TAKEOVER_PROTOCOL, 1);
    say_socket(f, TAKEOVER_LISTENER, "front", NULL, 0);
    assert_int_equal(receive(f), WEFT_E_PROTOCOL);
}

static void too_many(void **state) {
    struct fix *f = *state;
    int two[] = {f->listening, f->listening};
    say_offer(f, TAKEOVER_PROTOCOL, 1);
    say_socket(f, TAKEOVER_LOCK, "/data", two, 2);
    assert_int_equal(receive(f), WEFT_E_PROTOCOL);
}

/* ---- what follows ---- */
static void on_ours(void *ctx) {
    ((struct fix *)ctx)->ours++;
}

static void on_cancel(void *ctx, const char *why) {
    struct fix *f = ctx;
    f->cancelled++;
    snprintf(f->why, sizeof f->why, "%s", why);
}

static void serve(struct fix *f) {
    const struct inherited_cb cb = {on_ours, on_cancel, f};
    say_offer(f, TAKEOVER_PROTOCOL, 0);
    assert_int_equal(receive(f), 0);
    inherited_watch(f->in, &f->l, &cb);
}

static void yours(void **state) {
    struct fix *f = *state;
    serve(f);
    inherited_ready(f->in);
    assert_int_equal(fdpass_send(f->older, STR("{\"type\":\"later\"}"), NULL, 0, NULL), 0); /* of a later version */
    say_offer(f, TAKEOVER_PROTOCOL, 0);
    loop_turn(&f->l, true);
    loop_turn(&f->l, true);
    assert_int_equal(f->ours + f->cancelled, 0); /* the older one serves until it says otherwise */
    say(f, (struct takeover_msg){.type = TAKEOVER_YOURS}, NULL, 0);
    loop_turn(&f->l, true);
    assert_int_equal(f->ours, 1);
    assert_int_equal(f->cancelled, 0);
}

static void not_yours(void **state) {
    struct fix *f = *state;
    serve(f);
    inherited_ready(f->in);
    say(f, (struct takeover_msg){.type = TAKEOVER_CANCEL, .text = STR("too late")}, NULL, 0);
    loop_turn(&f->l, true);
    assert_int_equal(f->ours, 0);
    assert_int_equal(f->cancelled, 1);
    assert_string_equal(f->why, "too late");
}

static void it_died_before(void **state) {
    struct fix *f = *state;
    serve(f);
    close(f->older);
    f->older = -1;
    loop_turn(&f->l, true);
    assert_int_equal(f->ours, 0); /* we do not serve yet */
    inherited_ready(f->in);
    assert_int_equal(f->ours, 1);
}

static void it_died_after(void **state) {
    struct fix *f = *state;
    serve(f);
    inherited_ready(f->in);
    close(f->older);
    f->older = -1;
    loop_turn(&f->l, true);
    assert_int_equal(f->ours, 1);
}

/* ---- who is it? ---- */
static void by_environment(void **state) {
    struct fix *f = *state;
    char text[16];
    struct err e = {0};
    snprintf(text, sizeof text, "%d", f->newer);
    (void)fcntl(f->newer, F_SETFD, 0); /* as it came through exec */
    setenv(TAKEOVER_FD_ENV, text, 1);
    assert_int_equal(inherited_find(NULL, &e), f->newer);
    assert_true(fcntl(f->newer, F_GETFD) & FD_CLOEXEC); /* children of ours would hold it open */
    assert_null(getenv(TAKEOVER_FD_ENV));
    close(f->newer);
    snprintf(text, sizeof text, "%d", f->listening);
    setenv(TAKEOVER_FD_ENV, text, 1);
    assert_int_equal(inherited_find(NULL, &e), WEFT_E_INVALID);
    assert_int_equal(inherited_find(NULL, &e), WEFT_E_NOT_FOUND);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(taking),        CASE(nothing_but_an_end), CASE(another_protocol),
                                       CASE(cancelled),     CASE(out_of_turn),        CASE(no_listening_socket),
                                       CASE(too_few),       CASE(too_many),           CASE(yours),
                                       CASE(not_yours),     CASE(it_died_before),     CASE(it_died_after),
                                       CASE(by_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
