// SPDX-License-Identifier: Apache-2.0
/* Writing HTTP/1.1 messages. What would not be read back as it was meant is not written. */
#include "base/mem.h"
#include "codec/h1.h"
#include "codec/url.h"

/* A head is written into room that was made for all of it at once. */
static inline char *put(char *at, struct str s) {
    if (s.len > 16) {
        memcpy(at, s.ptr, s.len);
    } else if (s.len >= 8) { /* most names and values are short: without a call, in two parts that may overlap */
        memcpy(at, s.ptr, 8);
        memcpy(at + s.len - 8, s.ptr + s.len - 8, 8);
    } else if (s.len >= 4) {
        memcpy(at, s.ptr, 4);
        memcpy(at + s.len - 4, s.ptr + s.len - 4, 4);
    } else {
        for (size_t i = 0; i < s.len; i++)
            at[i] = s.ptr[i];
    }
    return at + s.len;
}

static inline char *put_field(char *at, struct str name, struct str value) {
    at = put(put(put(at, name), STR(": ")), value);
    return put(at, STR("\r\n"));
}

static size_t text_size(const struct msg_fields *f) {
    size_t n = 2;
    for (unsigned i = 0; i < f->n; i++)
        n += f->at[i].name.len + f->at[i].value.len + 4;
    return n;
}

/* All but those of `skip`, a set of names. */
static char *put_fields(char *at, const struct msg_fields *f, uint64_t skip) {
    for (unsigned i = 0; i < f->n; i++) {
        const struct msg_field *field = &f->at[i];
        if (!(skip & HDR_BIT(field->id)) && msg_field_ok(field))
            at = put_field(at, field->name, field->value);
    }
    return at;
}

/* ---- framing ---- */

#define FRAMING_MAX 128u /* octets that put_framing writes at most, but for the value of Upgrade */
#define FRAMING (HDR_BIT(HDR_CONTENT_LENGTH) | HDR_BIT(HDR_TRANSFER_ENCODING) | HDR_BIT(HDR_CONNECTION) | HDR_BIT(HDR_KEEP_ALIVE))

static uint64_t replaced(const struct h1_framing *fr) {
    return !fr ? 0 : fr->upgrade.len ? FRAMING | HDR_BIT(HDR_UPGRADE) : FRAMING;
}

static char *put_length(char *at, uint64_t n) {
    char text[20], *digits = text + sizeof(text);
    do
        *--digits = (char)('0' + n % 10);
    while (n /= 10);
    return put_field(at, STR("content-length"), str_n(digits, (size_t)(text + sizeof(text) - digits)));
}

static char *put_connection(char *at, const struct h1_framing *fr, bool te) {
    const struct {
        bool said;
        struct str option;
    } all[] = {{fr->close, STR("close")},
               {fr->keep_alive, STR("keep-alive")},
               {fr->upgrade.len > 0, STR("upgrade")},
               {te, STR("te")}}; /* RFC 9110 §10.1.4: who sends TE names it */
    struct str before = STR("connection: ");
    if (!fr->close && !fr->keep_alive && !fr->upgrade.len && !te)
        return at;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (!all[i].said)
            continue;
        at = put(put(at, before), all[i].option);
        before = STR(", ");
    }
    return put(at, STR("\r\n"));
}

static char *put_framing(char *at, const struct msg *m, const struct h1_framing *fr) {
    if (fr->length >= 0)
        at = put_length(at, (uint64_t)fr->length);
    else if (fr->length == H1_CHUNKED)
        at = put_field(at, STR("transfer-encoding"), STR("chunked"));
    at = put_connection(at, fr, msg_find(&m->fields, HDR_TE) != NULL);
    if (msg_is_field_value(fr->upgrade) && fr->upgrade.len)
        at = put_field(at, STR("upgrade"), fr->upgrade);
    return at;
}

/* The fields and the end of a head of which `at` is the place behind the start line; `skip` is left out too. */
static void put_rest(struct buf *out, char *to, char *at, const struct msg *m, const struct h1_framing *fr, uint64_t skip) {
    at = put_fields(at, &m->fields, skip | replaced(fr));
    if (fr)
        at = put_framing(at, m, fr);
    at = put(at, STR("\r\n"));
    buf_added(out, (size_t)(at - to));
}

static size_t rest_size(const struct msg *m, const struct h1_framing *fr) {
    return text_size(&m->fields) + (fr ? FRAMING_MAX + fr->upgrade.len : 0);
}

/* ---- requests ---- */

static bool target_ok(const struct msg *m) {
    uint16_t port = 0;
    bool authority = m->authority.len == 0 || url_authority(m->authority, NULL, &port);
    if (!authority || !msg_is_token(m->method))
        return false;
    if (m->method_id == METHOD_CONNECT)
        return port != 0;
    if (m->absolute_form && (m->authority.len == 0 || !(str_eq(m->scheme, STR("http")) || str_eq(m->scheme, STR("https")))))
        return false;
    return url_path_valid(m->path) || (m->method_id == METHOD_OPTIONS && str_eq(m->path, STR("*")));
}

static char *put_target(char *at, const struct msg *m) {
    if (m->method_id == METHOD_CONNECT)
        return put(at, m->authority);
    if (m->absolute_form) {
        at = put(put(put(at, m->scheme), STR("://")), m->authority);
        if (str_eq(m->path, STR("*"))) /* RFC 9112 §3.2.4: OPTIONS for the server as a whole has no path in this form */
            return at;
    }
    return put(at, m->path);
}

int h1_write_request(struct buf *out, const struct msg *m, const struct h1_framing *fr) {
    const struct str line = STR(" HTTP/1.1\r\n"), host = STR("host");
    if (!target_ok(m))
        return WEFT_E_INVALID;
    size_t target = m->scheme.len + 3 + m->authority.len + m->path.len;
    size_t start = m->method.len + 1 + target + line.len + host.len + m->authority.len + 4;
    char *to = buf_room(out, start + rest_size(m, fr)), *at = put(to, m->method);
    *at++ = ' ';
    at = put(put_target(at, m), line);
    at = put_field(at, host, m->authority);
    put_rest(out, to, at, m, fr, HDR_BIT(HDR_HOST));
    return 0;
}

/* ---- responses ---- */

int h1_write_response(struct buf *out, const struct msg *m, const struct h1_framing *fr) {
    if (m->status < 100 || m->status > 999)
        return WEFT_E_INVALID;
    struct str reason = msg_reason(m->status);
    if (m->reason.len && !str_eq(m->reason, reason) && msg_is_field_value(m->reason))
        reason = m->reason;
    char *to = buf_room(out, 15 + reason.len + rest_size(m, fr)), *at = put(to, STR("HTTP/1.1 "));
    *at++ = (char)('0' + m->status / 100);
    *at++ = (char)('0' + m->status / 10 % 10);
    *at++ = (char)('0' + m->status % 10);
    *at++ = ' ';
    at = put(put(at, reason), STR("\r\n"));
    put_rest(out, to, at, m, fr, 0);
    return 0;
}

/* ---- chunks ---- */

void h1_write_chunk_head(struct buf *out, size_t len) {
    static const char digits[] = "0123456789abcdef";
    char text[sizeof(len) * 2 + 2], *at = text + sizeof(text);
    *--at = '\n';
    *--at = '\r';
    WEFT_ASSERT(len > 0); /* size 0 ends the body: h1_write_last_chunk */
    for (; len; len >>= 4)
        *--at = digits[len & 15];
    buf_add(out, str_n(at, (size_t)(text + sizeof(text) - at)));
}

void h1_write_last_chunk(struct buf *out, const struct msg_fields *trailers) {
    buf_add(out, STR("0\r\n"));
    if (trailers) {
        char *to = buf_room(out, text_size(trailers));
        buf_added(out, (size_t)(put_fields(to, trailers, ~HDR_IN_TRAILERS) - to));
    }
    buf_add(out, STR("\r\n"));
}
