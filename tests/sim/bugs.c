// SPDX-License-Identifier: Apache-2.0
/* Faults that are planted by the linker (--wrap), to see whether the simulation finds them. */
#include "control/push.h"
#include "control/reg.h"
#include "sim.h"

static enum sim_bug bug; /* of the run; there is one at a time */
static unsigned touches;

void sim_set_bug(enum sim_bug b) {
    bug = b;
    touches = 0;
}

void __real_push_touch(struct push *p, struct str service, unsigned types);
void __wrap_push_touch(struct push *p, struct str service, unsigned types);
void __real_reg_lost(struct reg *r, struct str key, void *session);
void __wrap_reg_lost(struct reg *r, struct str key, void *session);
int __real_mesh_renew_registration(struct mesh *m, struct str service, struct str id);
int __wrap_mesh_renew_registration(struct mesh *m, struct str service, struct str id);

/* SIM_UNMARKED: one dirty mark in forty is dropped. */
void __wrap_push_touch(struct push *p, struct str service, unsigned types) {
    if (bug == SIM_UNMARKED && ++touches % 40 == 0)
        return;
    __real_push_touch(p, service, types);
}

/* SIM_EMPTIES: a session that is lost takes its endpoint along, without grace. */
void __wrap_reg_lost(struct reg *r, struct str key, void *session) {
    struct sidecar *s = reg_sidecar(r, key);
    if (bug == SIM_EMPTIES && s && s->session == session && !s->leaving)
        reg_leaving(s);
    __real_reg_lost(r, key, session);
}

/* SIM_WALL: leases go by the wall clock. */
int __wrap_mesh_renew_registration(struct mesh *m, struct str service, struct str id) {
    struct registration *r = mesh_registration(m, service, id);
    double now = (double)loop_wall(m->loop) / 1e6;
    if (bug == SIM_WALL && r && r->ttl > 0 && now > r->seen + r->ttl)
        return WEFT_E_NOT_FOUND;
    return __real_mesh_renew_registration(m, service, id);
}
