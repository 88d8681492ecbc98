// SPDX-License-Identifier: Apache-2.0
#pragma once
/* dial: a transport to a host of a cluster, as the cluster says: TCP or Unix, the PROXY protocol, TLS over it. Threads: the
 * loop's. */
#include "io/transport.h"
#include "proxy/serve.h"
struct loop;

/* `tls`: which of the cluster's contexts; NULL: plain. `from`: the one connection that it is for; NULL: it carries requests of
 * many. TR_OPEN or TR_FAIL follows from the loop. */
struct transport *dial_host(struct loop *l, const struct serve_cluster *c, const struct host *h, struct tls_ctx *tls,
                            const struct transport *from, transport_f *on_event, void *ctx);
