// SPDX-License-Identifier: Apache-2.0
#pragma once
/* detect: what must be known of a new connection before a filter chain can take it: whose it is (PROXY protocol), whether it is
 * TLS (its first octet), and which name and protocols its ClientHello wants. Nothing is waited for that no chain asks for. What
 * was read for it is put back, but the PROXY protocol's header.
 *
 * As in Envoy: what begins like a handshake and is no ClientHello is not TLS; a connection that ends, or that has too large or a
 * malformed PROXY header, is closed; when the listener's detect_timeout is over, the chain is chosen with what is known where
 * continue_on_timeout says so, and the connection is closed otherwise. Threads: its worker's. Tests: tests/unit/proxy/detect.c */
#include "policy/chain.h"
#include "proxy/down.h"

/* Once, perhaps at once: `in` for chain_pick; NULL: close it. The transport's events are the callee's from then on. */
typedef void detect_f(struct down *d, const struct chain_input *in);
void detect_start(struct down *d, const struct serve_listener *l, detect_f *done);
void detect_stop(struct down *d); /* nothing when it is over */
