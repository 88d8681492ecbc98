// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_int: what mesh*.c share. */
#include "control/mesh.h"

/* Takes one committed change into memory and tells it; the caller sets kind, key, revision and loading. value NULL: deleted. The
 * mesh takes its own reference. */
void mesh__apply(struct mesh *m, struct mesh_change *ch, json_t *value);
void mesh__lease_begin(struct registration *r); /* a whole ttl from now */
void mesh__lease_end(struct registration *r);
/* Makes `set` the configuration; WEFT_E_INVALID: it stays as it was. The mesh takes its own reference. */
int mesh__set_config(struct mesh *m, json_t *set, struct err *e) MUST_CHECK;
