// SPDX-License-Identifier: Apache-2.0
#pragma once
/* line: a line of an access log, written by its format (model/format.h); what the operators stand for says whoever has it: a
 * request (proxy/fill.h) or a connection that passes octets. What a peer sent comes out escaped: a line is a line. Pure. Threads:
 * any. Tests: tests/interop/x104_envoy_access_log.py, tests/scenario/b095_tcp_access_log.py */
#include "base/buf.h"
#include "model/listener.h"
struct alog_record;

struct value { /* of an operator */
    enum { VALUE_MISSING, VALUE_TEXT, VALUE_NUMBER } kind;
    struct str text;
    uint64_t number;
    char space[40]; /* for a text that nobody else has */
};
static inline void value_text(struct value *v, struct str s) { /* an empty one is missing */
    v->kind = s.len ? VALUE_TEXT : VALUE_MISSING;
    v->text = s;
}
static inline void value_field(struct value *v, struct str s) { /* a header may be there and empty */
    v->kind = s.ptr ? VALUE_TEXT : VALUE_MISSING;
    v->text = s;
}
static inline void value_number(struct value *v, uint64_t n) {
    v->kind = VALUE_NUMBER;
    v->number = n;
}
static inline void value_cut(struct value *v, const struct format_piece *p) { /* to the length that it says */
    if (p->max && v->kind == VALUE_TEXT)
        v->text = str_first(v->text, p->max);
}
struct str line_host_of(struct str address); /* "10.0.0.7:8001" without its port */
struct str line_port_of(struct str address);

typedef void line_read_f(void *ctx, const struct format_piece *p, struct value *v);
void line_write(const struct access_log *log, line_read_f *read, void *ctx,
                struct buf *out); /* a line, or an object and a newline */
struct line_connection {
    const struct alog_record *r;
    struct str spiffe; /* the client's identity */
    unsigned attempts;
};
void line_tcp(const struct access_log *log, const struct line_connection *c,
              struct buf *out); /* what is of requests is missing */
