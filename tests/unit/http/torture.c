// SPDX-License-Identifier: Apache-2.0
/* Users that do anything at any time, on both ends: what must hold is that `closed` comes once and last, that nothing ends
 * cleanly that was cut short, that credit and drained add up, and that no memory is touched after its end (sanitizers). Seeded:
 * the same each time. */
#include <stdio.h>
#include "fixture.h"

#define ROUNDS 500
#define STREAMS 8

struct side {
    struct tort *t;
    struct stream *s;
    uint64_t given, drained; /* by us */
    uint64_t got;            /* octets that came */
    struct side *peer;       /* client: its other end, once that has the request */
    bool live, in_ended, out_ended, used;
    int why;
};
struct tort {
    struct fx *fx;
    struct rand rand;
    struct side cli[STREAMS], srv[STREAMS * 2];
    unsigned n_srv, closed, whole;
    unsigned wild;   /* of 1,000 actions so many break something */
    uint64_t octets; /* that came, in all */
    char data[100000];
};

static bool chance(struct tort *t, unsigned in_1000) {
    return rand_below(&t->rand, 1000) < in_1000;
}

static void act(struct side *x);

static void give(struct side *x) {
    size_t n = chance(x->t, 100) ? 1 + rand_below(&x->t->rand, sizeof x->t->data - 1) : rand_below(&x->t->rand, 3000);
    bool end = chance(x->t, 200);
    x->given += n;
    x->out_ended = end;
    stream_data(x->s, str_n(x->t->data, n), end);
}

static void act(struct side *x) {
    struct tort *t = x->t;
    if (!x->live || !x->s)
        return;
    if (x->s->credit > 0 && chance(t, 700))
        stream_consumed(x->s, chance(t, 500) ? x->s->credit : 1 + rand_below(&t->rand, x->s->credit));
    if (chance(t, t->wild)) {
        stream_reset(x->s, chance(t, 500) ? WEFT_E_CANCELLED : WEFT_E_REFUSED_STREAM);
        return;
    }
    if (chance(t, t->wild / 8)) {
        conn_abort(x->s->conn, WEFT_E_CANCELLED);
        return;
    }
    if (chance(t, t->wild / 8)) {
        conn_drain(x->s->conn);
        return;
    }
    if (x->s->conn->server && !x->s->head_sent && chance(t, 300)) {
        struct msg m = {.status = chance(t, 100) ? 103 : 200, .content_length = -1};
        stream_head(x->s, &m, false);
    }
    if (x->s->head_sent && !x->out_ended && chance(t, 500))
        give(x);
}

static void any_of(struct tort *t) { /* from inside any callback: something on any stream */
    act(chance(t, 500) ? &t->cli[rand_below(&t->rand, STREAMS)] : &t->srv[rand_below(&t->rand, STREAMS * 2)]);
}

static void on_head(struct stream *s, const struct msg *m, bool end) {
    struct side *x = s->user;
    assert_true(x->live && x->s == s);
    x->in_ended = end;
    if (s->conn->server)
        x->t->cli[m->path.ptr[1] - '0'].peer = x;
    any_of(x->t);
}
static void on_data(struct stream *s, struct str data, bool end) {
    struct side *x = s->user;
    assert_true(x->live && !x->in_ended);
    x->got += data.len;
    x->t->octets += data.len;
    x->in_ended = end;
    assert_true(s->credit <= 2 * STREAM_WINDOW);
    any_of(x->t);
}
static void on_drained(struct stream *s, size_t octets) {
    struct side *x = s->user;
    assert_true(x->live);
    x->drained += octets;
    assert_true(x->drained <= x->given);
    any_of(x->t);
}
static void on_closed(struct stream *s, int why) {
    struct side *x = s->user;
    assert_true(x->live && x->s == s);
    x->live = false;
    x->why = why;
    x->s = NULL;
    x->t->closed++;
    any_of(x->t);
}
static const struct stream_cb cb = {.head = on_head, .data = on_data, .drained = on_drained, .closed = on_closed};

static void on_stream(struct server *sv, struct stream *s) {
    struct tort *t = sv->user;
    struct side *x = &t->srv[t->n_srv++];
    assert_true(t->n_srv <= STREAMS * 2);
    *x = (struct side){.t = t, .s = s, .live = true, .used = true};
    s->cb = &cb;
    s->user = x;
}

static void ask(struct tort *t, unsigned i) {
    struct side *x = &t->cli[i];
    struct err e;
    struct msg m = {
        .request = true, .method = STR("POST"), .method_id = METHOD_POST, .authority = STR("a"), .content_length = -1};
    char path[16];
    m.path = str_n(path, (size_t)snprintf(path, sizeof path, "/%u", i));
    *x = (struct side){.t = t, .live = true, .used = true};
    x->s = conn_request(t->fx->conn, &m, false, &cb, x, &e);
    if (!x->s)
        *x = (struct side){.t = t};
}

static void one_round(struct tort *t, enum conn_proto proto) {
    struct fx *fx = t->fx;
    memset(t->cli, 0, sizeof t->cli);
    memset(t->srv, 0, sizeof t->srv);
    t->n_srv = 0;
    fx->conn_cfg.proto = proto;
    fx_connect(fx);
    unsigned asked = 0, live = 1;
    for (unsigned turn = 0; live && turn < 3000; turn++) {
        if (turn > 1500) /* enough */
            for (unsigned i = 0; i < STREAMS; i++)
                if (t->cli[i].live)
                    stream_reset(t->cli[i].s, WEFT_E_CANCELLED);
        if (asked < STREAMS && fx->conn && conn_capacity(fx->conn) > 0 && chance(t, 500))
            ask(t, asked++);
        any_of(t);
        any_of(t);
        loop_turn(&fx->loop, false);
        live = asked < STREAMS && fx->conn && !fx->conn->draining;
        for (unsigned i = 0; i < STREAMS; i++)
            live += t->cli[i].live;
    }
    if (fx->conn)
        conn_abort(fx->conn, 0);
    AWAIT(fx, !fx->conn);
    for (unsigned i = 0; i < STREAMS * 2; i++)
        if (t->srv[i].live)
            conn_abort(t->srv[i].s->conn, 0);
    AWAIT(fx, fx->server.n_conns == 0);
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_false(t->cli[i].live);
        if (!t->cli[i].used || t->cli[i].why != 0)
            continue;
        t->whole++;
        assert_true(t->cli[i].in_ended);
        assert_true(t->cli[i].peer && t->cli[i].peer->out_ended);
        assert_int_equal(t->cli[i].got, t->cli[i].peer->given);
    }
    assert_int_equal(fx->loop.arenas.live, 0);
}

static void torture(void **state, enum conn_proto proto, unsigned wild) {
    struct fx *fx = *state;
    struct tort *t = mem_new(struct tort);
    t->fx = fx;
    t->wild = wild;
    rand_init(&t->rand, 42 + wild);
    fx->server_cfg.on_stream = on_stream;
    fx->server_cfg.user = t;
    fx_serve(fx);
    for (unsigned i = 0; i < ROUNDS; i++)
        one_round(t, proto);
    assert_true(t->closed > ROUNDS);
    assert_true(wild > 10 || (t->whole > 100 && t->octets > 1000000)); /* it did something */
    printf("# %u closed, %u whole, %llu octets\n", t->closed, t->whole, (unsigned long long)t->octets);
    free(t);
}
static void h1_wild(void **state) {
    torture(state, CONN_H1, 40);
}
static void h1_calm(void **state) {
    torture(state, CONN_H1, 1);
}
static void h2_wild(void **state) {
    torture(state, CONN_H2, 40);
}
static void h2_calm(void **state) {
    torture(state, CONN_H2, 1);
}

#define BARE(f) cmocka_unit_test_setup_teardown(f, fx_setup_bare, fx_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {BARE(h1_wild), BARE(h1_calm), BARE(h2_wild), BARE(h2_calm)};
    return cmocka_run_group_tests_name("torture", tests, NULL, NULL);
}
