// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sidecar: a proxy that follows a control plane: identity by CSR, the two listeners, the services that the app uses
 * (proxy/demand.h), the app's health, the counters, and the last configuration on disk (proxy/kept.h), from which it starts when
 * the control plane stays away for 2 s. Losing the control plane never loses configuration. Threads: main. */
#include "io/loop.h"
#include "proxy/proxy.h"

struct sidecar_cfg { /* slices as long as the sidecar */
    struct log *log;
    struct addr control;
    struct str service, ns, id;
    const struct str *labels; /* "k=v" */
    size_t n_labels;
    struct addr app; /* len 0: it only calls */
    struct str app_protocol, health_path;
    struct addr inbound, outbound, admin;
    struct str advertise; /* IP literal; empty: found out */
    struct str data_dir;
    unsigned workers;
    struct limits limits;
    uint64_t drain_us;
    int log_fd;
    void (*on_ready)(void *ctx);       /* once: it serves */
    void (*on_drained)(void *ctx);     /* after sidecar_drain */
    void (*on_drain_asked)(void *ctx); /* the control plane wants it to drain */
    struct inherited *inherited;       /* what an older process has for us; NULL: none. Until on_ready */
    void *ctx;
};
struct sidecar;
int sidecar_start(struct sidecar **out, struct loop *l, const struct sidecar_cfg *cfg, struct err *e) MUST_CHECK;
const struct proxy *sidecar_proxy(const struct sidecar *s);
void sidecar_drain(struct sidecar *s); /* out of the registry at once; then listeners close, what is under way is finished */
/* A newer process of our id has our sockets and serves: what is under way is finished, the registry's entry is its. */
void sidecar_hand_over(struct sidecar *s);
int sidecar_lock(const struct sidecar *s); /* the descriptor of the data directory's lock, borrowed */
void sidecar_stop(struct sidecar **s);
