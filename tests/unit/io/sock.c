// SPDX-License-Identifier: Apache-2.0
#include "io/sock.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "pump.h"

#define BIG (8u << 20)

struct end { /* one end of a connection, and what happened to it */
    struct transport *t;
    unsigned events, opens, fails, writes;
    struct buf in;
    size_t in_total;
    bool eof, auto_read, close_on_read, count_only;
    int read_code;
};

static void read_all(struct end *e) {
    char buf[65536];
    for (;;) {
        ssize_t n = transport_read(e->t, buf, sizeof buf);
        if (n == WEFT_E_AGAIN)
            return;
        if (n <= 0) {
            e->eof = n == 0;
            e->read_code = (int)n;
            return;
        }
        e->in_total += (size_t)n;
        if (!e->count_only)
            buf_add(&e->in, str_n(buf, (size_t)n));
    }
}

static void on_event(void *ctx, unsigned events) {
    struct end *e = ctx;
    e->events |= events;
    e->opens += !!(events & TR_OPEN);
    e->fails += !!(events & TR_FAIL);
    e->writes += !!(events & TR_WRITE);
    if (events & TR_READ && e->close_on_read)
        transport_close(&e->t);
    else if (events & TR_READ && e->auto_read)
        read_all(e);
}

struct fix {
    struct loop l;
    struct sock_listener sl;
    struct end client, server;
    unsigned accepted, keep;
    bool close_listener;
};

static void on_accept(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct fix *f = sl->ctx;
    f->accepted++;
    if (f->close_listener)
        sock_listener_close(sl);
    if (f->server.t || f->keep) {
        close(fd);
        return;
    }
    f->server.t = sock_adopt(&f->l, fd, peer, on_event, &f->server);
}

static void listen_on(struct fix *f, const char *text) {
    struct addr a;
    struct err e = {0};
    assert_int_equal(addr_parse(&a, str_of(text), &e), 0);
    assert_int_equal(sock_listen(&f->sl, &f->l, &a, NULL, on_accept, f, &e), 0);
}

static void up(struct fix *f, const char *text) {
    memset(f, 0, sizeof *f);
    pump_init(&f->l);
    listen_on(f, text);
    f->client.auto_read = f->server.auto_read = true;
}

static void connect_both(struct fix *f) {
    f->client.t = sock_dial(&f->l, &f->sl.addr, 0, on_event, &f->client);
    assert_int_equal(f->client.events, 0); /* never from within the call */
    PUMP_UNTIL(&f->l, f->client.opens && f->server.t);
    assert_int_equal(f->client.fails, 0);
}

static void down(struct fix *f) {
    transport_close(&f->client.t);
    transport_close(&f->server.t);
    sock_listener_close(&f->sl);
    buf_fini(&f->client.in);
    buf_fini(&f->server.in);
    assert_int_equal(f->l.watches, 0);
    loop_fini(&f->l);
}

static void echo(struct fix *f) {
    assert_int_equal(transport_write(f->client.t, STR("hello")), 5);
    PUMP_UNTIL(&f->l, f->server.in.len == 5);
    assert_true(str_eq(buf_str(&f->server.in), STR("hello")));
    assert_int_equal(f->client.t->tx, 5);
    assert_int_equal(f->server.t->rx, 5);
    /* half close: the other direction goes on */
    transport_shutdown(f->client.t);
    assert_int_equal(transport_write(f->client.t, STR("x")), WEFT_E_CLOSED);
    PUMP_UNTIL(&f->l, f->server.eof);
    struct iovec iov[] = {{"wor", 3}, {"", 0}, {"ld", 2}};
    assert_int_equal(transport_writev(f->server.t, iov, 3), 5);
    PUMP_UNTIL(&f->l, f->client.in.len == 5);
    assert_true(str_eq(buf_str(&f->client.in), STR("world")));
    transport_shutdown(f->server.t);
    PUMP_UNTIL(&f->l, f->client.eof);
    assert_int_equal(f->client.fails + f->server.fails, 0);
    /* both ended: that hang-up must not turn the loop */
    uint64_t turns = f->l.turns;
    bool over = false;
    struct timer_flag rest = {.flag = &over};
    loop_timer(&f->l, &rest.t, 30 * CLOCK_MS, pump_set_flag);
    PUMP_UNTIL(&f->l, over);
    assert_true(f->l.turns - turns < 10);
    assert_int_equal(f->client.fails + f->server.fails, 0);
}

static bool same_addr(const struct addr_kept *a, const struct addr_kept *b) {
    const struct addr x = addr_kept(a), y = addr_kept(b);
    return x.len > 0 && addr_eq(&x, &y);
}

static void tcp(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    assert_int_not_equal(addr_port(&f.sl.addr), 0);
    connect_both(&f);
    assert_true(same_addr(&f.client.t->local, &f.server.t->remote));
    assert_true(same_addr(&f.client.t->remote, &f.server.t->local));
    echo(&f);
    down(&f);
}

static void unix_socket(void **state) {
    char dir[] = "/tmp/weft-sock-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "unix:%s/s", dir);
    struct fix f;
    up(&f, path);
    struct sock_listener second = {0};
    struct err e = {0};
    connect_both(&f);
    echo(&f);
    /* somebody answers there: not stale */
    assert_int_equal(sock_listen(&second, &f.l, &f.sl.addr, NULL, on_accept, &f, &e), WEFT_E_EXISTS);
    down(&f);
    struct stat st;
    assert_int_equal(stat(path + 5, &st), 0); /* stale now: replaced */
    up(&f, path);
    connect_both(&f);
    down(&f);
    unlink(path + 5);
    rmdir(dir);
}

static void refused(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    struct addr a = f.sl.addr;
    sock_listener_close(&f.sl);
    f.client.t = sock_dial(&f.l, &a, 0, on_event, &f.client);
    assert_int_equal(f.client.events, 0);
    PUMP_UNTIL(&f.l, f.client.events);
    assert_int_equal(f.client.events, TR_FAIL);
    assert_int_equal(f.client.t->error->code, WEFT_E_REFUSED);
    assert_non_null(strstr(f.client.t->error->msg, "refused"));
    assert_int_equal(transport_write(f.client.t, STR("x")), WEFT_E_REFUSED);
    down(&f);
}

static void refused_unix(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    struct addr a;
    assert_int_equal(addr_parse(&a, STR("unix:/nonexistent/weft/s"), NULL), 0);
    f.client.t = sock_dial(&f.l, &a, 0, on_event, &f.client);
    assert_int_equal(f.client.events, 0);
    PUMP_UNTIL(&f.l, f.client.events);
    assert_int_equal(f.client.t->error->code, WEFT_E_CONNECT);
    assert_int_equal(f.client.fails, 1);
    down(&f);
}

static void dial_timeout(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    /* a listener whose backlog is full answers no SYN: fill it without ever accepting */
    struct addr a, bound;
    struct err e = {0};
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), &e), 0);
    int fd = sock_bind(&a, &(struct sock_listen_opts){.backlog = 1}, &bound, &e);
    assert_true(fd >= 0);
    struct end ends[8] = {0};
    for (int i = 0; i < 8; i++)
        ends[i].t = sock_dial(&f.l, &bound, 50 * CLOCK_MS, on_event, &ends[i]);
    unsigned done = 0;
    while (done < 8) {
        loop_turn(&f.l, true);
        done = 0;
        for (int i = 0; i < 8; i++)
            done += ends[i].opens + ends[i].fails;
    }
    unsigned timeouts = 0;
    for (int i = 0; i < 8; i++) {
        if (ends[i].fails)
            assert_int_equal(ends[i].t->error->code, WEFT_E_CONNECT_TIMEOUT);
        timeouts += ends[i].fails;
        transport_close(&ends[i].t);
    }
    assert_true(timeouts > 0);
    close(fd);
    down(&f);
}

static void short_writes_and_back_pressure(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    char *data = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        data[i] = (char)(i * 31 >> 8);
    transport_want_read(f.server.t, false); /* a slow reader */
    size_t sent = 0;
    ssize_t n;
    while ((n = transport_write(f.client.t, str_n(data + sent, BIG - sent))) > 0)
        sent += (size_t)n;
    assert_int_equal(n, WEFT_E_AGAIN);
    assert_true(sent > 0 && sent < BIG);
    assert_int_equal(transport_write(f.client.t, STR("x")), WEFT_E_AGAIN);
    for (int i = 0; i < 10; i++)
        loop_turn(&f.l, false);
    assert_int_equal(f.server.in.len, 0);
    transport_want_read(f.server.t, true);
    while (sent < BIG) {
        f.client.writes = 0;
        PUMP_UNTIL(&f.l, f.client.writes);
        while (sent < BIG && (n = transport_write(f.client.t, str_n(data + sent, BIG - sent))) > 0)
            sent += (size_t)n;
    }
    PUMP_UNTIL(&f.l, f.server.in.len == BIG);
    assert_memory_equal(buf_str(&f.server.in).ptr, data, BIG);
    f.client.writes = 0;
    for (int i = 0; i < 5; i++)
        loop_turn(&f.l, false);
    assert_int_equal(f.client.writes, 0); /* switched off again */
    free(data);
    down(&f);
}

static void reset_is_told_to_a_paused_reader(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    transport_want_read(f.client.t, false);
    /* closing with unread octets makes the kernel send a reset */
    transport_want_read(f.server.t, false);
    assert_int_equal(transport_write(f.client.t, STR("unread")), 6);
    transport_close(&f.server.t);
    PUMP_UNTIL(&f.l, f.client.fails);
    assert_int_equal(f.client.t->error->code, WEFT_E_RESET);
    for (int i = 0; i < 5; i++)
        loop_turn(&f.l, false);
    assert_int_equal(f.client.fails, 1);
    assert_int_equal(f.client.events & TR_READ, 0);
    down(&f);
}

static void reset_is_read_and_then_told(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    transport_want_read(f.server.t, false);
    assert_int_equal(transport_write(f.client.t, STR("unread")), 6);
    transport_close(&f.server.t);
    PUMP_UNTIL(&f.l, f.client.fails);
    assert_int_equal(f.client.read_code, WEFT_E_RESET);
    assert_int_equal(f.client.fails, 1);
    down(&f);
}

static void paused_reader_keeps_what_came_before_an_orderly_end(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    transport_want_read(f.client.t, false);
    transport_shutdown(f.client.t);
    assert_int_equal(transport_write(f.server.t, STR("rest")), 4);
    PUMP_UNTIL(&f.l, f.server.eof);
    transport_close(&f.server.t);
    for (int i = 0; i < 20; i++)
        loop_turn(&f.l, false);
    assert_int_equal(f.client.fails, 0);
    transport_want_read(f.client.t, true);
    PUMP_UNTIL(&f.l, f.client.eof);
    assert_true(str_eq(buf_str(&f.client.in), STR("rest")));
    down(&f);
}

static void closed_within_its_own_event(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    f.server.close_on_read = true;
    assert_int_equal(transport_write(f.client.t, STR("x")), 1);
    PUMP_UNTIL(&f.l, !f.server.t);
    PUMP_UNTIL(&f.l, f.client.eof || f.client.fails);
    down(&f);
}

static void peek_takes_nothing(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    char c[8];
    f.server.auto_read = false;
    assert_int_equal(sock_peek(f.server.t, c, sizeof c), WEFT_E_AGAIN);
    assert_int_equal(transport_write(f.client.t, STR("abc")), 3);
    PUMP_UNTIL(&f.l, f.server.events & TR_READ);
    assert_int_equal(sock_peek(f.server.t, c, sizeof c), 3);
    assert_int_equal(transport_read(f.server.t, c, sizeof c), 3);
    assert_memory_equal(c, "abc", 3);
    down(&f);
}

static unsigned count_fds(void) {
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void out_of_descriptors(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    connect_both(&f);
    transport_close(&f.server.t);
    transport_close(&f.client.t);
    unsigned before = f.accepted;
    memset(&f.client, 0, sizeof f.client);
    f.client.auto_read = true;
    f.client.t = sock_dial(&f.l, &f.sl.addr, 0, on_event, &f.client);
    struct end second = {.auto_read = true};
    second.t = sock_dial(&f.l, &f.sl.addr, 0, on_event, &second);
    struct rlimit old, tight;
    getrlimit(RLIMIT_NOFILE, &old);
    tight = old;
    tight.rlim_cur = count_fds(); /* all are in use: the lowest free one is above */
    int fill[64], n_fill = 0;
    while (n_fill < 64 && (fill[n_fill] = dup(0)) >= 0 && (rlim_t)fill[n_fill] < tight.rlim_cur)
        n_fill++; /* holes below the limit */
    if (n_fill < 64 && fill[n_fill] >= 0)
        close(fill[n_fill]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    PUMP_UNTIL(&f.l, timer_running(&f.sl.pause));
    assert_int_equal(f.accepted, before);
    PUMP_UNTIL(&f.l, f.client.eof || f.client.fails); /* the one that was shed has learnt of it */
    uint64_t turns = f.l.turns;
    PUMP_UNTIL(&f.l, !timer_running(&f.sl.pause));
    assert_true(f.l.turns - turns < 50); /* no busy loop */
    setrlimit(RLIMIT_NOFILE, &old);
    PUMP_UNTIL(&f.l, f.accepted == before + 1); /* the other one */
    for (int i = 0; i < n_fill; i++)
        close(fill[i]);
    transport_close(&second.t);
    down(&f);
}

static void listener_closed_by_its_callback(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    f.close_listener = true;
    struct end second = {0};
    second.t = sock_dial(&f.l, &f.sl.addr, 0, on_event, &second);
    f.client.t = sock_dial(&f.l, &f.sl.addr, 0, on_event, &f.client);
    PUMP_UNTIL(&f.l, f.accepted && (second.opens || second.fails) && (f.client.opens || f.client.fails));
    assert_int_equal(f.accepted, 1);
    assert_int_equal(f.sl.fd, -1);
    transport_close(&second.t);
    down(&f);
}

static void drain_accepts_what_waits(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    f.keep = true;
    struct end ends[100] = {0};
    struct loop other; /* so that nothing is accepted meanwhile */
    pump_init(&other);
    for (int i = 0; i < 100; i++)
        ends[i].t = sock_dial(&other, &f.sl.addr, 0, on_event, &ends[i]);
    for (int i = 0; i < 100; i++)
        PUMP_UNTIL(&other, ends[i].opens);
    sock_listener_drain(&f.sl);
    assert_int_equal(f.accepted, 100);
    assert_int_equal(f.l.watches, 0);
    for (int i = 0; i < 100; i++)
        transport_close(&ends[i].t);
    loop_fini(&other);
    down(&f);
}

static void source_address(void **state) {
    struct addr a, src = {0};
    struct err e = {0};
    char text[ADDR_TEXT];
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:80"), &e), 0);
    assert_int_equal(sock_source_for(&a, &src, &e), 0);
    assert_string_equal(addr_text(&src, text), "127.0.0.1:0");
    assert_int_equal(addr_parse(&a, STR("unix:/x"), &e), 0);
    assert_int_equal(sock_source_for(&a, &src, &e), WEFT_E_INVALID);
}

static void address_in_use(void **state) {
    struct fix f;
    up(&f, "127.0.0.1:0");
    struct addr bound;
    struct err e = {0};
    assert_int_equal(sock_bind(&f.sl.addr, NULL, &bound, &e), WEFT_E_EXISTS);
    assert_non_null(strstr(e.msg, "127.0.0.1:"));
    down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp),
        cmocka_unit_test(unix_socket),
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_unix),
        cmocka_unit_test(dial_timeout),
        cmocka_unit_test(short_writes_and_back_pressure),
        cmocka_unit_test(reset_is_told_to_a_paused_reader),
        cmocka_unit_test(reset_is_read_and_then_told),
        cmocka_unit_test(paused_reader_keeps_what_came_before_an_orderly_end),
        cmocka_unit_test(closed_within_its_own_event),
        cmocka_unit_test(peek_takes_nothing),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(listener_closed_by_its_callback),
        cmocka_unit_test(drain_accepts_what_waits),
        cmocka_unit_test(source_address),
        cmocka_unit_test(address_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
