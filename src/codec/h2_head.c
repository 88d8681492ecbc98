// SPDX-License-Identifier: Apache-2.0
/* Heads between nghttp2's form and struct msg (RFC 9113 §8.2, §8.3). nghttp2 has checked presence, order and repetition of
 * pseudo-header fields, lower case, and Connection-type fields before they come here. */
#include "codec/h2_int.h"
#include "codec/url.h"

void h2__collect_begin(struct h2_collect *c) {
    h2__collect_end(c);
    c->m = (struct msg){.version = 20, .content_length = -1, .keep_alive = true};
}

void h2__collect_end(struct h2_collect *c) {
    arena_fini(&c->arena);
    *c = (struct h2_collect){0};
}

static void take_pseudo(struct h2_collect *c, struct str name, struct str value) {
    struct msg *m = &c->m;
    uint64_t status;
    if (str_eq(name, STR(":method")))
        m->method = value;
    else if (str_eq(name, STR(":path")))
        m->path = value;
    else if (str_eq(name, STR(":scheme")))
        m->scheme = value;
    else if (str_eq(name, STR(":authority")))
        m->authority = value;
    else if (str_eq(name, STR(":protocol")))
        c->protocol = value;
    else if (str_eq(name, STR(":status")) && value.len == 3 && str_u64(value, 999, &status))
        m->status = (uint16_t)status;
    else
        c->bad = true;
}

void h2__collect_add(struct h2_collect *c, const struct h2_cfg *cfg, struct str name, struct str value) {
    c->octets += name.len + value.len + 4; /* as HTTP/1.1 would have it, so that one limit means the same */
    if (c->octets > cfg->head || c->m.fields.n >= cfg->fields)
        c->over = true;
    if (c->over || c->bad)
        return;
    struct str kept = value.len ? arena_dup(&c->arena, value) : STR("");
    if (name.len && name.ptr[0] == ':') {
        take_pseudo(c, name, kept);
        return;
    }
    enum hdr_id id = hdr_intern(name);
    if ((id == HDR_OTHER && !msg_is_token(name)) || !msg_is_field_value(value)) /* what was interned is a token */
        c->bad = true;
    else if (id != HDR_OTHER)
        msg_add(&c->m.fields, &c->arena, id, kept);
    else
        msg_add_name(&c->m.fields, &c->arena, arena_dup(&c->arena, name), kept);
    c->cookies += id == HDR_COOKIE;
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

static bool finish_request(struct h2_collect *c) {
    struct msg *m = &c->m;
    m->request = true;
    m->method_id = method_intern(m->method);
    m->upgrade = c->protocol;
    if (!msg_is_token(m->method) || !take_authority(m) || (c->protocol.len && !msg_is_token(c->protocol)))
        return false;
    if (m->method_id == METHOD_CONNECT && c->protocol.len == 0)
        return m->path.len == 0 && m->scheme.len == 0;
    if (!str_eq(m->scheme, STR("http")) && !str_eq(m->scheme, STR("https")))
        return false;
    return url_path_valid(m->path) || (m->method_id == METHOD_OPTIONS && str_eq(m->path, STR("*")));
}

bool h2__collect_finish(struct h2_collect *c, bool request) {
    uint64_t length;
    struct str text = msg_get(&c->m.fields, HDR_CONTENT_LENGTH);
    if (c->bad || (text.ptr && (msg_count(&c->m.fields, HDR_CONTENT_LENGTH) > 1 || !str_u64(text, INT64_MAX, &length))))
        return false;
    if (text.ptr)
        c->m.content_length = (int64_t)length;
    if (c->cookies > 1)
        join_cookies(c);
    return request ? finish_request(c) : c->m.status >= 100 && c->m.status != 101; /* RFC 9113 §8.6: no 101 */
}

void h2__collect_trailers(struct h2_collect *c) {
    struct msg_fields *f = &c->m.fields;
    unsigned kept = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (hdr_in_trailers(f->at[i].id))
            f->at[kept++] = f->at[i];
    f->n = kept;
}

/* ---- to nghttp2 ---- */

/* Names are static; values are copied by nghttp2. */
static void add_pseudo(struct h2_nv *nv, struct str name, struct str value) {
    nv->at[nv->n++] = (nghttp2_nv){(uint8_t *)name.ptr, (uint8_t *)(value.len ? value.ptr : ""), name.len, value.len,
                                   NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

/* Values that differ with each message would only push useful entries out of the peer's table; secrets have no place in it. */
static bool no_index(enum hdr_id id) {
    switch (id) {
    case HDR_AUTHORIZATION:
    case HDR_PROXY_AUTHORIZATION:
    case HDR_X_REQUEST_ID:
    case HDR_TRACEPARENT:
    case HDR_TRACESTATE:
    case HDR_B3:
    case HDR_X_B3_TRACEID:
    case HDR_X_B3_SPANID:
    case HDR_GRPC_TIMEOUT:
    case HDR_X_ENVOY_UPSTREAM_SERVICE_TIME: return true;
    default: return false;
    }
}

/* RFC 9113 §8.2.2: no Connection-type fields; TE only as "trailers". Host is :authority. */
static bool wanted(const struct msg_field *f, bool trailers) {
    if (f->id == HDR_HOST || (trailers && !hdr_in_trailers(f->id)))
        return false;
    if (hdr_hop_by_hop(f->id) && !(f->id == HDR_TE && str_ieq(f->value, STR("trailers"))))
        return false;
    return f->name.len && (f->id != HDR_OTHER || msg_is_token(f->name)) && msg_is_field_value(f->value);
}

static void add_fields(struct h2_nv *nv, const struct msg_fields *f, bool trailers) {
    for (unsigned i = 0; i < f->n; i++) {
        const struct msg_field *at = &f->at[i];
        if (!wanted(at, trailers))
            continue;
        bool known = at->id != HDR_OTHER;
        struct str name = known ? hdr_name(at->id) : at->name; /* nghttp2 makes copied names lower case */
        uint8_t flags = (uint8_t)((known ? NGHTTP2_NV_FLAG_NO_COPY_NAME : 0) | (no_index(at->id) ? NGHTTP2_NV_FLAG_NO_INDEX : 0));
        nv->at[nv->n++] =
            (nghttp2_nv){(uint8_t *)name.ptr, (uint8_t *)(at->value.len ? at->value.ptr : ""), name.len, at->value.len, flags};
    }
}

static void begin(struct h2_nv *nv, const struct msg_fields *f, struct arena *a) {
    enum { PSEUDO = 5 }; /* at most */
    *nv = (struct h2_nv){arena_alloc(a, (f->n + PSEUDO) * sizeof(nghttp2_nv)), 0};
}

bool h2__nv_request(struct h2_nv *nv, const struct msg *m, struct arena *a) {
    bool plain_connect = m->method_id == METHOD_CONNECT && m->upgrade.len == 0;
    struct str scheme = m->scheme.len ? m->scheme : STR("http");
    if (!msg_is_token(m->method) || !url_authority(m->authority, NULL, NULL))
        return false;
    if (!plain_connect && !url_path_valid(m->path) && !(m->method_id == METHOD_OPTIONS && str_eq(m->path, STR("*"))))
        return false;
    begin(nv, &m->fields, a);
    add_pseudo(nv, STR(":method"), m->method);
    if (!plain_connect) {
        add_pseudo(nv, STR(":scheme"), str_ieq(scheme, STR("https")) ? STR("https") : STR("http"));
        add_pseudo(nv, STR(":path"), m->path);
    }
    add_pseudo(nv, STR(":authority"), m->authority);
    if (m->method_id == METHOD_CONNECT && m->upgrade.len) {
        if (!msg_is_token(m->upgrade))
            return false;
        add_pseudo(nv, STR(":protocol"), m->upgrade);
    }
    add_fields(nv, &m->fields, false);
    return true;
}

bool h2__nv_response(struct h2_nv *nv, const struct msg *m, struct arena *a) {
    if (m->status < 100 || m->status > 999 || m->status == 101)
        return false;
    char *status = arena_alloc(a, 3);
    status[0] = (char)('0' + m->status / 100);
    status[1] = (char)('0' + m->status / 10 % 10);
    status[2] = (char)('0' + m->status % 10);
    begin(nv, &m->fields, a);
    add_pseudo(nv, STR(":status"), str_n(status, 3));
    add_fields(nv, &m->fields, false);
    return true;
}

void h2__nv_fields(struct h2_nv *nv, const struct msg_fields *f, bool trailers, struct arena *a) {
    begin(nv, f, a);
    add_fields(nv, f, trailers);
}
