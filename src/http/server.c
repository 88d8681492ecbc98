// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"
#include "base/mem.h"
#include "codec/url.h"
#include "io/tls.h"

#define MAX_CONNS 10000u

unsigned server_max(const struct limits *l) {
    return l->proc.connections < UINT32_MAX ? (unsigned)l->proc.connections : UINT32_MAX;
}

bool server_is_foreign(const struct msg *m) {
    const struct msg_field *origin = msg_find_name(&m->fields, STR("origin"));
    struct url u;
    if (!origin)
        return false;
    if (url_parse(&u, origin->value, NULL) < 0 || !str_eq(u.authority, m->authority))
        return true;
    return !u.host_is_ip && !str_eq(u.host, STR("localhost"));
}

/* ---- connections ---- */

struct server_conn {
    struct list node;
    struct server *server; /* NULL: the server was stopped */
    struct conn *conn;
};

static void check_drained(struct server *s) {
    if (s->draining && s->n_conns == 0 && s->on_drained)
        s->on_drained(s);
}

static void on_stream(struct conn *c, struct stream *st) {
    struct server_conn *sc = c->user;
    sc->server->on_stream(sc->server, st);
}

static void on_bad(struct conn *c, struct stream *st, const struct err *why) {
    struct server_conn *sc = c->user;
    sc->server->on_bad(sc->server, st, why);
}

static void on_limit(struct conn *c, enum limit_id id) {
    const struct server_conn *sc = c->user;
    char text[ADDR_TEXT];
    if (sc->server && limit_met(&sc->server->met, id, c->loop->now))
        log_warn(c->loop->log, "%s met the limit %s; more within a minute is only counted", addr_kept_text(&c->tr->remote, text),
                 limit_name(id));
}

static void on_closed(struct conn *c, int why) {
    struct server_conn *sc = c->user;
    struct server *s = sc->server;
    list_remove(&sc->node);
    free(sc);
    if (!s)
        return;
    s->n_conns--;
    check_drained(s);
}

static void on_accept(struct sock_listener *sl, int fd, const struct addr *peer) {
    struct server *s = sl->ctx;
    struct transport *tr = sock_adopt(s->loop, fd, peer, NULL, NULL);
    if (s->n_conns >= (s->max_conns ? s->max_conns : MAX_CONNS)) {
        transport_close(&tr);
        return;
    }
    if (s->tls)
        tr = tls_server(&tr, s->tls, 0, NULL, NULL);
    struct server_conn *sc = mem_new(struct server_conn);
    sc->server = s;
    list_push(&s->conns, &sc->node);
    s->n_conns++;
    sc->conn = conn_server(s->loop, &tr, &s->conn_cfg, sc);
    if (s->draining)
        conn_drain(sc->conn);
}

int server_start(struct server *s, struct loop *l, const struct server_cfg *cfg, struct err *e) {
    unsigned max_conns = s->max_conns;
    void (*on_drained)(struct server *) = s->on_drained;
    *s = (struct server){.loop = l,
                         .user = cfg->user,
                         .on_stream = cfg->on_stream,
                         .on_bad = cfg->on_bad,
                         .max_conns = max_conns,
                         .on_drained = on_drained};
    s->conn_cfg = (struct conn_cfg){.proto = cfg->proto,
                                    .limits = cfg->limits,
                                    .ping_us = cfg->ping_us,
                                    .pong_us = cfg->pong_us,
                                    .on_stream = on_stream,
                                    .on_bad = cfg->on_bad ? on_bad : NULL,
                                    .on_limit = on_limit,
                                    .on_closed = on_closed};
    list_init(&s->conns);
    int rc = 0;
    if (cfg->fd)
        sock_listen_fd(&s->listener, l, cfg->fd, on_accept, s);
    else
        rc = sock_listen(&s->listener, l, &cfg->addr, &(struct sock_listen_opts){0}, on_accept, s, e);
    if (rc >= 0 && cfg->tls)
        s->tls = tls_ctx_ref(cfg->tls);
    return rc;
}

void server_drain(struct server *s) {
    if (s->draining)
        return;
    s->draining = true;
    sock_listener_drain(&s->listener);
    LIST_FOR (n, &s->conns)
        conn_drain(list_entry(n, struct server_conn, node)->conn);
    check_drained(s);
}

/* What is left of a stopped server's connections refers to it no more: its memory may go at once. */
static void orphan_stream(struct conn *c, struct stream *st) {
}
static const struct conn_cfg orphan = {.on_stream = orphan_stream, .on_closed = on_closed};

void server_stop(struct server *s) {
    sock_listener_close(&s->listener);
    if (s->tls)
        tls_ctx_unref(&s->tls);
    struct list *n;
    while ((n = list_pop(&s->conns))) {
        struct server_conn *sc = list_entry(n, struct server_conn, node);
        sc->server = NULL;
        sc->conn->cfg = &orphan;
        conn_abort(sc->conn, WEFT_E_CLOSED);
    }
    s->n_conns = 0;
}

/* ---- whole requests ---- */

struct collect {
    struct collected pub; /* first */
    server_request_f *done;
    void (*gone)(struct collected *r);
    size_t max;
    bool told;
};

static struct collect *collect_of(struct stream *st) {
    return st->user;
}

static void tell(struct collect *c, int code) {
    if (c->told)
        return;
    c->told = true;
    c->done(&c->pub, code);
}

static void on_head(struct stream *st, const struct msg *m, bool end) {
    struct collect *c = collect_of(st);
    msg_copy(&c->pub.head, m, &st->arena, 0);
    if (m->content_length > 0 && (uint64_t)m->content_length > c->max)
        tell(c, WEFT_E_TOO_LARGE);
    else if (end)
        tell(c, 0);
    else
        stream_continue(st);
}

static void on_data(struct stream *st, struct str data, bool end) {
    struct collect *c = collect_of(st);
    stream_consumed(st, data.len);
    if (c->told)
        return;
    if (c->pub.body.len + data.len > c->max) {
        buf_fini(&c->pub.body);
        tell(c, WEFT_E_TOO_LARGE);
        return;
    }
    buf_add(&c->pub.body, data);
    if (end)
        tell(c, 0);
}

static void on_stream_closed(struct stream *st, int why) {
    struct collect *c = collect_of(st);
    if (!c->told && why)
        tell(c, why);
    if (c->gone && !st->head_sent)
        c->gone(&c->pub);
    buf_fini(&c->pub.body);
}

static const struct stream_cb collect_cb = {.head = on_head, .data = on_data, .closed = on_stream_closed};

void server_collect(struct stream *st, size_t max, server_request_f *done, void *user) {
    struct collect *c = arena_zalloc(&st->arena, sizeof *c);
    c->pub.stream = st;
    c->pub.user = user;
    c->done = done;
    c->max = max;
    st->cb = &collect_cb;
    st->user = c;
}

void server_on_gone(struct collected *r, void (*gone)(struct collected *r)) {
    container_of(r, struct collect, pub)->gone = gone;
}

void server_release(struct collected *r) {
    buf_fini(&r->body); /* the rest is the stream's arena's */
}
