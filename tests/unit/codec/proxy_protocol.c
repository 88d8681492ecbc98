// SPDX-License-Identifier: Apache-2.0
#include "codec/proxy_protocol.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define ADDRS "\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04" /* 192.0.2.1:258 -> 198.51.100.2:772 */
#define ROW(in, want, says)                                                                                                      \
    { in, sizeof(in) - 1, want, says }

static void describe(char *out, size_t cap, const struct proxy_head *h) {
    char a[IP_TEXT], b[IP_TEXT];
    if (h->own)
        snprintf(out, cap, "own");
    else
        snprintf(out, cap, "%s %u %s %u", ip_text(&h->source, a), h->source_port, ip_text(&h->destination, b),
                 h->destination_port);
}

static const struct {
    const char *in;
    size_t len;
    int want; /* -1: all of it */
    const char *says;
} rows[] = {
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", -1, "192.0.2.1 56324 198.51.100.2 443"),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\nGET", 43, "192.0.2.1 0 198.51.100.2 65535"),
    ROW("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", -1, "2001:db8::1 1 ::1 2"),
    ROW("PROXY UNKNOWN\r\n", -1, "own"),
    ROW("PROXY UNKNOWN ffff::1 what ever\r\n", -1, "own"),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443", 0, NULL),
    ROW("PROX", 0, NULL),
    ROW("", 0, NULL),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 056324 443\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 ::1 ::1 1 2\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP6 192.0.2.1 192.0.2.1 1 2\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 192.0.2.1 ::1 1 2\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY TCP4 a b 1 2\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY UDP4 192.0.2.1 198.51.100.2 56324 443\r\n", WEFT_E_PARSE, NULL),
    ROW("PROXY \r\n", WEFT_E_PARSE, NULL),
    ROW("proxy TCP4 ", WEFT_E_NOT_FOUND, NULL),
    ROW("GET / HTTP/1.1\r\n", WEFT_E_NOT_FOUND, NULL),
    ROW("PROXY UNKNOWN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        WEFT_E_PARSE, NULL),
    ROW(SIG "\x21\x11\0\x0c" ADDRS, -1, "192.0.2.1 258 198.51.100.2 772"),
    ROW(SIG "\x21\x11\0\x0c" ADDRS "GET", 28, "192.0.2.1 258 198.51.100.2 772"),
    ROW(SIG "\x20\0\0\0", -1, "own"),
    ROW(SIG "\x20\x11\0\x03xyz", -1, "own"),
    ROW(SIG "\x21\0\0\0", -1, "own"),
    ROW(SIG "\x21\x11\0\x12" ADDRS "\x01\0\x03h2c", -1, "192.0.2.1 258 198.51.100.2 772"), /* a TLV */
    ROW(SIG "\x21\x11\0\x0c", 0, NULL),
    ROW("\r\n\r\n\0\r\nQU", 0, NULL),
    ROW("\r\n\r\nGET", WEFT_E_NOT_FOUND, NULL),
    ROW(SIG "\x11\x11\0\x0c" ADDRS, WEFT_E_PARSE, NULL), /* version 1 in this form */
    ROW(SIG "\x22\x11\0\x0c" ADDRS, WEFT_E_PARSE, NULL), /* command 2 */
    ROW(SIG "\x21\x12\0\x0c" ADDRS, WEFT_E_PARSE, NULL), /* UDP */
    ROW(SIG "\x21\x41\0\x0c" ADDRS, WEFT_E_PARSE, NULL), /* a family of the future */
    ROW(SIG "\x21\x11\0\x0b" ADDRS, WEFT_E_PARSE, NULL), /* too short */
    ROW(SIG "\x21\x21\0\x0c" ADDRS, WEFT_E_PARSE, NULL),
    ROW(SIG "\x21\x11\0\x0e" ADDRS "\x01\0", WEFT_E_PARSE, NULL),
    ROW(SIG "\x21\x11\0\x10" ADDRS "\x01\0\x02x", WEFT_E_PARSE, NULL),
    ROW(SIG "\x21\x11\0\x13" ADDRS "\x03\0\x04\0\0\0\0", WEFT_E_PARSE, NULL), /* a checksum that does not hold */
    /* two checksums that hold both: there could be 500, each a walk over the whole */
    ROW(SIG "\x21\x11\0\x1a" ADDRS "\x03\0\x04\x2a\x7a\x85\x2f\x03\0\x04\x30\x8c\x14\x26", WEFT_E_PARSE, NULL),
    ROW(SIG "\x21\x11\xff\xff" ADDRS, WEFT_E_TOO_LARGE, NULL),
};

static void parsing(void **state) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct proxy_head h;
        struct err e = {0};
        char got[128];
        int n = proxy_protocol_parse(&h, str_n(rows[i].in, rows[i].len), &e);
        if (n != (rows[i].want == -1 ? (int)rows[i].len : rows[i].want))
            fail_msg("row %zu: %d (%s)", i, n, e.msg);
        if (n <= 0)
            continue;
        describe(got, sizeof got, &h);
        assert_string_equal(got, rows[i].says);
        for (int k = 0; k < n; k++) /* no part of it is enough */
            assert_int_equal(proxy_protocol_parse(&h, str_n(rows[i].in, (size_t)k), &e), 0);
    }
}

static void checksum(void **state) {
    /* CRC32c of the header with zeros in its place, by Python's crc32c */
    char in[] = SIG "\x21\x11\0\x13" ADDRS "\x03\0\x04\0\0\0\0";
    struct proxy_head h;
    struct err e = {0};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < sizeof in - 1; i++)
        for (unsigned bit = 0, c = (unsigned char)in[i]; bit < 8; bit++, c >>= 1)
            crc = crc >> 1 ^ ((crc ^ c) & 1 ? 0x82f63b78 : 0);
    crc ^= 0xffffffff;
    for (int i = 0; i < 4; i++)
        in[sizeof in - 5 + i] = (char)(crc >> 8 * (3 - i));
    assert_int_equal(proxy_protocol_parse(&h, str_n(in, sizeof in - 1), &e), (int)sizeof in - 1);
    in[20] ^= 1;
    assert_int_equal(proxy_protocol_parse(&h, str_n(in, sizeof in - 1), &e), WEFT_E_PARSE);
}

static void writing(void **state) {
    char out[PROXY_PROTOCOL_OUT];
    struct proxy_head h = {.version = 1, .source_port = 65535, .destination_port = 1};
    assert_true(ip_parse(&h.source, STR("192.0.2.1")) && ip_parse(&h.destination, STR("198.51.100.2")));
    size_t n = proxy_protocol_write(&h, out);
    assert_true(str_eq(str_n(out, n), STR("PROXY TCP4 192.0.2.1 198.51.100.2 65535 1\r\n")));
    h.version = 2;
    n = proxy_protocol_write(&h, out);
    assert_true(str_eq(str_n(out, n), STR(SIG "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\xff\xff\0\x01")));
    assert_true(ip_parse(&h.destination, STR("::1"))); /* two families */
    n = proxy_protocol_write(&h, out);
    assert_true(str_eq(str_n(out, n), STR(SIG "\x20\0\0\0")));
    h.version = 1;
    h.own = true;
    n = proxy_protocol_write(&h, out);
    assert_true(str_eq(str_n(out, n), STR("PROXY UNKNOWN\r\n")));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parsing), cmocka_unit_test(checksum), cmocka_unit_test(writing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
