// SPDX-License-Identifier: Apache-2.0
#pragma once
/* inherited: what a proxy gets from the one that it takes over from: the listening sockets themselves, whose accept queues thus
 * go on as if nothing was. The newer side of proxy/takeover_msg.h; the older one is proxy/takeover.h.
 *
 * Life: received at the start, before anything is bound; whoever binds takes what is his; inherited_ready when it serves. What
 * nobody took stays the older one's, which serves its queue before it closes it. Threads: main. Tests:
 * tests/unit/proxy/inherited.c, tests/scenario/c05*_upgrade*.py */
#include "io/loop.h"
#include "proxy/takeover_msg.h"
struct addr;
struct inherited;

#define TAKEOVER_FD_ENV "WEFT_TAKEOVER_FD" /* the number of the inherited end: set by a proxy for its successor */

/* Is there somebody to take over from? From the environment, or by connecting to `path` (may be NULL): an end, or
 * WEFT_E_NOT_FOUND.
 */
int inherited_find(const char *path, struct err *e) MUST_CHECK;
/* Says hello and receives all; blocking, 10 s at most for each message. Takes `fd` over. */
int inherited_receive(struct inherited **out, int fd, struct err *e) MUST_CHECK;
/* The sockets of the listener (or the admin server) that is to be bound at `want`: wherever the address is the same, and with
 * port 0 where name and IP are. Their count, at most FDPASS_FDS; they are the caller's. 0: none; `in` may be NULL. */
unsigned inherited_take(struct inherited *in, enum takeover_kind kind, struct str name, const struct addr *want, int *fds);
/* The one descriptor of that kind and name, the caller's; -1: none. */
int inherited_take_one(struct inherited *in, enum takeover_kind kind, struct str name);
struct inherited_cb {                              /* one of them, once, from the loop; on_ours perhaps from inherited_ready */
    void (*on_ours)(void *ctx);                    /* after inherited_ready: the older one drains, or has died */
    void (*on_cancel)(void *ctx, const char *why); /* it does not wait for us and serves on: two would be one too many */
    void *ctx;
};
void inherited_watch(struct inherited *in, struct loop *l, const struct inherited_cb *cb);
void inherited_ready(struct inherited *in); /* we serve */
void inherited_free(struct inherited **in); /* NULL is fine */
