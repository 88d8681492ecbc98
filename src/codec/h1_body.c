// SPDX-License-Identifier: Apache-2.0
/* Bodies of HTTP/1.1: RFC 9112 §6 and §7. */
#include "base/mem.h"
#include "codec/h1_int.h"
#include "codec/hex.h"

enum { MAX_SIZE_DIGITS = 16, MAX_EXT = 256 };

/* A chunked body: SIZE -> [EXT_NAME -> EXT...] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ..., and after the chunk of size
 * 0 -> TRAILERS
 * -> DONE. In SIZE, `ext` counts digits; in EXT, octets of the extensions. EXT_NAME: after a ";". */
enum state { SIZE, EXT_NAME, EXT, EXT_QUOTED, EXT_ESCAPED, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILERS, DONE };

void h1_body_init(struct h1_body *b, enum h1_body_kind kind, uint64_t length) {
    *b = (struct h1_body){.kind = kind, .left = kind == H1_BODY_LENGTH ? length : 0};
}

void h1_body_of_request(struct h1_body *b, const struct msg *m) {
    if (m->chunked)
        h1_body_init(b, H1_BODY_CHUNKED, 0);
    else if (m->content_length > 0)
        h1_body_init(b, H1_BODY_LENGTH, (uint64_t)m->content_length);
    else
        h1_body_init(b, H1_BODY_NONE, 0);
}

void h1_body_of_response(struct h1_body *b, const struct msg *m, enum http_method request_method) {
    if (h1_bodyless(request_method, m->status))
        h1_body_init(b, H1_BODY_NONE, 0);
    else if (!m->chunked && m->content_length < 0)
        h1_body_init(b, H1_BODY_CLOSE, 0);
    else
        h1_body_of_request(b, m);
}

void h1_body_fini(struct h1_body *b) {
    buf_fini(&b->held);
}

bool h1_bodyless(enum http_method request_method, unsigned status) {
    return status < 200 || status == 204 || status == 304 || request_method == METHOD_HEAD ||
           (request_method == METHOD_CONNECT && status < 300);
}

int h1_body_eof(const struct h1_body *b) {
    switch (b->kind) {
    case H1_BODY_LENGTH: return b->left ? WEFT_E_RESET : 0;
    case H1_BODY_CHUNKED: return b->state == DONE ? 0 : WEFT_E_RESET;
    default: return 0;
    }
}

static void advance(struct str *in, size_t n) {
    in->ptr += n;
    in->len -= n;
}

static int take_data(struct h1_body *b, struct str *in, struct str *data) {
    if (in->len == 0)
        return H1_MORE;
    *data = b->kind == H1_BODY_CLOSE ? *in : str_first(*in, b->left < in->len ? (size_t)b->left : in->len);
    if (b->kind != H1_BODY_CLOSE)
        b->left -= data->len;
    advance(in, data->len);
    return H1_DATA;
}

/* chunk-size = 1*HEXDIG, then CRLF or an extension at once: no space, no sign, no prefix. */
static int on_size(struct h1_body *b, char c, struct err *e) {
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (++b->ext > MAX_SIZE_DIGITS || b->left > (uint64_t)INT64_MAX >> 4)
            return err_set(e, WEFT_E_PARSE, "chunk size is too large");
        b->left = b->left << 4 | (uint64_t)digit;
        return 0;
    }
    if (b->ext == 0 || (c != '\r' && c != ';'))
        return err_set(e, WEFT_E_PARSE, "malformed chunk size");
    b->state = c == '\r' ? SIZE_LF : EXT_NAME;
    b->ext = 0;
    return 0;
}

/* chunk-ext = *( ";" chunk-ext-name [ "=" ( token / quoted-string ) ] ) (RFC 9112 §7.1.1); of the white space
 * that the grammar has for bad senders, only that behind a ";". What the extensions say is nobody's business here; where they end
 * is. */
static int on_ext(struct h1_body *b, char c, struct err *e) {
    bool quoted = b->state == EXT_QUOTED || b->state == EXT_ESCAPED;
    bool blank = c == ' ' || c == '\t';
    if (b->state == EXT_NAME && msg_token_len(&c, 1) == 0 && !blank)
        return err_set(e, WEFT_E_PARSE, "chunk extension without a name");
    if (c == '\r' && !quoted) {
        b->state = SIZE_LF;
        return 0;
    }
    if (++b->ext > MAX_EXT)
        return err_set(e, WEFT_E_PARSE, "chunk extension is longer than %d octets", MAX_EXT);
    if (b->state == EXT_NAME && blank)
        return 0;
    if (quoted ? c != '\t' && ((uint8_t)c < 0x20 || c == 0x7f) : !memchr("=;\"", c, 3) && msg_token_len(&c, 1) == 0)
        return err_set(e, WEFT_E_PARSE, "a chunk extension that is no token or quoted string");
    if (b->state == EXT_ESCAPED || !quoted)
        b->state = b->state == EXT_ESCAPED || c == '"' ? EXT_QUOTED : c == ';' ? EXT_NAME : EXT;
    else
        b->state = c == '"' ? EXT : c == '\\' ? EXT_ESCAPED : EXT_QUOTED;
    return 0;
}

/* One octet of what stands between the data of two chunks. */
static int on_octet(struct h1_body *b, char c, struct err *e) {
    switch ((enum state)b->state) {
    case SIZE: return on_size(b, c, e);
    case EXT_NAME:
    case EXT:
    case EXT_QUOTED:
    case EXT_ESCAPED: return on_ext(b, c, e);
    case SIZE_LF:
        b->ext = 0;
        b->state = b->left ? DATA : TRAILERS;
        return c == '\n' ? 0 : err_set(e, WEFT_E_PARSE, "CR without LF after a chunk size");
    case DATA_CR: b->state = DATA_LF; return c == '\r' ? 0 : err_set(e, WEFT_E_PARSE, "chunk is longer than its size");
    case DATA_LF: b->state = SIZE; return c == '\n' ? 0 : err_set(e, WEFT_E_PARSE, "CR without LF after a chunk");
    default: WEFT_ASSERT(false); return 0; /* next_chunked sees to it */
    }
}

static int parse_trailers(struct h1_body *b, struct msg_fields *trailers, const struct h1_limits *l, struct arena *a,
                          struct err *e) {
    struct msg_fields all = {0};
    int r = h1__fields(&all, buf_str(&b->held), l->fields, a, e);
    if (r < 0)
        return r;
    unsigned kept = 0;
    for (unsigned i = 0; i < all.n; i++)
        if (hdr_in_trailers(all.at[i].id))
            all.at[kept++] = all.at[i];
    all.n = kept;
    *trailers = all;
    b->state = DONE;
    return kept ? H1_TRAILERS : H1_END;
}

/* Collects lines until the empty one. */
static int take_trailers(struct h1_body *b, struct str *in, struct msg_fields *trailers, const struct h1_limits *l,
                         struct arena *a, struct err *e) {
    while (in->len) {
        const char *nl = memchr(in->ptr, '\n', in->len);
        struct str part = str_first(*in, nl ? (size_t)(nl - in->ptr) + 1 : in->len);
        if (b->held.len + part.len > l->head)
            return err_set(e, WEFT_E_TOO_LARGE, "trailer section is longer than %u octets", l->head);
        buf_add(&b->held, part);
        advance(in, part.len);
        struct str held = buf_str(&b->held);
        if (!nl)
            return H1_MORE;
        if (held.len < 2 || held.ptr[held.len - 2] != '\r')
            return err_set(e, WEFT_E_PARSE, "a trailer line ends in a bare LF");
        if (held.len == 2 || str_ends(held, STR("\r\n\r\n")))
            return parse_trailers(b, trailers, l, a, e);
    }
    return H1_MORE;
}

static int next_chunked(struct h1_body *b, struct str *in, struct str *data, struct err *e) {
    while (in->len && b->state != TRAILERS) {
        if (b->state == DATA) {
            int r = take_data(b, in, data);
            b->state = b->left ? DATA : DATA_CR;
            return r;
        }
        int r = on_octet(b, in->ptr[0], e);
        if (r < 0)
            return r;
        advance(in, 1);
    }
    return H1_MORE;
}

int h1_body_next(struct h1_body *b, struct str *in, struct str *data, struct msg_fields *trailers, const struct h1_limits *lim,
                 struct arena *a, struct err *e) {
    switch (b->kind) {
    case H1_BODY_NONE: return H1_END;
    case H1_BODY_LENGTH: return b->left ? take_data(b, in, data) : H1_END;
    case H1_BODY_CLOSE: return take_data(b, in, data);
    case H1_BODY_CHUNKED: break;
    }
    if (b->state == DONE)
        return H1_END;
    int r = next_chunked(b, in, data, e);
    if (r != H1_MORE || b->state != TRAILERS)
        return r;
    struct h1_limits l = h1__limits(lim);
    return take_trailers(b, in, trailers, &l, a, e);
}
