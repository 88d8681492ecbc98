// SPDX-License-Identifier: Apache-2.0
#pragma once
/* proxy_protocol: a transport that begins what it writes with a PROXY protocol header; TLS, where there is any, stands above it.
 * Threads: its loop's. Tests: tests/unit/io/proxy_protocol.c, tests/scenario/b066_proxy_protocol.py */
#include "codec/proxy_protocol.h"
#include "io/transport.h"

/* Wraps a transport that is still connecting and takes it over (*below becomes NULL). TR_OPEN follows when the header has left.
 */
struct transport *proxy_protocol_client(struct transport **below, const struct proxy_head *head, transport_f *on_event,
                                        void *ctx);
