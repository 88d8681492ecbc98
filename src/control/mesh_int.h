// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_int: what mesh.c and mesh_write.c share. */
#include "control/mesh.h"

/* Takes one committed change into memory and tells it. value NULL: deleted. The mesh takes its own reference. */
void mesh__apply(struct mesh *m, enum store_kind kind, struct str key, json_t *value, bool loading);
