// SPDX-License-Identifier: Apache-2.0
#include "cli/echo.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/url.h"
#include "http/fetch.h"
#include "io/file.h"
#include "telemetry/prom.h"

#define BODY_MAX (1u << 20)
#define CALLS_MAX 16
#define PIECE 65536u /* of size= */
#define SIZE_LIMIT (1ull << 32)
#define STREAM_LIMIT 1000000u
#define SECONDS_LIMIT 3600.0
#define CALL_TIMEOUT (60 * CLOCK_S)

/* ---- a request ---- */

struct call { /* of call=URL */
    struct request *request;
    struct fetch *fetch; /* NULL: over */
    struct str url;
    json_t *result;
};

struct request { /* in the stream's arena */
    struct echo *echo;
    struct stream *stream;
    struct msg head;
    struct buf body;
    struct timer timer;
    unsigned status;
    double fail, delay, interval;
    uint64_t size, lines; /* asked for; what is left while the answer is being sent */
    bool sized, streamed, reset, answered;
    struct call calls[CALLS_MAX];
    unsigned n_calls, calls_left;
    struct str bad; /* the parameter that cannot be understood */
};

/* ---- parameters ---- */

static bool to_double(struct str v, double max, double *out) {
    char text[32], *end;
    if (v.len == 0 || v.len >= sizeof text)
        return false;
    double d = strtod(str_z(v, text, sizeof text), &end);
    if (*end || !(d >= 0) || d > max)
        return false;
    *out = d;
    return true;
}

static bool take_number(struct str v, uint64_t max, uint64_t *out, bool *given) {
    *given = true;
    return str_u64(v, max, out);
}

static bool take_status(struct request *r, struct str v) {
    uint64_t status = 0;
    bool fine = str_u64(v, 599, &status) && status >= 200;
    r->status = fine ? (unsigned)status : 200;
    return fine;
}

static bool take_call(struct request *r, struct str url) {
    struct url u;
    if (r->n_calls == CALLS_MAX || url_parse(&u, url, NULL) < 0)
        return false;
    r->calls[r->n_calls++] = (struct call){.request = r, .url = url};
    return true;
}

/* True for parameters that mean nothing to us: they are the caller's own. */
static bool take_parameter(struct request *r, struct str k, struct str v) {
    if (str_eq(k, STR("status")))
        return take_status(r, v);
    if (str_eq(k, STR("fail")))
        return to_double(v, 1, &r->fail);
    if (str_eq(k, STR("delay")))
        return to_double(v, SECONDS_LIMIT, &r->delay);
    if (str_eq(k, STR("interval")))
        return to_double(v, SECONDS_LIMIT, &r->interval);
    if (str_eq(k, STR("size")))
        return take_number(v, SIZE_LIMIT, &r->size, &r->sized);
    if (str_eq(k, STR("stream")))
        return take_number(v, STREAM_LIMIT, &r->lines, &r->streamed);
    if (str_eq(k, STR("reset")))
        return (r->reset = str_eq(v, STR("1"))) || str_eq(v, STR("0"));
    return !str_eq(k, STR("call")) || take_call(r, v);
}

static void take_query(struct request *r) {
    struct str rest = url_query(r->head.path), k, v;
    r->status = 200;
    while (url_query_next(&rest, &r->stream->arena, &k, &v))
        if (!take_parameter(r, k, v))
            r->bad = k;
}

/* ---- what was received, as JSON ---- */

/* A second value of a name makes the first a list. */
static void add_value(json_t *object, struct str name, struct str value) {
    struct arena a = {0};
    const char *key = arena_z(&a, name);
    json_t *have = json_object_get(object, key), *one = json_of_str(value);
    if (json_is_array(have)) {
        json_array_append_new(have, one);
    } else if (have) {
        json_t *list = json_array();
        json_array_append(list, have);
        json_array_append_new(list, one);
        json_object_set_new(object, key, list);
    } else {
        json_object_set_new(object, key, one);
    }
    arena_fini(&a);
}

static json_t *headers_json(struct request *r) {
    json_t *o = json_object();
    for (unsigned i = 0; i < r->head.fields.n; i++)
        add_value(o, arena_lower(&r->stream->arena, r->head.fields.at[i].name), r->head.fields.at[i].value);
    if (!json_object_get(o, "host") && r->head.authority.len) /* HTTP/2 */
        json_object_set_new(o, "host", json_of_str(r->head.authority));
    return o;
}

static json_t *query_json(struct request *r) {
    json_t *o = json_object();
    struct str rest = url_query(r->head.path), k, v;
    while (url_query_next(&rest, &r->stream->arena, &k, &v))
        add_value(o, k, v);
    return o;
}

static json_t *received_json(struct request *r) {
    char peer[ADDR_TEXT];
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(r->echo->cfg.name));
    json_object_set_new(o, "method", json_of_str(r->head.method));
    json_object_set_new(o, "path", json_of_str(url_path_only(r->head.path)));
    json_object_set_new(o, "query", query_json(r));
    json_object_set_new(o, "headers", headers_json(r));
    json_object_set_new(o, "body", json_of_str(buf_str(&r->body)));
    json_object_set_new(o, "peer", json_string(addr_kept_text(&r->stream->conn->tr->remote, peer)));
    if (r->n_calls) {
        json_t *calls = json_array();
        for (unsigned i = 0; i < r->n_calls; i++)
            json_array_append(calls, r->calls[i].result);
        json_object_set_new(o, "calls", calls);
    }
    return o;
}

/* ---- answers ---- */

static void reply_json(struct request *r, unsigned status, json_t *object) {
    struct buf text = {0};
    json_print(&text, object, false);
    buf_addc(&text, '\n');
    json_decref(object);
    bool bodiless = status == 204 || status == 304;
    stream_reply(r->stream, status, bodiless ? STR_NONE : STR("application/json"), bodiless ? STR_NONE : buf_str(&text));
    buf_fini(&text);
}

static void reply_error(struct request *r, unsigned status, const char *what, struct str which) {
    struct str text = arena_fmt(&r->stream->arena, "%s" STR_FMT, what, STR_ARG(which));
    json_t *o = json_object();
    json_object_set_new(o, "error", json_of_str(text));
    json_object_set_new(o, "name", json_string(r->echo->cfg.name));
    reply_json(r, status, o);
}

static void more_of_size(struct request *r) {
    static const char dots[PIECE] = {0};
    while (r->size && stream_queued(r->stream) < PIECE) {
        size_t n = r->size < PIECE ? (size_t)r->size : PIECE;
        r->size -= n;
        stream_data(r->stream, str_n(dots, n), r->size == 0);
    }
}

static void send_line(struct request *r) {
    struct buf line = {0};
    r->lines--;
    buf_add(&line, STR("{\"name\":"));
    json_print_str(&line, str_of(r->echo->cfg.name));
    buf_fmt(&line, ",\"left\":%llu}\n", (unsigned long long)r->lines);
    stream_data(r->stream, buf_str(&line), r->lines == 0);
    buf_fini(&line);
}

static void next_line(struct timer *t) {
    struct request *r = container_of(t, struct request, timer);
    if (stream_queued(r->stream) < PIECE) /* else the reader is slow: a line later */
        send_line(r);
    if (r->lines)
        loop_timer(r->stream->conn->loop, &r->timer, (uint64_t)(r->interval * (double)CLOCK_S), next_line);
}

static void start_long_answer(struct request *r) {
    struct msg m = {.status = (uint16_t)r->status, .content_length = r->sized ? (int64_t)r->size : -1};
    msg_add(&m.fields, &r->stream->arena, HDR_CONTENT_TYPE,
            r->sized ? STR("application/octet-stream") : STR("application/x-ndjson"));
    bool empty = r->stream->method == METHOD_HEAD || (r->sized ? r->size : r->lines) == 0;
    stream_head(r->stream, &m, empty);
    if (empty)
        return;
    if (r->sized)
        more_of_size(r);
    else
        next_line(&r->timer);
}

/* For who asks as Prometheus does; else /metrics is a path like any other. */
static bool wants_figures(const struct request *r) {
    struct str accept = msg_get(&r->head.fields, HDR_ACCEPT);
    return str_eq(url_path_only(r->head.path), STR("/metrics")) &&
           (str_find(accept, STR("text/plain")) >= 0 || str_find(accept, STR("application/openmetrics-text")) >= 0);
}

static void reply_figures(struct request *r) {
    struct buf b = {0};
    struct prom p = {.out = &b,
                     .openmetrics = str_find(msg_get(&r->head.fields, HDR_ACCEPT), STR("application/openmetrics-text")) >= 0};
    const struct server *s = &r->echo->server;
    prom_family(&p, "weft_echo_connections", PROM_GAUGE, "Connections that are open.");
    prom_sample(&p, STR_NONE, s->n_conns);
    prom_limits(&p);
    prom_limits_of(&p, "downstream", &s->met);
    prom_end(&p);
    stream_reply(r->stream, 200, p.openmetrics ? STR(PROM_CONTENT_TYPE_OPENMETRICS) : STR(PROM_CONTENT_TYPE), buf_str(&b));
    buf_fini(&b);
}

static void answer(struct request *r) {
    bool fails = r->fail > 0 && rand_unit(&r->stream->conn->loop->rand) < r->fail;
    r->answered = true;
    if (r->bad.ptr)
        reply_error(r, 400, "not understood: ", r->bad);
    else if (r->reset)
        stream_reset(r->stream, WEFT_E_CANCELLED);
    else if (fails)
        reply_error(r, 503, "fails as asked", STR_NONE);
    else if (str_eq(url_path_only(r->head.path), STR("/health")) && !r->sized && !r->streamed)
        reply_json(r, r->status,
                   json_pack("{s:s, s:s}", "status", r->status < 300 ? "healthy" : "unhealthy", "name", r->echo->cfg.name));
    else if (r->sized || r->streamed)
        start_long_answer(r);
    else if (wants_figures(r))
        reply_figures(r);
    else
        reply_json(r, r->status, received_json(r));
}

static void answer_now(struct timer *t) {
    answer(container_of(t, struct request, timer));
}

static void answer_in_time(struct request *r) {
    if (r->delay > 0)
        loop_timer(r->stream->conn->loop, &r->timer, (uint64_t)(r->delay * (double)CLOCK_S), answer_now);
    else
        answer(r);
}

/* ---- calls to others ---- */

static void call_over(struct call *c, json_t *result) {
    c->fetch = NULL;
    c->result = result;
    json_object_set_new(result, "url", json_of_str(c->url));
    if (--c->request->calls_left == 0)
        answer_in_time(c->request);
}

static void on_call_result(void *ctx, const struct fetch_result *r) {
    struct call *c = ctx;
    json_t *o = json_object(), *body = NULL;
    if (r->code) {
        json_object_set_new(o, "error", json_string(r->err.msg));
    } else {
        json_object_set_new(o, "status", json_integer(r->head.status));
        if (json_parse(&body, r->body, NULL) < 0)
            body = json_of_str(r->body);
        json_object_set_new(o, "body", body);
    }
    call_over(c, o);
}

/* From the option, or from the file that the sidecar wrote. */
static int find_outbound(const struct echo *s, struct addr *out, struct err *e) {
    struct buf text = {0};
    json_t *ready = NULL;
    *out = s->cfg.outbound;
    if (out->len)
        return 0;
    if (!s->cfg.sidecar_file)
        return err_set(e, WEFT_E_INVALID, "no sidecar to call through: start weft echo with --outbound or --sidecar");
    int rc = file_read(str_of(s->cfg.sidecar_file), PIECE, &text, e);
    if (rc >= 0)
        rc = json_parse(&ready, buf_str(&text), e);
    if (rc >= 0)
        rc = addr_parse(out, json_to_str(json_object_get(ready, "outbound")), e);
    json_decref(ready);
    buf_fini(&text);
    return rc;
}

/* What ties the spans of a trace together has to be passed on by the application. */
static void pass_on(struct msg_fields *to, struct arena *a, const struct msg_fields *from) {
    static const enum hdr_id ids[] = {HDR_X_REQUEST_ID, HDR_TRACEPARENT, HDR_TRACESTATE,  HDR_B3,
                                      HDR_X_B3_TRACEID, HDR_X_B3_SPANID, HDR_X_B3_SAMPLED};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct str v = msg_get(from, ids[i]);
        if (v.ptr)
            msg_add(to, a, ids[i], v);
    }
}

static int start_call(struct call *c, struct err *e) {
    struct request *r = c->request;
    struct url u;
    struct fetch_cfg cfg = {.timeout_us = CALL_TIMEOUT, .max_body = BODY_MAX};
    int rc = url_parse(&u, c->url, e);
    if (rc >= 0)
        rc = u.host_is_ip ? addr_ip(&cfg.addr, u.host, u.port, e) : find_outbound(r->echo, &cfg.addr, e);
    if (rc < 0)
        return rc;
    cfg.head = (struct msg){.request = true,
                            .method = STR("GET"),
                            .method_id = METHOD_GET,
                            .authority = u.authority,
                            .path = u.path,
                            .content_length = -1};
    pass_on(&cfg.head.fields, &r->stream->arena, &r->head.fields);
    c->fetch = fetch_start(r->stream->conn->loop, &cfg, on_call_result, c);
    return 0;
}

static void start_calls(struct request *r) {
    r->calls_left = r->n_calls;
    for (unsigned i = 0; i < r->n_calls; i++) {
        struct err e = {0};
        if (start_call(&r->calls[i], &e) < 0)
            call_over(&r->calls[i], json_pack("{s:s}", "error", e.msg));
    }
}

/* ---- receiving ---- */

static void go_on(struct request *r) {
    if (r->bad.ptr)
        answer(r);
    else if (r->n_calls)
        start_calls(r);
    else
        answer_in_time(r);
}

static void on_head(struct stream *st, const struct msg *m, bool end) {
    struct request *r = st->user;
    msg_copy(&r->head, m, &st->arena, 0);
    take_query(r);
    if (end)
        go_on(r);
    else
        stream_continue(st);
}

static void on_data(struct stream *st, struct str data, bool end) {
    struct request *r = st->user;
    stream_consumed(st, data.len);
    if (r->answered)
        return;
    if (r->body.len + data.len > BODY_MAX) {
        r->answered = true;
        reply_error(r, 413, "body too large", STR_NONE);
        return;
    }
    buf_add(&r->body, data);
    if (end)
        go_on(r);
}

static void on_drained(struct stream *st, size_t octets) {
    struct request *r = st->user;
    if (r->answered && r->sized)
        more_of_size(r);
}

static void on_closed(struct stream *st, int why) {
    struct request *r = st->user;
    loop_timer_stop(st->conn->loop, &r->timer);
    for (unsigned i = 0; i < r->n_calls; i++) {
        fetch_cancel(&r->calls[i].fetch);
        json_decref(r->calls[i].result);
    }
    buf_fini(&r->body);
}

static const struct stream_cb request_cb = {.head = on_head, .data = on_data, .drained = on_drained, .closed = on_closed};

static void on_stream(struct server *s, struct stream *st) {
    struct request *r = arena_zalloc(&st->arena, sizeof *r);
    r->echo = container_of(s, struct echo, server);
    r->stream = st;
    st->cb = &request_cb;
    st->user = r;
}

/* ---- the server ---- */

int echo_start(struct echo *s, struct loop *l, const struct echo_cfg *cfg, struct err *e) {
    s->cfg = *cfg;
    s->server.max_conns = server_max(&cfg->limits);
    return server_start(&s->server, l,
                        &(struct server_cfg){.addr = cfg->listen, .on_stream = on_stream, .limits = cfg->limits.down}, e);
}

void echo_drain(struct echo *s) {
    server_drain(&s->server);
}

void echo_stop(struct echo *s) {
    server_stop(&s->server);
}
