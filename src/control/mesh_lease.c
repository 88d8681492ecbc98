// SPDX-License-Identifier: Apache-2.0
/* Registrations with a ttl lapse unless they are renewed. Leases are in memory: each begins with a full ttl when the mesh is
 * opened. */
#include "base/buf.h"
#include "control/mesh_int.h"
#include "io/loop.h"

#define RETRY (1 * CLOCK_S)    /* until a deletion that failed is tried again */
#define BUSY (10 * CLOCK_MS)   /* until the end of a write under way is looked for again */
#define NOT_HERE (1 * CLOCK_S) /* so late: for so long nobody could be heard */

static void on_lease(struct timer *t) {
    struct registration *r = container_of(t, struct registration, lease);
    struct mesh *m = r->mesh;
    struct buf key = {0};
    buf_fmt(&key, "%s/" STR_FMT, r->service->key, STR_ARG(r->id));
    bool busy = map_has(&m->putting, buf_str(&key));
    buf_fini(&key);
    /* A process that was stopped, or a machine that slept, has heard no heartbeat: that is not the fault of who sent them. */
    if (!r->lapsed && m->loop->now - t->due > NOT_HERE) {
        mesh__lease_begin(r);
        return;
    }
    loop_timer(m->loop, t, busy ? BUSY : RETRY, on_lease);
    if (busy)
        return;
    if (!r->lapsed)
        log_info(m->loop->log, "endpoint " STR_FMT " of %s has lapsed", STR_ARG(r->id), r->service->key);
    r->lapsed = true;
    mesh_delete_registration(m, str_of(r->service->key), r->id, NULL, NULL);
}

void mesh__lease_begin(struct registration *r) {
    if (r->ttl > 0)
        loop_timer(r->mesh->loop, &r->lease, (uint64_t)(r->ttl * 1e6), on_lease);
}

void mesh__lease_end(struct registration *r) {
    loop_timer_stop(r->mesh->loop, &r->lease);
}

int mesh_renew_registration(struct mesh *m, struct str service, struct str id) {
    struct registration *r = mesh_registration(m, service, id);
    if (!r || r->lapsed)
        return WEFT_E_NOT_FOUND;
    r->seen = (double)loop_wall(m->loop) / 1e6;
    mesh__lease_begin(r);
    return 0;
}
