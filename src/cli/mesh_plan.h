// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_plan: what has to be done so that a control plane has what mesh files say, for `weft apply`, `diff`, `delete -f` and
 * `weft up`: made from what is there, shown or carried out. A rule that is there as the file has it is left alone, so that to
 * apply twice changes nothing; the configuration is merged, an endpoint replaced by its id.
 * Threads: main. Tests: tests/scenario/c022_apply.py, c06*.py */
#include "cli/mesh_file.h"
#include "cli/rest.h"

enum mesh_verb { MESH_SAME, MESH_PUT, MESH_DELETE };
struct mesh_step {
    char *name; /* "TrafficRule default/users" */
    enum mesh_verb verb;
    const char *method;
    char *path;
    json_t *body;           /* to be sent */
    json_t *before, *after; /* as the API shows it, for diff; NULL: not there */
    const char *file;       /* NULL: pruned */
    unsigned line;
    bool more;       /* the next step is of the same resource, and tells both */
    const char *did; /* "added" */
};
struct mesh_plan {
    struct mesh_step *at;
    size_t n, cap;
    struct rest *rest;
    json_t *there; /* private: path -> what the API has and no file has claimed */
};
struct mesh_source { /* a file that was read */
    char *name;
    struct mesh_file *file;
};

void mesh_plan_init(struct mesh_plan *p, struct rest *r);
void mesh_plan_fini(struct mesh_plan *p);
int mesh_plan_put(struct mesh_plan *p, const struct mesh_source *s, struct err *e) MUST_CHECK; /* what is in it shall be there */
int mesh_plan_remove(struct mesh_plan *p, const struct mesh_source *s, struct err *e) MUST_CHECK; /* shall not */
/* After all files: endpoints and rules with the label that are in none of them shall go. */
int mesh_plan_prune(struct mesh_plan *p, struct str label, struct str value, struct err *e) MUST_CHECK;

/* Tells each resource and what became of it, by `tell` (may be NULL): "TrafficRule default/users added". A step that fails ends
 * it: *e says which, and how many were carried out. */
typedef void mesh_told_f(void *ctx, const char *line);
int mesh_plan_run(struct mesh_plan *p, bool dry, mesh_told_f *tell, void *ctx, struct err *e) MUST_CHECK;
/* The differences, field by field; nothing when there are none. */
void mesh_plan_diff(const struct mesh_plan *p, struct buf *out);
/* The same as data: [{"resource", "change": "added"…, "before", "after"}], null where it is not there. A new reference. */
json_t *mesh_plan_changes(const struct mesh_plan *p);
