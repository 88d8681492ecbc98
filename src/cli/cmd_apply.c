// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "base/mem.h"
#include "cli/args.h"
#include "cli/mesh_apply.h"

struct apply {
    struct mesh_file *files;
    const char **names;
    size_t n;
};

static void tell(void *ctx, const char *line) {
    puts(line);
}

static int put(struct rest *r, void *ctx, struct err *e) {
    const struct apply *a = ctx;
    for (size_t i = 0; i < a->n; i++) {
        int rc = mesh_apply(r, &a->files[i], tell, NULL, e);
        if (rc < 0)
            return err_in(e, "%s", a->names[i]);
    }
    return 0;
}

/* All files are read before anything is put: a mistake in the last one changes nothing. */
static int read_files(struct apply *a, struct err *e) {
    for (size_t i = 0; i < a->n; i++) {
        int rc = mesh_file_read(&a->files[i], a->names[i], e);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < a->files[i].n; k++)
            if (a->files[i].at[k].n_instances)
                return err_set(e, WEFT_E_INVALID, "%s: line %u: instances are started by weft up; apply takes endpoints",
                               a->names[i], a->files[i].at[k].line);
    }
    return 0;
}

int cmd_apply(int argc, char **argv) {
    const char *url = NULL;
    struct arg_list files = {0};
    char **more;
    int n_more;
    struct err e = {0};
    const struct arg options[] = {REST_OPTION(&url),
                                  {"f", ARG_LIST, &files, "FILE", NULL, "resources in YAML or JSON; - is standard input", false}};
    const struct args args = {.command = "apply",
                              .summary = "puts resources from YAML or JSON files; a second time changes nothing",
                              .operands = "FILE…",
                              .at = options,
                              .n = sizeof options / sizeof *options};
    int code = args_parse(&args, argc, argv, &more, &n_more);
    if (code >= 0)
        return code;
    struct apply a = {.n = files.n + (size_t)n_more};
    if (!a.n) {
        fputs("weft apply: no file; weft apply -f FILE…\n", stderr);
        return EXIT_USAGE;
    }
    a.files = mem_array(a.n, sizeof *a.files);
    a.names = mem_array(a.n, sizeof *a.names);
    for (size_t i = 0; i < a.n; i++)
        a.names[i] = i < files.n ? files.at[i] : more[i - files.n];
    if (read_files(&a, &e) < 0) {
        fprintf(stderr, "weft apply: %s\n", e.msg);
        code = 1;
    } else {
        code = rest_command("apply", url, put, &a);
    }
    for (size_t i = 0; i < a.n; i++)
        mesh_file_fini(&a.files[i]);
    free(a.files);
    free(a.names);
    return code;
}
