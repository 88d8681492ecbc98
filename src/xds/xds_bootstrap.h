// SPDX-License-Identifier: Apache-2.0
#pragma once
/* xds_bootstrap: an Envoy v3 bootstrap read into the model: its JSON becomes the messages of the API (xds/pbjson.h), and each
 * static resource is decoded as one that came over xDS. Pure. Threads: any. Tests: tests/unit/proxy/bootstrap.c,
 * tests/fuzz/bootstrap.c */
#include "codec/yaml.h"
#include "model/snap.h"

struct xds_bootstrap {
    struct snap *snap;     /* reference: the static resources */
    struct str message;    /* the whole as a packed envoy.config.bootstrap.v3.Bootstrap, but for what weft ignores */
    struct str *listeners; /* their names, in order */
    size_t n_listeners;
    struct { /* len 0: none */
        struct str address;
        uint16_t port;
    } admin;
    struct { /* the control plane of dynamic_resources */
        bool on, lds, cds;
        uint64_t lds_fetch_us, cds_fetch_us; /* as secret_ref.fetch_us */
        bool sotw;                           /* state of the world; else delta */
        struct str cluster;                  /* a static cluster, or */
        struct str target;                   /* "HOST:PORT" */
        struct str node;                     /* a packed envoy.config.core.v3.Node; may be empty */
    } ads;
    struct arena mem; /* holds the texts */
};
/* e: "line L: static_resources.listeners[0]…: what". */
int xds_bootstrap_read(struct xds_bootstrap *b, const json_t *v, const struct yaml_docs *lines, struct err *e) MUST_CHECK;
void xds_bootstrap_fini(struct xds_bootstrap *b);
