// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply.h"
#include "base/buf.h"
#include "base/mem.h"
#include "codec/grpc.h"
#include "codec/json.h"
#include "http/stream.h"

static const struct reply_row rows[REPLY_COUNT_] = {
#define X(name, status, grpc, flag, error, details, text, remedy, envoy_status, envoy_body)                                      \
    [REPLY_##name] = {#name, status, GRPC_##grpc, flag, error, details, text, remedy, envoy_status, envoy_body},
#include "proxy/reply.def"
#undef X
};

const struct reply_row *reply_row(enum reply_id id) {
    WEFT_ASSERT(id > REPLY_NONE && id < REPLY_COUNT_);
    return &rows[id];
}

static struct str text_of(const struct reply_row *row, const struct reply_in *in) {
    return row->text[0] ? str_of(row->text) : in->reason;
}

/* An sf-string (RFC 8941 §3.3.3) holds printable ASCII; what else there is becomes '?'. */
static void add_sf_string(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"' || c == '\\')
            buf_addc(b, '\\');
        buf_addc(b, c >= 0x20 && c < 0x7f ? c : '?');
    }
}

static struct str proxy_status(const struct reply_row *row, const struct reply_in *in, struct arena *a) {
    struct buf b = {0};
    buf_fmt(&b, "weft; error=%s; details=\"", row->error);
    add_sf_string(&b, in->details.len ? in->details : str_of(row->details));
    if (row->text[0] && in->reason.len) {
        buf_add(&b, STR("; "));
        add_sf_string(&b, in->reason);
    }
    if (row->remedy[0]) {
        buf_add(&b, STR("; "));
        add_sf_string(&b, str_of(row->remedy));
    }
    buf_addc(&b, '"');
    struct str s = arena_dup(a, buf_str(&b));
    buf_fini(&b);
    return s;
}

static struct str json_body(struct str text, struct arena *a) {
    struct buf b = {0};
    buf_add(&b, STR("{\"error\": "));
    json_print_str(&b, text);
    buf_add(&b, STR("}"));
    struct str s = arena_dup(a, buf_str(&b));
    buf_fini(&b);
    return s;
}

void reply_grpc(struct msg_fields *f, int status, struct str text, struct arena *a) {
    struct buf b = {0};
    grpc_message_encode(&b, text);
    msg_set(f, a, HDR_CONTENT_TYPE, STR("application/grpc"));
    msg_add(f, a, HDR_GRPC_STATUS, arena_fmt(a, "%d", status));
    if (text.len)
        msg_add(f, a, HDR_GRPC_MESSAGE, arena_dup(a, buf_str(&b)));
    buf_fini(&b);
}

uint16_t reply_status(const struct reply_in *in) {
    const struct reply_row *row = reply_row(in->id);
    if (in->profile != PROFILE_ENVOY)
        return row->status;
    return in->status ? in->status : row->envoy_status;
}

int reply_grpc_status(const struct reply_in *in) {
    bool own = in->profile != PROFILE_ENVOY || in->id == REPLY_TOO_LONG; /* the one that Envoy gives a status of its own */
    return own ? reply_row(in->id)->grpc : grpc_of_http(reply_status(in));
}

static void make_grpc(struct reply_out *out, const struct reply_in *in, struct str text, struct arena *a) {
    out->status = 200;
    reply_grpc(&out->fields, reply_grpc_status(in), text, a);
}

static void make_mesh(struct reply_out *out, const struct reply_in *in, struct arena *a) {
    const struct reply_row *row = reply_row(in->id);
    out->status = reply_status(in);
    if (row->status == 401)
        msg_add(&out->fields, a, HDR_WWW_AUTHENTICATE, STR("Bearer"));
    if (in->id == REPLY_OVERLOADED)
        msg_add(&out->fields, a, HDR_RETRY_AFTER, STR("1"));
    if (in->grpc) {
        make_grpc(out, in, text_of(row, in), a);
    } else {
        msg_add(&out->fields, a, HDR_CONTENT_TYPE, STR("application/json"));
        out->body = json_body(text_of(row, in), a);
    }
    msg_add(&out->fields, a, HDR_SERVER, STR("weft"));
    msg_add(&out->fields, a, HDR_PROXY_STATUS, proxy_status(row, in, a));
}

#define ONCE "before headers. reset reason: "

static struct str envoy_body(const struct reply_in *in, struct arena *a) {
    const struct reply_row *row = reply_row(in->id);
    const char *reason = in->retried ? strstr(row->envoy_body, ONCE) : NULL;
    if (!reason)
        return str_of(row->envoy_body);
    return arena_fmt(a, "%.*sbefore headers. retried and the latest reset reason: %s", (int)(reason - row->envoy_body),
                     row->envoy_body, reason + strlen(ONCE));
}

/* As Envoy has it: what edits say of the type holds where there is a body. */
void reply_describe(struct msg_fields *f, struct str body, struct arena *a) {
    if (!body.len) {
        msg_remove(f, HDR_CONTENT_TYPE);
        return;
    }
    msg_set(f, a, HDR_CONTENT_LENGTH, arena_u64(a, body.len)); /* for edits and logs: the framing writes its own */
    if (!msg_find(f, HDR_CONTENT_TYPE))
        msg_add(f, a, HDR_CONTENT_TYPE, STR("text/plain"));
}

static void make_envoy(struct reply_out *out, const struct reply_in *in, struct arena *a) {
    struct str body = envoy_body(in, a);
    out->status = reply_status(in);
    if (in->edit)
        in->edit(in->ctx, &out->fields);
    if (in->grpc) {
        make_grpc(out, in, body, a);
    } else {
        out->body = body;
        reply_describe(&out->fields, body, a);
    }
}

void reply_make(struct reply_out *out, const struct reply_in *in, struct arena *a) {
    *out = (struct reply_out){0};
    if (in->profile == PROFILE_ENVOY)
        make_envoy(out, in, a);
    else
        make_mesh(out, in, a);
}

size_t reply_send(struct stream *s, const struct reply_in *in) {
    struct reply_out out;
    reply_make(&out, in, &s->arena);
    if (in->dress)
        in->dress(in->ctx, &out.fields);
    stream_reply_with(s, out.status, &out.fields, out.body);
    return s->method == METHOD_HEAD ? 0 : out.body.len;
}

enum reply_id reply_of_bad(const struct err *why) {
    switch (why->code) {
    case WEFT_E_URI_TOO_LONG: return REPLY_URI_TOO_LONG;
    case WEFT_E_TOO_LARGE: return REPLY_HEAD_TOO_LARGE;
    case WEFT_E_TIMEOUT: return REPLY_HEAD_TIMEOUT;
    case WEFT_E_VERSION: return REPLY_HTTP_VERSION;
    case WEFT_E_UNSUPPORTED: return REPLY_NOT_IMPLEMENTED;
    default: return REPLY_BAD_REQUEST;
    }
}

enum reply_id reply_of_failure(int why, bool inbound, bool opened) {
    switch (why) {
    case WEFT_E_REFUSED:
    case WEFT_E_CONNECT: return inbound ? REPLY_APP_REFUSED : REPLY_UP_REFUSED;
    case WEFT_E_CONNECT_TIMEOUT: return inbound ? REPLY_APP_CONNECT_TIMEOUT : REPLY_UP_CONNECT_TIMEOUT;
    case WEFT_E_TLS:
    case WEFT_E_CERT: return REPLY_UP_TLS;
    case WEFT_E_PARSE:
    case WEFT_E_PROTOCOL:
    case WEFT_E_TOO_LARGE:
    case WEFT_E_VERSION:
    case WEFT_E_UNSUPPORTED: return REPLY_UP_PROTOCOL;
    default: break;
    }
    if (!opened)
        return inbound ? REPLY_APP_REFUSED : REPLY_UP_REFUSED;
    return inbound ? REPLY_APP_BROKE : REPLY_UP_BROKE;
}
