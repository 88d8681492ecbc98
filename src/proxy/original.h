// SPDX-License-Identifier: Apache-2.0
#pragma once
/* original: hosts of clusters that have no endpoints of their own, but go where a connection was going to before it was
 * redirected here, or where a header says (ORIGINAL_DST). A host is made when an address is used for the first time, and kept by
 * the worker while it has connections to it, ORIGINALS_MAX at most (beyond, a host serves one connection or request). Threads:
 * the worker's. Tests: tests/scenario/b083_original_dst.py, tests/interop/x112_envoy_original_dst.py */
#include "proxy/down.h"

#define ORIGINALS_MAX 1024u

/* Where it is to go. `local`: where the connection says it went; `req` NULL: octets. False: nothing says it. */
bool original_address(struct addr *out, const struct cluster *c, const struct down *d, const struct addr_kept *local,
                      const struct msg *req);
struct host *original_host(struct worker *w, const struct serve_cluster *c, const struct addr *a); /* a reference */
void original_sweep(struct worker *w); /* lets go of those without connections */
void original_fini(struct worker *w);
