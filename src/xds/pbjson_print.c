// SPDX-License-Identifier: Apache-2.0
/* From messages to JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "codec/base64.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "xds/pbjson_int.h"
#include "xds/unpack.h"

#define ANY_DEPTH 16u /* what lies deeper is left packed */

#define REDACTED "[redacted]"
#define REDACTED_BASE64 "W3JlZGFjdGVkXQ=="

struct writer {
    struct unpack u;
    bool secrets;
    unsigned depth; /* of Any within Any: each is scanned by itself */
    struct err *e;
};

static json_t *print_message(struct writer *w, const ProtobufCMessage *m);

static json_t *print_bytes(const ProtobufCBinaryData *b) {
    struct buf text = {0};
    base64_encode(&text, str_n(b->data, b->len));
    json_t *v = json_of_str(buf_str(&text));
    buf_fini(&text);
    return v;
}

static json_t *print_64(int64_t i, uint64_t n, bool is_signed) { /* as text: JSON's numbers are doubles to many */
    char text[24];
    snprintf(text, sizeof(text), is_signed ? "%" PRId64 : "%" PRIu64, is_signed ? (uint64_t)i : n);
    return json_string(text);
}

static json_t *print_enum(const ProtobufCEnumDescriptor *d, int value) {
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    return v ? json_string(v->name) : json_integer(value);
}

static json_t *print_value(struct writer *w, const ProtobufCFieldDescriptor *f, const void *at) {
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE: return print_message(w, *(ProtobufCMessage *const *)at);
    case PROTOBUF_C_TYPE_ENUM: return print_enum(f->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_STRING: return json_of_str(str_of(*(char *const *)at));
    case PROTOBUF_C_TYPE_BYTES: return print_bytes(at);
    case PROTOBUF_C_TYPE_BOOL: return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_DOUBLE: return json_real(isfinite(*(const double *)at) ? *(const double *)at : 0);
    case PROTOBUF_C_TYPE_FLOAT: return json_real(isfinite(*(const float *)at) ? *(const float *)at : 0);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return print_64(0, *(const uint64_t *)at, false);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64: return print_64(*(const int64_t *)at, 0, true);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: return json_integer(*(const uint32_t *)at);
    default: return json_integer(*(const int32_t *)at);
    }
}

static size_t stride(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    default: return 4;
    }
}

static json_t *print_map(struct writer *w, const ProtobufCFieldDescriptor *f, size_t n, ProtobufCMessage **list) {
    json_t *o = json_object();
    const ProtobufCMessageDescriptor *d = f->descriptor;
    for (size_t i = 0; i < n; i++) {
        const char *entry = (const char *)list[i];
        const void *value = entry + d->fields[1].offset;
        bool none = d->fields[1].type == PROTOBUF_C_TYPE_MESSAGE && !*(ProtobufCMessage *const *)value;
        json_object_set_new(o, *(char *const *)(entry + d->fields[0].offset),
                            none ? json_object() : print_value(w, &d->fields[1], value));
    }
    return o;
}

static json_t *print_list(struct writer *w, const ProtobufCFieldDescriptor *f, size_t n, const char *list) {
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, print_value(w, f, list + i * stride(f->type)));
    return a;
}

static bool is_zero(const ProtobufCFieldDescriptor *f, const char *at) {
    static const char zeros[sizeof(ProtobufCBinaryData)];
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return !*(char *const *)at || !**(char *const *)at;
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)at)->len == 0;
    return memcmp(at, zeros, stride(f->type)) == 0;
}

/* NULL: not there, or at its default. */
static json_t *print_field(struct writer *w, const ProtobufCFieldDescriptor *f, const ProtobufCMessage *m) {
    const char *at = (const char *)m + f->offset;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = *(const size_t *)((const char *)m + f->quantifier_offset);
        if (!n)
            return NULL;
        return pbjson_is_map(f) ? print_map(w, f, n, *(ProtobufCMessage * *const *)at) : print_list(w, f, n, *(char *const *)at);
    }
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(const uint32_t *)((const char *)m + f->quantifier_offset) != f->id)
            return NULL;
    } else if (is_zero(f, at)) {
        return NULL;
    }
    return print_value(w, f, at);
}

/* Every text of a DataSource, as Envoy does: octets stay base64. */
static void redact(json_t *source) {
    const char *key;
    json_t *v;
    void *next;
    json_object_foreach_safe(source, next, key, v)
        json_object_set_new(source, key, json_string(strcmp(key, "inline_bytes") == 0 ? REDACTED_BASE64 : REDACTED));
}

static void print_fields(struct writer *w, const ProtobufCMessage *m, json_t *o) {
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        bool hide = !w->secrets && (strcmp(f->name, "private_key") == 0 || strcmp(f->name, "password") == 0);
        json_t *v = print_field(w, f, m);
        if (v && hide)
            redact(v);
        if (v)
            json_object_set_new(o, f->name, v);
    }
}

static void print_inner(struct writer *w, const ProtobufCMessage *m, json_t *o) {
    w->depth++;
    print_fields(w, m, o);
    w->depth--;
}

static json_t *print_duration(const Google__Protobuf__Duration *d) {
    char text[48];
    int n = snprintf(text, sizeof(text), "%s%" PRId64, d->nanos < 0 && !d->seconds ? "-" : "", d->seconds);
    if (d->nanos) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09d", d->nanos < 0 ? -d->nanos : d->nanos);
        while (text[n - 1] == '0')
            n--;
    }
    snprintf(text + n, sizeof(text) - (size_t)n, "s");
    return json_string(text);
}

static json_t *print_any(struct writer *w, const Google__Protobuf__Any *any) {
    json_t *o = json_object();
    struct str url = str_of(any->type_url);
    ptrdiff_t slash = str_rchr(url, '/');
    const ProtobufCMessageDescriptor *d = slash < 0 ? NULL : pbjson_type(str_from(url, (size_t)slash + 1));
    ProtobufCMessage *m = NULL;
    json_object_set_new(o, "@type", json_of_str(url));
    if (d && w->depth < ANY_DEPTH && unpack_msg(&w->u, d, str_n(any->value.data, any->value.len), &m) >= 0)
        print_inner(w, m, o);
    else
        json_object_set_new(o, "value", print_bytes(&any->value));
    return o;
}

static json_t *print_any_value(struct writer *w, const Google__Protobuf__Value *v) {
    for (unsigned i = 0; i < v->base.descriptor->n_fields; i++)
        if (v->base.descriptor->fields[i].id == (uint32_t)v->kind_case &&
            v->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE)
            return print_value(w, &v->base.descriptor->fields[i], (const char *)v + v->base.descriptor->fields[i].offset);
    return json_null();
}

static json_t *print_message(struct writer *w, const ProtobufCMessage *m) {
    const ProtobufCMessageDescriptor *d = m->descriptor;
    if (d == &google__protobuf__duration__descriptor)
        return print_duration((const Google__Protobuf__Duration *)m);
    if (d == &google__protobuf__any__descriptor)
        return print_any(w, (const Google__Protobuf__Any *)m);
    if (d == &google__protobuf__value__descriptor)
        return print_any_value(w, (const Google__Protobuf__Value *)m);
    if (str_starts(str_of(d->name), STR("google.protobuf.")) && d->n_fields == 1) {
        const ProtobufCFieldDescriptor *f = &d->fields[0];
        json_t *v = f->label == PROTOBUF_C_LABEL_REPEATED ? print_field(w, f, m) : print_value(w, f, (const char *)m + f->offset);
        return v ? v : d == &google__protobuf__list_value__descriptor ? json_array() : json_object();
    }
    json_t *o = json_object();
    print_fields(w, m, o);
    return o;
}

int pbjson_print(json_t **out, struct str type, struct str bytes, bool secrets, struct err *e) {
    struct err own;
    struct writer w = {.secrets = secrets, .e = e ? e : &own};
    struct arena kept = {0};
    const ProtobufCMessageDescriptor *d = pbjson_type(type);
    ProtobufCMessage *m;
    if (!d)
        return err_set(e, WEFT_E_UNSUPPORTED, "\"" STR_FMT "\": no such type", STR_ARG(type));
    unpack_init(&w.u, &kept, w.e);
    int rc = unpack_msg(&w.u, d, bytes, &m);
    if (rc >= 0)
        *out = print_message(&w, m);
    unpack_fini(&w.u);
    arena_fini(&kept);
    return rc;
}
