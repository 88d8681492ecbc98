// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_apply: puts the resources of a mesh file into a control plane, so that applying twice changes nothing: endpoints and the
 * configuration are replaced and merged by the API; a rule that is there already, as the file has it, is left alone.
 * Threads: main. Tests: tests/scenario/c0*_apply*.py */
#include "cli/mesh_file.h"
#include "cli/rest.h"

/* Tells each resource and what became of it, by `tell` (may be NULL): "TrafficRule default/users added". */
typedef void mesh_told_f(void *ctx, const char *line);
int mesh_apply(struct rest *r, const struct mesh_file *f, mesh_told_f *tell, void *ctx, struct err *e) MUST_CHECK;
