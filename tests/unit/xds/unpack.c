// SPDX-License-Identifier: Apache-2.0
/* Protobuf from strangers (xds.md §7.3): what must be refused before protobuf-c sees it, written octet by octet; and every field
 * whose silent loss would weaken security or send traffic elsewhere. */
#include "xds/unpack.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"
#include "sample.h"
#include "xds/xds.h"

/* ---- writing messages by hand ---- */

static void put_varint(struct buf *b, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

static void put(struct buf *b, unsigned number, struct str s) {
    put_varint(b, number << 3 | 2);
    put_varint(b, s.len);
    buf_add(b, s);
}

static void put_int(struct buf *b, unsigned number, uint64_t v) {
    put_varint(b, number << 3);
    put_varint(b, v);
}

/* The content of b becomes field `number` of a new message in b. */
static void wrap(struct buf *b, unsigned number) {
    struct buf outer = {0};
    put(&outer, number, buf_str(b));
    buf_fini(b);
    *b = outer;
}

static void wrap_any(struct buf *b, const char *type) {
    struct buf any = {0}, url = {0};
    buf_fmt(&url, "type.googleapis.com/%s", type);
    put(&any, 1, buf_str(&url));
    put(&any, 2, buf_str(b));
    buf_fini(&url);
    buf_fini(b);
    *b = any;
}

static int decode(enum xds_type type, struct str bytes, struct err *e) {
    void *resource;
    int r = xds_decode(type, bytes, &resource, e);
    assert_true((r < 0) == (resource == NULL));
    ref_put(resource);
    return r;
}

/* Of a fresh b, which is freed. */
static void refuses(enum xds_type type, struct buf *b, int code, const char *says) {
    struct err e = {0};
    int r = decode(type, buf_str(b), &e);
    if (r != code || !strstr(e.msg, says))
        fail_msg("%d \"%s\" where %d \"%s\" was expected", r, e.msg, code, says);
    buf_fini(b);
}

static void accepts(enum xds_type type, struct buf *b) {
    struct err e = {0};
    if (decode(type, buf_str(b), &e) < 0)
        fail_msg("%s", e.msg);
    buf_fini(b);
}

/* ---- the wire form ---- */

/* A cluster whose policy is a permission within `depth` times not_rule. */
static void nested(struct buf *b, unsigned depth) {
    put_int(b, 3, 1); /* Permission.any */
    for (unsigned i = 0; i < depth; i++)
        wrap(b, 8); /* Permission.not_rule */
    wrap(b, 1);     /* Policy.permissions */
    struct buf principal = {0};
    put_int(&principal, 3, 1);
    wrap(&principal, 2); /* Policy.principals */
    buf_add(b, buf_str(&principal));
    buf_fini(&principal);
    wrap(b, 2); /* entry: value */
    put(b, 1, STR("p"));
    wrap(b, 2); /* RBAC.policies */
    wrap_any(b, "envoy.config.rbac.v3.RBAC");
    wrap(b, 2);
    put(b, 1, STR("weft.rbac"));
    wrap(b, 2);  /* Metadata.typed_filter_metadata */
    wrap(b, 25); /* Cluster.metadata */
    put(b, 1, STR("c"));
}

static void nesting(void **state) {
    struct buf b = {0};
    nested(&b, 0);
    accepts(XDS_CLUSTER, &b);
    nested(&b, UNPACK_DEPTH - 4); /* RBAC, its entry, Policy and the innermost Permission are messages too */
    accepts(XDS_CLUSTER, &b);
    nested(&b, UNPACK_DEPTH - 3);
    refuses(XDS_CLUSTER, &b, WEFT_E_TOO_DEEP, "Permission");
    nested(&b, 10000);
    refuses(XDS_CLUSTER, &b, WEFT_E_TOO_DEEP, "Permission");
}

/* Empty messages: two octets each on the wire, dozens in memory. */
static void amplification(void **state) {
    struct buf b = {0};
    put(&b, 1, STR("t"));
    for (unsigned i = 0; i < 500000; i++)
        put(&b, 2, STR_NONE); /* RouteConfiguration.virtual_hosts */
    refuses(XDS_ROUTE, &b, WEFT_E_TOO_LARGE, "memory");
    for (unsigned i = 0; i <= UNPACK_FIELDS; i++)
        put_int(&b, 14, 1);
    refuses(XDS_ROUTE, &b, WEFT_E_TOO_LARGE, "fields");
}

/* A message that comes again is merged into the first, which would copy its lists again and again. */
static void merging(void **state) {
    struct buf b = {0};
    put(&b, 1, STR("c"));
    for (unsigned i = 0; i < 200000; i++) {
        struct buf limits = {0};
        put(&limits, 1, STR_NONE); /* CircuitBreakers.thresholds */
        put(&b, 10, buf_str(&limits));
        buf_fini(&limits);
    }
    refuses(XDS_CLUSTER, &b, WEFT_E_TOO_LARGE, "memory");
}

static void text(void **state) {
    static const struct {
        const char *name;
        size_t len;
        bool ok;
    } cases[] = {
        {"plain", 5, true},
        {"Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80", 16, true},
        {"a\0b", 3, false},             /* would be read as "a" */
        {"\xc3", 1, false},             /* cut short */
        {"\xc3(", 2, false},            /* no continuation */
        {"\x80", 1, false},             /* no start */
        {"\xc0\xaf", 2, false},         /* "/" in two octets */
        {"\xe0\x80\xaf", 3, false},     /* in three */
        {"\xf0\x80\x80\xaf", 4, false}, /* in four */
        {"\xed\xa0\x80", 3, false},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* past U+10FFFF */
        {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        put(&b, 1, str_n(cases[i].name, cases[i].len));
        if (cases[i].ok)
            accepts(XDS_ENDPOINT, &b);
        else
            refuses(XDS_ENDPOINT, &b, WEFT_E_PARSE, "UTF-8");
    }
}

static void malformed(void **state) {
    static const struct str cases[] = {
        {"\x0a", 1}, /* length missing */
        {"\x0a\x05"
         "ab",
         4},                                                  /* too short */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* a length of more than 64 bits */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* and of 64 */
        {"\x08", 1},                                          /* varint missing */
        {"\x08\x80", 2},                                      /* unfinished */
        {"\x0b\x0c", 2},                                      /* a group */
        {"\x0f", 1},                                          /* wire type 7 */
        {"\x02\x00", 2},                                      /* field number 0 */
        {"\xfa\xff\xff\xff\xff\x01\x00", 7},                  /* a number past 2^29 */
        {"\x0d\x00\x00", 3},                                  /* 32 bits cut short */
        {"\x09\x00\x00", 3},                                  /* 64 bits cut short */
        {"\x80", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        buf_add(&b, cases[i]);
        refuses(XDS_SECRET, &b, WEFT_E_PARSE, "");
    }
    struct buf b = {0};
    put_int(&b, 1, 5); /* name as a number */
    refuses(XDS_CLUSTER, &b, WEFT_E_PARSE, "Cluster.name");
}

/* Every prefix and every flipped octet of real resources ends in an answer, not in a crash (the sanitizers look on). */
static void damaged(void **state) {
    struct rand r;
    rand_init(&r, 1);
    for (int round = 0; round < 40; round++) {
        enum xds_type type = (enum xds_type)(round % XDS_TYPES);
        void *model = sample(&r, type);
        struct xds_resource *res = sample_encode(type, model);
        char *bytes = mem_strdup(res->bytes);
        for (size_t len = 0; len < res->bytes.len; len += 1 + res->bytes.len / 200)
            assert_true(decode(type, str_n(bytes, len), NULL) <= 0);
        for (int flip = 0; flip < 200; flip++) {
            size_t at = rand_below(&r, res->bytes.len);
            char was = bytes[at];
            bytes[at] ^= (char)(1 << rand_below(&r, 8));
            assert_true(decode(type, str_n(bytes, res->bytes.len), NULL) <= 0);
            bytes[at] = was;
        }
        assert_int_equal(decode(type, str_n(bytes, res->bytes.len), NULL), 0);
        free(bytes);
        ref_put(res);
        ref_put(model);
    }
}

/* ---- unknown fields ---- */

static void unknown_fields(void **state) {
    struct buf b = {0};
    put(&b, 1, STR("c"));
    put(&b, 99, STR("news")); /* of a cluster: ignored */
    put_int(&b, 98, 7);
    accepts(XDS_CLUSTER, &b);

    put(&b, 1, STR("s"));
    put(&b, 99, STR_NONE); /* of TLS: refused */
    refuses(XDS_SECRET, &b, WEFT_E_UNSUPPORTED, "field 99");
}

/* A principal's condition that we do not know (filter_state, 12) must not vanish from an AND. */
static void unknown_condition(void **state) {
    struct buf b = {0};
    put_int(&b, 3, 1);
    wrap(&b, 1); /* Policy.permissions */
    struct buf principal = {0};
    put(&principal, 12, STR_NONE);
    wrap(&principal, 2);
    buf_add(&b, buf_str(&principal));
    buf_fini(&principal);
    wrap(&b, 2);
    put(&b, 1, STR("p"));
    wrap(&b, 2);
    wrap_any(&b, "envoy.config.rbac.v3.RBAC");
    wrap(&b, 2);
    put(&b, 1, STR("weft.rbac"));
    wrap(&b, 2);
    wrap(&b, 25);
    put(&b, 1, STR("c"));
    refuses(XDS_CLUSTER, &b, WEFT_E_UNSUPPORTED, "filter_state: not supported");
}

static void inner_any_is_scanned_too(void **state) {
    struct buf b = {0};
    put(&b, 1, STR("\xff"));
    wrap(&b, 1); /* UpstreamTlsContext.common_tls_context, whose field 1 is a message */
    wrap_any(&b, "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext");
    wrap(&b, 3);
    wrap(&b, 24);
    put(&b, 1, STR("c"));
    refuses(XDS_CLUSTER, &b, WEFT_E_PARSE, "");
    put(&b, 2, STR("sni\0"));
    wrap_any(&b, "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext");
    wrap(&b, 3);
    wrap(&b, 24);
    put(&b, 1, STR("c"));
    refuses(XDS_CLUSTER, &b, WEFT_E_PARSE, "UpstreamTlsContext.sni");
}

static void any_of_another_type(void **state) {
    struct buf b = {0};
    wrap_any(&b, "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext");
    wrap(&b, 3);
    wrap(&b, 24);
    put(&b, 1, STR("c"));
    refuses(XDS_CLUSTER, &b, WEFT_E_UNSUPPORTED, "DownstreamTlsContext");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting),
        cmocka_unit_test(amplification),
        cmocka_unit_test(merging),
        cmocka_unit_test(text),
        cmocka_unit_test(malformed),
        cmocka_unit_test(damaged),
        cmocka_unit_test(unknown_fields),
        cmocka_unit_test(unknown_condition),
        cmocka_unit_test(inner_any_is_scanned_too),
        cmocka_unit_test(any_of_another_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
