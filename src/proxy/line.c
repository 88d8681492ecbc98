// SPDX-License-Identifier: Apache-2.0
#include "proxy/line.h"
#include <inttypes.h>
#include "base/clock.h"
#include "codec/json.h"
#include "telemetry/alog.h"

struct reader {
    line_read_f *read;
    void *ctx;
};

/* ---- texts ---- */
struct str line_host_of(struct str address) {
    ptrdiff_t colon = str_rchr(address, ':');
    struct str ip = colon < 0 ? address : str_first(address, (size_t)colon);
    if (ip.len > 1 && ip.ptr[0] == '[')
        ip = str_n(ip.ptr + 1, ip.len - 2);
    return ip;
}

struct str line_port_of(struct str address) {
    ptrdiff_t colon = str_rchr(address, ':');
    return colon < 0 ? STR_NONE : str_from(address, (size_t)colon + 1);
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

static void add_text(const struct reader *r, const struct format *f, bool omit_empty, struct buf *out) {
    struct value v;
    for (size_t i = 0; i < f->n; i++) {
        r->read(r->ctx, &f->at[i], &v);
        if (v.kind == VALUE_NUMBER)
            buf_fmt(out, "%" PRIu64, v.number);
        else if (v.kind == VALUE_MISSING)
            buf_add(out, omit_empty ? STR_NONE : STR("-"));
        else if (f->at[i].op == FORMAT_TEXT)
            buf_add(out, v.text);
        else
            add_safe(out, v.text);
    }
}

/* ---- objects ---- */

/* One operator alone keeps its kind: a number is one, what is missing is null. */
static void add_key(const struct reader *r, const struct access_log *log, size_t i, const struct value *v, struct buf *out) {
    const struct format *f = &log->keys[i].value;
    struct buf text = {0};
    if (f->n == 1 && v->kind == VALUE_NUMBER) {
        buf_fmt(out, "%" PRIu64, v->number);
    } else if (f->n == 1 && v->kind == VALUE_MISSING) {
        buf_add(out, STR("null"));
    } else if (f->n == 1) {
        json_print_str(out, v->text);
    } else {
        add_text(r, f, log->omit_empty, &text);
        json_print_str(out, buf_str(&text));
    }
    buf_fini(&text);
}

static void add_object(const struct reader *r, const struct access_log *log, struct buf *out) {
    const char *separator = "{";
    for (size_t i = 0; i < log->n_keys; i++) {
        const struct format *f = &log->keys[i].value;
        struct value v = {.kind = VALUE_MISSING};
        if (f->n == 1)
            r->read(r->ctx, f->at, &v);
        if (log->omit_empty && f->n == 1 && v.kind == VALUE_MISSING)
            continue;
        buf_add(out, str_of(separator));
        json_print_str(out, log->keys[i].key);
        buf_addc(out, ':');
        add_key(r, log, i, &v, out);
        separator = ",";
    }
    buf_add(out, *separator == '{' ? STR("{}\n") : STR("}\n"));
}

void line_write(const struct access_log *log, line_read_f *read, void *ctx, struct buf *out) {
    const struct reader r = {read, ctx};
    if (log->n_keys)
        add_object(&r, log, out);
    else
        add_text(&r, &log->text, log->omit_empty, out);
}

/* ---- a connection ---- */
static void read_addresses(const struct line_connection *c, const struct format_piece *p, struct value *v) {
    const struct alog_record *r = c->r;
    switch (p->op) {
    case FORMAT_UPSTREAM_HOST:
    case FORMAT_UPSTREAM_REMOTE_ADDRESS: value_text(v, r->upstream_host); break;
    case FORMAT_UPSTREAM_LOCAL_ADDRESS: value_text(v, r->upstream_local_address); break;
    case FORMAT_DOWNSTREAM_REMOTE_ADDRESS:
    case FORMAT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS: value_text(v, r->downstream_remote_address); break;
    case FORMAT_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT:
    case FORMAT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: value_text(v, line_host_of(r->downstream_remote_address)); break;
    case FORMAT_DOWNSTREAM_LOCAL_ADDRESS: value_text(v, r->downstream_local_address); break;
    case FORMAT_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: value_text(v, line_host_of(r->downstream_local_address)); break;
    case FORMAT_DOWNSTREAM_LOCAL_PORT: value_text(v, line_port_of(r->downstream_local_address)); break;
    case FORMAT_DOWNSTREAM_PEER_URI_SAN: value_text(v, c->spiffe); break;
    default: break; /* of requests */
    }
}

static void read_connection(void *ctx, const struct format_piece *p, struct value *v) {
    const struct line_connection *c = ctx;
    const struct alog_record *r = c->r;
    v->kind = VALUE_MISSING;
    switch (p->op) {
    case FORMAT_TEXT: value_text(v, p->text); break;
    case FORMAT_RESPONSE_CODE: value_number(v, 0); break;
    case FORMAT_RESPONSE_FLAGS: value_text(v, r->response_flags); break;
    case FORMAT_CONNECTION_TERMINATION_DETAILS: value_text(v, r->connection_termination_details); break;
    case FORMAT_BYTES_RECEIVED: value_number(v, r->bytes_received); break;
    case FORMAT_BYTES_SENT: value_number(v, r->bytes_sent); break;
    case FORMAT_DURATION: value_number(v, r->duration_us / CLOCK_MS); break;
    case FORMAT_START_TIME:
        clock_rfc3339(r->start_wall_us, v->space);
        value_text(v, str_of(v->space));
        break;
    case FORMAT_UPSTREAM_CLUSTER: value_text(v, r->upstream_cluster); break;
    case FORMAT_UPSTREAM_TRANSPORT_FAILURE_REASON: value_text(v, r->upstream_transport_failure_reason); break;
    case FORMAT_UPSTREAM_REQUEST_ATTEMPT_COUNT: value_number(v, c->attempts); break;
    case FORMAT_REQUESTED_SERVER_NAME: value_text(v, r->requested_server_name); break;
    default: read_addresses(c, p, v); break;
    }
    value_cut(v, p);
}

void line_tcp(const struct access_log *log, const struct line_connection *c, struct buf *out) {
    line_write(log, read_connection, (void *)c, out);
}
