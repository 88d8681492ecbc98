// SPDX-License-Identifier: Apache-2.0
#pragma once
/* demo: the ten steps of `weft demo`, run against a mesh of real processes over real sockets, each told and checked.
 * Threads: main. Tests: tests/scenario/c0*_demo.py */
#include "cli/mesh_run.h"

extern const char demo_mesh[]; /* the sample mesh, a mesh file */

struct demo {
    struct mesh_run *run;
    bool color;
    unsigned step_failed;   /* checks of the present step that did not hold */
    unsigned steps, failed; /* steps run, and of them those that failed */
    uint64_t sent, arrived; /* requests given to sidecars' outbound ports; that came to inbound ports */
};
/* Runs all steps; returns how many failed. */
unsigned demo_steps(struct demo *d);
