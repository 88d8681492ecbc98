// SPDX-License-Identifier: Apache-2.0
#pragma once
/* tls_hello: what a TLS client says before anything is encrypted: the name that it wants (SNI, RFC 6066 §3) and the protocols
 * that it offers (ALPN, RFC 7301). For choosing where a connection goes, with TLS terminated here or elsewhere. Octets in, never
 * a socket; the whole beginning of the stream is given each time, as far as it has come.
 *
 * The hello may be in several records (RFC 8446 §5.1) and those in several segments. Unknown extensions, GREASE (RFC 8701)
 * included, are passed over. Strict where it matters for the choice: lengths must add up, SNI and ALPN stand once, a name is a
 * host name. Threads: any. Tests: tests/unit/codec/tls_hello.c, tests/fuzz/tls_hello.c */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define TLS_HELLO_MAX 16384u    /* octets of the beginning that may be needed; more is a refusal */
#define TLS_HELLO_PROTOCOLS 64u /* ALPN names that are looked at */

struct tls_hello {
    struct str server_name;      /* lower case, without a dot at the end; empty: none, or one that is no host name */
    const struct str *protocols; /* in the client's order */
    size_t n_protocols;
};

/* 1: *h is filled, in `a`. 0: it is one so far, and more octets are needed. Else WEFT_E_PARSE (no ClientHello, or a malformed
 * one) or WEFT_E_TOO_LARGE. */
int tls_hello_parse(struct tls_hello *h, struct str in, struct arena *a, struct err *e) MUST_CHECK;
