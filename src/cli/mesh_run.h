// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_run: a whole mesh on this machine, as child processes of ours: the control plane, then for each instance of a mesh file
 * its app and its sidecar. Each is waited for by its readiness line (--ready-fd 1: it comes with the child's output); they end in
 * the order sidecars, apps, control plane, so that nobody calls what is gone. The children die with us.
 *
 * A part lives: started -> ready -> stopped. One that ends unasked sets `broken` in the run.
 * Threads: main; these functions turn the loop until what they do is done. Tests: tests/scenario/c0*_up*.py, c0*_demo*.py */
#include "cli/mesh_file.h"
#include "cli/mesh_plan.h"
#include "cli/rest.h"
#include "io/proc.h"

enum mesh_role { MESH_CONTROL, MESH_APP, MESH_SIDECAR };
#define MESH_LAST_LINES 12

struct mesh_part {
    struct list node;
    struct mesh_run *run;
    enum mesh_role role;
    const struct mesh_resource *service; /* NULL: the control plane */
    const struct mesh_instance *instance;
    char *name; /* "user-service-1", "user-service-1 sidecar" */
    struct proc proc;
    json_t *ready; /* its readiness line; NULL before */
    bool running, stop_asked;
    int code; /* exit code, when it has ended */
    unsigned color;
    char *last[MESH_LAST_LINES]; /* of its output, a ring */
    unsigned n_last;
};

struct mesh_run_cfg {
    const char *dir;                 /* for databases, keys and kept configurations; made when absent */
    const char *listen, *xds_listen; /* of the control plane */
    bool show_output;                /* the children's output goes to stderr, each line after its part's name */
    mesh_told_f *tell;               /* what is being done; may be NULL */
    void *ctx;                       /* of tell */
};

struct mesh_run {
    struct loop *loop;
    struct mesh_run_cfg cfg;
    struct arena arena;
    struct list parts; /* in the order of their start */
    struct rest rest;  /* the control plane's API */
    struct addr xds;
    struct sig_watch signals;
    struct proc_guard guard;
    unsigned running;
    bool changed;             /* something happened since it was last cleared: what web_wait waits on */
    bool interrupted;         /* SIGINT or SIGTERM came */
    bool impatient;           /* and a second one */
    struct mesh_part *broken; /* ended unasked */
    bool color;
    int name_width;
    char exe[4096]; /* this binary */
};

/* Starts everything in `f`, which must outlive the run. On failure mesh_run_stop is still due. */
int mesh_run_start(struct mesh_run *r, struct loop *l, const struct mesh_run_cfg *cfg, const struct mesh_file *f,
                   struct err *e) MUST_CHECK;
void mesh_run_wait(struct mesh_run *r);                          /* until it is interrupted or a part breaks */
void mesh_run_stop(struct mesh_run *r);                          /* in order; frees all */
int mesh_run_stop_part(struct mesh_run *r, struct mesh_part *p); /* one; returns its exit code */
/* Where everything is, for the readiness line of the whole: "listen" and "xds_listen" of the control plane, and "services", by
 * instance id: "outbound", "inbound", "admin" of its sidecar, and "app". The caller's reference. */
json_t *mesh_run_addresses(const struct mesh_run *r);
/* The part of that role whose instance has that id; NULL. The control plane has no id. */
struct mesh_part *mesh_run_find(const struct mesh_run *r, enum mesh_role role, const char *id);
/* An address from a part's readiness line: "listen", "inbound", … False when there is none. */
bool mesh_part_addr(const struct mesh_part *p, const char *key, struct addr *out);
