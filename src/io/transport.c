// SPDX-License-Identifier: Apache-2.0
#include "io/transport.h"

ssize_t transport_write(struct transport *t, struct str s) {
    struct iovec iov = {.iov_base = (void *)s.ptr, .iov_len = s.len};
    return t->ops->writev(t, &iov, 1);
}

void transport_take_addresses(struct transport *t, const struct transport *below) {
    struct addr local = addr_kept(&below->local), remote = addr_kept(&below->remote);
    addr_keep(&t->local, &local);
    addr_keep(&t->remote, &remote);
}

void transport_close(struct transport **t) {
    struct transport *gone = *t;
    *t = NULL;
    if (!gone)
        return;
    err_drop(&gone->error);
    addr_drop(&gone->local);
    addr_drop(&gone->remote);
    gone->ops->close(gone);
}
