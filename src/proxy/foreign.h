// SPDX-License-Identifier: Apache-2.0
#pragma once
/* foreign: a control plane that a bootstrap names (dynamic_resources over ADS, delta or state of the world): all its listeners
 * and clusters, and by name the route tables, endpoints and secrets that these refer to. A listener or cluster takes effect when
 * what it refers to is there (xDS calls it warming); until then its last form stays. After initial_fetch_timeout (15 s when
 * nothing is said), or when the control plane says that it has none (resource_errors), it takes effect without: routes that match
 * nothing, no endpoints, connections that are closed. Without the control plane the last configuration stays, and a secret that
 * is removed stays too, as in Envoy: who refers to it goes first. Threads: main. Tests: tests/scenario/x001_foreign_ads.py,
 * x010_sds.py, x014_initial_fetch.py */
#include "io/addr.h"
#include "io/loop.h"
#include "model/snap.h"
struct tls_ctx;
struct foreign;

struct foreign_cfg {
    struct log *log;
    struct addr control;
    struct tls_ctx *tls;          /* NULL: plain */
    const struct tls_context *as; /* how TLS is spoken to it; part of `fixed`; NULL: plain */
    struct str node;              /* packed envoy.config.core.v3.Node */
    bool listeners, clusters;
    uint64_t listeners_fetch_us, clusters_fetch_us; /* as secret_ref.fetch_us */
    bool sotw;
    const struct snap *fixed;     /* static resources, whose references count too; a reference is taken */
    void (*on_change)(void *ctx); /* something else is to be served */
    void *ctx;
};
struct foreign *foreign_start(struct loop *l, const struct foreign_cfg *cfg);
bool foreign_settled(const struct foreign *f);                 /* nothing of the first answers is waited for any more */
void foreign_fill(const struct foreign *f, struct snap *snap); /* puts what takes effect into `snap` */
const struct map *foreign_listeners(const struct foreign *f);  /* name -> struct listener, of those that take effect */
void foreign_stop(struct foreign **f);
