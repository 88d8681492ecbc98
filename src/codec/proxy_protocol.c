// SPDX-License-Identifier: Apache-2.0
#include "codec/proxy_protocol.h"
#include <stdio.h>

#define SIGNATURE STR("\r\n\r\n\0\r\nQUIT\n")
#define V1_START STR("PROXY ")
#define V1_MAX 107u /* octets, CR LF included */

enum { V2_HEADER = 16, V2_VERSION = 2, LOCAL = 0, PROXY = 1, UNSPEC = 0x00, TCP4 = 0x11, TCP6 = 0x21, UNIX_STREAM = 0x31 };
enum { TLV_HEADER = 3, TLV_CRC32C = 3 };

static int malformed(struct err *e, const char *what) {
    return err_set(e, WEFT_E_PARSE, "PROXY protocol: %s", what);
}

static unsigned octet(struct str s, size_t i) {
    return (unsigned char)s.ptr[i];
}

static unsigned number(struct str s, size_t at) {
    return octet(s, at) << 8 | octet(s, at + 1);
}

/* ---- version 1 ---- */

static bool read_port(struct str text, uint16_t *out) {
    uint64_t v;
    if (text.len > 5 || (text.len > 1 && text.ptr[0] == '0') || !str_u64(text, UINT16_MAX, &v))
        return false;
    *out = (uint16_t)v;
    return true;
}

/* "TCP4 SOURCE DESTINATION PORT PORT" */
static bool read_v1(struct proxy_head *h, struct str line) {
    struct str family = str_cut(&line, ' ');
    if (str_eq(family, STR("UNKNOWN"))) {
        h->own = true; /* whatever follows is to be ignored */
        return true;
    }
    bool four = str_eq(family, STR("TCP4"));
    struct str source = str_cut(&line, ' '), destination = str_cut(&line, ' '), port = str_cut(&line, ' ');
    if ((!four && !str_eq(family, STR("TCP6"))) || !ip_parse(&h->source, source) || !ip_parse(&h->destination, destination))
        return false;
    if ((str_chr(source, ':') < 0) != four || (str_chr(destination, ':') < 0) != four)
        return false;
    return read_port(port, &h->source_port) && line.ptr && read_port(line, &h->destination_port);
}

static int parse_v1(struct proxy_head *h, struct str in, struct err *e) {
    struct str seen = str_first(in, V1_MAX);
    ptrdiff_t end = str_find(seen, STR("\r\n"));
    if (end < 0)
        return in.len >= V1_MAX ? malformed(e, "a line of more than 107 octets") : 0;
    struct str line = str_first(str_from(seen, V1_START.len), (size_t)end - V1_START.len);
    h->version = 1;
    return read_v1(h, line) ? (int)end + 2 : malformed(e, "a line that says no addresses");
}

/* ---- version 2 ---- */

static uint32_t crc32c(uint32_t crc, unsigned char c) {
    crc ^= c;
    for (int i = 0; i < 8; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    return crc;
}

/* Of the whole header, its own four octets taken as zeros. */
static bool checksum_holds(struct str all, size_t at) {
    uint32_t crc = 0xffffffff, said = (uint32_t)number(all, at) << 16 | number(all, at + 2);
    for (size_t i = 0; i < all.len; i++)
        crc = crc32c(crc, i >= at && i < at + 4 ? 0 : (unsigned char)octet(all, i));
    return (crc ^ 0xffffffff) == said;
}

static int check_tlvs(struct str all, size_t at, struct err *e) {
    bool summed = false;
    while (at < all.len) {
        if (all.len - at < TLV_HEADER || all.len - at - TLV_HEADER < number(all, at + 1))
            return malformed(e, "TLVs that do not add up");
        size_t len = number(all, at + 1);
        bool sum = octet(all, at) == TLV_CRC32C;
        if (sum && (summed || len != 4 || !checksum_holds(all, at + TLV_HEADER))) /* each costs a walk: one is enough */
            return malformed(e, "a checksum that does not hold, or another one");
        summed |= sum;
        at += TLV_HEADER + len;
    }
    return (int)all.len;
}

static size_t read_addresses(struct proxy_head *h, struct str all, unsigned octets) {
    const uint8_t *p = (const uint8_t *)all.ptr + V2_HEADER;
    h->source = ip_of(p, octets);
    h->destination = ip_of(p + octets, octets);
    h->source_port = (uint16_t)number(all, V2_HEADER + 2 * octets);
    h->destination_port = (uint16_t)number(all, V2_HEADER + 2 * octets + 2);
    return V2_HEADER + 2 * octets + 4;
}

static int parse_v2(struct proxy_head *h, struct str in, struct err *e) {
    if (in.len < V2_HEADER)
        return in.len > 12 && octet(in, 12) >> 4 != V2_VERSION ? malformed(e, "an unknown version") : 0;
    unsigned command = octet(in, 12) & 15, family = octet(in, 13);
    size_t len = V2_HEADER + number(in, 14);
    if (octet(in, 12) >> 4 != V2_VERSION || command > PROXY)
        return malformed(e, "an unknown version or command");
    if (len > PROXY_PROTOCOL_MAX)
        return err_set(e, WEFT_E_TOO_LARGE, "PROXY protocol: a header of %zu octets", len);
    if (in.len < len)
        return 0;
    struct str all = str_first(in, len);
    h->version = 2;
    h->own = command == LOCAL || family == UNSPEC || family == UNIX_STREAM;
    if (command == LOCAL) /* whatever follows is to be ignored */
        return (int)len;
    unsigned need = family == UNSPEC ? 0 : family == TCP4 ? 12 : family == TCP6 ? 36 : family == UNIX_STREAM ? 216 : 0;
    if (!need && family != UNSPEC)
        return malformed(e, "a family that is no stream");
    if (len < V2_HEADER + need)
        return malformed(e, "too short for its addresses");
    return check_tlvs(all, h->own ? V2_HEADER + need : read_addresses(h, all, family == TCP4 ? 4 : 16), e);
}

int proxy_protocol_parse(struct proxy_head *h, struct str in, struct err *e) {
    *h = (struct proxy_head){0};
    if (str_starts(in, V1_START))
        return parse_v1(h, in, e);
    if (str_starts(in, SIGNATURE))
        return parse_v2(h, in, e);
    if (str_starts(V1_START, in) || str_starts(SIGNATURE, in))
        return 0;
    return err_set(e, WEFT_E_NOT_FOUND, "PROXY protocol: no header");
}

/* ---- writing ---- */

static size_t write_v1(const struct proxy_head *h, char *out) {
    char source[IP_TEXT], destination[IP_TEXT];
    if (h->own)
        return (size_t)snprintf(out, PROXY_PROTOCOL_OUT, "PROXY UNKNOWN\r\n");
    return (size_t)snprintf(out, PROXY_PROTOCOL_OUT, "PROXY TCP%c %s %s %u %u\r\n", h->source.len == 4 ? '4' : '6',
                            ip_text(&h->source, source), ip_text(&h->destination, destination), h->source_port,
                            h->destination_port);
}

static char *put_number(char *p, unsigned v) {
    *p++ = (char)(v >> 8);
    *p++ = (char)v;
    return p;
}

static size_t write_v2(const struct proxy_head *h, char *out) {
    unsigned octets = h->own ? 0 : h->source.len;
    char *p = out;
    memcpy(p, SIGNATURE.ptr, SIGNATURE.len);
    p += SIGNATURE.len;
    *p++ = (char)(V2_VERSION << 4 | (h->own ? LOCAL : PROXY));
    *p++ = (char)(h->own ? UNSPEC : octets == 4 ? TCP4 : TCP6);
    p = put_number(p, h->own ? 0 : 2 * octets + 4);
    if (h->own)
        return V2_HEADER;
    memcpy(p, h->source.at, octets);
    memcpy(p + octets, h->destination.at, octets);
    p = put_number(p + 2 * octets, h->source_port);
    return (size_t)(put_number(p, h->destination_port) - out);
}

size_t proxy_protocol_write(const struct proxy_head *h, char out[PROXY_PROTOCOL_OUT]) {
    struct proxy_head w = *h;
    w.own |= !h->source.len || h->source.len != h->destination.len; /* nothing that one header could tell */
    return h->version == 1 ? write_v1(&w, out) : write_v2(&w, out);
}
