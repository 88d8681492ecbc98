// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_sources: the mesh files that a command was given: files, "-" for standard input, and folders, of which every *.yaml, *.yml
 * and *.json is read, in order of their names (folders in them are not). All are read before anything is done with one.
 * Threads: main. Tests: tests/scenario/c06*.py */
#include "cli/args.h"
#include "cli/mesh_plan.h"

struct mesh_sources {
    struct mesh_source *at;
    size_t n, cap;
};
/* From -f and from operands; at least one resource, and without instances, which only weft up starts. */
int mesh_sources_read(struct mesh_sources *s, const struct arg_list *files, char **more, size_t n_more, struct err *e) MUST_CHECK;
void mesh_sources_fini(struct mesh_sources *s); /* also after a failure */
