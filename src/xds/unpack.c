// SPDX-License-Identifier: Apache-2.0
#include "xds/unpack.h"
#include "base/mem.h"
#include "xds/fields.h"

#define DURATION_MAX 315576000000 /* seconds: google.protobuf.Duration's own bound */
#define URL_PREFIX "type.googleapis.com/"

/* ---- the scan ---- */

struct frame { /* a message that is being scanned */
    const ProtobufCMessageDescriptor *type;
    const struct xds_fields *rows; /* what is said of its fields; NULL: nothing */
    struct str rest;
};

struct scan {
    struct frame stack[UNPACK_DEPTH];
    unsigned depth, fields;
    struct err *e;
};

/* Messages in which an unknown field may be a condition: left out, the message would match more, or verify less. */
static bool is_strict(const ProtobufCMessageDescriptor *d) {
    static const char *const names[] = {"envoy.config.rbac.v3.",
                                        "envoy.extensions.filters.http.rbac.v3.",
                                        "envoy.extensions.transport_sockets.tls.v3.",
                                        "envoy.type.matcher.v3.",
                                        "envoy.config.core.v3.CidrRange",
                                        "envoy.config.core.v3.DataSource",
                                        "envoy.config.listener.v3.FilterChainMatch",
                                        "envoy.config.route.v3.HeaderMatcher",
                                        "envoy.config.route.v3.QueryParameterMatcher",
                                        "envoy.config.route.v3.RouteMatch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_starts(str_of(d->name), str_of(names[i])))
            return true;
    return false;
}

static bool take_varint(struct str *in, uint64_t *out) {
    uint64_t v = 0;
    for (size_t i = 0; i < in->len && i < 10; i++) {
        unsigned char c = (unsigned char)in->ptr[i];
        if (i == 9 && c > 1) /* more than 64 bits */
            return false;
        v |= (uint64_t)(c & 0x7f) << (7 * i);
        if (c & 0x80)
            continue;
        *out = v;
        *in = str_from(*in, i + 1);
        return true;
    }
    return false;
}

static bool take_octets(struct str *in, uint64_t n, struct str *out) {
    if (n > in->len)
        return false;
    *out = str_first(*in, n);
    *in = str_from(*in, n);
    return true;
}

/* Length of the valid UTF-8 sequence (RFC 3629 §4) at the start, 0 when there is none. NUL is not valid here. */
static size_t utf8_char(const unsigned char *p, size_t n) {
    if (p[0] < 0x80)
        return p[0] != 0;
    unsigned len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
        return 0;
    for (unsigned i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0; /* too long for its value, a surrogate, or past U+10FFFF */
    return len;
}

static bool is_text(struct str s) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t at = 0, len; at < s.len; at += len)
        if (!(len = utf8_char(p + at, s.len - at)))
            return false;
    return true;
}

static unsigned wire_type(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return PROTOBUF_C_WIRE_TYPE_64BIT;
    default: return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

/* The elements of a packed repeated field must fill it. */
static bool packed_ok(unsigned wire, struct str in) {
    uint64_t v;
    if (wire == PROTOBUF_C_WIRE_TYPE_32BIT)
        return in.len % 4 == 0;
    if (wire == PROTOBUF_C_WIRE_TYPE_64BIT)
        return in.len % 8 == 0;
    while (in.len)
        if (!take_varint(&in, &v))
            return false;
    return true;
}

/* Takes a field's value off the frame; *octets is set for length-prefixed ones. */
static bool take_value(struct frame *f, unsigned wire, struct str *octets) {
    uint64_t n;
    struct str skipped;
    switch (wire) {
    case PROTOBUF_C_WIRE_TYPE_VARINT: return take_varint(&f->rest, &n);
    case PROTOBUF_C_WIRE_TYPE_64BIT: return take_octets(&f->rest, 8, &skipped);
    case PROTOBUF_C_WIRE_TYPE_32BIT: return take_octets(&f->rest, 4, &skipped);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: return take_varint(&f->rest, &n) && take_octets(&f->rest, n, octets);
    default: return false; /* groups are older than proto3 */
    }
}

static int push(struct scan *s, const ProtobufCMessageDescriptor *d, struct str bytes) {
    if (s->depth == UNPACK_DEPTH)
        return err_set(s->e, WEFT_E_TOO_DEEP, "%s: nested more than %u levels deep", d->name, UNPACK_DEPTH);
    s->stack[s->depth++] = (struct frame){d, xds_fields_of(d->name), bytes};
    return 0;
}

static int scan_known(struct scan *s, const ProtobufCMessageDescriptor *in, const ProtobufCFieldDescriptor *field, unsigned wire,
                      struct str octets) {
    unsigned want = wire_type(field->type);
    if (wire != want) {
        bool packed = field->label == PROTOBUF_C_LABEL_REPEATED && want != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
                      wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
        if (packed && packed_ok(want, octets))
            return 0;
        return err_set(s->e, WEFT_E_PARSE, "%s.%s: wrong wire type", in->name, field->name);
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return push(s, field->descriptor, octets);
    if (field->type == PROTOBUF_C_TYPE_STRING && !is_text(octets))
        return err_set(s->e, WEFT_E_PARSE, "%s.%s: not valid UTF-8, or holds NUL", in->name, field->name);
    return 0;
}

static int scan_field(struct scan *s) {
    struct frame *f = &s->stack[s->depth - 1];
    const ProtobufCMessageDescriptor *in = f->type; /* f may move on */
    uint64_t tag;
    struct str octets = STR_NONE;
    if (++s->fields > UNPACK_FIELDS)
        return err_set(s->e, WEFT_E_TOO_LARGE, "more than %u fields", UNPACK_FIELDS);
    if (!take_varint(&f->rest, &tag) || tag > UINT32_MAX || tag >> 3 == 0 || !take_value(f, tag & 7, &octets))
        return err_set(s->e, WEFT_E_PARSE, "%s: malformed", in->name);
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(in, (unsigned)(tag >> 3));
    const struct xds_field *row = xds_field_by_number(f->rows, (unsigned)(tag >> 3));
    if (row && row->use == FIELD_REFUSED)
        return err_set(s->e, WEFT_E_UNSUPPORTED, "%s: not supported: %s", row->name, row->why);
    if (field)
        return scan_known(s, in, field, tag & 7, octets);
    if (!row && is_strict(in))
        return err_set(s->e, WEFT_E_UNSUPPORTED, "%s: field %u is not supported", in->name, (unsigned)(tag >> 3));
    return 0;
}

static int scan_message(const ProtobufCMessageDescriptor *d, struct str bytes, struct err *e) {
    struct scan s = {.e = e};
    int r = push(&s, d, bytes);
    while (r >= 0 && s.depth) {
        if (!s.stack[s.depth - 1].rest.len)
            s.depth--;
        else
            r = scan_field(&s);
    }
    return r;
}

/* ---- unpacking ---- */

static void *budget_alloc(void *data, size_t size) {
    struct unpack *u = data;
    if (size > u->left)
        return NULL;
    u->left -= size;
    return arena_alloc(&u->mem, size);
}

static void budget_free(void *data, void *memory) {
    /* The arena frees all at once; what was given back stays counted, which also bounds the time that merging takes. */
}

void unpack_init(struct unpack *u, struct arena *to, struct err *e) {
    *u = (struct unpack){.left = UNPACK_BASE, .to = to, .e = e};
    u->allocator = (ProtobufCAllocator){budget_alloc, budget_free, u};
}

void unpack_fini(struct unpack *u) {
    arena_fini(&u->mem);
}

int unpack_msg(struct unpack *u, const ProtobufCMessageDescriptor *d, struct str bytes, void *out) {
    int r = scan_message(d, bytes, u->e);
    if (r < 0)
        return r;
    u->left += UNPACK_FACTOR * bytes.len;
    ProtobufCMessage *m = protobuf_c_message_unpack(d, &u->allocator, bytes.len, (const uint8_t *)bytes.ptr);
    if (!m) /* it was well-formed */
        return err_set(u->e, WEFT_E_TOO_LARGE, "%s: needs too much memory for its size", d->name);
    *(ProtobufCMessage **)out = m;
    return 0;
}

bool unpack_is(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *d) {
    struct str url = any ? str_of(any->type_url) : STR_NONE;
    return str_starts(url, STR(URL_PREFIX)) && str_eq(str_from(url, sizeof URL_PREFIX - 1), str_of(d->name));
}

int unpack_any(struct unpack *u, const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *d, const char *what,
               void *out) {
    if (!unpack_is(any, d))
        return err_set(u->e, WEFT_E_UNSUPPORTED, "%s: \"%s\" is not supported here", what, any ? any->type_url : "");
    int r = unpack_msg(u, d, str_n(any->value.data, any->value.len), out);
    return r < 0 ? err_in(u->e, "%s", what) : 0;
}

struct str unpack_str(struct unpack *u, const char *z) {
    return arena_dup(u->to, str_of(z));
}

int unpack_name(struct unpack *u, const char *z, const char *what, struct str *out) {
    if (!*z)
        return err_set(u->e, WEFT_E_INVALID, "%s: must not be empty", what);
    *out = unpack_str(u, z);
    return 0;
}

int unpack_duration(struct unpack *u, const Google__Protobuf__Duration *d, const char *what, uint64_t *us) {
    if (d->seconds < 0 || d->seconds > DURATION_MAX || d->nanos < 0 || d->nanos > 999999999)
        return err_set(u->e, WEFT_E_INVALID, "%s: not a valid duration", what);
    *us = (uint64_t)d->seconds * 1000000 + (uint64_t)d->nanos / 1000;
    return 0;
}

int unpack_unsupported(struct unpack *u, const char *what) {
    return err_set(u->e, WEFT_E_UNSUPPORTED, "%s: not supported", what);
}

const Google__Protobuf__Any *unpack_find(void *entries, size_t n, const char *key) {
    struct unpack_entry **at = entries;
    while (n--)
        if (strcmp(at[n]->key, key) == 0)
            return at[n]->value;
    return NULL;
}

const char *unpack_text(const Google__Protobuf__Struct *s, const char *key) {
    const Google__Protobuf__Value *v = NULL;
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (strcmp(s->fields[i]->key, key) == 0)
            v = s->fields[i]->value;
    return v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ? v->string_value : "";
}
