// SPDX-License-Identifier: Apache-2.0
#include "model/snap.h"
#include "base/mem.h"

static void free_snap(struct ref *ref) {
    struct snap *s = container_of(ref, struct snap, ref);
    for (int type = 0; type < XDS_TYPES; type++) {
        void *resource;
        MAP_FOR (&s->of[type], NULL, resource)
            ref_put(resource);
        map_fini(&s->of[type]);
    }
}

struct snap *snap_new(const struct snap *from) {
    struct snap *s = ref_new(sizeof *s, free_snap);
    s->version = from ? from->version + 1 : 1;
    for (int type = 0; from && type < XDS_TYPES; type++) {
        struct str name;
        void *resource;
        MAP_FOR (&from->of[type], &name, resource)
            map_put(&s->of[type], name, ref_get(resource));
    }
    return s;
}

void snap_put(struct snap *s, enum xds_type type, struct str name, void *resource) {
    ref_get(resource); /* before the old one goes: it may be the same */
    ref_put(map_put(&s->of[type], name, resource));
}

void snap_del(struct snap *s, enum xds_type type, struct str name) {
    ref_put(map_del(&s->of[type], name));
}
