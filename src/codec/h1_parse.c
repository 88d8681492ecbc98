// SPDX-License-Identifier: Apache-2.0
/* Heads of HTTP/1.x: RFC 9112 §2 to §6. Every rule here refuses; nothing is repaired. */
#include "base/limits.h"
#include "codec/h1_int.h"
#include "codec/url.h"

enum {
    MAX_EMPTY_LINES = 2,        /* before a request line, RFC 9112 §2.2 */
    MAX_CONNECTION_OPTIONS = 64 /* each is compared with each field when the head is forwarded */
};

struct h1_limits h1__limits(const struct h1_limits *lim) {
    struct h1_limits l = lim ? *lim : (struct h1_limits){0};
    return (struct h1_limits){l.line ? l.line : LIMITS_line, l.head ? l.head : LIMITS_head, l.fields ? l.fields : LIMITS_fields};
}

/* How many octets of empty lines lead `in`. */
static size_t empty_lines(struct str in) {
    size_t n = 0;
    while (n < 2 * MAX_EMPTY_LINES && n + 2 <= in.len && in.ptr[n] == '\r' && in.ptr[n + 1] == '\n')
        n += 2;
    return n;
}

/* The end of the head that is searched from `from`; 0 when it has not come, or WEFT_E_PARSE at a line that ends in a bare LF. */
static int find_end(struct str in, size_t start, size_t from, struct err *e) {
    const char *at = in.ptr + from, *stop = in.ptr + in.len, *nl;
    while (at < stop && (nl = memchr(at, '\n', (size_t)(stop - at)))) {
        size_t n = (size_t)(nl - in.ptr);
        if (n == 0 || nl[-1] != '\r')
            return err_set(e, WEFT_E_PARSE, "a line ends in a bare LF");
        if (n < start + 2) /* an empty line where the start line should be: the parser says so */
            return (int)(n + 1);
        if (nl[-2] == '\n')
            return (int)(n + 1);
        at = nl + 1;
    }
    return 0;
}

int h1_head_len(struct str in, size_t *scanned, const struct h1_limits *lim, struct err *e) {
    struct h1_limits l = h1__limits(lim);
    struct str seen = str_first(in, (size_t)l.head + 1);
    size_t start = empty_lines(in), from = *scanned, line_max = start + l.line + 2;
    if (in.len == 0)
        return 0;
    /* Once, when the octets first go past where the start line must have ended. */
    if (from < line_max && in.len >= line_max && !memchr(in.ptr + start, '\n', line_max - start))
        return err_set(e, WEFT_E_URI_TOO_LONG, "start line is longer than %u octets", l.line);
    int n = 0;
    if (in.len > start) {
        n = find_end(seen, start, from > start ? from : start, e);
        *scanned = in.len;
    }
    if (n == 0 && in.len > l.head)
        return err_set(e, WEFT_E_TOO_LARGE, "head is longer than %u octets", l.head);
    if (n > 0 && (uint32_t)n > l.head)
        return err_set(e, WEFT_E_TOO_LARGE, "head is longer than %u octets", l.head);
    return n;
}

/* ---- field lines ---- */

static int bad_value(struct err *e, const char *p, size_t left) {
    if (left < 2)
        return err_set(e, WEFT_E_PARSE, "head is cut short");
    if (*p == '\r')
        return err_set(e, WEFT_E_PARSE, "bare CR in a field value");
    return err_set(e, WEFT_E_PARSE, "control character 0x%02x in a field value", (uint8_t)*p);
}

static int bad_name(struct err *e, char c, size_t name_len) {
    if (c == ' ' || c == '\t')
        return err_set(e, WEFT_E_PARSE, name_len ? "white space in or after a field name" : "line folding is not allowed");
    return err_set(e, WEFT_E_PARSE, name_len ? "invalid character 0x%02x in a field name" : "field name begins with 0x%02x",
                   (uint8_t)c);
}

int h1__fields(struct msg_fields *f, struct str in, uint32_t max, struct arena *a, struct err *e) {
    const char *p = in.ptr, *end = in.ptr + in.len;
    while (end - p > 2) {
        size_t name = msg_token_len(p, (size_t)(end - p));
        if (name == 0 || p + name == end || p[name] != ':')
            return p + name == end ? err_set(e, WEFT_E_PARSE, "head is cut short") : bad_name(e, p[name], name);
        const char *v = p + name + 1;
        size_t len = msg_text_len(v, (size_t)(end - v));
        if (end - v - (ptrdiff_t)len < 2 || v[len] != '\r' || v[len + 1] != '\n')
            return bad_value(e, v + len, (size_t)(end - v) - len);
        if (f->n >= max)
            return err_set(e, WEFT_E_TOO_LARGE, "more than %u fields", max);
        msg_add_checked(f, a, hdr_intern(str_n(p, name)), str_n(p, name), str_trim(str_n(v, len)));
        p = v + len + 2;
    }
    if (end - p != 2 || p[0] != '\r' || p[1] != '\n')
        return err_set(e, WEFT_E_PARSE, "head does not end in an empty line");
    return 0;
}

/* ---- what the fields say about framing and connection ---- */

struct framing {
    unsigned hosts, lengths, codings, options;
    struct str host, upgrade;
    bool close, keep_alive, upgrade_named;
};

static int take_length(struct msg *m, struct framing *fr, struct str value, struct err *e) {
    uint64_t n;
    if (fr->lengths++)
        return err_set(e, WEFT_E_PARSE, "more than one Content-Length");
    if (!str_u64(value, INT64_MAX, &n))
        return err_set(e, WEFT_E_PARSE, "Content-Length is no decimal number");
    m->content_length = (int64_t)n;
    return 0;
}

/* Only "chunked", alone (RFC 9112 §6.1, §7). Other codings before it are 501; anything else is framing that cannot be read. */
static int take_coding(struct msg *m, struct framing *fr, struct str value, struct err *e) {
    if (fr->codings++)
        return err_set(e, WEFT_E_PARSE, "more than one Transfer-Encoding");
    if (m->version == 10)
        return err_set(e, WEFT_E_PARSE, "Transfer-Encoding in HTTP/1.0");
    if (str_ieq(value, STR("chunked"))) {
        m->chunked = true;
        return 0;
    }
    struct str rest = value;
    while (rest.ptr) {
        struct str coding = str_trim(str_cut(&rest, ','));
        bool chunked = str_ieq(coding, STR("chunked"));
        if (!msg_is_token(coding) || chunked != (rest.ptr == NULL))
            return err_set(e, WEFT_E_PARSE, "Transfer-Encoding does not end in a single 'chunked'");
    }
    return err_set(e, WEFT_E_UNSUPPORTED, "transfer coding other than chunked");
}

static int take_connection(struct framing *fr, struct str value, struct err *e) {
    struct str option;
    while (msg_list_next(&value, &option)) {
        if (++fr->options > MAX_CONNECTION_OPTIONS)
            return err_set(e, WEFT_E_PARSE, "more than %d Connection options", MAX_CONNECTION_OPTIONS);
        fr->close |= str_ieq(option, STR("close"));
        fr->keep_alive |= str_ieq(option, STR("keep-alive"));
        fr->upgrade_named |= str_ieq(option, STR("upgrade"));
    }
    return 0;
}

static int take_host(struct framing *fr, struct str value, struct err *e) {
    if (fr->hosts++)
        return err_set(e, WEFT_E_PARSE, "more than one Host");
    if (!url_authority(value, NULL, NULL))
        return err_set(e, WEFT_E_PARSE, "Host is not host[:port]");
    fr->host = value;
    return 0;
}

static int take_framing(struct msg *m, struct framing *fr, struct err *e) {
    int r = 0;
    for (unsigned i = 0; i < m->fields.n && r == 0; i++) {
        const struct msg_field *f = &m->fields.at[i];
        switch (f->id) {
        case HDR_CONTENT_LENGTH: r = take_length(m, fr, f->value, e); break;
        case HDR_TRANSFER_ENCODING: r = take_coding(m, fr, f->value, e); break;
        case HDR_CONNECTION: r = take_connection(fr, f->value, e); break;
        case HDR_UPGRADE: fr->upgrade = f->value; break;
        case HDR_HOST: r = m->request ? take_host(fr, f->value, e) : 0; break;
        default: break;
        }
    }
    if (r == 0 && fr->lengths && fr->codings)
        r = err_set(e, WEFT_E_PARSE, "Content-Length beside Transfer-Encoding");
    m->keep_alive = !fr->close && (m->version == 11 || fr->keep_alive);
    if (fr->upgrade_named && m->version == 11) /* RFC 9110 §7.8: ignored in HTTP/1.0 */
        m->upgrade = fr->upgrade;
    return r;
}

/* ---- start lines ---- */

/* "HTTP/1.1" or "HTTP/1.0": its eight octets. */
static int take_version(struct msg *m, struct str v, struct err *e) {
    if (str_eq(v, STR("HTTP/1.1")))
        m->version = 11;
    else if (str_eq(v, STR("HTTP/1.0")))
        m->version = 10;
    else if (v.len == 8 && str_starts(v, STR("HTTP/")) && v.ptr[5] >= '0' && v.ptr[5] <= '9' && v.ptr[6] == '.' &&
             v.ptr[7] >= '0' && v.ptr[7] <= '9')
        return err_set(e, WEFT_E_VERSION, "HTTP version is neither 1.0 nor 1.1");
    else
        return err_set(e, WEFT_E_PARSE, "malformed HTTP version");
    return 0;
}

/* The start line at the front of *in, without its CRLF; *in goes on behind it. */
static int take_line(struct str *in, struct str *line, const struct h1_limits *l, struct err *e) {
    const char *nl = in->len ? memchr(in->ptr, '\n', in->len) : NULL;
    if (!nl)
        return err_set(e, WEFT_E_PARSE, "head is cut short");
    size_t n = (size_t)(nl - in->ptr);
    if (n == 0 || nl[-1] != '\r')
        return err_set(e, WEFT_E_PARSE, "a line ends in a bare LF");
    *line = str_n(in->ptr, n - 1);
    if (line->len > l->line)
        return err_set(e, WEFT_E_URI_TOO_LONG, "start line is longer than %u octets", l->line);
    *in = str_n(nl + 1, in->len - n - 1);
    return 0;
}

static int take_absolute(struct msg *m, struct str rest, struct arena *a, struct err *e) {
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?')
        n++;
    m->absolute_form = true;
    m->authority = str_first(rest, n);
    m->path = str_from(rest, n);
    if (!url_authority(m->authority, NULL, NULL))
        return err_set(e, WEFT_E_PARSE, "request target has no valid authority");
    if (m->path.len == 0) /* RFC 9112 §3.2.4: OPTIONS without a path means the server as a whole */
        m->path = m->method_id == METHOD_OPTIONS ? STR("*") : STR("/");
    else if (m->path.ptr[0] == '?')
        m->path = arena_fmt(a, "/" STR_FMT, STR_ARG(m->path));
    return 0;
}

/* RFC 9112 §3.2: the form must fit the method. */
static int take_target(struct msg *m, struct str t, struct arena *a, struct err *e) {
    uint16_t port;
    if (m->method_id == METHOD_CONNECT) {
        m->authority = t;
        if (!url_authority(t, NULL, &port) || port == 0)
            return err_set(e, WEFT_E_PARSE, "target of CONNECT is not host:port");
        return 0;
    }
    if (str_eq(t, STR("*")) && m->method_id == METHOD_OPTIONS) {
        m->path = t;
        return 0;
    }
    int r = 0;
    m->path = t;
    if (str_istarts(t, STR("http://"))) {
        m->scheme = STR("http");
        r = take_absolute(m, str_from(t, 7), a, e);
    } else if (str_istarts(t, STR("https://"))) {
        m->scheme = STR("https");
        r = take_absolute(m, str_from(t, 8), a, e);
    }
    if (r == 0 && !url_path_valid(m->path) && !(m->absolute_form && str_eq(m->path, STR("*"))))
        r = err_set(e, WEFT_E_PARSE, "malformed request target");
    return r;
}

/* request-line = method SP request-target SP HTTP-version, with exactly one SP between (RFC 9112 §3). */
static int take_request_line(struct msg *m, struct str line, struct arena *a, struct err *e) {
    size_t n = msg_token_len(line.ptr, line.len);
    if (n == 0 || n == line.len || line.ptr[n] != ' ')
        return err_set(e, WEFT_E_PARSE, "request line does not begin with a method and a space");
    m->method = str_first(line, n);
    m->method_id = method_intern(m->method);
    struct str rest = str_from(line, n + 1);
    ptrdiff_t sp = str_rchr(rest, ' ');
    if (sp < 0)
        return err_set(e, WEFT_E_PARSE, "request line without an HTTP version");
    int r = take_version(m, str_from(rest, (size_t)sp + 1), e);
    return r < 0 ? r : take_target(m, str_first(rest, (size_t)sp), a, e);
}

static int check_request(struct msg *m, const struct framing *fr, struct err *e) {
    if (fr->hosts == 0 && m->version == 11)
        return err_set(e, WEFT_E_PARSE, "HTTP/1.1 request without Host");
    if (m->method_id == METHOD_CONNECT && (m->chunked || m->content_length > 0)) /* RFC 9110 §9.3.6: no content */
        return err_set(e, WEFT_E_PARSE, "CONNECT with a body");
    if (!m->absolute_form && m->method_id != METHOD_CONNECT)
        m->authority = fr->host;
    return 0;
}

int h1_parse_request(struct msg *m, struct str head, const struct h1_limits *lim, struct arena *a, struct err *e) {
    struct h1_limits l = h1__limits(lim);
    struct framing fr = {0};
    struct str rest = str_from(head, empty_lines(head)), line;
    *m = (struct msg){.request = true, .content_length = -1};
    if (head.len > l.head)
        return err_set(e, WEFT_E_TOO_LARGE, "head is longer than %u octets", l.head);
    int r = take_line(&rest, &line, &l, e);
    if (r == 0)
        r = take_request_line(m, line, a, e);
    if (r == 0)
        r = h1__fields(&m->fields, rest, l.fields, a, e);
    if (r == 0)
        r = take_framing(m, &fr, e);
    return r < 0 ? r : check_request(m, &fr, e);
}

/* status-line = HTTP-version SP 3DIGIT SP [ reason-phrase ] (RFC 9112 §4); the last SP may be missing when no reason follows. */
static int take_status_line(struct msg *m, struct str line, struct err *e) {
    uint64_t status;
    int r = take_version(m, str_first(line, 8), e);
    if (r < 0)
        return r;
    if (line.len < 12 || line.ptr[8] != ' ' || !str_u64(str_n(line.ptr + 9, 3), 999, &status) || status < 100)
        return err_set(e, WEFT_E_PARSE, "malformed status line");
    m->status = (uint16_t)status;
    if (line.len == 12)
        return 0;
    m->reason = str_from(line, 13);
    if (line.ptr[12] != ' ' || (m->reason.len && (m->reason.ptr[0] == ' ' || m->reason.ptr[0] == '\t')) ||
        msg_text_len(m->reason.ptr, m->reason.len) != m->reason.len)
        return err_set(e, WEFT_E_PARSE, "malformed reason phrase");
    m->reason = str_trim(m->reason);
    return 0;
}

static int check_response(struct msg *m, enum http_method request_method, struct err *e) {
    bool bodyless = h1_bodyless(request_method, m->status);
    /* RFC 9112 §6.1, RFC 9110 §8.6: never in these. Who sends them may send a body too, which would be read as the next response.
     */
    if ((m->status < 200 || m->status == 204) && (m->chunked || m->content_length > 0))
        return err_set(e, WEFT_E_PARSE, "a %u response that announces a body", m->status);
    if (!bodyless && !m->chunked && m->content_length < 0) /* ends with the connection */
        m->keep_alive = false;
    return 0;
}

int h1_parse_response(struct msg *m, struct str head, enum http_method request_method, const struct h1_limits *lim,
                      struct arena *a, struct err *e) {
    struct h1_limits l = h1__limits(lim);
    struct framing fr = {0};
    struct str rest = head, line;
    *m = (struct msg){.content_length = -1};
    if (head.len > l.head)
        return err_set(e, WEFT_E_TOO_LARGE, "head is longer than %u octets", l.head);
    int r = take_line(&rest, &line, &l, e);
    if (r == 0)
        r = take_status_line(m, line, e);
    if (r == 0)
        r = h1__fields(&m->fields, rest, l.fields, a, e);
    if (r == 0)
        r = take_framing(m, &fr, e);
    return r < 0 ? r : check_response(m, request_method, e);
}
