// SPDX-License-Identifier: Apache-2.0
#include "xds/pack.h"
#include <stdio.h>
#include "base/mem.h"

void *pack_new(struct arena *a, const ProtobufCMessageDescriptor *d) {
    void *m = arena_alloc(a, d->sizeof_message);
    protobuf_c_message_init(d, m);
    return m;
}

void *pack_array(struct arena *a, size_t n) {
    return arena_zalloc(a, n * sizeof(void *));
}

char *pack_str(struct arena *a, struct str s) {
    char *z = arena_z(a, s);
    for (size_t i = 0; i < s.len; i++)
        if (!z[i])
            z[i] = '\xff';
    return z;
}

Google__Protobuf__UInt32Value *pack_u32(struct arena *a, uint32_t v) {
    Google__Protobuf__UInt32Value *w = PACK_NEW(a, google__protobuf__uint32_value);
    w->value = v;
    return w;
}

Google__Protobuf__BoolValue *pack_bool(struct arena *a, bool v) {
    Google__Protobuf__BoolValue *w = PACK_NEW(a, google__protobuf__bool_value);
    w->value = v;
    return w;
}

Google__Protobuf__Duration *pack_duration(struct arena *a, uint64_t us) {
    Google__Protobuf__Duration *d = PACK_NEW(a, google__protobuf__duration);
    d->seconds = (int64_t)(us / 1000000);
    d->nanos = (int32_t)(us % 1000000) * 1000;
    return d;
}

Google__Protobuf__Any *pack_any(struct arena *a, const void *message) {
    const ProtobufCMessage *m = message;
    Google__Protobuf__Any *any = PACK_NEW(a, google__protobuf__any);
    any->type_url = arena_z(a, arena_fmt(a, "type.googleapis.com/%s", m->descriptor->name));
    struct str bytes = pack_msg(a, m);
    any->value = (ProtobufCBinaryData){bytes.len, (uint8_t *)bytes.ptr};
    return any;
}

void pack_text(struct arena *a, Google__Protobuf__Struct *s, const char *key, struct str value) {
    Google__Protobuf__Struct__FieldsEntry *field = PACK_NEW(a, google__protobuf__struct__fields_entry);
    Google__Protobuf__Struct__FieldsEntry **more = pack_array(a, s->n_fields + 1);
    for (size_t i = 0; i < s->n_fields; i++)
        more[i] = s->fields[i];
    more[s->n_fields++] = field;
    s->fields = more;
    field->key = (char *)key;
    field->value = PACK_NEW(a, google__protobuf__value);
    field->value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    field->value->string_value = pack_str(a, value);
}

Google__Protobuf__Struct *pack_struct(struct arena *a, const char *key, struct str value) {
    Google__Protobuf__Struct *s = PACK_NEW(a, google__protobuf__struct);
    pack_text(a, s, key, value);
    return s;
}

Ec__ConfigSource *pack_ads(struct arena *a) {
    Ec__ConfigSource *c = PACK_NEW(a, ec__config_source);
    c->config_source_specifier_case = EC__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS;
    c->ads = PACK_NEW(a, ec__aggregated_config_source);
    c->resource_api_version = EC__API_VERSION__V3;
    return c;
}

struct str pack_msg(struct arena *a, const void *message) {
    size_t n = protobuf_c_message_get_packed_size(message);
    char *bytes = arena_alloc(a, n);
    size_t packed = protobuf_c_message_pack(message, (uint8_t *)bytes);
    WEFT_ASSERT(packed == n);
    return str_n(bytes, n);
}

struct xds_resource *pack_resource(enum xds_type type, struct str name, const void *message) {
    struct xds_resource *r = ref_new(sizeof *r, NULL);
    r->type = type;
    r->name = arena_dup(&r->ref.mem, name);
    r->bytes = pack_msg(&r->ref.mem, message);
    /* Not keyed: equal bytes must have equal versions on every replica, and after a restart. */
    snprintf(r->version, sizeof r->version, "%016llx", (unsigned long long)str_hash(r->bytes, 0));
    return r;
}
