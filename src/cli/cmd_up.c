// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "cli/args.h"
#include "cli/mesh_run.h"
#include "cli/ready.h"

static void tell(void *ctx, const char *line) {
    fprintf(stderr, "%s\n", line);
}

/* A call that the first sidecar's app could make, to another service of the file. */
static void tell_an_example(const struct mesh_run *r) {
    const struct mesh_part *from = NULL;
    LIST_FOR (n, &r->parts) {
        const struct mesh_part *p = list_entry(n, struct mesh_part, node);
        if (p->role != MESH_SIDECAR)
            continue;
        if (!from) {
            from = p;
        } else if (p->service != from->service) {
            fprintf(stderr, "  curl -H 'X-Target-Service: %s' -H 'X-Target-Namespace: %s' http://%s/\n", p->service->name,
                    p->service->ns, json_string_value(json_object_get(from->ready, "outbound")));
            return;
        }
    }
}

static void tell_how_to_go_on(const struct mesh_run *r) {
    fprintf(stderr, "the mesh is up. Ctrl-C ends it. In another terminal:\n  weft status --control %s\n", r->rest.url);
    tell_an_example(r);
}

struct up {
    struct mesh_run_cfg mesh;
    const char *file, *ready_file;
    uint64_t ready_fd;
};

static int run(struct loop *l, const struct up *up, const struct mesh_file *f) {
    struct mesh_run r;
    struct err e = {0};
    int rc = mesh_run_start(&r, l, &up->mesh, f, &e);
    if (rc >= 0)
        rc = ready_write(up->ready_file, up->ready_fd, mesh_run_addresses(&r), &e);
    if (rc >= 0) {
        tell_how_to_go_on(&r);
        mesh_run_wait(&r);
        if (r.broken)
            rc = err_set(&e, WEFT_E_UNAVAILABLE, "%s ended with code %d", r.broken->name, r.broken->code);
        fputs("ending: sidecars, services, control plane\n", stderr);
    }
    mesh_run_stop(&r);
    if (rc == WEFT_E_CANCELLED)
        return 0;
    if (rc < 0)
        fprintf(stderr, "weft up: %s\n", e.msg);
    return rc < 0 ? 1 : 0;
}

int cmd_up(int argc, char **argv) {
    struct up up = {.mesh = {.show_output = true, .tell = tell}, .ready_fd = UINT64_MAX};
    struct mesh_file f;
    struct log log;
    struct loop loop;
    struct err e = {0};
    const struct arg options[] = {
        {"f", ARG_STR, &up.file, "FILE", "mesh.yaml", "the mesh: services with their instances, rules, configuration", false},
        {"listen", ARG_STR, &up.mesh.listen, "ADDRESS", "127.0.0.1:8080", "the control plane's REST API", false},
        {"xds-listen", ARG_STR, &up.mesh.xds_listen, "ADDRESS", "127.0.0.1:8081", "where sidecars connect to it", false},
        {"data-dir", ARG_STR, &up.mesh.dir, "DIR", "./weft-data", "database, keys and kept configurations", false},
        {"ready-file", ARG_STR, &up.ready_file, "FILE", NULL, "where to write all addresses as JSON once the mesh is up", false},
        {"ready-fd", ARG_UINT, &up.ready_fd, "N", NULL, "the same, to a descriptor", false},
    };
    const struct args a = {
        .command = "up",
        .summary = "a whole mesh on this machine: control plane, services, a sidecar for each",
        .details = "What it does, and what its children say, goes to stderr. Ctrl-C ends it all, in order; a second one at "
                   "once.",
        .at = options,
        .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    cli_log_init(&log);
    int rc = ready_begin(up.ready_file, up.ready_fd, &e);
    if (rc >= 0)
        rc = mesh_file_read(&f, up.file, &e);
    if (rc >= 0) {
        rc = loop_init(&loop, &(struct loop_cfg){.log = &log}, &e);
        code = rc < 0 ? 1 : run(&loop, &up, &f);
        if (rc >= 0)
            loop_fini(&loop);
        mesh_file_fini(&f);
    }
    if (rc < 0)
        fprintf(stderr, "weft up: %s\n", e.msg);
    return rc < 0 ? 1 : code;
}
