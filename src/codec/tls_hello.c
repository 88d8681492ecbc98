// SPDX-License-Identifier: Apache-2.0
#include "codec/tls_hello.h"
#include "base/buf.h"

enum {
    RECORD_HEADER = 5,
    RECORD_MAX = 16384, /* octets of a plaintext record, RFC 8446 §5.1 */
    HANDSHAKE = 22,     /* ContentType */
    CLIENT_HELLO = 1,   /* HandshakeType */
    HELLO_HEADER = 4,
    EXT_SERVER_NAME = 0,
    EXT_ALPN = 16,
    HOST_NAME = 0,
    NAME_MAX_LEN = 253,
};

#define NEED_MORE 0

/* ---- reading: a slice that shrinks ---- */
static unsigned octet(struct str s, size_t i) {
    return (unsigned char)s.ptr[i];
}

static bool take_number(struct str *s, unsigned octets, uint32_t *out) {
    uint32_t v = 0;
    if (s->len < octets)
        return false;
    for (unsigned i = 0; i < octets; i++)
        v = v << 8 | octet(*s, i);
    *s = str_from(*s, octets);
    *out = v;
    return true;
}

static bool take(struct str *s, size_t n, struct str *out) {
    if (s->len < n)
        return false;
    *out = str_first(*s, n);
    *s = str_from(*s, n);
    return true;
}

/* A vector: its length in so many octets, then itself. */
static bool take_vector(struct str *s, unsigned octets, struct str *out) {
    uint32_t n;
    return take_number(s, octets, &n) && take(s, n, out);
}

static int malformed(struct err *e, const char *what) {
    return err_set(e, WEFT_E_PARSE, "ClientHello: %s", what);
}

/* ---- records ---- */

/* How long the message is, its header included; 0: not known yet. */
static size_t message_length(struct str m) {
    return m.len < HELLO_HEADER ? 0 : HELLO_HEADER + (octet(m, 1) << 16 | octet(m, 2) << 8 | octet(m, 3));
}

static bool is_whole(struct str m) {
    size_t len = message_length(m);
    return len && m.len >= len;
}

/* The handshake octets of the records, one after the other, until the message is whole: what follows (early data) is none of it.
 */
static int join_records(struct str in, struct buf *out, struct err *e) {
    while (in.len && !is_whole(buf_str(out)) && message_length(buf_str(out)) <= TLS_HELLO_MAX) {
        if (octet(in, 0) != HANDSHAKE || (in.len > 1 && octet(in, 1) != 3))
            return malformed(e, out->len ? "another record within it" : "no TLS handshake");
        if (in.len < RECORD_HEADER)
            break;
        unsigned len = octet(in, 3) << 8 | octet(in, 4);
        if (len == 0 || len > RECORD_MAX) /* no empty fragments of handshakes */
            return malformed(e, "the length of a record");
        in = str_from(in, RECORD_HEADER);
        buf_add(out, str_first(in, len));
        in = str_from(in, len);
    }
    return 0;
}

/* ---- extensions ---- */

static bool is_host_name(struct str name) {
    if (!name.len || name.len > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = str_lower_c(name.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static int read_server_name(struct tls_hello *h, struct str body, struct arena *a, struct err *e) {
    struct str list, name;
    uint32_t type;
    if (!take_vector(&body, 2, &list) || body.len || !list.len)
        return malformed(e, "server_name");
    while (list.len) {
        if (!take_number(&list, 1, &type) || !take_vector(&list, 2, &name) || !name.len)
            return malformed(e, "server_name");
        if (type == HOST_NAME && h->server_name.len)
            return malformed(e, "two host names");
        if (name.ptr[name.len - 1] == '.')
            name.len--;
        if (type == HOST_NAME && is_host_name(name))
            h->server_name = arena_lower(a, name);
    }
    return 1;
}

static int read_alpn(struct tls_hello *h, struct str body, struct arena *a, struct err *e) {
    struct str list, name;
    if (!take_vector(&body, 2, &list) || body.len || !list.len)
        return malformed(e, "ALPN");
    struct str *names = arena_alloc(a, TLS_HELLO_PROTOCOLS * sizeof *names);
    h->protocols = names;
    while (list.len) {
        if (!take_vector(&list, 1, &name) || !name.len)
            return malformed(e, "ALPN");
        if (h->n_protocols < TLS_HELLO_PROTOCOLS)
            names[h->n_protocols++] = arena_dup(a, name);
    }
    return 1;
}

static int read_extensions(struct tls_hello *h, struct str all, struct arena *a, struct err *e) {
    bool names = false, alpn = false;
    int r = 1;
    while (all.len && r > 0) {
        struct str body;
        uint32_t type;
        if (!take_number(&all, 2, &type) || !take_vector(&all, 2, &body))
            return malformed(e, "extensions");
        if ((type == EXT_SERVER_NAME && names) || (type == EXT_ALPN && alpn))
            return malformed(e, "an extension twice"); /* RFC 8446 §4.2 */
        names |= type == EXT_SERVER_NAME;
        alpn |= type == EXT_ALPN;
        if (type == EXT_SERVER_NAME)
            r = read_server_name(h, body, a, e);
        else if (type == EXT_ALPN)
            r = read_alpn(h, body, a, e);
    }
    return r;
}

/* ---- the message ---- */

static int read_hello(struct tls_hello *h, struct str m, struct arena *a, struct err *e) {
    struct str session, ciphers, compressions, extensions;
    uint32_t version;
    struct str random;
    if (!take_number(&m, 2, &version) || version >> 8 != 3 || !take(&m, 32, &random) || !take_vector(&m, 1, &session) ||
        session.len > 32 || !take_vector(&m, 2, &ciphers) || ciphers.len < 2 || ciphers.len % 2 ||
        !take_vector(&m, 1, &compressions) || !compressions.len)
        return malformed(e, "its beginning");
    if (!m.len)
        return 1; /* before TLS 1.2 there need be no extensions */
    if (!take_vector(&m, 2, &extensions) || m.len)
        return malformed(e, "extensions");
    return read_extensions(h, extensions, a, e);
}

static int read_message(struct tls_hello *h, struct str m, size_t came, struct arena *a, struct err *e) {
    size_t len = message_length(m);
    if (m.len && octet(m, 0) != CLIENT_HELLO)
        return malformed(e, "another handshake message");
    if (len > TLS_HELLO_MAX || (!is_whole(m) && came >= TLS_HELLO_MAX))
        return err_set(e, WEFT_E_TOO_LARGE, "ClientHello: larger than %u octets", TLS_HELLO_MAX);
    if (!is_whole(m))
        return NEED_MORE;
    return m.len > len ? malformed(e, "something behind it") : read_hello(h, str_from(m, HELLO_HEADER), a, e);
}

int tls_hello_parse(struct tls_hello *h, struct str in, struct arena *a, struct err *e) {
    struct buf m = {0};
    *h = (struct tls_hello){0};
    int r = join_records(in, &m, e);
    if (r == 0)
        r = read_message(h, buf_str(&m), in.len, a, e);
    buf_fini(&m);
    return r;
}
