// SPDX-License-Identifier: Apache-2.0
#include "proxy/fill.h"
#include <inttypes.h>
#include "base/clock.h"
#include "proxy/exch.h"
#include "proxy/line.h"

/* ---- one operator ---- */
static struct str request_field(const struct exch *x, struct str name) {
    const struct msg_field *f;
    if (str_eq(name, STR(":method")))
        return x->req.method;
    if (str_eq(name, STR(":path")))
        return x->req.path;
    if (str_eq(name, STR(":authority")) || str_eq(name, STR("host")))
        return x->req.authority;
    if (str_eq(name, STR(":scheme")))
        return x->req.scheme;
    f = msg_find_name(&x->req.fields, name);
    return f ? f->value : STR_NONE;
}

static struct str field_of(struct exch *x, const struct msg_fields *resp, struct str name) {
    if (str_eq(name, STR(":status")))
        return arena_u64(&x->down->arena, x->resp.status);
    const struct msg_field *f = msg_find_name(resp, name);
    return f ? f->value : STR_NONE;
}

static struct str response_field(struct exch *x, const struct format_piece *p, const struct msg_fields *resp) {
    if (!resp)
        return x->resp.kept ? x->resp.kept[p->nth] : STR_NONE;
    struct str s = field_of(x, resp, p->text);
    return s.ptr || !p->instead.len ? s : field_of(x, resp, p->instead);
}

static struct str client_address(struct exch *x) { /* what x-forwarded-for says has no port */
    return x->client.len ? arena_fmt(&x->down->arena, STR_FMT ":0", STR_ARG(x->client)) : down_text(x->from, DOWN_REMOTE);
}

static struct str protocol(const struct exch *x) {
    return x->req.version == 20 ? STR("HTTP/2") : x->req.version == 10 ? STR("HTTP/1.0") : STR("HTTP/1.1");
}

static void read_response(struct exch *x, const struct format_piece *p, struct value *v) {
    switch (p->op) {
    case FORMAT_RESPONSE_CODE: value_number(v, x->resp.status); break;
    case FORMAT_RESPONSE_CODE_DETAILS: value_text(v, x->resp.details); break;
    case FORMAT_RESPONSE_FLAGS: value_text(v, x->resp.flag ? str_of(x->resp.flag) : STR("-")); break;
    case FORMAT_BYTES_RECEIVED: value_number(v, x->body.received); break;
    case FORMAT_BYTES_SENT: value_number(v, x->resp.octets); break;
    case FORMAT_DURATION: value_number(v, (exch_now(x) - x->at.start) / CLOCK_MS); break;
    case FORMAT_RESPONSE_DURATION:
        if (x->at.first)
            value_number(v, (x->at.first - x->at.start) / CLOCK_MS);
        break;
    case FORMAT_START_TIME:
        clock_rfc3339(x->at.wall, v->space);
        value_text(v, str_of(v->space));
        break;
    default: break; /* CONNECTION_TERMINATION_DETAILS: connections are not ended by rules */
    }
}

static bool upstream_failed(const struct exch *x) {
    return x->resp.own >= REPLY_APP_REFUSED && x->resp.own <= REPLY_UP_PROTOCOL;
}

/* To whom the first is about to be made, it is that one. */
static unsigned tries(const struct exch *x) {
    return x->attempts || x->resp.own || !x->to.cluster ? x->attempts : 1;
}

static void read_upstream(struct exch *x, const struct format_piece *p, struct value *v) {
    switch (p->op) {
    case FORMAT_UPSTREAM_HOST:
    case FORMAT_UPSTREAM_REMOTE_ADDRESS: value_text(v, x->to.host ? x->to.host->text : STR_NONE); break;
    case FORMAT_UPSTREAM_CLUSTER: value_text(v, x->to.cluster ? x->to.cluster->cluster->name : STR_NONE); break;
    case FORMAT_UPSTREAM_LOCAL_ADDRESS: value_text(v, x->to.local); break;
    case FORMAT_UPSTREAM_TRANSPORT_FAILURE_REASON: value_text(v, upstream_failed(x) ? x->reason : STR_NONE); break;
    case FORMAT_UPSTREAM_REQUEST_ATTEMPT_COUNT: value_number(v, tries(x)); break;
    case FORMAT_ROUTE_NAME: value_text(v, x->to.route ? x->to.route->name : STR_NONE); break;
    default: read_response(x, p, v); break;
    }
}

static void read_value(struct exch *x, const struct format_piece *p, const struct msg_fields *resp, struct value *v) {
    struct str s;
    v->kind = VALUE_MISSING;
    switch (p->op) {
    case FORMAT_TEXT: value_text(v, p->text); break;
    case FORMAT_REQ:
        s = request_field(x, p->text);
        value_field(v, s.ptr || !p->instead.len ? s : request_field(x, p->instead));
        break;
    case FORMAT_RESP: value_field(v, response_field(x, p, resp)); break;
    case FORMAT_PROTOCOL: value_text(v, protocol(x)); break;
    case FORMAT_DOWNSTREAM_REMOTE_ADDRESS: value_text(v, client_address(x)); break;
    case FORMAT_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT:
        value_text(v, x->client.len ? x->client : down_text(x->from, DOWN_REMOTE_IP));
        break;
    case FORMAT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS: value_text(v, down_text(x->from, DOWN_REMOTE)); break;
    case FORMAT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: value_text(v, down_text(x->from, DOWN_REMOTE_IP)); break;
    case FORMAT_DOWNSTREAM_LOCAL_ADDRESS: value_text(v, down_text(x->from, DOWN_LOCAL)); break;
    case FORMAT_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: value_text(v, line_host_of(down_text(x->from, DOWN_LOCAL))); break;
    case FORMAT_DOWNSTREAM_LOCAL_PORT: value_text(v, line_port_of(down_text(x->from, DOWN_LOCAL))); break;
    case FORMAT_DOWNSTREAM_PEER_URI_SAN: value_text(v, x->from->peer->spiffe); break;
    case FORMAT_REQUESTED_SERVER_NAME: value_text(v, x->from->server_name); break;
    default: read_upstream(x, p, v); break;
    }
    value_cut(v, p);
}

/* ---- headers ---- */
struct str fill_header(struct exch *x, const struct format *f, const struct msg_fields *resp) {
    struct buf b = {0};
    struct value v;
    for (size_t i = 0; i < f->n; i++) {
        read_value(x, &f->at[i], resp, &v);
        if (v.kind == VALUE_NUMBER)
            buf_fmt(&b, "%" PRIu64, v.number);
        else if (v.kind == VALUE_TEXT)
            buf_add(&b, v.text);
    }
    struct str s = b.len ? arena_dup(&x->down->arena, buf_str(&b)) : STR(""); /* a field that is there, if it is kept */
    buf_fini(&b);
    return s;
}

/* ---- logs ---- */
static void keep_of(struct exch *x, const struct format *f, const struct msg_fields *resp) {
    for (size_t i = 0; i < f->n; i++) {
        if (f->at[i].op != FORMAT_RESP)
            continue;
        struct str s = response_field(x, &f->at[i], resp);
        x->resp.kept[f->at[i].nth] = s.ptr && !s.len ? STR("") : arena_dup(&x->down->arena, s);
    }
}

/* A text has one format, an object one for each key, whose own numbers begin where those of the last ended. */
void fill_keep(struct exch *x, const struct msg_fields *resp) {
    const struct hcm *h = x->chain->hcm;
    if (!h->logs.n_resp)
        return;
    x->resp.kept = arena_zalloc(&x->down->arena, h->logs.n_resp * sizeof(*x->resp.kept));
    for (size_t i = 0; i < h->logs.n; i++) {
        keep_of(x, &h->logs.at[i].text, resp);
        for (size_t k = 0; k < h->logs.at[i].n_keys; k++)
            keep_of(x, &h->logs.at[i].keys[k].value, resp);
    }
}

static void read_logged(void *ctx, const struct format_piece *p, struct value *v) {
    read_value(ctx, p, NULL, v);
}

void fill_log(struct exch *x, const struct access_log *log, struct buf *out) {
    line_write(log, read_logged, x, out);
}
