// SPDX-License-Identifier: Apache-2.0
#pragma once
/* bootstrap: an Envoy v3 bootstrap (YAML or JSON) as the proxy starts from it: xds/xds_bootstrap.h with addresses to bind.
 * Pure. Threads: any. Tests: tests/unit/proxy/bootstrap.c, tests/fuzz/bootstrap.c */
#include "base/err.h"
#include "io/addr.h"
#include "xds/xds_bootstrap.h"

struct bootstrap {
    struct xds_bootstrap xds; /* resources, names of listeners, control plane */
    struct addr *addrs;       /* of the listeners, in order */
    struct addr admin;        /* len 0: none */
};
int bootstrap_parse(struct bootstrap *b, struct str text, struct err *e) MUST_CHECK;               /* e: "line L: PATH: what" */
int bootstrap_addr(struct addr *out, struct str address, uint16_t port, struct err *e) MUST_CHECK; /* as resources write it */
void bootstrap_fini(struct bootstrap *b);
