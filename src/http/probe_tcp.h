// SPDX-License-Identifier: Apache-2.0
#pragma once
/* probe_tcp: one TCP health check: a connection that opens, and, where octets are to come, brings them in time.
 * Threads: its loop. Tests: tests/unit/http/probe.c */
#include "io/loop.h"
#include "io/transport.h"

struct probe_octets { /* of TCP; borrowed as long as the probe */
    struct str send;
    const struct str *receive; /* each must come, in this order, whatever is between; n 0: a connection is enough */
    size_t n_receive;
};

struct probe_tcp;
typedef void probe_tcp_f(void *ctx, bool ok); /* once, from the loop; not after probe_tcp_cancel */
/* Takes the transport over, which has not told TR_OPEN yet. `octets` may be NULL; it and what it holds are borrowed until the
 * end. */
struct probe_tcp *probe_tcp_start(struct loop *l, struct transport **tr, const struct probe_octets *octets, uint64_t timeout_us,
                                  probe_tcp_f *done, void *ctx);
void probe_tcp_cancel(struct probe_tcp **t); /* NULL is fine */
