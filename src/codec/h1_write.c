// SPDX-License-Identifier: Apache-2.0
/* Writing HTTP/1.1 messages. What would not be read back as it was meant is not written. */
#include "base/mem.h"
#include "codec/h1.h"
#include "codec/url.h"

static char *put_field(char *at, struct str name, struct str value) {
    memcpy(at, name.ptr, name.len);
    at += name.len;
    *at++ = ':';
    *at++ = ' ';
    if (value.len)
        memcpy(at, value.ptr, value.len);
    at += value.len;
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static void add_field(struct buf *out, struct str name, struct str value) {
    size_t len = name.len + value.len + 4;
    put_field(buf_room(out, len), name, value);
    buf_added(out, len);
}

static size_t text_size(const struct msg_fields *f) {
    size_t n = 2;
    for (unsigned i = 0; i < f->n; i++)
        n += f->at[i].name.len + f->at[i].value.len + 4;
    return n;
}

static void add_fields(struct buf *out, const struct msg_fields *f, bool (*wanted)(const struct msg_field *)) {
    char *to = buf_room(out, text_size(f)), *at = to;
    for (unsigned i = 0; i < f->n; i++) {
        const struct msg_field *field = &f->at[i];
        /* A name that was interned needs no second look; the value may come from anywhere. */
        bool name_ok = field->name.len && (field->id != HDR_OTHER || msg_is_token(field->name));
        if (name_ok && msg_is_field_value(field->value) && wanted(field))
            at = put_field(at, field->name, field->value);
    }
    *at++ = '\r';
    *at++ = '\n';
    buf_added(out, (size_t)(at - to));
}

static bool not_host(const struct msg_field *f) {
    return f->id != HDR_HOST;
}
static bool any(const struct msg_field *f) {
    return f->name.len > 0;
}
static bool in_trailers(const struct msg_field *f) {
    return hdr_in_trailers(f->id);
}

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

static void add_target(struct buf *out, const struct msg *m) {
    if (m->method_id == METHOD_CONNECT) {
        buf_add(out, m->authority);
        return;
    }
    if (m->absolute_form) {
        buf_add(out, m->scheme);
        buf_add(out, STR("://"));
        buf_add(out, m->authority);
        if (str_eq(m->path, STR("*"))) /* RFC 9112 §3.2.4: OPTIONS for the server as a whole has no path in this form */
            return;
    }
    buf_add(out, m->path);
}

int h1_write_request(struct buf *out, const struct msg *m) {
    if (!target_ok(m))
        return WEFT_E_INVALID;
    buf_add(out, m->method);
    buf_addc(out, ' ');
    add_target(out, m);
    buf_add(out, STR(" HTTP/1.1\r\n"));
    add_field(out, STR("host"), m->authority);
    add_fields(out, &m->fields, not_host);
    return 0;
}

int h1_write_response(struct buf *out, const struct msg *m) {
    if (m->status < 100 || m->status > 999)
        return WEFT_E_INVALID;
    char *to = buf_room(out, 13);
    memcpy(to, "HTTP/1.1 ", 9);
    to[9] = (char)('0' + m->status / 100);
    to[10] = (char)('0' + m->status / 10 % 10);
    to[11] = (char)('0' + m->status % 10);
    to[12] = ' ';
    buf_added(out, 13);
    buf_add(out, m->reason.len && msg_is_field_value(m->reason) ? m->reason : msg_reason(m->status));
    buf_add(out, STR("\r\n"));
    add_fields(out, &m->fields, any);
    return 0;
}

static struct str connection_value(const struct msg *m, struct arena *a, bool close, bool upgrade) {
    bool te = msg_find(&m->fields, HDR_TE) != NULL; /* RFC 9110 §10.1.4: who sends TE names it */
    const char *first = close ? "close" : upgrade ? "upgrade" : te ? "te" : "";
    if (close + upgrade + te < 2)
        return str_of(first);
    return arena_fmt(a, "%s%s%s", first, close && upgrade ? ", upgrade" : "", te ? ", te" : "");
}

void h1_frame(struct msg *m, struct arena *a, int64_t length, bool close, struct str upgrade) {
    struct msg_fields *f = &m->fields;
    static const enum hdr_id replaced[] = {HDR_CONTENT_LENGTH, HDR_TRANSFER_ENCODING, HDR_CONNECTION, HDR_KEEP_ALIVE};
    for (size_t i = 0; i < sizeof(replaced) / sizeof(*replaced); i++)
        msg_remove(f, replaced[i]);
    m->content_length = length >= 0 ? length : -1;
    m->chunked = length == -1;
    m->keep_alive = !close;
    if (length >= 0)
        msg_add(f, a, HDR_CONTENT_LENGTH, arena_u64(a, (uint64_t)length));
    else if (m->chunked)
        msg_add(f, a, HDR_TRANSFER_ENCODING, STR("chunked"));
    struct str connection = connection_value(m, a, close, upgrade.len > 0);
    if (connection.len)
        msg_add(f, a, HDR_CONNECTION, connection);
    if (upgrade.len)
        msg_set(f, a, HDR_UPGRADE, upgrade);
}

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
    if (trailers)
        add_fields(out, trailers, in_trailers);
    else
        buf_add(out, STR("\r\n"));
}
