// SPDX-License-Identifier: Apache-2.0
#pragma once
/* tunnel: octets both ways between two open transports, a (0) and b (1). Each way has an end of its own: the end of what one side
 * sends is passed on once all before it has gone, and the other way goes on. What one side breaks ends both.
 *
 * Bounded memory: a way reads at most 64 KiB (256 KiB by splice), and not again until they have left. Plain to plain, and once it
 * flows, octets stay in the kernel (splice); they come to the worker's scratch otherwise. Threads: its worker's. Tests:
 * tests/unit/proxy/tunnel.c, tests/scenario/b061_tcp.py to b064_tcp_resets.py */
#include "base/buf.h"
#include "io/pipe.h"
#include "io/transport.h"

struct tunnel_way { /* from one side to the other */
    struct transport *from, *to;
    struct buf held;  /* read, and not yet taken by the other side */
    struct pipe pipe; /* the same, in the kernel; with `piped` */
    uint64_t octets;  /* passed on */
    bool piped, bulk, eof, shut;
};

struct tunnel {
    struct tunnel_way way[2]; /* a to b, b to a */
    struct pipe_pool *pipes;
    uint64_t last; /* loop time of the last octet */
    int broken;    /* after an end that is none in order: which side, 0 or 1 */
    /* Both ways have ended (why 0), or a side broke (why: what its transport says). Once, from an event; the owner closes the
     * transports, with `abort` set when why is not 0. It may free the tunnel. */
    void (*on_end)(struct tunnel *t, int why);
};

/* Both transports are open, and the owner's until it ends; their events come here from now on. */
void tunnel_start(struct tunnel *t, struct transport *a, struct transport *b, struct pipe_pool *pipes,
                  void (*on_end)(struct tunnel *t, int why));
void tunnel_fini(struct tunnel *t); /* what it holds is lost; zeros are fine */
