// SPDX-License-Identifier: Apache-2.0
#pragma once
/* bootstrap: a static Envoy v3 bootstrap (YAML or JSON) read into the model: at most 128 listeners with one HTTP
 * connection manager each, an inline route table, static clusters, TLS from files. Anything else is refused by its name: no
 * security setting is ever ignored. Pure. Threads: any. Tests: tests/unit/proxy/bootstrap.c */
#include "base/err.h"
#include "io/addr.h"
#include "model/snap.h"

struct bootstrap {
    struct snap *snap;     /* reference */
    struct str *listeners; /* their names; slices of the resources */
    struct addr *addrs;
    size_t n_listeners;
    struct addr admin; /* len 0: none */
    struct arena mem;
};
int bootstrap_parse(struct bootstrap *b, struct str text, struct err *e) MUST_CHECK; /* e: "PLACE: what" */
void bootstrap_fini(struct bootstrap *b);
