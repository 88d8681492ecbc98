// SPDX-License-Identifier: Apache-2.0
#include "xds/ads_response.h"
#include <stdio.h>

#define LENGTH_PREFIXED 2u
#define TAG_MAX 1u /* octets: all our field numbers are below 16 */
#define VARINT 0u
#define NOT_FOUND 5u /* google.rpc.Code */
#define NO_SUCH STR("no such resource")

enum { /* numbers of (Delta)DiscoveryResponse, Resource, ResourceError, Status and Any (xds.md §1.2) */
       RESPONSE_VERSION = 1,
       RESPONSE_RESOURCES = 2,
       RESPONSE_TYPE_URL = 4,
       RESPONSE_NONCE = 5,
       RESPONSE_REMOVED = 6,
       RESPONSE_SOTW_ERRORS = 7,
       RESPONSE_DELTA_ERRORS = 9,
       ERROR_NAME = 1,
       ERROR_DETAIL = 2,
       NAME_NAME = 1,
       STATUS_CODE = 1,
       STATUS_MESSAGE = 2,
       RESOURCE_VERSION = 1,
       RESOURCE_RESOURCE = 2,
       RESOURCE_NAME = 3,
       ANY_TYPE_URL = 1,
       ANY_VALUE = 2,
};

static void put_varint(struct buf *b, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

static size_t varint_len(uint64_t v) {
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

static void put_head(struct buf *b, unsigned number, size_t len) {
    put_varint(b, number << 3 | LENGTH_PREFIXED);
    put_varint(b, len);
}

static void put(struct buf *b, unsigned number, struct str s) {
    put_head(b, number, s.len);
    buf_add(b, s);
}

static size_t field_len(size_t len) {
    return TAG_MAX + varint_len(len) + len;
}

static void put_any(struct ads_response *r, unsigned number, struct str url, struct str value) {
    put_head(&r->out, number, field_len(url.len) + field_len(value.len));
    put(&r->out, ANY_TYPE_URL, url);
    put(&r->out, ANY_VALUE, value);
}

void ads_response_add(struct ads_response *r, const struct xds_resource *res) {
    struct str url = xds_type_url(res->type), version = str_of(res->version);
    r->n++;
    if (r->sotw) {
        r->version = str_hash(version, str_hash(res->name, r->version));
        put_any(r, RESPONSE_RESOURCES, url, res->bytes);
        return;
    }
    size_t any = field_len(url.len) + field_len(res->bytes.len);
    put_head(&r->out, RESPONSE_RESOURCES, field_len(version.len) + field_len(any) + field_len(res->name.len));
    put(&r->out, RESOURCE_VERSION, version);
    put_any(r, RESOURCE_RESOURCE, url, res->bytes);
    put(&r->out, RESOURCE_NAME, res->name);
}

void ads_response_remove(struct ads_response *r, struct str name) {
    put(&r->out, RESPONSE_REMOVED, name);
    r->n++;
}

void ads_response_missing(struct ads_response *r, struct str name) {
    size_t in = field_len(name.len), detail = TAG_MAX + 1 + field_len(NO_SUCH.len);
    put_head(&r->out, r->sotw ? RESPONSE_SOTW_ERRORS : RESPONSE_DELTA_ERRORS, field_len(in) + field_len(detail));
    put_head(&r->out, ERROR_NAME, in);
    put(&r->out, NAME_NAME, name);
    put_head(&r->out, ERROR_DETAIL, detail);
    put_varint(&r->out, STATUS_CODE << 3 | VARINT);
    put_varint(&r->out, NOT_FOUND);
    put(&r->out, STATUS_MESSAGE, NO_SUCH);
    r->n++;
}

struct str ads_response_end(struct ads_response *r, enum xds_type type, uint64_t nonce) {
    char text[24];
    if (r->sotw) {
        snprintf(text, sizeof text, "%016llx", (unsigned long long)r->version);
        put(&r->out, RESPONSE_VERSION, str_of(text));
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)nonce);
    put(&r->out, RESPONSE_TYPE_URL, xds_type_url(type));
    put(&r->out, RESPONSE_NONCE, str_of(text));
    return buf_str(&r->out);
}

void ads_response_fini(struct ads_response *r) {
    buf_fini(&r->out);
    r->n = 0;
    r->version = 0;
}
