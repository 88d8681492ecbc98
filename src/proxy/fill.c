// SPDX-License-Identifier: Apache-2.0
#include "proxy/fill.h"
#include <inttypes.h>
#include "base/clock.h"
#include "codec/json.h"
#include "proxy/exch.h"

struct value {
    enum { MISSING, TEXT, NUMBER } kind;
    struct str text;
    uint64_t number;
    char space[40];
};

/* ---- one operator ---- */
static void set_text(struct value *v, struct str s) {
    v->kind = s.len ? TEXT : MISSING;
    v->text = s;
}

static void set_number(struct value *v, uint64_t n) {
    v->kind = NUMBER;
    v->number = n;
}

static struct str request_field(const struct exch *x, struct str name) {
    const struct msg_field *f;
    if (str_eq(name, STR(":method")))
        return x->req.method;
    if (str_eq(name, STR(":path")))
        return x->req.path;
    if (str_eq(name, STR(":authority")) || str_eq(name, STR("host")))
        return x->req.authority;
    if (str_eq(name, STR(":scheme")))
        return msg_get(&x->req.fields, HDR_X_FORWARDED_PROTO);
    f = msg_find_name(&x->req.fields, name);
    return f ? f->value : STR_NONE;
}

static struct str field_of(const struct msg_fields *resp, struct str name) {
    const struct msg_field *f = resp ? msg_find_name(resp, name) : NULL;
    return f ? f->value : STR_NONE;
}

static struct str response_field(const struct exch *x, const struct format_piece *p, const struct msg_fields *resp) {
    if (!resp)
        return x->resp.kept ? x->resp.kept[p->nth] : STR_NONE;
    struct str s = field_of(resp, p->text);
    return s.ptr || !p->instead.len ? s : field_of(resp, p->instead);
}

/* "10.0.0.7:8001" without its port. */
static struct str without_port(struct str address) {
    ptrdiff_t colon = str_rchr(address, ':');
    struct str ip = colon < 0 ? address : str_first(address, (size_t)colon);
    if (ip.len > 1 && ip.ptr[0] == '[')
        ip = str_n(ip.ptr + 1, ip.len - 2);
    return ip;
}

static struct str port_of(struct str address) {
    ptrdiff_t colon = str_rchr(address, ':');
    return colon < 0 ? STR_NONE : str_from(address, (size_t)colon + 1);
}

static struct str client_address(struct exch *x) { /* what x-forwarded-for says has no port */
    return x->client.len ? arena_fmt(&x->down->arena, STR_FMT ":0", STR_ARG(x->client)) : down_text(x->from, DOWN_REMOTE);
}

static struct str protocol(const struct exch *x) {
    return x->req.version == 20 ? STR("HTTP/2") : x->req.version == 10 ? STR("HTTP/1.0") : STR("HTTP/1.1");
}

static void read_response(struct exch *x, const struct format_piece *p, struct value *v) {
    switch (p->op) {
    case FORMAT_RESPONSE_CODE: set_number(v, x->resp.status); break;
    case FORMAT_RESPONSE_CODE_DETAILS: set_text(v, x->resp.details); break;
    case FORMAT_RESPONSE_FLAGS: set_text(v, x->resp.flag ? str_of(x->resp.flag) : STR("-")); break;
    case FORMAT_BYTES_RECEIVED: set_number(v, x->body.received); break;
    case FORMAT_BYTES_SENT: set_number(v, x->resp.octets); break;
    case FORMAT_DURATION: set_number(v, (exch_now(x) - x->at.start) / CLOCK_MS); break;
    case FORMAT_RESPONSE_DURATION:
        if (x->at.first)
            set_number(v, (x->at.first - x->at.start) / CLOCK_MS);
        break;
    case FORMAT_START_TIME:
        clock_rfc3339(x->at.wall, v->space);
        set_text(v, str_of(v->space));
        break;
    default: break; /* CONNECTION_TERMINATION_DETAILS: connections are not ended by rules */
    }
}

static void read_upstream(struct exch *x, const struct format_piece *p, struct value *v) {
    switch (p->op) {
    case FORMAT_UPSTREAM_HOST:
    case FORMAT_UPSTREAM_REMOTE_ADDRESS: set_text(v, x->to.host ? x->to.host->text : STR_NONE); break;
    case FORMAT_UPSTREAM_CLUSTER: set_text(v, x->to.cluster ? x->to.cluster->cluster->name : STR_NONE); break;
    case FORMAT_UPSTREAM_LOCAL_ADDRESS: set_text(v, x->to.local); break;
    case FORMAT_UPSTREAM_TRANSPORT_FAILURE_REASON: set_text(v, x->resp.own ? x->reason : STR_NONE); break;
    case FORMAT_UPSTREAM_REQUEST_ATTEMPT_COUNT: set_number(v, x->attempts); break;
    case FORMAT_ROUTE_NAME: set_text(v, x->to.route ? x->to.route->name : STR_NONE); break;
    default: read_response(x, p, v); break;
    }
}

static void read_value(struct exch *x, const struct format_piece *p, const struct msg_fields *resp, struct value *v) {
    struct str s;
    v->kind = MISSING;
    switch (p->op) {
    case FORMAT_TEXT: set_text(v, p->text); break;
    case FORMAT_REQ:
        s = request_field(x, p->text);
        set_text(v, s.ptr || !p->instead.len ? s : request_field(x, p->instead));
        break;
    case FORMAT_RESP: set_text(v, response_field(x, p, resp)); break;
    case FORMAT_PROTOCOL: set_text(v, protocol(x)); break;
    case FORMAT_DOWNSTREAM_REMOTE_ADDRESS: set_text(v, client_address(x)); break;
    case FORMAT_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT:
        set_text(v, x->client.len ? x->client : down_text(x->from, DOWN_REMOTE_IP));
        break;
    case FORMAT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS: set_text(v, down_text(x->from, DOWN_REMOTE)); break;
    case FORMAT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: set_text(v, down_text(x->from, DOWN_REMOTE_IP)); break;
    case FORMAT_DOWNSTREAM_LOCAL_ADDRESS: set_text(v, down_text(x->from, DOWN_LOCAL)); break;
    case FORMAT_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: set_text(v, without_port(down_text(x->from, DOWN_LOCAL))); break;
    case FORMAT_DOWNSTREAM_LOCAL_PORT: set_text(v, port_of(down_text(x->from, DOWN_LOCAL))); break;
    case FORMAT_DOWNSTREAM_PEER_URI_SAN: set_text(v, x->from->peer->spiffe); break;
    default: read_upstream(x, p, v); break;
    }
    if (p->max && v->kind == TEXT)
        v->text = str_first(v->text, p->max);
}

/* ---- headers ---- */
struct str fill_header(struct exch *x, const struct format *f, const struct msg_fields *resp) {
    struct buf b = {0};
    struct value v;
    for (size_t i = 0; i < f->n; i++) {
        read_value(x, &f->at[i], resp, &v);
        if (v.kind == NUMBER)
            buf_fmt(&b, "%" PRIu64, v.number);
        else if (v.kind == TEXT)
            buf_add(&b, v.text);
    }
    struct str s = arena_dup(&x->down->arena, buf_str(&b));
    buf_fini(&b);
    return s;
}

/* ---- logs ---- */
static void keep_of(struct exch *x, const struct format *f, const struct msg_fields *resp) {
    for (size_t i = 0; i < f->n; i++)
        if (f->at[i].op == FORMAT_RESP)
            x->resp.kept[f->at[i].nth] = arena_dup(&x->down->arena, response_field(x, &f->at[i], resp));
}

/* A text has one format, an object one for each key, whose own numbers begin where those of the last ended. */
void fill_keep(struct exch *x, const struct msg_fields *resp) {
    const struct hcm *h = x->chain->hcm;
    if (!h->log_resp)
        return;
    x->resp.kept = arena_zalloc(&x->down->arena, h->log_resp * sizeof(*x->resp.kept));
    for (size_t i = 0; i < h->n_logs; i++) {
        keep_of(x, &h->logs[i].text, resp);
        for (size_t k = 0; k < h->logs[i].n_keys; k++)
            keep_of(x, &h->logs[i].keys[k].value, resp);
    }
}

/* What a caller sent must not end its field or the line. */
static void add_safe(struct buf *out, struct str s) {
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
            continue;
        buf_add(out, str_n(s.ptr + start, i - start));
        buf_fmt(out, "\\x%02x", c);
        start = i + 1;
    }
    buf_add(out, str_from(s, start));
}

static void add_text(struct exch *x, const struct format *f, struct buf *out) {
    struct value v;
    for (size_t i = 0; i < f->n; i++) {
        read_value(x, &f->at[i], NULL, &v);
        if (v.kind == NUMBER)
            buf_fmt(out, "%" PRIu64, v.number);
        else if (v.kind == MISSING)
            buf_addc(out, '-');
        else if (f->at[i].op == FORMAT_TEXT)
            buf_add(out, v.text);
        else
            add_safe(out, v.text);
    }
}

/* One operator alone keeps its kind: a number is one, what is missing is null. */
static void add_key(struct exch *x, const struct format *f, struct value *v, struct buf *out) {
    struct buf text = {0};
    if (f->n == 1 && v->kind == NUMBER) {
        buf_fmt(out, "%" PRIu64, v->number);
    } else if (f->n == 1 && v->kind == MISSING) {
        buf_add(out, STR("null"));
    } else if (f->n == 1) {
        json_print_str(out, v->text);
    } else {
        add_text(x, f, &text);
        json_print_str(out, buf_str(&text));
    }
    buf_fini(&text);
}

static void add_object(struct exch *x, const struct access_log *log, struct buf *out) {
    const char *separator = "{";
    for (size_t i = 0; i < log->n_keys; i++) {
        const struct format *f = &log->keys[i].value;
        struct value v = {.kind = MISSING};
        if (f->n == 1)
            read_value(x, f->at, NULL, &v);
        if (log->omit_empty && f->n == 1 && v.kind == MISSING)
            continue;
        buf_add(out, str_of(separator));
        json_print_str(out, log->keys[i].key);
        buf_addc(out, ':');
        add_key(x, f, &v, out);
        separator = ",";
    }
    buf_add(out, *separator == '{' ? STR("{}\n") : STR("}\n"));
}

void fill_log(struct exch *x, const struct access_log *log, struct buf *out) {
    if (log->n_keys)
        add_object(x, log, out);
    else
        add_text(x, &log->text, out);
}
