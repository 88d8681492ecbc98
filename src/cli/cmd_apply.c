// SPDX-License-Identifier: Apache-2.0
/* weft apply and weft diff: files against what is there. */
#include <stdio.h>
#include "cli/args.h"
#include "cli/mesh_sources.h"
#include "cli/out.h"

struct apply {
    struct mesh_sources sources;
    const char *label;
    bool prune, dry, differs;
    int format;
};

static void tell(void *ctx, const char *line) {
    puts(line);
    fflush(stdout); /* what was done is told also when the next thing fails */
}

static int make_plan(struct mesh_plan *p, const struct apply *a, struct err *e) {
    struct str value = str_of(a->label), name = str_cut(&value, '=');
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < a->sources.n; i++) {
        rc = mesh_plan_put(p, &a->sources.at[i], e);
        if (rc < 0)
            return err_in(e, "%s", a->sources.at[i].name);
    }
    return rc >= 0 && a->prune ? mesh_plan_prune(p, name, value, e) : rc;
}

static int apply(struct rest *r, void *ctx, struct err *e) {
    const struct apply *a = ctx;
    struct mesh_plan p;
    mesh_plan_init(&p, r);
    int rc = make_plan(&p, a, e);
    if (rc >= 0)
        rc = mesh_plan_run(&p, a->dry, tell, NULL, e);
    mesh_plan_fini(&p);
    return rc;
}

static int diff(struct rest *r, void *ctx, struct err *e) {
    struct apply *a = ctx;
    struct mesh_plan p;
    struct buf out = {0};
    mesh_plan_init(&p, r);
    int rc = make_plan(&p, a, e);
    if (rc >= 0) {
        json_t *changes = mesh_plan_changes(&p);
        a->differs = json_array_size(changes) > 0;
        if (a->format == OUT_TABLE)
            mesh_plan_diff(&p, &out);
        else
            out_rows(&out, (enum out_format)a->format, changes, NULL, 0);
        json_decref(changes);
    }
    out_flush(&out);
    mesh_plan_fini(&p);
    return rc;
}

static int usage(const char *command, const char *what) {
    fprintf(stderr, "weft %s: %s\nweft %s --help tells more\n", command, what, command);
    return EXIT_USAGE;
}

static int run(struct args *args, struct apply *a, const char *const *url, int (*body)(struct rest *, void *, struct err *),
               const struct arg_list *files, int argc, char **argv) {
    char **more;
    int n_more;
    struct err e = {0};
    int code = args_parse(args, argc, argv, &more, &n_more);
    if (code >= 0)
        return code;
    if (!files->n && !n_more)
        return usage(args->command, "no file");
    if (a->prune && (!a->label || str_chr(str_of(a->label), '=') < 1))
        return usage(args->command, "--prune needs -l NAME=VALUE: which resources it may delete");
    if (a->label && !a->prune)
        return usage(args->command, "-l is for --prune");
    if (mesh_sources_read(&a->sources, files, more, (size_t)n_more, &e) < 0) {
        fprintf(stderr, "weft %s: %s\n", args->command, e.msg);
        code = 1;
    } else {
        code = rest_command(args->command, *url, body, a);
    }
    mesh_sources_fini(&a->sources);
    return code;
}

#define FILES_OPTION                                                                                                             \
    { "f", ARG_LIST, &files, "FILE", NULL, "resources in YAML or JSON; a folder; - is standard input", false }
#define PRUNE_OPTIONS                                                                                                            \
    {"prune", ARG_FLAG, &a.prune, NULL, NULL, "delete what has the label of -l and is in no file", false}, {                     \
        "l", ARG_STR, &a.label, "NAME=VALUE", NULL, "label of endpoints and rules that --prune may delete", false                \
    }

int cmd_apply(int argc, char **argv) {
    struct apply a = {0};
    struct arg_list files = {0};
    const char *url = NULL;
    const struct arg options[] = {REST_OPTION(&url),
                                  FILES_OPTION,
                                  {"dry-run", ARG_FLAG, &a.dry, NULL, NULL, "say what would be done, and do nothing", false},
                                  PRUNE_OPTIONS};
    struct args args = {.command = "apply",
                        .summary = "puts resources from YAML or JSON files; a second time changes nothing",
                        .details = "All files are judged before anything is put; a mistake is told with file, line and field. "
                                   "metadata.labels go to the rule, or to\neach endpoint of the Service. It ends at the first "
                                   "resource that the control plane refuses, and says what was done before.",
                        .operands = "FILE…",
                        .at = options,
                        .n = sizeof options / sizeof *options};
    return run(&args, &a, &url, apply, &files, argc, argv);
}

int cmd_diff(int argc, char **argv) {
    struct apply a = {0};
    struct arg_list files = {0};
    const char *url = NULL;
    const struct arg options[] = {REST_OPTION(&url), FILES_OPTION, PRUNE_OPTIONS, OUT_OPTION(&a.format)};
    struct args args = {.command = "diff",
                        .summary = "what weft apply of the same files would change",
                        .details = "Exit code 0: nothing; 1: something, or it failed (which stderr says); 2: bad usage.",
                        .operands = "FILE…",
                        .at = options,
                        .n = sizeof options / sizeof *options};
    int code = run(&args, &a, &url, diff, &files, argc, argv);
    return code ? code : a.differs;
}
