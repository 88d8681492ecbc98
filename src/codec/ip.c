// SPDX-License-Identifier: Apache-2.0
#include "codec/ip.h"
#include <arpa/inet.h>

struct ip ip_of(const uint8_t *octets, unsigned len) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct ip ip = {.len = (uint8_t)len};
    if (len == 16 && memcmp(octets, mapped, sizeof mapped) == 0) {
        ip.len = 4;
        octets += sizeof mapped;
    }
    memcpy(ip.at, octets, ip.len);
    return ip;
}

bool ip_parse(struct ip *ip, struct str text) {
    char z[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    if (text.len >= sizeof z || str_chr(text, 0) >= 0)
        return false;
    str_z(text, z, sizeof z);
    unsigned len = inet_pton(AF_INET, z, octets) == 1 ? 4 : inet_pton(AF_INET6, z, octets) == 1 ? 16 : 0;
    if (len)
        *ip = ip_of(octets, len);
    return len != 0;
}

char *ip_text(const struct ip *ip, char out[IP_TEXT]) {
    out[0] = 0;
    if (ip->len)
        inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->at, out, IP_TEXT);
    return out;
}

bool ip_eq(const struct ip *a, const struct ip *b) {
    return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

bool ip_is_loopback(const struct ip *ip) {
    static const uint8_t one[16] = {[15] = 1};
    return ip->len == 4 ? ip->at[0] == 127 : ip->len == 16 && memcmp(ip->at, one, sizeof one) == 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool ip_in(const struct ip *ip, const struct ip_range *r) {
    return ip->len && ip->len == r->ip.len && r->bits <= ip->len * 8u && same_bits(ip->at, r->ip.at, r->bits);
}

bool ip_range_eq(const struct ip_range *a, const struct ip_range *b) {
    return a->bits == b->bits && ip_in(&a->ip, b);
}
