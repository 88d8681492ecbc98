// SPDX-License-Identifier: Apache-2.0
/* Heads between HPACK's fields and struct msg (RFC 9113 §8.2, §8.3). */
#include "base/mem.h"
#include "codec/h2_int.h"
#include "codec/url.h"

enum {
    REQUEST = 1 << PSEUDO_METHOD | 1 << PSEUDO_SCHEME | 1 << PSEUDO_AUTHORITY | 1 << PSEUDO_PATH,
    EXTENDED = 1 << PSEUDO_PROTOCOL, /* RFC 8441 §4 */
    RESPONSE = 1 << PSEUDO_STATUS
};

static void begin(struct h2_collect *c, const struct h2_cfg *cfg, unsigned allowed) {
    struct arena a = c->arena;
    *c = (struct h2_collect){.cfg = cfg, .arena = a, .allowed = allowed};
    c->m = (struct msg){.version = 20, .content_length = -1, .keep_alive = true};
}

void h2__collect_request(struct h2_collect *c, const struct h2_cfg *cfg) {
    begin(c, cfg, REQUEST | (cfg->extended_connect ? EXTENDED : 0));
}

void h2__collect_response(struct h2_collect *c, const struct h2_cfg *cfg) {
    begin(c, cfg, RESPONSE);
}

void h2__collect_trailers(struct h2_collect *c, const struct h2_cfg *cfg) {
    begin(c, cfg, 0);
}

void h2__collect_end(struct h2_collect *c) {
    arena_fini(&c->arena);
    c->m.fields = (struct msg_fields){0};
}

/* ---- from HPACK ---- */

static void take_pseudo(struct h2_collect *c, const struct hpack_field *f) {
    struct msg *m = &c->m;
    uint64_t status;
    unsigned bit = 1u << f->pseudo;
    if (!(bit & c->allowed) || bit & c->pseudo || m->fields.n) { /* RFC 9113 §8.3 */
        c->bad = true;
        return;
    }
    c->pseudo |= bit;
    switch (f->pseudo) {
    case PSEUDO_METHOD: m->method = f->value; break;
    case PSEUDO_PATH: m->path = f->value; break;
    case PSEUDO_SCHEME: m->scheme = f->value; break;
    case PSEUDO_AUTHORITY: m->authority = f->value; break;
    case PSEUDO_PROTOCOL: c->protocol = f->value; break;
    default: c->bad = f->value.len != 3 || !str_u64(f->value, 999, &status); m->status = c->bad ? 0 : (uint16_t)status;
    }
}

static bool is_lower_token(struct str name) {
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            return false;
    return msg_is_token(name);
}

/* RFC 9113 §8.2.2 */
static bool out_of_place(enum hdr_id id, struct str value) {
    switch (id) {
    case HDR_CONNECTION:
    case HDR_KEEP_ALIVE:
    case HDR_PROXY_CONNECTION:
    case HDR_TRANSFER_ENCODING:
    case HDR_UPGRADE: return true;
    case HDR_TE: return !str_ieq(value, STR("trailers"));
    default: return false;
    }
}

static void take_field(struct h2_collect *c, const struct hpack_field *f) {
    struct str value = f->value.len ? f->value : STR("");
    if ((!f->checked && !(is_lower_token(f->name) && msg_is_field_value(value))) || out_of_place(f->id, value))
        c->bad = true;
    else
        msg_add_checked(&c->m.fields, &c->arena, f->id, f->id != HDR_OTHER ? hdr_name(f->id) : f->name, value);
    c->cookies += f->id == HDR_COOKIE;
}

bool h2__collect_add(void *ctx, const struct hpack_field *f) {
    struct h2_collect *c = ctx;
    c->octets += f->name.len + f->value.len + 4; /* as HTTP/1.1 would have it, so that one limit means the same */
    c->over = c->octets > c->cfg->head || c->m.fields.n >= c->cfg->fields;
    if (c->over)
        return false;
    if (f->pseudo)
        take_pseudo(c, f);
    else
        take_field(c, f);
    return !c->bad;
}

/* RFC 9113 §8.2.3: crumbs are joined before they go to anything that is not HTTP/2. */
static void join_cookies(struct h2_collect *c) {
    size_t len = 0, at = 0;
    for (unsigned i = 0; i < c->m.fields.n; i++)
        if (c->m.fields.at[i].id == HDR_COOKIE)
            len += c->m.fields.at[i].value.len + 2;
    char *text = arena_alloc(&c->arena, len);
    for (unsigned i = 0; i < c->m.fields.n; i++) {
        struct str v = c->m.fields.at[i].value;
        if (c->m.fields.at[i].id != HDR_COOKIE || v.len == 0)
            continue;
        if (at) {
            memcpy(text + at, "; ", 2);
            at += 2;
        }
        memcpy(text + at, v.ptr, v.len);
        at += v.len;
    }
    msg_set(&c->m.fields, &c->arena, HDR_COOKIE, str_n(text, at));
}

/* :authority and Host must not differ (RFC 9113 §8.3.1); the message has it once. */
static bool take_authority(struct msg *m) {
    struct str host = msg_get(&m->fields, HDR_HOST);
    if (host.ptr && (msg_count(&m->fields, HDR_HOST) > 1 || (m->authority.len && !str_ieq(host, m->authority))))
        return false;
    if (m->authority.len == 0)
        m->authority = host;
    msg_remove(&m->fields, HDR_HOST);
    uint16_t port;
    return url_authority(m->authority, NULL, &port) && (m->method_id != METHOD_CONNECT || m->upgrade.len || port);
}

/* False: it is none. */
static bool take_length(struct msg *m) {
    uint64_t length;
    struct str text = msg_get(&m->fields, HDR_CONTENT_LENGTH);
    if (!text.ptr)
        return true;
    if (msg_count(&m->fields, HDR_CONTENT_LENGTH) > 1 || !str_u64(text, INT64_MAX, &length))
        return false;
    m->content_length = (int64_t)length;
    return true;
}

bool h2__finish_request(struct h2_collect *c) {
    struct msg *m = &c->m;
    if (c->bad || !take_length(m))
        return false;
    if (c->cookies > 1)
        join_cookies(c);
    m->request = true;
    m->method_id = method_intern(m->method);
    m->upgrade = c->protocol;
    if (!msg_is_token(m->method) || !take_authority(m))
        return false;
    if (c->pseudo & EXTENDED && (m->method_id != METHOD_CONNECT || !msg_is_token(c->protocol)))
        return false;
    if (m->method_id == METHOD_CONNECT && c->protocol.len == 0)
        return !(c->pseudo & (1 << PSEUDO_PATH | 1 << PSEUDO_SCHEME));
    if (!str_eq(m->scheme, STR("http")) && !str_eq(m->scheme, STR("https")))
        return false;
    return url_path_valid(m->path) || (m->method_id == METHOD_OPTIONS && str_eq(m->path, STR("*")));
}

/* RFC 9110 §8.6: where no content-length may be. A 204 with one of 0 is met in the field, and meant well. */
static bool drop_length(struct msg *m, enum http_method method) {
    bool tunnel = method == METHOD_CONNECT && m->status / 100 == 2;
    if (m->content_length < 0 || (m->status >= 200 && m->status != 204 && !tunnel))
        return true;
    if (!tunnel && (m->status < 200 || m->content_length > 0))
        return false;
    m->content_length = -1;
    msg_remove(&m->fields, HDR_CONTENT_LENGTH);
    return true;
}

bool h2__finish_response(struct h2_collect *c, enum http_method method) {
    struct msg *m = &c->m;
    if (c->bad || m->status < 100 || m->status == 101 || !take_length(m)) /* RFC 9113 §8.6: no 101 */
        return false;
    if (c->cookies > 1)
        join_cookies(c);
    return drop_length(m, method);
}

void h2__finish_trailers(struct h2_collect *c) {
    struct msg_fields *f = &c->m.fields;
    unsigned kept = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (hdr_in_trailers(f->at[i].id))
            f->at[kept++] = f->at[i];
    f->n = kept;
}

/* ---- to HPACK ---- */

/* Values that differ with each message would only push useful entries out of the peer's table, but their names are worth one;
 * secrets have no place in anybody's (RFC 7541 §7.1.3). */
static enum hpack_index index_of(enum hdr_id id) {
    switch (id) {
    case HDR_AUTHORIZATION:
    case HDR_PROXY_AUTHORIZATION: return HPACK_NEVER_INDEX;
    case HDR_X_REQUEST_ID:
    case HDR_TRACEPARENT:
    case HDR_TRACESTATE:
    case HDR_B3:
    case HDR_X_B3_TRACEID:
    case HDR_X_B3_SPANID:
    case HDR_GRPC_TIMEOUT:
    case HDR_X_ENVOY_UPSTREAM_SERVICE_TIME: return HPACK_INDEX_NAME;
    default: return HPACK_INDEX;
    }
}

/* RFC 9113 §8.2.2: no Connection-type fields; TE only as "trailers". Host is :authority. */
static bool wanted(const struct msg_field *f, bool trailers) {
    if (f->id == HDR_HOST || (trailers && !hdr_in_trailers(f->id)))
        return false;
    if (hdr_hop_by_hop(f->id) && !(f->id == HDR_TE && str_ieq(f->value, STR("trailers"))))
        return false;
    return msg_field_ok(f);
}

static bool plain_connect(const struct msg *m) {
    return m->method_id == METHOD_CONNECT && m->upgrade.len == 0;
}

bool h2__request_valid(const struct msg *m) {
    if (!msg_is_token(m->method) || !url_authority(m->authority, NULL, NULL))
        return false;
    if (m->method_id == METHOD_CONNECT && m->upgrade.len && !msg_is_token(m->upgrade))
        return false;
    return plain_connect(m) || url_path_valid(m->path) || (m->method_id == METHOD_OPTIONS && str_eq(m->path, STR("*")));
}

static struct hpack_field form(const struct msg_field *f) {
    return (struct hpack_field){.name = f->name, .value = f->value, .id = f->id, .index = index_of(f->id)};
}

static struct hpack_field pseudo(enum hpack_pseudo which, struct str value) {
    return (struct hpack_field){.value = value, .pseudo = which};
}

static size_t begin_block(struct h2 *h) {
    struct buf *to = h2__to(h);
    size_t at = to->len;
    buf_room(to, H2_FRAME_HEAD);
    buf_added(to, H2_FRAME_HEAD);
    hpack_begin(h->encoder, to);
    return at;
}

static void end_block(struct h2 *h, size_t at, const struct h2_stream *s, bool end) {
    h2_frame_headers(h2__to(h), at, s->id, end, h->peer.frame_size);
}

static void add(struct h2 *h, struct hpack_field f) {
    hpack_add(h->encoder, h->to, &f);
}

static void add_fields(struct h2 *h, const struct msg_fields *f, bool trailers) {
    for (unsigned i = 0; i < f->n; i++)
        if (wanted(&f->at[i], trailers))
            add(h, form(&f->at[i]));
}

enum { MAX_PSEUDOS = 5 };

/* A request's pseudo-headers; returns their number. */
static unsigned pseudos(const struct msg *m, struct hpack_field to[MAX_PSEUDOS]) {
    unsigned n = 0;
    to[n++] = pseudo(PSEUDO_METHOD, m->method);
    if (!plain_connect(m)) {
        to[n++] = pseudo(PSEUDO_SCHEME, str_ieq(m->scheme, STR("https")) ? STR("https") : STR("http"));
        to[n++] = pseudo(PSEUDO_PATH, m->path);
    }
    to[n++] = pseudo(PSEUDO_AUTHORITY, m->authority);
    if (m->method_id == METHOD_CONNECT && m->upgrade.len)
        to[n++] = pseudo(PSEUDO_PROTOCOL, m->upgrade);
    return n;
}

void h2__put_request(struct h2 *h, struct h2_stream *s, const struct msg *m) {
    struct hpack_field own[MAX_PSEUDOS];
    unsigned n = pseudos(m, own);
    size_t at = begin_block(h);
    for (unsigned i = 0; i < n; i++)
        add(h, own[i]);
    add_fields(h, &m->fields, false);
    end_block(h, at, s, s->head_ends);
}

bool h2__put_response(struct h2 *h, struct h2_stream *s, const struct msg *m, bool end) {
    if (m->status < 100 || m->status > 999 || m->status == 101)
        return false;
    const char status[] = {(char)('0' + m->status / 100), (char)('0' + m->status / 10 % 10), (char)('0' + m->status % 10)};
    size_t at = begin_block(h);
    add(h, pseudo(PSEUDO_STATUS, str_n(status, sizeof(status))));
    add_fields(h, &m->fields, false);
    end_block(h, at, s, end);
    return true;
}

void h2__put_trailers(struct h2 *h, struct h2_stream *s, const struct msg_fields *f) {
    size_t at = begin_block(h);
    add_fields(h, f, true);
    end_block(h, at, s, true);
}
