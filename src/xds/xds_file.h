// SPDX-License-Identifier: Apache-2.0
#pragma once
/* xds_file: resources in a file, as Envoy reads the one that a path_config_source names: a DiscoveryResponse in YAML or JSON,
 * read into the model as what a bootstrap says is. Pure. Threads: any. Tests: tests/unit/xds/xds_file.c, tests/fuzz/xds_file.c */
#include "base/err.h"
#include "model/snap.h"

/* Puts its resources, which must all be of `type`, into `into`. After a failure some may be there. e: "line L: resources[0]…:
 * what". */
int xds_file_read(struct snap *into, enum xds_type type, struct str text, struct err *e) MUST_CHECK;
