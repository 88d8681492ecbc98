// SPDX-License-Identifier: Apache-2.0
#include "codec/h1.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"

#define S(lit)                                                                                                                   \
    { lit, sizeof(lit) - 1 }
#define N(array) (sizeof(array) / sizeof(*(array)))
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define H "Host: a\r\n"

/* ---- requests ---- */

/* One line that says all: what a test compares. */
static struct str describe(const struct msg *m, struct buf *out) {
    buf_cut(out, 0);
    if (m->request)
        buf_fmt(out, "%.*s %.*s|%.*s|%.*s", STR_ARG(m->method), STR_ARG(m->scheme), STR_ARG(m->authority), STR_ARG(m->path));
    else
        buf_fmt(out, "%u %.*s", m->status, STR_ARG(m->reason));
    buf_fmt(out, " %u %s", m->version, m->keep_alive ? "keep" : "close");
    if (m->absolute_form)
        buf_fmt(out, " absolute");
    if (m->content_length >= 0)
        buf_fmt(out, " length=%lld", (long long)m->content_length);
    if (m->chunked)
        buf_fmt(out, " chunked");
    if (m->upgrade.len)
        buf_fmt(out, " upgrade=%.*s", STR_ARG(m->upgrade));
    return buf_str(out);
}

struct good {
    struct str head;
    const char *want;
};

static const struct good good_requests[] = {
    {S(GET H "\r\n"), "GET |a|/ 11 keep"},
    {S("\r\n" GET H "\r\n"), "GET |a|/ 11 keep"},
    {S("\r\n\r\n" GET H "\r\n"), "GET |a|/ 11 keep"},
    {S("GET /a/b?c=d&e=%20 HTTP/1.1\r\nhost:\t a:8080 \t\r\n\r\n"), "GET |a:8080|/a/b?c=d&e=%20 11 keep"},
    {S("GET /;x=(y)'!$*+,@:~_-.|{}[]\\^`\"<> HTTP/1.1\r\n" H "\r\n"), "GET |a|/;x=(y)'!$*+,@:~_-.|{}[]\\^`\"<> 11 keep"},
    {S("GET // HTTP/1.1\r\n" H "\r\n"), "GET |a|// 11 keep"},
    {S("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "GET |[::1]:80|/ 11 keep"},
    {S("GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"), "GET |10.0.0.1|/ 11 keep"},
    {S("GET / HTTP/1.1\r\nHost: my_svc.ns-1.mesh\r\n\r\n"), "GET |my_svc.ns-1.mesh|/ 11 keep"},
    {S("get / HTTP/1.1\r\n" H "\r\n"), "get |a|/ 11 keep"},
    {S("M-SEARCH / HTTP/1.1\r\n" H "\r\n"), "M-SEARCH |a|/ 11 keep"},
    {S("!#$%&'*+-.^_`|~9 / HTTP/1.1\r\n" H "\r\n"), "!#$%&'*+-.^_`|~9 |a|/ 11 keep"},
    {S("GET http://b/ HTTP/1.1\r\n" H "\r\n"), "GET http|b|/ 11 keep absolute"},
    {S("GET HTTP://b:81 HTTP/1.1\r\n" H "\r\n"), "GET http|b:81|/ 11 keep absolute"},
    {S("GET https://b/x?y HTTP/1.1\r\n" H "\r\n"), "GET https|b|/x?y 11 keep absolute"},
    {S("GET http://b?y=z HTTP/1.1\r\n" H "\r\n"), "GET http|b|/?y=z 11 keep absolute"},
    {S("OPTIONS http://b HTTP/1.1\r\n" H "\r\n"), "OPTIONS http|b|* 11 keep absolute"},
    {S("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "OPTIONS |a|* 11 keep"},
    {S("OPTIONS /x HTTP/1.1\r\n" H "\r\n"), "OPTIONS |a|/x 11 keep"},
    {S("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"), "CONNECT |b:443| 11 keep"},
    {S("CONNECT [::1]:443 HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n"), "CONNECT |[::1]:443| 11 keep length=0"},
    {S("GET / HTTP/1.0\r\n\r\n"), "GET ||/ 10 close"},
    {S("GET / HTTP/1.0\r\n" H "\r\n"), "GET |a|/ 10 close"},
    {S("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "GET ||/ 10 keep"},
    {S("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n"), "GET ||/ 10 close"},
    {S("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), "GET ||/ 10 close"},
    {S("POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\n"), "POST ||/ 10 close length=4"},
    {S(GET H "Connection: close\r\n\r\n"), "GET |a|/ 11 close"},
    {S(GET H "Connection: x, CLOSE ,y\r\n\r\n"), "GET |a|/ 11 close"},
    {S(GET H "Connection: x\r\nConnection: close\r\n\r\n"), "GET |a|/ 11 close"},
    {S(GET H "Connection: closed, not-close\r\n\r\n"), "GET |a|/ 11 keep"},
    {S(GET H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), "GET |a|/ 11 keep upgrade=websocket"},
    {S(GET H "Upgrade: websocket\r\n\r\n"), "GET |a|/ 11 keep"},
    {S(GET H "Connection: upgrade\r\n\r\n"), "GET |a|/ 11 keep"},
    {S(POST "Content-Length: 0\r\n\r\n"), "POST |a|/ 11 keep length=0"},
    {S(POST "content-length: 00012\r\n\r\n"), "POST |a|/ 11 keep length=12"},
    {S(POST "Content-Length: 9223372036854775807\r\n\r\n"), "POST |a|/ 11 keep length=9223372036854775807"},
    {S(POST "Transfer-Encoding: chunked\r\n\r\n"), "POST |a|/ 11 keep chunked"},
    {S(POST "TRANSFER-ENCODING:\tChUnKeD \r\n\r\n"), "POST |a|/ 11 keep chunked"},
    {S(GET H "X: \r\nY:\r\nZ: a\tb\x80\xff\r\n\r\n"), "GET |a|/ 11 keep"},
    {S(GET H "Transfer_Encoding: chunked\r\nX-Content-Length: 3\r\n\r\n"), "GET |a|/ 11 keep"},
};

struct bad {
    const char *what;
    struct str head;
    int code;
};

#define P WEFT_E_PARSE
#define U WEFT_E_UNSUPPORTED
#define V WEFT_E_VERSION
static const struct bad bad_requests[] = {
    /* the request line */
    {"empty", S("\r\n"), P},
    {"three empty lines first", S("\r\n\r\n\r\n" GET H "\r\n"), P},
    {"leading space", S(" GET / HTTP/1.1\r\n" H "\r\n"), P},
    {"leading LF", S("\n" GET H "\r\n"), P},
    {"two spaces after the method", S("GET  / HTTP/1.1\r\n" H "\r\n"), P},
    {"two spaces before the version", S("GET /  HTTP/1.1\r\n" H "\r\n"), P},
    {"tab for space", S("GET\t/ HTTP/1.1\r\n" H "\r\n"), P},
    {"tab before the version", S("GET /\tHTTP/1.1\r\n" H "\r\n"), P},
    {"space after the version", S("GET / HTTP/1.1 \r\n" H "\r\n"), P},
    {"word after the version", S("GET / HTTP/1.1 x\r\n" H "\r\n"), P},
    {"no version", S("GET /\r\n" H "\r\n"), P},
    {"only a method", S("GET\r\n" H "\r\n"), P},
    {"no target", S("GET HTTP/1.1\r\n" H "\r\n"), P},
    {"empty target", S("GET  HTTP/1.1\r\n" H "\r\n"), P},
    {"method with a colon", S("GE:T / HTTP/1.1\r\n" H "\r\n"), P},
    {"method with NUL", S("GE\0T / HTTP/1.1\r\n" H "\r\n"), P},
    {"method with a high octet", S("G\xc3T / HTTP/1.1\r\n" H "\r\n"), P},
    {"method in parentheses", S("(GET) / HTTP/1.1\r\n" H "\r\n"), P},
    {"lower case version", S("GET / http/1.1\r\n" H "\r\n"), P},
    {"version of one digit", S("GET / HTTP/1\r\n" H "\r\n"), P},
    {"version with a comma", S("GET / HTTP/1,1\r\n" H "\r\n"), P},
    {"version with three digits", S("GET / HTTP/1.10\r\n" H "\r\n"), P},
    {"version with a leading zero", S("GET / HTTP/01.1\r\n" H "\r\n"), P},
    {"other protocol", S("GET / ICAP/1.0\r\n" H "\r\n"), P},
    {"HTTP/0.9", S("GET / HTTP/0.9\r\n" H "\r\n"), V},
    {"HTTP/1.2", S("GET / HTTP/1.2\r\n" H "\r\n"), V},
    {"HTTP/2.0", S("PRI * HTTP/2.0\r\n\r\n"), V},
    {"HTTP/3.0", S("GET / HTTP/3.0\r\n" H "\r\n"), V},
    {"CR in the target", S("GET /\rx HTTP/1.1\r\n" H "\r\n"), P},
    {"NUL in the target", S("GET /\0 HTTP/1.1\r\n" H "\r\n"), P},
    {"space in the target", S("GET /a b HTTP/1.1\r\n" H "\r\n"), P},
    {"DEL in the target", S("GET /\x7f HTTP/1.1\r\n" H "\r\n"), P},
    {"high octet in the target", S("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"), P},
    {"fragment", S("GET /a#b HTTP/1.1\r\n" H "\r\n"), P},
    {"relative target", S("GET a HTTP/1.1\r\n" H "\r\n"), P},
    {"target that begins with ?", S("GET ?a HTTP/1.1\r\n" H "\r\n"), P},
    {"other scheme", S("GET ftp://b/ HTTP/1.1\r\n" H "\r\n"), P},
    {"scheme without slashes", S("GET http:b HTTP/1.1\r\n" H "\r\n"), P},
    {"one slash", S("GET http:/b HTTP/1.1\r\n" H "\r\n"), P},
    {"no authority", S("GET http:///x HTTP/1.1\r\n" H "\r\n"), P},
    {"userinfo", S("GET http://u@b/ HTTP/1.1\r\n" H "\r\n"), P},
    {"userinfo with a password", S("GET http://u:p@b/ HTTP/1.1\r\n" H "\r\n"), P},
    {"port out of range", S("GET http://b:65536/ HTTP/1.1\r\n" H "\r\n"), P},
    {"fragment in absolute form", S("GET http://b/#c HTTP/1.1\r\n" H "\r\n"), P},
    {"fragment behind the authority", S("GET http://b#c HTTP/1.1\r\n" H "\r\n"), P},
    {"backslash host", S("GET http://b\\@c/ HTTP/1.1\r\n" H "\r\n"), P},
    {"star with GET", S("GET * HTTP/1.1\r\n" H "\r\n"), P},
    {"authority with GET", S("GET b:80 HTTP/1.1\r\n" H "\r\n"), P},
    {"CONNECT with a path", S("CONNECT /x HTTP/1.1\r\n" H "\r\n"), P},
    {"CONNECT without a port", S("CONNECT b HTTP/1.1\r\n" H "\r\n"), P},
    {"CONNECT with a URL", S("CONNECT http://b:1/ HTTP/1.1\r\n" H "\r\n"), P},
    {"CONNECT to port 0", S("CONNECT b:0 HTTP/1.1\r\n" H "\r\n"), P},
    {"CONNECT with a length", S("CONNECT b:1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n"), P},
    {"CONNECT with chunks", S("CONNECT b:1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), P},
    /* lines */
    {"bare LF after the request line", S("GET / HTTP/1.1\n" H "\r\n"), P},
    {"bare LF after a field", S(GET "Host: a\n\r\n"), P},
    {"bare LF at the end", S(GET H "\n"), P},
    {"LF LF", S("GET / HTTP/1.1\nHost: a\n\n"), P},
    {"bare CR after a field", S(GET "Host: a\rX: b\r\n\r\n"), P},
    {"CR CR LF", S(GET "Host: a\r\r\n\r\n"), P},
    {"CR LF CR", S(GET H "X: y\r\n\r"), P},
    {"field without colon", S(GET H "abc\r\n\r\n"), P},
    {"cut short in a name", S(GET H "abc"), P},
    {"cut short in a value", S(GET H "abc: d"), P},
    {"no empty line", S(GET H), P},
    {"octets after the empty line", S(GET H "\r\nX"), P},
    /* names */
    {"space before the colon", S(GET "Host : a\r\n\r\n"), P},
    {"tab before the colon", S(GET "Host\t: a\r\n\r\n"), P},
    {"space before the colon of Transfer-Encoding", S(POST "Transfer-Encoding : chunked\r\n\r\n"), P},
    {"space before the colon of Content-Length", S(POST "Content-Length : 5\r\n\r\n"), P},
    {"obs-fold with a space", S(GET H "X: a\r\n b\r\n\r\n"), P},
    {"obs-fold with a tab", S(GET H "X: a\r\n\tb\r\n\r\n"), P},
    {"folded Transfer-Encoding", S(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), P},
    {"white space before the first field", S(GET " X: a\r\n" H "\r\n"), P},
    {"empty name", S(GET H ": a\r\n\r\n"), P},
    {"name with a space", S(GET H "a b: c\r\n\r\n"), P},
    {"name with NUL", S(GET H "a\0: c\r\n\r\n"), P},
    {"name with VT", S(GET H "\x0bX: c\r\n\r\n"), P},
    {"name with a high octet", S(GET H "\xff: c\r\n\r\n"), P},
    {"name with a slash", S(GET H "a/b: c\r\n\r\n"), P},
    {"name with quotes", S(GET H "\"a\": c\r\n\r\n"), P},
    /* values */
    {"NUL in a value", S(GET H "X: a\0b\r\n\r\n"), P},
    {"VT in a value", S(GET H "X: a\x0b\r\n\r\n"), P},
    {"FF in a value", S(GET H "X: \x0c\r\n\r\n"), P},
    {"ESC in a value", S(GET H "X: \x1b[0m\r\n\r\n"), P},
    {"DEL in a value", S(GET H "X: a\x7f\r\n\r\n"), P},
    {"NUL deep in a long value", S(GET H "X: 0123456789012345678901234567890123456789\0\r\n\r\n"), P},
    {"bare LF in a value", S(GET H "X: a\nY: b\r\n\r\n"), P},
    /* Host */
    {"no Host", S(GET "\r\n"), P},
    {"no Host in absolute form", S("GET http://b/ HTTP/1.1\r\n\r\n"), P},
    {"two Hosts", S(GET H H "\r\n"), P},
    {"two Hosts in HTTP/1.0", S("GET / HTTP/1.0\r\n" H H "\r\n"), P},
    {"two Hosts in absolute form", S("GET http://b/ HTTP/1.1\r\n" H "Host: b\r\n\r\n"), P},
    {"empty Host", S(GET "Host:\r\n\r\n"), P},
    {"Host list", S(GET "Host: a, b\r\n\r\n"), P},
    {"Host with a space", S(GET "Host: a b\r\n\r\n"), P},
    {"Host with userinfo", S(GET "Host: u@a\r\n\r\n"), P},
    {"Host with a path", S(GET "Host: a/b\r\n\r\n"), P},
    {"Host with a scheme", S(GET "Host: http://a\r\n\r\n"), P},
    {"Host with an empty port", S(GET "Host: a:\r\n\r\n"), P},
    {"Host with two ports", S(GET "Host: a:1:2\r\n\r\n"), P},
    {"Host with a signed port", S(GET "Host: a:+80\r\n\r\n"), P},
    {"Host with bare IPv6", S(GET "Host: ::1\r\n\r\n"), P},
    {"Host with an open bracket", S(GET "Host: [::1\r\n\r\n"), P},
    {"Host with a zone", S(GET "Host: [fe80::1%25eth0]\r\n\r\n"), P},
    {"Host is only a port", S(GET "Host: :80\r\n\r\n"), P},
    {"Host with an escape", S(GET "Host: a%00\r\n\r\n"), P},
    /* Content-Length */
    {"two lengths", S(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), P},
    {"two equal lengths", S(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), P},
    {"length list", S(POST "Content-Length: 5, 6\r\n\r\n"), P},
    {"list of equal lengths", S(POST "Content-Length: 5, 5\r\n\r\n"), P},
    {"length with a trailing comma", S(POST "Content-Length: 5,\r\n\r\n"), P},
    {"empty length", S(POST "Content-Length:\r\n\r\n"), P},
    {"negative length", S(POST "Content-Length: -1\r\n\r\n"), P},
    {"length with a plus", S(POST "Content-Length: +5\r\n\r\n"), P},
    {"hex length", S(POST "Content-Length: 0x5\r\n\r\n"), P},
    {"length with a letter", S(POST "Content-Length: 5a\r\n\r\n"), P},
    {"length with a fraction", S(POST "Content-Length: 5.0\r\n\r\n"), P},
    {"length with a space", S(POST "Content-Length: 1 0\r\n\r\n"), P},
    {"length with an underscore", S(POST "Content-Length: 1_0\r\n\r\n"), P},
    {"length of 2^63", S(POST "Content-Length: 9223372036854775808\r\n\r\n"), P},
    {"length of 2^64 and 5", S(POST "Content-Length: 18446744073709551621\r\n\r\n"), P},
    {"length quoted", S(POST "Content-Length: \"5\"\r\n\r\n"), P},
    /* Transfer-Encoding */
    {"CL.TE", S(POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"TE.CL", S(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), P},
    {"TE and length 0", S(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), P},
    {"TE.TE identity second", S(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"), P},
    {"TE.TE twice", S(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"TE.TE unknown first", S(POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"TE xchunked", S(POST "Transfer-Encoding: xchunked\r\n\r\n"), P},
    {"TE identity", S(POST "Transfer-Encoding: identity\r\n\r\n"), P},
    {"TE gzip", S(POST "Transfer-Encoding: gzip\r\n\r\n"), P},
    {"TE empty", S(POST "Transfer-Encoding:\r\n\r\n"), P},
    {"TE chunked not last", S(POST "Transfer-Encoding: chunked, gzip\r\n\r\n"), P},
    {"TE chunked twice in a list", S(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), P},
    {"TE with a trailing comma", S(POST "Transfer-Encoding: chunked,\r\n\r\n"), P},
    {"TE with a leading comma", S(POST "Transfer-Encoding: ,chunked\r\n\r\n"), P},
    {"TE with a parameter", S(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"), P},
    {"TE quoted", S(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), P},
    {"TE with VT",
     S(POST "Transfer-Encoding: \x0b"
            "chunked\r\n\r\n"),
     P},
    {"TE with NUL", S(POST "Transfer-Encoding: chunked\0\r\n\r\n"), P},
    {"TE in two words", S(POST "Transfer-Encoding: chun ked\r\n\r\n"), P},
    {"TE gzip, chunked", S(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), U},
    {"TE in HTTP/1.0", S("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), P},
};

static void check_good(const struct good *g, size_t n, bool request) {
    struct buf out = {0};
    for (size_t i = 0; i < n; i++) {
        struct arena a = {0};
        struct msg m;
        struct err e = {0};
        size_t scanned = 0;
        int len = h1_head_len(g[i].head, &scanned, NULL, &e);
        int r =
            request ? h1_parse_request(&m, g[i].head, NULL, &a, &e) : h1_parse_response(&m, g[i].head, METHOD_GET, NULL, &a, &e);
        if (r != 0 || (size_t)len != g[i].head.len || m.request != request || !str_eq(describe(&m, &out), str_of(g[i].want)))
            fail_msg("%.*s: length %d, result %d (%s): %s", STR_ARG(g[i].head), len, r, e.msg, r ? "" : buf_z(&out).ptr);
        arena_fini(&a);
    }
    buf_fini(&out);
}

static void check_bad(const struct bad *b, size_t n, bool request) {
    for (size_t i = 0; i < n; i++) {
        struct arena a = {0};
        struct msg m;
        struct err e = {0};
        int r =
            request ? h1_parse_request(&m, b[i].head, NULL, &a, &e) : h1_parse_response(&m, b[i].head, METHOD_GET, NULL, &a, &e);
        if (r != b[i].code || e.code != r || !e.msg[0])
            fail_msg("%s: %d (%s)", b[i].what, r, e.msg);
        arena_fini(&a);
    }
}

static void test_good_requests(void **state) {
    (void)state;
    check_good(good_requests, N(good_requests), true);
}

static void test_bad_requests(void **state) {
    (void)state;
    check_bad(bad_requests, N(bad_requests), true);
}

/* Every octet in every place of a small head: what is accepted is only what the grammar has there. */
static void test_every_octet(void **state) {
    (void)state;
    static const char head[] = "GET /p HTTP/1.1\r\nHost: a\r\nNm: val\r\n\r\n";
    const size_t target = 5, name = 27, value = 31;
    for (int c = 0; c < 256; c++) {
        const size_t places[] = {0, target, name, value};
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool tchar = alnum || (c && strchr("!#$%&'*+-.^_`|~", c));
        const bool ok[] = {tchar, c > 0x20 && c < 0x7f && c != '#', tchar, c == '\t' || (c >= 0x20 && c != 0x7f)};
        for (size_t i = 0; i < N(places); i++) {
            char copy[sizeof(head)];
            struct arena a = {0};
            struct msg m;
            memcpy(copy, head, sizeof(head));
            copy[places[i]] = (char)c;
            bool parsed = h1_parse_request(&m, str_n(copy, sizeof(head) - 1), NULL, &a, NULL) == 0;
            bool colon = c == ':' && i == 2; /* ends the name there */
            if (parsed != (ok[i] || colon))
                fail_msg("octet 0x%02x at %zu: %d", c, places[i], parsed);
            arena_fini(&a);
        }
    }
}

static void test_fields(void **state) {
    (void)state;
    struct arena a = {0};
    struct msg m;
    const struct str head = STR("GET / HTTP/1.1\r\nHoSt: a\r\nX-Request-ID:\tr 1\t \r\nX-Odd:\r\ncookie: b\r\n\r\n");
    assert_int_equal(h1_parse_request(&m, head, NULL, &a, NULL), 0);
    assert_int_equal(m.fields.n, 4);
    assert_true(str_eq(m.fields.at[0].name, STR("HoSt")));
    assert_int_equal(m.fields.at[0].id, HDR_HOST);
    assert_int_equal(m.fields.at[1].id, HDR_X_REQUEST_ID);
    assert_true(str_eq(m.fields.at[1].value, STR("r 1")));
    assert_int_equal(m.fields.at[2].id, HDR_OTHER);
    assert_int_equal(m.fields.at[2].value.len, 0);
    assert_int_equal(m.method_id, METHOD_GET);
    arena_fini(&a);
}

/* ---- responses ---- */

#define OK "HTTP/1.1 200 OK\r\n"
static const struct good good_responses[] = {
    {S(OK "Content-Length: 3\r\n\r\n"), "200 OK 11 keep length=3"},
    {S(OK "\r\n"), "200 OK 11 close"},
    {S(OK "Transfer-Encoding: chunked\r\n\r\n"), "200 OK 11 keep chunked"},
    {S(OK "Connection: close\r\nContent-Length: 0\r\n\r\n"), "200 OK 11 close length=0"},
    {S("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), "200 OK 10 close length=0"},
    {S("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"), "200 OK 10 keep length=0"},
    {S("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"), "200 OK 10 close"},
    {S("HTTP/1.1 404 Not Found at \xe4ll\r\nContent-Length: 0\r\n\r\n"), "404 Not Found at \xe4ll 11 keep length=0"},
    {S("HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"), "404  11 keep length=0"},
    {S("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"), "404  11 keep length=0"},
    {S("HTTP/1.1 100 Continue\r\n\r\n"), "100 Continue 11 keep"},
    {S("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
     "101 Switching Protocols 11 keep upgrade=websocket"},
    {S("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "103 Early Hints 11 keep"},
    {S("HTTP/1.1 204 No Content\r\n\r\n"), "204 No Content 11 keep"},
    {S("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), "204 No Content 11 keep length=0"},
    {S("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"), "304 Not Modified 11 keep length=99"},
    {S("HTTP/1.1 599 x\r\nContent-Length: 1\r\n\r\n"), "599 x 11 keep length=1"},
    {S("HTTP/1.1 999 x\r\nContent-Length: 1\r\n\r\n"), "999 x 11 keep length=1"},
    {S(OK "Host: not a host\r\nContent-Length: 1\r\n\r\n"), "200 OK 11 keep length=1"},
};
static const struct bad bad_responses[] = {
    {"empty", S(""), P},
    {"empty line first", S("\r\n" OK "\r\n"), P},
    {"a request", S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), P},
    {"no status", S("HTTP/1.1\r\n\r\n"), P},
    {"space and no status", S("HTTP/1.1 \r\n\r\n"), P},
    {"two digits", S("HTTP/1.1 20 OK\r\n\r\n"), P},
    {"four digits", S("HTTP/1.1 2000 OK\r\n\r\n"), P},
    {"status below 100", S("HTTP/1.1 099 x\r\n\r\n"), P},
    {"signed status", S("HTTP/1.1 +20 x\r\n\r\n"), P},
    {"status with a letter", S("HTTP/1.1 2x0 x\r\n\r\n"), P},
    {"two spaces before the status", S("HTTP/1.1  200 OK\r\n\r\n"), P},
    {"two spaces after the status", S("HTTP/1.1 200  OK\r\n\r\n"), P},
    {"tab after the status", S("HTTP/1.1 200\tOK\r\n\r\n"), P},
    {"NUL in the reason", S("HTTP/1.1 200 O\0K\r\n\r\n"), P},
    {"CR in the reason", S("HTTP/1.1 200 O\rK\r\n\r\n"), P},
    {"leading space", S(" HTTP/1.1 200 OK\r\n\r\n"), P},
    {"version 1.2", S("HTTP/1.2 200 OK\r\n\r\n"), V},
    {"version 2.0", S("HTTP/2.0 200 OK\r\n\r\n"), V},
    {"no minor version", S("HTTP/2 200 OK\r\n\r\n"), P},
    {"bare LF", S("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"), P},
    {"CL and TE", S(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"TE in HTTP/1.0", S("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"TE gzip, chunked", S(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"), U},
    {"TE identity", S(OK "Transfer-Encoding: identity\r\n\r\n"), P},
    {"two lengths", S(OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"), P},
    {"length list", S(OK "Content-Length: 3, 3\r\n\r\n"), P},
    {"negative length", S(OK "Content-Length: -3\r\n\r\n"), P},
    {"204 with a body", S("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n"), P},
    {"204 with chunks", S("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"100 with a body", S("HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\n"), P},
    {"101 with chunks", S("HTTP/1.1 101 x\r\nTransfer-Encoding: chunked\r\n\r\n"), P},
    {"obs-fold", S(OK "X: a\r\n b\r\n\r\n"), P},
    {"space before the colon", S(OK "Content-Length : 3\r\n\r\n"), P},
};

static void test_responses(void **state) {
    (void)state;
    check_good(good_responses, N(good_responses), false);
    check_bad(bad_responses, N(bad_responses), false);
}

static void test_body_kinds(void **state) {
    (void)state;
    static const struct {
        struct str head;
        enum http_method method;
        enum h1_body_kind want;
    } cases[] = {
        {S(OK "Content-Length: 3\r\n\r\n"), METHOD_GET, H1_BODY_LENGTH},
        {S(OK "Content-Length: 0\r\n\r\n"), METHOD_GET, H1_BODY_NONE},
        {S(OK "Content-Length: 3\r\n\r\n"), METHOD_HEAD, H1_BODY_NONE},
        {S(OK "Transfer-Encoding: chunked\r\n\r\n"), METHOD_POST, H1_BODY_CHUNKED},
        {S(OK "Transfer-Encoding: chunked\r\n\r\n"), METHOD_HEAD, H1_BODY_NONE},
        {S(OK "\r\n"), METHOD_GET, H1_BODY_CLOSE},
        {S(OK "\r\n"), METHOD_HEAD, H1_BODY_NONE},
        {S(OK "Content-Length: 3\r\n\r\n"), METHOD_CONNECT, H1_BODY_NONE},
        {S("HTTP/1.1 403 x\r\nContent-Length: 3\r\n\r\n"), METHOD_CONNECT, H1_BODY_LENGTH},
        {S("HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n"), METHOD_GET, H1_BODY_NONE},
        {S("HTTP/1.1 204 x\r\n\r\n"), METHOD_GET, H1_BODY_NONE},
        {S("HTTP/1.1 100 x\r\n\r\n"), METHOD_GET, H1_BODY_NONE},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct arena a = {0};
        struct msg m;
        struct h1_body b;
        assert_int_equal(h1_parse_response(&m, cases[i].head, cases[i].method, NULL, &a, NULL), 0);
        h1_body_of_response(&b, &m, cases[i].method);
        assert_int_equal(b.kind, cases[i].want);
        assert_int_equal(m.keep_alive, cases[i].want != H1_BODY_CLOSE);
        h1_body_fini(&b);
        arena_fini(&a);
    }
}

/* ---- the length of a head ---- */

static void test_head_len_every_split(void **state) {
    (void)state;
    const struct str all = STR("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n");
    const int want = (int)all.len - 8;
    for (size_t first = 0; first <= all.len; first++) {
        size_t scanned = 0;
        int n = h1_head_len(str_first(all, first), &scanned, NULL, NULL);
        assert_int_equal(n, first < (size_t)want ? 0 : want);
        if (n == 0)
            assert_int_equal(h1_head_len(all, &scanned, NULL, NULL), want);
    }
    size_t scanned = 0;
    int n = 0;
    for (size_t i = 0; i <= all.len && n == 0; i++)
        n = h1_head_len(str_first(all, i), &scanned, NULL, NULL);
    assert_int_equal(n, want);
}

static void test_head_len_limits(void **state) {
    (void)state;
    const struct h1_limits lim = {.line = 20, .head = 60, .fields = 2};
    struct buf b = {0};
    struct arena a = {0};
    struct msg m;
    for (unsigned path = 1; path < 20; path++) { /* "GET /... HTTP/1.1": 13 and the path */
        size_t scanned = 0;
        buf_cut(&b, 0);
        buf_fmt(&b, "GET /%.*s HTTP/1.1\r\nHost: a\r\n\r\n", (int)path - 1, "aaaaaaaaaaaaaaaaaaaa");
        bool fits = path + 13 <= 20;
        int n = h1_head_len(buf_str(&b), &scanned, &lim, NULL);
        assert_int_equal(n, fits ? (int)b.len : WEFT_E_URI_TOO_LONG);
        assert_int_equal(h1_parse_request(&m, buf_str(&b), &lim, &a, NULL), fits ? 0 : WEFT_E_URI_TOO_LONG);
        scanned = 0;
        n = 0;
        for (size_t i = 1; i <= b.len && n == 0; i++) /* octet by octet it is the same */
            n = h1_head_len(str_first(buf_str(&b), i), &scanned, &lim, NULL);
        assert_int_equal(n, fits ? (int)b.len : WEFT_E_URI_TOO_LONG);
    }
    size_t scanned = 0;
    assert_int_equal(h1_head_len(STR("aaaaaaaaaaaaaaaaaaaaaa"), &scanned, &lim, NULL),
                     WEFT_E_URI_TOO_LONG); /* a part is enough */
    for (unsigned value = 20; value < 40; value++) {
        scanned = 0;
        buf_cut(&b, 0);
        buf_fmt(&b, GET "Host: a\r\nX: %0*d\r\n\r\n", (int)value, 0);
        bool fits = b.len <= 60;
        assert_int_equal(h1_head_len(buf_str(&b), &scanned, &lim, NULL), fits ? (int)b.len : WEFT_E_TOO_LARGE);
        assert_int_equal(h1_parse_request(&m, buf_str(&b), &lim, &a, NULL), fits ? 0 : WEFT_E_TOO_LARGE);
    }
    const struct str three = STR(GET "Host: a\r\nb: c\r\nd: e\r\n\r\n");
    assert_int_equal(h1_parse_request(&m, three, &lim, &a, NULL), WEFT_E_TOO_LARGE);
    arena_fini(&a);
    buf_fini(&b);
}

static void test_head_len_refuses_early(void **state) {
    (void)state;
    static const char *const heads[] = {"\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n", "\r\n\n"};
    for (size_t i = 0; i < N(heads); i++) {
        size_t scanned = 0;
        struct err e;
        assert_int_equal(h1_head_len(str_of(heads[i]), &scanned, NULL, &e), WEFT_E_PARSE);
    }
}

/* Two empty lines may come first; at the third the head is whole, and is no request. */
static void test_empty_lines_first(void **state) {
    (void)state;
    struct arena a = {0};
    struct msg m;
    size_t scanned = 0;
    assert_int_equal(h1_head_len(STR("\r\n\r\n\r\n" GET H "\r\n"), &scanned, NULL, NULL), 6);
    assert_int_equal(h1_parse_request(&m, STR("\r\n\r\n\r\n"), NULL, &a, NULL), P);
    arena_fini(&a);
}

static void test_connection_options_are_bounded(void **state) {
    (void)state;
    for (int n = 63; n <= 65; n++) {
        struct buf b = {0};
        struct arena a = {0};
        struct msg m;
        buf_fmt(&b, GET H "Connection: close");
        for (int i = 1; i < n; i++)
            buf_fmt(&b, ",x");
        buf_fmt(&b, "\r\n\r\n");
        assert_int_equal(h1_parse_request(&m, buf_str(&b), NULL, &a, NULL), n > 64 ? WEFT_E_PARSE : 0);
        buf_fini(&b);
        arena_fini(&a);
    }
}

/* ---- bodies ---- */

struct read_result {
    int code;
    struct buf data, trailers;
    size_t rest; /* octets of input left over */
};

static int read_on(struct h1_body *b, struct str *in, struct read_result *r, struct arena *a) {
    struct str data;
    struct msg_fields t = {0};
    int ev;
    const struct h1_limits lim = {.head = 100, .fields = 3};
    while ((ev = h1_body_next(b, in, &data, &t, &lim, a, NULL)) == H1_DATA) {
        assert_true(data.len > 0);
        buf_add(&r->data, data);
    }
    for (unsigned i = 0; ev == H1_TRAILERS && i < t.n; i++)
        buf_fmt(&r->trailers, "%.*s=%.*s;", STR_ARG(t.at[i].name), STR_ARG(t.at[i].value));
    return ev;
}

/* Reads `in`, which comes in pieces: up to `cut`, then `step` octets at a time. */
static void read_split(struct h1_body *b, struct str in, size_t cut, size_t step, struct read_result *r) {
    struct arena a = {0};
    *r = (struct read_result){.code = H1_MORE};
    for (size_t from = 0, to = cut; r->code == H1_MORE && from < in.len; from = to, to += step) {
        struct str part = str_from(str_first(in, to), from);
        r->code = read_on(b, &part, r, &a);
        r->rest = part.len + (to < in.len ? in.len - to : 0);
    }
    arena_fini(&a);
}

static void result_fini(struct read_result *r) {
    buf_fini(&r->data);
    buf_fini(&r->trailers);
}

static const struct {
    const char *what;
    struct str in;
    int code;
    const char *data, *trailers;
    size_t rest;
} chunked[] = {
    {"empty", S("0\r\n\r\n"), H1_END, "", "", 0},
    {"one", S("3\r\nabc\r\n0\r\n\r\n"), H1_END, "abc", "", 0},
    {"what follows stays", S("3\r\nabc\r\n0\r\n\r\nGET "), H1_END, "abc", "", 4},
    {"two", S("3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"), H1_END, "abc0123456789abcdef", "", 0},
    {"upper and lower hex", S("A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"), H1_END, "01234567890123456789a", "", 0},
    {"leading zeros", S("0000000000000003\r\nabc\r\n00\r\n\r\n"), H1_END, "abc", "", 0},
    {"CRLF in the data", S("4\r\n\r\n\r\n\r\n0\r\n\r\n"), H1_END, "\r\n\r\n", "", 0},
    {"extensions", S("3;a=b;c=\"d e\"\r\nabc\r\n0; x\r\n\r\n"), H1_END, "abc", "", 0},
    {"trailers", S("0\r\nGrpc-Status: 0\r\nX-A:b\r\n\r\nrest"), H1_TRAILERS, "", "Grpc-Status=0;X-A=b;", 4},
    {"framing trailers are dropped", S("0\r\nContent-Length: 5\r\nHost: x\r\nX-A: b\r\n\r\n"), H1_TRAILERS, "", "X-A=b;", 0},
    {"only dropped trailers", S("0\r\nTransfer-Encoding: chunked\r\n\r\n"), H1_END, "", "", 0},
    {"X-Target in trailers", S("0\r\nX-Target-Service: x\r\n\r\n"), H1_END, "", "", 0},
    {"not yet whole", S("3\r\nabc\r\n0\r\n"), H1_MORE, "abc", "", 0},
    {"data not yet whole", S("5\r\nabc"), H1_MORE, "abc", "", 0},
    {"missing final CRLF", S("0\r\nGET / HTTP/1.1\r\n\r\n"), P, "", "", 0},
    {"no size", S("\r\nabc\r\n"), P, "", "", 0},
    {"quoted semicolons and ends", S("3;a=\"\\\";\\\\\"\r\nabc\r\n0;b;c=d\r\n\r\n"), H1_END, "abc", "", 0},
    {"extension without a name", S("3;\r\nabc\r\n"), P, "", "", 0},
    {"two semicolons", S("3;a;;b\r\nabc\r\n"), P, "", "", 0},
    {"white space for a name", S("3; \r\nabc\r\n"), P, "", "", 0},
    {"white space behind an extension", S("3;a \r\nabc\r\n"), P, "", "", 0},
    {"an extension that is not unquoted", S("3;a=\"b\r\nabc\r\n"), P, "", "", 0},
    {"only an extension", S(";a\r\n"), P, "", "", 0},
    {"not hex", S("g\r\n"), P, "", "", 0},
    {"0x", S("0x3\r\nabc\r\n0\r\n\r\n"), P, "", "", 0},
    {"minus", S("-3\r\nabc\r\n"), P, "", "", 0},
    {"plus", S("+3\r\nabc\r\n"), P, "", "", 0},
    {"space before the size", S(" 3\r\nabc\r\n"), P, "", "", 0},
    {"space after the size", S("3 \r\nabc\r\n"), P, "", "", 0},
    {"space before the extension", S("3 ;a\r\nabc\r\n"), P, "", "", 0},
    {"tab after the size", S("3\t\r\nabc\r\n"), P, "", "", 0},
    {"NUL after the size", S("3\0\r\nabc\r\n"), P, "", "", 0},
    {"underscore", S("1_0\r\nabc\r\n"), P, "", "", 0},
    {"bare LF after the size", S("3\nabc\r\n0\r\n\r\n"), P, "", "", 0},
    {"bare CR after the size", S("3\rabc\r\n0\r\n\r\n"), P, "", "", 0},
    {"CR CR LF after the size", S("3\r\r\nabc\r\n0\r\n\r\n"), P, "", "", 0},
    {"bare LF in an extension", S("3;a\nabc\r\n0\r\n\r\n"), P, "", "", 0},
    {"bare CR in an extension", S("3;a\rb\r\nabc\r\n"), P, "", "", 0},
    {"NUL in an extension", S("3;\0\r\nabc\r\n"), P, "", "", 0},
    {"high octet in an extension", S("3;\xff\r\nabc\r\n"), P, "", "", 0},
    {"a delimiter in an extension", S("3;a,\r\nabc\r\n"), P, "", "", 0},
    {"chunk longer than its size", S("3\r\nabcd\r\n0\r\n\r\n"), P, "abc", "", 0},
    {"chunk shorter than its size", S("5\r\nabc\r\n0\r\n\r\n"), P, "abc\r\n", "", 0},
    {"bare LF after the data", S("3\r\nabc\n0\r\n\r\n"), P, "abc", "", 0},
    {"bare CR after the data", S("3\r\nabc\r0\r\n\r\n"), P, "abc", "", 0},
    {"17 digits", S("00000000000000003\r\nabc\r\n"), P, "", "", 0},
    {"2^63", S("8000000000000000\r\nabc"), P, "", "", 0},
    {"2^64 - 1", S("ffffffffffffffff\r\nabc"), P, "", "", 0},
    {"2^64 + 3", S("10000000000000003\r\nabc"), P, "", "", 0},
    {"2^63 - 1 is only large", S("7fffffffffffffff\r\nabc"), H1_MORE, "abc", "", 0},
    {"bare LF trailer", S("0\r\nA: b\n\r\n"), P, "", "", 0},
    {"bare LF end", S("0\r\n\n"), P, "", "", 0},
    {"folded trailer", S("0\r\nA: b\r\n c\r\n\r\n"), P, "", "", 0},
    {"trailer with a space before the colon", S("0\r\nA : b\r\n\r\n"), P, "", "", 0},
    {"too many trailers", S("0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n"), WEFT_E_TOO_LARGE, "", "", 0},
    {"trailers too large",
     S("0\r\na: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n\r\n"),
     WEFT_E_TOO_LARGE, "", "", 0},
};

static void test_chunked_every_split(void **state) {
    (void)state;
    for (size_t i = 0; i < N(chunked); i++) {
        for (size_t cut = 0; cut <= chunked[i].in.len; cut++) {
            struct h1_body b;
            struct read_result r;
            h1_body_init(&b, H1_BODY_CHUNKED, 0);
            read_split(&b, chunked[i].in, cut, cut % 3 ? SIZE_MAX / 2 : 1, &r);
            bool done = r.code == H1_END || r.code == H1_TRAILERS;
            if (r.code != chunked[i].code || !str_eq(buf_str(&r.data), str_of(chunked[i].data)) ||
                !str_eq(buf_str(&r.trailers), str_of(chunked[i].trailers)) || (done && r.rest != chunked[i].rest))
                fail_msg("%s, cut at %zu: %d, '%s', rest %zu", chunked[i].what, cut, r.code, buf_z(&r.data).ptr, r.rest);
            assert_int_equal(h1_body_eof(&b), done ? 0 : WEFT_E_RESET);
            result_fini(&r);
            h1_body_fini(&b);
        }
    }
}

static void test_extension_limit(void **state) {
    (void)state;
    for (size_t n = 255; n <= 257; n++) {
        struct buf in = {0};
        struct h1_body b;
        struct read_result r;
        buf_fmt(&in, "1;%0*d\r\nx\r\n1;%0*d\r\ny\r\n0\r\n\r\n", (int)n, 0, (int)n, 0);
        h1_body_init(&b, H1_BODY_CHUNKED, 0);
        read_split(&b, buf_str(&in), in.len, 1, &r);
        assert_int_equal(r.code, n > 256 ? P : H1_END);
        result_fini(&r);
        h1_body_fini(&b);
        buf_fini(&in);
    }
}

static void test_length_and_close(void **state) {
    (void)state;
    for (size_t cut = 0; cut <= 8; cut++) {
        struct h1_body b;
        struct read_result r;
        h1_body_init(&b, H1_BODY_LENGTH, 5);
        assert_int_equal(h1_body_eof(&b), WEFT_E_RESET);
        read_split(&b, STR("12345678"), cut, 1, &r);
        struct str none = STR(""), data;
        struct msg_fields t;
        assert_int_equal(h1_body_next(&b, &none, &data, &t, NULL, NULL, NULL), H1_END);
        assert_true(str_eq(buf_str(&r.data), STR("12345")));
        assert_int_equal(h1_body_eof(&b), 0);
        result_fini(&r);
        h1_body_fini(&b);
        h1_body_init(&b, H1_BODY_CLOSE, 0);
        read_split(&b, STR("12345678"), cut, 1, &r);
        assert_int_equal(r.code, H1_MORE);
        assert_int_equal(r.data.len, 8);
        assert_int_equal(h1_body_eof(&b), 0);
        result_fini(&r);
        h1_body_init(&b, H1_BODY_NONE, 7);
        assert_int_equal(h1_body_next(&b, &none, &data, &t, NULL, NULL, NULL), H1_END);
        assert_int_equal(h1_body_eof(&b), 0);
    }
}

static void test_body_of_request(void **state) {
    (void)state;
    struct h1_body b;
    h1_body_of_request(&b, &(struct msg){.request = true, .content_length = -1});
    assert_int_equal(b.kind, H1_BODY_NONE);
    h1_body_of_request(&b, &(struct msg){.request = true, .content_length = 0});
    assert_int_equal(b.kind, H1_BODY_NONE);
    h1_body_of_request(&b, &(struct msg){.request = true, .content_length = 7});
    assert_int_equal(b.kind, H1_BODY_LENGTH);
    assert_int_equal(b.left, 7);
    h1_body_of_request(&b, &(struct msg){.request = true, .content_length = -1, .chunked = true});
    assert_int_equal(b.kind, H1_BODY_CHUNKED);
}

/* ---- writing ---- */

static void check_text(struct buf *out, const char *want) {
    assert_string_equal(buf_z(out).ptr, want);
    buf_cut(out, 0);
}

static struct msg parsed(const char *head, struct arena *a) {
    struct msg m;
    assert_int_equal(h1_parse_request(&m, str_of(head), NULL, a, NULL), 0);
    return m;
}

static void test_write_request(void **state) {
    (void)state;
    struct arena a = {0};
    struct buf out = {0};
    struct msg m = parsed("GET /x HTTP/1.1\r\nA: b\r\nHost: h:1\r\nC:\r\n\r\n", &a);
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "GET /x HTTP/1.1\r\nhost: h:1\r\nA: b\r\nC: \r\n\r\n");
    m.authority = STR("other"); /* the caller's word counts, not the old field */
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "GET /x HTTP/1.1\r\nhost: other\r\nA: b\r\nC: \r\n\r\n");
    m = parsed("OPTIONS http://h HTTP/1.1\r\nHost: i\r\n\r\n", &a);
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "OPTIONS http://h HTTP/1.1\r\nhost: h\r\n\r\n");
    m.absolute_form = false;
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n");
    m = parsed("CONNECT h:1 HTTP/1.1\r\nHost: i\r\n\r\n", &a);
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\n");
    m = parsed("GET / HTTP/1.0\r\n\r\n", &a);
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "GET / HTTP/1.1\r\nhost: \r\n\r\n");
    buf_fini(&out);
    arena_fini(&a);
}

static void test_write_nothing_invalid(void **state) {
    (void)state;
    struct arena a = {0};
    struct buf out = {0};
    struct msg m = parsed("GET /x HTTP/1.1\r\nHost: h\r\n\r\n", &a);
    msg_add_name(&m.fields, &a, STR("bad name"), STR("x"));
    msg_add_name(&m.fields, &a, STR(""), STR("x"));
    msg_add_name(&m.fields, &a, STR("x"), STR("a\r\nInjected: b"));
    msg_add_name(&m.fields, &a, STR("x"), STR(" a"));
    msg_add_name(&m.fields, &a, STR("x"), STR("a\0"));
    msg_add_name(&m.fields, &a, STR("y"), STR("good"));
    assert_int_equal(h1_write_request(&out, &m, NULL), 0);
    check_text(&out, "GET /x HTTP/1.1\r\nhost: h\r\ny: good\r\n\r\n");
    const struct {
        const char *method, *authority, *path;
        bool absolute;
    } bad[] = {
        {"G T", "h", "/", false},    {"", "h", "/", false},        {"GET", "h\r\nx: y", "/", false}, {"GET", "h", "", false},
        {"GET", "h", "/a b", false}, {"GET", "h", "/\r\n", false}, {"GET", "h", "x", false},         {"GET", "h", "*", false},
        {"CONNECT", "h", "", false}, {"CONNECT", "", "", false},   {"GET", "", "/", true},           {"GET", "h@i", "/", true},
    };
    for (size_t i = 0; i < N(bad); i++) {
        struct msg b = {.request = true, .scheme = STR("http"), .absolute_form = bad[i].absolute};
        b.method = str_of(bad[i].method);
        b.method_id = method_intern(b.method);
        b.authority = str_of(bad[i].authority);
        b.path = str_of(bad[i].path);
        assert_int_equal(h1_write_request(&out, &b, NULL), WEFT_E_INVALID);
        assert_int_equal(out.len, 0);
    }
    struct msg r = {.status = 99};
    assert_int_equal(h1_write_response(&out, &r, NULL), WEFT_E_INVALID);
    r.status = 1000;
    assert_int_equal(h1_write_response(&out, &r, NULL), WEFT_E_INVALID);
    r.status = 404;
    r.reason = STR("a\r\nb");
    assert_int_equal(h1_write_response(&out, &r, NULL), 0);
    check_text(&out, "HTTP/1.1 404 Not Found\r\n\r\n");
    r.reason = STR("Gone fishing");
    msg_add(&r.fields, &a, HDR_HOST, STR("x"));
    assert_int_equal(h1_write_response(&out, &r, NULL), 0);
    check_text(&out, "HTTP/1.1 404 Gone fishing\r\nhost: x\r\n\r\n");
    buf_fini(&out);
    arena_fini(&a);
}

static void test_frame(void **state) {
    (void)state;
    static const struct {
        int64_t length;
        bool close, keep_alive;
        const char *upgrade, *te, *want;
    } cases[] = {
        {5, false, false, "", NULL, "x: y\r\ncontent-length: 5\r\n"},
        {0, true, false, "", NULL, "x: y\r\ncontent-length: 0\r\nconnection: close\r\n"},
        {-1, false, false, "", NULL, "x: y\r\ntransfer-encoding: chunked\r\n"},
        {-2, false, false, "", NULL, "x: y\r\n"},
        {-2, false, false, "websocket", NULL, "x: y\r\nconnection: upgrade\r\nupgrade: websocket\r\n"},
        {-2, true, false, "", "trailers", "x: y\r\nte: trailers\r\nconnection: close, te\r\n"},
        {-2, false, false, "", "trailers", "x: y\r\nte: trailers\r\nconnection: te\r\n"},
        {-2, true, false, "ws", "trailers", "x: y\r\nte: trailers\r\nconnection: close, upgrade, te\r\nupgrade: ws\r\n"},
        {3, false, true, "", NULL, "x: y\r\ncontent-length: 3\r\nconnection: keep-alive\r\n"},
        {INT64_MAX, false, false, "a\nb", NULL, "x: y\r\ncontent-length: 9223372036854775807\r\nconnection: upgrade\r\n"},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct arena a = {0};
        struct buf out = {0}, want = {0};
        struct msg m = {.status = 200};
        msg_add(&m.fields, &a, HDR_CONTENT_LENGTH, STR("9"));
        msg_add(&m.fields, &a, HDR_CONTENT_LENGTH, STR("9"));
        msg_add_name(&m.fields, &a, STR("x"), STR("y"));
        msg_add(&m.fields, &a, HDR_TRANSFER_ENCODING, STR("chunked"));
        msg_add(&m.fields, &a, HDR_CONNECTION, STR("keep-alive"));
        msg_add(&m.fields, &a, HDR_KEEP_ALIVE, STR("timeout=5"));
        if (cases[i].te)
            msg_add(&m.fields, &a, HDR_TE, str_of(cases[i].te));
        const struct h1_framing fr = {cases[i].length, cases[i].close, cases[i].keep_alive, str_of(cases[i].upgrade)};
        assert_int_equal(h1_write_response(&out, &m, &fr), 0);
        buf_fmt(&want, "HTTP/1.1 200 OK\r\n%s\r\n", cases[i].want);
        check_text(&out, buf_z(&want).ptr);
        buf_fini(&out);
        buf_fini(&want);
        arena_fini(&a);
    }
}

static void test_write_chunks(void **state) {
    (void)state;
    const size_t sizes[] = {1, 9, 10, 15, 16, 255, 4096, 65535, SIZE_MAX};
    static const char *const want[] = {"1", "9", "a", "f", "10", "ff", "1000", "ffff", "ffffffffffffffff"};
    struct buf out = {0};
    struct arena a = {0};
    for (size_t i = 0; i < N(sizes); i++) {
        char text[32];
        h1_write_chunk_head(&out, sizes[i]);
        snprintf(text, sizeof(text), "%s\r\n", want[i]);
        check_text(&out, text);
    }
    h1_write_last_chunk(&out, NULL);
    check_text(&out, "0\r\n\r\n");
    struct msg_fields t = {0};
    msg_add(&t, &a, HDR_GRPC_STATUS, STR("0"));
    msg_add(&t, &a, HDR_CONTENT_LENGTH, STR("0"));
    msg_add_name(&t, &a, STR("x"), STR("a\rb"));
    h1_write_last_chunk(&out, &t);
    check_text(&out, "0\r\ngrpc-status: 0\r\n\r\n");
    buf_fini(&out);
    arena_fini(&a);
}

/* Every good head, written and parsed again, is the same message. */
static void test_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < N(good_requests); i++) {
        struct arena a = {0};
        struct buf out = {0}, one = {0}, two = {0};
        struct msg m, again;
        assert_int_equal(h1_parse_request(&m, good_requests[i].head, NULL, &a, NULL), 0);
        if (m.version == 11) { /* what is written is always 1.1 */
            assert_int_equal(h1_write_request(&out, &m, NULL), 0);
            assert_int_equal(h1_parse_request(&again, buf_str(&out), NULL, &a, NULL), 0);
            assert_true(str_eq(describe(&m, &one), describe(&again, &two)));
            assert_int_equal(m.fields.n, again.fields.n);
        }
        buf_fini(&out);
        buf_fini(&one);
        buf_fini(&two);
        arena_fini(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_body_kinds),
        cmocka_unit_test(test_head_len_every_split),
        cmocka_unit_test(test_head_len_limits),
        cmocka_unit_test(test_head_len_refuses_early),
        cmocka_unit_test(test_empty_lines_first),
        cmocka_unit_test(test_connection_options_are_bounded),
        cmocka_unit_test(test_chunked_every_split),
        cmocka_unit_test(test_extension_limit),
        cmocka_unit_test(test_length_and_close),
        cmocka_unit_test(test_body_of_request),
        cmocka_unit_test(test_write_request),
        cmocka_unit_test(test_write_nothing_invalid),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_write_chunks),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
