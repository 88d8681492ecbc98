// SPDX-License-Identifier: Apache-2.0
#include "io/pipe.h"
#include <fcntl.h>
#include <unistd.h>
#include "base/mem.h"

static void close_pipe(const struct pipe *p) {
    close(p->rd);
    close(p->wr);
}

bool pipe_take(struct pipe_pool *pp, struct pipe *p) {
    int fd[2];
    if (pp->n_out >= PIPE_OUT)
        return false;
    if (pp->n_idle) {
        *p = pp->idle[--pp->n_idle];
    } else {
        if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) < 0)
            return false;
        (void)fcntl(fd[1], F_SETPIPE_SZ, PIPE_SIZE); /* beyond pipe-user-pages-soft it stays as it is: 64 KiB */
        *p = (struct pipe){fd[0], fd[1], 0};
    }
    pp->n_out++;
    return true;
}

void pipe_give(struct pipe_pool *pp, struct pipe *p) {
    WEFT_ASSERT(pp->n_out > 0);
    pp->n_out--;
    if (p->len || pp->n_idle == PIPE_KEPT)
        close_pipe(p);
    else
        pp->idle[pp->n_idle++] = *p;
    *p = (struct pipe){-1, -1, 0};
}

void pipe_pool_fini(struct pipe_pool *pp) {
    WEFT_ASSERT(pp->n_out == 0);
    while (pp->n_idle)
        close_pipe(&pp->idle[--pp->n_idle]);
}
