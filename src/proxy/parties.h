// SPDX-License-Identifier: Apache-2.0
#pragma once
/* parties: who the two ends of a request or connection are, as Istio's labels name them (proxy/stats.h): the caller by its
 * certificate, the callee by the cluster that was gone to. In a static bootstrap nobody is known. Threads: the worker's.
 * Tests: tests/scenario/b150_istio_labels.py, b153_istio_labels_tcp.py */
#include "proxy/stats.h"
struct cluster;
struct peer;
struct worker;

/* Fills in the names, principals and versions of `r`, whose `inbound` and `mtls` are set. `from`: who is downstream; `to`: NULL
 * where nothing was gone to. The slices are theirs and the worker's. */
void parties_name(struct stats_request *r, const struct worker *w, const struct peer *from, const struct cluster *to);
