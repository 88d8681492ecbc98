// SPDX-License-Identifier: Apache-2.0
#include "io/tls.c" /* for key updates, which have no door */
#include <openssl/err.h>
#include <pthread.h>
#include <time.h>
#include "base/buf.h"
#include "crypto/ca.h"
#include "io/sock.h"
#include "pump.h"

#define BIG (8u << 20)
#define TD STR("cluster.local")

struct end {
    struct transport *t;
    unsigned opens, fails, writes, reads;
    struct buf in;
    bool eof, auto_read, close_on_open, close_on_fail;
    int read_code, fail_code;
    size_t read_cap;
    struct str sending;
};

static void read_end(struct end *e) {
    static char buf[65536];
    size_t cap = e->read_cap ? e->read_cap : sizeof buf;
    ssize_t n = transport_read(e->t, buf, cap);
    if (n > 0)
        buf_add(&e->in, str_n(buf, (size_t)n));
    else if (n != WEFT_E_AGAIN) {
        e->eof = n == 0;
        e->read_code = (int)n;
    }
}

static void send_some(struct end *e) {
    ssize_t n;
    while (e->sending.len && (n = transport_write(e->t, e->sending)) > 0)
        e->sending = str_from(e->sending, (size_t)n);
}

static void on_event(void *ctx, unsigned events) {
    struct end *e = ctx;
    e->opens += !!(events & TR_OPEN);
    e->fails += !!(events & TR_FAIL);
    e->writes += !!(events & TR_WRITE);
    e->reads += !!(events & TR_READ);
    if (events & TR_FAIL)
        e->fail_code = e->t->error->code;
    if (events & TR_FAIL && e->close_on_fail) {
        transport_close(&e->t);
        return;
    }
    if (events & TR_OPEN && e->close_on_open) {
        transport_close(&e->t);
        return;
    }
    if (events & (TR_WRITE | TR_OPEN))
        send_some(e);
    if (events & TR_READ && e->auto_read)
        read_end(e);
}

struct fix {
    struct loop l;
    struct sock_listener sl;
    struct arena a;
    struct ca *ca, *other_ca;
    struct ca_issued web, api, foreign;
    struct tls_ctx *client_ctx, *server_ctx;
    struct end client, server;
    unsigned reads, writes; /* of the server's socket */
};

/* ---- a transport that counts what is asked of the socket below it ---- */

struct counter {
    struct transport t;
    struct transport *below;
    unsigned *reads, *writes;
};

static struct counter *counter_of(struct transport *t) {
    return container_of(t, struct counter, t);
}

static void counter_event(void *ctx, unsigned events) {
    struct counter *c = ctx;
    c->t.on_event(c->t.ctx, events);
}

static ssize_t counter_read(struct transport *t, void *dst, size_t cap) {
    ++*counter_of(t)->reads;
    return transport_read(counter_of(t)->below, dst, cap);
}

static ssize_t counter_writev(struct transport *t, const struct iovec *iov, int n) {
    ++*counter_of(t)->writes;
    return transport_writev(counter_of(t)->below, iov, n);
}

static void counter_want_read(struct transport *t, bool on) {
    transport_want_read(counter_of(t)->below, on);
}

static void counter_shutdown(struct transport *t) {
    transport_shutdown(counter_of(t)->below);
}

static void counter_close(struct transport *t) {
    struct counter *c = counter_of(t);
    transport_close(&c->below);
    free(c);
}

static struct transport *count(struct transport *below, unsigned *reads, unsigned *writes) {
    static const struct transport_ops ops = {"counter",         counter_read,     counter_writev,
                                             counter_want_read, counter_shutdown, counter_close};
    struct counter *c = mem_new(struct counter);
    c->t = (struct transport){.ops = &ops, .loop = below->loop};
    transport_take_addresses(&c->t, below);
    c->below = below;
    c->reads = reads;
    c->writes = writes;
    transport_bind(below, counter_event, c);
    return &c->t;
}

static void on_accept(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct fix *f = sl->ctx;
    struct transport *below = sock_adopt(&f->l, fd, peer, NULL, NULL);
    if (f->server_ctx)
        below = count(below, &f->reads, &f->writes);
    f->server.t = f->server_ctx ? tls_server(&below, f->server_ctx, 0, on_event, &f->server) : below;
    if (!f->server_ctx)
        transport_bind(f->server.t, on_event, &f->server);
    assert_null(f->server_ctx ? below : NULL);
}

static void issue(struct fix *f, struct ca *ca, const char *service, struct ca_issued *out) {
    struct err e = {0};
    assert_int_equal(ca_issue(ca, STR("default"), str_of(service), KEY_EC256, 3600, time(NULL), &f->a, out, &e), 0);
}

static int set_up(void **state) {
    struct fix *f = *state = mem_new(struct fix);
    struct err e = {0};
    struct addr a;
    pump_init(&f->l);
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), &e), 0);
    assert_int_equal(sock_listen(&f->sl, &f->l, &a, NULL, on_accept, f, &e), 0);
    assert_int_equal(ca_create(&f->ca, TD, time(NULL), &e), 0);
    assert_int_equal(ca_create(&f->other_ca, TD, time(NULL), &e), 0);
    issue(f, f->ca, "web", &f->web);
    issue(f, f->ca, "api", &f->api);
    issue(f, f->other_ca, "web", &f->foreign);
    f->client.auto_read = f->server.auto_read = true;
    return 0;
}

static int tear_down(void **state) {
    struct fix *f = *state;
    transport_close(&f->client.t);
    transport_close(&f->server.t);
    sock_listener_close(&f->sl);
    tls_ctx_unref(&f->client_ctx);
    tls_ctx_unref(&f->server_ctx);
    buf_fini(&f->client.in);
    buf_fini(&f->server.in);
    ca_free(&f->ca);
    ca_free(&f->other_ca);
    arena_fini(&f->a);
    assert_int_equal(f->l.watches, 0);
    loop_fini(&f->l);
    assert_int_equal(ERR_peek_error(), 0); /* OpenSSL's queue is always left empty */
    free(f);
    return 0;
}

static struct tls_cfg client_cfg(const struct fix *f) {
    return (struct tls_cfg){.cert_pem = f->api.cert_pem,
                            .key_pem = f->api.key_pem,
                            .ca_pem = ca_cert_pem(f->ca),
                            .spiffe = true,
                            .trust_domain = TD,
                            .alpn = STR("h2,http/1.1")};
}

static struct tls_cfg server_cfg(const struct fix *f) {
    return (struct tls_cfg){.server = true,
                            .cert_pem = f->web.cert_pem,
                            .key_pem = f->web.key_pem,
                            .ca_pem = ca_cert_pem(f->ca),
                            .spiffe = true,
                            .trust_domain = TD,
                            .require_peer = true,
                            .alpn = STR("http/1.1,h2")};
}

static void contexts(struct fix *f, const struct tls_cfg *client, const struct tls_cfg *server) {
    struct err e = {0};
    if (tls_ctx_new(&f->client_ctx, client, &e) < 0 || tls_ctx_new(&f->server_ctx, server, &e) < 0)
        fail_msg("%s", e.msg);
}

static void dial(struct fix *f, struct str id) {
    loop_turn(&f->l, false); /* keys may have taken seconds: time limits begin now, not when the loop last looked */
    struct transport *below = sock_dial(&f->l, &f->sl.addr, 0, NULL, NULL);
    f->client.t = tls_client(&below, f->client_ctx, STR("web.default"), &id, id.len ? 1 : 0, 0, on_event, &f->client);
    assert_null(below);
    assert_int_equal(f->client.opens + f->client.fails, 0); /* never from within the call */
}

static void both_open(struct fix *f, struct str id) {
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    contexts(f, &c, &s);
    dial(f, id);
    PUMP_UNTIL(&f->l, f->client.fails || (f->client.opens && f->server.opens));
    if (f->client.fails)
        fail_msg("%s", f->client.t->error->msg);
}

static void mutual(void **state) {
    struct fix *f = *state;
    both_open(f, STR("spiffe://cluster.local/ns/default/sa/web"));
    const struct tls_peer *web = f->client.t->peer, *api = f->server.t->peer;
    assert_non_null(web);
    assert_non_null(api);
    assert_true(str_eq(web->spiffe, STR("spiffe://cluster.local/ns/default/sa/web")));
    assert_true(str_eq(api->spiffe, STR("spiffe://cluster.local/ns/default/sa/api")));
    assert_true(str_eq(api->ns, STR("default")));
    assert_true(str_eq(api->service, STR("api")));
    assert_true(str_eq(api->subject, STR("CN=default.api")));
    assert_int_equal(strlen(api->hash), 64);
    assert_int_equal(api->not_after, f->api.not_after);
    assert_true(str_eq(f->client.t->alpn, STR("http/1.1"))); /* the server's preference */
    assert_true(str_eq(f->server.t->alpn, STR("http/1.1")));
    assert_true(f->client.t->tls);
    const struct addr ours = addr_kept(&f->client.t->local), theirs = addr_kept(&f->server.t->remote);
    assert_true(addr_eq(&ours, &theirs));
    struct iovec iov[] = {{"he", 2}, {"", 0}, {"llo", 3}};
    assert_int_equal(transport_writev(f->client.t, iov, 3), 5);
    PUMP_UNTIL(&f->l, f->server.in.len == 5);
    assert_true(str_eq(buf_str(&f->server.in), STR("hello")));
    assert_int_equal(f->server.t->rx, 5);
    transport_shutdown(f->client.t); /* half close */
    PUMP_UNTIL(&f->l, f->server.eof);
    assert_int_equal(transport_write(f->client.t, STR("x")), WEFT_E_CLOSED);
    assert_int_equal(transport_write(f->server.t, STR("world")), 5);
    transport_shutdown(f->server.t);
    PUMP_UNTIL(&f->l, f->client.eof);
    assert_true(str_eq(buf_str(&f->client.in), STR("world")));
    uint64_t turns = f->l.turns;
    bool over = false;
    struct timer_flag rest = {.flag = &over};
    loop_timer(&f->l, &rest.t, 30 * CLOCK_MS, pump_set_flag);
    PUMP_UNTIL(&f->l, over);
    assert_true(f->l.turns - turns < 10); /* the ends of both sides do not turn the loop */
    assert_int_equal(f->client.fails + f->server.fails, 0);
}

static void octets_with_the_end_of_the_handshake(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    /* The client's first request is received together with its Finished when the server is slow; then nothing more comes. */
    transport_close(&f->client.t);
    transport_close(&f->server.t);
    memset(&f->client, 0, sizeof f->client);
    buf_fini(&f->server.in);
    memset(&f->server, 0, sizeof f->server);
    f->client.auto_read = f->server.auto_read = true;
    f->server.read_cap = 3; /* and it is read in small pieces */
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->client.opens);
    assert_int_equal(transport_write(f->client.t, STR("0123456789")), 10);
    PUMP_UNTIL(&f->l, f->server.in.len == 10);
    assert_true(str_eq(buf_str(&f->server.in), STR("0123456789")));
}

static void one_send_and_one_receive(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    static char body[60000];
    struct iovec iov[] = {{"head", 4}, {body, 300}, {"tail", 4}};
    f->client.read_cap = 1000;
    f->writes = f->reads = 0;
    for (unsigned round = 1; round <= 10; round++) {
        assert_int_equal(transport_writev(f->server.t, iov, 3), 308);
        PUMP_UNTIL(&f->l, f->client.in.len == (size_t)round * 308);
        assert_int_equal(f->writes, round); /* head, body and tail in one record and one send */
        transport_write(f->client.t, STR("request"));
        PUMP_UNTIL(&f->l, f->server.in.len == (size_t)round * 7);
        assert_int_equal(f->reads, round); /* nobody probes after a short read */
    }
    f->writes = 0;
    assert_int_equal(transport_write(f->server.t, str_n(body, sizeof body)), sizeof body);
    assert_int_equal(f->writes, 1); /* four records */
    PUMP_UNTIL(&f->l, f->client.in.len == 3080 + sizeof body);
}

static void key_updates(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    for (unsigned round = 1; round <= 20; round++) {
        struct end *from = round % 2 ? &f->client : &f->server, *to = round % 2 ? &f->server : &f->client;
        size_t before = to->in.len;
        assert_int_equal(SSL_key_update(tls_of(from->t)->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(transport_write(from->t, STR("0123456789")), 10);
        PUMP_UNTIL(&f->l, to->in.len == before + 10);
    }
    assert_int_equal(f->client.fails + f->server.fails, 0);
}

static void much_both_ways(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    char *data = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        data[i] = (char)(i * 31 >> 8);
    transport_want_read(f->server.t, false); /* a slow reader */
    f->client.sending = str_n(data, BIG);
    f->server.sending = str_n(data, BIG);
    send_some(&f->client);
    assert_true(f->client.sending.len > 0);
    assert_int_equal(transport_write(f->client.t, STR("x")), WEFT_E_AGAIN); /* bounded */
    for (int i = 0; i < 20; i++)
        loop_turn(&f->l, false);
    assert_int_equal(f->server.in.len, 0);
    transport_want_read(f->server.t, true);
    send_some(&f->server);
    PUMP_UNTIL(&f->l, f->server.in.len == BIG && f->client.in.len == BIG);
    assert_memory_equal(buf_str(&f->server.in).ptr, data, BIG);
    assert_memory_equal(buf_str(&f->client.in).ptr, data, BIG);
    assert_true(f->client.writes > 0);
    free(data);
}

static void pause_holds_back_what_is_decrypted_already(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    f->server.read_cap = 4;
    f->server.auto_read = false;
    assert_int_equal(transport_write(f->client.t, STR("0123456789")), 10);
    PUMP_UNTIL(&f->l, f->server.reads);
    read_end(&f->server);
    transport_want_read(f->server.t, false);
    f->server.reads = 0;
    for (int i = 0; i < 5; i++)
        loop_turn(&f->l, false);
    assert_int_equal(f->server.reads, 0);
    f->server.auto_read = true;
    transport_want_read(f->server.t, true);
    PUMP_UNTIL(&f->l, f->server.in.len == 10);
}

static void expect_failure(struct fix *f, int client_code, int server_code) {
    f->client.auto_read = true;
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->client.fails && f->server.fails);
    assert_string_equal(err_name(f->client.fail_code), err_name(client_code));
    assert_string_equal(err_name(f->server.fail_code), err_name(server_code));
    assert_int_equal(f->client.fails, 1);
    assert_int_equal(f->server.opens, 0);
}

static void server_of_another_ca(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    s.cert_pem = f->foreign.cert_pem;
    s.key_pem = f->foreign.key_pem;
    contexts(f, &c, &s);
    expect_failure(f, WEFT_E_CERT, WEFT_E_CERT); /* the server learns it from the alert */
    assert_int_equal(f->client.opens, 0);
    assert_non_null(strstr(f->client.t->error->msg, "certificate not accepted"));
}

static void client_of_another_ca(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    issue(f, f->other_ca, "api", &f->foreign);
    c.cert_pem = f->foreign.cert_pem;
    c.key_pem = f->foreign.key_pem;
    contexts(f, &c, &s);
    expect_failure(f, WEFT_E_CERT, WEFT_E_CERT);
}

static void client_without_certificate(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    c.cert_pem = c.key_pem = STR_NONE;
    contexts(f, &c, &s);
    expect_failure(f, WEFT_E_CERT, WEFT_E_CERT);
}

/* The client believes itself connected and writes, while the server has said no and gone. */
static void refusal_is_read_although_writing_breaks(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    c.cert_pem = c.key_pem = STR_NONE;
    contexts(f, &c, &s);
    static char zeros[1 << 20];
    for (int round = 0; round < 20; round++) {
        f->server = (struct end){.close_on_fail = true};
        f->client = (struct end){.auto_read = true, .sending = str_n(zeros, round % 2 ? sizeof zeros : 100)};
        dial(f, STR_NONE);
        PUMP_UNTIL(&f->l, f->client.fails && f->server.fails);
        assert_string_equal(err_name(f->client.fail_code), "CERT");
        assert_string_equal(err_name(f->server.fail_code), "CERT");
        transport_close(&f->client.t);
    }
}

static void client_without_certificate_where_none_is_needed(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    c.cert_pem = c.key_pem = STR_NONE;
    s.require_peer = false;
    contexts(f, &c, &s);
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->client.opens && f->server.opens);
    assert_null(f->server.t->peer);
    assert_non_null(f->client.t->peer);
}

static void server_that_is_not_the_wanted_one(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    contexts(f, &c, &s);
    dial(f, STR("spiffe://cluster.local/ns/default/sa/db"));
    PUMP_UNTIL(&f->l, f->client.fails && f->server.fails);
    assert_int_equal(f->client.fail_code, WEFT_E_CERT);
    assert_non_null(strstr(f->client.t->error->msg, "/sa/web"));
    assert_int_equal(f->server.fail_code, WEFT_E_CERT);
}

static void another_trust_domain(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    s.trust_domain = STR("other.example");
    contexts(f, &c, &s);
    expect_failure(f, WEFT_E_CERT, WEFT_E_CERT);
}

static void expired(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    struct ca_issued old;
    struct err e = {0};
    assert_int_equal(ca_issue(f->ca, STR("default"), STR("web"), KEY_RSA2048, 60, time(NULL) - 120, &f->a, &old, &e), 0);
    s.cert_pem = old.cert_pem;
    s.key_pem = old.key_pem;
    contexts(f, &c, &s);
    expect_failure(f, WEFT_E_CERT, WEFT_E_CERT);
    assert_non_null(strstr(f->client.t->error->msg, "expired"));
}

static void without_spiffe(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    c.spiffe = s.spiffe = s.require_peer = false;
    c.cert_pem = c.key_pem = STR_NONE;
    c.alpn = STR_NONE;
    s.ca_pem = STR_NONE;
    contexts(f, &c, &s);
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->client.opens && f->server.opens);
    assert_true(
        str_eq(f->client.t->peer->spiffe, STR("spiffe://cluster.local/ns/default/sa/web"))); /* not asked for, but verified */
    assert_true(str_eq(f->client.t->peer->subject, STR("CN=default.web")));
    assert_null(f->server.t->peer);
    assert_int_equal(f->server.t->alpn.len, 0);
}

static void peer_not_verified(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    s.cert_pem = f->foreign.cert_pem; /* of a CA that the client does not know */
    s.key_pem = f->foreign.key_pem;
    c.spiffe = false;
    c.ca_pem = STR_NONE;
    contexts(f, &c, &s);
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->client.opens && f->server.opens);
    assert_null(f->client.t->peer); /* so nothing is said about it */
    assert_non_null(f->server.t->peer);
}

static void no_common_protocol(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    s.alpn = STR("istio");
    contexts(f, &c, &s);
    expect_failure(f, WEFT_E_TLS, WEFT_E_TLS);
}

static void truncated(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    assert_int_equal(transport_write(f->client.t, STR("last words")), 10);
    transport_close(&f->client.t); /* without close_notify */
    PUMP_UNTIL(&f->l, f->server.fails);
    assert_true(str_eq(buf_str(&f->server.in), STR("last words")));
    assert_int_equal(f->server.fail_code, WEFT_E_RESET);
    assert_false(f->server.eof);
    assert_int_equal(transport_write(f->server.t, STR("x")), WEFT_E_RESET);
}

static void closed_within_open(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    contexts(f, &c, &s);
    f->client.close_on_open = f->server.close_on_open = true;
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, !f->client.t && (f->server.opens || f->server.fails));
}

static void nonsense_to_a_server(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    contexts(f, &c, &s);
    f->client.t = sock_dial(&f->l, &f->sl.addr, 0, on_event, &f->client);
    PUMP_UNTIL(&f->l, f->client.opens);
    assert_true(transport_write(f->client.t, STR("\x16\x03\x01\0\5\x63\0\0\1x")) > 0);
    PUMP_UNTIL(&f->l, f->server.fails);
    assert_int_equal(f->server.fail_code, WEFT_E_TLS);
    PUMP_UNTIL(&f->l, f->client.in.len); /* an alert record */
    assert_int_equal(buf_str(&f->client.in).ptr[0], 21);
}

static void silent_peer(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    struct err e = {0};
    contexts(f, &c, &s);
    tls_ctx_unref(&f->server_ctx); /* the server accepts, and says nothing */
    f->server.auto_read = false;
    struct transport *below = sock_dial(&f->l, &f->sl.addr, 0, NULL, NULL);
    f->client.t = tls_client(&below, f->client_ctx, STR_NONE, NULL, 0, 20 * CLOCK_MS, on_event, &f->client);
    PUMP_UNTIL(&f->l, f->server.t);
    transport_want_read(f->server.t, false);
    PUMP_UNTIL(&f->l, f->client.fails);
    assert_int_equal(f->client.fail_code, WEFT_E_TIMEOUT);
    (void)e;
}

static void dial_refused(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    contexts(f, &c, &s);
    struct addr a = f->sl.addr;
    sock_listener_close(&f->sl);
    f->sl.addr = a;
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->client.fails);
    assert_int_equal(f->client.fail_code, WEFT_E_REFUSED);
}

static void closed_in_the_handshake(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    contexts(f, &c, &s);
    tls_ctx_unref(&f->server_ctx);
    dial(f, STR_NONE);
    PUMP_UNTIL(&f->l, f->server.in.len); /* the hello */
    transport_close(&f->server.t);
    PUMP_UNTIL(&f->l, f->client.fails);
    assert_int_equal(f->client.fail_code, WEFT_E_TLS);
}

static void write_buffers_are_bounded_and_close_is_clean(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    transport_want_read(f->server.t, false);
    static char zeros[1 << 20];
    size_t taken = 0;
    ssize_t n;
    while ((n = transport_write(f->client.t, str_n(zeros, sizeof zeros))) > 0)
        taken += (size_t)n;
    assert_int_equal(n, WEFT_E_AGAIN);
    assert_true(taken < 64u << 20);
    transport_shutdown(f->client.t); /* what was taken goes first */
    transport_want_read(f->server.t, true);
    PUMP_UNTIL(&f->l, f->server.eof);
    assert_int_equal(f->server.in.len, taken);
}

static void bad_configurations(void **state) {
    struct fix *f = *state;
    struct err e = {0};
    struct tls_ctx *ctx;
    struct tls_cfg c = server_cfg(f);
    c.key_pem = f->api.key_pem; /* of another certificate */
    assert_int_equal(tls_ctx_new(&ctx, &c, &e), WEFT_E_INVALID);
    assert_null(ctx);
    c = server_cfg(f);
    c.cert_pem = STR_NONE;
    assert_int_equal(tls_ctx_new(&ctx, &c, &e), WEFT_E_PARSE);
    c = server_cfg(f);
    c.ca_pem = STR_NONE;
    assert_int_equal(tls_ctx_new(&ctx, &c, &e), WEFT_E_INVALID);
    c = server_cfg(f);
    c.ca_pem = STR("nonsense");
    assert_int_equal(tls_ctx_new(&ctx, &c, &e), WEFT_E_PARSE);
    c = server_cfg(f);
    c.alpn = STR("h2,,http/1.1");
    assert_int_equal(tls_ctx_new(&ctx, &c, &e), WEFT_E_INVALID);
    c = server_cfg(f);
    c.trust_domain = STR_NONE;
    assert_int_equal(tls_ctx_new(&ctx, &c, &e), WEFT_E_INVALID);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- resumption ---- */

struct shifted { /* the real clock, and so many seconds */
    struct clock c;
    uint64_t by_us;
};

static uint64_t shifted_mono(const struct clock *c) {
    return clock_real.mono_us(&clock_real);
}
static uint64_t shifted_wall(const struct clock *c) {
    return clock_real.wall_us(&clock_real) + container_of(c, const struct shifted, c)->by_us;
}

static void close_both(struct fix *f) {
    transport_close(&f->client.t);
    transport_close(&f->server.t);
    buf_fini(&f->client.in);
    buf_fini(&f->server.in);
    f->client = f->server = (struct end){.auto_read = true};
    f->reads = f->writes = 0;
}

/* Another connection with the same contexts; true when it opened. */
static bool again(struct fix *f, struct str id) {
    close_both(f);
    dial(f, id);
    PUMP_UNTIL(&f->l, f->client.fails || f->server.fails || (f->client.opens && f->server.opens));
    return !f->client.fails && !f->server.fails;
}

static bool resumed(const struct fix *f) {
    bool one = SSL_session_reused(tls_of(f->client.t)->ssl), other = SSL_session_reused(tls_of(f->server.t)->ssl);
    assert_int_equal(one, other);
    return one;
}

/* The ticket comes with what the server says first. */
static void say_hello(struct fix *f) {
    size_t before = f->client.in.len;
    assert_int_equal(transport_write(f->server.t, STR("hello")), 5);
    PUMP_UNTIL(&f->l, f->client.in.len == before + 5);
}

static void sessions_resume(void **state) {
    struct fix *f = *state;
    struct str web = STR("spiffe://cluster.local/ns/default/sa/web");
    both_open(f, web);
    assert_false(resumed(f));
    char hash[65];
    memcpy(hash, f->server.t->peer->hash, sizeof hash);
    f->writes = 0;
    assert_int_equal(transport_write(f->client.t, STR("request")), 7);
    PUMP_UNTIL(&f->l, f->server.in.len == 7);
    say_hello(f);
    assert_int_equal(f->writes, 1); /* the ticket has no send of its own */
    for (int round = 0; round < 3; round++) {
        assert_true(again(f, web));
        assert_true(resumed(f));
        assert_string_equal(f->server.t->peer->hash, hash); /* identities as if they had shown certificates */
        assert_true(str_eq(f->server.t->peer->service, STR("api")));
        assert_true(str_eq(f->client.t->peer->spiffe, web));
        say_hello(f); /* each session resumes once: the next ticket */
    }
    assert_true(again(f, STR_NONE)); /* anybody of the trust domain: the same server */
    assert_true(resumed(f));
    assert_true(again(f, web)); /* nothing was said: there was no ticket */
    assert_false(resumed(f));
}

static void not_for_another_server(void **state) {
    struct fix *f = *state;
    both_open(f, STR_NONE);
    say_hello(f);
    assert_false(again(f, STR("spiffe://cluster.local/ns/default/sa/other")));
    assert_int_equal(f->client.fail_code, WEFT_E_CERT);
    assert_true(again(f, STR_NONE)); /* the session is still there for who may have it */
    assert_true(resumed(f));
}

static void not_past_the_servers_certificate(void **state) {
    struct fix *f = *state;
    struct shifted late = {{shifted_mono, shifted_wall}, 0};
    f->l.clock = &late.c;
    both_open(f, STR_NONE);
    say_hello(f);
    late.by_us = 3590 * CLOCK_S;
    assert_true(again(f, STR_NONE));
    assert_true(resumed(f));
    say_hello(f);
    late.by_us = 3610 * CLOCK_S;
    assert_false(again(f, STR_NONE)); /* a full handshake, which sees the date */
    assert_int_equal(f->client.fail_code, WEFT_E_CERT);
    f->l.clock = &clock_real;
}

static void not_past_the_clients_certificate(void **state) {
    struct fix *f = *state;
    struct shifted late = {{shifted_mono, shifted_wall}, 0};
    struct err e = {0};
    assert_int_equal(ca_issue(f->ca, STR("default"), STR("api"), KEY_EC256, 600, time(NULL), &f->a, &f->api, &e), 0);
    f->l.clock = &late.c;
    both_open(f, STR_NONE);
    say_hello(f);
    late.by_us = 590 * CLOCK_S;
    assert_true(again(f, STR_NONE));
    assert_true(resumed(f));
    say_hello(f);
    late.by_us = 610 * CLOCK_S;
    assert_false(again(f, STR_NONE)); /* the server's still holds, so the client offers; the server knows better */
    assert_true(f->client.fail_code == WEFT_E_CERT || f->server.fail_code == WEFT_E_CERT);
    f->l.clock = &clock_real;
}

static void not_with_another_context(void **state) {
    struct fix *f = *state;
    struct err e = {0};
    struct tls_cfg s = server_cfg(f), foreign = s, c = client_cfg(f);
    both_open(f, STR_NONE);
    say_hello(f);
    tls_ctx_unref(&f->server_ctx); /* the same certificate and CA, but it began anew */
    assert_int_equal(tls_ctx_new(&f->server_ctx, &s, &e), 0);
    assert_true(again(f, STR_NONE));
    assert_false(resumed(f));
    say_hello(f);
    foreign.cert_pem = f->foreign.cert_pem;
    foreign.key_pem = f->foreign.key_pem;
    foreign.ca_pem = ca_cert_pem(f->other_ca);
    tls_ctx_unref(&f->server_ctx); /* another CA */
    assert_int_equal(tls_ctx_new(&f->server_ctx, &foreign, &e), 0);
    assert_false(again(f, STR_NONE));
    assert_int_equal(f->client.fail_code, WEFT_E_CERT);
    tls_ctx_unref(&f->server_ctx);
    assert_int_equal(tls_ctx_new(&f->server_ctx, &s, &e), 0);
    tls_ctx_unref(&f->client_ctx); /* a client that begins anew offers nothing */
    assert_int_equal(tls_ctx_new(&f->client_ctx, &c, &e), 0);
    assert_true(again(f, STR_NONE));
    assert_false(resumed(f));
}

/* What is remembered of a chain does not let in a peer that is not wanted, nor one whose time is over. */
static void remembered_chains(void **state) {
    struct fix *f = *state;
    struct shifted late = {{shifted_mono, shifted_wall}, 0};
    f->l.clock = &late.c;
    both_open(f, STR("spiffe://cluster.local/ns/default/sa/web"));
    assert_true(again(f, STR_NONE)); /* without a session: nothing was said */
    assert_false(resumed(f));
    assert_false(again(f, STR("spiffe://cluster.local/ns/default/sa/other")));
    assert_int_equal(f->client.fail_code, WEFT_E_CERT);
    late.by_us = 3610 * CLOCK_S;
    assert_false(again(f, STR_NONE));
    assert_int_equal(f->client.fail_code, WEFT_E_CERT);
    f->l.clock = &clock_real;
}

/* Workers share contexts: ThreadSanitizer sees whether what OpenSSL finds out about the CA's certificate was found out before. */
#define ROUNDS 20

static void *shake_hands(void *arg) { /* on a loop of its own */
    struct fix *f = arg;
    while (!f->client.fails && !f->server.fails && !(f->client.opens && f->server.opens))
        loop_turn(&f->l, true);
    return NULL;
}

static void side_by_side(struct fix *f, struct fix *other) {
    pthread_t thread;
    struct addr a;
    struct err e = {0};
    pump_init(&other->l);
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), &e), 0);
    assert_int_equal(sock_listen(&other->sl, &other->l, &a, NULL, on_accept, other, &e), 0);
    dial(f, STR_NONE);
    dial(other, STR_NONE);
    assert_int_equal(pthread_create(&thread, NULL, shake_hands, other), 0);
    shake_hands(f);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(f->client.fails + f->server.fails + other->client.fails + other->server.fails, 0);
}

static void shared_by_threads(void **state) {
    struct fix *f = *state;
    struct tls_cfg c = client_cfg(f), s = server_cfg(f);
    for (int i = 0; i < ROUNDS; i++) {
        struct fix other = {0};
        f->client = f->server = (struct end){0};
        contexts(f, &c, &s);
        other.client_ctx = f->client_ctx;
        other.server_ctx = f->server_ctx;
        side_by_side(f, &other);
        transport_close(&f->client.t);
        transport_close(&f->server.t);
        transport_close(&other.client.t);
        transport_close(&other.server.t);
        sock_listener_close(&other.sl);
        loop_fini(&other.l);
        tls_ctx_unref(&f->client_ctx);
        tls_ctx_unref(&f->server_ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(mutual),
        CASE(octets_with_the_end_of_the_handshake),
        CASE(one_send_and_one_receive),
        CASE(key_updates),
        CASE(much_both_ways),
        CASE(pause_holds_back_what_is_decrypted_already),
        CASE(server_of_another_ca),
        CASE(client_of_another_ca),
        CASE(client_without_certificate),
        CASE(refusal_is_read_although_writing_breaks),
        CASE(client_without_certificate_where_none_is_needed),
        CASE(server_that_is_not_the_wanted_one),
        CASE(another_trust_domain),
        CASE(expired),
        CASE(without_spiffe),
        CASE(peer_not_verified),
        CASE(no_common_protocol),
        CASE(truncated),
        CASE(closed_within_open),
        CASE(nonsense_to_a_server),
        CASE(silent_peer),
        CASE(dial_refused),
        CASE(closed_in_the_handshake),
        CASE(write_buffers_are_bounded_and_close_is_clean),
        CASE(bad_configurations),
        CASE(sessions_resume),
        CASE(not_for_another_server),
        CASE(not_past_the_servers_certificate),
        CASE(not_past_the_clients_certificate),
        CASE(not_with_another_context),
        CASE(remembered_chains),
        CASE(shared_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
