// SPDX-License-Identifier: Apache-2.0
#include "codec/grpc.h"
#include "base/mem.h"
#include "codec/h2.h"
#include "codec/hex.h"

enum { PREFIX = 5 }; /* octets: compressed flag and length */

void grpc_reader_fini(struct grpc_reader *r) {
    buf_fini(&r->held);
}

/* The length in a whole prefix, or why it is refused. */
static int64_t take_prefix(const struct grpc_reader *r, const char *prefix, struct err *e) {
    const uint8_t *p = (const uint8_t *)prefix;
    uint32_t len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    if (p[0] == 1)
        return err_set(e, WEFT_E_UNSUPPORTED, "gRPC message is compressed");
    if (p[0] != 0)
        return err_set(e, WEFT_E_PARSE, "gRPC message with flag octet %u", p[0]);
    if (len > r->max)
        return err_set(e, WEFT_E_TOO_LARGE, "gRPC message of %u octets is larger than %zu", len, r->max);
    return len;
}

static void move(struct buf *to, struct str *in, size_t want) {
    struct str part = str_first(*in, want);
    buf_add(to, part);
    *in = str_n(in->ptr + part.len, in->len - part.len);
}

/* Goes on with a message whose beginning is held. */
static int next_held(struct grpc_reader *r, struct str *in, struct str *msg, struct err *e) {
    if (r->held.len < PREFIX)
        move(&r->held, in, PREFIX - r->held.len);
    if (r->held.len < PREFIX)
        return 0;
    int64_t len = take_prefix(r, buf_str(&r->held).ptr, e);
    if (len < 0)
        return (int)len;
    size_t whole = PREFIX + (size_t)len;
    if (in->len && r->held.len < whole)
        move(&r->held, in, whole - r->held.len);
    if (r->held.len < whole)
        return 0;
    *msg = str_n(buf_str(&r->held).ptr + PREFIX, (size_t)len);
    r->told = true;
    return 1;
}

int grpc_next(struct grpc_reader *r, struct str *in, struct str *msg, struct err *e) {
    if (r->told) /* the message that the last call gave out of `held` */
        buf_take(&r->held, r->held.len);
    r->told = false;
    if (in->len == 0)
        return 0;
    if (r->held.len)
        return next_held(r, in, msg, e);
    if (in->len >= PREFIX) {
        int64_t len = take_prefix(r, in->ptr, e);
        if (len < 0)
            return (int)len;
        if (in->len - PREFIX >= (size_t)len) { /* whole in the input: no copy */
            *msg = str_n(in->ptr + PREFIX, (size_t)len);
            *in = str_n(in->ptr + PREFIX + len, in->len - PREFIX - (size_t)len);
            return 1;
        }
    }
    return next_held(r, in, msg, e);
}

void grpc_frame(struct buf *out, struct str msg) {
    WEFT_ASSERT(msg.len <= UINT32_MAX);
    const char prefix[PREFIX] = {0, (char)(msg.len >> 24), (char)(msg.len >> 16), (char)(msg.len >> 8), (char)msg.len};
    buf_add(out, str_n(prefix, sizeof(prefix)));
    buf_add(out, msg);
}

void grpc_message_encode(struct buf *out, struct str text) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c >= 0x20 && c <= 0x7e && c != '%') {
            buf_addc(out, (char)c);
        } else {
            buf_addc(out, '%');
            buf_addc(out, digits[c >> 4]);
            buf_addc(out, digits[c & 15]);
        }
    }
}

void grpc_message_decode(struct buf *out, struct str enc) {
    for (size_t i = 0; i < enc.len; i++) {
        char c = enc.ptr[i];
        bool escape = c == '%' && i + 2 < enc.len && hex_digit(enc.ptr[i + 1]) >= 0 && hex_digit(enc.ptr[i + 2]) >= 0;
        if (escape) {
            c = (char)(hex_digit(enc.ptr[i + 1]) << 4 | hex_digit(enc.ptr[i + 2]));
            i += 2;
        }
        buf_addc(out, c);
    }
}

int grpc_of_http(unsigned status) { /* grpc/doc/http-grpc-status-mapping.md */
    switch (status) {
    case 400: return GRPC_INTERNAL;
    case 401: return GRPC_UNAUTHENTICATED;
    case 403: return GRPC_PERMISSION_DENIED;
    case 404: return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return GRPC_UNAVAILABLE;
    default: return GRPC_UNKNOWN;
    }
}

int grpc_of_h2(uint32_t code) { /* PROTOCOL-HTTP2.md, "Errors" */
    switch (code) {
    case H2_REFUSED_STREAM: return GRPC_UNAVAILABLE;
    case H2_CANCEL: return GRPC_CANCELLED;
    case H2_ENHANCE_YOUR_CALM: return GRPC_RESOURCE_EXHAUSTED;
    case H2_INADEQUATE_SECURITY: return GRPC_PERMISSION_DENIED;
    case H2_HTTP_1_1_REQUIRED: return GRPC_UNKNOWN;
    default: return code < H2_HTTP_1_1_REQUIRED ? GRPC_INTERNAL : GRPC_UNKNOWN;
    }
}

const char *grpc_status_name(int s) {
    static const char *const names[] = {
        "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    };
    return s >= 0 && s <= GRPC_UNAUTHENTICATED ? names[s] : "UNKNOWN";
}

uint64_t grpc_timeout_us(struct str s) {
    static const struct {
        char unit;
        uint64_t us;
    } units[] = {{'u', 1}, {'m', 1000}, {'S', 1000000}, {'M', 60000000}, {'H', 3600000000}};
    uint64_t n;
    if (s.len < 2 || s.len > 9 || !str_u64(str_first(s, s.len - 1), 99999999, &n)) /* at most 8 digits */
        return 0;
    char unit = s.ptr[s.len - 1];
    if (unit == 'n')
        return (n + 999) / 1000; /* upwards: 1n is short, not malformed */
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (units[i].unit == unit)
            return n * units[i].us;
    return 0;
}

bool grpc_content_type(struct str type) {
    struct str grpc = STR("application/grpc");
    return str_istarts(type, grpc) && (type.len == grpc.len || type.ptr[grpc.len] == '+' || type.ptr[grpc.len] == ';');
}
