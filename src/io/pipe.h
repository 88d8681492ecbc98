// SPDX-License-Identifier: Apache-2.0
#pragma once
/* pipe: a few pipes of one thread, for moving octets from socket to socket in the kernel (io/sock.h, sock_splice_in). Who moves
 * takes one, and gives it back as soon as it is empty; how many may be out is bounded, since each holds up to 256 KiB and two
 * descriptors. Threads: one owner. Tests: tests/unit/io/pipe.c */
#include <stdbool.h>
#include <stddef.h>

#define PIPE_SIZE 262144u /* octets that one may hold; the kernel takes less where it has less to give */
#define PIPE_KEPT 8u      /* idle ones */
#define PIPE_OUT 256u     /* in use */

struct pipe {
    int rd, wr;
    size_t len; /* octets in it: the user's account */
};

struct pipe_pool { /* zeros are an empty one */
    struct pipe idle[PIPE_KEPT];
    unsigned n_idle, n_out;
};

bool pipe_take(struct pipe_pool *pp, struct pipe *p); /* false: none is to be had now */
void pipe_give(struct pipe_pool *pp, struct pipe *p); /* one that still holds something is closed */
void pipe_pool_fini(struct pipe_pool *pp);            /* all must have been given back */
