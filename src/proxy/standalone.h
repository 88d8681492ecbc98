// SPDX-License-Identifier: Apache-2.0
#pragma once
/* standalone: a proxy that serves an Envoy v3 bootstrap, where a sidecar (proxy/sidecar.h) follows weft's control plane: the
 * file, the control plane that the file may name (proxy/foreign.h), the addresses of its hosts (names.h), whether these are well
 * (checks.h), and secrets in files (secrets.h). It listens when all is known that the first request may need, or nobody has
 * answered for 5 s. Threads: the loop's. */
#include "io/loop.h"
#include "proxy/proxy.h"

struct standalone_cfg { /* what it points to lives as long as the proxy */
    struct log *log;
    const char *file, *dns; /* dns: servers to be asked, "IP:PORT[,...]"; NULL: the system's */
    struct addr admin;      /* where the file names none */
    bool own_admin;         /* `admin` holds, whatever the file names */
    unsigned workers;
    struct limits limits;
    uint64_t drain_us;
    int log_fd;
    void (*on_ready)(void *ctx);                         /* once: it serves. May have been called when the start returns */
    void (*on_drained)(void *ctx);                       /* after standalone_drain */
    void (*on_failed)(void *ctx, const struct err *why); /* after the start: it cannot serve, and is to be stopped */
    struct inherited *inherited;                         /* what an older process has for us; NULL: none. Until on_ready */
    void *ctx;
};
struct standalone;
int standalone_start(struct standalone **out, struct loop *l, const struct standalone_cfg *cfg, struct err *e) MUST_CHECK;
/* All that can be known of a file without listening: its fields, and what is made of them, certificates included. */
int standalone_validate(const char *file, struct err *e) MUST_CHECK;
const struct proxy *standalone_proxy(const struct standalone *s);
/* The file anew, certificates included. What cannot be used changes nothing, and is logged. */
void standalone_reload(struct standalone *s);
void standalone_reopen_logs(struct standalone *s);
void standalone_drain(struct standalone *s);     /* listeners close, what is under way is finished */
void standalone_hand_over(struct standalone *s); /* a newer process has our sockets and serves: the same */
void standalone_stop(struct standalone **s);
