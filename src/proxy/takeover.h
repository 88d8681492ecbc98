// SPDX-License-Identifier: Apache-2.0
#pragma once
/* takeover: in-place upgrade, the older side: a running proxy gives its listening sockets to a newer process of its own user,
 * goes on serving until that one says that it serves, and only then stops accepting. The newer side is proxy/inherited.h, what
 * they say proxy/takeover_msg.h.
 *
 * The newer process is one that we start (takeover_start, for SIGUSR2) or one that connects to the Unix socket of --takeover. One
 * at a time; it has TAKEOVER_READY_US to get ready. If it ends, cancels, or takes too long, nothing has happened: the sockets
 * were only shared. Threads: main. Tests: tests/unit/proxy/takeover.c, tests/scenario/c05*_upgrade*.py */
#include "io/loop.h"
#include "proxy/takeover_msg.h"
struct inherited;
struct proxy;
struct takeover;

#define TAKEOVER_READY_US (30 * CLOCK_S)

struct takeover_cfg { /* pointers as long as the takeover */
    struct log *log;
    const struct proxy *proxy;
    const char *path;            /* of --takeover; NULL: only takeover_start */
    const char *const *argv;     /* of the successor, NULL-terminated; argv[0] its program */
    int lock_fd;                 /* the data directory's lock, borrowed, given along; -1: none */
    struct str lock_name;        /* the directory */
    void (*on_taken)(void *ctx); /* once: the newer process serves. Accepting should end now, without leaving the registry */
    void *ctx;
};
/* Listens at the path: at the socket that `in` (may be NULL) has for it, else anew. */
int takeover_open(struct takeover **out, struct loop *l, const struct takeover_cfg *cfg, struct inherited *in,
                  struct err *e) MUST_CHECK;
void takeover_start(struct takeover *t);  /* starts the successor; nothing while one is at it, or after one has taken over */
void takeover_close(struct takeover **t); /* a successor that has not taken over is told, and ends */
