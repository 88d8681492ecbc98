// SPDX-License-Identifier: Apache-2.0
/* Reads streams of HTTP/1.1 from stdin and says, a line of JSON each, how weft's parser frames them: for test_h1_diff.py.
 * A stream: its kind, 'Q' (requests) or 'R' (responses to GET), its length (4 octets, big-endian), its octets. */
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/h1.h"
#include "codec/json.h"

enum { MAX_STREAM = 1 << 20 };

static void add_hex(struct buf *out, struct str s) {
    buf_addc(out, '"');
    for (size_t i = 0; i < s.len; i++)
        buf_fmt(out, "%02x", (uint8_t)s.ptr[i]);
    buf_addc(out, '"');
}

static void add_head(struct buf *out, const struct msg *m) {
    buf_fmt(out, "%s{\"start\": ", out->len && buf_str(out).ptr[out->len - 1] == '}' ? ", " : "");
    if (m->request) {
        struct buf target = {0};
        if (m->absolute_form)
            buf_fmt(&target, STR_FMT "://" STR_FMT, STR_ARG(m->scheme), STR_ARG(m->authority));
        if (m->method_id == METHOD_CONNECT)
            buf_add(&target, m->authority);
        buf_add(&target, m->path);
        buf_addc(out, '[');
        add_hex(out, m->method);
        buf_addc(out, ',');
        add_hex(out, buf_str(&target));
        buf_addc(out, ']');
        buf_fini(&target);
    } else {
        buf_fmt(out, "[%u]", m->status);
    }
    buf_add(out, STR(", \"fields\": ["));
    for (unsigned i = 0; i < m->fields.n; i++) {
        buf_add(out, i ? STR(", [") : STR("["));
        add_hex(out, m->fields.at[i].name);
        buf_addc(out, ',');
        add_hex(out, m->fields.at[i].value);
        buf_addc(out, ']');
    }
    buf_add(out, STR("], "));
}

/* The body behind a head. True when it is whole. */
static bool read_body(struct buf *out, struct h1_body *b, struct str *in, struct err *e) {
    struct arena a = {0};
    struct buf body = {0};
    struct msg_fields trailers = {0};
    struct str data = STR_NONE;
    int ev;
    while ((ev = h1_body_next(b, in, &data, &trailers, NULL, &a, e)) == H1_DATA)
        buf_add(&body, data);
    bool whole = ev == H1_END || ev == H1_TRAILERS || (ev == H1_MORE && b->kind == H1_BODY_CLOSE);
    buf_add(out, STR("\"body\": "));
    add_hex(out, buf_str(&body));
    buf_fmt(out, ", \"whole\": %s}", whole ? "true" : "false");
    buf_fini(&body);
    arena_fini(&a);
    return whole;
}

/* One message; false when nothing more is to be read. */
static bool read_message(struct buf *out, bool request, struct str *in, struct err *e) {
    struct arena a = {0};
    struct msg m;
    struct h1_body b;
    size_t scanned = 0;
    int n = h1_head_len(*in, &scanned, NULL, e);
    bool more = n > 0;
    struct str head = str_first(*in, more ? (size_t)n : 0);
    if (more)
        more = (request ? h1_parse_request(&m, head, NULL, &a, e) : h1_parse_response(&m, head, METHOD_GET, NULL, &a, e)) == 0;
    if (more) {
        *in = str_from(*in, head.len);
        add_head(out, &m);
        if (request)
            h1_body_of_request(&b, &m);
        else
            h1_body_of_response(&b, &m, METHOD_GET);
        bool interim = !request && m.status < 200 && m.status != 101; /* the final one follows, whatever this one says */
        bool last = !m.keep_alive || m.method_id == METHOD_CONNECT || m.upgrade.len || m.status == 101;
        more = read_body(out, &b, in, e) && (interim || !last);
        h1_body_fini(&b);
    }
    arena_fini(&a);
    return more;
}

static void read_stream(bool request, struct str in) {
    struct buf out = {0};
    struct err e = {0};
    while (in.len && read_message(&out, request, &in, &e))
        ;
    struct str messages = buf_str(&out);
    printf("{\"messages\": [%.*s], \"error\": ", STR_ARG(messages));
    buf_fini(&out);
    json_print_str(&out, str_of(e.msg));
    printf("%.*s}\n", STR_ARG(buf_str(&out)));
    buf_fini(&out);
}

int main(void) {
    unsigned char head[5];
    char *octets = malloc(MAX_STREAM);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t n = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
        if (n > MAX_STREAM || fread(octets, 1, n, stdin) != n)
            return 1;
        read_stream(head[0] == 'Q', str_n(octets, n));
    }
    free(octets);
    return 0;
}
