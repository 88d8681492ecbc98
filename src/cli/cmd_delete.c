// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "cli/args.h"
#include "cli/mesh_sources.h"
#include "cli/rest.h"

struct delete {
    struct str path;
    struct mesh_sources sources;
    bool dry;
};

static int delete_one(struct rest *r, void *ctx, struct err *e) {
    const struct delete *d = ctx;
    json_t *answer = NULL;
    int rc = rest_call(r, "DELETE", d->path, NULL, &answer, e);
    if (rc >= 0)
        printf("%s\n", json_string_value(json_object_get(answer, "status")));
    json_decref(answer);
    return rc;
}

static void tell(void *ctx, const char *line) {
    puts(line);
    fflush(stdout);
}

static int delete_files(struct rest *r, void *ctx, struct err *e) {
    const struct delete *d = ctx;
    struct mesh_plan p;
    int rc = 0;
    mesh_plan_init(&p, r);
    for (size_t i = 0; rc >= 0 && i < d->sources.n; i++) {
        rc = mesh_plan_remove(&p, &d->sources.at[i], e);
        if (rc < 0)
            rc = err_in(e, "%s", d->sources.at[i].name);
    }
    if (rc >= 0)
        rc = mesh_plan_run(&p, d->dry, tell, NULL, e);
    mesh_plan_fini(&p);
    return rc;
}

static int with_files(struct delete *d, const struct arg_list *files, const char *url) {
    struct err e = {0};
    int code = 1;
    if (mesh_sources_read(&d->sources, files, NULL, 0, &e) < 0)
        fprintf(stderr, "weft delete: %s\n", e.msg);
    else
        code = rest_command("delete", url, delete_files, d);
    mesh_sources_fini(&d->sources);
    return code;
}

static int bad_operands(void) {
    fputs("usage: weft delete [OPTION…] -f FILE | endpoint [NS/]SERVICE ID | trafficrule [NS/]SERVICE ID | "
          "securityrule ID\n",
          stderr);
    return EXIT_USAGE;
}

int cmd_delete(int argc, char **argv) {
    const char *url = NULL, *ns = NULL;
    char **operand;
    int n;
    struct arg_list files = {0};
    struct delete d = {0};
    const struct arg options[] = {
        REST_OPTION(&url),
        {"f", ARG_LIST, &files, "FILE", NULL, "what is in these files; a folder; - is standard input", false},
        {"dry-run", ARG_FLAG, &d.dry, NULL, NULL, "of -f: say what would be done, and do nothing", false},
        {"n", ARG_STR, &ns, "NAMESPACE", "default", "namespace of a SERVICE named without one", false}};
    const struct args a = {.command = "delete",
                           .summary = "deletes resources",
                           .operands = "endpoint SERVICE ID|trafficrule SERVICE ID|securityrule ID",
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, &operand, &n);
    if (code >= 0)
        return code;
    struct arena arena = {0};
    if (files.n)
        return n ? bad_operands() : with_files(&d, &files, url);
    if (n == 3 && strcmp(operand[0], "endpoint") == 0)
        d.path = rest_path(&arena, "/api/v1/services", ns, operand[1], operand[2]);
    else if (n == 3 && strcmp(operand[0], "trafficrule") == 0)
        d.path = rest_path(&arena, "/api/v1/traffic-rules", ns, operand[1], operand[2]);
    else if (n == 2 && strcmp(operand[0], "securityrule") == 0)
        d.path = rest_path(&arena, "/api/v1", "security-rules", operand[1], NULL);
    code = d.path.len ? rest_command("delete", url, delete_one, &d) : bad_operands();
    arena_fini(&arena);
    return code;
}
