// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "cli/args.h"
#include "cli/demo.h"
#include "cli/out.h"
#include "cli/ready.h"
#include "io/file.h"

static int remove_tree(struct str dir);

static int remove_entry(void *ctx, struct str name) {
    struct arena a = {0};
    const struct str *dir = ctx;
    struct str path = arena_fmt(&a, STR_FMT "/" STR_FMT, STR_ARG(*dir), STR_ARG(name));
    if (remove(arena_z(&a, path)) != 0)
        remove_tree(path);
    arena_fini(&a);
    return 0;
}

static int remove_tree(struct str dir) {
    struct arena a = {0};
    int rc = file_list(dir, remove_entry, &dir, NULL);
    if (rc >= 0)
        rc = remove(arena_z(&a, dir));
    arena_fini(&a);
    return rc;
}

static void summary(const struct demo *d) {
    const char *color = !d->color ? "" : d->failed ? "\033[31m" : "\033[32m";
    printf("\n%s%u of %u steps checked%s\n", color, d->steps - d->failed, d->steps, d->color ? "\033[0m" : "");
    fflush(stdout);
}

static void keep(struct mesh_run *r) {
    printf("\nthe mesh stays up until Ctrl-C; weft status --control %s\n", r->rest.url);
    fflush(stdout);
    mesh_run_wait(r);
}

static int run(struct loop *l, const char *dir, bool stay, const struct mesh_file *f) {
    struct mesh_run r;
    struct err e = {0};
    const struct mesh_run_cfg cfg = {.dir = dir, .listen = "127.0.0.1:0", .xds_listen = "127.0.0.1:0"};
    printf("weft demo: a control plane, five services, a sidecar for each\n");
    fflush(stdout);
    int rc = mesh_run_start(&r, l, &cfg, f, &e), code = 1;
    if (rc < 0) {
        fprintf(stderr, "weft demo: %s\n", e.msg);
    } else {
        struct demo d = {.run = &r, .color = out_color(stdout)};
        code = demo_steps(&d) || r.broken || r.interrupted;
        summary(&d);
        if (r.broken)
            fprintf(stderr, "weft demo: %s ended with code %d\n", r.broken->name, r.broken->code);
        else if (stay && !r.interrupted)
            keep(&r);
    }
    mesh_run_stop(&r);
    return code;
}

int cmd_demo(int argc, char **argv) {
    bool stay = false;
    char dir[256];
    struct mesh_file f;
    struct log log;
    struct loop loop;
    struct err e = {0};
    const struct arg options[] = {
        {"keep", ARG_FLAG, &stay, NULL, NULL, "leave the mesh running after the steps, until Ctrl-C", false}};
    const struct args a = {.command = "demo",
                           .summary = "a sample mesh, and ten checked steps through it",
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/weft-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    cli_log_init(&log);
    if (!mkdtemp(dir)) {
        fprintf(stderr, "weft demo: cannot make %s\n", dir);
        return 1;
    }
    int rc = mesh_file_parse(&f, str_of(demo_mesh), &e);
    if (rc >= 0)
        rc = loop_init(&loop, &(struct loop_cfg){.log = &log}, &e);
    if (rc >= 0) {
        code = run(&loop, dir, stay, &f);
        loop_fini(&loop);
    } else {
        fprintf(stderr, "weft demo: %s\n", e.msg);
    }
    mesh_file_fini(&f);
    remove_tree(str_of(dir));
    return rc < 0 ? 1 : code;
}
