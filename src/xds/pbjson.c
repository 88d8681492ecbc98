// SPDX-License-Identifier: Apache-2.0
/* From JSON to messages. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/yaml.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "xds/fields.h"
#include "xds/pack.h"
#include "xds/pbjson_int.h"

#define PATH_SHOWN 160u /* octets of a path in a message: the beginning and the end of longer ones */
#define DURATION_MAX 315576000000
#define URL_PREFIX "type.googleapis.com/"

struct reader {
    struct arena *mem;
    size_t limit; /* of mem->used */
    const struct yaml_docs *lines;
    struct buf path;
    unsigned depth;
    struct err *e;
};

/* ---- messages for people ---- */
static int fail(struct reader *r, const json_t *at, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static int fail(struct reader *r, const json_t *at, int code, const char *fmt, ...) {
    char what[192], line[24] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    unsigned n = r->lines && at ? yaml_line(r->lines, at) : 0;
    if (n)
        snprintf(line, sizeof(line), "line %u: ", n);
    struct str path = buf_str(&r->path);
    if (path.len <= PATH_SHOWN)
        return err_set(r->e, code, "%s" STR_FMT "%s%s", line, STR_ARG(path), path.len ? ": " : "", what);
    struct str end = str_from(path, path.len - PATH_SHOWN * 2 / 3);
    return err_set(r->e, code, "%s" STR_FMT "..." STR_FMT ": %s", line, STR_ARG(str_first(path, PATH_SHOWN / 3)), STR_ARG(end),
                   what);
}

static size_t enter(struct reader *r, struct str name) {
    size_t was = r->path.len;
    if (was && name.len && name.ptr[0] != '[')
        buf_addc(&r->path, '.');
    buf_add(&r->path, name);
    return was;
}

static size_t enter_index(struct reader *r, size_t i) {
    char text[24];
    snprintf(text, sizeof(text), "[%zu]", i);
    return enter(r, str_of(text));
}

static void leave(struct reader *r, size_t was) {
    buf_cut(&r->path, was);
}

static void *take(struct reader *r, size_t n, const json_t *at, int *rc) {
    if (r->mem->used + n > r->limit) {
        *rc = fail(r, at, WEFT_E_TOO_LARGE, "needs too much memory");
        return NULL;
    }
    return arena_zalloc(r->mem, n ? n : 1);
}

/* ---- scalars ---- */
static bool is_text_number(const json_t *v) {
    return json_is_string(v) && json_string_length(v) > 0;
}

static int read_signed(struct reader *r, const json_t *v, int64_t min, int64_t max, int64_t *out) {
    char *end;
    double real = json_is_real(v) ? json_real_value(v) : 0;
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
    } else if (json_is_real(v) && real == floor(real) && fabs(real) < 9e15) {
        *out = (int64_t)real;
    } else if (is_text_number(v)) {
        *out = strtoll(json_string_value(v), &end, 10);
        if (*end || (*out == INT64_MAX && strcmp(json_string_value(v), "9223372036854775807") != 0) || *out == INT64_MIN)
            return fail(r, v, WEFT_E_INVALID, "must be a whole number");
    } else {
        return fail(r, v, WEFT_E_INVALID, "must be a whole number");
    }
    if (*out < min || *out > max)
        return fail(r, v, WEFT_E_INVALID, "must be %" PRId64 " to %" PRId64, min, max);
    return 0;
}

static int read_unsigned(struct reader *r, const json_t *v, uint64_t max, uint64_t *out) {
    int64_t n;
    if (json_is_string(v)) {
        if (str_u64(json_to_str(v), max, out))
            return 0;
        return fail(r, v, WEFT_E_INVALID, "must be 0 to %" PRIu64, max);
    }
    int rc = read_signed(r, v, 0, max > INT64_MAX ? INT64_MAX : (int64_t)max, &n);
    *out = rc < 0 ? 0 : (uint64_t)n;
    return rc;
}

static int read_double(struct reader *r, const json_t *v, double *out) {
    char *end = NULL;
    if (json_is_number(v)) {
        *out = json_number_value(v);
        return 0;
    }
    if (is_text_number(v))
        *out = strtod(json_string_value(v), &end);
    return end && !*end && isfinite(*out) ? 0 : fail(r, v, WEFT_E_INVALID, "must be a number");
}

static int read_string(struct reader *r, const json_t *v, char **out) {
    int rc = 0;
    if (!json_is_string(v))
        return fail(r, v, WEFT_E_INVALID, "must be a string");
    struct str s = json_to_str(v);
    char *z = take(r, s.len + 1, v, &rc);
    if (!z)
        return rc;
    memcpy(z, s.ptr, s.len);
    *out = z;
    return 0;
}

static int read_bytes(struct reader *r, const json_t *v, ProtobufCBinaryData *out) {
    struct str octets;
    if (!json_is_string(v) || !base64_decode(json_to_str(v), r->mem, &octets))
        return fail(r, v, WEFT_E_INVALID, "must be base64");
    *out = (ProtobufCBinaryData){octets.len, (uint8_t *)octets.ptr};
    return 0;
}

static int read_enum(struct reader *r, const ProtobufCEnumDescriptor *d, const json_t *v, int *out) {
    const ProtobufCEnumValue *value = NULL;
    if (json_is_string(v))
        value = protobuf_c_enum_descriptor_get_value_by_name(d, json_string_value(v));
    else if (json_is_integer(v) && json_integer_value(v) >= INT32_MIN && json_integer_value(v) <= INT32_MAX)
        value = protobuf_c_enum_descriptor_get_value(d, (int)json_integer_value(v));
    if (!value)
        return fail(r, v, WEFT_E_INVALID, "has no such value");
    *out = value->value;
    return 0;
}

static int read_message(struct reader *r, const ProtobufCMessageDescriptor *d, const json_t *v, ProtobufCMessage **out);

static size_t size_of(ProtobufCType type) {
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

static int read_bool(struct reader *r, const json_t *v, protobuf_c_boolean *out) {
    *out = json_is_true(v);
    return json_is_boolean(v) ? 0 : fail(r, v, WEFT_E_INVALID, "must be true or false");
}

static int read_number(struct reader *r, const ProtobufCFieldDescriptor *f, const json_t *v, void *out) {
    int64_t i = 0;
    uint64_t n = 0;
    double x = 0;
    int rc;
    switch (f->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        rc = read_unsigned(r, v, UINT32_MAX, &n);
        *(uint32_t *)out = (uint32_t)n;
        return rc;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        rc = read_unsigned(r, v, UINT64_MAX, &n);
        *(uint64_t *)out = n;
        return rc;
    case PROTOBUF_C_TYPE_DOUBLE:
        rc = read_double(r, v, &x);
        *(double *)out = x;
        return rc;
    case PROTOBUF_C_TYPE_FLOAT:
        rc = read_double(r, v, &x);
        *(float *)out = (float)x;
        return rc;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        rc = read_signed(r, v, INT64_MIN, INT64_MAX, &i);
        *(int64_t *)out = i;
        return rc;
    default:
        rc = read_signed(r, v, INT32_MIN, INT32_MAX, &i);
        *(int32_t *)out = (int32_t)i;
        return rc;
    }
}

static int read_value(struct reader *r, const ProtobufCFieldDescriptor *f, const json_t *v, void *out) {
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE: return read_message(r, f->descriptor, v, out);
    case PROTOBUF_C_TYPE_ENUM: return read_enum(r, f->descriptor, v, out);
    case PROTOBUF_C_TYPE_STRING: return read_string(r, v, out);
    case PROTOBUF_C_TYPE_BYTES: return read_bytes(r, v, out);
    case PROTOBUF_C_TYPE_BOOL: return read_bool(r, v, out);
    default: return read_number(r, f, v, out);
    }
}

/* ---- fields ---- */
bool pbjson_is_map(const ProtobufCFieldDescriptor *f) {
    const ProtobufCMessageDescriptor *d = f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
    return f->label == PROTOBUF_C_LABEL_REPEATED && d && d->n_fields == 2 && str_ends(str_of(d->name), STR("Entry")) &&
           strcmp(d->fields[0].name, "key") == 0 && strcmp(d->fields[1].name, "value") == 0;
}

static int read_map_entry(struct reader *r, const ProtobufCMessageDescriptor *d, const char *key, const json_t *v, void **out) {
    int rc = 0;
    ProtobufCMessage *entry = take(r, d->sizeof_message, v, &rc);
    if (!entry)
        return rc;
    protobuf_c_message_init(d, entry);
    *(char **)((char *)entry + d->fields[0].offset) = arena_z(r->mem, str_of(key));
    *out = entry;
    return read_value(r, &d->fields[1], v, (char *)entry + d->fields[1].offset);
}

static int read_map(struct reader *r, const ProtobufCFieldDescriptor *f, const json_t *v, ProtobufCMessage *m) {
    const ProtobufCMessageDescriptor *d = f->descriptor;
    const char *key;
    json_t *item;
    int rc = 0;
    size_t n = 0;
    if (!json_is_object(v) || d->fields[0].type != PROTOBUF_C_TYPE_STRING)
        return fail(r, v, WEFT_E_INVALID, "must be an object");
    void **list = take(r, json_object_size(v) * sizeof(void *), v, &rc);
    json_object_foreach((json_t *)v, key, item) {
        if (rc < 0)
            break;
        size_t was = enter(r, str_of(key));
        rc = read_map_entry(r, d, key, item, &list[n++]);
        leave(r, was);
    }
    *(size_t *)((char *)m + f->quantifier_offset) = n;
    *(void ***)((char *)m + f->offset) = list;
    return rc;
}

static int read_list(struct reader *r, const ProtobufCFieldDescriptor *f, const json_t *v, ProtobufCMessage *m) {
    size_t n = json_array_size(v), size = size_of(f->type);
    int rc = 0;
    if (!json_is_array(v))
        return fail(r, v, WEFT_E_INVALID, "must be a list");
    char *list = take(r, n * size, v, &rc);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        size_t was = enter_index(r, i);
        rc = read_value(r, f, json_array_get(v, i), list + i * size);
        leave(r, was);
    }
    *(size_t *)((char *)m + f->quantifier_offset) = n;
    *(void **)((char *)m + f->offset) = list;
    return rc;
}

static int read_into(struct reader *r, const ProtobufCFieldDescriptor *f, const json_t *v, ProtobufCMessage *m) {
    if (pbjson_is_map(f))
        return read_map(r, f, v, m);
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return read_list(r, f, v, m);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)((char *)m + f->quantifier_offset);
        if (*which)
            return fail(r, v, WEFT_E_INVALID, "stands beside another choice of the same kind");
        *which = f->id;
    }
    return read_value(r, f, v, (char *)m + f->offset);
}

/* "typedConfig" and "typed_config" name the same field. */
static struct str snake(const char *key, char *out, size_t cap) {
    size_t n = 0;
    for (const char *c = key; *c && n + 2 < cap; c++) {
        if (*c >= 'A' && *c <= 'Z')
            out[n++] = '_';
        out[n++] = str_lower_c(*c);
    }
    out[n] = 0;
    return str_n(out, n);
}

static bool is_default(const json_t *v) {
    return json_is_null(v) || json_is_false(v) || (json_is_integer(v) && json_integer_value(v) == 0) ||
           (json_is_string(v) && json_string_length(v) == 0) || (json_is_array(v) && json_array_size(v) == 0);
}

static int read_field(struct reader *r, const ProtobufCMessageDescriptor *d, const struct xds_fields *rows, const char *key,
                      const json_t *v, ProtobufCMessage *m, bool *seen) {
    char name[80];
    struct str as = snake(key, name, sizeof(name));
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, name);
    const struct xds_field *row = xds_field_by_name(rows, as);
    if (!f && !row)
        return fail(r, v, WEFT_E_INVALID, "no such field");
    if (row && row->use == FIELD_REFUSED && !is_default(v))
        return fail(r, v, WEFT_E_UNSUPPORTED, "not supported: %s", row->why);
    if (!f || (row && row->use != FIELD_USED) || json_is_null(v))
        return 0;
    if (seen[f - d->fields])
        return fail(r, v, WEFT_E_INVALID, "is there twice");
    seen[f - d->fields] = true;
    return read_into(r, f, v, m);
}

static int read_fields(struct reader *r, const ProtobufCMessageDescriptor *d, const json_t *v, bool any, ProtobufCMessage **out) {
    const struct xds_fields *rows = xds_fields_of(d->name);
    const char *key;
    json_t *item;
    int rc = 0;
    if (!json_is_object(v))
        return fail(r, v, WEFT_E_INVALID, "must be an object");
    ProtobufCMessage *m = *out = take(r, d->sizeof_message, v, &rc);
    bool *seen = take(r, d->n_fields, v, &rc);
    if (rc < 0)
        return rc;
    protobuf_c_message_init(d, m);
    json_object_foreach((json_t *)v, key, item) {
        if (rc < 0)
            break;
        if (any && strcmp(key, "@type") == 0)
            continue;
        size_t was = enter(r, str_of(key));
        rc = read_field(r, d, rows, key, item, m, seen);
        leave(r, was);
    }
    return rc;
}

/* ---- the well-known types ---- */
static bool fraction(struct str s, int32_t *nanos) {
    uint64_t v;
    if (s.len > 9 || !str_u64(s, 999999999, &v))
        return false;
    for (size_t i = s.len; i < 9; i++)
        v *= 10;
    *nanos = (int32_t)v;
    return true;
}

static int read_duration(struct reader *r, const json_t *v, Google__Protobuf__Duration *d) {
    struct str s = json_to_str(v);
    bool negative = str_starts(s, STR("-"));
    uint64_t seconds = 0;
    s = negative ? str_from(s, 1) : s;
    bool ok = str_ends(s, STR("s"));
    s = str_first(s, s.len - (s.len > 0));
    ok = ok && str_u64(str_cut(&s, '.'), DURATION_MAX, &seconds) && (!s.ptr || fraction(s, &d->nanos));
    if (!ok)
        return fail(r, v, WEFT_E_INVALID, "must be a duration like \"1.5s\"");
    d->seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
    d->nanos = negative ? -d->nanos : d->nanos;
    return 0;
}

static int read_any(struct reader *r, const json_t *v, Google__Protobuf__Any *any) {
    json_t *url = json_object_get(v, "@type");
    int rc = json_is_string(url) ? read_string(r, url, &any->type_url) : fail(r, v, WEFT_E_INVALID, "needs an @type");
    struct str name = json_to_str(url);
    ptrdiff_t slash = str_rchr(name, '/');
    const ProtobufCMessageDescriptor *d = slash < 0 ? NULL : pbjson_type(str_from(name, (size_t)slash + 1));
    if (rc < 0 || !d)
        return rc; /* of a type that we do not know: whoever reads it refuses it by its name, or may leave it out */
    ProtobufCMessage *m;
    rc = read_fields(r, d, v, true, &m);
    if (rc < 0)
        return rc;
    size_t n = protobuf_c_message_get_packed_size(m);
    any->value = (ProtobufCBinaryData){n, take(r, n, v, &rc)};
    if (rc >= 0)
        protobuf_c_message_pack(m, any->value.data);
    return rc;
}

static int read_any_value(struct reader *r, const json_t *v, Google__Protobuf__Value *out) {
    const ProtobufCMessageDescriptor *d = &google__protobuf__value__descriptor;
    if (json_is_null(v)) {
        out->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
        return 0;
    }
    const char *kind = json_is_boolean(v)  ? "bool_value"
                       : json_is_number(v) ? "number_value"
                       : json_is_string(v) ? "string_value"
                       : json_is_array(v)  ? "list_value"
                                           : "struct_value";
    return read_into(r, protobuf_c_message_descriptor_get_field_by_name(d, kind), v, &out->base);
}

/* A wrapper, Struct or ListValue is written as the one field that it has. */
static bool is_transparent(const ProtobufCMessageDescriptor *d) {
    return str_starts(str_of(d->name), STR("google.protobuf.")) && d->n_fields == 1;
}

static int read_known(struct reader *r, const ProtobufCMessageDescriptor *d, const json_t *v, ProtobufCMessage **out) {
    int rc = 0;
    ProtobufCMessage *m = *out = take(r, d->sizeof_message, v, &rc);
    if (!m)
        return rc;
    protobuf_c_message_init(d, m);
    if (d == &google__protobuf__duration__descriptor)
        return read_duration(r, v, (Google__Protobuf__Duration *)m);
    if (d == &google__protobuf__any__descriptor)
        return read_any(r, v, (Google__Protobuf__Any *)m);
    if (d == &google__protobuf__value__descriptor)
        return read_any_value(r, v, (Google__Protobuf__Value *)m);
    WEFT_ASSERT(is_transparent(d));
    return read_into(r, &d->fields[0], v, m);
}

static int read_message(struct reader *r, const ProtobufCMessageDescriptor *d, const json_t *v, ProtobufCMessage **out) {
    if (++r->depth > 2 * JSON_DEPTH) /* a Struct takes two messages for each level */
        return fail(r, v, WEFT_E_TOO_DEEP, "nested too deeply");
    int rc = str_starts(str_of(d->name), STR("google.protobuf.")) ? read_known(r, d, v, out) : read_fields(r, d, v, false, out);
    r->depth--;
    return rc;
}

/* ---- the door ---- */
int pbjson_read(ProtobufCMessage **out, struct arena *a, const ProtobufCMessageDescriptor *d, const json_t *v,
                const struct yaml_docs *lines, struct err *e) {
    struct err own;
    struct reader r = {.mem = a, .limit = a->used + PBJSON_MEMORY, .lines = lines, .e = e ? e : &own};
    int rc = read_message(&r, d, v, out);
    buf_fini(&r.path);
    return rc;
}

int pbjson_pack(struct str *bytes, struct arena *a, struct str type, const json_t *v, const struct yaml_docs *lines,
                struct err *e) {
    const ProtobufCMessageDescriptor *d = pbjson_type(type);
    ProtobufCMessage *m;
    if (!d)
        return err_set(e, WEFT_E_UNSUPPORTED, "\"" STR_FMT "\": no such type", STR_ARG(type));
    int rc = pbjson_read(&m, a, d, v, lines, e);
    if (rc >= 0)
        *bytes = pack_msg(a, m);
    return rc;
}
