// SPDX-License-Identifier: Apache-2.0
#include "proxy/exch.h"
#include "base/mem.h"
#include "codec/grpc.h"
#include "codec/proxy_protocol.h"
#include "proxy/compress.h"
#include "proxy/stage.h"

#define SPARE_FIELDS 12 /* places for the fields that weft adds */

static stage_f *const stages[] = {
    stage_sanitize,  stage_identify, stage_own,     stage_trace,   stage_shed,    stage_route,
    stage_authorize, stage_follow,   stage_balance, stage_acquire, stage_forward,
};
#define N_STAGES (sizeof(stages) / sizeof(stages[0]))
#define STAGE_BALANCE 8u
#define STAGE_ACQUIRE 9u

static const struct stream_cb orphan_cb;

/* ---- letting go ---- */
static void attempt_end(struct exch *x, bool ok) {
    if (!x->counted)
        return;
    x->counted = false;
    atomic_fetch_sub_explicit(&x->to.host->lb.active, 1, memory_order_relaxed);
    lb_observe(&x->to.host->lb, ok, exch_now(x) - x->at.sent, exch_now(x));
}

/* The upstream stream is none of ours any more. */
static void leave(struct exch *x) {
    x->up->cb = &orphan_cb;
    x->up->user = NULL;
    x->up = NULL;
}

static void orphan(struct exch *x, int why) {
    struct stream *up = x->up;
    if (!up)
        return;
    leave(x);
    stream_reset(up, why);
}

static void unwait(struct exch *x) {
    list_remove(&x->waiter.node);
    pool_wait_cancel(&x->wait);
}

/* ---- replies of our own ---- */
static void drop_body(struct exch *x) {
    x->body.keep = false;
    buf_fini(&x->body.held);
    uint64_t owed = x->body.received - x->body.credited;
    x->body.credited = x->body.received;
    if (owed)
        stream_consumed(x->down, owed);
}

static void count_own(struct exch *x, const struct reply_row *row) {
    struct stats *s = &x->w->stats;
    if (row->status >= 500)
        stat_add(s, STAT_request_errors, 1);
    bool failed = !strcmp(row->flag, "NR") || !strcmp(row->flag, "UH") || !strcmp(row->flag, "UO");
    if (failed && x->listener->side != SIDE_INBOUND)
        stat_add(s, STAT_routing_failures, 1);
}

/* Where it is not the row's; 0: it is. */
static uint16_t envoy_status(const struct exch *x) {
    switch (x->resp.own) {
    case REPLY_NO_CLUSTER: return x->to.route ? x->to.route->no_cluster_status : 0;
    case REPLY_SILENT:
    case REPLY_TOO_LONG:
    case REPLY_UP_TOO_LONG: return x->body.ended ? 0 : 408; /* it is the client who is late */
    default: return 0;
    }
}

static void send_reply(struct exch *x) {
    const struct reply_row *row = reply_row(x->resp.own);
    struct reply_in in = {
        .id = x->resp.own, .profile = x->lease->serve->profile, .grpc = x->grpc, .reason = x->reason, .details = x->resp.details};
    if (in.profile == PROFILE_ENVOY) {
        in.edit = stage_edit_own;
        in.dress = stage_respond_own;
        in.ctx = x;
        in.status = envoy_status(x);
        in.retried = x->tried.n && x->resp.own == x->tried.id;
    }
    loop_timer_stop(&x->w->loop, &x->timer);
    count_own(x, row);
    x->resp.begun = x->resp.ended = true;
    x->resp.status = x->grpc ? 200 : reply_status(&in);
    if (x->grpc)
        x->resp.grpc = arena_fmt(&x->down->arena, "%d", reply_grpc_status(&in));
    x->resp.flag = in.retried ? "URX,UF" : row->flag;
    if (!x->resp.details.len)
        x->resp.details = str_of(row->details);
    x->stage = N_STAGES;
    x->resp.octets = reply_send(x->down, &in);
    drop_body(x);
}

enum verdict stage_reply(struct exch *x, enum reply_id id, struct str reason) {
    x->resp.own = id;
    x->reason = arena_dup(&x->down->arena, reason);
    return STAGE_REPLY;
}

/* The rows speak of failures before the response; Envoy's word for those behind its head differs by one part. */
static struct str late_details(struct exch *x, struct str details) {
    struct str before = STR("upstream_reset_before_response_started");
    if (!str_starts(details, before))
        return details;
    return arena_fmt(&x->down->arena, "upstream_reset_after_response_started" STR_FMT, STR_ARG(str_from(details, before.len)));
}

static void fail_late(struct exch *x, const struct reply_row *row) {
    loop_timer_stop(&x->w->loop, &x->timer);
    x->resp.flag = row->flag;
    x->resp.details = late_details(x, str_of(row->details));
    x->resp.ended = true;
    x->stream = false;
    stat_add(&x->w->stats, STAT_request_errors, 1);
    stream_reset(x->down, WEFT_E_RESET); /* a message cut short is never ended cleanly */
}

void exch_fail(struct exch *x, enum reply_id id, struct str reason) {
    unwait(x);
    attempt_end(x, false);
    orphan(x, WEFT_E_CANCELLED);
    if (x->resp.ended && !x->stream)
        return;
    if (x->resp.begun) {
        fail_late(x, reply_row(id));
        return;
    }
    stage_reply(x, id, reason);
    send_reply(x);
}

/* ---- time ---- */
static void on_due(struct timer *t);

void exch_watch(struct exch *x) {
    uint64_t next = due_next(&x->due, x->at.last), now = exch_now(x);
    if (next == UINT64_MAX)
        loop_timer_stop(&x->w->loop, &x->timer);
    else
        loop_timer(&x->w->loop, &x->timer, next > now ? next - now : 0, on_due);
}

static void end_of_time(struct exch *x, enum due_what what) {
    static const enum reply_id said[] = {[DUE_DEADLINE] = REPLY_TIMED_OUT,
                                         [DUE_REQUEST] = REPLY_SLOW_REQUEST,
                                         [DUE_DURATION] = REPLY_TOO_LONG,
                                         [DUE_UPSTREAM] = REPLY_UP_TOO_LONG,
                                         [DUE_SILENCE] = REPLY_SILENT};
    if (what == DUE_DEADLINE && x->up && x->listener->side != SIDE_INBOUND)
        stat_add(&x->w->stats, STAT_backend_failures, 1);
    if (!x->body.ended && !x->down->conn->h2)
        conn_drain(x->down->conn); /* what has not come by now is not waited for: no other request can follow */
    exch_fail(x, said[what], STR_NONE);
}

static void on_due(struct timer *t) {
    struct exch *x = container_of(t, struct exch, timer);
    if (x->body.ended)
        x->due.at[DUE_REQUEST] = 0;
    enum due_what what = due_over(&x->due, x->at.last, exch_now(x));
    if (what == DUE_NOTHING)
        exch_watch(x); /* something came in the meantime */
    else
        end_of_time(x, what);
}

/* Envoy's timeout is the upstream's, and begins when that could know the whole request. */
static void request_is_whole(struct exch *x) {
    if (!x->due.after_request || x->resp.ended)
        return;
    x->due.at[DUE_DEADLINE] = exch_now(x) + x->due.after_request;
    x->due.after_request = 0;
    exch_watch(x);
}

/* ---- the stages ---- */
static void run(struct exch *x) {
    while (x->stage < N_STAGES) {
        enum verdict v = stages[x->stage](x);
        if (v == STAGE_WAIT)
            return;
        if (v == STAGE_REPLY) {
            send_reply(x);
            return;
        }
        x->stage++;
    }
}

void exch_resume(struct exch *x) {
    run(x);
}

void exch_rebalance(struct exch *x) {
    x->stage = STAGE_BALANCE;
    run(x);
}

/* ---- downstream: the request ---- */
static void on_head(struct stream *s, const struct msg *m, bool end) {
    struct exch *x = s->user;
    msg_copy(&x->req, m, &s->arena, SPARE_FIELDS);
    x->body.ended = x->body.none = end;
    x->grpc = grpc_content_type(msg_get(&x->req.fields, HDR_CONTENT_TYPE));
    x->at.start = x->at.last = exch_now(x);
    x->at.wall = loop_wall(&x->w->loop);
    run(x);
}

/* Bytes of the request: straight on, and into `held` while they are kept or cannot go yet. */
static void pass_body(struct exch *x, struct str data, bool end) {
    bool waiting = !x->up;
    if (x->body.keep && !waiting && x->body.held.len + data.len > EXCH_KEEP) {
        x->body.keep = false;
        buf_fini(&x->body.held);
    }
    if (waiting || x->body.keep)
        buf_add(&x->body.held, data); /* at most the stream's window while waiting: no credit is given */
    if (!x->up)
        return;
    stream_data(x->up, data, end);
    if (!waiting && !x->body.keep && !end)
        stream_join(x->down, x->up, &x->w->pipes);
}

static void on_passed(struct stream *s, size_t octets, bool end) {
    struct exch *x = s->user;
    x->body.received += octets;
    x->body.credited += octets;
    x->body.drained += octets;
    x->body.ended |= end;
    x->at.last = exch_now(x);
    if (end)
        request_is_whole(x);
}

static void on_data(struct stream *s, struct str data, bool end) {
    struct exch *x = s->user;
    x->body.received += data.len;
    x->body.ended |= end;
    x->at.last = exch_now(x);
    if (end)
        request_is_whole(x);
    if (x->resp.own || (x->resp.ended && !x->stream))
        drop_body(x);
    else
        pass_body(x, data, end);
}

static void on_trailers(struct stream *s, const struct msg_fields *f) {
    struct exch *x = s->user;
    x->body.ended = true;
    x->at.last = exch_now(x);
    request_is_whole(x);
    if (x->resp.own || x->resp.ended)
        return;
    struct msg copy, from = {.fields = *f};
    msg_copy(&copy, &from, &s->arena, 0);
    stage_sanitize_trailers(x, &copy.fields);
    x->body.trailers = arena_alloc(&s->arena, sizeof(copy.fields));
    *x->body.trailers = copy.fields;
    if (x->up)
        stream_end(x->up, x->body.trailers);
}

static void on_down_drained(struct stream *s, size_t octets) {
    struct exch *x = s->user;
    if (compress_active(x->compressing))
        compress_drained(x);
    else if (x->up)
        stream_consumed(x->up, octets);
}

/* A body that is malformed, or does not come: exch_bad answers in a moment, but here is known which request it was. */
static bool cut_by_bad_body(const struct exch *x, int why) {
    return !x->down->conn->h2 && !x->resp.begun && (why == WEFT_E_PROTOCOL || why == WEFT_E_TIMEOUT);
}

static void explain_end(struct exch *x, int why) {
    if (!why || x->resp.flag)
        return;
    if (x->down->conn->h2 && why == WEFT_E_PROTOCOL) { /* it was we who reset it; Envoy's words */
        x->resp.flag = "DPE";
        x->resp.details = STR("http2.violation.of.messaging.rule");
        return;
    }
    if (!cut_by_bad_body(x, why)) {
        x->resp.flag = "DC";
        x->resp.details = STR("downstream_remote_disconnect");
        return;
    }
    const struct reply_row *row = reply_row(why == WEFT_E_TIMEOUT ? REPLY_SLOW_REQUEST : REPLY_BAD_REQUEST);
    x->resp.status = row->status;
    x->resp.flag = row->flag;
    x->resp.details = str_of(row->details);
    x->from->bad_logged = true;
}

/* Both sides of a tunnel have ended: what is still on its way up goes there. */
static bool ends_by_itself(const struct exch *x, int why) {
    return x->up && x->stream && !why && x->up->in_ended && x->up->out_ended;
}

static void on_down_closed(struct stream *s, int why) {
    struct exch *x = s->user;
    struct worker *w = x->w;
    unwait(x);
    explain_end(x, why);
    attempt_end(x, true);
    if (ends_by_itself(x, why))
        leave(x);
    orphan(x, WEFT_E_CANCELLED);
    loop_timer_stop(&w->loop, &x->timer);
    compress_close(x);
    stage_log(x);
    list_remove(&x->tunnel);
    buf_fini(&x->body.held);
    if (x->admitted)
        overload_done(&w->env->overload, &w->share);
    ref_put(x->to.original);
    lease_drop(&x->lease);
}

/* Its body does not come: that is no failure of the upstream's. */
static void on_down_late(struct stream *s) {
    struct exch *x = s->user;
    attempt_end(x, true);
    exch_fail(x, REPLY_SLOW_REQUEST, STR_NONE);
}

static const struct stream_cb down_cb = {.head = on_head,
                                         .data = on_data,
                                         .trailers = on_trailers,
                                         .drained = on_down_drained,
                                         .passed = on_passed,
                                         .late = on_down_late,
                                         .closed = on_down_closed};

void exch_lease(struct exch *x) {
    lease_drop(&x->lease);
    x->lease = lease_again(down_lease(x->from));
    x->listener = down_listener(x->from, x->lease);
    x->chain = serve_chain_get(x->listener, x->from->chain);
    WEFT_ASSERT(x->chain && x->chain->hcm); /* proxy/port.h: such a connection stays with the form that has it */
}

void exch_open(struct down *d, struct stream *s) {
    struct exch *x = arena_zalloc(&s->arena, sizeof(*x));
    x->w = d->w;
    x->from = d;
    x->down = s;
    exch_lease(x);
    x->plain = !d->conn->tr->tls;
    s->user = x;
    s->cb = &down_cb;
}

void exch_bad(struct down *d, struct stream *s, const struct err *why) {
    exch_open(d, s);
    struct exch *x = s->user;
    x->req.content_length = -1;
    x->req.version = s->conn->h2 ? 20 : 11;
    x->body.ended = true;
    x->own = d->bad_logged;
    x->at.start = exch_now(x);
    x->at.wall = loop_wall(&x->w->loop);
    stat_add(&x->w->stats, STAT_bad_requests, 1);
    if (why->code == WEFT_E_PROTOCOL) /* HTTP/2: it is being reset, and that is logged */
        return;
    bool late_body = d->bad_logged && why->code == WEFT_E_TIMEOUT;
    stage_reply(x, late_body ? REPLY_SLOW_REQUEST : reply_of_bad(why), str_of(why->msg));
    send_reply(x);
}

/* ---- upstream: the response ---- */
/* A call is unary unless it says otherwise: a tunnel, or a body that is a sequence by its type. */
static bool is_stream(const struct msg *m) {
    static const char *const types[] = {"text/event-stream",        "application/x-ndjson",    "application/ndjson",
                                        "application/json-seq",     "application/stream+json", "application/grpc",
                                        "multipart/x-mixed-replace"};
    bool hit = false;
    if (m->content_length >= 0)
        return false;
    struct str type = msg_get(&m->fields, HDR_CONTENT_TYPE);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        hit |= str_istarts(type, str_of(types[i]));
    return hit;
}

static bool is_tunnel(const struct exch *x, const struct msg *m) {
    return m->status == 101 || (x->req.method_id == METHOD_CONNECT && m->status / 100 == 2);
}

/* From the trailers, or from a head that has none to come (trailers only). */
static void note_grpc(struct exch *x, const struct msg_fields *f) {
    struct str status = msg_get(f, HDR_GRPC_STATUS);
    uint64_t n;
    if (x->grpc && status.ptr)
        x->resp.grpc = str_u64(status, GRPC_UNAUTHENTICATED, &n) ? arena_dup(&x->down->arena, status) : STR("2"); /* UNKNOWN */
}

/* What is unary is over at its deadline; for Envoy, whatever is no tunnel. */
static void begin_stream(struct exch *x, const struct msg *m) {
    x->stream = is_tunnel(x, m); /* both ways from now on, each with an end of its own */
    x->up->long_lived = x->down->long_lived = true;
    if (x->stream) {
        list_push(&x->w->tunnels, &x->tunnel);
        stage_log_tunnel(x);
    }
    if (x->stream)
        x->due.at[DUE_REQUEST] = 0;
    if (x->stream || x->lease->serve->profile == PROFILE_MESH)
        x->due.at[DUE_DEADLINE] = x->due.after_request = 0;
    if (!x->due.silence_us)
        x->due.silence_us = SILENCE_US;
    exch_watch(x);
}

/* The PROXY protocol before a tunnel's octets; its own octets are not the client's, and no credit comes of them. */
static void say_whose(struct exch *x) {
    const struct addr from = addr_kept(&x->from->remote), to = addr_kept(&x->down->conn->tr->local);
    const struct proxy_head h = {.version = x->to.route->connect_proxy,
                                 .source = addr_octets(&from),
                                 .destination = addr_octets(&to),
                                 .source_port = addr_port(&from),
                                 .destination_port = addr_port(&to)};
    char head[PROXY_PROTOCOL_OUT];
    size_t n = proxy_protocol_write(&h, head);
    x->body.credited += n;
    stream_data(x->up, str_n(head, n), false);
}

static void on_up_head(struct stream *s, const struct msg *m, bool end) {
    struct exch *x = s->user;
    struct msg head;
    x->at.first = x->at.last = exch_now(x);
    x->resp.begun = true;
    x->resp.ended = end;
    x->resp.status = m->status;
    x->body.keep = false;
    if (m->status >= 500 && x->listener->side != SIDE_INBOUND)
        stat_add(&x->w->stats, STAT_backend_failures, 1);
    note_grpc(x, &m->fields);
    if (end)
        loop_timer_stop(&x->w->loop, &x->timer);
    else if (is_tunnel(x, m) || is_stream(m))
        begin_stream(x, m);
    /* Only the array of fields is copied: the slices hold for as long as this call, and stream_head writes at once. */
    head = *m;
    head.fields.cap = m->fields.n + SPARE_FIELDS;
    head.fields.at = arena_alloc(&x->down->arena, head.fields.cap * sizeof(*head.fields.at));
    if (m->fields.n)
        memcpy(head.fields.at, m->fields.at, m->fields.n * sizeof(*head.fields.at));
    stage_respond(x, &head);
    if (x->compressing)
        compress_head(x, &head, end);
    if (compress_active(x->compressing))
        stream_join(s, NULL, NULL);
    stream_head(x->down, &head, end);
    if (x->stream) /* both sides of the tunnel begin anew */
        x->body.ended = false;
    if (x->stream && exch_ends_connect(x) && x->to.route->connect_proxy)
        say_whose(x);
}

static void on_up_info(struct stream *s, const struct msg *m) {
    struct exch *x = s->user;
    struct msg head;
    msg_copy(&head, m, &x->down->arena, 0);
    msg_strip_hop_by_hop(&head.fields);
    if (x->down->conn->h2 || m->version >= 11)
        stream_head(x->down, &head, false);
}

static void on_up_data(struct stream *s, struct str data, bool end) {
    struct exch *x = s->user;
    x->resp.ended |= end;
    x->at.last = exch_now(x);
    if (end && !x->stream)
        loop_timer_stop(&x->w->loop, &x->timer);
    if (compress_active(x->compressing)) {
        compress_data(x, data, end);
        return;
    }
    x->resp.octets += data.len;
    stream_data(x->down, data, end);
}

static void on_up_passed(struct stream *s, size_t octets, bool end) {
    struct exch *x = s->user;
    x->resp.octets += octets;
    x->resp.ended |= end;
    x->at.last = exch_now(x);
    if (end)
        loop_timer_stop(&x->w->loop, &x->timer);
}

static void on_up_trailers(struct stream *s, const struct msg_fields *f) {
    struct exch *x = s->user;
    x->resp.ended = true;
    note_grpc(x, f);
    loop_timer_stop(&x->w->loop, &x->timer);
    struct msg copy, from = {.fields = *f};
    if (x->resp.named.len) {
        msg_copy(&copy, &from, &x->down->arena, 0);
        msg_strip_named(&copy.fields, x->resp.named);
        f = &copy.fields;
    }
    if (compress_active(x->compressing))
        compress_trailers(x, f);
    else
        stream_end(x->down, f);
}

static void on_up_drained(struct stream *s, size_t octets) {
    struct exch *x = s->user;
    x->body.drained += octets;
    if (x->body.drained <= x->body.credited)
        return; /* sent again: its credit was given the first time */
    uint64_t n = x->body.drained - x->body.credited;
    x->body.credited = x->body.drained;
    stream_consumed(x->down, n);
}

/* Contract §3, Traffic rules: nothing of it has been processed, or a reused connection broke and it may be repeated. */
static bool to_be_sent_again(const struct exch *x, bool reused, int why) {
    if (x->resp.begun || x->fresh || x->w->stopping || (x->body.received && !x->body.keep))
        return false;
    if (why == WEFT_E_REFUSED_STREAM)
        return true;
    if (!reused || why == WEFT_E_PROTOCOL || why == WEFT_E_PARSE)
        return false;
    switch (x->req.method_id) {
    case METHOD_GET:
    case METHOD_HEAD:
    case METHOD_OPTIONS:
    case METHOD_TRACE:
    case METHOD_PUT:
    case METHOD_DELETE: return true;
    default: return false;
    }
}

/* The race of every keep-alive connection: the peer closed it while the request was on its way. It goes out again, on a new
 * connection, and does not count as a retry. */
static void send_again(struct exch *x, int why) {
    x->fresh = true;
    if (why != WEFT_E_REFUSED_STREAM) /* which is a ground of retries (contract §3), and counts as one */
        x->attempts--;
    x->body.drained = 0;
    stat_add(&x->w->stats, STAT_up_resent, 1);
    x->stage = STAGE_ACQUIRE;
    run(x);
}

static void on_up_closed(struct stream *s, int why) {
    struct exch *x = s->user;
    bool reused = s->reused_conn;
    struct str reason = why ? str_of(s->conn->error->msg) : STR_NONE;
    x->up = NULL;
    if (why == 0 || (x->resp.ended && !x->stream)) {
        attempt_end(x, x->resp.status < 500);
        if (x->body.received > x->body.credited)
            drop_body(x); /* an early response: the rest of the request has no reader */
        return;
    }
    if (to_be_sent_again(x, reused, why)) {
        attempt_end(x, true);
        send_again(x, why);
        return;
    }
    if (x->listener->side != SIDE_INBOUND)
        stat_add(&x->w->stats, STAT_backend_failures, 1);
    x->down->reset_as = s->reset_code; /* HTTP/2 to HTTP/2: a reset stays the reset that it was */
    exch_fail(x, reply_of_failure(why, x->listener->side == SIDE_INBOUND, true), reason);
}

const struct stream_cb exch_up_cb = {.head = on_up_head,
                                     .info = on_up_info,
                                     .data = on_up_data,
                                     .trailers = on_up_trailers,
                                     .drained = on_up_drained,
                                     .passed = on_up_passed,
                                     .closed = on_up_closed};

/* ---- a stream that nobody wants any more ---- */
static void on_orphan_head(struct stream *s, const struct msg *m, bool end) {
}
static void on_orphan_data(struct stream *s, struct str data, bool end) {
}
static void on_orphan_closed(struct stream *s, int why) {
}
static const struct stream_cb orphan_cb = {.head = on_orphan_head, .data = on_orphan_data, .closed = on_orphan_closed};
