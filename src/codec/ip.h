// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ip: IP addresses and ranges as octets, for comparing. IPv4 in IPv6 (::ffff:a.b.c.d, how a socket for both families sees IPv4)
 * is the IPv4 address. Threads: any. Tests: tests/unit/codec/ip.c */
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

struct ip {
    uint8_t len; /* octets: 4, 16; 0: none */
    uint8_t at[16];
};

struct ip_range { /* CIDR; bits beyond the prefix do not matter */
    struct ip ip;
    uint8_t bits;
};

#define IP_TEXT 46 /* octets that ip_text needs at most */

bool ip_parse(struct ip *ip, struct str text);         /* a literal, without brackets */
struct ip ip_of(const uint8_t *octets, unsigned len);  /* 4 or 16 octets, in network order */
char *ip_text(const struct ip *ip, char out[IP_TEXT]); /* returns out; "" for none */
bool ip_eq(const struct ip *a, const struct ip *b);
bool ip_is_loopback(const struct ip *ip);
bool ip_in(const struct ip *ip, const struct ip_range *r);            /* false for another family, and for none */
bool ip_range_eq(const struct ip_range *a, const struct ip_range *b); /* the same set */
