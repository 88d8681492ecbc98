// SPDX-License-Identifier: Apache-2.0
#pragma once
/* proxy_protocol: the PROXY protocol, versions 1 and 2 (haproxy, doc/proxy-protocol.txt): what stands before all else on a
 * connection, and says whose it is. Octets in, never a socket. Strict: one spelling for each thing, nothing left over, a checksum
 * must hold. Threads: any. Tests: tests/unit/codec/proxy_protocol.c, tests/fuzz/proxy_protocol.c */
#include "base/err.h"
#include "codec/ip.h"

#define PROXY_PROTOCOL_MAX 4096u /* octets of a header that is taken, with what it has beside the addresses (TLVs) */
#define PROXY_PROTOCOL_OUT 128u  /* octets that proxy_protocol_write needs at most */

struct proxy_head {
    unsigned version; /* 1 or 2 */
    bool own;         /* it tells no addresses: those of the connection hold (v1 UNKNOWN; v2 LOCAL, unspecified and Unix) */
    struct ip source, destination; /* of one family */
    uint16_t source_port, destination_port;
};

/* The octets of the header; 0: it is one so far, and more are needed; WEFT_E_NOT_FOUND: the connection does not begin with one;
 * WEFT_E_PARSE: it is malformed; WEFT_E_TOO_LARGE. */
int proxy_protocol_parse(struct proxy_head *h, struct str in, struct err *e) MUST_CHECK;
/* Writes one, of h->version; how long it is. Addresses of two families, or none, are told as `own`. */
size_t proxy_protocol_write(const struct proxy_head *h, char out[PROXY_PROTOCOL_OUT]);
