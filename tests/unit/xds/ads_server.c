// SPDX-License-Identifier: Apache-2.0
/* The server's end of ADS, delta and state of the world, against a client that sends what it likes and reads when it likes. */
#include "xds/ads_server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "discovery.pb-c.h"
#include "http/server.h"
#include "io/sock.h"
#include "xds/pack.h"
#include "xds/unpack.h"

#define AWAIT_US (20 * CLOCK_S)

struct fx {
    struct loop loop;
    struct server server;
    bool sotw;
    struct call *call; /* the server's end */
    struct ads_stream *stream;
    struct ads_source src;
    struct ads_texts texts;
    struct map of[XDS_TYPES];
    unsigned nodes, nacks, acks, sent, closed, sent_responses, expired;
    char nack[64];
    /* the client */
    struct conn_cfg conn_cfg;
    struct conn *conn;
    struct stream *s;
    struct grpc_reader reader;
    struct buf log; /* "[type name… !removed… ?missing… nonce]" for each response */
    unsigned responses, resources;
    size_t owed; /* octets read and not given back */
    bool hold, conn_closed, ready, timed_out;
    char status[16], message[128], version[24];
    struct timer guard;
};

static void on_guard(struct timer *t) {
    container_of(t, struct fx, guard)->timed_out = true;
}

#define AWAIT(fx, cond)                                                                                                          \
    do {                                                                                                                         \
        loop_timer(&(fx)->loop, &(fx)->guard, AWAIT_US, on_guard);                                                               \
        while (!(cond)) {                                                                                                        \
            loop_turn(&(fx)->loop, true);                                                                                        \
            if ((fx)->timed_out)                                                                                                 \
                fail_msg("never true: %s; log: %s; status %s %s", #cond, buf_z(&(fx)->log).ptr, (fx)->status, (fx)->message);    \
        }                                                                                                                        \
        loop_timer_stop(&(fx)->loop, &(fx)->guard);                                                                              \
    } while (0)

/* ---- the source ---- */

static struct xds_resource *get(void *ctx, struct ads_stream *s, enum xds_type type, struct str name) {
    return map_get(&((struct fx *)ctx)->of[type], name);
}

static void all(void *ctx, struct ads_stream *s, enum xds_type type, void (*each)(void *arg, struct xds_resource *r), void *arg) {
    struct xds_resource *r;
    MAP_FOR (&((struct fx *)ctx)->of[type], NULL, r)
        each(arg, r);
}

static int on_node(void *ctx, struct ads_stream *s, const struct ads_node *n, struct err *e) {
    ((struct fx *)ctx)->nodes++;
    assert_true(str_eq(ads_stream_node(s), n->id));
    return 0;
}

static void on_nack(void *ctx, struct ads_stream *s, enum xds_type type, struct str message) {
    struct fx *fx = ctx;
    fx->nacks++;
    str_z(message, fx->nack, sizeof fx->nack);
}

static void on_acked(void *ctx, struct ads_stream *s, enum xds_type type) {
    ((struct fx *)ctx)->acks++;
}

static void on_sent(void *ctx, struct ads_stream *s) {
    ((struct fx *)ctx)->sent++;
}

static void on_stream_closed(void *ctx, struct ads_stream *s) {
    struct fx *fx = ctx;
    fx->closed++;
    fx->stream = NULL;
}

static void on_response(void *ctx, struct ads_stream *s, enum xds_type type, size_t octets) {
    struct fx *fx = ctx;
    assert_true(octets > 0);
    fx->sent_responses++;
}

static void on_expired(void *ctx, struct ads_stream *s, enum xds_type type) {
    ((struct fx *)ctx)->expired++;
}

static void on_open(struct call *c) {
    struct fx *fx = c->user;
    fx->call = c;
    fx->stream = ads_stream_open(c, &fx->src, fx->sotw);
}

static void on_stream(struct server *s, struct stream *st) {
    static const struct call_method method[] = {{{"/ads", 4}, 0, &ads_stream_call_cb, on_open}};
    call_accept(st, method, 1, s->user);
}

/* A resource of no content: only its name, version and size matter here. In state of the world the name is what is in it. */
static void put(struct fx *fx, enum xds_type type, const char *name, const char *version, size_t size) {
    struct xds_resource *r = ref_new(sizeof *r, NULL);
    r->type = type;
    r->name = arena_dup(&r->ref.mem, str_of(name));
    r->bytes = str_n(arena_zalloc(&r->ref.mem, size), size);
    if (fx->sotw) {
        Ed__ResourceName *w = PACK_NEW(&r->ref.mem, ed__resource_name);
        w->name = (char *)name;
        r->bytes = pack_msg(&r->ref.mem, w);
    }
    snprintf(r->version, sizeof r->version, "%s", version);
    ref_put(map_put(&fx->of[type], r->name, r));
    if (fx->stream)
        ads_stream_dirty(fx->stream, type, r->name);
}

static void del(struct fx *fx, enum xds_type type, const char *name) {
    ref_put(map_del(&fx->of[type], str_of(name)));
    ads_stream_dirty(fx->stream, type, str_of(name));
}

/* ---- the client ---- */

static const char type_letter[] = {
    [XDS_LISTENER] = 'L', [XDS_ROUTE] = 'R', [XDS_CLUSTER] = 'C', [XDS_ENDPOINT] = 'E', [XDS_SECRET] = 'S'};

static const char *missing(const Ed__ResourceError *e) {
    assert_int_equal(e->error_detail->code, GRPC_NOT_FOUND);
    assert_string_equal(e->error_detail->message, "no such resource");
    return e->resource_name->name;
}

/* The same in state of the world, where nothing is removed by its name. */
static void take_sotw_response(struct fx *fx, struct str msg) {
    struct unpack u;
    struct err e;
    Ed__DiscoveryResponse *m;
    Ed__ResourceName *w;
    unpack_init(&u, NULL, &e);
    if (unpack_msg(&u, &ed__discovery_response__descriptor, msg, &m) < 0)
        fail_msg("%s", e.msg);
    fx->responses++;
    buf_fmt(&fx->log, "[%c", type_letter[xds_type_of_url(str_of(m->type_url))]);
    for (size_t i = 0; i < m->n_resources; i++) {
        assert_string_equal(m->resources[i]->type_url, m->type_url);
        if (unpack_msg(&u, &ed__resource_name__descriptor, str_n(m->resources[i]->value.data, m->resources[i]->value.len), &w) <
            0)
            fail_msg("%s", e.msg);
        buf_fmt(&fx->log, " %s", w->name);
    }
    for (size_t i = 0; i < m->n_resource_errors; i++)
        buf_fmt(&fx->log, " ?%s", missing(m->resource_errors[i]));
    buf_fmt(&fx->log, " %s]", m->nonce);
    assert_int_equal(strlen(m->version_info), 16);
    str_z(str_of(m->version_info), fx->version, sizeof fx->version);
    unpack_fini(&u);
}

static void take_response(struct fx *fx, struct str msg) {
    struct unpack u;
    struct err e;
    Ed__DeltaDiscoveryResponse *m;
    unpack_init(&u, NULL, &e);
    if (unpack_msg(&u, &ed__delta_discovery_response__descriptor, msg, &m) < 0)
        fail_msg("%s", e.msg);
    fx->responses++;
    fx->resources += m->n_resources;
    buf_fmt(&fx->log, "[%c", type_letter[xds_type_of_url(str_of(m->type_url))]);
    for (size_t i = 0; i < m->n_resources && m->n_resources < 10; i++)
        buf_fmt(&fx->log, " %s", m->resources[i]->name);
    for (size_t i = 0, k = 0; i < m->n_removed_resources; i++) { /* both in one order */
        bool error = k < m->n_resource_errors && strcmp(missing(m->resource_errors[k]), m->removed_resources[i]) == 0;
        buf_fmt(&fx->log, " %c%s", error ? '?' : '!', m->removed_resources[i]);
        k += error;
        if (i + 1 == m->n_removed_resources)
            assert_int_equal(k, m->n_resource_errors);
    }
    buf_fmt(&fx->log, " %s]", m->nonce);
    unpack_fini(&u);
}

static void cli_head(struct stream *s, const struct msg *m, bool end) {
    struct fx *fx = s->user;
    assert_int_equal(m->status, 200);
    str_z(msg_get(&m->fields, HDR_GRPC_STATUS), fx->status, sizeof fx->status);
    str_z(msg_get(&m->fields, HDR_GRPC_MESSAGE), fx->message, sizeof fx->message);
}

static void cli_data(struct stream *s, struct str data, bool end) {
    struct fx *fx = s->user;
    struct str in = data, msg;
    fx->owed += data.len;
    while (grpc_next(&fx->reader, &in, &msg, NULL) > 0)
        fx->sotw ? take_sotw_response(fx, msg) : take_response(fx, msg);
    if (!fx->hold) {
        stream_consumed(s, fx->owed);
        fx->owed = 0;
    }
}

static void cli_trailers(struct stream *s, const struct msg_fields *f) {
    struct fx *fx = s->user;
    str_z(msg_get(f, HDR_GRPC_STATUS), fx->status, sizeof fx->status);
    str_z(msg_get(f, HDR_GRPC_MESSAGE), fx->message, sizeof fx->message);
}

static void cli_closed(struct stream *s, int why) {
    ((struct fx *)s->user)->s = NULL;
}

static const struct stream_cb cli_cb = {.head = cli_head, .data = cli_data, .trailers = cli_trailers, .closed = cli_closed};

static void on_ready(struct conn *c) {
    ((struct fx *)c->user)->ready = true;
}

static void on_closed(struct conn *c, int why) {
    ((struct fx *)c->user)->conn_closed = true;
}

static void send_bytes(struct fx *fx, struct str msg) {
    struct buf b = {0};
    grpc_frame(&b, msg);
    stream_data(fx->s, buf_str(&b), false);
    buf_fini(&b);
}

/* The same words; "+name" is one of the list. */
static void ask_sotw(struct fx *fx, const char *words) {
    struct arena a = {0};
    struct str rest = str_of(words), word;
    Ed__DiscoveryRequest *m = PACK_NEW(&a, ed__discovery_request);
    m->resource_names = pack_array(&a, 8);
    while ((word = str_cut(&rest, ' ')).len) {
        if (str_eq(word, STR("node"))) {
            m->node = PACK_NEW(&a, ec__node);
            m->node->id = (char *)"me";
        } else if (word.len == 1) {
            for (int type = 0; type < XDS_TYPES; type++)
                if (type_letter[type] == word.ptr[0])
                    m->type_url = pack_str(&a, xds_type_url((enum xds_type)type));
        } else if (word.ptr[0] == '+') {
            m->resource_names[m->n_resource_names++] = pack_str(&a, str_from(word, 1));
        } else {
            m->response_nonce = pack_str(&a, str_from(word, (size_t)str_chr(word, ':') + 1));
            if (word.ptr[0] == 'n') {
                m->error_detail = PACK_NEW(&a, rpc__status);
                m->error_detail->message = (char *)"no";
            }
        }
    }
    send_bytes(fx, pack_msg(&a, m));
    arena_fini(&a);
}

/* Words: "node", a type letter, "+name", "-name", "name@version", "ack:N", "nack:N". */
static void ask(struct fx *fx, const char *words) {
    struct arena a = {0};
    if (fx->sotw) {
        ask_sotw(fx, words);
        return;
    }
    struct str rest = str_of(words), word;
    Ed__DeltaDiscoveryRequest *m = PACK_NEW(&a, ed__delta_discovery_request);
    m->resource_names_subscribe = pack_array(&a, 8);
    m->resource_names_unsubscribe = pack_array(&a, 8);
    m->initial_resource_versions = pack_array(&a, 8);
    while ((word = str_cut(&rest, ' ')).len) {
        if (str_eq(word, STR("node"))) {
            m->node = PACK_NEW(&a, ec__node);
            m->node->id = (char *)"me";
        } else if (word.len == 1) {
            for (int type = 0; type < XDS_TYPES; type++)
                if (type_letter[type] == word.ptr[0])
                    m->type_url = pack_str(&a, xds_type_url((enum xds_type)type));
        } else if (word.ptr[0] == '+') {
            m->resource_names_subscribe[m->n_resource_names_subscribe++] = pack_str(&a, str_from(word, 1));
        } else if (word.ptr[0] == '-') {
            m->resource_names_unsubscribe[m->n_resource_names_unsubscribe++] = pack_str(&a, str_from(word, 1));
        } else if (str_chr(word, '@') > 0) {
            Ed__DeltaDiscoveryRequest__InitialResourceVersionsEntry *held =
                PACK_NEW(&a, ed__delta_discovery_request__initial_resource_versions_entry);
            held->key = pack_str(&a, str_cut(&word, '@'));
            held->value = pack_str(&a, word);
            m->initial_resource_versions[m->n_initial_resource_versions++] = held;
        } else {
            m->response_nonce = pack_str(&a, str_from(word, (size_t)str_chr(word, ':') + 1));
            if (word.ptr[0] == 'n') {
                m->error_detail = PACK_NEW(&a, rpc__status);
                m->error_detail->message = (char *)"no";
            }
        }
    }
    send_bytes(fx, pack_msg(&a, m));
    arena_fini(&a);
}

static void open_call(struct fx *fx) {
    struct arena a = {0};
    struct msg m = {.request = true,
                    .method_id = METHOD_POST,
                    .method = STR("POST"),
                    .scheme = STR("http"),
                    .authority = STR("a"),
                    .path = STR("/ads"),
                    .content_length = -1};
    msg_add(&m.fields, &a, HDR_TE, STR("trailers"));
    msg_add(&m.fields, &a, HDR_CONTENT_TYPE, STR("application/grpc"));
    fx->s = conn_request(fx->conn, &m, false, &cli_cb, fx, NULL);
    assert_non_null(fx->s);
    arena_fini(&a);
}

static struct fx *setup_as(bool sotw) {
    struct fx *fx = mem_new(struct fx);
    fx->sotw = sotw;
    struct server_cfg cfg = {.on_stream = on_stream, .user = fx};
    struct err e;
    if (loop_init(&fx->loop, &(struct loop_cfg){.seed = 1}, &e) < 0 || addr_parse(&cfg.addr, STR("127.0.0.1:0"), &e) < 0 ||
        server_start(&fx->server, &fx->loop, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
    fx->src = (struct ads_source){get, all,        NULL,        on_node,   on_nack, on_acked, on_sent, on_stream_closed,
                                  fx,  &fx->texts, on_response, on_expired};
    fx->reader.max = 64 * 1024 * 1024;
    fx->conn_cfg = (struct conn_cfg){.proto = CONN_H2, .on_ready = on_ready, .on_closed = on_closed};
    struct transport *tr = sock_dial(&fx->loop, &fx->server.listener.addr, 0, NULL, NULL);
    fx->conn = conn_client(&fx->loop, &tr, &fx->conn_cfg, fx);
    AWAIT(fx, fx->ready);
    open_call(fx);
    return fx;
}

static struct fx *setup(void) {
    return setup_as(false);
}

static void teardown(struct fx *fx) {
    struct xds_resource *r;
    conn_abort(fx->conn, WEFT_E_CLOSED);
    AWAIT(fx, fx->conn_closed);
    server_drain(&fx->server);
    AWAIT(fx, fx->loop.watches == 0 && fx->loop.wheel.live == 1);
    assert_null(fx->stream);
    for (int type = 0; type < XDS_TYPES; type++) {
        MAP_FOR (&fx->of[type], NULL, r)
            ref_put(r);
        map_fini(&fx->of[type]);
    }
    grpc_reader_fini(&fx->reader);
    buf_fini(&fx->log);
    loop_fini(&fx->loop);
    free(fx);
}

static void expect(struct fx *fx, unsigned responses, const char *log) {
    AWAIT(fx, fx->responses == responses);
    assert_string_equal(buf_z(&fx->log).ptr, log);
    buf_take(&fx->log, fx->log.len);
    fx->responses = 0;
}

/* ---- tests ---- */

/* Make before break: what is referred to first, what has gone last, whatever the order of the marks. */
static void order(void **state) {
    struct fx *fx = setup();
    put(fx, XDS_ROUTE, "r", "1", 1);
    put(fx, XDS_CLUSTER, "c", "1", 1);
    ask(fx, "node R +r +r2");
    expect(fx, 2, "[R r 1][R ?r2 2]");
    ask(fx, "C +c +c2");
    expect(fx, 2, "[C c 3][C ?c2 4]");
    ask(fx, "E +e");
    expect(fx, 1, "[E ?e 5]");
    ask(fx, "L +l");
    expect(fx, 1, "[L ?l 6]");
    put(fx, XDS_LISTENER, "l", "1", 1);
    put(fx, XDS_ROUTE, "r2", "1", 1);
    del(fx, XDS_CLUSTER, "c");
    del(fx, XDS_ROUTE, "r");
    put(fx, XDS_ENDPOINT, "e", "1", 1);
    put(fx, XDS_CLUSTER, "c2", "1", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 5, "[C c2 7][E e 8][L l 9][R r2 10][R ?r 11]");
    ask(fx, "L ack:9");
    ask(fx, "R ack:11"); /* then none of the routes names it */
    expect(fx, 1, "[C ?c 12]");
    assert_int_equal(fx->nodes, 1);
    teardown(fx);
}

/* Trap 16: a route may name a cluster until the client has taken the table that does not; and a client that refuses it goes on by
 * the old one. Its endpoints stay as long. */
static void cluster_stays_until_routes_are_acked(void **state) {
    for (int sotw = 0; sotw < 2; sotw++) {
        struct fx *fx = setup_as(sotw);
        put(fx, XDS_CLUSTER, "c", "1", 1);
        put(fx, XDS_ENDPOINT, "c", "1", 1);
        put(fx, XDS_ROUTE, "r", "1", 1);
        ask(fx, "node C");
        expect(fx, 1, "[C c 1]");
        ask(fx, "E +c");
        expect(fx, 1, "[E c 2]");
        ask(fx, "R +r");
        expect(fx, 1, "[R r 3]");
        ask(fx, sotw ? "R +r ack:3" : "R ack:3");
        AWAIT(fx, fx->acks == 1);
        del(fx, XDS_CLUSTER, "c");
        del(fx, XDS_ENDPOINT, "c");
        put(fx, XDS_CLUSTER, "d", "1", 1); /* in its place */
        put(fx, XDS_ROUTE, "r", "2", 1);
        ads_stream_flush(fx->stream);
        expect(fx, 1, sotw ? "[C c d 4]" : "[C d 4]");
        ask(fx, "C ack:4");
        expect(fx, 1, "[R r 5]");
        ask(fx, sotw ? "R +r nack:5" : "R nack:5");
        AWAIT(fx, fx->nacks == 1);
        put(fx, XDS_ROUTE, "r", "3", 1);
        ads_stream_flush(fx->stream);
        expect(fx, 1, "[R r 6]"); /* and nothing of the cluster */
        ask(fx, sotw ? "R +r ack:6" : "R ack:6");
        if (sotw)
            expect(fx, 1, "[C d 7]");
        else
            expect(fx, 2, "[C !c 7][E ?c 8]");
        teardown(fx);
    }
}

/* §1.7: a table that may name a new cluster waits until that can be used; a client's first table waits for nothing. */
static void routes_wait_for_clusters(void **state) {
    for (int sotw = 0; sotw < 2; sotw++) {
        struct fx *fx = setup_as(sotw);
        put(fx, XDS_ROUTE, "r", "1", 1);
        put(fx, XDS_CLUSTER, "c", "1", 1);
        put(fx, XDS_ENDPOINT, "c", "1", 1);
        ask(fx, "node C");
        expect(fx, 1, "[C c 1]");
        ask(fx, "R +r");
        expect(fx, 1, "[R r 2]");
        put(fx, XDS_ROUTE, "r", "2", 1);
        ads_stream_flush(fx->stream);
        ask(fx, sotw ? "R +r ack:2" : "R ack:2");
        ask(fx, "C ack:1");
        AWAIT(fx, fx->acks == 2); /* accepted, but what is a cluster without its endpoints? */
        ask(fx, "E +c");
        expect(fx, 2, "[E c 3][R r 4]");
        put(fx, XDS_CLUSTER, "own", "1", 1); /* without EDS: no wait but for the answer */
        put(fx, XDS_ROUTE, "r", "3", 1);
        ads_stream_flush(fx->stream);
        expect(fx, 1, sotw ? "[C c own 5]" : "[C own 5]");
        ask(fx, "C nack:5"); /* whatever it is, the old clusters are there */
        expect(fx, 1, "[R r 6]");
        teardown(fx);
    }
}

static void stale_nonce_still_subscribes(void **state) {
    struct fx *fx = setup();
    put(fx, XDS_CLUSTER, "a", "1", 1);
    put(fx, XDS_CLUSTER, "b", "1", 1);
    ask(fx, "node C +a");
    expect(fx, 1, "[C a 1]");
    ask(fx, "C nack:77 +b"); /* no response of ours: nothing was rejected */
    expect(fx, 1, "[C b 2]");
    assert_int_equal(fx->nacks, 0);
    ask(fx, "C ack:2 -b");
    AWAIT(fx, fx->acks == 1);
    assert_false(ads_stream_wants(fx->stream, XDS_CLUSTER, STR("b")));
    ask(fx, "C nack:1 +b"); /* too late: 2 has been answered */
    expect(fx, 1, "[C b 3]");
    ask(fx, "C nack:3");
    AWAIT(fx, fx->nacks == 1);
    assert_string_equal(fx->nack, "no");
    ads_stream_dirty(fx->stream, XDS_CLUSTER, STR("b"));
    put(fx, XDS_CLUSTER, "a", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[C a 4]");
    assert_int_equal(fx->expired, 2);
    assert_int_equal(fx->sent_responses, 4);
    teardown(fx);
}

/* An updated cluster waits for its endpoints anew, whether they have changed or not. */
static void endpoints_follow_their_cluster(void **state) {
    for (int sotw = 0; sotw < 2; sotw++) {
        struct fx *fx = setup_as(sotw);
        put(fx, XDS_CLUSTER, "c", "1", 1);
        put(fx, XDS_CLUSTER, "d", "1", 1);
        put(fx, XDS_ENDPOINT, "c", "1", 1);
        put(fx, XDS_ENDPOINT, "d", "1", 1);
        ask(fx, "node C");
        expect(fx, 1, "[C c d 1]");
        ask(fx, "E +c +d");
        expect(fx, 1, "[E c d 2]");
        put(fx, XDS_CLUSTER, "c", "2", 1);
        ads_stream_flush(fx->stream);
        expect(fx, 2, sotw ? "[C c d 3][E c 4]" : "[C c 3][E c 4]");
        teardown(fx);
    }
}

/* ---- state of the world ---- */

/* Listeners and clusters: always all of them; the others: what has changed; in the order that makes before it breaks. */
static void sotw_order(void **state) {
    struct fx *fx = setup_as(true);
    put(fx, XDS_CLUSTER, "c", "1", 1);
    put(fx, XDS_LISTENER, "l", "1", 1);
    put(fx, XDS_ROUTE, "r", "1", 1);
    put(fx, XDS_ROUTE, "s", "1", 1);
    put(fx, XDS_ENDPOINT, "c", "1", 1);
    ask(fx, "node L +l +m");
    expect(fx, 1, "[L l ?m 1]");
    ask(fx, "R +r +s +t");
    expect(fx, 1, "[R r s ?t 2]");
    ask(fx, "C");
    expect(fx, 1, "[C c 3]");
    ask(fx, "E +c +d");
    expect(fx, 1, "[E c ?d 4]");
    put(fx, XDS_ROUTE, "s", "2", 1);
    put(fx, XDS_LISTENER, "m", "1", 1);
    put(fx, XDS_ENDPOINT, "d", "1", 1);
    put(fx, XDS_CLUSTER, "d", "1", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 3, "[C c d 5][E d 6][L l m 7]");
    ask(fx, "C ack:5");
    expect(fx, 1, "[R s 8]");
    del(fx, XDS_CLUSTER, "c");
    del(fx, XDS_ROUTE, "s"); /* told by the listener that names it no more */
    put(fx, XDS_LISTENER, "l", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[L l m 9]");
    ask(fx, "R +r +s +t ack:8");
    ask(fx, "L +l +m ack:9");
    expect(fx, 1, "[C d 10]");
    del(fx, XDS_CLUSTER, "d");
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[C 11]"); /* the last has gone */
    assert_int_equal(fx->nodes, 1);
    teardown(fx);
}

/* Nothing there is an answer too: a client waits for it. */
static void sotw_nothing_is_told(void **state) {
    struct fx *fx = setup_as(true);
    ask(fx, "node L");
    expect(fx, 1, "[L 1]");
    ask(fx, "C +a");
    expect(fx, 1, "[C ?a 2]");
    put(fx, XDS_CLUSTER, "a", "1", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[C a 3]");
    teardown(fx);
}

/* A child that is not there is said to be so, once, and to who asks again; that it has gone tells its parent. */
static void sotw_missing_children(void **state) {
    struct fx *fx = setup_as(true);
    ask(fx, "node E +a +b");
    expect(fx, 1, "[E ?a ?b 1]");
    ask(fx, "E +a +b ack:1");
    ads_stream_dirty(fx->stream, XDS_ENDPOINT, STR("b"));
    put(fx, XDS_ENDPOINT, "a", "1", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[E a 2]");
    ask(fx, "E +a +b ack:2");
    AWAIT(fx, fx->acks == 2);
    del(fx, XDS_ENDPOINT, "a");
    ads_stream_flush(fx->stream);
    ask(fx, "E +a +b ack:2");
    expect(fx, 1, "[E ?a ?b 3]");
    teardown(fx);
}

static void sotw_answers(void **state) {
    struct fx *fx = setup_as(true);
    put(fx, XDS_CLUSTER, "a", "1", 1);
    put(fx, XDS_CLUSTER, "b", "1", 1);
    ask(fx, "node C +a");
    expect(fx, 1, "[C a 1]");
    ask(fx, "C +a ack:1");
    AWAIT(fx, fx->acks == 1); /* and no answer to it: below */
    ask(fx, "C +a +b ack:7"); /* of no response of ours: dropped, whole */
    ask(fx, "C +a +b ack:1"); /* answered before, so it asks */
    expect(fx, 1, "[C a b 2]");
    put(fx, XDS_CLUSTER, "b", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[C a b 3]");
    ask(fx, "C +a ack:2"); /* stale: the names come again with the next answer */
    ask(fx, "C +a +b nack:3");
    AWAIT(fx, fx->nacks == 1);
    assert_string_equal(fx->nack, "no");
    assert_true(ads_stream_wants(fx->stream, XDS_CLUSTER, STR("b")));
    ads_stream_dirty(fx->stream, XDS_CLUSTER, STR("b"));
    ads_stream_flush(fx->stream); /* rejected: nothing until it changes */
    ask(fx, "C +a +b nack:3");    /* nor for complaining again */
    ask(fx, "E +x");              /* awaited by its order: it has no answer, but */
    put(fx, XDS_CLUSTER, "a", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[C a b 4]");
    ask(fx, "C +b ack:4"); /* subscribed to less: nothing to say */
    AWAIT(fx, fx->acks == 3);
    assert_false(ads_stream_wants(fx->stream, XDS_CLUSTER, STR("a")));
    teardown(fx);
}

/* Of a child type, what is asked for again is sent, for that is how Envoy warms; but never what it rejected. */
static void sotw_children_asked_again(void **state) {
    struct fx *fx = setup_as(true);
    put(fx, XDS_ENDPOINT, "a", "1", 1);
    put(fx, XDS_ENDPOINT, "b", "1", 1);
    ask(fx, "node E +a");
    expect(fx, 1, "[E a 1]");
    ask(fx, "E +a ack:1");
    ask(fx, "E +a +b ack:1");
    expect(fx, 1, "[E a b 2]");
    ask(fx, "E +a +b ack:2");
    put(fx, XDS_ENDPOINT, "a", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[E a 3]");
    ask(fx, "E +a +b nack:3");
    ask(fx, "E +a +b ack:3");
    expect(fx, 1, "[E b 4]");
    ask(fx, "E ack:4"); /* none: none, for there is no wildcard of these */
    AWAIT(fx, fx->acks == 3);
    assert_false(ads_stream_wants(fx->stream, XDS_ENDPOINT, STR("a")));
    teardown(fx);
}

/* A nonce of an earlier stream says nothing on this one. */
static void sotw_first_with_an_old_nonce(void **state) {
    struct fx *fx = setup_as(true);
    put(fx, XDS_CLUSTER, "a", "1", 1);
    ask(fx, "node C +a ack:12");
    expect(fx, 1, "[C a 1]");
    assert_int_equal(fx->acks + fx->expired, 0);
    assert_int_equal(fx->sent_responses, 1);
    teardown(fx);
}

/* Equal content has an equal version, on any stream; other content another. */
static void sotw_versions(void **state) {
    char first[24];
    struct fx *fx = setup_as(true);
    put(fx, XDS_CLUSTER, "a", "1", 1);
    ask(fx, "node C");
    expect(fx, 1, "[C a 1]");
    memcpy(first, fx->version, sizeof first);
    ask(fx, "C ack:1");
    ask(fx, "C ack:1");
    expect(fx, 1, "[C a 2]");
    assert_string_equal(fx->version, first);
    put(fx, XDS_CLUSTER, "a", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[C a 3]");
    assert_string_not_equal(fx->version, first);
    teardown(fx);
}

static void held_versions_are_not_resent(void **state) {
    struct fx *fx = setup();
    put(fx, XDS_CLUSTER, "a", "1", 1);
    put(fx, XDS_CLUSTER, "b", "2", 1);
    ask(fx, "node C +a +b +x a@1 b@1 x@1");
    expect(fx, 2, "[C b 1][C ?x 2]");
    teardown(fx);
}

static void types_are_independent(void **state) {
    struct fx *fx = setup();
    put(fx, XDS_CLUSTER, "a", "1", 1);
    put(fx, XDS_ENDPOINT, "a", "1", 1);
    put(fx, XDS_LISTENER, "all", "1", 1);
    ask(fx, "node L");
    expect(fx, 1, "[L all 1]");
    ask(fx, "E +a");
    expect(fx, 1, "[E a 2]");
    ads_stream_dirty(fx->stream, XDS_CLUSTER, STR("a"));
    put(fx, XDS_ENDPOINT, "a", "2", 1);
    ads_stream_flush(fx->stream);
    expect(fx, 1, "[E a 3]");
    teardown(fx);
}

/* Who does not read costs a set of names and a bounded queue; and gets the newest state, not the history. */
static void slow_client(void **state) {
    struct fx *fx = setup();
    enum { N = 600, SIZE = 10000, ROUNDS = 5 };
    char name[16];
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof name, "%u", i);
        put(fx, XDS_CLUSTER, name, "1", SIZE);
    }
    fx->hold = true;
    ask(fx, "node C");
    AWAIT(fx, fx->call && call_queued(fx->call) > ADS_QUEUE / 2 && fx->owed > 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        char version[8];
        snprintf(version, sizeof version, "v%u", round);
        for (unsigned i = 0; i < N; i++) {
            snprintf(name, sizeof name, "%u", i);
            put(fx, XDS_CLUSTER, name, version, SIZE);
        }
        ads_stream_flush(fx->stream);
        loop_turn(&fx->loop, false);
        assert_true(call_queued(fx->call) < ADS_QUEUE + 2 * SIZE);
    }
    assert_int_equal(fx->sent, 0);
    fx->hold = false;
    stream_consumed(fx->s, fx->owed);
    fx->owed = 0;
    AWAIT(fx, fx->sent > 0);
    AWAIT(fx, fx->resources >= N && call_queued(fx->call) == 0);
    ads_stream_flush(fx->stream);
    AWAIT(fx, call_queued(fx->call) == 0);
    assert_true(fx->resources < 2 * N); /* of N * (ROUNDS + 1) versions */
    assert_true(fx->responses > 5);     /* chunks */
    teardown(fx);
}

/* The same of the state of the world: a few whole sets wait, never the history. */
static void sotw_slow_client(void **state) {
    struct fx *fx = setup_as(true);
    enum { N = 2000, ROUNDS = 200, ONE = 100 };
    char name[ONE + 16], version[8];
    memset(name, 'n', ONE);
    fx->hold = true;
    for (unsigned round = 0; round < ROUNDS; round++) {
        snprintf(version, sizeof version, "v%u", round);
        for (unsigned i = 0; i < N; i++) {
            snprintf(name + ONE, 16, "%u", i);
            put(fx, XDS_CLUSTER, name, version, 1);
        }
        if (round == 0) {
            ask(fx, "node C");
            AWAIT(fx, fx->call && call_queued(fx->call) > 0);
        }
        ads_stream_flush(fx->stream);
        loop_turn(&fx->loop, false);
        assert_true(call_queued(fx->call) < ADS_QUEUE + N * (ONE + 100));
    }
    fx->hold = false;
    stream_consumed(fx->s, fx->owed);
    fx->owed = 0;
    AWAIT(fx, call_queued(fx->call) == 0 && ads_stream_wants(fx->stream, XDS_CLUSTER, str_of(name)));
    assert_true(fx->responses < ROUNDS / 2);
    buf_take(&fx->log, fx->log.len);
    teardown(fx);
}

static void ends_with(const char *first, struct str bytes, const char *status, const char *says) {
    struct fx *fx = setup();
    if (first)
        ask(fx, first);
    else
        send_bytes(fx, bytes);
    AWAIT(fx, !fx->s);
    assert_string_equal(fx->status, status);
    if (!strstr(fx->message, says))
        fail_msg("%s", fx->message);
    if (fx->nodes)
        AWAIT(fx, fx->closed == 1);
    fx->stream = NULL; /* without a node its end is not told */
    teardown(fx);
}

static void bad_requests(void **state) {
    ends_with("C +a", STR_NONE, "3", "the node");
    ends_with("node +a", STR_NONE, "3", "no type_url");
    ends_with(NULL, STR("\xff"), "3", "malformed");
    ends_with(NULL, STR("\x12\x01\xff"), "3", "UTF-8");
    char *name = mem_alloc(2000);
    memset(name, 'x', 1999);
    memcpy(name, "node C +", 8);
    ends_with(name, STR_NONE, "8", "a resource name of 1991 octets");
    free(name);
}

/* What a client says of itself is kept: its texts are bounded, wherever they stand. */
static void large_node(void **state) {
    for (int where = 0; where < 3; where++) {
        struct arena a = {0};
        char *text = mem_alloc(ADS_NAME_MAX + 2);
        memset(text, 'x', ADS_NAME_MAX + 1);
        text[ADS_NAME_MAX + 1] = 0;
        Ed__DeltaDiscoveryRequest *m = PACK_NEW(&a, ed__delta_discovery_request);
        m->node = PACK_NEW(&a, ec__node);
        m->node->id = where == 0 ? text : (char *)"me";
        m->node->user_agent_name = where == 1 ? text : (char *)"";
        m->node->metadata = PACK_NEW(&a, google__protobuf__struct);
        pack_text(&a, m->node->metadata, "WEFT_OUTBOUND", where == 2 ? str_of(text) : STR("127.0.0.1:1"));
        m->type_url = pack_str(&a, xds_type_url(XDS_CLUSTER));
        ends_with(NULL, pack_msg(&a, m), "8", "node: a text of 1025 octets");
        arena_fini(&a);
        free(text);
    }
}

/* §1.3: what there is nothing of has no answer, and the stream goes on. */
static void unknown_types(void **state) {
    for (int sotw = 0; sotw < 2; sotw++) {
        struct fx *fx = setup_as(sotw);
        struct arena a = {0};
        Ed__DeltaDiscoveryRequest *m = PACK_NEW(&a, ed__delta_discovery_request);
        Ed__DiscoveryRequest *w = PACK_NEW(&a, ed__discovery_request);
        m->node = w->node = PACK_NEW(&a, ec__node);
        m->node->id = (char *)"me";
        m->type_url = w->type_url = (char *)"type.googleapis.com/what.Ever";
        m->resource_names_subscribe = w->resource_names = pack_array(&a, 1);
        *m->resource_names_subscribe = (char *)"x";
        m->n_resource_names_subscribe = w->n_resource_names = 1;
        for (unsigned i = 0; i < 100; i++)
            send_bytes(fx, sotw ? pack_msg(&a, w) : pack_msg(&a, m));
        ask(fx, "C +a");
        expect(fx, 1, "[C ?a 1]");
        arena_fini(&a);
        teardown(fx);
    }
}

/* Who answers nothing is told what changes all the same; nothing is kept for it but the newest. */
static void never_answers(void **state) {
    for (int sotw = 0; sotw < 2; sotw++) {
        struct fx *fx = setup_as(sotw);
        char version[16];
        put(fx, XDS_CLUSTER, "c", "0", 1);
        ask(fx, "node C");
        for (unsigned round = 1; round < 300; round++) {
            AWAIT(fx, fx->responses == round);
            snprintf(version, sizeof version, "%u", round);
            put(fx, XDS_CLUSTER, "c", version, 1);
            ads_stream_flush(fx->stream);
        }
        AWAIT(fx, fx->responses == 300);
        ask(fx, "C ack:300");
        AWAIT(fx, fx->acks == 1);
        ask(fx, "C ack:7"); /* too late */
        AWAIT(fx, fx->expired == 1);
        assert_int_equal(fx->acks, 1);
        buf_take(&fx->log, fx->log.len);
        teardown(fx);
    }
}

static void half_close_ends_it(void **state) {
    struct fx *fx = setup();
    ask(fx, "node C +a");
    expect(fx, 1, "[C ?a 1]");
    stream_end(fx->s, NULL);
    AWAIT(fx, !fx->s);
    assert_string_equal(fx->status, "0");
    AWAIT(fx, fx->closed == 1);
    teardown(fx);
}

static void owner_closes(void **state) {
    struct fx *fx = setup();
    ask(fx, "node C +a");
    expect(fx, 1, "[C ?a 1]");
    ads_stream_close(fx->stream, GRPC_UNAVAILABLE, STR("moving"));
    ads_stream_dirty(fx->stream, XDS_CLUSTER, STR("a")); /* no harm */
    ads_stream_flush(fx->stream);
    AWAIT(fx, !fx->s);
    assert_string_equal(fx->status, "14");
    assert_string_equal(fx->message, "moving");
    AWAIT(fx, fx->closed == 1);
    teardown(fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(routes_wait_for_clusters),
        cmocka_unit_test(cluster_stays_until_routes_are_acked),
        cmocka_unit_test(stale_nonce_still_subscribes),
        cmocka_unit_test(endpoints_follow_their_cluster),
        cmocka_unit_test(sotw_order),
        cmocka_unit_test(sotw_nothing_is_told),
        cmocka_unit_test(sotw_missing_children),
        cmocka_unit_test(sotw_answers),
        cmocka_unit_test(sotw_children_asked_again),
        cmocka_unit_test(sotw_first_with_an_old_nonce),
        cmocka_unit_test(sotw_versions),
        cmocka_unit_test(sotw_slow_client),
        cmocka_unit_test(held_versions_are_not_resent),
        cmocka_unit_test(types_are_independent),
        cmocka_unit_test(slow_client),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(large_node),
        cmocka_unit_test(unknown_types),
        cmocka_unit_test(never_answers),
        cmocka_unit_test(half_close_ends_it),
        cmocka_unit_test(owner_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
