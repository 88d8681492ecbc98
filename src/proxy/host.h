// SPDX-License-Identifier: Apache-2.0
#pragma once
/* host: one (cluster, address): what is known about an endpoint as long as some snapshot or connection refers to it. The builder
 * carries it from snapshot to snapshot. Reference-counted: ref_get, ref_put (model/ref.h), Threads: any. */
#include "http/conn.h"
#include "io/addr.h"
#include "model/ref.h"
#include "policy/lb.h"
struct checked;
struct pool;

struct host {
    struct ref ref;
    struct lb_host lb;
    struct addr addr;
    enum conn_proto proto; /* what is spoken to it; CONN_AUTO: as ALPN says */
    bool mtls;             /* reached through its sidecar, or a static cluster with TLS */
    atomic_bool retired;   /* no longer in the newest snapshot: workers let its connections go */
    bool failed_check;     /* the main thread's: the last health checks say so, or there was none yet (proxy/checks.h) */
    uint64_t told;         /* the main thread's: failures that the control plane has been told of */
    struct checked *check; /* private to proxy/checks.c; NULL: none */
    struct str name;       /* the name that it was found by, of a cluster that resolves names; else empty */
    struct str text;       /* "10.0.0.7:8001": the key for hashing and merging, and what logs show */
    unsigned workers;
    struct pool *pool[]; /* one slot per worker, which only that worker touches */
};

struct host *host_new(const struct addr *addr, bool mtls, enum conn_proto proto, unsigned workers);
