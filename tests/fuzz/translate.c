// SPDX-License-Identifier: Apache-2.0
/* A request of HTTP/1.1 and its response, whatever the octets: both go through an HTTP/2 connection of two of our sessions and
 * come out as HTTP/1.1 again: the same message, or none; never two, and never another. The input: a request, and behind the octet
 * 0xff a response. */
#include "base/mem.h"
#include "codec/h1.h"
#include "codec/h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side { /* one end of the connection, and what it was told */
    struct h2 *h;
    struct arena a;
    struct msg m;
    struct buf body;
    unsigned heads;
    int32_t id;
    bool ended, closed;
};

static void on_head(void *ctx, int32_t id, const struct msg *m, bool end) {
    struct side *s = ctx;
    if (!m->request && m->status < 200)
        return;
    WEFT_ASSERT(s->heads++ == 0 && !s->closed);
    s->id = id;
    msg_copy(&s->m, m, &s->a, 4);
    s->ended = end;
}
static void on_data(void *ctx, int32_t id, struct str data) {
    struct side *s = ctx;
    WEFT_ASSERT(s->heads == 1 && !s->ended && id == s->id);
    buf_add(&s->body, data);
    h2_consume(s->h, id, data.len);
}
static void on_end(void *ctx, int32_t id, const struct msg_fields *trailers) {
    struct side *s = ctx;
    (void)id;
    (void)trailers;
    WEFT_ASSERT(s->heads == 1 && !s->ended);
    s->ended = true;
}
static void on_closed(void *ctx, int32_t id, uint32_t code, bool by_peer) {
    struct side *s = ctx;
    (void)id;
    (void)code;
    (void)by_peer;
    s->closed = true;
}

static bool move(struct side *from, struct side *to) {
    struct buf wire = {0};
    WEFT_ASSERT(h2_send(from->h, &wire, 1 << 16, NULL) == 0);
    bool any = wire.len > 0;
    WEFT_ASSERT(!any || h2_recv(to->h, buf_str(&wire), NULL) == 0); /* whatever we write, we take */
    buf_fini(&wire);
    return any;
}

static void pump(struct side *a, struct side *b) {
    for (bool any = true; any;) {
        any = move(a, b);
        any = move(b, a) || any;
    }
}

/* Reads the body at the front of `in` and sends it on. */
static void send_body(struct side *from, struct side *to, int32_t id, struct h1_body *b, struct str in, struct buf *sent) {
    struct arena a = {0};
    struct str part = STR_NONE;
    struct msg_fields trailers = {0};
    int ev;
    while ((ev = h1_body_next(b, &in, &part, &trailers, NULL, &a, NULL)) == H1_DATA) {
        buf_add(sent, part);
        if (h2_data(from->h, id, part, false) < 0)
            break;
    }
    if (ev == H1_TRAILERS)
        (void)h2_trailers(from->h, id, &trailers);
    else if (ev == H1_END || (ev == H1_MORE && b->kind == H1_BODY_CLOSE))
        (void)h2_data(from->h, id, STR(""), true);
    else if (ev < 0 || ev == H1_MORE)
        h2_reset(from->h, id, H2_CANCEL);
    pump(from, to);
    arena_fini(&a);
}

/* Each field that came was in the message that went, under that name in lower case. */
static void same_fields(const struct msg *went, const struct msg *came) {
    for (unsigned i = 0; i < came->fields.n; i++) {
        const struct msg_field *f = &came->fields.at[i];
        bool found = f->id == HDR_COOKIE; /* joined */
        WEFT_ASSERT(!hdr_hop_by_hop(f->id) || f->id == HDR_TE);
        for (unsigned k = 0; k < went->fields.n && !found; k++)
            found = str_ieq(went->fields.at[k].name, f->name) && str_eq(went->fields.at[k].value, f->value);
        WEFT_ASSERT(found);
    }
}

/* As HTTP/1.1 again: one message, with nothing behind it. */
static void as_h1(const struct msg *m, struct arena *a) {
    const struct h1_limits wide = {.line = 1 << 24, .head = 1 << 24, .fields = 1 << 16};
    struct buf out = {0};
    struct msg again;
    size_t scanned = 0;
    const struct h1_framing fr = {.length = m->content_length};
    WEFT_ASSERT((m->request ? h1_write_request(&out, m, &fr) : h1_write_response(&out, m, &fr)) == 0);
    WEFT_ASSERT(h1_head_len(buf_str(&out), &scanned, &wide, NULL) == (int)out.len);
    int r = m->request ? h1_parse_request(&again, buf_str(&out), &wide, a, NULL)
                       : h1_parse_response(&again, buf_str(&out), METHOD_HEAD, &wide, a, NULL);
    WEFT_ASSERT(r == 0 || (!m->request && (m->status == 204 || m->status < 200)));
    WEFT_ASSERT(r < 0 || (again.status == m->status && str_eq(again.path, m->path) && str_eq(again.authority, m->authority)));
    buf_fini(&out);
}

static void response(struct side *client, struct side *server, struct str in, enum http_method method, struct arena *a) {
    struct msg m;
    struct h1_body b;
    struct buf sent = {0};
    size_t scanned = 0;
    int n = h1_head_len(in, &scanned, NULL, NULL);
    if (n <= 0 || h1_parse_response(&m, str_first(in, (size_t)n), method, NULL, a, NULL) < 0 || m.status < 200)
        return;
    h1_body_of_response(&b, &m, method);
    bool none = b.kind == H1_BODY_NONE || (b.kind == H1_BODY_LENGTH && b.left == 0);
    if (h2_respond(server->h, server->id, &m, none) == 0 && !none)
        send_body(server, client, server->id, &b, str_from(in, (size_t)n), &sent);
    pump(server, client);
    if (client->heads) {
        WEFT_ASSERT(client->m.status == m.status);
        same_fields(&m, &client->m);
        as_h1(&client->m, a);
        WEFT_ASSERT(!client->ended || str_eq(buf_str(&sent), buf_str(&client->body)));
    }
    h1_body_fini(&b);
    buf_fini(&sent);
}

static void request(struct side *client, struct side *server, struct str in, struct str answer, struct arena *a) {
    struct msg m;
    struct h1_body b;
    struct buf sent = {0};
    size_t scanned = 0;
    int n = h1_head_len(in, &scanned, NULL, NULL);
    if (n <= 0 || h1_parse_request(&m, str_first(in, (size_t)n), NULL, a, NULL) < 0)
        return;
    m.upgrade = STR_NONE; /* a websocket is an extended CONNECT: another translation */
    h1_body_of_request(&b, &m);
    bool none = b.kind == H1_BODY_NONE || (b.kind == H1_BODY_LENGTH && b.left == 0);
    int32_t id = h2_request(client->h, &m, none, NULL);
    if (id > 0 && !none)
        send_body(client, server, id, &b, str_from(in, (size_t)n), &sent);
    pump(client, server);
    if (server->heads) {
        WEFT_ASSERT(str_eq(server->m.method, m.method) && str_ieq(server->m.authority, m.authority));
        WEFT_ASSERT(m.method_id == METHOD_CONNECT || str_eq(server->m.path, m.path));
        same_fields(&m, &server->m);
        if (m.method_id != METHOD_CONNECT)
            as_h1(&server->m, a);
        WEFT_ASSERT(!server->ended || str_eq(buf_str(&sent), buf_str(&server->body)));
        if (!server->closed)
            response(client, server, answer, m.method_id, a);
    }
    h1_body_fini(&b);
    buf_fini(&sent);
}

static void side_init(struct side *s, bool server) {
    static const struct h2_events ev = {.head = on_head, .data = on_data, .end = on_end, .closed = on_closed};
    const struct h2_cfg cfg = {.server = server};
    *s = (struct side){0};
    s->h = h2_new(&cfg, &ev, s);
}

static void side_fini(struct side *s) {
    h2_free(&s->h);
    arena_fini(&s->a);
    buf_fini(&s->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct side client, server;
    struct arena a = {0};
    struct str rest = str_n(data, size), first = str_cut(&rest, '\xff');
    side_init(&client, false);
    side_init(&server, true);
    pump(&client, &server);
    request(&client, &server, first, rest, &a);
    side_fini(&client);
    side_fini(&server);
    arena_fini(&a);
    return 0;
}
